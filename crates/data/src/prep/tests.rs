use std::fmt::Write;

use super::*;
use crate::{Impute, Scale, TableError, TextOptions};

fn table(text: &str) -> Table {
    Table::parse(text, &TableOptions::default()).unwrap()
}

fn fit(table: &Table, target: Option<&str>, rows: &[usize]) -> Result<Preprocessor, DataError> {
    Preprocessor::fit(table, target, rows, &PrepOptions::default())
}

fn prep_error<T: std::fmt::Debug>(result: Result<T, DataError>) -> PrepError {
    match result {
        Err(DataError::Prep(error)) => error,
        other => panic!("expected a preprocessing error, got {other:?}"),
    }
}

const CARS: &str = "power,origin,turbo,mpg\n100,USA,yes,10\n200,Japan,no,20\n,USA,no,30\n300,,Yes,40\n9999,Mars,no,50\n";

#[test]
fn statistics_come_from_the_training_rows_only() {
    let train = [0, 1, 2, 3];
    let prep = fit(&table(CARS), Some("mpg"), &train).unwrap();
    // changing the other row changes nothing that is learned
    let other = fit(&table(&CARS.replace("9999,Mars,no,50", "1,Venus,no,-3")), Some("mpg"), &train).unwrap();
    assert_eq!(prep.to_json().unwrap(), other.to_json().unwrap());

    assert_eq!(
        prep.feature_names(),
        ["power", "power is missing", "origin=Japan", "origin=USA", "origin is missing", "turbo=no", "turbo=yes"]
    );
    let x = prep.transform_features(&table(CARS), &[0, 2, 3, 4]).unwrap();
    let std = (20000.0f64 / 3.0).sqrt();
    let scaled = |v: f64| ((v - 200.0) / std) as f32;
    assert_eq!(
        x.as_f32().unwrap(),
        [
            [scaled(100.0), 0.0, 0.0, 1.0, 0.0, 0.0, 1.0],
            [scaled(200.0), 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],  // median for the missing power
            [scaled(300.0), 0.0, 0.0, 0.0, 1.0, 0.0, 1.0],  // "Yes" is "yes"
            [scaled(9999.0), 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], // Mars was never seen
        ]
        .as_flattened()
    );
    let y = prep.transform_target(&table(CARS), &[0, 4]).unwrap();
    assert_eq!(y.as_f32().unwrap(), [-15.0 / 125f32.sqrt(), 25.0 / 125f32.sqrt()]);
    assert_eq!(prep.inverse_target(0.0), 25.0);
    assert_eq!((prep.task(), prep.target(), prep.classes().len()), (Some(Task::Regression), Some("mpg"), 0));
}

#[test]
fn options_choose_imputing_and_scaling() {
    let data = table("x,y\n1,0.5\n1,1.5\n,2.5\n4,3.5\n10,4.5\n");
    let rows = [0, 1, 2, 3, 4];
    for (impute, fill) in [(Impute::Median, 2.5), (Impute::Mean, 4.0), (Impute::MostFrequent, 1.0), (Impute::Constant(-7.0), -7.0)] {
        let options = PrepOptions { impute, scale: Scale::None, ..Default::default() };
        let prep = Preprocessor::fit(&data, Some("y"), &rows, &options).unwrap();
        assert_eq!(prep.transform_features(&data, &[2]).unwrap().as_f32().unwrap(), [fill, 1.0], "{impute:?}");
    }
    let options = PrepOptions { scale: Scale::MinMax, ..Default::default() };
    let prep = Preprocessor::fit(&data, Some("y"), &rows, &options).unwrap();
    assert_eq!(prep.transform_features(&data, &[0, 4]).unwrap().as_f32().unwrap(), [0.0, 0.0, 1.0, 0.0]);
    let infinite = PrepOptions { impute: Impute::Constant(f64::INFINITY), ..Default::default() };
    assert!(Preprocessor::fit(&data, Some("y"), &rows, &infinite).is_err());
}

