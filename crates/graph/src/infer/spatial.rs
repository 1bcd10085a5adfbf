//! Shapes of convolutions, windows and table look-ups. Sizes come from users: all arithmetic is checked.

use super::ensure;
use crate::spatial::span;
use crate::{ConvSpec, DType, MAX_SPATIAL, Shape, TensorType, WindowSpec};

/// Spatial sizes of `(B, S.., C)`.
fn sizes(shape: &Shape) -> &[usize] {
    &shape.dims()[1..shape.rank() - 1]
}

/// A shape `(first, middle.., last)`.
fn around(first: usize, middle: &[usize], last: usize) -> Result<Shape, String> {
    let mut dims = vec![first];
    dims.extend_from_slice(middle);
    dims.push(last);
    Shape::try_new(&dims).ok_or_else(|| "result is too large".into())
}

fn floats(inputs: &[TensorType], what: &str) -> Result<(), String> {
    ensure(inputs.iter().all(|t| t.dtype == DType::F32), || format!("{what} f32 only; cast first"))
}

/// Number of places of something that spans `span` cells along spatial axis `a`.
fn places(a: usize, n: usize, pads: (usize, usize), span: usize, stride: usize, what: &str) -> Result<usize, String> {
    let padded = n.checked_add(pads.0).and_then(|p| p.checked_add(pads.1)).filter(|&p| isize::try_from(p).is_ok());
    let padded = padded.ok_or_else(|| format!("padding of spatial axis {a} overflows"))?;
    ensure(stride >= 1, || format!("strides must be at least 1, that of spatial axis {a} is 0"))?;
    ensure(span <= padded, || {
        format!(
            "the {what} spans {span} cells of spatial axis {a}, which has {padded} with its padding; use a smaller {what} or `same` padding"
        )
    })?;
    Ok((padded - span) / stride + 1)
}

/// Shape of a convolution's result.
fn convolved(spec: &ConvSpec, x: Shape, kernel: Shape) -> Result<Shape, String> {
    let r = x.rank();
    ensure(r == kernel.rank() && (3..=MAX_SPATIAL + 2).contains(&r), || {
        format!(
            "expects an input (batch, 1 to {MAX_SPATIAL} spatial axes, channels) and a kernel (as many sizes, channels / groups, filters), \
             not shapes {x} and {kernel}; reshape or expand dimensions first"
        )
    })?;
    let (channels, filters, groups) = (x.dims()[r - 1], kernel.dims()[r - 1], spec.groups);
    ensure(groups >= 1 && channels % groups == 0 && filters % groups == 0, || {
        format!("{groups} groups must divide {channels} channels and {filters} filters; try a common divisor of both")
    })?;
    ensure(kernel.dims()[r - 2] == channels / groups, || {
        format!(
            "{channels} channels in {groups} groups need a kernel of {} channels, not {}; change the kernel or the groups",
            channels / groups,
            kernel.dims()[r - 2]
        )
    })?;
    let mut out = Vec::with_capacity(MAX_SPATIAL);
    for (a, (&n, &k)) in sizes(&x).iter().zip(kernel.dims()).enumerate() {
        ensure(k >= 1, || format!("the kernel has no cell along spatial axis {a}; sizes must be at least 1"))?;
        ensure(spec.dilation[a] >= 1, || format!("dilation must be at least 1, that of spatial axis {a} is 0"))?;
        let span = span(k, spec.dilation[a]).ok_or_else(|| format!("dilation of spatial axis {a} overflows"))?;
        out.push(places(a, n, (spec.before[a], spec.after[a]), span, spec.strides[a], "kernel")?);
    }
    around(x.dims()[0], &out, filters)
}

pub(super) fn conv(spec: &ConvSpec, x: TensorType, kernel: TensorType) -> Result<TensorType, String> {
    floats(&[x, kernel], "convolves")?;
    Ok(TensorType::f32(convolved(spec, x.shape, kernel.shape)?))
}

pub(super) fn conv_input(spec: &ConvSpec, input: Shape, dy: TensorType, kernel: TensorType) -> Result<TensorType, String> {
    floats(&[dy, kernel], "convolves")?;
    let expected = convolved(spec, input, kernel.shape)?;
    ensure(dy.shape == expected, || format!("a convolution of {input} with {} gives {expected}, not {}", kernel.shape, dy.shape))?;
    Ok(TensorType::f32(input))
}

