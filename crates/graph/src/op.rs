//! The closed set of operations.
//!
//! Every table of the project (shape inference, evaluation, gradient, verification, lowering, samples) matches [`Op`] without a
//! wildcard arm, so that adding a variant makes the compiler list every place to fill. Softmax, cross-entropy, normalisations and
//! dropout are composites (`composite.rs`), not operations.

use crate::{BodyId, ConvSpec, DType, InputId, MAX_RANK, Shape, SlotId, TensorType, WindowSpec};
use std::fmt;

/// One operation with its attributes. Inputs and result type belong to the node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    // Leaves.
    /// A tensor handed in at each run.
    Input {
        /// Which one.
        id: InputId,
        /// Its type.
        ty: TensorType,
    },
    /// The value of a state slot at the beginning of the run.
    State {
        /// Which slot.
        slot: SlotId,
        /// Its type.
        ty: TensorType,
    },
    /// One value everywhere.
    Const {
        /// The value, which also gives the element type.
        value: Literal,
        /// The shape it fills.
        shape: Shape,
    },
    /// `i32` indices along `axis`: element `[.., i, ..] = i`.
    Iota {
        /// Result shape.
        shape: Shape,
        /// Axis that counts.
        axis: u8,
    },
    /// Random numbers: inputs `seed: i32[2]`, `step: i32[]`. Element `e` depends on (seed, stream, step, e) only (see [`crate::philox`]).
    Random {
        /// Distribution.
        dist: Distribution,
        /// Which stream, usually a hash of the layer path.
        stream: u64,
        /// Result shape.
        shape: Shape,
    },
    // Elementwise.
    /// One input, same shape.
    Unary(UnaryOp),
    /// Two inputs of identical type.
    Binary(BinaryOp),
    /// `select(cond: bool, a, b)`: `a` where true, `b` elsewhere; identical shapes.
    Select,
    /// Conversion to another element type (`f32 -> i32` truncates toward zero and saturates, NaN becomes 0; to `bool` means `!= 0`).
    Cast(DType),
    /// The identity, through which no gradient flows.
    StopGradient,
    // Reductions. The reduced axes stay with size 1.
    /// Reduction of `f32` over axes.
    Reduce {
        /// How.
        op: ReduceOp,
        /// Over which axes.
        axes: AxisSet,
    },
    /// Index (`i32`) of the extreme value along one axis; the first of equals; NaN counts as the extreme.
    ArgReduce {
        /// Which extreme.
        op: ArgOp,
        /// Along which axis (kept with size 1).
        axis: u8,
    },
    // Shape.
    /// Same elements in the same row-major order.
    Reshape(Shape),
    /// `out.dims[i] = in.dims[perm[i]]`.
    Transpose(Perm),
    /// To a shape of the same rank; each axis equal or expanded from 1.
    Broadcast(Shape),
    /// A strided box.
    Slice(SliceSpec),
    /// Zeros around (`f32` and `i32`).
    Pad(PadSpec),
    /// Inputs one after the other along an axis.
    Concat {
        /// Along which axis.
        axis: u8,
    },
    /// Reversed along the axes.
    Reverse(AxisSet),
    // Contraction.
    /// Matrix product over the last two axes, equal leading batch axes: `a` is `(.., M, K)` (or `(.., K, M)` when `ta`), `b` is
    /// `(.., K, N)` (or `(.., N, K)` when `tb`), the result `(.., M, N)`.
    Dot {
        /// The first operand is stored transposed.
        ta: bool,
        /// The second operand is stored transposed.
        tb: bool,
    },
    // Over space, channels last: 1 to 3 spatial axes. Each of the first three is linear in both inputs, and its gradients are the others.
    /// Cross-correlation of `x (B, S.., C)` with a kernel `(K.., C / groups, O)`: `(B, S'.., O)`.
    Conv {
        /// Strides, dilation, padding, groups.
        spec: ConvSpec,
    },
    /// Gradient of [`Op::Conv`] by its input, from `dy (B, S'.., O)` and the kernel; also Keras' transposed convolution.
    ConvInput {
        /// Of the convolution.
        spec: ConvSpec,
        /// Shape of the convolution's input, and of this result.
        input: Shape,
    },
    /// Gradient of [`Op::Conv`] by its kernel, from `x (B, S.., C)` and `dy (B, S'.., O)`.
    ConvKernel {
        /// Of the convolution.
        spec: ConvSpec,
        /// Shape of the kernel, and of this result.
        kernel: Shape,
    },
    /// Reduction of the windows of `x (B, S.., C)` to `(B, S'.., C)`; padding does not count.
    Window {
        /// How.
        op: WindowOp,
        /// Size, strides, padding.
        spec: WindowSpec,
    },
    /// Gradient of the sum of windows: each element of `dy (B, S'.., C)` is added to every cell of its window.
    WindowSpread {
        /// Of the windows.
        spec: WindowSpec,
        /// Shape of the windows' input, and of this result.
        input: Shape,
    },
    /// Gradient of the largest of windows, from `x`, the result `y` and `dy`: each element of `dy` is added to the first cell of its window
    /// (row-major) that equals `y` (NaN equals NaN); to none, if none does.
    WindowMaxGrad {
        /// Of the windows.
        spec: WindowSpec,
    },
    /// From `x`, `y` and `v`, which is of the type of `x`: the element of `v` at the cell that [`Op::WindowMaxGrad`] adds to; 0 if there is
    /// none. The two are each other's gradient by the last input.
    WindowMaxPick {
        /// Of the windows.
        spec: WindowSpec,
    },
    /// Rows of `table (G, N, C)` by `i32` indices `(G, M)`: `(G, M, C)`, of `f32` or `i32`. An index out of range counts as the nearest
    /// in range.
    Gather,
    /// Rows of `values (G, M, C)` added up by `i32` indices `(G, M)`, in the order of `M`: `(G, rows, C)`. Indices as for [`Op::Gather`].
    ScatterAdd {
        /// Rows of each table of the result.
        rows: usize,
    },
    // Recurrence.
    /// A [`Body`](crate::Body) step after step. Inputs: what the first step is handed, what the steps see one after another `[T, ..]`, what all of them
    /// see. The result holds what the last step hands on, then the results of all steps `[T, ..]`, one after another in one line
    /// ([`Body::parts`](crate::Body::parts)). [`Builder::scan`](crate::Builder::scan) writes it.
    Scan {
        /// What a step does.
        body: BodyId,
        /// How many steps, T.
        steps: usize,
        /// From the last step to the first.
        reverse: bool,
        /// Elements of the result.
        len: usize,
    },
}

