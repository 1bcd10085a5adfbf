//! Shape inference: the type of each operation's result, or a text that says what does not fit.

mod spatial;

use crate::{BinaryOp, DType, MAX_RANK, Op, Shape, ShapeError, TensorType, UnaryOp};

/// The type of `op` applied to inputs of the given types.
pub fn infer(op: Op, inputs: &[TensorType]) -> Result<TensorType, ShapeError> {
    rule(op, inputs).map_err(|message| ShapeError { origin: String::new(), op: op.name().into(), message, inputs: inputs.to_vec() })
}

fn rule(op: Op, inputs: &[TensorType]) -> Result<TensorType, String> {
    if let Some(n) = op.arity() {
        ensure(inputs.len() == n, || format!("takes {n} inputs"))?;
    }
    match op {
        Op::Input { ty, .. } | Op::State { ty, .. } => Ok(ty),
        Op::Const { value, shape } => Ok(TensorType::new(value.dtype(), shape)),
        Op::Iota { shape, axis } => {
            ensure((axis as usize) < shape.rank(), || format!("axis {axis} does not exist in {shape}"))?;
            Ok(TensorType::i32(shape))
        }
        Op::Random { shape, .. } => {
            ensure(inputs[0] == TensorType::i32([2]) && inputs[1] == TensorType::i32(Shape::SCALAR), || {
                "expects a seed i32[2] and a step i32[]".into()
            })?;
            Ok(TensorType::f32(shape))
        }
        Op::Unary(u) => unary(u, inputs[0]),
        Op::Binary(b) => binary(b, inputs[0], inputs[1]),
        Op::Select => {
            let (c, a, b) = (inputs[0], inputs[1], inputs[2]);
            ensure(c.dtype == DType::Bool && c.shape == a.shape && a == b, || {
                "expects a bool condition and two branches of one type, all of one shape".into()
            })?;
            Ok(a)
        }
        Op::Cast(to) => Ok(TensorType::new(to, inputs[0].shape)),
        Op::StopGradient => Ok(inputs[0]),
        Op::Reduce { axes, .. } => {
            ensure(inputs[0].dtype == DType::F32, || "reduces f32 only; cast first".into())?;
            Ok(TensorType::f32(kept(inputs[0].shape, axes)?))
        }
        Op::ArgReduce { axis, .. } => {
            ensure(inputs[0].dtype == DType::F32, || "expects f32".into())?;
            ensure(inputs[0].shape.dim(axis as isize) > 0, || format!("axis {axis} has no element to choose from"))?;
            Ok(TensorType::i32(kept(inputs[0].shape, crate::AxisSet::of(&[axis as usize]))?))
        }
        Op::Reshape(to) => {
            ensure(inputs[0].len() == to.len(), || format!("{} elements cannot become {to}, which has {}", inputs[0].len(), to.len()))?;
            Ok(TensorType::new(inputs[0].dtype, to))
        }
        Op::Transpose(p) => {
            ensure(p.rank() == inputs[0].shape.rank(), || format!("permutation {p:?} needs rank {}", p.rank()))?;
            let mut s = inputs[0].shape;
            for (i, a) in p.axes().enumerate() {
                s = s.with_dim(i, inputs[0].shape.dims()[a]);
            }
            Ok(TensorType::new(inputs[0].dtype, s))
        }
        Op::Broadcast(to) => {
            let from = inputs[0].shape;
            let fits = from.rank() == to.rank() && from.dims().iter().zip(to.dims()).all(|(&f, &t)| f == t || f == 1);
            ensure(fits, || format!("{from} cannot expand to {to}: each axis must be equal or 1"))?;
            Ok(TensorType::new(inputs[0].dtype, to))
        }
        Op::Slice(s) => {
            let mut shape = inputs[0].shape;
            for (a, &d) in inputs[0].shape.dims().iter().enumerate() {
                let (start, stop, stride) = (s.start[a], s.stop[a], s.stride[a]);
                ensure(stride >= 1 && start <= stop && stop <= d, || {
                    format!("axis {a} of size {d} has no range {start}..{stop} with stride {stride}")
                })?;
                shape = shape.with_dim(a, (stop - start).div_ceil(stride));
            }
            Ok(TensorType::new(inputs[0].dtype, shape))
        }
        Op::Pad(p) => {
            ensure(inputs[0].dtype != DType::Bool, || "pads f32 and i32".into())?;
            let mut dims = [0; MAX_RANK];
            for (a, &d) in inputs[0].shape.dims().iter().enumerate() {
                let between = p.between[a].checked_mul(d.saturating_sub(1));
                let size = between.and_then(|b| d.checked_add(b)?.checked_add(p.before[a])?.checked_add(p.after[a]));
                dims[a] = size.ok_or_else(|| format!("padding of axis {a} overflows"))?;
            }
            let shape = Shape::try_new(&dims[..inputs[0].shape.rank()]).ok_or("padded shape is too large")?;
            Ok(TensorType::new(inputs[0].dtype, shape))
        }
        Op::Concat { axis } => concat(axis as usize, inputs),
        Op::Reverse(axes) => {
            kept(inputs[0].shape, axes)?;
            Ok(inputs[0])
        }
        Op::Dot { ta, tb } => dot(ta, tb, inputs[0], inputs[1]),
        Op::Conv { spec } => spatial::conv(&spec, inputs[0], inputs[1]),
        Op::ConvInput { spec, input } => spatial::conv_input(&spec, input, inputs[0], inputs[1]),
        Op::ConvKernel { spec, kernel } => spatial::conv_kernel(&spec, kernel, inputs[0], inputs[1]),
        Op::Window { spec, .. } => spatial::window(&spec, inputs[0]),
        Op::WindowSpread { spec, input } => spatial::window_spread(&spec, input, inputs[0]),
        Op::WindowMaxGrad { spec } => spatial::window_max_grad(&spec, inputs[0], inputs[1], inputs[2]),
        Op::WindowMaxPick { spec } => spatial::window_max_pick(&spec, inputs[0], inputs[1], inputs[2]),
        Op::Gather => spatial::gather(inputs[0], inputs[1]),
        Op::ScatterAdd { rows } => spatial::scatter_add(rows, inputs[0], inputs[1]),
        // That it fits its body is for the graph to say, which has it.
        Op::Scan { len, .. } => Ok(TensorType::f32([len])),
    }
}

