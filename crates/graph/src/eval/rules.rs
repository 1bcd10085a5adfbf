//! One rule for each operation.

use super::{Value, spatial};
use crate::philox::Philox;
use crate::{ArgOp, BinaryOp, DType, Distribution, MAX_RANK, Op, ReduceOp, Shape, TensorType, UnaryOp};

pub(super) type Index = [usize; MAX_RANK];

/// Coordinates of element `flat` of a row-major tensor.
pub(super) fn unravel(mut flat: usize, shape: Shape) -> Index {
    let mut index = [0; MAX_RANK];
    for a in (0..shape.rank()).rev() {
        index[a] = flat % shape.dims()[a];
        flat /= shape.dims()[a];
    }
    index
}

/// Place of an element of a row-major tensor.
pub(super) fn ravel(index: Index, shape: Shape) -> usize {
    shape.dims().iter().enumerate().fold(0, |flat, (a, &d)| flat * d + index[a])
}

/// Elements of a result of the given shape, from their coordinates.
fn each(shape: Shape, f: impl FnMut(Index) -> f64) -> Vec<f64> {
    (0..shape.len()).map(|e| unravel(e, shape)).map(f).collect()
}

pub(super) fn apply(op: Op, ty: TensorType, x: &[&Value]) -> Vec<f64> {
    let shape = ty.shape;
    match op {
        Op::Input { .. } | Op::State { .. } | Op::Scan { .. } => panic!("{} has no value of its own", op.name()),
        Op::Const { value, shape } => vec![value.as_f64(); shape.len()],
        Op::Iota { shape, axis } => each(shape, |i| i[axis as usize] as f64),
        Op::Random { dist, stream, shape } => {
            let seed = (x[0].data[0] as i32 as u32 as u64) | (x[0].data[1] as i32 as u32 as u64) << 32;
            let numbers = Philox::new(seed, stream, x[1].data[0] as i32 as u32);
            let number = |e: usize| match dist {
                Distribution::Uniform => numbers.uniform(e as u64),
                Distribution::Normal => numbers.normal(e as u64),
            };
            (0..shape.len()).map(|e| f64::from(number(e))).collect()
        }
        Op::Unary(u) if ty.dtype == DType::I32 => x[0].data.iter().map(|&v| f64::from(unary_i32(u, v as i32))).collect(),
        Op::Unary(u) => x[0].data.iter().map(|&v| unary(u, v)).collect(),
        Op::Binary(b) => {
            let f = |(&p, &q): (&f64, &f64)| match x[0].ty.dtype {
                DType::I32 => f64::from(binary_i32(b, p as i32, q as i32)),
                DType::F32 | DType::Bool => binary(b, p, q),
            };
            x[0].data.iter().zip(&x[1].data).map(f).collect()
        }
        Op::Select => (0..shape.len()).map(|e| if x[0].data[e] == 0.0 { x[2].data[e] } else { x[1].data[e] }).collect(),
        Op::Cast(to) => x[0].data.iter().map(|&v| cast(to, v)).collect(),
        Op::StopGradient | Op::Reshape(_) => x[0].data.clone(),
        Op::Reduce { op, .. } => {
            let mut out = vec![neutral(op); shape.len()];
            for (e, &v) in x[0].data.iter().enumerate() {
                let at = onto(unravel(e, x[0].ty.shape), shape);
                out[at] = combine(op, out[at], v);
            }
            out
        }
        Op::ArgReduce { op, axis } => each(shape, |mut i| {
            let axis = axis as usize;
            let mut best = 0;
            let mut extreme = f64::NAN;
            for k in 0..x[0].ty.shape.dims()[axis] {
                i[axis] = k;
                let v = x[0].data[ravel(i, x[0].ty.shape)];
                let better = match op {
                    ArgOp::Max => v > extreme,
                    ArgOp::Min => v < extreme,
                };
                // The first element, a strictly better one, or the first NaN.
                if k == 0 || !extreme.is_nan() && (better || v.is_nan()) {
                    (best, extreme) = (k, v);
                }
            }
            best as f64
        }),
        Op::Transpose(p) => each(shape, |i| {
            let mut from = [0; MAX_RANK];
            for (to, axis) in p.axes().enumerate() {
                from[axis] = i[to];
            }
            x[0].data[ravel(from, x[0].ty.shape)]
        }),
        Op::Broadcast(_) => each(shape, |i| x[0].data[onto(i, x[0].ty.shape)]),
        Op::Slice(s) => each(shape, |mut i| {
            for (a, at) in i.iter_mut().enumerate().take(shape.rank()) {
                *at = s.start[a] + *at * s.stride[a];
            }
            x[0].data[ravel(i, x[0].ty.shape)]
        }),
        Op::Pad(p) => {
            let mut out = vec![0.0; shape.len()];
            for (e, &v) in x[0].data.iter().enumerate() {
                let mut i = unravel(e, x[0].ty.shape);
                for (a, at) in i.iter_mut().enumerate().take(shape.rank()) {
                    *at = p.before[a] + *at * (1 + p.between[a]);
                }
                out[ravel(i, shape)] = v;
            }
            out
        }
        Op::Concat { axis } => {
            let axis = axis as usize;
            each(shape, |mut i| {
                let mut part = 0;
                while i[axis] >= x[part].ty.shape.dims()[axis] {
                    i[axis] -= x[part].ty.shape.dims()[axis];
                    part += 1;
                }
                x[part].data[ravel(i, x[part].ty.shape)]
            })
        }
        Op::Reverse(axes) => each(shape, |mut i| {
            for a in axes.iter() {
                i[a] = shape.dims()[a] - 1 - i[a];
            }
            x[0].data[ravel(i, shape)]
        }),
        Op::Dot { ta, tb } => {
            let r = shape.rank();
            let summed = x[0].ty.shape.dims()[if ta { r - 2 } else { r - 1 }];
            each(shape, |i| {
                let (m, n) = (i[r - 2], i[r - 1]);
                let mut sum = 0.0;
                for k in 0..summed {
                    let (mut ia, mut ib) = (i, i);
                    (ia[r - 2], ia[r - 1]) = if ta { (k, m) } else { (m, k) };
                    (ib[r - 2], ib[r - 1]) = if tb { (n, k) } else { (k, n) };
                    sum += x[0].data[ravel(ia, x[0].ty.shape)] * x[1].data[ravel(ib, x[1].ty.shape)];
                }
                sum
            })
        }
        Op::Conv { spec } => spatial::conv(&spec, shape, x[0], x[1]),
        Op::ConvInput { spec, .. } => spatial::conv_input(&spec, shape, x[0], x[1]),
        Op::ConvKernel { spec, .. } => spatial::conv_kernel(&spec, shape, x[0], x[1]),
        Op::Window { op, spec } => spatial::window(op, &spec, shape, x[0]),
        Op::WindowSpread { spec, .. } => spatial::window_spread(&spec, shape, x[0]),
        Op::WindowMaxGrad { spec } => spatial::window_max_grad(&spec, x[0], x[1], x[2]),
        Op::WindowMaxPick { spec } => spatial::window_max_pick(&spec, x[0], x[1], x[2]),
        Op::Gather => spatial::gather(x[0], x[1]),
        Op::ScatterAdd { .. } => spatial::scatter_add(shape, x[0], x[1]),
    }
}

