//! One layer of the story: its values with names.

use super::spatial::Step;
use adaline::data::Tensor;
use adaline::nn::Model;
use adaline::nn::model::{InspectedLayer, Inspection, Taken};

/// A layer as one row sees it.
pub(super) struct LayerView {
    pub name: String,
    pub class: String,
    /// Name of the activation function; empty without one.
    pub activation: String,
    /// What comes in, by name.
    pub input_names: Vec<String>,
    pub inputs: Vec<f32>,
    /// What goes out, by name.
    pub unit_names: Vec<String>,
    pub output: Vec<f32>,
    /// Shape of the output.
    pub shape: Vec<usize>,
    /// What is special about it as a layer over images.
    pub step: Step,
    /// What the activation function is applied to.
    pub sums: Option<Vec<f32>>,
    pub dense: Option<Dense>,
    /// Derivative of the loss by each output.
    pub gradient: Option<Vec<f32>>,
    /// Derivative of the loss by each weighted sum.
    pub sum_gradient: Option<Vec<f32>>,
    pub weights: Vec<WeightView>,
}

/// A weight with its derivative of the loss.
pub(super) struct WeightView {
    pub name: String,
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
    pub gradient: Option<Vec<f32>>,
}

/// The numbers of a dense layer, `kernel (inputs, units)`.
pub(super) struct Dense {
    pub kernel: Vec<f32>,
    pub bias: Option<Vec<f32>>,
    pub kernel_gradient: Option<Vec<f32>>,
}

impl Dense {
    /// Weight from an input to a unit.
    pub(super) fn weight(&self, input: usize, unit: usize, units: usize) -> f32 {
        self.kernel[input * units + unit]
    }
}

impl LayerView {
    /// What each input adds to the weighted sum of a unit, the largest first.
    pub(super) fn contributions(&self, unit: usize) -> Vec<(usize, f32, f64)> {
        let Some(dense) = &self.dense else { return Vec::new() };
        let part = |(i, &x): (usize, &f32)| {
            let w = dense.weight(i, unit, self.output.len());
            (i, w, f64::from(w) * f64::from(x))
        };
        let mut parts: Vec<_> = self.inputs.iter().enumerate().map(part).collect();
        parts.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()));
        parts
    }
    /// Places of the units, those with the largest values first.
    pub(super) fn largest(values: &[f32]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
        order
    }
}

/// The layers of an inspection of one row: inputs `(1, ..)`, with names of the values of each; `top` maps of large layers are told.
pub(super) fn views(
    model: &Model,
    inspection: &Inspection,
    names: &[&[String]],
    x: &[&Tensor],
    outputs: Option<&[String]>,
    top: usize,
) -> Vec<LayerView> {
    let mut views = Vec::with_capacity(inspection.layers.len());
    // What has come out so far: names of values, the values, their shape.
    let mut made: Vec<(Vec<String>, Vec<f32>, Vec<usize>)> = Vec::with_capacity(inspection.layers.len());
    let begin: Vec<_> = x.iter().zip(names).map(|(x, names)| (names.to_vec(), values(x), x.row_shape().to_vec())).collect();
    let nothing = (Vec::new(), Vec::new(), Vec::new());
    // The layers after the last one with units pass its values on one by one.
    let last = inspection.layers.iter().rposition(|l| !l.weights.is_empty()).unwrap_or(0);
    for (at, layer) in inspection.layers.iter().enumerate() {
        let Ok(own) = model.get_layer(&layer.layer) else { continue };
        let taken = layer.takes.iter().map(|taken| match taken {
            Taken::Input(at) => begin.get(*at).unwrap_or(&nothing),
            Taken::Layer(before) => made.get(*before).unwrap_or(&nothing),
        });
        // Of several inputs one after the other.
        let (names, inputs, shape) = match taken.clone().next() {
            Some(one) if layer.takes.len() == 1 => one.clone(),
            _ => {
                let all: Vec<f32> = taken.clone().flat_map(|t| t.1.iter().copied()).collect();
                let width = all.len();
                (taken.flat_map(|t| t.0.iter().cloned()).collect(), all, vec![width])
            }
        };
        let config = own.config();
        let text = |key: &str| config.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        let output = values(&layer.output);
        let unit_names = match outputs {
            Some(given) if at >= last && given.len() == output.len() => given.to_vec(),
            _ if layer.weights.is_empty() && output.len() == inputs.len() => names.clone(),
            _ => places(&layer.name, layer.output.row_shape()),
        };
        let gradient = layer.gradient.as_ref().map(values);
        let regularized = |key: &str| config.get(key).is_some_and(|v| !v.is_null());
        let dense = dense(layer, inputs.len(), output.len());
        let activation = text("activation");
        let sum_gradient = sum_gradient(layer, dense.as_ref(), &inputs, regularized("bias_regularizer"), regularized("kernel_regularizer"))
            .or_else(|| gradient.clone().filter(|_| activation == "linear"))
            .or_else(|| through_relu(layer, gradient.as_deref().filter(|_| activation == "relu")?));
        let weights = layer.weights.iter().map(|w| WeightView {
            name: w.name.clone(),
            shape: w.values.shape().to_vec(),
            values: values(&w.values),
            gradient: w.gradient.as_ref().map(values),
        });
        let step = Step::of(layer, &config, &shape, &inputs, top);
        let shape = layer.output.row_shape().to_vec();
        made.push((unit_names.clone(), output.clone(), shape.clone()));
        views.push(LayerView {
            name: layer.name.clone(),
            class: layer.class.clone(),
            activation,
            input_names: names,
            inputs,
            unit_names,
            sums: layer.weighted_sums.as_ref().map(values),
            output,
            shape,
            step,
            dense,
            gradient,
            sum_gradient,
            weights: weights.collect(),
        });
    }
    views
}

