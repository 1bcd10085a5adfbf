//! Texts in a column of a table: learned from, measured, predicted from and explained.

mod support;

use serde_json::Value;
use std::fmt::Write;
use std::path::Path;
use std::sync::OnceLock;
use support::{Shared, adaline, dataset, json, succeeds};

const ROWS: usize = 60;

/// Praise and blame, in each text a word of its own, `noneNN`, and words that say nothing.
fn reviews() -> String {
    let mut table = String::from("stars,body,label\n");
    for row in 0..ROWS {
        let (word, label) = [("great", "good"), ("awful", "bad"), ("lovely", "good"), ("boring", "bad")][row % 4];
        let _ = writeln!(table, "{},\"The film, it was {word}! (none{row:02})\",{label}", row % 7);
    }
    table
}

/// A network for [`reviews`] in `out/model.keras`.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let args = "--target label --text body --text-alone --epochs 60 --learning-rate 0.02 --verbose 0 --json";
    SHARED.get_or_init(|| Shared::of_reviews(&reviews(), &args.split(' ').collect::<Vec<_>>()))
}

/// The JSON object that its `fit` printed.
fn told() -> Value {
    serde_json::from_str(&shared().said).unwrap()
}

/// The complaint of a run that must fail, and its exit code.
fn fails(args: &[&str]) -> (i32, String) {
    let out = adaline(args);
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success(), "{args:?} succeeded");
    assert!(!text.contains("panicked"), "{args:?}: {text}");
    (out.status.code().unwrap_or(-1), text)
}

#[test]
fn a_network_learns_from_words() {
    let (shared, told) = (shared(), told());
    assert_eq!(told["metrics"]["accuracy"], 1.0, "{told}");
    let report = std::fs::read_to_string(shared.path("out/report.html")).unwrap();
    // The most frequent words, the column that is left out, the size of the vocabulary.
    assert!(report.contains("film") && report.contains("the text is read alone") && report.contains("numbers of its first 6 words"));
    let summary = succeeds(&["summary", &shared.model()]);
    assert!(summary.contains("Embedding") && summary.contains("GlobalAveragePooling1D"), "{summary}");
    let measured = json(&["evaluate", &shared.model(), &shared.path("reviews.csv"), "--json"]);
    assert_eq!((measured["rows"].as_u64(), measured["metrics"]["accuracy"].as_f64()), (Some(ROWS as u64), Some(1.0)));
}

#[test]
fn the_vocabulary_is_of_the_training_rows_alone() {
    let shared = shared();
    let fitted = told();
    let told = json(&["explain", &shared.model(), &shared.path("reviews.csv"), "--row", "0", "--json"]);
    let words = told["layers"][0]["weights"][0]["shape"][0].as_u64().unwrap();
    let training = fitted["rows"]["training"].as_u64().unwrap();
    assert!(training < ROWS as u64);
    // Padding, unknown, the, film, it, was, four opinions, and a word of its own for each row that was learned from.
    assert_eq!(words, 10 + training);
}

#[test]
fn raw_texts_are_predicted_whatever_they_say() {
    let shared = shared();
    let texts = shared.file(
        "texts.csv",
        "id,body\n1,So GREAT...\n2,awful!\n3,never seen words\n4,\n5,?!\n6,\"great, great, great, great, great, great, great, awful\"\n",
    );
    let csv = succeeds(&["predict", &shared.model(), &texts]);
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.rsplitn(4, ',').collect()).collect();
    assert_eq!(csv.lines().next(), Some("id,body,predicted,p_bad,p_good"));
    assert_eq!(rows.len(), 6, "{csv}");
    let predicted: Vec<&str> = rows.iter().map(|r| r[2]).collect();
    // Of the last text only the first six words are read.
    assert_eq!((predicted[0], predicted[1], predicted[5]), ("good", "bad", "good"), "{csv}");
    for row in &rows {
        let p: f64 = row[0].parse::<f64>().unwrap() + row[1].parse::<f64>().unwrap();
        assert!((p - 1.0).abs() < 1e-5, "{csv}");
    }
    // A text without words counts as one unknown word.
    let nothing = shared.file("nothing.csv", "body\n\"\"\n...\nxyzzy\n");
    let told = json(&["predict", &shared.model(), &nothing, "--json"]);
    let p = |row: usize| told["predictions"][row]["probabilities"]["good"].as_f64().unwrap();
    assert!(p(0) == p(1) && p(1) == p(2) && p(0).is_finite(), "{told}");
}

