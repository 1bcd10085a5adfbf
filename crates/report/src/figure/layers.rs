//! A network as boxes, one per layer: a column, or where layers say what they take, a graph.

use super::{Anchor, Figure, Mark, Paint, Role, Stroke, font, layered};
use crate::number;

/// What is said about one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerBox {
    /// The layer's own name: `dense_1`.
    pub name: String,
    /// Its class: `Dense`.
    pub kind: String,
    /// Output shape as text: `(None, 16)`.
    pub output_shape: String,
    /// Number of parameters.
    pub params: u64,
    /// Activation, empty without one.
    pub activation: String,
    /// Names of the layers it takes its input from; empty for an input, and where no layer has any: then each takes the layer before it.
    pub inputs: Vec<String>,
}

/// The layers of a network from input to output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerDrawing {
    /// The layers in order.
    pub layers: Vec<LayerBox>,
}

impl LayerDrawing {
    /// The most boxes drawn.
    const MOST: usize = 60;

    /// Draws the boxes.
    pub fn figure(&self) -> Figure {
        const WIDTH: f64 = 420.0;
        const BOX: f64 = 50.0;
        const GAP: f64 = 20.0;
        if self.layers.is_empty() {
            return Figure::nothing(WIDTH, 80.0, "no layers");
        }
        if self.layers.iter().any(|l| !l.inputs.is_empty()) {
            return self.graph();
        }
        let shown = &self.layers[..self.layers.len().min(Self::MOST)];
        let left_out = self.layers.len() - shown.len();
        let rows = shown.len() as f64;
        let height = rows * (BOX + GAP) - GAP + 4.0 + if left_out > 0 { 26.0 } else { 0.0 };
        let mut figure = Figure::new(WIDTH, height, format!("network of {} layers", self.layers.len()));
        for (i, layer) in shown.iter().enumerate() {
            let y = 2.0 + i as f64 * (BOX + GAP);
            if i > 0 {
                arrow(&mut figure, WIDTH / 2.0, y - GAP, y);
            }
            draw_box(&mut figure, layer, [1.0, y, WIDTH - 2.0, BOX]);
        }
        if left_out > 0 {
            let text = format!("and {left_out} more layers");
            figure.text([WIDTH / 2.0, height - 8.0], text, 12.0, Anchor::Middle, Role::Muted);
        }
        figure
    }
}

impl LayerDrawing {
    /// Draws boxes row by row from the inputs down, with an arrow for each connection.
    fn graph(&self) -> Figure {
        const WIDTH: f64 = 240.0;
        const BOX: f64 = 50.0;
        const GAP: f64 = 28.0;
        const SIDE: f64 = 22.0;
        let layers = &self.layers[..self.layers.len().min(Self::MOST)];
        let mut edges = Vec::new();
        for (to, layer) in layers.iter().enumerate() {
            for input in &layer.inputs {
                edges.extend(layers[..to].iter().position(|l| l.name == *input).map(|from| (from, to)));
            }
        }
        // A layer that takes another twice gets one arrow.
        edges.sort_unstable();
        edges.dedup();
        let placed = layered::place(layers.len(), &edges, WIDTH, SIDE);
        let top = |row: usize| 2.0 + row as f64 * (BOX + GAP);
        let left_out = self.layers.len() - layers.len();
        let height = top(placed.rows) - GAP + 2.0 + if left_out > 0 { 26.0 } else { 0.0 };
        let mut figure = Figure::new(placed.width + 4.0, height, format!("network of {} layers", self.layers.len()));
        for way in &placed.arrows {
            let mut points = Vec::with_capacity(2 * way.len());
            for (at, &place) in way.iter().enumerate() {
                let (row, x) = placed.places[place];
                if at > 0 {
                    points.push([x + 2.0, top(row) - 6.0]);
                }
                if at + 1 < way.len() {
                    points.push([x + 2.0, top(row) + BOX]);
                }
            }
            let stroke = Stroke::new(Role::Muted, 1.3);
            figure.push(Mark::Line { points, stroke, tip: None });
            if let Some(&(row, x)) = way.last().and_then(|&last| placed.places.get(last)) {
                tip(&mut figure, x + 2.0, top(row));
            }
        }
        for (layer, &(row, x)) in layers.iter().zip(&placed.places) {
            draw_box(&mut figure, layer, [x + 2.0 - WIDTH / 2.0, top(row), WIDTH, BOX]);
        }
        if left_out > 0 {
            let text = format!("and {left_out} more layers");
            figure.text([placed.width / 2.0, height - 8.0], text, 12.0, Anchor::Middle, Role::Muted);
        }
        figure
    }
}

/// An arrow straight down.
fn arrow(figure: &mut Figure, x: f64, from: f64, to: f64) {
    figure.line([x, from], [x, to - 1.0], Stroke::new(Role::Muted, 1.3));
    tip(figure, x, to);
}

/// The tip of an arrow that ends at a box.
fn tip(figure: &mut Figure, x: f64, to: f64) {
    let stroke = Stroke::new(Role::Muted, 1.3);
    figure.line([x, to - 6.0], [x, to - 1.0], stroke);
    let points = vec![[x - 4.0, to - 6.0], [x, to - 1.5], [x + 4.0, to - 6.0]];
    figure.push(Mark::Line { points, stroke, tip: None });
}

fn draw_box(figure: &mut Figure, layer: &LayerBox, at: [f64; 4]) {
    let [x, y, w, _] = at;
    let weighted = layer.params > 0;
    figure.push(Mark::Rect {
        at,
        radius: 6.0,
        fill: Some(if weighted { Paint::faded(Role::First, 0.1) } else { Role::Panel.into() }),
        stroke: Some(Stroke::new(if weighted { Role::First } else { Role::Grid }, 1.0)),
        tip: (!layer.inputs.is_empty()).then(|| format!("{} takes {}", layer.name, layer.inputs.join(", "))),
    });
    let right = if layer.activation.is_empty() {
        0.0
    } else {
        let text = font::fitted(&layer.activation, 12.0, 130.0);
        let width = font::width(&text, 12.0);
        figure.text([x + w - 12.0, y + 20.0], text, 12.0, Anchor::End, Role::Third);
        width + 12.0
    };
    let kind = font::fitted(&layer.kind, 13.0, w - 24.0 - right);
    // Strong text is about a tenth wider than what is measured.
    let used = font::width(&kind, 13.0) * 1.12;
    figure.bold_text([x + 12.0, y + 20.0], kind, 13.0, Anchor::Start, Role::Ink);
    let room = w - 34.0 - right - used;
    if room > 30.0 {
        let name = font::fitted(&layer.name, 12.0, room);
        figure.text([x + 20.0 + used, y + 20.0], name, 12.0, Anchor::Start, Role::Muted);
    }
    let params = match layer.params {
        0 => "no parameters".to_owned(),
        1 => "1 parameter".to_owned(),
        n => format!("{} parameters", number::grouped(n)),
    };
    let room = w - 40.0 - font::width(&params, 12.0);
    let shape = font::fitted(&layer.output_shape, 12.0, room);
    figure.text([x + 12.0, y + 39.0], shape, 12.0, Anchor::Start, Role::Ink);
    figure.text([x + w - 12.0, y + 39.0], params, 12.0, Anchor::End, Role::Muted);
}
