//! The stopping rule of textbook gradient descent.

use super::{Callback, CallbackState, Control};
use crate::error::{Error, Result};
use serde_json::json;

/// Stops when a step changed no weight by more than `step_size`, or after `max_steps` steps: the rule with which gradient descent is
/// taught (step size = gradient × learning rate).
///
/// Meant for full batches with plain SGD; `fit` needs as many epochs as there may be steps.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientDescentStop {
    /// Training stops when every weight's step is at most this large (0.001).
    pub step_size: f32,
    /// Most steps (1000).
    pub max_steps: usize,
    before: Vec<f32>,
    steps: usize,
    largest: f32,
}

impl Default for GradientDescentStop {
    fn default() -> Self {
        Self::new(0.001, 1000)
    }
}

impl GradientDescentStop {
    /// Stops below a step size or after a number of steps.
    pub fn new(step_size: f32, max_steps: usize) -> Self {
        Self { step_size, max_steps, before: Vec::new(), steps: 0, largest: f32::INFINITY }
    }
    /// Steps made.
    pub fn steps(&self) -> usize {
        self.steps
    }
    /// The largest change of a weight in the last step.
    pub fn last_step_size(&self) -> f32 {
        self.largest
    }
    fn remember(&mut self, control: &mut Control<'_>) {
        self.before.clear();
        control.model().for_trainable(|values| self.before.extend_from_slice(values));
    }
    /// Whether it ended because the steps had become small.
    pub fn converged(&self) -> bool {
        self.largest <= self.step_size
    }
}

impl Callback for GradientDescentStop {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        if !(self.step_size.is_finite() && self.step_size >= 0.0) {
            return Err(Error::option("step_size", self.step_size, "a finite number of at least 0"));
        }
        (self.steps, self.largest) = (0, f32::INFINITY);
        self.remember(control);
        Ok(())
    }
    fn state(&self) -> CallbackState {
        CallbackState::of(json!({"steps": self.steps, "largest": CallbackState::bits(Some(self.largest.into()))}))
    }
    fn restore(&mut self, state: CallbackState, control: &mut Control<'_>) -> Result<()> {
        self.steps = state.count("steps")?;
        self.largest = state.number("largest")?.map_or(f32::INFINITY, |v| v as f32);
        self.remember(control);
        Ok(())
    }
    fn wants_batches(&self) -> bool {
        true
    }
    fn on_train_batch_end(&mut self, _: usize, _: f32, control: &mut Control<'_>) -> Result<()> {
        self.steps += 1;
        self.largest = 0.0;
        let (mut before, mut largest) = (self.before.iter_mut(), 0.0f32);
        control.model().for_trainable(|values| {
            for (now, was) in values.iter().zip(&mut before) {
                // `max` would drop a NaN.
                let step = (now - *was).abs();
                largest = if step > largest || step.is_nan() { step } else { largest };
                *was = *now;
            }
        });
        self.largest = largest;
        if self.converged() || self.steps >= self.max_steps {
            control.stop();
        }
        Ok(())
    }
}
