//! Metrics that are a mean of values per sample. They share one struct; each is a name and a function.

use super::common::{MetricCommon, mean_result, mean_sums, mean_update, metric_of_family, sums_are_variables};
use crate::{
    keras::{ConfigError, omit, only, read_over, to_config},
    losses::{self, PerSample, cosine, same_shape},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Arguments {
    #[serde(flatten)]
    common: MetricCommon,
    axis: isize,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { common: MetricCommon::new(""), axis: -1 }
    }
}

/// Values per sample.
#[derive(Clone, Copy)]
enum Values {
    /// Of a loss.
    Of(PerSample),
    /// Along an axis, which Keras' files name (or lose).
    Along(for<'g> fn(&str, Var<'g>, Var<'g>, isize) -> Var<'g>, Written),
}

/// Whether Keras writes the axis.
#[derive(Clone, Copy, PartialEq)]
enum Written {
    Always,
    /// Keras loses it; ours name it where it is not -1, which Keras reads.
    UnlessDefault,
}

/// What tells one metric from another.
struct Spec {
    class: &'static str,
    name: &'static str,
    larger_is_better: Option<bool>,
    values: Values,
}

impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.class == other.class
    }
}
impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.class)
    }
}

#[derive(Clone, Debug, PartialEq)]
struct MeanOf {
    spec: &'static Spec,
    arguments: Arguments,
}

impl MeanOf {
    const HEEDS_MASK: bool = true;

    sums_are_variables!();

    fn new(spec: &'static Spec) -> Self {
        Self { spec, arguments: Arguments { common: MetricCommon::new(spec.name), ..Arguments::default() } }
    }
    fn read(spec: &'static Spec, config: &Value) -> Result<Self, ConfigError> {
        let defaults = only(to_config(&Self::new(spec).arguments), Self::known(spec));
        Ok(Self { spec, arguments: read_over(spec.class, &[], defaults, config)? })
    }
    fn known(spec: &Spec) -> &'static [&'static str] {
        match spec.values {
            Values::Of(_) => &["name", "dtype"],
            Values::Along(..) => &["name", "dtype", "axis"],
        }
    }
    fn config(&self) -> Value {
        let config = only(to_config(&self.arguments), Self::known(self.spec));
        match self.spec.values {
            Values::Along(_, Written::UnlessDefault) => omit(config, "axis", &(-1).into()),
            _ => config,
        }
    }
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as all families have it; nothing is out of range")]
    fn validate(&self) -> Result<(), ConfigError> {
        Ok(())
    }
    #[expect(clippy::unused_self, reason = "as all families have it")]
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        mean_sums()
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let values = match self.spec.values {
            Values::Of(f) => f(self.spec.class, y_true, y_pred),
            Values::Along(f, _) => f(self.spec.class, y_true, y_pred, self.arguments.axis),
        };
        mean_update(values, weight)
    }
    #[expect(clippy::unused_self, reason = "as all families have it")]
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        vec![mean_result(sums)]
    }
}

macro_rules! mean_of {
    ($(#[$doc:meta])* $ty:ident, $name:literal, $up:literal, $values:expr) => {
        metric_of_family! {
            $(#[$doc])*
            $ty(MeanOf), Spec { class: stringify!($ty), name: $name, larger_is_better: Some($up), values: $values }
        }
        impl Default for $ty {
            fn default() -> Self {
                Self(MeanOf::new(&Self::SPEC))
            }
        }
        impl $ty {
            /// A new metric.
            pub fn new() -> Self {
                Self::default()
            }
        }
    };
}

mean_of! {
    /// Mean of absolute errors in percent of the labels.
    MeanAbsolutePercentageError, "mean_absolute_percentage_error", false, Values::Of(losses::mean_absolute_percentage_error)
}
mean_of! {
    /// Mean of squared differences of `ln(1 + y)`.
    MeanSquaredLogarithmicError, "mean_squared_logarithmic_error", false, Values::Of(losses::mean_squared_logarithmic_error)
}
mean_of! {
    /// Mean of `ln cosh` of the errors.
    LogCoshError, "logcosh", false, Values::Of(losses::log_cosh)
}
mean_of! {
    /// Mean of `max(1 - y_true · y_pred, 0)`; see the loss of that name.
    Hinge, "hinge", false, Values::Of(losses::hinge)
}
mean_of! {
    /// Mean of `max(1 - y_true · y_pred, 0)²`; see the loss of that name.
    SquaredHinge, "squared_hinge", false, Values::Of(losses::squared_hinge)
}
mean_of! {
    /// Mean of what the best wrong class lacks to be a whole 1 behind the right one; see the loss of that name.
    CategoricalHinge, "categorical_hinge", false, Values::Of(losses::categorical_hinge)
}
mean_of! {
    /// Mean divergence of predictions from labels, both distributions; see the loss of that name.
    KLDivergence, "kl_divergence", false, Values::Of(losses::kl_divergence)
}
mean_of! {
    /// Mean Poisson loss of counts; see the loss of that name.
    Poisson, "poisson", false, Values::Of(losses::poisson)
}
mean_of! {
    /// Mean cosine of the angle between labels and predictions: 1 where they point the same way.
    CosineSimilarity, "cosine_similarity", true, Values::Along(cosine, Written::UnlessDefault)
}
mean_of! {
    /// Mean correlation of labels and predictions along an axis; NaN where either is constant.
    PearsonCorrelation, "pearson_correlation", true, Values::Along(pearson, Written::Always)
}
mean_of! {
    /// Mean concordance of labels and predictions along an axis (Lin 1989): correlation that also asks for equal means and variances.
    ConcordanceCorrelation, "concordance_correlation", true, Values::Along(concordance, Written::Always)
}

macro_rules! along {
    ($ty:ident) => {
        impl $ty {
            /// The axis along which samples lie, -1 unless set.
            pub fn axis(mut self, axis: isize) -> Self {
                self.0.arguments.axis = axis;
                self
            }
        }
    };
}
along!(CosineSimilarity);
along!(PearsonCorrelation);
along!(ConcordanceCorrelation);

fn pearson<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, axis: isize) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let standard = |v: Var<'g>| {
        let centred = v - v.mean(&[axis], true);
        centred / centred.variance(&[axis], true).sqrt()
    };
    (standard(t) * standard(p)).mean(&[axis], false)
}

/// As Keras: of `(t - mean(p)) (p - mean(p))`, whose mean is the covariance all the same.
fn concordance<'g>(class: &str, y_true: Var<'g>, y_pred: Var<'g>, axis: isize) -> Var<'g> {
    let (t, p) = same_shape(class, y_true, y_pred);
    let (mean_t, mean_p) = (t.mean(&[axis], true), p.mean(&[axis], true));
    let covariance = (t - mean_p) * (p - mean_p);
    let norm = t.variance(&[axis], true) + p.variance(&[axis], true) + (mean_t - mean_p).square();
    (covariance * 2.0 / (norm + 1e-7)).mean(&[axis], false)
}
