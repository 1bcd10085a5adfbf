//! Initializers: how weights begin. Every number is a pure function of (seed, weight path, element), on every machine.

mod stft;

pub use stft::{Scaling, Side, Stft, Window};

use crate::keras::{ConfigError, KerasObject, check, open, read_config, to_config};
use adaline_graph::{Shape, philox::Philox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// How a weight begins.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Initializer {
    /// 0
    Zeros,
    /// 1
    Ones,
    /// One value everywhere.
    Constant(Constant),
    /// Normal.
    RandomNormal(RandomNormal),
    /// Uniform in `[minval, maxval)`.
    RandomUniform(RandomUniform),
    /// Normal, drawn again beyond two standard deviations.
    TruncatedNormal(TruncatedNormal),
    /// Variance from the number of inputs or outputs.
    VarianceScaling(VarianceScaling),
    /// A named variance scaling, such as `GlorotUniform`.
    Named(Named, Fans),
    /// Orthogonal rows or columns.
    Orthogonal(Orthogonal),
    /// Ones on the diagonal of a matrix, times a factor.
    Identity(Identity),
    /// Waves of a Fourier transform.
    Stft(Stft),
    /// Given values (statistics adapted from data). Not in Keras' files.
    Values(Arc<[f32]>),
    /// One after the other, each for so many values (the biases of gates). Not in Keras' files.
    Parts(Arc<[(usize, Self)]>),
}

/// The named variance scalings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Named {
    /// Uniform, variance `2 / (in + out)` (Glorot and Bengio 2010).
    GlorotUniform,
    /// Truncated normal, variance `2 / (in + out)`.
    GlorotNormal,
    /// Uniform, variance `2 / in` (He et al. 2015).
    HeUniform,
    /// Truncated normal, variance `2 / in`.
    HeNormal,
    /// Uniform, variance `1 / in` (`LeCun` et al. 1998).
    LecunUniform,
    /// Truncated normal, variance `1 / in`.
    LecunNormal,
}

/// `Constant`'s arguments.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Constant {
    /// The value.
    pub value: f64,
}
/// `RandomNormal`'s arguments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RandomNormal {
    /// Seed of its own; none: the model's.
    pub seed: Option<i64>,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub stddev: f64,
}
/// `TruncatedNormal`'s arguments.
pub type TruncatedNormal = RandomNormal;
impl Default for RandomNormal {
    fn default() -> Self {
        Self { seed: None, mean: 0.0, stddev: 0.05 }
    }
}
/// `RandomUniform`'s arguments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RandomUniform {
    /// Seed of its own; none: the model's.
    pub seed: Option<i64>,
    /// Lower bound.
    pub minval: f64,
    /// Upper bound.
    pub maxval: f64,
}
impl Default for RandomUniform {
    fn default() -> Self {
        Self { seed: None, minval: -0.05, maxval: 0.05 }
    }
}
/// `VarianceScaling`'s arguments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VarianceScaling {
    /// Seed of its own; none: the model's.
    pub seed: Option<i64>,
    /// The variance times the number of units.
    pub scale: f64,
    /// Which units are counted.
    pub mode: FanMode,
    /// Which distribution.
    pub distribution: Spread,
    /// Axes of the inputs, where they are not the usual ones.
    pub input_axes: Option<Vec<isize>>,
    /// Axes of the outputs, where they are not the usual ones.
    pub output_axes: Option<Vec<isize>>,
}
impl Default for VarianceScaling {
    fn default() -> Self {
        Self { seed: None, scale: 1.0, mode: FanMode::FanIn, distribution: Spread::TruncatedNormal, input_axes: None, output_axes: None }
    }
}
/// Which units a variance scaling counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// Inputs.
    FanIn,
    /// Outputs.
    FanOut,
    /// The mean of both.
    FanAvg,
}
/// Distribution of a variance scaling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// Normal, drawn again beyond two standard deviations, of the wanted variance after that.
    #[serde(alias = "normal")]
    TruncatedNormal,
    /// Normal.
    UntruncatedNormal,
    /// Uniform.
    Uniform,
}
/// Arguments of the named variance scalings.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Fans {
    /// Seed of its own; none: the model's.
    pub seed: Option<i64>,
    /// Axes of the inputs, where they are not the usual ones.
    pub input_axes: Option<Vec<isize>>,
    /// Axes of the outputs, where they are not the usual ones.
    pub output_axes: Option<Vec<isize>>,
}
/// `Orthogonal`'s arguments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Orthogonal {
    /// Seed of its own; none: the model's.
    pub seed: Option<i64>,
    /// Factor of the orthogonal matrix.
    pub gain: f64,
}
impl Default for Orthogonal {
    fn default() -> Self {
        Self { seed: None, gain: 1.0 }
    }
}
/// `Identity`'s arguments.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// What stands on the diagonal.
    pub gain: f64,
}
impl Default for Identity {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}
#[derive(Default, Serialize, Deserialize)]
struct NoArguments {}

