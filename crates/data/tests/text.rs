//! Texts as numbers as real Keras makes them. Goldens come from `scripts/goldens/text.py`.

use adaline_data::{
    DataError, NGrams, PadOptions, SequenceEnd, SplitBy, Standardize, TextError, TextOutput, TextVectorization, VectorizeOptions,
    pad_sequences,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn goldens() -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/text.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn strings(json: &Value) -> Vec<String> {
    serde_json::from_value(json.clone()).unwrap()
}

fn sizes(json: &Value) -> Vec<usize> {
    serde_json::from_value(json.clone()).unwrap()
}

fn read(config: Value) -> Result<TextVectorization, String> {
    serde_json::from_value(config).map_err(|e| e.to_string())
}

#[test]
fn texts_become_keras_numbers() {
    let all = goldens();
    let (adapt, ask) = (strings(&all["data"]["adapt"]), strings(&all["data"]["ask"]));
    let cases = all["texts"].as_array().unwrap();
    assert!(cases.len() >= 28);
    for case in cases {
        let mut vectorize = read(case["config"].clone()).unwrap_or_else(|e| panic!("{}: {e}", case["config"]));
        if case["adapt"] == true {
            vectorize.adapt(&adapt).unwrap();
        }
        let what = case["config"].to_string();
        assert_eq!(vectorize.vocabulary(), strings(&case["vocabulary"]), "{what}");
        assert_eq!(vectorize.vocabulary_size(), vectorize.vocabulary().len());
        // What is written and read again does the same.
        let again = read(serde_json::to_value(&vectorize).unwrap()).unwrap();
        assert_eq!(again, vectorize, "{what}");
        let x = again.transform(&ask).unwrap();
        assert_eq!(x.shape(), sizes(&case["shape"]), "{what}");
        if case["dtype"] == "i32" {
            let theirs: Vec<i32> = serde_json::from_value(case["data"].clone()).unwrap();
            assert_eq!(x.as_i32(), Some(&theirs[..]), "{what}");
        } else {
            let theirs: Vec<f32> = serde_json::from_value(case["data"].clone()).unwrap();
            for (ours, theirs) in x.as_f32().unwrap().iter().zip(&theirs) {
                assert!((ours - theirs).abs() <= 1e-6 * theirs.abs(), "{what}: {ours} {theirs}");
            }
        }
    }
}

#[test]
fn sequences_are_padded_as_by_keras() {
    for case in goldens()["sequences"].as_array().unwrap() {
        let sequences: Vec<Vec<i32>> = serde_json::from_value(case["sequences"].clone()).unwrap();
        let end = |key: &str| serde_json::from_value::<SequenceEnd>(case[key].clone()).unwrap();
        let options = PadOptions {
            maxlen: case["maxlen"].as_u64().map(|n| n as usize),
            padding: end("padding"),
            truncating: end("truncating"),
            value: case["value"].as_i64().unwrap() as i32,
        };
        let x = pad_sequences(&sequences, &options).unwrap();
        assert_eq!(x.shape(), sizes(&case["shape"]), "{case}");
        assert_eq!(x.as_i32().unwrap(), serde_json::from_value::<Vec<i32>>(case["data"].clone()).unwrap(), "{case}");
    }
    let none: [Vec<i32>; 0] = [];
    assert_eq!(pad_sequences(&none, &PadOptions::default()).unwrap().shape(), [0, 0]);
    assert_eq!(pad_sequences(&[vec![], vec![]], &PadOptions::default()).unwrap().shape(), [2, 0]);
    let huge = PadOptions { maxlen: Some(usize::MAX), ..PadOptions::default() };
    assert!(matches!(pad_sequences(&[vec![1]], &huge), Err(DataError::TooLarge { .. })));
}

#[test]
fn wrong_arguments_and_vocabularies_are_errors() {
    let plain = VectorizeOptions::default;
    let argument = |o: VectorizeOptions| match TextVectorization::new(o).validate() {
        Err(DataError::Text(TextError::Argument { key, .. })) => key,
        other => panic!("{other:?}"),
    };
    assert_eq!(argument(VectorizeOptions { max_tokens: Some(2), ..plain() }), "max_tokens");
    assert_eq!(argument(VectorizeOptions { pad_to_max_tokens: true, ..plain() }), "max_tokens");
    assert_eq!(argument(VectorizeOptions { output_sequence_length: Some(0), ..plain() }), "output_sequence_length");
    let hot = VectorizeOptions { output_mode: TextOutput::MultiHot, ..plain() };
    assert_eq!(argument(VectorizeOptions { output_sequence_length: Some(3), ..hot.clone() }), "output_sequence_length");
    assert_eq!(argument(VectorizeOptions { ngrams: Some(NGrams::UpTo(0)), ..plain() }), "ngrams");
    assert_eq!(argument(VectorizeOptions { ngrams: Some(NGrams::Widths(vec![2, 0])), ..plain() }), "ngrams");
    let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let error = |o: VectorizeOptions, list: &[&str], idf: &[f32]| {
        TextVectorization::new(o).set_vocabulary(words(list), idf).unwrap_err().to_string()
    };
    assert!(error(plain(), &["a", "b", "a"], &[]).contains("\"a\" at 0 and at 2"));
    assert!(error(plain(), &["a", "", "b"], &[]).contains("\"\" at 1"));
    assert!(error(hot, &["a", "[UNK]"], &[]).contains("\"[UNK]\" at 1"));
    assert!(error(VectorizeOptions { max_tokens: Some(3), ..plain() }, &["a", "b"], &[]).contains("4 entries"));
    assert!(error(plain(), &["a"], &[1.0]).contains("1 weights for 1 words"));
    assert!(error(VectorizeOptions { output_mode: TextOutput::TfIdf, ..plain() }, &["a"], &[]).contains("0 weights for 1 words"));
    assert!(TextVectorization::default().transform(&["a"]).unwrap_err().to_string().contains("call adapt"));
    let mut of_nothing = TextVectorization::default();
    of_nothing.adapt([" ", "", "?!"]).unwrap();
    assert!(of_nothing.transform(&["a"]).is_err());
    for config in [
        json!({"sparse": true}),
        json!({"ragged": true}),
        json!({"encoding": "latin-1"}),
        json!({"split": "words"}),
        json!({"max_tokens": 1}),
        json!({"ngrams": -1}),
        json!({"vocabulary": ["a", "a"]}),
        json!({"output_mode": "one_hot"}),
        json!({"no_such": 1}),
    ] {
        assert!(read(config.clone()).is_err(), "{config}");
    }
}

proptest! {
    /// Any text has numbers within the vocabulary, and the same ones after the way through JSON.
    #[test]
    fn any_text_has_numbers(texts in prop::collection::vec(".{0,40}", 1..8), asked in ".{0,60}", most in 3usize..12, n in 1usize..4, by_character in any::<bool>()) {
        let split = if by_character { SplitBy::Character } else { SplitBy::Whitespace };
        let mut vectorize = TextVectorization::new(VectorizeOptions {
            max_tokens: Some(most), split: Some(split), ngrams: Some(NGrams::UpTo(n)), standardize: Some(Standardize::Lower), ..VectorizeOptions::default()
        });
        vectorize.adapt(&texts).unwrap();
        prop_assert!(vectorize.vocabulary_size() <= most);
        let numbers = vectorize.numbers(&asked);
        prop_assert!(numbers.iter().all(|&n| n >= 1 && (n as usize) < vectorize.vocabulary_size().max(2)));
        prop_assert_eq!(vectorize.tokens(&asked).len(), numbers.len());
    }
}

#[test]
fn texts_of_several_lengths_are_those_of_one_length_without_the_padding() {
    let texts = ["the cat sat", "", "the cat", "a dog sat on the cat"];
    for length in [None, Some(4)] {
        let mut vectorize = TextVectorization::new(VectorizeOptions { output_sequence_length: length, ..VectorizeOptions::default() });
        assert!(matches!(vectorize.transform_ragged(&texts), Err(DataError::Text(TextError::NoVocabulary))));
        vectorize.adapt(&texts[..3]).unwrap();
        let ragged = vectorize.transform_ragged(&texts).unwrap();
        assert_eq!(ragged.lengths().collect::<Vec<_>>(), [3, 1, 2, length.unwrap_or(6)]);
        assert_eq!(ragged.to_tensor().unwrap(), vectorize.transform(&texts).unwrap());
        assert!(matches!(vectorize.transform_ragged(&[] as &[&str]), Err(DataError::Empty { .. })));
    }
    let mut counts = TextVectorization::new(VectorizeOptions { output_mode: TextOutput::Count, ..VectorizeOptions::default() });
    counts.adapt(texts).unwrap();
    let text = counts.transform_ragged(&texts).unwrap_err().to_string();
    assert!(text.contains("`output_mode` is Count, but must be int"), "{text}");
}
