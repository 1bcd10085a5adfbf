//! `search`: the same result on any number of threads, after an interruption, and by `fit` with the file of the best settings.

mod support;

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use support::{dataset, fails, json, shared, succeeds};

/// A small search on iris; what it printed as JSON.
fn iris(out: &str, more: &[&str]) -> Value {
    let (data, out) = (dataset("iris.csv"), shared().path(out));
    let words = ["search", &data, "--target", "species", "--trials", "7", "--epochs", "9", "--json", "--verbose", "0", "--out", &out];
    json(&[&words[..], more].concat())
}

fn read(out: &str, file: &str) -> Vec<u8> {
    fs::read(PathBuf::from(shared().path(out)).join(file)).unwrap_or_else(|e| panic!("{out}/{file}: {e}"))
}

#[test]
fn threads_interruptions_and_fit_give_the_same_network() {
    let one = iris("search-one", &["--threads", "1"]);
    let three = iris("search-three", &["--threads", "3"]);
    let files = ["trials.csv", "best.toml", "model.keras", "history.csv"];
    for file in files {
        assert!(read("search-one", file) == read("search-three", file), "{file}");
    }
    let strip = |mut v: Value| {
        v["fit"] = Value::Null;
        v
    };
    let (trials, best) = (one["trials"].as_array().unwrap(), &one["best"]);
    assert_eq!((strip(one.clone()), one["score"].as_str()), (strip(three), Some("cross-entropy")));
    assert_eq!((trials.len(), &trials[0]), (7, best));
    let scores: Vec<f64> = trials.iter().map(|t| t["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted() && scores[0] < scores[6], "{scores:?}");
    assert_eq!((one["fit"]["measured_on"].as_str(), one["fit"]["rows"]["training"].as_u64()), (Some("test rows"), Some(120)));
    let page = String::from_utf8(read("search-one", "search.html")).unwrap();
    for words in ["Score by setting", "learning_rate", "Trials, the best first", "<circle"] {
        assert!(page.contains(words), "{words}");
    }

    // The journal of a run that was killed while it wrote its fifth trial.
    let journal = String::from_utf8(read("search-one", "trials.jsonl")).unwrap();
    let kept: Vec<&str> = journal.lines().collect();
    assert_eq!(kept.len(), 8);
    let killed = PathBuf::from(shared().path("search-killed"));
    fs::create_dir_all(&killed).unwrap();
    fs::write(killed.join("trials.jsonl"), format!("{}\n{}", kept[..5].join("\n"), &kept[5][..30])).unwrap();
    iris("search-killed", &["--resume"]);
    for file in files {
        assert!(read("search-one", file) == read("search-killed", file), "{file} after an interruption");
    }
    let lines = |out: &str| String::from_utf8(read(out, "trials.jsonl")).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!((lines("search-killed").len(), &lines("search-killed")[..5]), (8, &lines("search-one")[..5]));

    let (data, toml, out) = (dataset("iris.csv"), shared().path("search-one/best.toml"), shared().path("search-fit"));
    succeeds(&["fit", &data, "--target", "species", "--model", &toml, "--verbose", "0", "--out", &out]);
    assert!(read("search-fit", "model.keras") == read("search-one", "model.keras"), "fit with best.toml");
}

#[test]
fn halving_by_folds_of_a_regression_from_a_toml_file() {
    let (data, out) = (dataset("auto_mpg.csv"), shared().path("search-mpg"));
    let space = "[search]\nmethod = \"halving\"\ntrials = 9\nlearning_rate = { low = 1e-3, high = 0.03 }\nunits = [4, 8]\ndepth = [1]\n";
    let toml = shared().file("space.toml", format!("[training]\nkfold = 2\nepochs = 9\n\n{space}"));
    let told = json(&["search", &data, "--target", "mpg", "--model", &toml, "--json", "--verbose", "0", "--out", &out]);
    let rounds: Vec<u64> = told["trials"].as_array().unwrap().iter().map(|t| t["round"].as_u64().unwrap()).collect();
    assert_eq!(rounds, [&[3][..], &[2; 3], &[1; 9]].concat());
    assert_eq!(told["score"], "rmse");
    let best = &told["best"];
    let folds: Vec<f64> = best["notes"]["folds"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!((folds.iter().sum::<f64>() / 2.0 - best["score"].as_f64().unwrap()).abs() < 1e-12, "{best}");
    let toml = String::from_utf8(read("search-mpg", "best.toml")).unwrap();
    assert!(toml.contains("test_split = 0.2") && toml.contains("class_name = \"Dense\"") && !toml.contains("use_bias"), "{toml}");
    assert_eq!(told["fit"]["measured_on"], "test rows");
}

#[test]
fn bad_spaces_and_foreign_journals_are_told() {
    let (data, out) = (dataset("iris.csv"), shared().path("search-bad"));
    let search = |more: &[&str], code: i32, phrases: &[&str]| {
        let words = ["search", &data, "--target", "species", "--epochs", "2", "--trials", "2", "--verbose", "0", "--out", &out];
        fails(&[&words[..], more].concat(), code, phrases);
    };
    search(&["--vary", "rate=1,2"], 2, &["\"rate\" is no setting that can be varied; there are learning_rate, optimizer"]);
    search(&["--vary", "units"], 2, &["--vary expects NAME=VALUES"]);
    search(&["--vary", "units=0,4"], 2, &["units expects whole numbers of at least 1, got 0"]);
    search(&["--vary", "units=4..8"], 2, &["units expects a list such as units=1,2,4, not a range"]);
    search(&["--vary", "learning_rate=0.1..0.01"], 2, &["a range goes from a smaller to a larger number, got 0.1 to 0.01"]);
    search(&["--vary", "optimizer=adam,adma"], 2, &["optimizer expects names of optimizers, such as adam, got \"adma\""]);
    search(&["--vary", "dropout=0.1", "--vary", "dropout=0.2"], 2, &["setting `dropout`: it is given twice"]);
    search(&["--hidden", "8", "--vary", "units=4,8"], 2, &["units cannot be varied here"]);
    search(&["--method", "grid"], 2, &["the grid has 32 points, more than the 2 trials"]);
    search(&["--validation-split", "0"], 2, &["trials are judged by rows that they have not learned from"]);
    let toml = shared().file("bad-space.toml", "[search]\nlearning_rate = { low = 1, hihg = 2 }\n");
    search(&["--model", &toml], 2, &["[search] learning_rate expects { low = 0.001, high = 0.1, log = true } or a list"]);

    fs::create_dir_all(&out).unwrap();
    fs::write(PathBuf::from(&out).join("trials.jsonl"), "{\"search\":{\"seed\":77}}\n").unwrap();
    search(&["--resume"], 1, &["trials.jsonl: it was begun with", "leave out --resume to begin anew"]);
}
