//! What goes wrong is told in words, with an exit code: 2 for misuse, 1 for failure; never by a panic.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use support::{adaline, dataset, shared};

/// As [`support::fails`]; nothing but `fit` prints anything before it fails.
fn fails(args: &[&str], code: i32, phrases: &[&str]) {
    let out = support::fails(args, code, phrases);
    assert!(out.stdout.is_empty() || args[0] == "fit", "{args:?} printed {}", String::from_utf8_lossy(&out.stdout));
}

/// `fit` on a table with the given text.
fn fit_fails(name: &str, table: &str, more: &[&str], code: i32, phrases: &[&str]) {
    let data = shared().file(name, table);
    let out = shared().path(&format!("{name}-out"));
    let base = ["fit", &data, "--target", "y", "--epochs", "1", "--verbose", "0", "--out", &out];
    let more: Vec<&str> = more.to_vec();
    fails(&[&base[..], &more[..]].concat(), code, phrases);
    assert!(!std::path::Path::new(&out).join("model.keras").exists(), "{name}: no model of bad data");
}

const GOOD: &str = "a,b,y\n1,2,no\n2,1,yes\n3,4,no\n4,3,yes\n5,6,no\n6,5,yes\n7,8,no\n8,7,yes\n";

#[test]
fn tables() {
    fit_fails("empty.csv", "", &[], 1, &["empty"]);
    fit_fails("header.csv", "a,b,y\n", &[], 1, &["header.csv", "row"]);
    fit_fails("ragged.csv", "a,b,y\n1,2,no\n3,yes\n", &[], 1, &["ragged.csv", "row 2"]);
    fit_fails("one.csv", "a,b,y\n1,2,no\n2,1,no\n3,4,no\n", &[], 1, &["\"no\" in all 3 rows"]);
    fit_fails("inf.csv", "a,b,y\n1,2,no\n2,inf,yes\n3,4,no\n4,3,yes\n", &[], 1, &["inf.csv", "row 2"]);
    fit_fails("huge.csv", "a,b,y\n1,2,no\n2,1e300,yes\n3,4,no\n4,3,yes\n", &[], 1, &["huge.csv"]);
    fit_fails("target.csv", &GOOD.replace(",y", ",target"), &[], 2, &["target.csv", "target"]);
    let mostly: String =
        (0..60).map(|i| if i == 40 { "4O,x,no\n".into() } else { format!("{i},{},{}\n", i * 7 % 60, ["no", "yes"][i % 2]) }).collect();
    fit_fails("mostly.csv", &format!("a,b,y\n{mostly}"), &[], 1, &["mostly.csv", "row 41"]);
    fit_fails("good1.csv", GOOD, &["--target", "yy"], 2, &["--target"]);
    fit_fails("good2.csv", GOOD, &["--category", "aa"], 2, &["aa"]);
    fit_fails("good3.csv", GOOD, &["--task", "numbers"], 1, &["good3.csv"]);
}

#[test]
fn an_unknown_target_gets_a_suggestion() {
    let out = shared().path("suggest");
    fails(&["fit", &dataset("iris.csv"), "--target", "spezies", "--out", &out], 2, &["spezies", "did you mean", "species"]);
    fails(&["fit", &dataset("iris.csv"), "--out", &out], 2, &["--target COLUMN", "petal_width"]);
}

#[test]
fn files_that_are_not_there_or_not_what_they_should_be() {
    let (iris, csv) = (shared().path("iris/model.keras"), dataset("iris.csv"));
    let nowhere = shared().path("nowhere.keras");
    for command in ["evaluate", "predict", "explain"] {
        fails(&[command, &nowhere, &csv], 1, &["nowhere.keras"]);
        fails(&[command, &iris, &shared().path("nowhere.csv")], 1, &["nowhere.csv"]);
        fails(&[command, &csv, &csv], 1, &["iris.csv"]);
        fails(&[command, &iris, &iris], 2, &["this is a Keras model"]);
        fails(&[command, &iris], 2, &["<DATA>"]);
    }
    for command in ["summary", "dump"] {
        fails(&[command, &nowhere], 1, &["nowhere.keras"]);
        fails(&[command, &csv], 1, &["iris.csv"]);
    }
    fails(&["fit", &shared().path("nowhere.csv"), "--target", "y", "--out", &shared().path("nowhere-out")], 1, &["nowhere.csv"]);
}

