//! Axes: round tick values and the frame around a plot.

use super::{Anchor, Figure, Mark, Role, Stroke, font};
use crate::number;

/// Font size of axis numbers.
pub(super) const TICK_SIZE: f64 = 11.0;
/// Font size of axis titles and legends.
pub(super) const LABEL_SIZE: f64 = 12.0;
/// Font size of figure titles.
pub(super) const TITLE_SIZE: f64 = 14.0;

/// Larger values are shown at this one, so that differences stay finite.
const WIDEST: f64 = 1e300;

/// The range an axis shows and where its ticks are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// A linear axis that covers `values` with about `count` round ticks. Without a finite value it shows 0 to 1.
    pub(super) fn covering(values: impl IntoIterator<Item = f64>, count: usize) -> Self {
        let (low, high) = range(values);
        // Far apart or huge values would overflow `high - low`.
        let (low, high) = (low.clamp(-WIDEST, WIDEST), high.clamp(-WIDEST, WIDEST));
        let (low, high) = if high > low {
            (low, high)
        } else {
            let room = if low == 0.0 { 0.5 } else { low.abs() * 0.05 };
            (low - room, high + room)
        };
        let step = round_step((high - low) / count.max(1) as f64);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self::with_step(low, high, step)
    }

    /// Whole numbers from `low` to `high`, exactly that range, ticks at round whole numbers.
    pub(super) fn whole(low: usize, high: usize, count: usize) -> Self {
        let (first, last) = (low as f64, high as f64);
        let step = round_step((last - first) / count.max(1) as f64).max(1.0).round();
        let mut axis = Self::with_step((first / step).ceil() * step, last, step);
        (axis.low, axis.high) = if high > low { (first, last) } else { (first - 0.5, last + 0.5) };
        if !axis.ticks.iter().any(|(v, _)| *v == first) {
            // Epochs begin at 1; a tick there says so, unless the next one is too near.
            axis.ticks.retain(|(v, _)| *v - first >= step * 0.5);
            axis.ticks.insert(0, (first, number::tick(first, step)));
        }
        axis
    }

    /// An axis that covers `values` exactly, with the given ticks as far as they lie within.
    pub(super) fn labelled(values: impl IntoIterator<Item = f64>, mut ticks: Vec<(f64, String)>) -> Self {
        let (low, high) = range(values);
        let (low, high) = (low.clamp(-WIDEST, WIDEST), high.clamp(-WIDEST, WIDEST));
        let (low, high) = if high > low { (low, high) } else { (low - 0.5, high + 0.5) };
        ticks.retain(|(v, _)| (low..=high).contains(v));
        Self { low, high, log: false, ticks }
    }

    /// A logarithmic axis over the decades of the positive `values`; `None` without any.
    pub(super) fn log_covering(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values.into_iter().filter(|v| *v > 0.0 && v.is_finite()));
        if low <= 0.0 {
            return None;
        }
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let last = last.max(first + 1);
        let every = (last - first).div_ceil_positive(6);
        let ticks = (first..=last)
            .step_by(every)
            .map(|e| {
                let text = if (-4..=5).contains(&e) { number::short(10f64.powi(e)) } else { format!("1e{e}") };
                (f64::from(e), text)
            })
            .collect();
        Some(Self { low: f64::from(first), high: f64::from(last), log: true, ticks })
    }

    fn with_step(low: f64, high: f64, step: f64) -> Self {
        let count = (((high - low) / step).round().max(0.0) as usize).min(100);
        let ticks =
            (0..=count).map(|i| low + step * i as f64).filter(|v| *v <= high + step * 1e-6).map(|v| (v, number::tick(v, step))).collect();
        Self { low, high, log: false, ticks }
    }

    /// Where `value` lies, 0 at the low and 1 at the high end; `None` if it cannot be shown.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !value.is_finite() {
            return None;
        }
        let value = if self.log { value.log10() } else { value.clamp(-WIDEST, WIDEST) };
        let at = (value - self.low) / (self.high - self.low);
        at.is_finite().then_some(at)
    }

    /// Leaves `room` (in axis units) free at both ends.
    pub(super) fn widen(&mut self, room: f64) {
        self.low -= room;
        self.high += room;
    }

    fn tick_places(&self) -> impl Iterator<Item = (f64, &str)> {
        let span = self.high - self.low;
        self.ticks.iter().map(move |(v, text)| ((v - self.low) / span, text.as_str()))
    }

    fn widest_tick(&self) -> f64 {
        self.ticks.iter().map(|(_, text)| font::width(text, TICK_SIZE)).fold(0.0, f64::max)
    }
}