/// A scalar constant. Floats compare by bits, so that nodes can be interned.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Literal {
    /// Bits of an `f32`.
    F32(u32),
    /// Integer.
    I32(i32),
    /// Truth value.
    Bool(bool),
}

impl Literal {
    /// A float literal.
    pub fn f32(v: f32) -> Self {
        Self::F32(v.to_bits())
    }
    /// Element type.
    pub fn dtype(self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::I32(_) => DType::I32,
            Self::Bool(_) => DType::Bool,
        }
    }
    /// The value as `f64` (truth values as 0 and 1).
    pub fn as_f64(self) -> f64 {
        match self {
            Self::F32(b) => f64::from(f32::from_bits(b)),
            Self::I32(i) => f64::from(i),
            Self::Bool(b) => f64::from(u8::from(b)),
        }
    }
    /// The word in memory: float bits, integer bits, or the bits of 0.0 / 1.0 for truth values.
    pub fn word(self) -> u32 {
        match self {
            Self::F32(b) => b,
            Self::I32(i) => i as u32,
            Self::Bool(b) => f32::from(u8::from(b)).to_bits(),
        }
    }
}
impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::F32(b) => write!(f, "{:?}", f32::from_bits(*b)),
            Self::I32(i) => write!(f, "{i}"),
            Self::Bool(b) => write!(f, "{b}"),
        }
    }
}

/// Distribution of [`Op::Random`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Distribution {
    /// Uniform in [0, 1): the upper 24 bits of a Philox word times 2⁻²⁴.
    Uniform,
    /// Standard normal by Box–Muller.
    Normal,
}

/// Functions of one number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOp {
    /// `-x`
    Neg,
    /// `|x|`
    Abs,
    /// -1, 0 or 1; sign(NaN) = NaN
    Sign,
    /// `e^x`
    Exp,
    /// `e^x - 1`, accurate near 0
    Expm1,
    /// natural logarithm
    Log,
    /// `ln(1 + x)`, accurate near 0
    Log1p,
    /// square root
    Sqrt,
    /// `1 / sqrt(x)`
    Rsqrt,
    /// hyperbolic tangent
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `ln(1 + e^x)`, stable
    Softplus,
    /// error function
    Erf,
    /// largest integer not above
    Floor,
    /// Nearest bfloat16 (8 significant bits), kept in an `f32`: ties to even, NaN stays NaN, beyond the largest infinity. Its gradient is
    /// rounded likewise, as that of a conversion to bfloat16.
    Bf16,
    /// +0 for zeros and what is subnormal (nearer to 0 than 2^-126), else the number itself: averages that decay towards 0 would stay there for ever,
    /// at 100 times the cost of other numbers on many CPUs. Its gradient passes.
    Flush,
    /// Nearest float16 (IEEE 754 binary16: 11 significant bits, at most 65504, subnormals down to 2⁻²⁴), kept in an `f32`, as
    /// [`UnaryOp::Bf16`] does it.
    F16,
    /// logical negation of `bool`
    Not,
}

