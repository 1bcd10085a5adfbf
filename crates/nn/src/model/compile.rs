//! `compile`: the optimizer, the losses and the metrics of a model, and their memory.

use super::memory::OptimizerMemory;
use super::signature::Mode;
use super::{Logs, Model};
use crate::error::{Error, Result};
use crate::keras::{ConfigError, DTypePolicy, KerasObject};
use crate::losses::{LabelKind, Reduction};
use crate::metrics;
use crate::network::Kind as NetworkKind;
use crate::network::input::{batch_of, dims_text};
use crate::optimizers::{self, Kind, LearningRate, LossScaleOptimizer};
use crate::schedules::Schedule;
use crate::trace::Weights;
use crate::{Loss, Metric, Optimizer};
use adaline_graph::{DType, Role, Shape, SlotId, StateStore, TensorType};

/// What `compile` takes as metrics: an array or `Vec` of one class, a `Vec` of boxes, a tuple of up to six classes, or `()`.
pub trait IntoMetrics {
    /// The metrics in order.
    fn into_metrics(self) -> Vec<Box<dyn Metric>>;
}

impl IntoMetrics for () {
    fn into_metrics(self) -> Vec<Box<dyn Metric>> {
        Vec::new()
    }
}
impl<M: Into<Box<dyn Metric>>, const N: usize> IntoMetrics for [M; N] {
    fn into_metrics(self) -> Vec<Box<dyn Metric>> {
        self.into_iter().map(Into::into).collect()
    }
}
impl<M: Into<Box<dyn Metric>>> IntoMetrics for Vec<M> {
    fn into_metrics(self) -> Vec<Box<dyn Metric>> {
        self.into_iter().map(Into::into).collect()
    }
}
macro_rules! metric_tuples {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: Into<Box<dyn Metric>>),+> IntoMetrics for ($($name,)+) {
            #[expect(non_snake_case, reason = "type parameters name their values")]
            fn into_metrics(self) -> Vec<Box<dyn Metric>> {
                let ($($name,)+) = self;
                vec![$($name.into()),+]
            }
        }
    )*};
}
metric_tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; }

/// What an output of a model is trained for: its loss, how much that counts, and its metrics.
#[derive(Debug)]
pub struct Objective {
    loss: Box<dyn Loss>,
    weight: f64,
    metrics: Vec<Box<dyn Metric>>,
    weighted: Vec<Box<dyn Metric>>,
}

impl Objective {
    /// A loss that counts once, without metrics.
    pub fn new(loss: impl Into<Box<dyn Loss>>) -> Self {
        Self { loss: loss.into(), weight: 1.0, metrics: Vec::new(), weighted: Vec::new() }
    }
    /// How much the loss counts in the sum of all (Keras' `loss_weights`; 1).
    pub fn weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }
    /// Adds metrics.
    pub fn metrics(mut self, metrics: impl IntoMetrics) -> Self {
        self.metrics.extend(metrics.into_metrics());
        self
    }
    /// Adds metrics that heed sample weights.
    pub fn weighted_metrics(mut self, metrics: impl IntoMetrics) -> Self {
        self.weighted.extend(metrics.into_metrics());
        self
    }
}

/// An output that is trained: its loss and that loss' own sums, kept where there are several outputs.
#[derive(Debug)]
pub(crate) struct Trained {
    /// Which output of the network.
    pub(crate) output: usize,
    /// Its name.
    pub(crate) name: String,
    pub(crate) loss: Box<dyn Loss>,
    /// How much the loss counts.
    pub(crate) weight: f64,
    /// Sum of batch losses times batch sizes; that of the sizes is the one of the loss as a whole.
    pub(crate) sum: Option<SlotId>,
}

/// One metric of a compiled model.
#[derive(Debug)]
pub(crate) struct MetricEntry {
    /// As the user gave it (`Accuracy` may mean one of several).
    pub(crate) given: Box<dyn Metric>,
    /// Which of the trained outputs it judges.
    pub(crate) of: usize,
    /// What comes before its name in the logs: where there are several outputs, that of its own.
    pub(crate) prefix: Option<String>,
    /// Whether sample weights count.
    pub(crate) weighted: bool,
    /// What it became for the shapes at hand, and its sums.
    pub(crate) ready: Option<(Box<dyn Metric>, Vec<SlotId>)>,
}

