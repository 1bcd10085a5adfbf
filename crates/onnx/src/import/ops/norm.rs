//! Normalisations.

use super::moves::bordered;
use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::kind::Kind;
use adaline_graph::{Literal, Var};

/// One value for each channel, the second axis of `x`.
fn per_channel<'g>(x: Var<'g>, v: Var<'g>) -> Result<Var<'g>, Trouble> {
    let mut dims = vec![1; x.rank()];
    if x.rank() < 2 || v.rank() != 1 {
        return Err(format!("values of shape {} are not one for each channel of {}", v.shape(), x.shape()).into());
    }
    dims[1] = v.dim(0);
    Ok(v.reshape(Call::shape_of(&dims)?))
}

pub(crate) fn batch_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (kind, x) = (c.kind(0)?, c.float(0)?);
    let epsilon = c.real_or("epsilon", 1e-5)?;
    if c.int_or("spatial", 1)? == 0 {
        return Err("statistics for each pixel (`spatial` 0) are not supported".into());
    }
    let at = |i: usize| per_channel(x, c.float(i)?);
    let (scale, bias, mut mean, mut variance) = (at(1)?, at(2)?, at(3)?, at(4)?);
    let mut made = Vec::new();
    if c.flag("training_mode")? {
        let axes: Vec<isize> = (0..x.rank() as isize).filter(|&a| a != 1).collect();
        let momentum = c.real_or("momentum", 0.9)?;
        let (own_mean, own_variance) = (x.mean(&axes, true), x.variance(&axes, true));
        let moved = |old: Var<'g>, new: Var<'g>| -> Result<Value<'g>, Trouble> {
            Ok(Value::Var((old * momentum + new * (1.0 - momentum)).reshape([new.shape().len()]), kind))
        };
        made = vec![moved(mean, own_mean)?, moved(variance, own_variance)?];
        (mean, variance) = (own_mean, own_variance);
    }
    // In the order that makes one factor and one term for each channel.
    let factor = scale * (variance + epsilon).rsqrt();
    let y = x * factor + (bias - mean * factor);
    made.insert(0, Value::Var(y, kind));
    Ok(made)
}

/// `(x - mean) / sqrt(variance + epsilon)` over axes, with the mean and the second factor.
fn normal<'g>(x: Var<'g>, axes: &[isize], epsilon: f32) -> (Var<'g>, Var<'g>, Var<'g>) {
    let mean = x.mean(axes, true);
    let centred = x - mean;
    let inverse = (centred.square().mean(axes, true) + epsilon).rsqrt();
    (centred * inverse, mean, inverse)
}

fn from_axis(c: &Call<'_, '_>, x: Var<'_>) -> Result<Vec<isize>, Trouble> {
    let axis = Call::axis(c.int_or("axis", -1)?, x.rank())?;
    Ok((axis as isize..x.rank() as isize).collect())
}
pub(crate) fn layer_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (kind, x) = (c.kind(0)?, c.float(0)?);
    let axes = from_axis(c, x)?;
    let (y, mean, inverse) = normal(x, &axes, c.real_or("epsilon", 1e-5)?);
    let mut y = y * c.float(1)?;
    if let Some(bias) = c.maybe_float(2)? {
        y = y + bias;
    }
    Ok(vec![Value::Var(y, kind), Value::Var(mean, Kind::F32), Value::Var(inverse, Kind::F32)])
}
pub(crate) fn rms_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let axes = from_axis(c, x)?;
    let inverse = (x.square().mean(&axes, true) + c.real_or("epsilon", 1e-5)?).rsqrt();
    c.like(x * inverse * c.float(1)?)
}
pub(crate) fn instance_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let axes: Vec<isize> = (2..x.rank() as isize).collect();
    let (y, ..) = normal(x, &axes, c.real_or("epsilon", 1e-5)?);
    c.like(y * per_channel(x, c.float(1)?)? + per_channel(x, c.float(2)?)?)
}
pub(crate) fn group_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let dims = x.shape().dims().to_vec();
    let groups = usize::try_from(c.int_or("num_groups", 0)?).unwrap_or(0);
    if dims.len() < 2 || groups == 0 || !dims[1].is_multiple_of(groups) {
        return Err(format!("{groups} groups do not divide the channels of {}", x.shape()).into());
    }
    let each = dims[1] / groups;
    let rest: usize = dims[2..].iter().product();
    let (y, ..) = normal(x.reshape([dims[0], groups, each * rest]), &[2], c.real_or("epsilon", 1e-5)?);
    let y = y.reshape(x.shape());
    // Version 18 had one value for each group.
    let value = |i: usize| -> Result<Var<'g>, Trouble> {
        let v = c.float(i)?;
        let v = if c.opset() < 21 && v.dim(0) == groups && v.rank() == 1 {
            v.reshape([groups, 1]).broadcast_to([groups, each]).reshape([dims[1]])
        } else {
            v
        };
        per_channel(x, v)
    };
    c.like(y * value(1)? + value(2)?)
}
/// Each number divided by a power of the squares of the channels around it.
pub(crate) fn lrn<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let size = usize::try_from(c.int_or("size", 0)?).ok().filter(|s| (1..4096).contains(s)).ok_or("attribute `size` must be at least 1")?;
    if x.rank() < 2 {
        return Err("it takes channels as second axis".into());
    }
    let channels = x.dim(1);
    let before = (size - 1) / 2;
    let squares = bordered(x.square(), 1, before, size - 1 - before, Literal::f32(0.0))?;
    let sum = (0..size).map(|i| super::moves::cut(squares, 1, i, i + channels)).reduce(|a, b| a + b).unwrap_or(squares);
    let (alpha, beta, bias) = (c.real_or("alpha", 1e-4)?, c.real_or("beta", 0.75)?, c.real_or("bias", 1.0)?);
    c.like(x / (sum * (alpha / size as f32) + bias).pow(c.b().scalar(beta)))
}
pub(crate) fn lp_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let axis = Call::axis(c.int_or("axis", -1)?, x.rank())? as isize;
    let norm = match c.int_or("p", 2)? {
        1 => x.abs().sum(&[axis], true),
        2 => x.square().sum(&[axis], true).sqrt(),
        p => return Err(format!("attribute `p` must be 1 or 2, not {p}").into()),
    };
    let zero = c.b().full(norm.shape(), 0.0);
    let safe = norm.equal(zero).select(c.b().full(norm.shape(), 1.0), norm);
    c.like(x / safe)
}
pub(crate) fn mean_variance_norm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let axes = match c.list("axes")? {
        Some(axes) => Call::axes(axes, x.rank())?,
        None => vec![0, 2, 3],
    };
    let axes: Vec<isize> = axes.into_iter().map(|a| a as isize).collect();
    let centred = x - x.mean(&axes, true);
    c.like(centred / (centred.square().mean(&axes, true).sqrt() + 1e-9))
}
