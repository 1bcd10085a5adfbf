//! Typed random graphs, with loss, gradients and updates of state, and a shrinker for those that fail.

use crate::Rng;
use crate::samples::Sample;
use adaline_graph::eval::Value;
use adaline_graph::grad::gradients;
use adaline_graph::pass::dce;
use adaline_graph::{
    ArgOp, BinaryOp, Builder, ConvSpec, DType, Graph, GraphError, Literal, NodeId, Op, Outputs, ReduceOp, Shape, SlotId, TensorType,
    UnaryOp, Var, WindowSpec, concat,
};

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Only functions with continuous second derivatives, for checks by differences.
    pub smooth: bool,
    /// Append gradients by all slots and an update of each, `w - 0.1 dw`.
    pub train: bool,
}

/// A random graph of 5 to 60 operations (before gradients) on tensors whose dimensions are 1 to 9: a function of the seed.
pub fn random_graph(seed: u64, options: Options) -> Sample {
    let b = Builder::new();
    let mut g = Generator { rng: Rng::new(seed), b: &b, smooth: options.smooth, pool: Vec::new(), slots: Vec::new() };
    let mut inputs = Vec::new();
    for i in 0..=g.rng.below(3) {
        let ty = TensorType::f32(g.shape());
        inputs.push(g.rng.value(ty));
        g.pool.push(b.input(&format!("x{i}"), ty));
    }
    for _ in 0..=g.rng.below(2) {
        let shape = g.shape();
        let w = g.slot(shape);
        g.pool.push(w);
    }
    let labels = b.input("labels", TensorType::i32([5]));
    inputs.push(g.rng.value(labels.ty()));
    let (seed_input, step) = (b.input("seed", TensorType::i32([2])), b.input("step", TensorType::i32(Shape::SCALAR)));
    inputs.push(Value::i32([2], &[seed as i32, 7]));
    inputs.push(Value::i32(Shape::SCALAR, &[3]));
    for i in 0..5 + g.rng.below(56) {
        b.scope(&format!("op{i}"), || g.step(labels, (seed_input, step)));
    }
    let loss = g.loss();
    b.output("loss", loss);
    for i in 0..g.rng.below(3) {
        let v = g.any();
        b.output(&format!("extra{i}"), v);
    }
    if options.train {
        let wrt: Vec<NodeId> = g.slots.iter().map(|(_, w, _)| w.id()).collect();
        let grads = b.with_graph(|graph| gradients(graph, loss.id(), &wrt)).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        for ((slot, w, _), dw) in g.slots.iter().zip(grads) {
            b.update(*slot, *w - b.var(dw) * 0.1);
        }
    }
    let state = g.slots.into_iter().map(|(s, _, v)| (s, v)).collect();
    let graph = b.finish().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    Sample { name: format!("random {seed}"), graph, inputs, state }
}

struct Generator<'g> {
    rng: Rng,
    b: &'g Builder,
    smooth: bool,
    pool: Vec<Var<'g>>,
    slots: Vec<(SlotId, Var<'g>, Value)>,
}

/// Tensors larger than this are reduced before they are used further.
const LARGE: usize = 4096;

