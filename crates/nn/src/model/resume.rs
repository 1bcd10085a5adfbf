//! The state of a running `fit` as a file's content, and back.

use super::{History, Model};
use crate::callbacks::{BackupAndRestore, Callback, CallbackState};
use crate::error::{Error, Result};
use crate::keras::KerasObject;
use crate::optimizers::{self, LearningRate};
use adaline_data::Tensor;
use adaline_formats::{Backup, crc32c};
use adaline_graph::Role;
use serde_json::{Value, json};

/// Where a `fit` stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) epoch: usize,
    /// Steps of that epoch that are done.
    pub(crate) step: usize,
    /// Whether a callback has ended training.
    pub(crate) stopped: bool,
}

/// The backup among the callbacks. The first one counts.
pub(crate) fn keeper<'a, 'c>(callbacks: &'a mut [Box<dyn Callback + 'c>]) -> Option<&'a mut BackupAndRestore> {
    callbacks.iter_mut().find_map(|c| c.as_backup())
}

/// A check sum of labels.
pub(crate) fn sum_of(y: &Tensor) -> u32 {
    let words = |sum, word: [u8; 4]| crc32c(sum, &word);
    match y.as_i32() {
        Some(v) => v.iter().map(|v| v.to_le_bytes()).fold(0, words),
        None => y.f32_values().iter().map(|v| v.to_le_bytes()).fold(0, words),
    }
}

fn unusable(what: &str) -> Error {
    BackupAndRestore::fail(format!("the backup is of no use here: {what}; delete it to begin anew"))
}

impl Model {
    /// What must be the same when a training is taken up: `data` says what only `fit` knows.
    pub(crate) fn plan_of_training(&self, data: Value) -> Result<Value> {
        let compiled = self.compiled("train")?;
        let mut optimizer = compiled.optimizer.envelope();
        // Callbacks change it; the backup's counts.
        let scaled = optimizers::scaling(compiled.optimizer.as_ref()).is_some();
        let place = if scaled { "/config/inner_optimizer/config" } else { "/config" };
        let config = optimizer.pointer_mut(place).and_then(Value::as_object_mut);
        if let (LearningRate::Fixed(_), Some(config)) = (&compiled.optimizer.common().learning_rate, config) {
            config.remove("learning_rate");
        }
        let layers = crc32c(0, self.net.envelope().to_string().as_bytes());
        let metrics: Vec<Value> = compiled.metrics.iter().map(|m| m.given.envelope()).collect();
        let losses: Vec<Value> =
            compiled.trained.iter().map(|t| json!({"output": t.name, "loss": t.loss.envelope(), "weight": t.weight})).collect();
        let mut plan = json!({
            "seed": self.weights.seed, "layers": layers, "optimizer": optimizer, "losses": losses, "metrics": metrics,
        });
        if let (Some(plan), Value::Object(data)) = (plan.as_object_mut(), data) {
            plan.extend(data);
        }
        Ok(plan)
    }

