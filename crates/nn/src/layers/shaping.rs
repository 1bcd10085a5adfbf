//! Flatten and Reshape.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{MAX_RANK, Shape, Var};
use serde::{Deserialize, Serialize};

/// `(B, ..) -> (B, N)` in row-major order; `(B)` becomes `(B, 1)`.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Flatten {
    common: LayerCommon,
    data_format: DataFormat,
}

/// Where an image's channels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataFormat {
    /// `(B, .., C)`
    #[default]
    ChannelsLast,
    /// `(B, C, ..)`
    ChannelsFirst,
}

layer_builder!(Flatten, "Flatten", []);

impl Flatten {
    /// A new layer.
    pub fn new() -> Self {
        Self::default()
    }
    /// Where the input's channels are: with the channels first they are moved last before flattening.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }
}

impl KerasObject for Flatten {
    layer_identity!("Flatten");
}

impl Layer for Flatten {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let mut x = one(cx, "Flatten", inputs);
        let s = x.shape();
        let Some((&batch, row)) = s.dims().split_first() else {
            return cx.builder().error("Flatten needs a batch axis, got a scalar");
        };
        if self.data_format == DataFormat::ChannelsFirst && s.rank() > 2 {
            let perm: Vec<usize> = std::iter::once(0).chain(2..s.rank()).chain([1]).collect();
            x = x.transpose(&perm);
        }
        x.reshape(Shape::new(&[batch, row.iter().product()]))
    }
}

/// `(B, ..) -> (B, *target_shape)` in row-major order; one size may be -1 and is computed from the rest.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Reshape {
    common: LayerCommon,
    target_shape: Vec<isize>,
}

layer_builder!(Reshape, "Reshape", ["target_shape"]);

impl Reshape {
    /// The shape of each row after it.
    pub fn new(target_shape: impl Into<Vec<isize>>) -> Self {
        Self { common: LayerCommon::default(), target_shape: target_shape.into() }
    }
    /// The target for rows of `len` elements, when they fit.
    fn resolve(&self, len: usize) -> Option<Vec<usize>> {
        let known = self.target_shape.iter().filter(|&&d| d != -1).try_fold(1usize, |n, &d| n.checked_mul(d as usize))?;
        let free = len.checked_div(known).unwrap_or(0);
        let dims: Vec<usize> = self.target_shape.iter().map(|&d| if d == -1 { free } else { d as usize }).collect();
        (dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d))? == len).then_some(dims)
    }
}

impl KerasObject for Reshape {
    layer_identity!("Reshape");
    fn validate(&self) -> Result<(), ConfigError> {
        let shown = || format!("{:?}", self.target_shape);
        let fits = self.target_shape.iter().all(|&d| d == -1 || d > 0) && self.target_shape.iter().filter(|&&d| d == -1).count() <= 1;
        check(fits, "Reshape", "target_shape", "sizes of at least 1, of which one may be -1", shown())?;
        check(self.target_shape.len() < MAX_RANK, "Reshape", "target_shape", &format!("at most {} axes", MAX_RANK - 1), shown())
    }
}

impl Layer for Reshape {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "Reshape", inputs);
        let s = x.shape();
        let Some((&batch, row)) = s.dims().split_first() else {
            return cx.builder().error("Reshape needs a batch axis, got a scalar");
        };
        let len = row.iter().product();
        let shape = self.resolve(len).and_then(|mut dims| {
            dims.insert(0, batch);
            Shape::try_new(&dims)
        });
        match shape {
            Some(shape) => x.reshape(shape),
            None => cx.builder().error(format!("rows of shape {row:?} ({len} elements) cannot become {:?}", self.target_shape)),
        }
    }
}
