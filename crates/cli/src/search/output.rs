//! What a search leaves: a table, `trials.csv`, `search.html`, `best.toml`.

use super::space::applied;
use super::trial::Bench;
use crate::config::DataConfig;
use crate::error::CliError;
use crate::fit::build;
use adaline::formats::atomic_write;
use adaline::nn::catalogue;
use adaline::nn::search::{Finished, Search, Values};
use adaline::report::figure::SettingChart;
use adaline::report::html::{Headline, Report, RunFacts, SearchOverview};
use adaline::report::number;
use adaline::report::tables::{Align, TextTable};
use serde_json::{Value, json};
use std::path::Path;

/// The file for `fit --model`.
pub(super) const BEST: &str = "best.toml";
/// Rows of the table in the report.
const MOST_ROWS: usize = 200;

/// What came out.
pub(super) struct Outcome<'a> {
    pub search: &'a Search,
    pub bench: &'a Bench<'a>,
    /// The best first.
    pub all: &'a [Finished],
    pub started: String,
    pub seconds: f64,
}

/// Words without quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What is known of a trial beside its score.
pub(super) fn figures(done: &Finished) -> Vec<(String, String)> {
    let known = done.notes.as_object().into_iter().flatten().filter(|(name, _)| *name != "folds" && *name != "rmse");
    known.map(|(name, v)| (name.clone(), v.as_f64().map_or_else(|| plain(v), number::short))).collect()
}

/// Names of columns, and the cells of each trial.
fn cells(outcome: &Outcome<'_>) -> (Vec<String>, Vec<Vec<String>>) {
    let known: Vec<String> = outcome.all.first().map_or_else(Vec::new, figures_names);
    let mut header = vec!["trial".to_owned()];
    let rounds = outcome.all.iter().any(|f| f.trial.round > 0);
    if rounds {
        header.push("round".into());
    }
    header.push(outcome.bench.score_name().into());
    header.extend(known.iter().cloned());
    header.extend(outcome.search.space.settings.iter().map(|s| s.name.clone()));
    let row = |f: &Finished| {
        let mut row = vec![(f.trial.number + 1).to_string()];
        if rounds {
            row.push((f.trial.round + 1).to_string());
        }
        row.push(number::short(f.score));
        let own = figures(f);
        row.extend(known.iter().map(|n| own.iter().find(|(o, _)| o == n).map_or_else(String::new, |(_, v)| v.clone())));
        row.extend(f.trial.point.iter().map(|(_, v)| plain(v)));
        row
    };
    (header, outcome.all.iter().map(row).collect())
}

fn figures_names(done: &Finished) -> Vec<String> {
    figures(done).into_iter().map(|(name, _)| name).collect()
}

/// The best trials.
pub(super) fn table(outcome: &Outcome<'_>, most: usize) -> TextTable {
    let (header, rows) = cells(outcome);
    let mut table = TextTable::new(header.into_iter().map(|name| (name, Align::Right)));
    for row in rows.into_iter().take(most) {
        table.row(row);
    }
    table
}

/// All files.
pub(super) fn write(outcome: &Outcome<'_>, out: &Path, best: &Finished, test_split: Option<f64>) -> Result<(), CliError> {
    atomic_write(&out.join("trials.csv"), csv(outcome).as_bytes())?;
    atomic_write(&out.join("search.html"), report(outcome, best).render().as_bytes())?;
    Ok(atomic_write(&out.join(BEST), toml_of(outcome, best, test_split)?.as_bytes())?)
}

/// In the order of rounds and numbers, with exact numbers.
fn csv(outcome: &Outcome<'_>) -> String {
    let mut order: Vec<&Finished> = outcome.all.iter().collect();
    order.sort_by_key(|f| (f.trial.round, f.trial.number));
    let known = outcome.all.first().map_or_else(Vec::new, figures_names);
    let names = outcome.search.space.settings.iter().map(|s| s.name.clone());
    let score = outcome.bench.score_name().replace(['-', ' '], "_");
    let header = ["trial", "round", "most_epochs", &score].into_iter().map(str::to_owned).chain(known.iter().cloned()).chain(names);
    let line = |f: &Finished| {
        let t = &f.trial;
        let numbers = [(t.number + 1).to_string(), (t.round + 1).to_string(), t.epochs.to_string(), f.score.to_string()];
        let own = known.iter().map(|n| f.notes.get(n).map_or_else(String::new, plain));
        numbers.into_iter().chain(own).chain(t.point.iter().map(|(_, v)| plain(v))).collect::<Vec<_>>().join(",")
    };
    std::iter::once(header.collect::<Vec<_>>().join(",")).chain(order.into_iter().map(line)).fold(String::new(), |text, l| text + &l + "\n")
}

