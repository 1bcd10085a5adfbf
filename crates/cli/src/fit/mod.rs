//! `adaline fit`: from data to a trained, measured, saved and explained network.

mod output;
mod seen;
mod story;
mod train;

pub(crate) use output::{PREP_ASSET, TASK_ASSET};
pub(crate) use train::{Lesson, Trained, build, has_backup, train};

use crate::args::FitArgs;
use crate::error::CliError;
use crate::measure::Outcome;
use crate::problem::{Kind, Problem, Rows};
use crate::series::{self, Series};
use crate::settings::Settings;
use crate::source::{Source, table_options};
use crate::terminal::{Shown, Terminal};
use adaline::data::{Fold, KFold, Preprocessor, SplitWarning, Time, stratified_split, train_test_split};
use adaline::report::figure::FoldChart;
use adaline::report::html::Convolutions;
use adaline::report::number;
use seen::Measured;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Set by Ctrl-C: training ends after the running step.
pub(crate) type Stop = Arc<AtomicBool>;

/// Results of the folds.
pub(crate) struct Folds {
    /// `accuracy` or `rmse`.
    pub metric: &'static str,
    /// One per fold.
    pub scores: Vec<f64>,
    /// Predictions of all rows, each by the network that had not seen it.
    pub outcome: Outcome,
    /// Epochs after which a network trained on all rows should stop.
    pub epochs: usize,
}

impl Folds {
    /// The chart of the scores, which also knows their mean and deviation.
    pub(crate) fn chart(&self) -> FoldChart {
        FoldChart { metric: self.metric.into(), scores: self.scores.clone() }
    }
}

/// All that a run knows at its end.
pub(crate) struct Run<'a> {
    pub problem: &'a Problem,
    pub settings: &'a Settings,
    pub trained: Trained,
    /// What is measured, on which rows.
    pub outcome: Outcome,
    /// Those rows in words: `test rows`.
    pub measured_on: String,
    pub folds: Option<Folds>,
    /// Name and number of rows of each part.
    pub parts: Vec<(String, usize)>,
    /// Names of the parts of a series and their first times.
    pub begins: Vec<(String, Time)>,
    /// Inputs of the measured rows, when they are pictures.
    pub pictures: Option<Rows>,
    /// What a convolutional network looks for and sees.
    pub convolutions: Option<Convolutions>,
    /// Name and value of what was set.
    pub parameters: Vec<(String, String)>,
    pub started: String,
    pub seconds: f64,
    pub command: String,
    pub interrupted: bool,
}

/// Runs the command.
pub(crate) fn run(args: &FitArgs, stop: &Stop) -> Result<(), CliError> {
    let begun = Instant::now();
    let say = Terminal::new(args.common.json, args.verbose.unwrap_or(1));
    let (settings, problem) = open(args, &say)?;
    introduce(&say, &problem);
    say.json(&result(&settings, &problem, begun, &say, stop)?)
}

/// Reads what was asked and the data.
pub(crate) fn open(args: &FitArgs, say: &Terminal) -> Result<(Settings, Problem), CliError> {
    let mut settings = Settings::new(args)?;
    let options = table_options(&args.read, &settings.config.data)?;
    // Unwritable results must be known before the work, not after it.
    output::prepare(&settings.out)?;
    let source = Source::read(&settings.data, &options, &settings.pictures).map_err(CliError::asked)?;
    let name = crate::source::name_of(&settings.data);
    let problem = match &settings.series {
        Some(asked) => Problem::of_series(source, &settings, asked, &name),
        None => Problem::new(source, settings.target.as_deref(), settings.task, &settings.config.data, &name, say),
    }
    .map_err(CliError::asked)?;
    settings.settle(problem.rows.len(), problem.pictures().is_some());
    Ok((settings, problem))
}

