//! The sample table: graphs of one operation, or of a pattern that compilers fuse, with inputs that hurt.

mod recurrence;
mod spatial;

use adaline_graph::eval::Value;
use adaline_graph::grad::gradients;
use adaline_graph::{
    ArgOp, AxisSet, BinaryOp, Builder, DType, Distribution, Graph, Literal, MAX_RANK, Op, PadSpec, ReduceOp, Shape, SliceSpec, SlotId,
    TensorType, UnaryOp, Var, concat,
};

use crate::Rng;

/// A graph with its inputs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it shows.
    pub name: String,
    /// The graph; all results are outputs or updates.
    pub graph: Graph,
    /// Values of the declared inputs.
    pub inputs: Vec<Value>,
    /// Values of the slots read.
    pub state: Vec<(SlotId, Value)>,
}

impl Sample {
    /// Looks up the value of a slot, as [`adaline_graph::eval::evaluate`] wants it.
    pub fn slot(&self, id: SlotId) -> Option<Value> {
        self.state.iter().find(|(s, _)| *s == id).map(|(_, v)| v.clone())
    }
}

/// Numbers at which single-precision code goes wrong: zeros, ends of ranges, thresholds of exponentials, infinities, NaN.
pub const SPECIAL: [f32; 38] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    1.5,
    -1.5,
    2.5,
    1e-3,
    -1e-3,
    1e-7,
    -1e-7,
    1e-30,
    -1e-30,
    f32::MIN_POSITIVE,
    1e-40,
    -1e-40,
    1e30,
    -1e30,
    f32::MAX,
    f32::MIN,
    9.0,
    -9.0,
    20.0,
    -20.0,
    80.0,
    -80.0,
    88.0,
    -87.0,
    120.0,
    -120.0,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Shapes of elementwise samples: nothing, one, odd, a few blocks and a rest.
const SHAPES: [&[usize]; 6] = [&[0], &[], &[7], &[3, 5], &[2, 1, 9], &[1031]];

struct Table {
    rng: Rng,
    samples: Vec<Sample>,
}

/// One declared tensor of a sample: its value decides the type.
type Inputs = Vec<Value>;

