//! Some rows through the network and back, of which only what advice needs is kept: a few numbers for each layer.

use super::Model;
use super::fit::Given;
use super::loader::{Order, Source};
use super::signature::Mode;
use super::step::afford;
use crate::error::Result;
use adaline_graph::backend::TensorRef;

/// Most rows that are looked at.
const ROWS: usize = 128;

/// What was seen.
#[derive(Default)]
pub(crate) struct Pulse {
    /// How many rows.
    pub(crate) rows: usize,
    /// Layers that end in relu, except frozen ones: path, units that gave 0 for all rows, units in all.
    pub(crate) units: Vec<(String, usize, usize)>,
    /// Layers with kernels that training changes, in order: path and norm of the gradient by them.
    pub(crate) gradients: Vec<(String, f64)>,
}

impl Model {
    /// Sends the first rows of a batch through the network and back, as in a training step, and changes nothing.
    ///
    /// # Errors
    /// As a step. Nothing is seen of a network that keeps states from one batch to the next.
    pub(crate) fn pulse(&mut self, source: &Source<'_>, order: &mut Order, index: u64) -> Result<Pulse> {
        if self.net.layers.iter().any(|n| n.layer.stateful()) {
            return Ok(Pulse::default());
        }
        let mut batch = source.buffer(ROWS);
        source.fill(order.batch(index).first(ROWS), &mut batch)?;
        let signature = self.signature_of(Mode::Test, "y", (batch.bucket, batch.rows), source)?;
        let (graph, rectified) = self.pulse_graph(&signature)?;
        let executable = self.backend.compile(&graph, self.weights.store.layout(), &self.options)?;
        afford(executable.report().arena_bytes)?;
        let mut session = executable.session();
        let (seed, step) = (self.seed_words(), [self.compiled("train")?.draws()]);
        let mut inputs = Given::new(&batch);
        inputs.push(TensorRef::I32(&seed));
        inputs.push(TensorRef::I32(&step));
        session.run_frozen(inputs.as_slice(), &self.weights.store)?;

        let mut pulse = Pulse { rows: batch.rows, ..Pulse::default() };
        for (output, name) in rectified.iter().enumerate() {
            let largest = session.output(output).f32().unwrap_or(&[]);
            let dead = largest.iter().filter(|v| **v <= 0.0).count();
            pulse.units.push((name.clone(), dead, largest.len()));
        }
        for (at, w) in self.weights.list.iter().filter(|w| w.spec.trainable && w.name.ends_with("kernel")).enumerate() {
            let squares = session.output(rectified.len() + at).f32().and_then(|v| v.first()).map_or(0.0, |v| f64::from(*v));
            match pulse.gradients.last_mut().filter(|(layer, _)| *layer == w.layer) {
                Some((_, norm)) => *norm = norm.hypot(squares.sqrt()),
                None => pulse.gradients.push((w.layer.clone(), squares.sqrt())),
            }
        }
        Ok(pulse)
    }
}
