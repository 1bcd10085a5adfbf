//! `summary`: layers, output shapes, numbers of parameters.

use super::Model;
use super::input::dims_text;
use crate::error::Result;
use adaline_graph::Shape;
use std::fmt;

/// One layer of a summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// Name.
    pub name: String,
    /// Class.
    pub class: String,
    /// Sizes of the output, the batch first; `None` where the size is open. Nothing while the model is not built.
    pub output_shape: Option<Vec<Option<usize>>>,
    /// Number of values of its weights.
    pub params: usize,
    /// Whether training changes them; nothing for a layer without weights.
    pub trainable: Option<bool>,
}

impl SummaryRow {
    /// The output shape as Keras prints it: `(None, 10)`, or `?`.
    pub fn output_text(&self) -> String {
        self.output_shape.as_ref().map_or_else(|| "?".into(), |s| dims_text(s.iter().copied()))
    }
}

/// What Keras' `model.summary()` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Name of the model.
    pub model: String,
    /// The layers in order.
    pub rows: Vec<SummaryRow>,
    /// Values that training changes.
    pub trainable: usize,
    /// Values of weights that it does not change.
    pub non_trainable: usize,
    /// Values of the optimizer, iteration and learning rate included; nothing before the first training step.
    pub optimizer: Option<usize>,
}

impl Summary {
    /// All values.
    pub fn total(&self) -> usize {
        self.trainable + self.non_trainable + self.optimizer.unwrap_or(0)
    }
}

impl Model {
    /// Layers with their output shapes and numbers of parameters, and the totals.
    ///
    /// Open sizes are found as Keras does it: the network is traced at two sizes, and what differs is open.
    ///
    /// # Errors
    /// [`crate::Error::Graph`] when a layer does not fit the open sizes chosen.
    pub fn summary(&self) -> Result<Summary> {
        let shapes = match &self.input {
            // Prime numbers, so that equal sizes are no accident (83 and 89 are Keras' choice).
            Some(input) => Some((self.shapes_for(83, &input.sample(83))?, self.shapes_for(89, &input.sample(89))?)),
            None => None,
        };
        let open = |a: &Shape, b: &Shape| a.dims().iter().zip(b.dims()).map(|(a, b)| (a == b).then_some(*a)).collect();
        let rows = self.chain.iter().enumerate().map(|(at, named)| {
            let weights = self.weights_of(&named.name);
            SummaryRow {
                name: named.name.clone(),
                class: named.layer.class_name().into(),
                output_shape: shapes.as_ref().map(|(a, b)| open(&a[at], &b[at])),
                params: weights.iter().map(|w| w.ty.len()).sum(),
                trainable: (!weights.is_empty()).then(|| weights.iter().any(|w| w.spec.trainable)),
            }
        });
        let (trainable, non_trainable) = self.count_params();
        Ok(Summary { model: self.name.clone(), rows: rows.collect(), trainable, non_trainable, optimizer: self.optimizer_values() })
    }

    fn optimizer_values(&self) -> Option<usize> {
        let compiled = self.compiled.as_ref()?;
        let memory = compiled.memory.as_ref()?;
        let values: usize = memory.all().map(|s| self.weights.store.layout().slot(s).ty.len()).sum();
        let fixed = matches!(compiled.optimizer.common().learning_rate, crate::optimizers::LearningRate::Fixed(_));
        Some(values + 1 + usize::from(fixed))
    }
}

/// A plain table; front ends have prettier ones.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<[String; 3]> =
            self.rows.iter().map(|r| [format!("{} ({})", r.name, r.class), r.output_text(), grouped(r.params)]).collect();
        let head = ["Layer (type)", "Output Shape", "Param #"];
        let width = |c: usize| cells.iter().map(|r| r[c].chars().count()).max().unwrap_or(0).max(head[c].len());
        let (a, b, c) = (width(0), width(1), width(2));
        writeln!(f, "Model: \"{}\"", self.model)?;
        writeln!(f, "{:a$}  {:b$}  {:>c$}", head[0], head[1], head[2])?;
        for [layer, shape, params] in &cells {
            writeln!(f, "{layer:a$}  {shape:b$}  {params:>c$}")?;
        }
        let mut total = |name: &str, n: usize| writeln!(f, " {name}: {} ({})", grouped(n), bytes(4 * n));
        total("Total params", self.total())?;
        total("Trainable params", self.trainable)?;
        total("Non-trainable params", self.non_trainable)?;
        self.optimizer.map_or(Ok(()), |n| total("Optimizer params", n))
    }
}

/// `1,234,567`
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// `2.04 KB`, in Keras' units of 1024.
fn bytes(n: usize) -> String {
    let mut size = n as f64;
    for unit in ["B", "KB", "MB", "GB"] {
        if size < 1024.0 {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} TB")
}
