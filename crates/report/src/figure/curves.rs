//! Curves of losses and metrics over the epochs.

use super::axis::{Axis, Frame, Labels, LegendEntry, legend};
use super::{Anchor, Figure, Mark, Role, Stroke};
use crate::number;
use std::fmt::Write;

/// The values of one quantity, one per epoch; NaN where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// The name in the legend.
    pub name: String,
    /// One value per epoch.
    pub values: Vec<f64>,
}

/// One metric over the epochs, usually for training and for validation.
///
/// ```
/// use adaline_report::figure::{CurveChart, Theme};
/// let chart = CurveChart::new("loss", &[0.9, 0.5, 0.3], Some(&[1.0, 0.6, 0.5]));
/// assert!(chart.figure().to_svg().contains("<svg"));
/// assert!(!chart.figure().to_png(1.0, Theme::Light)?.is_empty());
/// # Ok::<(), adaline_report::figure::RasterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CurveChart {
    /// What is measured: `loss`, `accuracy`.
    pub metric: String,
    /// At most three curves are told apart by colour.
    pub curves: Vec<Curve>,
    /// The epoch (from 1) whose weights were kept, marked by a line.
    pub best_epoch: Option<usize>,
    /// Logarithmic y axis; values that are not positive are left out.
    pub log: bool,
}

impl CurveChart {
    /// A chart of `train` and, where there is one, `validation`. A falling positive metric over more than two decades gets
    /// a logarithmic axis.
    pub fn new(metric: impl Into<String>, train: &[f64], validation: Option<&[f64]>) -> Self {
        let mut curves = vec![Curve { name: "training".into(), values: train.to_vec() }];
        if let Some(values) = validation {
            curves.push(Curve { name: "validation".into(), values: values.to_vec() });
        }
        let finite = || curves.iter().flat_map(|c| &c.values).copied().filter(|v| v.is_finite());
        let (low, high) = finite().fold((f64::INFINITY, 0.0), |(l, h): (f64, f64), v| (l.min(v), h.max(v)));
        let log = low > 0.0 && high / low > 200.0;
        Self { metric: metric.into(), curves, best_epoch: None, log }
    }

    /// Draws the curves.
    pub fn figure(&self) -> Figure {
        let epochs = self.curves.iter().map(|c| c.values.len()).max().unwrap_or(0);
        let values = || self.curves.iter().flat_map(|c| &c.values).copied();
        if !values().any(f64::is_finite) {
            return Figure::nothing(460.0, 120.0, "no epochs were recorded");
        }
        let log_axis = if self.log { Axis::log_covering(values()) } else { None };
        let y = log_axis.unwrap_or_else(|| Axis::covering(values(), 5));
        let mut figure = Figure::new(460.0, 280.0, self.description());
        let frame = Frame::draw(&mut figure, Axis::whole(1, epochs, 7), y, &Labels { title: &self.metric, x: "epoch", y: "" });
        self.mark_best(&mut figure, &frame, epochs);
        for (i, curve) in self.curves.iter().enumerate() {
            draw(&mut figure, &frame, curve, stroke(i));
        }
        let entries: Vec<_> = self.curves.iter().enumerate().map(|(i, c)| LegendEntry { text: &c.name, stroke: stroke(i) }).collect();
        legend(&mut figure, &entries);
        figure
    }

    fn mark_best(&self, figure: &mut Figure, frame: &Frame, epochs: usize) {
        let Some(best) = self.best_epoch.filter(|e| (1..=epochs).contains(e) && epochs > 1) else { return };
        let Some(x) = frame.at_x(best as f64) else { return };
        figure.line([x, frame.top()], [x, frame.bottom()], Stroke::new(Role::Third, 1.2).dashed());
        let (x, anchor) = if x > f64::midpoint(frame.left(), frame.right()) { (x - 5.0, Anchor::End) } else { (x + 5.0, Anchor::Start) };
        figure.text([x, frame.top() + 11.0], format!("best epoch {best}"), 11.0, anchor, Role::Third);
    }

    fn description(&self) -> String {
        let mut text = format!("{} over the epochs", self.metric);
        for curve in &self.curves {
            if let (Some(first), Some(last)) = (curve.values.first(), curve.values.last()) {
                let _ = write!(text, "; {} from {} to {}", curve.name, number::short(*first), number::short(*last));
            }
        }
        text
    }
}

