//! Batch normalization.

use super::common::{LayerCommon, NotSupported, layer_builder, layer_identity, layer_methods, one};
use super::{Layer, spatial::weights_valid};
use crate::{
    Trace, WeightSpec,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
    regularizers::Regularizer,
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};

/// `gamma (x - mean) / sqrt(variance + epsilon) + beta` for each position of one axis, by default the channels' (Ioffe and Szegedy 2015).
///
/// In training mean and (biased) variance are those of the batch, and the moving ones become `momentum · old + (1 - momentum) · new`;
/// otherwise, and when the layer is frozen, the moving ones are taken. Masked steps do not count. Computed in single precision under every policy, as in Keras.
///
/// Weights, all of the axis' size: `gamma` (with `scale`), `beta` (with `center`); not changed by gradients: `moving_mean`,
/// `moving_variance`.
#[expect(clippy::struct_excessive_bools, reason = "Keras' arguments")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNormalization {
    common: LayerCommon,
    axis: isize,
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
    beta_initializer: Initializer,
    gamma_initializer: Initializer,
    moving_mean_initializer: Initializer,
    moving_variance_initializer: Initializer,
    beta_regularizer: Option<Regularizer>,
    gamma_regularizer: Option<Regularizer>,
    beta_constraint: Option<Constraint>,
    gamma_constraint: Option<Constraint>,
    synchronized: bool,
    renorm: bool,
    renorm_clipping: NotSupported,
    renorm_momentum: f64,
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            axis: -1,
            momentum: 0.99,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Initializer::Zeros,
            gamma_initializer: Initializer::Ones,
            moving_mean_initializer: Initializer::Zeros,
            moving_variance_initializer: Initializer::Ones,
            beta_regularizer: None,
            gamma_regularizer: None,
            beta_constraint: None,
            gamma_constraint: None,
            synchronized: false,
            renorm: false,
            renorm_clipping: NotSupported,
            renorm_momentum: 0.99,
        }
    }
}

layer_builder!(BatchNormalization, "BatchNormalization", []);

impl BatchNormalization {
    /// Statistics for each channel, the last axis.
    pub fn new() -> Self {
        Self::default()
    }
    /// The axis that keeps statistics of its own, batch axis 0 excluded (`1` for images with their channels first).
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }
    /// What the moving statistics keep of themselves in each step.
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }
    /// Added to the variance.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }
    /// Whether `beta` is added.
    pub fn center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }
    /// Whether it is multiplied by `gamma`.
    pub fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }
    /// How `beta` begins.
    pub fn beta_initializer(mut self, initializer: Initializer) -> Self {
        self.beta_initializer = initializer;
        self
    }
    /// How `gamma` begins.
    pub fn gamma_initializer(mut self, initializer: Initializer) -> Self {
        self.gamma_initializer = initializer;
        self
    }
    /// How the moving mean begins.
    pub fn moving_mean_initializer(mut self, initializer: Initializer) -> Self {
        self.moving_mean_initializer = initializer;
        self
    }
    /// How the moving variance begins.
    pub fn moving_variance_initializer(mut self, initializer: Initializer) -> Self {
        self.moving_variance_initializer = initializer;
        self
    }
    /// Penalty on `beta`.
    pub fn beta_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.beta_regularizer = Some(regularizer.into());
        self
    }
    /// What `beta` is put back to after each update.
    pub fn beta_constraint(mut self, constraint: Constraint) -> Self {
        self.beta_constraint = Some(constraint);
        self
    }
    /// Penalty on `gamma`.
    pub fn gamma_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.gamma_regularizer = Some(regularizer.into());
        self
    }
    /// What `gamma` is put back to after each update.
    pub fn gamma_constraint(mut self, constraint: Constraint) -> Self {
        self.gamma_constraint = Some(constraint);
        self
    }
}

impl KerasObject for BatchNormalization {
    layer_identity!("BatchNormalization");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "BatchNormalization";
        check((0.0..=1.0).contains(&self.momentum), class, "momentum", "from 0 to 1", self.momentum)?;
        check(self.epsilon >= 0.0 && self.epsilon.is_finite(), class, "epsilon", "a finite number of at least 0", self.epsilon)?;
        check(!self.synchronized, class, "synchronized", "false (there is one device)", self.synchronized)?;
        check(!self.renorm, class, "renorm", "false (batch renormalization is not supported)", self.renorm)?;
        check(self.renorm_momentum.is_finite(), class, "renorm_momentum", "a finite number", self.renorm_momentum)?;
        let initializers =
            [&self.beta_initializer, &self.gamma_initializer, &self.moving_mean_initializer, &self.moving_variance_initializer];
        weights_valid(&initializers, &[self.beta_regularizer, self.gamma_regularizer])?;
        constraints::valid(&[&self.beta_constraint, &self.gamma_constraint])
    }
}

