//! Layers over images: what their windows see and what they make of it.

use super::layer::LayerView;
use crate::maps::{Maps, channels_first};
use adaline::data::Tensor;
use adaline::graph::{ConvSpec, WindowSpec};
use adaline::nn::model::InspectedLayer;
use serde_json::Value;

/// Maps with sides of at most so many numbers are shown whole.
pub(super) const SMALL: usize = 12;
/// Convolutions and poolings of at most so many maps have each of them told in detail, when they are small.
const DETAILED: usize = 8;

/// What is special about a layer over images.
pub(super) enum Step {
    Convolution(Convolution),
    Pooling(Pooling),
    /// The mean or the largest of so many numbers of each map.
    Global {
        mean: bool,
        places: usize,
    },
    /// Any other layer that gives maps.
    Maps(Maps),
    /// No maps.
    None,
}

/// A convolution of images.
pub(super) struct Convolution {
    pub input: Maps,
    pub sums: Maps,
    pub output: Maps,
    pub spec: ConvSpec,
    pub kernel: Kernel,
    pub told: Told,
    /// One or two of each filter that is told in detail.
    pub windows: Vec<Window>,
}

/// Weights `(height, width, channels, filters)` and, with a bias, one for each filter.
pub(super) struct Kernel {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub weights: Vec<f32>,
    pub bias: Option<Vec<f32>>,
}

/// Largest or mean of windows.
pub(super) struct Pooling {
    pub mean: bool,
    pub input: Maps,
    pub output: Maps,
    pub spec: WindowSpec,
    pub told: Told,
    /// One of each map that is told in detail.
    pub windows: Vec<Window>,
}

/// Maps to speak of.
pub(super) struct Told {
    /// In detail.
    pub detailed: Vec<usize>,
    /// In a line.
    pub briefly: Vec<usize>,
}

/// What a filter or pooling sees at one place.
pub(super) struct Window {
    /// Filter, or map of a pooling.
    pub filter: usize,
    pub row: usize,
    pub column: usize,
    /// First row and column of the input under it; negative where that is outside.
    pub from: [isize; 2],
    /// Numbers under it `(height, width, channels)`; none outside of the input.
    pub cells: Vec<Option<f32>>,
    /// As many weights for a convolution, none for pooling.
    pub weights: Vec<f32>,
    /// Weighted sum of a convolution, with its bias.
    pub sum: Option<f32>,
    pub output: f32,
}

impl Told {
    /// All of a few small maps; else the one with the largest number in detail, the `top` next in a line each.
    pub(super) fn of(maps: &Maps, small: bool, top: usize) -> Self {
        if small && maps.channels <= DETAILED {
            return Self { detailed: (0..maps.channels).collect(), briefly: Vec::new() };
        }
        let largest: Vec<f32> = (0..maps.channels).map(|c| maps.channel(c).fold(f32::NEG_INFINITY, f32::max)).collect();
        let mut order: Vec<usize> = (0..maps.channels).collect();
        order.sort_by(|&a, &b| largest[b].total_cmp(&largest[a]));
        let briefly = order.iter().skip(1).take(top.saturating_sub(1)).copied().collect();
        order.truncate(1);
        Self { detailed: order, briefly }
    }
}

/// Whether all numbers of such maps can be shown.
pub(super) fn is_small(maps: &Maps) -> bool {
    maps.height <= SMALL && maps.width <= SMALL
}

/// The place of the largest number of a map.
pub(super) fn peak(maps: &Maps, channel: usize) -> (usize, usize) {
    let best = maps.channel(channel).enumerate().fold((0, f32::NEG_INFINITY), |best, (at, v)| if v > best.1 { (at, v) } else { best });
    (best.0 / maps.width, best.0 % maps.width)
}

impl Step {
    /// The layer with this configuration, on inputs of `shape`.
    pub(super) fn of(layer: &InspectedLayer, config: &Value, shape: &[usize], inputs: &[f32], top: usize) -> Self {
        let first = channels_first(config);
        let (own, input) = (maps(&layer.output, first), Maps::new(shape, first, inputs));
        let found = match (layer.class.as_str(), &own, input) {
            ("Conv2D", Some(output), Some(input)) => Convolution::of(layer, config, input, output.clone(), top).map(Self::Convolution),
            ("MaxPooling2D" | "AveragePooling2D", Some(output), Some(input)) => {
                Pooling::of(layer, config, input, output.clone(), top).map(Self::Pooling)
            }
            ("GlobalMaxPooling2D" | "GlobalAveragePooling2D", _, Some(input)) => {
                Some(Self::Global { mean: layer.class == "GlobalAveragePooling2D", places: input.height * input.width })
            }
            _ => None,
        };
        // Two axes alone may be a sequence.
        let is_picture = layer.output.row_shape().len() == 3;
        found.unwrap_or_else(|| own.filter(|_| is_picture).map_or(Self::None, Self::Maps))
    }

    /// Height, width and number of the maps that the layer gives.
    pub(super) fn size(&self) -> Option<[usize; 3]> {
        let maps = match self {
            Self::Convolution(c) => &c.output,
            Self::Pooling(p) => &p.output,
            Self::Maps(maps) => maps,
            Self::Global { .. } | Self::None => return None,
        };
        Some([maps.height, maps.width, maps.channels])
    }
}

