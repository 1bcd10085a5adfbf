//! Gated recurrent units.

use super::gates::{GateCell, GateLayer, Kind, Recurrence};
use crate::{Trace, activations::Activation, initializers::Initializer, layers::common::layer_builder};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// Three gates in Keras' order: update, reset, candidate (Cho et al. 2014).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gru {
    pub(super) recurrent_activation: Activation,
    pub(super) reset_after: bool,
}

impl Default for Gru {
    fn default() -> Self {
        Self { recurrent_activation: Activation::Sigmoid, reset_after: true }
    }
}

/// One step of [`GRU`].
pub type GRUCell = GateCell<Gru>;
/// Gated recurrent units along a sequence, `(B, T, F) -> (B, units)`: `z` and `r` are logistic functions of input and state, `g` is
/// `tanh(x · W + r · (h · U + b))`, or `tanh(x · W + (r · h) · U)` without `reset_after`, and `h' = z h + (1 - z) g` (Cho et al. 2014).
///
/// The bias is `(2, 3 · units)`, for input and state, or `(3 · units)` without `reset_after`.
pub type GRU = GateLayer<Gru>;

layer_builder!(GRUCell, "GRUCell", ["units"]);
layer_builder!(GRU, "GRU", ["units"]);

macro_rules! gru_builder {
    ($ty:ident) => {
        impl $ty {
            /// What is applied to the gates (default the logistic function).
            pub fn recurrent_activation(mut self, activation: Activation) -> Self {
                self.kind.recurrent_activation = activation;
                self
            }
            /// Whether the state is reset behind its matrix (default), as cuDNN does, or in front of it.
            pub fn reset_after(mut self, reset_after: bool) -> Self {
                self.kind.reset_after = reset_after;
                self
            }
        }
    };
}
gru_builder!(GRUCell);
gru_builder!(GRU);

impl Kind for Gru {
    const LAYER: &'static str = "GRU";
    const CELL: &'static str = "GRUCell";
    const GATES: usize = 3;
    const STATES: usize = 1;

    fn bias(&self, units: usize, initializer: &Initializer) -> (Vec<usize>, Initializer) {
        let columns = units.saturating_mul(3);
        (if self.reset_after { vec![2, columns] } else { vec![columns] }, initializer.clone())
    }

    fn step<'g>(&self, cx: &Trace<'g, '_>, recurrence: &Recurrence<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>> {
        let h = states[0];
        let x = |g: usize| recurrence.of(x, g..g + 1);
        let products = recurrence.products(cx, h, 0..if self.reset_after { 3 } else { 2 });
        let opened = |g: usize| cx.compute(self.recurrent_activation.trace(cx, cx.compute(x(g) + products[g])));
        let (z, r) = (opened(0), opened(1));
        let of_state = if self.reset_after { r * products[2] } else { recurrence.products(cx, cx.compute(r * h), 2..3)[0] };
        let candidate = cx.compute(x(2) + cx.compute(of_state));
        let candidate = cx.compute(recurrence.activation.trace(cx, candidate));
        vec![cx.compute(z * h + (1.0 - z) * candidate)]
    }
}
