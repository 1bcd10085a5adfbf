//! A text beside other columns, and texts of several lengths in buckets.

mod support;

use serde_json::json;
use std::fmt::Write;
use std::sync::OnceLock;
use support::{Shared, adaline, fails, json, succeeds};

const ROWS: usize = 240;

/// The label needs both: whether the words praise, and whether it is sunny. Every third row has no temperature. One text in eight is long.
fn reviews() -> String {
    let mut table = String::from("id,weather,body,warmth,label\n");
    for row in 0..ROWS {
        let (praises, sunny) = (row % 2 == 0, row / 2 % 2 == 0);
        let word = if praises { ["great", "lovely"][row / 4 % 2] } else { ["awful", "boring"][row / 4 % 2] };
        let filler = "and so on ".repeat(if row % 8 == 7 { 12 } else { row % 2 });
        let warmth = if row % 3 == 0 { String::new() } else { format!("{}.5", row * 7 % 30) };
        let label = if praises == sunny { "go" } else { "stay" };
        let _ = writeln!(table, "u{row:05},{},\"A film {filler}that is {word}\",{warmth},{label}", if sunny { "sun" } else { "rain" });
    }
    table
}

/// A network for [`reviews`] in `out/model.keras`.
fn shared() -> &'static Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    let args = ["--target", "label", "--text", "body", "--epochs", "40", "--learning-rate", "0.02", "--verbose", "1"];
    SHARED.get_or_init(|| Shared::of_reviews(&reviews(), &args))
}

#[test]
fn a_network_learns_from_words_and_columns() {
    let shared = shared();
    let beside = "Note: beside the text of `body` the network learns from `weather`, `warmth` (--text-alone leaves them out)";
    assert!(shared.said.contains(beside), "{}", shared.said);
    assert!(shared.said.contains("Note: column `id` is left out"), "{}", shared.said);
    // Neither the words nor the weather alone say more than half.
    let measured = json(&["evaluate", &shared.model(), &shared.path("reviews.csv"), "--json"]);
    assert_eq!(measured["rows"].as_u64(), Some(ROWS as u64));
    assert!(measured["metrics"]["accuracy"].as_f64().unwrap() > 0.95, "{measured}");
    let summary = json(&["summary", &shared.model(), "--json"]);
    // Of the weather two columns; the warmth and whether it is missing.
    assert_eq!(summary["inputs"], json!([{"name": "text", "shape": [null]}, {"name": "columns", "shape": [4]}]));
    let report = std::fs::read_to_string(shared.path("out/report.html")).unwrap();
    assert!(report.contains("beside the text of") && report.contains("numbers of its first") && report.contains("GlobalAveragePooling1D"));
}

#[test]
fn texts_of_several_lengths_come_in_buckets_and_predict_the_same() {
    let shared = shared();
    let said = shared.said.lines().find(|l| l.contains("buckets")).unwrap_or_else(|| panic!("{}", shared.said));
    assert!(said.starts_with("Note: texts have 5 to ") && said.contains("from 4 buckets") && said.contains("--buckets 1"), "{said}");
    // Rows alone, or among longer ones.
    let all = json(&["predict", &shared.model(), &shared.path("reviews.csv"), "--json"]);
    let lines: Vec<String> = reviews().lines().map(str::to_owned).collect();
    for row in [0, 7, 100] {
        let one = shared.file(&format!("one{row}.csv"), format!("{}\n{}\n", lines[0], lines[row + 1]));
        let one = json(&["predict", &shared.model(), &one, "--json"]);
        let p = |told: &serde_json::Value, row: usize| told["predictions"][row]["probabilities"]["go"].as_f64().unwrap();
        assert!((p(&one, 0) - p(&all, row)).abs() < 1e-5, "row {row}: {one} {}", all["predictions"][row]);
    }
    // Other numbers of buckets; one pads all texts alike, and says nothing.
    let fit = |more: &[&str], out: &str| {
        let args = ["--target", "label", "--text", "body", "--epochs", "2", "--out", &shared.path(out)];
        succeeds(&[&["fit", &shared.path("reviews.csv")][..], &args, more].concat())
    };
    for (more, out) in [(&["--buckets", "1"][..], "b1"), (&["--buckets", "3"], "b3"), (&["--buckets", "1", "--text-alone"], "b1a")] {
        let said = fit(more, out);
        assert!(!said.contains("texts have"), "{said}");
        let told = json(&["evaluate", &shared.path(&format!("{out}/model.keras")), &shared.path("reviews.csv"), "--json"]);
        assert!(told["as_trained"]["loss"].is_number(), "{told}");
    }
    let said = fit(&["--text-alone"], "alone");
    assert!(said.contains("column `weather` is left out: the text is read alone") && said.contains("from 4 buckets"), "{said}");
    let summary = |out: &str| json(&["summary", &shared.path(&format!("{out}/model.keras")), "--json"])["input_shape"].clone();
    assert_eq!(summary("alone"), json!([null]));
    // Padded to one length, of 95 % of the texts at least.
    assert!(summary("b1a")[0].as_u64().is_some_and(|n| n > 5), "{}", summary("b1a"));
    let report = std::fs::read_to_string(shared.path("b3/report.html")).unwrap();
    assert!(report.contains("buckets of texts by length"));
}