#[test]
fn models_that_are_cut_short_or_damaged() {
    let whole = std::fs::read(shared().path("iris/model.keras")).unwrap();
    let csv = dataset("iris.csv");
    for (i, keep) in [0, 1, 4, 100, whole.len() / 2, whole.len() - 1].into_iter().enumerate() {
        let path = shared().file(&format!("cut{i}.keras"), &whole[..keep]);
        fails(&["predict", &path, &csv], 1, &[&format!("cut{i}.keras")]);
    }
    // Any byte may be wrong. The reader says so, or the damage is where nothing is read; it never panics.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let path = shared().file("damaged.keras", &bytes);
        let out = adaline(&["summary", &path]);
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert!(matches!(out.status.code(), Some(0 | 1)) && !stderr.contains("panicked"), "byte {at}: {:?}\n{stderr}", out.status);
    }
}

#[test]
fn data_that_does_not_fit_the_model() {
    let iris = shared().path("iris/model.keras");
    let lacking = shared().file("lacking.csv", "sepal_length,sepal_width\n5.1,3.5\n4.9,3\n");
    for command in ["predict", "evaluate", "explain"] {
        fails(&[command, &iris, &lacking], 1, &["lacking.csv", if command == "evaluate" { "species" } else { "petal_length" }]);
    }
    let text = shared().file("text.csv", "sepal_length,sepal_width,petal_length,petal_width\n5.1,3.5,1.4,0.2\n4.9,wide,1.4,0.2\n");
    fails(&["predict", &iris, &text], 1, &["text.csv", "sepal_width", "wide", "row 2"]);
    let class = shared()
        .file("class.csv", "sepal_length,sepal_width,petal_length,petal_width,species\n5.1,3.5,1.4,0.2,setosa\n4.9,3,1.4,0.2,tulip\n");
    fails(&["evaluate", &iris, &class], 1, &["tulip", "row 2"]);
    fails(&["explain", &iris, &class, "--row", "2"], 2, &["--row 2 does not exist", "2 rows"]);
    fails(&["explain", &iris, &class, "--row", "-1"], 2, &["-1"]);

    let x = adaline::data::Tensor::f32([2, 3], vec![0.0; 6]).unwrap();
    let npy = shared().path("three.npy");
    adaline::data::write_npy(&npy, &x).unwrap();
    fails(&["predict", &iris, &npy, "--out", &shared().path("o.npy")], 1, &["rows of 3 numbers", "petal_width"]);
    fails(&["predict", &iris, &npy], 2, &["--out FILE.npy"]);
    fails(&["evaluate", &iris, &npy], 1, &["there is no target to compare with"]);
    let npz = shared().path("label.npz");
    let x = adaline::data::Tensor::f32([2, 4], vec![0.0; 8]).unwrap();
    adaline::data::write_npz(&npz, &[("x", &x), ("y", &adaline::data::Tensor::i32([2], vec![0, 3]).unwrap())]).unwrap();
    fails(&["evaluate", &iris, &npz], 1, &["label 3 of row 1"]);
}

