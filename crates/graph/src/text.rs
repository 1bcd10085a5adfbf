//! Graphs as text, for people and for files of test cases. What [`Graph`]'s `Display` writes, [`parse`] reads back to an equal graph.
//!
//! ```text
//! input "x" : f32[2, 3]
//! slot 0 "dense/kernel" : f32[3, 4]
//! %0 = input 0 : f32[2, 3]
//! %1 = state 0 : f32[3, 4]
//! %2 = dot(%0, %1) : f32[2, 4]   # dense   48 flop, 104 B
//! output "y" %2
//! ```
//!
//! Attributes follow the inputs: `axes 0,1`, `axis 0`, `perm 1,0`, `ta`, `tb`, `stream 7`, slices as `start:stop:stride` and padding as
//! `before:after:between` for each axis; convolutions as `stride:dilation:before:after` for each spatial axis with `groups 1`, windows as
//! `size:stride:before:after`. The bodies of scans stand before the nodes, each between `body 0 carries 1 xs 1 {` and `}`; a scan ends in
//! `body 0 steps 5` and perhaps `reverse`. What follows `#` is the layer path and the cost; of these only the path is read back.

use crate::cost::node_cost;
use crate::{
    ArgOp, AxisSet, BinaryOp, Body, BodyId, ConvSpec, DType, Distribution, Graph, GraphError, InputId, Literal, MAX_RANK, Node, NodeId, Op,
    PadSpec, Perm, ReduceOp, Shape, SliceSpec, SlotId, TensorType, UnaryOp, WindowOp, WindowSpec,
};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::Arc;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for d in self.inputs() {
            writeln!(f, "input {} : {}", quoted(&d.name), d.ty)?;
        }
        for s in self.slots() {
            writeln!(f, "slot {} {} : {}", s.slot.0, quoted(&s.name), s.ty)?;
        }
        for (i, body) in self.bodies().iter().enumerate() {
            writeln!(f, "body {i} carries {} xs {} {{", body.carries(), body.xs())?;
            body.graph().to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))?;
            writeln!(f, "}}")?;
        }
        for id in self.ids() {
            let node = self.node(id);
            write!(f, "%{} = {}", id.0, node.op.name())?;
            if !node.inputs.is_empty() {
                let inputs: Vec<String> = node.inputs.iter().map(|i| format!("%{}", i.0)).collect();
                write!(f, "({})", inputs.join(", "))?;
            }
            write!(f, "{} : {}", attributes(node), node.ty)?;
            let (path, cost) = (self.origin_path(node.origin), node_cost(self, id));
            if !path.is_empty() || cost.bytes() > 0 {
                let plain = !path.starts_with('"') && !path.contains("   ") && !path.contains(char::is_control);
                write!(f, "   # {}   {cost}", if plain { path.to_owned() } else { quoted(path) })?;
            }
            writeln!(f)?;
        }
        for (name, n) in &self.outputs().values {
            writeln!(f, "output {} %{}", quoted(name), n.0)?;
        }
        for (slot, n) in &self.outputs().updates {
            writeln!(f, "update {} %{}", slot.0, n.0)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn quoted(s: &str) -> String {
    format!("\"{}\"", s.escape_debug())
}

fn joined(items: impl Iterator<Item = String>) -> String {
    let list: Vec<String> = items.collect();
    if list.is_empty() { "-".into() } else { list.join(",") }
}

/// The attributes of an operation, with a space before each.
fn attributes(node: &Node) -> String {
    let rank = node.ty.shape.rank();
    match node.op {
        Op::Input { id, .. } => format!(" {}", id.0),
        Op::State { slot, .. } => format!(" {}", slot.0),
        Op::Const { value, .. } => format!(" {}", literal(value)),
        Op::Iota { axis, .. } | Op::ArgReduce { axis, .. } | Op::Concat { axis } => format!(" axis {axis}"),
        Op::Random { stream, .. } => format!(" stream {stream}"),
        Op::Reduce { axes, .. } | Op::Reverse(axes) => format!(" axes {}", joined(axes.iter().map(|a| a.to_string()))),
        Op::Transpose(p) => format!(" perm {}", joined(p.axes().map(|a| a.to_string()))),
        Op::Slice(s) => format!(" {}", joined((0..rank).map(|a| format!("{}:{}:{}", s.start[a], s.stop[a], s.stride[a])))),
        Op::Pad(p) => format!(" {}", joined((0..rank).map(|a| format!("{}:{}:{}", p.before[a], p.after[a], p.between[a])))),
        Op::Dot { ta, tb } => {
            let mut flags = String::new();
            for (set, name) in [(ta, " ta"), (tb, " tb")] {
                flags += if set { name } else { "" };
            }
            flags
        }
        Op::Conv { spec } | Op::ConvInput { spec, .. } | Op::ConvKernel { spec, .. } => {
            let axis = |a| format!("{}:{}:{}:{}", spec.strides[a], spec.dilation[a], spec.before[a], spec.after[a]);
            format!(" {} groups {}", joined((0..rank - 2).map(axis)), spec.groups)
        }
        Op::Window { spec, .. } | Op::WindowSpread { spec, .. } | Op::WindowMaxGrad { spec } | Op::WindowMaxPick { spec } => {
            let axis = |a| format!("{}:{}:{}:{}", spec.size[a], spec.strides[a], spec.before[a], spec.after[a]);
            format!(" {}", joined((0..rank - 2).map(axis)))
        }
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::StopGradient
        | Op::Reshape(_)
        | Op::Broadcast(_)
        | Op::Gather
        | Op::ScatterAdd { .. } => String::new(),
        Op::Scan { body, steps, reverse, .. } => format!(" body {} steps {steps}{}", body.0, if reverse { " reverse" } else { "" }),
    }
}

/// A literal that reads back to the same bits.
fn literal(value: Literal) -> String {
    let mut text = String::new();
    let _ = match value {
        Literal::F32(bits) if f32::from_bits(bits).is_nan() => write!(text, "0x{bits:08x}"),
        Literal::F32(_) | Literal::I32(_) | Literal::Bool(_) => write!(text, "{value:?}"),
    };
    text
}

/// Reads a graph. Lines may be empty or begin with `#`.
pub fn parse(text: &str) -> Result<Graph, GraphError> {
    let mut lines = text.lines().enumerate();
    graph_of(&mut lines, 0)
}

/// Most bodies within one another that a text may have.
const DEEPEST: usize = 16;

/// Reads lines to the end, or to the brace that closes a body.
fn graph_of(lines: &mut dyn Iterator<Item = (usize, &str)>, depth: usize) -> Result<Graph, GraphError> {
    if depth > DEEPEST {
        return Err(GraphError::Body { message: format!("more than {DEEPEST} of them lie within one another") });
    }
    let mut reader = Reader { graph: Graph::new(), nodes: BTreeMap::new() };
    while let Some((i, line)) = lines.next() {
        let line = line.trim();
        let wrong = |message| GraphError::Text { line: i + 1, message };
        if depth > 0 && line == "}" {
            return Ok(reader.graph);
        }
        if let Some(head) = line.strip_prefix("body ") {
            reader.body(head, lines, depth).map_err(|e| if let GraphError::Body { message } = e { wrong(message) } else { e })?;
        } else if !line.is_empty() && !line.starts_with('#') {
            reader.line(line).map_err(wrong)?;
        }
    }
    if depth > 0 { Err(GraphError::Body { message: "it has no closing brace".into() }) } else { Ok(reader.graph) }
}

struct Reader {
    graph: Graph,
    /// The number in the text and the node.
    nodes: BTreeMap<u32, NodeId>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.starts_with('%') {
            return self.node(line);
        }
        let (keyword, rest) = line.split_once(' ').ok_or("expected `input`, `slot`, `output`, `update` or `%number = ...`")?;
        match keyword {
            "input" => {
                let (name, rest) = unquote(rest)?;
                let ty = tensor_type(rest.trim().strip_prefix(':').ok_or("expected `: type` after the name")?)?;
                self.graph.declare_input(&name, ty);
            }
            "slot" => {
                let (slot, rest) = rest.split_once(' ').ok_or("expected a slot number and a name")?;
                let (name, rest) = unquote(rest)?;
                let ty = tensor_type(rest.trim().strip_prefix(':').ok_or("expected `: type` after the name")?)?;
                self.graph.declare_slot(SlotId(number(slot)?), &name, ty);
            }
            "output" => {
                let (name, rest) = unquote(rest)?;
                let node = self.reference(rest)?;
                self.graph.add_output(&name, node);
            }
            "update" => {
                let (slot, node) = rest.split_once(' ').ok_or("expected a slot number and a node")?;
                let node = self.reference(node)?;
                self.graph.add_update(SlotId(number(slot)?), node);
            }
            other => return Err(format!("`{other}` is not `input`, `slot`, `output`, `update` or `%number = ...`")),
        }
        Ok(())
    }

    /// Reads a body after its first line, `0 carries 1 xs 1 {`.
    fn body(&mut self, head: &str, lines: &mut dyn Iterator<Item = (usize, &str)>, depth: usize) -> Result<(), GraphError> {
        let wrong = |message: String| GraphError::Body { message };
        let words: Vec<&str> = head.split_whitespace().collect();
        let [id, "carries", carries, "xs", xs, "{"] = words[..] else {
            return Err(wrong("expected `body 0 carries 1 xs 1 {`".into()));
        };
        let (id, carries, xs) = (number::<usize>(id).map_err(wrong)?, number(carries).map_err(wrong)?, number(xs).map_err(wrong)?);
        if id != self.graph.bodies().len() || usize::checked_add(carries, xs).is_none() {
            return Err(wrong(format!("bodies are numbered from 0 in their order; this is number {}", self.graph.bodies().len())));
        }
        self.graph.add_body(Arc::new(Body::new(graph_of(lines, depth + 1)?, carries, xs)?));
        Ok(())
    }

    fn reference(&self, text: &str) -> Result<NodeId, String> {
        let text = text.trim();
        let n = number(text.strip_prefix('%').ok_or_else(|| format!("expected a node such as %3, got `{text}`"))?)?;
        self.nodes.get(&n).copied().ok_or_else(|| format!("node %{n} is not defined above"))
    }

    fn node(&mut self, line: &str) -> Result<(), String> {
        let (line, path) = match line.split_once('#') {
            Some((line, comment)) => (line.trim_end(), origin(comment)?),
            None => (line, String::new()),
        };
        let (id, rest) = line.split_once('=').ok_or("expected `%number = ...`")?;
        let id: u32 = number(id.trim().trim_start_matches('%'))?;
        let (call, ty) = rest.rsplit_once(" : ").ok_or("expected ` : type` at the end")?;
        let ty = tensor_type(ty)?;
        let call = call.trim();
        let (name, inputs, attributes) = match call.split_once('(') {
            Some((name, rest)) => {
                let (inputs, attributes) = rest.split_once(')').ok_or("expected `)` after the inputs")?;
                (name, inputs.split(',').map(|i| self.reference(i)).collect::<Result<Vec<_>, _>>()?, attributes)
            }
            None => call.split_once(' ').map_or((call, Vec::new(), ""), |(name, rest)| (name, Vec::new(), rest)),
        };
        let op = operation(name, attributes.trim(), ty)?;
        let origin = self.graph.intern_origin(&path);
        self.graph.set_origin(origin);
        let added = self.graph.add(op, &inputs).map_err(|e| e.to_string())?;
        self.graph.set_origin(crate::OriginId::default());
        if self.graph.ty(added) != ty {
            return Err(format!("{name} gives {}, not {ty}", self.graph.ty(added)));
        }
        if self.nodes.insert(id, added).is_some() {
            return Err(format!("node %{id} is defined twice"));
        }
        Ok(())
    }
}

