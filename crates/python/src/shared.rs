//! A model that several threads of Python share.

use adaline::nn::Model;
use adaline::nn::model::Predictor;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// Where a model lies while nobody trains it. Training takes it out; callbacks find it there again.
///
/// Who predicts takes it out, too. Once two threads wanted that at the same time, they share a [`Predictor`] instead, until something else is done
/// with the model: it may change its weights.
#[derive(Default)]
pub(crate) struct Cell {
    pub(crate) state: Mutex<State>,
    pub(crate) there: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) model: Option<Model>,
    /// Who has it.
    pub(crate) taken_by: Option<ThreadId>,
    /// Somebody had to wait for it.
    pub(crate) wanted: bool,
    /// Its weights as they are, for several threads.
    pub(crate) predictor: Option<Arc<Predictor>>,
}

/// What a thread predicts with.
pub(crate) enum Reader {
    Shared(Arc<Predictor>),
    Alone(Box<Model>),
}

impl Cell {
    pub(crate) fn of(model: Model) -> Self {
        Self { state: Mutex::new(State { model: Some(model), ..State::default() }), there: Condvar::new() }
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A state is replaced as a whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Takes the model, waiting for other threads, to do anything with it; an error where this thread has it already.
    pub(crate) fn take(&self) -> Result<Model, Busy> {
        let model = self.take_as_it_is()?;
        self.lock().predictor = None;
        Ok(model)
    }
    /// As [`Cell::take`], to look at it.
    pub(crate) fn take_as_it_is(&self) -> Result<Model, Busy> {
        let me = thread::current().id();
        let mut state = self.lock();
        loop {
            if let Some(model) = state.model.take() {
                state.taken_by = Some(me);
                return Ok(model);
            }
            if state.taken_by == Some(me) {
                return Err(Busy);
            }
            state.wanted = true;
            state = self.there.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
    /// As [`Cell::take_as_it_is`], where it is there at once: for who holds the interpreter, and so must not wait for whoever has the model, who may
    /// need the interpreter to give it back.
    pub(crate) fn take_at_once(&self) -> Option<Model> {
        let mut state = self.lock();
        let model = state.model.take()?;
        state.taken_by = Some(thread::current().id());
        Some(model)
    }
    /// What this thread predicts with: the model, or what it shares with others.
    pub(crate) fn reader(&self) -> Result<Reader, Busy> {
        let me = thread::current().id();
        let mut state = self.lock();
        loop {
            if let Some(shared) = &state.predictor {
                return Ok(Reader::Shared(Arc::clone(shared)));
            }
            if let Some(model) = state.model.take() {
                state.taken_by = Some(me);
                let wanted = std::mem::take(&mut state.wanted);
                // Unlocked, since to copy a layer of Python takes the interpreter, which another thread may hold while it waits for the lock.
                drop(state);
                // A model whose layers keep states has no predictor.
                let Some(predictor) = wanted.then(|| model.predictor().ok()).flatten() else { return Ok(Reader::Alone(Box::new(model))) };
                let shared = Arc::new(predictor);
                let mut state = self.lock();
                (state.model, state.taken_by, state.predictor) = (Some(model), None, Some(Arc::clone(&shared)));
                drop(state);
                self.there.notify_all();
                return Ok(Reader::Shared(shared));
            }
            if state.taken_by == Some(me) {
                return Err(Busy);
            }
            state.wanted = true;
            state = self.there.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
    /// Puts it back.
    pub(crate) fn put(&self, model: Model) {
        let mut state = self.lock();
        (state.model, state.taken_by) = (Some(model), None);
        drop(state);
        self.there.notify_all();
    }
    /// As [`Cell::take`], after [`Cell::put`] for the time of a callback.
    pub(crate) fn take_back(&self) -> Model {
        let mut state = self.lock();
        loop {
            if let Some(model) = state.model.take() {
                (state.taken_by, state.predictor) = (Some(thread::current().id()), None);
                return model;
            }
            state = self.there.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The model is at work on this very thread.
pub(crate) struct Busy;

pub(crate) fn busy() -> PyErr {
    PyRuntimeError::new_err("the model is asked something by code that it is running itself, while it writes its graph")
}

/// A model on loan, which goes back whatever happens.
pub(crate) struct Loan<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) model: Option<Model>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        if let Some(model) = self.model.take() {
            self.cell.put(model);
        }
    }
}
