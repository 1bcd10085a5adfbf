//! A layer for each step of a sequence.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
    dense::Dense,
    wrapped::{self, Wrapped},
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// Applies a layer to each step by itself, with the same weights: `(B, T, ..) -> (B, T, ..)`. All steps go through it as one batch.
///
/// Refused in training for a layer whose result for a sample depends on the others, such as `BatchNormalization`: Keras takes the steps one
/// after the other, each with moments of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeDistributed {
    common: LayerCommon,
    layer: Wrapped,
}

impl Default for TimeDistributed {
    fn default() -> Self {
        Self::new(Dense::default())
    }
}

layer_builder!(TimeDistributed, "TimeDistributed", ["layer"]);

impl TimeDistributed {
    /// Applies a layer to each step.
    pub fn new(layer: impl Into<Box<dyn Layer>>) -> Self {
        Self { common: LayerCommon::default(), layer: Wrapped(layer.into()) }
    }
    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Wrapped> {
        std::iter::once(&mut self.layer)
    }
}

impl KerasObject for TimeDistributed {
    layer_identity!("TimeDistributed");
    fn writable(&self) -> Result<(), ConfigError> {
        self.layer.0.writable()
    }
    fn validate(&self) -> Result<(), ConfigError> {
        // Keras counts the rows of each step by themselves.
        let penalty = self.layer.0.activity_regularizer().is_none();
        check(
            penalty,
            "TimeDistributed",
            "layer",
            "one without an `activity_regularizer`; give it to TimeDistributed",
            self.layer.0.class_name(),
        )?;
        self.layer.validate("TimeDistributed", "layer")
    }
}

impl Layer for TimeDistributed {
    layer_methods!(nested);
    fn supports_masking(&self) -> bool {
        true
    }
    fn mixes_samples(&self) -> bool {
        self.layer.0.mixes_samples()
    }
    fn file_path(&self, inner: &str) -> String {
        wrapped::file_path(&[("layer", &self.layer)], inner)
    }
    fn row(&self) -> Vec<(String, &dyn Layer)> {
        vec![("layer".into(), self.layer.0.as_ref())]
    }
    fn calls(&self) -> usize {
        self.layer.0.calls().saturating_add(1)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "TimeDistributed", inputs);
        let (layer, s) = (self.layer.0.as_ref(), x.shape());
        let class = layer.class_name();
        if cx.builder().failed() {
            return x;
        }
        let &[batch, steps, ref row @ ..] = s.dims() else {
            return cx.builder().error(format!("TimeDistributed needs an input (batch, steps, ..) of rank 3 or more, got shape {s}"));
        };
        if row.is_empty() || steps == 0 {
            let advice = if steps == 0 { "with at least one step" } else { "of rank 3 or more" };
            return cx.builder().error(format!("TimeDistributed needs an input (batch, steps, ..) {advice}, got shape {s}"));
        }
        if layer.stateful() || (cx.training() && layer.mixes_samples()) {
            let advice = "put it in front of or behind TimeDistributed, or freeze it";
            return cx.builder().error(format!(
                "TimeDistributed takes all steps through its layer at once, but {class} would see them one after the other in Keras; {advice}"
            ));
        }
        let mask = cx.mask();
        if let Some(mask) = mask.filter(|m| m.shape().dims().get(..2) != Some(&[batch, steps])) {
            return cx.builder().error(format!(
                "TimeDistributed takes a mask with an entry for each step, here of shape [{batch}, {steps}], got {}",
                mask.shape()
            ));
        }
        // As in Keras, a mask of steps is not one of the layer's input; what each step has of it may be.
        let each = mask.filter(|m| m.rank() > 2 || layer.takes_any_mask()).map(|m| {
            let dims = m.shape();
            m.reshape(Shape::new(&[&[batch * steps], &dims.dims()[2..]].concat()))
        });
        cx.set_mask(each);
        let y = cx.call("layer", layer, &[x.reshape(Shape::new(&[&[batch * steps], row].concat()))]);
        let rows = y.shape();
        if cx.builder().failed() {
            return y;
        }
        match rows.dims().split_first().and_then(|(_, row)| Shape::try_new(&[&[batch, steps], row].concat())) {
            Some(shape) if rows.dim(0) == batch * steps => y.reshape(shape),
            _ => cx.builder().error(format!("TimeDistributed cannot put the steps back into a result of shape {rows} of {class}")),
        }
    }
}
