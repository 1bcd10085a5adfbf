//! `PReLU`: a leaky `ReLU` whose slopes are learnt.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
    spatial::weights_valid,
};
use crate::{
    Trace,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{Axes, ConfigError, KerasObject, check},
    regularizers::Regularizer,
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// `x` above 0, `alpha · x` below (He et al. 2015).
///
/// Weight: `alpha`, one slope for each place of the input but the batch's; one for all places along the axes in `shared_axes` (`[1, 2]`: one
/// for each channel of images).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PReLU {
    common: LayerCommon,
    alpha_initializer: Initializer,
    alpha_regularizer: Option<Regularizer>,
    alpha_constraint: Option<Constraint>,
    shared_axes: Option<Shared>,
}

/// A list in files, though one number is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Axes")]
struct Shared(Vec<isize>);

impl From<Axes> for Shared {
    fn from(axes: Axes) -> Self {
        Self(axes.as_slice().to_vec())
    }
}

impl Default for PReLU {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            alpha_initializer: Initializer::Zeros,
            alpha_regularizer: None,
            alpha_constraint: None,
            shared_axes: None,
        }
    }
}

layer_builder!(PReLU, "PReLU", []);

impl PReLU {
    /// A slope for each place, 0 at first.
    pub fn new() -> Self {
        Self::default()
    }
    /// How the slopes begin.
    pub fn alpha_initializer(mut self, initializer: Initializer) -> Self {
        self.alpha_initializer = initializer;
        self
    }
    /// Penalty on the slopes.
    pub fn alpha_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.alpha_regularizer = Some(regularizer.into());
        self
    }
    /// What the slopes are put back to after each update.
    pub fn alpha_constraint(mut self, constraint: Constraint) -> Self {
        self.alpha_constraint = Some(constraint);
        self
    }
    /// Axes along which all places share a slope, counted with the batch axis 0.
    pub fn shared_axes(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.shared_axes = Some(Shared(axes.into()));
        self
    }
    fn shared(&self) -> &[isize] {
        self.shared_axes.as_ref().map_or(&[], |axes| &axes.0)
    }
}

impl KerasObject for PReLU {
    layer_identity!("PReLU");
    fn validate(&self) -> Result<(), ConfigError> {
        let fits = self.shared().iter().all(|&axis| axis > 0);
        check(fits, "PReLU", "shared_axes", "axes of at least 1 (0 is the batch's)", format!("{:?}", self.shared()))?;
        weights_valid(&[&self.alpha_initializer], &[self.alpha_regularizer])?;
        constraints::valid(&[&self.alpha_constraint])
    }
}

impl Layer for PReLU {
    layer_methods!(masking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = cx.compute(one(cx, "PReLU", inputs));
        let s = x.shape();
        if cx.builder().failed() {
            return x;
        }
        if s.rank() == 0 || self.shared().iter().any(|&axis| axis <= 0 || s.axis(axis).is_none()) {
            return cx.builder().error(format!(
                "PReLU shares slopes along axes after the batch axis, but `shared_axes` is {:?} and the input has shape {s}",
                self.shared()
            ));
        }
        let mut dims = s.dims()[1..].to_vec();
        for &axis in self.shared() {
            dims[axis as usize - 1] = 1;
        }
        let alpha = cx.weight(
            "alpha",
            &dims,
            &self.common.weight(&self.alpha_initializer, self.alpha_regularizer).constrained(self.alpha_constraint.as_ref()),
        );
        x.relu() - alpha * (-x).relu()
    }
}
