//! A recurrent layer of any cell.

use super::{
    options::{Recurrent, RnnOptions, RnnResult, options_builder, recurrent_methods},
    simple::SimpleRNNCell,
    stacked::StackedRNNCells,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        wrapped::Wrapped,
    },
};
use adaline_graph::Var;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Repeats a cell along a sequence: `(B, T, ..) -> (B, ..)`, or `(B, T, ..)` with `return_sequences`. The cell is one of [`SimpleRNNCell`],
/// [`LSTMCell`](super::LSTMCell), [`GRUCell`](super::GRUCell), or several of them as [`StackedRNNCells`].
///
/// Weights: those of the cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RNN {
    common: LayerCommon,
    options: RnnOptions,
    #[serde(deserialize_with = "one_or_many")]
    cell: Wrapped,
}

/// A list of cells is a stack of them, as in Keras.
fn one_or_many<'de, D: Deserializer<'de>>(d: D) -> Result<Wrapped, D::Error> {
    let value = Value::deserialize(d)?;
    let read = |value: Value| Wrapped::try_from(value).map_err(serde::de::Error::custom);
    match value {
        Value::Array(cells) => {
            let cells: Result<Vec<Box<dyn Layer>>, D::Error> = cells.into_iter().map(|c| read(c).map(|w| w.0)).collect();
            Ok(Wrapped(StackedRNNCells::new(cells?).into()))
        }
        one => read(one),
    }
}

impl Default for RNN {
    fn default() -> Self {
        Self::new(SimpleRNNCell::new(1))
    }
}

layer_builder!(RNN, "RNN", ["cell"]);

impl RNN {
    options_builder!();

    /// Repeats a cell, with Keras' defaults.
    pub fn new(cell: impl Into<Box<dyn Layer>>) -> Self {
        Self { common: LayerCommon::default(), options: RnnOptions::default(), cell: Wrapped(cell.into()) }
    }
    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Wrapped> {
        std::iter::once(&mut self.cell)
    }
}

impl KerasObject for RNN {
    layer_identity!("RNN");
    fn validate(&self) -> Result<(), ConfigError> {
        cells_valid("RNN", "cell", [&self.cell])
    }
}

/// Whether layers are cells, and sound in themselves.
pub(super) fn cells_valid<'a>(class: &str, key: &str, cells: impl IntoIterator<Item = &'a Wrapped>) -> Result<(), ConfigError> {
    cells.into_iter().try_for_each(|cell| {
        let is_cell = cell.0.as_cell().is_some();
        check(is_cell, class, key, "a cell: SimpleRNNCell, LSTMCell, GRUCell or StackedRNNCells", cell.0.class_name())?;
        let penalty = cell.0.activity_regularizer().is_none();
        check(penalty, class, key, "a cell without an `activity_regularizer`; give it to the layer around it", cell.0.class_name())?;
        cell.validate(class, key)
    })
}

impl Layer for RNN {
    layer_methods!(nested);
    recurrent_methods!();
    fn calls(&self) -> usize {
        self.cell.0.calls().saturating_add(1)
    }
}

impl Recurrent for RNN {
    fn options(&self) -> &RnnOptions {
        &self.options
    }
    fn options_mut(&mut self) -> &mut RnnOptions {
        &mut self.options
    }
    fn state_count(&self) -> usize {
        self.cell.0.as_cell().map_or(0, |cell| cell.states(&[1]).len())
    }
    fn call_with_states<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>, initial: Option<&[Var<'g>]>) -> RnnResult<'g> {
        let layer = self.cell.0.as_ref();
        let Some(cell) = layer.as_cell() else {
            let error = cx.builder().error(format!("RNN needs a cell, got {}", layer.class_name()));
            return RnnResult { output: error, states: Vec::new() };
        };
        self.options.run(cx, "RNN", cell, x, initial, |cx, pass, xs, initial| {
            cx.within("cell", layer, |cx| {
                let initial: Vec<Var<'g>> = initial.iter().map(|&s| cx.compute(s)).collect();
                let xs = cx.compute(xs);
                cell.run(cx, pass, xs, &initial)
            })
        })
    }
}