fn report(outcome: &Outcome<'_>, best: &Finished) -> Report {
    let (search, bench) = (outcome.search, outcome.bench);
    let last = best.trial.round;
    let shown: Vec<&Finished> = outcome.all.iter().filter(|f| f.trial.round == 0 || f.trial.round == last).collect();
    let chart = |at: usize, name: &str, values: &Values| {
        let place = |v: &Value| match values {
            Values::List(list) => list.iter().position(|l| l == v).map_or(f64::NAN, |i| i as f64),
            Values::Range { .. } => v.as_f64().unwrap_or(f64::NAN),
        };
        let points = shown.iter().map(|f| (f.trial.point.get(at).map_or(f64::NAN, |(_, v)| place(v)), f.score)).collect();
        let names = if let Values::List(list) = values { list.iter().map(plain).collect() } else { Vec::new() };
        let log = matches!(values, Values::Range { log: true, .. });
        SettingChart { setting: name.into(), score: bench.score_name().into(), names, log, points, best: 0 }
    };
    let (header, rows) = cells(outcome);
    let charts = search.space.settings.iter().enumerate().map(|(at, s)| chart(at, &s.name, &s.values)).collect();
    let judged = match bench.settings.kfold {
        Some(k) => format!("the mean over {k} folds"),
        None => "measured on the validation rows".to_owned(),
    };
    let note = format!("Each point is a trial, the orange one the best. Smaller is better: {} is {judged}.", bench.score_name());
    let headline = Headline { name: bench.score_name().into(), value: best.score, note: "of the best trial".into(), ..Headline::default() };
    let choice = best.trial.point.iter().map(|(n, v)| (n.clone(), plain(v)));
    Report {
        title: format!("Search: {}", bench.problem.info.source),
        question: format!("Which settings predict `{}` best?", bench.problem.info.target),
        findings: vec![format!(
            "The best of {} trials are the settings of trial {}. The best of many looks better than it is: report.html has what a network with \
             these settings reaches on rows that no trial has seen.",
            number::grouped(outcome.all.len() as u64),
            best.trial.number + 1
        )],
        headline: vec![headline],
        search: Some(SearchOverview { charts, note, header, rows: rows.into_iter().take(MOST_ROWS).collect() }),
        training: choice.chain([("method".to_owned(), format!("{:?}", search.method).to_lowercase())]).collect(),
        run: RunFacts {
            seed: Some(search.seed),
            started: outcome.started.clone(),
            seconds: Some(outcome.seconds),
            command: crate::terminal::command_line(),
            ..RunFacts::default()
        },
        ..Report::default()
    }
}