/// The layer path of ` path   cost`.
fn origin(comment: &str) -> Result<String, String> {
    let comment = comment.strip_prefix(' ').unwrap_or(comment);
    if comment.starts_with('"') {
        return unquote(comment).map(|(path, _)| path);
    }
    Ok(comment.rsplit_once("   ").map_or(comment, |(path, _)| path).to_owned())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("`{}` is not a number that fits here", text.trim()))
}

/// A quoted string at the beginning, and what follows.
fn unquote(text: &str) -> Result<(String, &str), String> {
    let body = text.trim_start().strip_prefix('"').ok_or("expected a name in double quotes")?;
    let mut out = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((out, &body[at + 1..])),
            '\\' => out.push(match chars.next().map(|(_, c)| c) {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('u') => {
                    let hex: String = chars.by_ref().map(|(_, c)| c).skip(1).take_while(|&c| c != '}').collect();
                    u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32).ok_or("expected a character such as \\u{7f}")?
                }
                Some(c) => c,
                None => break,
            }),
            c => out.push(c),
        }
    }
    Err("the name has no closing quote".into())
}

fn tensor_type(text: &str) -> Result<TensorType, String> {
    let text = text.trim();
    let (dtype, dims) = text.split_once('[').ok_or_else(|| format!("expected a type such as f32[2, 3], got `{text}`"))?;
    let dtype = match dtype {
        "f32" => DType::F32,
        "i32" => DType::I32,
        "bool" => DType::Bool,
        other => return Err(format!("`{other}` is not an element type: f32, i32 or bool")),
    };
    let dims = dims.strip_suffix(']').ok_or("expected `]` after the dimensions")?;
    let dims: Vec<usize> = if dims.trim().is_empty() { Vec::new() } else { dims.split(',').map(number).collect::<Result<_, _>>()? };
    let shape = Shape::try_new(&dims).ok_or_else(|| format!("shape {dims:?} has more than {MAX_RANK} axes or too many elements"))?;
    Ok(TensorType { dtype, shape })
}

