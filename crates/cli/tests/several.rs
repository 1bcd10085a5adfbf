//! Networks of several inputs and outputs, made by other means than `fit`: arrays by name.

mod support;

use ::adaline::data::{Tensor, read_npy, read_npz, write_npy, write_npz};
use ::adaline::nn::{Apply, Functional};
use ::adaline::prelude::*;
use std::path::Path;
use std::sync::OnceLock;
use support::{fails, json, succeeds};
use tempfile::TempDir;

const ROWS: usize = 40;

fn wave(columns: usize, speed: f32) -> Tensor {
    Tensor::f32([ROWS, columns], (0..ROWS * columns).map(|i| (i as f32 * speed).sin()).collect()).unwrap()
}

struct Made {
    folder: TempDir,
    price: Tensor,
    kind: Tensor,
    loss: f64,
}

impl Made {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// `two.keras` of inputs `pixels`, `facts` and outputs `price`, `kind`; `plain.keras` without losses; `data.npz` for both; `one.keras` of one
/// output.
fn made() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (pixels, facts, prices) = (wave(4, 0.7), wave(2, 0.3), wave(1, 0.9));
        let kinds = Tensor::from((0..ROWS as i32).map(|i| i % 3).collect::<Vec<_>>());
        let heads = || {
            let (a, b) = (Input::new([4]).name("pixels").tensor(), Input::new([2]).name("facts").tensor());
            let both = Concatenate::new().apply([&a, &b]);
            let price = Dense::new(1).name("price").apply(&both);
            let kind = Dense::new(3).activation(Activation::Softmax).name("kind").apply(&both);
            ([a, b], price, kind)
        };
        let ([a, b], price, kind) = heads();
        let mut model = Functional::new([&a, &b], [&price, &kind]).unwrap().build(Seed(1)).unwrap();
        model.save(folder.path().join("plain.keras")).unwrap();
        let objectives = [
            ("price", Objective::new(MeanSquaredError::default())),
            ("kind", Objective::new(SparseCategoricalCrossentropy::default()).metrics([Accuracy::default()])),
        ];
        model.compile_outputs(Adam::new(0.01), objectives).unwrap();
        model.fit([&pixels, &facts], [&prices, &kinds], Fit::default().epochs(2).verbose(0)).unwrap();
        model.save(folder.path().join("two.keras")).unwrap();
        let ([a, b], price, _) = heads();
        let mut one = Functional::new([&a, &b], &price).unwrap().build(Seed(1)).unwrap();
        one.compile(Adam::new(0.01), MeanSquaredError::default(), ()).unwrap();
        one.save(folder.path().join("one.keras")).unwrap();
        let named = [("facts", &facts), ("pixels", &pixels), ("price", &prices), ("kind", &kinds), ("y", &prices)];
        write_npz(folder.path().join("data.npz"), &named).unwrap();
        write_npy(folder.path().join("pixels.npy"), &pixels).unwrap();
        let loss = model.evaluate([&pixels, &facts], [&prices, &kinds], Evaluate::default()).unwrap()[0].1;
        let mut outputs = model.predict_all([&pixels, &facts], 32).unwrap();
        let (kind, price) = (outputs.pop().unwrap(), outputs.pop().unwrap());
        Made { folder, price, kind, loss }
    })
}

#[test]
fn arrays_go_in_and_out_by_name() {
    let made = made();
    let out = made.path("predictions.npz");
    let said = succeeds(&["predict", &made.path("two.keras"), &made.path("data.npz"), "--out", &out]);
    assert!(said.contains("Wrote 40 predictions"), "{said}");
    let read = read_npz(Path::new(&out)).unwrap();
    assert_eq!(read, [("price".to_owned(), made.price.clone()), ("kind".to_owned(), made.kind.clone())]);
    let told = json(&["predict", &made.path("two.keras"), &made.path("data.npz"), "--json"]);
    assert_eq!((told["rows"].as_u64(), told["outputs"]["kind"]["shape"].clone()), (Some(40), serde_json::json!([40, 3])));
    let first = told["outputs"]["kind"]["rows"][0][2].as_f64().unwrap();
    assert!((first - f64::from(made.kind.as_f32().unwrap()[2])).abs() < 1e-6);
    // One output may be a plain array.
    let out = made.path("price.npy");
    succeeds(&["predict", &made.path("one.keras"), &made.path("data.npz"), "--out", &out]);
    assert_eq!(read_npy(Path::new(&out)).unwrap().shape(), [40, 1]);
}

