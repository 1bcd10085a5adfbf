//! `summary`: layers, output shapes, numbers of parameters.

use super::Model;
use crate::error::Result;
use crate::network::{Kind, Network, Shapes, input::dims_text};
use std::fmt;

/// One layer of a summary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// Name.
    pub name: String,
    /// Class.
    pub class: String,
    /// In how many networks it is, from 0 for those of the model itself.
    pub level: usize,
    /// In a graph of layers what it is called on, as Keras writes it: `dense[0][0]`, layer, call and result.
    pub connected_to: Vec<String>,
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
    /// [`crate::Error::Unfit`] when a layer does not fit the open sizes chosen.
    pub fn summary(&self) -> Result<Summary> {
        self.summarized(false)
    }
    /// As [`Model::summary`], with the layers of networks within (Keras' `expand_nested`).
    ///
    /// # Errors
    /// As [`Model::summary`].
    pub fn summary_expanded(&self) -> Result<Summary> {
        self.summarized(true)
    }

    fn summarized(&self, expand: bool) -> Result<Summary> {
        let mut rows = Vec::with_capacity(self.net.layers.len());
        self.add_rows(&self.net, "", (0, expand), &self.call_shapes()?, &mut rows);
        let (trainable, non_trainable) = self.count_params();
        Ok(Summary { model: self.name.clone(), rows, trainable, non_trainable, optimizer: self.optimizer_values() })
    }

    fn add_rows(&self, net: &Network, above: &str, (level, expand): (usize, bool), shapes: &Shapes, rows: &mut Vec<SummaryRow>) {
        let graph = net.kind == Kind::Functional;
        for input in net.inputs.iter().flatten().filter(|_| graph) {
            rows.push(SummaryRow {
                name: input.name.clone(),
                class: crate::network::input::INPUT_LAYER.into(),
                level,
                connected_to: Vec::new(),
                output_shape: Some(std::iter::once(input.batch).chain(input.row.iter().copied()).collect()),
                params: 0,
                trainable: None,
            });
        }
        for (at, named) in net.layers.iter().enumerate() {
            let path = if above.is_empty() { named.name.clone() } else { format!("{above}/{}", named.name) };
            let weights: Vec<_> = self.weights_of(&path).collect();
            let mut calls: Vec<_> = net.calls.iter().filter(|c| c.layer == at && graph).collect();
            calls.sort_by_key(|c| c.number);
            let place = |&value: &usize| {
                let (name, call, result) = net.origin(value);
                format!("{name}[{call}][{result}]")
            };
            rows.push(SummaryRow {
                name: named.name.clone(),
                class: named.layer.class_name().into(),
                level,
                connected_to: calls.iter().flat_map(|c| c.inputs.iter().map(place)).collect(),
                output_shape: shapes.get(&(path.clone(), 0)).and_then(|c| c.results.first().cloned()),
                params: weights.iter().map(|w| w.ty.len()).sum(),
                trainable: (!weights.is_empty()).then(|| weights.iter().any(|w| w.spec.trainable)),
            });
            if let Some(inner) = named.layer.inner().filter(|_| expand) {
                self.add_rows(inner, &path, (level + 1, expand), shapes, rows);
            }
        }
    }

    fn optimizer_values(&self) -> Option<usize> {
        let compiled = self.compiled.as_ref()?;
        let memory = compiled.memory.as_ref()?;
        let values: usize = memory.all().map(|s| self.weights.store.layout().slot(s).ty.len()).sum();
        let own = compiled.file_groups(&[], false).first().map_or(0, |group| group.variables.len());
        Some(values + own)
    }
}

/// A plain table; front ends have prettier ones.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let graph = self.rows.iter().any(|r| !r.connected_to.is_empty());
        let layer = |r: &SummaryRow| {
            let mark = if r.level == 0 { String::new() } else { format!("{}└ ", "   ".repeat(r.level)) };
            format!("{mark}{} ({})", r.name, r.class)
        };
        let connected = |r: &SummaryRow| if r.connected_to.is_empty() { "-".to_owned() } else { r.connected_to.join(", ") };
        let cells: Vec<[String; 4]> = self.rows.iter().map(|r| [layer(r), r.output_text(), grouped(r.params), connected(r)]).collect();
        let head = ["Layer (type)", "Output Shape", "Param #", "Connected to"];
        let width = |c: usize| cells.iter().map(|r| r[c].chars().count()).max().unwrap_or(0).max(head[c].len());
        let (a, b, c) = (width(0), width(1), width(2));
        writeln!(f, "Model: \"{}\"", self.model)?;
        for [layer, shape, params, connected] in std::iter::once(&head.map(str::to_owned)).chain(&cells) {
            write!(f, "{layer:a$}  {shape:b$}  {params:>c$}")?;
            if graph { writeln!(f, "  {connected}") } else { writeln!(f) }?;
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
