//! What attention with several heads shares: its arguments, projections, masks, the weighted sums.

use super::{both, causal, places};
use crate::{
    Layer, Trace,
    activations::Activation,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, check},
    layers::{
        common::{LayerCommon, dropout_factor},
        einsum::einsum,
        einsum_dense::EinsumDense,
        spatial::weights_valid,
    },
    regularizers::Regularizer,
};
use adaline_graph::{Literal, Shape, Var};
use serde::{Deserialize, Serialize};

/// Arguments of all attention with several heads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Heads {
    pub(super) dropout: f64,
    pub(super) use_bias: bool,
    pub(super) use_gate: bool,
    pub(super) sliding_window: Option<usize>,
    pub(super) kernel_initializer: Initializer,
    pub(super) bias_initializer: Initializer,
    pub(super) kernel_regularizer: Option<Regularizer>,
    pub(super) bias_regularizer: Option<Regularizer>,
    pub(super) activity_regularizer: Option<Regularizer>,
    pub(super) kernel_constraint: Option<Constraint>,
    pub(super) bias_constraint: Option<Constraint>,
    pub(super) seed: Option<i64>,
}

impl Default for Heads {
    fn default() -> Self {
        Self {
            dropout: 0.0,
            use_bias: true,
            use_gate: false,
            sliding_window: None,
            kernel_initializer: Initializer::glorot_uniform(),
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            bias_regularizer: None,
            activity_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
            seed: None,
        }
    }
}

/// The builder methods of a layer with a field `heads`.
macro_rules! heads_builder {
    ($ty:ident) => {
        impl $ty {
            /// The share of weights of the sums that training sets to 0, from 0 to below 1.
            pub fn dropout(mut self, rate: f64) -> Self {
                self.heads.dropout = rate;
                self
            }
            /// Whether projections add a bias.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.heads.use_bias = use_bias;
                self
            }
            /// Whether each head's result is multiplied by a sigmoid of the query.
            pub fn use_gate(mut self, use_gate: bool) -> Self {
                self.heads.use_gate = use_gate;
                self
            }
            /// Sees only steps less than so many away.
            pub fn sliding_window(mut self, steps: usize) -> Self {
                self.heads.sliding_window = Some(steps);
                self
            }
            /// How the kernels begin.
            pub fn kernel_initializer(mut self, initializer: $crate::initializers::Initializer) -> Self {
                self.heads.kernel_initializer = initializer;
                self
            }
            /// How the biases begin.
            pub fn bias_initializer(mut self, initializer: $crate::initializers::Initializer) -> Self {
                self.heads.bias_initializer = initializer;
                self
            }
            /// Penalty on the kernels.
            pub fn kernel_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
                self.heads.kernel_regularizer = Some(regularizer.into());
                self
            }
            /// What the kernels are put back to after each update.
            pub fn kernel_constraint(mut self, constraint: $crate::constraints::Constraint) -> Self {
                self.heads.kernel_constraint = Some(constraint);
                self
            }
            /// What the biases are put back to after each update.
            pub fn bias_constraint(mut self, constraint: $crate::constraints::Constraint) -> Self {
                self.heads.bias_constraint = Some(constraint);
                self
            }
            /// Penalty on the biases.
            pub fn bias_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
                self.heads.bias_regularizer = Some(regularizer.into());
                self
            }
            /// A seed of its own for dropout, mixed with the model's.
            pub fn seed(mut self, seed: i64) -> Self {
                self.heads.seed = Some(seed);
                self
            }
        }
    };
}
pub(super) use heads_builder;

/// Names of axes of query, key and value after their projections, of the scores and of what comes of them.
pub(super) struct Names {
    pub(super) query: Vec<u8>,
    pub(super) source: Vec<u8>,
    pub(super) scores: Vec<u8>,
    /// How many axes the attention goes over.
    pub(super) axes: usize,
}

