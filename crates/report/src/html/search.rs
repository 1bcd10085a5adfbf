//! A search for good settings.

use super::Report;
use super::page::Html;

/// The score against each setting, and the trials.
pub(super) fn overview(html: &mut Html, report: &Report) {
    let Some(search) = &report.search else { return };
    html.raw("<div class=\"figures\">");
    for chart in &search.charts {
        html.figure(&chart.figure(), "");
    }
    html.raw("</div>\n");
    html.paragraph("muted small", &search.note);
    html.subheading("Trials, the best first");
    let header: Vec<(&str, bool)> = search.header.iter().map(|name| (name.as_str(), true)).collect();
    html.table(&header, &search.rows, &[]);
}
