//! Layers whose numbers are given instead of drawn, against real Keras (`scripts/goldens/image.py`).

use adaline_graph::eval::{Value, evaluate};
use adaline_graph::{Builder, Shape, TensorType, Var};
use serde_json::Value as Json;

/// Those of a class.
pub(super) fn cases(class: &str) -> Vec<Json> {
    let all: Vec<Json> = serde_json::from_str(include_str!("../../../tests/goldens/image_given.json")).unwrap();
    all.into_iter().filter(|case| case["object"]["class_name"] == class).collect()
}

fn value(json: &Json) -> Value {
    let numbers = |key: &str| json[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<f64>>();
    let shape: Vec<usize> = numbers("shape").iter().map(|&d| d as usize).collect();
    Value::f32(Shape::new(&shape), &numbers("data").iter().map(|&v| v as f32).collect::<Vec<f32>>())
}

/// What `f` makes of a case's images and numbers.
pub(super) fn run(case: &Json, f: impl for<'g> FnOnce(Var<'g>, &[Var<'g>]) -> Var<'g>) -> Value {
    let given: Vec<Value> = std::iter::once(&case["x"]).chain(case["given"].as_array().unwrap()).map(value).collect();
    let b = Builder::new();
    let inputs: Vec<Var<'_>> = given.iter().enumerate().map(|(i, v)| b.input(&format!("x{i}"), TensorType::f32(v.ty.shape))).collect();
    b.output("y", f(inputs[0], &inputs[1..]));
    evaluate(&b.finish().unwrap(), &given, &|_| None).unwrap().outputs.remove(0)
}

/// Fails where that is not what Keras makes.
pub(super) fn compare(case: &Json, f: impl for<'g> FnOnce(Var<'g>, &[Var<'g>]) -> Var<'g>) {
    let (ours, theirs) = (run(case, f), value(&case["y"]));
    assert_eq!(ours.ty, theirs.ty);
    for (at, (a, b)) in ours.data.iter().zip(&theirs.data).enumerate() {
        assert!((a - b).abs() <= 2e-3 + 1e-5 * b.abs(), "{}: value {at} is {a}, Keras' {b}", case["object"]["config"]);
    }
}
