//! Writing graphs: a [`Builder`] and copyable [`Var`] handles with operators.
//!
//! The first error latches with its layer path; later operations on poisoned handles do nothing, so layer code needs no `?` on every
//! line and the user gets one exact message from [`Builder::finish`].

use crate::{
    ArgOp, AxisSet, BinaryOp, DType, Distribution, Graph, GraphError, Literal, NodeId, Op, PadSpec, Perm, ReduceOp, Shape, ShapeError,
    SliceSpec, SlotId, TensorType, UnaryOp,
};
use std::cell::RefCell;
use std::ops;
use std::sync::atomic::{AtomicU64, Ordering};

/// A graph under construction.
pub struct Builder {
    number: u64,
    graph: RefCell<Graph>,
    error: RefCell<Option<GraphError>>,
    scopes: RefCell<Vec<String>>,
}

/// Marks a handle whose construction failed.
const POISON: NodeId = NodeId(u32::MAX);

impl Default for Builder {
    fn default() -> Self {
        Self::from_graph(Graph::default())
    }
}

impl Builder {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }
    /// Goes on building an existing graph.
    pub fn from_graph(graph: Graph) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, graph: RefCell::new(graph), error: RefCell::default(), scopes: RefCell::default() }
    }
    /// A number that no other builder of this process has, to tell whose nodes are whose where that is not known from a lifetime.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Declares an input.
    pub fn input(&self, name: &str, ty: TensorType) -> Var<'_> {
        let id = self.graph.borrow_mut().add_input(name, ty);
        Var { id, b: self }
    }
    /// Reads a state slot.
    pub fn state(&self, slot: SlotId, name: &str, ty: TensorType) -> Var<'_> {
        let id = self.graph.borrow_mut().add_state(slot, name, ty);
        Var { id, b: self }
    }
    /// One `f32` value everywhere.
    pub fn full(&self, shape: impl Into<Shape>, value: f32) -> Var<'_> {
        self.op(Op::Const { value: Literal::f32(value), shape: shape.into() }, &[])
    }
    /// A scalar `f32`.
    pub fn scalar(&self, value: f32) -> Var<'_> {
        self.full(Shape::SCALAR, value)
    }
    /// A constant of any element type.
    pub fn constant(&self, value: Literal, shape: impl Into<Shape>) -> Var<'_> {
        self.op(Op::Const { value, shape: shape.into() }, &[])
    }
    /// Indices along an axis.
    pub fn iota(&self, shape: impl Into<Shape>, axis: usize) -> Var<'_> {
        self.op(Op::Iota { shape: shape.into(), axis: axis as u8 }, &[])
    }
    /// Random numbers of a stream; `seed: i32[2]`, `step: i32[]`.
    pub fn random<'g>(&'g self, dist: Distribution, stream: u64, shape: impl Into<Shape>, seed: Var<'g>, step: Var<'g>) -> Var<'g> {
        self.op(Op::Random { dist, stream, shape: shape.into() }, &[seed, step])
    }
    /// Adds any operation.
    pub fn op<'g>(&'g self, op: Op, inputs: &[Var<'g>]) -> Var<'g> {
        if inputs.iter().any(|v| v.id == POISON) || self.error.borrow().is_some() {
            return self.poison();
        }
        let ids: smallvec::SmallVec<[NodeId; 3]> = inputs.iter().map(|v| v.id).collect();
        let added = self.graph.borrow_mut().add(op, &ids);
        match added {
            Ok(id) => Var { id, b: self },
            Err(e) => self.fail(e),
        }
    }
    /// Names a result.
    pub fn output(&self, name: &str, value: Var<'_>) {
        if value.id != POISON {
            self.graph.borrow_mut().add_output(name, value.id);
        }
    }
    /// Declares the new value of a slot.
    pub fn update(&self, slot: SlotId, value: Var<'_>) {
        if value.id != POISON {
            self.graph.borrow_mut().add_update(slot, value.id);
        }
    }

    /// Runs `f` with `name` appended to the layer path.
    pub fn scope<R>(&self, name: &str, f: impl FnOnce() -> R) -> R {
        self.scopes.borrow_mut().push(name.into());
        let path = self.path();
        let before = {
            let mut g = self.graph.borrow_mut();
            let id = g.intern_origin(&path);
            g.set_origin(id)
        };
        let r = f();
        self.graph.borrow_mut().set_origin(before);
        self.scopes.borrow_mut().pop();
        r
    }
    /// The current layer path.
    pub fn path(&self) -> String {
        self.scopes.borrow().join("/")
    }

    /// Latches a message with the current layer path and returns a poisoned handle.
    pub fn error(&self, message: impl Into<String>) -> Var<'_> {
        self.fail(GraphError::Layer { origin: self.path(), message: message.into() })
    }
    /// Latches an error (the first one counts) and returns a poisoned handle.
    pub fn fail(&self, error: GraphError) -> Var<'_> {
        self.error.borrow_mut().get_or_insert(error);
        self.poison()
    }
    /// Whether an error has been latched.
    pub fn failed(&self) -> bool {
        self.error.borrow().is_some()
    }
    /// The error that has been latched.
    pub fn latched(&self) -> Option<GraphError> {
        self.error.borrow().clone()
    }
    fn poison(&self) -> Var<'_> {
        Var { id: POISON, b: self }
    }

    /// Gives access to the graph built so far, for [`crate::grad::gradients`] and the like. Not while a `Var` method runs.
    pub fn with_graph<R>(&self, f: impl FnOnce(&mut Graph) -> Result<R, GraphError>) -> Result<R, GraphError> {
        if let Some(e) = &*self.error.borrow() {
            return Err(e.clone());
        }
        f(&mut self.graph.borrow_mut())
    }
    /// A handle for a node of this graph.
    pub fn var(&self, id: NodeId) -> Var<'_> {
        Var { id, b: self }
    }
    /// The graph built so far, and the latched error.
    pub(crate) fn into_parts(self) -> (Graph, Option<GraphError>) {
        (self.graph.into_inner(), self.error.into_inner())
    }
    /// The graph, or the first error. The step that stood model for the body of a scan is taken out, and with it all else that no output and no update
    /// needs; node ids are then others than before. A graph without outputs and updates stays as it is.
    pub fn finish(self) -> Result<Graph, GraphError> {
        match self.error.into_inner() {
            Some(e) => Err(e),
            None if self.graph.borrow().has_model_steps() => crate::pass::dce(&self.graph.into_inner()),
            None => Ok(self.graph.into_inner()),
        }
    }
}

