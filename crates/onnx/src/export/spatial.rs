//! Convolutions, windows and tables. ONNX has channels first.

use super::ExportError;
use super::held::Held;
use super::sizes::Size;
use super::translate::Walk;
use super::writer::{Writer, int, ints, text};
use crate::proto::data_type;
use adaline_graph::{ConvSpec, Literal, MAX_SPATIAL, NodeId, Op, WindowOp, WindowSpec};

/// Zeros around a tensor's spatial axes.
struct Pads {
    before: Vec<Size>,
    after: Vec<Size>,
}

impl Walk<'_> {
    pub(super) fn conv(&self, w: &mut Writer<'_>, id: NodeId, spec: &ConvSpec) -> Result<Held, ExportError> {
        let (x, kernel) = (self.takes(id)[0], self.takes(id)[1]);
        let (from, to) = (self.dims(x), self.dims(id));
        let spatial = to.len() - 2;
        let held = w.in_order(self.value(x), &from, &channels_first(from.len()))?;
        let sizes = self.dims(kernel);
        let weight = self.kernel(w, kernel)?;
        let spans: Vec<Option<i64>> = (0..spatial).map(|a| sizes[a].fixed().map(|k| (k - 1) * spec.dilation[a] as i64 + 1)).collect();
        let pads = self.pads(id, spatial);
        let (input, padding) = padded(w, &held, &pads, &from, &spans, &spec.strides, spec.dilation == [1; MAX_SPATIAL])?;
        let mut attributes = vec![
            ints("dilations", numbers(&spec.dilation[..spatial])),
            int("group", spec.groups as i64),
            ints("strides", numbers(&spec.strides[..spatial])),
        ];
        attributes.extend(padding);
        let name = w.node("Conv", &[&input, &weight.name], attributes);
        Ok(first(name, &to))
    }

    pub(super) fn conv_input(&self, w: &mut Writer<'_>, id: NodeId, spec: &ConvSpec) -> Result<Held, ExportError> {
        let (dy, kernel) = (self.takes(id)[0], self.takes(id)[1]);
        let (from, to) = (self.dims(dy), self.dims(id));
        let spatial = to.len() - 2;
        let held = w.in_order(self.value(dy), &from, &channels_first(from.len()))?;
        let sizes = self.dims(kernel);
        let weight = self.kernel(w, kernel)?;
        let pads = self.pads(id, spatial);
        let layer = w.layer().to_owned();
        let open = || ExportError::Size { layer: layer.clone() };
        let (mut all, mut extra) = (Vec::new(), Vec::new());
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for a in 0..spatial {
            let span = sizes[a].fixed().map(|k| (k - 1) * spec.dilation[a] as i64 + 1).ok_or_else(open)?;
            let (b, e) = (pads.before[a].fixed().ok_or_else(open)?, pads.after[a].fixed().ok_or_else(open)?);
            // Cells behind the last one that a kernel reaches.
            let reach = from[a + 1].values().iter().map(|n| spec.strides[a] as i64 * (n - 1) + span - b - e);
            let rest = &to[a + 1] - &Size::of_numbers(reach);
            extra.push(rest.fixed().ok_or_else(open)?);
            before.push(b);
            after.push(e);
        }
        all.append(&mut before);
        all.append(&mut after);
        let attributes = vec![
            ints("dilations", numbers(&spec.dilation[..spatial])),
            int("group", spec.groups as i64),
            ints("output_padding", extra),
            ints("pads", all),
            ints("strides", numbers(&spec.strides[..spatial])),
        ];
        let name = w.node("ConvTranspose", &[&held.name, &weight.name], attributes);
        Ok(first(name, &to))
    }

    /// A kernel `(K.., C, O)` as ONNX has it, `(O, C, K..)`.
    fn kernel(&self, w: &mut Writer<'_>, kernel: NodeId) -> Result<Held, ExportError> {
        let dims = self.dims(kernel);
        let r = dims.len();
        let order: Vec<usize> = [r - 1, r - 2].into_iter().chain(0..r - 2).collect();
        w.in_order(self.value(kernel), &dims, &order)
    }

    pub(super) fn window(&self, w: &mut Writer<'_>, id: NodeId, op: WindowOp, spec: &WindowSpec) -> Result<Held, ExportError> {
        let x = self.takes(id)[0];
        let (from, to) = (self.dims(x), self.dims(id));
        let spatial = to.len() - 2;
        let held = w.in_order(self.value(x), &from, &channels_first(from.len()))?;
        let spans: Vec<Option<i64>> = spec.size[..spatial].iter().map(|&k| Some(k as i64)).collect();
        let pads = self.pads(id, spatial);
        let zeros = pads.before.iter().chain(&pads.after).all(|p| p.fixed().is_some()) || op == WindowOp::Sum;
        let (input, padding) = padded(w, &held, &pads, &from, &spans, &spec.strides, true)?;
        if !zeros && padding.iter().all(|a| a.name != "auto_pad") {
            // Zeros that are added by themselves would count.
            return Err(ExportError::Size { layer: w.layer().to_owned() });
        }
        let mut attributes = vec![ints("kernel_shape", numbers(&spec.size[..spatial])), ints("strides", numbers(&spec.strides[..spatial]))];
        attributes.extend(padding);
        Ok(match op {
            WindowOp::Max => first(w.node("MaxPool", &[&input], attributes), &to),
            WindowOp::Sum => {
                // The mean, with zeros for the padding, times the number of cells.
                attributes.push(int("count_include_pad", 1));
                let mean = w.node("AveragePool", &[&input], attributes);
                let cells = w.scalar(spec.size[..spatial].iter().product::<usize>() as f32);
                first(w.node("Mul", &[&mean, &cells], vec![]), &to)
            }
        })
    }

    /// Padding of the spatial axes.
    fn pads(&self, id: NodeId, spatial: usize) -> Pads {
        let both = |op: Op| match op {
            Op::Conv { spec } | Op::ConvInput { spec, .. } => (spec.before, spec.after),
            Op::Window { spec, .. } => (spec.before, spec.after),
            _ => ([0; MAX_SPATIAL], [0; MAX_SPATIAL]),
        };
        Pads {
            before: (0..spatial).map(|a| self.graphs.attribute(id, |op| both(op).0[a])).collect(),
            after: (0..spatial).map(|a| self.graphs.attribute(id, |op| both(op).1[a])).collect(),
        }
    }

    /// Rows of `table (G, N, C)` by `indices (G, M)`.
    pub(super) fn gather(&mut self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let (table, indices) = (self.takes(id)[0], self.takes(id)[1]);
        let (rows, at, to) = (self.dims(table), self.dims(indices), self.dims(id));
        let t = self.along(w, table, &[1, 2])?;
        let t = w.plain(&t, 3);
        let i = self.along(w, indices, &[1])?;
        let i = w.plain(&i, 2);
        let clipped_places = clipped(w, &i.name, &rows[1])?;
        // One table for all groups, or the same indices for all.
        if t.dims[0].is(1) {
            let group = w.numbers(&[0]);
            let one = match w.weight_without_groups(&t) {
                Some(name) => name,
                None => w.node("Squeeze", &[&t.name, &group], vec![]),
            };
            if to[0].is(1)
                && let Some((source, user)) = self.flattened(id, indices, false)
            {
                let places = w.full(self.value(source), &self.dims(source))?;
                let clipped = clipped(w, &places.name, &rows[1])?;
                let held = Held::plain(w.node("Gather", &[&one, &clipped], vec![int("axis", 0)]), self.dims(user));
                self.joined.insert(user);
                return Ok(held);
            }
            let name = w.node("Gather", &[&one, &clipped_places], vec![int("axis", 0)]);
            return Ok(Held::plain(name, vec![i.dims[0].clone(), at[1].clone(), rows[2].clone()]));
        }
        if i.dims[0].is(1) {
            let group = w.numbers(&[0]);
            let one = w.node("Squeeze", &[&clipped_places, &group], vec![]);
            return Ok(Held::plain(w.node("Gather", &[&t.name, &one], vec![int("axis", 1)]), to));
        }
        let behind = w.numbers(&[2]);
        let places = w.node("Unsqueeze", &[&clipped_places, &behind], vec![]);
        let places = w.node("Cast", &[&places], vec![int("to", i64::from(data_type::INT64))]);
        Ok(Held::plain(w.node("GatherND", &[&t.name, &places], vec![int("batch_dims", 1)]), to))
    }

    /// Rows of `values (G, M, C)` added up by `indices (G, M)`.
    pub(super) fn scatter_add(&self, w: &mut Writer<'_>, id: NodeId) -> Result<Held, ExportError> {
        let (values, indices) = (self.takes(id)[0], self.takes(id)[1]);
        let (from, to) = (self.dims(values), self.dims(id));
        let v = w.full(self.value(values), &from)?;
        let i = w.full(self.value(indices), &self.dims(indices))?;
        let clipped = clipped(w, &i.name, &to[1])?;
        let behind = w.numbers(&[2]);
        let places = w.node("Unsqueeze", &[&clipped, &behind], vec![]);
        let shape = w.shape(&from)?;
        let places = w.node("Expand", &[&places, &shape], vec![]);
        let (zero, shape) = (w.scalar(0.0), w.shape(&to)?);
        let empty = w.node("Expand", &[&zero, &shape], vec![]);
        let attributes = vec![int("axis", 1), text("reduction", "add")];
        Ok(Held::plain(w.node("ScatterElements", &[&empty, &places, &v.name], attributes), to))
    }
}