impl Heads {
    pub(super) fn check(&self, class: &str) -> Result<(), ConfigError> {
        check((0.0..1.0).contains(&self.dropout), class, "dropout", "at least 0 and below 1", self.dropout)?;
        check(self.sliding_window != Some(0), class, "sliding_window", "at least 1, or null", 0)?;
        let regularizers = [self.kernel_regularizer, self.bias_regularizer, self.activity_regularizer];
        weights_valid(&[&self.kernel_initializer, &self.bias_initializer], &regularizers)?;
        constraints::valid(&[&self.kernel_constraint, &self.bias_constraint])
    }
    /// A projection as a layer within the layer: the last `bound` axes of an input of rank `rank` to axes of these sizes.
    pub(super) fn project<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        common: &LayerCommon,
        (name, activation): (&str, Activation),
        x: Var<'g>,
        bound: usize,
        sizes: &[usize],
    ) -> Var<'g> {
        // As Keras names them: abc,cde->abde
        let free = x.rank().saturating_sub(bound);
        let letters = |from: usize, count: usize| -> String { (from..from + count).map(|i| (b'a' + i as u8) as char).collect() };
        let (kept, summed, made) = (letters(0, free), letters(free, bound), letters(free + bound, sizes.len()));
        let shape: Vec<Option<usize>> = (1..free).map(|_| None).chain(sizes.iter().map(|&n| Some(n))).collect();
        let mut layer = EinsumDense::new(format!("{kept}{summed},{summed}{made}->{kept}{made}"), shape).activation(activation);
        if self.use_bias {
            layer = layer.bias_axes(made);
        }
        layer.common.dtype = common.dtype;
        layer.common.trainable = common.trainable;
        layer.common.activity_regularizer = self.activity_regularizer.into();
        layer.kernel_initializer = self.kernel_initializer.clone();
        layer.bias_initializer = self.bias_initializer.clone();
        (layer.kernel_regularizer, layer.bias_regularizer) = (self.kernel_regularizer, self.bias_regularizer);
        (layer.kernel_constraint, layer.bias_constraint) = (self.kernel_constraint.clone(), self.bias_constraint.clone());
        let layer: &dyn Layer = &layer;
        // A mask of steps is none of the projection's.
        let masks = cx.masks().to_vec();
        cx.set_masks(Vec::new());
        let y = cx.call(name, layer, &[x]);
        cx.set_masks(masks);
        y
    }
    /// Which pairs of steps count, `(B or 1, T, S)`: by the masks of query, value and key, by that which the call was given, by order and by distance; none
    /// when all do. Of the tensors that attend to each other the first two axes are those of batch and steps.
    pub(super) fn mask<'g>(&self, cx: &mut Trace<'g, '_>, causally: bool, query: Var<'g>, value: Var<'g>) -> Option<Var<'g>> {
        let given = cx.take_attention_mask();
        if let Some(given) = given
            && query.rank() == 3
        {
            let pairs = Shape::new(&[query.dim(0), query.dim(1), value.dim(1)]);
            if given.rank() != 3 || Shape::broadcast(&given.shape(), &pairs) != Some(pairs) {
                let error = format!(
                    "`attention_mask` needs the shape (batch, steps of the query, steps of the value), here {pairs}, got {}",
                    given.shape()
                );
                return Some(cx.builder().error(error));
            }
        }
        let (query, value) = (query.dim(1), value.dim(1));
        let of = |input: usize, axis: isize| cx.masks().get(input).copied().flatten().map(|m| m.expand_dims(axis));
        let inputs = [of(0, -1), of(1, 1), of(2, 1)].into_iter().fold(given, both);
        let order = causally.then(|| causal(cx, query, value));
        let near = self.sliding_window.map(|window| {
            let (row, column) = places(cx, query, value);
            let reach = cx.builder().constant(Literal::I32(i32::try_from(window).unwrap_or(i32::MAX)), row.shape());
            row.lt(column + reach).and(column.lt(row + reach))
        });
        both(both(inputs, order), near)
    }
    /// The value's steps weighted by `softmax(scale · query · key)`, and the weights.
    ///
    /// As Keras, which has two ways: where no scores are asked for and nothing is dropped (`fused`), a query's step that sees nothing takes the mean of all
    /// steps, and scores stay in single precision; else it takes 0, and scores are rounded.
    pub(super) fn attend<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        names: &Names,
        [query, key, value]: [Var<'g>; 3],
        mask: Option<Var<'g>>,
        (scale, fused): (f32, bool),
    ) -> (Var<'g>, Var<'g>) {
        let scores = if fused {
            einsum(query, &names.query, key, &names.source, &names.scores) * scale
        } else {
            let scaled = cx.compute(query * scale);
            cx.compute(einsum(scaled, &names.query, key, &names.source, &names.scores))
        };
        if cx.builder().failed() {
            return (scores, scores);
        }
        // (B, T, S) beside the heads: (B, 1.., T, S)
        let mask = mask.map(|m| {
            let mut wide = m;
            for _ in m.rank()..scores.rank() {
                wide = wide.expand_dims(-(2 * names.axes as isize) - 1);
            }
            wide.broadcast_to(scores.shape())
        });
        let number = |v: f32| cx.builder().scalar(v);
        let low = if fused { -0.7 * f32::MAX } else { -1e9 };
        let seen = mask.map_or(scores, |m| m.select(scores, number(low)));
        let over: Vec<isize> = (1..=names.axes as isize).map(|a| -a).collect();
        let e = (seen - seen.max(&over, true).stop_gradient()).exp();
        let mut weights = cx.compute(e / e.sum(&over, true));
        if !fused && let Some(m) = mask {
            weights = m.select(weights, number(0.0));
        }
        let kept = if cx.training() && self.dropout > 0.0 {
            let factor = dropout_factor(cx, self.dropout, self.seed, weights.shape());
            cx.compute(weights * factor)
        } else {
            weights
        };
        (cx.compute(einsum(kept, &names.scores, value, &names.source, &names.query)), weights)
    }
}
