//! Reductions, shapes, and products of matrices.

use super::ExportError;
use super::held::Held;
use super::sizes::Size;
use super::translate::{Walk, literal};
use super::writer::{Writer, int, ints};
use crate::proto::data_type;
use adaline_graph::{ArgOp, AxisSet, BinaryOp, DType, NodeId, Op, PadSpec, Perm, ReduceOp, SliceSpec};

impl Walk<'_> {
    pub(super) fn reduce(&mut self, w: &mut Writer<'_>, id: NodeId, op: ReduceOp, axes: AxisSet) -> Result<Held, ExportError> {
        let divided = if op == ReduceOp::Sum { self.divided_by_count(id, axes) } else { None };
        self.means.extend(divided);
        let name = match op {
            ReduceOp::Sum if divided.is_some() => "ReduceMean",
            ReduceOp::Sum => "ReduceSum",
            ReduceOp::Max => "ReduceMax",
            ReduceOp::Min => "ReduceMin",
            ReduceOp::Prod => "ReduceProd",
        };
        self.reduced_by(w, self.takes(id)[0], name, axes)
    }

    /// The division of a sum by the number of its terms, where nothing else becomes of it.
    fn divided_by_count(&self, sum: NodeId, axes: AxisSet) -> Option<NodeId> {
        let source = self.takes(sum)[0];
        let mut at = sum;
        loop {
            let user = *self.users(at).first().filter(|_| self.uses[at.index()] == 1)?;
            match self.op(user) {
                Op::Reshape(_) => at = user,
                Op::Binary(BinaryOp::Div) if self.takes(user)[0] == at => {
                    let count = self.takes(user)[1];
                    // As it is rounded where there are many.
                    let fits = self.graphs.0.iter().all(|g| {
                        let terms = axes.iter().map(|a| g.ty(source).shape.dims()[a] as f64).product::<f64>();
                        literal(g.node(count).op).is_some_and(|l| l.dtype() == DType::F32 && (l.as_f64() / terms - 1.0).abs() < 1e-6)
                    });
                    return fits.then_some(user);
                }
                _ => return None,
            }
        }
    }

    /// A reduction that leaves the axes with one element.
    fn reduced_by(&self, w: &mut Writer<'_>, operand: NodeId, op: &str, axes: AxisSet) -> Result<Held, ExportError> {
        let rank = self.dims(operand).len();
        let held = self.along(w, operand, &axes.iter().collect::<Vec<_>>())?;
        let mut places: Vec<usize> = axes.iter().filter_map(|a| held.axis(a, rank)).collect();
        places.sort_unstable();
        if places.is_empty() {
            return Ok(held);
        }
        let numbers: Vec<i64> = places.iter().map(|&p| p as i64).collect();
        // The axes of sums became an input before those of the others did.
        let name = if op == "ReduceSum" {
            let numbers = w.numbers(&numbers);
            w.node(op, &[&held.name, &numbers], vec![int("keepdims", 1)])
        } else {
            w.node(op, &[&held.name], vec![ints("axes", numbers), int("keepdims", 1)])
        };
        let mut dims = held.dims.clone();
        for p in places {
            dims[p] = Size::always(1, w.traces());
        }
        Ok(Held { name, dims, ..held })
    }

    pub(super) fn arg_reduce(&self, w: &mut Writer<'_>, id: NodeId, op: ArgOp, axis: usize) -> Result<Held, ExportError> {
        let operand = self.takes(id)[0];
        let held = self.along(w, operand, &[axis])?;
        let place = held.axis(axis, self.dims(operand).len()).unwrap_or(0);
        let op = match op {
            ArgOp::Max => "ArgMax",
            ArgOp::Min => "ArgMin",
        };
        let found = w.node(op, &[&held.name], vec![int("axis", place as i64), int("keepdims", 1)]);
        let name = w.node("Cast", &[&found], vec![int("to", i64::from(data_type::INT32))]);
        let mut dims = held.dims.clone();
        dims[place] = Size::always(1, w.traces());
        Ok(Held { name, dims, ..held })
    }

    pub(super) fn transpose(&self, w: &mut Writer<'_>, id: NodeId, perm: Perm) -> Held {
        let held = self.value(self.takes(id)[0]);
        if held.is_one() && held.rank() == 0 {
            return held.clone();
        }
        // Nothing is moved: its axes have other places in the result.
        let held = w.ranked(held, perm.rank());
        let to: Vec<usize> = perm.inverse().axes().collect();
        let order = (0..perm.rank()).map(|at| to[held.node_axis(at, perm.rank())]).collect();
        Held::ordered(held.name, order, held.dims)
    }

    pub(super) fn reshape(&self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let operand = self.takes(id)[0];
        let (from, to) = (self.dims(operand), self.dims(id));
        if self.joined.contains(&id) {
            return Ok(self.value(operand).clone());
        }
        if let Some(part) = self.cut.get(&operand)
            && part.dims == to
        {
            return Ok(part.clone());
        }
        let held = self.value(operand);
        if from == to || held.order.is_none() && held.is_one() && held.rank() <= to.len() {
            return Ok(held.clone());
        }
        // Axes of one element that come or go in front do not matter, as long as none must go.
        let long = |dims: &[Size]| dims.iter().position(|d| !d.is(1)).map_or(Vec::new(), |at| dims[at..].to_vec());
        if held.order.is_none() && long(&from) == long(&to) && held.rank() <= to.len() {
            return Ok(held.clone());
        }
        let one = |d: &&Size| !d.is(1);
        if from.iter().filter(one).eq(to.iter().filter(one)) {
            return Ok(with_ones(w, held, &from, &to));
        }
        let whole = if held.is_whole(&from) { held.clone() } else { w.full(held, &from)? };
        let whole = if whole.lies_plain() { whole } else { w.plain(&whole, from.len()) };
        let mut shape: Vec<i64> = Vec::with_capacity(to.len());
        let mut open = 0;
        for (at, size) in to.iter().enumerate() {
            shape.push(match size.fixed() {
                Some(n) => n,
                None if whole.dims.get(at) == Some(size) => 0,
                None => {
                    open += 1;
                    -1
                }
            });
        }
        if open <= 1 && !to.iter().any(|d| d.is(0)) {
            return Ok(Held::plain(w.reshaped(&whole, &shape, &to), to));
        }
        let shape = w.shape(&to)?;
        Ok(Held::plain(w.node("Reshape", &[&whole.name, &shape], vec![int("allowzero", 1)]), to))
    }

    pub(super) fn slice(&mut self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let operand = self.takes(id)[0];
        let box_of = |op: Op| if let Op::Slice(s) = op { s } else { SliceSpec { start: [0; 6], stop: [0; 6], stride: [1; 6] } };
        let from = self.dims(operand);
        let stride = box_of(self.op(id)).stride;
        let start: Vec<Size> = (0..from.len()).map(|a| self.graphs.attribute(id, |op| box_of(op).start[a])).collect();
        let stop: Vec<Size> = (0..from.len()).map(|a| self.graphs.attribute(id, |op| box_of(op).stop[a])).collect();
        if let Some(parts) = self.parts.get(&operand) {
            let found = parts.iter().find(|p| p.start == start[0] && &stop[0] - &start[0] == p.len);
            if let Some(part) = found.cloned() {
                self.cut.insert(id, part.held.clone());
                // Those that are read as they lie are made so.
                let other =
                    self.users(id).iter().any(|&user| !matches!(self.op(user), Op::Reshape(_)) || self.dims(user) != part.held.dims);
                let is_result = self.graphs.first().outputs().values.iter().any(|v| v.1 == id);
                if !other && !is_result {
                    return Ok(part.held);
                }
                return Ok(Held::plain(flat(w, &part.held), self.dims(id)));
            }
        }
        let held = self.value(operand);
        let cut: Vec<usize> = (0..from.len()).filter(|&a| !(start[a].is(0) && stop[a] == from[a] && stride[a] == 1)).collect();
        let cut: Vec<usize> = cut.into_iter().filter(|&a| held.has(a, &from) && held.axis(a, from.len()).is_some()).collect();
        if cut.is_empty() {
            return Ok(held.clone());
        }
        let held = held.clone();
        let mut dims = held.dims.clone();
        let (mut places, mut starts, mut stops, mut strides) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let to = self.dims(id);
        for a in cut {
            let place = held.axis(a, from.len()).unwrap_or(0);
            places.push(place as i64);
            starts.push(from_end(&start[a], &from[a]));
            stops.push(if stop[a] == from[a] { Size::always(i64::MAX, w.traces()) } else { from_end(&stop[a], &from[a]) });
            strides.push(stride[a] as i64);
            dims[place] = to[a].clone();
        }
        let (starts, stops) = (w.shape(&starts)?, w.shape(&stops)?);
        let (places, strides) = (w.numbers(&places), w.numbers(&strides));
        let name = w.node("Slice", &[&held.name, &starts, &stops, &places, &strides], vec![]);
        Ok(Held { name, dims, ..held })
    }

    pub(super) fn reverse(&self, w: &mut Writer<'_>, id: NodeId, axes: AxisSet) -> Held {
        let operand = self.takes(id)[0];
        let (held, from) = (self.value(operand).clone(), self.dims(operand));
        // What is repeated is the same from behind.
        let places: Vec<i64> =
            axes.iter().filter(|&a| held.has(a, &from)).filter_map(|a| held.axis(a, from.len())).map(|p| p as i64).collect();
        if places.is_empty() {
            return held;
        }
        let (starts, stops) = (w.numbers(&vec![-1; places.len()]), w.numbers(&vec![i64::MIN; places.len()]));
        let name = {
            let axes = w.numbers(&places);
            w.node("Slice", &[&held.name, &starts, &stops, &axes, &starts], vec![])
        };
        Held { name, ..held }
    }

    pub(super) fn pad(&self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let operand = self.takes(id)[0];
        let of = |op: Op| if let Op::Pad(p) = op { p } else { PadSpec { before: [0; 6], after: [0; 6], between: [0; 6] } };
        let rank = self.dims(operand).len();
        let before: Vec<Size> = (0..rank).map(|a| self.graphs.attribute(id, |op| of(op).before[a])).collect();
        let after: Vec<Size> = (0..rank).map(|a| self.graphs.attribute(id, |op| of(op).after[a])).collect();
        let between = of(self.op(id)).between;
        let padded: Vec<usize> = (0..rank).filter(|&a| !before[a].is(0) || !after[a].is(0) || between[a] > 0).collect();
        let mut held = self.along(w, operand, &padded)?;
        let to = self.dims(id);
        for &a in &padded {
            if between[a] > 0 {
                held = spread(w, &held, a, rank, between[a]);
            }
        }
        let zero = Size::always(0, w.traces());
        let by_place = |sizes: &[Size]| -> Vec<Size> {
            (0..rank)
                .map(|at| held.node_axis(at, rank))
                .map(|a| if padded.contains(&a) { sizes[a].clone() } else { zero.clone() })
                .collect()
        };
        let pads: Vec<Size> = by_place(&before).into_iter().chain(by_place(&after)).collect();
        let pads = w.shape(&pads)?;
        let name = w.node("Pad", &[&held.name, &pads], vec![]);
        let mut dims = held.dims.clone();
        for &a in &padded {
            dims[held.axis(a, rank).unwrap_or(0)] = to[a].clone();
        }
        Ok(Held { name, dims, ..held })
    }

    pub(super) fn concat(&self, w: &mut Writer<'_>, id: NodeId, axis: usize) -> Result<Held, ExportError> {
        let operands = self.takes(id);
        let to = self.dims(id);
        let order = self.value(operands[0]).order.clone();
        let same = operands.iter().all(|&x| self.value(x).order == order && self.value(x).is_whole(&self.dims(x)));
        let parts = operands.iter().map(|&x| if same { Ok(self.value(x).clone()) } else { w.full(self.value(x), &self.dims(x)) });
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let place = parts[0].axis(axis, to.len()).unwrap_or(0);
        let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
        let name = w.node("Concat", &names, vec![int("axis", place as i64)]);
        let mut dims = parts[0].dims.clone();
        dims[place] = to[axis].clone();
        Ok(Held { name, dims, order: parts[0].order.clone() })
    }

    pub(super) fn dot(&mut self, w: &mut Writer<'_>, id: NodeId, ta: bool, tb: bool) -> Result<Held, ExportError> {
        let (a, b) = (self.takes(id)[0], self.takes(id)[1]);
        let to = self.dims(id);
        let rank = to.len();
        // Rows of any number of axes times a weight.
        if rank == 2
            && !ta
            && (!tb || w.is_weight(&self.value(b).name))
            && let Some((source, user)) = self.flattened(id, a, true)
        {
            let x = w.full(self.value(source), &self.dims(source))?;
            let y = self.along(w, b, &[0, 1])?;
            let y = w.reordered(&y, if tb { &[1, 0] } else { &[0, 1] });
            let held = Held::plain(w.node("MatMul", &[&x.name, &y.name], vec![]), self.dims(user));
            self.joined.insert(user);
            return Ok(held);
        }
        let mut sides = Vec::with_capacity(2);
        for (x, transposed) in [(a, ta), (b, tb)] {
            let held = self.along(w, x, &[rank - 2, rank - 1])?;
            // With the matrix as ONNX wants it, where that costs nothing.
            let mut order: Vec<usize> = (0..rank).collect();
            if transposed && (rank > 2 || held.order.is_some() || w.is_weight(&held.name)) {
                order.swap(rank - 2, rank - 1);
                let held = w.reordered(&held, &order);
                sides.push((held, false));
            } else {
                sides.push((w.plain(&held, rank), transposed));
            }
        }
        let (x, y) = (&sides[0], &sides[1]);
        let name = if x.1 || y.1 {
            w.node("Gemm", &[&x.0.name, &y.0.name], vec![int("transA", i64::from(x.1)), int("transB", i64::from(y.1))])
        } else {
            w.node("MatMul", &[&x.0.name, &y.0.name], vec![])
        };
        let batch = |at: usize| if x.0.dims[at].is(1) { y.0.dims[at].clone() } else { x.0.dims[at].clone() };
        let dims = (0..rank - 2).map(batch).chain(to[rank - 2..].iter().cloned()).collect();
        Ok(Held::plain(name, dims))
    }
}

