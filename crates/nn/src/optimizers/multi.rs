//! Several optimizers, each with weights of its own.

use super::{Common, Kind, Memory, Optimizer, Slot, Step, Target, pattern};
use crate::keras::{ConfigError, KerasObject, check, open, shorten};
use adaline_graph::Var;
use serde_json::{Map, Value, json};
use std::fmt;
use std::sync::Arc;

const CLASS: &str = "MultiOptimizer";
const MAP: &str = "OptimizerMap";

/// Which optimizer has which weights: a default, and others by texts that describe the paths of weights.
///
/// A path is, as in Keras, `layer/weight` in a functional model and `model/layer/weight` in a sequential one. A text chooses the weight of
/// that very path, else all whose whole path it describes as a regular expression, of which `.`, `.*`, `^` at the beginning and `$` at the
/// end are understood: `.*encoder/.*`. A weight that two texts describe is an error when training begins.
pub struct OptimizerMap {
    /// Those of the texts, which are in alphabetical order as in a file; then the default.
    optimizers: Vec<Box<dyn Optimizer>>,
    /// One for each but the last.
    texts: Vec<String>,
    /// What chooses instead of them.
    choice: Option<Arc<Choice>>,
}

/// A number of an optimizer from a weight's path.
type Choice = dyn Fn(&str) -> usize + Send + Sync;

impl fmt::Debug for OptimizerMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { optimizers, texts, choice } = self;
        f.debug_struct("OptimizerMap")
            .field("optimizers", optimizers)
            .field("texts", texts)
            .field("by_function", &choice.is_some())
            .finish()
    }
}

impl Clone for OptimizerMap {
    fn clone(&self) -> Self {
        Self { optimizers: self.optimizers.iter().map(|o| o.boxed()).collect(), texts: self.texts.clone(), choice: self.choice.clone() }
    }
}

impl OptimizerMap {
    /// All weights to one optimizer.
    pub fn new(default_optimizer: impl Into<Box<dyn Optimizer>>) -> Self {
        Self { optimizers: vec![default_optimizer.into()], texts: Vec::new(), choice: None }
    }
    /// Weights to several optimizers by a function of a weight's path: 0 for the first of them, 1 for the next, .. A file cannot hold a function, so
    /// that such a model cannot be saved whole, only its weights.
    pub fn choosing(
        first: impl Into<Box<dyn Optimizer>>,
        others: impl IntoIterator<Item = Box<dyn Optimizer>>,
        choice: impl Fn(&str) -> usize + Send + Sync + 'static,
    ) -> Self {
        let optimizers = std::iter::once(first.into()).chain(others).collect();
        Self { optimizers, texts: Vec::new(), choice: Some(Arc::new(choice)) }
    }
    /// The weights that a text describes to another one.
    pub fn with(mut self, text: impl Into<String>, optimizer: impl Into<Box<dyn Optimizer>>) -> Self {
        let text = text.into();
        let at = self.texts.partition_point(|t| *t < text);
        self.optimizers.insert(at, optimizer.into());
        self.texts.insert(at, text);
        self
    }