#[test]
fn a_plain_model_takes_numbers_only() {
    use adaline::prelude::*;
    let model = Sequential::new().add(Input::new([2])).add(Dense::new(1)).build(Seed(1)).unwrap();
    let path = shared().path("line.keras");
    model.save(&path).unwrap();
    let three = shared().file("three.csv", "a,b,c\n1,2,3\n");
    fails(&["predict", &path, &three], 1, &["takes 2 numbers per row", "3 columns (a, b, c)"]);
    let text = shared().file("words.csv", "a,b\n1,2\n3,four\n");
    fails(&["predict", &path, &text], 1, &["words.csv", "four"]);
    let gap = shared().file("gap.csv", "a,b\n1,2\n3,\n");
    fails(&["predict", &path, &gap], 1, &["row 2", "\"b\"", "no value"]);
    fails(&["dump", &path], 1, &["--inference"]);
}

#[test]
fn places_that_cannot_be_written() {
    let iris = shared().path("iris/model.keras");
    let file = shared().file("a-file", "");
    let below = format!("{file}/out");
    fails(&["fit", &dataset("iris.csv"), "--target", "species", "--out", &below], 1, &["a-file"]);
    fails(&["predict", &iris, &dataset("iris.csv"), "--out", &format!("{file}/p.csv")], 1, &["a-file"]);
    // A good file stays when the new one cannot be made.
    let kept = shared().file("kept.csv", "precious");
    let broken = shared().file("broken.csv", "sepal_length\nx\n");
    fails(&["predict", &iris, &broken, "--out", &kept], 1, &["broken.csv"]);
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "precious");
}

/// A TOML file for iris with the given layers and training.
fn toml_fails(name: &str, layers: &str, training: &str, code: i32, phrases: &[&str]) {
    let text = format!("[data]\npath = {:?}\ntarget = \"species\"\n{layers}\n[training]\nepochs = 1\n{training}\n", dataset("iris.csv"));
    let toml = shared().file(name, text);
    fails(&["fit", "--model", &toml, "--verbose", "0", "--out", &shared().path(&format!("{name}-out"))], code, phrases);
}

const SOFTMAX: &str = "[[model.layers]]\nclass_name = \"Dense\"\nunits = 3\nactivation = \"softmax\"\n";

#[test]
fn configurations() {
    toml_fails("class.toml", "[[model.layers]]\nclass_name = \"Dens\"\nunits = 3\n", "", 2, &["Dens", "did you mean `Dense`", "number 1"]);
    toml_fails("key.toml", "[[model.layers]]\nclass_name = \"Dense\"\nunit = 3\n", "", 2, &["unit", "units"]);
    toml_fails("name.toml", "[[model.layers]]\nunits = 3\n", "", 2, &["class_name"]);
    toml_fails("zero.toml", "[[model.layers]]\nclass_name = \"Dense\"\nunits = 0\n", "", 2, &["units", "a positive integer"]);
    toml_fails("width.toml", "[[model.layers]]\nclass_name = \"Dense\"\nunits = 4\n", "", 2, &["3 classes need 3 outputs", "has 4"]);
    let input = "[[model.layers]]\nclass_name = \"InputLayer\"\nshape = [7]\n";
    let policies = "\"float32\", \"mixed_bfloat16\" or \"mixed_float16\"";
    toml_fails("policy.toml", &format!("[model]\ndtype = \"mixed_float8\"\n{SOFTMAX}"), "", 2, &["[model]: `dtype`", policies]);
    toml_fails("dtype.toml", &format!("{SOFTMAX}dtype = \"float64\"\n"), "", 2, &["number 1: Dense: `dtype`", policies]);
    toml_fails("shape.toml", &format!("{input}{SOFTMAX}"), "", 1, &["(7,)", "(4,)"]);
    toml_fails("rate.toml", SOFTMAX, "learning_rate = -1.0", 2, &["above 0"]);
    toml_fails("optimizer.toml", SOFTMAX, "optimizer = \"adamm\"", 2, &["adamm"]);
    toml_fails("momentum.toml", SOFTMAX, "optimizer = { class_name = \"SGD\", momentum = 1.5 }", 2, &["momentum"]);
    toml_fails("loss.toml", SOFTMAX, "loss = \"mean_squared_eror\"", 2, &["mean_squared_error"]);
    toml_fails("word.toml", SOFTMAX, "epoch = 3", 2, &["epoch"]);
    toml_fails("syntax.toml", "[[model.layers]\n", "", 2, &["syntax.toml"]);
    fails(&["fit", "--model", &shared().path("no.toml")], 1, &["no.toml"]);
}

