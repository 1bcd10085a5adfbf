//! From a region to programs: instruction selection, contraction of multiply and add, allocation of block registers.

use super::named::{SCALARS, STORED, VALUES};
use super::program::{self, BufRef, Code, Dst, Fill, Instr, MemRef, Program, SPLAT, Scalar, Src};
use super::select::select;
use adaline_graph::fuse::{Access, Edge, Fused, Member, Place, Region, View};
use adaline_graph::{BinaryOp, DType, NodeId, Op, ReduceOp, UnaryOp};
use std::collections::BTreeMap;

/// Where everything that a region touches lies.
pub(crate) struct Places<'a> {
    /// Memory of a node that lies in memory before the region runs.
    pub(crate) source: &'a dyn Fn(NodeId) -> BufRef,
    /// Where the value of an output goes, perhaps to several places.
    pub(crate) targets: &'a dyn Fn(NodeId) -> Vec<BufRef>,
    /// Combined accumulators, in the programs that follow.
    pub(crate) sums: &'a BTreeMap<NodeId, BufRef>,
    /// Accumulators that the main program fills: first word.
    pub(crate) accs: &'a BTreeMap<NodeId, usize>,
    /// Whether kernels written by hand may stand for runs of instructions.
    pub(crate) named: bool,
}

/// A value while code is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Val {
    None,
    Ssa(usize),
    Splat(usize),
    Mem(u16),
    Scalar(u16),
    Fill(u16),
    Whole(u16),
    Raw,
}

/// An instruction while code is made.
#[derive(Clone, Debug)]
pub(super) struct Ssa {
    pub(super) code: Code,
    pub(super) src: [Val; 3],
    pub(super) row: bool,
    pub(super) dead: bool,
    /// Where the value must be stored.
    pub(super) targets: Vec<BufRef>,
}

/// A call of a kernel by name while code is made.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) pattern: usize,
    pub(super) values: [Val; VALUES],
    pub(super) scalars: [Val; SCALARS],
    /// The instructions whose results it stores.
    pub(super) stored: [usize; STORED],
}

/// Which part of a region a program covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Elements and rows.
    Main,
    /// After the column sums.
    Cols,
    /// After the total sums.
    Ones,
}

impl Stage {
    pub(crate) fn covers(self, place: Place) -> bool {
        match self {
            Self::Main => matches!(place, Place::Full | Place::Row),
            Self::Cols => place == Place::Col,
            Self::Ones => place == Place::One,
        }
    }
}

struct Maker<'a> {
    fused: &'a Fused,
    region: &'a Region,
    places: &'a Places<'a>,
    one_row: bool,
    ssa: Vec<Ssa>,
    values: BTreeMap<NodeId, Val>,
    expanded: BTreeMap<NodeId, Val>,
    uses: &'a Uses,
    program: Program,
}

/// How often the members of a region are used; those that nothing needs are left out.
pub(crate) struct Uses(Vec<Use>);

/// How often a member is used: in all, and otherwise than repeated along its row.
struct Use {
    node: NodeId,
    count: usize,
    itself: usize,
}

impl Uses {
    /// Counts for a region.
    pub(crate) fn of(fused: &Fused, region: &Region) -> Self {
        // In the order of the members, which is that of the nodes.
        let of = |m: &Member| {
            let out = usize::from(region.outputs.contains(&m.node));
            Use { node: m.node, count: out, itself: out }
        };
        let mut uses = Self(region.members.iter().map(of).collect());
        for at in (0..uses.0.len()).rev() {
            if uses.0[at].count == 0 {
                continue;
            }
            for e in fused.edges(region, uses.0[at].node).unwrap_or_default() {
                if let Edge::Value(n) | Edge::Expand(n) = e
                    && let Ok(at) = uses.at(n)
                {
                    uses.0[at].count += 1;
                    uses.0[at].itself += usize::from(matches!(e, Edge::Value(_)));
                }
            }
        }
        uses
    }
    fn at(&self, node: NodeId) -> Result<usize, usize> {
        self.0.binary_search_by_key(&node, |u| u.node)
    }
    fn count(&self, node: NodeId) -> usize {
        self.at(node).map_or(0, |at| self.0[at].count)
    }
    /// Whether a row's value is needed along the row only.
    fn along_rows(&self, node: NodeId) -> bool {
        self.at(node).is_ok_and(|at| self.0[at].itself == 0)
    }
    /// The members that something needs.
    pub(crate) fn members<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = &'a Member> {
        region.members.iter().zip(&self.0).filter(|(_, u)| u.count > 0).map(|(m, _)| m)
    }
}

