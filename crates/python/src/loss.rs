//! Losses of Python that weigh and reduce by themselves.

use crate::node::{Node, operand};
use crate::object::reduction_of;
use crate::trace::{keep, with_builder, within};
use adaline::graph::{DType, Var};
use adaline::nn::Loss;
use adaline::nn::keras::{ConfigError, KerasObject};
use adaline::nn::losses::{LabelKind, Reduction};
use pyo3::prelude::*;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// A loss whose `__call__(y_true, y_pred, sample_weight)` is Python code of its own: what that gives is the loss of the batch.
#[derive(Clone)]
pub(crate) struct WholeLoss {
    object: Arc<Py<PyAny>>,
    name: String,
    reduction: Reduction,
}

impl WholeLoss {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let reduction = reduction_of(&object.getattr("reduction")?.extract::<String>()?)?;
        Ok(Self { object: Arc::new(object.clone().unbind()), name: object.getattr("name")?.extract()?, reduction })
    }
    fn called<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>, mask: Option<Var<'g>>) -> Var<'g> {
        let b = y_true.builder();
        let called = within(b, || {
            Python::attach(|py| {
                let weight = weight.map(|w| Bound::new(py, Node::of(w))).transpose()?;
                let given = (Bound::new(py, Node::of(y_true))?, Bound::new(py, Node::masked(y_pred, mask.map(Var::id)))?, weight);
                let result = self.object.bind(py).call1(given)?;
                with_builder(|b| operand(b, &result).map(|v| v.cast(DType::F32).id()))
            })
        });
        let value = match called {
            Ok(id) => b.var(id),
            Err(error) => return b.error(keep(error)),
        };
        if value.shape().rank() == 0 {
            return value;
        }
        b.error(format!(
            "loss `{}`: its __call__(y_true, y_pred, sample_weight) must give one number for the batch, got values of shape {}: take their mean, \
             or define call(y_true, y_pred), whose values are reduced for you",
            self.name,
            value.shape()
        ))
    }
}

impl fmt::Debug for WholeLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WholeLoss").field("name", &self.name).finish_non_exhaustive()
    }
}

impl KerasObject for WholeLoss {
    fn module(&self) -> &'static str {
        "adaline"
    }
    fn class_name(&self) -> &'static str {
        "WholeLoss"
    }
    fn config(&self) -> Value {
        json!({"name": self.name, "reduction": self.reduction})
    }
    fn writable(&self) -> Result<(), ConfigError> {
        Err(ConfigError::NotWritable { kind: "loss", name: self.name.clone() })
    }
}

impl Loss for WholeLoss {
    fn name(&self) -> &str {
        &self.name
    }
    fn reduction(&self) -> Reduction {
        self.reduction
    }
    fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
        self.called(y_true, y_pred, None, None)
    }
    fn whole<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>, weight: Option<Var<'g>>, mask: Option<Var<'g>>) -> Option<Var<'g>> {
        Some(self.called(y_true, y_pred, weight, mask))
    }
    fn labels(&self) -> LabelKind {
        LabelKind::Free
    }
    fn boxed(&self) -> Box<dyn Loss> {
        Box::new(self.clone())
    }
}