impl MetricEntry {
    /// Name in the logs.
    pub(crate) fn name(&self) -> String {
        let own = self.ready.as_ref().map_or(self.given.name(), |(m, _)| m.name());
        self.prefix.as_ref().map_or_else(|| own.to_owned(), |prefix| format!("{prefix}_{own}"))
    }
}

/// The optimizer, losses and metrics of a model.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) optimizer: Box<dyn Optimizer>,
    /// The outputs that are trained, in the order of outputs.
    pub(crate) trained: Vec<Trained>,
    pub(crate) metrics: Vec<MetricEntry>,
    /// Training steps made, micro-batches counted one by one (Keras' `_iterations`).
    pub(crate) steps: u32,
    /// Steps that a scaled loss was too large for, which count as if they had not been.
    pub(crate) skipped: u32,
    /// Learning rates of the step that runs: the memory is kept.
    pub(crate) rates: Vec<f32>,
    /// What a weight's path begins with when an optimizer is chosen by it, as in Keras: in a chain of layers the model's name.
    pub(crate) prefix: String,
    /// Sum of batch losses times batch sizes, and the sum of batch sizes.
    pub(crate) loss_sums: Option<(SlotId, SlotId)>,
    pub(crate) memory: Option<OptimizerMemory>,
    /// Weights that do not decay.
    pub(crate) undecayed: Vec<SlotId>,
    /// Whether the moving averages are in the place of the weights, and the weights in theirs.
    pub(crate) averages_shown: bool,
}

