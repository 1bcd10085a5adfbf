//! The dot product of two tensors.

use super::shapes;
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        einsum::einsum,
        unit_normalization::to_unit,
    },
};
use adaline_graph::{MAX_RANK, Shape, Var};
use serde::{Deserialize, Serialize};

/// The dot product of two inputs along one axis of each, sample by sample: of `(B, K)` and `(B, K)` along axis 1 `(B, 1)`, of `(B, T, K)` and
/// `(B, S, K)` along axis 2 `(B, T, S)`. With `normalize` of vectors brought to length 1 before, which is the cosine between them. The result
/// has no mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dot {
    common: LayerCommon,
    axes: DotAxes,
    normalize: bool,
}

/// The axis of both inputs, or that of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "neither, expected an axis or a list of two axes")]
pub enum DotAxes {
    /// The same of both; of each from its end when negative.
    Same(isize),
    /// Of the first and the second.
    Each([isize; 2]),
}

impl From<isize> for DotAxes {
    fn from(axis: isize) -> Self {
        Self::Same(axis)
    }
}
impl From<[isize; 2]> for DotAxes {
    fn from(axes: [isize; 2]) -> Self {
        Self::Each(axes)
    }
}

impl Default for Dot {
    fn default() -> Self {
        Self::new(1)
    }
}

layer_builder!(Dot, "Dot", ["axes"]);

impl Dot {
    /// Along one axis of both inputs, or one of each: `Dot::new(1)`, `Dot::new([1, 2])`.
    pub fn new(axes: impl Into<DotAxes>) -> Self {
        Self { common: LayerCommon::default(), axes: axes.into(), normalize: false }
    }
    /// Whether vectors are brought to length 1 before.
    pub fn normalize(mut self, normalize: bool) -> Self {
        self.normalize = normalize;
        self
    }
    fn pair(&self) -> [isize; 2] {
        match self.axes {
            DotAxes::Same(axis) => [axis; 2],
            DotAxes::Each(axes) => axes,
        }
    }
}

impl KerasObject for Dot {
    layer_identity!("Dot");
    fn validate(&self) -> Result<(), ConfigError> {
        let axes = self.pair();
        check(!axes.contains(&0), "Dot", "axes", "axes other than 0 (the batch's)", format!("{axes:?}"))
    }
}

impl Layer for Dot {
    layer_methods!(unmasking);
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let &[x, y] = inputs else {
            return cx.builder().error(format!("Dot takes two inputs, got {}", inputs.len()));
        };
        let (x, y, [of_x, of_y]) = (cx.compute(x), cx.compute(y), self.pair());
        if cx.builder().failed() {
            return x;
        }
        let axis = |v: Var<'g>, axis: isize| v.shape().axis(axis).filter(|&a| a > 0);
        let (Some(a), Some(b)) = (axis(x, of_x), axis(y, of_y)) else {
            return cx.builder().error(format!(
                "Dot needs an axis after the batch axis in each input, but `axes` is {:?} and the inputs have shapes {}",
                self.pair(),
                shapes(inputs)
            ));
        };
        if x.dim(0) != y.dim(0) || x.shape().dims()[a] != y.shape().dims()[b] {
            return cx.builder().error(format!(
                "Dot needs inputs of one batch size and of one size along axis {a} of the first and axis {b} of the second, got shapes {}",
                shapes(inputs)
            ));
        }
        if x.rank() + y.rank() - 3 > MAX_RANK {
            return cx.builder().error(format!("Dot of inputs of shapes {} would have more than {MAX_RANK} axes", shapes(inputs)));
        }
        let unit = |v: Var<'g>, axis: usize| if self.normalize { cx.compute(to_unit(v, &[axis as isize], 1e-7)) } else { v };
        let (x, y) = (unit(x, a), unit(y, b));
        // Names of axes: 0 the batch's, 1 the common one, then those of x and of y.
        let named = |v: Var<'g>, summed: usize, from: u8| -> Vec<u8> {
            (0..v.rank())
                .map(|i| {
                    if i == 0 {
                        0
                    } else if i == summed {
                        1
                    } else {
                        from + i as u8
                    }
                })
                .collect()
        };
        let (names, others) = (named(x, a, 2), named(y, b, 2 + MAX_RANK as u8));
        let out: Vec<u8> = names.iter().chain(&others[1..]).copied().filter(|&n| n != 1).collect();
        let dot = einsum(x, &names, y, &others, &out);
        if dot.rank() == 1 { dot.reshape(Shape::new(&[x.dim(0), 1])) } else { dot }
    }
}
