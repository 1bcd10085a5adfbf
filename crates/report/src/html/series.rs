//! A series: its parts, its forecasts beside the truth, and errors by how far ahead.

use super::Report;
use super::page::Html;
use crate::number::{column, grouped};

/// The series with its forecasts.
pub(super) fn overview(html: &mut Html, report: &Report) {
    let Some(series) = &report.series else { return };
    html.figure(&series.history.figure(), &series.caption);
    if !series.held_out.is_empty() {
        html.subheading("Forecasts beside the truth");
        for chart in &series.held_out {
            html.figure(&chart.figure(), "");
        }
    }
    let steps = series.errors.curves.iter().map(|c| c.1.len()).max().unwrap_or(0);
    if steps == 0 {
        return;
    }
    html.subheading("Errors by how far ahead");
    let windows = grouped(series.windows);
    html.figure(&series.errors.figure(), &format!("{} on {windows} windows held out; lower is better.", series.errors.metric));
    let header: Vec<(&str, bool)> =
        std::iter::once(("steps ahead", false)).chain(series.errors.curves.iter().map(|c| (c.0.as_str(), true))).collect();
    let columns: Vec<Vec<String>> = series
        .errors
        .curves
        .iter()
        .map(|(_, errors)| {
            let mut errors = errors.clone();
            errors.resize(steps, f64::NAN);
            column(&errors)
        })
        .collect();
    let rows: Vec<Vec<String>> =
        (0..steps).map(|i| std::iter::once((i + 1).to_string()).chain(columns.iter().map(|c| c[i].clone())).collect()).collect();
    html.table(&header, &rows, &[]);
}
