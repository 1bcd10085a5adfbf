//! Resizing as `keras.ops.image.resize` does it (its JAX backend: `jax.image.scale_and_translate` without antialiasing):
//! half-pixel centres, weights beyond the picture left out and the rest brought to sum 1.

use super::decode::Pixels;
use crate::{AspectRatio, Color, ImageOptions, Interpolation};

/// Resizes a picture and rounds to the nearest byte, ties to even; cubic and Lanczos' overshoot is cut off at 0 and 255.
pub(super) fn resize_into(picture: &Pixels<'_>, options: &ImageOptions, out: &mut [u8]) {
    let mut rows = out.chunks_exact_mut(options.size.1 * options.color.channels());
    resize(picture, options, |row| {
        for (byte, &value) in rows.next().unwrap_or_default().iter_mut().zip(row) {
            *byte = value.round_ties_even() as u8; // saturates
        }
    });
}

/// Gives the rows of the resized picture in turn, each (W, C).
fn resize(picture: &Pixels<'_>, options: &ImageOptions, mut row_done: impl FnMut(&[f32])) {
    let (height, width) = options.size;
    let channels = options.color.channels();
    let (vertical, horizontal) = windows(picture.height, picture.width, options);
    let down = Taps::new(vertical, picture.height, height, options.interpolation);
    let across = Taps::new(horizontal, picture.width, width, options.interpolation);
    // Rows of the picture at their new width; as many as one new row is made of, since later rows are made of later ones.
    let mut kept: Vec<(usize, Vec<f32>)> = vec![(usize::MAX, vec![0.0; width * channels]); down.most()];
    let mut converted = vec![0; picture.width * channels];
    let mut sum = vec![0.0; width * channels];
    for y in 0..height {
        sum.fill(0.0);
        for (row, weight) in down.of(y) {
            let slot = row % kept.len();
            let (holds, values) = &mut kept[slot];
            if *holds != row {
                *holds = row;
                convert(picture.row(row), picture.channels, options.color, &mut converted);
                for (x, pixel) in values.chunks_exact_mut(channels).enumerate() {
                    pixel.fill(0.0);
                    for (from, weight) in across.of(x) {
                        let source = &converted[from * channels..][..channels];
                        for (value, &byte) in pixel.iter_mut().zip(source) {
                            *value += weight * f32::from(byte);
                        }
                    }
                }
            }
            for (total, &value) in sum.iter_mut().zip(&*values) {
                *total += weight * value;
            }
        }
        row_done(&sum);
    }
}

/// The part of an axis that becomes the whole new axis; it may begin before the picture and end after it.
#[derive(Clone, Copy)]
struct Window {
    start: isize,
    len: usize,
}

/// The parts of height and width that become the new ones; Keras' formulas, including its truncations.
fn windows(height: usize, width: usize, options: &ImageOptions) -> (Window, Window) {
    let (target_height, target_width) = options.size;
    // the height that has the ratio with this width, and the other way round
    let fitting_height = (width as f64 * target_height as f64 / target_width as f64) as usize;
    let fitting_width = (height as f64 * target_width as f64 / target_height as f64) as usize;
    let cut = |size: usize, fitting: usize| {
        let len = fitting.clamp(1, size);
        Window { start: ((size - len) / 2) as isize, len }
    };
    let pad = |size: usize, fitting: usize| {
        let before = (fitting.max(size) - size) / 2;
        Window { start: -(before as isize), len: size + 2 * before }
    };
    let whole = |len| Window { start: 0, len };
    match options.aspect_ratio {
        AspectRatio::Stretch => (whole(height), whole(width)),
        AspectRatio::Crop => (cut(height, fitting_height), cut(width, fitting_width)),
        AspectRatio::Pad => {
            let vertical = pad(height, fitting_height);
            (vertical, if vertical.start < 0 { whole(width) } else { pad(width, fitting_width) })
        }
    }
}

/// For each new place on an axis, the places of the picture that it is made of, with weights.
struct Taps {
    /// Where the taps of each new place end in `taps`.
    ends: Vec<usize>,
    taps: Vec<(usize, f32)>,
}

