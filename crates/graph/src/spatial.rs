//! Attributes of convolutions and windows: strides, dilation, explicit padding, and Keras' ways to choose them.
//!
//! Channels come last: a tensor is `(B, S1..Sn, C)` with 1 to [`MAX_SPATIAL`] spatial axes. Entries of further axes are those of
//! [`ConvSpec::default`] and [`WindowSpec::default`], so that equal operations are equal nodes.

/// Most spatial axes of a convolution or window.
pub const MAX_SPATIAL: usize = 3;

/// One number for each spatial axis.
type Axes = [usize; MAX_SPATIAL];

/// How a kernel goes over its input: [`crate::Op::Conv`], [`crate::Op::ConvInput`], [`crate::Op::ConvKernel`].
///
/// Cell `k` of the kernel meets cell `o * stride + k * dilation - before` of the input for element `o` of the result.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ConvSpec {
    /// Cells of the input between neighbours of the result.
    pub strides: Axes,
    /// Cells of the input between neighbours of the kernel.
    pub dilation: Axes,
    /// Zeros before the first cell.
    pub before: Axes,
    /// Zeros after the last cell.
    pub after: Axes,
    /// Channels and filters are divided into this many groups that do not see each other (as many as channels: depthwise).
    pub groups: usize,
}

/// Windows of [`crate::Op::Window`] and its gradients: element `o` of the result sees the cells `o * stride - before ..` of its size.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct WindowSpec {
    /// Cells of a window.
    pub size: Axes,
    /// Cells between neighbouring windows.
    pub strides: Axes,
    /// Cells before the first one, which do not count.
    pub before: Axes,
    /// Cells after the last one, which do not count.
    pub after: Axes,
}

impl Default for ConvSpec {
    /// No padding, strides and dilation 1, one group.
    fn default() -> Self {
        Self { strides: [1; MAX_SPATIAL], dilation: [1; MAX_SPATIAL], before: [0; MAX_SPATIAL], after: [0; MAX_SPATIAL], groups: 1 }
    }
}

impl Default for WindowSpec {
    /// Windows of one cell, without padding.
    fn default() -> Self {
        Self { size: [1; MAX_SPATIAL], strides: [1; MAX_SPATIAL], before: [0; MAX_SPATIAL], after: [0; MAX_SPATIAL] }
    }
}

/// The first numbers of `from`, and `rest` for the axes without one.
fn axes(from: &[usize], rest: usize) -> Axes {
    std::array::from_fn(|a| from.get(a).copied().unwrap_or(rest))
}

/// Cells of the input that a kernel spans.
pub(crate) fn span(kernel: usize, dilation: usize) -> Option<usize> {
    kernel.checked_sub(1)?.checked_mul(dilation)?.checked_add(1)
}

/// Keras' `same`: total padding `max((ceil(n / s) - 1) s + k - n, 0)`, the smaller half first. What overflows saturates;
/// inference refuses it.
fn same(size: usize, span: usize, stride: usize) -> (usize, usize) {
    let reach = size.div_ceil(stride.max(1)).saturating_sub(1).saturating_mul(stride).saturating_add(span);
    let total = reach.saturating_sub(size);
    (total / 2, total - total / 2)
}

