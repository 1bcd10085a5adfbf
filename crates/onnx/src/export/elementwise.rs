//! Operations on elements. Operands that repeat their elements do so in ONNX by themselves.

use super::held::Held;
use super::sizes::Size;
use super::translate::{Walk, literal};
use super::writer::{Writer, element, int};
use crate::proto::{self, data_type};
use adaline_graph::{BinaryOp, DType, Literal, NodeId, Op, ReduceOp, UnaryOp};

impl Walk<'_> {
    pub(super) fn unary(&self, w: &mut Writer<'_>, id: NodeId, op: UnaryOp) -> Held {
        let held = self.value(self.takes(id)[0]).clone();
        let x = held.name.as_str();
        let rounded = |w: &mut Writer<'_>, to: i32| {
            let half = w.node("Cast", &[x], vec![int("to", i64::from(to))]);
            w.node("Cast", &[&half], vec![int("to", i64::from(element(DType::F32)))])
        };
        let name = match op {
            UnaryOp::Neg => w.node("Neg", &[x], vec![]),
            UnaryOp::Abs => w.node("Abs", &[x], vec![]),
            UnaryOp::Sign => w.node("Sign", &[x], vec![]),
            UnaryOp::Exp => w.node("Exp", &[x], vec![]),
            UnaryOp::Expm1 => expm1(w, x),
            UnaryOp::Log => w.node("Log", &[x], vec![]),
            UnaryOp::Log1p => log1p(w, x),
            UnaryOp::Sqrt => w.node("Sqrt", &[x], vec![]),
            UnaryOp::Rsqrt => {
                let root = w.node("Sqrt", &[x], vec![]);
                w.node("Reciprocal", &[&root], vec![])
            }
            UnaryOp::Tanh => w.node("Tanh", &[x], vec![]),
            UnaryOp::Sigmoid => w.node("Sigmoid", &[x], vec![]),
            UnaryOp::Softplus => w.node("Softplus", &[x], vec![]),
            UnaryOp::Erf => w.node("Erf", &[x], vec![]),
            UnaryOp::Floor => w.node("Floor", &[x], vec![]),
            UnaryOp::Bf16 => rounded(w, data_type::BFLOAT16),
            UnaryOp::F16 => rounded(w, data_type::FLOAT16),
            // Subnormal numbers make a difference to speed alone.
            UnaryOp::Flush => return held,
            UnaryOp::Not => w.node("Not", &[x], vec![]),
        };
        Held { name, ..held }
    }

    pub(super) fn binary(&self, w: &mut Writer<'_>, id: NodeId, op: BinaryOp) -> Held {
        let (a, b) = (self.takes(id)[0], self.takes(id)[1]);
        // A mean, divided already.
        if self.means.contains(&id) {
            return self.value(a).clone();
        }
        let joined = match op {
            BinaryOp::Div => self.softmax(w, a, b),
            BinaryOp::Add => self.with_bias(w, a, b).or_else(|| self.with_bias(w, b, a)),
            BinaryOp::Max => self.relu(w, a, b).or_else(|| self.relu(w, b, a)),
            _ => None,
        };
        if let Some(held) = joined {
            return held;
        }
        let operands = aligned(w, &[self.value(a).clone(), self.value(b).clone()], self.dims(id).len());
        let names = [operands[0].name.as_str(), operands[1].name.as_str()];
        let name = match op {
            BinaryOp::Add => w.node("Add", &names, vec![]),
            BinaryOp::Sub => w.node("Sub", &names, vec![]),
            BinaryOp::Mul => w.node("Mul", &names, vec![]),
            BinaryOp::Div => w.node("Div", &names, vec![]),
            BinaryOp::Max => w.node("Max", &names, vec![]),
            BinaryOp::Min => w.node("Min", &names, vec![]),
            BinaryOp::Pow => w.node("Pow", &names, vec![]),
            BinaryOp::Lt => w.node("Less", &names, vec![]),
            BinaryOp::Le => w.node("LessOrEqual", &names, vec![]),
            BinaryOp::Eq => w.node("Equal", &names, vec![]),
            BinaryOp::Ne => {
                let equal = w.node("Equal", &names, vec![]);
                w.node("Not", &[&equal], vec![])
            }
            BinaryOp::And => w.node("And", &names, vec![]),
            BinaryOp::Or => w.node("Or", &names, vec![]),
        };
        common(name, &operands)
    }

    pub(super) fn select(&self, w: &mut Writer<'_>, id: NodeId) -> Held {
        let operands: Vec<Held> = self.takes(id).iter().map(|&x| self.value(x).clone()).collect();
        let operands = aligned(w, &operands, self.dims(id).len());
        let names: Vec<&str> = operands.iter().map(|o| o.name.as_str()).collect();
        let name = if self.graphs.first().ty(id).dtype == DType::Bool {
            // Runtimes choose between numbers alone.
            let other = w.node("Not", &names[..1], vec![]);
            let (yes, no) = (w.node("And", &names[..2], vec![]), w.node("And", &[&other, names[2]], vec![]));
            w.node("Or", &[&yes, &no], vec![])
        } else {
            w.node("Where", &names, vec![])
        };
        common(name, &operands)
    }

    /// `e / sum(e)` along an axis, where e is the exponential of `x - max(x)`.
    fn softmax(&self, w: &mut Writer<'_>, exponential: NodeId, sum: NodeId) -> Option<Held> {
        // What repeats or hands on a value does not change it here.
        let behind = |mut id: NodeId| {
            while let Op::Broadcast(_) | Op::StopGradient = self.op(id) {
                id = self.takes(id)[0];
            }
            id
        };
        let (Op::Unary(UnaryOp::Exp), Op::Reduce { op: ReduceOp::Sum, axes }) = (self.op(exponential), self.op(behind(sum))) else {
            return None;
        };
        let shifted = self.takes(exponential)[0];
        let Op::Binary(BinaryOp::Sub) = self.op(shifted) else { return None };
        let (x, largest) = (self.takes(shifted)[0], behind(self.takes(shifted)[1]));
        let fits = self.takes(behind(sum)) == [exponential]
            && self.op(largest) == (Op::Reduce { op: ReduceOp::Max, axes })
            && self.takes(largest) == [x]
            && axes.len() == 1;
        let axis = axes.iter().next().filter(|_| fits)?;
        let (held, dims) = (self.value(x), self.dims(x));
        // Of values that are repeated along the axis, the mean is another one.
        let place = held.axis(axis, dims.len()).filter(|_| held.has(axis, &dims))?;
        let held = held.clone();
        Some(Held { name: w.node("Softmax", &[&held.name], vec![int("axis", place as i64)]), ..held })
    }

    /// `max(x, 0)`.
    fn relu(&self, w: &mut Writer<'_>, x: NodeId, zero: NodeId) -> Option<Held> {
        let constant = self.graphs.0.iter().all(|g| literal(g.node(zero).op) == Some(Literal::f32(0.0)));
        let held = self.value(x).clone();
        constant.then(|| Held { name: w.node("Relu", &[&held.name], vec![]), ..held })
    }

    /// A product or convolution to which the same numbers are added for each row: one node.
    fn with_bias(&self, w: &mut Writer<'_>, product: NodeId, bias: NodeId) -> Option<Held> {
        let held = self.value(product);
        let channels = match self.op(product) {
            Op::Dot { .. } => held.rank() == 2,
            Op::Conv { .. } | Op::ConvInput { .. } => true,
            _ => false,
        };
        let bias = self.value(bias);
        let dims = self.dims(product);
        let alone = channels && self.uses[product.index()] == 1;
        if !alone || bias.rank() != 1 || bias.order.is_some() || bias.dims.last() != dims.last() {
            return None;
        }
        let takes_bias = |n: &proto::Node| n.input.len() == 2 && ["Gemm", "MatMul", "Conv", "ConvTranspose"].contains(&n.op_type.as_str());
        w.node_giving(&held.name).filter(|n| takes_bias(n))?;
        let made = w.take_node(&held.name)?;
        let inputs = [made.input[0].as_str(), made.input[1].as_str(), &bias.name];
        let op = if made.op_type == "MatMul" { "Gemm" } else { &made.op_type };
        Some(Held { name: w.node(op, &inputs, made.attribute), ..held.clone() })
    }
}

