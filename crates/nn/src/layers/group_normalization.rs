//! Group normalization.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
    layer_normalization::{Affine, affine_builder},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{DType, MAX_RANK, Shape, Var};
use serde::{Deserialize, Serialize};

/// `gamma (x - mean) / sqrt(variance + epsilon) + beta` with mean and (biased) variance of each sample and each group of channels (Wu and He
/// 2018). With as many groups as channels, for which -1 stands, it is instance normalization. Computed in single precision under every
/// policy, as in Keras.
///
/// Weights, one for each channel: `gamma` (with `scale`), `beta` (with `center`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupNormalization {
    common: LayerCommon,
    groups: isize,
    axis: isize,
    affine: Affine,
}

impl Default for GroupNormalization {
    fn default() -> Self {
        Self::new(32)
    }
}

layer_builder!(GroupNormalization, "GroupNormalization", []);
affine_builder!(GroupNormalization);

impl GroupNormalization {
    /// In so many groups of channels (Keras' default is 32), or with -1 in as many as there are channels.
    pub fn new(groups: isize) -> Self {
        Self { common: LayerCommon::default(), groups, axis: -1, affine: Affine::default() }
    }
    /// The channels' axis, the batch axis 0 excluded (`1` for images with their channels first).
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }
}

impl KerasObject for GroupNormalization {
    layer_identity!("GroupNormalization");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "GroupNormalization";
        check(self.groups >= 1 || self.groups == -1, class, "groups", "at least 1, or -1 for one for each channel", self.groups)?;
        self.affine.check(class)
    }
}

impl Layer for GroupNormalization {
    layer_methods!(masking);
    fn autocast(&self) -> bool {
        false
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "GroupNormalization", inputs).cast(DType::F32);
        let s = x.shape();
        if cx.builder().failed() {
            return x;
        }
        let Some(axis) = s.axis(self.axis).filter(|&a| a > 0 && s.rank() < MAX_RANK) else {
            return cx.builder().error(format!(
                "GroupNormalization needs an axis after the batch axis of an input of at most {} axes, but `axis` is {} and the input has \
                 shape {s}; try -1, the last",
                MAX_RANK - 1,
                self.axis
            ));
        };
        let channels = s.dims()[axis];
        let groups = if self.groups == -1 { channels } else { self.groups.unsigned_abs() };
        if groups == 0 || !channels.is_multiple_of(groups) {
            return cx.builder().error(format!(
                "GroupNormalization cannot make {groups} groups of the {channels} channels of an input of shape {s}: `groups` must divide them; \
                 -1 makes one for each channel"
            ));
        }
        // (B, .., groups, channels / groups, ..)
        let split = |s: Shape| {
            let mut dims = s.dims().to_vec();
            dims.splice(axis..=axis, [groups, channels / groups]);
            Shape::new(&dims)
        };
        let spread = split((0..s.rank()).filter(|&a| a != axis).fold(s, |s, a| s.with_dim(a, 1)));
        let within: Vec<isize> = (1..=s.rank()).filter(|&a| a != axis).map(|a| a as isize).collect();
        self.affine.normalized(cx, &self.common, x.reshape(split(s)), &within, (&[channels], spread), false).reshape(s)
    }
}
