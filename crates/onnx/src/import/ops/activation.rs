//! Functions of one number, and those over an axis.

use crate::import::call::{Call, Made};
use adaline_graph::Var;

pub(crate) fn relu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.var(0)?;
    c.like(if c.kind(0)?.is_float() { x.relu() } else { x.maximum(super::math::int(x, 0)) })
}
fn where_negative<'g>(x: Var<'g>, negative: Var<'g>) -> Var<'g> {
    x.lt(x.builder().full(x.shape(), 0.0)).select(negative, x)
}
pub(crate) fn leaky_relu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    c.like(where_negative(x, x * c.real_or("alpha", 0.01)?))
}
pub(crate) fn prelu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, mut slope) = (c.float(0)?, c.float(1)?);
    // Before version 7 one slope for each channel, the second axis.
    if c.opset() < 7 && slope.rank() == 1 && slope.dim(0) > 1 {
        let mut dims = vec![1; x.rank()];
        if let Some(d) = dims.get_mut(1) {
            *d = slope.dim(0);
        }
        slope = slope.reshape(Call::shape_of(&dims)?);
    }
    c.like(where_negative(x, x * slope))
}
pub(crate) fn elu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    c.like(where_negative(x, x.min_scalar(0.0).expm1() * c.real_or("alpha", 1.0)?))
}
pub(crate) fn selu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let (alpha, gamma) = (c.real_or("alpha", 1.673_263_2)?, c.real_or("gamma", 1.050_701)?);
    c.like(where_negative(x, x.min_scalar(0.0).expm1() * alpha) * gamma)
}
pub(crate) fn celu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, alpha) = (c.float(0)?, c.real_or("alpha", 1.0)?);
    c.like(where_negative(x, (x.min_scalar(0.0) / alpha).expm1() * alpha))
}
pub(crate) fn hard_sigmoid<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    c.like((c.float(0)? * c.real_or("alpha", 0.2)? + c.real_or("beta", 0.5)?).clip(0.0, 1.0))
}
pub(crate) fn hard_swish(x: Var<'_>) -> Var<'_> {
    x * (x / 6.0 + 0.5).clip(0.0, 1.0)
}
pub(crate) fn softsign(x: Var<'_>) -> Var<'_> {
    x / (x.abs() + 1.0)
}
pub(crate) fn mish(x: Var<'_>) -> Var<'_> {
    x * x.softplus().tanh()
}
pub(crate) fn swish<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    c.like(x * (x * c.real_or("alpha", 1.0)?).sigmoid())
}
pub(crate) fn gelu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let y = match c.text_or("approximate", "none")? {
        "none" => (x * std::f32::consts::FRAC_1_SQRT_2).erf(),
        // sqrt(2 / pi)
        "tanh" => ((x + x * x * x * 0.044715) * 0.797_884_6).tanh(),
        other => return Err(format!("attribute `approximate` must be none or tanh, not {other}").into()),
    };
    c.like(x * 0.5 * (y + 1.0))
}
pub(crate) fn thresholded_relu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    c.like(x.gt_scalar(c.real_or("alpha", 1.0)?).select(x, c.b().full(x.shape(), 0.0)))
}
pub(crate) fn shrink<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let (bias, lambda, zero) = (c.real_or("bias", 0.0)?, c.real_or("lambd", 0.5)?, c.b().full(x.shape(), 0.0));
    let low = x.lt(c.b().full(x.shape(), -lambda));
    c.like(low.select(x + bias, x.gt_scalar(lambda).select(x - bias, zero)))
}

/// Before version 13 all axes from `axis` on are one; since then it is that axis alone.
fn along<'g>(c: &Call<'_, 'g>, f: impl Fn(Var<'g>, isize) -> Var<'g>) -> Made<'g> {
    let x = c.float(0)?;
    let old = c.opset() < 13;
    let axis = Call::axis(c.int_or("axis", if old { 1 } else { -1 })?, x.rank().max(1))?;
    if x.rank() == 0 {
        return c.like(f(x.reshape([1]), 0).reshape(x.shape()));
    }
    if !old {
        return c.like(f(x, axis as isize));
    }
    let dims = x.shape().dims().to_vec();
    let flat = [dims[..axis].iter().product::<usize>(), dims[axis..].iter().product::<usize>()];
    c.like(f(x.reshape(flat), 1).reshape(x.shape()))
}
pub(crate) fn softmax<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    along(c, Var::softmax)
}
pub(crate) fn log_softmax<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    along(c, Var::log_softmax)
}
pub(crate) fn hardmax<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    along(c, |x, axis| {
        let largest = x.argmax(axis).expand_dims(axis).broadcast_to(x.shape());
        largest.equal(x.builder().iota(x.shape(), axis as usize)).cast(adaline_graph::DType::F32)
    })
}
/// Inference: the input, and a mask of ones.
pub(crate) fn dropout<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    if c.has(2) && c.number(2)? != 0.0 && c.number_or(1, 0.5)? != 0.0 {
        return Err("it drops at random, which is for training; a model that predicts has `training_mode` false".into());
    }
    let mask = c.b().constant(adaline_graph::Literal::Bool(true), c.shape(0)?);
    let mask = crate::import::call::Value::Var(mask, crate::import::kind::Kind::Bool);
    Ok(vec![c.value(0)?.clone(), mask])
}
