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
    /// What the layer calls its own.
    pub(super) fn others(&self) -> &Map<String, Value> {
        &self.others
    }
    /// How many of the tensors of a call are masks, the last of them.
    pub(super) fn mask_count(&self) -> usize {
        self.masks.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    /// How many results a call of a layer with them has.
    ///
    /// # Errors
    /// [`ConfigError`] for arguments that the layer does not have.
    pub fn results(&self, layer: &dyn Layer) -> Result<usize, ConfigError> {
        Ok(self.told(layer)?.as_deref().unwrap_or(layer).results())
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
        self.masks.iter().try_for_each(|mask| match mask {
            Mask::Input(of) => {
                let expected = format!("of one of the {inputs} inputs");
                check(*of < inputs, &class, "mask", &expected, format!("that of input {}", of + 1))
            }
            Mask::Attention => check(layer.takes_attention_mask(), &class, "attention_mask", "left out: it takes none", "given"),
        })
    }
    /// Writes a layer into the graph, called with them within the call of another. `given` are its inputs and after them the masks.
    pub fn apply<'g>(&self, cx: &mut Trace<'g, '_>, name: &str, layer: &dyn Layer, given: &[Masked<'g>]) -> Vec<Masked<'g>> {
        self.write(cx, Some(name), layer, given, self.training)
    }
    /// As [`CallSettings::apply`], in the place of the layer that is being written: see [`Trace::apply_here`].
    pub fn apply_here<'g>(&self, cx: &mut Trace<'g, '_>, layer: &dyn Layer, given: &[Masked<'g>]) -> Vec<Masked<'g>> {
        self.write(cx, None, layer, given, self.training)
    }
    /// The same within a network, whose mode is that of its layers.
    pub(super) fn apply_in_network<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        name: &str,
        layer: &dyn Layer,
        given: &[Masked<'g>],
    ) -> Vec<Masked<'g>> {
        self.write(cx, Some(name), layer, given, None)
    }
    fn write<'g>(
        &self,
        cx: &mut Trace<'g, '_>,
        name: Option<&str>,
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
        cx.called_with(training, attention, |cx| match name {
            Some(name) => cx.apply(name, layer, &inputs),
            None => cx.apply_here(layer, &inputs),
        })
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
                    for (of, tensor) in inputs {
                        all[of] = tensor;
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Dense, Input, LSTM, MultiHeadAttention, TimeDistributed};
    use crate::model::LoadOptions;
    use crate::{Apply, Functional, Model, Seed};
    use adaline_data::Tensor;
    use adaline_graph::reference::Reference;
    use serde_json::json;
    use std::sync::Arc;

    fn rows(shape: &[usize]) -> Tensor {
        let count: usize = shape.iter().product();
        Tensor::f32(shape.to_vec(), (0..count).map(|i| (i * 7 % 11) as f32 / 5.0 - 1.0).collect()).unwrap()
    }

    #[test]
    fn masks_are_inputs_of_a_network_and_in_its_file() {
        let (x, counts) = (Input::new([3, 2]).tensor(), Input::new([3]).dtype("bool").tensor());
        let lstm = LSTM::new(2).shared();
        let masked = lstm.apply_with([&x, &counts], CallSettings::new().mask(0)).unwrap();
        let whole = lstm.apply(&x);
        let attention = MultiHeadAttention::new(1, 2).shared();
        let seen = attention.apply_with([&x, &x], CallSettings::new().other("return_attention_scores", true)).unwrap();
        assert_eq!(seen.len(), 2);
        let outputs = [&masked[0], &whole, &seen[1], &attention.apply([&x, &x])];
        let mut model = Functional::new([&x, &counts], outputs).unwrap().build_on(Arc::new(Reference::default()), Seed(1)).unwrap();
        let x = rows(&[2, 3, 2]);
        let counts = Tensor::f32([2, 3], vec![1.0, 1.0, 0.0, 1.0, 1.0, 1.0]).unwrap();
        let results = model.predict_all([&x, &counts], 2).unwrap();
        let (masked, whole) = (results[0].as_f32().unwrap(), results[1].as_f32().unwrap());
        assert_ne!(masked[..2], whole[..2]);
        assert_eq!(masked[2..], whole[2..]);
        assert_eq!((results[2].shape(), results[3].shape()), (&[2, 1, 3, 3][..], &[2, 3, 2][..]));

        let bytes = model.to_bytes().unwrap();
        let mut again = Model::from_bytes(Arc::new(Reference::default()), &bytes, LoadOptions::default()).unwrap();
        assert_eq!(again.predict_all([&x, &counts], 2).unwrap(), results);
        assert_eq!(again.to_bytes().unwrap(), bytes);
        let config = model.to_config().unwrap();
        let layers = config["config"]["layers"].as_array().unwrap();
        let lstm = layers.iter().find(|l| l["class_name"] == "LSTM").unwrap();
        assert_eq!(lstm["inbound_nodes"][0]["kwargs"]["mask"]["config"]["dtype"], json!("bool"));
        assert_eq!(lstm["inbound_nodes"][1]["kwargs"].get("mask"), None);
    }

    #[test]
    fn settings_that_a_layer_does_not_have_are_told() {
        let x = Input::new([3, 2]).tensor();
        let text = |layer: Box<dyn Layer>, settings: CallSettings| layer.shared().apply_with([&x, &x], settings).unwrap_err().to_string();
        assert!(
            text(Dense::new(1).into(), CallSettings::new().attention_mask()).contains("`attention_mask` is given, but must be left out")
        );
        assert!(
            text(LSTM::new(1).into(), CallSettings::new().mask(4))
                .contains("`mask` is that of input 5, but must be of one of the 1 inputs")
        );
        let causal = CallSettings::new().other("use_causal_masks", true);
        assert!(text(MultiHeadAttention::new(1, 1).into(), causal).contains("did you mean `use_causal_mask`?"));
        assert!(text(Dense::new(1).into(), CallSettings::new().mask(0).mask(0)).contains("must be given beside the inputs"));
        let short = Input::new([2]).tensor();
        let steps = TimeDistributed::new(Dense::new(1)).shared().apply_with([&x, &short], CallSettings::new().mask(0)).unwrap();
        assert!(steps[0].shape().unwrap_err().to_string().contains("TimeDistributed takes a mask with an entry for each step"));
    }
}
