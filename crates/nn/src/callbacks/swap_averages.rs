//! Validation with the moving averages of the weights.

use super::{Callback, Control};
use crate::error::Result;
use crate::model::Logs;

/// Puts the moving averages of the weights, which an optimizer with `use_ema` keeps, in the place of the weights for each validation; as
/// Keras' `SwapEMAWeights`. With [`swap_on_epoch`](Self::swap_on_epoch) they also are there from the end of each epoch to the beginning of
/// the next, so that callbacks behind it, such as [`ModelCheckpoint`](super::ModelCheckpoint), see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwapEMAWeights {
    swap_on_epoch: bool,
}

impl SwapEMAWeights {
    /// For validations alone.
    pub fn new() -> Self {
        Self::default()
    }
    /// Whether also between epochs (false).
    pub fn swap_on_epoch(mut self, swap_on_epoch: bool) -> Self {
        self.swap_on_epoch = swap_on_epoch;
        self
    }
}

impl Callback for SwapEMAWeights {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        // So that an optimizer without averages is an error before an epoch has run.
        control.model().show_averages(false)
    }
    fn on_epoch_begin(&mut self, _: usize, control: &mut Control<'_>) -> Result<()> {
        control.model().show_averages(false)
    }
    fn on_epoch_end(&mut self, _: usize, _: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        control.model().show_averages(self.swap_on_epoch)
    }
    fn on_test_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        control.model().show_averages(true)
    }
    fn on_test_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        control.model().show_averages(false)
    }
}