fn list(text: &str) -> Result<Vec<usize>, String> {
    if text.trim() == "-" { Ok(Vec::new()) } else { text.split(',').map(number).collect() }
}

fn axis_set(text: &str) -> Result<AxisSet, String> {
    let axes = list(text)?;
    match axes.iter().find(|&&a| a >= MAX_RANK) {
        Some(a) => Err(format!("axis {a} does not exist: there are at most {MAX_RANK}")),
        None => Ok(AxisSet::of(&axes)),
    }
}

/// `N` numbers for each of at most `AXES` axes, `1:2:3,4:5:6`, and what they are for further axes.
fn by_axis<const N: usize, const AXES: usize>(text: &str, rest: [usize; N], example: &str) -> Result<[[usize; AXES]; N], String> {
    let mut out = rest.map(|rest| [rest; AXES]);
    if text == "-" {
        return Ok(out);
    }
    for (a, tuple) in text.split(',').enumerate() {
        let numbers: Vec<usize> = tuple.split(':').map(number).collect::<Result<_, _>>()?;
        if numbers.len() != N || a >= AXES {
            return Err(format!("expected {N} numbers for each of at most {AXES} axes, such as {example}; got `{text}`"));
        }
        for (o, n) in out.iter_mut().zip(numbers) {
            o[a] = n;
        }
    }
    Ok(out)
}

