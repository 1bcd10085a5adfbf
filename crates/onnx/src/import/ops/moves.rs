//! The same elements in other places: parts, joins, order, borders.

use super::shape::sizes;
use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::kind::Kind;
use adaline_graph::{DType, Literal, Var};

pub(crate) fn transpose<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.var(0)?;
    let perm = match c.list("perm")? {
        Some(p) => Call::axes(p, x.rank())?,
        None => (0..x.rank()).rev().collect(),
    };
    if perm.len() != x.rank() {
        return Err(format!("it permutes {} axes of a tensor of shape {}", perm.len(), x.shape()).into());
    }
    c.like(x.transpose(&perm))
}

pub(crate) fn concat<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let kind = c.kind(0)?;
    let mut parts = Vec::with_capacity(c.inputs.len());
    for i in 0..c.inputs.len() {
        if c.kind(i)? != kind {
            return Err(format!("its inputs must have one type, not {kind} and {}", c.kind(i)?).into());
        }
        parts.push(c.var(i)?);
    }
    let axis = Call::axis(c.int_or("axis", 1)?, parts[0].rank())?;
    Call::one(kind, adaline_graph::concat(c.b(), &parts, axis as isize))
}

/// From `start` to `stop` along one axis.
pub(crate) fn cut(x: Var<'_>, axis: usize, start: usize, stop: usize) -> Var<'_> {
    strided(x, axis, start, stop, 1)
}
pub(crate) fn strided(x: Var<'_>, axis: usize, start: usize, stop: usize, stride: usize) -> Var<'_> {
    let mut ranges: Vec<(usize, usize, usize)> = x.shape().dims().iter().map(|&d| (0, d, 1)).collect();
    if let Some(r) = ranges.get_mut(axis) {
        *r = (start, stop, stride);
    }
    x.slice(&ranges)
}

pub(crate) fn split<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, kind) = (c.var(0)?, c.kind(0)?);
    let axis = Call::axis(c.int_or("axis", 0)?, x.rank())?;
    let size = x.dim(axis as isize);
    let parts = if let Some(parts) = c.list_or_input("split", 1)? {
        sizes(&parts)?
    } else {
        let n = usize::try_from(c.int_or("num_outputs", c.asked() as i64)?).ok().filter(|&n| n > 0 && n <= c.asked().max(1));
        let n = n.ok_or("`num_outputs` must be the number of its outputs")?;
        let each = size.div_ceil(n);
        (0..n).map(|i| (size.saturating_sub(i * each)).min(each)).collect()
    };
    if parts.iter().try_fold(0usize, |n, &p| n.checked_add(p)) != Some(size) {
        return Err(format!("parts {parts:?} are not the {size} elements of axis {axis}").into());
    }
    let mut start = 0;
    let mut made = Vec::with_capacity(parts.len());
    for part in parts {
        made.push(Value::Var(cut(x, axis, start, start + part), kind));
        start += part;
    }
    Ok(made)
}

pub(crate) fn slice<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let mut x = c.var(0)?;
    let missing = "its starts or ends are missing";
    let starts = c.list_or_input("starts", 1)?.ok_or(missing)?;
    let ends = c.list_or_input("ends", 2)?.ok_or(missing)?;
    let axes = match c.list_or_input("axes", 3)? {
        Some(axes) => Call::axes(&axes, x.rank())?,
        None => (0..starts.len()).collect(),
    };
    let steps = c.maybe_ints(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|&n| n != starts.len()) || axes.iter().any(|&a| a >= x.rank()) {
        return Err("starts, ends, axes and steps must be of one length, at most the number of axes".into());
    }
    for (i, &axis) in axes.iter().enumerate() {
        let n = x.dim(axis as isize) as i64;
        let from_front = |v: i64| if v < 0 { v.saturating_add(n) } else { v };
        let (start, end, step) = (from_front(starts[i]), from_front(ends[i]), steps[i]);
        let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        if step == 0 {
            return Err("a step of 0 leads nowhere".into());
        }
        if step > 0 {
            let (start, end) = (start.clamp(0, n), end.clamp(0, n));
            x = strided(x, axis, start as usize, end.max(start) as usize, stride);
        } else {
            // Backwards from `start` is forwards in the reversed axis.
            let (start, end) = (start.clamp(-1, n - 1), end.clamp(-1, n - 1));
            let (from, to) = ((n - 1 - start) as usize, (n - 1 - end) as usize);
            x = strided(x.reverse(&[axis as isize]), axis, from, to.max(from), stride);
        }
    }
    c.like(x)
}

