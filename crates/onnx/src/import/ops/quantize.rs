//! Numbers in few bits: to the nearest multiple of a scale, and back.

use super::math::round;
use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::kind::Kind;
use adaline_graph::{DType, Shape, Var};

/// Scale or zero point `v` for each element of `x`: one number, one for each place along `axis`, or one for each block along it.
fn spread<'g>(c: &Call<'_, 'g>, x: Shape, v: Var<'g>) -> Result<Var<'g>, Trouble> {
    let (axis, block) = (c.int_or("axis", 1)?, c.int_or("block_size", 0)?);
    if v.shape().len() == 1 {
        return Ok(v.reshape(Shape::SCALAR));
    }
    let axis = Call::axis(axis, x.rank())?;
    if block == 0 {
        let mut dims = vec![1; x.rank()];
        dims[axis] = v.shape().len();
        return Ok(v.reshape(Call::shape_of(&dims)?));
    }
    let (n, own) = (x.dims()[axis], v.shape().dims().to_vec());
    let block = usize::try_from(block).unwrap_or(usize::MAX);
    if own.len() != x.rank() || own[axis].saturating_mul(block) < n {
        return Err(format!("blocks of {block} of shape {} do not cover {x}", v.shape()).into());
    }
    let places: Vec<usize> = (0..n).map(|i| i / block).collect();
    super::moves::pick(c, v, axis, &places)
}
fn whole(k: Kind) -> Result<(f32, f32), Trouble> {
    match k {
        Kind::I32 => Ok((-2_147_483_648.0, 2_147_483_520.0)),
        other => other.narrow().ok_or_else(|| format!("numbers cannot be quantized to {other}").into()),
    }
}

pub(crate) fn quantize<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let kind = match (c.maybe(2), c.int_or("output_dtype", 0)?) {
        (Some(zero), _) => zero.kind(),
        (None, 0) => Kind::U8,
        (None, n) => Kind::of(i32::try_from(n).unwrap_or(0)).ok_or("its type is not supported")?,
    };
    let (low, high) = whole(kind)?;
    let mut y = round(x / spread(c, x.shape(), c.float(1)?)?);
    if let Some(zero) = c.maybe_var(2)? {
        y = y + spread(c, x.shape(), zero.cast(DType::F32))?;
    }
    Call::one(kind, y.clip(low, high).cast(DType::I32))
}
pub(crate) fn dequantize<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let mut x = c.var(0)?.cast(DType::F32);
    if let Some(zero) = c.maybe_var(2)? {
        x = x - spread(c, x.shape(), zero.cast(DType::F32))?;
    }
    Call::one(c.kind(1)?, x * spread(c, x.shape(), c.float(1)?)?)
}
pub(crate) fn dynamic<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let (low, high) = (x.min(&[], false).min_scalar(0.0), x.max(&[], false).max_scalar(0.0));
    let scale = (high - low) / 255.0;
    let zero = round((0.0 - low) / scale).clip(0.0, 255.0);
    let y = (round(x / scale) + zero).clip(0.0, 255.0);
    let byte = |v: Var<'g>| Value::Var(v.cast(DType::I32), Kind::U8);
    Ok(vec![byte(y), Value::Var(scale, Kind::F32), byte(zero)])
}
