//! Scores of a search over one of its settings.

use super::axis::{Axis, Frame, Labels};
use super::{Figure, Mark, Paint, Role};
use crate::number;

/// Scores spread wider than this are shown on a logarithmic axis.
const WIDE: f64 = 20.0;

/// One point per trial: the value of a setting and the score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingChart {
    /// The setting.
    pub setting: String,
    /// What the score is; smaller is better.
    pub score: String,
    /// Its values by name, when they are a list; points then give the place in it.
    pub names: Vec<String>,
    /// Whether the setting's axis is logarithmic; only without names.
    pub log: bool,
    /// Value and score of each trial.
    pub points: Vec<(f64, f64)>,
    /// Place of the best trial among the points.
    pub best: usize,
}

impl SettingChart {
    /// Draws the points, the best one marked.
    pub fn figure(&self) -> Figure {
        let finite: Vec<(usize, f64, f64)> =
            self.points.iter().enumerate().filter(|(_, (x, y))| x.is_finite() && y.is_finite()).map(|(i, (x, y))| (i, *x, *y)).collect();
        if finite.is_empty() {
            return Figure::nothing(420.0, 100.0, "no trial has a score");
        }
        let mut figure = Figure::new(420.0, 280.0, format!("{} over {}, {} trials", self.score, self.setting, finite.len()));
        let (xs, ys) = (|| finite.iter().map(|p| p.1), || finite.iter().map(|p| p.2));
        let x = if self.names.is_empty() {
            let log = if self.log { Axis::log_covering(xs()) } else { None };
            log.unwrap_or_else(|| Axis::covering(xs(), 5))
        } else {
            let places = || (0..self.names.len()).map(|i| i as f64);
            let mut axis = Axis::labelled(places(), places().zip(self.names.iter().cloned()).collect());
            axis.widen(0.5);
            axis
        };
        let (low, high) = ys().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
        let log = if low > 0.0 && high / low > WIDE { Axis::log_covering(ys()) } else { None };
        let y = log.unwrap_or_else(|| Axis::covering(ys(), 5));
        let labels = Labels { title: &self.setting, x: "", y: &self.score };
        let frame = Frame::draw(&mut figure, x, y, &labels);
        // The best one last, on top of all.
        let best = |p: &&(usize, f64, f64)| p.0 == self.best;
        for (i, x, y) in finite.iter().filter(|p| !best(p)).chain(finite.iter().filter(best)) {
            // Points of one name lie side by side.
            let beside = if self.names.is_empty() { 0.0 } else { (i % 9) as f64 * 0.05 - 0.2 };
            let Some(center) = frame.at(x + beside, *y) else { continue };
            let value = self.names.get(*x as usize).cloned().unwrap_or_else(|| number::short(*x));
            let best = *i == self.best;
            figure.push(Mark::Circle {
                center,
                radius: if best { 5.0 } else { 3.6 },
                fill: Some(if best { Role::Second.into() } else { Paint::faded(Role::First, 0.6) }),
                stroke: None,
                tip: Some(format!("{} {value}: {} {}", self.setting, self.score, number::short(*y))),
            });
        }
        figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_trial_is_a_point_on_axes_that_suit() {
        let points = vec![(1e-3, 0.5), (1e-2, 0.1), (1e-1, f64::NAN), (1e-1, 30.0)];
        let mut chart =
            SettingChart { setting: "learning_rate".into(), score: "rmse".into(), log: true, points, best: 1, ..SettingChart::default() };
        let circles = |c: &SettingChart| c.figure().to_svg().matches("<circle").count();
        assert_eq!(circles(&chart), 3);
        let svg = chart.figure().to_svg();
        assert!(svg.contains("learning_rate 0.01: rmse 0.1") && svg.contains("0.001"), "{svg}");
        chart.names = vec!["adam".into(), "sgd".into()];
        chart.points = vec![(0.0, 1.0), (1.0, 2.0), (1.0, 1.5)];
        assert_eq!(circles(&chart), 3);
        assert!(chart.figure().to_svg().contains("adam"));
        chart.points.clear();
        assert!(chart.figure().to_svg().contains("no trial has a score"));
    }
}