impl Named {
    /// All with their class names.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::GlorotUniform, "GlorotUniform"),
        (Self::GlorotNormal, "GlorotNormal"),
        (Self::HeUniform, "HeUniform"),
        (Self::HeNormal, "HeNormal"),
        (Self::LecunUniform, "LecunUniform"),
        (Self::LecunNormal, "LecunNormal"),
    ];
    fn class(self) -> &'static str {
        Self::ALL.iter().find(|a| a.0 == self).map_or("GlorotUniform", |a| a.1)
    }
    fn scaling(self, fans: &Fans) -> VarianceScaling {
        let (scale, mode, distribution) = match self {
            Self::GlorotUniform => (1.0, FanMode::FanAvg, Spread::Uniform),
            Self::GlorotNormal => (1.0, FanMode::FanAvg, Spread::TruncatedNormal),
            Self::HeUniform => (2.0, FanMode::FanIn, Spread::Uniform),
            Self::HeNormal => (2.0, FanMode::FanIn, Spread::TruncatedNormal),
            Self::LecunUniform => (1.0, FanMode::FanIn, Spread::Uniform),
            Self::LecunNormal => (1.0, FanMode::FanIn, Spread::TruncatedNormal),
        };
        VarianceScaling {
            seed: fans.seed,
            scale,
            mode,
            distribution,
            input_axes: fans.input_axes.clone(),
            output_axes: fans.output_axes.clone(),
        }
    }
}

/// Standard deviation of a standard normal cut at ±2.
const TRUNCATED_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// Classes, with Keras' other names for them (`glorot_uniform`, ...) derived in [`Initializer::from_json`].
const CLASSES: [&str; 16] = [
    "Zeros",
    "Ones",
    "Constant",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "GlorotUniform",
    "GlorotNormal",
    "HeUniform",
    "HeNormal",
    "LecunUniform",
    "LecunNormal",
    "Orthogonal",
    "Identity",
    "STFT",
];

impl Initializer {
    /// One value everywhere.
    pub fn constant(value: f64) -> Self {
        Self::Constant(Constant { value })
    }
    /// Normal.
    pub fn random_normal(mean: f64, stddev: f64) -> Self {
        Self::RandomNormal(RandomNormal { seed: None, mean, stddev })
    }
    /// Uniform in `[minval, maxval)`.
    pub fn random_uniform(minval: f64, maxval: f64) -> Self {
        Self::RandomUniform(RandomUniform { seed: None, minval, maxval })
    }
    /// Normal, drawn again beyond two standard deviations.
    pub fn truncated_normal(mean: f64, stddev: f64) -> Self {
        Self::TruncatedNormal(TruncatedNormal { seed: None, mean, stddev })
    }
    /// Variance `scale / units`.
    pub fn variance_scaling(scale: f64, mode: FanMode, distribution: Spread) -> Self {
        Self::VarianceScaling(VarianceScaling { scale, mode, distribution, ..VarianceScaling::default() })
    }
    /// Uniform, variance `2 / (in + out)`: Keras' default for kernels.
    pub fn glorot_uniform() -> Self {
        Self::Named(Named::GlorotUniform, Fans::default())
    }
    /// Truncated normal, variance `2 / (in + out)`.
    pub fn glorot_normal() -> Self {
        Self::Named(Named::GlorotNormal, Fans::default())
    }
    /// Uniform, variance `2 / in`.
    pub fn he_uniform() -> Self {
        Self::Named(Named::HeUniform, Fans::default())
    }
    /// Truncated normal, variance `2 / in`.
    pub fn he_normal() -> Self {
        Self::Named(Named::HeNormal, Fans::default())
    }
    /// Uniform, variance `1 / in`.
    pub fn lecun_uniform() -> Self {
        Self::Named(Named::LecunUniform, Fans::default())
    }
    /// Truncated normal, variance `1 / in`.
    pub fn lecun_normal() -> Self {
        Self::Named(Named::LecunNormal, Fans::default())
    }
    /// Orthogonal rows or columns.
    pub fn orthogonal(gain: f64) -> Self {
        Self::Orthogonal(Orthogonal { seed: None, gain })
    }
    /// The identity matrix, times a factor.
    pub fn identity(gain: f64) -> Self {
        Self::Identity(Identity { gain })
    }
    /// The same with a seed of its own: the values then depend on that seed and the shape only. Nothing for the constant ones.
    pub fn seed(mut self, seed: i64) -> Self {
        if let Some(s) = self.seed_mut() {
            *s = Some(seed);
        }
        self
    }
    fn seed_mut(&mut self) -> Option<&mut Option<i64>> {
        match self {
            Self::RandomNormal(a) | Self::TruncatedNormal(a) => Some(&mut a.seed),
            Self::RandomUniform(a) => Some(&mut a.seed),
            Self::VarianceScaling(a) => Some(&mut a.seed),
            Self::Named(_, a) => Some(&mut a.seed),
            Self::Orthogonal(a) => Some(&mut a.seed),
            Self::Zeros | Self::Ones | Self::Constant(_) | Self::Identity(_) | Self::Stft(_) | Self::Values(_) | Self::Parts(_) => None,
        }
    }

