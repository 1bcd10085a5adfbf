//! Elements by index: look-ups, one-hot rows, extremes.

use super::math::int;
use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::kind::Kind;
use adaline_graph::{ArgOp, DType, Literal, Op, ReduceOp, Shape, Var};

/// Indices counted from the end where negative.
fn from_front(at: Var<'_>, size: usize) -> Result<Var<'_>, Trouble> {
    let size = i32::try_from(size).map_err(|_| "an axis is too long for indices of 32 bits")?;
    Ok(at.lt(int(at, 0)).select(at + int(at, size), at))
}
fn indices<'g>(c: &Call<'_, 'g>, i: usize, size: usize) -> Result<Var<'g>, Trouble> {
    if !c.kind(i)?.is_integer() {
        return Err(format!("its indices must be integers, not {}", c.kind(i)?).into());
    }
    from_front(c.var(i)?, size)
}

pub(crate) fn gather<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.var(0)?;
    let axis = Call::axis(c.int_or("axis", 0)?, x.rank())?;
    let dims = x.shape().dims().to_vec();
    let at = indices(c, 1, dims[axis])?;
    let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
    let m = at.shape().len();
    let to = Call::shape_of(&[&dims[..axis], at.shape().dims(), &dims[axis + 1..]].concat())?;
    let all = at.reshape([1, m]).broadcast_to(Call::shape_of(&[outer, m])?);
    let dtype = x.ty().dtype;
    let table = if dtype == DType::Bool { x.cast(DType::F32) } else { x };
    c.like(table.reshape([outer, dims[axis], inner]).gather(all).reshape(to).cast(dtype))
}

/// Elements of `x` by their places in row-major order.
pub(crate) fn linear<'g>(x: Var<'g>, at: Var<'g>) -> Var<'g> {
    let (n, m, dtype) = (x.shape().len(), at.shape().len(), x.ty().dtype);
    let table = if dtype == DType::Bool { x.cast(DType::F32) } else { x };
    table.reshape([1, n, 1]).gather(at.reshape([1, m])).reshape(at.shape()).cast(dtype)
}

/// Places in a tensor of shape `from` of elements whose indices are `at` along `axis` and their own along the others.
fn places(from: Shape, at: Var<'_>, axis: usize) -> Result<Var<'_>, Trouble> {
    if i32::try_from(from.len()).is_err() {
        return Err(format!("{from} has too many elements for indices of 32 bits").into());
    }
    let strides = from.strides();
    let mut place = at * int(at, strides[axis] as i32);
    for a in (0..from.rank()).filter(|&a| a != axis && at.dim(a as isize) > 1) {
        place = place + at.builder().iota(at.shape(), a) * int(at, strides[a] as i32);
    }
    Ok(place)
}
fn elementwise<'g>(c: &Call<'_, 'g>) -> Result<(Var<'g>, Var<'g>), Trouble> {
    let x = c.var(0)?;
    let axis = Call::axis(c.int_or("axis", 0)?, x.rank())?;
    let at = indices(c, 1, x.dim(axis as isize))?;
    let (from, to) = (x.shape(), at.shape());
    let fits = from.rank() == to.rank() && (0..from.rank()).all(|a| a == axis || to.dims()[a] <= from.dims()[a]);
    if !fits {
        return Err(format!("indices of shape {to} do not fit into a tensor of shape {from}").into());
    }
    Ok((x, places(from, at, axis)?))
}
pub(crate) fn gather_elements<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, at) = elementwise(c)?;
    c.like(linear(x, at))
}

/// Most elements times updates of a scatter by extremes or products: all are compared with all.
const COMPARED: usize = 1 << 24;