    /// All that a training is made of at this place.
    pub(crate) fn backup<'c>(&self, plan: &Value, at: Place, history: &History, callbacks: &[Box<dyn Callback + 'c>]) -> Result<Backup> {
        let compiled = self.compiled("train")?;
        let rate = match &compiled.optimizer.common().learning_rate {
            LearningRate::Fixed(rate) => Some(*rate),
            LearningRate::Schedule(_) => None,
        };
        let states: Vec<CallbackState> = callbacks.iter().map(|c| c.state()).collect();
        let store = &self.weights.store;
        let slots: Vec<Value> =
            store.layout().iter().map(|(_, s)| json!({"name": s.name, "role": s.role.index(), "shape": s.ty.shape.dims()})).collect();
        let header = json!({
            "plan": plan, "epoch": at.epoch, "step": at.step, "stopped": at.stopped,
            "steps": compiled.steps, "skipped": compiled.skipped, "learning_rate": CallbackState::bits(rate),
            "history": history.to_json(), "slots": slots,
            "callbacks": states.iter().map(CallbackState::header).collect::<Vec<_>>(),
        });
        let kept = states.iter().flat_map(|s| &s.tensors).map(|t| t.f32_values().iter().map(|v| v.to_bits()).collect());
        Ok(Backup { header, blocks: store.layout().iter().map(|(id, _)| store.words(id).to_vec()).chain(kept).collect() })
    }

    /// Becomes what it was at a backup. Nothing is changed unless all of it fits; the states of the callbacks come back for them.
    pub(crate) fn take_backup(&mut self, plan: &Value, backup: Backup) -> Result<(Place, History, Vec<CallbackState>)> {
        let Backup { header, blocks } = backup;
        for (name, now) in plan.as_object().into_iter().flatten() {
            let then = &header["plan"][name.as_str()];
            if then != now {
                let sum = ["layers", "labels"].contains(&name.as_str());
                return Err(unusable(&if now.is_object() || sum {
                    format!("it was made with another `{name}`")
                } else {
                    format!("it was made with `{name}` {then}, which is {now} now")
                }));
            }
        }
        let count = |name: &str| header[name].as_u64().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| unusable(&format!("no {name}")));
        let at = Place { epoch: count("epoch")?, step: count("step")?, stopped: header["stopped"] == true };
        let steps = u32::try_from(count("steps")?).map_err(|_| unusable("its number of steps is too large"))?;
        let skipped = header["skipped"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let history = History::from_json(&header["history"]).ok_or_else(|| unusable("its history is not one"))?;

        let slots = header["slots"].as_array().map_or(&[][..], Vec::as_slice);
        let (values, kept) = blocks.split_at_checked(slots.len()).ok_or_else(|| unusable("it has less values than it says"))?;
        let mut found = Vec::new();
        for (id, slot) in self.weights.store.layout().iter() {
            let (role, dims) = (slot.role.index() as u64, slot.ty.shape.dims());
            let at = slots.iter().position(|s| s["name"] == slot.name.as_str() && s["role"] == role && s["shape"] == json!(dims));
            let words = at.and_then(|at| values.get(at)).filter(|w| w.len() == slot.ty.len());
            found.push((id, words.ok_or_else(|| unusable(&format!("it has no `{}` of shape {}", slot.name, slot.ty.shape)))?));
        }
        // Sums that only validation needs are made when it begins.
        let metric = Role::Metric.index() as u64;
        let weights = slots.iter().filter(|s| s["role"] != metric).count();
        let own = self.weights.store.layout().iter().filter(|(_, s)| s.role != Role::Metric).count();
        if weights != own {
            return Err(unusable(&format!("it has {weights} weights and slots of the optimizer, the model {own}")));
        }
        let states = callback_states(&header["callbacks"], kept)?;

        for (id, words) in found {
            self.weights.store.words_mut(id).copy_from_slice(words);
        }
        let compiled = self.compiled_mut("train")?;
        (compiled.steps, compiled.skipped) = (steps, skipped);
        if let (LearningRate::Fixed(rate), Some(kept)) =
            (&mut compiled.optimizer.common_mut().learning_rate, header["learning_rate"].as_u64())
        {
            *rate = f64::from_bits(kept);
        }
        Ok((at, history, states))
    }
}

fn callback_states(list: &Value, mut blocks: &[Vec<u32>]) -> Result<Vec<CallbackState>> {
    let mut states = Vec::new();
    for callback in list.as_array().into_iter().flatten() {
        let mut tensors = Vec::new();
        for shape in callback["shapes"].as_array().into_iter().flatten() {
            let dims: Option<Vec<usize>> = shape.as_array().and_then(|s| s.iter().map(|d| usize::try_from(d.as_u64()?).ok()).collect());
            let (Some(dims), Some((words, rest))) = (dims, blocks.split_first()) else {
                return Err(unusable("a tensor of a callback is missing"));
            };
            tensors.push(Tensor::f32(dims, words.iter().map(|&w| f32::from_bits(w)).collect())?);
            blocks = rest;
        }
        states.push(CallbackState { values: callback["values"].clone(), tensors });
    }
    Ok(states)
}