impl Layer for BatchNormalization {
    layer_methods!(masking);
    fn mixes_samples(&self) -> bool {
        self.common.trainable
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "BatchNormalization", inputs));
        let s = x.shape();
        let Some(kept) = s.axis(self.axis).filter(|&a| a > 0) else {
            return cx.builder().error(format!(
                "BatchNormalization needs an axis after the batch axis, but `axis` is {} and the input has shape {s}; try -1, the last",
                self.axis
            ));
        };
        let n = s.dims()[kept];
        let spread = (0..s.rank()).filter(|&a| a != kept).fold(s, |s, a| s.with_dim(a, 1)); // (1, .., n, .., 1)
        let gamma = self.scale.then(|| {
            cx.exact_weight(
                "gamma",
                &[n],
                &self.common.weight(&self.gamma_initializer, self.gamma_regularizer).constrained(self.gamma_constraint.as_ref()),
            )
        });
        let beta = self.center.then(|| {
            cx.exact_weight(
                "beta",
                &[n],
                &self.common.weight(&self.beta_initializer, self.beta_regularizer).constrained(self.beta_constraint.as_ref()),
            )
        });
        let moving_mean = statistic(cx, "moving_mean", n, &self.moving_mean_initializer);
        let moving_variance = statistic(cx, "moving_variance", n, &self.moving_variance_initializer);

        let (mean, variance) = if cx.training() && self.common.trainable {
            if s.is_empty() {
                return cx.builder().error(format!("BatchNormalization cannot take the mean of an empty batch of shape {s}"));
            }
            let axes: Vec<isize> = (0..s.rank()).filter(|&a| a != kept).map(|a| a as isize).collect();
            let (mean, variance) = match cx.mask() {
                Some(mask) if mask.rank() + 1 == s.rank() => masked_moments(x, mask.expand_dims(-1).broadcast_to(s), &axes),
                Some(mask) => {
                    return cx.builder().error(format!(
                        "BatchNormalization takes a mask with an entry for each place of its input but the last axis, but the input has shape {s} and the mask {}",
                        mask.shape()
                    ));
                }
                None => (x.mean(&axes, true), x.variance(&axes, true)),
            };
            let moved =
                |old: Var<'g>, new: Var<'g>| old * self.momentum as f32 + new.reshape(Shape::new(&[n])) * (1.0 - self.momentum) as f32;
            cx.update("moving_mean", moved(moving_mean, mean));
            cx.update("moving_variance", moved(moving_variance, variance));
            (mean, variance)
        } else {
            (moving_mean.reshape(spread), moving_variance.reshape(spread))
        };
        // As Keras on JAX: x · inv + (beta - mean · inv)
        let mut inv = (variance + self.epsilon as f32).rsqrt();
        if let Some(gamma) = gamma {
            inv = inv * gamma.reshape(spread);
        }
        let mut offset = -mean * inv;
        if let Some(beta) = beta {
            offset = offset + beta.reshape(spread);
        }
        x * inv + offset
    }
}

/// Mean and biased variance of what is not masked. Keras adds its epsilon of 1e-7 to the number of places.
fn masked_moments<'g>(x: Var<'g>, mask: Var<'g>, axes: &[isize]) -> (Var<'g>, Var<'g>) {
    let zero = x.builder().scalar(0.0);
    let places = mask.cast(DType::F32).sum(axes, true) + 1e-7;
    let mean = mask.select(x, zero).sum(axes, true) / places;
    (mean, mask.select(x - mean, zero).square().sum(axes, true) / places)
}

/// A weight that gradients leave alone.
fn statistic<'g>(cx: &mut Trace<'g, '_>, name: &str, n: usize, initializer: &Initializer) -> Var<'g> {
    cx.exact_weight(name, &[n], &WeightSpec { initializer: initializer.clone(), regularizer: None, trainable: false, constraint: None })
}