fn maps(tensor: &Tensor, channels_first: bool) -> Option<Maps> {
    Maps::new(tensor.row_shape(), channels_first, &tensor.f32_values())
}

/// A list of two numbers of a configuration.
fn pair(config: &Value, key: &str) -> Option<[usize; 2]> {
    serde_json::from_value(config.get(key)?.clone()).ok()
}

impl Convolution {
    fn of(layer: &InspectedLayer, config: &Value, input: Maps, output: Maps, top: usize) -> Option<Self> {
        let weight = |name: &str| layer.weights.iter().find(|w| w.name == name).map(|w| &w.values);
        let kernel = weight("kernel")?;
        let &[height, width, channels, _] = kernel.shape() else { return None };
        let bias = weight("bias").map(|b| b.f32_values().into_owned());
        let kernel = Kernel { height, width, channels, weights: kernel.f32_values().into_owned(), bias };
        let (strides, dilation) = (pair(config, "strides")?, pair(config, "dilation_rate")?);
        let spec = match config.get("padding")?.as_str()? {
            "same" => ConvSpec::same(&[input.height, input.width], &[height, width], &strides, &dilation),
            _ => ConvSpec::valid(&strides, &dilation),
        };
        let spec = spec.with_groups(config.get("groups")?.as_u64()? as usize);
        let sums = maps(layer.weighted_sums.as_ref()?, channels_first(config))?;
        let small = is_small(&input) && is_small(&output);
        let told = Told::of(&output, small, top);
        let mut own = Self { input, sums, output, spec, kernel, told, windows: Vec::new() };
        let windows = own.told.detailed.iter().flat_map(|&filter| {
            let (peak, last) = (peak(&own.output, filter), (own.output.height - 1, own.output.width - 1));
            // The first place and that of the best answer; of large pictures the latter alone.
            let mut places = match (small, peak) {
                (true, (0, 0)) => vec![peak, last],
                (true, _) => vec![(0, 0), peak],
                (false, _) => vec![peak],
            };
            places.dedup();
            places.into_iter().map(|place| own.window(filter, place)).collect::<Vec<_>>()
        });
        own.windows = windows.collect();
        Some(own)
    }

    fn window(&self, filter: usize, (row, column): (usize, usize)) -> Window {
        let Kernel { height, width, channels, weights, .. } = &self.kernel;
        let (filters, spec) = (self.output.channels, &self.spec);
        // Filters of a group see that group's channels.
        let first = filter / (filters / spec.groups.max(1)).max(1) * channels;
        let from = [(row, 0), (column, 1)].map(|(at, axis)| (at * spec.strides[axis]) as isize - spec.before[axis] as isize);
        let (mut cells, mut own) = (Vec::new(), Vec::new());
        for (y, x) in (0..*height).flat_map(|y| (0..*width).map(move |x| (y, x))) {
            let place = [from[0] + (y * spec.dilation[0]) as isize, from[1] + (x * spec.dilation[1]) as isize];
            for c in 0..*channels {
                cells.push(inside(&self.input, place).map(|[row, column]| self.input.at(row, column, first + c)));
                own.push(weights[((y * width + x) * channels + c) * filters + filter]);
            }
        }
        let (sum, output) = (self.sums.at(row, column, filter), self.output.at(row, column, filter));
        Window { filter, row, column, from, cells, weights: own, sum: Some(sum), output }
    }
}

impl Pooling {
    fn of(layer: &InspectedLayer, config: &Value, input: Maps, output: Maps, top: usize) -> Option<Self> {
        let (size, strides) = (pair(config, "pool_size")?, pair(config, "strides")?);
        let spec = match config.get("padding")?.as_str()? {
            "same" => WindowSpec::same(&[input.height, input.width], &size, &strides),
            _ => WindowSpec::valid(&size, &strides),
        };
        let told = Told::of(&output, is_small(&input), top);
        let mut own = Self { mean: layer.class == "AveragePooling2D", input, output, spec, told, windows: Vec::new() };
        own.windows = own.told.detailed.iter().map(|&map| own.window(map)).collect();
        Some(own)
    }

    /// That of the largest result.
    fn window(&self, map: usize) -> Window {
        let ((row, column), spec) = (peak(&self.output, map), &self.spec);
        let from = [(row, 0), (column, 1)].map(|(at, axis)| (at * spec.strides[axis]) as isize - spec.before[axis] as isize);
        let places = (0..spec.size[0]).flat_map(|y| (0..spec.size[1]).map(move |x| [from[0] + y as isize, from[1] + x as isize]));
        let cells = places.map(|place| inside(&self.input, place).map(|[row, column]| self.input.at(row, column, map))).collect();
        Window { filter: map, row, column, from, cells, weights: Vec::new(), sum: None, output: self.output.at(row, column, map) }
    }
}

/// A place, unless it is outside of the maps.
fn inside(maps: &Maps, place: [isize; 2]) -> Option<[usize; 2]> {
    let [row, column] = place.map(|at| usize::try_from(at).ok());
    Some([row?, column?]).filter(|[row, column]| *row < maps.height && *column < maps.width)
}

impl LayerView {
    /// Windows that are told of.
    pub(super) fn windows(&self) -> &[Window] {
        match &self.step {
            Step::Convolution(c) => &c.windows,
            Step::Pooling(p) => &p.windows,
            Step::Global { .. } | Step::Maps(_) | Step::None => &[],
        }
    }
}