#[test]
fn a_row_of_words_and_columns_is_explained() {
    let shared = shared();
    let text = succeeds(&["explain", &shared.model(), &shared.path("reviews.csv"), "--row", "3", "--top", "4"]);
    for part in [
        "weather = rain",
        "body = A film",
        "The network reads",
        "The network gets, beside the text, 4 numbers:",
        "weather=rain",
        "What each word adds to",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let told = json(&["explain", &shared.model(), &shared.path("reviews.csv"), "--row", "3", "--json"]);
    assert_eq!(told["beside_text"]["weather=rain"], 1.0);
    assert!(told["text"]["read"][0]["share"].is_number(), "{}", told["text"]);
    let layer = |class: &str| told["layers"].as_array().unwrap().iter().find(|l| l["class"] == class).unwrap().clone();
    assert_eq!(layer("Concatenate")["units"].as_array().unwrap().len(), 64);
    // The output follows from the numbers of the last layer.
    assert!(told["one_step"]["loss"].as_f64().unwrap() <= told["loss"]["value"].as_f64().unwrap());
    // An unknown category, a missing number, no text at all.
    let odd = shared.file("odd.csv", "body,weather,warmth\n,snow,\nxyzzy,,3\n");
    let csv = succeeds(&["predict", &shared.model(), &odd]);
    assert_eq!(csv.lines().count(), 3, "{csv}");
    assert!(csv.lines().skip(1).all(|l| !l.contains("NaN")), "{csv}");
}

#[test]
fn what_does_not_go_together_is_told() {
    let shared = shared();
    let data = shared.path("reviews.csv");
    let out = shared.path("refused");
    // A column that the network needs.
    let other = shared.file("other.csv", "body,weather\ngreat,sun\n");
    fails(&["predict", &shared.model(), &other], 1, &["columns are missing: warmth"]);
    // Layers of a file are a chain: the text alone goes in, and it is said.
    let chain = "[[model.layers]]\nclass_name = \"Embedding\"\ninput_dim = 200\noutput_dim = 4\n\n[[model.layers]]\nclass_name = \
                 \"GlobalAveragePooling1D\"\n\n[[model.layers]]\nclass_name = \"Dense\"\nunits = 2\nactivation = \"softmax\"\n";
    let chain = shared.file("chain.toml", chain);
    let args = ["fit", &data, "--target", "label", "--text", "body", "--epochs", "1", "--out", &out];
    let said = succeeds(&[&args[..], &["--model", &chain]].concat());
    assert!(said.contains("takes one input: the text of `body` alone is read, not `weather`, `warmth`"), "{said}");
    let said = succeeds(&[&args[..], &["--model", &chain, "--buckets", "2"]].concat());
    assert!(said.contains("takes one input"), "{said}");
    assert_eq!(json(&["summary", &shared.path("refused/model.keras"), "--json"])["input_shape"], json!([null]));
    // A column without words.
    let void = shared.file("void.csv", "body,stars,label\n!,1,a\n?,5,b\n...,2,a\n,5,b\n");
    let text =
        "--text body cannot be read as text: no word in the training rows; leave --text out to learn from the other columns, `stars`";
    fails(&["fit", &void, "--target", "label", "--text", "body", "--out", &out], 1, &[text]);
    // A search varies chains.
    let told = adaline(&[
        "search",
        &data,
        "--target",
        "label",
        "--text",
        "body",
        "--epochs",
        "1",
        "--trials",
        "1",
        "--vary",
        "units=4,8",
        "--out",
        &out,
    ]);
    let said = String::from_utf8_lossy(&told.stdout).into_owned() + &String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success() && said.contains("a chain of layers, as [[model.layers]] and `search` have it"), "{said}");
    succeeds(&["fit", &data, "--model", &shared.path("refused/best.toml"), "--out", &shared.path("again"), "--verbose", "0"]);
}

#[test]
fn texts_beside_columns_go_through_folds_and_numbers() {
    let shared = shared();
    let args = ["--target", "warmth", "--task", "numbers", "--text", "body", "--kfold", "2", "--epochs", "2", "--verbose", "0", "--json"];
    let told = json(&[&["fit", &shared.path("reviews.csv"), "--out", &shared.path("warmth")][..], &args].concat());
    assert_eq!(told["kfold"]["folds"].as_array().unwrap().len(), 2);
    let told = json(&["evaluate", &shared.path("warmth/model.keras"), &shared.path("reviews.csv"), "--json"]);
    assert_eq!((told["task"].as_str(), told["rows"].as_u64()), (Some("regression"), Some(ROWS as u64 * 2 / 3)));
}