/// Place in a tensor of the same rank whose axes are equal or 1.
fn onto(mut index: Index, shape: Shape) -> usize {
    for (a, &d) in shape.dims().iter().enumerate() {
        index[a] = if d == 1 { 0 } else { index[a] };
    }
    ravel(index, shape)
}

fn unary(op: UnaryOp, x: f64) -> f64 {
    match op {
        UnaryOp::Neg => -x,
        UnaryOp::Abs => x.abs(),
        UnaryOp::Sign if x > 0.0 => 1.0,
        UnaryOp::Sign if x < 0.0 => -1.0,
        UnaryOp::Sign => x, // a zero or NaN
        UnaryOp::Exp => libm::exp(x),
        UnaryOp::Expm1 => libm::expm1(x),
        UnaryOp::Log => libm::log(x),
        UnaryOp::Log1p => libm::log1p(x),
        UnaryOp::Sqrt => x.sqrt(),
        UnaryOp::Rsqrt => 1.0 / x.sqrt(),
        UnaryOp::Tanh => libm::tanh(x),
        UnaryOp::Sigmoid if x < 0.0 => libm::exp(x) / (1.0 + libm::exp(x)),
        UnaryOp::Sigmoid => 1.0 / (1.0 + libm::exp(-x)),
        UnaryOp::Softplus => x.max(0.0) + libm::log1p(libm::exp(-x.abs())),
        UnaryOp::Erf => libm::erf(x),
        UnaryOp::Floor => x.floor(),
        UnaryOp::Bf16 => rounded(x, &Half::BF16),
        UnaryOp::F16 => rounded(x, &Half::F16),
        UnaryOp::Flush => {
            if x.abs() < f64::from(f32::MIN_POSITIVE) {
                0.0
            } else {
                x
            }
        }
        UnaryOp::Not => truth(x == 0.0),
    }
}