pub(crate) fn tile<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.var(0)?;
    let mut repeats = sizes(&c.ints(1)?)?;
    if c.has(2) {
        // The first version: how often, along which axis.
        let axis = Call::axis(c.number(2)? as i64, x.rank())?;
        let times = repeats[0];
        repeats = vec![1; x.rank()];
        repeats[axis] = times;
    }
    if repeats.len() != x.rank() {
        return Err(format!("it repeats {} axes of a tensor of shape {}", repeats.len(), x.shape()).into());
    }
    let mut y = x;
    for (axis, &times) in repeats.iter().enumerate().filter(|r| *r.1 != 1) {
        // (outer, 1, inner) repeated, so that the number of axes stays small.
        let dims = y.shape().dims().to_vec();
        let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis..].iter().product::<usize>());
        let mut to = dims.clone();
        to[axis] = to[axis].checked_mul(times).ok_or("it repeats too often")?;
        let wide = Call::shape_of(&[outer, times, inner])?;
        y = y.reshape([outer, 1, inner]).broadcast_to(wide).reshape(Call::shape_of(&to)?);
    }
    c.like(y)
}

/// Elements of an axis by number.
pub(crate) fn pick<'g>(c: &Call<'_, 'g>, x: Var<'g>, axis: usize, places: &[usize]) -> Result<Var<'g>, Trouble> {
    let dims = x.shape().dims().to_vec();
    let n = dims[axis];
    let step = places.windows(2).all(|w| w[1] == w[0] + 1);
    if step && let (Some(&first), Some(&last)) = (places.first(), places.last()) {
        return Ok(cut(x, axis, first, last + 1));
    }
    let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
    let at = c.indices(&[1, places.len()], places.iter().map(|&p| p as i64).collect())?;
    let at = at.broadcast_to(Call::shape_of(&[outer, places.len()])?);
    let mut to = dims.clone();
    to[axis] = places.len();
    let to = Call::shape_of(&to)?;
    let dtype = x.ty().dtype;
    let table = if dtype == DType::Bool { x.cast(DType::F32) } else { x };
    Ok(table.reshape([outer, n, inner]).gather(at).reshape(to).cast(dtype))
}

/// `value` before and after along an axis.
pub(crate) fn bordered<'g>(x: Var<'g>, axis: usize, before: usize, after: usize, value: Literal) -> Result<Var<'g>, Trouble> {
    let b = x.builder();
    let border = |n: usize| -> Result<Option<Var<'g>>, Trouble> {
        let mut dims = x.shape().dims().to_vec();
        dims[axis] = n;
        Ok(if n == 0 { None } else { Some(b.constant(value, Call::shape_of(&dims)?)) })
    };
    let parts: Vec<Var<'g>> = [border(before)?, Some(x), border(after)?].into_iter().flatten().collect();
    Ok(if parts.len() == 1 { x } else { adaline_graph::concat(b, &parts, axis as isize) })
}

/// A number as a constant of a type.
pub(crate) fn literal(kind: Kind, value: f64) -> Literal {
    match kind.dtype() {
        DType::F32 => Literal::f32(value as f32),
        DType::I32 => Literal::I32(value as i32),
        DType::Bool => Literal::Bool(value != 0.0),
    }
}

