//! Windows over spatial axes. Plain ones are the graph's; those with dilation, wide pads or indices are made axis by axis, of one slice for each of
//! their cells along it.

use super::conv::{Window, channels_first, channels_last, per_axis, spatial};
use super::moves::{bordered, strided};
use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::check::Attribute;
use crate::import::kind::Kind;
use adaline_graph::{DType, Literal, Var, WindowSpec};

/// Most cells along an axis of a window that is made of slices.
const CELLS: usize = 4096;
/// Most windows along an axis whose cells are counted.
const WINDOWS: usize = 1 << 22;

/// A window and, for each axis, how many results there are and by how much the last one goes beyond the pads.
struct Pool {
    window: Window,
    out: Vec<usize>,
    beyond: Vec<usize>,
}

impl Pool {
    fn read(c: &Call<'_, '_>, sizes: &[usize]) -> Result<Self, Trouble> {
        if c.list("kernel_shape")?.is_none() {
            return Err("attribute `kernel_shape` is missing".into());
        }
        let kernel = per_axis(c, "kernel_shape", sizes.len())?;
        let window = Window::read(c, sizes, &kernel)?;
        let ceil = c.flag("ceil_mode")?;
        let (mut out, mut beyond) = (Vec::new(), Vec::new());
        for (a, &n) in sizes.iter().enumerate() {
            let padded = n + window.before[a] + window.after[a];
            let room = padded
                .checked_sub(window.span(a))
                .ok_or_else(|| format!("its window is larger than axis {a} of size {n} with its pads"))?;
            let stride = window.strides[a];
            let mut count = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
            // A window that begins in the pads behind the input does not count.
            if ceil && count > 1 && (count - 1) * stride >= n + window.before[a] {
                count -= 1;
            }
            out.push(count);
            beyond.push(((count - 1) * stride + window.span(a)).saturating_sub(padded));
        }
        Ok(Self { window, out, beyond })
    }
    /// What the graph's windows can do.
    fn spec(&self) -> Option<WindowSpec> {
        let w = &self.window;
        let mut spec = WindowSpec::valid(&w.kernel, &w.strides);
        for a in 0..self.out.len() {
            let after = w.after[a] + self.beyond[a];
            if w.dilation[a] != 1 || w.before[a] >= w.kernel[a] || after >= w.kernel[a] {
                return None;
            }
            (spec.before[a], spec.after[a]) = (w.before[a], after);
        }
        Some(spec)
    }
    /// The input with its pads along an axis, and one slice of it for each cell of the window along this axis.
    fn slices<'g>(&self, x: Var<'g>, a: usize, fill: Literal) -> Result<Vec<Var<'g>>, Trouble> {
        let (w, stride) = (&self.window, self.window.strides[a]);
        if w.kernel[a] > CELLS {
            return Err(format!("windows of {:?} cells are too large here", w.kernel).into());
        }
        let padded = bordered(x, a + 2, w.before[a], w.after[a] + self.beyond[a], fill)?;
        let length = (self.out[a] - 1) * stride + 1;
        Ok((0..w.kernel[a]).map(|k| strided(padded, a + 2, k * w.dilation[a], k * w.dilation[a] + length, stride)).collect())
    }
    /// All windows reduced, axis by axis.
    fn reduced<'g>(&self, x: Var<'g>, fill: f32, f: impl Fn(Var<'g>, Var<'g>) -> Var<'g>) -> Result<Var<'g>, Trouble> {
        (0..self.out.len()).try_fold(x, |x, a| {
            self.slices(x, a, Literal::f32(fill))?.into_iter().reduce(&f).ok_or_else(|| "its window has no cell".into())
        })
    }
    fn sums<'g>(&self, x: Var<'g>) -> Result<Var<'g>, Trouble> {
        if let Some(spec) = self.spec() {
            return Ok(channels_first(channels_last(x).sum_pool(spec)));
        }
        self.reduced(x, 0.0, |a, b| a + b)
    }
    /// How many cells of each window count along an axis.
    fn counts(&self, a: usize, n: usize, pads_too: bool) -> Result<Vec<f32>, Trouble> {
        let (w, dilation) = (&self.window, self.window.dilation[a]);
        if self.out[a] > WINDOWS {
            return Err(format!("{} windows along an axis are too many", self.out[a]).into());
        }
        let (low, high) = if pads_too { (0, n + w.before[a] + w.after[a]) } else { (w.before[a], w.before[a] + n) };
        // Cells `start + k dilation` below a place.
        let below = |start: usize, place: usize| place.saturating_sub(start).div_ceil(dilation).min(w.kernel[a]);
        let inside = |start: usize| below(start, high) - below(start, low);
        Ok((0..self.out[a]).map(|o| inside(o * w.strides[a]) as f32).collect())
    }
}