impl Taps {
    fn new(window: Window, size: usize, target: usize, interpolation: Interpolation) -> Self {
        let mut taps = Vec::new();
        let mut ends = Vec::with_capacity(target);
        for i in 0..target {
            // (i + 0.5) * len / target - 0.5 is where the centre of a new pixel lies among the old ones
            if interpolation == Interpolation::Nearest {
                let at = ((2 * i as u128 + 1) * window.len as u128 / (2 * target as u128)) as usize;
                taps.extend(inside(window, size, at).map(|at| (at, 1.0)));
            } else {
                let centre = (i as f64 + 0.5) * window.len as f64 / target as f64 - 0.5;
                let radius = radius(interpolation);
                let first = (centre - radius).ceil().max(0.0) as usize;
                let last = ((centre + radius).floor() as usize).min(window.len - 1);
                let weight = |at: usize| kernel(interpolation, (at as f64 - centre).abs());
                let total: f64 = (first..=last).map(weight).sum();
                let used = (first..=last).filter_map(|at| Some((inside(window, size, at)?, (weight(at) / total) as f32)));
                taps.extend(used.filter(|&(_, weight)| weight != 0.0));
            }
            ends.push(taps.len());
        }
        Self { ends, taps }
    }

    fn of(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let start = if i == 0 { 0 } else { self.ends[i - 1] };
        self.taps[start..self.ends[i]].iter().copied()
    }

    /// From the first to the last of those of one place, the most; at least 1.
    fn most(&self) -> usize {
        let span =
            |i| self.of(i).map(|(at, _)| at).max().zip(self.of(i).map(|(at, _)| at).min()).map_or(1, |(last, first)| last - first + 1);
        (0..self.ends.len()).map(span).max().unwrap_or(1)
    }
}

/// The place in the picture of a place in a window; none in the padding.
fn inside(window: Window, size: usize, at: usize) -> Option<usize> {
    window.start.checked_add_unsigned(at).and_then(|at| usize::try_from(at).ok()).filter(|&at| at < size)
}

fn radius(interpolation: Interpolation) -> f64 {
    match interpolation {
        Interpolation::Nearest => 0.5,
        Interpolation::Bilinear => 1.0,
        Interpolation::Bicubic => 2.0,
        Interpolation::Lanczos3 => 3.0,
        Interpolation::Lanczos5 => 5.0,
    }
}

/// The weight at a distance of x >= 0, before all are brought to sum 1.
fn kernel(interpolation: Interpolation, x: f64) -> f64 {
    match interpolation {
        Interpolation::Nearest => 1.0,
        Interpolation::Bilinear => (1.0 - x).max(0.0),
        // R. Keys, Cubic convolution interpolation for digital image processing, 1981, a = -0.5
        Interpolation::Bicubic if x < 1.0 => ((1.5 * x - 2.5) * x) * x + 1.0,
        Interpolation::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
        Interpolation::Bicubic => 0.0,
        Interpolation::Lanczos3 | Interpolation::Lanczos5 => {
            let radius = radius(interpolation);
            if x > radius {
                0.0
            } else if x > 1e-3 {
                radius * sin_pi(x) * sin_pi(x / radius) / (std::f64::consts::PI.powi(2) * x * x)
            } else {
                1.0
            }
        }
    }
}

/// sin(pi x) for small x >= 0 by its series, so that the bits are the same on every machine; the system's sine need not be.
fn sin_pi(x: f64) -> f64 {
    let turns = x.round();
    let angle = (x - turns) * std::f64::consts::PI; // -pi/2 ..= pi/2
    let square = angle * angle;
    // angle - angle^3 / 3! + ... - angle^19 / 19!, from the end
    let series = (1..10).rev().fold(1.0, |sum, i| 1.0 - square / f64::from(2 * i * (2 * i + 1)) * sum);
    if turns % 2.0 == 0.0 { angle * series } else { -angle * series }
}

/// Brings a row of bytes to the wanted channels.
fn convert(row: &[u8], channels: usize, color: Color, out: &mut [u8]) {
    if channels == color.channels() {
        out.copy_from_slice(row);
        return;
    }
    let pixels = row.chunks_exact(channels).map(|pixel| match *pixel {
        [grey] => [grey, grey, grey, 255],
        [grey, alpha] => [grey, grey, grey, alpha],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, alpha, ..] => [r, g, b, alpha],
        [] => [0; 4],
    });
    for (to, [r, g, b, alpha]) in out.chunks_exact_mut(color.channels()).zip(pixels) {
        match color {
            Color::Gray => to[0] = grey(r, g, b),
            Color::Rgb => to.copy_from_slice(&[r, g, b]),
            Color::Rgba => to.copy_from_slice(&[r, g, b, alpha]),
        }
    }
}

/// Pillow's integers for 0.299, 0.587 and 0.114; a grey stays itself.
fn grey(r: u8, g: u8, b: u8) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests;
