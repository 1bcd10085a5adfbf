//! Attention with one head: `Attention` and `AdditiveAttention`.

use super::{CallArguments, attention_call, both, causal, roles};
use crate::{
    Layer, Trace,
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, dropout_factor, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// How well a query and a key fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreMode {
    /// Their dot product (Luong et al. 2015).
    #[default]
    Dot,
    /// `Σ tanh(query + key)`.
    Concat,
}

/// Attention by dot products: of a query `(B, T, D)`, a value `(B, S, V)` and a key `(B, S, D)`, by default the value, `(B, T, V)`: the mean of the value's
/// steps weighted by `softmax(score)` of query and key. With `use_scale` scores are multiplied by a number that is learnt.
///
/// Inputs: `[query, value]` or `[query, value, key]`. Steps that the value's mask leaves out get no weight (a difference of 10⁹ of the score, as in Keras);
/// the result is 0 where the query's mask is false, and has that mask. Results: the output, and with `return_attention_scores` the weights `(B, T, S)`.
///
/// Weights, scalars: `scale` (with `use_scale`), `concat_score_weight` (with [`ScoreMode::Concat`]).
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Attention {
    common: LayerCommon,
    use_scale: bool,
    score_mode: ScoreMode,
    dropout: f64,
    seed: Option<i64>,
    #[serde(skip)]
    call: CallArguments,
}

/// Additive attention (Bahdanau et al. 2015): as [`Attention`], with the score `Σ scale · tanh(query + key)`.
///
/// Weight: `scale (D)` (with `use_scale`, the default).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdditiveAttention {
    common: LayerCommon,
    use_scale: bool,
    dropout: f64,
    seed: Option<i64>,
    #[serde(skip)]
    call: CallArguments,
}

impl Default for AdditiveAttention {
    fn default() -> Self {
        Self { common: LayerCommon::default(), use_scale: true, dropout: 0.0, seed: None, call: CallArguments::default() }
    }
}

macro_rules! one_head {
    ($ty:ident, $class:literal) => {
        layer_builder!($ty, $class, []);
        attention_call!(builder $ty);
        impl $ty {
            /// A new layer.
            pub fn new() -> Self {
                Self::default()
            }
            /// Whether a scale of scores is learnt.
            pub fn use_scale(mut self, use_scale: bool) -> Self {
                self.use_scale = use_scale;
                self
            }
            /// The share of weights that training sets to 0, from 0 to below 1.
            pub fn dropout(mut self, rate: f64) -> Self {
                self.dropout = rate;
                self
            }
            /// A seed of its own for dropout, mixed with the model's.
            pub fn seed(mut self, seed: i64) -> Self {
                self.seed = Some(seed);
                self
            }
            fn attend<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> (Var<'g>, Option<Var<'g>>) {
                match roles(cx, $class, inputs, Some(3)) {
                    Ok([query, value, key]) if query.dim(-1) == key.dim(-1) => {
                        let scores = self.scores(cx, query, key);
                        weighted(cx, self.call.use_causal_mask, (self.dropout, self.seed), scores, value)
                    }
                    Ok([query, _, key]) => (
                        cx.builder().error(format!(
                            "{} needs a query and a key with the same number of features, got shapes {} and {}; Dense makes them equal",
                            $class,
                            query.shape(),
                            key.shape()
                        )),
                        None,
                    ),
                    Err(error) => (error, None),
                }
            }
        }
        impl KerasObject for $ty {
            layer_identity!($class);
            fn validate(&self) -> Result<(), ConfigError> {
                check((0.0..1.0).contains(&self.dropout), $class, "dropout", "at least 0 and below 1", self.dropout)
            }
        }
        impl Layer for $ty {
            layer_methods!();
            fn supports_masking(&self) -> bool {
                true
            }
            attention_call!(methods);
        }
    };
}
one_head!(Attention, "Attention");
one_head!(AdditiveAttention, "AdditiveAttention");

impl Attention {
    /// How scores are made.
    pub fn score_mode(mut self, mode: ScoreMode) -> Self {
        self.score_mode = mode;
        self
    }
    /// `(B, T, D)` and `(B, S, D)` to `(B, T, S)`.
    fn scores<'g>(&self, cx: &mut Trace<'g, '_>, query: Var<'g>, key: Var<'g>) -> Var<'g> {
        let spec = self.common.weight(&Initializer::Ones, None);
        let scale = self.use_scale.then(|| cx.weight("scale", &[], &spec));
        match self.score_mode {
            ScoreMode::Dot => {
                let scores = cx.compute(query.dot(key, false, true));
                scale.map_or(scores, |scale| scores * scale)
            }
            ScoreMode::Concat => {
                let sums = cx.compute(pairs(query, key));
                let fits = cx.compute(cx.compute(scale.map_or(sums, |scale| sums * scale)).tanh().sum(&[-1], false));
                cx.weight("concat_score_weight", &[], &spec) * fits
            }
        }
    }
}

impl AdditiveAttention {
    /// `(B, T, D)` and `(B, S, D)` to `(B, T, S)`.
    fn scores<'g>(&self, cx: &mut Trace<'g, '_>, query: Var<'g>, key: Var<'g>) -> Var<'g> {
        let spec = self.common.weight(&Initializer::glorot_uniform(), None);
        let scale = self.use_scale.then(|| cx.weight("scale", &[query.dim(-1)], &spec));
        let fits = cx.compute(cx.compute(pairs(query, key)).tanh());
        scale.map_or(fits, |scale| cx.compute(fits * scale)).sum(&[-1], false)
    }
}

/// Sums of each step of the query with each of the key: `(B, T, S, D)`.
fn pairs<'g>(query: Var<'g>, key: Var<'g>) -> Var<'g> {
    query.expand_dims(2) + key.expand_dims(1)
}

/// The value's steps weighted by scores `(B, T, S)`, and the weights.
fn weighted<'g>(
    cx: &mut Trace<'g, '_>,
    causally: bool,
    (rate, seed): (f64, Option<i64>),
    scores: Var<'g>,
    value: Var<'g>,
) -> (Var<'g>, Option<Var<'g>>) {
    let mut scores = cx.compute(scores);
    if cx.builder().failed() {
        return (scores, None);
    }
    let masks = cx.masks().to_vec();
    let mask_of = |input: usize| masks.get(input).copied().flatten();
    let order = causally.then(|| causal(cx, scores.dim(1), scores.dim(2)));
    if let Some(mask) = both(mask_of(1).map(|m| m.expand_dims(1)), order) {
        // Keras' `scores - 1e9` (65504 in float16), of which single precision keeps nothing of the score: where nothing is seen, all steps count alike, in any precision.
        scores = mask.select(scores, cx.compute(scores - scores.stop_gradient() - cx.masked_off()));
    }
    let weights = cx.compute(scores.softmax(-1));
    let kept = if cx.training() && rate > 0.0 {
        let factor = dropout_factor(cx, rate, seed, weights.shape());
        cx.compute(weights * factor)
    } else {
        weights
    };
    let output = kept.matmul(value);
    let output = mask_of(0).map_or(output, |m| m.expand_dims(-1).select(output, cx.builder().scalar(0.0)));
    (output, Some(kept))
}
