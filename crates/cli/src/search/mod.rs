//! `adaline search`: tries settings, keeps the best, and trains a network with them.

mod journal;
mod output;
mod space;
mod trial;

use crate::args::{FitArgs, SearchArgs};
use crate::error::{CliError, misuse};
use crate::fit::{self, Stop};
use crate::problem::Problem;
use crate::settings::{Settings, TEST_SPLIT};
use crate::terminal::{Shown, Terminal};
use adaline::nn::search::{Finished, Search};
use adaline::report::number;
use journal::Journal;
use serde_json::json;
use space::Asked;
use std::sync::atomic::Ordering;
use std::time::Instant;
use trial::Bench;

/// Runs the command.
pub(crate) fn run(args: &SearchArgs, stop: &Stop) -> Result<(), CliError> {
    let (begun, started) = (Instant::now(), crate::terminal::now());
    // Rows that no trial sees are held out with folds, too: the best of many is better than it will be.
    let mut asked = args.fit.clone();
    // What it writes at its end is a file with layers.
    asked.texts.chain = true;
    let say = Terminal::new(asked.common.json, asked.verbose.unwrap_or(1));
    let (mut settings, problem) = fit::open(&asked, &say)?;
    fit::introduce(&say, &problem);
    asked.test_split = settings.test_split.or((problem.own_test().is_none()).then_some(TEST_SPLIT));
    settings.test_split = asked.test_split;
    let space = Asked::new(args, &settings, is_dense(&settings, &problem))?;
    let workers = asked.common.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let search =
        Search { space: space.space, method: space.method, trials: space.trials, epochs: settings.epochs, seed: settings.seed, workers };
    // Words on the command line decide all that can be wrong with it.
    let total = search.count().map_err(|e| CliError::Misuse(e.to_string()))?;

    let (rows, _) = fit::hold_out(&problem, &settings)?;
    let folds = settings.kfold.map(|k| fit::folds_of(&problem, &settings, &rows, k, &say)).transpose()?;
    let bench = Bench { problem: &problem, settings: &settings, rows: &rows, folds, stop };
    if bench.folds.is_none() && fit::Lesson::split(&problem, &settings, &rows, settings.seed)?.watched.is_empty() {
        return misuse("trials are judged by rows that they have not learned from, and there are none: use --validation-split or --kfold");
    }
    let plan = json!({
        "space": format!("{:?}", search.space), "method": format!("{:?}", search.method), "trials": search.trials, "epochs": search.epochs,
        "seed": search.seed, "data": problem.info.source, "target": problem.info.target, "rows": rows.len(), "kfold": settings.kfold,
        "validation_split": settings.validation_split, "patience": settings.patience, "batch_size": settings.batch_size,
        "optimizer": settings.optimizer, "learning_rate": settings.learning_rate, "hidden": settings.hidden, "dropout": settings.dropout,
    });
    let (mut journal, before) = Journal::open(&settings.out, &plan, settings.resume)?;
    if settings.resume {
        say.line(&format!("Going on with {} of {total} trials done", before.len()));
    }
    say.line(&format!("Trying {} on {} rows, {workers} at a time", number::grouped(total as u64), number::grouped(rows.len() as u64)));
    let mut seen = before.clone();
    let all = search.run(
        &before,
        stop,
        |trial| bench.evaluate(trial),
        |done| {
            journal.add(done)?;
            seen.push(done.clone());
            tell(&say, &bench, done, &seen, total);
            Ok::<(), CliError>(())
        },
    )?;
    let Some(best) = all.first().filter(|f| !f.score.is_nan()) else {
        return Err(CliError::Failure(if stop.load(Ordering::Relaxed) {
            "stopped before a trial was finished; the same command with --resume goes on".into()
        } else {
            "no trial has a score: the loss became infinite in all of them; search smaller learning rates".to_owned()
        }));
    };
    let report = output::Outcome { search: &search, bench: &bench, all: &all, started, seconds: begun.elapsed().as_secs_f64() };
    output::write(&report, &settings.out, best, asked.test_split)?;
    say.line(&format!("\n{}", output::table(&report, 10)));
    if stop.load(Ordering::Relaxed) {
        say.line(&format!("Stopped after {} of {total} trials. To go on, run the same command with --resume.", all.len()));
        return say.json(&output::json(&report, best, None));
    }
    say.line(&format!("\nTraining the network to keep with the settings of trial {}", best.trial.number + 1));
    let toml = settings.out.join(output::BEST);
    let begun = Instant::now();
    let (settings, problem) = fit::open(&final_fit(&asked, &settings, toml), &say)?;
    let fitted = fit::result(&settings, &problem, begun, &say, stop)?;
    if !stop.load(Ordering::Relaxed) {
        journal.finish()?;
    }
    say.line(&format!("Wrote trials.csv, search.html and {} beside them", output::BEST));
    say.json(&output::json(&report, best, Some(&fitted)))
}

/// Whether hidden layers are dense ones that nobody described.
fn is_dense(settings: &Settings, problem: &Problem) -> bool {
    let own = !settings.config.model.layers.is_empty() || settings.hidden.is_some();
    !own && settings.series.is_none() && problem.pictures().is_none()
}

/// `fit` with the file of the best settings, which has all that was searched; how data are read comes from the same words as before.
fn final_fit(asked: &FitArgs, settings: &Settings, toml: std::path::PathBuf) -> FitArgs {
    FitArgs {
        data: Some(settings.data.clone()),
        target: settings.target.clone(),
        model: Some(toml),
        out: Some(settings.out.clone()),
        epochs: None,
        batch_size: None,
        optimizer: None,
        learning_rate: None,
        hidden: None,
        dropout: None,
        validation_split: None,
        test_split: None,
        kfold: None,
        patience: None,
        seed: None,
        resume: asked.resume && fit::has_backup(&settings.out),
        ..asked.clone()
    }
}

/// A line per trial; the best so far is marked.
fn tell(say: &Terminal, bench: &Bench<'_>, done: &Finished, seen: &[Finished], total: usize) {
    let last = done.trial.round;
    let best = seen.iter().filter(|f| f.trial.round == last).all(|f| f.score.is_nan() || f.score >= done.score);
    let rest: Vec<String> = output::figures(done).into_iter().map(|(name, v)| format!(", {name} {v}")).collect();
    let rest = rest.concat();
    let settings: Vec<String> = done.trial.point.iter().map(|(n, v)| format!("{n} {}", output::plain(v))).collect();
    say.line(&format!(
        "{:>4}/{total}  {} {}{rest}  ({}){}",
        seen.len(),
        bench.score_name(),
        number::short(done.score),
        settings.join(", "),
        if best { "  best so far" } else { "" }
    ));
}
