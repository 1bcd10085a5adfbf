//! What a call of a layer is told besides the tensors that the layer takes.

use crate::{
    Layer, Masked, Trace,
    keras::{ConfigError, check},
    layers::Arguments,
};
use adaline_graph::DType;
use serde_json::{Map, Value};

/// What a tensor of a call is that the layer does not take as input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mask {
    /// Which steps of the input of this number count, in place of what comes with it.
    Input(usize),
    /// Which steps of the value each step of the query sees.
    Attention,
}

/// Arguments of a call that are no input, as Keras' `layer(x, mask=m, training=False)`: masks, which come after the layer's inputs, whether it acts as
/// in training, and what the layer calls its own (`use_causal_mask`).
///
/// ```
/// use adaline_nn::{Apply, CallSettings, Functional, layers::{Input, LSTM}};
/// let (x, counts) = (Input::new([5, 3]).tensor(), Input::new([5]).tensor());
/// let states = LSTM::new(4).shared().apply_with([&x, &counts], CallSettings::new().mask(0)).unwrap();
/// assert!(Functional::new([&x, &counts], &states[0]).is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallSettings {
    masks: Vec<Mask>,
    training: Option<bool>,
    others: Map<String, Value>,
}

impl CallSettings {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }
    /// The next tensor after the layer's inputs is the mask of the input of this number: which of its steps count.
    pub fn mask(mut self, input: usize) -> Self {
        self.masks.push(Mask::Input(input));
        self
    }
    /// The next tensor after the layer's inputs tells which steps of the value each step of the query sees, `(B, T, S)` or with heads `(B, N, T, S)`.
    pub fn attention_mask(mut self) -> Self {
        self.masks.push(Mask::Attention);
        self
    }
    /// Whether the layer acts as in training. A layer that calls another within its own call decides so; within a network the network does, for all of its
    /// layers, as in Keras, and this is only kept for files.
    pub fn training(mut self, training: bool) -> Self {
        self.training = Some(training);
        self
    }
    /// An argument by which the layer's call is known to Keras.
    pub fn other(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.others.insert(key.into(), value.into());
        self
    }
    /// How many of the tensors of a call are masks, the last of them.
    pub(super) fn mask_count(&self) -> usize {
        self.masks.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    /// A layer that knows its own arguments; none where it is the given one.
    pub(super) fn told(&self, layer: &dyn Layer) -> Result<Option<Box<dyn Layer>>, ConfigError> {
        if self.others.is_empty() {
            return Ok(None);
        }
        let mut told = layer.boxed();
        self.others.iter().try_for_each(|(key, value)| told.set_call_argument(key, value))?;
        Ok(Some(told))
    }
    /// Whether a call on so many tensors has them all, and the layer heeds them.
    pub(super) fn check(&self, layer: &dyn Layer, tensors: usize) -> Result<(), ConfigError> {
        let class = format!("the call of {}", layer.class_name());
        let inputs = tensors.checked_sub(self.masks.len()).filter(|&n| n > 0);
        let inputs =
            inputs.ok_or_else(|| ConfigError::value(&class, "mask", "given beside the inputs", format!("one of {tensors} tensors")))?;
        for mask in &self.masks {
            match mask {
                Mask::Input(of) => {
                    check(*of < inputs, &class, "mask", &format!("of one of the {inputs} inputs"), format!("that of input {}", of + 1))?
                }
                Mask::Attention => check(layer.takes_attention_mask(), &class, "attention_mask", "left out: it takes none", "given")?,
            }
        }
        Ok(())
    }
    /// Writes a layer into the graph, called with them within the call of another. `given` are its inputs and after them the masks.
    pub fn apply<'g>(&self, cx: &mut Trace<'g, '_>, name: &str, layer: &dyn Layer, given: &[Masked<'g>]) -> Vec<Masked<'g>> {
        self.write(cx, name, layer, given, self.training)
    }
    /// The same within a network, whose mode is that of its layers.
    pub(super) fn apply_in_network<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        name: &str,
        layer: &dyn Layer,
        given: &[Masked<'g>],
    ) -> Vec<Masked<'g>> {
        self.write(cx, name, layer, given, None)
    }
    fn write<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        name: &str,
        layer: &dyn Layer,
        given: &[Masked<'g>],
        training: Option<bool>,
    ) -> Vec<Masked<'g>> {
        let told = self.check(layer, given.len()).and_then(|()| self.told(layer));
        let told = match told {
            Ok(told) => told,
            Err(error) => return vec![cx.builder().error(error.to_string()).into(); layer.results()],
        };
        let layer = told.as_deref().unwrap_or(layer);
        let (inputs, masks) = given.split_at(given.len() - self.masks.len());
        let mut inputs = inputs.to_vec();
        let mut attention = None;
        for (&of, mask) in self.masks.iter().zip(masks) {
            let mask = Some(mask.value.cast(DType::Bool));
            match of {
                Mask::Input(of) => inputs[of].mask = mask,
                Mask::Attention => attention = mask,
            }
        }
        cx.called_with(training, attention, |cx| cx.apply(name, layer, &inputs))
    }
    /// Keras' arguments of the call: those of the layer, and the masks, of which `tensors` are the values as it writes them.
    pub(super) fn written(&self, layer: &dyn Layer, tensors: Vec<Value>) -> Map<String, Value> {
        let mut kwargs = self.others.clone();
        kwargs.retain(|key, _| !key.starts_with("__"));
        let (mut inputs, mut attention) = (Vec::new(), None);
        for (&of, tensor) in self.masks.iter().zip(tensors) {
            match of {
                Mask::Input(of) => inputs.push((of, tensor)),
                Mask::Attention => attention = Some(tensor),
            }
        }
        kwargs.extend(attention.map(|tensor| ("attention_mask".to_owned(), tensor)));
        match layer.arguments() {
            Arguments::Named(needed, rest) => {
                let names: Vec<&str> = needed.iter().chain(rest).copied().collect();
                kwargs.extend(inputs.into_iter().filter_map(|(of, tensor)| Some((format!("{}_mask", names.get(of)?), tensor))));
            }
            _ => match &inputs[..] {
                [] => {}
                [(0, one)] => {
                    kwargs.insert("mask".into(), one.clone());
                }
                _ => {
                    let last = inputs.iter().map(|i| i.0).max().unwrap_or(0);
                    let mut all = vec![Value::Null; last + 1];
                    inputs.into_iter().for_each(|(of, tensor)| all[of] = tensor);
                    kwargs.insert("mask".into(), all.into());
                }
            },
        }
        if let Some(training) = self.training {
            kwargs.insert("training".into(), training.into());
        }
        kwargs
    }
}