fn triples(text: &str, rest: usize) -> Result<[[usize; MAX_RANK]; 3], String> {
    by_axis(text, [0, 0, rest], "0:4:1,0:2:1")
}

fn conv_spec(text: &str) -> Result<ConvSpec, String> {
    let (axes, groups) = text.split_once(" groups ").ok_or("expected `groups ...` after the axes")?;
    let [strides, dilation, before, after] = by_axis(axes, [1, 1, 0, 0], "1:1:0:0,2:1:0:1")?;
    Ok(ConvSpec { strides, dilation, before, after, groups: number(groups)? })
}

fn window_spec(text: &str) -> Result<WindowSpec, String> {
    let [size, strides, before, after] = by_axis(text, [1, 1, 0, 0], "2:2:0:0,3:1:1:1")?;
    Ok(WindowSpec { size, strides, before, after })
}

fn value(text: &str, dtype: DType) -> Result<Literal, String> {
    let wrong = || format!("`{text}` is not a value of {dtype}");
    match dtype {
        DType::F32 => match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).map(Literal::F32).map_err(|_| wrong()),
            None => text.parse().map(Literal::f32).map_err(|_| wrong()),
        },
        DType::I32 => text.parse().map(Literal::I32).map_err(|_| wrong()),
        DType::Bool => text.parse().map(Literal::Bool).map_err(|_| wrong()),
    }
}