    fn part_of(&self, path: &str) -> Result<usize, ConfigError> {
        if let Some(choice) = &self.choice {
            let (at, count) = (choice(path), self.optimizers.len());
            check(at < count, MAP, path, &format!("the number of one of {count} optimizers, from 0"), at)?;
            return Ok(at);
        }
        if let Some(exact) = self.texts.iter().position(|text| text == path) {
            return Ok(exact);
        }
        let mut found = self.texts.iter().enumerate().filter(|(_, text)| pattern::describes(text, path)).map(|(at, _)| at);
        let (first, second) = (found.next(), found.next());
        if let (Some(a), Some(b)) = (first, second) {
            let (a, b) = (&self.texts[a], &self.texts[b]);
            return Err(ConfigError::value(
                MAP,
                b,
                format!("a text for other weights than those of `{a}`"),
                format!("one for `{path}` too"),
            ));
        }
        Ok(first.unwrap_or(self.texts.len()))
    }

    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let read = |key: &str, value: &Value| {
            crate::catalogue::optimizer_from_json(value).map_err(|e| ConfigError::Nested {
                class: MAP.into(),
                key: key.into(),
                source: Box::new(e),
            })
        };
        let given = arguments(MAP, config, &["default_optimizer", "optimizer_map"])?;
        let default = given.get("default_optimizer").ok_or(ConfigError::MissingKey { class: MAP.into(), key: "default_optimizer" })?;
        let mut map = Self::new(read("default_optimizer", default)?);
        match given.get("optimizer_map") {
            None | Some(Value::Null) => {}
            Some(Value::Object(texts)) => {
                for (text, optimizer) in texts {
                    map = map.with(text, read(text, optimizer)?);
                }
            }
            Some(other) => return Err(ConfigError::value(MAP, "optimizer_map", "optimizers by texts that describe paths", other)),
        }
        Ok(map)
    }

    fn envelope(&self) -> Value {
        let each = self.texts.iter().zip(&self.optimizers).map(|(text, o)| (text.clone(), o.envelope()));
        let map: Map<String, Value> = each.collect();
        let config = json!({"default_optimizer": self.optimizers.last().map(|o| o.envelope()), "optimizer_map": map});
        json!({"module": "keras.optimizers", "class_name": MAP, "config": config, "registered_name": null})
    }
}

/// The arguments of a class that has no others than these.
fn arguments<'v>(class: &str, config: &'v Value, known: &[&str]) -> Result<&'v Map<String, Value>, ConfigError> {
    let Value::Object(given) = config else {
        return Err(ConfigError::Shape { expected: format!("the arguments of {class} as an object"), got: shorten(&config.to_string()) });
    };
    if let Some(key) = given.keys().find(|key| !known.contains(&key.as_str())) {
        let known: Vec<String> = known.iter().map(|&k| k.into()).collect();
        return Err(ConfigError::unknown_key(class, key, &mut known.iter()));
    }
    Ok(given)
}

/// Hands each weight to one of several optimizers.
///
/// Each counts, clips and remembers for its own weights. It has no learning rate, so that callbacks cannot change one; schedules of its
/// optimizers work. All must accumulate gradients over the same number of steps, or none.
///
/// ```
/// use adaline_nn::optimizers::{Adam, MultiOptimizer, OptimizerMap, Sgd};
///
/// let map = OptimizerMap::new(Sgd::new(0.01)).with(".*encoder/.*", Adam::new(0.001));
/// let optimizer = MultiOptimizer::new(map);
/// ```
#[derive(Clone, Debug)]
pub struct MultiOptimizer {
    name: String,
    optimizer_map: OptimizerMap,
    loss_scale_factor: Option<f64>,
}