#[test]
fn targets_tell_their_task() {
    let numbers = |n: usize, distinct: usize, step: f64| {
        let rows: Vec<String> = (0..n).map(|i| format!("{},{}", i % 7, (i % distinct) as f64 * step)).collect();
        table(&format!("x,y\n{}\n", rows.join("\n")))
    };
    for (data, expected) in [
        (numbers(100, 2, 1.0), Task::Classification),
        (numbers(100, 10, 1.0), Task::Classification),
        (numbers(100, 11, 1.0), Task::Regression),     // 11 > 10 and > 5 %
        (numbers(400, 20, 1.0), Task::Classification), // 5 %
        (numbers(399, 20, 1.0), Task::Regression),
        (numbers(2000, 21, 1.0), Task::Regression),
        (numbers(100, 3, 0.5), Task::Regression),
        (numbers(10, 10, 1.0), Task::Regression), // no value twice
        (numbers(2, 2, 1.0), Task::Classification),
        (table("x,y\n1,a\n2,b\n3,a\n"), Task::Classification),
        (table("x,y\n1,true\n2,False\n3,true\n"), Task::Classification),
    ] {
        let rows: Vec<usize> = (0..data.rows()).collect();
        assert_eq!(fit(&data, Some("y"), &rows).unwrap().task(), Some(expected), "{:?}", data.column("y").unwrap().distinct());
    }
    let data = numbers(100, 11, 1.0);
    let forced = |task| {
        let options = PrepOptions { task, ..Default::default() };
        Preprocessor::fit(&data, Some("y"), &[0, 1, 2, 99], &options).unwrap()
    };
    // sorted as numbers, and all of the column's classes though only some rows were given
    assert_eq!(forced(Task::Classification).classes(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    assert_eq!(forced(Task::Regression).task(), Some(Task::Regression));
    let words = table("x,y\n1,a\n2,b\n");
    let options = PrepOptions { task: Task::Regression, ..Default::default() };
    let error = prep_error(Preprocessor::fit(&words, Some("y"), &[0, 1], &options));
    assert!(matches!(error, PrepError::NotANumber { row: 1, value, .. } if value == "a"));
}

#[test]
fn class_numbers_do_not_depend_on_spelling() {
    let data = table("x,y\n1,1\n2,0\n3,1.0\n4,10\n");
    let prep = fit(&data, Some("y"), &[0, 1, 2, 3]).unwrap();
    assert_eq!(prep.classes(), ["0", "1", "10"]);
    assert_eq!(prep.transform_target(&data, &[0, 1, 2, 3]).unwrap().as_i32().unwrap(), [1, 0, 1, 2]);
    let error = prep_error(prep.transform_target(&table("x,y\n1,3\n"), &[0]));
    assert_eq!(error.to_string(), "the table: target \"y\", row 1: the class \"3\" is unknown; there are 0, 1, 10");
}

#[test]
fn rare_values_share_a_column() {
    let mut text = String::from("c,y\n");
    for (value, count) in [("a", 5), ("b", 1), ("c", 4), ("d", 1)] {
        text.push_str(&format!("{value},0\n{value},1\n").repeat(count));
    }
    let data = table(&text);
    let rows: Vec<usize> = (0..data.rows()).collect();
    let options = PrepOptions { max_levels: 2, ..Default::default() };
    let prep = Preprocessor::fit(&data, Some("y"), &rows, &options).unwrap();
    assert_eq!(prep.feature_names(), ["c=a", "c=c", "c is another"]);
    let x = prep.transform_features(&table("c\nb\nc\nunseen\n?\n"), &[0, 1, 2, 3]).unwrap();
    assert_eq!(x.as_f32().unwrap(), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
}

#[test]
fn useless_columns_are_dropped_with_a_reason() {
    let mut text = String::from("id,same,later,note,x,out,y\n");
    for i in 0..30 {
        let later = if i < 20 { 5 } else { i };
        writeln!(text, "{i},7,{later},a note {i},{},{i},{}", i % 9, i % 2).unwrap();
    }
    let data = table(&text);
    let options = PrepOptions { exclude: vec!["out".into()], ..Default::default() };
    let train: Vec<usize> = (0..20).collect();
    let prep = Preprocessor::fit(&data, Some("y"), &train, &options).unwrap();
    assert_eq!(prep.feature_names(), ["x"]);
    let report = prep.report();
    let dropped: Vec<(&str, &str)> =
        report.iter().filter(|c| c.role == Role::Dropped).map(|c| (c.name.as_str(), c.detail.as_str())).collect();
    assert_eq!(
        dropped,
        [
            ("id", "identifier: it only tells rows apart"),
            ("same", "the same value in every row"),
            ("later", "the same value in all training rows"),
            ("note", "free text: most cells differ"),
            ("out", "left out as asked"),
        ]
    );
    assert_eq!(report.iter().map(|c| c.width).sum::<usize>(), 2);
    // a caller may know better
    let options = PrepOptions { kinds: vec![("id".into(), ColumnKind::Numeric)], ..options };
    let prep = Preprocessor::fit(&data, Some("y"), &train, &options).unwrap();
    assert_eq!(prep.feature_names(), ["id", "x"]);
}

#[test]
fn wrong_requests_are_refused() {
    let data = table("x,y,s,t\n1,a,k,\n2,a,k,1\n3,,k,\n4,b,k,2\n");
    let all = [0, 1, 2, 3];
    match fit(&data, Some("z"), &all) {
        Err(DataError::Table(TableError::UnknownColumn { name, .. })) => assert_eq!(name, "z"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(prep_error(fit(&data, Some("y"), &[0, 1])), PrepError::OneValue { value, rows: 2, .. } if value == "a"));
    assert!(matches!(prep_error(fit(&data, Some("s"), &all)), PrepError::OneValue { .. }));
    assert!(matches!(prep_error(fit(&data, Some("y"), &[2])), PrepError::NoRows { rows: 1, without_target: 1, .. }));
    assert!(matches!(prep_error(fit(&data, None, &[])), PrepError::NoRows { rows: 0, .. }));
    assert!(matches!(fit(&data, None, &[4]), Err(DataError::RowOutOfRange { row: 4, rows: 4 })));
    let options = PrepOptions { exclude: vec!["x".into(), "t".into()], ..Default::default() };
    let error = prep_error(Preprocessor::fit(&data, Some("y"), &all, &options));
    assert_eq!(
        error.to_string(),
        "the table: no column is left to learn from: x (left out as asked), s (the same value in every row), t (left out as asked)"
    );
    assert!(Preprocessor::fit(&data, None, &all, &PrepOptions { exclude: vec!["q".into()], ..Default::default() }).is_err());

    let prep = fit(&data, Some("y"), &all).unwrap();
    assert_eq!(prep.rows_without_target(), 1);
    assert!(matches!(prep_error(prep.transform_target(&data, &[2])), PrepError::MissingTarget { row: 3, .. }));
    assert!(matches!(prep.transform_features(&data, &[9]), Err(DataError::RowOutOfRange { .. })));
    let error = prep_error(prep.transform_features(&table("x,extra\n1,2\n"), &[0]));
    assert_eq!(error.to_string(), "the table: columns are missing: t; the table has x, extra");
    let error = prep_error(prep.transform_features(&table("x,t\nfast,2\n"), &[0]));
    assert_eq!(error.to_string(), "the table: column \"x\", row 1: \"fast\" is not a finite number");
    let error = prep_error(prep.transform_features(&table("x,t\n1e300,2\n"), &[0]));
    assert!(matches!(error, PrepError::TooLarge { row: 1, .. }));
    assert!(matches!(prep_error(fit(&table("x\n1e308\n-1e308\n"), None, &[0, 1])), PrepError::TooLarge { .. }));
    let text = (0..40).map(|i| format!("{i},a b {i}")).collect::<Vec<_>>().join("\n");
    let free = table(&format!("x,y\n{text}"));
    assert!(matches!(prep_error(fit(&free, Some("y"), &[0, 1])), PrepError::TooManyClasses { classes: 40, .. }));
    let bare = fit(&data, None, &all).unwrap();
    assert_eq!(prep_error(bare.transform_target(&data, &all)), PrepError::NoTarget);
    assert_eq!(bare.task(), None);
}

#[test]
fn json_round_trip_is_exact() {
    let data = table("a,c,y\n0.1,u,1.1\n0.7,v,2.7\n1e-7,u,-3.3\n,v,0.30000000000000004\n");
    let all = [0, 1, 2, 3];
    let prep = fit(&data, Some("y"), &all).unwrap();
    let text = prep.to_json().unwrap();
    let back = Preprocessor::from_json(&text).unwrap();
    assert_eq!(back, prep);
    assert_eq!(back.to_json().unwrap(), text);
    assert_eq!(back.transform_features(&data, &all).unwrap(), prep.transform_features(&data, &all).unwrap());
    assert_eq!(back.inverse_target(0.3).to_bits(), prep.inverse_target(0.3).to_bits());
    // a table to predict from is read with the kinds of the training table
    let options = back.table_options(&TableOptions::default());
    let raw = Table::parse("extra,a,c\nx,0.7,1\n", &options).unwrap();
    assert_eq!(back.transform_features(&raw, &[0]).unwrap().shape(), [1, 4]);
    let bad = Table::parse("a,c\nfast,1\n", &options).unwrap_err();
    assert!(matches!(bad, DataError::Table(TableError::NotNumbers { declared: true, .. })));
}

#[test]
fn foreign_json_is_refused() {
    let data = table("a,c,y\n1,u,p\n2,v,q\n3,u,p\n");
    let text = fit(&data, Some("y"), &[0, 1, 2]).unwrap().to_json().unwrap();
    assert!(matches!(
        prep_error(Preprocessor::from_json(&text.replace("\"version\": 1", "\"version\": 2"))),
        PrepError::Version { found: 2, expected: 1 }
    ));
    for (from, to) in [
        ("adaline-preprocessor", "something-else"),
        ("\"column\": \"c\"", "\"column\": \"a\""),
        ("\"column\": \"c\"", "\"column\": \"y\""),
        ("\"shift\": 2.0", "\"shift\": null"),
        ("\"shift\": 2.0", "\"shift\": 1e999"),
        ("\"u\",", "\"v\","),
        ("\"scale\": 0", "\"scale\": -0"),
        ("\"p\",", ""),
        ("\"exact\"", "\"number\""),
        ("\"missing\": false", "\"missing\": false, \"surprise\": 1"),
    ] {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        let result = Preprocessor::from_json(&changed);
        // other texts than numbers are good values of a category that compares as numbers
        if to != "\"number\"" {
            assert!(matches!(prep_error(result), PrepError::Json { .. }), "{from} -> {to}");
        }
    }
    for text in ["", "{}", "[]", "null", "{\"format\":\"adaline-preprocessor\",\"version\":1}"] {
        assert!(Preprocessor::from_json(text).is_err());
    }
    assert!(Preprocessor::from_json(&"[".repeat(100_000)).is_err());
}

proptest::proptest! {
    #[test]
    fn damaged_json_never_panics(at in 0usize..2000, byte in 32u8..127) {
        let data = table("a,c,y\n1,u,p\n2,v,q\n3,,p\n");
        let mut text = fit(&data, Some("y"), &[0, 1, 2]).unwrap().to_json().unwrap().into_bytes();
        let at = at % text.len();
        text[at] = byte;
        if let Ok(prep) = Preprocessor::from_json(std::str::from_utf8(&text).unwrap()) {
            let _ = prep.transform_features(&data, &[0, 1, 2]);
            let _ = prep.transform_target(&data, &[0, 1, 2]);
            let _ = (prep.feature_names(), prep.report(), prep.classes());
        }
    }

    #[test]
    fn training_features_are_standardized(values in proptest::collection::vec(-1e6f64..1e6, 3..60)) {
        let text = values.iter().map(|v| format!("{v},{}", v * 0.5)).collect::<Vec<_>>().join("\n");
        let data = table(&format!("x,y\n{text}"));
        let rows: Vec<usize> = (0..values.len()).collect();
        let prep = fit(&data, None, &rows)?;
        let x = prep.transform_features(&data, &rows)?;
        let column: Vec<f64> = x.as_f32().unwrap().iter().step_by(2).map(|&v| f64::from(v)).collect();
        let n = column.len() as f64;
        let mean = column.iter().sum::<f64>() / n;
        let std = (column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        proptest::prop_assert!(mean.abs() < 1e-4 && (std - 1.0).abs() < 1e-4, "{mean} {std}");
    }
}

#[test]
fn texts_are_sequences_of_numbers_learned_from_the_training_rows() {
    let table = "body,stars,good\nGreat film!,5,yes\ngreat great cast,4,yes\nbad film,1,no\n,2,no\nunseen words here,1,no\n";
    let table = Table::parse(table, &TableOptions::default().kind("body", ColumnKind::Text)).unwrap();
    let options = PrepOptions { texts: vec![("body".into(), TextOptions::default())], ..PrepOptions::default() };
    let prep = Preprocessor::fit(&table, Some("good"), &[0, 1, 2, 3], &options).unwrap();
    let (column, vectorize) = prep.text().unwrap();
    assert_eq!((column, vectorize.vocabulary()), ("body", vec!["", "[UNK]", "great", "film", "cast", "bad"]));
    assert_eq!(prep.feature_names(), ["body word 1", "body word 2", "body word 3"]);
    let report = prep.report();
    assert_eq!((report[0].width, report[0].detail.as_str()), (3, "numbers of its first 3 words, from a vocabulary of 6"));
    assert_eq!((report[1].role, report[1].detail.as_str()), (Role::Dropped, "the text is read alone"));
    let x = prep.transform_features(&table, &[0, 1, 3, 4]).unwrap();
    assert_eq!(x.as_f32(), Some(&[2.0, 3.0, 0.0, 2.0, 2.0, 4.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0][..]));
    // The way through JSON changes nothing; the table is read with the column as text again.
    let again = Preprocessor::from_json(&prep.to_json().unwrap()).unwrap();
    assert_eq!(again, prep);
    let numbers = Table::parse("body\n12\n3 4\n", &again.table_options(&TableOptions::default())).unwrap();
    assert_eq!(again.transform_features(&numbers, &[0, 1]).unwrap().as_f32(), Some(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0][..]));
}

#[test]
fn columns_beside_a_text_stay_apart_from_it() {
    let table = "id,body,stars,colour,good\n1,Great film!,5,red,yes\n2,great great cast,4,blue,yes\n3,bad film,1,red,no\n4,,2,blue,no\n";
    let table = Table::parse(table, &TableOptions::default().kind("body", ColumnKind::Text)).unwrap();
    let texts = vec![("body".into(), TextOptions::default())];
    let options = PrepOptions { texts, beside_texts: true, scale: Scale::None, exclude: vec!["id".into()], ..PrepOptions::default() };
    let prep = Preprocessor::fit(&table, Some("good"), &[0, 1, 2, 3], &options).unwrap();
    assert_eq!(prep.text().map(|t| t.0), Some("body"));
    assert_eq!((prep.width(), prep.width_beside_texts()), (6, 3));
    assert_eq!(prep.names_beside_texts(), ["stars", "colour=blue", "colour=red"]);
    assert_eq!(prep.columns_beside_texts().collect::<Vec<_>>(), ["stars", "colour"]);
    let words = prep.transform_text(&table, &[1, 3]).unwrap().unwrap();
    assert_eq!((words.lengths().collect::<Vec<_>>(), words.values().as_i32()), (vec![3, 1], Some(&[2, 2, 4, 1][..])));
    let columns = prep.transform_beside_texts(&table, &[1, 2]).unwrap();
    assert_eq!((columns.shape(), columns.as_f32()), (&[2, 3][..], Some(&[4.0, 1.0, 0.0, 1.0, 0.0, 1.0][..])));
    // All of it at once: the padded text at its place among the columns.
    assert_eq!(prep.transform_features(&table, &[1]).unwrap().as_f32(), Some(&[2.0, 2.0, 4.0, 4.0, 1.0, 0.0][..]));
    assert_eq!(Preprocessor::from_json(&prep.to_json().unwrap()).unwrap(), prep);
    let without = Table::parse("stars,colour\n1,red\n", &TableOptions::default()).unwrap();
    let errors = [prep.transform_text(&without, &[0]).unwrap_err(), prep.transform_beside_texts(&without, &[0]).unwrap_err()];
    assert!(errors.into_iter().all(|e| e.to_string().contains("columns are missing: body")));
    // A table without texts has none to give.
    let plain = fit(&table, Some("good"), &[0, 1, 2, 3]).unwrap();
    assert!(plain.transform_text(&table, &[0]).unwrap().is_none());
}

#[test]
fn texts_without_words_and_stored_nonsense_are_refused() {
    let table = Table::parse("body,good\n!!,yes\n?,no\n,no\n", &TableOptions::default().kind("body", ColumnKind::Text)).unwrap();
    let options = |texts: TextOptions| PrepOptions { texts: vec![("body".into(), texts)], ..PrepOptions::default() };
    let error = Preprocessor::fit(&table, Some("good"), &[0, 1, 2], &options(TextOptions::default())).unwrap_err().to_string();
    assert!(error.contains("body (no word in the training rows)"), "{error}");
    let unknown = PrepOptions { texts: vec![("text".into(), TextOptions::default())], ..PrepOptions::default() };
    assert!(Preprocessor::fit(&table, Some("good"), &[0, 1, 2], &unknown).unwrap_err().to_string().contains("\"text\""));
    let table = Table::parse("body,good\na b,yes\na,no\n", &TableOptions::default()).unwrap();
    for bad in [TextOptions { max_tokens: 2, ..TextOptions::default() }, TextOptions { sequence_length: Some(0), ..TextOptions::default() }]
    {
        assert!(Preprocessor::fit(&table, Some("good"), &[0, 1], &options(bad)).is_err());
    }
    let prep = Preprocessor::fit(&table, Some("good"), &[0, 1], &options(TextOptions::default())).unwrap();
    let json = prep.to_json().unwrap();
    for (from, to) in [
        ("\"output_sequence_length\": 2", "\"output_sequence_length\": null"),
        ("\"output_sequence_length\": 2", "\"output_sequence_length\": 99999999999"),
        ("\"output_mode\": \"int\"", "\"output_mode\": \"count\""),
        ("\"b\"", "\"a\""),
        ("\"sparse\": false", "\"sparse\": true"),
    ] {
        assert!(json.contains(from), "{json}");
        assert!(Preprocessor::from_json(&json.replace(from, to)).is_err(), "{to}");
    }
}