impl Table {
    /// Adds a sample whose graph is built from its inputs by `f`, which names its outputs itself.
    fn add(&mut self, name: impl Into<String>, inputs: Inputs, f: impl for<'a> FnOnce(&'a Builder, &[Var<'a>])) {
        let name = name.into();
        let b = Builder::new();
        let vars: Vec<Var<'_>> = inputs.iter().enumerate().map(|(i, v)| b.input(&format!("x{i}"), v.ty)).collect();
        f(&b, &vars);
        let graph = b.finish().unwrap_or_else(|e| panic!("sample {name}: {e}"));
        self.samples.push(Sample { name, graph, inputs, state: Vec::new() });
    }
    /// Adds a sample with one output.
    fn one(&mut self, name: impl Into<String>, inputs: Inputs, f: impl for<'a> FnOnce(&'a Builder, &[Var<'a>]) -> Var<'a>) {
        self.add(name, inputs, |b, x| b.output("y", f(b, x)));
    }
    fn f32(&mut self, dims: &[usize]) -> Value {
        self.rng.value(TensorType::f32(dims))
    }
    fn i32(&mut self, dims: &[usize]) -> Value {
        self.rng.value(TensorType::i32(dims))
    }
    fn bool(&mut self, dims: &[usize]) -> Value {
        self.rng.value(TensorType::bool(dims))
    }
}

/// The whole table, always the same.
pub fn samples() -> Vec<Sample> {
    let mut t = Table { rng: Rng::new(1), samples: Vec::new() };
    leaves(&mut t);
    elementwise(&mut t);
    reductions(&mut t);
    movement(&mut t);
    dots(&mut t);
    spatial::samples(&mut t);
    recurrence::samples(&mut t);
    patterns(&mut t);
    t.samples
}

fn leaves(t: &mut Table) {
    for dims in SHAPES {
        let v = t.f32(dims);
        t.one(format!("input {dims:?}"), vec![v], |_, x| x[0]);
        t.one(format!("const {dims:?}"), vec![], |b, _| b.full(dims, -1.25));
    }
    t.add("const of each type", vec![], |b, _| {
        b.output("i", b.constant(Literal::I32(i32::MIN), [3]));
        b.output("b", b.constant(Literal::Bool(true), [3]));
        b.output("nan", b.full([3], f32::NAN));
    });
    for (dims, axis) in [(&[5][..], 0), (&[0, 3], 1), (&[4, 3, 2], 0), (&[4, 3, 2], 1), (&[4, 3, 2], 2)] {
        t.one(format!("iota {dims:?} axis {axis}"), vec![], |b, _| b.iota(dims, axis));
    }
    for dist in [Distribution::Uniform, Distribution::Normal] {
        for (dims, seed, step) in [(&[0][..], [0, 0], 0), (&[1], [1, 2], 3), (&[3, 7], [-1, i32::MIN], -1), (&[1031], [5, 6], 7)] {
            let inputs = vec![Value::i32([2], &seed), Value::i32(Shape::SCALAR, &[step])];
            t.one(format!("random {dist:?} {dims:?}"), inputs, |b, x| b.random(dist, 0x1234_5678_9abc_def0, dims, x[0], x[1]));
        }
    }
    let b = Builder::new();
    let (w, n) = (b.state(SlotId(0), "w", TensorType::f32([2, 3])), b.state(SlotId(2), "n", TensorType::i32(Shape::SCALAR)));
    b.output("old", w);
    b.update(SlotId(0), w * 0.5);
    b.update(SlotId(2), n + b.constant(Literal::I32(1), Shape::SCALAR));
    b.update(SlotId(1), b.full([4], 2.0)); // written, never read
    let state = vec![(SlotId(0), t.f32(&[2, 3])), (SlotId(2), Value::i32(Shape::SCALAR, &[41]))];
    t.samples.push(Sample { name: "state and updates".into(), graph: b.finish().unwrap_or_default(), inputs: vec![], state });
    // A moved value that is both a result and the new value of a slot.
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([3]));
    let (padded, joined) = (x.pad(&[(1, 1)]), concat(&b, &[x, x], 0));
    b.output("padded", padded);
    b.update(SlotId(0), padded);
    b.output("joined", joined);
    b.update(SlotId(1), joined);
    let inputs = vec![t.f32(&[3])];
    t.samples.push(Sample { name: "moves to two places".into(), graph: b.finish().unwrap_or_default(), inputs, state: vec![] });
    // The new values of two slots are the old ones of each other.
    let b = Builder::new();
    let (p, q) = (b.state(SlotId(0), "p", TensorType::f32([5])), b.state(SlotId(1), "q", TensorType::f32([5])));
    b.update(SlotId(0), q);
    b.update(SlotId(1), p);
    let state = vec![(SlotId(0), t.f32(&[5])), (SlotId(1), t.f32(&[5]))];
    t.samples.push(Sample { name: "slots exchanged".into(), graph: b.finish().unwrap_or_default(), inputs: vec![], state });
}

fn elementwise(t: &mut Table) {
    for op in UnaryOp::ALL {
        if op == UnaryOp::Not {
            for dims in SHAPES {
                let v = t.bool(dims);
                t.one(format!("not {dims:?}"), vec![v], |_, x| x[0].logical_not());
            }
            continue;
        }
        for dims in SHAPES {
            let v = t.f32(dims);
            t.one(format!("{} {dims:?}", op.name()), vec![v], |_, x| x[0].unary(op));
        }
        t.one(format!("{} special", op.name()), vec![Value::f32([SPECIAL.len()], &SPECIAL)], |_, x| x[0].unary(op));
        if matches!(op, UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign) {
            let v = Value::i32([6], &[0, 1, -1, i32::MAX, i32::MIN, -77]);
            t.one(format!("{} of integers", op.name()), vec![v], |_, x| x[0].unary(op));
        }
    }
    // Every special number against every other.
    let n = SPECIAL.len();
    let left: Vec<f32> = (0..n * n).map(|i| SPECIAL[i / n]).collect();
    let right: Vec<f32> = (0..n * n).map(|i| SPECIAL[i % n]).collect();
    let (left, right) = (Value::f32([n, n], &left), Value::f32([n, n], &right));
    for op in BinaryOp::ALL {
        let bools = matches!(op, BinaryOp::And | BinaryOp::Or);
        for dims in SHAPES {
            let (a, b) = if bools { (t.bool(dims), t.bool(dims)) } else { (t.f32(dims), t.f32(dims)) };
            t.one(format!("{} {dims:?}", op.name()), vec![a, b], |_, x| x[0].binary(op, x[1]));
        }
        if matches!(op, BinaryOp::And | BinaryOp::Or | BinaryOp::Eq | BinaryOp::Ne) {
            let (a, b) = (Value::bool([4], &[true, true, false, false]), Value::bool([4], &[true, false, true, false]));
            t.one(format!("{} of truth values", op.name()), vec![a, b], |_, x| x[0].binary(op, x[1]));
        }
        if !bools {
            t.one(format!("{} special", op.name()), vec![left.clone(), right.clone()], |_, x| x[0].binary(op, x[1]));
        }
        if !bools && !matches!(op, BinaryOp::Div | BinaryOp::Pow) {
            let a = Value::i32([6], &[i32::MAX, i32::MIN, 7, -3, 123_456_789, 0]);
            let b = Value::i32([6], &[1, -1, 7, 5, 987_654_321, 0]);
            t.one(format!("{} of integers", op.name()), vec![a, b], |_, x| x[0].binary(op, x[1]));
        }
    }
    for dims in SHAPES {
        let inputs = vec![t.bool(dims), t.f32(dims), t.f32(dims)];
        t.one(format!("select {dims:?}"), inputs, |_, x| x[0].select(x[1], x[2]));
        let inputs = vec![t.bool(dims), t.i32(dims), t.i32(dims)];
        t.one(format!("select integers {dims:?}"), inputs, |_, x| x[0].select(x[1], x[2]));
        let inputs = vec![t.bool(dims), t.bool(dims), t.bool(dims)];
        t.one(format!("select truth values {dims:?}"), inputs, |_, x| x[0].select(x[1], x[2]));
        let v = t.f32(dims);
        t.one(format!("stop_gradient {dims:?}"), vec![v], |_, x| x[0].stop_gradient());
    }
    // The branch not taken may be NaN.
    t.one("select beside NaN", vec![Value::f32([4], &[4.0, -4.0, 0.0, -1.0])], |b, x| {
        x[0].gt_scalar(0.0).select(x[0].sqrt(), b.full([4], 7.0))
    });
    for to in [DType::F32, DType::I32, DType::Bool] {
        let all = [
            Value::f32([SPECIAL.len()], &SPECIAL),
            Value::f32([4], &[2147483520.0, -2147483648.0, 2147483648.0, 0.99999]),
            Value::i32([5], &[0, -1, i32::MAX, i32::MIN, 16_777_217]),
            Value::bool([3], &[true, false, true]),
        ];
        for v in all {
            t.one(format!("cast {} to {to}", v.ty), vec![v], |b, x| b.op(Op::Cast(to), &[x[0]]));
        }
    }
}

fn reductions(t: &mut Table) {
    let cases: [(&[usize], &[isize]); 15] = [
        (&[], &[]),
        (&[1], &[0]),
        (&[7], &[0]),
        (&[1031], &[0]),
        (&[0, 4], &[0]),
        (&[0, 4], &[1]),
        (&[3, 0], &[1]),
        (&[5, 9], &[1]),
        (&[5, 9], &[0]),
        (&[5, 9], &[0, 1]),
        (&[4, 3, 5], &[1]),
        (&[4, 3, 5], &[0, 2]),
        (&[2, 3, 4, 5], &[1, 2]),
        (&[33, 67], &[0]),
        (&[33, 67], &[1]),
    ];
    for op in ReduceOp::ALL {
        for (dims, axes) in cases {
            let v = t.f32(dims);
            t.one(format!("{op:?} of {dims:?} over {axes:?}"), vec![v], |_, x| x[0].reduce(op, axes, true));
        }
        let v = t.f32(&[3, 4]);
        t.one(format!("{op:?} over no axis"), vec![v], |b, x| b.op(Op::Reduce { op, axes: AxisSet::default() }, &[x[0]]));
        let bad = Value::f32([4, 3], &[1., f32::NAN, 2., 1., 5., f32::INFINITY, f32::NEG_INFINITY, 0., 1., f32::MAX, 3., 4.]);
        for axis in [0, 1] {
            t.one(format!("{op:?} special over {axis}"), vec![bad.clone()], |_, x| x[0].reduce(op, &[axis], false));
        }
        // Cancellation, and terms of very different size.
        let v = Value::f32([6], &[1e8, 1.0, -1e8, 1e-8, 3e7, -3e7]);
        t.one(format!("{op:?} of large and small"), vec![v], |_, x| x[0].reduce(op, &[0], true));
    }
    for op in [ArgOp::Max, ArgOp::Min] {
        for (dims, axis) in [(&[1][..], 0), (&[7], 0), (&[5, 9], 0), (&[5, 9], 1), (&[3, 4, 5], 1), (&[0, 3], 1), (&[700], 0)] {
            let v = t.f32(dims);
            t.one(format!("arg {op:?} {dims:?} axis {axis}"), vec![v], |b, x| b.op(Op::ArgReduce { op, axis }, &[x[0]]));
        }
        let ties =
            Value::f32([4, 4], &[1., 3., 3., 1., 0., -0., 0., -0., f32::NAN, 5., f32::NAN, 1., f32::INFINITY, 1., f32::INFINITY, 0.]);
        t.one(format!("arg {op:?} with ties"), vec![ties], |b, x| b.op(Op::ArgReduce { op, axis: 1 }, &[x[0]]));
    }
}

fn spec(values: &[usize], rest: usize) -> [usize; MAX_RANK] {
    let mut s = [rest; MAX_RANK];
    s[..values.len()].copy_from_slice(values);
    s
}

fn movement(t: &mut Table) {
    for (from, to) in [(&[6][..], &[2, 3][..]), (&[2, 3], &[3, 2]), (&[1], &[]), (&[0, 3], &[5, 0]), (&[4, 6], &[2, 2, 3, 2])] {
        let (f, i) = (t.f32(from), t.i32(from));
        t.add(format!("reshape {from:?} to {to:?}"), vec![f, i], |b, x| {
            b.output("f", b.op(Op::Reshape(Shape::new(to)), &[x[0]]));
            b.output("i", b.op(Op::Reshape(Shape::new(to)), &[x[1]]));
        });
    }
    for (dims, axes) in [
        (&[][..], &[][..]),
        (&[5], &[0]),
        (&[4, 7], &[1, 0]),
        (&[0, 7], &[1, 0]),
        (&[2, 3, 4], &[2, 0, 1]),
        (&[2, 3, 4], &[0, 2, 1]),
        (&[1, 3, 1, 4], &[3, 2, 0, 1]),
        (&[2, 3, 2, 2, 3, 2], &[5, 0, 4, 1, 3, 2]),
        (&[65, 43], &[1, 0]),
    ] {
        let v = t.f32(dims);
        t.one(format!("transpose {dims:?} by {axes:?}"), vec![v], |_, x| x[0].transpose(axes));
    }
    for (from, to) in [
        (&[1][..], &[7][..]),
        (&[1, 5], &[4, 5]),
        (&[4, 1], &[4, 5]),
        (&[1, 1], &[3, 2]),
        (&[2, 1, 3], &[2, 4, 3]),
        (&[1, 3], &[0, 3]),
        (&[3, 1, 1], &[3, 5, 257]),
    ] {
        let (f, p) = (t.f32(from), t.bool(from));
        t.add(format!("broadcast {from:?} to {to:?}"), vec![f, p], |b, x| {
            b.output("f", x[0].broadcast_to(to));
            b.output("p", x[1].broadcast_to(to));
        });
    }
    for (dims, start, stop, stride) in [
        (&[7][..], &[2][..], &[6][..], &[1][..]),
        (&[7], &[0], &[7], &[3]),
        (&[7], &[3], &[3], &[1]),
        (&[4, 9], &[1, 0], &[3, 9], &[1, 1]),
        (&[4, 9], &[0, 2], &[4, 8], &[1, 1]),
        (&[4, 9], &[0, 1], &[4, 9], &[2, 4]),
        (&[3, 4, 5], &[1, 1, 0], &[3, 4, 5], &[1, 2, 2]),
    ] {
        let (f, i) = (t.f32(dims), t.i32(dims));
        let op = Op::Slice(SliceSpec { start: spec(start, 0), stop: spec(stop, 0), stride: spec(stride, 1) });
        t.add(format!("slice {dims:?} {start:?}..{stop:?} by {stride:?}"), vec![f, i], |b, x| {
            b.output("f", b.op(op, &[x[0]]));
            b.output("i", b.op(op, &[x[1]]));
        });
    }
    for (dims, before, after, between) in [
        (&[3][..], &[2][..], &[1][..], &[0][..]),
        (&[3], &[0], &[0], &[2]),
        (&[0], &[2], &[1], &[3]),
        (&[2, 3], &[1, 0], &[0, 2], &[1, 1]),
        (&[2, 1, 4], &[0, 3, 1], &[1, 0, 0], &[2, 5, 0]),
    ] {
        let (f, i) = (t.f32(dims), t.i32(dims));
        let op = Op::Pad(PadSpec { before: spec(before, 0), after: spec(after, 0), between: spec(between, 0) });
        t.add(format!("pad {dims:?} by {before:?}, {after:?}, {between:?}"), vec![f, i], |b, x| {
            b.output("f", b.op(op, &[x[0]]));
            b.output("i", b.op(op, &[x[1]]));
        });
    }
    for (axis, shapes) in [
        (0, &[&[3][..]][..]),
        (0, &[&[3], &[0], &[2]]),
        (0, &[&[2, 3], &[1, 3]]),
        (1, &[&[2, 3], &[2, 1], &[2, 4]]),
        (1, &[&[3, 2, 2], &[3, 5, 2]]),
        (-1, &[&[2, 1, 3], &[2, 1, 0], &[2, 1, 300]]),
    ] {
        let f: Vec<Value> = shapes.iter().map(|s| t.f32(s)).collect();
        t.one(format!("concat {shapes:?} axis {axis}"), f, |b, x| concat(b, x, axis));
        let i: Vec<Value> = shapes.iter().map(|s| t.i32(s)).collect();
        t.one(format!("concat integers {shapes:?} axis {axis}"), i, |b, x| concat(b, x, axis));
    }
    for (dims, axes) in [(&[7][..], &[0][..]), (&[1], &[0]), (&[0, 2], &[0]), (&[3, 5], &[0]), (&[3, 5], &[1]), (&[2, 3, 4], &[0, 2])] {
        let (f, p) = (t.f32(dims), t.bool(dims));
        t.add(format!("reverse {dims:?} along {axes:?}"), vec![f, p], |b, x| {
            b.output("f", x[0].reverse(axes));
            b.output("p", x[1].reverse(axes));
        });
    }
}

fn dots(t: &mut Table) {
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        for (m, k, n) in [
            (1, 1, 1),
            (1, 7, 1),
            (5, 1, 3),
            (1, 9, 33),
            (17, 5, 1),
            (3, 0, 2),
            (0, 3, 2),
            (4, 4, 4),
            (7, 13, 5),
            (33, 17, 29),
            (65, 130, 47),
        ] {
            let a = t.f32(&if ta { [k, m] } else { [m, k] });
            let b = t.f32(&if tb { [n, k] } else { [k, n] });
            t.one(format!("dot {m}x{k}x{n} ta {ta} tb {tb}"), vec![a, b], |_, x| x[0].dot(x[1], ta, tb));
        }
        let a = t.f32(if ta { &[2, 3, 5, 4] } else { &[2, 3, 4, 5] });
        let b = t.f32(if tb { &[2, 3, 6, 5] } else { &[2, 3, 5, 6] });
        t.one(format!("dot batched ta {ta} tb {tb}"), vec![a, b], |_, x| x[0].dot(x[1], ta, tb));
    }
    let a = Value::f32([2, 2], &[f32::INFINITY, 1.0, f32::NAN, 0.0]);
    let b = Value::f32([2, 2], &[1.0, -1.0, 2.0, 0.0]);
    t.one("dot special", vec![a, b], |_, x| x[0].matmul(x[1]));
    let (a, b) = (t.f32(&[0, 3, 4]), t.f32(&[0, 4, 5]));
    t.one("dot of an empty stack", vec![a, b], |_, x| x[0].matmul(x[1]));
}