/// A handle to a node: copyable, with operators. Elementwise operators broadcast as numpy does.
#[derive(Clone, Copy)]
pub struct Var<'g> {
    id: NodeId,
    b: &'g Builder,
}

impl<'g> Var<'g> {
    /// The node. Meaningless after a latched error.
    pub fn id(self) -> NodeId {
        self.id
    }
    /// The builder it belongs to.
    pub fn builder(self) -> &'g Builder {
        self.b
    }
    /// Its type; a scalar `f32` after a latched error.
    pub fn ty(self) -> TensorType {
        if self.id == POISON { TensorType::f32(Shape::SCALAR) } else { self.b.graph.borrow().ty(self.id) }
    }
    /// Its shape.
    pub fn shape(self) -> Shape {
        self.ty().shape
    }
    /// Its rank.
    pub fn rank(self) -> usize {
        self.shape().rank()
    }
    /// Dimension of an axis, from the end when negative; 1 when it does not exist.
    pub fn dim(self, axis: isize) -> usize {
        self.shape().dim(axis)
    }

    /// One function of each element.
    pub fn unary(self, op: UnaryOp) -> Self {
        self.b.op(Op::Unary(op), &[self])
    }
    /// A function of two tensors, broadcast to a common shape.
    pub fn binary(self, op: BinaryOp, rhs: Self) -> Self {
        let Some(shape) = Shape::broadcast(&self.shape(), &rhs.shape()) else {
            return self.b.fail(GraphError::Shape(ShapeError {
                origin: self.b.path(),
                op: op.name().into(),
                message: "shapes do not broadcast: each pair of axes, from the last, must be equal or contain a 1".into(),
                inputs: vec![self.ty(), rhs.ty()],
            }));
        };
        self.b.op(Op::Binary(op), &[self.broadcast_to(shape), rhs.broadcast_to(shape)])
    }
    fn binary_scalar(self, op: BinaryOp, rhs: f32) -> Self {
        self.binary(op, self.b.full(self.shape(), rhs))
    }

    /// `-1`, `0`, `1`.
    pub fn sign(self) -> Self {
        self.unary(UnaryOp::Sign)
    }
    /// Absolute value.
    pub fn abs(self) -> Self {
        self.unary(UnaryOp::Abs)
    }
    /// Exponential.
    pub fn exp(self) -> Self {
        self.unary(UnaryOp::Exp)
    }
    /// `e^x - 1`.
    pub fn expm1(self) -> Self {
        self.unary(UnaryOp::Expm1)
    }
    /// Natural logarithm.
    pub fn log(self) -> Self {
        self.unary(UnaryOp::Log)
    }
    /// `ln(1 + x)`.
    pub fn log1p(self) -> Self {
        self.unary(UnaryOp::Log1p)
    }
    /// Square root.
    pub fn sqrt(self) -> Self {
        self.unary(UnaryOp::Sqrt)
    }
    /// `1 / sqrt(x)`.
    pub fn rsqrt(self) -> Self {
        self.unary(UnaryOp::Rsqrt)
    }
    /// Hyperbolic tangent.
    pub fn tanh(self) -> Self {
        self.unary(UnaryOp::Tanh)
    }
    /// Logistic function.
    pub fn sigmoid(self) -> Self {
        self.unary(UnaryOp::Sigmoid)
    }
    /// `ln(1 + e^x)`.
    pub fn softplus(self) -> Self {
        self.unary(UnaryOp::Softplus)
    }
    /// Error function.
    pub fn erf(self) -> Self {
        self.unary(UnaryOp::Erf)
    }
    /// Largest integer not above.
    pub fn floor(self) -> Self {
        self.unary(UnaryOp::Floor)
    }
    /// Nearest bfloat16, kept in an `f32`; its gradient is rounded likewise.
    pub fn bf16(self) -> Self {
        self.unary(UnaryOp::Bf16)
    }
    /// 0 for what is subnormal, else the number itself; its gradient passes.
    pub fn flush(self) -> Self {
        self.unary(UnaryOp::Flush)
    }
    /// Nearest float16, kept in an `f32`; its gradient is rounded likewise.
    pub fn f16(self) -> Self {
        self.unary(UnaryOp::F16)
    }
    /// `!x` of truth values.
    pub fn logical_not(self) -> Self {
        self.unary(UnaryOp::Not)
    }
    /// Larger of the two.
    pub fn maximum(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Max, rhs)
    }
    /// Smaller of the two.
    pub fn minimum(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Min, rhs)
    }
    /// Larger of each element and a number (gradient 0 where they are equal).
    pub fn max_scalar(self, rhs: f32) -> Self {
        self.binary_scalar(BinaryOp::Max, rhs)
    }
    /// Smaller of each element and a number (gradient 0 where they are equal).
    pub fn min_scalar(self, rhs: f32) -> Self {
        self.binary_scalar(BinaryOp::Min, rhs)
    }
    /// Power.
    pub fn pow(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Pow, rhs)
    }
    /// `self < rhs`.
    pub fn lt(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Lt, rhs)
    }
    /// `self <= rhs`.
    pub fn le(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Le, rhs)
    }
    /// `self > rhs`.
    pub fn gt(self, rhs: Self) -> Self {
        rhs.lt(self)
    }
    /// `self >= rhs`.
    pub fn ge(self, rhs: Self) -> Self {
        rhs.le(self)
    }
    /// `self == rhs`.
    pub fn equal(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Eq, rhs)
    }
    /// `self != rhs`.
    pub fn not_equal(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Ne, rhs)
    }
    /// Both true.
    pub fn and(self, rhs: Self) -> Self {
        self.binary(BinaryOp::And, rhs)
    }
    /// Either true.
    pub fn or(self, rhs: Self) -> Self {
        self.binary(BinaryOp::Or, rhs)
    }
    /// `self > number`.
    pub fn gt_scalar(self, rhs: f32) -> Self {
        self.gt(self.b.full(self.shape(), rhs))
    }
    /// `a` where `self` (bool) is true, `b` elsewhere; all broadcast.
    pub fn select(self, a: Self, b: Self) -> Self {
        let common = Shape::broadcast(&a.shape(), &b.shape()).and_then(|s| Shape::broadcast(&s, &self.shape()));
        let Some(shape) = common else {
            return self.b.fail(GraphError::Shape(ShapeError {
                origin: self.b.path(),
                op: "select".into(),
                message: "condition and branches do not broadcast to one shape".into(),
                inputs: vec![self.ty(), a.ty(), b.ty()],
            }));
        };
        self.b.op(Op::Select, &[self.broadcast_to(shape), a.broadcast_to(shape), b.broadcast_to(shape)])
    }
    /// Conversion to another element type.
    pub fn cast(self, to: DType) -> Self {
        if self.ty().dtype == to { self } else { self.b.op(Op::Cast(to), &[self]) }
    }
    /// The same value, through which no gradient flows.
    pub fn stop_gradient(self) -> Self {
        self.b.op(Op::StopGradient, &[self])
    }

    /// Reduction; `axes` from the end when negative, empty for all; `keep` leaves the reduced axes with size 1.
    pub fn reduce(self, op: ReduceOp, axes: &[isize], keep: bool) -> Self {
        let Some(set) = self.axes(axes) else { return self.b.poison() };
        let r = self.b.op(Op::Reduce { op, axes: set }, &[self]);
        if keep { r } else { r.drop_axes(set) }
    }
    /// Sum over axes (all when empty).
    pub fn sum(self, axes: &[isize], keep: bool) -> Self {
        self.reduce(ReduceOp::Sum, axes, keep)
    }
    /// Largest over axes (all when empty).
    pub fn max(self, axes: &[isize], keep: bool) -> Self {
        self.reduce(ReduceOp::Max, axes, keep)
    }
    /// Smallest over axes (all when empty).
    pub fn min(self, axes: &[isize], keep: bool) -> Self {
        self.reduce(ReduceOp::Min, axes, keep)
    }
    /// Index of the largest (`i32`), the axis dropped.
    pub fn argmax(self, axis: isize) -> Self {
        let Some(set) = self.axes(&[axis]) else { return self.b.poison() };
        let at = set.iter().next().unwrap_or(0);
        self.b.op(Op::ArgReduce { op: ArgOp::Max, axis: at as u8 }, &[self]).drop_axes(set)
    }
    fn drop_axes(self, set: AxisSet) -> Self {
        let s = self.shape();
        let dims: Vec<usize> = s.dims().iter().enumerate().filter(|(a, _)| !set.contains(*a)).map(|(_, &d)| d).collect();
        self.reshape(Shape::new(&dims))
    }
    /// Axes as a set (all when empty); latches an error when one does not exist.
    fn axes(self, axes: &[isize]) -> Option<AxisSet> {
        let shape = self.shape();
        if axes.is_empty() {
            return Some(AxisSet::of(&(0..shape.rank()).collect::<Vec<_>>()));
        }
        let mut out = Vec::with_capacity(axes.len());
        for &a in axes {
            if let Some(i) = shape.axis(a) {
                out.push(i);
            } else {
                self.b.error(format!("axis {a} does not exist in a tensor of shape {shape}"));
                return None;
            }
        }
        Some(AxisSet::of(&out))
    }

    /// Same elements, another shape.
    pub fn reshape(self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if self.id != POISON && self.shape() == shape { self } else { self.b.op(Op::Reshape(shape), &[self]) }
    }
    /// A new axis of size 1 before `axis`.
    pub fn expand_dims(self, axis: isize) -> Self {
        let s = self.shape();
        let at = if axis < 0 { axis + s.rank() as isize + 1 } else { axis };
        if !(0..=s.rank() as isize).contains(&at) || s.rank() == crate::MAX_RANK {
            return self.b.error(format!("cannot insert axis {axis} into a tensor of shape {s}"));
        }
        let mut dims = s.dims().to_vec();
        dims.insert(at as usize, 1);
        self.reshape(Shape::new(&dims))
    }
    /// Axes permuted.
    pub fn transpose(self, axes: &[usize]) -> Self {
        match Perm::new(axes) {
            Some(p) => self.b.op(Op::Transpose(p), &[self]),
            None => self.b.error(format!("{axes:?} is not a permutation of axes")),
        }
    }
    /// Numpy's broadcast to a given shape (leading axes are added).
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        let own = self.shape();
        if self.id == POISON || own == shape {
            return self;
        }
        // A constant fills any shape by itself.
        if let Op::Const { value, .. } = { self.b.graph.borrow().node(self.id).op }
            && Shape::broadcast(&own, &shape) == Some(shape)
        {
            return self.b.op(Op::Const { value, shape }, &[]);
        }
        if own.rank() > shape.rank() {
            return self.b.error(format!("a tensor of shape {own} cannot broadcast to {shape}"));
        }
        self.reshape(own.padded_to(shape.rank())).expand(shape)
    }
    fn expand(self, shape: Shape) -> Self {
        if self.shape() == shape { self } else { self.b.op(Op::Broadcast(shape), &[self]) }
    }
    /// A strided box given by `(start, stop, stride)` for each axis.
    pub fn slice(self, ranges: &[(usize, usize, usize)]) -> Self {
        let shape = self.shape();
        if ranges.len() != shape.rank() {
            return self.b.error(format!("slice of {} ranges in a tensor of shape {shape}", ranges.len()));
        }
        let mut s = SliceSpec { start: [0; crate::MAX_RANK], stop: [0; crate::MAX_RANK], stride: [1; crate::MAX_RANK] };
        for (a, &(start, stop, stride)) in ranges.iter().enumerate() {
            (s.start[a], s.stop[a], s.stride[a]) = (start, stop, stride);
        }
        self.b.op(Op::Slice(s), &[self])
    }
    /// Zeros before and after each axis.
    pub fn pad(self, pads: &[(usize, usize)]) -> Self {
        let shape = self.shape();
        if pads.len() != shape.rank() {
            return self.b.error(format!("padding of {} axes for a tensor of shape {shape}", pads.len()));
        }
        let mut p = PadSpec { before: [0; crate::MAX_RANK], after: [0; crate::MAX_RANK], between: [0; crate::MAX_RANK] };
        for (a, &(before, after)) in pads.iter().enumerate() {
            (p.before[a], p.after[a]) = (before, after);
        }
        self.b.op(Op::Pad(p), &[self])
    }
    /// Reversed along axes.
    pub fn reverse(self, axes: &[isize]) -> Self {
        match self.axes(axes) {
            Some(set) => self.b.op(Op::Reverse(set), &[self]),
            None => self.b.poison(),
        }
    }
    /// Matrix product over the last two axes.
    pub fn matmul(self, rhs: Self) -> Self {
        self.dot(rhs, false, false)
    }
    /// Matrix product with operands stored transposed where asked.
    pub fn dot(self, rhs: Self, ta: bool, tb: bool) -> Self {
        self.b.op(Op::Dot { ta, tb }, &[self, rhs])
    }
}

macro_rules! operator {
    ($($trait:ident $method:ident $op:ident),*) => {$(
        impl<'g> ops::$trait for Var<'g> {
            type Output = Var<'g>;
            fn $method(self, rhs: Self) -> Self {
                self.binary(BinaryOp::$op, rhs)
            }
        }
        impl<'g> ops::$trait<f32> for Var<'g> {
            type Output = Var<'g>;
            fn $method(self, rhs: f32) -> Self {
                self.binary_scalar(BinaryOp::$op, rhs)
            }
        }
        impl<'g> ops::$trait<Var<'g>> for f32 {
            type Output = Var<'g>;
            fn $method(self, rhs: Var<'g>) -> Var<'g> {
                rhs.b.full(rhs.shape(), self).binary(BinaryOp::$op, rhs)
            }
        }
    )*};
}
operator!(Add add Add, Sub sub Sub, Mul mul Mul, Div div Div);

impl ops::Neg for Var<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary(UnaryOp::Neg)
    }
}
