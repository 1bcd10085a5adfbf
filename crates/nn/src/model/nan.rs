//! Where a NaN came from: the epoch is replayed, which is exact, up to the bad step, and every layer is looked at.

use super::Model;
use super::compile::Compiled;
use super::data::check_finite;
use super::fit::Given;
use super::loader::{Batch, Order, Source};
use super::signature::{Signature, Signatures};
use super::stream::Stream;
use crate::error::{Error, NonFinite, Result};
use adaline_graph::StateStore;
use adaline_graph::backend::TensorRef;

/// What a replay needs: the state at the beginning of the epoch and the learning rate of each step since.
pub(crate) struct Replay {
    on: bool,
    began: Began,
    /// Memory for the state, kept from one epoch to the next.
    state: Option<StateStore>,
    /// Steps made and skipped when it began.
    steps: (u32, u32),
    rates: Vec<f32>,
}

/// How an epoch began.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Began {
    /// With values as they were made, which can be made again: nothing is kept of them.
    AsMade,
    /// With those in [`Replay::state`].
    Kept,
}

impl Replay {
    pub(crate) fn new(on: bool) -> Self {
        Self { on, began: Began::Kept, state: None, steps: (0, 0), rates: Vec::new() }
    }
    /// Remembers the state. Once it had to copy it, it copies memory and allocates nothing.
    pub(crate) fn epoch_begin(&mut self, model: &Model, steps: usize) {
        if !self.on {
            return;
        }
        let store = &model.weights.store;
        if model.weights.as_made() {
            self.began = Began::AsMade;
        } else {
            self.began = Began::Kept;
            match &mut self.state {
                Some(kept) if kept.layout().len() == store.layout().len() => kept.copy_from(store),
                kept => *kept = Some(store.clone()),
            }
        }
        self.steps = model.compiled.as_ref().map_or((0, 0), |c| (c.steps, c.skipped));
        self.rates.clear();
        self.rates.reserve(steps);
    }
    /// Remembers the learning rate of the step to come.
    pub(crate) fn step(&mut self, model: &Model) {
        if self.on {
            self.rates.push(model.compiled.as_ref().and_then(Compiled::learning_rate).unwrap_or(0.0) as f32);
        }
    }
    fn restore(&self, model: &mut Model) {
        match (self.began, &self.state) {
            (Began::AsMade, _) => model.weights.make_again(),
            (Began::Kept, Some(state)) => model.weights.replace(state.clone()),
            (Began::Kept, None) => {}
        }
        if let Some(c) = &mut model.compiled {
            (c.steps, c.skipped) = self.steps;
        }
    }
}

impl Model {
    /// Finds the origin of a loss that is not finite, and puts the model back to the beginning of the epoch.
    /// `at` is the epoch, the index of its first batch and that of the bad one.
    #[expect(clippy::too_many_arguments, reason = "it replays a whole epoch, which is made of these")]
    pub(crate) fn diagnose<'a>(
        &mut self,
        source: &Source<'a>,
        order: &mut Order,
        buffers: &mut [Batch<'a>],
        replay: &Replay,
        at: (usize, u64, u64),
        signatures: &Signatures,
        loss: f32,
    ) -> Error {
        let (epoch, first, bad) = at;
        let step = (bad - first) as usize;
        // Steps that were skipped are none.
        let iteration = (replay.steps.0 + step as u32).min(self.compiled.as_ref().map_or(0, |c| c.steps));
        let found = match buffers.first_mut() {
            Some(batch) => self.find_origin(source, order, batch, replay, first..bad, signatures),
            None => Ok((NonFinite::NotReproduced, None)),
        };
        replay.restore(self);
        // A replay that fails must not hide what it was about.
        let (what, layer) = found.unwrap_or((NonFinite::NotReproduced, None));
        Error::NonFiniteLoss { epoch, step, iteration, loss, layer, what }
    }

    /// As [`Model::diagnose`] where batches are handed over, of which only the bad one is still there: it is looked at with the weights that the
    /// epoch began with, which shows what does not come of training within the epoch. `at` is the epoch and the number of the step.
    pub(super) fn diagnose_again(&mut self, stream: &Stream<'_>, replay: &Replay, at: (usize, usize), loss: f32) -> Error {
        let (epoch, step) = at;
        let iteration = (replay.steps.0 + step as u32).min(self.compiled.as_ref().map_or(0, |c| c.steps));
        replay.restore(self);
        let rate = replay.rates.last().copied();
        let found = stream.again(self, |model, signature, batch| model.origin_of_step(signature, batch, rate));
        replay.restore(self);
        let (what, layer) = found.ok().flatten().unwrap_or((NonFinite::NotReproduced, None));
        Error::NonFiniteLoss { epoch, step, iteration, loss, layer, what }
    }

    fn find_origin<'a>(
        &mut self,
        source: &Source<'a>,
        order: &mut Order,
        batch: &mut Batch<'a>,
        replay: &Replay,
        before: std::ops::Range<u64>,
        signatures: &Signatures,
    ) -> Result<(NonFinite, Option<String>)> {
        replay.restore(self);
        let bad = before.end;
        for (index, &rate) in before.zip(&replay.rates) {
            source.fill(order.batch(index), batch)?;
            self.train_step(signatures.of(batch), batch, Some(rate))?;
        }
        source.fill(order.batch(bad), batch)?;
        self.origin_of_step(signatures.of(batch), batch, replay.rates.last().copied())
    }

    /// Where values that are not finite begin in a step on this batch.
    fn origin_of_step(&mut self, signature: &Signature, batch: &Batch<'_>, rate: Option<f32>) -> Result<(NonFinite, Option<String>)> {
        let finite = |r: TensorRef<'_>| r.f32().is_none_or(|v| check_finite("", v, 1).is_ok());
        if !batch.x().chain(batch.y()).chain(batch.weights()).all(finite) {
            return Ok((NonFinite::Data, None));
        }
        let update = self.iterations();
        for named in &self.net.layers {
            let mut weights = self.weights_of(&named.name);
            if weights.any(|w| check_finite("", self.weights.store.f32(w.slot), 1).is_err()) {
                return Ok((NonFinite::Weights { update }, Some(named.name.clone())));
            }
        }
        // The forward pass of this very step, dropout masks included.
        let graph = self.probe_graph(signature)?;
        let mut session = self.backend.compile(&graph, self.weights.store.layout(), &self.options)?.session();
        let (seed, step) = (self.seed_words(), [self.compiled("train")?.draws()]);
        let mut inputs = Given::new(batch);
        inputs.push(TensorRef::I32(&seed));
        inputs.push(TensorRef::I32(&step));
        session.run_frozen(inputs.as_slice(), &self.weights.store)?;
        for (at, call) in self.net.calls.iter().enumerate() {
            if !finite(session.output(at)) {
                return Ok((NonFinite::Output, Some(self.net.layers[call.layer].name.clone())));
            }
        }
        let again = self.train_step(signature, batch, rate)?;
        Ok((if again.is_finite() { NonFinite::NotReproduced } else { NonFinite::Loss }, None))
    }
}
