use std::io::Write;

use super::*;
use crate::{BadCell, FileError};

fn parse(text: &str) -> Result<Table, DataError> {
    Table::parse(text, &TableOptions::default())
}

fn table_error(text: &str) -> TableError {
    match parse(text) {
        Err(DataError::Table(error)) => error,
        other => panic!("expected a table error, got {other:?}"),
    }
}

fn from_bytes(bytes: &[u8], options: &TableOptions) -> Result<Table, DataError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Table::read(file.path(), options)
}

#[test]
fn delimiters_are_found() {
    for (text, expected) in [
        ("a,b\n1,2\n3,4\n", vec!["a", "b"]),
        ("a;b\n1,5;2,5\n3,5;4\n", vec!["a", "b"]),
        ("a\tb c\n1\t2, 3\n", vec!["a", "b c"]),
        ("a|b\n1|2\n", vec!["a", "b"]),
        ("a\n1\n2\n", vec!["a"]),
        ("\"a,x\";b\n\"1;2\";3\n", vec!["a,x", "b"]),
        ("a,b\r\n1,2\r\n", vec!["a", "b"]),
    ] {
        assert_eq!(parse(text).unwrap().names(), expected, "{text:?}");
    }
}

#[test]
fn headers_are_told_from_data() {
    let table = parse("1,2\n3,4\n").unwrap();
    assert_eq!((table.names(), table.rows()), (vec!["column_1".to_owned(), "column_2".into()], 2));
    let named = Table::parse("2010,2011\n3,4\n", &TableOptions { header: Some(true), ..Default::default() }).unwrap();
    assert_eq!(named.names(), ["2010", "2011"]);
    let plain = Table::parse("a,b\nc,d\n", &TableOptions { header: Some(false), ..Default::default() }).unwrap();
    assert_eq!((plain.rows(), plain.column("column_1").unwrap().get(0)), (2, Some("a")));
    assert_eq!(parse(",x\n0,5\n1,6\n2,7\n").unwrap().column("unnamed_1").unwrap().kind(), ColumnKind::Identifier);
}

#[test]
fn cells_may_hold_quotes_and_line_ends() {
    let table = parse("name,n\n\"a \"\"b\"\"\nc\",1\n\"x, y\",2\n").unwrap();
    assert_eq!(table.column("name").unwrap().get(0), Some("a \"b\"\nc"));
    assert_eq!(table.column("name").unwrap().get(1), Some("x, y"));
    assert_eq!(table.column("n").unwrap().numbers(), Some(&[1.0, 2.0][..]));
    assert_eq!(parse("a,b\nx;\"y,1\n").unwrap().column("a").unwrap().get(0), Some("x;\"y"));
    // a quote inside a field is a letter like others
    assert_eq!(parse("size,n\n5\" pipe,1\n").unwrap().column("size").unwrap().get(0), Some("5\" pipe"));
}

#[test]
fn malformed_tables_are_refused() {
    assert!(matches!(table_error(""), TableError::Empty { .. }));
    assert!(matches!(table_error(" \n\n"), TableError::Empty { .. }));
    assert_eq!(table_error("a,b\n"), TableError::HeaderOnly { file: "the table".into(), columns: 2 });
    assert_eq!(
        table_error("a,b\n1,2\n\n1,2,3\n"),
        TableError::Ragged { file: "the table".into(), row: 2, line: 4, expected: 2, found: 3, delimiter: b',' }
    );
    assert_eq!(
        table_error("a,b,a\n1,2,3\n").to_string(),
        "the table: columns 1 and 3 are both called \"a\"; give each column its own name"
    );
    assert!(matches!(table_error("a,b\n1,\"2\n3,4\n"), TableError::UnclosedQuote { line: 2, .. }));
    assert!(matches!(table_error(&",".repeat(MAX)), TableError::TooManyColumns { found, .. } if found == MAX + 1));
    let options = TableOptions { delimiter: Some(b'\n'), ..Default::default() };
    assert!(matches!(Table::parse("a\n1", &options), Err(DataError::Table(TableError::BadOption { .. }))));
}
const MAX: usize = crate::MAX_COLUMNS;

