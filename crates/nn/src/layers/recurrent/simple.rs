//! The simplest recurrent layer.

use super::gates::{GateCell, GateLayer, Kind, Recurrence};
use crate::{Trace, layers::common::layer_builder};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `h' = activation(x · kernel + h · recurrent_kernel + bias)` (Elman 1990).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simple {}

/// One step of [`SimpleRNN`].
pub type SimpleRNNCell = GateCell<Simple>;
/// `h' = activation(x · kernel + h · recurrent_kernel + bias)` along a sequence (Elman 1990): `(B, T, F) -> (B, units)`.
pub type SimpleRNN = GateLayer<Simple>;

layer_builder!(SimpleRNNCell, "SimpleRNNCell", ["units"]);
layer_builder!(SimpleRNN, "SimpleRNN", ["units"]);

impl Kind for Simple {
    const LAYER: &'static str = "SimpleRNN";
    const CELL: &'static str = "SimpleRNNCell";
    const GATES: usize = 1;
    const STATES: usize = 1;

    fn step<'g>(&self, cx: &Trace<'g, '_>, recurrence: &Recurrence<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>> {
        let h = recurrence.products(cx, states[0], 0..1)[0];
        let sum = cx.compute(x + h);
        vec![cx.compute(recurrence.activation.trace(cx, sum))]
    }
}
