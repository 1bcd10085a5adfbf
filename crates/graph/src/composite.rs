//! Functions made of operations: what Keras calls `ops`. They reach speed by fusion, not by being operations.

mod resize;
mod spatial;

pub use resize::Interpolation;

use crate::{Builder, DType, Distribution, Op, Shape, Var};

impl Var<'_> {
    /// `x²`.
    pub fn square(self) -> Self {
        self * self
    }
    /// `max(x, 0)`; gradient 0 at 0.
    pub fn relu(self) -> Self {
        self.max_scalar(0.0)
    }
    /// `min(max(x, low), high)`.
    pub fn clip(self, low: f32, high: f32) -> Self {
        self.max_scalar(low).min_scalar(high)
    }
    /// Mean over axes (all when empty); NaN over no element.
    pub fn mean(self, axes: &[isize], keep: bool) -> Self {
        let sum = self.sum(axes, keep);
        let n = self.shape().len() as f32 / (sum.shape().len() as f32).max(1.0);
        sum / n
    }
    /// Biased variance over axes (all when empty): `mean((x - mean(x))²)`.
    pub fn variance(self, axes: &[isize], keep: bool) -> Self {
        (self - self.mean(axes, true)).square().mean(axes, keep)
    }
    /// `ln Σ e^x` along an axis, shifted by the largest so that it neither overflows nor vanishes.
    pub fn logsumexp(self, axis: isize, keep: bool) -> Self {
        let shift = self.max(&[axis], true).stop_gradient();
        let r = (self - shift).exp().sum(&[axis], true).log() + shift;
        if keep { r } else { r.sum(&[axis], false) }
    }
    /// `e^x / Σ e^x` along an axis.
    pub fn softmax(self, axis: isize) -> Self {
        let e = (self - self.max(&[axis], true).stop_gradient()).exp();
        e / e.sum(&[axis], true)
    }
    /// `ln softmax(x)`, stable.
    pub fn log_softmax(self, axis: isize) -> Self {
        let shifted = self - self.max(&[axis], true).stop_gradient();
        shifted - shifted.exp().sum(&[axis], true).log()
    }
    /// Labels `i32 (..)` as rows of zeros with a one: `f32 (.., classes)`. A label outside of `0..classes` gives a row of zeros.
    pub fn one_hot(self, classes: usize) -> Self {
        let labels = self.expand_dims(-1);
        let mut dims = labels.shape().dims().to_vec();
        if let Some(last) = dims.last_mut() {
            *last = classes;
        }
        let Some(shape) = Shape::try_new(&dims) else {
            return self.builder().error(format!("one_hot: {classes} classes of labels {} are more than a shape can hold", self.shape()));
        };
        let iota = self.builder().iota(shape, shape.rank().saturating_sub(1));
        labels.broadcast_to(shape).equal(iota).cast(DType::F32)
    }
}

/// Inputs one after the other along an axis (from the end when negative).
pub fn concat<'g>(builder: &'g Builder, parts: &[Var<'g>], axis: isize) -> Var<'g> {
    let shape = parts.first().map_or(Shape::SCALAR, |p| p.shape());
    match shape.axis(axis) {
        Some(axis) => builder.op(Op::Concat { axis: axis as u8 }, parts),
        None => builder.error(format!("cannot concatenate along axis {axis} of {} tensors of shape {shape}", parts.len())),
    }
}

/// Inverted dropout's factor: `1 / (1 - rate)` with probability `1 - rate`, 0 else. Backward regenerates it: it is never stored by need.
pub fn dropout_mask<'g>(builder: &'g Builder, rate: f32, stream: u64, shape: Shape, seed: Var<'g>, step: Var<'g>) -> Var<'g> {
    let keep = 1.0 - rate;
    let u = builder.random(Distribution::Uniform, stream, shape, seed, step);
    u.lt(builder.full(shape, keep)).select(builder.full(shape, 1.0 / keep), builder.full(shape, 0.0))
}
