//! Tensors of another size. Where each new element comes from depends on sizes alone, so that each axis is one look-up or one product with a
//! matrix of weights, which is made here.

use super::moves::pick;
use super::shape::sizes;
use crate::import::call::{Call, Made, Trouble};
use adaline_graph::{DType, Shape, Var};

/// How new elements are made, as the attributes say.
struct How<'c> {
    mode: &'c str,
    place: &'c str,
    nearest: &'c str,
    cubic: f64,
    exclude: bool,
    antialias: bool,
    extrapolation: f32,
}

/// One axis: sizes, and the factor between them.
struct Axis {
    from: usize,
    to: usize,
    scale: f64,
    roi: (f64, f64),
}

impl Axis {
    /// The place in the old axis of element `i` of the new one.
    fn place(&self, i: usize, how: &str) -> Result<f64, Trouble> {
        let (x, from, to, scale) = (i as f64, self.from as f64, self.to as f64, self.scale);
        // The size before it was rounded down, which places are counted by.
        let length = scale * from;
        Ok(match how {
            "half_pixel" => (x + 0.5) / scale - 0.5,
            "half_pixel_symmetric" => {
                // What the rounding of the size leaves is shared between both ends.
                let adjustment = to / (scale * from);
                let centre = from / 2.0;
                centre * (1.0 - adjustment) + (x + 0.5) / scale - 0.5
            }
            "pytorch_half_pixel" => {
                if self.to > 1 {
                    (x + 0.5) / scale - 0.5
                } else {
                    0.0
                }
            }
            "align_corners" => {
                if length > 1.0 {
                    x * (from - 1.0) / (length - 1.0)
                } else {
                    0.0
                }
            }
            "asymmetric" => x / scale,
            "tf_half_pixel_for_nn" => (x + 0.5) / scale,
            "tf_crop_and_resize" => {
                let (start, end) = self.roi;
                if length > 1.0 {
                    start * (from - 1.0) + x * (end - start) * (from - 1.0) / (length - 1.0)
                } else {
                    0.5 * (start + end) * (from - 1.0)
                }
            }
            other => return Err(format!("attribute `coordinate_transformation_mode` cannot be {other}").into()),
        })
    }
    /// Elements of the old axis with their weights, for one place.
    fn weights(&self, x: f64, how: &How<'_>) -> Vec<(usize, f64)> {
        let shrink = if how.antialias { self.scale.min(1.0) } else { 1.0 };
        let reach = if how.mode == "linear" { 1.0 } else { 2.0 } / shrink;
        let kernel = |d: f64| {
            let d = (d * shrink).abs();
            let a = how.cubic;
            match how.mode {
                "linear" => (1.0 - d).max(0.0),
                _ if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
                _ if d < 2.0 => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
                _ => 0.0,
            }
        };
        let (first, last) = ((x - reach).floor() as i64, (x + reach).ceil() as i64);
        let n = self.from as i64;
        let outside = |i: i64| !(0..n).contains(&i);
        let all: Vec<(i64, f64)> = (first..=last).map(|i| (i, kernel(i as f64 - x))).filter(|w| w.1 != 0.0).collect();
        let total: f64 = all.iter().filter(|w| !(how.exclude && outside(w.0))).map(|w| w.1).sum();
        let kept = all.into_iter().filter(|w| !(how.exclude && outside(w.0)));
        let divide = how.exclude || how.antialias;
        kept.map(|(i, w)| (i.clamp(0, n - 1) as usize, if divide { w / total } else { w })).collect()
    }
}

/// Longest axis that is made.
const LONGEST: usize = 1 << 20;
/// Most weights of an axis.
const WEIGHTS: usize = 1 << 24;

fn resized<'g>(c: &Call<'_, 'g>, x: Var<'g>, axis: usize, a: &Axis, how: &How<'_>) -> Result<Var<'g>, Trouble> {
    if a.to > LONGEST {
        return Err(format!("an axis of size {} is too long; at most {LONGEST}", a.to).into());
    }
    let places: Vec<f64> = (0..a.to).map(|i| a.place(i, how.place)).collect::<Result<_, _>>()?;
    let mut y = x;
    if how.mode == "nearest" {
        let nearest = |x: f64| match how.nearest {
            "round_prefer_floor" => Ok((x - 0.5).ceil()),
            "round_prefer_ceil" => Ok((x + 0.5).floor()),
            "floor" => Ok(x.floor()),
            "ceil" => Ok(x.ceil()),
            other => Err(format!("attribute `nearest_mode` cannot be {other}")),
        };
        let most = a.from as f64 - 1.0;
        let chosen: Vec<usize> = places.iter().map(|&x| nearest(x).map(|x| x.clamp(0.0, most) as usize)).collect::<Result<_, _>>()?;
        if a.from != a.to || chosen.iter().enumerate().any(|(i, &p)| i != p) {
            y = pick(c, y, axis, &chosen)?;
        }
    } else {
        if a.from.checked_mul(a.to).is_none_or(|n| n > WEIGHTS) {
            return Err(format!("an axis of size {} to one of {} has too many weights", a.from, a.to).into());
        }
        let mut matrix = vec![0.0f32; a.to * a.from];
        for (i, &x) in places.iter().enumerate() {
            for (at, w) in a.weights(x, how) {
                matrix[i * a.from + at] += w as f32;
            }
        }
        let dims = x.shape().dims().to_vec();
        let (outer, inner) = (dims[..axis].iter().product::<usize>(), dims[axis + 1..].iter().product::<usize>());
        let mut to = dims.clone();
        to[axis] = a.to;
        let matrix = c.floats(&[1, a.to, a.from], matrix)?.broadcast_to(Call::shape_of(&[outer, a.to, a.from])?);
        y = matrix.matmul(x.reshape([outer, a.from, inner])).reshape(Call::shape_of(&to)?);
    }
    let beyond = |x: f64| x < 0.0 || x > a.from as f64 - 1.0;
    if how.place == "tf_crop_and_resize" && places.iter().any(|&x| beyond(x)) {
        let mut dims = vec![1; x.rank()];
        dims[axis] = a.to;
        let mask = c.floats(&dims, places.iter().map(|&x| f32::from(u8::from(beyond(x)))).collect())?;
        y = mask.broadcast_to(y.shape()).gt_scalar(0.5).select(c.b().full(y.shape(), how.extrapolation), y);
    }
    Ok(y)
}