impl Compiled {
    /// Micro-batches per update, when there are several.
    pub(crate) fn accumulation(&self) -> Option<u32> {
        self.optimizer.common().gradient_accumulation_steps.filter(|&n| n > 1)
    }
    /// Updates made (Keras' `iterations`).
    pub(crate) fn iterations(&self) -> u32 {
        self.steps / self.accumulation().unwrap_or(1)
    }
    /// Learning rate of the next step; none where several optimizers have one each. As in Keras a schedule counts micro-batches.
    pub(crate) fn learning_rate(&self) -> Option<f64> {
        if optimizers::part(self.optimizer.as_ref(), 1).is_some() {
            None
        } else {
            optimizers::parts(self.optimizer.as_ref()).map(|o| self.rate_of(o)).next()
        }
    }
    pub(crate) fn rate_of(&self, optimizer: &dyn Optimizer) -> f64 {
        match &optimizer.common().learning_rate {
            LearningRate::Fixed(v) => *v,
            LearningRate::Schedule(s) => s.at(u64::from(self.steps)),
        }
    }
    /// The learning rates of the next step, in memory that is given; `only` is that of the only one.
    pub(crate) fn learning_rates(&self, only: Option<f32>, mut rates: Vec<f32>) -> Vec<f32> {
        rates.clear();
        rates.extend(optimizers::parts(self.optimizer.as_ref()).map(|o| self.rate_of(o) as f32));
        if let ([rate], Some(only)) = (&mut rates[..], only) {
            *rate = only;
        }
        rates
    }
    /// Steps whether they changed weights or not: what random numbers are drawn by.
    pub(crate) fn draws(&self) -> i32 {
        self.steps.wrapping_add(self.skipped) as i32
    }
    /// Whether there are several losses, each with sums of its own.
    pub(crate) fn several(&self) -> bool {
        self.trained.len() > 1
    }
    /// The sums of the loss, made when they do not exist.
    pub(crate) fn loss_sums(&mut self, store: &mut StateStore) -> (SlotId, SlotId) {
        let scalar = TensorType::f32(Shape::SCALAR);
        if self.several() {
            for t in &mut self.trained {
                t.sum.get_or_insert_with(|| store.add(&format!("metrics/{}_loss/total", t.name), Role::Metric, scalar));
            }
        }
        *self.loss_sums.get_or_insert_with(|| {
            (store.add("metrics/loss/total", Role::Metric, scalar), store.add("metrics/loss/count", Role::Metric, scalar))
        })
    }
    /// Whether the network's outputs can feed the losses, as far as that is known without labels.
    pub(crate) fn check_outputs(&self, outputs: &[Vec<usize>]) -> Result<()> {
        self.trained.iter().try_for_each(|t| outputs.get(t.output).map_or(Ok(()), |row| check_output(t.loss.as_ref(), row)))
    }
    /// The optimizer's memory, made when it does not exist.
    ///
    /// # Errors
    /// For a weight that several optimizers are meant to have.
    pub(crate) fn memory(&mut self, weights: &mut Weights) -> Result<&OptimizerMemory, ConfigError> {
        if self.memory.is_none() {
            self.memory = Some(OptimizerMemory::new(self.optimizer.as_ref(), &self.prefix, weights)?);
        }
        // It has just been made when it was not there.
        Ok(self.memory.get_or_insert_default())
    }
    /// What the metric means for the shapes at hand, and its sums, made when they do not exist.
    pub(crate) fn ready_metric(
        &mut self,
        at: usize,
        store: &mut StateStore,
        y: Shape,
        prediction: Shape,
    ) -> Result<&(Box<dyn Metric>, Vec<SlotId>)> {
        let entry = &mut self.metrics[at];
        let resolved = metrics::resolve(entry.given.as_ref(), y, prediction);
        let sums = resolved.sums(y, prediction);
        if let Some((_, slots)) = &entry.ready {
            let same = slots.len() == sums.len()
                && slots.iter().zip(&sums).all(|(&slot, (_, shape))| store.layout().slot(slot).ty.shape == *shape);
            if !same {
                let name = entry.name();
                return Err(Error::Mismatch(format!(
                    "the metric `{name}` was begun with labels of another shape and cannot go on with {y}: compile again"
                )));
            }
        } else {
            let own = resolved.name();
            let name = entry.prefix.as_ref().map_or_else(|| own.to_owned(), |prefix| format!("{prefix}_{own}"));
            let slots = sums
                .iter()
                .map(|(sum, shape)| store.add(&format!("metrics/{name}/{sum}"), Role::Metric, TensorType::f32(*shape)))
                .collect();
            entry.ready = Some((resolved, slots));
        }
        // It has just been set when it was not there.
        entry.ready.as_ref().ok_or_else(|| Error::Mismatch("metric without sums".into()))
    }
    /// Current values of the loss and of all metrics, the loss first.
    pub(crate) fn results(&self, store: &StateStore) -> Logs {
        let mut logs = Vec::with_capacity(self.metrics.len() + 1);
        if let Some((total, count)) = self.loss_sums {
            let mut mean = |name: String, total: SlotId| logs.push((name, f64::from(store.f32(total)[0]) / f64::from(store.f32(count)[0])));
            mean("loss".to_owned(), total);
            for t in &self.trained {
                if let Some(sum) = t.sum {
                    mean(format!("{}_loss", t.name), sum);
                }
            }
        }
        for entry in &self.metrics {
            if let Some((metric, slots)) = &entry.ready {
                let sums: Vec<&[f32]> = slots.iter().map(|&s| store.f32(s)).collect();
                let values = metric.results(&sums);
                if values.len() != 1 {
                    logs.push((entry.name(), metric.result(&sums)));
                }
                // Several values, of classes or thresholds, follow their mean.
                for (at, &value) in values.iter().enumerate() {
                    let name = if values.len() == 1 { entry.name() } else { format!("{}_{at}", entry.name()) };
                    logs.push((name, value));
                }
            }
        }
        logs
    }
}

