//! Attention as of version 23.

use super::moves::bordered;
use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::kind::Kind;
use adaline_graph::{DType, Literal, Var};

/// `(B, S, H * D)` as `(B, H, S, D)`.
fn by_heads(x: Var<'_>, heads: Option<usize>) -> Result<Var<'_>, Trouble> {
    let dims = x.shape().dims().to_vec();
    match (&dims[..], heads) {
        (&[b, s, width], Some(heads)) if heads > 0 && width % heads == 0 => {
            Ok(x.reshape(Call::shape_of(&[b, s, heads, width / heads])?).transpose(&[0, 2, 1, 3]))
        }
        (&[_, _, _, _], _) => Ok(x),
        _ => Err(format!(
            "a tensor of shape {} is neither (batch, heads, steps, size) nor (batch, steps, heads * size) of {} heads",
            x.shape(),
            heads.unwrap_or(0)
        )
        .into()),
    }
}
/// Each head of keys and values for as many heads of queries.
fn repeated(x: Var<'_>, times: usize) -> Result<Var<'_>, Trouble> {
    let dims = x.shape().dims().to_vec();
    let [b, h, s, d] = dims[..] else { return Err("keys and values need heads".into()) };
    let wide = Call::shape_of(&[b, h, times, s, d])?;
    Ok(x.reshape([b, h, 1, s, d]).broadcast_to(wide).reshape(Call::shape_of(&[b, h * times, s, d])?))
}

pub(crate) fn attention<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let b = c.b();
    let kind = c.kind(0)?;
    let flat = c.rank(0)? == 3;
    let heads = |name: &str| -> Result<Option<usize>, Trouble> { Ok(c.int(name)?.and_then(|n| usize::try_from(n).ok())) };
    let (q_heads, kv_heads) = (heads("q_num_heads")?, heads("kv_num_heads")?);
    let q = by_heads(c.float(0)?, q_heads)?;
    let (mut k, mut v) = (by_heads(c.float(1)?, kv_heads)?, by_heads(c.float(2)?, kv_heads)?);
    let past = match c.maybe_float(4)? {
        Some(past) => {
            k = adaline_graph::concat(b, &[past, k], 2);
            v = adaline_graph::concat(b, &[c.float(5)?, v], 2);
            past.dim(2)
        }
        None => 0,
    };
    let (present_k, present_v) = (k, v);
    if k.rank() == 4 && q.dim(1) != k.dim(1) {
        let times = q.dim(1) / k.dim(1).max(1);
        (k, v) = (repeated(k, times)?, repeated(v, times)?);
    }
    let size = q.dim(-1).max(1);
    let scale = c.real_or("scale", 1.0 / (size as f32).sqrt())?;
    let raw = (q * scale.sqrt()).dot(k * scale.sqrt(), false, true);
    let cap = c.real_or("softcap", 0.0)?;
    let capped = if cap > 0.0 { (raw / cap).tanh() * cap } else { raw };
    let mut scores = capped;
    let shape = scores.shape();
    let hidden = |seen: Var<'g>| seen.select(b.scalar(0.0), b.scalar(f32::NEG_INFINITY));
    if let Some(mut mask) = c.maybe_var(3)? {
        let short = (shape.dim(-1)).saturating_sub(mask.dim(-1));
        let truth = mask.ty().dtype == DType::Bool;
        if short > 0 && mask.rank() > 0 && (mask.dim(-1) > 1 || shape.dim(-1) == 1) {
            let fill = if truth { Literal::Bool(false) } else { Literal::f32(f32::NEG_INFINITY) };
            mask = bordered(mask, mask.rank() - 1, 0, short, fill)?;
        }
        scores = scores + if truth { hidden(mask) } else { mask };
    }
    if c.flag("is_causal")? {
        let (query, key) = (b.iota(shape, 2), b.iota(shape, 3));
        scores = scores + hidden(key.le(query + b.constant(Literal::I32(past as i32), shape)));
    }
    if let Some(lengths) = c.maybe_var(6)? {
        let lengths = lengths.reshape(Call::shape_of(&[lengths.shape().len(), 1, 1, 1])?).broadcast_to(shape);
        scores = scores + hidden(b.iota(shape, 3).lt(lengths));
    }
    let weights = scores.softmax(-1);
    let shown = match c.int_or("qk_matmul_output_mode", 0)? {
        0 => raw,
        1 => capped,
        2 => scores,
        _ => weights,
    };
    let mut y = weights.matmul(v);
    if flat && y.rank() == 4 {
        y = y.transpose(&[0, 2, 1, 3]).reshape(Call::shape_of(&[y.dim(0), y.dim(2), y.dim(1) * y.dim(3)])?);
    }
    Ok([(y, kind), (present_k, c.kind(1)?), (present_v, c.kind(2)?), (shown, kind)]
        .map(|(v, k): (Var<'g>, Kind)| Value::Var(v, k))
        .to_vec())
}

/// Rotary position embedding: pairs of numbers turned by angles that depend on the step.
pub(crate) fn rotary<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let b = c.b();
    let x0 = c.float(0)?;
    let heads = usize::try_from(c.int_or("num_heads", 0)?).ok().filter(|&h| h > 0);
    // As (B, S, H, D).
    let x = match (x0.rank(), heads) {
        (4, _) => x0.transpose(&[0, 2, 1, 3]),
        (3, Some(h)) if x0.dim(2).is_multiple_of(h) => x0.reshape(Call::shape_of(&[x0.dim(0), x0.dim(1), h, x0.dim(2) / h])?),
        _ => return Err(format!("it takes (batch, heads, steps, size), or three axes with `num_heads`, not {}", x0.shape()).into()),
    };
    let size = x.dim(3);
    let turned = match usize::try_from(c.int_or("rotary_embedding_dim", 0)?).unwrap_or(0) {
        0 => size,
        n => n.min(size),
    };
    let half = turned / 2;
    let table = |i: usize| -> Result<Var<'g>, Trouble> {
        let t = c.float(i)?;
        let t = match c.maybe_var(3)? {
            Some(at) if t.rank() == 2 => t.take(at),
            _ => t,
        };
        let t = t.reshape(Call::shape_of(&[t.dim(0), t.dim(1), 1, t.dim(2)])?);
        Ok(super::moves::cut(t, 3, 0, half.min(t.dim(3))))
    };
    let (cos, sin) = (table(1)?, table(2)?);
    let part = super::moves::cut(x, 3, 0, turned);
    let rest = super::moves::cut(x, 3, turned, size);
    let interleaved = c.flag("interleaved")?;
    let (one, two) = if interleaved {
        (super::moves::strided(part, 3, 0, turned, 2), super::moves::strided(part, 3, 1, turned, 2))
    } else {
        (super::moves::cut(part, 3, 0, half), super::moves::cut(part, 3, half, turned))
    };
    let (real, imaginary) = (one * cos - two * sin, one * sin + two * cos);
    let joined = if interleaved {
        let wide = Call::shape_of(&[real.dim(0), real.dim(1), real.dim(2), real.dim(3), 1])?;
        adaline_graph::concat(b, &[real.reshape(wide), imaginary.reshape(wide)], 4).reshape(part.shape())
    } else {
        adaline_graph::concat(b, &[real, imaginary], 3)
    };
    let y = if turned < size { adaline_graph::concat(b, &[joined, rest], 3) } else { joined };
    c.like(if x0.rank() == 4 { y.transpose(&[0, 2, 1, 3]) } else { y.reshape(x0.shape()) })
}