fn ensure(ok: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(message()) }
}

/// `shape` with the axes reduced to 1.
fn kept(shape: Shape, axes: crate::AxisSet) -> Result<Shape, String> {
    let mut s = shape;
    for a in axes.iter() {
        ensure(a < shape.rank(), || format!("axis {a} does not exist in {shape}"))?;
        s = s.with_dim(a, 1);
    }
    Ok(s)
}

fn unary(op: UnaryOp, x: TensorType) -> Result<TensorType, String> {
    let fits = match op {
        UnaryOp::Not => x.dtype == DType::Bool,
        UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign => x.dtype != DType::Bool,
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
        | UnaryOp::F16 => x.dtype == DType::F32,
    };
    ensure(fits, || format!("is not defined on {}; cast first", x.dtype))?;
    Ok(x)
}

fn binary(op: BinaryOp, a: TensorType, b: TensorType) -> Result<TensorType, String> {
    ensure(a == b, || "expects two inputs of one type and shape; broadcast or cast first".into())?;
    let fits = match op {
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Max | BinaryOp::Min | BinaryOp::Lt | BinaryOp::Le => {
            a.dtype != DType::Bool
        }
        BinaryOp::Div | BinaryOp::Pow => a.dtype == DType::F32,
        BinaryOp::Eq | BinaryOp::Ne => true,
        BinaryOp::And | BinaryOp::Or => a.dtype == DType::Bool,
    };
    ensure(fits, || format!("is not defined on {}", a.dtype))?;
    Ok(if op.is_comparison() { TensorType::bool(a.shape) } else { a })
}

fn concat(axis: usize, inputs: &[TensorType]) -> Result<TensorType, String> {
    let first = *inputs.first().ok_or("needs at least one input")?;
    ensure(axis < first.shape.rank(), || format!("axis {axis} does not exist in {}", first.shape))?;
    let mut total = 0usize;
    for t in inputs {
        let same =
            t.dtype == first.dtype && t.shape.rank() == first.shape.rank() && t.shape.with_dim(axis, 0) == first.shape.with_dim(axis, 0);
        ensure(same, || format!("inputs may differ along axis {axis} only"))?;
        total = total.checked_add(t.shape.dims()[axis]).ok_or("result is too large")?;
    }
    let mut dims = first.shape.dims().to_vec();
    dims[axis] = total;
    Ok(TensorType::new(first.dtype, Shape::try_new(&dims).ok_or("result is too large")?))
}

