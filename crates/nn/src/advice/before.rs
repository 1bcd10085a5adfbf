//! What can be told before the first step: of losses and the ends of the network, of inputs and labels.

use super::ends::ending;
use super::{Advice, AdviceKind, short};
use crate::error::Result;
use crate::losses::LabelKind;
use crate::model::{Inputs, Labels, Model, Trained};
use adaline_data::{RowSource, Tensor};

/// Rows that are looked at, spread evenly over all; of rows that are not in memory a few.
const ROWS: usize = 512;
const STREAMED_ROWS: usize = 16;
/// Mean or standard deviation from which values count as far from the range around 0 to 1.
const FAR: f64 = 20.0;
/// The same of labels.
const FAR_LABELS: f64 = 100.0;
/// Fewest rows that say something about a column, and most columns of which constant ones are named: of more they are pixels.
const FEWEST_ROWS: usize = 10;
const MOST_COLUMNS: usize = 256;
/// Labels for each class from which one that is not there is likely to be none.
const LABELS_PER_CLASS: usize = 20;

/// Activation functions whose values are probabilities.
const PROBABILITIES: [&str; 5] = ["softmax", "sigmoid", "hard_sigmoid", "sparse_sigmoid", "sparsemax"];

impl Model {
    /// What looks like a mistake in this model together with these inputs and labels: `from_logits` and the last activation function that do not
    /// go together, an output wider than the classes, inputs or labels far from the range around 0 to 1, columns that say nothing.
    ///
    /// Of the inputs some rows are looked at. Before the weights exist the inputs themselves are not.
    ///
    /// # Errors
    /// [`crate::Error::NotCompiled`]; [`crate::Error::Network`] for inputs or labels that the model does not have.
    pub fn advice_for<'d>(&self, x: impl Into<Inputs<'d>>, y: impl Into<Labels<'d>>) -> Result<Vec<Advice>> {
        self.compiled("be advised on")?;
        Ok(self.advice_before(&self.arrange_inputs(x.into())?, &self.arrange_labels(y.into())?))
    }

    /// As [`Model::advice_for`], of data in its order.
    pub(crate) fn advice_before(&self, x: &[&dyn RowSource], y: &[&Tensor]) -> Vec<Advice> {
        let mut all = Vec::new();
        for (trained, y) in self.compiled.iter().flat_map(|c| &c.trained).zip(y) {
            self.advice_of_output(trained, y, &mut all);
        }
        for (at, x) in x.iter().enumerate().filter(|(at, _)| self.is_built() && !self.prepares_input(*at)) {
            let name = if self.net.input_count() > 1 { self.input_names().nth(at).unwrap_or("x") } else { "x" };
            all.extend(scale(name, *x));
            all.extend(constant(name, *x));
        }
        all
    }

    fn advice_of_output(&self, trained: &Trained, y: &Tensor, all: &mut Vec<Advice>) {
        let (loss, class) = (trained.loss.as_ref(), trained.loss.class_name());
        let end = ending(&self.net, self.net.outputs[trained.output]);
        let width = self.output_width(trained.output);
        if let Some((layer, activation)) = &end {
            let mut tell = |kind, text| all.push(Advice::new(kind, Some(layer), text));
            let of_classes = class.contains("Categorical");
            let logits = loss.config()["from_logits"].as_bool();
            let probable = PROBABILITIES.contains(&activation.as_str());
            if width == Some(1) && activation == "softmax" {
                tell(
                    AdviceKind::OneOutput,
                    format!("layer `{layer}` is a softmax over one output, which is always 1, so nothing can be learned: use sigmoid"),
                );
            } else if logits == Some(true) && probable {
                tell(
                    AdviceKind::Logits,
                    format!(
                        "layer `{layer}` ends in {activation}, so its values are probabilities already, but {class} with from_logits \
                         true makes probabilities of them once more: leave from_logits out, or the {activation}"
                    ),
                );
            } else if logits == Some(false) && !probable {
                let instead = if of_classes { "softmax" } else { "sigmoid" };
                tell(
                    AdviceKind::Probabilities,
                    format!(
                        "layer `{layer}` ends in {activation}, whose values need not be probabilities, which {class} takes: end it in \
                         {instead}, or give the loss from_logits true"
                    ),
                );
            } else if logits == Some(false) && of_classes && activation.contains("sigmoid") {
                tell(
                    AdviceKind::Sigmoid,
                    format!(
                        "layer `{layer}` ends in {activation}, which judges each class by itself, but {class} is of one class out of \
                         several: end it in softmax, or, where a row may have several classes, use BinaryCrossentropy"
                    ),
                );
            }
            if activation == "linear" && ["MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh"].contains(&class) {
                all.extend(label_spread(class, y));
            }
        }
        if let (LabelKind::Classes, Some(width)) = (loss.labels(), width) {
            let ignored = loss.config()["ignore_class"].as_i64();
            all.extend(too_wide(end.as_ref().map(|(layer, _)| layer.as_str()), width, y, ignored));
        }
    }
}