pub(crate) fn resize<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let old = c.opset() < 11;
    let (scales_at, sizes_at) = if old { (1, usize::MAX) } else { (2, 3) };
    let how = How {
        mode: c.text_or("mode", "nearest")?,
        place: c.text_or("coordinate_transformation_mode", if old { "asymmetric" } else { "half_pixel" })?,
        nearest: c.text_or("nearest_mode", if old { "floor" } else { "round_prefer_floor" })?,
        cubic: f64::from(c.real_or("cubic_coeff_a", -0.75)?),
        exclude: c.flag("exclude_outside")?,
        antialias: c.flag("antialias")?,
        extrapolation: c.real_or("extrapolation_value", 0.0)?,
    };
    let scales = match c.attribute("scales") {
        Some(_) => c.reals("scales")?.to_vec(),
        None if c.has(scales_at) => c.known(scales_at)?.as_f32().ok_or("its scales must be floats")?.to_vec(),
        None => Vec::new(),
    };
    let wanted = if c.has(sizes_at) { Some(sizes(&c.ints(sizes_at)?)?) } else { None };
    run(c, &how, &scales, wanted.filter(|w| !w.is_empty()))
}

fn run<'g>(c: &Call<'_, 'g>, how: &How<'_>, scales: &[f32], wanted: Option<Vec<usize>>) -> Made<'g> {
    let kind = c.kind(0)?;
    let mut x = c.var(0)?.cast(DType::F32);
    let how = How { mode: if how.mode == "bilinear" { "linear" } else { how.mode }, ..*how };
    if !matches!(how.mode, "nearest" | "linear" | "cubic") {
        return Err(format!("attribute `mode` must be nearest, linear or cubic, not {}", how.mode).into());
    }
    let axes = match c.list("axes")? {
        Some(axes) => Call::axes(axes, x.rank())?,
        None => (0..x.rank()).collect(),
    };
    let from: Vec<usize> = axes.iter().map(|&a| x.dim(a as isize)).collect();
    let (to, factors): (Vec<usize>, Vec<f64>) = match wanted {
        Some(mut to) if to.len() == axes.len() => {
            let mut factors: Vec<f64> = to.iter().zip(&from).map(|(&t, &f)| t as f64 / f as f64).collect();
            let kept = match c.text_or("keep_aspect_ratio_policy", "stretch")? {
                "stretch" => None,
                "not_larger" => factors.iter().copied().reduce(f64::min),
                "not_smaller" => factors.iter().copied().reduce(f64::max),
                other => return Err(format!("attribute `keep_aspect_ratio_policy` cannot be {other}").into()),
            };
            if let Some(scale) = kept {
                factors = vec![scale; to.len()];
                to = from.iter().map(|&f| (scale * f as f64 + 0.5).floor() as usize).collect();
            }
            (to, factors)
        }
        None if scales.len() == axes.len() => {
            let factors: Vec<f64> = scales.iter().map(|&s| f64::from(s)).collect();
            (factors.iter().zip(&from).map(|(s, &f)| (s * f as f64).floor().max(0.0) as usize).collect(), factors)
        }
        _ => return Err(format!("it needs a scale or a size for each of {} axes", axes.len()).into()),
    };
    let roi = if how.place == "tf_crop_and_resize" { c.known(1)?.to_f64() } else { Vec::new() };
    let mut shape = x.shape().dims().to_vec();
    for (&axis, &size) in axes.iter().zip(&to) {
        shape[axis] = size;
    }
    let shape: Shape = Call::shape_of(&shape)?;
    if shape.is_empty() || x.shape().is_empty() {
        return Err(format!("a tensor of shape {} cannot become one of shape {shape}", x.shape()).into());
    }
    for (i, &axis) in axes.iter().enumerate() {
        let roi = (roi.get(i).copied().unwrap_or(0.0), roi.get(i + axes.len()).copied().unwrap_or(1.0));
        let a = Axis { from: from[i], to: to[i], scale: factors[i], roi };
        if (a.from, a.scale) != (a.to, 1.0) || how.place == "tf_crop_and_resize" {
            x = resized(c, x, axis, &a, &how)?;
        }
    }
    c.like(x.cast(kind.dtype()))
}

/// The operator before `Resize`.
pub(crate) fn upsample<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let scales = match c.attribute("scales") {
        Some(_) => c.reals("scales")?.to_vec(),
        None => c.known(1)?.as_f32().ok_or("its scales must be floats")?.to_vec(),
    };
    let mode = c.text_or("mode", "nearest")?;
    let how = How { mode, place: "asymmetric", nearest: "floor", cubic: -0.75, exclude: false, antialias: false, extrapolation: 0.0 };
    run(c, &how, &scales, None)
}
