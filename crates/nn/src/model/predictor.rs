//! Predictions by several threads at once.

use super::feed::Inputs;
use super::signature::{Mode, PlanCache};
use super::{Model, TraceTimes};
use crate::error::Result;
use adaline_data::Tensor;
use adaline_graph::StateStore;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A model's network and weights as they were, to predict with from any thread, and from several at once: each call has memory of its own.
///
/// ```
/// fn share<T: Send + Sync>(_: T) {}
/// fn serve(predictor: adaline_nn::model::Predictor) {
///     share(predictor);
/// }
/// ```
pub struct Predictor {
    idle: Mutex<Idle>,
    weights: Arc<StateStore>,
}

/// Copies of the network without weights.
struct Idle {
    /// What more of them are made of.
    first: Model,
    /// Those with plans that no thread works with.
    others: Vec<Model>,
}

impl fmt::Debug for Predictor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predictor").finish_non_exhaustive()
    }
}

impl Model {
    /// What several threads can predict with at once, by the weights that the model has now; what it learns later does not change that.
    ///
    /// # Errors
    /// [`crate::Error::NotBuilt`]; [`crate::Error::Network`] for a network whose layers keep states from one batch to the next.
    pub fn predictor(&self) -> Result<Predictor> {
        self.require_built("predict")?;
        if self.net.layers.iter().any(|named| named.layer.stateful()) {
            return Err(self.wrong("it keeps states from one batch to the next, so that batches cannot be predicted at once".into()));
        }
        let weights = Arc::new(self.weights.alone());
        Ok(Predictor { idle: Mutex::new(Idle { first: self.reader(&weights), others: Vec::new() }), weights })
    }

    /// The same network, to predict with by shared weights.
    fn reader(&self, weights: &Arc<StateStore>) -> Self {
        Self {
            name: self.name.clone(),
            net: self.net.clone(),
            outputs: self.outputs.clone(),
            output_names: self.output_names.clone(),
            weights: self.weights.declarations(),
            shared: Some(Arc::clone(weights)),
            compiled: None,
            plans: PlanCache::default(),
            backend: Arc::clone(&self.backend),
            options: self.options.clone(),
            assets: Vec::new(),
            progress: None,
            trace_times: TraceTimes::default(),
            calls: 0,
            train_step: None,
            auto_scale_loss: self.auto_scale_loss,
        }
    }
}

impl Predictor {
    /// The outputs for `x (N, ..)`, in batches of 32 rows, as [`Model::predict_all`]: the same bits, whoever else predicts. The first calls of a
    /// thread more than worked at once so far, and of a new batch shape, compile.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn predict<'d>(&self, x: impl Into<Inputs<'d>>) -> Result<Vec<Tensor>> {
        self.run(x.into(), 32)
    }
    /// As [`Predictor::predict`] in batches of a given size.
    ///
    /// # Errors
    /// As [`Model::predict_batched`].
    pub fn predict_batched<'d>(&self, x: impl Into<Inputs<'d>>, batch_size: usize) -> Result<Vec<Tensor>> {
        self.run(x.into(), batch_size)
    }

    fn run(&self, x: Inputs<'_>, batch_size: usize) -> Result<Vec<Tensor>> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = {
            let mut idle = idle();
            idle.others.pop().unwrap_or_else(|| idle.first.reader(&self.weights))
        };
        let predicted = own.run_rows(Mode::Predict, "predict", x, batch_size, None);
        idle().others.push(own);
        predicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::layers::{BatchNormalization, Dense, Dropout, Input, LSTM};
    use crate::{Seed, Sequential, optimizers};
    use adaline_graph::reference::Reference;
    use std::thread;

    #[test]
    fn four_threads_predict_the_same_bits() {
        let net = Sequential::new()
            .add(Input::new([3]))
            .add(Dense::new(5))
            .add(BatchNormalization::new())
            .add(Dropout::new(0.5))
            .add(Dense::new(2));
        let mut model = net.build_on(Arc::new(Reference::default()), Seed(4)).unwrap();
        let x = Tensor::f32([70, 3], (0..210).map(|i| (i % 23) as f32 / 11.0).collect()).unwrap();
        let expected = [model.predict(&x).unwrap()];
        let predictor = model.predictor().unwrap();
        // Learning goes on meanwhile, and changes nothing there.
        model.compile(optimizers::Sgd::new(0.1), crate::losses::MeanSquaredError::new(), ()).unwrap();
        let y = Tensor::f32([70, 2], vec![1.0; 140]).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        assert_eq!(predictor.predict(&x).unwrap(), expected);
                    }
                });
            }
            model.train_on_batch(&x, &y, None).unwrap();
        });
        assert_ne!(model.predict(&x).unwrap(), expected[0]);
        assert_eq!(predictor.predict_batched(&x, 70).unwrap(), expected);
        let wrong = Tensor::f32([2, 4], vec![0.0; 8]).unwrap();
        assert!(matches!(predictor.predict(&wrong), Err(Error::InputShape { .. })));
        assert_eq!(predictor.predict(&x).unwrap(), expected, "an error leaves it as it was");
    }

    #[test]
    fn states_cannot_be_shared() {
        let net = Sequential::new().add(Input::new([4, 2]).batch_size(3)).add(LSTM::new(2).stateful(true));
        let model = net.build_on(Arc::new(Reference::default()), Seed(4)).unwrap();
        assert!(model.predictor().unwrap_err().to_string().contains("keeps states from one batch to the next"));
    }
}