#[test]
fn bad_numbers_are_named() {
    let rows = |bad: &[&str]| {
        let numbers = (0..100).map(|i| i.to_string());
        let cells: Vec<String> = numbers.chain(bad.iter().map(|s| (*s).to_owned())).collect();
        format!("x\n{}\n", cells.join("\n"))
    };
    let error = table_error(&rows(&["12.5x", "oops"]));
    assert!(matches!(&error, TableError::NotNumbers { cells, numbers: 100, present: 102, declared: false, .. }
        if cells[..] == [BadCell { row: 101, value: "12.5x".into() }, BadCell { row: 102, value: "oops".into() }]));
    assert_eq!(
        error.to_string(),
        "the table: column \"x\" is numeric (100 of 102 values are numbers), but row 101 holds \"12.5x\", row 102 holds \"oops\"; \
         correct these cells, list their text among the missing-value tokens, or declare the column as category"
    );
    // declared otherwise, or too many to be slips, they are texts
    let options = TableOptions::default().kind("x", ColumnKind::Category);
    assert_eq!(Table::parse(&rows(&["oops"]), &options).unwrap().column("x").unwrap().distinct(), 101);
    assert_eq!(parse(&rows(&["a"; 6])).unwrap().column("x").unwrap().kind(), ColumnKind::Text);
    let options = TableOptions::default().kind("x", ColumnKind::Numeric);
    assert!(matches!(Table::parse(&rows(&["a"; 6]), &options),
        Err(DataError::Table(TableError::NotNumbers { declared: true, cells, .. })) if cells.len() == 5));
    for infinite in ["inf", "-Infinity", "1e999"] {
        let error = table_error(&rows(&["1", infinite]));
        assert!(matches!(error, TableError::Infinite { row: 102, value, .. } if value == infinite));
    }
    assert!(matches!(
        Table::parse("x\n1\n", &TableOptions::default().kind("y", ColumnKind::Numeric)),
        Err(DataError::Table(TableError::UnknownColumn { .. }))
    ));
}

#[test]
fn kinds_are_inferred() {
    use std::fmt::Write;
    let mut text = String::from("n,flag,colour,note,code,same,none,CustomerId,gap\n");
    for i in 0..40 {
        let flag = if i % 3 == 0 { "Yes" } else { "no" };
        let colour = ["red", "blue", "green"][i % 3];
        let gap = if i % 4 == 0 { "NA".to_owned() } else { format!("{}", i % 5) };
        writeln!(text, "{}.5,{flag},{colour},some note {i},K{i:03},7,,{},{gap}", i % 7, 1000 + i).unwrap();
    }
    let table = parse(&text).unwrap();
    let kinds: Vec<ColumnKind> = table.columns().iter().map(Column::kind).collect();
    use ColumnKind::*;
    assert_eq!(kinds, [Numeric, Boolean, Category, Text, Identifier, Constant, Empty, Identifier, Numeric]);
    let gap = table.column("gap").unwrap();
    assert_eq!((gap.missing(), gap.distinct(), gap.len()), (10, 5, 40));
    assert_eq!(table.rows_with("gap").unwrap().len(), 30);
    // numbers that count up are data, unless their name says otherwise
    assert_eq!(parse("x,y\n1,2\n2,4\n3,6\n").unwrap().column("x").unwrap().kind(), Numeric);
}

#[test]
fn kinds_can_be_changed() {
    let mut table = parse("a,b\n1,x\n2,y\n").unwrap();
    table.set_kind("a", ColumnKind::Category).unwrap();
    assert!(table.column("a").unwrap().numbers().is_none());
    assert!(matches!(table.set_kind("b", ColumnKind::Numeric), Err(DataError::Table(TableError::NotNumbers { .. }))));
    assert_eq!(table.column("b").unwrap().get(1), Some("y"));
    assert!(table.set_kind("c", ColumnKind::Numeric).is_err());
}

