//! Scores of a k-fold cross-validation: one point per fold, the mean and its spread.

use super::axis::{Axis, Frame, Labels};
use super::{Anchor, Figure, Mark, Paint, Role, Stroke};
use crate::number;

/// One metric over the folds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FoldChart {
    /// What is measured.
    pub metric: String,
    /// One score per fold.
    pub scores: Vec<f64>,
}

impl FoldChart {
    /// Mean and sample standard deviation of the finite scores; the deviation is NaN with fewer than two.
    pub fn mean_and_deviation(&self) -> (f64, f64) {
        let finite: Vec<f64> = self.scores.iter().copied().filter(|v| v.is_finite()).collect();
        let n = finite.len() as f64;
        let mean = finite.iter().sum::<f64>() / n;
        let squares: f64 = finite.iter().map(|v| (v - mean) * (v - mean)).sum();
        (mean, if finite.len() < 2 { f64::NAN } else { (squares / (n - 1.0)).sqrt() })
    }

    /// Draws the folds.
    pub fn figure(&self) -> Figure {
        let (mean, deviation) = self.mean_and_deviation();
        if !mean.is_finite() {
            return Figure::nothing(420.0, 100.0, "no fold was scored");
        }
        let spread = if deviation.is_finite() { deviation } else { 0.0 };
        let mut figure = Figure::new(420.0, 260.0, format!("{} of {} folds, mean {}", self.metric, self.scores.len(), number::short(mean)));
        let values = self.scores.iter().copied().chain([mean - spread, mean + spread]);
        let mut x = Axis::whole(1, self.scores.len(), 10);
        x.widen(0.5);
        let labels = Labels { title: &self.metric, x: "fold", y: "" };
        let frame = Frame::draw(&mut figure, x, Axis::covering(values, 5), &labels);
        if let (Some(top), Some(bottom)) = (frame.at_y(mean + spread), frame.at_y(mean - spread)) {
            let at = [frame.left(), top, frame.right() - frame.left(), bottom - top];
            figure.rect(at, 0.0, Paint::faded(Role::First, 0.12));
        }
        if let Some(y) = frame.at_y(mean) {
            figure.line([frame.left(), y], [frame.right(), y], Stroke::new(Role::First, 1.4).dashed());
        }
        let text = if deviation.is_finite() {
            format!("mean {} ± {}", number::short(mean), number::short(deviation))
        } else {
            format!("mean {}", number::short(mean))
        };
        figure.text([frame.right(), 22.0], text, 12.0, Anchor::End, Role::Muted);
        for (i, score) in self.scores.iter().enumerate() {
            let Some(center) = frame.at((i + 1) as f64, *score) else { continue };
            let tip = Some(format!("fold {}: {}", i + 1, number::short(*score)));
            figure.push(Mark::Circle { center, radius: 4.5, fill: Some(Role::First.into()), stroke: None, tip });
        }
        figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviation_is_the_samples() {
        let chart = FoldChart { metric: "mae".into(), scores: vec![1.0, 2.0, 3.0, f64::NAN] };
        assert_eq!(chart.mean_and_deviation(), (2.0, 1.0));
        let one = FoldChart { metric: "mae".into(), scores: vec![1.0] };
        assert!(one.mean_and_deviation().1.is_nan());
        assert!(one.figure().mark_count() > 1);
    }
}