/// Makes the program of one stage. `one_row`: blocks have one row at most, so row values act as scalars. The length of the registers is
/// left for the caller to set.
pub(crate) fn program(fused: &Fused, region: &Region, uses: &Uses, places: &Places, stage: Stage, one_row: bool) -> Program {
    let mut m = Maker {
        fused,
        region,
        places,
        one_row,
        ssa: Vec::new(),
        values: BTreeMap::new(),
        expanded: BTreeMap::new(),
        uses,
        program: Program::default(),
    };
    for member in uses.members(region) {
        let is_sum = matches!(member.place, Place::Col | Place::One)
            && matches!(fused.graph.node(member.node).op, Op::Reduce { .. })
            && !fused.is_copy(member.node);
        if is_sum {
            if stage == Stage::Main {
                m.accumulate(member.node, member.place);
                continue;
            }
            if stage.covers(member.place) {
                let buf = places.sums[&member.node];
                let v = if member.place == Place::Col { m.mem(buf, false) } else { m.scalar(Scalar::Mem(buf)) };
                m.values.insert(member.node, v);
                m.store(member.node, v);
            }
            continue;
        }
        if stage.covers(member.place) {
            let v = m.member(member.node, member.place);
            m.values.insert(member.node, v);
            m.store(member.node, v);
        }
    }
    m.allocate()
}

