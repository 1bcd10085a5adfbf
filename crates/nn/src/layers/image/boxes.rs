//! Random boxes in images.

use super::common::uniform;
use crate::Trace;
use adaline_graph::{DType, Var};

/// Pixels `(B, H, W, 1)` of one box in each image, `parts` of the width and of the height wide and high (each `(B, 1, 1, 1)`), anywhere in
/// the image.
pub(super) fn boxes<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, x: Var<'g>, parts: [Var<'g>; 2]) -> Var<'g> {
    let (n, h, w) = (x.dim(0), x.dim(1), x.dim(2));
    let mut inside = |part: Var<'g>, axis: usize, length: usize| {
        let size = part * length as f32;
        let start = uniform(cx, own, [n, 1, 1, 1], (0.0, 1.0)) * (length as f32 - size);
        let shape = if axis == 1 { [1, length, 1, 1] } else { [1, 1, length, 1] };
        let at = cx.builder().iota(shape, axis).cast(DType::F32);
        at.ge(start).and(at.lt(start + size))
    };
    let (columns, rows) = (inside(parts[0], 2, w), inside(parts[1], 1, h));
    columns.and(rows)
}
