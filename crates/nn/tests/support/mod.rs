//! Reading goldens and running graphs on the reference evaluator.
#![allow(dead_code)] // each test file uses its part

use adaline_graph::{
    Builder, DType, Graph, NodeId, Shape, SlotId, TensorType, Var,
    eval::{self, Value},
};
use adaline_nn::{Layer, Trace, trace::Weights};
use serde_json::Value as Json;
use std::{fs, path::Path};

/// What single precision explains.
pub(crate) const RELATIVE: f64 = 2e-5;
pub(crate) const ABSOLUTE: f64 = 2e-6;

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
    /// The values in the order of the inputs.
    pub(crate) fn values(&self) -> &[Value] {
        &self.values
    }
    /// Values of the given nodes.
    pub(crate) fn run(&self, b: Builder, wanted: &[NodeId]) -> Vec<Value> {
        self.run_with(b, wanted, &|_| None)
    }
    pub(crate) fn run_with(&self, b: Builder, wanted: &[NodeId], state: &dyn Fn(SlotId) -> Option<Value>) -> Vec<Value> {
        // By name, since finishing leaves out what the bodies of recurrences were written with.
        wanted.iter().enumerate().for_each(|(i, &n)| b.output(&format!("wanted {i}"), b.var(n)));
        let graph: Graph = b.finish().unwrap_or_else(|e| panic!("{e}"));
        eval::evaluate(&graph, &self.values, state).unwrap_or_else(|e| panic!("{e}")).outputs
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

/// Compares names of weights, values, gradients and what becomes of moving statistics with a case of Keras.
///
/// Weights that training leaves alone must agree as they were made, unless the case says whether it is of training: then all are set.
pub(crate) fn layer_as_keras(layer: &dyn Layer, case: &Json) {
    let set = !case["training"].is_null();
    let training = case["training"] == true;
    let what = format!("{} of {}, training {training}", case["object"], case["x"]["shape"]);
    let (b, mut feed) = (Builder::new(), Feed::default());
    let (x, c) = (feed.input(&b, &tensor(&case["x"])), feed.input(&b, &tensor(&case["cotangent"])));
    let (seed, step) = (feed.input(&b, &Value::i32([2], &[1, 2])), feed.input(&b, &Value::i32(Shape::SCALAR, &[0])));
    let mut weights = Weights::new(7);
    let mut cx = Trace::new(&b, &mut weights, training, seed, step);
    let y = cx.scope("layer", |cx| layer.call(cx, &[x]));
    let updates = cx.finish().1;
    assert!(!b.failed(), "{what}: {}", b.finish().unwrap_err());
    // Keras' weights, in the order in which ours were declared; what was adapted must already agree.
    let theirs = case["weights"].as_array().unwrap();
    let names: Vec<&str> = theirs.iter().map(|w| w["name"].as_str().unwrap()).collect();
    assert_eq!(weights.list.iter().map(|w| w.name.as_str()).collect::<Vec<_>>(), names, "{what}");
    for (ours, theirs) in weights.list.iter().zip(theirs) {
        let value = tensor(theirs);
        assert_eq!(ours.ty.shape, value.ty.shape, "{what}");
        if ours.spec.trainable || set {
            weights.store.f32_mut(ours.slot).copy_from_slice(&value.to_f32());
        } else {
            let held = Value::f32(value.ty.shape, weights.store.f32(ours.slot));
            close(&format!("{what}: {}", ours.name), &held, &Value::f32(value.ty.shape, &value.to_f32()), RELATIVE, ABSOLUTE);
        }
    }
    let trained: Vec<Var<'_>> =
        weights.list.iter().filter(|w| w.spec.trainable).map(|w| b.state(w.slot, &format!("{}/{}", w.layer, w.name), w.ty)).collect();
    let mut wanted = vec![y.id()];
    wanted.extend(gradients(&b, (y * c).sum(&[], false), &[&[x][..], &trained].concat()));
    wanted.extend(updates.iter().map(|u| u.1.id()));
    let updated: Vec<SlotId> = updates.iter().map(|u| u.0).collect();
    let run = feed.run_with(b, &wanted, &|slot| {
        let w = weights.list.iter().find(|w| w.slot == slot)?;
        Some(Value::f32(w.ty.shape, weights.store.f32(slot)))
    });
    close(&what, &run[0], &tensor(&case["y"]), RELATIVE, ABSOLUTE);
    close(&format!("{what}: gradient"), &run[1], &tensor(&case["gradient"]), RELATIVE, 1e-5);
    let of_weights = tensors(&case["weight_gradients"]);
    assert_eq!(run.len(), 2 + of_weights.len() + updated.len(), "{what}");
    for (ours, theirs) in run[2..].iter().zip(&of_weights) {
        close(&format!("{what}: gradient of a weight"), ours, theirs, RELATIVE, 1e-5);
    }
    if training {
        for ((ours, theirs), slot) in run[2 + of_weights.len()..].iter().zip(tensors(&case["after"])).zip(&updated) {
            let name = &weights.list.iter().find(|w| w.slot == *slot).unwrap().name;
            close(&format!("{what}: new {name}"), ours, &theirs, RELATIVE, ABSOLUTE);
        }
        let moving = if layer.trainable() { case["after"].as_array().unwrap().len() } else { 0 };
        assert_eq!(updated.len(), moving, "{what}");
    }
}
