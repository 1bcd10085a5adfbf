//! A small dense network, every unit a circle and every weight a line.

use super::{Anchor, Figure, Mark, Paint, Role, Stroke, font};
use crate::number;
use thiserror::Error;

/// The most units per layer that are drawn.
const MOST_UNITS: usize = 16;
/// The most dense layers that are drawn.
const MOST_LAYERS: usize = 8;

/// A dense layer's weights as plain numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DenseLayer {
    /// The layer's name.
    pub name: String,
    /// Number of inputs, I.
    pub inputs: usize,
    /// Number of units, O.
    pub units: usize,
    /// Weights, shape (I, O), row-major.
    pub kernel: Vec<f64>,
    /// Biases, shape (O) or empty.
    pub bias: Vec<f64>,
}

/// Why a network cannot be drawn neuron by neuron.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NeuronDrawingError {
    /// Too large to be readable, or empty.
    #[error(
        "expected 1 to 8 dense layers of 1 to 16 units and inputs, but layer '{layer}' has {inputs} inputs and {units} units in a network of {layers} layers; draw the layers as boxes"
    )]
    Size {
        /// The layer's name.
        layer: String,
        /// Its inputs.
        inputs: usize,
        /// Its units.
        units: usize,
        /// Layers of the network.
        layers: usize,
    },
    /// The weights do not fit the layer's sizes or the layer before.
    #[error("layer '{layer}': expected {inputs} x {units} weights, 0 or {units} biases and inputs that match the layer before")]
    Shape {
        /// The layer's name.
        layer: String,
        /// Its inputs.
        inputs: usize,
        /// Its units.
        units: usize,
    },
}

/// A network of dense layers with at most 16 units each.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronDrawing {
    input_names: Vec<String>,
    layers: Vec<DenseLayer>,
    output_names: Vec<String>,
}

impl NeuronDrawing {
    /// A drawing of `layers`, first to last. Names of inputs and outputs may be missing.
    pub fn new(input_names: Vec<String>, layers: Vec<DenseLayer>, output_names: Vec<String>) -> Result<Self, NeuronDrawingError> {
        let count = layers.len();
        let sides = 1..=MOST_UNITS;
        if count == 0 || count > MOST_LAYERS {
            let layer = layers.first().map(|l| l.name.clone()).unwrap_or_default();
            return Err(NeuronDrawingError::Size { layer, inputs: 0, units: 0, layers: count });
        }
        let mut before = None;
        for layer in &layers {
            let (name, inputs, units) = (layer.name.clone(), layer.inputs, layer.units);
            if !sides.contains(&inputs) || !sides.contains(&units) {
                return Err(NeuronDrawingError::Size { layer: name, inputs, units, layers: count });
            }
            let fits = layer.kernel.len() == inputs * units
                && (layer.bias.is_empty() || layer.bias.len() == units)
                && before.is_none_or(|b| b == inputs);
            if !fits {
                return Err(NeuronDrawingError::Shape { layer: name, inputs, units });
            }
            before = Some(units);
        }
        Ok(Self { input_names, layers, output_names })
    }

    /// Units of each column, inputs first.
    fn columns(&self) -> Vec<usize> {
        self.layers.iter().take(1).map(|l| l.inputs).chain(self.layers.iter().map(|l| l.units)).collect()
    }

