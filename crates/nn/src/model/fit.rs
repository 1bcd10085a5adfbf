//! `fit`: its data and options, checked and put in order, and a step.

use super::buckets::Buckets;
use super::data::{TRAINING, VALIDATION, has_rows, weights_of_classes};
use super::feed::{Inputs, Labels};
use super::loader::{Batch, Order, Pick, Source, check_batch_size};
use super::options::Fit;
use super::progress::{Progress, Silent};
use super::resume::{keeper, sum_of};
use super::signature::{Mode, Phase, Signature, Signatures};
use super::training::{Held, Run, Training};
use super::{History, Logs, Model};
use crate::advice::Watch;
use crate::callbacks::{BackupAndRestore, RunShape};
use crate::error::{Error, Result};
use crate::optimizers;
use adaline_data::{RowSource, Tensor};
use adaline_graph::backend::{Backend, TensorRef};
use adaline_graph::{DType, Role};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;

/// The rows of one `fit`.
struct Rows {
    training: Range<usize>,
    /// Rows of the same tensors that are kept for validation.
    held_back: Range<usize>,
}

impl Model {
    /// Trains on `x (N, ..)` and `y (N, ..)`; as Keras' `fit`. `x` is a [`Tensor`] or another [`RowSource`], such as an
    /// [`adaline_data::ImageSet`], whose next batch is made by a second thread while the step runs. For a model of several inputs or outputs
    /// there are several of them: see [`Inputs`] and [`Labels`].
    ///
    /// The order of rows is a function of the model's seed and the epoch's number, so that training four epochs equals training
    /// two, saving, loading and training two more from `initial_epoch` 2, bit for bit.
    ///
    /// When the loss becomes NaN or infinite, training ends with [`Error::NonFiniteLoss`], which names the layer where it began, and
    /// the model is put back to the beginning of that epoch. Keras goes on silently; [`Fit::allow_nan`] does the same.
    ///
    /// What looks like a mistake is told through the progress, and is no error: see [`crate::advice`].
    ///
    /// # Errors
    /// Data that does not fit ([`Error::RowCount`], [`Error::InputShape`], [`Error::LabelShape`], [`Error::Label`],
    /// [`Error::NonFiniteData`], [`Error::NoRows`]), options out of range ([`Error::Option`]), [`Error::NotCompiled`],
    /// [`Error::NonFiniteLoss`], and whatever a callback returns.
    pub fn fit<'d>(&mut self, x: impl Into<Inputs<'d>>, y: impl Into<Labels<'d>>, options: Fit<'_>) -> Result<History> {
        self.fit_all(x.into(), y.into(), options)
    }

    fn fit_all(&mut self, x: Inputs<'_>, y: Labels<'_>, options: Fit<'_>) -> Result<History> {
        let Fit { epochs, batch_size, initial_epoch, allow_nan, stop, validation_freq, steps_per_epoch, .. } = options;
        let (class_weight, sample_weight, sample_weights) = (options.class_weight, options.sample_weight, options.sample_weights);
        let validation = options.validation_data;
        let (mut callbacks, shuffle) = (options.callbacks, options.shuffle);
        self.compiled("train")?;
        check_batch_size(batch_size)?;
        let validation_batch = options.validation_batch_size.unwrap_or(batch_size);
        check_batch_size(validation_batch)?;
        if validation_freq == 0 || steps_per_epoch == Some(0) {
            let option = if validation_freq == 0 { "validation_freq" } else { "steps_per_epoch" };
            return Err(Error::option(option, 0, "at least 1"));
        }
        let (x, y) = (self.begin_with(x, options.bucketing.is_some())?, self.arrange_labels(y)?);
        let given_weights = self.arrange_weights(sample_weight.as_deref(), &sample_weights)?;
        self.check_data(TRAINING, &x, &y, &given_weights)?;
        let split = if validation.is_some() { 0.0 } else { options.validation_split };
        let rows = split_rows(x[0].rows(), split)?;

        let class_weights = match &class_weight {
            Some(_) if given_weights.iter().any(Option::is_some) => {
                return Err(Error::option("class_weight", "given together with sample_weight", "given alone: multiply them yourself"));
            }
            Some(_) if y.len() > 1 => {
                let expected = "for a model of one output; give sample weights of each output with sample_weight_of";
                return Err(Error::option("class_weight", "given for several outputs", expected));
            }
            Some(classes) => {
                if let Some((class, w)) = classes.iter().find(|(_, w)| !w.is_finite() || **w < 0.0) {
                    return Err(Error::option("class_weight", format!("{w} for class {class}"), "a finite number of at least 0"));
                }
                Some(weights_of_classes(y[0], classes))
            }
            None => None,
        };
        let train_weights = class_weights.as_deref().map_or_else(|| given_weights.clone(), |w| vec![Some(w)]);
        let backend = Arc::clone(&self.backend);
        let given = match validation {
            Some(v) => {
                let (vx, vy) = (self.arrange_inputs(v.x)?, self.arrange_labels(v.y)?);
                let weights = vec![v.weights.clone(); vy.len()];
                let views: Vec<Option<&[f32]>> = weights.iter().map(Option::as_deref).collect();
                self.check_data(VALIDATION, &vx, &vy, &views)?;
                Some((vx, vy, weights))
            }
            None => None,
        };
        let bucketing = options.bucketing.as_ref();
        let buckets = self.buckets(&x, bucketing)?;
        let given_buckets = given.as_ref().map_or(Ok(None), |(vx, ..)| self.buckets(vx, bucketing))?;
        let source = self.source(&*backend, &x, &y, train_weights).bucketed(buckets.as_ref());
        let held_back =
            (!rows.held_back.is_empty()).then(|| (Source { weights: given_weights.clone(), ..source.clone() }, rows.held_back.clone()));
        let given = given.as_ref().map(|(vx, vy, w)| {
            let weights = w.iter().map(Option::as_deref).collect();
            let source = self.source(&*backend, vx, vy, weights).bucketed(given_buckets.as_ref());
            let rows = source.rows();
            (source, 0..rows)
        });
        let validation = given.or(held_back);

        let training = rows.training.len();
        let order = source.order(rows.training, batch_size, shuffle, self.weights.seed);
        let steps = steps_per_epoch.unwrap_or_else(|| order.batches());
        let signatures = self.training_signatures(&order, &source)?;

        let mut progress: Box<dyn Progress + '_> = match (options.progress, self.progress) {
            (Some(given), _) => given,
            (None, Some(factory)) if options.verbose > 0 => factory(options.verbose, epochs),
            _ => Box::new(Silent),
        };
        let mut watch = Watch::new(options.advice.filter(|_| progress.wants_messages()), signatures.first().rows());
        if watch.on() {
            watch.tell(progress.as_mut(), self.advice_before(&x, &y));
        }
        let mut plan = Value::Null;
        if keeper(&mut callbacks).is_some() {
            let labels: Vec<u32> = y.iter().map(|y| sum_of(y)).collect();
            let data = json!({"rows": training, "labels": labels, "batch_size": batch_size, "steps_per_epoch": steps, "shuffle": shuffle,
                "buckets": buckets.as_ref().map(Buckets::bounds)});
            plan = self.plan_of_training(data)?;
        }
        let (kept, told) = keeper(&mut callbacks).map_or(Ok((None, None)), BackupAndRestore::load)?;
        if let Some(text) = told {
            progress.message(&text);
        }
        let shape = RunShape { epochs, steps, validates: validation.is_some(), resumes: kept.is_some() };
        let diagnose = !allow_nan && !callbacks.iter().any(|c| c.handles_nan());
        let run = Run { shape, stop: false, per_batch: callbacks.iter().any(|c| c.wants_batches()), plan, callbacks, progress };
        let validation = validation.map(|(source, rows)| Held { source, rows, batch: validation_batch, every: validation_freq });
        let source = &source;
        let epochs = initial_epoch..epochs;
        Training { model: self, source, order, signatures, validation, epochs, steps, stop, run, watch, diagnose }.run(kept)
    }

    /// Loss and metrics of the running epoch by name, as Keras shows them while training.
    pub fn running_logs(&self) -> Logs {
        let mut logs = self.compiled.as_ref().map_or_else(Vec::new, |c| c.results(&self.weights.store));
        logs.sort_by(|a, b| a.0.cmp(&b.0));
        logs
    }

    /// One training step on one batch; the loss before the update. Metrics add up until [`Model::reset_metrics`].
    ///
    /// # Errors
    /// As [`Model::fit`]; a loss that is not finite is returned, not diagnosed.
    pub fn train_on_batch<'d>(&mut self, x: impl Into<Inputs<'d>>, y: impl Into<Labels<'d>>, sample_weight: Option<&[f32]>) -> Result<f32> {
        self.compiled("train")?;
        let (x, y) = (self.begin_with(x.into(), false)?, self.arrange_labels(y.into())?);
        let weights = self.arrange_weights(sample_weight, &[])?;
        self.check_data(TRAINING, &x, &y, &weights)?;
        let backend = Arc::clone(&self.backend);
        let source = self.source(&*backend, &x, &y, weights);
        let rows: Vec<usize> = (0..source.rows()).collect();
        let signature = self.signature_of(Mode::Train(Phase::Single), TRAINING.y, (0, rows.len()), &source)?;
        let mut batch = source.buffer(rows.len());
        source.fill(Pick::list(&rows), &mut batch)?;
        self.train_step(&signature, &batch, None)
    }

    /// The inputs in their order, and the weights, which the first rows that are seen may decide, all but the length of those that are
    /// bucketed.
    fn begin_with<'a>(&mut self, x: Inputs<'a>, bucketed: bool) -> Result<Vec<&'a dyn RowSource>> {
        let x = self.arrange_inputs(x)?;
        for &x in &x {
            has_rows(TRAINING.x, TRAINING.action, x)?;
        }
        if !self.is_built() {
            self.build_from(x[0].row_shape(), bucketed && x[0].as_ragged().is_some())?;
        }
        Ok(x)
    }

    /// Begins the sums of loss and metrics anew.
    pub fn reset_metrics(&mut self) {
        self.weights.store.zero(Role::Metric);
    }

    /// Data as the graphs read it: rows of the inputs, labels and sample weights of the outputs that are trained.
    pub(crate) fn source<'a>(
        &self,
        backend: &'a dyn Backend,
        x: &[&'a dyn RowSource],
        y: &[&'a Tensor],
        weights: Vec<Option<&'a [f32]>>,
    ) -> Source<'a> {
        let trained = |at: usize| self.compiled.as_ref().and_then(|c| c.trained.get(at));
        let y_type = |at: usize| trained(at).map_or(DType::F32, |t| t.loss.labels().dtype());
        let x = x.iter().enumerate().map(|(at, &x)| (x, self.input_dtype(at))).collect();
        let y = y.iter().enumerate().map(|(at, &y)| (y, y_type(at))).collect();
        Source { x, y, weights, backend, buckets: None }
    }

    /// Signatures of all batches, with their plans compiled.
    fn training_signatures(&mut self, order: &Order, source: &Source<'_>) -> Result<Signatures> {
        let accumulate = self.compiled("train")?.accumulation().is_some();
        let phases = if accumulate { &[Phase::Accumulate, Phase::Apply][..] } else { &[Phase::Single] };
        let shapes = order.shapes();
        self.plans.expect(Mode::Train(phases[0]), shapes.len() * phases.len());
        Signatures::new(&shapes, &mut |bucket, rows| {
            let mut signature = self.signature_of(Mode::Train(phases[0]), TRAINING.y, (bucket, rows), source)?;
            for &phase in phases {
                signature.mode = Mode::Train(phase);
                self.plan(&signature)?;
            }
            Ok(signature)
        })
    }

    /// Runs one step of the compiled plan; nothing is allocated once the plan has run before.
    pub(crate) fn train_step(&mut self, signature: &Signature, batch: &Batch<'_>, learning_rate: Option<f32>) -> Result<f32> {
        let compiled = self.compiled("train")?;
        let phase = match compiled.accumulation() {
            None => Phase::Single,
            Some(n) if (compiled.steps + 1).is_multiple_of(n) => Phase::Apply,
            Some(_) => Phase::Accumulate,
        };
        let t = [(compiled.iterations() + 1) as f32];
        let step = [compiled.draws()];
        let seed = self.seed_words();
        let signature = signature.with(Mode::Train(phase));
        self.plan(&signature)?;
        let compiled = self.compiled_mut("train")?;
        let kept = std::mem::take(&mut compiled.rates);
        let rates = compiled.learning_rates(learning_rate, kept);
        let scaled = optimizers::scaling(compiled.optimizer.as_ref()).is_some();
        let mut inputs = Given::new(batch);
        inputs.push(TensorRef::F32(&rates));
        inputs.push(TensorRef::F32(&t));
        inputs.push(TensorRef::I32(&seed));
        inputs.push(TensorRef::I32(&step));
        let (mut loss, mut skipped) = (f32::NAN, false);
        // It has just been made.
        if let Some(plan) = self.plans.get(&signature) {
            plan.session.run(inputs.as_slice(), &mut self.weights.store)?;
            let scalar = |at: usize| plan.session.output(at).f32().and_then(|l| l.first().copied()).unwrap_or(f32::NAN);
            loss = scalar(0);
            skipped = scaled && scalar(1) == 0.0;
        }
        let compiled = self.compiled_mut("train")?;
        compiled.rates = rates;
        *(if skipped { &mut compiled.skipped } else { &mut compiled.steps }) += 1;
        Ok(loss)
    }

    /// The seed as the graphs take it.
    pub(crate) fn seed_words(&self) -> [i32; 2] {
        [self.weights.seed as u32 as i32, (self.weights.seed >> 32) as u32 as i32]
    }
}

