//! Training steps of one's own: what is minimised, told by a function of the program.

use super::Model;
use super::compile::Trained;
use super::forward::{Randomness, forward};
use super::signature::Mode;
use super::step::Losses;
use crate::network::Network;
use crate::trace::{Masked, Weights};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, Var};
use std::fmt;
use std::sync::Arc;

/// A function that gives the scalar to minimise.
type Body = dyn for<'s, 'g> Fn(&mut TrainStep<'s, 'g>) -> Var<'g> + Send + Sync;

/// The function of [`Model::set_train_step`].
#[derive(Clone)]
pub(crate) struct CustomStep(Arc<Body>);

impl fmt::Debug for CustomStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustomStep")
    }
}

impl CustomStep {
    pub(crate) fn loss<'g>(&self, step: &mut TrainStep<'_, 'g>) -> Var<'g> {
        let loss = (self.0)(step);
        if loss.rank() == 0 {
            return loss;
        }
        step.b.error(format!("a training step must give a scalar to minimise, got shape {}: take its mean", loss.shape()))
    }
}

/// What a training step of one's own sees: the batch, the network, the loss it was compiled with.
pub struct TrainStep<'s, 'g> {
    pub(crate) b: &'g Builder,
    pub(crate) net: &'s Network,
    pub(crate) weights: &'s mut Weights,
    pub(crate) random: &'s Randomness<'g>,
    pub(crate) trained: &'s [Trained],
    pub(crate) x: &'s [Var<'g>],
    pub(crate) y: &'s [Var<'g>],
    pub(crate) sample_weights: &'s [Option<Var<'g>>],
    pub(crate) predictions: &'s [Masked<'g>],
    pub(crate) loss: Var<'g>,
}

impl<'g> TrainStep<'_, 'g> {
    /// The inputs, each `(B, ..)`.
    pub fn x(&self) -> &[Var<'g>] {
        self.x
    }
    /// The labels of each output that is trained, `(B, ..)`.
    pub fn y(&self) -> &[Var<'g>] {
        self.y
    }
    /// What the network gives for the batch, each output `(B, ..)`, with the masks of its steps. Metrics are of these.
    pub fn predictions(&self) -> &[Masked<'g>] {
        self.predictions
    }
    /// The loss of the predictions, a scalar: what is minimised without a step of one's own. Penalties of weights and activities are
    /// added to whatever the function gives.
    pub fn loss(&self) -> Var<'g> {
        self.loss
    }
    /// The network once more, on other inputs, with the same weights and the same draws of dropout. Moving statistics and penalties of activities
    /// follow the first run alone.
    pub fn forward(&mut self, x: &[Var<'g>]) -> Vec<Masked<'g>> {
        if x.len() != self.x.len() {
            let error = self.b.error(format!("the network takes {} inputs, got {}", self.x.len(), x.len()));
            return vec![error.into(); self.predictions.len()];
        }
        forward(self.b, self.net, self.weights, x, self.random, true).predictions
    }
    /// The loss of other predictions of the same labels, such as [`TrainStep::forward`] gives.
    pub fn loss_of(&self, predictions: &[Masked<'g>]) -> Var<'g> {
        Losses::of(self.b, self.trained, self.y, self.sample_weights, predictions).data
    }
    /// The gradient of a scalar by a value that it was computed from, of the value's shape. It can be differentiated again.
    pub fn gradient(&self, loss: Var<'g>, by: Var<'g>) -> Var<'g> {
        match self.b.with_graph(|g| gradients(g, loss.id(), &[by.id()])) {
            Ok(found) => found.first().map_or(by, |&id| self.b.var(id)),
            Err(e) => self.b.error(e.to_string()),
        }
    }
}

impl Model {
    /// Makes training minimise what a function gives (Keras' `train_step`). The function is traced once and compiled
    /// with gradients, optimizer and metrics into the step; `fit`, callbacks and everything else stay as they are. Files do not hold it.
    ///
    /// ```
    /// # use adaline_nn::Model;
    /// fn harden(model: &mut Model) {
    ///     // Half of the loss is that of inputs moved to where it grows fastest (Goodfellow et al. 2015).
    ///     model.set_train_step(|step| {
    ///         let x = step.x()[0];
    ///         let worse = x + step.gradient(step.loss(), x).sign() * 0.1;
    ///         let predictions = step.forward(&[worse.stop_gradient()]);
    ///         (step.loss() + step.loss_of(&predictions)) * 0.5
    ///     });
    /// }
    /// ```
    pub fn set_train_step(&mut self, step: impl for<'s, 'g> Fn(&mut TrainStep<'s, 'g>) -> Var<'g> + Send + Sync + 'static) {
        self.train_step = Some(CustomStep(Arc::new(step)));
        self.plans.retain(|mode| !matches!(mode, Mode::Train(_)));
    }
    /// Makes training minimise the loss that the model is compiled with again.
    pub fn clear_train_step(&mut self) {
        self.train_step = None;
        self.plans.retain(|mode| !matches!(mode, Mode::Train(_)));
    }
}