impl ConvSpec {
    /// Keras' `valid`: no padding. One stride and one dilation for each spatial axis.
    pub fn valid(strides: &[usize], dilation: &[usize]) -> Self {
        Self { strides: axes(strides, 1), dilation: axes(dilation, 1), ..Self::default() }
    }
    /// Keras' `same`, for an input and a kernel of the given spatial sizes: as many results as cells divided by strides, rounded up.
    pub fn same(input: &[usize], kernel: &[usize], strides: &[usize], dilation: &[usize]) -> Self {
        let mut spec = Self::valid(strides, dilation);
        for (a, (&n, &k)) in input.iter().zip(kernel).enumerate().take(MAX_SPATIAL) {
            (spec.before[a], spec.after[a]) = same(n, span(k, spec.dilation[a]).unwrap_or(usize::MAX), spec.strides[a]);
        }
        spec
    }
    /// Keras' `causal`, on one spatial axis: no result sees a later cell.
    pub fn causal(kernel: usize, stride: usize, dilation: usize) -> Self {
        let mut spec = Self::valid(&[stride], &[dilation]);
        spec.before[0] = span(kernel, dilation).unwrap_or(usize::MAX).saturating_sub(1);
        spec
    }
    /// The convolution whose gradient is Keras' transposed convolution with `valid` padding, and the spatial sizes of the latter's result,
    /// `(n - 1) s + max(k, s)` (with output padding `p`, `(n - 1) s + k + p`).
    pub fn transposed_valid(
        input: &[usize],
        kernel: &[usize],
        strides: &[usize],
        dilation: &[usize],
        output_padding: Option<&[usize]>,
    ) -> (Self, Vec<usize>) {
        Self::transposed(input, kernel, strides, dilation, |a, n, k, s| {
            let extra = output_padding.map_or(s.saturating_sub(k), |p| p.get(a).copied().unwrap_or(0));
            (0, n.saturating_sub(1).saturating_mul(s).saturating_add(k).saturating_add(extra))
        })
    }
    /// As [`ConvSpec::transposed_valid`] with `same` padding: sizes `n s` (with output padding `p`, `(n - 1) s + k mod 2 + p`).
    pub fn transposed_same(
        input: &[usize],
        kernel: &[usize],
        strides: &[usize],
        dilation: &[usize],
        output_padding: Option<&[usize]>,
    ) -> (Self, Vec<usize>) {
        Self::transposed(input, kernel, strides, dilation, |a, n, k, s| {
            // Zeros around the stretched input, of which at most k - 1 come first; what is missing to k - 1 is the padding here.
            let (total, size) = match output_padding.map(|p| p.get(a).copied().unwrap_or(0)) {
                None => (s.saturating_add(k).saturating_sub(2), n.saturating_mul(s)),
                Some(p) => (
                    k.saturating_add(k % 2).saturating_add(p).saturating_sub(2),
                    n.saturating_sub(1).saturating_mul(s).saturating_add(k % 2).saturating_add(p),
                ),
            };
            (k.saturating_sub(1).saturating_sub(total.div_ceil(2)), size)
        })
    }
    /// `rule` gives the padding before and the size of the result from the axis, the size, the kernel's span and the stride.
    fn transposed(
        input: &[usize],
        kernel: &[usize],
        strides: &[usize],
        dilation: &[usize],
        rule: impl Fn(usize, usize, usize, usize) -> (usize, usize),
    ) -> (Self, Vec<usize>) {
        let mut spec = Self::valid(strides, dilation);
        let mut sizes = Vec::with_capacity(input.len());
        for (a, (&n, &k)) in input.iter().zip(kernel).enumerate().take(MAX_SPATIAL) {
            let (k, s) = (span(k, spec.dilation[a]).unwrap_or(usize::MAX), spec.strides[a]);
            let (before, size) = rule(a, n, k, s);
            // Enough after the last cell that the convolution has n results again.
            let reach = n.saturating_sub(1).saturating_mul(s).saturating_add(k);
            (spec.before[a], spec.after[a]) = (before, reach.saturating_sub(size.saturating_add(before)));
            sizes.push(size);
        }
        (spec, sizes)
    }
    /// With this many groups.
    #[must_use]
    pub fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
}

impl WindowSpec {
    /// Keras' `valid`: only whole windows. One size and one stride for each spatial axis.
    pub fn valid(size: &[usize], strides: &[usize]) -> Self {
        Self { size: axes(size, 1), strides: axes(strides, 1), ..Self::default() }
    }
    /// Keras' `same`, for an input of the given spatial sizes: as many windows as cells divided by strides, rounded up.
    pub fn same(input: &[usize], size: &[usize], strides: &[usize]) -> Self {
        let mut spec = Self::valid(size, strides);
        for (a, &n) in input.iter().enumerate().take(MAX_SPATIAL) {
            (spec.before[a], spec.after[a]) = same(n, spec.size[a], spec.strides[a]);
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_puts_the_smaller_half_first() {
        for (n, k, s, expected) in
            [(5, 3, 1, (1, 1)), (5, 2, 1, (0, 1)), (6, 3, 2, (0, 1)), (5, 3, 2, (1, 1)), (7, 2, 3, (0, 1)), (4, 1, 2, (0, 0))]
        {
            assert_eq!(same(n, k, s), expected, "{n} {k} {s}");
        }
        let spec = ConvSpec::same(&[9, 4], &[3, 2], &[1, 2], &[2, 1]);
        assert_eq!((spec.before, spec.after), ([2, 0, 0], [2, 0, 0]));
        assert_eq!(WindowSpec::same(&[5], &[2], &[2]).after, [1, 0, 0]);
        assert_eq!(ConvSpec::causal(3, 1, 2).before, [4, 0, 0]);
    }

    #[test]
    fn absurd_sizes_saturate() {
        let most = usize::MAX;
        ConvSpec::same(&[most, 0], &[most, 0], &[1, most], &[most, 1]);
        ConvSpec::causal(most, most, most);
        ConvSpec::transposed_valid(&[most, 0], &[most, 0], &[most, 0], &[2, 0], Some(&[most]));
        ConvSpec::transposed_same(&[most, 0], &[most, 0], &[most, 0], &[2, 0], Some(&[most]));
        ConvSpec::transposed_same(&[most, 0], &[0, 1], &[0, most], &[2, 0], None);
        WindowSpec::same(&[most; 5], &[most; 5], &[0; 5]);
    }
}
