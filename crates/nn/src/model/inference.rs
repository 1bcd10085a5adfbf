//! The graph of a prediction, for those who translate networks into other formats.

use super::Model;
use super::forward::Forward;
use super::step::update;
use crate::error::{Error, Result};
use crate::network::shapes::trace_graph;
use adaline_graph::{Graph, SlotId};

impl Model {
    /// The graph of a prediction of `rows` rows, those of each input of the given shape. Its inputs are the network's (their names are
    /// [`Model::input_names`]), then `seed` and `step`; its outputs are named by [`Model::output_names`]; its slots by layer and weight
    /// (`dense/kernel`), their values are [`Model::state_values`]. Updates are what stateful layers remember. Nothing is compiled.
    ///
    /// # Errors
    /// [`Error::NotBuilt`]; [`Error::InputShape`] for rows that the network does not take; [`Error::Option`] for another number of rows than stateful
    /// layers keep states of; [`Error::Unfit`] where a layer does not take such sizes.
    pub fn inference_graph(&self, rows: usize, shapes: &[Vec<usize>]) -> Result<Graph> {
        let Some(inputs) = &self.net.inputs else { return Err(Error::NotBuilt { model: self.name.clone(), action: "be traced" }) };
        if shapes.len() != inputs.len() {
            return Err(self.wrong(format!("it has {} inputs, got shapes of {}", inputs.len(), shapes.len())));
        }
        for (at, row) in shapes.iter().enumerate() {
            self.check_input("the given shape", at, row)?;
        }
        let fixed = self.rows_to_trace(inputs, rows)?;
        if fixed != rows {
            return Err(Error::option("rows", rows, format!("{fixed}, of which stateful layers keep the states")));
        }
        let write = |pass: &Forward<'_>| {
            for (name, v) in self.output_names.iter().zip(pass.outputs()) {
                v.builder().output(name, v);
            }
            if let Some(v) = pass.outputs().next() {
                update(v.builder(), pass);
            }
        };
        trace_graph(&self.net, &self.name, inputs, rows, shapes, &mut self.weights.declarations(), write).map(|(graph, ())| graph)
    }

    /// The number of rows that every batch has, where stateful layers keep states from one to the next; nothing where any number is right.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn fixed_rows(&self) -> Result<Option<usize>> {
        let Some(inputs) = &self.net.inputs else { return Err(Error::NotBuilt { model: self.name.clone(), action: "be traced" }) };
        // Any other number comes back as it was given.
        let rows = self.rows_to_trace(inputs, usize::MAX)?;
        Ok((rows != usize::MAX).then_some(rows))
    }

    /// Values of a slot that [`Model::inference_graph`] reads.
    ///
    /// # Panics
    /// For a slot of another model.
    pub fn state_values(&self, slot: SlotId) -> &[f32] {
        self.weights.store.f32(slot)
    }
}