trait DivCeilPositive {
    fn div_ceil_positive(self, by: i32) -> usize;
}

impl DivCeilPositive for i32 {
    fn div_ceil_positive(self, by: i32) -> usize {
        usize::try_from((self + by - 1) / by).unwrap_or(1).max(1)
    }
}

/// The finite range of `values`; (0, 1) without any finite value.
fn range(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (low, high) =
        values.into_iter().filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `raw`.
fn round_step(raw: f64) -> f64 {
    if !(raw.is_finite() && raw > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|f| f * power >= raw * (1.0 - 1e-9)).unwrap_or(10.0);
    factor * power
}

/// The plotting area inside a figure, with its axes.
pub(super) struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: Axis,
    y: Axis,
}

/// The words around a frame.
pub(super) struct Labels<'a> {
    /// Above the plot.
    pub title: &'a str,
    /// Below the x axis.
    pub x: &'a str,
    /// Along the y axis.
    pub y: &'a str,
}

impl Frame {
    /// Draws grid, axis numbers and labels into `figure` and returns the area inside.
    pub(super) fn draw(figure: &mut Figure, x: Axis, y: Axis, labels: &Labels<'_>) -> Self {
        let left = 10.0 + y.widest_tick() + 6.0 + if labels.y.is_empty() { 0.0 } else { LABEL_SIZE + 8.0 };
        let top = if labels.title.is_empty() { 14.0 } else { 40.0 };
        let bottom = 24.0 + if labels.x.is_empty() { 0.0 } else { 18.0 };
        // Half of the last number stands beyond the end of the axis.
        let right = x.ticks.last().map_or(0.0, |(_, text)| font::width(text, TICK_SIZE) / 2.0 + 4.0).max(18.0);
        let frame =
            Self { left, top, width: (figure.width() - left - right).max(10.0), height: (figure.height() - top - bottom).max(10.0), x, y };
        frame.grid(figure);
        frame.words(figure, labels);
        frame
    }

    fn grid(&self, figure: &mut Figure) {
        let bottom = self.top + self.height;
        for (at, text) in self.y.tick_places() {
            let y = bottom - at * self.height;
            figure.line([self.left, y], [self.left + self.width, y], Stroke::new(Role::Grid, 1.0));
            figure.text([self.left - 6.0, y + 4.0], text, TICK_SIZE, Anchor::End, Role::Muted);
        }
        let mut free_from = f64::NEG_INFINITY;
        for (at, text) in self.x.tick_places() {
            let x = self.left + at * self.width;
            figure.line([x, bottom], [x, bottom + 4.0], Stroke::new(Role::Muted, 1.0));
            let half = font::width(text, TICK_SIZE) / 2.0;
            if x - half > free_from {
                figure.text([x, bottom + 17.0], text, TICK_SIZE, Anchor::Middle, Role::Muted);
                free_from = x + half + 6.0;
            }
        }
        figure.line([self.left, bottom], [self.left + self.width, bottom], Stroke::new(Role::Muted, 1.0));
    }

    fn words(&self, figure: &mut Figure, labels: &Labels<'_>) {
        if !labels.title.is_empty() {
            let title = font::fitted(labels.title, TITLE_SIZE, figure.width() - 24.0);
            figure.bold_text([self.left, 22.0], title, TITLE_SIZE, Anchor::Start, Role::Ink);
        }
        if !labels.x.is_empty() {
            let text = font::fitted(labels.x, LABEL_SIZE, self.width);
            let at = [self.left + self.width / 2.0, figure.height() - 8.0];
            figure.text(at, text, LABEL_SIZE, Anchor::Middle, Role::Muted);
        }
        if !labels.y.is_empty() {
            figure.push(Mark::Text {
                at: [16.0, self.top + self.height / 2.0],
                text: font::fitted(labels.y, LABEL_SIZE, self.height),
                size: LABEL_SIZE,
                anchor: Anchor::Middle,
                paint: Role::Muted.into(),
                bold: false,
                upright: true,
            });
        }
    }

