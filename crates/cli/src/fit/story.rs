//! The report: what was asked, what came out, and how to get it again, from what the run knows.

use super::{Folds, Run};
use crate::measure::Outcome;
use crate::problem::Kind;
use crate::series;
use adaline::data::{ImageSet, Overview, Role, RowSource, Tensor};
use adaline::report::figure::{CurveChart, DenseLayer, Histogram, Image, ImageTile, NeuronDrawing};
use adaline::report::html::{
    Baselines, ClassImages, Classification, ColumnOverview, DataOverview, Headline, Mistake, NetworkOverview, Regression, Report, RunFacts,
    Unit,
};
use adaline::report::number;

/// Pictures shown.
const TILES: usize = 24;
/// The longest side of a picture in the report, about.
pub(super) const THUMBNAIL: usize = 96;
/// Bad files named; `metrics.json` names all.
const BAD_FILES: usize = 20;
/// Pictures shown of each class, and classes of which some are shown.
const PER_CLASS: usize = 8;
const CLASSES: usize = 30;
/// Units a layer may have to be drawn neuron by neuron.
const DRAWN_UNITS: usize = 16;

/// The whole report.
pub(crate) fn report(run: &Run<'_>) -> Report {
    let info = &run.problem.info;
    let (name, score) = run.outcome.headline();
    // The report says "test rows" itself.
    let rows = run.measured_on.trim_end_matches(" rows").trim_end_matches(" windows").to_owned();
    let question = match &info.kind {
        Kind::Classes(c) if c.len() <= 6 => format!("Which `{}` is it: {}?", info.target, c.join(", ")),
        Kind::Classes(c) => format!("Which of {} classes of `{}` is it?", c.len(), info.target),
        Kind::Numbers(_) if run.problem.series().is_some() => format!("How does `{}` go on?", info.target),
        Kind::Numbers(_) => format!("What is the value of `{}`?", info.target),
    };
    Report {
        title: info.source.clone(),
        question,
        findings: findings(run, name, score),
        headline: headline(run),
        baselines: baselines(run, name, score),
        search: None,
        series: match (&run.outcome, run.problem.series()) {
            (Outcome::Series(held), Some(series)) => series::overview(series, held, &run.begins),
            _ => None,
        },
        curves: curves(run),
        classification: run.outcome.confusion().map(|confusion| Classification { rows: rows.clone(), confusion }),
        regressions: match &run.outcome {
            Outcome::Numbers { truth, predicted } => {
                vec![Regression { rows, target: info.target.clone(), actual: truth.clone(), predicted: predicted.clone() }]
            }
            Outcome::Series(held) => series::regressions(held, &info.target, &rows),
            Outcome::Classes { .. } => Vec::new(),
        },
        folds: run.folds.iter().map(Folds::chart).collect(),
        data: Some(data_overview(run)),
        images: if run.problem.pictures().is_some() { Vec::new() } else { tiles(run) },
        class_images: run.problem.pictures().map_or_else(Vec::new, class_images),
        mistakes: if run.problem.pictures().is_some() { mistakes(run) } else { Vec::new() },
        convolutions: run.convolutions.clone(),
        network: Some(network(run)),
        training: run.parameters.clone(),
        run: RunFacts {
            seed: Some(run.settings.seed),
            started: run.started.clone(),
            seconds: Some(run.seconds),
            versions: vec![("adaline".into(), env!("CARGO_PKG_VERSION").into())],
            machine: vec![
                ("threads".into(), run.trained.model.backend().threads().to_string()),
                ("processor".into(), format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)),
            ],
            command: run.command.clone(),
        },
    }
}

fn findings(run: &Run<'_>, name: &str, score: f64) -> Vec<String> {
    let mut out = Vec::new();
    let shown = if name == "accuracy" { number::percent(score) } else { number::short(score) };
    out.push(format!("On {} {} the network reaches {name} {shown}.", number::grouped(run.outcome.rows() as u64), run.measured_on));
    if let Outcome::Series(held) = &run.outcome {
        out.push(series::verdict(score, &held.rule_scores(), held.is_sure()));
    }
    if let Some(f) = &run.folds {
        let (mean, sd) = f.chart().mean_and_deviation();
        out.push(format!(
            "{} folds: {} {} ± {}. Each row was predicted by the network of a fold that had not seen it.",
            f.scores.len(),
            f.metric,
            number::short(mean),
            number::short(sd)
        ));
    }
    if let Some(best) = run.trained.best_epoch {
        out.push(format!("Training ran {} epochs; the weights of epoch {best} are kept.", run.trained.history.len()));
    }
    out.extend(run.problem.notes.iter().map(|n| format!("{n}.")));
    out
}

