//! Shapes as values, constants, and the same elements in another shape.

use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::check::Attribute;
use crate::import::kind::Kind;
use crate::import::tensor::OnnxTensor;
use adaline_graph::{Literal, Op, Shape};
use std::sync::Arc;

pub(crate) fn identity<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    Ok(vec![c.value(0)?.clone()])
}
pub(crate) fn constant<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let t = match c.node.attributes.values().next() {
        Some(Attribute::Tensor(t)) => return Ok(vec![Value::Known(t.clone())]),
        Some(Attribute::Int(v)) => Some(OnnxTensor::number(*v)),
        Some(Attribute::Ints(v)) => Some(OnnxTensor::line(v.clone())),
        Some(Attribute::Float(v)) => OnnxTensor::f32(&[], vec![*v]),
        Some(Attribute::Floats(v)) => OnnxTensor::f32(&[v.len()], v.clone()),
        _ => None,
    };
    Call::known_one(t.ok_or("it has no value of a supported type")?)
}
pub(crate) fn shape<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let dims: Vec<i64> = c.dims(0)?.iter().map(|&d| d as i64).collect();
    let n = dims.len() as i64;
    let place = |v: i64| (if v < 0 { v.saturating_add(n) } else { v }).clamp(0, n) as usize;
    let (start, end) = (place(c.int_or("start", 0)?), place(c.int_or("end", n)?));
    Call::known_one(OnnxTensor::line(dims.get(start..end).unwrap_or(&[]).to_vec()))
}
pub(crate) fn size<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    Call::known_one(OnnxTensor::number(c.shape(0)?.len() as i64))
}

/// Sizes that are given as integers, with what they must not be.
pub(crate) fn sizes(values: &[i64]) -> Result<Vec<usize>, Trouble> {
    values.iter().map(|&v| usize::try_from(v).map_err(|_| format!("{v} is no size").into())).collect()
}

pub(crate) fn reshape<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let to = c.list_or_input("shape", 1)?.ok_or("its shape is missing")?;
    let from = c.shape(0)?;
    let keep_zeros = c.flag("allowzero")?;
    let mut dims = Vec::with_capacity(to.len());
    for (a, &d) in to.iter().enumerate() {
        dims.push(match d {
            0 if !keep_zeros => {
                *from.dims().get(a).ok_or_else(|| format!("size 0 at axis {a} copies an axis that {from} does not have"))?
            }
            -1 => 1,
            d => usize::try_from(d).map_err(|_| format!("{d} is no size"))?,
        });
    }
    let mut open = to.iter().enumerate().filter(|(_, d)| **d == -1);
    if let Some((a, _)) = open.next() {
        let others = Call::shape_of(&dims)?.len();
        if open.next().is_some() || others == 0 || !from.len().is_multiple_of(others) {
            return Err(format!("{from} cannot become {to:?}").into());
        }
        dims[a] = from.len() / others;
    }
    let shape = Call::shape_of(&dims)?;
    if shape.len() != from.len() {
        return Err(format!("the {} elements of {from} cannot become {shape}", from.len()).into());
    }
    reshaped(c, shape)
}
/// Known values stay known, where they are few; others are not copied.
fn reshaped<'g>(c: &Call<'_, 'g>, shape: Shape) -> Made<'g> {
    if let Value::Known(t) = c.value(0)?
        && t.len() <= crate::import::trace::FOLDED_INPUTS
        && let Some(t) = OnnxTensor::new(t.kind(), shape.dims(), t.elements().clone())
    {
        return Call::known_one(t);
    }
    c.like(c.var(0)?.reshape(shape))
}
pub(crate) fn flatten<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let dims = c.dims(0)?;
    let axis = c.int_or("axis", 1)?;
    let at = if axis == dims.len() as i64 { dims.len() } else { Call::axis(axis, dims.len())? };
    let shape = Call::shape_of(&[dims[..at].iter().product(), dims[at..].iter().product()])?;
    reshaped(c, shape)
}
pub(crate) fn squeeze<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let dims = c.dims(0)?;
    let axes = match c.list_or_input("axes", 1)? {
        Some(axes) => Call::axes(&axes, dims.len())?,
        None => (0..dims.len()).filter(|&a| dims[a] == 1).collect(),
    };
    if let Some(&a) = axes.iter().find(|&&a| dims[a] != 1) {
        return Err(format!("axis {a} of shape {dims:?} is not of size 1").into());
    }
    let kept: Vec<usize> = (0..dims.len()).filter(|a| !axes.contains(a)).map(|a| dims[a]).collect();
    reshaped(c, Call::shape_of(&kept)?)
}
pub(crate) fn unsqueeze<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let mut dims = c.dims(0)?;
    let axes = c.list_or_input("axes", 1)?.ok_or("its axes are missing")?;
    let mut axes = Call::axes(&axes, dims.len().saturating_add(axes.len()))?;
    axes.sort_unstable();
    if axes.windows(2).any(|w| w[0] == w[1]) {
        return Err("one of its axes comes twice".into());
    }
    for a in axes {
        dims.insert(a, 1);
    }
    reshaped(c, Call::shape_of(&dims)?)
}

