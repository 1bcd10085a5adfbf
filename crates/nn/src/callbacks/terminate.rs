//! Stop at a loss that is not finite.

use super::{Callback, Control};
use crate::error::Result;

/// Ends training when the loss of a batch is NaN or infinite, leaving the weights as they are; as Keras' `TerminateOnNaN`.
///
/// Without it `fit` ends with an error that says where the NaN came from, and puts the weights back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminateOnNaN {
    terminated: Option<usize>,
}

impl TerminateOnNaN {
    /// Ends training quietly.
    pub fn new() -> Self {
        Self::default()
    }
    /// The step within its epoch, from 0, at which it ended training.
    pub fn terminated(&self) -> Option<usize> {
        self.terminated
    }
}

impl Callback for TerminateOnNaN {
    fn on_train_begin(&mut self, _: &mut Control<'_>) -> Result<()> {
        self.terminated = None;
        Ok(())
    }
    fn wants_batches(&self) -> bool {
        true
    }
    fn on_train_batch_end(&mut self, step: usize, loss: f32, control: &mut Control<'_>) -> Result<()> {
        if !loss.is_finite() {
            self.terminated = Some(step);
            control.tell(&format!("Batch {step}: Invalid loss, terminating training"));
            control.stop();
        }
        Ok(())
    }
    fn handles_nan(&self) -> bool {
        true
    }
}
