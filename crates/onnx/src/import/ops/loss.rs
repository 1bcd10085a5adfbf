//! Losses that some files hold.

use super::math::int;
use crate::import::call::{Call, Made, Trouble, Value};
use adaline_graph::{DType, Var};

/// `-x[label] * weight[label]` of classes `(B, C, ..)`, reduced as the attribute says.
fn picked<'g>(c: &Call<'_, 'g>, x: Var<'g>) -> Result<Var<'g>, Trouble> {
    let (b, labels) = (c.b(), c.var(1)?);
    let shape = x.shape();
    let expected: Vec<usize> = shape.dims().iter().enumerate().filter(|a| a.0 != 1).map(|a| *a.1).collect();
    if shape.rank() < 2 || labels.shape().dims() != expected || labels.ty().dtype != DType::I32 {
        return Err(format!("labels {} do not go with scores of shape {shape}", labels.ty()).into());
    }
    let ignored = match c.int("ignore_index")? {
        Some(i) => Some(labels.equal(int(labels, i32::try_from(i).map_err(|_| "`ignore_index` is out of range")?))),
        None => None,
    };
    let hit = labels.expand_dims(1).broadcast_to(shape).equal(b.iota(shape, 1));
    let only = |v: Var<'g>| hit.select(v, b.full(shape, 0.0)).sum(&[1], false);
    let ones = b.full(shape, 1.0);
    let mut weights = match c.maybe_float(2)? {
        Some(w) => {
            let mut dims = vec![1; shape.rank()];
            dims[1] = w.shape().len();
            only(w.reshape(Call::shape_of(&dims)?).broadcast_to(shape))
        }
        None => only(ones),
    };
    if let Some(ignored) = ignored {
        weights = ignored.select(b.full(weights.shape(), 0.0), weights);
    }
    let losses = -(only(x) * weights);
    match c.text_or("reduction", "mean")? {
        "none" => Ok(losses),
        "sum" => Ok(losses.sum(&[], false)),
        "mean" => Ok(losses.sum(&[], false) / weights.sum(&[], false)),
        other => Err(format!("attribute `reduction` must be none, sum or mean, not {other}").into()),
    }
}
pub(crate) fn nll<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    c.like(picked(c, c.float(0)?)?)
}
pub(crate) fn softmax_cross_entropy<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let kind = c.kind(0)?;
    let log = c.float(0)?.log_softmax(1);
    Ok(vec![Value::Var(picked(c, log)?, kind), Value::Var(log, kind)])
}
