//! The page around the sections, and the small pieces all sections are made of.

use super::{Headline, Report, Unit, data, network, pictures, results, run, search, series, vision};
use crate::escape::{escaped, push_escaped};
use crate::figure::{CurveChart, Figure, theme_css};
use crate::number;
use std::fmt::Write;

const STYLE: &str = include_str!("style.css");

/// No address may be asked for anything; only what lies in the file is shown.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// HTML text under construction. What comes from outside goes through [`Html::text`] or a method that escapes it.
#[derive(Default)]
pub(super) struct Html {
    out: String,
}

impl Html {
    /// Markup of our own.
    pub(super) fn raw(&mut self, markup: &str) -> &mut Self {
        self.out.push_str(markup);
        self
    }

    /// Text from anywhere.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        push_escaped(&mut self.out, text);
        self
    }

    /// `<p>` of text.
    pub(super) fn paragraph(&mut self, class: &str, text: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = writeln!(self.out, "<p{class}>{}</p>", escaped(text));
    }

    /// A subheading.
    pub(super) fn subheading(&mut self, text: &str) {
        let _ = writeln!(self.out, "<h3>{}</h3>", escaped(text));
    }

    /// A figure with the words below it.
    pub(super) fn figure(&mut self, figure: &Figure, caption: &str) {
        self.raw("<figure>").raw(&figure.to_inline_svg());
        if !caption.is_empty() {
            self.raw("<figcaption>").text(caption).raw("</figcaption>");
        }
        self.raw("</figure>\n");
    }

    /// A table. Numeric columns are marked in `header` and stand to the right; `totals` lines follow the `rows`.
    pub(super) fn table(&mut self, header: &[(&str, bool)], rows: &[Vec<String>], totals: &[Vec<String>]) {
        self.raw("<div class=\"scroll\"><table><thead><tr>");
        for (name, numeric) in header {
            self.raw(if *numeric { "<th class=\"n\">" } else { "<th>" }).text(name).raw("</th>");
        }
        self.raw("</tr></thead><tbody>\n");
        let lines = rows.iter().map(|r| (r, false)).chain(totals.iter().map(|r| (r, true)));
        for (row, total) in lines {
            self.raw(if total { "<tr class=\"total\">" } else { "<tr>" });
            for (i, (cell, (_, numeric))) in row.iter().zip(header).enumerate() {
                let (open, close) = match (i, numeric) {
                    (0, _) => ("<th scope=\"row\">", "</th>"),
                    (_, true) => ("<td class=\"n\">", "</td>"),
                    (_, false) => ("<td>", "</td>"),
                };
                self.raw(open).text(cell).raw(close);
            }
            self.raw("</tr>\n");
        }
        self.raw("</tbody></table></div>\n");
    }

    /// Names and values.
    pub(super) fn facts<'a>(&mut self, facts: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.raw("<div class=\"scroll\"><table class=\"facts\"><tbody>\n");
        for (name, value) in facts {
            self.raw("<tr><th scope=\"row\">").text(name).raw("</th><td>").text(value).raw("</td></tr>\n");
        }
        self.raw("</tbody></table></div>\n");
    }

    /// A list of sentences.
    pub(super) fn list(&mut self, items: &[String]) {
        self.raw("<ul>");
        for item in items {
            self.raw("<li>").text(item).raw("</li>");
        }
        self.raw("</ul>\n");
    }
}