fn values(t: &Tensor) -> Vec<f32> {
    t.f32_values().into_owned()
}

/// The layer's numbers, when it is one matrix over one row.
fn dense(layer: &InspectedLayer, inputs: usize, units: usize) -> Option<Dense> {
    let kernel = layer.weights.iter().find(|w| w.name == "kernel").filter(|_| layer.class == "Dense")?;
    if kernel.values.shape() != [inputs, units] {
        return None; // the same matrix over several places of the row
    }
    let bias = layer.weights.iter().find(|w| w.name == "bias").map(|w| values(&w.values));
    Some(Dense { kernel: values(&kernel.values), bias, kernel_gradient: kernel.gradient.as_ref().map(values) })
}

/// Derivative of the loss by the weighted sums. For one row it is the bias's; without a bias it is the kernel's divided by the
/// input. A penalty on the weight would be in both.
fn sum_gradient(layer: &InspectedLayer, dense: Option<&Dense>, x: &[f32], bias_penalty: bool, kernel_penalty: bool) -> Option<Vec<f32>> {
    let dense = dense?;
    let bias = layer.weights.iter().find(|w| w.name == "bias").and_then(|w| w.gradient.as_ref());
    if let Some(bias) = bias.filter(|_| !bias_penalty) {
        return Some(values(bias));
    }
    let kernel = dense.kernel_gradient.as_ref().filter(|_| !kernel_penalty)?;
    let at = LayerView::largest(x).first().copied().filter(|&i| x[i] != 0.0)?;
    let units = kernel.len() / x.len();
    Some(kernel[at * units..(at + 1) * units].iter().map(|g| g / x[at]).collect())
}

/// Derivative of the loss by what `relu` is applied to: that by its result where that is above 0.
fn through_relu(layer: &InspectedLayer, gradient: &[f32]) -> Option<Vec<f32>> {
    let sums = layer.weighted_sums.as_ref()?.f32_values();
    Some(gradient.iter().zip(sums.iter()).map(|(&g, &z)| if z > 0.0 { g } else { 0.0 }).collect())
}

/// `dense[3]`, or `x[2,14]` for more axes.
pub(super) fn places(name: &str, shape: &[usize]) -> Vec<String> {
    let count: usize = shape.iter().product();
    let place = |mut at: usize| {
        let mut parts: Vec<String> = Vec::with_capacity(shape.len());
        for &d in shape.iter().rev() {
            parts.push((at % d).to_string());
            at /= d;
        }
        parts.reverse();
        format!("{name}[{}]", parts.join(","))
    };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_row_major() {
        assert_eq!(places("x", &[2, 2]), ["x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]"]);
        assert_eq!(places("dense", &[2]), ["dense[0]", "dense[1]"]);
    }

    #[test]
    fn the_largest_come_first() {
        assert_eq!(LayerView::largest(&[0.5, -2.0, 1.0]), [1, 2, 0]);
    }
}
