//! What is told of forecasts: tables for terminals, JSON, and parts of the report.

use super::plot::Sheet;
use super::{Held, Series};
use adaline::data::{Rule, Time};
use adaline::report::figure::HorizonChart;
use adaline::report::html::{Regression, SeriesOverview};
use adaline::report::number;
use adaline::report::tables::{Align, TextTable};
use serde_json::{Map, Value, json};

/// Longer horizons are shown at so many places.
const LINES: usize = 12;

/// The root mean squared error of the network and of simple rules, by how far ahead.
pub(crate) fn table(held: &Held) -> TextTable {
    let columns = [("steps ahead", Align::Left), ("network", Align::Right)].map(|(name, align)| (name.to_owned(), align));
    let mut table = TextTable::new(columns.into_iter().chain(held.rules.iter().map(|(rule, _)| (heading(*rule), Align::Right))));
    let by_step: Vec<Vec<f64>> =
        std::iter::once(held.by_step(&held.predicted)).chain(held.rules.iter().map(|(_, values)| held.by_step(values))).collect();
    let every = held.horizon.div_ceil(LINES).max(1);
    for ahead in (1..=held.horizon).filter(|ahead| ahead % every == 0 || *ahead == 1 || *ahead == held.horizon) {
        table.row(std::iter::once(ahead.to_string()).chain(by_step.iter().map(|errors| number::short(errors[ahead - 1]))));
    }
    if held.horizon > 1 {
        let all = std::iter::once(held.scores().rmse).chain(held.rule_scores().into_iter().map(|(_, score)| score));
        table.row(std::iter::once("all".to_owned()).chain(all.map(number::short)));
    }
    table
}

/// The name of a rule without its number of steps, for the head of a column.
pub(super) fn heading(rule: Rule) -> String {
    let name = rule.name();
    name.split_once(" (").map_or(name.as_str(), |(words, _)| words).to_owned()
}

/// Whether the network is worth its trouble, said plainly. `sure`: by [`Held::is_sure`].
pub(crate) fn verdict(network: f64, rules: &[(String, f64)], sure: bool) -> String {
    let Some((rule, score)) = rules.iter().filter(|r| r.1.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return "There is no simple rule to compare with.".into();
    };
    let (own, other) = (number::short(network), number::short(*score));
    let less = number::percent(((1.0 - network / score) * 1000.0).round() / 1000.0);
    if network < *score && !sure {
        format!(
            "The network did better than the best simple rule, {rule}: rmse {own} against {other}, {less} less, which may still be chance."
        )
    } else if network < *score {
        format!("The network beats the best simple rule, {rule}: rmse {own} against {other}, {less} less.")
    } else {
        format!(
            "The network does NOT beat the simple rule \"{rule}\": rmse {own} against {other}. Use the rule, or try another window, more data or \
             another network."
        )
    }
}

/// For machines.
pub(crate) fn json(held: &Held) -> Value {
    let rules: Map<String, Value> = held
        .rules
        .iter()
        .zip(held.rule_scores())
        .map(|((rule, values), (name, rmse))| {
            (rule.short().into(), json!({"name": name, "rmse": rmse, "rmse_by_step": held.by_step(values)}))
        })
        .collect();
    let beaten = held.best_rule().is_none_or(|(_, score)| held.scores().rmse < score);
    json!({
        "horizon": held.horizon,
        "windows": held.origins.len(),
        "rmse_by_step": held.by_step(&held.predicted),
        "rules": rules,
        "beats_rules": beaten,
        "sure": held.is_sure(),
    })
}

/// The report's section on the series. Of several, the longest is drawn.
pub(crate) fn overview(series: &Series, held: &Held, begins: &[(String, Time)]) -> Option<SeriesOverview> {
    let frame = &series.frame;
    let parts = frame.series();
    let drawn = |part: &&adaline::data::SeriesPart| held.origins.iter().any(|row| part.rows.contains(row));
    let part = parts.iter().rev().filter(drawn).max_by_key(|part| part.rows.len())?;
    let sheet = Sheet::new(frame, part);
    let several = if parts.len() > 1 { format!(" The longest of {} series is drawn.", parts.len()) } else { String::new() };
    let mut curves = vec![("network".to_owned(), held.by_step(&held.predicted))];
    curves.extend(held.rules.iter().map(|(rule, values)| (rule.short().to_owned(), held.by_step(values))));
    let mut shown = vec![1, held.horizon];
    shown.dedup();
    Some(SeriesOverview {
        history: sheet.history(begins, held),
        caption: format!("Steps of {}; dashed lines begin the parts.{several}", frame.step()),
        held_out: shown.into_iter().filter_map(|ahead| sheet.held_out(held, ahead)).collect(),
        errors: HorizonChart { metric: "RMSE".into(), curves },
        windows: held.origins.len() as u64,
    })
}

/// Forecasts and residuals of the nearest and the furthest step.
pub(crate) fn regressions(held: &Held, target: &str, rows: &str) -> Vec<Regression> {
    let mut shown = vec![1, held.horizon];
    shown.dedup();
    let of = |ahead: usize| {
        let steps = if ahead == 1 { "1 step".to_owned() } else { format!("{ahead} steps") };
        Regression {
            rows: rows.into(),
            target: format!("{target}, {steps} ahead"),
            actual: held.step(&held.truth, ahead).collect(),
            predicted: held.step(&held.predicted, ahead).collect(),
        }
    };
    shown.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn a_network_that_loses_is_told_so() {
        let rules = [("last value".to_owned(), 2.0), ("linear trend (3 steps)".to_owned(), f64::NAN)];
        assert_eq!(verdict(1.0, &rules, true), "The network beats the best simple rule, last value: rmse 1 against 2, 50 % less.");
        assert!(verdict(1.99, &rules, false).contains("last value: rmse 1.99 against 2, 0.5 % less, which may still be chance"));
        for network in [2.0, 3.0, f64::NAN] {
            assert!(verdict(network, &rules, true).contains("does NOT beat the simple rule \"last value\""));
        }
        assert!(verdict(1.0, &[], true).contains("no simple rule"));
    }
}
