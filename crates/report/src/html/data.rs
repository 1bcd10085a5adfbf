//! What the network learned from: parts, columns, classes, images.

use super::page::Html;
use super::{ColumnOverview, Report};
use crate::figure::{BarChart, ImageGrid};
use crate::number::{grouped, percent};
use std::fmt::Write;

/// Sample images.
pub(super) fn images(html: &mut Html, report: &Report) {
    if report.images.is_empty() {
        return;
    }
    let wrong = report.images.iter().filter(|t| t.is_wrong()).count();
    let asked = report.images.iter().filter(|t| t.prediction.is_some()).count();
    let caption = match (asked, wrong) {
        (0, _) => String::new(),
        (_, 0) => "All of these are classified correctly.".into(),
        _ => "Orange frames are mistakes: the true class, then what the network said.".to_owned(),
    };
    html.figure(&ImageGrid { tiles: report.images.clone(), per_row: 0 }.figure(), &caption);
}

/// Parts, warnings, columns and classes.
pub(super) fn overview(html: &mut Html, report: &Report) {
    let Some(data) = &report.data else { return };
    let all = data.parts.iter().map(|(_, n)| *n).fold(0, u64::saturating_add);
    let mut words = String::new();
    if !data.source.is_empty() {
        let _ = write!(words, "From {}. ", data.source);
    }
    if all > 0 {
        let parts: Vec<String> = data.parts.iter().map(|(name, n)| format!("{} {name}", grouped(*n))).collect();
        let _ = write!(words, "{} rows: {}.", grouped(all), parts.join(", "));
    }
    if !words.is_empty() {
        html.paragraph("", words.trim_end());
    }
    if !data.warnings.is_empty() {
        html.raw("<div class=\"warnings\"><strong>Worth knowing</strong>");
        html.list(&data.warnings);
        html.raw("</div>\n");
    }
    if !data.class_counts.is_empty() {
        html.subheading("Classes");
        let bars = data.class_counts.iter().map(|(name, n)| (name.clone(), *n as f64)).collect();
        html.figure(&BarChart { title: "examples per class".into(), bars, highlight: None }.figure(), "");
    }
    if !data.columns.is_empty() {
        html.subheading("Columns");
        columns(html, &data.columns, all);
    }
}

fn columns(html: &mut Html, columns: &[ColumnOverview], rows: u64) {
    html.raw("<div class=\"scroll\"><table><thead><tr><th>name</th><th>kind</th><th>use</th>");
    html.raw("<th class=\"n\">missing</th><th class=\"n\">distinct</th><th>values</th></tr></thead><tbody>\n");
    for column in columns {
        html.raw("<tr><th scope=\"row\">").text(&column.name).raw("</th><td>").text(&column.kind);
        html.raw("</td><td>").text(&column.role).raw("</td><td class=\"n\">");
        let missing = match column.missing {
            0 => "0".into(),
            n if rows > 0 => format!("{} ({})", grouped(n), percent(n as f64 / rows as f64)),
            n => grouped(n),
        };
        html.text(&missing).raw("</td><td class=\"n\">").text(&grouped(column.distinct)).raw("</td><td class=\"top\">");
        if let Some(histogram) = &column.histogram {
            html.raw(&histogram.sparkline().to_inline_svg());
        }
        for (i, (value, count)) in column.top.iter().enumerate() {
            html.raw(if i > 0 { ", " } else { "" }).text(&shortened(value));
            html.raw("&#160;<span class=\"muted\">").text(&grouped(*count)).raw("</span>");
        }
        if !column.note.is_empty() {
            html.raw("<div class=\"muted\">").text(&column.note).raw("</div>");
        }
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
}

/// A category of at most 40 characters.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.is_empty() => "(empty)".into(),
        None => text.to_owned(),
    }
}
