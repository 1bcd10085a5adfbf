//! The graphs of one network for inputs of several sizes, and what differs between them.

use super::sizes::Size;
use super::{ExportError, ExportOptions};
use adaline_graph::{Body, Graph, Literal, MAX_RANK, NodeId, Op, PadSpec, Shape, SliceSpec, pass};
use adaline_nn::Model;
use std::collections::BTreeMap;

/// A size of inputs that is left open.
pub(super) struct Variable {
    /// Name in the file (`batch`).
    pub(super) name: String,
    /// An input that has it, and at which axis.
    pub(super) place: (usize, usize),
    /// Its value in each trace.
    pub(super) size: Size,
}

/// The same graph for several sizes: node by node with the same operations, which differ in shapes alone.
pub(super) struct Traces {
    pub(super) graphs: Vec<Graph>,
    pub(super) variables: Vec<Variable>,
    /// Sizes of each input, `(B, ..)`.
    pub(super) inputs: Vec<Vec<Size>>,
}

/// Which sizes open axes get: where they begin and how many follow. The first that all layers take is used; many sizes tell more.
const RANGES: [(usize, usize); 3] = [(97, 40), (21, 20), (5, 4)];
/// Batches: prime numbers.
const BATCHES: [usize; 3] = [83, 89, 101];
/// Sizes and batches that are only tried. Recurrences of fewer than eight rows are written in another way, with the same results.
const OTHER_SIZES: [usize; 16] = [2, 3, 4, 5, 6, 7, 9, 12, 17, 24, 32, 49, 64, 224, 511, 1000];
const OTHER_BATCHES: [usize; 2] = [9, 256];
/// Above so many open axes, all are the same or all differ.
const MOST_AXES: usize = 6;

/// What is known of the sizes of inputs: each a number, or open.
struct Plan<'m> {
    model: &'m Model,
    batch: Option<usize>,
    /// Rows of inputs; open sizes as numbers of variables.
    rows: Vec<Vec<Result<usize, usize>>>,
}

impl Plan<'_> {
    fn trace(&self, batch: usize, sizes: &[usize]) -> Result<Graph, ExportError> {
        let row = |row: &Vec<Result<usize, usize>>| row.iter().map(|s| s.unwrap_or_else(|v| sizes[v])).collect();
        let shapes: Vec<Vec<usize>> = self.rows.iter().map(row).collect();
        Ok(pass::dce(&self.model.inference_graph(self.batch.unwrap_or(batch), &shapes)?)?)
    }
    /// The same plan with open axes grouped into variables.
    fn grouped(&self, groups: &[usize]) -> Self {
        let row = |row: &Vec<Result<usize, usize>>| row.iter().map(|s| s.map_err(|v| groups[v])).collect();
        Self { model: self.model, batch: self.batch, rows: self.rows.iter().map(row).collect() }
    }
    fn count(&self) -> usize {
        self.rows.iter().flatten().filter_map(|s| s.err()).max().map_or(0, |v| v + 1)
    }
}

