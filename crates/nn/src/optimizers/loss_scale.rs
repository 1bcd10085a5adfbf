//! A loss that is scaled while gradients are computed, by as much as float16 holds.

use super::{Common, Kind, Memory, Optimizer, Slot, Step, Target};
use crate::keras::{ConfigError, KerasObject, check, shorten, to_config};
use adaline_graph::{DType, Var};
use serde_json::{Value, json};

const CLASS: &str = "LossScaleOptimizer";
/// Most steps between two growths: what single precision counts.
const MOST_STEPS: u32 = 1 << 24;

/// Multiplies the loss by a scale while gradients are computed, and divides the gradients by it before another optimizer takes them, so that
/// gradients in float16 do not underflow (Micikevicius et al. 2018).
///
/// A step with a gradient that is not finite is skipped: weights, the optimizer's memory and `iterations` stay as they are, and the scale is
/// halved. After `dynamic_growth_steps` steps without such a gradient it is doubled. Of what all optimizers take (clips, decay, averages,
/// accumulation) the inner optimizer has it; its `loss_scale_factor` is taken away, as in Keras.
///
/// ```
/// use adaline_nn::optimizers::{Adam, LossScaleOptimizer};
///
/// let optimizer = LossScaleOptimizer::new(Adam::new(0.001)).initial_scale(1024.0).dynamic_growth_steps(500);
/// ```
#[derive(Debug)]
pub struct LossScaleOptimizer {
    name: String,
    inner_optimizer: Box<dyn Optimizer>,
    initial_scale: f64,
    dynamic_growth_steps: u32,
}

impl Clone for LossScaleOptimizer {
    fn clone(&self) -> Self {
        let Self { name, inner_optimizer, initial_scale, dynamic_growth_steps } = self;
        Self {
            name: name.clone(),
            inner_optimizer: inner_optimizer.boxed(),
            initial_scale: *initial_scale,
            dynamic_growth_steps: *dynamic_growth_steps,
        }
    }
}

impl LossScaleOptimizer {
    /// Around an optimizer, with a scale of 2^15 at first that grows after 2000 steps.
    pub fn new(inner_optimizer: impl Into<Box<dyn Optimizer>>) -> Self {
        let mut inner_optimizer = inner_optimizer.into();
        super::set_loss_scale_factor(inner_optimizer.as_mut(), None);
        Self { name: "loss_scale_optimizer".into(), inner_optimizer, initial_scale: 32_768.0, dynamic_growth_steps: 2000 }
    }
    /// The scale at first.
    pub fn initial_scale(mut self, scale: f64) -> Self {
        self.initial_scale = scale;
        self
    }
    /// After how many steps without a skipped one the scale doubles.
    pub fn dynamic_growth_steps(mut self, steps: u32) -> Self {
        self.dynamic_growth_steps = steps;
        self
    }
    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
    /// The optimizer that takes the gradients.
    pub fn inner_optimizer(&self) -> &dyn Optimizer {
        self.inner_optimizer.as_ref()
    }
    /// The scale of the first step.
    pub fn first_scale(&self) -> f32 {
        self.initial_scale as f32
    }
    pub(super) fn own_name(&self) -> &str {
        &self.name
    }

