//! A series in time, with its forecasts and the band that holds most of them; errors by how far ahead.

use super::axis::{Axis, Frame, Labels, LegendEntry, legend};
use super::{Anchor, Figure, Mark, Paint, Role, Stroke};
use crate::number;

/// At most so many points of a line are drawn; longer ones are thinned.
const MOST: usize = 2400;

/// One line of a series chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesLine {
    /// The name in the legend; empty for none.
    pub name: String,
    /// x and y of each point; NaN breaks the line.
    pub points: Vec<(f64, f64)>,
    /// 0 is the series itself, 1 and 2 are told apart from it by colour, more are grey and dashed.
    pub rank: usize,
}

/// A series over time.
///
/// ```
/// use adaline_report::figure::{SeriesChart, SeriesLine};
/// let past = SeriesLine { name: "measured".into(), points: vec![(0.0, 3.0), (1.0, 4.0)], rank: 0 };
/// let coming = SeriesLine { name: "forecast".into(), points: vec![(1.0, 4.0), (2.0, 4.5)], rank: 1 };
/// let chart = SeriesChart { title: "sales".into(), lines: vec![past, coming], band: vec![(2.0, 4.2, 4.8)], ..SeriesChart::default() };
/// assert!(chart.figure().to_svg().contains("<svg"));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesChart {
    /// Above the plot.
    pub title: String,
    /// The lines, the first below the others.
    pub lines: Vec<SeriesLine>,
    /// x, lower and upper end of the interval around a forecast.
    pub band: Vec<(f64, f64, f64)>,
    /// Where a part begins, and its name: `test`.
    pub marks: Vec<(f64, String)>,
    /// Places on the x axis and what is written there, in ascending order.
    pub ticks: Vec<(f64, String)>,
}

impl SeriesChart {
    /// Draws the chart.
    pub fn figure(&self) -> Figure {
        let points = || self.lines.iter().flat_map(|l| &l.points).copied().chain(self.band.iter().flat_map(|&(x, l, h)| [(x, l), (x, h)]));
        if !points().any(|(x, y)| x.is_finite() && y.is_finite()) {
            return Figure::nothing(940.0, 120.0, "there is nothing to draw");
        }
        let mut figure = Figure::new(940.0, 320.0, self.description());
        let x = Axis::labelled(points().map(|p| p.0), self.ticks.clone());
        let y = Axis::covering(points().filter(|p| p.0.is_finite()).map(|p| p.1), 5);
        let frame = Frame::draw(&mut figure, x, y, &Labels { title: &self.title, x: "", y: "" });
        self.draw_band(&mut figure, &frame);
        for (x, name) in &self.marks {
            let Some(x) = frame.at_x(*x) else { continue };
            figure.line([x, frame.top()], [x, frame.bottom()], Stroke::new(Role::Muted, 1.0).dashed());
            figure.text([x + 4.0, frame.top() + 10.0], name, 11.0, Anchor::Start, Role::Muted);
        }
        for line in &self.lines {
            draw(&mut figure, &frame, line);
        }
        let named = self.lines.iter().filter(|l| !l.name.is_empty());
        let entries: Vec<_> = named.map(|l| LegendEntry { text: &l.name, stroke: stroke(l.rank) }).collect();
        legend(&mut figure, &entries);
        figure
    }

    /// Each step's interval as a bar as wide as a step: between the steps nothing is forecast.
    fn draw_band(&self, figure: &mut Figure, frame: &Frame) {
        let width = self.band.windows(2).map(|w| w[1].0 - w[0].0).filter(|d| *d > 0.0).fold(f64::INFINITY, f64::min);
        let half = if width.is_finite() { width / 2.0 } else { 0.5 };
        for &(x, low, high) in &self.band {
            let corners = (frame.at(x - half, high), frame.at(x + half, low));
            let (Some([left, top]), Some([right, bottom])) = corners else { continue };
            figure.push(Mark::Rect {
                at: [left, top, (right - left).max(0.5), (bottom - top).max(0.5)],
                radius: 0.0,
                fill: Some(Paint::faded(Role::Second, 0.18)),
                stroke: None,
                tip: Some(format!("{} to {}", number::short(low), number::short(high))),
            });
        }
    }

    fn description(&self) -> String {
        let names: Vec<&str> = self.lines.iter().map(|l| l.name.as_str()).filter(|n| !n.is_empty()).collect();
        format!("{} over time: {}", self.title, names.join(", "))
    }
}

fn stroke(rank: usize) -> Stroke {
    match rank {
        0 => Stroke::new(Role::First, 1.6),
        1 => Stroke::new(Role::Second, 1.8),
        2 => Stroke::new(Role::Third, 1.6),
        _ => Stroke::new(Role::Muted, 1.2).dashed(),
    }
}

/// Draws a line, broken where values are missing. A point between gaps is a dot.
fn draw(figure: &mut Figure, frame: &Frame, line: &SeriesLine) {
    let every = line.points.len().div_ceil(MOST).max(1);
    let mut piece: Vec<[f64; 2]> = Vec::new();
    let flush = |figure: &mut Figure, piece: &mut Vec<[f64; 2]>| {
        let points = std::mem::take(piece);
        let (stroke, tip) = (stroke(line.rank), None);
        match points.as_slice() {
            [] => {}
            [center] => figure.push(Mark::Circle { center: *center, radius: 2.0, fill: Some(stroke.paint), stroke: None, tip }),
            _ => figure.push(Mark::Line { points, stroke, tip }),
        }
    };
    for (i, &(x, y)) in line.points.iter().enumerate() {
        match frame.at(x, y) {
            Some(at) if i % every == 0 || i + 1 == line.points.len() => piece.push(at),
            Some(_) => {}
            None => flush(figure, &mut piece),
        }
    }
    flush(figure, &mut piece);
}

