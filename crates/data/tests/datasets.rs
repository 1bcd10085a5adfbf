//! The data sets of the repository: that they are what their page says, and that they are read as a person would expect.

use std::path::PathBuf;

use adaline_data::{
    ColumnKind, Frame, PrepOptions, Preprocessor, Role, SeriesColumns, SeriesNote, Table, TableOptions, Task, TextOptions, Windows,
};
use sha2::{Digest, Sha256};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../datasets").join(name)
}

fn read(name: &str) -> Table {
    Table::read(path(name), &TableOptions::default()).unwrap()
}

#[test]
fn files_are_those_of_the_page() {
    let page = std::fs::read_to_string(path("README.md")).unwrap();
    for (name, rows, columns) in
        [("iris.csv", 150, 5), ("digits.csv", 1797, 65), ("auto_mpg.csv", 406, 9), ("sms_spam.csv", 5574, 2), ("co2.csv", 521, 2)]
    {
        let bytes = std::fs::read(path(name)).unwrap();
        let sum = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        assert!(page.contains(&sum), "{name} has SHA-256 {sum}");
        let table = read(name);
        assert_eq!((table.rows(), table.columns().len()), (rows, columns), "{name}");
    }
}

#[test]
fn iris_has_three_species() {
    let table = read("iris.csv");
    let rows: Vec<usize> = (0..table.rows()).collect();
    let prep = Preprocessor::fit(&table, Some("species"), &rows, &PrepOptions::default()).unwrap();
    assert_eq!(prep.classes(), ["setosa", "versicolor", "virginica"]);
    assert_eq!(prep.feature_names(), ["sepal_length", "sepal_width", "petal_length", "petal_width"]);
    let labels = prep.transform_target(&table, &rows).unwrap();
    for class in 0..3 {
        assert_eq!(labels.as_i32().unwrap().iter().filter(|&&l| l == class).count(), 50);
    }
    // the means of Fisher's table
    let means = [5.8433, 3.0573, 3.758, 1.1993];
    for (overview, mean) in table.overview().iter().zip(means) {
        assert!((overview.numbers.as_ref().unwrap().mean - mean).abs() < 1e-4);
    }
}

#[test]
fn digits_have_ten_classes_and_three_blank_pixels() {
    let table = read("digits.csv");
    let rows: Vec<usize> = (0..table.rows()).collect();
    let prep = Preprocessor::fit(&table, Some("digit"), &rows, &PrepOptions::default()).unwrap();
    assert_eq!(prep.classes(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(prep.width(), 61);
    let dropped: Vec<String> = prep.report().into_iter().filter(|c| c.role == Role::Dropped).map(|c| c.name).collect();
    assert_eq!(dropped, ["p0", "p32", "p39"]);
    let first = prep.transform_target(&table, &[0, 1, 2, 3]).unwrap();
    assert_eq!(first.as_i32().unwrap(), [0, 1, 2, 3]);
}

#[test]
fn auto_mpg_has_text_and_missing_cells() {
    let table = read("auto_mpg.csv");
    assert_eq!(table.column("mpg").unwrap().missing(), 8);
    assert_eq!(table.column("horsepower").unwrap().missing(), 6);
    assert_eq!(table.column("origin").unwrap().kind(), ColumnKind::Category);
    assert_eq!(table.column("name").unwrap().kind(), ColumnKind::Text);
    let rows: Vec<usize> = (0..table.rows()).collect();
    let prep = Preprocessor::fit(&table, Some("mpg"), &rows, &PrepOptions::default()).unwrap();
    assert_eq!((prep.task(), prep.rows_without_target()), (Some(Task::Regression), 8));
    assert_eq!(prep.width(), 10);
    let x = prep.transform_features(&table, &rows).unwrap();
    assert!(x.as_f32().unwrap().iter().all(|v| v.is_finite()));
    let y = prep.transform_target(&table, &table.rows_with("mpg").unwrap()).unwrap();
    assert!(y.mean().unwrap().abs() < 1e-6);
    assert!((prep.inverse_target(0.0) - 23.5146).abs() < 1e-4);
}

#[test]
fn messages_are_texts_with_a_vocabulary() {
    let table = read("sms_spam.csv");
    assert_eq!((table.column("label").unwrap().distinct(), table.column("text").unwrap().kind()), (2, ColumnKind::Text));
    assert_eq!(table.column("label").unwrap().iter().filter(|l| *l == Some("spam")).count(), 747);
    let rows: Vec<usize> = (0..table.rows()).collect();
    let options = PrepOptions { texts: vec![("text".into(), TextOptions::default())], ..PrepOptions::default() };
    let prep = Preprocessor::fit(&table, Some("label"), &rows, &options).unwrap();
    let (_, vectorize) = prep.text().unwrap();
    assert_eq!(vectorize.vocabulary()[..8], ["", "[UNK]", "to", "i", "you", "a", "the", "u"]);
    // In one message of twenty there are more words than are read.
    assert_eq!((prep.width(), vectorize.vocabulary_size()), (32, 9_665));
}

#[test]
fn co2_is_monthly_with_gaps() {
    let columns = SeriesColumns { time: "month".into(), target: "co2".into(), key: None };
    let frame = Frame::new(read("co2.csv"), &columns, None).unwrap();
    assert_eq!((frame.step().to_string().as_str(), frame.step().season()), ("1 month", Some(12)));
    // June and October 1958, February to April 1964
    assert!(matches!(frame.notes(), [SeriesNote::Gaps { places: 3, steps: 5, .. }]), "{:?}", frame.notes());
    assert_eq!((frame.time_text(0), frame.time_text(520)), ("1958-03".into(), "2001-12".into()));
    let windows = Windows::new(&frame, 24, 12).unwrap();
    // stretches of 3, 3, 63 and 452 months
    assert_eq!(windows.len(), (63 - 35) + (452 - 35));
}