impl<'g> Generator<'g> {
    fn shape(&mut self) -> Shape {
        let rank = *self.rng.pick(&[0, 1, 1, 2, 2, 2, 2, 3, 3, 4]);
        let dims: Vec<usize> = (0..rank).map(|_| if self.rng.one_in(5) { 1 } else { 1 + self.rng.below(9) }).collect();
        Shape::new(&dims)
    }
    fn slot(&mut self, shape: Shape) -> Var<'g> {
        let id = SlotId(self.slots.len() as u32);
        let value = self.rng.value(TensorType::f32(shape));
        let w = self.b.state(id, &format!("w{}", id.0), value.ty);
        self.slots.push((id, w, value));
        w
    }
    /// A tensor of the pool, rather a late one, so that chains grow.
    fn any(&mut self) -> Var<'g> {
        let n = self.pool.len();
        let recent = n - 1 - self.rng.below(n.min(4));
        let at = if self.rng.one_in(3) { self.rng.below(n) } else { recent };
        self.pool[at]
    }
    /// A tensor that broadcasts against the given one.
    fn partner(&mut self, x: Var<'g>) -> Var<'g> {
        for _ in 0..8 {
            let y = self.any();
            if Shape::broadcast(&x.shape(), &y.shape()).is_some_and(|s| s.len() <= LARGE) {
                return y;
            }
        }
        // A reduction of itself: what normalisations do.
        let r = x.rank();
        if r == 0 { x.tanh() } else { x.mean(&[self.rng.below(r) as isize], true) }
    }
    fn axis(&mut self, x: Var<'g>) -> isize {
        self.rng.below(x.rank()) as isize
    }

    /// Adds one random operation to the pool.
    fn step(&mut self, labels: Var<'g>, random: (Var<'g>, Var<'g>)) {
        let x = self.any();
        let y = match self.rng.below(if self.smooth { 16 } else { 23 }) {
            0 | 1 => self.unary(x),
            2..=4 => self.binary(x),
            5 => self.reduction(x),
            6 => {
                // A diamond: two paths from one value.
                let (p, q) = (self.unary(x), self.unary(x));
                p * q
            }
            7 if x.rank() > 0 => {
                let axis = self.axis(x);
                if self.rng.one_in(2) { x.softmax(axis) } else { (x - x.mean(&[axis], true)) * (x.variance(&[axis], true) + 0.1).rsqrt() }
            }
            8 => self.transpose(x),
            9 => self.reshape(x),
            10 => self.movement(x),
            11 | 12 => self.dot(x),
            13 => self.broadcast(x),
            14 => self.conv(x),
            15 => self.pool(x),
            16 => {
                let p = self.partner(x);
                self.kinked(x, p)
            }
            17 => {
                let p = self.partner(x);
                let condition = if self.rng.one_in(2) { x.lt(p) } else { x.le(p).logical_not() };
                condition.select(x, p)
            }
            18 if x.rank() > 0 => {
                let axis = self.axis(x) as u8;
                let op = *self.rng.pick(&[ArgOp::Max, ArgOp::Min]);
                self.b.op(Op::ArgReduce { op, axis }, &[x]).cast(DType::F32) * 0.25
            }
            19 => labels.one_hot(1 + self.rng.below(9)),
            20 => x * adaline_graph::dropout_mask(self.b, 0.3, self.rng.bits(), x.shape(), random.0, random.1),
            21 => x.stop_gradient() * 0.5,
            22 if x.rank() == 2 => x.take(labels),
            _ => x.tanh(),
        };
        // Keep numbers and sizes moderate.
        let y = if self.rng.one_in(3) { y.tanh() } else { y };
        self.pool.push(if y.shape().len() > LARGE { y.mean(&[0], false) } else { y });
    }

    fn unary(&mut self, x: Var<'g>) -> Var<'g> {
        let smooth: [fn(Var<'_>) -> Var<'_>; 12] = [
            |x| x.tanh(),
            |x| x.sigmoid(),
            |x| x.softplus(),
            |x| x.erf(),
            |x| x.tanh().exp(),
            |x| x.tanh().expm1(),
            |x| (x.softplus() + 0.5).log(),
            |x| (x * x).log1p(),
            |x| (x * x + 0.5).sqrt(),
            |x| (x * x + 0.5).rsqrt(),
            |x| -x,
            |x| (x.sigmoid() + 0.5).pow(x.tanh()),
        ];
        let kinked: [fn(Var<'_>) -> Var<'_>; 5] =
            [|x| x.abs(), |x| x.sign(), |x| x.floor() * 0.5, |x| x.relu(), |x| x.gt_scalar(0.25).logical_not().cast(DType::F32)];
        let n = smooth.len() + if self.smooth { 0 } else { kinked.len() };
        let at = self.rng.below(n);
        smooth.get(at).or_else(|| kinked.get(at - smooth.len())).map_or(x, |f| self.apply(*f, x))
    }
    /// Functions are written for any lifetime; handles have the builder's.
    fn apply(&self, f: fn(Var<'_>) -> Var<'_>, x: Var<'g>) -> Var<'g> {
        self.b.var(f(x).id())
    }
    fn binary(&mut self, x: Var<'g>) -> Var<'g> {
        let p = self.partner(x);
        match self.rng.below(5) {
            0 => x + p,
            1 => x - p,
            2 => x * p.tanh(),
            3 => x / (p.softplus() + 0.5),
            _ => p * *self.rng.pick(&[0.5, 2.0, -1.0, 1.0, 0.25]) + x,
        }
    }
    fn kinked(&mut self, x: Var<'g>, p: Var<'g>) -> Var<'g> {
        match self.rng.below(4) {
            0 => x.maximum(p),
            1 => x.minimum(p),
            2 => x.clip(-0.5, 0.75),
            _ => x.binary(*self.rng.pick(&[BinaryOp::Lt, BinaryOp::Le, BinaryOp::Ne]), p).cast(DType::F32),
        }
    }
    fn reduction(&mut self, x: Var<'g>) -> Var<'g> {
        if x.rank() == 0 {
            return x.unary(UnaryOp::Tanh);
        }
        let mut axes = vec![self.axis(x)];
        if self.rng.one_in(3) {
            axes.push(self.axis(x));
        }
        let keep = self.rng.one_in(2);
        match self.rng.below(if self.smooth { 3 } else { 5 }) {
            0 => x.sum(&axes, keep) * 0.25,
            1 => x.mean(&axes, keep),
            2 => x.tanh().reduce(ReduceOp::Prod, &axes[..1], keep),
            3 => x.max(&axes, keep),
            _ => x.min(&axes, keep),
        }
    }
    fn transpose(&mut self, x: Var<'g>) -> Var<'g> {
        let mut axes: Vec<usize> = (0..x.rank()).collect();
        for i in (1..axes.len()).rev() {
            axes.swap(i, self.rng.below(i + 1));
        }
        x.transpose(&axes)
    }
    fn reshape(&mut self, x: Var<'g>) -> Var<'g> {
        let mut dims = x.shape().dims().to_vec();
        match self.rng.below(3) {
            0 => dims = vec![x.shape().len()],
            1 if dims.len() >= 2 => {
                let at = self.rng.below(dims.len() - 1);
                let d = dims.remove(at);
                dims[at] *= d;
            }
            _ if dims.len() < 5 => dims.insert(self.rng.below(dims.len() + 1), 1),
            _ => {}
        }
        x.reshape(Shape::new(&dims))
    }
    fn movement(&mut self, x: Var<'g>) -> Var<'g> {
        if x.rank() == 0 {
            return x.expand_dims(0);
        }
        let at = self.axis(x);
        let full: Vec<(usize, usize, usize)> = x.shape().dims().iter().map(|&d| (0, d, 1)).collect();
        let d = full[at as usize].1;
        match self.rng.below(4) {
            0 => {
                let mut ranges = full;
                let start = self.rng.below(d);
                ranges[at as usize] = (start, start + 1 + self.rng.below(d - start), 1 + self.rng.below(3));
                x.slice(&ranges)
            }
            1 => {
                let mut pads = vec![(0, 0); x.rank()];
                pads[at as usize] = (self.rng.below(3), self.rng.below(3));
                x.pad(&pads)
            }
            2 => x.reverse(&[at]),
            _ => concat(self.b, &[x, x.tanh()], at),
        }
    }
    fn dot(&mut self, x: Var<'g>) -> Var<'g> {
        let x = match x.rank() {
            0 => x.reshape([1, 1]),
            1 => x.expand_dims(self.rng.below(2) as isize),
            _ => x,
        };
        if x.shape().len() > 1024 {
            return x.mean(&[0], false);
        }
        let (ta, tb) = (self.rng.one_in(2), self.rng.one_in(2));
        let k = x.dim(if ta { -2 } else { -1 });
        let scale = 1.0 / (k as f32).sqrt();
        if self.rng.one_in(4) {
            // With itself: both gradients go to one node.
            return x.dot(x, ta, !ta) * scale;
        }
        let n = 1 + self.rng.below(9);
        let mut dims = x.shape().dims().to_vec();
        let r = dims.len();
        (dims[r - 2], dims[r - 1]) = if tb { (n, k) } else { (k, n) };
        let shared = self.pool.iter().copied().find(|p| p.shape().dims() == dims);
        let w = match shared {
            Some(p) => p,
            None if self.slots.len() < 6 => self.slot(Shape::new(&dims)),
            None => self.b.iota(Shape::new(&dims), r - 1).cast(DType::F32) * 0.2 - 0.5,
        };
        let product = x.dot(w, ta, tb) * scale;
        if self.rng.one_in(2) { self.unary(product) } else { product }
    }
    /// As an image with one to three spatial axes.
    fn image(&mut self, x: Var<'g>) -> Var<'g> {
        let mut x = x;
        while x.rank() < 3 {
            let at = self.rng.below(x.rank() + 1);
            x = x.expand_dims(at as isize);
        }
        x
    }
    fn conv(&mut self, x: Var<'g>) -> Var<'g> {
        let x = self.image(x);
        if x.shape().len() > 512 || x.rank() > 5 {
            return x.mean(&[0], false);
        }
        let (sizes, channels) = (x.shape().dims()[1..x.rank() - 1].to_vec(), x.dim(-1));
        let kernel: Vec<usize> = sizes.iter().map(|&n| 1 + self.rng.below(n.min(3))).collect();
        let steps: Vec<usize> = sizes.iter().map(|_| 1 + self.rng.below(2)).collect();
        let ones = vec![1; sizes.len()];
        let depthwise = self.rng.one_in(3);
        let filters = if depthwise { channels } else { 1 + self.rng.below(5) };
        let mut dims = kernel.clone();
        dims.extend([if depthwise { 1 } else { channels }, filters]);
        let shape = Shape::new(&dims);
        let w = if self.slots.len() < 6 { self.slot(shape) } else { self.b.iota(shape, 0).cast(DType::F32) * 0.3 - 0.2 };
        let spec = match self.rng.below(3) {
            0 => ConvSpec::valid(&steps, &ones),
            1 => ConvSpec::same(&sizes, &kernel, &steps, &ones),
            _ => ConvSpec::same(&sizes, &kernel, &ones, &steps),
        };
        let y = x.conv(w, if depthwise { spec.with_groups(channels) } else { spec });
        if self.rng.one_in(3) {
            return y.conv_transpose(w, if depthwise { spec.with_groups(channels) } else { spec }, &sizes) * 0.3;
        }
        y * 0.5
    }
    fn pool(&mut self, x: Var<'g>) -> Var<'g> {
        let x = self.image(x);
        if x.rank() > 5 {
            return x.mean(&[0], false);
        }
        let sizes = x.shape().dims()[1..x.rank() - 1].to_vec();
        let size: Vec<usize> = sizes.iter().map(|&n| 1 + self.rng.below(n.min(3))).collect();
        let steps: Vec<usize> = sizes.iter().map(|_| 1 + self.rng.below(2)).collect();
        let spec = if self.rng.one_in(2) { WindowSpec::valid(&size, &steps) } else { WindowSpec::same(&sizes, &size, &steps) };
        match self.rng.below(if self.smooth { 2 } else { 3 }) {
            0 => x.average_pool(spec),
            1 => x.sum_pool(spec) * 0.25,
            _ => x.max_pool(spec),
        }
    }
    fn broadcast(&mut self, x: Var<'g>) -> Var<'g> {
        let mut dims = x.shape().dims().to_vec();
        if dims.len() < 4 && self.rng.one_in(2) {
            dims.insert(0, 1 + self.rng.below(5));
        }
        for d in &mut dims {
            *d = if *d == 1 { 1 + self.rng.below(5) } else { *d };
        }
        let shape = Shape::new(&dims);
        if shape.len() > LARGE { x.tanh() } else { x.broadcast_to(shape) }
    }
    /// A scalar of the latest values.
    fn loss(&mut self) -> Var<'g> {
        let mut total = self.b.scalar(0.0);
        for _ in 0..3 {
            let v = self.any();
            total = total + (v.tanh() * v).mean(&[], false);
        }
        // Every slot counts, so that every gradient is more than zeros.
        for (_, w, _) in &self.slots {
            total = total + w.square().mean(&[], false) * 0.5;
        }
        total
    }
}

/// The smallest graph found that still fails: drops outputs and updates, moves outputs toward the inputs, and replaces nodes by their inputs or by constants, as long as
/// `fails` says so. What remains is fit for a file: its `Display` reads back with [`adaline_graph::text::parse`].
pub fn shrink(sample: &Sample, fails: &dyn Fn(&Sample) -> bool) -> Sample {
    let mut best = sample.clone();
    let attempt = |best: &mut Sample, graph: Result<Graph, GraphError>| {
        let Ok(graph) = graph.and_then(|g| dce(&g)) else { return false };
        let next = Sample { graph, ..best.clone() };
        let smaller = size(&next.graph) < size(&best.graph) && fails(&next);
        if smaller {
            *best = next;
        }
        smaller
    };
    loop {
        let before = size(&best.graph);
        for i in (0..best.graph.outputs().values.len()).rev() {
            let mut g = best.graph.clone();
            let mut outputs = g.outputs().clone();
            outputs.values.remove(i);
            g.set_outputs(outputs);
            attempt(&mut best, Ok(g));
        }
        for i in (0..best.graph.outputs().updates.len()).rev() {
            let mut g = best.graph.clone();
            let Outputs { mut values, mut updates } = g.outputs().clone();
            let (slot, node) = updates.remove(i);
            g.set_outputs(Outputs { values: values.clone(), updates: updates.clone() });
            if !attempt(&mut best, Ok(g.clone())) {
                // As an output it may shrink to another type.
                values.push((format!("slot{}", slot.0), node));
                g.set_outputs(Outputs { values, updates });
                attempt(&mut best, Ok(g));
            }
        }
        for i in 0..best.graph.outputs().values.len() {
            let outputs = best.graph.outputs().clone();
            for &input in &best.graph.node(outputs.values[i].1).inputs.clone() {
                let mut g = best.graph.clone();
                let mut outputs = outputs.clone();
                outputs.values[i].1 = input;
                g.set_outputs(outputs);
                if attempt(&mut best, Ok(g)) {
                    break;
                }
            }
        }
        let mut at = best.graph.nodes().len();
        while at > 0 {
            at = (at - 1).min(best.graph.nodes().len().saturating_sub(1));
            let id = NodeId(at as u32);
            let Some(node) = best.graph.nodes().get(at).cloned() else { break };
            let same: Vec<NodeId> = node.inputs.iter().copied().filter(|&i| best.graph.ty(i) == node.ty).collect();
            let candidates = same.into_iter().map(Some).chain((!matches!(node.op, Op::Const { .. })).then_some(None));
            for by in candidates {
                let graph = replace(&best.graph, id, by);
                if attempt(&mut best, graph) {
                    break; // numbers have shifted
                }
            }
        }
        if size(&best.graph) == before {
            return best;
        }
    }
}

/// Constants count less than operations, so that replacing one by the other is progress.
fn size(g: &Graph) -> usize {
    let leaves = g.nodes().iter().filter(|n| matches!(n.op, Op::Const { .. })).count();
    2 * g.nodes().len() - leaves + g.outputs().values.len() + 2 * g.outputs().updates.len()
}

fn replace(g: &Graph, id: NodeId, by: Option<NodeId>) -> Result<Graph, GraphError> {
    let mut map = Vec::with_capacity(g.nodes().len());
    g.rebuild(|new, old, node, inputs| {
        let made = match by {
            Some(other) if old == id => map[other.index()],
            None if old == id => {
                let value = match node.ty.dtype {
                    DType::F32 => Literal::f32(0.5),
                    DType::I32 => Literal::I32(1),
                    DType::Bool => Literal::Bool(true),
                };
                new.add(Op::Const { value, shape: node.ty.shape }, &[])?
            }
            _ => new.add(node.op, inputs)?,
        };
        map.push(made);
        Ok(made)
    })
}