impl Maker<'_> {
    fn mem(&mut self, buf: BufRef, row: bool) -> Val {
        Val::Mem(self.mem_index(buf, row))
    }
    fn mem_index(&mut self, buf: BufRef, row: bool) -> u16 {
        let r = MemRef { buf, row };
        let at = self.program.mems.iter().position(|m| *m == r).unwrap_or_else(|| {
            self.program.mems.push(r);
            self.program.mems.len() - 1
        });
        at as u16
    }
    fn scalar(&mut self, s: Scalar) -> Val {
        let at = self.program.scalars.iter().position(|m| *m == s).unwrap_or_else(|| {
            self.program.scalars.push(s);
            self.program.scalars.len() - 1
        });
        Val::Scalar(at as u16)
    }
    fn push(&mut self, code: Code, src: [Val; 3], row: bool) -> Val {
        self.ssa.push(Ssa { code, src, row, dead: false, targets: Vec::new() });
        Val::Ssa(self.ssa.len() - 1)
    }

    fn load(&mut self, v: &View, row: bool) -> Val {
        let base = (self.places.source)(v.base);
        let buf = BufRef { offset: base.offset + v.offset, ..base };
        match v.access() {
            Access::Scalar => self.scalar(Scalar::Mem(buf)),
            Access::Direct => self.mem(buf, row),
            Access::Strided => {
                let fill = Fill { buf, dims: v.merged().to_vec(), reg: 0, row, hoisted: false };
                let at = self.program.fills.iter().position(|f| *f == fill).unwrap_or_else(|| {
                    self.program.fills.push(fill);
                    self.program.fills.len() - 1
                });
                Val::Fill(at as u16)
            }
        }
    }

    fn operand(&mut self, e: &Edge, row: bool) -> Val {
        match e {
            Edge::Value(n) => self.values[n],
            Edge::Expand(n) => self.expand(*n),
            Edge::Const(c) => self.scalar(Scalar::Word(c.word())),
            Edge::Load(v) => self.load(v, row),
        }
    }

    fn expand(&mut self, n: NodeId) -> Val {
        if let Some(&v) = self.expanded.get(&n) {
            return v;
        }
        let v = match self.values[&n] {
            s @ Val::Scalar(_) => s,
            v if self.one_row => match self.push(Code::Splat, [v, Val::None, Val::None], true) {
                Val::Ssa(i) => Val::Splat(i),
                other => other,
            },
            v => match self.reduction(n, v) {
                Some((op, of)) => self.push(Code::RowSpread(op), [of, Val::None, Val::None], false),
                None => self.push(Code::Expand, [v, Val::None, Val::None], false),
            },
        };
        self.expanded.insert(n, v);
        v
    }

    /// The reduction whose result nothing needs but along the rows, and its operand; the result by itself is then left out.
    fn reduction(&mut self, node: NodeId, v: Val) -> Option<(ReduceOp, Val)> {
        let Val::Ssa(at) = v else { return None };
        let s = &mut self.ssa[at];
        let Code::RowReduce(op) = s.code else { return None };
        let fits = self.uses.along_rows(node) && s.targets.is_empty();
        s.dead |= fits;
        fits.then_some((op, s.src[0]))
    }

    /// A source with one word for each element: what reductions read.
    fn stream(&mut self, v: Val, row: bool) -> Val {
        match v {
            Val::Ssa(_) | Val::Mem(_) => v,
            _ => self.push(Code::Copy, [v, Val::None, Val::None], row),
        }
    }

    fn accumulate(&mut self, node: NodeId, place: Place) {
        let (fused, region) = (self.fused, self.region);
        let Op::Reduce { op, .. } = fused.graph.node(node).op else { return };
        let row = fused.operand_place(region, node) == Some(Place::Row);
        let edges = fused.edges(region, node).unwrap_or_default();
        let at = self.places.accs[&node];
        let v = self.operand(&edges[0], row);
        if let (Place::One, ReduceOp::Sum, Edge::Value(of)) = (place, op, &edges[0])
            && self.uses.count(*of) == 1
            && let Some([a, b]) = self.factors(v, row)
        {
            self.push(Code::AccProducts { at }, [a, b, Val::None], row);
            return;
        }
        let v = self.stream(v, row);
        let code = if place == Place::Col { Code::AccCol { op, at } } else { Code::AccOne { op, at } };
        self.push(code, [v, Val::None, Val::None], row);
    }

    /// The operands of a product that nothing else reads, both with a word for each element; the product itself is then left out.
    fn factors(&mut self, v: Val, row: bool) -> Option<[Val; 2]> {
        let Val::Ssa(at) = v else { return None };
        let s = &mut self.ssa[at];
        let [a, b, _] = s.src;
        let streams = [a, b].iter().all(|v| matches!(v, Val::Ssa(_) | Val::Mem(_)));
        let fits = s.code == Code::Binary(BinaryOp::Mul) && s.row == row && streams && s.targets.is_empty();
        s.dead |= fits;
        fits.then_some([a, b])
    }

    fn member(&mut self, node: NodeId, place: Place) -> Val {
        let (fused, region) = (self.fused, self.region);
        let n = fused.graph.node(node);
        if region.product() == Some(node) {
            return Val::Raw;
        }
        let row = place == Place::Row;
        let edges = fused.edges(region, node).unwrap_or_default();
        if let (Op::Random { dist, stream, .. }, false) = (n.op, fused.is_copy(node)) {
            let mut src = [Val::None; 3];
            for (s, e) in src.iter_mut().zip(&edges) {
                if let Edge::Load(v) = e {
                    let base = (self.places.source)(v.base);
                    *s = Val::Whole(self.mem_index(BufRef { offset: base.offset + v.offset, ..base }, false));
                }
            }
            return self.push(Code::Random { dist, stream }, src, row);
        }
        if let (Op::Reduce { .. } | Op::ArgReduce { .. }, false) = (n.op, fused.is_copy(node)) {
            let v = self.operand(&edges[0], false);
            let v = self.stream(v, false);
            let code = match n.op {
                Op::Reduce { op, .. } => Code::RowReduce(op),
                Op::ArgReduce { op, .. } => Code::RowArg(op),
                _ => Code::Copy,
            };
            return self.push(code, [v, Val::None, Val::None], true);
        }
        let mut src = [Val::None; 3];
        for (s, e) in src.iter_mut().zip(&edges) {
            *s = self.operand(e, row);
        }
        let code = if fused.is_copy(node) { Code::Copy } else { self.code(node) };
        let (code, src) = self.contract(code, src, &edges, row);
        self.push(code, src, row)
    }

    fn code(&self, node: NodeId) -> Code {
        let graph = &self.fused.graph;
        let n = graph.node(node);
        let from = n.inputs.first().map_or(DType::F32, |i| graph.ty(*i).dtype);
        match n.op {
            Op::Unary(u) if from == DType::I32 => Code::UnaryInt(u),
            Op::Unary(u) => Code::Unary(u),
            Op::Binary(b) if from == DType::I32 => Code::BinaryInt(b),
            Op::Binary(b) => Code::Binary(b),
            Op::Select => Code::Select,
            Op::Cast(to) => match (from, to) {
                (DType::F32 | DType::Bool, DType::I32) => Code::ToInt,
                (DType::I32, DType::F32) => Code::FromInt,
                (DType::F32, DType::Bool) => Code::ToBool,
                (DType::I32, DType::Bool) => Code::IntToBool,
                (DType::F32, DType::F32) | (DType::I32, DType::I32) | (DType::Bool, DType::F32 | DType::Bool) => Code::Copy,
            },
            Op::Iota { shape, axis } => {
                let axis = axis as usize;
                Code::Iota { inner: shape.dims()[axis + 1..].iter().product::<usize>().max(1), size: shape.dims()[axis].max(1) }
            }
            Op::Input { .. }
            | Op::State { .. }
            | Op::Const { .. }
            | Op::Random { .. }
            | Op::StopGradient
            | Op::Reduce { .. }
            | Op::ArgReduce { .. }
            | Op::Reshape(_)
            | Op::Transpose(_)
            | Op::Broadcast(_)
            | Op::Slice(_)
            | Op::Pad(_)
            | Op::Concat { .. }
            | Op::Reverse(_)
            | Op::Dot { .. }
            | Op::Conv { .. }
            | Op::ConvInput { .. }
            | Op::ConvKernel { .. }
            | Op::Window { .. }
            | Op::WindowSpread { .. }
            | Op::WindowMaxGrad { .. }
            | Op::WindowMaxPick { .. }
            | Op::Gather
            | Op::ScatterAdd { .. }
            | Op::Scan { .. } => Code::Copy,
        }
    }

    /// `a·b + c` in one rounding, where the product has no other use. All paths run the same program, so the bits agree everywhere.
    fn contract(&mut self, code: Code, src: [Val; 3], edges: &[Edge], row: bool) -> (Code, [Val; 3]) {
        let product = |m: &Self, i: usize| -> Option<(usize, Val, Val)> {
            let (Val::Ssa(at), Edge::Value(n)) = (src[i], edges.get(i)?) else { return None };
            let s = &m.ssa[at];
            (s.code == Code::Binary(BinaryOp::Mul) && s.row == row && m.uses.count(*n) == 1).then_some((at, s.src[0], s.src[1]))
        };
        let (left, right) = (product(self, 0), product(self, 1));
        let (code, (at, a, b), c) = match (code, left, right) {
            (Code::Binary(BinaryOp::Add), Some(p), _) => (Code::MulAdd, p, src[1]),
            (Code::Binary(BinaryOp::Add), None, Some(p)) => (Code::MulAdd, p, src[0]),
            (Code::Binary(BinaryOp::Sub), Some(p), _) => (Code::MulSub, p, src[1]),
            (Code::Binary(BinaryOp::Sub), None, Some(p)) => (Code::NegMulAdd, p, src[0]),
            _ => return (code, src),
        };
        self.ssa[at].dead = true;
        (code, [a, b, c])
    }

    /// Notes where a value must go.
    fn store(&mut self, node: NodeId, v: Val) {
        if !self.region.outputs.contains(&node) {
            return;
        }
        let row = self.region.place(node) == Some(Place::Row);
        let targets = (self.places.targets)(node);
        if targets.is_empty() {
            return;
        }
        // What is no instruction's result needs one that stores it.
        let own = if let Val::Ssa(_) = v { v } else { self.push(Code::Copy, [v, Val::None, Val::None], row) };
        if let Val::Ssa(i) = own {
            self.ssa[i].targets = targets;
        }
    }

    /// Assigns registers and decides which results go straight to memory.
    fn allocate(mut self) -> Program {
        let mut ssa = std::mem::take(&mut self.ssa);
        let calls = if self.places.named { select(&mut ssa, &|m| self.program.mems[m as usize].buf) } else { Vec::new() };
        // All operands of an instruction.
        let operands = |s: &Ssa| {
            let of_call = if let Code::Named(c) = s.code { calls[c as usize].values } else { [Val::None; VALUES] };
            s.src.into_iter().chain(of_call)
        };
        let mut last = vec![0; ssa.len()];
        for (i, s) in ssa.iter().enumerate().filter(|(_, s)| !s.dead) {
            for v in operands(s) {
                if let Val::Ssa(x) | Val::Splat(x) = v {
                    last[x] = i;
                }
            }
        }
        // The last reading of each place in memory.
        let mut read: BTreeMap<BufRef, usize> = BTreeMap::new();
        for (i, s) in ssa.iter().enumerate().filter(|(_, s)| !s.dead) {
            for v in operands(s) {
                if let Val::Mem(m) | Val::Whole(m) = v {
                    read.insert(self.program.mems[m as usize].buf, i);
                }
            }
        }
        let mut home: Vec<Src> = vec![Src::None; ssa.len()];
        let mut free: Vec<u16> = Vec::new();
        let mut regs = 0u16;
        let mut late: Vec<Instr> = Vec::new();
        for (i, s) in ssa.iter().enumerate().filter(|(_, s)| !s.dead) {
            let place = |home: &[Src], v: Val| match v {
                Val::None => Src::None,
                Val::Ssa(x) => home[x],
                Val::Splat(x) => match home[x] {
                    Src::Reg(r) => Src::RegSplat(r),
                    other => other,
                },
                Val::Mem(m) => Src::Mem(m),
                Val::Scalar(x) => Src::Scalar(x),
                Val::Fill(x) => Src::Fill(x),
                Val::Whole(m) => Src::Whole(m),
                Val::Raw => Src::Raw,
            };
            let src = s.src.map(|v| place(&home, v));
            let release = |home: &[Src], free: &mut Vec<u16>| {
                let mut done: Vec<usize> = Vec::new();
                for v in operands(s) {
                    if let Val::Ssa(x) | Val::Splat(x) = v
                        && last[x] == i
                        && !done.contains(&x)
                    {
                        done.push(x);
                        if let Src::Reg(r) = home[x] {
                            free.push(r);
                        }
                    }
                }
            };
            if let Code::Named(c) = s.code {
                let call = &calls[c as usize];
                let values = call.values.map(|v| place(&home, v));
                let scalars = call.scalars.map(|v| if let Val::Scalar(x) = v { x } else { 0 });
                let mut stored = [0; STORED];
                for (to, &line) in stored.iter_mut().zip(call.stored.iter().filter(|&&l| l != usize::MAX)) {
                    *to = self.mem_index(ssa[line].targets[0], s.row);
                    home[line] = Src::Mem(*to);
                }
                release(&home, &mut free);
                self.program.calls.push(program::Call { pattern: call.pattern, values, scalars, stored });
                self.program.instrs.push(Instr { code: s.code, dst: Dst::None, src, row: s.row });
                continue;
            }
            // An expanded row would overwrite values it still has to read; so would any result its splatted operand.
            let apart = matches!(s.code, Code::Expand | Code::RowSpread(_)) || s.src.iter().any(|v| matches!(v, Val::Splat(_)));
            if !apart {
                release(&home, &mut free);
            }
            let accumulates = matches!(s.code, Code::AccCol { .. } | Code::AccOne { .. } | Code::AccProducts { .. });
            let direct = s.targets.iter().position(|t| read.get(t).is_none_or(|&r| r <= i));
            let dst = match direct {
                _ if accumulates => Dst::None,
                Some(t) => Dst::Mem(self.mem_index(s.targets[t], s.row)),
                None => Dst::Reg(free.pop().unwrap_or_else(|| {
                    regs += 1;
                    regs - 1
                })),
            };
            if apart {
                release(&home, &mut free);
            }
            home[i] = match dst {
                Dst::Reg(r) => Src::Reg(r),
                Dst::Mem(m) => Src::Mem(m),
                Dst::None => Src::None,
            };
            self.program.instrs.push(Instr { code: s.code, dst, src, row: s.row });
            let mut kept = false;
            for (t, target) in s.targets.iter().enumerate() {
                if Some(t) != direct {
                    let m = self.mem_index(*target, s.row);
                    late.push(Instr { code: Code::Copy, dst: Dst::Mem(m), src: [home[i], Src::None, Src::None], row: s.row });
                    kept = true;
                }
            }
            if let (Dst::Reg(r), false, 0) = (dst, kept, last[i]) {
                free.push(r); // nobody reads it
            }
            if kept {
                last[i] = usize::MAX;
            }
        }
        self.program.instrs.extend(late);
        for f in &mut self.program.fills {
            f.reg = regs;
            regs += 1;
        }
        self.program.regs = regs as usize;
        self.program.reg_words = SPLAT;
        self.program
    }
}

