//! Weights of Keras 1 in the shapes of today.

use crate::Layer;
use adaline_formats::{LegacyFile, NamedTensor, TensorBytes};
use std::borrow::Cow;

/// Which Keras wrote the weights.
pub(crate) struct Source {
    first: bool,
    /// Theano's convolutions turned kernels around.
    theano: bool,
}

impl Source {
    pub(crate) fn of(file: &LegacyFile) -> Self {
        let first = file.keras_version.as_deref().is_none_or(|v| v.starts_with('1') || v.starts_with('0'));
        Self { first, theano: file.backend.as_deref() == Some("theano") }
    }

    /// The weights of a layer as Keras 2 converts them (`preprocess_weights_for_loading` of keras/engine/saving.py); none for a network.
    pub(crate) fn weights<'w>(&self, layer: Option<&dyn Layer>, weights: &'w [NamedTensor]) -> Cow<'w, [NamedTensor]> {
        let Some(layer) = layer.filter(|_| self.first || self.theano) else { return Cow::Borrowed(weights) };
        let class = layer.class_name();
        let mut new = Cow::Borrowed(weights);
        if self.first {
            // Gates one by one, of each kernel, recurrent kernel and bias.
            let order: &[usize] = match (class, weights.len()) {
                ("LSTM" | "ConvLSTM2D", 12) => &[0, 2, 1, 3],
                ("GRU", 9) => &[0, 1, 2],
                _ => &[],
            };
            if !order.is_empty() {
                let joined = (0..3).map(|part| join(&order.iter().map(|gate| &weights[3 * gate + part]).collect::<Vec<_>>()));
                new = joined.collect::<Option<Vec<_>>>().map_or(new, Cow::Owned);
            }
            let channels_first = layer.config()["data_format"] == "channels_first";
            if let Some(turned) = new.first().and_then(|kernel| first_kernel(class, kernel, channels_first)) {
                new.to_mut()[0] = turned;
            }
        }
        let convolution = matches!(class, "Conv1D" | "Conv2D" | "Conv3D" | "Conv2DTranspose" | "ConvLSTM2D");
        if self.theano && convolution && !new.is_empty() {
            let kernels = if class == "ConvLSTM2D" { 2.min(new.len()) } else { 1 };
            new.to_mut().iter_mut().take(kernels).for_each(turn_around);
        }
        new
    }
}

/// A kernel of Keras 1 as today's, where it was kept in another order.
fn first_kernel(class: &str, kernel: &NamedTensor, channels_first: bool) -> Option<NamedTensor> {
    let shape = &kernel.shape;
    match (class, shape.len()) {
        // (length, 1, inputs, filters), or of Keras 1.1 (filters, inputs, length, 1).
        ("Conv1D", 4) => {
            let turned = if shape[1] == 1 { kernel.clone() } else { transpose(kernel, &[2, 3, 1, 0])? };
            let shape = vec![turned.shape[0], turned.shape[2], turned.shape[3]];
            Some(NamedTensor { shape, ..turned })
        }
        // (filters, inputs, rows, columns)
        ("Conv2D", 4) if channels_first => transpose(kernel, &[2, 3, 1, 0]),
        ("Conv3D", 5) if channels_first => transpose(kernel, &[2, 3, 4, 1, 0]),
        // The results' channels came first, or last but one.
        ("Conv2DTranspose", 4) if channels_first => transpose(kernel, &[2, 3, 0, 1]),
        ("Conv2DTranspose", 4) => transpose(kernel, &[0, 1, 3, 2]),
        _ => None,
    }
}

/// Tensors next to each other along the last axis.
fn join(parts: &[&NamedTensor]) -> Option<NamedTensor> {
    let first = parts.first()?;
    let width = *first.shape.last()?;
    if width == 0 || parts.iter().any(|p| p.shape != first.shape) {
        return None;
    }
    let values: Option<Vec<&[f32]>> = parts.iter().map(|p| floats(p)).collect();
    let values = values?;
    let rows = values[0].len() / width;
    let data = (0..rows).flat_map(|row| values.iter().flat_map(move |v| v[row * width..(row + 1) * width].iter().copied())).collect();
    let mut shape = first.shape.clone();
    *shape.last_mut()? = width * parts.len();
    Some(NamedTensor { path: first.path.clone(), shape, data: TensorBytes::F32(data) })
}

fn transpose(tensor: &NamedTensor, axes: &[usize]) -> Option<NamedTensor> {
    let values = floats(tensor)?;
    let shape: Vec<usize> = axes.iter().map(|&a| tensor.shape[a]).collect();
    let mut strides = vec![1; tensor.shape.len()];
    for axis in (1..strides.len()).rev() {
        strides[axis - 1] = strides[axis] * tensor.shape[axis];
    }
    let data = (0..values.len()).map(|mut at| {
        let mut from = 0;
        for (&axis, &size) in axes.iter().zip(&shape).rev() {
            from += at % size * strides[axis];
            at /= size;
        }
        values[from]
    });
    Some(NamedTensor { path: tensor.path.clone(), data: TensorBytes::F32(data.collect()), shape })
}

/// A kernel with all but its last two axes the other way round.
fn turn_around(kernel: &mut NamedTensor) {
    let [spatial @ .., inputs, outputs] = &kernel.shape[..] else { return };
    let (block, cells) = (inputs * outputs, spatial.iter().product::<usize>());
    if let TensorBytes::F32(values) = &mut kernel.data
        && block > 0
        && values.len() == block * cells
    {
        *values = values.chunks_exact(block).rev().flatten().copied().collect();
    }
}

fn floats(tensor: &NamedTensor) -> Option<&[f32]> {
    match &tensor.data {
        TensorBytes::F32(values) => Some(values),
        _ => None,
    }
}