    /// Reads the arguments as Keras writes them, those of older versions too.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let Value::Object(given) = config else {
            return Err(ConfigError::Shape {
                expected: format!("the arguments of {CLASS} as an object"),
                got: shorten(&config.to_string()),
            });
        };
        let key = "inner_optimizer";
        let inner = given.get(key).ok_or_else(|| ConfigError::MissingKey { class: CLASS.into(), key })?;
        let inner = crate::catalogue::optimizer_from_json(inner).map_err(|e| ConfigError::Nested {
            class: CLASS.into(),
            key: key.into(),
            source: Box::new(e),
        })?;
        let mut read = Self::new(inner);
        let known = read.config();
        let defaults = to_config(&Common::new("", 0.0));
        for (key, value) in given {
            let of_inner = key != "name" && key != "learning_rate" && defaults.get(key).is_some();
            if of_inner && *value != defaults[key] {
                return Err(ConfigError::unsupported(CLASS, key, value, "set it in the inner optimizer"));
            }
            if key == "dynamic" && *value != true {
                let advice = "set loss_scale_factor in the inner optimizer, which is then used alone";
                return Err(ConfigError::unsupported(CLASS, key, value, advice));
            }
            if !of_inner && key != "dynamic" && known.get(key).is_none() {
                let known: Vec<String> = known.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
                return Err(ConfigError::unknown_key(CLASS, key, &mut known.iter()));
            }
        }
        let wrong = |key: &str, expected: &str| ConfigError::value(CLASS, key, expected, &given[key]);
        if let Some(v) = given.get("initial_scale") {
            read.initial_scale = v.as_f64().ok_or_else(|| wrong("initial_scale", "a number"))?;
        }
        if let Some(v) = given.get("dynamic_growth_steps") {
            let steps = v.as_u64().and_then(|n| u32::try_from(n).ok());
            read.dynamic_growth_steps = steps.ok_or_else(|| wrong("dynamic_growth_steps", "a number of steps"))?;
        }
        if let Some(v) = given.get("name").filter(|v| !v.is_null()) {
            read.name = v.as_str().ok_or_else(|| wrong("name", "a text"))?.into();
        }
        read.validate()?;
        Ok(read)
    }

    /// Whether all elements of all gradients are finite, `bool[]`.
    pub(crate) fn finite<'g>(gradients: &[Var<'g>]) -> Option<Var<'g>> {
        let each = |g: &Var<'g>| g.abs().lt(g.builder().full(g.shape(), f32::INFINITY)).cast(DType::F32).min(&[], false);
        gradients.iter().map(each).reduce(Var::minimum).map(|least| least.gt_scalar(0.5))
    }

    /// What is kept for the next step: the number of steps since the scale last changed, and the scale.
    pub(crate) fn after<'g>(&self, finite: Var<'g>, count: Var<'g>, scale: Var<'g>) -> (Var<'g>, Var<'g>) {
        let grows = count.gt_scalar(self.dynamic_growth_steps as f32 - 1.5);
        let zero = count.builder().scalar(0.0);
        (finite.select(grows.select(zero, count + 1.0), zero), finite.select(grows.select(scale * 2.0, scale), scale * 0.5))
    }
}

impl KerasObject for LossScaleOptimizer {
    fn module(&self) -> &'static str {
        "keras.optimizers"
    }
    fn class_name(&self) -> &'static str {
        CLASS
    }
    fn config(&self) -> Value {
        json!({
            "name": self.name, "inner_optimizer": self.inner_optimizer.envelope(), "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        })
    }
    fn writable(&self) -> Result<(), ConfigError> {
        self.inner_optimizer.writable()
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let nested = |source| ConfigError::Nested { class: CLASS.into(), key: "inner_optimizer".into(), source: Box::new(source) };
        self.inner_optimizer.validate().map_err(nested)?;
        let once = !matches!(self.inner_optimizer.kind(), Kind::Scaled(_));
        check(once, CLASS, "inner_optimizer", "an optimizer that scales no loss itself", CLASS)?;
        let scale = self.first_scale();
        check(scale.is_finite() && scale > 0.0, CLASS, "initial_scale", "a finite number above 0 in single precision", self.initial_scale)?;
        let steps = self.dynamic_growth_steps;
        check((1..=MOST_STEPS).contains(&steps), CLASS, "dynamic_growth_steps", "from 1 to 16777216", steps)
    }
}

/// All but the scale is the inner optimizer's.
impl Optimizer for LossScaleOptimizer {
    fn kind(&self) -> Kind<'_> {
        Kind::Scaled(self)
    }
    fn common(&self) -> &Common {
        self.inner_optimizer.common()
    }
    fn common_mut(&mut self) -> &mut Common {
        self.inner_optimizer.common_mut()
    }
    fn common_of(&mut self, part: usize) -> Option<&mut Common> {
        self.inner_optimizer.common_of(part)
    }
    fn slots(&self, weight: &Target<'_>) -> Vec<Slot> {
        self.inner_optimizer.slots(weight)
    }
    fn file_groups(&self, most: usize) -> Vec<Vec<usize>> {
        self.inner_optimizer.file_groups(most)
    }
    fn shared(&self) -> Option<Slot> {
        self.inner_optimizer.shared()
    }
    fn share<'g>(&self, step: &Step<'g>) -> Option<Var<'g>> {
        self.inner_optimizer.share(step)
    }
    fn decay(&self, slots: usize) -> Option<f64> {
        self.inner_optimizer.decay(slots)
    }
    fn update<'g>(&self, step: &Step<'g>, w: Var<'g>, g: Var<'g>, slots: &mut [Memory<'g>]) -> Var<'g> {
        self.inner_optimizer.update(step, w, g, slots)
    }
    fn boxed(&self) -> Box<dyn Optimizer> {
        Box::new(self.clone())
    }
}
