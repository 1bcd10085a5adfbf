//! The bound of a scan: that of its body, step after step.

use super::{Tolerance, bounds_from};
use adaline_graph::eval::{Precision, Value, evaluate_with};
use adaline_graph::{Body, Shape, TensorType};

pub(super) fn errors(body: &Body, steps: usize, reverse: bool, x: &[(&Value, &[f64])], t: &Tolerance) -> Vec<f64> {
    let outputs = &body.graph().outputs().values;
    let mut values: Vec<Value> = x.iter().map(|x| x.0.clone()).collect();
    let mut off: Vec<Vec<f64>> = x.iter().map(|x| x.1.to_vec()).collect();
    let mut results = vec![Vec::new(); outputs.len()];
    for (i, result) in results.iter_mut().enumerate() {
        *result = if i < body.carries() { off[i].clone() } else { vec![0.0; steps * body.graph().ty(outputs[i].1).len()] };
    }
    for step in 0..steps {
        let at = if reverse { steps - 1 - step } else { step };
        for i in body.carries()..body.carries() + body.xs() {
            let ty = TensorType::new(x[i].0.ty.dtype, Shape::new(&x[i].0.ty.shape.dims()[1..]));
            let range = at * ty.len()..(at + 1) * ty.len();
            values[i] = Value::of(ty, x[i].0.data[range.clone()].to_vec());
            off[i] = x[i].1[range].to_vec();
        }
        let run = evaluate_with(body.graph(), &values, &|_| None, Precision::F32).unwrap_or_else(|e| panic!("{e}"));
        let errors = bounds_from(body.graph(), &run.nodes, &off, t);
        for (i, (_, node)) in outputs.iter().enumerate() {
            let error = &errors[node.index()];
            if i < body.carries() {
                results[i].clone_from(error);
                off[i].clone_from(error);
                values[i] = run.node(*node).clone();
            } else {
                results[i][at * error.len()..(at + 1) * error.len()].copy_from_slice(error);
            }
        }
    }
    results.concat()
}