/// Indices out of range count as the nearest in range.
fn clipped(w: &mut Writer<'_>, indices: &str, rows: &Size) -> Result<String, ExportError> {
    let zero = w.literal(Literal::I32(0));
    let last = w.last_place(rows)?;
    Ok(w.node("Clip", &[indices, &zero, &last], vec![]))
}

/// The axes of `(B, S.., C)` in the order `(B, C, S..)`.
fn channels_first(rank: usize) -> Vec<usize> {
    [0, rank - 1].into_iter().chain(1..rank - 1).collect()
}

/// A result `(B, C, S..)` that stands for `(B, S.., C)`.
fn first(name: String, dims: &[Size]) -> Held {
    let order = channels_first(dims.len());
    let sizes = order.iter().map(|&a| dims[a].clone()).collect();
    Held::ordered(name, order, sizes)
}

fn numbers(values: &[usize]) -> Vec<i64> {
    values.iter().map(|&v| v as i64).collect()
}

/// What a convolution or window of the given spans takes, and the attribute with the padding: `pads`; where it depends on the input, `auto_pad`,
/// if it is what that means; zeros around the input else.
fn padded(
    w: &mut Writer<'_>,
    held: &Held,
    pads: &Pads,
    from: &[Size],
    spans: &[Option<i64>],
    strides: &[usize],
    automatic: bool,
) -> Result<(String, Option<crate::proto::Attribute>), ExportError> {
    let all: Vec<Size> = pads.before.iter().chain(&pads.after).cloned().collect();
    if let Some(fixed) = all.iter().map(Size::fixed).collect::<Option<Vec<_>>>() {
        return Ok((held.name.clone(), Some(ints("pads", fixed))));
    }
    let same = |a: usize| {
        let stride = strides[a] as i64;
        // Runtimes refuse the negative padding that would come of cells between windows.
        let Some(span) = spans[a].filter(|&span| span >= stride) else { return false };
        let total = |n: &i64| ((n + stride - 1) / stride * stride - stride + span - n).max(0);
        from[a + 1].values().iter().zip(pads.before[a].values().iter().zip(pads.after[a].values())).all(|(n, (b, e))| {
            let t = total(n);
            (*b, *e) == (t / 2, t - t / 2)
        })
    };
    if automatic && (0..spans.len()).all(same) {
        return Ok((held.name.clone(), Some(text("auto_pad", "SAME_UPPER"))));
    }
    let none = Size::always(0, w.traces());
    let around = |sizes: &[Size]| [none.clone(), none.clone()].into_iter().chain(sizes.iter().cloned()).collect::<Vec<_>>();
    let pads = w.shape(&[around(&pads.before), around(&pads.after)].concat())?;
    Ok((w.node("Pad", &[&held.name, &pads], vec![]), None))
}
