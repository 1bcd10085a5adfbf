//! Series: from a table with times to a forecast, measured beside simple rules; and what cannot be one.

mod support;

use serde_json::Value;
use std::fmt::Write;
use support::{dataset, fails, json, shared, succeeds};

/// `n` months from 1980-01 of a rising wave with a little noise; the value of month `i`.
fn value(i: usize) -> f64 {
    let noise = f64::from((i as u32).wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(2_246_822_519) >> 16) / 65536.0 - 0.5;
    50.0 + 0.3 * i as f64 + 6.0 * (i as f64 * std::f64::consts::TAU / 12.0).sin() + 3.0 * noise
}

fn month(i: usize) -> String {
    format!("{}-{:02}", 1980 + i / 12, i % 12 + 1)
}

fn months(n: usize) -> String {
    (0..n).fold("month,y\n".to_owned(), |mut text, i| {
        let _ = writeln!(text, "{},{:.3}", month(i), value(i));
        text
    })
}

/// Fits a series under the name and gives the folder and what is told.
fn fitted(name: &str, table: &str, more: &[&str]) -> (String, Value) {
    let (data, out) = (shared().file(&format!("{name}.csv"), table), shared().path(name));
    let base = ["fit", &data, "--target", "y", "--time", "month", "--out", &out, "--json", "--verbose", "0"];
    let told = json(&[&base[..], more].concat());
    (out, told)
}

/// One network for the tests that only use it.
fn wave() -> String {
    static WAVE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    WAVE.get_or_init(|| fitted("wave", &months(180), &["--horizon", "3", "--epochs", "60"]).0).clone() + "/model.keras"
}

#[test]
fn fit_measures_a_forecast_beside_simple_rules() {
    let (out, told) = fitted("measured", &months(180), &["--horizon", "3", "--epochs", "60"]);
    assert_eq!((told["task"].as_str(), told["measured_on"].as_str()), (Some("forecast"), Some("test windows")));
    let series = &told["series"];
    // 180 months, window 12: targets are months 12 to 179; a fifth of these 168 is the test part, 15 % of the rest is watched.
    assert_eq!(told["rows"]["test"], 34 - 2);
    assert_eq!(told["rows"]["validation"], 20 - 2);
    assert_eq!(told["rows"]["training"], 114 - 2);
    let rule = |name: &str| series["rules"][name]["rmse"].as_f64().unwrap();
    let rmse = told["metrics"]["rmse"].as_f64().unwrap();
    assert!(rmse < rule("seasonal") && rmse < rule("drift") && rmse < rule("last") && rmse < rule("trend"), "{told}");
    assert_eq!(series["beats_rules"], true);
    // What the seasonal rule must reach: twelve months of a rise by 0.3, and noise of variance 3²/12 twice.
    assert!((rule("seasonal") - (3.6f64.powi(2) + 1.5).sqrt()).abs() < 0.4, "{told}");
    assert_eq!(series["rmse_by_step"].as_array().unwrap().len(), 3);
    let report = std::fs::read_to_string(format!("{out}/report.html")).unwrap();
    for words in
        ["The series and its forecasts", "seasonal last value (12 steps)", "validation", "1 step ahead", "3 steps ahead", "residuals"]
    {
        assert!(report.contains(words), "{words}");
    }
    let text = succeeds(&["summary", &format!("{out}/model.keras")]);
    assert!(text.contains("3 steps ahead from the last 12, in steps of 1 month"), "{text}");
}