    /// Draws the network: blue lines are positive weights, orange ones negative, the stronger the larger.
    pub fn figure(&self) -> Figure {
        const ROW: f64 = 30.0;
        const COLUMN: f64 = 130.0;
        const TOP: f64 = 28.0;
        let columns = self.columns();
        let tallest = columns.iter().copied().max().unwrap_or(1) as f64;
        let widest = |names: &[String]| names.iter().take(MOST_UNITS).map(|n| font::width(n, 12.0)).fold(0.0, f64::max).min(120.0);
        let left = 24.0 + widest(&self.input_names);
        let right = 24.0 + widest(&self.output_names);
        let width = left + right + COLUMN * (columns.len() - 1) as f64;
        let height = TOP + ROW * tallest + 24.0;
        let mut figure = Figure::new(width, height, format!("network with {columns:?} units"));
        let at = |column: usize, unit: usize| {
            let start = TOP + (tallest - columns[column] as f64) * ROW / 2.0;
            [left + COLUMN * column as f64, start + ROW * (unit as f64 + 0.5)]
        };
        let largest = self.layers.iter().flat_map(|l| &l.kernel).filter(|w| w.is_finite()).fold(0.0, |m: f64, w| m.max(w.abs()));
        for (l, layer) in self.layers.iter().enumerate() {
            for (n, weight) in layer.kernel.iter().enumerate() {
                let (from, to) = (n / layer.units, n % layer.units);
                let share = if largest > 0.0 && weight.is_finite() { weight.abs() / largest } else { 0.0 };
                let role = if *weight < 0.0 { Role::Second } else { Role::First };
                figure.push(Mark::Line {
                    points: vec![at(l, from), at(l + 1, to)],
                    stroke: Stroke::new(Paint::faded(role, 0.08 + 0.82 * share), 0.6 + 2.4 * share),
                    tip: Some(format!("weight {}", number::short(*weight))),
                });
            }
        }
        for (c, units) in columns.iter().enumerate() {
            let title = match c.checked_sub(1) {
                None => "input",
                Some(l) => &self.layers[l].name,
            };
            let title = font::fitted(title, 12.0, COLUMN - 10.0);
            figure.text([at(c, 0)[0], 14.0], title, 12.0, Anchor::Middle, Role::Muted);
            for unit in 0..*units {
                let bias = c.checked_sub(1).and_then(|l| self.layers[l].bias.get(unit));
                figure.push(Mark::Circle {
                    center: at(c, unit),
                    radius: 9.0,
                    fill: Some(Role::Surface.into()),
                    stroke: Some(Stroke::new(Role::Ink, 1.4)),
                    tip: bias.map(|b| format!("bias {}", number::short(*b))),
                });
            }
        }
        self.names(&mut figure, at, columns.len() - 1);
        let legend = [(Role::First, "positive weight"), (Role::Second, "negative weight")];
        let mut x = 8.0;
        for (role, text) in legend {
            figure.line([x, height - 12.0], [x + 16.0, height - 12.0], Stroke::new(role, 2.5));
            figure.text([x + 21.0, height - 8.0], text, 11.0, Anchor::Start, Role::Muted);
            x += 34.0 + font::width(text, 11.0);
        }
        figure
    }

    fn names(&self, figure: &mut Figure, at: impl Fn(usize, usize) -> [f64; 2], last: usize) {
        let columns = self.columns();
        for (i, name) in self.input_names.iter().take(columns[0]).enumerate() {
            let [x, y] = at(0, i);
            figure.text([x - 15.0, y + 4.0], font::fitted(name, 12.0, 120.0), 12.0, Anchor::End, Role::Ink);
        }
        for (i, name) in self.output_names.iter().take(columns[last]).enumerate() {
            let [x, y] = at(last, i);
            figure.text([x + 15.0, y + 4.0], font::fitted(name, 12.0, 120.0), 12.0, Anchor::Start, Role::Ink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(inputs: usize, units: usize) -> DenseLayer {
        let kernel = (0..inputs * units).map(|i| (i as f64).sin()).collect();
        DenseLayer { name: format!("dense_{units}"), inputs, units, kernel, bias: vec![0.5; units] }
    }

    #[test]
    fn every_weight_is_a_line_and_every_unit_a_circle() {
        let drawing = NeuronDrawing::new(vec!["a".into()], vec![dense(4, 8), dense(8, 3)], vec![]).unwrap();
        let figure = drawing.figure();
        let circles = figure.marks.iter().filter(|m| matches!(m, Mark::Circle { .. })).count();
        let weights = figure.marks.iter().filter(|m| matches!(m, Mark::Line { tip: Some(_), .. })).count();
        assert_eq!((circles, weights), (4 + 8 + 3, 4 * 8 + 8 * 3));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let new = |layers| NeuronDrawing::new(vec![], layers, vec![]).map(|_| ());
        assert!(matches!(new(vec![]), Err(NeuronDrawingError::Size { layers: 0, .. })));
        assert!(matches!(new(vec![dense(17, 2)]), Err(NeuronDrawingError::Size { inputs: 17, .. })));
        assert!(matches!(new(vec![dense(2, 3), dense(4, 1)]), Err(NeuronDrawingError::Shape { .. })));
        assert!(matches!(new(vec![dense(2, 2); 9]), Err(NeuronDrawingError::Size { layers: 9, .. })));
        let short = DenseLayer { kernel: vec![1.0], ..dense(2, 2) };
        assert!(matches!(new(vec![short]), Err(NeuronDrawingError::Shape { .. })));
        let odd = DenseLayer { kernel: vec![f64::NAN; 4], ..dense(2, 2) };
        assert!(new(vec![odd]).is_ok());
    }
}