fn headline(run: &Run<'_>) -> Vec<Headline> {
    let mut out: Vec<Headline> = run
        .outcome
        .metrics()
        .iter()
        .filter_map(|(name, value)| {
            let unit = if matches!(run.outcome, Outcome::Classes { .. }) { Unit::Percent } else { Unit::Number };
            Some(Headline { name: name.clone(), value: value.as_f64()?, unit, note: format!("{} {}", run.outcome.rows(), run.measured_on) })
        })
        .take(4)
        .collect();
    out.push(Headline { name: "time".into(), value: run.seconds, unit: Unit::Seconds, note: "all of it".into() });
    out
}

/// The simplest answers: the most frequent class, or the mean.
fn baselines(run: &Run<'_>, name: &str, score: f64) -> Option<Baselines> {
    let others = match &run.outcome {
        Outcome::Series(held) => held.rule_scores(),
        Outcome::Classes { .. } | Outcome::Numbers { .. } => vec![run.outcome.simplest()?],
    };
    Some(Baselines { metric: name.into(), higher_is_better: name == "accuracy", network: score, others })
}

fn curves(run: &Run<'_>) -> Vec<CurveChart> {
    let history = &run.trained.history;
    history
        .columns()
        .filter(|(name, _)| !name.starts_with("val_") && *name != "learning_rate")
        .map(|(name, train)| {
            let mut chart = CurveChart::new(name, train, history.get(&format!("val_{name}")));
            chart.best_epoch = run.trained.best_epoch;
            chart
        })
        .collect()
}

fn data_overview(run: &Run<'_>) -> DataOverview {
    let problem = run.problem;
    let mut overview = DataOverview {
        source: run.settings.data.display().to_string(),
        parts: run.parts.iter().map(|(n, c)| (n.clone(), *c as u64)).collect(),
        warnings: problem.notes.clone(),
        ..DataOverview::default()
    };
    let bad = problem.pictures().map_or(&[][..], ImageSet::skipped);
    overview.warnings.extend(bad.iter().take(BAD_FILES).map(ToString::to_string));
    if let (Some(table), Some(prep)) = (problem.table(), &run.trained.coder.prep) {
        let uses = prep.report();
        overview.columns = table.overview().into_iter().zip(&uses).map(|(o, u)| column(o, u)).collect();
        if let Some((words, lengths)) = crate::text::overview(table, prep, &problem.rows) {
            let text = prep.text().map(|t| t.0);
            for (column, _) in overview.columns.iter_mut().zip(&uses).filter(|(_, u)| Some(u.name.as_str()) == text) {
                (column.top, column.histogram) = (words.clone(), Some(lengths.clone()));
            }
        }
    }
    if let (Some(series), Some(coder)) = (problem.series(), &run.trained.coder.series) {
        overview.columns = series.frame.table().overview().into_iter().zip(&series.uses(coder)).map(|(o, u)| column(o, u)).collect();
    }
    if let (Kind::Classes(names), Some(labels)) = (&problem.info.kind, &problem.labels) {
        let mut counts = vec![0u64; names.len()];
        for &l in labels {
            if let Some(c) = counts.get_mut(l as usize) {
                *c += 1;
            }
        }
        overview.class_counts = names.iter().cloned().zip(counts).collect();
    }
    overview
}

fn column(o: Overview, u: &adaline::data::ColumnUse) -> ColumnOverview {
    let role = match u.role {
        Role::Feature => "input",
        Role::Target => "target",
        Role::Dropped => "ignored",
    };
    let histogram = o.numbers.as_ref().map(|n| Histogram {
        name: o.name.clone(),
        low: n.min,
        high: n.max,
        counts: n.histogram.counts.iter().map(|&c| c as u64).collect(),
    });
    ColumnOverview {
        name: o.name,
        kind: o.kind.to_string(),
        role: role.into(),
        missing: o.missing as u64,
        distinct: o.distinct as u64,
        note: u.detail.clone(),
        histogram,
        top: o.top.into_iter().map(|(v, c)| (v, c as u64)).collect(),
    }
}