/// Trains, measures, writes and tells; what machines are told of it.
pub(crate) fn result(settings: &Settings, problem: &Problem, begun: Instant, say: &Terminal, stop: &Stop) -> Result<Value, CliError> {
    let started = crate::terminal::now();
    take_up(settings, say)?;
    let (train_rows, test_rows) = hold_out(problem, settings)?;
    let (lesson, mut trained, folds) = learn(problem, settings, &train_rows, say, stop)?;
    output::attach(problem, &mut trained)?;
    let interrupted = stop.load(Ordering::Relaxed);

    let mut parts = vec![("training".to_owned(), lesson.rows.len())];
    if !lesson.watched.is_empty() {
        parts.push(("validation".to_owned(), lesson.watched.len()));
    }
    let (outcome, mut measured_on, measured) = measure(problem, &mut trained, &test_rows, &lesson, folds.as_ref())?;
    let mut begins = Vec::new();
    if let (Some(series), Outcome::Series(held)) = (problem.series(), &outcome) {
        measured_on = measured_on.replace("rows", "windows");
        series::remember(series, &mut trained, held, &measured_on, &[&lesson.rows[..], &lesson.watched].concat())?;
        begins = parts_of(series, &lesson, &measured, held);
    }
    let pictures = raw_pictures(problem, &measured)?;
    let convolutions = seen::convolutions(problem, &mut trained, &outcome, &measured)?;
    if measured_on.starts_with("test ") {
        parts.push(("test".to_owned(), outcome.rows()));
    }
    let run = Run {
        parameters: parameters(problem, settings, &trained, lesson.epochs),
        command: crate::terminal::command_line(),
        seconds: begun.elapsed().as_secs_f64(),
        problem,
        settings,
        trained,
        outcome,
        measured_on,
        folds,
        parts,
        begins,
        pictures,
        convolutions,
        started,
        interrupted,
    };
    output::write(&run, say)
}

/// Without `--resume` an interrupted run is forgotten.
fn take_up(settings: &Settings, say: &Terminal) -> Result<(), CliError> {
    let there = has_backup(&settings.out);
    let folder = settings.out.display();
    match (settings.resume, there) {
        (true, true) => say.line(&format!("Going on with the interrupted run in {folder}")),
        (true, false) => say.line(&format!("Note: --resume finds no interrupted run in {folder}; this one begins anew")),
        (false, true) => {
            say.line(&format!("Note: the backup of an interrupted run in {folder} is given up; with --resume it would have gone on"));
            train::forget_backups(&settings.out)?;
        }
        (false, false) => {}
    }
    Ok(())
}

pub(crate) fn introduce(say: &Terminal, problem: &Problem) {
    let rows = number::grouped(problem.rows.len() as u64);
    match &problem.info.kind {
        Kind::Classes(names) => {
            let shown = names.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
            let more = if names.len() > 8 { ", ..." } else { "" };
            say.line(&format!("Task: tell {} classes of `{}` apart ({shown}{more}), {rows} rows", names.len(), problem.info.target));
        }
        Kind::Numbers(_) if problem.series().is_some() => {
            say.line(&format!("Task: {}", problem.series().map_or_else(String::new, Series::task)));
        }
        Kind::Numbers(1) => say.line(&format!("Task: predict the number `{}`, {rows} rows", problem.info.target)),
        Kind::Numbers(n) => say.line(&format!("Task: predict {n} numbers, {rows} rows")),
    }
    // Bad pictures have been named when they were read.
    for note in problem.notes.iter().filter(|_| problem.pictures().is_none()) {
        say.line(&format!("Note: {note}"));
    }
    if let Some(table) = problem.table() {
        say.columns(table, &problem.info.target);
    }
}

/// Rows to learn from and rows for the final measurement.
pub(crate) fn hold_out(problem: &Problem, settings: &Settings) -> Result<(Vec<usize>, Vec<usize>), CliError> {
    let share = settings.test_share();
    if problem.own_test().is_some() && settings.test_split.is_none() || share <= 0.0 {
        return Ok((problem.rows.clone(), Vec::new()));
    }
    if let Some(series) = problem.series() {
        let split = series.hold_out(&problem.rows, share)?;
        return Ok((split.earlier, split.later));
    }
    let split = match &problem.labels {
        Some(labels) => stratified_split(labels, share, settings.seed)?.0,
        None => train_test_split(problem.rows.len(), share, settings.seed)?,
    };
    let pick = |at: &[usize]| at.iter().map(|&i| problem.rows[i]).collect();
    Ok((pick(&split.train), pick(&split.test)))
}

/// The folds, if asked for, and the network to keep.
fn learn(
    problem: &Problem,
    settings: &Settings,
    rows: &[usize],
    say: &Terminal,
    stop: &Stop,
) -> Result<(Lesson, Trained, Option<Folds>), CliError> {
    let count = |rows: &[usize]| number::grouped(rows.len() as u64);
    let (lesson, folds) = if let Some(k) = settings.kfold {
        match cross_validate(problem, settings, rows, k, say, stop)? {
            // Measured by the folds: now learn from every row, for as long as the folds needed.
            Validated::Done(folds) => {
                let lesson = Lesson { rows: rows.to_vec(), watched: Vec::new(), epochs: folds.epochs };
                say.line(&format!("\nTraining the network to keep on all {} rows, {} epochs", count(rows), lesson.epochs));
                (lesson, Some(folds))
            }
            Validated::Stopped(lesson, trained) => {
                say.line("Stopped during the folds: the network of this fold is kept, measured on the rows it was watched by.");
                return Ok((lesson, *trained, None));
            }
        }
    } else {
        let lesson = Lesson::split(problem, settings, rows, settings.seed)?;
        if lesson.watched.is_empty() && settings.validation_split > 0.0 && problem.series().is_some() {
            say.line("Note: the series is too short to hold windows out for watching; all epochs are trained");
        }
        let rows = if problem.series().is_some() { "windows" } else { "rows" };
        say.line(&format!("Training on {} {rows}, watching {}", count(&lesson.rows), count(&lesson.watched)));
        (lesson, None)
    };
    let trained = train(problem, settings, &lesson, settings.seed, Some(train::NETWORK), say.progress(lesson.epochs), stop)?;
    Ok((lesson, trained, folds))
}