impl Model {
    /// Chooses the optimizer, the loss and the metrics. Compiling again forgets the optimizer's memory and keeps the weights.
    ///
    /// # Errors
    /// [`Error::Config`] for arguments out of range, [`Error::Mismatch`] when loss, metrics and network do not fit each other.
    pub fn compile(
        &mut self,
        optimizer: impl Into<Box<dyn Optimizer>>,
        loss: impl Into<Box<dyn Loss>>,
        metrics: impl IntoMetrics,
    ) -> Result<()> {
        self.compile_weighted(optimizer, loss, metrics, ())
    }

    /// As [`Model::compile`], with metrics that heed sample weights and class weights (Keras' `weighted_metrics`); those of `metrics` do not.
    pub fn compile_weighted(
        &mut self,
        optimizer: impl Into<Box<dyn Optimizer>>,
        loss: impl Into<Box<dyn Loss>>,
        metrics: impl IntoMetrics,
        weighted_metrics: impl IntoMetrics,
    ) -> Result<()> {
        let objective = Objective::new(loss).metrics(metrics).weighted_metrics(weighted_metrics);
        let [name] = &self.output_names[..] else {
            let names = self.output_names.join(", ");
            return Err(Error::Mismatch(format!(
                "the model has {} outputs ({names}): give each its own loss with compile_outputs",
                self.output_names.len()
            )));
        };
        let name = name.clone();
        self.compile_outputs(optimizer, [(name, objective)])
    }

    /// As [`Model::compile`] for a model of several outputs: what each is trained for, by its name ([`Model::output_names`]). An output that is
    /// not named is not trained, and takes no labels. The loss is the sum of all, each times its weight, and of what layers add
    /// ([`Trace::add_loss`](crate::Trace::add_loss), regularizers); where that is all, no output needs to be named.
    ///
    /// # Errors
    /// As [`Model::compile`].
    pub fn compile_outputs<N: Into<String>>(
        &mut self,
        optimizer: impl Into<Box<dyn Optimizer>>,
        objectives: impl IntoIterator<Item = (N, Objective)>,
    ) -> Result<()> {
        self.compile_all(optimizer.into(), objectives.into_iter().map(|(name, o)| (name.into(), o)).collect())
    }

    /// Whether [`Model::compile`] puts a [`LossScaleOptimizer`] around the optimizer where the model's policy is `mixed_float16` (true), as
    /// Keras' `compile(auto_scale_loss=..)`. It counts from the next time that the model is compiled.
    pub fn auto_scale_loss(&mut self, on: bool) {
        self.auto_scale_loss = on;
    }

