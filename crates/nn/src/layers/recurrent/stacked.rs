//! Cells on top of each other.

use super::{
    gates::not_a_layer,
    pass::{Outputs, Pass, Passed, RnnCell},
    rnn::cells_valid,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        wrapped::Wrapped,
    },
};
use adaline_formats::PathNamer;
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// Cells of which each sees the output of the one below, as one cell for [`RNN`](super::RNN). Its states are those of all cells in order,
/// its output is the last cell's.
///
/// Keras takes all cells through a step together. Since no cell sees those above it, each here goes along the whole sequence before the
/// next one begins: the same numbers, and the product of a cell's input with its matrix can be one for all steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StackedRNNCells {
    common: LayerCommon,
    cells: Vec<Wrapped>,
}

layer_builder!(StackedRNNCells, "StackedRNNCells", ["cells"]);

impl StackedRNNCells {
    /// The given cells, that next to the input first.
    pub fn new(cells: impl IntoIterator<Item = Box<dyn Layer>>) -> Self {
        Self { common: LayerCommon::default(), cells: cells.into_iter().map(Wrapped).collect() }
    }
    /// Puts a cell on top.
    #[expect(clippy::should_implement_trait, reason = "as `Sequential::add`: it adds a cell, not a number")]
    pub fn add(mut self, cell: impl Into<Box<dyn Layer>>) -> Self {
        self.cells.push(Wrapped(cell.into()));
        self
    }
    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Wrapped> {
        self.cells.iter_mut()
    }
    fn cells(&self) -> impl Iterator<Item = (&dyn Layer, &dyn RnnCell)> {
        self.cells.iter().filter_map(|w| Some((w.0.as_ref(), w.0.as_cell()?)))
    }
}

impl KerasObject for StackedRNNCells {
    layer_identity!("StackedRNNCells");
    fn validate(&self) -> Result<(), ConfigError> {
        check(!self.cells.is_empty(), "StackedRNNCells", "cells", "a list of at least one cell", "[]")?;
        cells_valid("StackedRNNCells", "cells", &self.cells)
    }
}

impl Layer for StackedRNNCells {
    layer_methods!(nested);
    fn calls(&self) -> usize {
        self.cells.iter().map(|c| c.0.calls()).fold(1, usize::saturating_add)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, _: &[Var<'g>]) -> Var<'g> {
        not_a_layer(cx, "StackedRNNCells")
    }
    fn as_cell(&self) -> Option<&dyn RnnCell> {
        Some(self)
    }
}

impl RnnCell for StackedRNNCells {
    fn states(&self, row: &[usize]) -> Vec<Vec<usize>> {
        let mut row = row.to_vec();
        let mut all = Vec::new();
        for (_, cell) in self.cells() {
            let states = cell.states(&row);
            row = cell.output_row(&row);
            all.extend(states);
        }
        all
    }
    fn output(&self) -> usize {
        let below = self.cells.len().saturating_sub(1);
        let states: usize = self.cells().take(below).map(|(_, c)| c.states(&[1]).len()).sum();
        states + self.cells().last().map_or(0, |(_, c)| c.output())
    }
    fn output_is_state(&self) -> bool {
        self.cells().last().is_none_or(|(_, cell)| cell.output_is_state())
    }
    fn output_row(&self, row: &[usize]) -> Vec<usize> {
        self.cells().fold(row.to_vec(), |row, (_, cell)| cell.output_row(&row))
    }
    fn initial<'g>(&self, cx: &Trace<'g, '_>, batch: usize) -> Option<Vec<Var<'g>>> {
        // Their own where each of them has some; which states are zeros is not known here else.
        let each: Option<Vec<Vec<Var<'g>>>> = self.cells().map(|(_, cell)| cell.initial(cx, batch)).collect();
        each.map(|states| states.into_iter().flatten().collect())
    }
    fn run<'g>(&self, cx: &mut Trace<'g, '_>, pass: &Pass<'g>, xs: Var<'g>, initial: &[Var<'g>]) -> Passed<'g> {
        let (mut xs, mut namer) = (xs, PathNamer::new("cells"));
        let (mut row, mut rest, mut states) = (xs.shape().dims()[2..].to_vec(), initial, Vec::new());
        let mut outputs = None;
        for (at, (layer, cell)) in self.cells().enumerate() {
            let shapes = cell.states(&row);
            row = cell.output_row(&row);
            let (own, behind) = rest.split_at(shapes.len().min(rest.len()));
            rest = behind;
            let last = at + 1 == self.cells.len();
            // What a cell makes of a masked step nobody sees: those above it keep their states, too.
            let pass = if last { *pass } else { Pass { outputs: Outputs::Held, ..*pass } };
            let passed = cx.within(&namer.path(layer.class_name()), layer, |cx| {
                let own: Vec<Var<'g>> = own.iter().map(|&s| cx.compute(s)).collect();
                let xs = cx.compute(xs);
                cell.run(cx, &pass, xs, &own)
            });
            if cx.builder().failed() {
                break;
            }
            states.extend(passed.states);
            outputs = passed.outputs;
            xs = outputs.unwrap_or(xs);
        }
        Passed { outputs, states }
    }
}