    /// Fills a weight of `shape`. `stream` is a hash of the weight's path. The message says what does not fit.
    pub fn fill(&self, shape: Shape, seed: u64, stream: u64, out: &mut [f32]) -> Result<(), String> {
        if out.len() != shape.len() {
            return Err(format!("{} places for the {} values of shape {shape}", out.len(), shape.len()));
        }
        // An initializer with a seed of its own gives the same values in whatever layer, as in Keras.
        let rng = |own: Option<i64>, attempt: u32| match own {
            Some(s) => Philox::new(s as u64, 0, attempt),
            None => Philox::new(seed, stream, attempt),
        };
        match self {
            Self::Zeros => out.fill(0.0),
            Self::Ones => out.fill(1.0),
            Self::Constant(c) => out.fill(c.value as f32),
            Self::RandomNormal(a) => {
                rng(a.seed, 0).fill_normal(a.mean, a.stddev, out);
            }
            Self::TruncatedNormal(a) => truncated(|n| rng(a.seed, n), a.mean, a.stddev, out),
            Self::RandomUniform(a) => rng(a.seed, 0).fill_uniform(a.minval, a.maxval, out),
            Self::VarianceScaling(a) => scaled(a, shape, |n| rng(a.seed, n), out)?,
            Self::Named(named, fans) => scaled(&named.scaling(fans), shape, |n| rng(fans.seed, n), out)?,
            Self::Orthogonal(a) => orthogonal(&rng(a.seed, 0), shape, a.gain, out)?,
            Self::Identity(a) => {
                let &[_, columns] = shape.dims() else {
                    return Err(format!("Identity needs a matrix, got shape {shape}"));
                };
                for (e, v) in out.iter_mut().enumerate() {
                    *v = if e / columns == e % columns { a.gain as f32 } else { 0.0 };
                }
            }
            Self::Stft(a) => a.fill(shape, out)?,
            Self::Values(values) => {
                if values.len() != out.len() {
                    return Err(format!("{} given values for shape {shape}", values.len()));
                }
                out.copy_from_slice(values);
            }
            Self::Parts(parts) => {
                let mut rest = out;
                for (at, (n, part)) in parts.iter().enumerate() {
                    let Some((own, behind)) = std::mem::take(&mut rest).split_at_mut_checked(*n) else {
                        return Err(format!("parts of more values than shape {shape} has"));
                    };
                    part.fill(Shape::new(&[*n]), seed, stream.wrapping_add(at as u64), own)?;
                    rest = behind;
                }
                if !rest.is_empty() {
                    return Err(format!("parts of {} values less than shape {shape} has", rest.len()));
                }
            }
        }
        Ok(())
    }

