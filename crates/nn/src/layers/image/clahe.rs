//! Contrast limited adaptive histogram equalization.

use super::{
    affine::{FillMode, Sampling, sample},
    common::{BYTES, Interpolation, check_range, on_images, value_range_builder},
    equalization::running_sum,
    solarization::rescale,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        shaping::DataFormat,
    },
};
use adaline_graph::{DType, Literal, Var};
use serde::{Deserialize, Serialize};

/// In training and outside of it, spreads the values of each part of an image so that all are about equally frequent there: the image is cut into a
/// grid of tiles, each of which has a table of 256 values, and each pixel becomes the mean of what the tables of the four nearest tiles say, by its
/// distances (Pizer et al. 1987). No value counts more than `clip_limit` times the average in a table, so that noise is not made of what is even; what
/// is above it is given to all values. A `clip_limit` of 0 sets no limit.
///
/// An image that the grid does not divide is mirrored at its right and lower border up to there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContrastLimitedAdaptiveHistogramEqualization {
    common: LayerCommon,
    data_format: DataFormat,
    value_range: [f64; 2],
    clip_limit: f64,
    tile_grid_size: [usize; 2],
}

impl Default for ContrastLimitedAdaptiveHistogramEqualization {
    fn default() -> Self {
        let (common, data_format) = (LayerCommon::default(), DataFormat::default());
        Self { common, data_format, value_range: BYTES, clip_limit: 4.0, tile_grid_size: [8, 8] }
    }
}

layer_builder!(ContrastLimitedAdaptiveHistogramEqualization, "ContrastLimitedAdaptiveHistogramEqualization", []);
value_range_builder!(ContrastLimitedAdaptiveHistogramEqualization);

const CLASS: &str = "ContrastLimitedAdaptiveHistogramEqualization";
/// Values that a table tells apart.
const SHADES: usize = 256;
/// Most tiles along an axis.
const MOST_TILES: usize = 1024;

impl ContrastLimitedAdaptiveHistogramEqualization {
    /// With a grid of 8 by 8 tiles and a limit of 4 for values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }
    /// How often, in averages, a value counts at most in a table; 0 for as often as it is there.
    pub fn clip_limit(mut self, limit: f64) -> Self {
        self.clip_limit = limit;
        self
    }
    /// How many tiles along height and width.
    pub fn tile_grid_size(mut self, height: usize, width: usize) -> Self {
        self.tile_grid_size = [height, width];
        self
    }
    /// Where the channels are.
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    /// Images `(B, H, W, C)`, equalized.
    fn equalized<'g>(&self, x: Var<'g>) -> Var<'g> {
        let &[n, h, w, c] = x.shape().dims() else { return x };
        let (b, [rows, columns]) = (x.builder(), self.tile_grid_size);
        let (tile_h, tile_w) = (h.div_ceil(rows), w.div_ceil(columns));
        let (all_h, all_w) = (tile_h * rows, tile_w * columns);
        let v = rescale(x, self.value_range, BYTES);
        let padded = if (all_h, all_w) == (h, w) {
            v
        } else {
            let mirrored = Sampling { fill_mode: FillMode::Reflect, interpolation: Interpolation::Nearest, fill_value: 0.0 };
            let place = |shape: [usize; 3], axis: usize| b.iota(shape, axis).cast(DType::F32);
            sample(v, place([1, 1, all_w], 2), place([1, all_h, 1], 1), [all_h, all_w], &mirrored)
        };
        let shade = padded.clip(0.0, (SHADES - 1) as f32).cast(DType::I32);
        let (tables, pixels) = (n * rows * columns * c, tile_h * tile_w);
        let Ok(places) = i32::try_from(tables.saturating_mul(SHADES)) else {
            return b.error(format!("{CLASS} of {tables} tables, one for each tile and channel, needs more places than can be numbered: try fewer tiles or smaller batches"));
        };
        let tiles = shade.reshape([n, rows, tile_h, columns, tile_w, c]).transpose(&[0, 1, 3, 5, 2, 4]).reshape([tables, pixels]);
        let table = self.tables(tiles).reshape([1, places as usize, 1]);

        // Where each pixel lies between the middles of tiles: the tile before it, the one behind it, and how near that is.
        let between = |tile: usize, count: usize, shape: [usize; 4], axis: usize| {
            let at = (b.iota(shape, axis).cast(DType::F32) - tile as f32 / 2.0) / tile as f32;
            let before = at.floor();
            let index = |at: Var<'g>| at.clip(0.0, (count - 1) as f32).cast(DType::I32);
            (index(before), index(before + 1.0), at - before)
        };
        let (above, below, down) = between(tile_h, rows, [1, all_h, 1, 1], 1);
        let (left, right, along) = between(tile_w, columns, [1, 1, all_w, 1], 2);
        let number = |v: usize| b.constant(Literal::I32(v as i32), [1, 1, 1, 1]);
        let (image, channel) = (b.iota([n, 1, 1, 1], 0), b.iota([1, 1, 1, c], 3));
        let value = |row: Var<'g>, column: Var<'g>| {
            let of = ((image * number(rows) + row) * number(columns) + column) * number(c) + channel;
            let place = of * number(SHADES) + shade;
            table.gather(place.reshape([1, place.shape().len()])).reshape([n, all_h, all_w, c])
        };
        let row = |row: Var<'g>| value(row, left) * (1.0 - along) + value(row, right) * along;
        let made = row(above) * (1.0 - down) + row(below) * down;
        rescale(made.slice(&[(0, n, 1), (0, h, 1), (0, w, 1), (0, c, 1)]), BYTES, self.value_range)
    }

    /// What becomes of each of the 256 values in each tile, `(tiles, 256)`, of the values of its pixels `(tiles, pixels)`.
    fn tables<'g>(&self, tiles: Var<'g>) -> Var<'g> {
        let (b, count, pixels) = (tiles.builder(), tiles.dim(0), tiles.dim(1));
        let mut counts = b.full([count, pixels, 1], 1.0).scatter_add(tiles, SHADES).reshape([count, SHADES]);
        if self.clip_limit > 0.0 {
            let limit = (self.clip_limit * pixels as f64 / SHADES as f64) as f32;
            let clipped = counts.min_scalar(limit);
            counts = clipped + (counts - clipped).sum(&[1], true) / SHADES as f32;
        }
        let below = running_sum(counts);
        let first = below.min(&[1], true);
        let others = pixels as f32 - first;
        let one = b.full(others.shape(), 1.0);
        let others = others.equal(b.full(others.shape(), 0.0)).select(one, others);
        ((below - first) * 255.0 / others).clip(0.0, 255.0)
    }
}

impl KerasObject for ContrastLimitedAdaptiveHistogramEqualization {
    layer_identity!("ContrastLimitedAdaptiveHistogramEqualization");
    fn validate(&self) -> Result<(), ConfigError> {
        let fits = self.tile_grid_size.iter().all(|n| (1..=MOST_TILES).contains(n));
        check(fits, CLASS, "tile_grid_size", &format!("two numbers from 1 to {MOST_TILES}"), format!("{:?}", self.tile_grid_size))?;
        check(self.clip_limit.is_finite(), CLASS, "clip_limit", "a finite number", self.clip_limit)?;
        check_range(CLASS, self.value_range)
    }
}

impl Layer for ContrastLimitedAdaptiveHistogramEqualization {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        on_images(cx, CLASS, self.data_format, inputs, |_, x| if x.shape().is_empty() { x } else { self.equalized(x) })
    }
}
