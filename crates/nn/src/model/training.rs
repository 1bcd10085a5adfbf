//! The loop of `fit`: epochs of steps, validation after them, callbacks, progress, advice and backups between.

use super::data::VALIDATION;
use super::loader::{Batch, Flow, Order, Source, for_each_batch};
use super::nan::Replay;
use super::progress::Progress;
use super::resume::{Place, keeper};
use super::signature::{Signature, Signatures};
use super::stream::Stream;
use super::{History, Logs, Model};
use crate::advice::{Advice, Watch, of_losses, of_pulse};
use crate::callbacks::{BackupAndRestore, Callback, CallbackState, Control, RunShape};
use crate::error::{Error, Result};
use adaline_formats::Backup;
use adaline_graph::Role;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A `fit` whose data and options have been checked.
pub(super) struct Training<'r, 'd, 'c> {
    pub(super) model: &'r mut Model,
    pub(super) feed: Feed<'r, 'd>,
    pub(super) validation: Option<Held<'r, 'd>>,
    /// Epochs from one validation to the next.
    pub(super) validate_every: usize,
    pub(super) epochs: Range<usize>,
    /// Steps of an epoch; 0 where batches are handed over and nobody says how many.
    pub(super) steps: usize,
    /// Set by others: end after the step.
    pub(super) stop: Option<Arc<AtomicBool>>,
    pub(super) run: Run<'c>,
    pub(super) watch: Watch,
    /// A loss that is not finite ends training.
    pub(super) diagnose: bool,
}

/// Where batches come from.
pub(super) enum Feed<'r, 'd> {
    /// Rows that are there: which of them make which batch, and the compiled steps.
    Rows { source: &'r Source<'d>, order: Order, signatures: Signatures },
    /// Batches that are handed over one after another.
    Batches(Stream<'r>),
}

/// What to validate on.
pub(super) enum Held<'r, 'd> {
    Rows { source: Source<'d>, rows: Range<usize>, batch: usize },
    Batches(Box<Stream<'r>>),
}

/// What is kept from one epoch to the next.
struct Course<'d> {
    history: History,
    replay: Replay,
    buffers: Vec<Batch<'d>>,
}

/// How an epoch ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// Somebody asked for it; a backup was written where backups are kept.
    Interrupted,
}

impl<'d> Training<'_, 'd, '_> {
    /// All epochs, from where a backup ended if there is one.
    pub(super) fn run(mut self, kept: Option<Backup>) -> Result<History> {
        let mut course = Course { history: History::default(), replay: Replay::new(self.diagnose), buffers: Vec::with_capacity(2) };
        self.run.each(self.model, |c, control| c.on_train_begin(control))?;
        let mut at = Place { epoch: self.epochs.start, ..Place::default() };
        if let Some(kept) = kept {
            let states;
            (at, course.history, states) = self.model.take_backup(&self.run.plan, kept)?;
            self.run.stop = at.stopped;
            self.run.restore(self.model, states, at)?;
        }
        for epoch in at.epoch..self.epochs.end {
            // Steps that were done before an interruption; a stop within them still ends with the epoch.
            let before = if epoch == at.epoch { at.step } else { 0 };
            if self.run.stop && before == 0 {
                break;
            }
            if let Feed::Batches(stream) = &mut self.feed
                && !stream.begin(self.model)?
            {
                self.run.progress.message(&ran_out(epoch, 0));
                break;
            }
            if self.epoch(epoch, before, &mut course)? == End::Interrupted {
                course.history.interrupted = true;
                break;
            }
        }
        self.end(at, course.history)
    }

    /// One epoch, of which `before` steps are done.
    fn epoch(&mut self, epoch: usize, before: usize, course: &mut Course<'d>) -> Result<End> {
        if asked_to_stop(self.stop.as_ref()) {
            self.run.backup(self.model, Place { epoch, step: before, stopped: self.run.stop }, &course.history)?;
            return Ok(End::Interrupted);
        }
        if before == 0 {
            self.run.each(self.model, |c, control| c.on_epoch_begin(epoch, control))?;
            self.model.weights.store.zero(Role::Metric);
        }
        self.run.progress.epoch_begin(epoch, self.steps);
        course.replay.epoch_begin(self.model, self.steps);
        if self.steps_of(epoch, before, course)? == End::Interrupted {
            return Ok(End::Interrupted);
        }
        if let Feed::Batches(stream) = &mut self.feed {
            stream.end();
        }
        let mut logs = self.model.running_logs();
        self.validate(epoch, &mut logs)?;
        self.run.each(self.model, |c, control| c.on_epoch_end(epoch, &mut logs, control))?;
        self.run.progress.epoch_end(epoch, &views(&logs));
        course.history.push(epoch, &logs);
        if epoch == self.epochs.start && before == 0 && self.watch.on() && !self.run.stop {
            let rate = self.model.learning_rate().unwrap_or(0.0);
            let loss = logs.iter().find(|l| l.0 == "loss");
            let advice = loss.and_then(|l| self.watch.after_first(self.steps, l.1, rate));
            self.advise(advice, epoch);
        }
        let next = Place { epoch: epoch + 1, step: 0, stopped: self.run.stop };
        self.run.backup_if_due(self.model, next, &course.history)?;
        Ok(End::Whole)
    }