/// The best settings for `fit --model`: with them it trains the network that `search` trains at its end.
fn toml_of(outcome: &Outcome<'_>, best: &Finished, test_split: Option<f64>) -> Result<String, CliError> {
    let bench = outcome.bench;
    let own = applied(bench.settings, &best.trial.point, best.trial.epochs);
    let wrong = |e: toml::ser::Error| CliError::Failure(format!("{BEST}: {e}"));
    let text = |table: toml::Table| toml::to_string(&table).map_err(wrong);
    let coder = bench.problem.coder(bench.rows)?;
    let model = build(bench.problem, &own, &coder, &bench.problem.part(&coder, &bench.rows[..1])?.x, own.seed)?;
    let layers: Vec<toml::Value> = model.layers().map(|l| toml::Value::Table(shortest(&l.envelope()))).collect();

    let config = &bench.settings.config;
    let of_data = DataConfig { path: None, target: Some(bench.problem.info.target.clone()), test_split, ..config.data.clone() };
    let data = toml::Table::try_from(of_data).map_err(wrong)?;
    let mut training = toml::Table::new();
    training.insert("optimizer".into(), to_toml(&own.optimizer).unwrap_or_else(|| "adam".into()));
    if let Some(rate) = model.learning_rate() {
        // As it was given: the optimizer keeps it in 32 bits.
        training.insert("learning_rate".into(), own.learning_rate.unwrap_or(rate).into());
    }
    let epochs = best.notes["epochs"].as_i64().unwrap_or(1);
    for (name, value) in [("batch_size", own.batch_size as i64), ("epochs", epochs), ("patience", 0), ("seed", own.seed as i64)] {
        training.insert(name.into(), value.into());
    }
    training.insert("validation_split".into(), 0.0.into());
    let given = [("loss", config.training.loss.clone()), ("metrics", config.training.metrics.clone().map(toml::Value::Array))];
    for (name, value) in given {
        if let Some(value) = value {
            training.insert(name.into(), value);
        }
    }
    if !config.training.class_weight.is_empty() {
        let weights = config.training.class_weight.iter().map(|(n, w)| (n.clone(), (*w).into())).collect();
        training.insert("class_weight".into(), toml::Value::Table(weights));
    }
    let mut network = toml::Table::new();
    for (name, value) in [("name", &config.model.name), ("dtype", &config.model.dtype)] {
        if let Some(value) = value {
            network.insert(name.into(), value.as_str().into());
        }
    }
    network.insert("layers".into(), layers.into());
    let part = |name: &str, table| text(toml::Table::from_iter([(name.to_owned(), toml::Value::Table(table))]));
    Ok(format!(
        "# The best settings of `adaline search` on {}: trial {}, {} {}.\n# Epochs are those after which its networks were best.\n\n{}\n{}\n{}",
        bench.problem.info.source,
        best.trial.number + 1,
        bench.score_name(),
        number::short(best.score),
        part("data", data)?,
        part("training", training)?,
        part("model", network)?
    ))
}

/// The class of a layer and those of its arguments that are not the defaults.
fn shortest(envelope: &Value) -> toml::Table {
    let mut config = envelope["config"].as_object().cloned().unwrap_or_default();
    config.remove("name");
    let same = |config: &serde_json::Map<String, Value>| {
        let mut shorter = envelope.clone();
        shorter["config"] = Value::Object(config.clone());
        let strip = |mut v: Value| {
            v["config"].as_object_mut().map(|c| c.remove("name"));
            v
        };
        catalogue::layer_from_json(&shorter).is_ok_and(|l| strip(l.envelope()) == strip(envelope.clone()))
    };
    for name in config.keys().cloned().collect::<Vec<_>>() {
        let kept = config.remove(&name);
        if let (false, Some(value)) = (same(&config), kept) {
            config.insert(name, value);
        }
    }
    let mut table = toml::Table::new();
    table.insert("class_name".into(), plain(&envelope["class_name"]).into());
    table.extend(config.into_iter().filter_map(|(name, v)| Some((name, to_toml(&v)?))));
    table
}

/// TOML has no null, which means the default in Keras' arguments.
fn to_toml(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(b) => (*b).into(),
        Value::Number(n) => n.as_i64().map_or_else(|| n.as_f64().unwrap_or(f64::NAN).into(), Into::into),
        Value::String(s) => s.as_str().into(),
        Value::Array(list) => toml::Value::Array(list.iter().filter_map(to_toml).collect()),
        Value::Object(map) => toml::Value::Table(map.iter().filter_map(|(n, v)| Some((n.clone(), to_toml(v)?))).collect()),
    })
}

/// What machines are told.
pub(super) fn json(outcome: &Outcome<'_>, best: &Finished, fit: Option<&Value>) -> Value {
    let one = |f: &Finished| {
        let settings: serde_json::Map<String, Value> = f.trial.point.iter().cloned().collect();
        json!({"trial": f.trial.number + 1, "round": f.trial.round + 1, "score": f.score, "settings": settings, "notes": f.notes})
    };
    json!({"score": outcome.bench.score_name(), "best": one(best), "trials": outcome.all.iter().map(one).collect::<Vec<_>>(), "fit": fit})
}