/// A value whose axes of one element come and go.
fn with_ones(w: &mut Writer<'_>, held: &Held, from: &[Size], to: &[Size]) -> Held {
    let mut held = w.ranked(held, from.len());
    // Repeated axes have one element, too, and stay.
    let places =
        |held: &Held| -> Vec<usize> { (0..from.len()).filter(|&a| !from[a].is(1)).filter_map(|a| held.axis(a, from.len())).collect() };
    // Axes may be in another order as long as nothing but axes of one element is moved.
    if !places(&held).is_sorted() {
        held = w.plain(&held, from.len());
    }
    let places = places(&held);
    let gone: Vec<i64> = (0..from.len()).filter(|at| !places.contains(at)).map(|at| at as i64).collect();
    let mut dims: Vec<Size> = Vec::with_capacity(to.len());
    let mut left = places.iter().map(|&at| held.dims[at].clone());
    let mut added = Vec::new();
    for (at, size) in to.iter().enumerate() {
        if size.is(1) {
            added.push(at as i64);
            dims.push(Size::always(1, w.traces()));
        } else {
            dims.extend(left.next());
        }
    }
    let fixed: Option<Vec<i64>> = dims.iter().map(Size::fixed).collect();
    if let Some(shape) = fixed {
        return Held::plain(w.reshaped(&held, &shape, &dims), dims);
    }
    let mut name = held.name;
    for (op, axes) in [("Squeeze", gone), ("Unsqueeze", added)] {
        if !axes.is_empty() {
            let axes = w.numbers(&axes);
            name = w.node(op, &[&name, &axes], vec![]);
        }
    }
    Held::plain(name, dims)
}