pub(crate) fn pad<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (mut x, kind) = (c.var(0)?, c.kind(0)?);
    let old = if c.attribute("paddings").is_some() { "paddings" } else { "pads" };
    let pads = c.list_or_input(old, 1)?.ok_or("its pads are missing")?;
    let axes = match c.maybe_ints(3)? {
        Some(axes) => Call::axes(&axes, x.rank())?,
        None => (0..x.rank()).collect(),
    };
    if pads.len() != 2 * axes.len() {
        return Err(format!("{} pads are not two for each of {} axes", pads.len(), axes.len()).into());
    }
    let value = match c.real("value")? {
        Some(v) => f64::from(v),
        None => c.number_or(2, 0.0)?,
    };
    let mode = c.text_or("mode", "constant")?;
    for (i, &axis) in axes.iter().enumerate() {
        let (before, after) = (pads[i], pads[i + axes.len()]);
        if before == 0 && after == 0 {
            continue;
        }
        let n = x.dim(axis as isize) as i64;
        let small = [before, after].iter().all(|p| p.unsigned_abs() < 1 << 40);
        let total = small.then(|| n + before + after).filter(|&t| t >= 0);
        let total = total.ok_or_else(|| format!("axis {axis} of size {n} cannot be padded by {before} and {after}"))?;
        if mode == "constant" {
            let (start, end) = ((-before).max(0), n - (-after).max(0));
            if start > end {
                return Err(format!("axis {axis} of size {n} cannot be padded by {before} and {after}").into());
            }
            x = cut(x, axis, start as usize, end as usize);
            x = bordered(x, axis, before.max(0) as usize, after.max(0) as usize, literal(kind, value))?;
            continue;
        }
        if n == 0 || total > 1 << 20 {
            return Err(format!("axis {axis} of size {n} cannot be padded by {before} and {after} in mode {mode}").into());
        }
        let place = |i: i64| match mode {
            "edge" => Ok(i.clamp(0, n - 1) as usize),
            "wrap" => Ok(i.rem_euclid(n) as usize),
            "reflect" if n == 1 => Ok(0),
            "reflect" => {
                let around = i.rem_euclid(2 * (n - 1));
                Ok(around.min(2 * (n - 1) - around) as usize)
            }
            other => Err(format!("attribute `mode` must be constant, reflect, edge or wrap, not {other}")),
        };
        let places: Vec<usize> = (-before..n + after).map(place).collect::<Result<_, _>>()?;
        x = pick(c, x, axis, &places)?;
    }
    Call::one(kind, x)
}

/// Channels as squares of pixels.
pub(crate) fn depth_to_space<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, block) = (c.var(0)?, block(c)?);
    let [n, channels, h, w] = x.shape().dims().to_vec()[..] else { return Err("it takes (N, C, H, W)".into()) };
    if channels % (block * block) != 0 {
        return Err(format!("{channels} channels are no multiple of blocks of {block} by {block}").into());
    }
    let less = channels / (block * block);
    let y = match c.text_or("mode", "DCR")? {
        "DCR" => x.reshape(Call::shape_of(&[n, block, block, less, h, w])?).transpose(&[0, 3, 4, 1, 5, 2]),
        "CRD" => x.reshape(Call::shape_of(&[n, less, block, block, h, w])?).transpose(&[0, 1, 4, 2, 5, 3]),
        other => return Err(format!("attribute `mode` must be DCR or CRD, not {other}").into()),
    };
    c.like(y.reshape(Call::shape_of(&[n, less, h * block, w * block])?))
}
/// Squares of pixels as channels.
pub(crate) fn space_to_depth<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, block) = (c.var(0)?, block(c)?);
    let [n, channels, h, w] = x.shape().dims().to_vec()[..] else { return Err("it takes (N, C, H, W)".into()) };
    if h % block != 0 || w % block != 0 {
        return Err(format!("{h} by {w} pixels are no multiple of blocks of {block} by {block}").into());
    }
    let y = x.reshape(Call::shape_of(&[n, channels, h / block, block, w / block, block])?).transpose(&[0, 3, 5, 1, 2, 4]);
    c.like(y.reshape(Call::shape_of(&[n, channels * block * block, h / block, w / block])?))
}
fn block(c: &Call<'_, '_>) -> Result<usize, Trouble> {
    let block = c.int_or("blocksize", 0)?;
    usize::try_from(block).ok().filter(|b| (1..1 << 20).contains(b)).ok_or_else(|| format!("blocks of {block} are not possible").into())
}
