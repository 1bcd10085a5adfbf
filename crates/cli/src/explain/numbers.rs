//! The story as JSON: all numbers.

use super::Story;
use super::spatial::{Step, Window};
use crate::measure::choose;
use crate::problem::Kind;
use serde_json::{Map, Value, json};

/// Everything.
pub(super) fn json(story: &Story) -> Value {
    let cells: Map<String, Value> = story.cells.iter().map(|(n, c)| (n.clone(), json!(c))).collect();
    let layers: Vec<Value> = story
        .layers
        .iter()
        .map(|l| {
            let weights: Vec<Value> =
                l.weights.iter().map(|w| json!({"name": w.name, "shape": w.shape, "values": w.values, "gradient": w.gradient})).collect();
            json!({
                "name": l.name, "class": l.class, "activation": l.activation, "units": l.unit_names, "shape": l.shape,
                "slides": slides(&l.step), "windows": l.windows().iter().map(window).collect::<Vec<_>>(),
                "weighted_sums": l.sums, "output": l.output,
                "gradient_of_output": l.gradient, "gradient_of_sums": l.sum_gradient, "weights": weights,
            })
        })
        .collect();
    let class = |at: usize| match &story.kind {
        Kind::Classes(names) => names.get(at).map(|n| json!(n)),
        Kind::Numbers(_) => None,
    };
    let (predicted, truth) = match &story.kind {
        Kind::Classes(_) => {
            let truth = story.truth.as_ref().and_then(|t| class(t.values.first().copied().unwrap_or(-1.0) as usize));
            (class(choose(&story.output).0), truth)
        }
        Kind::Numbers(_) => (Some(one_or_all(&story.predicted)), story.truth.as_ref().map(|t| one_or_all(&t.raw))),
    };
    let mut told = json!({
        "row": story.row, "model": story.model, "target": story.target, "cells": cells,
        "inputs": {"names": story.input_names, "shape": story.shape, "values": story.inputs},
        "layers": layers,
        "output": story.output, "predicted": predicted, "truth": truth,
        "loss": story.loss.map(|value| json!({"class": story.loss_class, "value": value})),
        "one_step": story.step.as_ref().map(|s| json!({"learning_rate": s.rate, "loss": s.loss})),
    });
    if let Some(words) = &story.words {
        told["text"] = super::text::json(words);
    }
    if !story.beside.is_empty() {
        told["beside_text"] = story.beside.iter().map(|(name, v)| (name.clone(), json!(v))).collect::<Map<_, _>>().into();
    }
    told
}

/// How a kernel or window goes over its input.
fn slides(step: &Step) -> Value {
    match step {
        Step::Convolution(c) => json!({
            "size": [c.kernel.height, c.kernel.width], "strides": c.spec.strides[..2], "dilation": c.spec.dilation[..2],
            "zeros_before": c.spec.before[..2], "groups": c.spec.groups,
        }),
        Step::Pooling(p) => json!({"size": p.spec.size[..2], "strides": p.spec.strides[..2], "cells_before": p.spec.before[..2]}),
        Step::Global { .. } | Step::Maps(_) | Step::None => Value::Null,
    }
}

/// What is seen at one place, what it is weighted with, and what comes of it.
fn window(w: &Window) -> Value {
    json!({
        "filter": w.filter, "row": w.row, "column": w.column, "from": w.from, "cells": w.cells, "weights": w.weights,
        "weighted_sum": w.sum, "output": w.output,
    })
}

fn one_or_all(values: &[f64]) -> Value {
    if let [one] = values { json!(one) } else { json!(values) }
}