#[test]
fn encodings_are_found() {
    let default = TableOptions::default();
    let utf16: Vec<u8> = "\u{feff}a,b\n1,ä\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [&b"a,b\n1,\xe4\n"[..], "a,b\n1,ä\n".as_bytes(), "\u{feff}a,b\n1,ä\n".as_bytes(), &utf16] {
        let table = from_bytes(bytes, &default).unwrap();
        assert_eq!(table.names(), ["a", "b"]);
        assert_eq!(table.column("b").unwrap().get(0), Some("ä"));
    }
    let named = |label: &str| TableOptions { encoding: Some(label.into()), ..Default::default() };
    let table = from_bytes(b"a,b\n1,\xa4\n", &named("iso-8859-15")).unwrap();
    assert_eq!(table.column("b").unwrap().get(0), Some("€"));
    assert!(matches!(from_bytes(b"a\n\xe4\n", &named("utf-8")), Err(DataError::Table(TableError::WrongEncoding { .. }))));
    assert!(matches!(from_bytes(b"a\n1\n", &named("klingon")), Err(DataError::Table(TableError::UnknownEncoding { .. }))));
    assert!(matches!(from_bytes(b"\x00\x01\x02", &default), Err(DataError::Table(TableError::Binary { .. }))));
    assert!(matches!(from_bytes(b"", &default), Err(DataError::File(FileError::Empty { .. }))));
}

#[test]
fn packed_files_are_read_and_missing_files_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cars.csv");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a,b\n1,2\n").unwrap();
    std::fs::write(&path, packed.finish().unwrap()).unwrap();
    assert_eq!(Table::read(&path, &TableOptions::default()).unwrap().rows(), 1);
    let error = Table::read(folder.path().join("car.csv"), &TableOptions::default()).unwrap_err();
    assert!(matches!(&error, DataError::File(FileError::NotFound { nearest: Some(n), .. }) if n == "cars.csv"), "{error}");
    assert!(Table::read(folder.path(), &TableOptions::default()).is_err());
}

#[test]
fn overview_has_the_figures() {
    let table = parse("x,c\n1,a\n2,b\n3,b\n4,\n,b\n").unwrap();
    let overview = table.overview();
    let numbers = overview[0].numbers.as_ref().unwrap();
    assert_eq!((numbers.min, numbers.q1, numbers.median, numbers.q3, numbers.max), (1.0, 1.75, 2.5, 3.25, 4.0));
    assert_eq!((numbers.mean, numbers.std), (2.5, 1.25f64.sqrt()));
    assert_eq!(numbers.histogram.counts.iter().sum::<usize>(), 4);
    assert_eq!((numbers.histogram.edges.len(), numbers.histogram.edges[20]), (21, 4.0));
    assert_eq!((overview[0].missing, overview[0].rows, overview[0].distinct), (1, 5, 4));
    assert_eq!(overview[1].top, [("b".to_owned(), 3), ("a".to_owned(), 1)]);
    assert_eq!(crate::Histogram::of(&[2.0, 2.0], 9).counts, [2]);
    assert_eq!(crate::Histogram::of(&[-f64::MAX, f64::MAX], 2).counts, [1, 1]);
    assert_eq!(crate::Histogram::of(&[], 9).counts.len(), 0);
}

#[test]
fn records_make_a_table() {
    let table = Table::from_records(&["a", "b"], [["1", "x"], ["2", "NA"]], &TableOptions::default()).unwrap();
    assert_eq!((table.rows(), table.column("b").unwrap().missing()), (2, 1));
    let ragged = Table::from_records(&["a", "b"], [vec!["1"]], &TableOptions::default());
    assert!(matches!(ragged, Err(DataError::Table(TableError::Ragged { row: 1, .. }))));
    assert!(Table::from_records(&[] as &[&str], [["1"]], &TableOptions::default()).is_err());
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = read::decode("x", &bytes, &TableOptions::default()).map(|text| parse(&text));
    }

    #[test]
    fn any_csv_like_text_is_read_or_refused(text in "[a-c0-9,;\"\n\r .é-]{0,200}") {
        if let Ok(table) = parse(&text) {
            for column in table.columns() {
                proptest::prop_assert_eq!(column.len(), table.rows());
                let _ = column.overview();
            }
        }
    }

    #[test]
    fn written_cells_come_back(cells in proptest::collection::vec("[a-z ,;\"\n]{0,8}", 2..40)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["left", "right"]).unwrap();
        for pair in cells.chunks_exact(2) {
            writer.write_record(pair).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let options = TableOptions { delimiter: Some(b','), header: Some(true), missing: vec![], ..Default::default() };
        let table = Table::parse(&text, &options)?;
        for (row, pair) in cells.chunks_exact(2).enumerate() {
            for (column, cell) in table.columns().iter().zip(pair) {
                proptest::prop_assert_eq!(column.get(row).unwrap_or(""), cell.trim());
            }
        }
    }
}
