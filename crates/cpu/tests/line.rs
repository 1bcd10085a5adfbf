//! A line fitted to points: the whole step is one region that reads the slope and intercept, sums over all rows, and writes both in place.

use adaline_cpu::Cpu;
use adaline_graph::backend::CompileOptions;
use adaline_graph::eval::Value;
use adaline_graph::{Builder, Graph, Role, SlotId, StateLayout, TensorType, grad::gradients};
use adaline_testkit::compare::{Tolerance, compare};

/// A step of gradient descent on the mean squared error of `w·x + b` over `rows` points.
fn step(rows: usize) -> (Graph, [SlotId; 2]) {
    let mut layout = StateLayout::new();
    let slots = [layout.add("w", Role::Trainable, TensorType::f32([1, 1])), layout.add("b", Role::Trainable, TensorType::f32([1]))];
    let b = Builder::new();
    let (x, y) = (b.input("x", TensorType::f32([rows, 1])), b.input("y", TensorType::f32([rows, 1])));
    let (w, bias) = (b.state(slots[0], "w", TensorType::f32([1, 1])), b.state(slots[1], "b", TensorType::f32([1])));
    let loss = (x.matmul(w) + bias - y).square().mean(&[], false);
    let grads = b.with_graph(|g| gradients(g, loss.id(), &[w.id(), bias.id()])).unwrap();
    b.output("loss", loss);
    for ((slot, value), grad) in slots.into_iter().zip([w, bias]).zip(grads) {
        b.update(slot, value - b.var(grad) * 0.1);
    }
    (b.finish().unwrap(), slots)
}

#[test]
fn slope_and_intercept_are_updated_in_place_for_any_number_of_rows() {
    for rows in [1, 2, 15, 1000, 4096, 4097, 20_000] {
        let (graph, [w, bias]) = step(rows);
        let x: Vec<f32> = (0..rows).map(|i| (i as f32 * 0.37).sin()).collect();
        let y: Vec<f32> = x.iter().map(|v| 3.0 * v + 2.0).collect();
        let inputs = [Value::f32([rows, 1], &x), Value::f32([rows, 1], &y)];
        let state = [(w, Value::f32([1, 1], &[0.5])), (bias, Value::f32([1], &[-0.25]))];
        for disabled in [vec![], vec!["inplace".to_owned()], vec!["rows".to_owned()], vec!["columns".to_owned()]] {
            let options = CompileOptions { disabled, verify: true, ..CompileOptions::default() };
            compare(&Cpu::new().threads(2), &graph, &inputs, &state, &options, &Tolerance::default())
                .unwrap_or_else(|e| panic!("{rows} rows, without {:?}: {e}", options.disabled));
        }
    }
}