/// The folds of these rows, as places among them.
pub(crate) fn folds_of(problem: &Problem, settings: &Settings, rows: &[usize], k: usize, say: &Terminal) -> Result<Vec<Fold>, CliError> {
    let shuffled = KFold { k, shuffle: true, seed: settings.seed };
    let (folds, warnings): (Vec<Fold>, Vec<String>) = match (&problem.labels, problem.series()) {
        (_, Some(series)) => (series.folds(rows, k)?, Vec::new()),
        (Some(labels), None) => {
            let own: Vec<i32> = rows.iter().map(|&r| labels[problem.position(r)]).collect();
            let (folds, warnings) = shuffled.stratified(&own)?;
            (folds, warnings.iter().map(|w| in_words(w, &problem.info.kind)).collect())
        }
        (None, None) => (shuffled.plain(rows.len())?, Vec::new()),
    };
    for w in warnings {
        say.line(&format!("Note: {w}"));
    }
    Ok(folds)
}

/// How a cross-validation ended.
enum Validated {
    Done(Folds),
    /// By Ctrl-C, with the network that was being trained.
    Stopped(Lesson, Box<Trained>),
}

/// Each fold: a fresh network, preprocessing fitted on that fold's training rows, early stopping on some of them.
fn cross_validate(
    problem: &Problem,
    settings: &Settings,
    rows: &[usize],
    k: usize,
    say: &Terminal,
    stop: &Stop,
) -> Result<Validated, CliError> {
    let folds = folds_of(problem, settings, rows, k, say)?;
    let pick = |at: &[usize]| at.iter().map(|&i| rows[i]).collect::<Vec<_>>();
    let (mut scores, mut epochs, mut all, mut metric) = (Vec::new(), Vec::new(), None::<Outcome>, "accuracy");
    for (i, fold) in folds.iter().enumerate() {
        let seed = settings.seed.wrapping_add(1 + i as u64);
        let lesson = Lesson::split(problem, settings, &pick(&fold.train), seed)?;
        let mut trained = train(problem, settings, &lesson, seed, Some(&format!("fold-{}", i + 1)), Terminal::quiet(), stop)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(Validated::Stopped(lesson, Box::new(trained)));
        }
        let outcome = predict(problem, &mut trained, &pick(&fold.validation))?;
        let (name, score) = outcome.headline();
        let kept = trained.best_epoch.unwrap_or(trained.history.len()).max(1);
        say.line(&format!("Fold {}/{k}: {name} {}  ({} epochs, best {kept})", i + 1, number::short(score), trained.history.len()));
        metric = name;
        scores.push(score);
        epochs.push(kept);
        match &mut all {
            Some(o) => o.extend(outcome),
            None => all = Some(outcome),
        }
    }
    epochs.sort_unstable();
    let (mean, deviation) = FoldChart { metric: metric.into(), scores: scores.clone() }.mean_and_deviation();
    say.line(&format!("{k} folds: {metric} {} ± {}", number::short(mean), number::short(deviation)));
    let outcome = all.ok_or_else(|| CliError::Misuse("no fold has rows".into()))?;
    Ok(Validated::Done(Folds { metric, scores, outcome, epochs: epochs.get(epochs.len() / 2).copied().unwrap_or(1) }))
}

/// A warning with the class by its name.
fn in_words(warning: &SplitWarning, kind: &Kind) -> String {
    match (warning, kind) {
        (SplitWarning::SmallClass { class, members, needed }, Kind::Classes(names)) if *class < names.len() => {
            let rows = if *members == 1 { "row" } else { "rows" };
            format!("class `{}` has {members} {rows}; with fewer than {needed} some folds are without it", names[*class])
        }
        _ => warning.to_string(),
    }
}

