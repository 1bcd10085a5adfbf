//! The four files of a run, each replaced atomically, and the last words on the terminal.

use super::{Run, Trained, story};
use crate::error::CliError;
use crate::measure::Outcome;
use crate::pictures;
use crate::problem::Problem;
use crate::series;
use crate::terminal::{Shown, Terminal};
use adaline::formats::atomic_write;
use adaline::report::figure::Theme;
use adaline::report::html::Report;
use adaline::report::number;
use adaline::report::tables::class_table;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// Where a model keeps its task.
pub(crate) const TASK_ASSET: &str = "adaline/task.json";
/// Where a model keeps its preprocessing.
pub(crate) const PREP_ASSET: &str = "adaline/preprocessing.json";

/// Makes the folder and proves that it can be written.
pub(crate) fn prepare(out: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(out).map_err(|e| CliError::io(out, "cannot make the folder for the results", e))?;
    let probe = out.join(".adaline-write-test");
    std::fs::write(&probe, b"").map_err(|e| CliError::io(out, "cannot write into the folder for the results", e))?;
    std::fs::remove_file(&probe).map_err(|e| CliError::io(&probe, "cannot remove", e))
}

/// Gives the model its task and preprocessing to carry.
pub(crate) fn attach(problem: &Problem, trained: &mut Trained) -> Result<(), CliError> {
    let task = serde_json::to_vec_pretty(&problem.info).map_err(|e| CliError::Misuse(e.to_string()))?;
    trained.model.set_asset(TASK_ASSET, task);
    if let Some(prep) = &trained.coder.prep {
        trained.model.set_asset(PREP_ASSET, prep.to_json()?.into_bytes());
    }
    Ok(())
}

/// Writes everything and tells the result; what machines are told of it.
pub(crate) fn write(run: &Run<'_>, say: &Terminal) -> Result<Value, CliError> {
    let out = &run.settings.out;
    atomic_write(&out.join("history.csv"), history(run).as_bytes())?;
    let result = result(run);
    let pretty = serde_json::to_string_pretty(&result).map_err(|e| CliError::Misuse(e.to_string()))?;
    atomic_write(&out.join("metrics.json"), format!("{pretty}\n").as_bytes())?;
    let report = story::report(run);
    atomic_write(&out.join("report.html"), report.render().as_bytes())?;
    forget_curves(out, &report)?;
    for chart in &report.curves {
        let figure = chart.figure();
        let file = format!("curve_{}", chart.metric);
        atomic_write(&out.join(format!("{file}.svg")), figure.to_svg().as_bytes())?;
        if let Ok(png) = figure.to_png(2.0, Theme::Light) {
            atomic_write(&out.join(format!("{file}.png")), &png)?;
        }
    }
    // Last, so that a model never stands beside the report of another run.
    run.trained.model.save(out.join("model.keras"))?;
    if let Some(matrix) = run.outcome.confusion().filter(|m| m.size() <= 20) {
        say.line(&format!("\n{}", class_table(&matrix)));
    }
    if let Outcome::Series(held) = &run.outcome {
        say.line(&format!("\nRoot mean squared error by how far ahead:\n\n{}", series::table(held)));
    }
    let figures: Vec<String> =
        run.outcome.metrics().iter().filter_map(|(k, v)| Some(format!("{k} {}", number::short(v.as_f64()?)))).collect();
    say.result(&format!("On {} {}: {}", number::grouped(run.outcome.rows() as u64), run.measured_on, figures.join(", ")))?;
    if let Outcome::Series(held) = &run.outcome {
        say.result(&series::verdict(held.scores().rmse, &held.rule_scores(), held.is_sure()))?;
    } else if let Some((rule, score)) = run.outcome.simplest() {
        say.line(&format!("For comparison, {rule}: {} {}", run.outcome.headline().0, number::short(score)));
    }
    if run.interrupted {
        say.line(&match run.trained.best_epoch {
            Some(best) => format!("Stopped before the end; the weights of epoch {best}, the best so far, are saved."),
            None => "Stopped before the end; the network as it was after the last step is saved.".into(),
        });
        say.line("To go on, run the same command with --resume.");
    } else {
        super::train::forget_backups(out)?;
    }
    say.result(&format!(
        "Wrote {} (model.keras, history.csv, metrics.json, report.html) in {}",
        out.display(),
        number::duration(run.seconds)
    ))?;
    Ok(result)
}

/// Removes the curves that an earlier run left in the folder and this one does not write again.
fn forget_curves(out: &Path, report: &Report) -> Result<(), CliError> {
    let entries = std::fs::read_dir(out).map_err(|e| CliError::io(out, "cannot list the folder for the results", e))?;
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let drawn = path.extension().is_some_and(|e| e == "svg" || e == "png");
        let metric = stem.strip_prefix("curve_").filter(|_| drawn);
        if metric.is_some_and(|m| !report.curves.iter().any(|c| c.metric == m)) {
            std::fs::remove_file(&path).map_err(|e| CliError::io(&path, "cannot remove the curve of an earlier run", e))?;
        }
    }
    Ok(())
}

/// The result as machines read it.
fn result(run: &Run<'_>) -> Value {
    let task = match &run.outcome {
        Outcome::Classes { .. } => "classification",
        Outcome::Numbers { .. } => "regression",
        Outcome::Series(_) => "forecast",
    };
    let mut out = json!({
        "task": task,
        "target": run.problem.info.target,
        "metrics": run.outcome.metrics(),
        "measured_on": run.measured_on,
        "kfold": Value::Null,
        "epochs": run.trained.history.len(),
        "best_epoch": run.trained.best_epoch,
        "rows": run.parts.iter().map(|(n, c)| (n.clone(), json!(c))).collect::<serde_json::Map<_, _>>(),
        "seed": run.settings.seed,
        "seconds": run.seconds,
        "interrupted": run.interrupted,
        "out": run.settings.out.display().to_string(),
    });
    if let Some(set) = run.problem.pictures() {
        out["skipped"] = pictures::skipped_json(set);
    }
    if let Outcome::Series(held) = &run.outcome {
        out["series"] = series::json(held);
    }
    if let Some(f) = &run.folds {
        let (mean, deviation) = f.chart().mean_and_deviation();
        out["kfold"] = json!({"metric": f.metric, "mean": mean, "std": deviation, "folds": f.scores});
    }
    out
}

/// One line per epoch. Columns that were not measured in every epoch are left empty where they were not.
fn history(run: &Run<'_>) -> String {
    let h = &run.trained.history;
    let mut text = String::from("epoch");
    for (name, _) in h.columns() {
        let _ = write!(text, ",{name}");
    }
    text.push('\n');
    for (i, epoch) in h.epoch.iter().enumerate() {
        let _ = write!(text, "{epoch}");
        for (_, values) in h.columns() {
            match values.get(i) {
                Some(v) => _ = write!(text, ",{v}"),
                None => text.push(','),
            }
        }
        text.push('\n');
    }
    text
}