/// A floating-point type of 16 bits.
struct Half {
    /// Bits of a significand behind its first.
    bits: i32,
    /// Exponent of the smallest subnormal number.
    least: i32,
    /// Largest finite number.
    largest: f64,
}

impl Half {
    /// bfloat16: up to `(2 - 2^-7) 2^127`.
    const BF16: Self = Self { bits: 7, least: -126 - 7, largest: 3.389_531_389_251_535_5e38 };
    /// float16: up to `(2 - 2^-10) 2^15`.
    const F16: Self = Self { bits: 10, least: -14 - 10, largest: 65_504.0 };
}

/// To single precision first, then to the nearest number of the type, each with ties to even: what a machine that computes in `f32`
/// stores.
///
/// With spacing `u` of the type's numbers at `x` it is `u · round(x / u)`; both are exact, for `u` is a power of two.
fn rounded(x: f64, to: &Half) -> f64 {
    let x = f64::from(x as f32);
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let unit = libm::scalbn(1.0, (libm::ilogb(x) - to.bits).max(to.least));
    let y = unit * (x / unit).round_ties_even();
    if y.abs() > to.largest { f64::INFINITY.copysign(x) } else { y }
}

fn unary_i32(op: UnaryOp, x: i32) -> i32 {
    match op {
        UnaryOp::Neg => x.wrapping_neg(),
        UnaryOp::Abs => x.wrapping_abs(),
        UnaryOp::Sign => x.signum(),
        UnaryOp::Exp
        | UnaryOp::Expm1
        | UnaryOp::Log
        | UnaryOp::Log1p
        | UnaryOp::Sqrt
        | UnaryOp::Rsqrt
        | UnaryOp::Tanh
        | UnaryOp::Sigmoid
        | UnaryOp::Softplus
        | UnaryOp::Erf
        | UnaryOp::Floor
        | UnaryOp::Bf16
        | UnaryOp::Flush
        | UnaryOp::F16
        | UnaryOp::Not => panic!("{} is not defined on i32", op.name()),
    }
}

fn truth(b: bool) -> f64 {
    f64::from(u8::from(b))
}

fn binary(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Max => combine(ReduceOp::Max, a, b),
        BinaryOp::Min => combine(ReduceOp::Min, a, b),
        BinaryOp::Pow => libm::pow(a, b),
        BinaryOp::Lt => truth(a < b),
        BinaryOp::Le => truth(a <= b),
        BinaryOp::Eq => truth(a == b),
        BinaryOp::Ne => truth(a != b),
        BinaryOp::And => truth(a != 0.0 && b != 0.0),
        BinaryOp::Or => truth(a != 0.0 || b != 0.0),
    }
}

fn binary_i32(op: BinaryOp, a: i32, b: i32) -> i32 {
    match op {
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::Max => a.max(b),
        BinaryOp::Min => a.min(b),
        BinaryOp::Lt => i32::from(a < b),
        BinaryOp::Le => i32::from(a <= b),
        BinaryOp::Eq => i32::from(a == b),
        BinaryOp::Ne => i32::from(a != b),
        BinaryOp::Div | BinaryOp::Pow | BinaryOp::And | BinaryOp::Or => panic!("{} is not defined on i32", op.name()),
    }
}

fn cast(to: DType, v: f64) -> f64 {
    match to {
        DType::F32 => v,
        DType::I32 => f64::from(v as i32), // truncates, saturates, NaN becomes 0
        DType::Bool => truth(v != 0.0),
    }
}

fn neutral(op: ReduceOp) -> f64 {
    match op {
        ReduceOp::Sum => 0.0,
        ReduceOp::Max => f64::NEG_INFINITY,
        ReduceOp::Min => f64::INFINITY,
        ReduceOp::Prod => 1.0,
    }
}

pub(super) fn combine(op: ReduceOp, a: f64, b: f64) -> f64 {
    match op {
        ReduceOp::Sum => a + b,
        ReduceOp::Prod => a * b,
        ReduceOp::Max | ReduceOp::Min if a.is_nan() || b.is_nan() => f64::NAN,
        ReduceOp::Max => a.max(b),
        ReduceOp::Min => a.min(b),
    }
}
