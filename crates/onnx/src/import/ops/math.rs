//! Arithmetic, comparisons, logic, conversions.

use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::kind::Kind;
use adaline_graph::{BinaryOp, DType, Literal, Op, Shape, UnaryOp, Var};

/// Two inputs of one type as nodes. Before version 7 the second could be told to begin at an axis of the first.
fn pair<'g>(c: &Call<'_, 'g>) -> Result<(Var<'g>, Var<'g>, Kind), Trouble> {
    let (kind, other) = (c.kind(0)?, c.kind(1)?);
    if kind != other {
        return Err(format!("its inputs must have one type, not {kind} and {other}").into());
    }
    let (a, mut b) = (c.var(0)?, c.var(1)?);
    if c.opset() < 7
        && let Some(axis) = c.int("axis")?
    {
        let axis = Call::axis(axis, a.rank())?;
        let mut dims = b.shape().dims().to_vec();
        dims.resize(dims.len().max(a.rank() - axis), 1);
        b = b.reshape(Call::shape_of(&dims)?);
    }
    Ok((a, b, kind))
}

/// Integers of fewer than 32 bits would have to wrap, those of more may not fit: only what is computed as written is let through.
fn computed(kind: Kind) -> Result<(), Trouble> {
    if kind.narrow().is_some() || matches!(kind, Kind::U32 | Kind::U64 | Kind::Bool) {
        return Err(format!("it is not supported on {kind}; cast to int32 or float first").into());
    }
    Ok(())
}

fn arithmetic<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Var<'g>, Var<'g>) -> Var<'g>) -> Made<'g> {
    let (a, b, kind) = pair(c)?;
    computed(kind)?;
    Call::one(kind, f(a, b))
}

pub(crate) fn add<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    arithmetic(c, |a, b| a + b)
}
pub(crate) fn sub<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    arithmetic(c, |a, b| a - b)
}
pub(crate) fn mul<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    arithmetic(c, |a, b| a * b)
}
pub(crate) fn div<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    arithmetic(c, |a, b| if a.ty().dtype == DType::I32 { divided(a, b) } else { a / b })
}

/// An integer everywhere.
pub(crate) fn int(like: Var<'_>, value: i32) -> Var<'_> {
    like.builder().constant(Literal::I32(value), like.shape())
}

/// Floats cut off towards zero.
fn truncated(x: Var<'_>) -> Var<'_> {
    x.sign() * x.abs().floor()
}

/// `i32` quotients cut off towards zero. The `f32` quotient is a few units off for large numbers; what remains is divided again, and corrected by one.
fn divided<'g>(a: Var<'g>, b: Var<'g>) -> Var<'g> {
    let Some(shape) = Shape::broadcast(&a.shape(), &b.shape()) else { return a + b };
    let (a, b) = (a.broadcast_to(shape), b.broadcast_to(shape));
    let float = b.cast(DType::F32);
    let rough = truncated(a.cast(DType::F32) / float).cast(DType::I32);
    let rest = a - rough * b;
    let near = rough + truncated(rest.cast(DType::F32) / float).cast(DType::I32);
    let rest = a - near * b;
    // The rest has the sign of `a`, and is smaller than `b`.
    let zero = int(a, 0);
    let wrong_side = rest.not_equal(zero).and(rest.sign().not_equal(a.sign()));
    let near = wrong_side.select(near - a.sign() * b.sign(), near);
    let rest = a - near * b;
    rest.abs().ge(b.abs()).select(near + rest.sign() * b.sign(), near)
}

pub(crate) fn modulo<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (a, b, kind) = pair(c)?;
    let by_dividend = c.flag("fmod")?;
    if kind.is_float() {
        let quotient = a / b;
        let whole = if by_dividend { truncated(quotient) } else { quotient.floor() };
        return Call::one(kind, a - whole * b);
    }
    let rest = a - divided(a, b) * b;
    if by_dividend {
        return Call::one(kind, rest);
    }
    let b = b.broadcast_to(rest.shape());
    let other = rest.not_equal(int(rest, 0)).and(rest.sign().not_equal(b.sign()));
    Call::one(kind, other.select(rest + b, rest))
}

pub(crate) fn pow<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (kind, mut a, mut b) = (c.kind(0)?, c.var(0)?, c.var(1)?);
    computed(kind)?;
    computed(c.kind(1)?)?;
    if c.opset() < 7 && c.int("axis")?.is_some() {
        (a, b, _) = pair(c)?;
    }
    let y = a.cast(DType::F32).pow(b.cast(DType::F32));
    // Powers of integers are integers but for what `f32` rounds.
    Call::one(kind, if kind.is_integer() { (y + 0.5).floor().cast(DType::I32) } else { y })
}

