//! Results: baselines, predictions, cross-validation.

use super::page::Html;
use super::{Baselines, Classification, Regression, Report};
use crate::figure::{BarChart, ConfusionMatrix, Histogram, PredictionScatter, ResidualPlot};
use crate::number::{column, grouped, short};
use crate::scores::{ClassScores, RegressionScores, Scores};

/// The network beside simple rules.
pub(super) fn baselines(html: &mut Html, report: &Report) {
    let Some(baselines) = &report.baselines else { return };
    html.paragraph("", &verdict(baselines));
    if baselines.others.is_empty() {
        return;
    }
    let mut bars = vec![("this network".to_owned(), baselines.network)];
    bars.extend(baselines.others.iter().cloned());
    let title = format!("{} of the network and of simple rules", baselines.metric);
    let direction = if baselines.higher_is_better { "higher" } else { "lower" };
    let caption = format!("{}; {direction} is better.", baselines.metric);
    html.figure(&BarChart { title, bars, highlight: Some(0) }.figure(), &caption);
}

/// Whether the network is worth its trouble.
fn verdict(b: &Baselines) -> String {
    let better = |x: f64, y: f64| if b.higher_is_better { x > y } else { x < y };
    let best = b.others.iter().filter(|(_, v)| v.is_finite()).reduce(|a, c| if better(c.1, a.1) { c } else { a });
    let Some((name, value)) = best else { return "There is no simple rule to compare with.".into() };
    let (metric, own, other) = (&b.metric, short(b.network), short(*value));
    if !b.network.is_finite() {
        format!("The network has no {metric}; the best simple rule is “{name}” with {other}.")
    } else if better(b.network, *value) {
        format!("The network’s {metric} of {own} is better than that of the best simple rule, “{name}” with {other}.")
    } else if b.network == *value {
        format!("The network’s {metric} of {own} is only as good as that of the simple rule “{name}”.")
    } else {
        format!(
            "The network’s {metric} of {own} is worse than that of the simple rule “{name}” with {other}: \
             it has not learned what the rule knows."
        )
    }
}

/// What the network said, against the truth.
pub(super) fn predictions(html: &mut Html, report: &Report) {
    if let Some(classification) = &report.classification {
        classes(html, classification);
    }
    for regression in &report.regressions {
        values(html, regression, report.regressions.len() > 1);
    }
}

fn classes(html: &mut Html, result: &Classification) {
    let matrix = &result.confusion;
    let scores = ClassScores::of(matrix);
    let all = scores.macro_mean.support;
    let right: u64 = (0..matrix.size()).map(|k| matrix.count(k, k)).fold(0, u64::saturating_add);
    let rows = if result.rows.is_empty() { "rows".to_owned() } else { format!("{} rows", result.rows) };
    html.paragraph("", &format!("{} of {} {rows} are classified correctly.", grouped(right), grouped(all)));
    html.raw("<div class=\"figures\"><div>");
    html.subheading("Confusion matrix");
    let caption =
        "Rows are true classes, columns predicted ones. Blue is right, orange is wrong; the colour grows with the share of the row.";
    html.figure(&matrix.figure(), caption);
    html.raw("</div><div>");
    html.subheading("Per class");
    class_table(html, matrix, &scores);
    mistakes(html, matrix);
    html.raw("</div></div>\n");
}

fn class_table(html: &mut Html, matrix: &ConfusionMatrix, scores: &ClassScores) {
    let four = |v: f64| if v.is_finite() { format!("{v:.4}") } else { "–".into() };
    let line = |name: String, s: &Scores| vec![name, four(s.precision), four(s.recall), four(s.f1), grouped(s.support)];
    let rows: Vec<_> = scores.classes.iter().enumerate().map(|(k, s)| line(matrix.class(k), s)).collect();
    let totals = [
        vec!["accuracy".into(), String::new(), String::new(), four(scores.accuracy), grouped(scores.macro_mean.support)],
        line("macro mean".into(), &scores.macro_mean),
        line("weighted mean".into(), &scores.weighted_mean),
    ];
    let header = [("class", false), ("precision", true), ("recall", true), ("F1", true), ("support", true)];
    html.table(&header, &rows, &totals);
}