#[test]
fn forecast_goes_on_after_the_end() {
    let (data, plot, out) = (shared().file("go-on.csv", months(180)), shared().path("go-on.svg"), shared().path("go-on-out.csv"));
    let text = succeeds(&["forecast", &wave(), &data, "--steps", "14", "--plot", &plot, "--out", &out]);
    for words in
        ["after 1994-12", "1995-01", "1996-02", "seasonal last value", "90 % of the errors", "The network beats", "its own forecasts"]
    {
        assert!(text.contains(words), "{words}\n{text}");
    }
    assert!(std::fs::read_to_string(&plot).unwrap().contains("<svg"));
    let csv = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!(lines[0], ["month", "forecast", "lower", "upper", "rule_last", "rule_seasonal", "rule_drift", "rule_trend"]);
    assert_eq!((lines.len(), lines[1][0], lines[14][0]), (15, "1995-01", "1996-02"));
    let mut inside = 0;
    for (i, line) in lines[1..].iter().enumerate() {
        let numbers: Vec<f64> = line[1..].iter().map(|v| v.parse().unwrap()).collect();
        assert!(numbers[1] < numbers[0] + 3.0 && numbers[0] - 3.0 < numbers[2] && numbers[1] < numbers[2], "{line:?}");
        assert!((numbers[0] - value(180 + i)).abs() < 5.0, "{line:?} for {}", value(180 + i));
        assert!((numbers[3] - value(179)).abs() < 1e-3 && (numbers[4] - value(168 + i % 12)).abs() < 1e-3);
        inside += usize::from((numbers[1]..=numbers[2]).contains(&value(180 + i)));
    }
    assert!(inside >= 9, "{inside} of 14 within an interval for 90 %\n{csv}");
    // A wider share, a wider interval; the forecast itself is the same.
    let width = |coverage: &str| {
        let told = json(&["forecast", &wave(), &data, "--coverage", coverage, "--json"]);
        let first = &told["series"][0]["forecasts"][0];
        (first["upper"].as_f64().unwrap() - first["lower"].as_f64().unwrap(), first["forecast"].as_f64().unwrap())
    };
    let (narrow, wide) = (width("0.5"), width("0.9"));
    assert!(narrow.0 < wide.0 && narrow.1 == wide.1);
    let png = shared().path("go-on.png");
    succeeds(&["forecast", &wave(), &data, "--plot", &png]);
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn rows_without_a_target_are_what_is_asked() {
    let known = shared().file("known.csv", months(150));
    let mut waiting = months(150);
    for i in 150..156 {
        let _ = writeln!(waiting, "{},", month(i));
    }
    let waiting = shared().file("waiting.csv", waiting);
    let of = |data: &str| json(&["forecast", &wave(), data, "--steps", "6", "--json"])["series"].clone();
    assert_eq!(of(&known), of(&waiting));
    // predict writes beside each row what the rows before it let expect, the first unknown one included.
    let text = succeeds(&["predict", &wave(), &waiting]);
    let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split(',').collect()).collect();
    assert_eq!((lines[0].as_slice(), lines.len()), (&["month", "y", "predicted"][..], 157));
    assert!(lines[12][2].is_empty() && !lines[13][2].is_empty(), "the first window is the first year");
    assert!(!lines[151][2].is_empty() && lines[152][2].is_empty(), "{:?}", &lines[150..]);
    let first = of(&known)[0]["forecasts"][0]["forecast"].as_f64().unwrap();
    assert!((lines[151][2].parse::<f64>().unwrap() - first).abs() < 1e-9);
    let told = json(&["predict", &wave(), &waiting, "--json"]);
    assert!(told["predictions"][0]["predicted"].is_null() && told["predictions"][100]["predicted"].is_number());
}

#[test]
fn evaluate_looks_at_what_was_not_learned_from() {
    let whole = shared().file("whole.csv", months(200));
    let told = json(&["evaluate", &wave(), &whole, "--json"]);
    assert_eq!((told["unseen"].as_bool(), told["task"].as_str()), (Some(true), Some("forecast")));
    // The test part of the 180 months it was fitted on is new to it, and so are 20 more; windows of 3 steps.
    assert_eq!(told["rows"], 34 + 20 - 2);
    assert!(told["as_trained"]["loss"].as_f64().unwrap() > 0.0);
    let text = succeeds(&["evaluate", &wave(), &whole]);
    assert!(text.contains("after 1992-02") && text.contains("The network beats") && text.contains("linear trend"), "{text}");
    let old = shared().file("old.csv", months(100));
    let text = succeeds(&["evaluate", &wave(), &old]);
    assert!(text.contains("has learned from all of this"), "{text}");
}

#[test]
fn folds_walk_forward() {
    let (out, told) = fitted("walk", &months(120), &["--kfold", "3", "--horizon", "2", "--epochs", "8"]);
    // 108 target months in 4 parts of 27; each fold has 26 windows of two steps.
    assert_eq!((told["measured_on"].as_str(), told["series"]["windows"].as_u64()), (Some("held-out windows"), Some(3 * 26)));
    assert_eq!(told["kfold"]["folds"].as_array().unwrap().len(), 3);
    let told = json(&["evaluate", &format!("{out}/model.keras"), &shared().file("walk2.csv", months(120)), "--json"]);
    assert_eq!(told["unseen"], false, "the network to keep learned from all of it");
}

