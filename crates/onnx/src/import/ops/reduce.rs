//! Sums, means, extremes, norms over axes. Integers are added as `f32`, exactly up to 2^24.

use crate::import::call::{Call, Made, Trouble};
use adaline_graph::{DType, ReduceOp, Var};

/// The axes, their own number where none is to be reduced.
fn axes(c: &Call<'_, '_>) -> Result<Option<Vec<isize>>, Trouble> {
    let rank = c.rank(0)?;
    let given = c.list_or_input("axes", 1)?.filter(|a| !a.is_empty());
    match given {
        Some(axes) => Ok(Some(Call::axes(&axes, rank)?.into_iter().map(|a| a as isize).collect())),
        None if c.flag("noop_with_empty_axes")? => Ok(None),
        None => Ok(Some((0..rank as isize).collect())),
    }
}

fn reduced<'g>(
    c: &Call<'_, 'g>,
    before: impl FnOnce(Var<'g>) -> Var<'g>,
    reduce: impl FnOnce(Var<'g>, &[isize]) -> Var<'g>,
    after: impl FnOnce(Var<'g>) -> Var<'g>,
) -> Made<'g> {
    let kind = c.kind(0)?;
    let x = before(c.var(0)?.cast(DType::F32));
    let Some(axes) = axes(c)? else { return c.like(after(x).cast(kind.dtype())) };
    if axes.is_empty() {
        return c.like(after(reduce(x.reshape([1]), &[0]).reshape(x.shape())).cast(kind.dtype()));
    }
    let mut y = after(reduce(x, &axes));
    if c.int_or("keepdims", 1)? == 0 {
        let dims = y.shape().dims().to_vec();
        let kept: Vec<usize> = (0..dims.len()).filter(|&a| !axes.contains(&(a as isize))).map(|a| dims[a]).collect();
        y = y.reshape(Call::shape_of(&kept)?);
    }
    c.like(y.cast(kind.dtype()))
}
fn same(x: Var<'_>) -> Var<'_> {
    x
}
fn total<'g>(x: Var<'g>, axes: &[isize]) -> Var<'g> {
    x.sum(axes, true)
}

pub(crate) fn sum<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, same, total, same)
}
pub(crate) fn mean<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, same, |x, a| x.mean(a, true), same)
}
pub(crate) fn max<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, same, |x, a| x.max(a, true), same)
}
pub(crate) fn min<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, same, |x, a| x.min(a, true), same)
}
pub(crate) fn prod<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, same, |x, a| x.reduce(ReduceOp::Prod, a, true), same)
}
pub(crate) fn l1<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, Var::abs, total, same)
}
pub(crate) fn l2<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, Var::square, total, Var::sqrt)
}
pub(crate) fn sum_square<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, Var::square, total, same)
}
pub(crate) fn log_sum<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(c, same, total, Var::log)
}
pub(crate) fn log_sum_exp<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    reduced(
        c,
        same,
        |x, axes| {
            // Shifted by the largest, where that is a number.
            let most = x.max(axes, true).max_scalar(f32::MIN).min_scalar(f32::MAX);
            (x - most).exp().sum(axes, true).log() + most
        },
        same,
    )
}