/// `x` with `updates` at places in row-major order.
fn scattered<'g>(c: &Call<'_, 'g>, x: Var<'g>, at: Var<'g>, updates: Var<'g>) -> Made<'g> {
    if at.shape() != updates.shape() {
        return Err(format!("{} indices do not go with updates of shape {}", at.shape(), updates.shape()).into());
    }
    let (b, n, m, dtype) = (c.b(), x.shape().len(), at.shape().len(), x.ty().dtype);
    let (at, old, updates) = (at.reshape([1, m]), x.cast(DType::F32), updates.cast(DType::F32));
    let spread = |v: Var<'g>| v.reshape([1, m, 1]).scatter_add(at, n).reshape(x.shape());
    let reduced = |op: ReduceOp, nothing: f32| -> Result<Var<'g>, Trouble> {
        if n.checked_mul(m).is_none_or(|all| all > COMPARED) {
            return Err(format!("{m} updates of {n} elements are too many for this `reduction`").into());
        }
        let all = Call::shape_of(&[n, m])?;
        let hit = at.broadcast_to(all).equal(b.iota(all, 0));
        let values = hit.select(updates.reshape([1, m]).broadcast_to(all), b.full(all, nothing));
        Ok(values.reduce(op, &[1], false).reshape(x.shape()))
    };
    let y = match c.text_or("reduction", "none")? {
        "none" => {
            let written = spread(b.full([1, m, 1], 1.0)).gt_scalar(0.5);
            return c.like(written.select(spread(updates).cast(dtype), x));
        }
        "add" => old + spread(updates),
        "mul" => old * reduced(ReduceOp::Prod, 1.0)?,
        "max" => old.maximum(reduced(ReduceOp::Max, f32::NEG_INFINITY)?),
        "min" => old.minimum(reduced(ReduceOp::Min, f32::INFINITY)?),
        other => return Err(format!("attribute `reduction` cannot be {other}").into()),
    };
    c.like(y.cast(dtype))
}
pub(crate) fn scatter_elements<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, at) = elementwise(c)?;
    scattered(c, x, at, c.var(2)?)
}
/// Places of the rows that the last axis of the indices names, behind `batch` axes that both have: `(.., rest)` places.
fn rows<'g>(x: Var<'g>, at: Var<'g>, batch: usize) -> Result<Var<'g>, Trouble> {
    let (from, dims) = (x.shape(), at.shape().dims().to_vec());
    let Some((&deep, lead)) = dims.split_last() else { return Err("its indices have no axis".into()) };
    if batch + deep > from.rank() || batch > lead.len() || lead[..batch] != from.dims()[..batch] || i32::try_from(from.len()).is_err() {
        return Err(format!("indices of shape {} do not fit into a tensor of shape {from}", at.shape()).into());
    }
    let strides = from.strides();
    let rest: Vec<usize> = from.dims()[batch + deep..].to_vec();
    let ones = Call::shape_of(&[lead, &vec![1; rest.len()][..]].concat())?;
    let to = Call::shape_of(&[lead, &rest[..]].concat())?;
    let b = x.builder();
    let mut place = b.constant(Literal::I32(0), to);
    for d in 0..deep {
        let one = super::moves::cut(at, lead.len(), d, d + 1).reshape(ones);
        let one = from_front(one, from.dims()[batch + d])?;
        place = place + (one * int(one, strides[batch + d] as i32)).broadcast_to(to);
    }
    for a in (0..batch).chain(lead.len()..to.rank()).filter(|&a| to.dims()[a] > 1) {
        let stride = if a < batch { strides[a] } else { strides[a - lead.len() + batch + deep] };
        place = place + b.iota(to, a) * int(place, stride as i32);
    }
    Ok(place)
}
pub(crate) fn gather_nd<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.var(0)?;
    let batch = super::shape::sizes(&[c.int_or("batch_dims", 0)?])?[0];
    c.like(linear(x, rows(x, c.var(1)?, batch)?))
}
pub(crate) fn scatter_nd<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.var(0)?;
    scattered(c, x, rows(x, c.var(1)?, 0)?, c.var(2)?)
}

pub(crate) fn one_hot<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let at = c.var(0)?;
    let depth = c.number(1)?;
    let depth = if (1.0..1e9).contains(&depth) { depth as usize } else { return Err(format!("a depth of {depth} is not possible").into()) };
    let (kind, values) = (c.kind(2)?, c.var(2)?);
    if values.shape() != Shape::new(&[2]) {
        return Err(format!("its values must be two numbers, not {}", values.shape()).into());
    }
    let axis = Call::axis(c.int_or("axis", -1)?, at.rank() + 1)?;
    let mut dims = at.shape().dims().to_vec();
    dims.insert(axis, depth);
    let shape = Call::shape_of(&dims)?;
    let at = if at.ty().dtype == DType::F32 { at.floor().cast(DType::I32) } else { at };
    let at = from_front(at, depth)?.expand_dims(axis as isize).broadcast_to(shape);
    let value = |i: usize| values.slice(&[(i, i + 1, 1)]).reshape(Shape::SCALAR);
    Call::one(kind, at.equal(c.b().iota(shape, axis)).select(value(1), value(0)))
}

fn extreme<'g>(c: &Call<'_, 'g>, op: ArgOp) -> Made<'g> {
    let x = c.var(0)?.cast(DType::F32);
    let axis = Call::axis(c.int_or("axis", 0)?, x.rank())?;
    let last = c.flag("select_last_index")?;
    let from = if last { x.reverse(&[axis as isize]) } else { x };
    let mut at = c.b().op(Op::ArgReduce { op, axis: axis as u8 }, &[from]);
    if last {
        at = int(at, x.dim(axis as isize) as i32 - 1) - at;
    }
    if c.int_or("keepdims", 1)? == 0 {
        let mut dims = x.shape().dims().to_vec();
        dims.remove(axis);
        at = at.reshape(Call::shape_of(&dims)?);
    }
    Call::one(Kind::I64, at)
}
pub(crate) fn arg_max<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    extreme(c, ArgOp::Max)
}
pub(crate) fn arg_min<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    extreme(c, ArgOp::Min)
}