#[test]
fn several_series_and_further_columns() {
    let mut table = "month,shop,y,ads,weather\n".to_owned();
    for (shop, size) in [("north", 1.0), ("south", 20.0)] {
        for i in 0..72 {
            let _ = writeln!(table, "{},{shop},{:.3},{},{}", month(i), size * value(i), i * 5 % 7, ["sun", "rain"][i % 2]);
        }
    }
    for i in 0..5 {
        let _ = writeln!(table, "{},tiny,{i},1,sun", month(i));
    }
    let (out, told) = fitted("shops", &table, &["--key", "shop", "--epochs", "10", "--window", "6"]);
    assert!(told["rows"]["training"].as_u64().unwrap() > 60, "{told}");
    let (model, data) = (format!("{out}/model.keras"), shared().path("shops.csv"));
    let text = succeeds(&["forecast", &model, &data, "--steps", "2"]);
    for words in ["2 series", "north", "south", "\"tiny\"", "left out", "the other columns keep"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let told = json(&["forecast", &model, &data, "--only", "south", "--json"]);
    let first = told["series"][0]["forecasts"][0]["forecast"].as_f64().unwrap();
    assert!((first - 20.0 * value(72)).abs() < 200.0, "in the units of its series: {first}");
    let report = std::fs::read_to_string(format!("{out}/report.html")).unwrap();
    assert!(report.contains("The longest of 3 series is drawn") && report.contains("tells the series apart"));
    fails(&["forecast", &model, &data, "--only", "souht"], 2, &["did you mean \"south\"?"]);
    fails(&["forecast", &model, &data, "--plot", &shared().path("x.svg")], 2, &["--only KEY"]);
    let without = shared().file("without.csv", table.replace(",ads", ",adds"));
    fails(&["forecast", &model, &without], 1, &["ads"]);
}

#[test]
fn a_network_that_loses_is_told_so() {
    // A season that repeats exactly: nothing can beat the seasonal rule.
    let table: String =
        (0..96).map(|i| format!("{},{}\n", month(i), [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8][i % 12])).collect::<Vec<_>>().concat();
    let data = shared().file("exact.csv", format!("month,y\n{table}"));
    let out = shared().path("exact");
    let text = succeeds(&["fit", &data, "--target", "y", "--time", "month", "--epochs", "2", "--out", &out, "--verbose", "0"]);
    assert!(text.contains("does NOT beat the simple rule \"seasonal last value (12 steps)\""), "{text}");
    assert!(std::fs::read_to_string(format!("{out}/report.html")).unwrap().contains("does NOT beat"));
    let text = succeeds(&["forecast", &format!("{out}/model.keras"), &data]);
    assert!(text.contains("does NOT beat"), "{text}");
}

#[test]
fn gaps_are_told_and_layers_may_be_described() {
    let table: String = months(120).lines().filter(|l| !l.starts_with("1985-07")).fold(String::new(), |t, l| t + l + "\n");
    let data = shared().file("gap.csv", table);
    let layers = "[[model.layers]]\nclass_name = \"Conv1D\"\nfilters = 4\nkernel_size = 3\npadding = \"causal\"\n\
                  [[model.layers]]\nclass_name = \"Flatten\"\n[[model.layers]]\nclass_name = \"Dense\"\nunits = 2\n";
    let head =
        format!("[data]\npath = {data:?}\ntarget = \"y\"\ntime = \"month\"\nwindow = 8\nhorizon = 2\nseason = 6\nrelative = false\n");
    let toml = shared().file("gap.toml", format!("{head}{layers}[training]\nepochs = 2\n"));
    let out = shared().path("gap");
    let text = succeeds(&["fit", "--model", &toml, "--out", &out, "--verbose", "1"]);
    for words in ["1 step is missing in 1 place", "after 1985-06 (row 66) comes 1985-08", "would span a gap", "Training on"] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    let report = std::fs::read_to_string(format!("{out}/report.html")).unwrap();
    for words in ["Conv1D", "after 1985-06", "seasonal last value (6 steps)"] {
        assert!(report.contains(words), "{words}");
    }
}

#[test]
fn tables_that_are_no_series() {
    let fit_columns = |name: &str, table: &str, columns: [&str; 2], more: &[&str], code: i32, phrases: &[&str]| {
        let (data, out) = (shared().file(&format!("bad-{name}.csv"), table), shared().path(&format!("bad-{name}")));
        let [time, target] = columns;
        let base = ["fit", &data, "--time", time, "--target", target, "--epochs", "1", "--verbose", "0", "--out", &out];
        fails(&[&base[..], more].concat(), code, phrases);
        assert!(!std::path::Path::new(&out).join("model.keras").exists(), "{name}");
    };
    let fit = |name: &str, table: &str, more: &[&str], code: i32, phrases: &[&str]| {
        fit_columns(name, table, ["month", "y"], more, code, phrases);
    };
    let good = months(30);
    let row_5 = |cells: &str| {
        let line = |l: &str| if l.starts_with("1980-05") { format!("{cells}\n") } else { format!("{l}\n") };
        good.lines().map(line).collect::<String>()
    };
    fit("empty", "", &[], 1, &["empty"]);
    fit("one", "month,y\n2020-01,1\n", &[], 1, &["no step"]);
    fit("twice", &format!("{good}1980-03,7\n"), &[], 1, &["rows 3 and 31", "1980-03"]);
    fit("times", &row_5("May 1980,7"), &[], 1, &["row 5", "May 1980", "is no time"]);
    fit("untimed", &row_5(",7"), &[], 1, &["row 5", "time column"]);
    fit("words", &row_5("1980-05,many"), &[], 1, &["\"y\"", "row 5", "many"]);
    fit("infinite", &row_5("1980-05,inf"), &[], 1, &["row 5", "inf"]);
    fit("large", &row_5("1980-05,1e300"), &[], 1, &["too large after scaling", "row 5"]);
    fit("steps", "month,y\n1,1\n2,5\n4,1\n9,2\n11.3,1\n20,1\n", &[], 1, &["no usual step"]);
    fit("flat", &(0..30).fold("month,y\n".to_owned(), |t, i| t + &month(i) + ",7\n"), &[], 1, &["\"y\" is 7 in all rows"]);
    fit_columns("column", &good, ["moth", "y"], &[], 2, &["moth", "did you mean \"month\"?"]);
    fit_columns("target", &good, ["month", "yy"], &[], 2, &["yy", "did you mean"]);
    fit_columns("same", &good, ["month", "month"], &[], 2, &["\"month\"", "the time", "the target"]);
    fit("key", &good, &["--key", "shop"], 2, &["shop"]);
    fit("ahead0", &good, &["--horizon", "0"], 2, &["--horizon", "at least 1"]);
    fit("window0", &good, &["--window", "0"], 2, &["--window", "at least 1"]);
    fit("huge", &good, &["--window", "18446744073709551615"], 2, &["longest stretch has 30"]);
    fit("long", &good, &["--window", "20", "--horizon", "11"], 2, &["need 31 rows", "has 30"]);
    fit("split", &good, &["--window", "20", "--horizon", "10"], 2, &["training and test part", "--test-split 0"]);
    fit("folds", &good, &["--kfold", "12", "--horizon", "4"], 2, &["12 folds", "fewer folds"]);
    fit("classes", &good, &["--task", "classes"], 2, &["--task classes"]);
    let data = shared().file("bad-plain.csv", &good);
    let out = shared().path("bad-plain");
    fails(&["fit", &data, "--target", "y", "--window", "3", "--out", &out], 2, &["--window is for series", "--time COLUMN"]);
    fails(&["fit", &data, "--time", "month", "--out", &out], 2, &["--target COLUMN"]);
}

#[test]
fn forecasts_that_cannot_be() {
    let data = shared().file("cannot.csv", months(60));
    fails(&["forecast", &shared().path("iris/model.keras"), &dataset("iris.csv")], 1, &["not trained on a series", "--time COLUMN"]);
    fails(&["forecast", &wave(), &data, "--steps", "0"], 2, &["--steps"]);
    fails(&["forecast", &wave(), &data, "--coverage", "1"], 2, &["--coverage", "below 1"]);
    fails(&["forecast", &wave(), &data, "--plot", "a.pdf"], 2, &[".svg or .png"]);
    fails(&["forecast", &wave(), &data, "--only", "a"], 2, &["--only", "--key"]);
    fails(&["forecast", &wave(), &shared().file("brief.csv", months(11))], 1, &["last 12 steps", "only 11"]);
    let days = (1..31).fold("month,y\n".to_owned(), |t, i| t + &format!("2020-01-{i:02},{i}\n"));
    fails(&["forecast", &wave(), &shared().file("days.csv", days)], 1, &["steps of 1 day", "1 month are expected"]);
    fails(&["forecast", &wave(), &shared().file("other.csv", months(60).replace("month", "moon"))], 1, &["month"]);
    fails(&["evaluate", &wave(), &shared().file("few.csv", months(14))], 1, &["need 15 rows"]);
    fails(&["explain", &wave(), &data], 2, &["windows of 12 rows"]);
    let broken = shared().file("gone.csv", months(60).replace("1984-06,", "1984-06,x"));
    fails(&["forecast", &wave(), &broken], 1, &["gone.csv", "\"y\""]);
}