fn dot(ta: bool, tb: bool, a: TensorType, b: TensorType) -> Result<TensorType, String> {
    ensure(a.dtype == DType::F32 && b.dtype == DType::F32, || "multiplies f32".into())?;
    let r = a.shape.rank();
    ensure(r >= 2 && r == b.shape.rank(), || "expects two matrices, or two stacks of matrices of one rank".into())?;
    let (ad, bd) = (a.shape.dims(), b.shape.dims());
    ensure(ad[..r - 2] == bd[..r - 2], || "leading (batch) axes differ".into())?;
    let (m, ka) = if ta { (ad[r - 1], ad[r - 2]) } else { (ad[r - 2], ad[r - 1]) };
    let (kb, n) = if tb { (bd[r - 1], bd[r - 2]) } else { (bd[r - 2], bd[r - 1]) };
    ensure(ka == kb, || format!("the summed axes differ: {ka} columns against {kb} rows"))?;
    let shape = Shape::try_new(a.shape.with_dim(r - 2, m).with_dim(r - 1, n).dims()).ok_or("result is too large")?;
    Ok(TensorType::f32(shape))
}

impl Op {
    /// Number of inputs, where fixed.
    pub fn arity(&self) -> Option<usize> {
        match self {
            Self::Input { .. } | Self::State { .. } | Self::Const { .. } | Self::Iota { .. } => Some(0),
            Self::Unary(_)
            | Self::Cast(_)
            | Self::StopGradient
            | Self::Reduce { .. }
            | Self::ArgReduce { .. }
            | Self::Reshape(_)
            | Self::Transpose(_)
            | Self::Broadcast(_)
            | Self::Slice(_)
            | Self::Pad(_)
            | Self::Reverse(_)
            | Self::Window { .. }
            | Self::WindowSpread { .. } => Some(1),
            Self::Random { .. }
            | Self::Binary(_)
            | Self::Dot { .. }
            | Self::Conv { .. }
            | Self::ConvInput { .. }
            | Self::ConvKernel { .. }
            | Self::Gather
            | Self::ScatterAdd { .. } => Some(2),
            Self::Select | Self::WindowMaxGrad { .. } | Self::WindowMaxPick { .. } => Some(3),
            Self::Concat { .. } | Self::Scan { .. } => None,
        }
    }

    /// Short lower-case name, as in dumps.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input { .. } => "input",
            Self::State { .. } => "state",
            Self::Const { .. } => "const",
            Self::Iota { .. } => "iota",
            Self::Random { dist: crate::Distribution::Uniform, .. } => "random_uniform",
            Self::Random { dist: crate::Distribution::Normal, .. } => "random_normal",
            Self::Unary(u) => u.name(),
            Self::Binary(b) => b.name(),
            Self::Select => "select",
            Self::Cast(_) => "cast",
            Self::StopGradient => "stop_gradient",
            Self::Reduce { op: crate::ReduceOp::Sum, .. } => "reduce_sum",
            Self::Reduce { op: crate::ReduceOp::Max, .. } => "reduce_max",
            Self::Reduce { op: crate::ReduceOp::Min, .. } => "reduce_min",
            Self::Reduce { op: crate::ReduceOp::Prod, .. } => "reduce_prod",
            Self::ArgReduce { op: crate::ArgOp::Max, .. } => "argmax",
            Self::ArgReduce { op: crate::ArgOp::Min, .. } => "argmin",
            Self::Reshape(_) => "reshape",
            Self::Transpose(_) => "transpose",
            Self::Broadcast(_) => "broadcast",
            Self::Slice(_) => "slice",
            Self::Pad(_) => "pad",
            Self::Concat { .. } => "concat",
            Self::Reverse(_) => "reverse",
            Self::Dot { .. } => "dot",
            Self::Conv { .. } => "conv",
            Self::ConvInput { .. } => "conv_input",
            Self::ConvKernel { .. } => "conv_kernel",
            Self::Window { op: crate::WindowOp::Sum, .. } => "window_sum",
            Self::Window { op: crate::WindowOp::Max, .. } => "window_max",
            Self::WindowSpread { .. } => "window_spread",
            Self::WindowMaxGrad { .. } => "window_max_grad",
            Self::WindowMaxPick { .. } => "window_max_pick",
            Self::Gather => "gather",
            Self::ScatterAdd { .. } => "scatter_add",
            Self::Scan { .. } => "scan",
        }
    }
}

impl UnaryOp {
    /// Short lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sign => "sign",
            Self::Exp => "exp",
            Self::Expm1 => "expm1",
            Self::Log => "log",
            Self::Log1p => "log1p",
            Self::Sqrt => "sqrt",
            Self::Rsqrt => "rsqrt",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
            Self::Erf => "erf",
            Self::Floor => "floor",
            Self::Bf16 => "bf16",
            Self::Flush => "flush",
            Self::F16 => "f16",
            Self::Not => "not",
        }
    }
}

impl BinaryOp {
    /// Short lower-case name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Max => "max",
            Self::Min => "min",
            Self::Pow => "pow",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::And => "and",
            Self::Or => "or",
        }
    }
}
