//! Shapes without numbers: a network traced for what its shapes tell, and the results of a layer on tensors that do not exist yet.

use super::chain::{Calls, open_sizes, unfit};
use super::input::{INPUT_LAYER, InputSpec, batch_of};
use super::{Call, CallSettings, Kind, Named, Network};
use crate::Layer;
use crate::error::{Error, Result};
use crate::model::forward::{Forward, Randomness, forward_recorded};
use crate::trace::Weights;
use adaline_formats::snake_case;
use adaline_graph::{Builder, DType, Graph, Shape, TensorType, Var};

/// Size taken for open dimensions where one is needed only to make weights.
pub(crate) const OPEN: usize = 8;
/// Rows to make weights with.
pub(crate) const ROWS: usize = 2;

/// Shape and element type of a tensor that does not exist yet: the batch first, `None` where a size is open. A whole number is `I32`, every
/// floating-point type `F32`.
pub type OpenShape = (Vec<Option<usize>>, DType);

/// What a layer called on such tensors gives: shapes and types of all its results, an `LSTM` with `return_state` several. As Keras finds open
/// sizes: traced at two sizes, and what differs is open. No weight gets a value, so that large layers cost nothing.
///
/// ```
/// use adaline_graph::DType;
/// use adaline_nn::layers::{Conv2D, output_shapes};
/// let picture = (vec![None, Some(28), None, Some(1)], DType::F32);
/// let results = output_shapes(&Conv2D::new(8, [3, 3]), &[picture]).unwrap();
/// assert_eq!(results, [(vec![None, Some(26), None, Some(8)], DType::F32)]);
/// ```
///
/// # Errors
/// [`Error::Layer`] for arguments that are not sound; [`Error::Unfit`] when the layer does not fit the tensors; [`Error::Network`] for a tensor
/// without a batch axis.
pub fn output_shapes(layer: &dyn Layer, inputs: &[OpenShape]) -> Result<Vec<OpenShape>> {
    output_shapes_with(layer, inputs, &CallSettings::new())
}

/// As [`output_shapes`], of a call with settings, whose masks are the last of the tensors.
///
/// # Errors
/// As [`output_shapes`]; [`Error::Layer`] for settings that the layer does not have.
pub fn output_shapes_with(layer: &dyn Layer, inputs: &[OpenShape], settings: &CallSettings) -> Result<Vec<OpenShape>> {
    let name = layer.name().map_or_else(|| snake_case(layer.python_class()), str::to_owned);
    layer.validate().map_err(|e| Error::layer(&name, e))?;
    if layer.class_name() == INPUT_LAYER {
        let spec = InputSpec::from_layer(layer).map_err(|p| p.of_model(&name))?;
        return Ok(vec![([spec.batch].into_iter().chain(spec.row).collect(), spec.dtype)]);
    }
    let mut specs = Vec::with_capacity(inputs.len());
    for (at, (shape, dtype)) in inputs.iter().enumerate() {
        let Some((&batch, row)) = shape.split_first() else {
            let message = format!("input {} of layer `{name}` has no axis: the first is that of the batch", at + 1);
            return Err(Error::Network { model: name, message });
        };
        let given = if at == 0 { "input".into() } else { format!("input_{at}") };
        specs.push(InputSpec { name: given, batch, row: row.to_vec(), dtype: *dtype, truth: false });
    }
    // A batch of a known size is that of all tensors.
    let batch = specs.iter().find_map(|spec| spec.batch);
    let results = settings.check(layer, inputs.len().max(1)).and_then(|()| settings.results(layer)).map_err(|e| Error::layer(&name, e))?;
    let net = Network::of_layer(name, layer, specs, settings, results);
    let inputs = net.inputs.as_deref().unwrap_or(&[]);
    let (a, b) = at_two_sizes(|rows, size| {
        let samples: Vec<Vec<usize>> = inputs.iter().map(|i| i.sample(size)).collect();
        let mut weights = Weights::hollow(Weights::new(0).limit);
        trace(&net, "layer", inputs, batch.unwrap_or(rows), &samples, &mut weights, |pass| {
            pass.outputs().map(Var::ty).collect::<Vec<TensorType>>()
        })
    })?;
    Ok(a.iter().zip(&b).map(|(a, b)| (open_sizes(&a.shape, &b.shape), a.dtype)).collect())
}

impl Network {
    /// A layer on its own, called on as many inputs.
    fn of_layer(name: String, layer: &dyn Layer, inputs: Vec<InputSpec>, settings: &CallSettings, results: usize) -> Self {
        let first = inputs.len();
        Self {
            kind: Kind::Functional,
            name: None,
            trainable: true,
            dtype: None,
            inputs: Some(inputs),
            layers: vec![Named { name, layer: layer.boxed() }],
            calls: vec![Call { layer: 0, number: 0, inputs: (0..first).collect(), first, results, settings: settings.clone() }],
            outputs: (first..first + results).collect(),
        }
    }
}