/// An output with more classes than the labels have.
fn too_wide(layer: Option<&str>, width: usize, y: &Tensor, ignored: Option<i64>) -> Option<Advice> {
    let values = y.f32_values();
    let mut seen = vec![false; width];
    for &v in values.iter().filter(|&&v| Some(v as i64) != ignored) {
        *seen.get_mut(v as usize)? = true;
    }
    let used = seen.iter().rposition(|s| *s)? + 1;
    let enough = values.len() >= LABELS_PER_CLASS.saturating_mul(width);
    if !enough || (used == width && seen[0]) {
        return None;
    }
    let (first, last) = (seen.iter().position(|s| *s)?, used - 1);
    let what = match layer {
        Some(layer) => format!("layer `{layer}` has {width} outputs"),
        None => format!("the network has {width} outputs"),
    };
    let remedy = if first == 0 {
        format!("{used} outputs are enough")
    } else {
        format!("classes are counted from 0, so take {first} from each label")
    };
    Some(Advice::new(AdviceKind::Classes, layer, format!("{what}, but the labels are class numbers from {first} to {last}: {remedy}")))
}

/// Mean and standard deviation.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, (values.map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// Labels that a linear output, which begins near 0, takes long to reach.
fn label_spread(class: &str, y: &Tensor) -> Option<Advice> {
    let values = y.f32_values();
    let (mean, deviation) = moments(values.iter().map(|&v| f64::from(v)));
    (mean.abs().max(deviation) > FAR_LABELS).then(|| {
        let text = format!(
            "the labels have the mean {} and the standard deviation {}, and predictions begin near 0, so {class} begins large and its \
             gradients with it: take the mean off and divide by the deviation, and undo that in predictions",
            short(mean),
            short(deviation)
        );
        Advice::new(AdviceKind::Labels, None, text)
    })
}

/// Some rows, one after the other, evenly spread.
fn sample(x: &dyn RowSource) -> Option<Vec<f32>> {
    let rows = x.rows().min(if x.as_tensor().is_some() { ROWS } else { STREAMED_ROWS });
    let picked: Vec<usize> = (0..rows).map(|i| i * x.rows() / rows).collect();
    let mut out = vec![0.0; rows * x.row_len()];
    // Data that cannot be read is an error of the step that needs it.
    x.gather_f32_into(&picked, &mut out).ok()?;
    Some(out)
}

/// An input far from the range around 0 to 1: the column of the last axis for which that is most so.
fn scale(name: &str, x: &dyn RowSource) -> Option<Advice> {
    let columns = x.row_shape().last().copied().unwrap_or(1).max(1);
    let values = sample(x)?;
    let of = |column: usize| moments(values.iter().skip(column).step_by(columns).map(|&v| f64::from(v)));
    let size = |(mean, deviation): (f64, f64)| mean.abs().max(deviation);
    let far: Vec<usize> = (0..columns).filter(|&c| size(of(c)) > FAR).collect();
    let worst = far.iter().copied().max_by(|&a, &b| size(of(a)).total_cmp(&size(of(b))).then(b.cmp(&a)))?;
    let (mean, deviation) = of(worst);
    let which = if columns == 1 { name.to_owned() } else { format!("column {worst} of {name} (counted from 0)") };
    let more = match far.len() {
        1 => String::new(),
        n => format!(", and {} more are as far off", n - 1),
    };
    let text = format!(
        "{which} has the mean {} and the standard deviation {}{more}, but networks learn best from values around 0 to 1: begin with \
         Normalization, adapted to the training rows, or Rescaling, or scale the data",
        short(mean),
        short(deviation)
    );
    Some(Advice::new(AdviceKind::Scale, None, text))
}

/// Columns of a table that have one value alone.
fn constant(name: &str, x: &dyn RowSource) -> Option<Advice> {
    let (tensor, width) = (x.as_tensor()?, x.row_len());
    if tensor.rank() != 2 || tensor.rows() < FEWEST_ROWS || !(2..=MOST_COLUMNS).contains(&width) {
        return None;
    }
    let values = tensor.f32_values();
    let mut columns: Vec<usize> = (0..width).collect();
    for row in values.chunks(width) {
        columns.retain(|&c| row[c].to_bits() == values[c].to_bits());
        if columns.is_empty() {
            return None;
        }
    }
    let (first, value) = (columns[0], short(f64::from(values[columns[0]])));
    let more = match columns.len() {
        1 => String::new(),
        n => format!(", and {} more columns have one value each", n - 1),
    };
    let text =
        format!("column {first} of {name} (counted from 0) has the value {value} in all rows{more}, which tells nothing: leave it out");
    Some(Advice::new(AdviceKind::Constant, None, text))
}
