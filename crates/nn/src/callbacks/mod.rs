//! Callbacks: what happens between epochs and steps.

mod backup;
mod checkpoint;
mod csv;
mod early_stopping;
mod gradient_descent;
mod lambda;
mod learning_rate;
mod monitor;
mod state;
mod swap_averages;
mod tensorboard;
mod terminate;
#[cfg(test)]
mod tests;

pub use backup::BackupAndRestore;
pub use checkpoint::{ModelCheckpoint, SaveFreq};
pub use csv::CsvLogger;
pub use early_stopping::EarlyStopping;
pub use gradient_descent::GradientDescentStop;
pub use lambda::LambdaCallback;
pub use learning_rate::{LearningRateScheduler, ReduceLROnPlateau};
pub use monitor::Mode;
pub use state::CallbackState;
pub use swap_averages::SwapEMAWeights;
pub use tensorboard::{TensorBoard, UpdateFreq};
pub use terminate::TerminateOnNaN;

use crate::error::Result;
use crate::model::{Logs, Model, Progress};

/// Something that is told of the course of training and may steer it.
///
/// Every method does nothing by default. Epochs and steps count from 0.
pub trait Callback {
    /// Before the first epoch.
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        let _ = control;
        Ok(())
    }
    /// After the last epoch, also when training was stopped early; not after an error.
    fn on_train_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        let _ = control;
        Ok(())
    }
    /// Before an epoch.
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) -> Result<()> {
        let _ = (epoch, control);
        Ok(())
    }
    /// After an epoch and its validation. What is added to the logs is seen by later callbacks and kept in the history.
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        let _ = (epoch, logs, control);
        Ok(())
    }
    /// Before a validation within `fit`.
    fn on_test_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        let _ = control;
        Ok(())
    }
    /// After a validation within `fit`.
    fn on_test_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        let _ = control;
        Ok(())
    }
    /// Whether [`Callback::on_train_batch_end`] is to be called; asked once per `fit`.
    fn wants_batches(&self) -> bool {
        false
    }
    /// After a training step, with the loss of its batch. [`Model::running_logs`] has the means of the epoch so far.
    fn on_train_batch_end(&mut self, step: usize, loss: f32, control: &mut Control<'_>) -> Result<()> {
        let _ = (step, loss, control);
        Ok(())
    }
    /// Whether it deals with a loss that is not finite, so that `fit` need not end with an error.
    fn handles_nan(&self) -> bool {
        false
    }
    /// What it remembers of the running training, for [`BackupAndRestore`]: all that [`Callback::restore`] needs to go on as if nothing
    /// had happened. Nothing by default. Asked for after all callbacks have been told of the epoch or step.
    fn state(&self) -> CallbackState {
        CallbackState::default()
    }
    /// Takes up what [`Callback::state`] gave in the training that is taken up; called after [`Callback::on_train_begin`], with the model
    /// as it was then. Where training goes on within an epoch, [`Callback::on_epoch_begin`] is not called for that epoch again.
    fn restore(&mut self, state: CallbackState, control: &mut Control<'_>) -> Result<()> {
        let _ = (state, control);
        Ok(())
    }
    /// Itself, when it is the callback that keeps backups, which `fit` writes for it.
    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        None
    }
}

impl<C: Callback + ?Sized> Callback for &mut C {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        (**self).on_train_begin(control)
    }
    fn on_train_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        (**self).on_train_end(control)
    }
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) -> Result<()> {
        (**self).on_epoch_begin(epoch, control)
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        (**self).on_epoch_end(epoch, logs, control)
    }
    fn on_test_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        (**self).on_test_begin(control)
    }
    fn on_test_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        (**self).on_test_end(control)
    }
    fn wants_batches(&self) -> bool {
        (**self).wants_batches()
    }
    fn on_train_batch_end(&mut self, step: usize, loss: f32, control: &mut Control<'_>) -> Result<()> {
        (**self).on_train_batch_end(step, loss, control)
    }
    fn handles_nan(&self) -> bool {
        (**self).handles_nan()
    }
    fn state(&self) -> CallbackState {
        (**self).state()
    }
    fn restore(&mut self, state: CallbackState, control: &mut Control<'_>) -> Result<()> {
        (**self).restore(state, control)
    }
    fn as_backup(&mut self) -> Option<&mut BackupAndRestore> {
        (**self).as_backup()
    }
}

/// What a callback may do.
pub struct Control<'a> {
    model: &'a mut Model,
    stop: &'a mut bool,
    progress: &'a mut dyn Progress,
    shape: RunShape,
}

/// The plan of a `fit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunShape {
    pub(crate) epochs: usize,
    pub(crate) steps: usize,
    pub(crate) validates: bool,
    pub(crate) resumes: bool,
}

impl<'a> Control<'a> {
    pub(crate) fn new(model: &'a mut Model, stop: &'a mut bool, progress: &'a mut dyn Progress, shape: RunShape) -> Self {
        Self { model, stop, progress, shape }
    }
    /// Ends training: after a step, the epoch is cut short, and then validated as usual.
    pub fn stop(&mut self) {
        *self.stop = true;
    }
    /// Whether training is about to end.
    pub fn stopping(&self) -> bool {
        *self.stop
    }
    /// The model.
    pub fn model(&mut self) -> &mut Model {
        self.model
    }
    /// Number of the epoch after the last.
    pub fn epochs(&self) -> usize {
        self.shape.epochs
    }
    /// Steps per epoch; 0 where nobody knows how many.
    pub fn steps(&self) -> usize {
        self.shape.steps
    }
    /// Whether there is data to validate on.
    pub fn validates(&self) -> bool {
        self.shape.validates
    }
    /// Whether an interrupted training is taken up ([`BackupAndRestore`]).
    pub fn resumes(&self) -> bool {
        self.shape.resumes
    }
    /// The learning rate of the next step; none where a `MultiOptimizer` has several.
    pub fn learning_rate(&self) -> Option<f64> {
        self.model.learning_rate()
    }
    /// Sets the learning rate.
    ///
    /// # Errors
    /// As [`Model::set_learning_rate`].
    pub fn set_learning_rate(&mut self, value: f64) -> Result<()> {
        self.model.set_learning_rate(value)
    }
    /// Tells the user something through the progress display.
    pub fn tell(&mut self, text: &str) {
        self.progress.message(text);
    }
}