/// `e^x - 1`: `tanh(x / 2) (e^x + 1)`, which keeps its digits near 0.
fn expm1(w: &mut Writer<'_>, x: &str) -> String {
    let (half, one) = (w.scalar(0.5), w.scalar(1.0));
    let halved = w.node("Mul", &[x, &half], vec![]);
    let (tanh, exp) = (w.node("Tanh", &[&halved], vec![]), w.node("Exp", &[x], vec![]));
    let sum = w.node("Add", &[&exp, &one], vec![]);
    w.node("Mul", &[&tanh, &sum], vec![])
}

/// `ln(1 + x)`: with `u = 1 + x` as it is rounded, `ln(u) x / (u - 1)`, whose error is that of the logarithm (HP-15C Advanced Functions Handbook);
/// `x` where u is 1, `ln(u)` for large numbers.
fn log1p(w: &mut Writer<'_>, x: &str) -> String {
    let (one, large) = (w.scalar(1.0), w.scalar(1e6));
    let u = w.node("Add", &[x, &one], vec![]);
    let (log, rest) = (w.node("Log", &[&u], vec![]), w.node("Sub", &[&u, &one], vec![]));
    let ratio = w.node("Div", &[x, &rest], vec![]);
    let small = w.node("Less", &[x, &large], vec![]);
    let factor = w.node("Where", &[&small, &ratio, &one], vec![]);
    let (product, tiny) = (w.node("Mul", &[&log, &factor], vec![]), w.node("Equal", &[&u, &one], vec![]));
    w.node("Where", &[&tiny, x, &product], vec![])
}

/// Operands with their axes in one order: that of the first that has all of them in another than the node's.
fn aligned(w: &mut Writer<'_>, operands: &[Held], rank: usize) -> Vec<Held> {
    let Some(order) = operands.iter().find_map(|o| o.order.clone()) else { return operands.to_vec() };
    let align = |o: &Held| {
        if o.is_one() && o.rank() <= 1 {
            return o.clone();
        }
        let all = w.ranked(o, rank);
        w.reordered(&all, &order)
    };
    operands.iter().map(align).collect()
}

/// What an operation on elements gives: of each axis, as many elements as the operand that has most.
fn common(name: String, operands: &[Held]) -> Held {
    let rank = operands.iter().map(Held::rank).max().unwrap_or(0);
    let size = |from_end: usize| {
        let sizes = operands.iter().filter_map(|o| o.rank().checked_sub(from_end).map(|at| &o.dims[at]));
        let mut found: Option<&Size> = None;
        for size in sizes {
            if found.is_none_or(|f| f.is(1)) {
                found = Some(size);
            }
        }
        found.cloned()
    };
    let dims = (1..=rank).rev().filter_map(size).collect();
    let order = operands.iter().find_map(|o| o.order.clone()).filter(|o| o.len() == rank);
    Held { name, order, dims }
}