/// Traces a model with inputs of several sizes.
pub(super) fn traces(model: &Model, options: &ExportOptions) -> Result<Traces, ExportError> {
    let batch = match model.fixed_rows()? {
        Some(rows) => Some(rows),
        None => options.batch,
    };
    let mut open = 0;
    let mut size = |s: &Option<usize>| {
        s.or(options.size).ok_or_else(|| {
            open += 1;
            open - 1
        })
    };
    let rows = model.input_rows().map(|row| row.iter().map(&mut size).collect()).collect();
    let plan = Plan { model, batch, rows };
    let (plan, (start, count)) = with_variables(&plan, open)?;
    // One variable at a time goes through all its sizes, the others stay; then all of them change at once.
    let stay: Vec<usize> = (0..plan.count()).map(|v| resting((start, count), v)).collect();
    let mut points: Vec<(usize, Vec<usize>)> = vec![(BATCHES[0], stay.clone())];
    if batch.is_none() {
        points.push((BATCHES[1], stay.clone()));
    }
    for v in 0..stay.len() {
        points.extend((start..start + count).filter(|&n| n != stay[v]).map(|n| {
            let mut sizes = stay.clone();
            sizes[v] = n;
            (BATCHES[0], sizes)
        }));
    }
    if batch.is_none() || !stay.is_empty() {
        points.push((BATCHES[2], (0..stay.len()).map(|v| start + (v + 1) % count).collect()));
    }
    let mut graphs = points.iter().map(|(batch, sizes)| plan.trace(*batch, sizes)).collect::<Result<Vec<_>, _>>()?;
    alike(&graphs.iter().collect::<Vec<_>>())?;
    // Sizes far from those, as long as the layers take them: what is different there must not be guessed.
    let mut others: Vec<(usize, Vec<usize>)> = Vec::new();
    if batch.is_none() {
        others.extend(OTHER_BATCHES.map(|batch| (batch, stay.clone())));
    }
    for v in 0..stay.len() {
        others.extend(OTHER_SIZES.map(|n| {
            let mut sizes = stay.clone();
            sizes[v] = n;
            (BATCHES[0], sizes)
        }));
    }
    if stay.len() > 1 {
        others.extend(OTHER_SIZES.map(|n| (BATCHES[0], (0..stay.len()).map(|v| n + v % 2).collect())));
    }
    for point in others {
        let Ok(graph) = plan.trace(point.0, &point.1) else { continue };
        if alike(&[&graphs[0], &graph]).is_ok() {
            graphs.push(graph);
            points.push(point);
        } else if let Err(e) = same_but_for_constants(&graphs[0], &graph) {
            // Where a size happens to be what a layer makes of it, such as a picture's that has the size asked for, nothing is done. On both sides of
            // that size all is as ever.
            for by in [-1, 1] {
                let sizes: Vec<usize> =
                    point.1.iter().zip(&stay).map(|(n, s)| if n == s { *n } else { n.saturating_add_signed(by) }).collect();
                if plan.trace(point.0, &sizes).is_ok_and(|g| same_but_for_constants(&graphs[0], &g).is_err()) {
                    return Err(e);
                }
            }
        }
    }
    let rows_of_batch = Size::of(points.iter().map(|p| batch.unwrap_or(p.0)));
    let mut variables = Vec::new();
    if batch.is_none() {
        variables.push(Variable { name: "batch".into(), place: (0, 0), size: rows_of_batch.clone() });
    }
    let names: Vec<&str> = model.input_names().collect();
    for v in 0..stay.len() {
        let found = plan.rows.iter().enumerate().find_map(|(i, row)| Some((i, row.iter().position(|s| *s == Err(v))? + 1)));
        let (input, axis) = found.unwrap_or((0, 0));
        let name = format!("{}_{axis}", names.get(input).unwrap_or(&"size"));
        variables.push(Variable { name, place: (input, axis), size: Size::of(points.iter().map(|p| p.1[v])) });
    }
    let of = |s: &Result<usize, usize>| match *s {
        Ok(n) => Size::always(n as i64, points.len()),
        Err(v) => Size::of(points.iter().map(|p| p.1[v])),
    };
    let inputs = plan.rows.iter().map(|row| std::iter::once(rows_of_batch.clone()).chain(row.iter().map(of)).collect()).collect();
    Ok(Traces { graphs, variables, inputs })
}

/// The size of a variable while others change: of different variables different ones.
fn resting((start, count): (usize, usize), variable: usize) -> usize {
    start + count - 1 - 5 * variable % count
}

/// Open axes that may differ are variables of their own: the finest grouping with which the layers fit each other.
fn with_variables<'m>(plan: &Plan<'m>, open: usize) -> Result<(Plan<'m>, (usize, usize)), ExportError> {
    let mut error = None;
    for range in RANGES {
        for groups in groupings(open) {
            let grouped = plan.grouped(&groups);
            let sizes: Vec<usize> = (0..grouped.count()).map(|v| resting(range, v)).collect();
            match grouped.trace(BATCHES[0], &sizes) {
                Ok(_) => return Ok((grouped, range)),
                Err(e) => error = Some(e),
            }
        }
        if open == 0 {
            break;
        }
    }
    Err(error.unwrap_or(ExportError::Sizes))
}