/// An error by how many steps ahead a value was forecast, for a network and for simple rules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HorizonChart {
    /// What is measured: `RMSE`.
    pub metric: String,
    /// Name and one error per step ahead; the first is the network.
    pub curves: Vec<(String, Vec<f64>)>,
}

impl HorizonChart {
    /// Draws the errors.
    pub fn figure(&self) -> Figure {
        let steps = self.curves.iter().map(|c| c.1.len()).max().unwrap_or(0);
        let values = || self.curves.iter().flat_map(|c| &c.1).copied();
        if !values().any(f64::is_finite) {
            return Figure::nothing(560.0, 120.0, "no errors were measured");
        }
        let mut figure = Figure::new(560.0, 300.0, format!("{} for 1 to {steps} steps ahead", self.metric));
        let labels = Labels { title: &self.metric, x: "steps ahead", y: "" };
        let frame = Frame::draw(&mut figure, Axis::whole(1, steps, 12), Axis::covering(values().chain([0.0]), 5), &labels);
        for (rank, (name, errors)) in self.curves.iter().enumerate() {
            let points: Vec<(f64, f64)> = errors.iter().enumerate().map(|(i, e)| ((i + 1) as f64, *e)).collect();
            for &(x, y) in &points {
                let Some(center) = frame.at(x, y) else { continue };
                let tip = Some(format!("{name}, {x} ahead: {}", number::short(y)));
                figure.push(Mark::Circle { center, radius: 2.8, fill: Some(stroke(rank_of(rank)).paint), stroke: None, tip });
            }
            draw(&mut figure, &frame, &SeriesLine { name: name.clone(), points, rank: rank_of(rank) });
        }
        let entries: Vec<_> =
            self.curves.iter().enumerate().map(|(i, (name, _))| LegendEntry { text: name, stroke: stroke(rank_of(i)) }).collect();
        legend(&mut figure, &entries);
        figure
    }
}

/// The network is drawn as forecasts are.
fn rank_of(curve: usize) -> usize {
    match curve {
        0 => 1,
        1 => 0,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(figure: &Figure, role: Role) -> usize {
        figure.marks.iter().filter(|m| matches!(m, Mark::Line { stroke, .. } if stroke.paint.role == role && !stroke.dashed)).count()
    }

    #[test]
    fn gaps_break_lines_and_lone_points_are_dots() {
        let y = [1.0, 2.0, f64::NAN, 3.0, f64::NAN, 4.0, 5.0];
        let points = y.iter().enumerate().map(|(x, y)| (x as f64, *y)).collect();
        let chart = SeriesChart { lines: vec![SeriesLine { name: String::new(), points, rank: 0 }], ..SeriesChart::default() };
        let figure = chart.figure();
        assert_eq!(lines(&figure, Role::First), 2);
        assert_eq!(figure.marks.iter().filter(|m| matches!(m, Mark::Circle { .. })).count(), 1);
    }

    #[test]
    fn long_lines_are_thinned_but_end_where_they_end() {
        let points: Vec<(f64, f64)> = (0..50_001).map(|x| (f64::from(x), 1.0)).collect();
        let chart = SeriesChart { lines: vec![SeriesLine { name: "a".into(), points, rank: 1 }], ..SeriesChart::default() };
        let figure = chart.figure();
        let longest = figure.marks.iter().filter_map(|m| if let Mark::Line { points, .. } = m { Some(points) } else { None });
        let longest = longest.max_by_key(|p| p.len()).unwrap();
        assert!(longest.len() <= MOST + 1, "{}", longest.len());
        assert!(longest.last().unwrap()[0] > 900.0);
    }

    #[test]
    fn bands_and_marks_are_drawn() {
        let line = SeriesLine { name: "forecast".into(), points: vec![(0.0, 1.0), (1.0, 2.0)], rank: 1 };
        let chart = SeriesChart {
            title: "y".into(),
            lines: vec![line],
            band: vec![(0.0, 0.5, 1.5), (1.0, f64::NAN, 3.0), (2.0, 1.0, 4.0)],
            marks: vec![(0.5, "test".into())],
            ticks: vec![(0.0, "Jan".into()), (9.0, "beyond".into())],
        };
        let figure = chart.figure();
        assert_eq!(figure.marks.iter().filter(|m| matches!(m, Mark::Rect { .. })).count(), 2, "an interval without an end is not drawn");
        let svg = figure.to_svg();
        assert!(svg.contains("test") && svg.contains("Jan") && !svg.contains("beyond"), "{svg}");
        assert_eq!(SeriesChart::default().figure().mark_count(), 2);
        let errors =
            HorizonChart { metric: "RMSE".into(), curves: vec![("network".into(), vec![1.0, 2.0]), ("last".into(), vec![2.0, f64::NAN])] };
        assert!(errors.figure().to_svg().contains("steps ahead"));
        assert_eq!(HorizonChart::default().figure().mark_count(), 2);
    }
}
