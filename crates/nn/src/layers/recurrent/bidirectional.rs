//! A sequence from both ends.

use super::{
    lstm::LSTM,
    options::{self, Recurrent, RnnResult},
};
use crate::{
    Layer, Masked, Trace,
    keras::{ConfigError, KerasObject, check, read_config},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        wrapped::{self, Wrapped},
    },
};
use adaline_formats::snake_case;
use adaline_graph::{Var, concat};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the outputs of both directions become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMode {
    /// One after the other, along the last axis.
    Concat,
    /// Their sum.
    Sum,
    /// Their product.
    Mul,
    /// Their mean.
    Ave,
}

/// Two copies of a recurrent layer, one along the sequence and one from its end: `(B, T, F) -> (B, 2 · units)` with [`MergeMode::Concat`],
/// else `(B, units)`; with the layer's `return_sequences`, `(B, T, ..)`, where both outputs of a step belong together.
///
/// Weights: those of both layers. As in Keras, outputs of masked steps are zero with `return_sequences`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Arguments")]
pub struct Bidirectional {
    common: LayerCommon,
    merge_mode: Option<MergeMode>,
    layer: Wrapped,
    backward_layer: Wrapped,
}

/// As they are read: without a layer for the way back, the other one turned around.
#[derive(Deserialize)]
struct Arguments {
    common: LayerCommon,
    merge_mode: Option<MergeMode>,
    layer: Wrapped,
    backward_layer: Option<Wrapped>,
}

impl From<Arguments> for Bidirectional {
    fn from(a: Arguments) -> Self {
        let Arguments { common, merge_mode, layer, backward_layer } = a;
        let mut backward = backward_layer.unwrap_or_else(|| {
            let mut turned = layer.clone();
            turned.0.set_name(prefixed("backward_", layer.0.as_ref()));
            if let Some(layer) = turned.0.as_recurrent_mut() {
                layer.options_mut().go_backwards = true;
            }
            turned
        });
        let mut forward = layer;
        forward.0.set_name(prefixed("forward_", forward.0.as_ref()));
        for layer in [&mut forward, &mut backward] {
            if let Some(layer) = layer.0.as_recurrent_mut() {
                layer.options_mut().zero_output_for_mask = layer.options().return_sequences;
            }
        }
        Self { common, merge_mode, layer: forward, backward_layer: backward }
    }
}

/// The layer's name with the prefix, once.
fn prefixed(prefix: &str, layer: &dyn Layer) -> String {
    let name = layer.name().map_or_else(|| snake_case(layer.class_name()), str::to_owned);
    format!("{prefix}{}", name.strip_prefix(prefix).unwrap_or(&name))
}

/// Results of both directions.
#[derive(Clone)]
pub struct BidirectionalResult<'g> {
    /// Both outputs as one; none without a `merge_mode`.
    pub output: Option<Var<'g>>,
    /// Of the way along the sequence.
    pub forward: RnnResult<'g>,
    /// Of the way back; outputs of all steps at their places.
    pub backward: RnnResult<'g>,
}

impl Default for Bidirectional {
    fn default() -> Self {
        Self::new(LSTM::new(1))
    }
}

layer_builder!(@ Bidirectional);