/// All ways to group so many axes, those with many groups first. A group is named by numbers from 0 in the order of axes.
fn groupings(axes: usize) -> Vec<Vec<usize>> {
    if axes > MOST_AXES {
        return vec![(0..axes).collect(), vec![0; axes]];
    }
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..axes {
        let next = |groups: &Vec<usize>| {
            let groups = groups.clone();
            (0..=groups.iter().max().map_or(0, |m| m + 1)).map(move |g| groups.iter().copied().chain([g]).collect())
        };
        all = all.iter().flat_map(next).collect();
    }
    all.sort_by_key(|groups| std::cmp::Reverse(groups.iter().max().copied()));
    all
}

/// Fails unless all graphs have the same nodes, apart from sizes.
fn alike(graphs: &[&Graph]) -> Result<(), ExportError> {
    let Some((first, others)) = graphs.split_first() else { return Ok(()) };
    for other in others {
        let (a, b) = (first.nodes(), other.nodes());
        let differs = (0..a.len().max(b.len())).find(|&i| match (a.get(i), b.get(i)) {
            (Some(x), Some(y)) => x.inputs != y.inputs || skeleton(x.op) != skeleton(y.op) || x.ty.shape.rank() != y.ty.shape.rank(),
            _ => true,
        });
        let outputs = |g: &Graph| (g.outputs().values.clone(), g.outputs().updates.clone());
        if let Some(at) = differs {
            let node = a.get(at).or_else(|| a.last());
            let layer = node.map_or_else(String::new, |n| first.origin_path(n.origin).to_owned());
            return Err(ExportError::Varies { layer });
        }
        if outputs(first) != outputs(other) || first.bodies().len() != other.bodies().len() {
            return Err(ExportError::Varies { layer: String::new() });
        }
    }
    for at in 0..first.bodies().len() {
        alike(&graphs.iter().map(|g| g.bodies()[at].graph()).collect::<Vec<_>>())?;
        let of = |g: &Graph| (g.bodies()[at].carries(), g.bodies()[at].xs());
        if others.iter().any(|other| of(other) != of(first)) {
            return Err(ExportError::Varies { layer: String::new() });
        }
    }
    Ok(())
}

/// As [`alike`] for two graphs in which constants and counts may be shared in other ways, as they are where two sizes happen to be equal.
fn same_but_for_constants(a: &Graph, b: &Graph) -> Result<(), ExportError> {
    let leaf = |g: &Graph, id: NodeId| matches!(g.node(id).op, Op::Const { .. } | Op::Iota { .. });
    let nodes = |g: &Graph| g.ids().filter(|id| !leaf(g, *id)).collect::<Vec<_>>();
    let (of_a, of_b) = (nodes(a), nodes(b));
    let mut pairs: BTreeMap<NodeId, NodeId> = BTreeMap::new();
    let fits = |pairs: &BTreeMap<NodeId, NodeId>, x: NodeId, y: NodeId| {
        if leaf(a, x) { skeleton(a.node(x).op) == skeleton(b.node(y).op) } else { pairs.get(&x) == Some(&y) }
    };
    for at in 0..of_a.len().max(of_b.len()) {
        let pair = of_a.get(at).zip(of_b.get(at)).filter(|&(&x, &y)| {
            let (m, n) = (a.node(x), b.node(y));
            let inputs = m.inputs.len() == n.inputs.len() && m.inputs.iter().zip(&n.inputs).all(|(p, q)| fits(&pairs, *p, *q));
            inputs && skeleton(m.op) == skeleton(n.op) && m.ty.shape.rank() == n.ty.shape.rank()
        });
        let Some((&x, &y)) = pair else {
            let node = of_a.get(at).or(of_a.last()).map(|&id| a.node(id));
            return Err(ExportError::Varies { layer: node.map_or_else(String::new, |n| a.origin_path(n.origin).to_owned()) });
        };
        pairs.insert(x, y);
    }
    for (x, y) in a.bodies().iter().zip(b.bodies()) {
        same_but_for_constants(x.graph(), y.graph())?;
    }
    Ok(())
}