#[test]
fn words_of_the_command_line() {
    let csv = dataset("iris.csv");
    let out = shared().path("words-out");
    let fit = |more: &[&str], phrases: &[&str]| {
        fails(&[&["fit", &csv, "--target", "species", "--out", &out, "--verbose", "0"], more].concat(), 2, phrases);
    };
    fit(&["--epochs", "0"], &["--epochs", "at least 1"]);
    fit(&["--batch-size", "0"], &["--batch-size"]);
    fit(&["--learning-rate", "-0.1"], &["--learning-rate"]);
    fit(&["--learning-rate", "nan"], &["--learning-rate"]);
    fit(&["--dropout", "1"], &["--dropout"]);
    fit(&["--validation-split", "1.5"], &["--validation-split"]);
    fit(&["--kfold", "1"], &["--kfold"]);
    fit(&["--kfold", "200"], &["200"]);
    fit(&["--hidden", "8,0"], &["--hidden"]);
    fit(&["--optimizer", "sgdd"], &["sgdd", "did you mean"]);
    fit(&["--delimiter", "é"], &["--delimiter"]);
    fit(&["--threads", "0"], &["--threads"]);
    fails(&["fitt"], 2, &["fit"]);
    fails(&["bench", "tinny"], 2, &["tinny", "did you mean tiny?"]);
    fails(&["bench", "dlicn"], 2, &["did you mean dlicnn?", "infer-cnn"]);
    fails(&["bench", "infer-linreg"], 2, &["infer-linreg"]);
    fails(&["bench", "infer-cnn", "--run", "3"], 2, &["--run", "infer-cnn"]);
    fails(&["bench", "cnn", "--rows", "100000000"], 2, &["too many"]);
    fails(&["bench", "tiny", "--batch", "0"], 2, &["--batch"]);
    fails(&["bench", "tiny", "--rows", "0"], 2, &["--rows"]);
    fails(&["bench"], 2, &["WORKLOAD"]);
    fails(&["bench", "tiny", "--dtype", "bfloat16"], 2, &["--dtype", "mixed_bfloat16"]);
    fails(&["bench", "--model", "any.toml", "--dtype", "mixed_bfloat16"], 2, &["--dtype", "[model]", "any.toml"]);
    fails(&["bench", "tiny", "--run", "0"], 2, &["--run"]);
    fails(&["bench", "infer-tiny", "--rows", "10", "--run", "1"], 2, &["--run", "infer-tiny"]);
    fails(&["bench", "infer-tiny", "--rows", "10", "--start"], 2, &["--start", "infer-tiny"]);
    fails(&["bench", "mlp128", "--data", &shared().path("no-mnist")], 2, &["train-images-idx3-ubyte"]);
    fails(&["dump", &shared().path("iris/model.keras"), "--batch", "0"], 2, &["--batch"]);
    fails(&["dump", &shared().path("iris/model.keras"), "--batch", "4000000000"], 2, &["--batch"]);
    fails(&["bench", "tiny", "--rows", "1000000000000"], 2, &["too many"]);
    let toml = shared().file("open.toml", SOFTMAX);
    fails(&["dump", &toml], 2, &["InputLayer"]);
    fails(&["bench", "--model", &toml], 2, &["InputLayer"]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_adaline"))
        .args(["predict", &shared().path("iris/model.keras"), &dataset("iris.csv")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take()); // nobody reads
    let _ = child.stdin.take().map(|mut i| i.flush());
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{:?} {}", out.status, String::from_utf8_lossy(&out.stderr));
}