/// Most elements of an axis whose largest are looked for: all are compared with all.
const SORTED: usize = 1 << 13;

/// The rank of each element is the number of those before it; result `r` is the one of rank `r`.
pub(crate) fn top_k<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, kind) = (c.var(0)?, c.kind(0)?);
    let axis = Call::axis(c.int_or("axis", -1)?, x.rank())?;
    let k = match c.int("k")? {
        Some(k) => k,
        None => *c.ints(1)?.first().ok_or("its k is missing")?,
    };
    let dims = x.shape().dims().to_vec();
    let n = dims[axis];
    let k = usize::try_from(k).ok().filter(|&k| k <= n).ok_or_else(|| format!("{k} of {n} elements are not possible"))?;
    if n > SORTED {
        return Err(format!("the largest of {n} elements are not looked for; at most of {SORTED}").into());
    }
    let largest = c.int_or("largest", 1)? != 0;
    let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
    let lines = outer * inner;
    let line = x.reshape([outer, n, inner]).transpose(&[0, 2, 1]).reshape([lines, n]);
    let square = Call::shape_of(&[lines, n, n])?;
    let (own, other) = (line.reshape([lines, n, 1]).broadcast_to(square), line.reshape([lines, 1, n]).broadcast_to(square));
    let earlier = c.b().iota(square, 2).lt(c.b().iota(square, 1));
    let better = if largest { other.gt(own) } else { other.lt(own) };
    let before = better.or(other.equal(own).and(earlier));
    let rank = before.cast(DType::F32).sum(&[2], false).cast(DType::I32);
    let picked = Call::shape_of(&[lines, k, n])?;
    let hit = rank.reshape([lines, 1, n]).broadcast_to(picked).equal(c.b().iota(picked, 1));
    let at = hit.select(c.b().iota(picked, 2).cast(DType::F32), c.b().full(picked, 0.0)).sum(&[2], false).cast(DType::I32);
    let row = c.b().iota(at.shape(), 0) * int(at, n as i32);
    let values = linear(line, at + row);
    let mut to = dims.clone();
    to[axis] = k;
    let to = Call::shape_of(&to)?;
    let back = |v: Var<'g>| v.reshape([outer, inner, k]).transpose(&[0, 2, 1]).reshape(to);
    Ok(vec![Value::Var(back(values), kind), Value::Var(back(at), Kind::I64)])
}

/// Sums along an axis, of all elements up to each: a product with a triangle of ones.
pub(crate) fn cum_sum<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, kind) = (c.var(0)?, c.kind(0)?);
    let axis = Call::axis(c.number(1)? as i64, x.rank())?;
    let dims = x.shape().dims().to_vec();
    let n = dims[axis];
    let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
    let square = Call::shape_of(&[n, n])?;
    let (mut to, mut from) = (c.b().iota(square, 0), c.b().iota(square, 1));
    if c.flag("reverse")? {
        std::mem::swap(&mut to, &mut from);
    }
    let inside = if c.flag("exclusive")? { from.lt(to) } else { from.le(to) };
    let ones = inside.cast(DType::F32).broadcast_to(Call::shape_of(&[outer, n, n])?);
    let y = ones.matmul(x.cast(DType::F32).reshape([outer, n, inner])).reshape(x.shape());
    Call::one(kind, y.cast(kind.dtype()))
}

/// The first so many elements of each row of a batch backwards, the rest as they are.
pub(crate) fn reverse_sequence<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, lengths) = (c.var(0)?, c.var(1)?);
    let (batch, time) = (Call::axis(c.int_or("batch_axis", 1)?, x.rank())?, Call::axis(c.int_or("time_axis", 0)?, x.rank())?);
    if batch == time || lengths.shape() != Shape::new(&[x.dim(batch as isize)]) {
        return Err(format!("lengths of shape {} do not go with {}", lengths.shape(), x.shape()).into());
    }
    c.like(reversed(x, lengths, batch, time)?)
}
pub(crate) fn reversed<'g>(x: Var<'g>, lengths: Var<'g>, batch: usize, time: usize) -> Result<Var<'g>, Trouble> {
    let mut dims = vec![1; x.rank()];
    dims[batch] = x.dim(batch as isize);
    let lengths = lengths.reshape(Call::shape_of(&dims)?).broadcast_to(x.shape());
    let step = x.builder().iota(x.shape(), time);
    let back = lengths - int(step, 1) - step;
    let at = step.lt(lengths).select(back, step);
    Ok(linear(x, places(x.shape(), at, time)?))
}