/// Functions of two tensors of identical type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOp {
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b` (`f32` only)
    Div,
    /// Larger of the two; NaN if either is NaN. Where equal, the gradient goes to `b`.
    Max,
    /// Smaller of the two; NaN if either is NaN. Where equal, the gradient goes to `b`.
    Min,
    /// `a ^ b` (`f32` only)
    Pow,
    /// `a < b` -> `bool`
    Lt,
    /// `a <= b` -> `bool`
    Le,
    /// `a == b` -> `bool`
    Eq,
    /// `a != b` -> `bool`
    Ne,
    /// both (`bool` only)
    And,
    /// either (`bool` only)
    Or,
}

impl UnaryOp {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Neg,
        Self::Abs,
        Self::Sign,
        Self::Exp,
        Self::Expm1,
        Self::Log,
        Self::Log1p,
        Self::Sqrt,
        Self::Rsqrt,
        Self::Tanh,
        Self::Sigmoid,
        Self::Softplus,
        Self::Erf,
        Self::Floor,
        Self::Bf16,
        Self::Flush,
        Self::F16,
        Self::Not,
    ];
}

impl BinaryOp {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Add,
        Self::Sub,
        Self::Mul,
        Self::Div,
        Self::Max,
        Self::Min,
        Self::Pow,
        Self::Lt,
        Self::Le,
        Self::Eq,
        Self::Ne,
        Self::And,
        Self::Or,
    ];

    /// Whether the result is `bool` whatever the inputs are.
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Lt | Self::Le | Self::Eq | Self::Ne)
    }
}

/// How to reduce.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReduceOp {
    /// Sum; 0 for no element.
    Sum,
    /// Largest; -inf for no element; NaN if any is NaN.
    Max,
    /// Smallest; +inf for no element; NaN if any is NaN.
    Min,
    /// Product; 1 for no element.
    Prod,
}

impl ReduceOp {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sum, Self::Max, Self::Min, Self::Prod];
}

/// How to reduce a window.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WindowOp {
    /// Sum.
    Sum,
    /// Largest; NaN if any is NaN.
    Max,
}

impl WindowOp {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Sum, Self::Max];
}

/// Which extreme.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArgOp {
    /// Index of the largest.
    Max,
    /// Index of the smallest.
    Min,
}

/// A set of axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AxisSet(u8);

impl AxisSet {
    /// The set of the given axes (each below [`MAX_RANK`]).
    pub fn of(axes: &[usize]) -> Self {
        Self(axes.iter().fold(0, |s, &a| s | (1 << a)))
    }
    /// Whether `axis` is in the set.
    pub fn contains(self, axis: usize) -> bool {
        axis < 8 && self.0 >> axis & 1 == 1
    }
    /// The axes in increasing order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..8).filter(move |&a| self.contains(a))
    }
    /// Number of axes.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}
impl fmt::Debug for AxisSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A permutation of axes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Perm {
    axes: [u8; MAX_RANK],
    rank: u8,
}

impl Perm {
    /// The permutation, or `None` when `axes` is not one of at most [`MAX_RANK`] axes.
    pub fn new(axes: &[usize]) -> Option<Self> {
        let set = AxisSet::of(&axes.iter().copied().filter(|&a| a < MAX_RANK).collect::<Vec<_>>());
        if axes.len() > MAX_RANK || set != AxisSet::of(&(0..axes.len()).collect::<Vec<_>>()) {
            return None;
        }
        let mut p = Self { axes: [0; MAX_RANK], rank: axes.len() as u8 };
        for (d, &a) in p.axes.iter_mut().zip(axes) {
            *d = a as u8;
        }
        Some(p)
    }
    /// The axes: result axis `i` is input axis `axes()[i]`.
    pub fn axes(&self) -> impl Iterator<Item = usize> + '_ {
        self.axes[..self.rank as usize].iter().map(|&a| a as usize)
    }
    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }
    /// The permutation that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let mut p = *self;
        for (i, a) in self.axes().enumerate() {
            p.axes[a] = i as u8;
        }
        p
    }
}
impl fmt::Debug for Perm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.axes()).finish()
    }
}

/// Box of [`Op::Slice`]: for each axis `start, start + stride, ..` below `stop`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SliceSpec {
    /// First index by axis.
    pub start: [usize; MAX_RANK],
    /// One past the last by axis.
    pub stop: [usize; MAX_RANK],
    /// Step by axis, at least 1.
    pub stride: [usize; MAX_RANK],
}

/// Zeros of [`Op::Pad`]: before, after and between the elements of each axis (so that it can undo a strided slice).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PadSpec {
    /// Zeros before the first element, by axis.
    pub before: [usize; MAX_RANK],
    /// Zeros after the last element, by axis.
    pub after: [usize; MAX_RANK],
    /// Zeros between neighbours, by axis.
    pub between: [usize; MAX_RANK],
}
