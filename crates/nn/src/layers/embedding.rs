//! Vectors for whole numbers.

use super::{
    Layer,
    common::{LayerCommon, NotSupported, layer_builder, layer_identity, layer_methods, one},
    spatial::weights_valid,
};
use crate::{
    Trace,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    regularizers::Regularizer,
};
use adaline_graph::{DType, Literal, Var};
use serde::{Deserialize, Serialize};

/// Looks up a vector for each whole number from 0 to below `input_dim`: `(B, ..) -> (B, .., output_dim)`. Fractions of `f32` inputs are cut
/// off, as in Keras. With `mask_zero` the number 0 stands for padding: such steps are masked for the layers behind.
///
/// Data with other numbers is refused before it is run, where the layer is the first one; anywhere else they count as the nearest.
///
/// Weight: `embeddings (input_dim, output_dim)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    pub(super) common: LayerCommon,
    input_dim: usize,
    output_dim: usize,
    pub(super) embeddings_initializer: Initializer,
    pub(super) embeddings_regularizer: Option<Regularizer>,
    embeddings_constraint: Option<Constraint>,
    mask_zero: bool,
    quantization_config: NotSupported,
}

impl Default for Embedding {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

layer_builder!(Embedding, "Embedding", ["input_dim", "output_dim"]);

impl Embedding {
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
}

impl KerasObject for Embedding {
    layer_identity!("Embedding");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.input_dim >= 1, "Embedding", "input_dim", "a positive integer", self.input_dim)?;
        check(self.output_dim >= 1, "Embedding", "output_dim", "a positive integer", self.output_dim)?;
        weights_valid(&[&self.embeddings_initializer], &[self.embeddings_regularizer])?;
        constraints::valid(&[&self.embeddings_constraint])
    }
}

impl Layer for Embedding {
    layer_methods!();
    fn supports_masking(&self) -> bool {
        self.mask_zero
    }
    /// Rounding would make other numbers of those from 256 up.
    fn autocast(&self) -> bool {
        false
    }
    fn table_rows(&self) -> Option<usize> {
        Some(self.input_dim)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "Embedding", inputs);
        if x.rank() == 0 {
            return cx.builder().error("Embedding needs an input with a batch axis, got a scalar");
        }
        let spec =
            self.common.weight(&self.embeddings_initializer, self.embeddings_regularizer).constrained(self.embeddings_constraint.as_ref());
        let table = cx.exact_weight("embeddings", &[self.input_dim, self.output_dim], &spec);
        cx.compute(table.take(x.cast(DType::I32)))
    }
    fn mask<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>], _: Option<Var<'g>>) -> Option<Var<'g>> {
        let x = one(cx, "Embedding", inputs);
        let zero = if x.ty().dtype == DType::I32 { Literal::I32(0) } else { Literal::f32(0.0) };
        self.mask_zero.then(|| x.not_equal(cx.builder().constant(zero, x.shape())))
    }
}
