//! Series as pictures: all of one with its parts marked, what was held out, and what is to come.

use super::Held;
use super::forecast::Coming;
use adaline::data::{Frame, SeriesPart, Time};
use adaline::report::figure::{SeriesChart, SeriesLine};

/// Times written on the x axis.
const TICKS: usize = 8;
/// A forecast is drawn behind at least so many known steps, and behind so many times its own length.
const BEHIND: (usize, usize) = (48, 3);

/// One series on a page: where each of its rows lies from left to right, a step apart.
pub(super) struct Sheet<'a> {
    frame: &'a Frame,
    part: &'a SeriesPart,
    x: Vec<f64>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(frame: &'a Frame, part: &'a SeriesPart) -> Self {
        let mut x = Vec::with_capacity(part.rows.len());
        let mut at = 0.0;
        for row in part.rows.clone() {
            if row > part.rows.start {
                let steps = frame.step().between(frame.times()[row - 1], frame.times()[row]);
                // Odd times lie half a step apart: somewhere between.
                at += steps.filter(|s| *s > 0).map_or(0.5, |s| s as f64);
            }
            x.push(at);
        }
        Self { frame, part, x }
    }

    fn x(&self, row: usize) -> f64 {
        self.x[row - self.part.rows.start]
    }

    /// The target, broken at gaps, from a row on.
    fn line(&self, name: &str, from: usize) -> SeriesLine {
        let mut points = Vec::new();
        for row in from.max(self.part.rows.start)..self.part.rows.end {
            if row > from && !self.frame.stretch(row - 1).contains(&row) {
                points.push((f64::NAN, f64::NAN));
            }
            points.push((self.x(row), self.frame.values()[row]));
        }
        SeriesLine { name: name.into(), points, rank: 0 }
    }

    /// Times along the x axis, from a row on; `coming` are written as well.
    fn ticks(&self, from: usize, coming: &[(f64, String)]) -> Vec<(f64, String)> {
        let rows: Vec<(f64, String)> =
            (from..self.part.rows.end).map(|row| (self.x(row), self.frame.time_text(row))).chain(coming.iter().cloned()).collect();
        let last = rows.len().saturating_sub(1);
        let mut chosen: Vec<usize> = (0..TICKS).map(|i| i * last / (TICKS - 1)).collect();
        chosen.dedup();
        chosen.into_iter().filter_map(|i| rows.get(i).cloned()).collect()
    }

    fn title(&self) -> String {
        let columns = self.frame.columns();
        if columns.key.is_some() { format!("{} of {}", columns.target, self.part.key) } else { columns.target.clone() }
    }

    /// Where the first row at or after a time lies.
    fn place(&self, time: Time) -> Option<f64> {
        let row = self.part.rows.clone().find(|&row| self.frame.times()[row].order(time).is_ge())?;
        Some(self.x(row) - 0.5)
    }

    /// All of the series; `begins` names the parts and their first times.
    pub(super) fn history(&self, begins: &[(String, Time)], held: &Held) -> SeriesChart {
        let marks = begins.iter().filter_map(|(name, time)| Some((self.place(*time)?, name.clone()))).collect();
        let forecast = self.forecasts(held, 1);
        SeriesChart {
            title: self.title(),
            lines: vec![self.line("measured", self.part.rows.start), SeriesLine { name: "forecast, 1 step ahead".into(), ..forecast }],
            band: Vec::new(),
            marks,
            ticks: self.ticks(self.part.rows.start, &[]),
        }
    }

    /// Forecasts so many steps ahead of the rows of this series.
    fn forecasts(&self, held: &Held, ahead: usize) -> SeriesLine {
        let values = held.step(&held.predicted, ahead);
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (&origin, value) in held.origins.iter().zip(values) {
            let row = origin + ahead;
            if !self.part.rows.contains(&row) {
                continue;
            }
            let x = self.x(row);
            if points.last().is_some_and(|last| x - last.0 > 1.0) {
                points.push((f64::NAN, f64::NAN));
            }
            points.push((x, value));
        }
        SeriesLine { name: String::new(), points, rank: 1 }
    }

    /// What was held out, beside forecasts so many steps ahead.
    pub(super) fn held_out(&self, held: &Held, ahead: usize) -> Option<SeriesChart> {
        let first = held.origins.iter().copied().filter(|row| self.part.rows.contains(row)).min()?;
        let steps = if ahead == 1 { "1 step".into() } else { format!("{ahead} steps") };
        let line = self.forecasts(held, ahead);
        Some(SeriesChart {
            title: format!("{}, {steps} ahead", self.title()),
            lines: vec![self.line("measured", first), SeriesLine { name: "forecast".into(), ..line }],
            ticks: self.ticks(first, &[]),
            ..SeriesChart::default()
        })
    }

    /// The end of the series and what is to come.
    pub(super) fn coming(&self, coming: &Coming) -> SeriesChart {
        let steps = coming.forecast.len();
        let from = coming.origin.saturating_sub(BEHIND.0.max(steps.saturating_mul(BEHIND.1))).max(self.part.rows.start);
        let start = self.x(coming.origin);
        let x = |step: usize| start + (step + 1) as f64;
        // Rows after the last known one have no target; they are part of the forecast.
        let mut past = self.line("measured", from);
        past.points.retain(|p| p.0.is_nan() || p.0 <= start);
        let mut points = vec![(start, self.frame.values()[coming.origin])];
        points.extend(coming.forecast.iter().enumerate().map(|(i, y)| (x(i), *y)));
        let times: Vec<(f64, String)> = coming.times.iter().enumerate().map(|(i, t)| (x(i), t.clone())).collect();
        let mut ticks = self.ticks(from, &times);
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        SeriesChart {
            title: self.title(),
            lines: vec![past, SeriesLine { name: "forecast".into(), points, rank: 1 }],
            band: coming.interval.iter().enumerate().map(|(i, (low, high))| (x(i), *low, *high)).collect(),
            marks: Vec::new(),
            ticks,
        }
    }
}
