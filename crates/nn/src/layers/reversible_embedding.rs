//! Vectors for whole numbers, and the way back.

use super::{
    Layer,
    common::{LayerCommon, NotSupported, flags, layer_builder, layer_identity, layer_methods, one, set_flag},
    embedding::Embedding,
    spatial::weights_valid,
};
use crate::{
    Trace,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    regularizers::Regularizer,
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An [`Embedding`] that can be called in reverse: vectors `(B, .., output_dim)` to a score for each number, `(B, .., input_dim)`, by the product with the
/// transposed table (Press and Wolf 2016), or without `tie_weights` with a matrix of its own.
///
/// Weights: `embeddings (input_dim, output_dim)`; without `tie_weights` `reverse_embeddings (output_dim, input_dim)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReversibleEmbedding {
    common: LayerCommon,
    input_dim: usize,
    output_dim: usize,
    embeddings_initializer: Initializer,
    embeddings_regularizer: Option<Regularizer>,
    embeddings_constraint: Option<Constraint>,
    mask_zero: bool,
    quantization_config: NotSupported,
    tie_weights: bool,
    reverse_dtype: NotSupported,
    logit_soft_cap: Option<f64>,
    #[serde(skip)]
    reverse: bool,
}

impl Default for ReversibleEmbedding {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

layer_builder!(ReversibleEmbedding, "ReversibleEmbedding", ["input_dim", "output_dim"]);

impl ReversibleEmbedding {
    /// Vectors of `output_dim` numbers for the whole numbers below `input_dim`.
    pub fn new(input_dim: usize, output_dim: usize) -> Self {
        Self {
            common: LayerCommon::regularized(),
            input_dim,
            output_dim,
            embeddings_initializer: Initializer::random_uniform(-0.05, 0.05),
            embeddings_regularizer: None,
            embeddings_constraint: None,
            mask_zero: false,
            quantization_config: NotSupported,
            tie_weights: true,
            reverse_dtype: NotSupported,
            logit_soft_cap: None,
            reverse: false,
        }
    }
    /// How the vectors begin.
    pub fn embeddings_initializer(mut self, initializer: Initializer) -> Self {
        self.embeddings_initializer = initializer;
        self
    }
    /// Penalty on the vectors, all of them in each step.
    pub fn embeddings_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.embeddings_regularizer = Some(regularizer.into());
        self
    }
    /// What the vectors are put back to after each update.
    pub fn embeddings_constraint(mut self, constraint: Constraint) -> Self {
        self.embeddings_constraint = Some(constraint);
        self
    }
    /// Whether 0 is padding, to be skipped by the layers behind.
    pub fn mask_zero(mut self, mask_zero: bool) -> Self {
        self.mask_zero = mask_zero;
        self
    }
    /// Whether the way back takes the same table, transposed.
    pub fn tie_weights(mut self, tie_weights: bool) -> Self {
        self.tie_weights = tie_weights;
        self
    }
    /// Keeps scores between minus and plus this: `cap · tanh(score / cap)`.
    pub fn logit_soft_cap(mut self, cap: f64) -> Self {
        self.logit_soft_cap = Some(cap);
        self
    }
    /// Whether it goes the way back. An argument of the call in Keras.
    pub fn reverse(mut self, reverse: bool) -> Self {
        self.reverse = reverse;
        self
    }
    /// The way there.
    fn embedding(&self) -> Embedding {
        let mut embedding = Embedding::new(self.input_dim, self.output_dim).mask_zero(self.mask_zero);
        embedding.common = self.common.clone();
        embedding.embeddings_initializer = self.embeddings_initializer.clone();
        embedding.embeddings_regularizer = self.embeddings_regularizer;
        embedding
    }
}

impl KerasObject for ReversibleEmbedding {
    layer_identity!("ReversibleEmbedding");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "ReversibleEmbedding";
        check(self.input_dim >= 1, class, "input_dim", "a positive integer", self.input_dim)?;
        check(self.output_dim >= 1, class, "output_dim", "a positive integer", self.output_dim)?;
        let cap = self.logit_soft_cap.unwrap_or(1.0);
        check(cap.is_finite() && cap > 0.0, class, "logit_soft_cap", "a finite number above 0, or null", cap)?;
        weights_valid(&[&self.embeddings_initializer], &[self.embeddings_regularizer])?;
        constraints::valid(&[&self.embeddings_constraint])
    }
}

impl Layer for ReversibleEmbedding {
    layer_methods!();
    fn supports_masking(&self) -> bool {
        self.mask_zero
    }
    /// Rounding would make other numbers of those from 256 up.
    fn autocast(&self) -> bool {
        false
    }
    fn table_rows(&self) -> Option<usize> {
        (!self.reverse).then_some(self.input_dim)
    }
    fn call_arguments(&self) -> Map<String, Value> {
        flags(&[("reverse", self.reverse)])
    }
    fn set_call_argument(&mut self, key: &str, value: &Value) -> Result<(), ConfigError> {
        set_flag("ReversibleEmbedding", &mut [("reverse", &mut self.reverse)], key, value)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "ReversibleEmbedding", inputs);
        let own = (self.output_dim, self.input_dim);
        if !self.reverse {
            let y = self.embedding().call(cx, &[x]);
            if !self.tie_weights {
                let _ = cx.weight("reverse_embeddings", &[own.0, own.1], &self.common.weight(&self.embeddings_initializer, None));
            }
            return y;
        }
        let (x, s) = (cx.compute(x), x.shape());
        if cx.builder().failed() {
            return x;
        }
        if s.rank() < 2 || s.dim(-1) != self.output_dim {
            return cx.builder().error(format!(
                "ReversibleEmbedding in reverse needs an input (batch, .., {}) as it gives on the way there, got shape {s}",
                self.output_dim
            ));
        }
        let spec =
            self.common.weight(&self.embeddings_initializer, self.embeddings_regularizer).constrained(self.embeddings_constraint.as_ref());
        let table = cx.weight("embeddings", &[self.input_dim, self.output_dim], &spec);
        let rows = x.reshape(Shape::new(&[s.len() / self.output_dim, self.output_dim]));
        let scores = if self.tie_weights {
            rows.dot(table, false, true)
        } else {
            rows.matmul(cx.weight("reverse_embeddings", &[own.0, own.1], &self.common.weight(&self.embeddings_initializer, None)))
        };
        let Some(shape) = Shape::try_new(s.with_dim(s.rank() - 1, self.input_dim).dims()) else {
            return cx.builder().error(format!("scores of {} numbers for an input of shape {s} are too large", self.input_dim));
        };
        let scores = cx.compute(scores.reshape(shape));
        self.logit_soft_cap.map_or(scores, |cap| (scores / cap as f32).tanh() * cap as f32)
    }
    fn mask<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>], mask: Option<Var<'g>>) -> Option<Var<'g>> {
        if self.reverse { None } else { self.embedding().mask(cx, inputs, mask) }
    }
}