    /// From Keras' envelope or a name (`he_normal`, `HeNormal`).
    pub fn from_json(value: &Value) -> Result<Self, ConfigError> {
        let (name, config) = open("initializer", value)?;
        let none = json!({});
        let c = config.unwrap_or(&none);
        let plain: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
        let plain = match plain.as_str() {
            "zero" => "zeros",
            "one" => "ones",
            "normal" => "randomnormal",
            "uniform" => "randomuniform",
            "orthogonalinitializer" => "orthogonal",
            "identityinitializer" => "identity",
            "stftinitializer" => "stft",
            other => other,
        };
        let Some(class) = CLASSES.into_iter().find(|c| c.to_lowercase() == plain) else {
            return Err(ConfigError::unknown_class("initializer", name, &CLASSES));
        };
        let read = match class {
            "Zeros" => read_config::<NoArguments>(class, &[], c).map(|_| Self::Zeros)?,
            "Ones" => read_config::<NoArguments>(class, &[], c).map(|_| Self::Ones)?,
            "Constant" => Self::Constant(read_config(class, &[], c)?),
            "RandomNormal" => Self::RandomNormal(read_config(class, &[], c)?),
            "RandomUniform" => Self::RandomUniform(read_config(class, &[], c)?),
            "TruncatedNormal" => Self::TruncatedNormal(read_config(class, &[], c)?),
            "VarianceScaling" => Self::VarianceScaling(read_config(class, &[], c)?),
            "Orthogonal" => Self::Orthogonal(read_config(class, &[], c)?),
            "Identity" => Self::Identity(read_config(class, &[], c)?),
            "STFT" => Self::Stft(read_config(class, &[], c)?),
            _ => {
                let named = Named::ALL.iter().find(|n| n.1 == class).map_or(Named::GlorotUniform, |n| n.0);
                Self::Named(named, read_config(class, &[], c)?)
            }
        };
        read.validate()?;
        Ok(read)
    }
}

impl KerasObject for Initializer {
    fn module(&self) -> &'static str {
        "keras.initializers"
    }
    fn class_name(&self) -> &'static str {
        match self {
            Self::Zeros => "Zeros",
            Self::Ones => "Ones",
            Self::Constant(_) => "Constant",
            Self::RandomNormal(_) => "RandomNormal",
            Self::RandomUniform(_) => "RandomUniform",
            Self::TruncatedNormal(_) => "TruncatedNormal",
            Self::VarianceScaling(_) => "VarianceScaling",
            Self::Named(n, _) => n.class(),
            Self::Orthogonal(_) => "Orthogonal",
            Self::Identity(_) => "Identity",
            Self::Stft(_) => "STFT",
            Self::Values(_) => "Values",
            Self::Parts(_) => "Parts",
        }
    }
    fn config(&self) -> Value {
        match self {
            Self::Zeros | Self::Ones => json!({}),
            Self::Constant(a) => to_config(a),
            Self::RandomNormal(a) | Self::TruncatedNormal(a) => to_config(a),
            Self::RandomUniform(a) => to_config(a),
            Self::VarianceScaling(a) => to_config(a),
            Self::Named(_, a) => to_config(a),
            Self::Orthogonal(a) => to_config(a),
            // Keras forgets to write it, but reads it.
            Self::Identity(a) => {
                if a.gain == 1.0 {
                    json!({})
                } else {
                    to_config(a)
                }
            }
            Self::Stft(a) => to_config(a),
            Self::Values(v) => json!({"length": v.len()}),
            Self::Parts(parts) => json!({"lengths": parts.iter().map(|p| p.0).collect::<Vec<_>>()}),
        }
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let class = self.class_name();
        let finite = |key, v: f64| check(v.is_finite(), class, key, "a finite number", v);
        match self {
            Self::Zeros | Self::Ones | Self::Named(..) | Self::Values(_) => Ok(()),
            Self::Parts(parts) => parts.iter().try_for_each(|p| p.1.validate()),
            Self::Constant(a) => finite("value", a.value),
            Self::RandomNormal(a) | Self::TruncatedNormal(a) => {
                finite("mean", a.mean)?;
                check(a.stddev.is_finite() && a.stddev >= 0.0, class, "stddev", "a finite number of at least 0", a.stddev)
            }
            Self::RandomUniform(a) => {
                finite("minval", a.minval)?;
                check(a.maxval.is_finite() && a.maxval >= a.minval, class, "maxval", "a finite number not below `minval`", a.maxval)
            }
            Self::VarianceScaling(a) => check(a.scale.is_finite() && a.scale > 0.0, class, "scale", "a finite number above 0", a.scale),
            Self::Orthogonal(Orthogonal { gain, .. }) | Self::Identity(Identity { gain }) => finite("gain", *gain),
            Self::Stft(a) => a.validate(),
        }
    }
}

impl From<Initializer> for Value {
    fn from(i: Initializer) -> Self {
        i.envelope()
    }
}
impl TryFrom<Value> for Initializer {
    type Error = ConfigError;
    fn try_from(value: Value) -> Result<Self, ConfigError> {
        Self::from_json(&value)
    }
}