/// Patterns that compilers fuse or that tempt them into mistakes.
fn patterns(t: &mut Table) {
    for dims in [&[4, 10][..], &[3, 129], &[1, 1], &[2, 3, 5]] {
        let v = t.f32(dims);
        t.one(format!("softmax {dims:?}"), vec![v.clone()], |_, x| x[0].softmax(-1));
        t.one(format!("log_softmax {dims:?}"), vec![v.clone()], |_, x| x[0].log_softmax(-1));
        t.one(format!("softmax first axis {dims:?}"), vec![v.clone()], |_, x| x[0].softmax(0));
        t.add(format!("normalise {dims:?}"), vec![v], |b, x| {
            let (mean, variance) = (x[0].mean(&[-1], true), x[0].variance(&[-1], true));
            b.output("y", (x[0] - mean) * (variance + 1e-3).rsqrt());
            b.output("columns", (x[0] - x[0].mean(&[0], true)).square().mean(&[0], false));
        });
    }
    let large = Value::f32([2, 4], &[1000.0, 1001.0, 999.0, -1000.0, -1e30, 0.0, 1e30, 5.0]);
    t.one("softmax of huge logits", vec![large], |_, x| x[0].softmax(1));
    let inputs = vec![t.f32(&[5, 8]), t.f32(&[8, 6]), t.f32(&[6])];
    t.add("dense relu, product used twice", inputs, |b, x| {
        let z = x[0].matmul(x[1]) + x[2];
        b.output("y", z.relu());
        b.output("z", z);
    });
    let v = t.f32(&[6, 7]);
    t.add("one producer, row and column reductions", vec![v], |b, x| {
        let e = x[0].tanh();
        b.output("rows", e.sum(&[1], false));
        b.output("columns", e.sum(&[0], false));
        b.output("all", e.max(&[], false));
        b.output("y", e - e.mean(&[0], true));
    });
    let labels = Value::i32([4], &[0, 2, -1, 3]);
    t.one("one hot with labels out of range", vec![labels], |_, x| x[0].one_hot(3));
    let inputs = vec![t.f32(&[4, 9]), Value::i32([2], &[3, 4]), Value::i32(Shape::SCALAR, &[5])];
    t.add("dropout and its gradient", inputs, |b, x| {
        let mask = adaline_graph::dropout_mask(b, 0.4, 99, x[0].shape(), x[1], x[2]);
        let loss = (x[0].square() * mask).sum(&[], false);
        b.output("loss", loss);
        let dx = b.with_graph(|g| gradients(g, loss.id(), &[x[0].id()]));
        b.output("dx", b.var(dx.unwrap_or_else(|e| panic!("{e}"))[0]));
    });
    for (m, k, n, half) in [(7, 5, 9, UnaryOp::Bf16), (33, 70, 40, UnaryOp::Bf16), (7, 5, 9, UnaryOp::F16), (33, 70, 40, UnaryOp::F16)] {
        let inputs = vec![t.f32(&[m, k]), t.f32(&[k, n]), t.f32(&[n])];
        t.add(format!("dense in {} {m}x{k}x{n} and its gradients", half.name()), inputs, |b, x| {
            let rounded = |x| b.op(Op::Unary(half), &[x]);
            let z = rounded(rounded(rounded(x[0]).matmul(rounded(x[1]))) + rounded(x[2]));
            let y = rounded(z.relu());
            b.output("y", y);
            let loss = y.square().mean(&[], false);
            let wrt = [x[0].id(), x[1].id(), x[2].id()];
            let grads = b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap_or_else(|e| panic!("{e}"));
            for (name, g) in ["dx", "dw", "db"].into_iter().zip(grads) {
                b.output(name, b.var(g));
            }
        });
    }
    t.samples.push(training_step(&mut t.rng.clone(), 7, 5, 9, 3));
    t.samples.push(training_step(&mut t.rng.clone(), 32, 20, 64, 10));
}

