//! Training one network on some rows, watching others.

use super::Stop;
use crate::error::CliError;
use crate::network;
use crate::problem::{Coder, Given, Kind, Part, Problem};
use crate::settings::Settings;
use adaline::data::{stratified_split, train_test_split};
use adaline::nn::callbacks::{BackupAndRestore, EarlyStopping, SaveFreq, TensorBoard};
use adaline::nn::model::Progress;
use adaline::nn::{Fit, History, Loss, Metric, Model, Seed, catalogue};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A trained network and how it came to be.
pub(crate) struct Trained {
    pub model: Model,
    pub coder: Coder,
    pub history: History,
    /// The epoch whose weights are kept, from 1, when some rows were watched.
    pub best_epoch: Option<usize>,
}

/// What one network learns from.
pub(crate) struct Lesson {
    /// Rows to learn from.
    pub rows: Vec<usize>,
    /// Rows that decide when to stop; none: all epochs are trained.
    pub watched: Vec<usize>,
    /// Most epochs.
    pub epochs: usize,
}

impl Lesson {
    /// Out of `rows`, a share to watch, the classes in proportion.
    pub(crate) fn split(problem: &Problem, settings: &Settings, rows: &[usize], seed: u64) -> Result<Self, CliError> {
        let (share, epochs) = (settings.validation_split, settings.epochs);
        if share <= 0.0 || rows.len() < 2 {
            return Ok(Self { rows: rows.to_vec(), watched: Vec::new(), epochs });
        }
        if let Some(series) = problem.series() {
            let split = series.split(rows, share);
            // A short series cannot spare a part; then all of it is learned from.
            let whole = split.earlier.is_empty() || split.later.is_empty();
            let (rows, watched) = if whole { (rows.to_vec(), Vec::new()) } else { (split.earlier, split.later) };
            return Ok(Self { rows, watched, epochs });
        }
        let split = match &problem.labels {
            Some(labels) => {
                let own: Vec<i32> = rows.iter().map(|r| labels[problem.position(*r)]).collect();
                stratified_split(&own, share, seed)?.0
            }
            None => train_test_split(rows.len(), share, seed)?,
        };
        let pick = |at: &[usize]| at.iter().map(|&i| rows[i]).collect();
        Ok(Self { rows: pick(&split.train), watched: pick(&split.test), epochs })
    }
}

/// Loss and metrics.
type Goals = (Box<dyn Loss>, Vec<Box<dyn Metric>>);

/// Folder within that of the results for what a training needs to be taken up.
const BACKUP: &str = "backup";
/// The network that is kept, by its name among the backups.
pub(crate) const NETWORK: &str = "network";
/// Least time between two backups.
const PAUSE: Duration = Duration::from_secs(1);

/// Where one of a run's networks is kept while it is trained.
pub(crate) fn backup_of(out: &Path, network: &str) -> PathBuf {
    out.join(BACKUP).join(network)
}

/// Whether an interrupted run left a backup.
pub(crate) fn has_backup(out: &Path) -> bool {
    networks(out).next().is_some()
}

/// Deletes the backups of a run, if there are some, and nothing else.
pub(crate) fn forget_backups(out: &Path) -> Result<(), CliError> {
    for folder in networks(out) {
        BackupAndRestore::discard(&folder)?;
    }
    // Fails when something else lies there, which is to stay.
    let _ = std::fs::remove_dir(out.join(BACKUP));
    Ok(())
}

fn networks(out: &Path) -> impl Iterator<Item = PathBuf> {
    let folders = std::fs::read_dir(out.join(BACKUP)).into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter(|folder| BackupAndRestore::is_in(folder))
}

/// Trains a fresh network, or goes on with the one whose backup lies in the folder `kept`. Nothing but the lesson's rows is learned from; `watched` decides when to stop.
pub(crate) fn train(
    problem: &Problem,
    settings: &Settings,
    lesson: &Lesson,
    seed: u64,
    kept: Option<&str>,
    progress: Box<dyn Progress>,
    stop: &Stop,
) -> Result<Trained, CliError> {
    let coder = problem.coder(&lesson.rows)?;
    let part = problem.part(&coder, &lesson.rows)?;
    let watched = if lesson.watched.is_empty() { None } else { Some(problem.part(&coder, &lesson.watched)?) };
    let mut model = build(problem, settings, &coder, &part.x, seed)?;
    let mut fit = Fit::default().epochs(lesson.epochs).batch_size(settings.batch_size).progress(progress).stop_when(stop.clone());
    if let Some(Part { x, y }) = &watched {
        fit = fit.validation_data(x.inputs(), y);
        if settings.patience > 0 {
            fit = fit.callback(EarlyStopping::default().patience(settings.patience).restore_best_weights(true));
        }
    }
    if let Some(buckets) = part.x.buckets(problem.info.buckets) {
        fit = fit.bucket_by_length(buckets);
    }
    if let Some(weights) = class_weights(problem, settings)? {
        fit = fit.class_weight(weights);
    }
    // Of the network that is kept, not of those that measure by folds.
    if let (Some(NETWORK), Some(folder)) = (kept, &settings.tensorboard) {
        fit = fit.callback(TensorBoard::new(folder).histogram_freq(1));
    }
    if let Some(network) = kept {
        // Last, so that what it costs is not part of what others measure.
        let folder = backup_of(&settings.out, network);
        fit = fit.callback(BackupAndRestore::new(folder).save_freq(SaveFreq::Steps(1)).pause(PAUSE).delete_checkpoint(false));
    }
    let history = model.fit(part.x.inputs(), &part.y, fit)?;
    let best_epoch = history.get("val_loss").filter(|_| settings.patience > 0).and_then(|v| {
        let best = v.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?;
        Some(best.0 + 1)
    });
    Ok(Trained { model, coder, history, best_epoch })
}