/// Predictions of rows of the data.
pub(crate) fn predict(problem: &Problem, trained: &mut Trained, rows: &[usize]) -> Result<Outcome, CliError> {
    if let (Some(series), Some(coder)) = (problem.series(), &trained.coder.series) {
        return Ok(Outcome::Series(Box::new(series.held(coder, &mut trained.model, rows)?)));
    }
    let part = problem.part(&trained.coder, rows)?;
    let output = part.x.output(&mut trained.model, problem.info.buckets)?;
    Ok(Outcome::new(&problem.info.kind, &trained.coder, &part.y, &output))
}

/// What the figures are of: the test rows; else the folds; else the watched rows; else, said plainly, the training rows.
fn measure(
    problem: &Problem,
    trained: &mut Trained,
    test: &[usize],
    lesson: &Lesson,
    folds: Option<&Folds>,
) -> Result<(Outcome, String, Measured), CliError> {
    if !test.is_empty() {
        return Ok((predict(problem, trained, test)?, "test rows".into(), Measured::Rows(test.to_vec())));
    }
    if let Some(f) = folds {
        return Ok((f.outcome.clone(), "held-out rows".into(), Measured::Folds));
    }
    if let Some((x, y)) = problem.own_test() {
        let output = trained.model.predict(x)?;
        return Ok((Outcome::new(&problem.info.kind, &trained.coder, y, &output), "test rows".into(), Measured::OwnTest));
    }
    let (rows, words) = if lesson.watched.is_empty() { (&lesson.rows, "training rows") } else { (&lesson.watched, "validation rows") };
    Ok((predict(problem, trained, rows)?, words.into(), Measured::Rows(rows.clone())))
}

/// The parts of a series after the training part, and when they begin.
fn parts_of(series: &Series, lesson: &Lesson, measured: &Measured, held: &series::Held) -> Vec<(String, Time)> {
    let first_held = held.origins.iter().map(|&row| series.frame.times()[row + 1]).min_by(|a, b| a.order(*b));
    let last = match measured {
        Measured::Folds => first_held.map(|time| ("folds".to_owned(), time)),
        Measured::Rows(rows) if *rows != lesson.rows && *rows != lesson.watched => first_held.map(|time| ("test".to_owned(), time)),
        Measured::Rows(_) | Measured::OwnTest => None,
    };
    series.begins(&lesson.watched).map(|time| ("validation".to_owned(), time)).into_iter().chain(last).collect()
}

/// The measured rows as pictures, where they are some.
fn raw_pictures(problem: &Problem, measured: &Measured) -> Result<Option<Rows>, CliError> {
    Ok(match (measured, problem.info.image, problem.own_test()) {
        (Measured::Rows(rows), Some(_), _) => Some(problem.raw_pictures(rows)?),
        (Measured::OwnTest, Some(_), Some((x, _))) => Some(Box::new(x.clone())),
        _ => None,
    })
}

fn parameters(problem: &Problem, settings: &Settings, trained: &Trained, epochs: usize) -> Vec<(String, String)> {
    let mut out = vec![
        ("optimizer".to_owned(), trained.model.optimizer().map_or("", |o| o.class_name()).to_owned()),
        ("learning rate".to_owned(), trained.model.learning_rate().map_or_else(String::new, number::short)),
        ("batch size".to_owned(), settings.batch_size.to_string()),
        ("epochs".to_owned(), format!("{} of at most {epochs}", trained.history.len())),
    ];
    if settings.patience > 0 && trained.best_epoch.is_some() {
        out.push((
            "early stopping".to_owned(),
            format!("after {} epochs without a lower validation loss, best weights kept", settings.patience),
        ));
    }
    if let Some((_, texts)) = trained.coder.prep.as_ref().and_then(Preprocessor::text) {
        out.push(("vocabulary".to_owned(), number::grouped(texts.vocabulary_size() as u64)));
        out.push(("words read of a text".to_owned(), texts.options().output_sequence_length.unwrap_or(0).to_string()));
        if let Some(buckets) = problem.info.buckets.filter(|b| *b > 1) {
            out.push(("buckets of texts by length".to_owned(), buckets.to_string()));
        }
    }
    if let (Some(series), Some(coder)) = (problem.series(), &trained.coder.series) {
        let steps = |n: usize| format!("{n} of {}", series.frame.step());
        out.push(("window".to_owned(), steps(series.windows.window())));
        out.push(("horizon".to_owned(), steps(series.windows.horizon())));
        let seen = if coder.is_relative() { "differences from the window's last value" } else { "values" };
        out.push(("seen as".to_owned(), format!("{seen}, scaled by the training part")));
    }
    if let Some(size) = &problem.size {
        out.push(("picture size".to_owned(), size.clone()));
    }
    if let Some(k) = settings.kfold {
        out.push(("folds".to_owned(), k.to_string()));
    }
    out
}