/// The same trace at two sizes of all that is open, (rows, other sizes): what differs between them is open. Prime numbers, so that equal sizes are
/// no accident (83 and 89 are Keras' choice); sizes that many numbers divide, where a network does not fit those.
///
/// # Errors
/// That of a trace at the sizes with which weights are made, where one is there.
pub(crate) fn at_two_sizes<R>(mut trace: impl FnMut(usize, usize) -> Result<R>) -> Result<(R, R)> {
    if let (Ok(a), Ok(b)) = (trace(83, 83), trace(89, 89)) {
        return Ok((a, b));
    }
    trace(ROWS, OPEN)?;
    Ok((trace(840, 840)?, trace(1680, 1680)?))
}

/// Types of batches of so many rows, each of the given shape, for a model of this name.
fn batch_types(model: &str, inputs: &[InputSpec], rows: usize, samples: &[Vec<usize>]) -> Result<Vec<TensorType>> {
    let of = |(input, row): (&InputSpec, &Vec<usize>)| {
        batch_of(rows, row).map(|shape| TensorType::new(input.dtype, shape)).ok_or_else(|| {
            let message = format!("rows of shape {} are too large", input.row_text());
            Error::Network { model: model.into(), message }
        })
    };
    inputs.iter().zip(samples).map(of).collect()
}

/// Traces the forward pass of a batch of so many rows, each input's of the given shape, for what shapes tell; nothing is compiled. `model` is
/// its name, for messages.
pub(crate) fn trace<R>(
    net: &Network,
    model: &str,
    inputs: &[InputSpec],
    rows: usize,
    samples: &[Vec<usize>],
    weights: &mut Weights,
    read: impl FnOnce(&Forward<'_>) -> R,
) -> Result<R> {
    trace_graph(net, model, inputs, rows, samples, weights, read).map(|(_, result)| result)
}

/// As [`trace`], with the graph; what `read` writes into it is there too.
pub(crate) fn trace_graph<R>(
    net: &Network,
    model: &str,
    inputs: &[InputSpec],
    rows: usize,
    samples: &[Vec<usize>],
    weights: &mut Weights,
    read: impl FnOnce(&Forward<'_>) -> R,
) -> Result<(Graph, R)> {
    let limit = weights.limit;
    let b = Builder::new();
    let pass = trace_calls(&b, net, &batch_types(model, inputs, rows, samples)?, weights);
    let result = (!b.failed()).then(|| read(&pass));
    let calls = pass.recorded();
    let source = match (b.finish(), result) {
        (Ok(graph), Some(result)) => return Ok((graph, result)),
        (Err(source), _) => source,
        (Ok(_), None) => return Err(Error::Network { model: model.into(), message: "it cannot be traced".into() }),
    };
    // Which sizes are open is seen in another trace, at larger sizes.
    let fixed = inputs.iter().any(|i| i.batch.is_some());
    let larger = |(input, row): (&InputSpec, &Vec<usize>)| {
        input.row.iter().zip(row).map(|(size, n)| if size.is_some() { *n } else { n + 1 }).collect()
    };
    let larger: Vec<Vec<usize>> = inputs.iter().zip(samples).map(larger).collect();
    let mut weights = Weights::hollow(limit);
    let b = Builder::new();
    let types = batch_types(model, inputs, if fixed { rows } else { rows + 1 }, &larger);
    let others = types.map_or_else(|_| Calls::default(), |types| trace_calls(&b, net, &types, &mut weights).recorded());
    match unfit(source, inputs, &calls, &others) {
        Ok(unfit) => Err(Error::Unfit(Box::new(unfit))),
        Err(source) => Err(source.into()),
    }
}

fn trace_calls<'g>(b: &'g Builder, net: &Network, types: &[TensorType], weights: &mut Weights) -> Forward<'g> {
    let x: Vec<Var<'g>> = types.iter().enumerate().map(|(i, &ty)| b.input(&crate::model::input_name(i), ty)).collect();
    forward_recorded(b, net, weights, &x, &Randomness::declare(b))
}

