//! What a training step is made of, as text.

use super::Model;
use super::signature::{Mode, Phase, Signature};
use crate::error::Result;
use std::fmt::Write as _;

/// A stage between layers and kernels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The layers with their arguments.
    Layers,
    /// The graph of the training step, as traced and differentiated.
    Graph,
    /// The kernels in order.
    Fused,
    /// The plan: kernels with places in memory, bytes and operations.
    Plan,
}

impl Model {
    /// The training step for batches of `rows` rows (the evaluation's where the model is not compiled: the forward pass), at a stage.
    ///
    /// # Errors
    /// [`crate::Error::NotBuilt`], and what compiling may say.
    pub fn dump(&mut self, stage: Stage, rows: usize) -> Result<String> {
        self.require_built("be shown")?;
        if stage == Stage::Layers {
            let mut text = String::new();
            for named in &self.net.layers {
                let _ = writeln!(text, "{} ({}): {}", named.name, named.layer.class_name(), named.layer.config());
            }
            return Ok(text);
        }
        let signature = self.dump_signature(rows)?;
        if stage == Stage::Graph {
            return Ok(self.graph(&signature)?.to_string());
        }
        self.plan(&signature)?;
        let report = self.plans.get(&signature).map(|p| p.executable.report()).unwrap_or_default();
        if stage == Stage::Plan {
            return Ok(report.to_string());
        }
        let width = report.steps.iter().map(|s| s.origin.len()).max().unwrap_or(0);
        let mut text = String::new();
        for (at, step) in report.steps.iter().enumerate() {
            let _ = writeln!(text, "{at:>4}  {:width$}  {}  {}", step.origin, step.kernel, step.shapes);
        }
        Ok(text)
    }

    fn dump_signature(&self, rows: usize) -> Result<Signature> {
        let samples: Vec<Vec<usize>> = self.net.inputs.iter().flatten().map(|i| i.sample(super::OPEN)).collect();
        let x: Vec<&[usize]> = samples.iter().map(Vec::as_slice).collect();
        let Some(compiled) = &self.compiled else {
            return Ok(Signature::unlabelled(Mode::Predict, rows, self.input_types(rows, &x)?));
        };
        let outputs = self.outputs_for(&x)?;
        let label = |t: &super::compile::Trained| {
            let mut row = outputs[t.output].clone();
            if t.loss.labels().dtype() == adaline_graph::DType::I32 {
                row.pop();
            }
            row
        };
        let labels: Vec<Vec<usize>> = compiled.trained.iter().map(label).collect();
        let y: Vec<&[usize]> = labels.iter().map(Vec::as_slice).collect();
        let phase = if compiled.accumulation().is_some() { Phase::Apply } else { Phase::Single };
        self.signature(Mode::Train(phase), "y", rows, &x, &y, &vec![false; y.len()])
    }
}