pub(crate) fn constant_of_shape<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let shape = Call::shape_of(&sizes(&c.ints(0)?)?)?;
    let (kind, value) = match c.attribute("value") {
        Some(Attribute::Tensor(t)) => (t.kind(), *t.to_f64().first().ok_or("its value is empty")?),
        _ => (Kind::F32, 0.0),
    };
    filled(c, kind, value, shape)
}
/// One value everywhere, known where that is small.
fn filled<'g>(c: &Call<'_, 'g>, kind: Kind, value: f64, shape: Shape) -> Made<'g> {
    if shape.len() <= 1 << 12 {
        return Call::known_one(OnnxTensor::from_f64(kind, shape, &vec![value; shape.len()]));
    }
    let one = OnnxTensor::from_f64(kind, Shape::SCALAR, &[value]);
    Call::one(kind, c.ctx.constant(&Arc::new(one))?.broadcast_to(shape))
}
pub(crate) fn expand<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let to = Call::shape_of(&sizes(&c.ints(1)?)?)?;
    let from = c.shape(0)?;
    let shape = Shape::broadcast(&from, &to).ok_or_else(|| format!("{from} does not broadcast to {to}"))?;
    c.like(c.var(0)?.broadcast_to(shape))
}
pub(crate) fn range<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (start, limit, delta) = (c.number(0)?, c.number(1)?, c.number(2)?);
    let kind = c.kind(0)?;
    let count = ((limit - start) / delta).ceil().max(0.0);
    if delta == 0.0 || !count.is_finite() || count > 4_194_304.0 {
        return Err(format!("a range from {start} to {limit} by {delta} has too many numbers").into());
    }
    let values: Vec<f64> = (0..count as usize).map(|i| start + i as f64 * delta).collect();
    Call::known_one(OnnxTensor::from_f64(kind, Shape::new(&[values.len()]), &values))
}
pub(crate) fn eye_like<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let shape = c.shape(0)?;
    if shape.rank() != 2 {
        return Err(format!("it takes a matrix, not a tensor of shape {shape}").into());
    }
    let kind = match c.int("dtype")? {
        Some(n) => Kind::of(i32::try_from(n).unwrap_or(0)).ok_or("its type is not supported")?,
        None => c.kind(0)?,
    };
    let diagonal = i32::try_from(c.int_or("k", 0)?).map_err(|_| "its diagonal is out of range")?;
    let (row, column) = (c.b().iota(shape, 0), c.b().iota(shape, 1));
    let shift = c.b().constant(Literal::I32(diagonal), shape);
    Call::one(kind, (row + shift).equal(column).cast(kind.dtype()))
}
/// The triangle on or below a diagonal, or that on or above it; zero elsewhere.
pub(crate) fn trilu<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, kind) = (c.var(0)?, c.kind(0)?);
    if x.rank() < 2 {
        return Err("it takes matrices".into());
    }
    let k = if c.has(1) { *c.ints(1)?.first().ok_or("its diagonal is missing")? } else { 0 };
    let k = i32::try_from(k.clamp(-(1 << 30), 1 << 30)).unwrap_or(0);
    let shape = x.shape();
    let (row, column) = (c.b().iota(shape, shape.rank() - 2), c.b().iota(shape, shape.rank() - 1));
    let row = row + c.b().constant(Literal::I32(k), shape);
    let inside = if c.int_or("upper", 1)? != 0 { row.le(column) } else { column.le(row) };
    let zero = match kind.dtype() {
        adaline_graph::DType::F32 => Literal::f32(0.0),
        adaline_graph::DType::I32 => Literal::I32(0),
        adaline_graph::DType::Bool => Literal::Bool(false),
    };
    Call::one(kind, c.b().op(Op::Select, &[inside, x, c.b().constant(zero, shape)]))
}