fn operation(name: &str, attributes: &str, ty: TensorType) -> Result<Op, String> {
    let keyword = |key: &str| attributes.strip_prefix(key).map(str::trim).ok_or_else(|| format!("{name}: expected `{key} ...`"));
    let axis = || keyword("axis").and_then(number::<u8>);
    let shape = ty.shape;
    if let Some(u) = UnaryOp::ALL.into_iter().find(|u| u.name() == name) {
        return Ok(Op::Unary(u));
    }
    if let Some(b) = BinaryOp::ALL.into_iter().find(|b| b.name() == name) {
        return Ok(Op::Binary(b));
    }
    let reduce = |op| Ok(Op::Reduce { op, axes: axis_set(keyword("axes")?)? });
    let random = |dist| Ok(Op::Random { dist, stream: number(keyword("stream")?)?, shape });
    match name {
        "input" => Ok(Op::Input { id: InputId(number(attributes)?), ty }),
        "state" => Ok(Op::State { slot: SlotId(number(attributes)?), ty }),
        "const" => Ok(Op::Const { value: value(attributes, ty.dtype)?, shape }),
        "iota" => Ok(Op::Iota { shape, axis: axis()? }),
        "random_uniform" => random(Distribution::Uniform),
        "random_normal" => random(Distribution::Normal),
        "select" => Ok(Op::Select),
        "cast" => Ok(Op::Cast(ty.dtype)),
        "stop_gradient" => Ok(Op::StopGradient),
        "reduce_sum" => reduce(ReduceOp::Sum),
        "reduce_max" => reduce(ReduceOp::Max),
        "reduce_min" => reduce(ReduceOp::Min),
        "reduce_prod" => reduce(ReduceOp::Prod),
        "argmax" => Ok(Op::ArgReduce { op: ArgOp::Max, axis: axis()? }),
        "argmin" => Ok(Op::ArgReduce { op: ArgOp::Min, axis: axis()? }),
        "reshape" => Ok(Op::Reshape(shape)),
        "transpose" => Ok(Op::Transpose(Perm::new(&list(keyword("perm")?)?).ok_or("perm is not a permutation")?)),
        "broadcast" => Ok(Op::Broadcast(shape)),
        "slice" => triples(attributes, 1).map(|[start, stop, stride]| Op::Slice(SliceSpec { start, stop, stride })),
        "pad" => triples(attributes, 0).map(|[before, after, between]| Op::Pad(PadSpec { before, after, between })),
        "concat" => Ok(Op::Concat { axis: axis()? }),
        "reverse" => Ok(Op::Reverse(axis_set(keyword("axes")?)?)),
        "dot" => {
            let flags: Vec<&str> = attributes.split_whitespace().collect();
            match flags.iter().find(|f| !["ta", "tb"].contains(f)) {
                Some(f) => Err(format!("dot: `{f}` is not `ta` or `tb`")),
                None => Ok(Op::Dot { ta: flags.contains(&"ta"), tb: flags.contains(&"tb") }),
            }
        }
        "conv" => Ok(Op::Conv { spec: conv_spec(attributes)? }),
        "conv_input" => Ok(Op::ConvInput { spec: conv_spec(attributes)?, input: shape }),
        "conv_kernel" => Ok(Op::ConvKernel { spec: conv_spec(attributes)?, kernel: shape }),
        "window_sum" => Ok(Op::Window { op: WindowOp::Sum, spec: window_spec(attributes)? }),
        "window_max" => Ok(Op::Window { op: WindowOp::Max, spec: window_spec(attributes)? }),
        "window_spread" => Ok(Op::WindowSpread { spec: window_spec(attributes)?, input: shape }),
        "window_max_grad" => Ok(Op::WindowMaxGrad { spec: window_spec(attributes)? }),
        "window_max_pick" => Ok(Op::WindowMaxPick { spec: window_spec(attributes)? }),
        "gather" => Ok(Op::Gather),
        "scatter_add" => Ok(Op::ScatterAdd { rows: shape.dim(1) }),
        "scan" => {
            let words: Vec<&str> = attributes.split_whitespace().collect();
            let (["body", body, "steps", steps] | ["body", body, "steps", steps, "reverse"]) = words[..] else {
                return Err(format!("scan: expected `body 0 steps 5` and perhaps `reverse`, got `{attributes}`"));
            };
            Ok(Op::Scan { body: BodyId(number(body)?), steps: number(steps)?, reverse: words.len() == 5, len: shape.len() })
        }
        other => Err(format!("`{other}` is not an operation")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, concat, grad::gradients};

    #[test]
    fn a_dump_is_readable() {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([2, 3]));
        let w = b.state(SlotId(7), "dense/kernel", TensorType::f32([4, 3]));
        let y = b.scope("dense", || x.dot(w, false, true).relu());
        b.output("y", y);
        b.update(SlotId(7), w * 0.5);
        let expected = "\
input \"x\" : f32[2, 3]
slot 7 \"dense/kernel\" : f32[4, 3]
%0 = input 0 : f32[2, 3]
%1 = state 7 : f32[4, 3]
%2 = dot(%0, %1) tb : f32[2, 4]   # dense   48 flop, 104 B
%3 = const 0.0 : f32[2, 4]   # dense   0 flop, 0 B
%4 = max(%2, %3) : f32[2, 4]   # dense   8 flop, 96 B
%5 = const 0.5 : f32[4, 3]
%6 = mul(%1, %5) : f32[4, 3]   #    12 flop, 144 B
output \"y\" %4
update 7 %6
";
        let g = b.finish().unwrap();
        assert_eq!(g.to_string(), expected);
        assert_eq!(parse(expected).unwrap().to_string(), expected);
    }

    #[test]
    fn every_operation_survives_the_round_trip() {
        let b = Builder::new();
        let x = b.input("a \"quoted\"\n name\u{7f}", TensorType::f32([2, 3]));
        let seed = b.input("seed", TensorType::i32([2]));
        let step = b.input("step", TensorType::i32(Shape::SCALAR));
        for u in UnaryOp::ALL {
            let v = if u == UnaryOp::Not { x.gt_scalar(0.5) } else { x };
            b.output(u.name(), v.unary(u));
        }
        for o in BinaryOp::ALL {
            let bools = matches!(o, BinaryOp::And | BinaryOp::Or);
            let v = if bools { x.gt_scalar(f32::NAN) } else { x };
            b.output(o.name(), v.binary(o, v));
        }
        for dist in [Distribution::Uniform, Distribution::Normal] {
            b.output("random", b.random(dist, u64::MAX, [5], seed, step));
        }
        b.scope("odd \"path\"   with\tspaces", || b.output("cast", x.cast(DType::I32) + b.iota([2, 3], 1)));
        b.scope("# plain", || b.output("stop", x.stop_gradient()));
        for (op, axes) in [(ReduceOp::Sum, &[0, 1][..]), (ReduceOp::Max, &[1]), (ReduceOp::Min, &[0]), (ReduceOp::Prod, &[1])] {
            b.output("reduced", x.reduce(op, axes, true));
        }
        b.output("argmax", x.argmax(1));
        b.output("argmin", b.op(Op::ArgReduce { op: ArgOp::Min, axis: 0 }, &[x]));
        b.output("scalar", step.transpose(&[]).slice(&[]).pad(&[]));
        b.output("nothing", b.op(Op::Reverse(AxisSet::default()), &[x]));
        b.output("moved", x.transpose(&[1, 0]).slice(&[(0, 3, 2), (1, 2, 1)]).reverse(&[0]));
        b.output("padded", concat(&b, &[x.pad(&[(1, 0), (0, 2)]), x.pad(&[(0, 0), (2, 0)])], 0));
        b.output("chosen", x.gt_scalar(-f32::INFINITY).select(x, b.constant(Literal::F32(0x7fc0_1234), [2, 3])));
        b.output("wide", x.reshape([6, 1]).broadcast_to([6, 4]));
        b.output("flag", b.constant(Literal::Bool(true), [2]));
        let image = x.reshape([1, 2, 3, 1]);
        let kernel = x.reshape([2, 3, 1, 1]);
        let spec = ConvSpec::same(&[2, 3], &[2, 3], &[1, 2], &[1, 1]);
        let windows = WindowSpec::same(&[2, 3], &[2, 2], &[1, 2]);
        let convolved = image.conv(kernel, spec).sum(&[], false) + image.max_pool(windows).sum(&[], false);
        let looked_up = x.take(b.iota([4], 0)).sum(&[], false) + image.average_pool(windows).square().sum(&[], false);
        let loss = x.dot(x, true, false).sum(&[], false) + convolved + looked_up;
        let dx = b.with_graph(|g| gradients(g, loss.id(), &[x.id()])).unwrap()[0];
        b.output("dx", b.var(dx));
        let g = b.finish().unwrap();
        let again = parse(&g.to_string()).unwrap();
        assert_eq!(again.to_string(), g.to_string());
        assert!(g.nodes().iter().zip(again.nodes()).all(|(p, q)| p.op == q.op && p.inputs == q.inputs && p.ty == q.ty));
        let paths = |g: &Graph| g.nodes().iter().map(|n| g.origin_path(n.origin).to_owned()).collect::<Vec<_>>();
        assert_eq!(paths(&again), paths(&g));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let head = "input \"x\" : f32[2, 3]\n\n# comment\n%0 = input 0 : f32[2, 3]\n";
        for (line, expected) in [
            ("nonsense", "expected `input`, `slot`, `output`, `update` or `%number = ...`"),
            ("layer 3", "`layer` is not `input`, `slot`, `output`, `update` or `%number = ...`"),
            ("input x : f32[2]", "expected a name in double quotes"),
            ("input \"x : f32[2]", "the name has no closing quote"),
            ("input \"x\\", "the name has no closing quote"),
            ("input \"x\" f32[2]", "expected `: type` after the name"),
            ("input \"x\" : f64[2]", "`f64` is not an element type: f32, i32 or bool"),
            ("input \"x\" : f32", "expected a type such as f32[2, 3], got `f32`"),
            ("input \"x\" : f32[2", "expected `]` after the dimensions"),
            ("input \"x\" : f32[-2]", "`-2` is not a number that fits here"),
            ("input \"x\" : f32[1, 1, 1, 1, 1, 1, 1]", "shape [1, 1, 1, 1, 1, 1, 1] has more than 6 axes or too many elements"),
            ("input \"x\" : f32[4294967296, 4294967296]", "shape [4294967296, 4294967296] has more than 6 axes or too many elements"),
            ("%1 = exp(%7) : f32[2, 3]", "node %7 is not defined above"),
            ("%1 = exp(x) : f32[2, 3]", "expected a node such as %3, got `x`"),
            ("%1 = exp(%0 : f32[2, 3]", "expected `)` after the inputs"),
            ("%1 = exp(%0)", "expected ` : type` at the end"),
            ("%1 = exp(%0) : f32[2, 4]", "exp gives f32[2, 3], not f32[2, 4]"),
            ("%0 = exp(%0) : f32[2, 3]", "node %0 is defined twice"),
            ("%1 = explode(%0) : f32[2, 3]", "`explode` is not an operation"),
            ("%1 = add(%0) : f32[2, 3]", "graph: add: takes 2 inputs; got f32[2, 3]"),
            ("%1 = const two : f32[2]", "`two` is not a value of f32"),
            ("%1 = reduce_sum(%0) : f32[2, 1]", "reduce_sum: expected `axes ...`"),
            ("%1 = reduce_sum(%0) axes 9 : f32[2, 1]", "axis 9 does not exist: there are at most 6"),
            ("%1 = transpose(%0) perm 0,0 : f32[2, 3]", "perm is not a permutation"),
            ("%1 = slice(%0) 0:1 : f32[1, 3]", "expected 3 numbers for each of at most 6 axes, such as 0:4:1,0:2:1; got `0:1`"),
            ("%1 = conv(%0, %0) 1:1:0:0 : f32[2, 3]", "expected `groups ...` after the axes"),
            (
                "%1 = conv(%0, %0) 1:1:0 groups 1 : f32[2, 3]",
                "expected 4 numbers for each of at most 3 axes, such as 1:1:0:0,2:1:0:1; got `1:1:0`",
            ),
            ("%1 = dot(%0, %0) tc : f32[2, 2]", "dot: `tc` is not `ta` or `tb`"),
            ("body 0 carries 1 {", "expected `body 0 carries 1 xs 1 {`"),
            ("body 1 carries 0 xs 0 {", "bodies are numbered from 0 in their order; this is number 0"),
            ("body 0 carries 0 xs 0 {", "it has no closing brace"),
            ("%1 = scan(%0) body 0 : f32[1]", "scan: expected `body 0 steps 5` and perhaps `reverse`, got `body 0`"),
            ("%1 = scan(%0) body 0 steps 2 : f32[1]", "graph: scan: has no body 0; got f32[2, 3]"),
            ("output \"y\" %3", "node %3 is not defined above"),
            ("update 1", "expected a slot number and a node"),
        ] {
            assert_eq!(parse(&format!("{head}{line}")).unwrap_err().to_string(), format!("line 5: {expected}"));
        }
    }

    #[test]
    fn bodies_within_one_another_have_an_end() {
        let deep = "body 0 carries 0 xs 0 {\n".repeat(100_000);
        let error = parse(&deep).unwrap_err().to_string();
        assert!(error.contains("more than 16 of them lie within one another"), "{error}");
    }
}