fn of_all<'g>(c: &Call<'_, 'g>, f: impl Fn(Var<'g>, Var<'g>) -> Var<'g>) -> Made<'g> {
    let kind = c.kind(0)?;
    let mut y = c.var(0)?;
    for i in 1..c.inputs.len() {
        if c.kind(i)? != kind {
            return Err(format!("its inputs must have one type, not {kind} and {}", c.kind(i)?).into());
        }
        y = f(y, c.var(i)?);
    }
    Call::one(kind, y)
}
pub(crate) fn max<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    of_all(c, Var::maximum)
}
pub(crate) fn min<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    of_all(c, Var::minimum)
}
pub(crate) fn sum<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    of_all(c, |a, b| a + b)
}
pub(crate) fn mean<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let n = c.inputs.len() as f32;
    c.float(0)?;
    let mut made = sum(c)?;
    if let Some(Value::Var(v, _)) = made.first_mut() {
        *v = *v / n;
    }
    Ok(made)
}

/// Functions of integers as of floats.
pub(crate) fn neg<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    computed(c.kind(0)?)?;
    c.like(-c.var(0)?)
}
pub(crate) fn abs<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    c.like(c.var(0)?.abs())
}
pub(crate) fn sign<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    c.like(c.var(0)?.sign())
}
pub(crate) fn ceil(x: Var<'_>) -> Var<'_> {
    -(-x).floor()
}
/// To the nearest integer, from the middle to the even one.
pub(crate) fn round(x: Var<'_>) -> Var<'_> {
    let low = x.floor();
    let (rest, half) = (x - low, x.builder().full(x.shape(), 0.5));
    let odd = (low * 0.5).floor() * 2.0;
    let up = rest.gt(half).or(rest.equal(half).and(odd.not_equal(low)));
    up.select(low + 1.0, low)
}
pub(crate) fn reciprocal(x: Var<'_>) -> Var<'_> {
    1.0 / x
}

pub(crate) fn clip<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (kind, mut x) = (c.kind(0)?, c.var(0)?);
    let b = c.b();
    let limit = |name: &str, i: usize| -> Result<Option<Var<'g>>, Trouble> {
        match c.real(name)? {
            Some(v) => Ok(Some(b.scalar(v))),
            None => c.maybe_var(i),
        }
    };
    if let Some(low) = limit("min", 1)? {
        x = x.maximum(low);
    }
    if let Some(high) = limit("max", 2)? {
        x = x.minimum(high);
    }
    Call::one(kind, x)
}

fn compared<'g>(c: &Call<'_, 'g>, op: BinaryOp, swapped: bool) -> Made<'g> {
    let (a, b, _) = pair(c)?;
    Call::one(Kind::Bool, if swapped { b.binary(op, a) } else { a.binary(op, b) })
}
pub(crate) fn equal<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Eq, false)
}
pub(crate) fn less<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Lt, false)
}
pub(crate) fn greater<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Lt, true)
}
pub(crate) fn less_or_equal<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Le, false)
}
pub(crate) fn greater_or_equal<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Le, true)
}
pub(crate) fn and<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::And, false)
}
pub(crate) fn or<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Or, false)
}
pub(crate) fn xor<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    compared(c, BinaryOp::Ne, false)
}
pub(crate) fn not<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    c.like(c.var(0)?.unary(UnaryOp::Not))
}
pub(crate) fn is_nan<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    Call::one(Kind::Bool, x.not_equal(x))
}
pub(crate) fn is_inf<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let at = |v: f32| x.equal(c.b().full(x.shape(), v));
    let (up, down) = (c.int_or("detect_positive", 1)? != 0, c.int_or("detect_negative", 1)? != 0);
    let none = c.b().constant(Literal::Bool(false), x.shape());
    let y = if up { at(f32::INFINITY) } else { none };
    Call::one(Kind::Bool, if down { y.or(at(f32::NEG_INFINITY)) } else { y })
}
pub(crate) fn choose<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (kind, other) = (c.kind(1)?, c.kind(2)?);
    if c.kind(0)? != Kind::Bool || kind != other {
        return Err(format!("it takes truth values and two inputs of one type, not {}, {kind} and {other}", c.kind(0)?).into());
    }
    Call::one(kind, c.var(0)?.select(c.var(1)?, c.var(2)?))
}