/// A two-layer classifier's training step with Adam: gradients, moments and weights updated in place.
pub fn training_step(rng: &mut Rng, batch: usize, features: usize, hidden: usize, classes: usize) -> Sample {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([batch, features]));
    let labels = b.input("labels", TensorType::i32([batch]));
    let shapes: [(&str, Shape); 4] = [
        ("hidden/kernel", Shape::from([features, hidden])),
        ("hidden/bias", Shape::from([hidden])),
        ("out/kernel", Shape::from([hidden, classes])),
        ("out/bias", Shape::from([classes])),
    ];
    let mut state = Vec::new();
    let mut slot = |rng: &mut Rng, name: &str, shape: Shape, scale: f64| {
        let id = SlotId(state.len() as u32);
        let ty = TensorType::f32(shape);
        let mut v = rng.value(ty);
        v.data.iter_mut().for_each(|v| *v = f64::from((*v * scale) as f32));
        state.push((id, v));
        (id, b.state(id, name, ty))
    };
    let weights: Vec<(SlotId, Var<'_>)> = shapes.iter().map(|(n, s)| slot(rng, n, *s, 0.3)).collect();
    let hidden_layer = b.scope("hidden", || (x.matmul(weights[0].1) + weights[1].1).relu());
    let logits = b.scope("out", || hidden_layer.matmul(weights[2].1) + weights[3].1);
    let loss = b.scope("loss", || -(labels.one_hot(classes) * logits.log_softmax(-1)).sum(&[-1], false).mean(&[], false));
    b.output("loss", loss);
    let correct = logits.argmax(-1).equal(labels).cast(DType::F32).mean(&[], false);
    b.output("accuracy", correct);
    let wrt: Vec<_> = weights.iter().map(|w| w.1.id()).collect();
    let grads = b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap_or_else(|e| panic!("{e}"));
    for ((id, w), g) in weights.iter().zip(grads) {
        let g = b.var(g);
        let (mi, m) = slot(rng, "m", w.shape(), 0.01);
        let (vi, v) = slot(rng, "v", w.shape(), 0.0);
        let (m, v) = (m * 0.9 + g * 0.1, v * 0.999 + g.square() * 0.001);
        b.update(mi, m);
        b.update(vi, v);
        b.update(*id, *w - m * 0.01 / (v.sqrt() + 1e-3));
    }
    let labels: Vec<i32> = (0..batch).map(|_| rng.below(classes) as i32).collect();
    let inputs = vec![rng.value(TensorType::f32([batch, features])), Value::i32([batch], &labels)];
    let graph = b.finish().unwrap_or_else(|e| panic!("{e}"));
    Sample { name: format!("training step {batch}x{features}x{hidden}x{classes}"), graph, inputs, state }
}
