use super::error::SeriesError;
use super::frame::{Frame, SeriesColumns, SeriesNote};
use super::step::Step;
use super::windows::Windows;
use crate::{DataError, RowSource, Rule, Scale, SplitError, Table, TableError, TableOptions, WindowCoder, WindowOptions};

fn columns(key: Option<&str>) -> SeriesColumns {
    SeriesColumns { time: "t".into(), target: "y".into(), key: key.map(str::to_owned) }
}

fn frame_of(text: &str, key: Option<&str>) -> Result<Frame, DataError> {
    Frame::new(Table::parse(text, &TableOptions::default()).unwrap(), &columns(key), None)
}

/// The value of month `i` is `f(i)`.
fn months(n: usize, f: impl Fn(usize) -> f64) -> Frame {
    let rows: String = (0..n).map(|i| format!("{}-{:02},{}\n", 1949 + i / 12, i % 12 + 1, f(i))).collect::<Vec<_>>().concat();
    frame_of(&format!("t,y\n{rows}"), None).unwrap()
}

fn series_error(result: Result<Frame, DataError>) -> SeriesError {
    match result {
        Err(DataError::Series(e)) => e,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_are_sorted_and_it_is_said() {
    let frame = frame_of("t,y\n2020-01-01,1\n2020-01-03,3\n2020-01-02,2\n2020-01-04,4\n", None).unwrap();
    assert_eq!((frame.values(), frame.table_rows()), (&[1.0, 2.0, 3.0, 4.0][..], &[0, 2, 1, 3][..]));
    assert_eq!(frame.notes(), [SeriesNote::Unsorted { row: 3 }]);
    assert_eq!(frame.step(), Step::Micros(86_400_000_000));
    // Several series may follow one another without being unsorted.
    let two = "t,y,k\n2020-01-01,1,b\n2020-01-02,2,b\n2020-01-01,10,a\n2020-01-02,20,a\n";
    let frame = frame_of(two, Some("k")).unwrap();
    assert!(frame.notes().is_empty());
    assert_eq!(frame.series().iter().map(|s| (s.key.as_str(), s.rows.clone())).collect::<Vec<_>>(), [("b", 0..2), ("a", 2..4)]);
    assert_eq!((frame.series_of(1).key.as_str(), frame.series_of(2).key.as_str()), ("b", "a"));
}

#[test]
fn windows_never_span_a_gap() {
    // 1950-06 is missing, 1951-02 has no value
    let rows: String = (0..36)
        .filter(|i| *i != 17)
        .map(|i| format!("{}-{:02},{}\n", 1949 + i / 12, i % 12 + 1, if i == 25 { String::new() } else { i.to_string() }))
        .collect::<Vec<_>>()
        .concat();
    let frame = frame_of(&format!("t,y\n{rows}"), None).unwrap();
    let notes: Vec<String> = frame.notes().iter().map(ToString::to_string).collect();
    assert_eq!(
        notes,
        [
            "1 step is missing in 1 place, which no window spans: after 1950-05 (row 17) comes 1950-07",
            "row 25 has no target; no window spans it"
        ]
    );
    let windows = Windows::new(&frame, 3, 2).unwrap();
    // stretches of 17, 7 and 10 months have 13, 3 and 6 windows; 35 rows could have 31
    assert_eq!((windows.len(), windows.left_out()), (13 + 3 + 6, 31 - 22));
    for &origin in windows.origins() {
        let seen = &frame.values()[origin - 2..=origin + 2];
        assert!(seen.windows(2).all(|w| w[1] - w[0] == 1.0), "{seen:?}");
    }
    let error = Windows::new(&frame, 15, 3).unwrap_err().to_string();
    assert!(error.contains("need 18 rows") && error.contains("has 17") && error.contains("fill the 1 gaps"), "{error}");
}

#[test]
fn odd_times_are_told() {
    let frame = frame_of("t,y\n1,1\n2,1\n3,5\n3.5,1\n4,2\n5,2\n6,2\n", None).unwrap();
    assert!(
        matches!(&frame.notes()[0], SeriesNote::Irregular { places: 2, first } if first[0] == "after 3.0 (row 3) comes 3.5"),
        "{:?}",
        frame.notes()
    );
    assert_eq!(Windows::new(&frame, 2, 1).unwrap().origins(), [1, 5], "of the stretches 1 to 3 and 4 to 6");
    let error = series_error(frame_of("t,y\n1,1\n2,1\n4,1\n9,1\n11.3,1\n20,1\n", None));
    assert!(matches!(error, SeriesError::NoStep { all: 5, .. }), "{error}");
    let table = || Table::parse("t,y\n2020-01-01,1\n2020-01-02,2\n2020-01-03,2\n", &TableOptions::default()).unwrap();
    let error = series_error(Frame::new(table(), &columns(None), Some(Step::Months { months: 1, ends: false })));
    assert_eq!(error.to_string(), "the table: the times go by steps of 1 day, but steps of 1 month are expected");
    assert!(Frame::new(table(), &columns(None), Some(Step::Micros(86_400_000_000))).is_ok());
}

#[test]
fn bad_columns_name_the_place() {
    let error = |text: &str, key: Option<&str>| series_error(frame_of(text, key)).to_string();
    let phrases = |text: String, wanted: &[&str]| assert!(wanted.iter().all(|w| text.contains(w)), "{text}: {wanted:?}");
    phrases(error("t,y\n2020-01,1\n2020-02,2\n2020-01,3\n", None), &["rows 1 and 3", "2020-01", "key"]);
    phrases(error("t,y,k\n1,1,a\n1,2,b\n2,1,a\n2,3,b\n1,3,b\n", Some("k")), &["rows 2 and 5", "the time 1", "\"b\""]);
    phrases(error("t,y\n2020-01,1\nsoon,2\n", None), &["\"t\"", "row 2", "soon", "1949-01"]);
    phrases(error("t,y\n2020-01,1\n2020-02-01,2\n", None), &["row 2", "2020-01", "alike"]);
    phrases(error("t,y\n2020-01,1\n,2\n", None), &["time column", "row 2"]);
    phrases(error("t,y,k\n1,1,a\n2,2,\n", Some("k")), &["key column", "row 2"]);
    phrases(error("t,y\n2020-01,1\n", None), &["no step"]);
    let same = Frame::new(Table::parse("t,y\n1,1\n2,2\n", &TableOptions::default()).unwrap(), &columns(Some("t")), None);
    phrases(series_error(same).to_string(), &["\"t\"", "the time", "the key"]);
    let unknown = frame_of("time,y\n1,2\n2,3\n", None).unwrap_err();
    assert!(matches!(unknown, DataError::Table(TableError::UnknownColumn { .. })));
    let words = frame_of("t,y\n1,high\n2,low\n3,1\n", None).unwrap_err();
    assert!(matches!(&words, DataError::Table(TableError::NotNumbers { cells, .. }) if cells[0].row == 1), "{words}");
}

#[test]
fn sizes_that_cannot_be() {
    let frame = months(20, |i| i as f64);
    for (window, horizon) in [(0, 1), (1, 0)] {
        assert!(matches!(Windows::new(&frame, window, horizon), Err(DataError::Series(SeriesError::NoSteps { .. }))));
    }
    for (window, horizon) in [(20, 1), (1, 20), (usize::MAX, usize::MAX), (usize::MAX, 1)] {
        let error = Windows::new(&frame, window, horizon).unwrap_err();
        assert!(matches!(error, DataError::Series(SeriesError::TooShort { rows: 20, .. })), "{error}");
    }
    assert_eq!(Windows::new(&frame, 19, 1).unwrap().origins(), [18]);
    // One series of two is long enough.
    let rows: String = (0..9).map(|i| format!("{i},{i},long\n")).chain((0..3).map(|i| format!("{i},{i},brief\n"))).collect();
    let frame = frame_of(&format!("t,y,k\n{rows}"), Some("k")).unwrap();
    let windows = Windows::new(&frame, 3, 1).unwrap();
    assert_eq!((windows.len(), windows.short()), (6, &[("brief".to_owned(), 3)][..]));
    let error = Windows::new(&frame, 30, 1).unwrap_err().to_string();
    assert!(error.contains("\"long\" has 9"), "{error}");
    assert_eq!([Windows::default_window(&frame, Some(12), 1), Windows::default_window(&frame, None, 400)], [2, 1]);
}

/// Everything learned from one part lies before everything that a later part is judged by.
#[test]
fn parts_follow_each_other_in_time() {
    let rows: String = ["a", "b"]
        .iter()
        .flat_map(|k| (0..60).filter(move |i| *k == "a" || *i > 15).map(move |i| format!("{i},{},{k}\n", i * i % 7)))
        .collect();
    let frame = frame_of(&format!("t,y,k\n{rows}"), Some("k")).unwrap();
    let windows = Windows::new(&frame, 4, 3).unwrap();
    let all: Vec<usize> = (0..windows.len()).collect();
    let targets = |at: usize| -> Vec<f64> {
        let origin = windows.origins()[at];
        frame.times()[origin + 1..=origin + 3].iter().map(|t| if let super::time::Time::Number(t) = t { *t } else { f64::NAN }).collect()
    };
    let check = |earlier: &[usize], later: &[usize]| {
        let last = earlier.iter().flat_map(|&at| targets(at)).fold(f64::NEG_INFINITY, f64::max);
        let first = later.iter().flat_map(|&at| targets(at)).fold(f64::INFINITY, f64::min);
        assert!(last < first && !earlier.is_empty() && !later.is_empty(), "{last} {first}");
        first
    };
    let split = windows.split(&frame, &all, 0.25);
    assert_eq!(check(&split.earlier, &split.later), 46.0, "a quarter of the target times 4 to 59");
    assert_eq!(split.later.len(), 2 * (14 - 3 + 1));
    let inner = windows.split(&frame, &split.earlier, 0.01);
    assert_eq!(inner.later.len(), 2, "at least a horizon");
    check(&inner.earlier, &inner.later);
    let folds = windows.walk_forward(&frame, &all, 4).unwrap();
    let mut before = Vec::new();
    for fold in &folds {
        check(&fold.earlier, &fold.later);
        assert!(before.iter().all(|at| fold.earlier.contains(at)), "the training part grows");
        before.clone_from(&fold.earlier);
    }
    let ends = folds.iter().flat_map(|f| f.later.iter().flat_map(|&at| targets(at))).fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(ends, 59.0, "the last fold reaches the end");
    let error = windows.walk_forward(&frame, &all, 30).unwrap_err();
    assert!(error.to_string().contains("30 folds"), "{error}");
    assert!(matches!(windows.walk_forward(&frame, &all, 1), Err(DataError::Split(SplitError::TooFewFolds { k: 1 }))));
    let few = windows.split(&frame, &all[..2], 0.2);
    assert!(few.earlier.is_empty() || few.later.is_empty());
}

#[test]
fn scales_are_those_of_the_training_part() {
    // flat noise first, then much larger: nothing of the later part may be felt
    let frame = months(48, |i| if i < 24 { [1.0, 3.0][i % 2] } else { 1e6 * i as f64 });
    let windows = Windows::new(&frame, 4, 1).unwrap();
    let training: Vec<usize> = (0..20).collect(); // targets up to month 23
    let coder = WindowCoder::fit(&frame, &windows, &training, &WindowOptions::default()).unwrap();
    assert!(!coder.is_relative() && coder.features() == 1);
    let (x, y) = coder.windows(&frame, &windows, &[0, 1]).unwrap();
    assert_eq!((x.rows(), x.row_shape(), y.shape()), (2, &[4, 1][..], &[2, 1][..]));
    let mut out = vec![0.0; 8];
    x.gather_f32_into(&[1, 0], &mut out).unwrap();
    assert_eq!(out, [1.0, -1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0]);
    assert_eq!(y.as_f32().unwrap(), [-1.0, 1.0]);
    assert!(matches!(x.gather_f32_into(&[2], &mut [0.0; 4]), Err(DataError::RowOutOfRange { row: 2, rows: 2 })));
    assert!(matches!(x.gather_f32_into(&[0], &mut [0.0; 3]), Err(DataError::BufferSize { expected: 4, .. })));
    let mut whole = vec![0; 4];
    x.gather_i32_into(&[1], &mut whole).unwrap();
    assert_eq!(whole, [1, -1, 1, -1]);
    let all: Vec<usize> = (0..windows.len()).collect();
    let other = WindowCoder::fit(&frame, &windows, &all, &WindowOptions::default()).unwrap();
    assert_ne!(other, coder);
}

#[test]
fn a_trend_is_seen_as_changes() {
    let frame = months(60, |i| 300.0 + 2.0 * i as f64);
    let windows = Windows::new(&frame, 3, 2).unwrap();
    let coder = WindowCoder::fit(&frame, &windows, &(0..20).collect::<Vec<_>>(), &WindowOptions::default()).unwrap();
    assert!(coder.is_relative());
    let (x, y) = coder.windows(&frame, &windows, &[0, windows.len() - 1]).unwrap();
    let mut out = vec![0.0; 6];
    x.gather_f32_into(&[0, 1], &mut out).unwrap();
    assert_eq!(out[..3], out[3..], "the level does not matter");
    assert_eq!(out[2], 0.0, "the last value is the origin");
    assert_eq!(y.as_f32().unwrap()[..2], y.as_f32().unwrap()[2..]);
    let absolute = WindowOptions { relative: Some(false), ..WindowOptions::default() };
    assert!(!WindowCoder::fit(&frame, &windows, &[0, 1], &absolute).unwrap().is_relative());

    // A past that grows by the truth gives the truth back, and then the window of later rows.
    let encoded = coder.encode(&frame, 3).unwrap();
    let mut past = encoded.past(windows.origins()[0]).unwrap();
    let truth = y.as_f32().unwrap()[..2].to_vec();
    let units = past.extend(&truth);
    assert!((units[0] - frame.values()[3]).abs() < 1e-4 && (units[1] - frame.values()[4]).abs() < 1e-4, "{units:?}");
    let (mut grown, mut there) = (vec![0.0; 3], vec![0.0; 3]);
    past.write(&mut grown);
    coder.windows(&frame, &windows, &[2]).unwrap().0.gather_f32_into(&[0], &mut there).unwrap();
    assert!(grown.iter().zip(&there).all(|(a, b)| (a - b).abs() < 1e-5), "{grown:?} {there:?}");
    assert!(encoded.past(1).is_err() && encoded.past(60).is_err());
}

#[test]
fn each_series_has_its_scale_and_further_columns_come_along() {
    let wave = |i: usize| [0.0, 1.0, 0.0, -1.0][i % 4];
    let rows: String = [("big", 1000.0), ("small", 0.1)]
        .iter()
        .flat_map(|(k, size)| (0..24).map(move |i| format!("{i},{},{k},{},{}\n", size * (5.0 + wave(i)), i % 5, ["red", "blue"][i % 2])))
        .collect();
    let table = Table::parse(&format!("t,y,k,dose,colour\n{rows}"), &TableOptions::default()).unwrap();
    let frame = Frame::new(table, &columns(Some("k")), None).unwrap();
    let windows = Windows::new(&frame, 4, 1).unwrap();
    let all: Vec<usize> = (0..windows.len()).collect();
    let coder = WindowCoder::fit(&frame, &windows, &all, &WindowOptions::default()).unwrap();
    assert_eq!(coder.feature_names("y"), ["y", "dose", "colour=blue", "colour=red"]);
    assert!(coder.knows("big") && !coder.knows("huge"));
    let (x, _) = coder.windows(&frame, &windows, &[0, 20]).unwrap();
    let mut out = vec![0.0; 2 * 4 * 4];
    x.gather_f32_into(&[0, 1], &mut out).unwrap();
    for (big, small) in out[..16].iter().zip(&out[16..]) {
        assert!((big - small).abs() < 1e-5, "{out:?}");
    }
    let excluded = WindowOptions { exclude: vec!["dose".into()], ..WindowOptions::default() };
    assert_eq!(WindowCoder::fit(&frame, &windows, &all, &excluded).unwrap().features(), 3);
    let stored = serde_json::to_string(&coder).unwrap();
    let read: WindowCoder = serde_json::from_str(&stored).unwrap();
    read.check().unwrap();
    assert_eq!(read, coder);
    let spoilt: WindowCoder =
        serde_json::from_str(&stored.replacen("\"scale\":", "\"scale\":-", 2).replacen("\"scale\":-\"", "\"scale\":\"", 1)).unwrap();
    assert!(spoilt.check().is_err());
    // One that stands still does not keep the others from being learned.
    let rows: String = (0..12).map(|i| format!("{i},{},moves\n{i},3,stands\n", wave(i))).collect::<Vec<_>>().concat();
    let mixed = frame_of(&format!("t,y,k\n{rows}"), Some("k")).unwrap();
    let both = Windows::new(&mixed, 4, 1).unwrap();
    let coder_of_both = WindowCoder::fit(&mixed, &both, &(0..both.len()).collect::<Vec<_>>(), &WindowOptions::default()).unwrap();
    assert_eq!(coder_of_both.scale_of(&mixed, &mixed.series()[1], 4).unwrap(), 1.0);
    // A series that was never seen is scaled by its own values.
    let new: String = (0..8).map(|i| format!("{i},{},new,1,red\n", 70.0 + wave(i))).collect::<Vec<_>>().concat();
    let table = Table::parse(&format!("t,y,k,dose,colour\n{new}"), &TableOptions::default()).unwrap();
    let frame = Frame::new(table, &columns(Some("k")), None).unwrap();
    let scale = coder.scale_of(&frame, &frame.series()[0], 4).unwrap();
    assert!((0.3..3.0).contains(&scale), "{scale}");
    assert!(coder.encode(&frame, 4).is_ok());
}

#[test]
fn nothing_to_learn_and_too_much() {
    let flat = months(20, |_| 7.0);
    let windows = Windows::new(&flat, 3, 1).unwrap();
    let error = WindowCoder::fit(&flat, &windows, &[0, 1], &WindowOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::Series(SeriesError::OneValue { value: 7.0, .. })), "{error}");
    let huge = months(20, |i| if i == 9 { 1e300 } else { i as f64 });
    let error = WindowCoder::fit(&huge, &windows, &[5, 6], &WindowOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::Series(SeriesError::TooLarge { row: 10, .. })), "{error}");
    let late = WindowOptions { scale: Scale::MinMax, ..WindowOptions::default() };
    let coder = WindowCoder::fit(&huge, &windows, &[0, 1], &late).unwrap();
    assert!(matches!(coder.encode(&huge, 3), Err(DataError::Series(SeriesError::TooLarge { row: 10, .. }))));
    assert!(WindowCoder::fit(&flat, &windows, &[], &WindowOptions::default()).is_err());
}

#[test]
fn the_last_origin_needs_a_window() {
    let frame = frame_of("t,y\n1,1\n2,2\n3,3\n5,5\n6,6\n7,7\n8,\n9,\n", None).unwrap();
    let part = &frame.series()[0];
    assert_eq!(frame.last_origin(part, 3).unwrap(), 5, "rows without a target wait to be forecast");
    let error = frame.last_origin(part, 4).unwrap_err().to_string();
    assert!(error.contains("last 4 steps") && error.contains("only 3") && error.contains("at 7"), "{error}");
    assert_eq!(frame.stretch(4), 3..6);
    assert!(frame.stretch(6).is_empty());
    assert_eq!(Rule::Last.forecast(&frame.values()[frame.stretch(5)], 1), [7.0]);
}