/// The whole page.
pub(super) fn render(report: &Report) -> String {
    let sections = sections(report);
    let title = if report.title.trim().is_empty() { "Training report" } else { &report.title };
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
    let _ = write!(html.out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
    html.raw("<meta name=\"generator\" content=\"Adaline\"/><link rel=\"icon\" href=\"data:,\"/><title>");
    html.text(title).raw("</title><style>\n").raw(STYLE).raw(&theme_css()).raw("\n</style></head>\n<body><main>\n");
    html.raw("<header><h1>").text(title).raw("</h1>\n");
    if !report.question.is_empty() {
        html.paragraph("lead", &report.question);
    }
    headline(&mut html, &report.headline);
    match report.findings.as_slice() {
        [] => {}
        [one] => html.paragraph("", one),
        several => html.list(several),
    }
    if sections.len() > 2 {
        html.raw("<nav aria-label=\"Sections\">");
        for section in &sections {
            let _ = write!(html.out, "<a href=\"#{}\">{}</a> ", section.id, section.title);
        }
        html.raw("</nav>\n");
    }
    html.raw("</header>\n");
    for Section { id, title, body } in &sections {
        let _ = write!(html.out, "<section id=\"{id}\"><h2>{title}</h2>\n{body}</section>\n");
    }
    html.raw("</main></body></html>\n");
    html.out
}

struct Section {
    id: &'static str,
    title: &'static str,
    body: String,
}

/// The sections that have something to say, in reading order: results, then how they came about, then from what.
fn sections(report: &Report) -> Vec<Section> {
    type Write = fn(&mut Html, &Report);
    let all: [(&str, &str, Write); 13] = [
        ("baselines", "Against simple rules", results::baselines),
        ("series", "The series and its forecasts", series::overview),
        ("search", "Score by setting", search::overview),
        ("results", "Results", results::predictions),
        ("mistakes", "Most confident mistakes", pictures::mistakes),
        ("vision", "What the network sees", vision::overview),
        ("curves", "Learning curves", curves),
        ("folds", "Cross-validation", results::folds),
        ("images", "Sample images", data::images),
        ("classes", "Pictures of each class", pictures::classes),
        ("data", "Data", data::overview),
        ("network", "Network", network::overview),
        ("run", "Training and reproduction", run::facts),
    ];
    let written = all.into_iter().map(|(id, title, write)| {
        let mut html = Html::default();
        write(&mut html, report);
        Section { id, title, body: html.out }
    });
    written.filter(|s| !s.body.is_empty()).collect()
}

fn headline(html: &mut Html, numbers: &[Headline]) {
    if numbers.is_empty() {
        return;
    }
    html.raw("<dl class=\"tiles\">");
    for number in numbers {
        let value = match number.unit {
            Unit::Number => number::short(number.value),
            Unit::Percent => number::percent(number.value),
            Unit::Seconds => number::duration(number.value),
        };
        html.raw("<div class=\"tile\"><dt>").text(&number.name).raw("</dt><dd><span class=\"value\">");
        html.text(&value).raw("</span>");
        if !number.note.is_empty() {
            html.raw("<br/><span class=\"muted small\">").text(&number.note).raw("</span>");
        }
        html.raw("</dd></div>");
    }
    html.raw("</dl>\n");
}

fn curves(html: &mut Html, report: &Report) {
    if report.curves.is_empty() {
        return;
    }
    html.raw("<div class=\"figures\">");
    for chart in &report.curves {
        html.figure(&chart.figure(), &caption(chart));
    }
    html.raw("</div>\n");
}

/// The last values in words.
fn caption(chart: &CurveChart) -> String {
    let last = |values: &[f64]| values.iter().rposition(|v| v.is_finite()).map(|i| (i + 1, values[i]));
    let ends: Vec<(&str, usize, f64)> =
        chart.curves.iter().filter_map(|c| last(&c.values).map(|(epoch, v)| (c.name.as_str(), epoch, v))).collect();
    let scale = if chart.log { " Logarithmic scale." } else { "" };
    let Some(epoch) = ends.first().map(|e| e.1) else { return String::new() };
    let parts: Vec<String> = ends
        .iter()
        .map(|(name, at, value)| {
            let at = if *at == epoch { String::new() } else { format!(" (at epoch {at})") };
            format!("{name} {}{at}", number::short(*value))
        })
        .collect();
    format!("At epoch {epoch}: {}.{scale}", parts.join(", "))
}