impl MultiOptimizer {
    /// With the optimizers of a map, whose own `loss_scale_factor` is taken away, as in Keras.
    pub fn new(optimizer_map: OptimizerMap) -> Self {
        Self { name: "multi_optimizer".into(), optimizer_map, loss_scale_factor: None }.scaled(None)
    }
    fn scaled(mut self, factor: Option<f64>) -> Self {
        self.loss_scale_factor = factor;
        super::set_loss_scale_factor(&mut self, factor);
        self
    }
    /// Multiplies the loss while gradients are computed, for all optimizers.
    pub fn loss_scale_factor(self, factor: f64) -> Self {
        self.scaled(Some(factor))
    }
    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
    /// The optimizers: those of the texts in alphabetical order, then the default.
    pub fn optimizers(&self) -> impl ExactSizeIterator<Item = &dyn Optimizer> {
        self.optimizer_map.optimizers.iter().map(AsRef::as_ref)
    }
    pub(super) fn own_name(&self) -> &str {
        &self.name
    }
    /// Which of them has the weight of a path.
    pub(super) fn part_of(&self, path: &str) -> Result<usize, ConfigError> {
        self.optimizer_map.part_of(path)
    }
    /// The default.
    fn last(&self) -> &dyn Optimizer {
        // There is always one.
        self.optimizer_map.optimizers[self.optimizer_map.optimizers.len() - 1].as_ref()
    }
    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let given = arguments(CLASS, config, &["optimizer_map", "loss_scale_factor", "name"])?;
        let key = "optimizer_map";
        let map = given.get(key).ok_or(ConfigError::MissingKey { class: CLASS.into(), key })?;
        let expected = "an OptimizerMap: a function that chooses optimizers cannot be read from a file";
        let map = match open(MAP, map) {
            Ok((class, Some(config))) if class == MAP => OptimizerMap::from_config(config),
            _ => Err(ConfigError::value(CLASS, key, expected, map)),
        };
        let mut read = Self::new(map?);
        if let Some(v) = given.get("loss_scale_factor").filter(|v| !v.is_null()) {
            let factor = v.as_f64().ok_or_else(|| ConfigError::value(CLASS, "loss_scale_factor", "a number, or null", v))?;
            read = read.loss_scale_factor(factor);
        }
        if let Some(v) = given.get("name").filter(|v| !v.is_null()) {
            read.name = v.as_str().ok_or_else(|| ConfigError::value(CLASS, "name", "a text", v))?.into();
        }
        read.validate()?;
        Ok(read)
    }
}

impl KerasObject for MultiOptimizer {
    fn module(&self) -> &'static str {
        "keras.optimizers"
    }
    fn class_name(&self) -> &'static str {
        CLASS
    }
    fn config(&self) -> Value {
        json!({"optimizer_map": self.optimizer_map.envelope(), "loss_scale_factor": self.loss_scale_factor, "name": self.name})
    }
    fn writable(&self) -> Result<(), ConfigError> {
        match self.optimizer_map.choice {
            Some(_) => Err(ConfigError::NotWritable { kind: "optimizer", name: self.name.clone() }),
            None => Ok(()),
        }
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let OptimizerMap { texts, .. } = &self.optimizer_map;
        let key = |at: usize| texts.get(at).map_or("default_optimizer", String::as_str);
        for (at, text) in texts.iter().enumerate() {
            pattern::understood(MAP, "optimizer_map", text)?;
            check(!texts[..at].contains(text), MAP, text, "there once", "there twice")?;
        }
        let accumulated = self.common().gradient_accumulation_steps;
        for (at, optimizer) in self.optimizers().enumerate() {
            check(matches!(optimizer.kind(), Kind::Rule), MAP, key(at), "an optimizer that wraps no other", optimizer.class_name())?;
            optimizer.validate().map_err(|e| ConfigError::Nested { class: MAP.into(), key: key(at).into(), source: Box::new(e) })?;
            if optimizer.common().gradient_accumulation_steps != accumulated {
                let advice = "here all optimizers of a MultiOptimizer accumulate over the same number of steps, or none does";
                let got = optimizer.common().gradient_accumulation_steps.map_or("null".into(), |n| n.to_string());
                return Err(ConfigError::unsupported(key(at), "gradient_accumulation_steps", got, advice));
            }
        }
        Ok(())
    }
}

/// What all optimizers take is told of the default; the model asks each for its own weights.
impl Optimizer for MultiOptimizer {
    fn kind(&self) -> Kind<'_> {
        Kind::Several(self)
    }
    fn common(&self) -> &Common {
        self.last().common()
    }
    fn common_mut(&mut self) -> &mut Common {
        let last = self.optimizer_map.optimizers.len() - 1;
        self.optimizer_map.optimizers[last].common_mut()
    }
    fn common_of(&mut self, part: usize) -> Option<&mut Common> {
        self.optimizer_map.optimizers.get_mut(part).map(|o| o.common_mut())
    }
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        self.last().slots(weight)
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        self.last().update(step, w, g, slots)
    }
    fn boxed(&self) -> Box<dyn Optimizer> {
        Box::new(self.clone())
    }
}
