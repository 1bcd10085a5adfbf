//! Gradients against central differences, in `f64` on the evaluator.

use crate::Rng;
use adaline_graph::eval::{Value, evaluate};
use adaline_graph::grad::gradients;
use adaline_graph::{Graph, NodeId, Op, SlotId};

/// A gradient that differs from the slope.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GradError {
    /// The numbers differ.
    #[error("direction {direction}: the gradient says {analytic:e}, differences say {numeric:e} (terms up to {scale:e})")]
    Differs {
        /// Which random direction.
        direction: usize,
        /// From the gradient.
        analytic: f64,
        /// From differences.
        numeric: f64,
        /// Sum of the magnitudes of the terms.
        scale: f64,
    },
    /// The graph could not be differentiated or run.
    #[error("{0}")]
    Failed(String),
}

/// Step of the differences: errors of about `step²` and `1e-16 / step`.
const STEP: f64 = 1e-5;

/// Checks the gradients of `loss` by all `f32` inputs and slots, along `directions` random directions, to a relative error.
pub fn check_gradients(
    graph: &Graph,
    loss: NodeId,
    inputs: &[Value],
    state: &[(SlotId, Value)],
    directions: usize,
    relative: f64,
) -> Result<(), GradError> {
    let fail = |e: String| GradError::Failed(e);
    let mut extended = graph.clone();
    let leaves: Vec<NodeId> = graph
        .ids()
        .filter(|&id| matches!(graph.node(id).op, Op::Input { .. } | Op::State { .. }))
        .filter(|&id| graph.ty(id).dtype == adaline_graph::DType::F32)
        .collect();
    let grads = gradients(&mut extended, loss, &leaves).map_err(|e| fail(e.to_string()))?;
    let run = |graph: &Graph, inputs: &[Value], state: &[(SlotId, Value)]| {
        let read = |id: SlotId| state.iter().find(|(s, _)| *s == id).map(|(_, v)| v.clone());
        evaluate(graph, inputs, &read).map_err(|e| fail(e.to_string()))
    };
    let values = run(&extended, inputs, state)?;
    let mut rng = Rng::new(4242);
    for direction in 0..directions {
        let along: Vec<Vec<f64>> = leaves.iter().map(|&l| (0..graph.ty(l).len()).map(|_| rng.uniform(-1.0, 1.0)).collect()).collect();
        let terms = || grads.iter().zip(&along).flat_map(|(g, d)| values.node(*g).data.iter().zip(d)).map(|(g, d)| g * d);
        let (analytic, scale): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
        let loss_at = |step: f64| {
            let (mut inputs, mut state) = (inputs.to_vec(), state.to_vec());
            for (&leaf, d) in leaves.iter().zip(&along) {
                let moved = match graph.node(leaf).op {
                    Op::Input { id, .. } => inputs.get_mut(id.index()),
                    Op::State { slot, .. } => state.iter_mut().find(|(s, _)| *s == slot).map(|(_, v)| v),
                    _ => None,
                };
                if let Some(v) = moved {
                    v.data.iter_mut().zip(d).for_each(|(v, d)| *v += step * d);
                }
            }
            run(graph, &inputs, &state).map(|r| r.node(loss).data[0])
        };
        let numeric = (loss_at(STEP)? - loss_at(-STEP)?) / (2.0 * STEP);
        // Also NaN must fail.
        let near = (analytic - numeric).abs() <= relative * scale.max(numeric.abs()).max(1e-3);
        if !near {
            return Err(GradError::Differs { direction, analytic, numeric, scale });
        }
    }
    Ok(())
}

/// Checks second derivatives: the gradients of `Σ w·g`, where `g` are the gradients by all `f32` leaves and `w` are fixed weights.
pub fn check_second_order(
    graph: &Graph,
    loss: NodeId,
    inputs: &[Value],
    state: &[(SlotId, Value)],
    directions: usize,
    relative: f64,
) -> Result<(), GradError> {
    let fail = |e: adaline_graph::GraphError| GradError::Failed(e.to_string());
    let mut g = graph.clone();
    let leaves: Vec<NodeId> = graph
        .ids()
        .filter(|&id| matches!(graph.node(id).op, Op::Input { .. } | Op::State { .. }))
        .filter(|&id| graph.ty(id).dtype == adaline_graph::DType::F32)
        .collect();
    let grads = gradients(&mut g, loss, &leaves).map_err(fail)?;
    let b = adaline_graph::Builder::from_graph(g);
    let mut total = b.scalar(0.0);
    for grad in grads {
        let v = b.var(grad);
        let n = v.shape().len();
        // Weights 0.3, 0.4, ... break symmetries such as that of softmax.
        let weights = b.iota([n], 0).cast(adaline_graph::DType::F32) * 0.1 + 0.3;
        total = total + (v.reshape([n]) * weights).sum(&[], false);
    }
    let total = total.id();
    let g = b.finish().map_err(fail)?;
    check_gradients(&g, total, inputs, state, directions, relative)
}