/// Inputs of a run: on the stack, unless there are very many.
pub(crate) struct Given<'a> {
    few: [TensorRef<'a>; 16],
    len: usize,
    many: Vec<TensorRef<'a>>,
}

impl<'a> Given<'a> {
    /// Begins with the batch: inputs, labels, sample weights.
    pub(crate) fn new(batch: &'a Batch<'_>) -> Self {
        let mut inputs = Self { few: [TensorRef::F32(&[]); 16], len: 0, many: Vec::new() };
        batch.x().chain(batch.y()).chain(batch.weights()).for_each(|r| inputs.push(r));
        inputs
    }
    pub(crate) fn push(&mut self, r: TensorRef<'a>) {
        if let Some(place) = self.few.get_mut(self.len) {
            *place = r;
        } else {
            if self.many.is_empty() {
                self.many.extend(self.few);
            }
            self.many.push(r);
        }
        self.len += 1;
    }
    pub(crate) fn as_slice(&self) -> &[TensorRef<'a>] {
        if self.many.is_empty() { &self.few[..self.len] } else { &self.many }
    }
}

/// The first rows to train on, the last to validate on, as Keras: `floor(n · (1 - share))` rows stay.
fn split_rows(rows: usize, share: f64) -> Result<Rows> {
    if share == 0.0 {
        return Ok(Rows { training: 0..rows, held_back: rows..rows });
    }
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::option("validation_split", share, "at least 0 and below 1"));
    }
    let at = (rows as f64 * (1.0 - share)).floor() as usize;
    if at == 0 || at == rows {
        let expected = format!("such that both parts of the {rows} rows have at least one; give validation_data instead, or more rows");
        return Err(Error::option("validation_split", share, expected));
    }
    Ok(Rows { training: 0..at, held_back: at..rows })
}