#[test]
fn explain_tells_words_numbers_and_shares() {
    let shared = shared();
    let text = succeeds(&["explain", &shared.model(), &shared.path("reviews.csv"), "--row", "1", "--top", "3"]);
    for part in [
        "body = The film, it was awful! (none01)",
        "The network reads 6 words",
        "awful",
        "What each word adds to the score of bad",
        "The row is bad: right.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let told = json(&["explain", &shared.model(), &shared.path("reviews.csv"), "--row", "1", "--json"]);
    let words = told["text"]["read"].as_array().unwrap();
    assert_eq!(words.iter().map(|w| w["word"].as_str().unwrap()).collect::<Vec<_>>(), ["the", "film", "it", "was", "awful", "none01"]);
    let share = |at: usize| words[at]["share"].as_f64().unwrap();
    // What tells the classes apart pulls most.
    assert!((0..4).all(|at| share(4) > share(at).abs()), "{words:?}");
    // The vector's numbers, each times the gradient that the mean hands on: checked by hand for one word.
    assert_eq!(words[4]["known"], true);
    let empty = shared.file("empty.csv", "body\n\"\"\nxyzzy great\n");
    let text = succeeds(&["explain", &shared.model(), &empty, "--row", "0"]);
    assert!(text.contains("no word: counts as an unknown one"), "{text}");
    let text = succeeds(&["explain", &shared.model(), &empty, "--row", "1"]);
    assert!(text.contains("xyzzy (unknown)"), "{text}");
    let long = shared.file("long.csv", format!("body\n{}\n", "great ".repeat(50)));
    let text = succeeds(&["explain", &shared.model(), &long, "--row", "0"]);
    assert!(text.contains("44 more are not read"), "{text}");
}

#[test]
fn free_text_alone_is_found_and_options_count() {
    let shared = shared();
    let lines: Vec<String> = reviews().lines().map(|line| line.split_once(',').unwrap().1.to_owned()).collect();
    let data = shared.file("alone.csv", lines.join("\n"));
    let fit = |more: &[&str]| {
        succeeds(
            &[&["fit", &data, "--target", "label", "--epochs", "2", "--out", &shared.path("alone"), "--verbose", "1"][..], more].concat(),
        )
    };
    let text = fit(&[]);
    assert!(text.contains("Note: column `body` is read as text"), "{text}");
    let text = fit(&["--text", "body", "--vocabulary", "8", "--sequence-length", "3"]);
    assert!(!text.contains("Note"), "{text}");
    let told = json(&["explain", &shared.path("alone/model.keras"), &data, "--json"]);
    assert_eq!(told["layers"][0]["weights"][0]["shape"], serde_json::json!([8, 32]));
    assert_eq!((told["inputs"]["shape"].clone(), told["text"]["unread"].clone()), (serde_json::json!([3]), serde_json::json!(3)));
    // Numbers can be predicted from texts too, and the TOML file says the same things.
    let toml = format!(
        "[data]\npath = {:?}\ntarget = \"stars\"\ntask = \"numbers\"\ntext = \"body\"\nvocabulary = 20\nsequence_length = 5\n\n\
         [[model.layers]]\nclass_name = \"Embedding\"\ninput_dim = 20\noutput_dim = 4\n\n[[model.layers]]\nclass_name = \"Flatten\"\n\n\
         [[model.layers]]\nclass_name = \"Dense\"\nunits = 1\n",
        shared.path("reviews.csv")
    );
    let toml = shared.file("stars.toml", &toml);
    succeeds(&["fit", "--model", &toml, "--epochs", "2", "--out", &shared.path("stars"), "--verbose", "0"]);
    let told = json(&["predict", &shared.path("stars/model.keras"), &data, "--json"]);
    assert!(told["predictions"][0]["predicted"].is_number(), "{told}");
    let told = json(&["explain", &shared.path("stars/model.keras"), &shared.path("reviews.csv"), "--json"]);
    assert!(told["text"]["read"][0]["share"].is_number() && told["truth"].is_number());
    assert!(succeeds(&["dump", &toml, "--stage", "layers"]).contains("Embedding"));
}

#[test]
fn folds_learn_their_own_vocabulary() {
    let shared = shared();
    let out = shared.path("folds");
    let args = ["--target", "label", "--text", "body", "--text-alone", "--kfold", "2", "--epochs", "2", "--verbose", "0", "--json"];
    let told = json(&[&["fit", &shared.path("reviews.csv"), "--out", &out][..], &args].concat());
    assert_eq!(told["kfold"]["folds"].as_array().unwrap().len(), 2);
    // The network to keep has learned from every row.
    let told = json(&["explain", &shared.path("folds/model.keras"), &shared.path("reviews.csv"), "--json"]);
    assert_eq!(told["layers"][0]["weights"][0]["shape"][0], 10 + ROWS as u64);
}

#[test]
fn what_cannot_be_read_as_text_is_refused() {
    let shared = shared();
    let data = shared.path("reviews.csv");
    let fit = |data: &str, more: &[&str]| fails(&[&["fit", data, "--out", &shared.path("refused"), "--verbose", "0"][..], more].concat());
    let label = ["--target", "label"];
    for (more, part) in [
        (&["--text", "label"][..], "cannot be the text to predict it from"),
        (&["--text", "bodi"], "did you mean \"body\"?"),
        (&["--text", "body", "--vocabulary", "2"], "--vocabulary expects 3 to"),
        (&["--text", "body", "--sequence-length", "0"], "--sequence-length expects 1 to"),
        (&["--vocabulary", "100"], "name their column with --text"),
        (&["--sequence-length", "9"], "name their column with --text"),
        (&["--buckets", "4"], "--buckets is for texts: name their column with --text"),
        (&["--text-alone"], "--text-alone is for texts: name their column with --text"),
        (&["--text", "body", "--buckets", "0"], "--buckets expects 1 (all texts padded to one length) to 64, got 0"),
    ] {
        let (code, text) = fit(&data, &[&label[..], more].concat());
        assert!(code == 2 && text.contains(part), "{more:?}: {code} {text}");
    }
    let pictures = dataset("xo");
    let (code, text) = fit(&pictures, &["--text", "body"]);
    assert!(code == 2 && text.contains("--text is for texts in a column of a table"), "{text}");
    let empty = shared.file("void.csv", "body,label\n,good\n?,bad\n,good\n!!,bad\n");
    let (code, text) = fit(&empty, &["--target", "label", "--text", "body"]);
    assert!(code == 1 && text.contains("body (no word in the training rows)"), "{text}");
    let same = shared.file("same.csv", "body,label\na text,good\na text,bad\na text,good\na text,bad\n");
    let (code, text) = fit(&same, &["--target", "label", "--text", "body"]);
    assert!(code == 1 && text.contains("--text body: the text is the same in all 4 rows"), "{text}");
    let (code, text) = fails(&["predict", &shared.path("out"), &data]);
    assert!(code == 1 && text.contains("the network in it is") && text.contains("model.keras"), "{text}");
    let mut two = String::from("title,body,label\n");
    for row in 0..30 {
        let _ = writeln!(two, "some title {row},and a body {row} here,{}", row % 2);
    }
    let two = shared.file("two.csv", &two);
    let (code, text) = fit(&two, &label);
    assert!(code == 2 && text.contains("to read one of title, body as text, say --text COLUMN"), "{text}");
    // A layer with a smaller table than the vocabulary.
    let toml = shared.file("small.toml", "[[model.layers]]\nclass_name = \"Embedding\"\ninput_dim = 5\noutput_dim = 2\n\n[[model.layers]]\nclass_name = \"Flatten\"\n\n[[model.layers]]\nclass_name = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n");
    let (code, text) = fit(&data, &["--target", "label", "--text", "body", "--model", &toml]);
    assert!(code == 1 && text.contains("takes whole numbers from 0 to 4") && text.contains("input_dim"), "{text}");
}

#[test]
fn data_that_a_text_network_cannot_use_is_refused() {
    let shared = shared();
    let other = shared.file("other.csv", "text\ngreat\n");
    let (_, text) = fails(&["predict", &shared.model(), &other]);
    assert!(text.contains("body"), "{text}");
    let npy = shared.path("x.npy");
    ::adaline::data::write_npy(Path::new(&npy), &::adaline::data::Tensor::from([[1.0f32]])).unwrap();
    let (_, text) = fails(&["predict", &shared.model(), &npy, "--json"]);
    assert!(text.contains("this network reads texts"), "{text}");
    let (_, text) = fails(&["explain", &shared.model(), &shared.path("reviews.csv"), "--row", "60"]);
    assert!(text.contains("--row 60"), "{text}");
}

#[test]
fn bench_gives_a_table_numbers_of_its_rows() {
    let toml = "[[model.layers]]\nclass_name = \"InputLayer\"\nshape = [6]\n\n[[model.layers]]\nclass_name = \"Embedding\"\ninput_dim = 7\n\
                output_dim = 3\nmask_zero = true\n\n[[model.layers]]\nclass_name = \"GlobalMaxPooling1D\"\n\n\
                [[model.layers]]\nclass_name = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n";
    let toml = shared().file("bench.toml", toml);
    let told = json(&["bench", "--model", &toml, "--batch", "4", "--rows", "16", "--steps", "8", "--json"]);
    assert!(told["step_us"].as_f64().unwrap() > 0.0, "{told}");
}