pub(super) fn conv_kernel(spec: &ConvSpec, kernel: Shape, x: TensorType, dy: TensorType) -> Result<TensorType, String> {
    floats(&[x, dy], "convolves")?;
    let expected = convolved(spec, x.shape, kernel)?;
    ensure(dy.shape == expected, || format!("a convolution of {} with {kernel} gives {expected}, not {}", x.shape, dy.shape))?;
    Ok(TensorType::f32(kernel))
}

/// Shape of the windows' results.
fn windowed(spec: &WindowSpec, x: Shape) -> Result<Shape, String> {
    let r = x.rank();
    ensure((3..=MAX_SPATIAL + 2).contains(&r), || {
        format!("expects (batch, 1 to {MAX_SPATIAL} spatial axes, channels), not shape {x}; reshape or expand dimensions first")
    })?;
    let mut out = Vec::with_capacity(MAX_SPATIAL);
    for (a, &n) in sizes(&x).iter().enumerate() {
        let (size, before, after) = (spec.size[a], spec.before[a], spec.after[a]);
        ensure(n >= 1, || format!("spatial axis {a} has no cell to look at"))?;
        ensure(size >= 1, || format!("windows must have at least 1 cell, those along spatial axis {a} have 0"))?;
        // So every window sees a real cell.
        ensure(before < size && after < size, || {
            format!("padding of spatial axis {a} ({before} before, {after} after) must be smaller than the window of {size}")
        })?;
        out.push(places(a, n, (before, after), size, spec.strides[a], "window")?);
    }
    around(x.dims()[0], &out, x.dims()[r - 1])
}

pub(super) fn window(spec: &WindowSpec, x: TensorType) -> Result<TensorType, String> {
    floats(&[x], "reduces")?;
    Ok(TensorType::f32(windowed(spec, x.shape)?))
}

pub(super) fn window_spread(spec: &WindowSpec, input: Shape, dy: TensorType) -> Result<TensorType, String> {
    floats(&[dy], "adds up")?;
    let expected = windowed(spec, input)?;
    ensure(dy.shape == expected, || format!("windows of {input} give {expected}, not {}", dy.shape))?;
    Ok(TensorType::f32(input))
}

pub(super) fn window_max_grad(spec: &WindowSpec, x: TensorType, y: TensorType, dy: TensorType) -> Result<TensorType, String> {
    floats(&[x, y, dy], "adds up")?;
    let expected = windowed(spec, x.shape)?;
    ensure(y.shape == expected && dy.shape == expected, || {
        format!("windows of {} give {expected}, not {} and {}", x.shape, y.shape, dy.shape)
    })?;
    Ok(x)
}

pub(super) fn window_max_pick(spec: &WindowSpec, x: TensorType, y: TensorType, v: TensorType) -> Result<TensorType, String> {
    floats(&[x, y, v], "picks")?;
    let expected = windowed(spec, x.shape)?;
    ensure(y.shape == expected && v == x, || {
        format!("expects values of shape {} and windows' results of shape {expected}, not {} and {}", x.shape, v.shape, y.shape)
    })?;
    Ok(y)
}

pub(super) fn gather(table: TensorType, indices: TensorType) -> Result<TensorType, String> {
    ensure(table.dtype != DType::Bool, || "looks up f32 and i32".into())?;
    let (g, m) = groups(table, indices, "a table (groups, rows, columns)")?;
    ensure(table.shape.dims()[1] >= 1 || g * m == 0, || "the table has no row to look up".into())?;
    Ok(TensorType::new(table.dtype, around(g, &[m], table.shape.dims()[2])?))
}

pub(super) fn scatter_add(rows: usize, values: TensorType, indices: TensorType) -> Result<TensorType, String> {
    floats(&[values], "adds up")?;
    let (g, m) = groups(values, indices, "values (groups, indices, columns)")?;
    ensure(values.shape.dims()[1] == m, || {
        format!("expects a row of values for each index, not {} rows for {m} indices", values.shape.dims()[1])
    })?;
    ensure(rows >= 1 || g * m == 0, || "the result has no row to add to".into())?;
    Ok(TensorType::f32(around(g, &[rows], values.shape.dims()[2])?))
}

/// Groups and indices of each.
fn groups(table: TensorType, indices: TensorType, what: &str) -> Result<(usize, usize), String> {
    match (indices.dtype, table.shape.dims(), indices.shape.dims()) {
        (DType::I32, &[g, _, _], &[h, m]) if g == h => Ok((g, m)),
        _ => Err(format!("expects {what} and i32 indices (groups, indices) with equal groups; reshape or cast first")),
    }
}
