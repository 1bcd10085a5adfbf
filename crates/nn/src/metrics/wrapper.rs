//! Means and sums of predictions, and means of what a loss says.

use super::{
    Metric,
    common::{MetricCommon, element_weights, mean_methods, mean_result, mean_sums, mean_update, metric_methods, metric_object, numbers},
};
use crate::{
    Loss, catalogue,
    keras::{ConfigError, KerasObject, only, read_over, to_config},
    losses::{self, trailing},
};
use adaline_graph::{DType, Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The mean of what the network predicts.
///
/// (Keras' class takes values alone; named in `compile` it would see labels as values and predictions as weights.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    #[serde(flatten)]
    common: MetricCommon,
}

/// The sum of what the network predicts; see [`Mean`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sum {
    #[serde(flatten)]
    common: MetricCommon,
}

impl Default for Mean {
    fn default() -> Self {
        Self { common: MetricCommon::new("mean") }
    }
}
impl Default for Sum {
    fn default() -> Self {
        Self { common: MetricCommon::new("sum") }
    }
}

metric_object!(Mean, "Mean", |_this| Ok(()));
metric_object!(Sum, "Sum", |_this| Ok(()));

impl Mean {
    /// A new metric.
    pub fn new() -> Self {
        Self::default()
    }
    #[expect(clippy::unused_self, reason = "as metrics that are means have it")]
    fn values<'g>(&self, _: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        y_pred.cast(DType::F32)
    }
}
impl Sum {
    /// A new metric.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Metric for Mean {
    metric_methods!(|_this| None);
    mean_methods!();
}

impl Metric for Sum {
    metric_methods!(|_this| None);
    fn heeds_mask(&self) -> bool {
        true
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        vec![("total", Shape::SCALAR)]
    }
    fn update<'g>(&self, _: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        let p = y_pred.cast(DType::F32);
        vec![(p * element_weights(p, weight)).sum(&[], false)]
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        numbers(sums, 0, 1)
    }
}

/// The mean of a loss as a metric.
///
/// Of a loss function it is the mean of its values per sample, as Keras' `MeanMetricWrapper(keras.losses.huber, delta=2.0)`. In a file that wraps a loss
/// *object* each batch counts the same, whatever its size, with the number that the loss reduces it to; [`of_batches`](Self::of_batches) makes one.
#[derive(Debug)]
pub struct MeanMetricWrapper {
    common: MetricCommon,
    loss: Box<dyn Loss>,
    of_batches: bool,
}

impl Clone for MeanMetricWrapper {
    fn clone(&self) -> Self {
        Self { common: self.common.clone(), loss: self.loss.boxed(), of_batches: self.of_batches }
    }
}

impl MeanMetricWrapper {
    /// The mean of a loss' values per sample, under a name.
    pub fn new(name: &str, loss: impl Into<Box<dyn Loss>>) -> Self {
        Self { common: MetricCommon::new(name), loss: loss.into(), of_batches: false }
    }
    /// Whether each batch counts once, with the number that the loss reduces it to.
    pub fn of_batches(mut self, of_batches: bool) -> Self {
        self.of_batches = of_batches;
        self
    }
    /// Reads the arguments as Keras writes them: `fn` is the name of a loss function, or a loss; other arguments are the function's.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        const CLASS: &str = "MeanMetricWrapper";
        let Some(wrapped) = config.get("fn") else { return Err(ConfigError::MissingKey { class: CLASS.into(), key: "fn" }) };
        let nested = |source| ConfigError::Nested { class: CLASS.into(), key: "fn".into(), source: Box::new(source) };
        let common: MetricCommon =
            read_over(CLASS, &[], to_config(&MetricCommon::new("mean_metric_wrapper")), &only(config.clone(), &["name", "dtype"]))?;
        let function = match wrapped {
            Value::String(name) => Some(name),
            Value::Object(o) if o.get("class_name").and_then(Value::as_str) == Some("function") => match o.get("config") {
                Some(Value::String(name)) => Some(name),
                _ => None,
            },
            _ => None,
        };
        let rest: Map<String, Value> =
            config.as_object().into_iter().flatten().filter(|(k, _)| !["name", "dtype", "fn"].contains(&k.as_str())).map(clone).collect();
        let envelope = match function {
            Some(name) => json!({"class_name": name, "config": rest}),
            None => match rest.keys().next() {
                Some(key) => {
                    return Err(ConfigError::value(CLASS, key, "left out where `fn` is a loss with arguments of its own", &rest[key]));
                }
                None => wrapped.clone(),
            },
        };
        let loss = catalogue::loss_from_json(&envelope).map_err(nested)?;
        Ok(Self { common, loss, of_batches: function.is_none() })
    }
    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.common.name = name.into();
        self
    }
}

fn clone((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

impl KerasObject for MeanMetricWrapper {
    fn module(&self) -> &'static str {
        "keras.metrics"
    }
    fn class_name(&self) -> &'static str {
        "MeanMetricWrapper"
    }
    fn config(&self) -> Value {
        let mut config = to_config(&self.common);
        if self.of_batches {
            config["fn"] = self.loss.envelope();
            return config;
        }
        // The function has the loss' arguments, but neither its name nor its reduction.
        let row = catalogue::LOSSES.iter().find(|row| row.class == self.loss.class_name());
        let name = row.and_then(|row| row.aliases.first()).copied().unwrap_or(self.loss.class_name());
        config["fn"] = json!({"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"});
        if let (Value::Object(config), Value::Object(arguments)) = (&mut config, self.loss.config()) {
            config.extend(arguments.into_iter().filter(|(key, _)| key != "name" && key != "reduction"));
        }
        config
    }
    fn writable(&self) -> Result<(), ConfigError> {
        self.loss.writable()
    }
    fn validate(&self) -> Result<(), ConfigError> {
        self.loss.validate()
    }
}

impl Metric for MeanMetricWrapper {
    metric_methods!(|this| (this.loss.module() == "keras.losses").then_some(false));
    fn heeds_mask(&self) -> bool {
        true
    }
    fn sparse(&self) -> bool {
        self.loss.sparse()
    }
    fn sums(&self, _: Shape, _: Shape) -> Vec<(&'static str, Shape)> {
        mean_sums()
    }
    fn update<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>) -> Vec<Var<'g>> {
        if self.of_batches {
            return mean_update(losses::total(&*self.loss, y_true, y_pred, None, None), weight);
        }
        let values = self.loss.call(y_true, y_pred);
        // As in Keras, values that do not count are left out of a weighted mean alone.
        let weight = weight.map(|w| match self.loss.mask(y_true, values) {
            Some(counts) => trailing(w.cast(DType::F32), values.rank()) * counts.cast(DType::F32),
            None => w,
        });
        mean_update(values, weight)
    }
    fn results(&self, sums: &[&[f32]]) -> Vec<f64> {
        vec![mean_result(sums)]
    }
}
