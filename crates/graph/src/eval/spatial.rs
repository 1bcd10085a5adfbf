//! Convolutions, windows and table look-ups, each by an enumeration of what meets what.

use super::Value;
use super::rules::{Index, combine, ravel, unravel};
use crate::{ConvSpec, MAX_RANK, ReduceOp, Shape, WindowOp, WindowSpec};

/// Cell of the input along one axis, if it is a real one.
fn cell(place: usize, stride: usize, within: usize, before: usize, size: usize) -> Option<usize> {
    (place * stride + within).checked_sub(before).filter(|&i| i < size)
}

/// Calls `meet(x, kernel, y)` with the flat indices of every real element of the input, the element of the kernel it meets, and the element
/// of the result to which their product belongs; by results, then in the order of the kernel.
fn taps(spec: &ConvSpec, x: Shape, kernel: Shape, y: Shape, mut meet: impl FnMut(usize, usize, usize)) {
    let (last, spatial) = (x.rank() - 1, x.rank() - 2);
    let (per_group, filters) = (kernel.dims()[spatial], kernel.dims()[last] / spec.groups);
    for at_y in 0..y.len() {
        let i = unravel(at_y, y);
        // The elements of this filter.
        for at_kernel in (i[last]..kernel.len()).step_by(kernel.dims()[last]) {
            let k = unravel(at_kernel, kernel);
            let mut from: Index = i;
            let real = (0..spatial).all(|a| {
                let found = cell(i[a + 1], spec.strides[a], k[a] * spec.dilation[a], spec.before[a], x.dims()[a + 1]);
                from[a + 1] = found.unwrap_or(0);
                found.is_some()
            });
            if real {
                from[last] = i[last] / filters * per_group + k[spatial];
                meet(ravel(from, x), at_kernel, at_y);
            }
        }
    }
}

pub(super) fn conv(spec: &ConvSpec, y: Shape, x: &Value, kernel: &Value) -> Vec<f64> {
    let mut out = vec![0.0; y.len()];
    taps(spec, x.ty.shape, kernel.ty.shape, y, |i, k, o| out[o] += x.data[i] * kernel.data[k]);
    out
}

pub(super) fn conv_input(spec: &ConvSpec, x: Shape, dy: &Value, kernel: &Value) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    taps(spec, x, kernel.ty.shape, dy.ty.shape, |i, k, o| out[i] += dy.data[o] * kernel.data[k]);
    out
}

pub(super) fn conv_kernel(spec: &ConvSpec, kernel: Shape, x: &Value, dy: &Value) -> Vec<f64> {
    let mut out = vec![0.0; kernel.len()];
    taps(spec, x.ty.shape, kernel, dy.ty.shape, |i, k, o| out[k] += x.data[i] * dy.data[o]);
    out
}

/// Flat indices of the real cells of one window, in row-major order.
fn cells(spec: &WindowSpec, x: Shape, y: Shape, at: usize) -> Vec<usize> {
    let (i, spatial) = (unravel(at, y), x.rank() - 2);
    let box_shape = Shape::new(&spec.size[..spatial]);
    let mut found = Vec::new();
    for w in 0..box_shape.len() {
        let within = unravel(w, box_shape);
        let mut from: [usize; MAX_RANK] = i;
        let real = (0..spatial).all(|a| {
            let found = cell(i[a + 1], spec.strides[a], within[a], spec.before[a], x.dims()[a + 1]);
            from[a + 1] = found.unwrap_or(0);
            found.is_some()
        });
        if real {
            found.push(ravel(from, x));
        }
    }
    found
}

pub(super) fn window(op: WindowOp, spec: &WindowSpec, y: Shape, x: &Value) -> Vec<f64> {
    let (op, neutral) = match op {
        WindowOp::Sum => (ReduceOp::Sum, 0.0),
        WindowOp::Max => (ReduceOp::Max, f64::NEG_INFINITY),
    };
    let all = |at| cells(spec, x.ty.shape, y, at).into_iter().fold(neutral, |sum, i| combine(op, sum, x.data[i]));
    (0..y.len()).map(all).collect()
}

pub(super) fn window_spread(spec: &WindowSpec, x: Shape, dy: &Value) -> Vec<f64> {
    let mut out = vec![0.0; x.len()];
    for (at, &d) in dy.data.iter().enumerate() {
        for i in cells(spec, x, dy.ty.shape, at) {
            out[i] += d;
        }
    }
    out
}

/// The first cell of a window that equals its result.
fn chosen(spec: &WindowSpec, x: &Value, y: &Value, at: usize) -> Option<usize> {
    let (extreme, equal) = (y.data[at], |v: f64, w: f64| v == w || v.is_nan() && w.is_nan());
    cells(spec, x.ty.shape, y.ty.shape, at).into_iter().find(|&i| equal(x.data[i], extreme))
}

pub(super) fn window_max_grad(spec: &WindowSpec, x: &Value, y: &Value, dy: &Value) -> Vec<f64> {
    let mut out = vec![0.0; x.data.len()];
    for (at, &d) in dy.data.iter().enumerate() {
        if let Some(i) = chosen(spec, x, y, at) {
            out[i] += d;
        }
    }
    out
}

pub(super) fn window_max_pick(spec: &WindowSpec, x: &Value, y: &Value, v: &Value) -> Vec<f64> {
    (0..y.data.len()).map(|at| chosen(spec, x, y, at).map_or(0.0, |i| v.data[i])).collect()
}

/// First element of the row of `table (G, N, C)` that each of the indices `(G, M)` names.
fn rows(table: Shape, indices: &Value) -> impl Iterator<Item = usize> {
    let (n, c, m) = (table.dims()[1], table.dims()[2], indices.ty.shape.dims()[1]);
    let row = move |(at, &i): (usize, &f64)| (at / m * n + (i.max(0.0) as usize).min(n - 1)) * c;
    indices.data.iter().enumerate().map(row)
}

pub(super) fn gather(table: &Value, indices: &Value) -> Vec<f64> {
    let c = table.ty.shape.dims()[2];
    rows(table.ty.shape, indices).flat_map(|row| table.data[row..row + c].iter().copied()).collect()
}

pub(super) fn scatter_add(table: Shape, values: &Value, indices: &Value) -> Vec<f64> {
    let (mut out, c) = (vec![0.0; table.len()], table.dims()[2]);
    for (at, row) in rows(table, indices).enumerate() {
        for (o, v) in out[row..row + c].iter_mut().zip(&values.data[at * c..]) {
            *o += v;
        }
    }
    out
}
