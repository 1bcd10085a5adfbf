//! Moving averages of the weights (`use_ema`): in whose place they are, and the end of a training.

use super::Model;
use crate::error::{Error, Result};
use crate::optimizers;

impl Model {
    /// Puts the moving averages in the place of the weights (`true`) and the weights back (`false`): what [`SwapEMAWeights`] does around
    /// validation. Nothing where they are there already, or before the first training step. Training steps want the weights in place.
    ///
    /// # Errors
    /// [`Error::NotCompiled`]; [`Error::Option`] when the optimizer keeps none.
    ///
    /// [`SwapEMAWeights`]: crate::callbacks::SwapEMAWeights
    pub fn show_averages(&mut self, on: bool) -> Result<()> {
        self.compiled("have averages of its weights")?;
        let Some(compiled) = &mut self.compiled else { return Ok(()) };
        if !optimizers::parts(compiled.optimizer.as_ref()).any(|o| o.common().use_ema) {
            return Err(Error::option("use_ema", false, "true in the optimizer, so that there are averages of the weights"));
        }
        if compiled.averages_shown == on {
            return Ok(());
        }
        let Some(memory) = &compiled.memory else { return Ok(()) };
        compiled.averages_shown = on;
        for (&weight, &average) in memory.parts.iter().flat_map(|m| m.weights.iter().zip(&m.averages)) {
            let kept = self.weights.store.f32(weight).to_vec();
            copy(&mut self.weights.store, average, weight);
            self.weights.store.f32_mut(average).copy_from_slice(&kept);
        }
        Ok(())
    }

    /// The end of a `fit`: weights become their averages (Keras' `finalize_variable_values`), where those are kept.
    pub(crate) fn finish_averages(&mut self) {
        let Some(compiled) = &mut self.compiled else { return };
        let shown = std::mem::take(&mut compiled.averages_shown);
        for (&weight, &average) in compiled.memory.iter().flat_map(|m| &m.parts).flat_map(|m| m.weights.iter().zip(&m.averages)) {
            let (from, to) = if shown { (weight, average) } else { (average, weight) };
            copy(&mut self.weights.store, from, to);
        }
    }
}

fn copy(store: &mut adaline_graph::StateStore, from: adaline_graph::SlotId, to: adaline_graph::SlotId) {
    let values = store.f32(from).to_vec();
    store.f32_mut(to).copy_from_slice(&values);
}