/// The values of one type in another.
pub(crate) fn converted(x: Var<'_>, from: Kind, to: Kind) -> Var<'_> {
    if from == to {
        return x;
    }
    match to {
        Kind::F16 => x.cast(DType::F32).f16(),
        Kind::Bf16 => x.cast(DType::F32).bf16(),
        _ => match to.narrow() {
            // Their values wrap, as conversions in C do.
            Some((low, high)) if from != Kind::Bool => {
                let x = truncated(x.cast(DType::F32)) - low;
                let size = high - low + 1.0;
                (x - (x / size).floor() * size + low).cast(DType::I32)
            }
            _ => x.cast(to.dtype()),
        },
    }
}
pub(crate) fn cast<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let to = match c.attribute("to") {
        // In the first version it was a text.
        Some(crate::import::check::Attribute::Text(name)) => named(name),
        _ => Kind::of(i32::try_from(c.int_or("to", 0)?).unwrap_or(0)),
    };
    let to = to.ok_or("it casts to a type that is not supported")?;
    exactly(c, to)
}
fn named(name: &str) -> Option<Kind> {
    let lower = name.to_ascii_lowercase();
    (0..32).filter_map(Kind::of).find(|k| k.to_string() == lower)
}
pub(crate) fn cast_like<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    exactly(c, c.kind(1)?)
}
/// Known values keep all bits: 64-bit integers stay what they are.
fn exactly<'g>(c: &Call<'_, 'g>, to: Kind) -> Made<'g> {
    let from = c.kind(0)?;
    let wide = |k: Kind| matches!(k, Kind::I64 | Kind::U64 | Kind::I32 | Kind::U32);
    if let Value::Known(t) = c.value(0)?
        && wide(from)
        && wide(to)
    {
        return Call::known_one(crate::import::tensor::OnnxTensor::from_f64(to, t.shape(), &t.to_f64()));
    }
    Call::one(to, converted(c.var(0)?, from, to))
}

/// Products of matrices as numpy has them.
pub(crate) fn matmul<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    c.like(product(c.float(0)?, c.float(1)?)?)
}
pub(crate) fn product<'g>(a: Var<'g>, b: Var<'g>) -> Result<Var<'g>, Trouble> {
    let (ra, rb) = (a.rank(), b.rank());
    if ra == 0 || rb == 0 {
        return Err("a number is no matrix".into());
    }
    let a2 = if ra == 1 { a.expand_dims(0) } else { a };
    let b2 = if rb == 1 { b.expand_dims(1) } else { b };
    let (da, db) = (a2.shape().dims().to_vec(), b2.shape().dims().to_vec());
    let lead = |d: &[usize]| Shape::new(&d[..d.len() - 2]);
    let common = Shape::broadcast(&lead(&da), &lead(&db));
    let common = common.ok_or_else(|| format!("the shapes {} and {} do not broadcast", a.shape(), b.shape()))?;
    let (m, n) = (da[da.len() - 2], db[db.len() - 1]);
    // One matrix for all of a stack: the stack is one tall matrix.
    let y = if db.len() == 2 && da.len() > 2 {
        let rows: usize = da[..da.len() - 1].iter().product();
        a2.reshape([rows, da[da.len() - 1]]).matmul(b2)
    } else {
        let full = |x: Var<'g>, d: &[usize]| -> Result<Var<'g>, Trouble> {
            Ok(x.broadcast_to(Call::shape_of(&[common.dims(), &d[d.len() - 2..]].concat())?))
        };
        full(a2, &da)?.matmul(full(b2, &db)?)
    };
    let mut dims = common.dims().to_vec();
    if ra > 1 {
        dims.push(m);
    }
    if rb > 1 {
        dims.push(n);
    }
    Ok(y.reshape(Call::shape_of(&dims)?))
}

pub(crate) fn gemm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (a, b) = (c.float(0)?, c.float(1)?);
    let (alpha, beta) = (c.real_or("alpha", 1.0)?, c.real_or("beta", 1.0)?);
    let mut y = c.b().op(Op::Dot { ta: c.flag("transA")?, tb: c.flag("transB")? }, &[a, b]);
    if alpha != 1.0 {
        y = y * alpha;
    }
    if let Some(bias) = c.maybe_float(2)?
        && beta != 0.0
    {
        y = y + if beta == 1.0 { bias } else { bias * beta };
    }
    c.like(y)
}