impl Bidirectional {
    /// Goes along the sequence and back with copies of a recurrent layer, whose outputs are put side by side.
    pub fn new(layer: impl Into<Box<dyn Layer>>) -> Self {
        let (common, layer) = (LayerCommon::default(), Wrapped(layer.into()));
        Arguments { common, merge_mode: Some(MergeMode::Concat), layer, backward_layer: None }.into()
    }
    /// How the outputs become one; none leaves them apart, for [`Bidirectional::call_with_states`].
    pub fn merge_mode(mut self, merge_mode: impl Into<Option<MergeMode>>) -> Self {
        self.merge_mode = merge_mode.into();
        self
    }
    /// A layer of its own for the way back, with `go_backwards`.
    pub fn backward_layer(self, layer: impl Into<Box<dyn Layer>>) -> Self {
        let Self { common, merge_mode, layer: forward, .. } = self;
        Arguments { common, merge_mode, layer: forward, backward_layer: Some(Wrapped(layer.into())) }.into()
    }
    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let mut config = config.clone();
        if let Value::Object(map) = &mut config {
            // Not given, it is `layer` turned around, whatever the default is.
            map.entry("backward_layer").or_insert(Value::Null);
        }
        let read: Self = read_config("Bidirectional", &["layer"], &config)?;
        read.validate()?;
        Ok(read)
    }
    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Wrapped> {
        [&mut self.layer, &mut self.backward_layer].into_iter()
    }
    fn returns_states(&self) -> bool {
        self.layer.0.as_recurrent().is_some_and(|layer| layer.options().return_state)
    }
    fn both(&self) -> Option<(&dyn Recurrent, &dyn Recurrent)> {
        self.layer.0.as_recurrent().zip(self.backward_layer.0.as_recurrent())
    }
    /// Outputs and last states of both directions for `x (B, T, ..)`. Of the first states, if any are given, the first half is of the way along the sequence.
    pub fn call_with_states<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>, initial: Option<&[Var<'g>]>) -> BidirectionalResult<'g> {
        let Some((forward, backward)) = self.both() else {
            let error = RnnResult { output: cx.builder().error("Bidirectional needs recurrent layers"), states: Vec::new() };
            return BidirectionalResult { output: None, forward: error.clone(), backward: error };
        };
        let halves = initial.map(|s| s.split_at(s.len() / 2));
        let forward = cx.within("forward_layer", self.layer.0.as_ref(), |cx| forward.call_with_states(cx, x, halves.map(|h| h.0)));
        let sequences = backward.options().return_sequences;
        let mut backward =
            cx.within("backward_layer", self.backward_layer.0.as_ref(), |cx| backward.call_with_states(cx, x, halves.map(|h| h.1)));
        let (y, mut back) = (cx.compute(forward.output), cx.compute(backward.output));
        if sequences {
            back = back.reverse(&[1]);
        }
        backward.output = back;
        // Neither is called as a layer of its own.
        for (layer, results) in [(&self.layer, &forward), (&self.backward_layer, &backward)] {
            let states = results.states.iter().copied().filter(|_| self.returns_states());
            cx.penalize_results(layer.0.as_ref(), std::iter::once(results.output).chain(states));
        }
        let output = self.merge_mode.map(|mode| match mode {
            MergeMode::Concat => concat(cx.builder(), &[y, back], -1),
            MergeMode::Sum => y + back,
            MergeMode::Mul => y * back,
            MergeMode::Ave => (y + back) / 2.0,
        });
        BidirectionalResult { output, forward, backward }
    }
}

impl KerasObject for Bidirectional {
    layer_identity!("Bidirectional");
    fn writable(&self) -> Result<(), ConfigError> {
        self.layer.0.writable()?;
        self.backward_layer.0.writable()
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "Bidirectional";
        for (key, layer) in [("layer", &self.layer), ("backward_layer", &self.backward_layer)] {
            check(layer.0.as_recurrent().is_some(), class, key, "a recurrent layer, such as LSTM", layer.0.class_name())?;
            layer.validate(class, key)?;
        }
        let Some((forward, backward)) = self.both() else { return Ok(()) };
        let (f, b) = (forward.options(), backward.options());
        check(
            f.go_backwards != b.go_backwards,
            class,
            "backward_layer",
            "one whose `go_backwards` is not that of `layer`",
            b.go_backwards,
        )?;
        for (key, same, got) in [
            ("stateful", f.stateful == b.stateful, b.stateful),
            ("return_sequences", f.return_sequences == b.return_sequences, b.return_sequences),
            ("return_state", f.return_state == b.return_state, b.return_state),
        ] {
            check(same, class, "backward_layer", &format!("one with the `{key}` of `layer`"), got)?;
        }
        Ok(())
    }
}

impl Layer for Bidirectional {
    layer_methods!(nested);
    fn calls(&self) -> usize {
        [&self.layer, &self.backward_layer].map(|l| l.0.calls()).into_iter().fold(1, usize::saturating_add)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        options::output(&self.call_all(cx, inputs), cx)
    }
    /// The output, or without `merge_mode` those of both directions, and with `return_state` the states along the sequence and those of the way
    /// back. Of inputs after the first, first states, the first half is of the way along.
    fn call_all<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
        let Some((&x, initial)) = inputs.split_first() else {
            return vec![cx.builder().error("Bidirectional takes a sequence, and after it first states, got nothing").into()];
        };
        let sequences = self.layer.0.as_recurrent().is_some_and(|layer| layer.options().return_sequences);
        let mask = cx.mask().filter(|_| sequences);
        let BidirectionalResult { output, forward, backward } = self.call_with_states(cx, x, (!initial.is_empty()).then_some(initial));
        let outputs = output.map_or_else(|| vec![forward.output, backward.output], |y| vec![y]);
        let states = forward.states.into_iter().chain(backward.states).filter(|_| self.returns_states());
        outputs.into_iter().map(|value| Masked { value, mask }).chain(states.map(Masked::from)).collect()
    }
    fn results(&self) -> usize {
        let outputs = if self.merge_mode.is_none() { 2 } else { 1 };
        let states = self.both().filter(|_| self.returns_states()).map_or(0, |(f, b)| f.state_count() + b.state_count());
        outputs + states
    }
    fn arguments(&self) -> crate::layers::Arguments {
        crate::layers::Arguments::WithStates
    }
    fn file_path(&self, inner: &str) -> String {
        wrapped::file_path(&[("forward_layer", &self.layer), ("backward_layer", &self.backward_layer)], inner)
    }
    fn supports_masking(&self) -> bool {
        true
    }
    fn stateful(&self) -> bool {
        self.layer.0.stateful()
    }
}