/// A place along an axis as ONNX has it: from the end, where it is always as far from there.
fn from_end(place: &Size, size: &Size) -> Size {
    let back = place - size;
    if place.fixed().is_none() && back.fixed().is_some_and(|n| n < 0) { back } else { place.clone() }
}

/// All elements in one line.
pub(super) fn flat(w: &mut Writer<'_>, held: &Held) -> String {
    let held = w.plain(held, held.rank());
    let line = w.numbers(&[-1]);
    w.node("Reshape", &[&held.name, &line], vec![])
}

/// Zeros between the elements of an axis: as further columns of a matrix with the elements in its first one.
fn spread(w: &mut Writer<'_>, held: &Held, axis: usize, rank: usize, zeros: usize) -> Held {
    let place = held.axis(axis, rank).unwrap_or(0);
    let behind = w.numbers(&[place as i64 + 1]);
    let column = w.node("Unsqueeze", &[&held.name, &behind], vec![]);
    let mut pads = vec![0; 2 * (rank + 1)];
    pads[rank + 1 + place + 1] = zeros as i64;
    let pads = w.numbers(&pads);
    let matrix = w.node("Pad", &[&column, &pads], vec![]);
    // Rows and columns last, so that the sizes in front keep their places when they are joined; then back.
    let order = (0..place).chain(place + 2..=rank).chain([place, place + 1]).map(|at| at as i64).collect();
    let last = w.node("Transpose", &[&matrix], vec![ints("perm", order)]);
    let mut shape = vec![0; rank];
    shape[rank - 1] = -1;
    let shape = w.numbers(&shape);
    let joined = w.node("Reshape", &[&last, &shape], vec![]);
    let back = (0..place).chain([rank - 1]).chain(place..rank - 1).map(|at| at as i64).collect();
    let line = w.node("Transpose", &[&joined], vec![ints("perm", back)]);
    let (start, stop, at) = (w.numbers(&[0]), w.numbers(&[-(zeros as i64)]), w.numbers(&[place as i64]));
    let name = w.node("Slice", &[&line, &start, &stop, &at], vec![]);
    let mut dims = held.dims.clone();
    dims[place] = Size::of_numbers(dims[place].values().iter().map(|n| n + (n - 1) * zeros as i64));
    Held { name, dims, order: held.order.clone() }
}
