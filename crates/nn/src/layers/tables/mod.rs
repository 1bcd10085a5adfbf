//! Layers for columns of tables: numbers to bins, numbers and texts to the places of a vocabulary or of a hash, places to vectors.
//!
//! Numbers go through them within the network. What Keras computes with TensorFlow's kernels for texts, which no other backend compiles
//! (hashes, texts), is done before the network, by methods of the same layers.

mod category_encoding;
mod discretization;
mod hash;
mod hashing;
mod lookup;

pub use category_encoding::CategoryEncoding;
pub use discretization::Discretization;
pub use hashing::{HashedCrossing, Hashing, MaskValue, Salt};
pub use lookup::{IntegerLookup, Lookup, OovMethod, StringLookup, Term};

use crate::{
    Trace,
    keras::{ConfigError, check},
};
use adaline_data::{DataError, Tensor};
use adaline_graph::{DType, Literal, Shape, Var};
use serde::{Deserialize, Serialize};

/// Places are exact as floats up to here.
const MOST_PLACES: usize = 1 << 24;

/// What becomes of places `(B, ..)` among `depth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputMode {
    /// They stay, as `i32`.
    #[default]
    Int,
    /// A vector of zeros with a one for each: `(B, .., depth)`; a last axis of size 1 makes way for it.
    OneHot,
    /// For each row `(B, L)` ones where any of its places is: `(B, depth)`.
    #[serde(alias = "binary")]
    MultiHot,
    /// For each row `(B, L)` how many of its places are there: `(B, depth)`.
    Count,
    /// As `Count`, each place times its weight, which says how rare it is; of [`IntegerLookup`] and [`StringLookup`] alone.
    #[serde(alias = "tf-idf")]
    TfIdf,
}

impl OutputMode {
    /// The shape of what becomes of places of a shape.
    fn shape(self, class: &str, places: &[usize], depth: usize) -> Result<Vec<usize>, ConfigError> {
        let mut shape = places.to_vec();
        match self {
            Self::Int => return Ok(shape),
            Self::OneHot if shape.len() > 1 && shape.last() == Some(&1) => {
                shape.pop();
            }
            Self::OneHot => {}
            Self::MultiHot | Self::Count | Self::TfIdf => {
                check(shape.len() == 2, class, "output_mode", "int or one_hot, or the input (rows, values)", format!("{places:?}"))?;
                shape.pop();
            }
        }
        shape.push(depth);
        Ok(shape)
    }
    /// Within a network. `places` are `i32`; one outside of `0..depth` counts nowhere. `weights` of the same shape stand for the ones.
    fn encode<'g>(self, cx: &Trace<'g, '_>, class: &str, places: Var<'g>, depth: usize, weights: Option<Var<'g>>) -> Var<'g> {
        let (b, dims) = (cx.builder(), places.shape());
        let shape = match self.shape(class, dims.dims(), depth) {
            Ok(shape) => shape,
            Err(e) => return b.error(e.to_string()),
        };
        match self {
            Self::Int => places,
            Self::OneHot => places.reshape(Shape::new(&shape[..shape.len() - 1])).one_hot(depth),
            Self::MultiHot => places.one_hot(depth).max(&[1], false),
            Self::Count | Self::TfIdf => {
                let ones = places.one_hot(depth);
                let ones = weights.map_or(ones, |w| ones * w.cast(DType::F32).expand_dims(-1));
                ones.sum(&[1], false)
            }
        }
    }
    /// Before a network: places in row-major order, none where nothing is to be counted.
    fn encode_places(self, class: &str, places: &[Option<usize>], shape: &[usize], depth: usize) -> Result<Tensor, ConfigError> {
        let out = self.shape(class, shape, depth)?;
        let made = if self == Self::Int {
            Tensor::i32(out, places.iter().map(|p| p.unwrap_or(0) as i32).collect())
        } else {
            // How many places share a vector of ones.
            let row = if self == Self::OneHot { 1 } else { shape[1] };
            let len = out.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= adaline_data::MAX_VALUES);
            let Some(len) = len else { return Err(of_data(class)(DataError::TooLarge { shape: out, limit: adaline_data::MAX_VALUES })) };
            let mut values = vec![0.0f32; len];
            for (at, place) in places.iter().enumerate().filter_map(|(at, place)| place.map(|p| (at, p))) {
                let cell = &mut values[at / row.max(1) * depth + place];
                *cell = if matches!(self, Self::Count | Self::TfIdf) { *cell + 1.0 } else { 1.0 };
            }
            Tensor::f32(out, values)
        };
        made.map_err(of_data(class))
    }
}

/// What is wrong with data, as an error of a layer.
fn of_data(class: &str) -> impl Fn(DataError) -> ConfigError {
    move |e| ConfigError::value(class, "input", "data of a usable size", e)
}

/// Refuses the mode that needs a weight for each place, in layers that have none.
fn unweighted(class: &str, mode: OutputMode) -> Result<(), ConfigError> {
    check(mode != OutputMode::TfIdf, class, "output_mode", "one of the others; IntegerLookup and StringLookup have it", "tf_idf")
}

/// The error of `sparse`, which asks for tensors that there are not.
fn dense(class: &str, sparse: bool) -> Result<(), ConfigError> {
    if sparse { Err(ConfigError::unsupported(class, "sparse", true, "all tensors are dense; leave it false")) } else { Ok(()) }
}

/// A vector of numbers as a constant of the graph.
fn constants<'g>(cx: &Trace<'g, '_>, values: impl Iterator<Item = Literal>) -> Var<'g> {
    let b = cx.builder();
    let parts: Vec<Var<'g>> = values.map(|v| b.constant(v, [1])).collect();
    adaline_graph::concat(b, &parts, 0)
}

/// `x (..)` beside each of `count` values: `(.., count)`.
fn beside(x: Var<'_>, count: usize) -> Var<'_> {
    let x = x.expand_dims(-1);
    // An error that has been latched has no axes.
    if x.rank() == 0 { x } else { x.broadcast_to(x.shape().with_dim(x.rank() - 1, count)) }
}