/// The most frequent kinds of mistakes.
fn mistakes(html: &mut Html, matrix: &ConfusionMatrix) {
    let k = matrix.size();
    let mut wrong: Vec<(u64, usize, usize)> =
        (0..k).flat_map(|t| (0..k).filter(move |p| *p != t).map(move |p| (matrix.count(t, p), t, p))).filter(|(n, ..)| *n > 0).collect();
    wrong.sort_by_key(|(n, t, p)| (std::cmp::Reverse(*n), *t, *p));
    if wrong.is_empty() {
        return;
    }
    html.subheading("Most frequent mistakes");
    let times = |n: u64| if n == 1 { "once".to_owned() } else { format!("{} times", grouped(n)) };
    let text = |(n, t, p): &(u64, usize, usize)| format!("“{}” taken for “{}”: {}", matrix.class(*t), matrix.class(*p), times(*n));
    html.list(&wrong.iter().take(5).map(text).collect::<Vec<_>>());
}

fn values(html: &mut Html, result: &Regression, several: bool) {
    let Regression { rows, target, actual, predicted } = result;
    if several {
        html.subheading(target);
    }
    let scores = RegressionScores::of(actual, predicted);
    let rows = if rows.is_empty() { "rows".to_owned() } else { format!("{rows} rows") };
    if scores.count == 0 {
        html.paragraph("muted", &format!("There is no finite prediction of “{target}” to compare."));
        return;
    }
    html.paragraph(
        "",
        &format!(
            "On {} {rows} the prediction of “{target}” is off by {} on average (mean absolute error); root mean squared \
             error {}, R² {}.",
            grouped(scores.count as u64),
            short(scores.mae),
            short(scores.rmse),
            short(scores.r2)
        ),
    );
    let unusable = actual.len().max(predicted.len()) - scores.count;
    if unusable > 0 {
        html.paragraph("muted", &format!("{unusable} rows without a finite pair of values are left out."));
    }
    html.raw("<div class=\"figures\">");
    let (target, actual, predicted) = (target.clone(), actual.clone(), predicted.clone());
    let residuals: Vec<f64> = actual.iter().zip(&predicted).map(|(a, p)| a - p).collect();
    let scatter = PredictionScatter { target: target.clone(), actual: actual.clone(), predicted: predicted.clone() };
    html.figure(&scatter.figure(), "Points on the dashed line are exact.");
    let plot = ResidualPlot { target, actual, predicted };
    html.figure(&plot.figure(), "A good fit shows no pattern around the dashed line.");
    let spread = Histogram::of("actual − predicted", &residuals, 0);
    html.figure(&spread.figure(), "How large the errors are.");
    html.raw("</div>\n");
}

/// Scores of the cross-validation.
pub(super) fn folds(html: &mut Html, report: &Report) {
    let charts = &report.folds;
    let count = charts.iter().map(|c| c.scores.len()).max().unwrap_or(0);
    if count == 0 {
        return;
    }
    html.raw("<div class=\"figures\">");
    for chart in charts {
        html.figure(&chart.figure(), "");
    }
    html.raw("</div>\n");
    let header: Vec<(&str, bool)> = std::iter::once(("fold", false)).chain(charts.iter().map(|c| (c.metric.as_str(), true))).collect();
    // Per metric: the folds, then mean and standard deviation.
    let columns: Vec<Vec<String>> = charts
        .iter()
        .map(|c| {
            let mut values = c.scores.clone();
            values.resize(count, f64::NAN);
            let (mean, deviation) = c.mean_and_deviation();
            values.extend([mean, deviation]);
            column(&values)
        })
        .collect();
    let line = |name: String, i: usize| -> Vec<String> { std::iter::once(name).chain(columns.iter().map(|c| c[i].clone())).collect() };
    let rows: Vec<Vec<String>> = (0..count).map(|i| line((i + 1).to_string(), i)).collect();
    html.table(&header, &rows, &[line("mean".into(), count), line("standard deviation".into(), count + 1)]);
}