    /// The steps of an epoch that are not done.
    fn steps_of(&mut self, epoch: usize, before: usize, course: &mut Course<'d>) -> Result<End> {
        let Self { model, feed, epochs, steps, stop, run, watch, diagnose, .. } = self;
        let Course { history, replay, buffers } = course;
        let steps = *steps;
        let stopped = run.stop;
        let mut bad: Option<(usize, f32)> = None;
        let (mut cut_short, mut last) = (false, before);
        let mut step = |model: &mut Model, done: usize, signature: &Signature, batch: &Batch<'_>| {
            last = done;
            replay.step(model);
            let loss = model.train_step(signature, batch, None)?;
            if epoch == epochs.start {
                watch.step(done, steps, loss);
            }
            if !loss.is_finite() && *diagnose {
                bad = Some((done - 1, loss));
                return Ok(Flow::Stop);
            }
            if run.per_batch {
                run.each(model, |c, control| if c.wants_batches() { c.on_train_batch_end(done - 1, loss, control) } else { Ok(()) })?;
                run.backup_if_due(model, Place { epoch, step: done, stopped: run.stop }, history)?;
            }
            if run.progress.wants_step(done) {
                run.progress.step(done, &views(&model.running_logs()));
            }
            cut_short = done != steps && asked_to_stop(stop.as_ref());
            if cut_short {
                run.backup(model, Place { epoch, step: done, stopped: run.stop }, history)?;
            }
            Ok(if run.stop || cut_short { Flow::Stop } else { Flow::Go })
        };
        match feed {
            Feed::Rows { source, order, signatures } => {
                let (first, end) = (epoch as u64 * steps as u64, (epoch as u64 + 1) * steps as u64);
                let range = if stopped { end } else { first + before as u64 }..end;
                for_each_batch(source, order, buffers, range.clone(), |index, batch| {
                    step(model, (index - first) as usize + 1, signatures.of(batch), batch)
                })?;
                if let Some((at, loss)) = bad {
                    let mut error =
                        model.diagnose(source, order, buffers, replay, (epoch, range.start, first + at as u64), signatures, loss);
                    if let Error::NonFiniteLoss { step, .. } = &mut error {
                        *step += before;
                    }
                    return Err(error);
                }
            }
            Feed::Batches(stream) => {
                let whole = stopped || stream.each(model, before, &mut step)?;
                if let Some((at, loss)) = bad {
                    return Err(model.diagnose_again(stream, replay, (epoch, at), loss));
                }
                if !whole && !self.run.stop {
                    self.run.progress.message(&ran_out(epoch, last));
                    self.run.stop = true;
                }
            }
        }
        Ok(if cut_short { End::Interrupted } else { End::Whole })
    }

    /// Adds loss and metrics of the rows held back, where the epoch is one that validates.
    fn validate(&mut self, epoch: usize, logs: &mut Logs) -> Result<()> {
        let Some(held) = self.validation.as_mut().filter(|_| (epoch + 1).is_multiple_of(self.validate_every)) else { return Ok(()) };
        self.run.each(self.model, |c, control| c.on_test_begin(control))?;
        let mut values = match held {
            Held::Rows { source, rows, batch } => self.model.evaluate_rows(VALIDATION.y, source, rows.clone(), *batch)?,
            Held::Batches(stream) => self.model.evaluate_stream(stream)?,
        };
        self.run.each(self.model, |c, control| c.on_test_end(control))?;
        values.sort_by(|a, b| a.0.cmp(&b.0));
        logs.extend(values.into_iter().map(|(name, v)| (format!("val_{name}"), v)));
        Ok(())
    }