/// Some rows as pictures, the wrong ones first.
fn tiles(run: &Run<'_>) -> Vec<ImageTile> {
    let (Some([h, w]), Outcome::Classes { names, truth, predicted, .. }, Some(x)) = (run.problem.info.image, &run.outcome, &run.pictures)
    else {
        return Vec::new();
    };
    let mut order: Vec<usize> = (0..truth.len().min(x.rows())).collect();
    order.sort_by_key(|&i| truth[i] == predicted[i]);
    let class = |c: i32| names.get(c as usize).cloned().unwrap_or_default();
    order
        .into_iter()
        .take(TILES)
        .filter_map(|i| {
            let mut row = vec![0.0; x.row_len()];
            x.gather_f32_into(&[i], &mut row).ok()?;
            let values: Vec<f64> = row.iter().map(|&v| f64::from(v)).collect();
            let image = Image::from_values(h, w, &values).ok()?;
            Some(ImageTile { image, label: class(truth[i]), prediction: Some(class(predicted[i])) })
        })
        .collect()
}

/// A row of bytes as a small picture; one that cannot be read any more is left out.
pub(super) fn thumbnail(x: &dyn RowSource, row: usize) -> Option<Image> {
    let &[height, width, channels] = x.row_shape() else { return None };
    let mut values = vec![0.0; x.row_len()];
    x.gather_f32_into(&[row], &mut values).ok()?;
    let bytes = values.iter().map(|&v| v as u8).collect();
    Some(Image::new(height, width, channels, bytes).ok()?.shrunk(THUMBNAIL))
}

/// The first pictures of the first classes.
fn class_images(set: &ImageSet) -> Vec<ClassImages> {
    let labels = set.labels().and_then(Tensor::as_i32).unwrap_or(&[]);
    let of_class = |(c, class): (usize, &String)| {
        let rows = labels.iter().enumerate().filter(|(_, l)| **l == c as i32).map(|(row, _)| row);
        ClassImages { class: class.clone(), images: rows.take(PER_CLASS).filter_map(|row| thumbnail(set, row)).collect() }
    };
    set.classes().iter().enumerate().take(CLASSES).map(of_class).collect()
}

/// Wrong predictions, the most confident first.
fn mistakes(run: &Run<'_>) -> Vec<Mistake> {
    let (Outcome::Classes { names, truth, predicted, confidence }, Some(x)) = (&run.outcome, &run.pictures) else { return Vec::new() };
    let class = |c: i32| names.get(c as usize).cloned().unwrap_or_default();
    let told = |i: usize| {
        let (truth, predicted, confidence) = (class(truth[i]), class(predicted[i]), f64::from(confidence[i]));
        Some(Mistake { image: thumbnail(&**x, i)?, truth, predicted, confidence })
    };
    run.outcome.mistakes().into_iter().filter(|&i| i < x.rows()).take(TILES).filter_map(told).collect()
}

fn network(run: &Run<'_>) -> NetworkOverview {
    let model = &run.trained.model;
    // A model that was trained has shapes that fit.
    let Ok(summary) = model.summary() else { return NetworkOverview::default() };
    let layers = crate::summary::boxes(model, &summary);
    NetworkOverview {
        name: model.name().into(),
        layers,
        neurons: neurons(run),
        trainable: summary.trainable as u64,
        non_trainable: summary.non_trainable as u64,
    }
}

/// Small dense networks are drawn neuron by neuron.
fn neurons(run: &Run<'_>) -> Option<NeuronDrawing> {
    let names = run.trained.coder.prep.as_ref()?.feature_names();
    let Kind::Classes(classes) = &run.problem.info.kind else { return None };
    let mut dense = Vec::new();
    let model = &run.trained.model;
    for name in model.layer_names() {
        let Ok(kernel) = model.weight(&format!("{name}/kernel")) else { continue };
        let &[inputs, units] = kernel.shape() else { return None };
        if units > DRAWN_UNITS || inputs > DRAWN_UNITS {
            return None;
        }
        let f64s = |v: &Tensor| v.f32_values().iter().map(|&x| f64::from(x)).collect();
        let bias = model.weight(&format!("{name}/bias")).map_or_else(|_| vec![0.0; units], |b| f64s(&b));
        dense.push(DenseLayer { name: name.into(), inputs, units, kernel: f64s(&kernel), bias });
    }
    NeuronDrawing::new(names, dense, classes.clone()).ok()
}
