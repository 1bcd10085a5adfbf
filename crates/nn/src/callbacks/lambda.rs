//! Callbacks from closures.

use super::{Callback, Control};
use crate::error::Result;
use crate::model::Logs;
use std::fmt;

type Plain<'a> = Box<dyn FnMut(&mut Control<'_>) -> Result<()> + 'a>;
type Begin<'a> = Box<dyn FnMut(usize, &mut Control<'_>) -> Result<()> + 'a>;
type End<'a> = Box<dyn FnMut(usize, &mut Logs, &mut Control<'_>) -> Result<()> + 'a>;
type Step<'a> = Box<dyn FnMut(usize, f32, &mut Control<'_>) -> Result<()> + 'a>;

/// Calls closures; as Keras' `LambdaCallback`.
///
/// ```
/// use adaline_nn::callbacks::LambdaCallback;
/// let mut losses = Vec::new();
/// let callback = LambdaCallback::new().on_epoch_end(|_, logs, _| {
///     losses.push(logs[0].1);
///     Ok(())
/// });
/// ```
#[derive(Default)]
pub struct LambdaCallback<'a> {
    train_begin: Option<Plain<'a>>,
    train_end: Option<Plain<'a>>,
    epoch_begin: Option<Begin<'a>>,
    epoch_end: Option<End<'a>>,
    batch_end: Option<Step<'a>>,
}

impl fmt::Debug for LambdaCallback<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LambdaCallback").finish_non_exhaustive()
    }
}

impl<'a> LambdaCallback<'a> {
    /// Does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }
    /// Before the first epoch.
    pub fn on_train_begin(mut self, f: impl FnMut(&mut Control<'_>) -> Result<()> + 'a) -> Self {
        self.train_begin = Some(Box::new(f));
        self
    }
    /// After the last epoch.
    pub fn on_train_end(mut self, f: impl FnMut(&mut Control<'_>) -> Result<()> + 'a) -> Self {
        self.train_end = Some(Box::new(f));
        self
    }
    /// Before each epoch.
    pub fn on_epoch_begin(mut self, f: impl FnMut(usize, &mut Control<'_>) -> Result<()> + 'a) -> Self {
        self.epoch_begin = Some(Box::new(f));
        self
    }
    /// After each epoch, with its values.
    pub fn on_epoch_end(mut self, f: impl FnMut(usize, &mut Logs, &mut Control<'_>) -> Result<()> + 'a) -> Self {
        self.epoch_end = Some(Box::new(f));
        self
    }
    /// After each training step, with its loss.
    pub fn on_train_batch_end(mut self, f: impl FnMut(usize, f32, &mut Control<'_>) -> Result<()> + 'a) -> Self {
        self.batch_end = Some(Box::new(f));
        self
    }
}

impl Callback for LambdaCallback<'_> {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.train_begin.as_mut().map_or(Ok(()), |f| f(control))
    }
    fn on_train_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.train_end.as_mut().map_or(Ok(()), |f| f(control))
    }
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) -> Result<()> {
        self.epoch_begin.as_mut().map_or(Ok(()), |f| f(epoch, control))
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        self.epoch_end.as_mut().map_or(Ok(()), |f| f(epoch, logs, control))
    }
    fn wants_batches(&self) -> bool {
        self.batch_end.is_some()
    }
    fn on_train_batch_end(&mut self, step: usize, loss: f32, control: &mut Control<'_>) -> Result<()> {
        self.batch_end.as_mut().map_or(Ok(()), |f| f(step, loss, control))
    }
}
