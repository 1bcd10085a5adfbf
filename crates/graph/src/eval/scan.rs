//! A scan: its body, once for each step.

use super::{EvalError, Precision, Value, run};
use crate::{Body, Shape, TensorType};

/// What the last step hands on, then the results of all steps, in one line.
pub(super) fn results(body: &Body, steps: usize, reverse: bool, x: &[&Value], precision: Precision) -> Result<Vec<f64>, EvalError> {
    let mut inputs: Vec<Value> = x.iter().map(|&v| v.clone()).collect();
    let outputs = &body.graph().outputs().values;
    let mut stacks = vec![Vec::new(); outputs.len()];
    for (i, stack) in stacks.iter_mut().enumerate() {
        let size = body.graph().ty(outputs[i].1).len();
        *stack = if i < body.carries() { inputs[i].data.clone() } else { vec![0.0; steps * size] };
    }
    let mut values = Vec::new();
    for step in 0..steps {
        let t = if reverse { steps - 1 - step } else { step };
        for i in body.carries()..body.carries() + body.xs() {
            inputs[i] = element(x[i], t);
        }
        run(body.graph(), &inputs, &|_| None, precision, &mut values, true)?;
        for (i, (_, node)) in outputs.iter().enumerate() {
            let result = &values[node.index()];
            if i < body.carries() {
                stacks[i].clone_from(&result.data);
                inputs[i] = result.clone();
            } else {
                let size = result.data.len();
                stacks[i][t * size..(t + 1) * size].copy_from_slice(&result.data);
            }
        }
    }
    Ok(stacks.concat())
}

/// Element `t` along the first axis.
pub(super) fn element(x: &Value, t: usize) -> Value {
    let ty = TensorType::new(x.ty.dtype, Shape::new(&x.ty.shape.dims()[1..]));
    Value::of(ty, x.data[t * ty.len()..(t + 1) * ty.len()].to_vec())
}
