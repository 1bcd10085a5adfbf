//! `fit`: its data and options, checked and put in order, and a step.

use super::buckets::Buckets;
use super::data::{TRAINING, VALIDATION, class_weights, has_rows};
use super::feed::{Inputs, Labels};
use super::loader::{Batch, Order, Source, check_batch_size};
use super::options::{Fit, Validation};
use super::progress::{Progress, Silent};
use super::resume::{keeper, sum_of};
use super::signature::{Mode, Phase, Signature, Signatures};
use super::stream::{Batches, Stream};
use super::training::{Feed, Held, Run, Training};
use super::{History, Logs, Model};
use crate::advice::Watch;
use crate::callbacks::{BackupAndRestore, RunShape};
use crate::error::{Error, Result};
use crate::optimizers;
use adaline_data::{Bucketing, RowSource, Tensor};
use adaline_graph::backend::{Backend, TensorRef};
use adaline_graph::{DType, Role};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;

/// What `fit` validates on, as its options say.
enum HeldOptions<'a> {
    Rows(Validation<'a>),
    Batches(Box<dyn Batches + 'a>, Option<usize>),
}

impl<'a> HeldOptions<'a> {
    fn of(options: &mut Fit<'a>) -> Option<Self> {
        let batches = options.validation_batches.take().map(|(batches, steps)| Self::Batches(batches, steps));
        batches.or_else(|| options.validation_data.take().map(Self::Rows))
    }
}

/// What the data of a `fit` tells of itself.
struct About<'a> {
    /// Rows of a batch.
    rows: usize,
    /// Inputs and labels, where all of them are there, for advice.
    seen: Option<(&'a [&'a dyn RowSource], &'a [&'a Tensor])>,
    /// What must be the same when the training is taken up.
    data: &'a dyn Fn() -> Value,
}

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

    fn fit_all(&mut self, x: Inputs<'_>, y: Labels<'_>, mut options: Fit<'_>) -> Result<History> {
        let (batch_size, shuffle, steps_per_epoch) = (options.batch_size, options.shuffle, options.steps_per_epoch);
        self.compiled("train")?;
        check_batch_size(batch_size)?;
        let validation_batch = options.validation_batch_size.unwrap_or(batch_size);
        check_batch_size(validation_batch)?;
        check_frequencies(&options)?;
        let (x, y) = (self.begin_with(x, options.bucketing.is_some())?, self.arrange_labels(y)?);
        let (sample_weight, sample_weights) = (options.sample_weight.take(), std::mem::take(&mut options.sample_weights));
        let given_weights = self.arrange_weights(sample_weight.as_deref(), &sample_weights)?;
        self.check_data(TRAINING, &x, &y, &given_weights)?;
        let held = HeldOptions::of(&mut options);
        let split = if held.is_some() { 0.0 } else { options.validation_split };
        let rows = split_rows(x[0].rows(), split)?;

        let class_weights = class_weights(options.class_weight.as_ref(), &given_weights, &y)?;
        let train_weights = class_weights.as_deref().map_or_else(|| given_weights.clone(), |w| vec![Some(w)]);
        let backend = Arc::clone(&self.backend);
        let bucketing = options.bucketing.take();
        let buckets = self.buckets(&x, bucketing.as_ref())?;
        let source = self.source(&*backend, &x, &y, train_weights).bucketed(buckets.as_ref());
        let held_back = (!rows.held_back.is_empty()).then(|| Held::Rows {
            source: Source { weights: given_weights.clone(), ..source.clone() },
            rows: rows.held_back.clone(),
            batch: validation_batch,
        });
        let training = rows.training.len();
        let order = source.order(rows.training, batch_size, shuffle, self.weights.seed);
        let steps = steps_per_epoch.unwrap_or_else(|| order.batches());
        let data = || {
            let labels: Vec<u32> = y.iter().map(|y| sum_of(y)).collect();
            json!({"rows": training, "labels": labels, "batch_size": batch_size, "steps_per_epoch": steps, "shuffle": shuffle,
                "buckets": buckets.as_ref().map(Buckets::bounds)})
        };
        let signatures = self.training_signatures(&order, &source)?;
        let about = About { rows: signatures.first().rows(), seen: Some((&x, &y)), data: &data };
        let feed = Feed::Rows { source: &source, order, signatures };
        self.train(feed, (held, held_back, bucketing.as_ref()), steps, &about, options)
    }

    /// Trains on batches that are handed over one after another: Keras' `fit` on a generator or a `PyDataset`. An epoch has `steps_per_epoch` batches,
    /// without it as many as [`Batches::len`] says, and without that as many as there are until the source is at its end. An endless source needs
    /// one of the two. With `steps_per_epoch` an epoch goes on where the one before ended, and a source at its end begins anew; without, each epoch begins
    /// anew. Where a source cannot begin anew and runs out, training ends, which is told through the progress and is no error.
    ///
    /// All else is as in [`Model::fit`], save that the source decides the order: `batch_size` and `shuffle` have no meaning here. Of a loss that is not
    /// finite only the bad batch can be looked at again, with the weights that the epoch began with. A training that
    /// [`BackupAndRestore`] takes up begins at the source's first batch, and within an epoch leaves out as many batches as were done of it: it ends with
    /// the bits of one that was never interrupted where the source gives the same batches in each epoch.
    ///
    /// # Errors
    /// As [`Model::fit`], for each batch, and whatever the source returns; [`Error::Option`] for options that need all rows at once
    /// (`validation_split`, `sample_weight`, `bucket_by_length`).
    pub fn fit_batches(&mut self, mut batches: impl Batches, options: Fit<'_>) -> Result<History> {
        let stream = Stream::new(Box::new(&mut batches), TRAINING, options.steps_per_epoch);
        self.fit_stream(stream, options)
    }

    fn fit_stream(&mut self, stream: Stream<'_>, mut options: Fit<'_>) -> Result<History> {
        self.compiled("train")?;
        check_batch_size(options.validation_batch_size.unwrap_or(options.batch_size))?;
        check_frequencies(&options)?;
        let whole = [
            ("validation_split", options.validation_split != 0.0, "give validation_data or validation_batches"),
            ("sample_weight", options.sample_weight.is_some() || !options.sample_weights.is_empty(), "give them with each batch"),
            ("bucket_by_length", options.bucketing.is_some(), "make batches of sequences of about the same length"),
        ];
        if let Some((option, _, instead)) = whole.into_iter().find(|w| w.1) {
            return Err(Error::option(option, "given for batches that come one after another", format!("left out: {instead}")));
        }
        let mut stream = stream.weighted(options.class_weight.take());
        if !stream.begin(self)? {
            return Err(Error::NoRows { what: "the source of batches", action: TRAINING.action });
        }
        // Makes the weights, where the first rows decide their shapes, and checks the first batch.
        let rows = stream.check_first(self)?;
        let steps = stream.steps.unwrap_or(0);
        let about = About { rows, seen: None, data: &|| json!({"batches": steps}) };
        let held = HeldOptions::of(&mut options);
        self.train(Feed::Batches(stream), (held, None, None), steps, &about, options)
    }

    /// What is the same wherever batches come from: validation, callbacks, progress, backups.
    fn train<'d>(
        &mut self,
        feed: Feed<'_, 'd>,
        (held, held_back, bucketing): (Option<HeldOptions<'_>>, Option<Held<'_, 'd>>, Option<&Bucketing>),
        steps: usize,
        about: &About<'_>,
        options: Fit<'_>,
    ) -> Result<History> {
        let Fit { epochs, initial_epoch, allow_nan, stop, validation_freq, mut callbacks, .. } = options;
        let validation_batch = options.validation_batch_size.unwrap_or(options.batch_size);
        let backend = Arc::clone(&self.backend);
        let (given, stream) = match held {
            Some(HeldOptions::Rows(v)) => {
                let (vx, vy) = (self.arrange_inputs(v.x)?, self.arrange_labels(v.y)?);
                let weights = vec![v.weights; vy.len()];
                let views: Vec<Option<&[f32]>> = weights.iter().map(Option::as_deref).collect();
                self.check_data(VALIDATION, &vx, &vy, &views)?;
                (Some((vx, vy, weights)), None)
            }
            Some(HeldOptions::Batches(batches, steps)) => (None, Some(Held::Batches(Box::new(Stream::new(batches, VALIDATION, steps))))),
            None => (None, None),
        };
        let given_buckets = given.as_ref().map_or(Ok(None), |(vx, ..)| self.buckets(vx, bucketing))?;
        let given = given.as_ref().map(|(vx, vy, w)| {
            let weights = w.iter().map(Option::as_deref).collect();
            let source = self.source(&*backend, vx, vy, weights).bucketed(given_buckets.as_ref());
            let rows = 0..source.rows();
            Held::Rows { source, rows, batch: validation_batch }
        });
        let validation = stream.or(given).or(held_back);

        let mut progress: Box<dyn Progress + '_> = match (options.progress, self.progress) {
            (Some(given), _) => given,
            (None, Some(factory)) if options.verbose > 0 => factory(options.verbose, epochs),
            _ => Box::new(Silent),
        };
        let mut watch = Watch::new(options.advice.filter(|_| progress.wants_messages()), about.rows);
        if let (true, Some((x, y))) = (watch.on(), about.seen) {
            watch.tell(progress.as_mut(), self.advice_before(x, y));
        }
        let mut plan = Value::Null;
        if keeper(&mut callbacks).is_some() {
            plan = self.plan_of_training((about.data)())?;
        }
        let (kept, told) = keeper(&mut callbacks).map_or(Ok((None, None)), BackupAndRestore::load)?;
        if let Some(text) = told {
            progress.message(&text);
        }
        let shape = RunShape { epochs, steps, validates: validation.is_some(), resumes: kept.is_some() };
        let diagnose = !allow_nan && !callbacks.iter().any(|c| c.handles_nan());
        let run = Run { shape, stop: false, per_batch: callbacks.iter().any(|c| c.wants_batches()), plan, callbacks, progress };
        let (validate_every, epochs) = (validation_freq, initial_epoch..epochs);
        Training { model: self, feed, validation, validate_every, epochs, steps, stop, run, watch, diagnose }.run(kept)
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
        self.on_rows(Mode::Train(Phase::Single), TRAINING.y, &x, &y, weights, |model, signature, batch| {
            model.train_step(signature, batch, None)
        })
    }

    /// The inputs in their order, and the weights, which the first rows that are seen may decide, all but the length of those that are
    /// bucketed.
    pub(super) fn begin_with<'a>(&mut self, x: Inputs<'a>, bucketed: bool) -> Result<Vec<&'a dyn RowSource>> {
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
        let phase = Phase::of(compiled.steps + 1, compiled.accumulation());
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

fn check_frequencies(options: &Fit<'_>) -> Result<()> {
    let steps = options.validation_batches.as_ref().and_then(|(_, steps)| *steps);
    let given =
        [("validation_freq", Some(options.validation_freq)), ("steps_per_epoch", options.steps_per_epoch), ("validation_steps", steps)];
    given.into_iter().find(|g| g.1 == Some(0)).map_or(Ok(()), |(option, _)| Err(Error::option(option, 0, "at least 1")))
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
