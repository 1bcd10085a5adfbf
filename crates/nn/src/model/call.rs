//! Single calls of a model: forward in training mode, a batch with all that belongs to it, the optimizer's variables by name.

use super::compile::MetricEntry;
use super::data::{EVALUATION, TRAINING};
use super::feed::Inputs;
use super::optimizer_file::Variable;
use super::signature::{Mode, Phase};
use super::stream::DataBatch;
use super::{Logs, Model};
use crate::error::{Error, Result};
use crate::optimizers::{self, LearningRate};
use adaline_data::{Tensor, nearest};
use std::collections::BTreeMap;

impl Model {
    /// The outputs for `x (B, ..)` as one batch, each in the order of [`Model::output_names`]: Keras' `model(x, training=..)`. With `training` as in a
    /// training step without learning: dropout and noise act, each call with random numbers of its own, and batch normalization uses and learns
    /// the statistics of the batch.
    ///
    /// # Errors
    /// As [`Model::predict`].
    pub fn call_on_batch<'d>(&mut self, x: impl Into<Inputs<'d>>, training: bool) -> Result<Vec<Tensor>> {
        let x = x.into();
        let rows = x.rows().max(1);
        self.run_rows(if training { Mode::Active } else { Mode::Predict }, "call the model on", x, rows, None)
    }

    /// The step that a call in training mode draws random numbers by: not that of any training step.
    pub(super) fn next_call(&mut self) -> i32 {
        self.calls = self.calls.wrapping_add(1);
        self.calls.wrapping_neg()
    }

    /// As [`Model::train_on_batch`], of a batch with names and weights of its own, its rows weighted by their classes where `class_weight` is given.
    ///
    /// # Errors
    /// As [`Model::train_on_batch`].
    pub fn train_on(&mut self, batch: &DataBatch, class_weight: Option<&BTreeMap<i32, f32>>) -> Result<f32> {
        self.compiled("train")?;
        self.with_batch(Mode::Train(Phase::Single), TRAINING, batch, class_weight, |model, signature, rows| {
            model.train_step(signature, rows, None)
        })
    }

    /// Loss and metrics of this batch and those before it since [`Model::reset_metrics`], as Keras' `test_on_batch`;
    /// [`Model::test_on_batch`] begins them anew.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn test_on(&mut self, batch: &DataBatch) -> Result<Logs> {
        self.compiled("evaluate")?;
        self.require_built("evaluate")?;
        self.with_batch(Mode::Test, EVALUATION, batch, None, Self::test_step)?;
        Ok(self.compiled("evaluate")?.results(&self.weights.store))
    }

    /// Names of loss and metrics in the order of [`Model::evaluate`]'s logs. A metric that means one of several by the shapes it meets, or that has
    /// several values, is told by its own name until it has met them.
    pub fn metrics_names(&self) -> Vec<String> {
        let Some(compiled) = &self.compiled else { return Vec::new() };
        let known: Vec<String> = compiled.results(&self.weights.store).into_iter().map(|(name, _)| name).collect();
        if known.len() > compiled.metrics.len() {
            return known;
        }
        let several = compiled.trained.iter().filter(|_| compiled.several()).map(|t| format!("{}_loss", t.name));
        std::iter::once("loss".to_owned()).chain(several).chain(compiled.metrics.iter().map(MetricEntry::name)).collect()
    }

    /// Names of the optimizer's variables in Keras' order: `iteration`, `learning_rate` (none with a schedule), then its memory, such as
    /// `adam/dense/kernel/momentum`.
    ///
    /// # Errors
    /// [`Error::NotCompiled`]; [`Error::NotBuilt`], since memory has the shapes of weights; [`Error::Config`] for a weight that several optimizers
    /// are meant to have.
    pub fn optimizer_variables(&mut self) -> Result<Vec<String>> {
        Ok(self.named_variables()?.into_iter().map(|(name, _)| name).collect())
    }

    /// The values of one of [`Model::optimizer_variables`].
    ///
    /// # Errors
    /// As [`Model::optimizer_variables`]; [`Error::Weight`] when there is none of the name.
    pub fn optimizer_variable(&mut self, name: &str) -> Result<Tensor> {
        let variable = self.find_variable(name)?;
        let store = &self.weights.store;
        let compiled = self.compiled("have an optimizer")?;
        Ok(match variable {
            Variable::Steps => Tensor::i32(Vec::<usize>::new(), vec![compiled.iterations() as i32])?,
            Variable::NoSteps => Tensor::i32(Vec::<usize>::new(), vec![0])?,
            Variable::Rate(at) => {
                let rate = optimizers::parts(compiled.optimizer.as_ref()).nth(at).map_or(0.0, |o| compiled.rate_of(o));
                Tensor::f32(Vec::<usize>::new(), vec![rate as f32])?
            }
            Variable::NoRate => Tensor::f32(Vec::<usize>::new(), vec![0.0])?,
            Variable::Count(slot) | Variable::Slot(slot) => {
                Tensor::f32(store.layout().slot(slot).ty.shape.dims().to_vec(), store.f32(slot).to_vec())?
            }
        })
    }

    /// Sets the values of one of [`Model::optimizer_variables`].
    ///
    /// # Errors
    /// As [`Model::optimizer_variable`]; [`Error::Weight`] for values of another shape, and for an iteration or learning rate that is none.
    pub fn set_optimizer_variable(&mut self, name: &str, values: &Tensor) -> Result<()> {
        let wrong = |message: String| Error::Weight { name: name.into(), message };
        let variable = self.find_variable(name)?;
        let shape = match variable {
            Variable::Count(slot) | Variable::Slot(slot) => self.weights.store.layout().slot(slot).ty.shape.dims().to_vec(),
            Variable::Steps | Variable::NoSteps | Variable::Rate(_) | Variable::NoRate => Vec::new(),
        };
        if values.shape() != &shape[..] {
            return Err(wrong(format!("it has shape {shape:?}, got values of shape {:?}", values.shape())));
        }
        let whole = values.as_i32().and_then(|v| v.first().copied());
        let values = values.f32_values();
        match variable {
            Variable::Steps => {
                let whole = whole.or_else(|| Some(values[0]).filter(|v| v.fract() == 0.0).map(|v| v as i32));
                let value = whole.and_then(|v| u32::try_from(v).ok());
                let value = value.ok_or_else(|| wrong(format!("it is a whole number of at least 0, got {}", values[0])))?;
                let compiled = self.compiled_mut("have an optimizer")?;
                compiled.steps = value.saturating_mul(compiled.accumulation().unwrap_or(1));
            }
            Variable::Rate(at) => {
                let rate = Some(f64::from(values[0])).filter(|v| v.is_finite() && *v >= 0.0);
                let rate = rate.ok_or_else(|| wrong(format!("it is a finite number of at least 0, got {}", values[0])))?;
                if let Some(common) = self.compiled_mut("have an optimizer")?.optimizer.common_of(at) {
                    common.learning_rate = LearningRate::Fixed(rate);
                }
            }
            Variable::NoSteps | Variable::NoRate => return Err(wrong("it belongs to an optimizer that only wraps others".into())),
            Variable::Count(slot) | Variable::Slot(slot) => self.weights.store.f32_mut(slot).copy_from_slice(&values),
        }
        Ok(())
    }

    fn find_variable(&mut self, name: &str) -> Result<Variable> {
        let all = self.named_variables()?;
        if let Some((_, variable)) = all.iter().find(|(n, _)| n == name) {
            return Ok(*variable);
        }
        let message = match nearest(name, all.iter().map(|(n, _)| n.as_str())) {
            Some(nearest) => format!("the optimizer has no such variable; did you mean `{nearest}`?"),
            None => "the optimizer has no such variable; optimizer_variables names them".into(),
        };
        Err(Error::Weight { name: name.into(), message })
    }

    /// The optimizer's variables, made when they do not exist, in the order of a file of Keras, with names. Of several optimizers the second
    /// iteration and rate have a number behind them.
    fn named_variables(&mut self) -> Result<Vec<(String, Variable)>> {
        self.compiled("have an optimizer")?;
        self.require_built("have an optimizer with memory")?;
        let order = self.ordered_slots();
        let Some(compiled) = &mut self.compiled else { return Ok(Vec::new()) };
        compiled.memory(&mut self.weights)?;
        let variables = compiled.file_groups(&order, true).into_iter().next().map_or(Vec::new(), |group| group.variables);
        let mut named: Vec<(String, Variable)> = Vec::with_capacity(variables.len());
        for variable in variables {
            let base: &str = match variable {
                Variable::Steps | Variable::NoSteps => "iteration",
                Variable::Rate(_) | Variable::NoRate => "learning_rate",
                Variable::Count(slot) | Variable::Slot(slot) => &self.weights.store.layout().slot(slot).name,
            };
            let same =
                named.iter().filter(|(n, _)| n.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))).count();
            named.push((if same == 0 { base.to_owned() } else { format!("{base}_{same}") }, variable));
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{BatchNormalization, Dropout, Input};
    use crate::losses::MeanSquaredError;
    use crate::metrics::MeanAbsoluteError;
    use crate::optimizers::{Adam, MultiOptimizer, OptimizerMap, Sgd};
    use crate::schedules::ExponentialDecay;
    use crate::{Seed, Sequential, layers::Dense};
    use adaline_graph::reference::Reference;
    use std::sync::Arc;

    fn build(net: Sequential) -> Model {
        net.build_on(Arc::new(Reference::default()), Seed(2)).unwrap()
    }

    fn rows(shape: [usize; 2]) -> Tensor {
        Tensor::f32(shape, (0..shape[0] * shape[1]).map(|i| (i * 7 % 11) as f32 / 5.0 - 1.0).collect()).unwrap()
    }

    #[test]
    fn a_call_in_training_mode_drops_anew_and_learns_nothing() {
        let mut model = build(Sequential::new().add(Input::new([50])).add(Dropout::new(0.5)));
        let x = Tensor::f32([2, 50], vec![1.0; 100]).unwrap();
        let mut call = |training| model.call_on_batch(&x, training).unwrap().swap_remove(0);
        let (first, second) = (call(true), call(true));
        for dropped in [&first, &second] {
            let values = dropped.as_f32().unwrap();
            assert!(values.iter().all(|&v| v == 0.0 || v == 2.0), "{values:?}");
            assert!((20..80).contains(&values.iter().filter(|v| **v == 0.0).count()));
        }
        assert_ne!(first, second);
        assert_eq!(call(false), x);
    }

    #[test]
    fn a_call_in_training_mode_moves_statistics() {
        let mut model = build(Sequential::new().add(Input::new([3])).add(BatchNormalization::new()));
        let x = rows([4, 3]);
        let values = x.as_f32().unwrap();
        let mean: Vec<f32> = (0..3).map(|c| (0..4).map(|r| values[r * 3 + c]).sum::<f32>() / 4.0).collect();
        model.call_on_batch(&x, false).unwrap();
        assert_eq!(model.weight("batch_normalization/moving_mean").unwrap().as_f32().unwrap(), [0.0; 3]);
        let normal = model.call_on_batch(&x, true).unwrap().swap_remove(0);
        let sums: Vec<f32> = (0..3).map(|c| normal.as_f32().unwrap().iter().skip(c).step_by(3).sum()).collect();
        assert!(sums.iter().all(|s| s.abs() < 1e-5), "by the batch's statistics: {sums:?}");
        let moved = model.weight("batch_normalization/moving_mean").unwrap();
        for (moved, mean) in moved.as_f32().unwrap().iter().zip(&mean) {
            assert!((moved - 0.01 * mean).abs() < 1e-6, "{moved} of {mean}");
        }
    }

    #[test]
    fn batches_add_up_until_metrics_are_reset() {
        let mut model = build(Sequential::new().add(Input::new([3])).add(Dense::new(1)));
        model.compile(Sgd::new(0.1), MeanSquaredError::new(), [MeanAbsoluteError::new()]).unwrap();
        assert_eq!(model.metrics_names(), ["loss", "mean_absolute_error"]);
        let (x, y) = (rows([6, 3]), rows([6, 1]));
        let batch = |from: usize, to: usize| DataBatch::new(x.slice_rows(from..to).unwrap()).labels(y.slice_rows(from..to).unwrap());
        let all = model.evaluate(&x, &y, crate::Evaluate::default()).unwrap();
        model.reset_metrics();
        model.test_on(&batch(0, 2)).unwrap();
        for ((name, whole), (_, sum)) in all.iter().zip(model.test_on(&batch(2, 6)).unwrap()) {
            assert!((whole - sum).abs() < 1e-6, "{name}: {whole} and {sum}");
        }
        model.reset_metrics();
        assert!(model.test_on(&batch(0, 2)).unwrap()[0].1 != all[0].1);
        let mut other = build(Sequential::new().add(Input::new([3])).add(Dense::new(1)));
        other.compile(Sgd::new(0.1), MeanSquaredError::new(), [MeanAbsoluteError::new()]).unwrap();
        assert_eq!(model.train_on(&batch(0, 6), None).unwrap(), other.train_on_batch(&x, &y, None).unwrap());
        assert_eq!(model.get_weights(), other.get_weights());
    }

    /// A layer whose gradients are 0: inputs of 0, and labels that are the bias.
    fn at_rest() -> (Model, Tensor, Tensor) {
        let mut model = build(Sequential::new().name("net").add(Input::new([3])).add(Dense::new(2)));
        model.set_weight("dense/bias", &Tensor::f32([2], vec![1.0; 2]).unwrap()).unwrap();
        (model, Tensor::f32([4, 3], vec![0.0; 12]).unwrap(), Tensor::f32([4, 2], vec![1.0; 8]).unwrap())
    }

    #[test]
    fn weights_are_taken_out_of_decay() {
        let (mut model, x, y) = at_rest();
        assert!(matches!(model.exclude_from_weight_decay(&[]), Err(Error::NotCompiled { .. })));
        model.compile(Sgd::new(0.1).weight_decay(0.5), MeanSquaredError::new(), ()).unwrap();
        let values = |m: &Model, name: &str| m.weight(name).unwrap().f32_values().into_owned();
        let kernel = values(&model, "dense/kernel");
        let shrunk = |by: i32| kernel.iter().map(|v| v * 0.95f32.powi(by)).collect::<Vec<_>>();
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        // A plan that is there already is made again.
        model.train_on_batch(&x, &y, None).unwrap();
        assert!(near(&values(&model, "dense/kernel"), &shrunk(1)) && near(&values(&model, "dense/bias"), &[0.95; 2]));
        model.set_weight("dense/bias", &Tensor::f32([2], vec![1.0; 2]).unwrap()).unwrap();
        model.exclude_from_weight_decay(&["dense/bias"]).unwrap();
        model.train_on_batch(&x, &y, None).unwrap();
        assert!(near(&values(&model, "dense/kernel"), &shrunk(2)) && values(&model, "dense/bias") == [1.0; 2]);
        let message = model.exclude_from_weight_decay(&["dense/bia"]).unwrap_err().to_string();
        assert!(message.contains("did you mean `dense/bias`?"), "{message}");
    }

    #[test]
    fn a_function_chooses_optimizers() {
        let (mut model, x, _) = at_rest();
        let y = Tensor::f32([4, 2], vec![3.0; 8]).unwrap();
        let chosen = |number: usize| {
            let map =
                OptimizerMap::choosing(Sgd::new(0.0), [Sgd::new(0.25).into()], move |path| number * usize::from(path.ends_with("bias")));
            MultiOptimizer::new(map)
        };
        model.compile(chosen(1), MeanSquaredError::new(), ()).unwrap();
        let kernel = model.weight("dense/kernel").unwrap();
        model.train_on_batch(&x, &y, None).unwrap();
        assert_eq!(model.weight("dense/kernel").unwrap(), kernel);
        assert_eq!(*model.weight("dense/bias").unwrap().f32_values(), [1.5; 2]);
        // What a file cannot hold, and a number of no optimizer.
        assert!(model.to_bytes().unwrap_err().to_string().contains("save_weights"));
        model.compile(chosen(2), MeanSquaredError::new(), ()).unwrap();
        let message = model.train_on_batch(&x, &y, None).unwrap_err().to_string();
        assert!(message.contains("net/dense/bias") && message.contains("one of 2 optimizers"), "{message}");
    }

    #[test]
    fn a_schedule_takes_over_from_a_number() {
        let (mut model, x, y) = at_rest();
        assert!(model.set_learning_rate_schedule(ExponentialDecay::new(0.5, 1, 0.5)).is_err());
        model.compile(Adam::new(0.01), MeanSquaredError::new(), ()).unwrap();
        model.train_on_batch(&x, &y, None).unwrap();
        model.set_learning_rate_schedule(ExponentialDecay::new(0.5, 1, 0.5)).unwrap();
        assert_eq!((model.training_steps(), model.learning_rate()), (1, Some(0.25)));
        model.set_training_steps(3).unwrap();
        assert_eq!(model.learning_rate(), Some(0.0625));
        model.train_on_batch(&x, &y, None).unwrap();
        assert_eq!((model.training_steps(), model.iterations()), (4, 4));
    }

    #[test]
    fn the_optimizer_goes_on_from_variables_that_are_set() {
        let make = || {
            let mut model = build(Sequential::new().name("net").add(Input::new([3])).add(Dense::new(2)));
            model.compile(Adam::new(0.01), MeanSquaredError::new(), ()).unwrap();
            model
        };
        let (x, y) = (rows([5, 3]), rows([5, 2]));
        let (mut a, mut b) = (make(), make());
        let names = a.optimizer_variables().unwrap();
        assert_eq!(names[..3], ["iteration", "learning_rate", "adam/dense/kernel/momentum"], "{names:?}");
        assert_eq!(names.len(), 2 + 4);
        (0..3).for_each(|_| assert!(a.train_on_batch(&x, &y, None).unwrap().is_finite()));
        a.set_optimizer_variable("learning_rate", &Tensor::f32(Vec::<usize>::new(), vec![0.5]).unwrap()).unwrap();
        b.set_weights(&a.get_weights()).unwrap();
        for name in &names {
            let values = a.optimizer_variable(name).unwrap();
            b.set_optimizer_variable(name, &values).unwrap();
            assert_eq!(b.optimizer_variable(name).unwrap(), values, "{name}");
        }
        assert_eq!((b.iterations(), b.learning_rate()), (3, Some(0.5)));
        assert_eq!(a.train_on_batch(&x, &y, None).unwrap(), b.train_on_batch(&x, &y, None).unwrap());
        assert_eq!(a.get_weights(), b.get_weights());

        let scalar = |v: f32| Tensor::f32(Vec::<usize>::new(), vec![v]).unwrap();
        let text = |m: &mut Model, name: &str, v: f32| m.set_optimizer_variable(name, &scalar(v)).unwrap_err().to_string();
        assert!(text(&mut a, "iteration", 0.5).contains("whole number of at least 0, got 0.5"));
        assert!(text(&mut a, "learning_rate", f32::NAN).contains("finite number"));
        assert!(text(&mut a, "adam/dense/kernel/momentum", 0.0).contains("it has shape [3, 2], got values of shape []"));
        assert!(text(&mut a, "adam/dense/kernel/momentun", 0.0).contains("did you mean `adam/dense/kernel/momentum`?"));
    }
}
