//! Losses told by a function of the program.

use super::{LabelKind, Loss, Reduction, common::loss_methods, same_rank};
use crate::keras::{ConfigError, KerasObject};
use adaline_graph::Var;
use serde_json::{Value, json};
use std::{fmt, sync::Arc};

/// A function of labels and predictions.
pub(crate) type OfBoth = dyn for<'g> Fn(Var<'g>, Var<'g>) -> Var<'g> + Send + Sync;

/// A loss of one's own: a function of symbolic labels and predictions that gives one value per sample, `(B, ..)`.
///
/// It is traced once, compiled with the network, and differentiated like every other. Labels come as they are, in `f32`; where labels or predictions
/// have a last axis of 1 that the other lacks, it is dropped or added as in Keras. A file cannot hold the function: saving a model compiled with it is an
/// error, `save_weights` works; unless it is [`told`](Self::told) how a file names it.
///
/// ```
/// use adaline_nn::{Loss, losses};
///
/// // Errors below zero cost three times as much.
/// let loss = losses::Custom::new("pinball", |y_true, y_pred| {
///     let e = y_true - y_pred;
///     (e * 0.75).maximum(e * -0.25).mean(&[-1], false)
/// });
/// assert_eq!(loss.name(), "pinball");
/// ```
#[derive(Clone)]
pub struct Custom {
    name: String,
    reduction: Reduction,
    f: Arc<OfBoth>,
    told: Option<Value>,
}

impl Custom {
    /// A loss of a name and a function `(y_true, y_pred) -> values per sample`.
    pub fn new(name: impl Into<String>, f: impl for<'g> Fn(Var<'g>, Var<'g>) -> Var<'g> + Send + Sync + 'static) -> Self {
        Self { name: name.into(), reduction: Reduction::default(), f: Arc::new(f), told: None }
    }
    /// How values per sample become one number.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }
    /// What a file says of it, by which a program that has it finds it again: Keras' envelope.
    pub fn told(mut self, envelope: Value) -> Self {
        self.told = Some(envelope);
        self
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom").field("name", &self.name).field("reduction", &self.reduction).finish_non_exhaustive()
    }
}

impl KerasObject for Custom {
    fn module(&self) -> &'static str {
        "adaline"
    }
    fn class_name(&self) -> &'static str {
        "Custom"
    }
    fn config(&self) -> Value {
        json!({"name": self.name, "reduction": self.reduction})
    }
    fn envelope(&self) -> Value {
        self.told
            .clone()
            .unwrap_or_else(|| json!({"module": "adaline", "class_name": "Custom", "config": self.config(), "registered_name": null}))
    }
    fn writable(&self) -> Result<(), ConfigError> {
        if self.told.is_some() {
            return Ok(());
        }
        Err(ConfigError::NotWritable { kind: "loss", name: self.name.clone() })
    }
}

impl Loss for Custom {
    loss_methods!();
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        let (t, p) = same_rank(y_true, y_pred);
        (self.f)(t, p)
    }
    fn labels(&self) -> LabelKind {
        LabelKind::Free
    }
}