#[test]
fn losses_are_measured_by_name() {
    let made = made();
    let told = json(&["evaluate", &made.path("two.keras"), &made.path("data.npz"), "--json"]);
    assert_eq!(told["rows"], 40);
    assert!((told["as_trained"]["loss"].as_f64().unwrap() - made.loss).abs() < 1e-6, "{told} {}", made.loss);
    assert!(told["as_trained"]["kind_accuracy"].is_number(), "{told}");
    let said = succeeds(&["evaluate", &made.path("one.keras"), &made.path("data.npz")]);
    assert!(said.contains("On 40 rows of data: loss"), "{said}");
    let summary = json(&["summary", &made.path("two.keras"), "--json"]);
    assert_eq!(summary["inputs"], serde_json::json!([{"name": "pixels", "shape": [4]}, {"name": "facts", "shape": [2]}]));
    assert_eq!(summary["outputs"], serde_json::json!([{"name": "price", "shape": [1]}, {"name": "kind", "shape": [3]}]));
    assert!(succeeds(&["summary", &made.path("two.keras")]).contains("Concatenate"));
}

#[test]
fn what_is_missing_is_named() {
    let made = made();
    let (two, data) = (made.path("two.keras"), made.path("data.npz"));
    let shapes = "inputs pixels (4), facts (2); outputs price (1), kind (3)";
    let table = made.path("table.csv");
    std::fs::write(&table, "a,b\n1,2\n").unwrap();
    let example = "as numpy.savez(\"data.npz\", pixels=..., facts=...) writes it";
    fails(&["predict", &two, &table, "--json"], 1, &[shapes, example, "a table"]);
    fails(&["predict", &two, &made.path("pixels.npy"), "--json"], 1, &[shapes, example]);
    fails(&["predict", &two, &made.folder.path().display().to_string(), "--json"], 1, &[shapes, "is a folder"]);
    fails(&["predict", &two, &data], 2, &["(price, kind)", "--out FILE.npz", "--json"]);
    fails(&["predict", &two, &data, "--out", &made.path("x.npy")], 2, &["--out FILE.npz"]);
    let few = made.path("few.npz");
    write_npz(Path::new(&few), &[("pixel", &wave(4, 0.1))]).unwrap();
    fails(
        &["predict", &two, &few, "--json"],
        1,
        &["no array `pixels` for the input of that name", "(is it `pixel`?)", "the file has pixel", shapes],
    );
    fails(&["evaluate", &two, &few], 1, &["no array `pixels`"]);
    let unlabelled = made.path("unlabelled.npz");
    write_npz(Path::new(&unlabelled), &[("pixels", &wave(4, 0.1)), ("facts", &wave(2, 0.1))]).unwrap();
    fails(&["evaluate", &two, &unlabelled], 1, &["no array `price` for the output of that name"]);
    fails(&["evaluate", &two, &table], 1, &["numpy.savez(\"data.npz\", pixels=..., facts=..., price=..., kind=...)"]);
    fails(&["evaluate", &made.path("plain.keras"), &data], 1, &["saved without its losses", "Model::compile"]);
    fails(&["explain", &two, &data], 1, &["explain follows a row of one input to one output", shapes, "summary --plot"]);
    let wrong = made.path("wrong.npz");
    write_npz(Path::new(&wrong), &[("pixels", &wave(3, 0.1)), ("facts", &wave(2, 0.1))]).unwrap();
    fails(&["predict", &two, &wrong, "--json"], 1, &["pixels"]);
}