/// An operation without its sizes.
fn skeleton(op: Op) -> Op {
    let (none, zeros, scalar) = ([0; 3], [0; MAX_RANK], Shape::SCALAR);
    match op {
        Op::Input { id, ty } => Op::Input { id, ty: adaline_graph::TensorType { shape: scalar, ..ty } },
        Op::Const { value, .. } => {
            let value = match value {
                Literal::F32(_) => Literal::F32(0),
                Literal::I32(_) => Literal::I32(0),
                value @ Literal::Bool(_) => value,
            };
            Op::Const { value, shape: scalar }
        }
        Op::Iota { axis, .. } => Op::Iota { shape: scalar, axis },
        Op::Random { dist, stream, .. } => Op::Random { dist, stream, shape: scalar },
        Op::Reshape(_) => Op::Reshape(scalar),
        Op::Broadcast(_) => Op::Broadcast(scalar),
        Op::Slice(s) => Op::Slice(SliceSpec { start: zeros, stop: zeros, stride: s.stride }),
        Op::Pad(p) => Op::Pad(PadSpec { before: zeros, after: zeros, between: p.between }),
        Op::Conv { mut spec } => {
            (spec.before, spec.after) = (none, none);
            Op::Conv { spec }
        }
        Op::ConvInput { mut spec, .. } => {
            (spec.before, spec.after) = (none, none);
            Op::ConvInput { spec, input: scalar }
        }
        Op::ConvKernel { mut spec, .. } => {
            (spec.before, spec.after) = (none, none);
            Op::ConvKernel { spec, kernel: scalar }
        }
        Op::Window { op, mut spec } => {
            (spec.before, spec.after) = (none, none);
            Op::Window { op, spec }
        }
        Op::WindowSpread { mut spec, .. } => {
            (spec.before, spec.after) = (none, none);
            Op::WindowSpread { spec, input: scalar }
        }
        Op::WindowMaxGrad { mut spec } => {
            (spec.before, spec.after) = (none, none);
            Op::WindowMaxGrad { spec }
        }
        Op::WindowMaxPick { mut spec } => {
            (spec.before, spec.after) = (none, none);
            Op::WindowMaxPick { spec }
        }
        Op::ScatterAdd { .. } => Op::ScatterAdd { rows: 0 },
        Op::Scan { body, reverse, .. } => Op::Scan { body, steps: 0, reverse, len: 0 },
        op @ (Op::State { .. }
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::StopGradient
        | Op::Reduce { .. }
        | Op::ArgReduce { .. }
        | Op::Transpose(_)
        | Op::Concat { .. }
        | Op::Reverse(_)
        | Op::Dot { .. }
        | Op::Gather) => op,
    }
}

/// Graphs that are alike, walked together.
#[derive(Clone)]
pub(super) struct Together<'g>(pub(super) Vec<&'g Graph>);

impl<'g> Together<'g> {
    /// The first of them, which stands for what is the same in all.
    pub(super) fn first(&self) -> &'g Graph {
        self.0[0]
    }
    /// Sizes of a node.
    pub(super) fn dims(&self, id: NodeId) -> Vec<Size> {
        let rank = self.first().ty(id).shape.rank();
        (0..rank).map(|a| self.size(|g| g.ty(id).shape.dims()[a])).collect()
    }
    /// A number that each of them tells.
    pub(super) fn size(&self, f: impl Fn(&Graph) -> usize) -> Size {
        Size::of(self.0.iter().map(|g| f(g)))
    }
    /// A number of the operation of a node that each of them tells.
    pub(super) fn attribute(&self, id: NodeId, f: impl Fn(Op) -> usize) -> Size {
        self.size(|g| f(g.node(id).op))
    }
    /// The bodies of a scan.
    pub(super) fn body(&self, id: NodeId) -> Vec<&'g Body> {
        self.0.iter().filter_map(|g| g.body_of(id)).map(AsRef::as_ref).collect()
    }
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::groupings;

    #[test]
    fn fine_groupings_come_first() {
        assert_eq!(groupings(0), [Vec::<usize>::new()]);
        assert_eq!(groupings(2), [vec![0, 1], vec![0, 0]]);
        assert_eq!(groupings(3).len(), 5);
        assert_eq!(groupings(6).len(), 203);
        assert_eq!(groupings(7), [vec![0, 1, 2, 3, 4, 5, 6], vec![0; 7]]);
    }
}