/// Relative cost of an operation on one element, before it has become instructions.
pub(crate) fn op_cost(op: Op) -> usize {
    match op {
        Op::Unary(u) => cost(Code::Unary(u)),
        Op::Binary(b) => cost(Code::Binary(b)),
        Op::Random { dist, stream, .. } => cost(Code::Random { dist, stream }),
        _ => 1,
    }
}

/// Relative cost of an instruction on one element: what threads are worth.
pub(crate) fn cost(code: Code) -> usize {
    match code {
        Code::Unary(u) => match u {
            UnaryOp::Neg | UnaryOp::Abs | UnaryOp::Sign | UnaryOp::Floor | UnaryOp::Not | UnaryOp::Sqrt => 1,
            UnaryOp::Bf16 | UnaryOp::Flush => 2,
            UnaryOp::F16 => 4,
            UnaryOp::Exp
            | UnaryOp::Expm1
            | UnaryOp::Log
            | UnaryOp::Log1p
            | UnaryOp::Rsqrt
            | UnaryOp::Tanh
            | UnaryOp::Sigmoid
            | UnaryOp::Softplus
            | UnaryOp::Erf => 8,
        },
        Code::Binary(BinaryOp::Pow) => 20,
        Code::Random { dist, .. } => match dist {
            adaline_graph::Distribution::Uniform => 8,
            adaline_graph::Distribution::Normal => 200,
        },
        _ => 1,
    }
}
