//! Predictions of a regression: predicted against actual, and what is left over.

use super::axis::{Axis, Frame, Labels};
use super::{Figure, Mark, Paint, Role, Stroke};
use crate::number;

/// The most points drawn; of more, every n-th is taken.
const MOST: usize = 2000;

/// Predicted values over actual values, with the line where both are equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PredictionScatter {
    /// Name of the predicted column.
    pub target: String,
    /// True values.
    pub actual: Vec<f64>,
    /// The network's values, one for each true value.
    pub predicted: Vec<f64>,
}

impl PredictionScatter {
    /// Draws the points.
    pub fn figure(&self) -> Figure {
        let pairs = finite_pairs(&self.actual, &self.predicted);
        if pairs.is_empty() {
            return Figure::nothing(460.0, 120.0, "no predictions");
        }
        let mut figure = Figure::new(460.0, 380.0, format!("predicted over actual {}, {} points", self.target, pairs.len()));
        let both = || pairs.iter().flat_map(|(a, p)| [*a, *p]);
        let labels = Labels { title: "predicted and actual", x: "actual", y: "predicted" };
        let frame = Frame::draw(&mut figure, Axis::covering(both(), 5), Axis::covering(both(), 5), &labels);
        let (low, high) = both().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if let (Some(from), Some(to)) = (frame.at(low, low), frame.at(high, high)) {
            figure.line(from, to, Stroke::new(Role::Muted, 1.2).dashed());
        }
        dots(&mut figure, &frame, &pairs, |a, p| format!("actual {a}, predicted {p}"));
        figure
    }
}

/// Residuals (actual − predicted) over predicted values; a good fit shows no pattern around the zero line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResidualPlot {
    /// Name of the predicted column.
    pub target: String,
    /// True values.
    pub actual: Vec<f64>,
    /// The network's values, one for each true value.
    pub predicted: Vec<f64>,
}

impl ResidualPlot {
    /// Draws the points.
    pub fn figure(&self) -> Figure {
        let pairs: Vec<(f64, f64)> =
            finite_pairs(&self.actual, &self.predicted).into_iter().map(|(a, p)| (p, a - p)).filter(|(_, r)| r.is_finite()).collect();
        if pairs.is_empty() {
            return Figure::nothing(460.0, 120.0, "no residuals");
        }
        let mut figure = Figure::new(460.0, 380.0, format!("residuals of {}, {} points", self.target, pairs.len()));
        let x = Axis::covering(pairs.iter().map(|p| p.0), 5);
        let y = Axis::covering(pairs.iter().map(|p| p.1).chain([0.0]), 6);
        let labels = Labels { title: "residuals", x: "predicted", y: "actual − predicted" };
        let frame = Frame::draw(&mut figure, x, y, &labels);
        if let Some(y) = frame.at_y(0.0) {
            figure.line([frame.left(), y], [frame.right(), y], Stroke::new(Role::Muted, 1.2).dashed());
        }
        dots(&mut figure, &frame, &pairs, |p, r| format!("predicted {p}, residual {r}"));
        figure
    }
}

fn finite_pairs(actual: &[f64], predicted: &[f64]) -> Vec<(f64, f64)> {
    actual.iter().copied().zip(predicted.iter().copied()).filter(|(a, p)| a.is_finite() && p.is_finite()).collect()
}

fn dots(figure: &mut Figure, frame: &Frame, pairs: &[(f64, f64)], tip: impl Fn(String, String) -> String) {
    let every = pairs.len().div_ceil(MOST).max(1);
    let (radius, alpha) = if pairs.len() > 300 { (2.2, 0.4) } else { (3.2, 0.6) };
    // Hints cost most of the bytes; among hundreds of points nobody aims at one.
    let hints = pairs.len() <= 300;
    for (x, y) in pairs.iter().step_by(every) {
        let Some(center) = frame.at(*x, *y) else { continue };
        figure.push(Mark::Circle {
            center,
            radius,
            fill: Some(Paint::faded(Role::First, alpha)),
            stroke: None,
            tip: hints.then(|| tip(number::short(*x), number::short(*y))),
        });
    }
}
