//! Largest or mean cell of as many windows as asked for.

use super::{
    common::{LayerCommon, layer_identity},
    shaping::DataFormat,
    spatial::{PerAxis, image, restored, sizes, spatial_layer},
};
use crate::{
    Trace,
    keras::{ConfigError, check},
};
use adaline_graph::{DType, Literal, Shape, Var, WindowSpec, concat};
use serde::{Deserialize, Serialize};

/// The largest (`MAX`) or mean cell of windows over `N` spatial axes, whose number is given and whose sizes follow:
/// `(B, S.., C) -> (B, output_size.., C)`. Window `i` of `m` reaches from cell `floor(i n / m)` to before `ceil((i + 1) n / m)`.
/// [`AdaptiveMaxPooling2D`], [`AdaptiveAveragePooling2D`] and their siblings are the layers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdaptivePooling<const N: usize, const MAX: bool> {
    common: LayerCommon,
    output_size: PerAxis<N>,
    data_format: DataFormat,
}

/// The largest of so many windows of a sequence `(B, length, C)`.
pub type AdaptiveMaxPooling1D = AdaptivePooling<1, true>;
/// The largest of so many windows of an image `(B, height, width, C)`.
pub type AdaptiveMaxPooling2D = AdaptivePooling<2, true>;
/// The largest of so many windows of a volume `(B, depth, height, width, C)`.
pub type AdaptiveMaxPooling3D = AdaptivePooling<3, true>;
/// The mean of so many windows of a sequence `(B, length, C)`.
pub type AdaptiveAveragePooling1D = AdaptivePooling<1, false>;
/// The mean of so many windows of an image `(B, height, width, C)`.
pub type AdaptiveAveragePooling2D = AdaptivePooling<2, false>;
/// The mean of so many windows of a volume `(B, depth, height, width, C)`.
pub type AdaptiveAveragePooling3D = AdaptivePooling<3, false>;

impl<const N: usize, const MAX: bool> Default for AdaptivePooling<N, MAX> {
    fn default() -> Self {
        Self::new(1)
    }
}

/// Most windows along an axis: the place of each is computed exactly in single precision.
const MOST: usize = 2048;

impl<const N: usize, const MAX: bool> AdaptivePooling<N, MAX> {
    /// So many windows along each axis.
    pub fn new(output_size: impl Into<PerAxis<N>>) -> Self {
        Self { common: LayerCommon::default(), output_size: output_size.into(), data_format: DataFormat::ChannelsLast }
    }
    /// Where the channels are (default last).
    pub fn data_format(mut self, data_format: DataFormat) -> Self {
        self.data_format = data_format;
        self
    }

    fn check(&self, class: &str) -> Result<(), ConfigError> {
        let fits = self.output_size.0.iter().all(|m| (1..=MOST).contains(m));
        check(fits, class, "output_size", &format!("from 1 to {MOST} along each axis"), format!("{:?}", self.output_size.0))
    }
    fn trace<'g>(&self, cx: &mut Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
        let mut x = cx.compute(image::<N>(cx, class, inputs, self.data_format));
        if sizes(x).iter().any(|&n| n == 0 || n > i32::MAX as usize) {
            return cx.builder().error(format!("{class} needs at least one cell along each spatial axis, got shape {}", x.shape()));
        }
        for (a, &m) in self.output_size.0.iter().enumerate() {
            // As Keras on JAX: axis by axis, each mean rounded.
            x = cx.compute(windows(x, a + 1, m, MAX));
        }
        restored(x, self.data_format)
    }
}

/// `m` windows along one axis.
fn windows<'g>(x: Var<'g>, axis: usize, m: usize, max: bool) -> Var<'g> {
    let (b, shape) = (x.builder(), x.shape());
    let Some(&n) = shape.dims().get(axis).filter(|_| !b.failed()) else { return x };
    let (outer, inner) = (shape.dims()[..axis].iter().product::<usize>(), shape.dims()[axis + 1..].iter().product::<usize>());
    let Some(to) = Shape::try_new(shape.with_dim(axis, m).dims()) else {
        return b.error(format!("{m} windows along axis {axis} of a tensor of shape {shape} are too many"));
    };
    let rows = x.reshape([outer, n, inner]);
    let pool = |spec: WindowSpec| if max { rows.max_pool(spec) } else { rows.average_pool(spec) };
    if n.is_multiple_of(m) {
        return pool(WindowSpec::valid(&[n / m], &[n / m])).reshape(to);
    }
    // All windows of the two sizes that there are, then those wanted.
    let size = |i: usize| ((i + 1) * n).div_ceil(m) - i * n / m;
    let small = (0..m).map(size).min().unwrap_or(1);
    let wide = (0..m).any(|i| size(i) > small);
    let mut all = pool(WindowSpec::valid(&[small], &[1])); // (outer, n - small + 1, inner)
    if wide {
        all = concat(b, &[all, pool(WindowSpec::valid(&[small + 1], &[1]))], 1);
    }
    let row = [1, m];
    let number = |v: usize| b.constant(Literal::I32(v as i32), row);
    // floor((i n + c) / m) = i (n div m) + floor((i (n mod m) + c) / m) for c below m, whose numbers stay exact.
    let floor = |i: Var<'g>, c: f32| {
        let rest = ((i.cast(DType::F32) * (n % m) as f32 + (c + 0.5)) / m as f32).floor();
        i * number(n / m) + rest.cast(DType::I32)
    };
    let i = b.iota(row, 1);
    let start = floor(i, 0.0);
    let mut place = start;
    if wide {
        let stop = floor(i + number(1), m as f32 - 1.0); // rounded up
        place = start + (stop - start - number(small)) * number(n - small + 1);
    }
    all.gather(place.broadcast_to([outer, m])).reshape(to)
}

spatial_layer!(AdaptiveMaxPooling1D, "AdaptiveMaxPooling1D", ["output_size"]);
spatial_layer!(AdaptiveMaxPooling2D, "AdaptiveMaxPooling2D", ["output_size"]);
spatial_layer!(AdaptiveMaxPooling3D, "AdaptiveMaxPooling3D", ["output_size"]);
spatial_layer!(AdaptiveAveragePooling1D, "AdaptiveAveragePooling1D", ["output_size"]);
spatial_layer!(AdaptiveAveragePooling2D, "AdaptiveAveragePooling2D", ["output_size"]);
spatial_layer!(AdaptiveAveragePooling3D, "AdaptiveAveragePooling3D", ["output_size"]);