pub(crate) fn average_pool<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    let sizes = spatial(x)?;
    let pool = Pool::read(c, &sizes)?;
    let mut y = pool.sums(x)?;
    let pads_too = c.flag("count_include_pad")?;
    for (a, &n) in sizes.iter().enumerate() {
        let counts = pool.counts(a, n, pads_too)?;
        let mut dims = vec![1; x.rank()];
        dims[a + 2] = counts.len();
        y = y / c.floats(&dims, counts)?;
    }
    c.like(y)
}
pub(crate) fn lp_pool<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let x = c.float(0)?;
    // A whole number since version 2.
    let p = match c.attribute("p") {
        Some(Attribute::Float(p)) => *p,
        _ => c.int_or("p", 2)? as f32,
    };
    let b = c.b();
    let sums = Pool::read(c, &spatial(x)?)?.sums(x.abs().pow(b.scalar(p)))?;
    c.like(sums.pow(b.scalar(1.0 / p)))
}

pub(crate) fn max_pool<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let (x, kind) = (c.var(0)?.cast(DType::F32), c.kind(0)?);
    let sizes = spatial(x)?;
    let pool = Pool::read(c, &sizes)?;
    let done = |y: Var<'g>| Value::Var(y.cast(kind.dtype()), kind);
    if !c.wants(1) {
        if let Some(spec) = pool.spec() {
            return Ok(vec![done(channels_first(channels_last(x).max_pool(spec)))]);
        }
        return Ok(vec![done(pool.reduced(x, f32::NEG_INFINITY, Var::maximum)?)]);
    }
    // The place in the whole input goes beside each cell; the first of the largest stays.
    let shape = x.shape();
    if i32::try_from(shape.len()).is_err() {
        return Err(format!("{shape} has too many elements for indices of 32 bits").into());
    }
    let r = shape.rank();
    let mut strides: Vec<usize> = shape.strides()[..r].to_vec();
    if c.flag("storage_order")? {
        let mut step = 1;
        for (stride, &size) in strides.iter_mut().zip(shape.dims()).skip(2) {
            *stride = step;
            step *= size;
        }
    }
    let b = c.b();
    let number = |v: usize, s| b.constant(Literal::I32(v as i32), s);
    let mut place = number(0, shape);
    for (a, &stride) in strides.iter().enumerate() {
        place = place + b.iota(shape, a) * number(stride, shape);
    }
    // Axis by axis from the last: of equals the one in the first row stays, and in it the one in the first column.
    let (mut v, mut p) = (x, place);
    for a in (0..sizes.len()).rev() {
        let pairs = pool.slices(v, a, Literal::f32(f32::NEG_INFINITY))?.into_iter().zip(pool.slices(p, a, Literal::I32(0))?);
        let best = pairs.reduce(|(v, p), (w, q)| {
            let better = w.gt(v);
            (better.select(w, v), better.select(q, p))
        });
        (v, p) = best.ok_or("its window has no cell")?;
    }
    Ok(vec![done(v), Value::Var(p, Kind::I64)])
}

fn over_space<'g>(c: &Call<'_, 'g>, f: impl Fn(Var<'g>, &[isize]) -> Var<'g>) -> Made<'g> {
    let x = c.float(0)?;
    if x.rank() < 3 {
        return Err(format!("it takes (batch, channels, spatial axes..), not a tensor of shape {}", x.shape()).into());
    }
    c.like(f(x, &(2..x.rank() as isize).collect::<Vec<_>>()))
}
pub(crate) fn global_average_pool<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    over_space(c, |x, axes| x.mean(axes, true))
}
pub(crate) fn global_max_pool<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    over_space(c, |x, axes| x.max(axes, true))
}