/// The compiled network for inputs like `x`.
pub(crate) fn build(problem: &Problem, settings: &Settings, coder: &Coder, x: &Given, seed: u64) -> Result<Model, CliError> {
    let kind = &problem.info.kind;
    let vocabulary = coder.prep.as_ref().and_then(|p| Some(p.text()?.1.vocabulary_size()));
    let net = network::describe(settings, x, vocabulary, &problem.info, &slug(&problem.info.source))?;
    let mut model = net.build(settings.backend.clone(), Seed(seed))?;
    check_output(&model, kind)?;
    let mut optimizer = catalogue::optimizer_from_json(&settings.optimizer).map_err(|e| CliError::Misuse(format!("optimizer: {e}")))?;
    if let Some(rate) = settings.learning_rate {
        optimizer.common_mut().learning_rate = adaline::nn::optimizers::LearningRate::Fixed(rate);
    }
    let (loss, metrics) = goals(settings, kind, model.output_row())?;
    model.compile(optimizer, loss, metrics)?;
    Ok(model)
}

/// A wrong width is told in the words of the data, before the network's own check.
fn check_output(model: &Model, kind: &Kind) -> Result<(), CliError> {
    let width = model.output_row().map_or(0, |r| r.iter().product());
    let fits = match kind {
        Kind::Classes(names) => width == names.len() || (width == 1 && names.len() == 2),
        Kind::Numbers(n) => width == *n,
    };
    if fits {
        return Ok(());
    }
    let need = match kind {
        Kind::Classes(names) => format!("{} classes need {} outputs", names.len(), names.len()),
        Kind::Numbers(n) => format!("the target needs {n} output{}", if *n == 1 { "" } else { "s" }),
    };
    Err(CliError::Misuse(format!("{need}, the last layer has {width}: set its units to match")))
}

/// Loss and metrics: as the TOML file says, else cross-entropy and accuracy for classes, squared error for numbers.
fn goals(settings: &Settings, kind: &Kind, output: Option<&[usize]>) -> Result<Goals, CliError> {
    let single = output.is_some_and(|o| o.iter().product::<usize>() == 1);
    let (loss, metrics): (&str, &[&str]) = match kind {
        Kind::Classes(_) if single => ("binary_crossentropy", &["accuracy"]),
        Kind::Classes(_) => ("sparse_categorical_crossentropy", &["accuracy"]),
        Kind::Numbers(_) => ("mean_squared_error", &["mean_absolute_error"]),
    };
    let t = &settings.config.training;
    let value = |v: &toml::Value, module: &str, place: &str| match v {
        toml::Value::Table(t) => crate::config::envelope(t, module, place),
        toml::Value::String(s) => Ok(serde_json::Value::String(s.clone())),
        other => Err(CliError::Misuse(format!("{place} expects a name or a table with class_name, got {other}"))),
    };
    let loss = t.loss.as_ref().map_or_else(|| Ok(loss.into()), |v| value(v, "keras.losses", "[training] loss"))?;
    let metrics = match &t.metrics {
        Some(list) => list.iter().map(|v| value(v, "keras.metrics", "[training] metrics")).collect::<Result<Vec<_>, _>>()?,
        None => metrics.iter().map(|m| (*m).into()).collect(),
    };
    let wrong = |what: &str, e: adaline::nn::keras::ConfigError| CliError::Misuse(format!("[training] {what}: {e}"));
    Ok((
        catalogue::loss_from_json(&loss).map_err(|e| wrong("loss", e))?,
        metrics.iter().map(|m| catalogue::metric_from_json(m).map_err(|e| wrong("metrics", e))).collect::<Result<_, _>>()?,
    ))
}

fn class_weights(problem: &Problem, settings: &Settings) -> Result<Option<Vec<(i32, f32)>>, CliError> {
    let named = &settings.config.training.class_weight;
    let Kind::Classes(names) = &problem.info.kind else { return Ok(None) };
    if named.is_empty() {
        return Ok(None);
    }
    let number = |(name, &weight): (&String, &f64)| match names.iter().position(|n| n == name) {
        Some(at) => Ok((at as i32, weight as f32)),
        None => Err(CliError::Misuse(format!("[training.class_weight] has no class {name:?}; the classes are {}", names.join(", ")))),
    };
    named.iter().map(number).collect::<Result<Vec<_>, _>>().map(Some)
}

/// A name Keras accepts for a model: letters, digits, underscores.
fn slug(name: &str) -> String {
    let s: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    if s.is_empty() { "model".into() } else { s }
}
