//! The fully connected layer.

use super::{
    Layer,
    common::{LayerCommon, NotSupported, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    activations::Activation,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    regularizers::Regularizer,
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// `activation(x · kernel + bias)`: `(B, .., K) -> (B, .., units)`, over the last axis. Under `mixed_bfloat16` product, sum and result are
/// rounded each, as in Keras; the activation is computed in single precision between.
///
/// Weights: `kernel (K, units)`, `bias (units)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dense {
    common: LayerCommon,
    units: usize,
    activation: Activation,
    use_bias: bool,
    kernel_initializer: Initializer,
    bias_initializer: Initializer,
    kernel_regularizer: Option<Regularizer>,
    bias_regularizer: Option<Regularizer>,
    kernel_constraint: Option<Constraint>,
    bias_constraint: Option<Constraint>,
    quantization_config: NotSupported,
}

impl Default for Dense {
    fn default() -> Self {
        Self::new(1)
    }
}

layer_builder!(Dense, "Dense", ["units"]);

impl Dense {
    /// A layer of `units` outputs, linear, with a bias.
    pub fn new(units: usize) -> Self {
        Self {
            common: LayerCommon::default(),
            units,
            activation: Activation::Linear,
            use_bias: true,
            kernel_initializer: Initializer::glorot_uniform(),
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            bias_constraint: None,
            quantization_config: NotSupported,
        }
    }
    /// What is applied to the sums.
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }
    /// Whether a bias is added.
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.use_bias = use_bias;
        self
    }
    /// How the kernel begins.
    pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
        self.kernel_initializer = initializer;
        self
    }
    /// How the bias begins.
    pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
        self.bias_initializer = initializer;
        self
    }
    /// Penalty on the kernel.
    pub fn kernel_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.kernel_regularizer = Some(regularizer.into());
        self
    }
    /// What the kernel is put back to after each update.
    pub fn kernel_constraint(mut self, constraint: Constraint) -> Self {
        self.kernel_constraint = Some(constraint);
        self
    }
    /// Penalty on the bias.
    pub fn bias_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.bias_regularizer = Some(regularizer.into());
        self
    }
    /// What the bias is put back to after each update.
    pub fn bias_constraint(mut self, constraint: Constraint) -> Self {
        self.bias_constraint = Some(constraint);
        self
    }
}

impl KerasObject for Dense {
    layer_identity!("Dense");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.units >= 1, "Dense", "units", "a positive integer", self.units)?;
        self.kernel_initializer.validate()?;
        self.bias_initializer.validate()?;
        self.kernel_regularizer.map_or(Ok(()), |r| r.validate())?;
        self.bias_regularizer.map_or(Ok(()), |r| r.validate())?;
        constraints::valid(&[&self.kernel_constraint, &self.bias_constraint])
    }
}

impl Layer for Dense {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "Dense", inputs));
        let s = x.shape();
        let Some((&k, lead)) = s.dims().split_last().filter(|(_, lead)| !lead.is_empty()) else {
            return cx.builder().error(format!("Dense needs an input of rank 2 or more, (batch, .., features), got shape {s}"));
        };
        let kernel = cx.weight(
            "kernel",
            &[k, self.units],
            &self.common.weight(&self.kernel_initializer, self.kernel_regularizer).constrained(self.kernel_constraint.as_ref()),
        );
        // (B, .., K) as one matrix
        let rows: usize = lead.iter().product();
        let mut y = x.reshape(Shape::new(&[rows, k])).matmul(kernel);
        if self.use_bias {
            let bias = cx.weight(
                "bias",
                &[self.units],
                &self.common.weight(&self.bias_initializer, self.bias_regularizer).constrained(self.bias_constraint.as_ref()),
            );
            y = cx.compute(y) + bias;
        }
        let Some(out) = Shape::try_new(s.with_dim(s.rank() - 1, self.units).dims()) else {
            return cx.builder().error(format!("{rows} rows of {} units are too large", self.units));
        };
        let y = cx.compute(y);
        self.activation.trace(cx, y.reshape(out))
    }
}
