//! Layer normalization and what is alike: statistics of each sample by itself.

use super::{
    Layer,
    common::{Axes, LayerCommon, layer_builder, layer_identity, layer_methods, one},
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

/// The arguments of a scale and an offset that are learnt, and of the number added to a variance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Affine {
    pub(super) epsilon: f64,
    pub(super) center: bool,
    pub(super) scale: bool,
    pub(super) beta_initializer: Initializer,
    pub(super) gamma_initializer: Initializer,
    pub(super) beta_regularizer: Option<Regularizer>,
    pub(super) gamma_regularizer: Option<Regularizer>,
    pub(super) beta_constraint: Option<Constraint>,
    pub(super) gamma_constraint: Option<Constraint>,
}

impl Default for Affine {
    fn default() -> Self {
        Self {
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Initializer::Zeros,
            gamma_initializer: Initializer::Ones,
            beta_regularizer: None,
            gamma_regularizer: None,
            beta_constraint: None,
            gamma_constraint: None,
        }
    }
}

/// The builder methods of a layer with a field `affine`.
macro_rules! affine_builder {
    ($ty:ident) => {
        impl $ty {
            /// Added to the variance.
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.affine.epsilon = epsilon;
                self
            }
            /// Whether `beta` is added.
            pub fn center(mut self, center: bool) -> Self {
                self.affine.center = center;
                self
            }
            /// Whether it is multiplied by `gamma`.
            pub fn scale(mut self, scale: bool) -> Self {
                self.affine.scale = scale;
                self
            }
            /// How `beta` begins.
            pub fn beta_initializer(mut self, initializer: $crate::initializers::Initializer) -> Self {
                self.affine.beta_initializer = initializer;
                self
            }
            /// What `beta` is put back to after each update.
            pub fn beta_constraint(mut self, constraint: $crate::constraints::Constraint) -> Self {
                self.affine.beta_constraint = Some(constraint);
                self
            }
            /// What `gamma` is put back to after each update.
            pub fn gamma_constraint(mut self, constraint: $crate::constraints::Constraint) -> Self {
                self.affine.gamma_constraint = Some(constraint);
                self
            }
            /// How `gamma` begins.
            pub fn gamma_initializer(mut self, initializer: $crate::initializers::Initializer) -> Self {
                self.affine.gamma_initializer = initializer;
                self
            }
            /// Penalty on `beta`.
            pub fn beta_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
                self.affine.beta_regularizer = Some(regularizer.into());
                self
            }
            /// Penalty on `gamma`.
            pub fn gamma_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
                self.affine.gamma_regularizer = Some(regularizer.into());
                self
            }
        }
    };
}
pub(super) use affine_builder;

impl Affine {
    pub(super) fn check(&self, class: &str) -> Result<(), ConfigError> {
        epsilon_valid(class, self.epsilon)?;
        weights_valid(&[&self.beta_initializer, &self.gamma_initializer], &[self.beta_regularizer, self.gamma_regularizer])?;
        constraints::valid(&[&self.beta_constraint, &self.gamma_constraint])
    }
    /// `(x - mean) / sqrt(variance + epsilon) · gamma + beta` with moments over `axes` of `x`; `gamma` and `beta` of the shape `dims`, which become
    /// `spread`. With `rms` Keras' odd old way: the mean is left in, and nothing is added.
    pub(super) fn normalized<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        common: &LayerCommon,
        x: Var<'g>,
        axes: &[isize],
        (dims, spread): (&[usize], Shape),
        rms: bool,
    ) -> Var<'g> {
        let gamma = (self.scale || rms).then(|| {
            cx.exact_weight(
                "gamma",
                dims,
                &common.weight(&self.gamma_initializer, self.gamma_regularizer).constrained(self.gamma_constraint.as_ref()),
            )
        });
        let beta = (self.center && !rms).then(|| {
            cx.exact_weight(
                "beta",
                dims,
                &common.weight(&self.beta_initializer, self.beta_regularizer).constrained(self.beta_constraint.as_ref()),
            )
        });
        let mut inv = (x.variance(axes, true) + self.epsilon as f32).rsqrt();
        if let Some(gamma) = gamma {
            inv = inv * gamma.reshape(spread);
        }
        if rms {
            return x * inv;
        }
        // As Keras: x · inv + (beta - mean · inv)
        let mut offset = -x.mean(axes, true) * inv;
        if let Some(beta) = beta {
            offset = offset + beta.reshape(spread);
        }
        x * inv + offset
    }
}

/// Fails unless an epsilon is a number that can be added to a variance.
pub(super) fn epsilon_valid(class: &str, epsilon: f64) -> Result<(), ConfigError> {
    check(epsilon >= 0.0 && epsilon.is_finite(), class, "epsilon", "a finite number of at least 0", epsilon)
}

/// For axes of an input after its batch axis: themselves, the sizes of a weight along them, and the shape that fits the input; or an error.
pub(super) fn along<'g>(cx: &Trace<'g, '_>, class: &str, axis: &Axes, s: Shape) -> Result<(Vec<isize>, Vec<usize>, Shape), Var<'g>> {
    let Some(mut axes) = axis.of(s).filter(|axes| !axes.contains(&0)) else {
        return Err(cx.builder().error(format!(
            "{class} needs axes after the batch axis, each once, but `axis` is {:?} and the input has shape {s}; try -1, the last",
            axis.as_slice()
        )));
    };
    // Keras' order, which is by the numbers as they were given.
    let mut given = axis.as_slice().to_vec();
    given.sort_unstable();
    let dims = given.iter().map(|&a| s.dim(a)).collect();
    axes.sort_unstable();
    let spread = (0..s.rank()).filter(|a| !axes.contains(a)).fold(s, |s, a| s.with_dim(a, 1));
    Ok((axes.into_iter().map(|a| a as isize).collect(), dims, spread))
}

/// `gamma (x - mean) / sqrt(variance + epsilon) + beta` with mean and (biased) variance of each sample over an axis or several, by default the
/// last (Ba et al. 2016). Computed in single precision under every policy, as in Keras.
///
/// Weights, of the sizes of those axes: `gamma` (with `scale`), `beta` (with `center`).
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct LayerNormalization {
    common: LayerCommon,
    axis: Axes,
    affine: Affine,
    rms_scaling: bool,
}

layer_builder!(LayerNormalization, "LayerNormalization", []);
affine_builder!(LayerNormalization);

impl LayerNormalization {
    /// Over the last axis.
    pub fn new() -> Self {
        Self::default()
    }
    /// Over this axis.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = Axes::One(axis);
        self
    }
    /// Over several axes at once.
    pub fn axes(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.axis = Axes::Many(axes.into());
        self
    }
    /// Keras' old way, which only scales, by the deviation: `gamma x / sqrt(variance + epsilon)`. [`RMSNormalization`](super::RMSNormalization) is what is meant.
    pub fn rms_scaling(mut self, rms_scaling: bool) -> Self {
        self.rms_scaling = rms_scaling;
        self
    }
}

impl KerasObject for LayerNormalization {
    layer_identity!("LayerNormalization");
    fn validate(&self) -> Result<(), ConfigError> {
        self.affine.check("LayerNormalization")
    }
}

impl Layer for LayerNormalization {
    layer_methods!(masking);
    fn autocast(&self) -> bool {
        false
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "LayerNormalization", inputs).cast(adaline_graph::DType::F32);
        match along(cx, "LayerNormalization", &self.axis, x.shape()) {
            Ok((axes, dims, spread)) => self.affine.normalized(cx, &self.common, x, &axes, (&dims, spread), self.rms_scaling),
            Err(error) => error,
        }
    }
}