    fn compile_all(&mut self, mut optimizer: Box<dyn Optimizer>, mut objectives: Vec<(String, Objective)>) -> Result<()> {
        let wanted = self.auto_scale_loss && self.dtype_policy() == DTypePolicy::MixedFloat16;
        if wanted && !matches!(optimizer.kind(), Kind::Scaled(_)) {
            optimizer = LossScaleOptimizer::new(optimizer).into();
        }
        optimizer.validate()?;
        for (at, (name, _)) in objectives.iter().enumerate() {
            if !self.output_names.contains(name) {
                let names = self.output_names.iter().map(String::as_str);
                let advice = match adaline_data::nearest(name, names) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("its outputs are {}", self.output_names.join(", ")),
                };
                return Err(Error::Mismatch(format!("the model has no output `{name}`; {advice}")));
            }
            if objectives[..at].iter().any(|(other, _)| other == name) {
                return Err(Error::Mismatch(format!("the output `{name}` is there twice")));
            }
        }
        let place = |name: &String| self.output_names.iter().position(|n| n == name);
        objectives.sort_by_key(|(name, _)| place(name));
        // As in Keras: losses are told apart where there are several, metrics where there are several outputs.
        let (several, many) = (objectives.len() > 1, self.output_names.len() > 1);
        let (mut trained, mut metrics) = (Vec::with_capacity(objectives.len()), Vec::new());
        for (of, (name, objective)) in objectives.into_iter().enumerate() {
            let Objective { loss, weight, metrics: plain, weighted } = objective;
            loss.validate()?;
            if !(weight.is_finite() && weight >= 0.0) {
                return Err(Error::option("loss_weights", weight, "finite numbers of at least 0"));
            }
            if loss.reduction() == Reduction::None {
                return Err(Error::Mismatch(format!(
                    "the loss `{}` has reduction none, so it is no single number to make smaller: use sum_over_batch_size",
                    loss.name()
                )));
            }
            let prefix = many.then(|| name.clone());
            let entry = |given, weighted| MetricEntry { given, of, prefix: prefix.clone(), weighted, ready: None };
            metrics.extend(plain.into_iter().map(|m| entry(m, false)));
            metrics.extend(weighted.into_iter().map(|m| entry(m, true)));
            trained.push(Trained { output: place(&name).unwrap_or(0), name, loss, weight, sum: None });
        }
        let mut names: Vec<String> = if several { trained.iter().map(|t| format!("{}_loss", t.name)).collect() } else { Vec::new() };
        names.push("loss".into());
        for entry in &metrics {
            entry.given.validate()?;
            let name = entry.name();
            if names.contains(&name) {
                return Err(Error::Mismatch(format!("two values would be called `{name}` in the logs: give one metric another name")));
            }
            names.push(name);
        }
        let prefix = if self.net.kind == NetworkKind::Sequential { format!("{}/", self.name) } else { String::new() };
        let compiled = Compiled {
            optimizer,
            trained,
            metrics,
            undecayed: Vec::new(),
            steps: 0,
            skipped: 0,
            rates: Vec::new(),
            prefix,
            loss_sums: None,
            memory: None,
            averages_shown: false,
        };
        if let Some(outputs) = &self.outputs {
            compiled.check_outputs(outputs)?;
        }
        self.forget_compiled();
        self.compiled = Some(compiled);
        Ok(())
    }

    /// Drops the optimizer's memory and the metrics' sums together with the plans that use them; weights keep values and places.
    fn forget_compiled(&mut self) {
        self.plans.retain(|m| matches!(m, Mode::Predict | Mode::Probe | Mode::Active));
        if self.weights.store.layout().iter().all(|(_, slot)| matches!(slot.role, Role::Trainable | Role::NonTrainable)) {
            return; // nothing to drop
        }
        let alone = self.weights.alone();
        self.weights.replace(alone);
    }

    pub(crate) fn compiled(&self, action: &'static str) -> Result<&Compiled> {
        self.compiled.as_ref().ok_or_else(|| Error::NotCompiled { model: self.name.clone(), action })
    }
    pub(crate) fn compiled_mut(&mut self, action: &'static str) -> Result<&mut Compiled> {
        self.compiled.as_mut().ok_or_else(|| Error::NotCompiled { model: self.name.clone(), action })
    }

    /// Whether `compile` was called.
    pub fn is_compiled(&self) -> bool {
        self.compiled.is_some()
    }
    /// The optimizer.
    pub fn optimizer(&self) -> Option<&dyn Optimizer> {
        self.compiled.as_ref().map(|c| c.optimizer.as_ref())
    }
    /// The loss, of several the first.
    pub fn loss(&self) -> Option<&dyn Loss> {
        self.losses().next().map(|(_, loss, _)| loss)
    }
    /// The losses: names of their outputs, and how much each counts.
    pub fn losses(&self) -> impl Iterator<Item = (&str, &dyn Loss, f64)> {
        self.compiled.iter().flat_map(|c| &c.trained).map(|t| (t.name.as_str(), t.loss.as_ref(), t.weight))
    }
    /// The metrics as they were given.
    pub fn metrics(&self) -> impl Iterator<Item = &dyn Metric> {
        self.compiled.iter().flat_map(|c| c.metrics.iter().map(|m| m.given.as_ref()))
    }
    /// Whether a metric is better when larger, where that is known.
    pub fn larger_is_better(&self, metric: &str) -> Option<bool> {
        let compiled = self.compiled.as_ref()?;
        // One of several values of a metric is named after it and its number.
        let of_several = |name: &str| {
            let number = metric.strip_prefix(name).and_then(|rest| rest.strip_prefix('_'));
            number.is_some_and(|n| n.parse::<usize>().is_ok())
        };
        let named = compiled.metrics.iter().find(|m| m.name() == metric);
        let entry = named.or_else(|| compiled.metrics.iter().find(|m| of_several(&m.name())))?;
        entry.ready.as_ref().map_or(entry.given.as_ref(), |(m, _)| m.as_ref()).larger_is_better()
    }
    /// Updates of the weights since `compile` (Keras' `optimizer.iterations`).
    pub fn iterations(&self) -> u32 {
        self.compiled.as_ref().map_or(0, Compiled::iterations)
    }
    /// Training steps since `compile`, of which with `gradient_accumulation_steps` several make an update (Keras' `optimizer._iterations`).
    pub fn training_steps(&self) -> u32 {
        self.compiled.as_ref().map_or(0, |c| c.steps)
    }
    /// Sets them: schedules, bias corrections and accumulation go on from there.
    ///
    /// # Errors
    /// [`Error::NotCompiled`].
    pub fn set_training_steps(&mut self, steps: u32) -> Result<()> {
        self.compiled_mut("count training steps")?.steps = steps;
        Ok(())
    }
    /// The learning rate of the next step; none before `compile`, and where a `MultiOptimizer` has several.
    pub fn learning_rate(&self) -> Option<f64> {
        self.compiled.as_ref().and_then(Compiled::learning_rate)
    }
    /// The factor of the loss in the next step, where a [`LossScaleOptimizer`] decides it.
    pub fn loss_scale(&self) -> Option<f64> {
        let compiled = self.compiled.as_ref()?;
        let first = f64::from(optimizers::scaling(compiled.optimizer.as_ref())?.first_scale());
        let kept = compiled.memory.as_ref().and_then(|m| m.scale).and_then(|[_, scale]| self.weights.store.f32(scale).first().copied());
        Some(kept.map_or(first, f64::from))
    }
    /// Sets a fixed learning rate; nothing is compiled again.
    ///
    /// # Errors
    /// [`Error::NotCompiled`]; [`Error::Option`] when it is not a finite number of at least 0, or when a schedule decides.
    pub fn set_learning_rate(&mut self, value: f64) -> Result<()> {
        let compiled = self.compiled_mut("have a learning rate")?;
        if compiled.learning_rate().is_none() {
            let expected = "that of one optimizer: those within a MultiOptimizer keep theirs, which may be schedules";
            return Err(Error::option("learning_rate", value, expected));
        }
        let common = compiled.optimizer.common_mut();
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::option("learning_rate", value, "a finite number of at least 0"));
        }
        if let LearningRate::Schedule(_) = common.learning_rate {
            return Err(Error::option(
                "learning_rate",
                "decided by a schedule",
                "a fixed number when callbacks change it: compile with one",
            ));
        }
        // Keras keeps it as a 32-bit float.
        common.learning_rate = LearningRate::Fixed(f64::from(value as f32));
        Ok(())
    }
    /// Lets a schedule decide the learning rate from the next step on; nothing is compiled again.
    ///
    /// # Errors
    /// [`Error::NotCompiled`]; [`Error::Config`] when the schedule's arguments are out of range; [`Error::Option`] where there are several optimizers.
    pub fn set_learning_rate_schedule(&mut self, schedule: impl Into<Schedule>) -> Result<()> {
        let schedule = schedule.into();
        schedule.validate()?;
        let compiled = self.compiled_mut("have a learning rate")?;
        if compiled.learning_rate().is_none() {
            let expected = "that of one optimizer: give those within a MultiOptimizer their schedules when they are made";
            return Err(Error::option("learning_rate", "a schedule", expected));
        }
        compiled.optimizer.common_mut().learning_rate = LearningRate::Schedule(schedule);
        Ok(())
    }
    /// Takes weights, by their names in [`Model::weight_names`], out of weight decay (Keras' `optimizer.exclude_from_weight_decay`), in place of those of
    /// an earlier call. Training steps are compiled again. A file does not hold it.
    ///
    /// # Errors
    /// [`Error::NotCompiled`]; [`Error::NotBuilt`], since weights have no names before; [`Error::Weight`] when there is none of a name.
    pub fn exclude_from_weight_decay(&mut self, weights: &[&str]) -> Result<()> {
        self.compiled("have weight decay")?;
        self.require_built("have weights that decay")?;
        let undecayed = weights.iter().map(|name| self.find_weight(name).map(|w| w.slot)).collect::<Result<Vec<_>>>()?;
        let compiled = self.compiled_mut("have weight decay")?;
        if undecayed != compiled.undecayed {
            compiled.undecayed = undecayed;
            self.plans.retain(|m| !matches!(m, Mode::Train(_)));
        }
        Ok(())
    }
}