    /// Tells this, and what the first rows of the epoch's first batch tell of the network. What cannot be looked at, for want of memory, is no
    /// error of the training. Batches that are handed over are gone by then.
    fn advise(&mut self, first: Option<Advice>, epoch: usize) {
        let within = match &mut self.feed {
            Feed::Rows { source, order, .. } => {
                let pulse = self.model.pulse(source, order, epoch as u64 * self.steps as u64);
                pulse.map_or_else(|_| Vec::new(), |pulse| of_pulse(&pulse))
            }
            Feed::Batches(_) => Vec::new(),
        };
        self.watch.tell(self.run.progress.as_mut(), first.into_iter().chain(within).collect());
    }

    /// What follows the last epoch.
    fn end(mut self, at: Place, history: History) -> Result<History> {
        if !history.interrupted && keeper(&mut self.run.callbacks).is_some_and(|k| k.due_at_end()) {
            let epoch = history.epoch.last().map_or(at.epoch, |e| e + 1);
            self.run.backup(self.model, Place { epoch, step: 0, stopped: self.run.stop }, &history)?;
        }
        if let (true, Some(&last)) = (self.watch.on() && !history.interrupted && history.len() > 1, history.epoch.last()) {
            let losses = history.get("loss").unwrap_or(&[]);
            self.advise(of_losses(losses, self.model.learning_rate().unwrap_or(0.0)), last);
        }
        self.model.finish_averages();
        self.run.each(self.model, |c, control| c.on_train_end(control))?;
        if let Some(keeper) = keeper(&mut self.run.callbacks).filter(|_| !history.interrupted) {
            keeper.finish()?;
        }
        Ok(history)
    }
}

/// What is told when there are fewer batches than epochs and their steps need; Keras warns likewise.
fn ran_out(epoch: usize, steps: usize) -> String {
    format!(
        "The batches ran out after {steps} steps of epoch {}, and training ends. Give at least steps_per_epoch · epochs batches, or a source that \
         can begin anew",
        epoch + 1
    )
}

fn asked_to_stop(flag: Option<&Arc<AtomicBool>>) -> bool {
    flag.is_some_and(|f| f.load(Ordering::Relaxed))
}

/// Those who are told of a `fit`, and what they share.
pub(super) struct Run<'c> {
    pub(super) callbacks: Vec<Box<dyn Callback + 'c>>,
    pub(super) progress: Box<dyn Progress + 'c>,
    pub(super) shape: RunShape,
    /// A callback has ended training.
    pub(super) stop: bool,
    /// Somebody looks at each batch.
    pub(super) per_batch: bool,
    /// What a backup must have been made with; null when nobody keeps backups.
    pub(super) plan: Value,
}

impl Run<'_> {
    fn each(&mut self, model: &mut Model, mut call: impl FnMut(&mut dyn Callback, &mut Control<'_>) -> Result<()>) -> Result<()> {
        for callback in &mut self.callbacks {
            call(callback.as_mut(), &mut Control::new(model, &mut self.stop, self.progress.as_mut(), self.shape))?;
        }
        Ok(())
    }
    /// Gives callbacks back what they remembered.
    fn restore(&mut self, model: &mut Model, states: Vec<CallbackState>, at: Place) -> Result<()> {
        let (now, then) = (self.callbacks.len(), states.len());
        if now != then {
            let message = format!(
                "the backup was made with {then} callbacks, now there are {now}: give fit the same ones, or delete the backup to begin anew"
            );
            return Err(BackupAndRestore::fail(message));
        }
        let mut states = states.into_iter();
        self.each(model, |c, control| c.restore(states.next().unwrap_or_default(), control))?;
        if let Some(keeper) = keeper(&mut self.callbacks) {
            keeper.set_resumed(at.epoch, at.step);
        }
        Ok(())
    }
    fn backup_if_due(&mut self, model: &Model, at: Place, history: &History) -> Result<()> {
        let due = !self.plan.is_null() && keeper(&mut self.callbacks).is_some_and(BackupAndRestore::take_due);
        if due { self.backup(model, at, history) } else { Ok(()) }
    }
    /// Writes a backup, where somebody keeps them.
    fn backup(&mut self, model: &Model, at: Place, history: &History) -> Result<()> {
        if self.plan.is_null() {
            return Ok(());
        }
        let backup = model.backup(&self.plan, at, history, &self.callbacks)?;
        keeper(&mut self.callbacks).map_or(Ok(()), |keeper| keeper.write(&backup))
    }
}

fn views(logs: &Logs) -> Vec<(&str, f64)> {
    logs.iter().map(|(n, v)| (n.as_str(), *v)).collect()
}