/// Normal numbers within two standard deviations: each element tries the steps of its stream in turn until one falls inside.
fn truncated(rng: impl Fn(u32) -> Philox, mean: f64, stddev: f64, out: &mut [f32]) {
    // One try fails with probability 0.0455: 32 never do.
    const TRIES: u32 = 32;
    let rngs: Vec<Philox> = (0..TRIES).map(rng).collect();
    for (e, v) in out.iter_mut().enumerate() {
        let z = rngs.iter().map(|r| r.normal(e as u64)).find(|z| z.abs() < 2.0).unwrap_or(0.0);
        *v = (mean + stddev * f64::from(z)) as f32;
    }
}

/// Numbers of inputs and outputs of a weight: matrices are `(in, out)`, kernels `(.., in, out)` times their receptive field.
fn fans(shape: Shape, input_axes: Option<&[isize]>, output_axes: Option<&[isize]>) -> Result<(f64, f64), String> {
    if let (Some(i), Some(o)) = (input_axes, output_axes) {
        let product = |axes: &[isize]| {
            axes.iter().try_fold(1.0, |n, &a| {
                shape.axis(a).map(|at| n * shape.dims()[at] as f64).ok_or_else(|| format!("axis {a} does not exist in shape {shape}"))
            })
        };
        return Ok((product(i)?, product(o)?));
    }
    Ok(match *shape.dims() {
        [] => (1.0, 1.0),
        [n] => (n as f64, n as f64),
        [ref field @ .., i, o] => {
            let field: f64 = field.iter().map(|&d| d as f64).product();
            (i as f64 * field, o as f64 * field)
        }
    })
}

/// Glorot, He and `LeCun`'s family: variance `scale / units`.
fn scaled(a: &VarianceScaling, shape: Shape, rng: impl Fn(u32) -> Philox, out: &mut [f32]) -> Result<(), String> {
    let (i, o) = fans(shape, a.input_axes.as_deref(), a.output_axes.as_deref())?;
    let units = match a.mode {
        FanMode::FanIn => i,
        FanMode::FanOut => o,
        FanMode::FanAvg => f64::midpoint(i, o),
    };
    let variance = a.scale / units.max(1.0);
    match a.distribution {
        Spread::TruncatedNormal => truncated(rng, 0.0, libm::sqrt(variance) / TRUNCATED_DEVIATION, out),
        Spread::UntruncatedNormal => {
            rng(0).fill_normal(0.0, libm::sqrt(variance), out);
        }
        Spread::Uniform => {
            let limit = libm::sqrt(3.0 * variance);
            rng(0).fill_uniform(-limit, limit, out);
        }
    }
    Ok(())
}

/// The orthogonal factor, with positive diagonal of the triangular one, of a normal matrix `(rows, cols)`, all leading axes being rows
/// (Saxe et al. 2014). Gram and Schmidt's method, twice, which is as orthogonal as Householder's (Giraud et al. 2005).
fn orthogonal(r: &Philox, shape: Shape, gain: f64, out: &mut [f32]) -> Result<(), String> {
    let &[ref rows @ .., cols] = shape.dims() else {
        return Err("Orthogonal needs at least two axes, got a scalar".into());
    };
    if rows.is_empty() {
        return Err(format!("Orthogonal needs at least two axes, got shape {shape}"));
    }
    let rows: usize = rows.iter().product();
    let (long, short) = (rows.max(cols), rows.min(cols));
    // `short` vectors of length `long`, one after the other.
    let mut q: Vec<f64> = (0..long * short).map(|e| f64::from(r.normal(e as u64))).collect();
    for k in 0..short {
        let (done, rest) = q.split_at_mut(k * long);
        let v = &mut rest[..long];
        for _ in 0..2 {
            for u in done.chunks_exact(long) {
                let dot: f64 = u.iter().zip(v.iter()).map(|(a, b)| a * b).sum();
                v.iter_mut().zip(u).for_each(|(b, a)| *b -= dot * a);
            }
        }
        let norm = libm::sqrt(v.iter().map(|a| a * a).sum::<f64>());
        for a in v.iter_mut() {
            *a /= norm;
        }
    }
    for (e, v) in out.iter_mut().enumerate() {
        let (i, j) = (e / cols, e % cols);
        // Tall: vector j is column j. Wide: vector i is row i.
        *v = (gain * if rows >= cols { q[j * long + i] } else { q[i * long + j] }) as f32;
    }
    Ok(())
}