fn stroke(series: usize) -> Stroke {
    Stroke::new([Role::First, Role::Second, Role::Third][series % 3], 2.0)
}

/// Draws one curve, broken where values are missing; few epochs get a dot each, so that one epoch shows at all.
fn draw(figure: &mut Figure, frame: &Frame, curve: &Curve, stroke: Stroke) {
    let points: Vec<(usize, f64)> = thinned(&curve.values);
    let dots = curve.values.len() <= 40;
    let mut piece: Vec<[f64; 2]> = Vec::new();
    for (i, value) in points {
        if let Some(at) = frame.at((i + 1) as f64, value) {
            piece.push(at);
            if dots {
                let tip = format!("epoch {}: {} {}", i + 1, curve.name, number::short(value));
                let fill = Some(stroke.paint);
                figure.push(Mark::Circle { center: at, radius: 2.8, fill, stroke: None, tip: Some(tip) });
            }
        } else {
            flush(figure, &mut piece, stroke, dots);
        }
    }
    flush(figure, &mut piece, stroke, dots);
}

fn flush(figure: &mut Figure, piece: &mut Vec<[f64; 2]>, stroke: Stroke, dots: bool) {
    let points = std::mem::take(piece);
    match points.as_slice() {
        [center] if !dots => {
            let fill = Some(stroke.paint);
            figure.push(Mark::Circle { center: *center, radius: 2.0, fill, stroke: None, tip: None });
        }
        // A single value has its dot already.
        [] | [_] => {}
        _ => figure.push(Mark::Line { points, stroke, tip: None }),
    }
}

/// At most about 1200 points: of longer series the smallest and the largest of each stretch, so that spikes stay.
fn thinned(values: &[f64]) -> Vec<(usize, f64)> {
    const MOST: usize = 1200;
    if values.len() <= MOST {
        return values.iter().copied().enumerate().collect();
    }
    let stretch = values.len().div_ceil(MOST / 2);
    let mut out = Vec::with_capacity(MOST + 2);
    for (block, chunk) in values.chunks(stretch).enumerate() {
        let base = block * stretch;
        let finite = || chunk.iter().copied().enumerate().filter(|(_, v)| v.is_finite());
        let low = finite().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = finite().max_by(|a, b| a.1.total_cmp(&b.1));
        match (low, high) {
            (Some(a), Some(b)) if a.0 == b.0 => out.push((base + a.0, a.1)),
            (Some(a), Some(b)) => {
                let (first, second) = if a.0 < b.0 { (a, b) } else { (b, a) };
                out.push((base + first.0, first.1));
                out.push((base + second.0, second.1));
            }
            _ => out.push((base, f64::NAN)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_series_are_thinned_but_keep_spikes() {
        let mut values: Vec<f64> = (0..100_000).map(f64::from).collect();
        values[54_321] = 1e9;
        let thin = thinned(&values);
        assert!(thin.len() <= 1202, "{}", thin.len());
        assert!(thin.contains(&(54_321, 1e9)));
        assert!(thin.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn one_epoch_is_a_dot_and_gaps_break_the_line() {
        let count = |values: &[f64]| {
            let figure = CurveChart::new("loss", values, None).figure();
            let circles = figure.marks.iter().filter(|m| matches!(m, Mark::Circle { .. })).count();
            let first = Stroke::new(Role::First, 2.0);
            let lines = figure.marks.iter().filter(|m| matches!(m, Mark::Line { stroke, .. } if *stroke == first));
            (circles, lines.count() - 1) // without the legend's sample
        };
        assert_eq!(count(&[0.5]), (1, 0));
        assert_eq!(count(&[0.5, 0.4, f64::NAN, 0.3, 0.2]), (4, 2));
        assert_eq!(count(&vec![0.5; 1000]), (0, 1));
    }

    #[test]
    fn steep_losses_get_a_log_axis() {
        assert!(CurveChart::new("loss", &[10.0, 0.01], None).log);
        assert!(!CurveChart::new("loss", &[1.0, 0.1], None).log);
        assert!(!CurveChart::new("loss", &[1.0, 0.0], None).log);
    }
}
