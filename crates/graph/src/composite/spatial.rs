//! Convolutions, pooling and table look-ups as layers want them.

use crate::{ConvSpec, DType, Literal, Op, Shape, Var, WindowOp, WindowSpec};

impl Var<'_> {
    /// Cross-correlation of `(B, S.., C)` with a kernel `(K.., C / groups, O)`: `(B, S'.., O)`. A kernel `(K.., 1, C m)` in `C` groups is
    /// depthwise, Keras' `(K.., C, m)` reshaped.
    pub fn conv(self, kernel: Self, spec: ConvSpec) -> Self {
        self.builder().op(Op::Conv { spec }, &[self, kernel])
    }
    /// Transposed convolution of `(B, S.., O)` with a kernel `(K.., C / groups, O)`, to a result `(B, size.., C)`: the gradient of the
    /// convolution of that result by `spec`. [`ConvSpec::transposed_same`] and [`ConvSpec::transposed_valid`] give Keras' specs and sizes.
    pub fn conv_transpose(self, kernel: Self, spec: ConvSpec, size: &[usize]) -> Self {
        let mut dims = vec![self.dim(0)];
        dims.extend_from_slice(size);
        dims.push(kernel.dim(-2).saturating_mul(spec.groups));
        match Shape::try_new(&dims) {
            Some(input) => self.builder().op(Op::ConvInput { spec, input }, &[self, kernel]),
            None => self.builder().error(format!("the result {dims:?} of a transposed convolution is too large")),
        }
    }
    /// Largest of each window of `(B, S.., C)`; the gradient goes to the first of equals.
    pub fn max_pool(self, spec: WindowSpec) -> Self {
        self.builder().op(Op::Window { op: WindowOp::Max, spec }, &[self])
    }
    /// Sum of each window of `(B, S.., C)`.
    pub fn sum_pool(self, spec: WindowSpec) -> Self {
        self.builder().op(Op::Window { op: WindowOp::Sum, spec }, &[self])
    }
    /// Mean of the cells of each window of `(B, S.., C)`; padding does not count.
    pub fn average_pool(self, spec: WindowSpec) -> Self {
        let sums = self.sum_pool(spec);
        if self.builder().failed() {
            return sums;
        }
        let (from, to) = (self.shape(), sums.shape());
        // The number of cells is a product over the axes: one number for those where it is the same for all windows.
        let (mut all, mut varying) = (1.0, None);
        for axis in 1..to.rank() - 1 {
            let (n, size, stride, before) = (from.dims()[axis], spec.size[axis - 1], spec.strides[axis - 1], spec.before[axis - 1]);
            let count = |o: usize| (o * stride + size - before).min(n) - (o * stride).saturating_sub(before);
            let first = count(0);
            if (1..to.dims()[axis]).all(|o| count(o) == first) {
                all *= first as f32;
            } else {
                let counts = self.counts(to, axis, (n, size, stride, before));
                varying = Some(varying.map_or(counts, |v: Self| v * counts));
            }
        }
        match varying {
            None => sums / all,
            Some(counts) if all == 1.0 => sums / counts,
            Some(counts) => sums / (counts * all),
        }
    }
    /// Cells of the windows along one axis, `min(o s - before + size, n) - max(o s - before, 0)`, of shape `(1, .., windows, .., 1)`.
    fn counts(self, windows: Shape, axis: usize, (n, size, stride, before): (usize, usize, usize, usize)) -> Self {
        let b = self.builder();
        let mut dims = vec![1; windows.rank()];
        dims[axis] = windows.dims()[axis];
        let shape = Shape::new(&dims);
        let number = |v: usize| b.constant(Literal::I32(v as i32), shape);
        let start = b.iota(shape, axis) * number(stride) - number(before);
        let (stop, zero) = (start + number(size), number(0));
        (stop.minimum(number(n)) - start.maximum(zero)).cast(DType::F32)
    }

    /// Rows of a stack of tables `(G, N, C)` by indices `i32 (G, M)`: `(G, M, C)`. An index out of range counts as the nearest in range.
    pub fn gather(self, indices: Self) -> Self {
        self.builder().op(Op::Gather, &[self, indices])
    }
    /// Rows `(G, M, C)` added up by indices `i32 (G, M)` to `(G, rows, C)`: the gradient of [`Var::gather`].
    pub fn scatter_add(self, indices: Self, rows: usize) -> Self {
        self.builder().op(Op::ScatterAdd { rows }, &[self, indices])
    }
    /// Rows of one table `(N, C)` by indices `i32` of any shape `(..)`: `(.., C)`. An embedding.
    pub fn take(self, indices: Self) -> Self {
        let b = self.builder();
        let (table, at) = (self.shape(), indices.shape());
        let mut dims = at.dims().to_vec();
        dims.push(table.dim(-1));
        match Shape::try_new(&dims) {
            Some(to) if table.rank() == 2 => self.expand_dims(0).gather(indices.reshape([1, at.len()])).reshape(to),
            _ => b.error(format!("cannot look up indices of shape {at} in a table of shape {table}: expected (rows, columns)")),
        }
    }
}