/// Whether the network's output can feed the loss, as far as that is known without labels.
pub(crate) fn check_output(loss: &dyn Loss, output: &[usize]) -> Result<()> {
    let last = output.last().copied().unwrap_or(1);
    let class = loss.class_name();
    if last == 1 && (loss.sparse() || class == "CategoricalCrossentropy") {
        let shape = dims_text(std::iter::once(None).chain(output.iter().map(|&d| Some(d))));
        return Err(Error::Mismatch(format!(
            "{class} needs one output per class, but the network's output has shape {shape}: \
             end it with Dense::new(classes) and softmax, or use BinaryCrossentropy for two classes with one sigmoid output"
        )));
    }
    Ok(())
}

/// The type and shape in which labels enter the graph, or why they do not fit. `row` is the shape of one row of labels.
pub(crate) fn label_type(loss: &dyn Loss, what: &'static str, rows: usize, row: &[usize], prediction: &[usize]) -> Result<TensorType> {
    let too_large = || Error::option("batch_size", rows, "a number of rows that memory can hold");
    if let labels @ (LabelKind::Sequences | LabelKind::Free) = loss.labels() {
        return Ok(TensorType::new(labels.dtype(), batch_of(rows, row).ok_or_else(too_large)?));
    }
    // Labels with the last axis of size 1 missing or in excess are squeezed or expanded, as in Keras.
    let without_last = |s: &[usize]| s.split_last().map_or(Vec::new(), |(_, rest)| rest.to_vec());
    let one_at_end = |s: &[usize]| s.last() == Some(&1);
    let (dtype, target) = if loss.sparse() { (DType::I32, without_last(prediction)) } else { (DType::F32, prediction.to_vec()) };
    let fits = row == target
        || (one_at_end(row) && without_last(row) == target)
        || (!loss.sparse() && one_at_end(&target) && without_last(&target) == row);
    let shape = batch_of(rows, &target);
    if let (true, Some(shape)) = (fits, shape) {
        return Ok(TensorType::new(dtype, shape));
    }
    let text = |s: &[usize]| dims_text(std::iter::once(None).chain(s.iter().map(|&d| Some(d))));
    let advice = if loss.sparse() && row == prediction {
        ": these look like one-hot rows, which CategoricalCrossentropy takes".into()
    } else if !loss.sparse() && (row.is_empty() || one_at_end(row)) && prediction.last().is_some_and(|&p| p > 1) {
        let p = prediction.last().copied().unwrap_or(1);
        if loss.class_name().contains("Crossentropy") {
            ": for class numbers use SparseCategoricalCrossentropy, or make one-hot rows with to_categorical".into()
        } else {
            format!(
                ": for one value per row end the network with 1 output instead of {p}, or use SparseCategoricalCrossentropy if they are class numbers"
            )
        }
    } else if row.len() == prediction.len() && !row.is_empty() {
        format!(": change the last layer to {} outputs, or check the label columns", row.last().copied().unwrap_or(1))
    } else if prediction.len() > row.len() + usize::from(loss.sparse()) {
        ": the network gives more than one row of outputs for each row; add Flatten or global pooling before its last layers, or leave out \
         return_sequences in its last recurrent layer"
            .into()
    } else {
        String::new()
    };
    Err(Error::LabelShape {
        loss: loss.class_name(),
        what,
        expected: text(&target),
        prediction: text(prediction),
        got: text(row).into(),
        advice: advice.into(),
    })
}
