//! Images of another size: Keras' `Resizing`, as `jax.image.resize` computes it.

use crate::{Builder, DType, Shape, Var};

/// How to find values between pixels. Pixel `i` has its centre at `i + 1/2`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Linear between two pixels along each axis.
    Bilinear,
    /// Keys' cubic with a = -1/2 between four pixels along each axis (R. G. Keys, 1981).
    Bicubic,
}

impl Var<'_> {
    /// `(B, S.., C)` with other spatial sizes. At the borders the weights of the pixels that exist are scaled to the sum 1.
    pub fn resize(self, size: &[usize], by: Interpolation) -> Self {
        self.resized(size, by, false)
    }
    /// As [`Var::resize`]; an axis that becomes `k` times shorter is made of `k` times as many pixels, so that none is left out. The
    /// nearest pixel is one pixel all the same.
    pub fn resize_antialiased(self, size: &[usize], by: Interpolation) -> Self {
        self.resized(size, by, true)
    }

    fn resized(self, size: &[usize], by: Interpolation, antialias: bool) -> Self {
        let shape = self.shape();
        let fits = size.len() + 2 == shape.rank() && shape.dims()[1..=size.len()].iter().chain(size).all(|&d| d > 0);
        let mut dims = shape.dims().to_vec();
        if fits {
            dims[1..=size.len()].copy_from_slice(size);
        }
        if !fits || Shape::try_new(&dims).is_none() {
            return self.builder().error(format!(
                "cannot resize a tensor of shape {shape} to {size:?}: expected (batch, spatial axes.., channels) and a new size, at least \
                 1, for each spatial axis"
            ));
        }
        let mut y = self;
        for (a, &m) in size.iter().enumerate() {
            y = y.resize_axis(a + 1, m, by, antialias);
        }
        y
    }

    fn resize_axis(self, axis: usize, m: usize, by: Interpolation, antialias: bool) -> Self {
        let (b, shape) = (self.builder(), self.shape());
        let n = shape.dims()[axis];
        let (outer, inner) = (shape.dims()[..axis].iter().product::<usize>(), shape.dims()[axis + 1..].iter().product::<usize>());
        if n == m {
            return self;
        }
        if Shape::try_new(&[outer, m, n]).is_none() {
            return b.error(format!("cannot resize axis {axis} of a tensor of shape {shape} to {m}: {m} by {n} weights are too many"));
        }
        let rows = self.reshape([outer, n, inner]);
        let resized = match by {
            Interpolation::Nearest => {
                let place = (b.iota([1, m], 1).cast(DType::F32) + 0.5) * n as f32 / m as f32;
                rows.gather(place.floor().cast(DType::I32).broadcast_to([outer, m]))
            }
            Interpolation::Bilinear | Interpolation::Bicubic => weights(b, n, m, by, antialias).broadcast_to([outer, m, n]).matmul(rows),
        };
        resized.reshape(shape.with_dim(axis, m))
    }
}

/// `(m, n)`: how much each of `m` new pixels takes of each of `n` old ones.
fn weights(b: &Builder, n: usize, m: usize, by: Interpolation, antialias: bool) -> Var<'_> {
    let inverse = 1.0 / (m as f32 / n as f32);
    let place = (b.iota([m, n], 0).cast(DType::F32) + 0.5) * inverse - 0.5;
    let mut x = (place - b.iota([m, n], 1).cast(DType::F32)).abs();
    if antialias && inverse > 1.0 {
        x = x / inverse;
    }
    let w = match by {
        Interpolation::Nearest | Interpolation::Bilinear => (1.0 - x).max_scalar(0.0),
        Interpolation::Bicubic => {
            let near = (x * 1.5 - 2.5) * x * x + 1.0;
            let far = ((x * -0.5 + 2.5) * x - 4.0) * x + 2.0;
            let (one, two) = (b.full([m, n], 1.0), b.full([m, n], 2.0));
            x.ge(two).select(b.full([m, n], 0.0), x.ge(one).select(far, near))
        }
    };
    w / w.sum(&[1], true)
}
