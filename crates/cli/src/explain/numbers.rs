//! The story as JSON: all numbers.

use super::Story;
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
                "name": l.name, "class": l.class, "activation": l.activation, "units": l.unit_names,
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
    json!({
        "row": story.row, "model": story.model, "target": story.target, "cells": cells,
        "inputs": {"names": story.input_names, "values": story.inputs},
        "layers": layers,
        "output": story.output, "predicted": predicted, "truth": truth,
        "loss": story.loss.map(|value| json!({"class": story.loss_class, "value": value})),
        "one_step": story.step.as_ref().map(|s| json!({"learning_rate": s.rate, "loss": s.loss})),
    })
}

fn one_or_all(values: &[f64]) -> Value {
    if let [one] = values { json!(one) } else { json!(values) }
}