    /// Pixels of the data point; `None` if it cannot be shown.
    pub(super) fn at(&self, x: f64, y: f64) -> Option<[f64; 2]> {
        Some([self.at_x(x)?, self.at_y(y)?])
    }

    /// Horizontal pixel of `x`.
    pub(super) fn at_x(&self, x: f64) -> Option<f64> {
        Some(self.left + self.x.place(x)? * self.width)
    }

    /// Vertical pixel of `y`.
    pub(super) fn at_y(&self, y: f64) -> Option<f64> {
        Some(self.top + (1.0 - self.y.place(y)?) * self.height)
    }

    /// Pixel of the top edge.
    pub(super) fn top(&self) -> f64 {
        self.top
    }

    /// Pixel of the bottom edge.
    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    /// Pixel of the left edge.
    pub(super) fn left(&self) -> f64 {
        self.left
    }

    /// Pixel of the right edge.
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }
}

/// One entry of a legend.
pub(super) struct LegendEntry<'a> {
    /// The series' name.
    pub text: &'a str,
    /// Its line, shown as a short sample.
    pub stroke: Stroke,
}

/// Draws a legend in the figure's top right corner.
pub(super) fn legend(figure: &mut Figure, entries: &[LegendEntry<'_>]) {
    let mut x = figure.width() - 18.0;
    for entry in entries.iter().rev() {
        let text = font::fitted(entry.text, LABEL_SIZE, 160.0);
        x -= font::width(&text, LABEL_SIZE);
        figure.text([x, 22.0], text, LABEL_SIZE, Anchor::Start, Role::Muted);
        x -= 24.0;
        figure.line([x, 18.0], [x + 18.0, 18.0], entry.stroke);
        x -= 14.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, t)| t.as_str()).collect()
    }

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        assert_eq!(texts(&Axis::covering([0.03, 0.97], 5)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(&Axis::covering([-3.0, 12.0], 4)), ["-5", "0", "5", "10", "15"]);
    }

    #[test]
    fn odd_values_still_give_an_axis() {
        for values in [
            vec![],
            vec![f64::NAN],
            vec![f64::INFINITY, 1.0],
            vec![5.0],
            vec![0.0, 0.0],
            vec![f64::MIN, f64::MAX],
            vec![1e-320, 2e-320],
            vec![1.0, 1.0 + f64::EPSILON],
        ] {
            let axis = Axis::covering(values.clone(), 5);
            assert!(axis.high > axis.low && axis.ticks.len() <= 101, "{values:?} {axis:?}");
            assert!(axis.place(f64::NAN).is_none());
        }
    }

    #[test]
    fn epochs_are_whole_numbers_that_begin_at_one() {
        assert_eq!(texts(&Axis::whole(1, 1, 6)), ["1"]);
        assert_eq!(texts(&Axis::whole(1, 3, 6)), ["1", "2", "3"]);
        assert_eq!(texts(&Axis::whole(1, 30, 6)), ["1", "5", "10", "15", "20", "25", "30"]);
        let many = Axis::whole(1, 1000, 6);
        assert_eq!(texts(&many), ["1", "200", "400", "600", "800", "1000"]);
        assert_eq!(many.place(1.0), Some(0.0));
    }

    #[test]
    fn log_axes_need_positive_values() {
        assert!(Axis::log_covering([0.0, -1.0, f64::NAN]).is_none());
        let axis = Axis::log_covering([0.002, 3.0]).unwrap();
        assert_eq!(texts(&axis), ["0.001", "0.01", "0.1", "1", "10"]);
        assert_eq!(axis.place(0.1), Some(0.5));
    }
}
