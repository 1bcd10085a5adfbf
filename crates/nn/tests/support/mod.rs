//! Reading goldens and running graphs on the reference evaluator.
#![allow(dead_code)] // each test file uses its part

use adaline_graph::{
    Builder, DType, Graph, NodeId, Shape, SlotId, TensorType, Var,
    eval::{self, Value},
};
use serde_json::Value as Json;
use std::{fs, path::Path};

/// The cases of a file of `scripts/goldens/catalogue.py`.
pub(crate) fn goldens(name: &str) -> Vec<Json> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// A tensor of a golden; `null` is NaN.
pub(crate) fn tensor(json: &Json) -> Value {
    let dims: Vec<usize> = json["shape"].as_array().unwrap().iter().map(|d| d.as_u64().unwrap() as usize).collect();
    let data: Vec<f64> = json["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect();
    let dtype = if json["dtype"] == "i32" { DType::I32 } else { DType::F32 };
    Value::of(TensorType::new(dtype, Shape::new(&dims)), data)
}

pub(crate) fn tensors(json: &Json) -> Vec<Value> {
    json.as_array().unwrap().iter().map(tensor).collect()
}

/// A builder's inputs and the values they take.
#[derive(Default)]
pub(crate) struct Feed {
    values: Vec<Value>,
}

impl Feed {
    pub(crate) fn input<'g>(&mut self, b: &'g Builder, value: &Value) -> Var<'g> {
        let v = b.input(&format!("input {}", self.values.len()), value.ty);
        self.values.push(value.clone());
        v
    }
    /// Values of the given nodes.
    pub(crate) fn run(&self, b: Builder, wanted: &[NodeId]) -> Vec<Value> {
        self.run_with(b, wanted, &|_| None)
    }
    pub(crate) fn run_with(&self, b: Builder, wanted: &[NodeId], state: &dyn Fn(SlotId) -> Option<Value>) -> Vec<Value> {
        let graph: Graph = b.finish().unwrap_or_else(|e| panic!("{e}"));
        let run = eval::evaluate(&graph, &self.values, state).unwrap_or_else(|e| panic!("{e}"));
        wanted.iter().map(|&n| run.node(n).clone()).collect()
    }
}

/// Gradients of a scalar.
pub(crate) fn gradients(b: &Builder, loss: Var<'_>, wrt: &[Var<'_>]) -> Vec<NodeId> {
    let wrt: Vec<NodeId> = wrt.iter().map(|v| v.id()).collect();
    b.with_graph(|g| adaline_graph::grad::gradients(g, loss.id(), &wrt)).unwrap_or_else(|e| panic!("{e}"))
}

/// Fails unless shapes are equal and each element differs by no more than what single precision explains.
pub(crate) fn close(what: &str, ours: &Value, theirs: &Value, relative: f64, absolute: f64) {
    assert_eq!(ours.ty, theirs.ty, "{what}");
    for (i, (a, b)) in ours.data.iter().zip(&theirs.data).enumerate() {
        let fits = (a - b).abs() <= absolute + relative * b.abs() || (a.is_nan() && b.is_nan());
        assert!(fits, "{what}, element {i}: ours {a}, Keras' {b}");
    }
}

/// Whether two JSON values are the same, with numbers compared as numbers (`0` is `0.0`).
pub(crate) fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => a.as_f64() == b.as_f64(),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b)),
        (Json::Object(a), Json::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same_json(v, w))),
        _ => a == b,
    }
}