/// Shape of one row of a batch.
pub(crate) fn row_of(batch: Shape) -> Vec<usize> {
    batch.dims().get(1..).unwrap_or(&[]).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Add, Dense, Dropout, Embedding, Input, LSTM, Reshape};
    use crate::{Apply, Functional, Sequential};

    fn open(shape: impl Into<Vec<Option<usize>>>) -> OpenShape {
        (shape.into(), DType::F32)
    }

    fn shapes(layer: impl Into<Box<dyn Layer>>, inputs: &[OpenShape]) -> Vec<OpenShape> {
        output_shapes(layer.into().as_ref(), inputs).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn open_sizes_stay_open() {
        assert_eq!(shapes(Dense::new(4), &[open([None, None, Some(3)])]), [open([None, None, Some(4)])]);
        assert_eq!(shapes(Dense::new(4), &[open([Some(5), Some(3)])]), [open([Some(5), Some(4)])]);
        assert_eq!(shapes(Embedding::new(10, 6), &[(vec![None, Some(7)], DType::I32)]), [open([None, Some(7), Some(6)])]);
        assert_eq!(shapes(Dropout::new(0.5), &[open([None])]), [open([None])]);
        assert_eq!(shapes(Add::new(), &[open([Some(2), Some(3)]), open([None, Some(3)])]), [open([Some(2), Some(3)])]);
        assert_eq!(shapes(Input::new([3]).batch_size(2), &[]), [open([Some(2), Some(3)])]);
    }

    #[test]
    fn sizes_that_must_be_divided_are_tried_too() {
        assert_eq!(shapes(Reshape::new([-1, 2]), &[open([None, None, Some(3)])]), [open([None, None, Some(2)])]);
    }

    #[test]
    fn all_results_and_networks_within() {
        let states = shapes(LSTM::new(4).return_sequences(true).return_state(true), &[open([None, Some(9), Some(2)])]);
        assert_eq!(states, [open([None, Some(9), Some(4)]), open([None, Some(4)]), open([None, Some(4)])]);
        let x = Input::new([3]).tensor();
        let (a, b) = (Dense::new(2).apply(&x), Dense::new(5).apply(&x));
        let both = Functional::new(&x, [&a, &b]).unwrap();
        assert_eq!(shapes(both, &[open([None, Some(3)])]), [open([None, Some(2)]), open([None, Some(5)])]);
    }

    #[test]
    fn weights_of_layers_too_large_for_memory_are_not_made() {
        // 2^32 values, 16 GiB.
        assert_eq!(shapes(Dense::new(1 << 16), &[open([None, Some(1 << 16)])]), [open([None, Some(1 << 16)])]);
    }

    #[test]
    fn what_does_not_fit_is_said_as_a_model_says_it() {
        let inner = Sequential::new().name("body").add(Dense::new(4)).add(Reshape::new([3]));
        let error = output_shapes(Box::<dyn Layer>::from(inner).as_ref(), &[open([None, Some(2)])]).unwrap_err();
        assert!(matches!(error, Error::Unfit(_)), "{error}");
        let text = error.to_string();
        assert!(text.contains("  input (Input)           (None, 2)\n  body/dense (Dense)      (None, 4)\n"), "{text}");
        assert!(text.contains("  body/reshape (Reshape)  does not fit (None, 4) of `dense`\nWhat to try: "), "{text}");
        let text = output_shapes(&LSTM::new(4).name("tail"), &[open([None, Some(4)])]).unwrap_err().to_string();
        assert!(text.starts_with("layer `tail`: ") && text.contains("got shape [2, 4]"), "{text}");
        let text = output_shapes(&Dropout::new(2.0), &[open([None])]).unwrap_err().to_string();
        assert!(text.starts_with("layer `dropout`: Dropout: `rate` is 2"), "{text}");
        let text = output_shapes(&Dense::new(1), &[open([])]).unwrap_err().to_string();
        assert_eq!(text, "model `dense`: input 1 of layer `dense` has no axis: the first is that of the batch");
    }

    #[test]
    fn symbolic_tensors_know_their_shapes() {
        let words = Input::with_batch_shape([None, None]).dtype("int32").tensor();
        assert_eq!((words.shape().unwrap(), words.dtype().unwrap()), (vec![None, None], DType::I32));
        let steps = Embedding::new(9, 3).apply(&words);
        let all = LSTM::new(4).return_state(true).apply_all(&steps);
        assert_eq!(steps.shape().unwrap(), [None, None, Some(3)]);
        assert_eq!(all.iter().map(|t| t.shape().unwrap().len()).collect::<Vec<_>>(), [2, 2, 2]);
        assert_eq!((all[2].shape().unwrap(), all[2].dtype().unwrap()), (vec![None, Some(4)], DType::F32));
        let wrong = Dense::new(2).apply(&LSTM::new(4).apply(&all[0]));
        assert!(matches!(wrong.shape(), Err(Error::Unfit(_))));
        // As deep as a network may be.
        let mut deep = Input::new([2]).tensor();
        for _ in 0..2_000 {
            deep = Dropout::new(0.1).apply(&deep);
        }
        assert_eq!(deep.shape().unwrap(), [None, Some(2)]);
    }
}
