//! Long short-term memory.

use super::gates::{GateCell, GateLayer, Kind, Recurrence};
use crate::{Trace, activations::Activation, initializers::Initializer, layers::common::layer_builder};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// Four gates in Keras' order: input, forget, candidate, output (Hochreiter and Schmidhuber 1997, Gers et al. 1999).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lstm {
    pub(super) recurrent_activation: Activation,
    pub(super) unit_forget_bias: bool,
}

impl Default for Lstm {
    fn default() -> Self {
        Self { recurrent_activation: Activation::Sigmoid, unit_forget_bias: true }
    }
}

/// One step of [`LSTM`].
pub type LSTMCell = GateCell<Lstm>;
/// Long short-term memory along a sequence, `(B, T, F) -> (B, units)`: with `(i, f, g, o) = x · kernel + h · recurrent_kernel + bias`,
/// `c' = σ(f) c + σ(i) tanh(g)` and `h' = σ(o) tanh(c')` (Hochreiter and Schmidhuber 1997). States: `h`, `c`.
pub type LSTM = GateLayer<Lstm>;

layer_builder!(LSTMCell, "LSTMCell", ["units"]);
layer_builder!(LSTM, "LSTM", ["units"]);

macro_rules! lstm_builder {
    ($ty:ident) => {
        impl $ty {
            /// What is applied to the gates (default the logistic function).
            pub fn recurrent_activation(mut self, activation: Activation) -> Self {
                self.kind.recurrent_activation = activation;
                self
            }
            /// Whether the bias of the forget gate begins as 1 (default), so that at first little is forgotten (Jozefowicz et al. 2015).
            pub fn unit_forget_bias(mut self, unit_forget_bias: bool) -> Self {
                self.kind.unit_forget_bias = unit_forget_bias;
                self
            }
        }
    };
}
lstm_builder!(LSTMCell);
lstm_builder!(LSTM);

impl Kind for Lstm {
    const LAYER: &'static str = "LSTM";
    const CELL: &'static str = "LSTMCell";
    const GATES: usize = 4;
    const STATES: usize = 2;

    fn bias(&self, units: usize, initializer: &Initializer) -> (Vec<usize>, Initializer) {
        (vec![units.saturating_mul(4)], if self.unit_forget_bias { forgetting_little(units, initializer) } else { initializer.clone() })
    }

    fn step<'g>(&self, cx: &Trace<'g, '_>, recurrence: &Recurrence<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>> {
        let products = recurrence.products(cx, states[0], 0..4);
        let gates: Vec<Var<'g>> = products.iter().enumerate().map(|(g, &h)| cx.compute(recurrence.of(x, g..g + 1) + h)).collect();
        lstm_states(cx, &gates, states[1], self.recurrent_activation, recurrence.activation)
    }
}

/// The bias of four gates of `n` values, of which the second begins as 1.
pub(super) fn forgetting_little(n: usize, initializer: &Initializer) -> Initializer {
    Initializer::Parts([(n, initializer.clone()), (n, Initializer::Ones), (n.saturating_mul(2), initializer.clone())].into())
}

/// `[h', c']` from the sums of the four gates and `c`.
pub(super) fn lstm_states<'g>(
    cx: &Trace<'g, '_>,
    gates: &[Var<'g>],
    c: Var<'g>,
    recurrent_activation: Activation,
    activation: Activation,
) -> Vec<Var<'g>> {
    let opened = |g: usize| cx.compute(recurrent_activation.trace(cx, gates[g]));
    let (i, f, o) = (opened(0), opened(1), opened(3));
    let c = cx.compute(f * c + i * cx.compute(activation.trace(cx, gates[2])));
    vec![cx.compute(o * cx.compute(activation.trace(cx, c))), c]
}
