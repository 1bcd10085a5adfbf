//! A training that is killed and begun again ends equal to the bit to one that was never interrupted.
//!
//! The training runs in a process of its own (this very program, told by an environment variable), which is killed at instants that nobody
//! chose, until one gets to its end.

use adaline::nn::callbacks::SaveFreq;
use adaline::prelude::*;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

const FOLDER: &str = "ADALINE_TEST_RESUME_FOLDER";
const FREQ: &str = "ADALINE_TEST_RESUME_FREQ";
const SLOWLY: &str = "ADALINE_TEST_RESUME_MICROSECONDS";
const EPOCHS: usize = 7;

fn folder(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("adaline-resume-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path
}

fn data() -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..200 * 6).map(|i| (i as f32 * 1.7).sin()).collect();
    let y: Vec<i32> = x.chunks(6).map(|r| i32::from(r[0] * r[1] > 0.0) + i32::from(r[2] > 0.5)).collect();
    (Tensor::f32([200, 6], x).unwrap(), Tensor::from(y))
}

fn model() -> Model {
    let mut model = Sequential::new()
        .add(Input::new([6]))
        .add(Dense::new(24).activation(Activation::Relu))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(3).activation(Activation::Softmax))
        .build(Seed(7))
        .unwrap();
    model.compile(Adam::new(0.02), SparseCategoricalCrossentropy::default(), [Accuracy::default()]).unwrap();
    model
}

/// Trains with one callback of each kind that remembers something; leaves `result` behind: all weights and slots, and the history.
fn train(folder: &Path, freq: SaveFreq, pause: Duration) {
    let (x, y) = data();
    let mut model = model();
    let mut backup = BackupAndRestore::new(folder.join("backup")).save_freq(freq);
    let fit = Fit::default()
        .epochs(EPOCHS)
        .batch_size(16)
        .validation_split(0.2)
        .verbose(0)
        .callback(EarlyStopping::new().patience(3).restore_best_weights(true))
        // Before the others, whose state must be that of the same instant all the same.
        .callback(&mut backup)
        .callback(ReduceLROnPlateau::new().monitor("loss").min_delta(0.05).patience(1).factor(0.5))
        .callback(LearningRateScheduler::new(|_, rate| rate * 0.97))
        .callback(ModelCheckpoint::new(folder.join("best.keras").display().to_string()).save_best_only(true))
        .callback(CsvLogger::new(folder.join("log.csv")))
        .callback(LambdaCallback::new().on_train_batch_end(move |_, _, _| {
            thread::sleep(pause);
            Ok(())
        }));
    let history = model.fit(&x, &y, fit).unwrap();
    let columns: Vec<_> = history.columns().map(|(n, v)| (n, v.iter().map(|v| v.to_bits()).collect::<Vec<_>>())).collect();
    let bytes = [format!("{:?} {columns:?}", history.epoch).into_bytes(), model.to_bytes().unwrap()].concat();
    fs::write(folder.join("result"), bytes).unwrap();
    if let Some((epoch, step)) = backup.resumed() {
        fs::write(folder.join(format!("resumed-{epoch}-{step}")), "").unwrap();
    }
    assert!(!folder.join("backup").exists(), "the backup is deleted at the end");
}

/// The process that is killed; nothing to do when the tests are run as such.
#[test]
fn child() {
    let Some(folder) = env::var_os(FOLDER).map(PathBuf::from) else { return };
    let number = |name| env::var(name).ok().and_then(|v| v.parse::<usize>().ok());
    let freq = number(FREQ).map_or(SaveFreq::Epoch, SaveFreq::Steps);
    train(&folder, freq, Duration::from_micros(number(SLOWLY).unwrap_or(0) as u64));
}

fn same(kept: &Path, undisturbed: &Path, what: &str) {
    for file in ["result", "best.keras", "log.csv"] {
        assert!(fs::read(kept.join(file)).unwrap() == fs::read(undisturbed.join(file)).unwrap(), "{what}: {file}");
    }
}

/// Kills the training at growing, uneven times until it ends by itself.
fn killed(freq: SaveFreq, undisturbed: &Path) {
    let name = format!("{freq:?}").replace(['(', ')'], "-");
    let kept = folder(&name);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "child", "--test-threads", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.env(FOLDER, &kept).env(SLOWLY, "2000");
    if let SaveFreq::Steps(n) = freq {
        command.env(FREQ, n.to_string());
    }
    let (mut kills, mut with_backup) = (0, 0);
    for round in 0u64.. {
        assert!(round < 200, "no progress");
        let mut child = command.spawn().unwrap();
        // The first starts may be too short for anything; instants fall anywhere within a step.
        thread::sleep(Duration::from_micros(12_000 + round * 9_000 + round * round * 7_919 % 5_000));
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "the training fails after {kills} kills");
            break;
        }
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
        with_backup += u32::from(kept.join("backup").join("latest.backup").exists());
    }
    assert!(with_backup >= 2, "{kills} kills, {with_backup} of them with a backup");
    same(&kept, undisturbed, &format!("{freq:?} after {kills} kills"));
    let resumed = |f: &fs::DirEntry| f.file_name().to_string_lossy().starts_with("resumed-");
    assert!(fs::read_dir(&kept).unwrap().flatten().any(|f| resumed(&f)));
    fs::remove_dir_all(kept).unwrap();
}

#[test]
fn killed_trainings_end_equal_to_the_bit() {
    if env::var_os(FOLDER).is_some() {
        return;
    }
    let undisturbed = folder("undisturbed");
    train(&undisturbed, SaveFreq::Epoch, Duration::ZERO);
    for freq in [SaveFreq::Epoch, SaveFreq::Steps(1), SaveFreq::Steps(7)] {
        killed(freq, &undisturbed);
    }
    fs::remove_dir_all(undisturbed).unwrap();
}

/// Ends training by the stop flag after so many steps, within an epoch.
fn interrupted(backup: &mut BackupAndRestore, model: &mut Model, steps: usize) -> bool {
    let ((x, y), flag) = (data(), Arc::new(AtomicBool::new(false)));
    let (mut done, raised) = (0, flag.clone());
    let count = LambdaCallback::new().on_train_batch_end(move |_, _, _| {
        done += 1;
        raised.store(done >= steps, Ordering::Relaxed);
        Ok(())
    });
    let fit = Fit::default().epochs(3).batch_size(16).verbose(0).callback(backup).callback(count).stop_when(flag);
    model.fit(&x, &y, fit).unwrap().interrupted
}

#[test]
fn a_stop_from_outside_keeps_the_very_step() {
    let folder = folder("stop");
    let mut whole = model();
    assert!(!interrupted(&mut BackupAndRestore::new(folder.join("whole")), &mut whole, 1000));
    let mut backup = BackupAndRestore::new(folder.join("backup"));
    let (mut parts, mut places) = (0, Vec::new());
    let end = loop {
        let mut model = model();
        parts += 1;
        let more = interrupted(&mut backup, &mut model, 5);
        places.push(backup.resumed());
        if !more {
            break model;
        }
    };
    // 13 steps an epoch: 39 in parts of 5.
    assert_eq!((parts, places[1], places[3]), (8, Some((0, 5)), Some((1, 2))));
    assert!(end.to_bytes().unwrap() == whole.to_bytes().unwrap());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_damaged_or_foreign_backup_is_an_error_that_says_so() {
    let folder = folder("damaged");
    let (x, y) = data();
    let latest = folder.join("backup").join("latest.backup");
    let fit = |backup: BackupAndRestore, epochs, batch| {
        Fit::default().epochs(epochs).batch_size(batch).verbose(0).callback(backup.delete_checkpoint(false))
    };
    let keep = || BackupAndRestore::new(folder.join("backup"));
    model().fit(&x, &y, fit(keep().double_checkpoint(true), 2, 16)).unwrap();
    let text = |model: &mut Model, fit| model.fit(&x, &y, fit).unwrap_err().to_string();

    let before = model().get_weights();
    let mut m = model();
    let e = text(&mut m, fit(keep(), 3, 32));
    assert!(e.contains("`batch_size` 16, which is 32 now; delete it to begin anew"), "{e}");
    let e = text(&mut m, fit(keep(), 3, 16).callback(CsvLogger::new(folder.join("x.csv"))));
    assert!(e.contains("made with 1 callbacks, now there are 2"), "{e}");
    let mut wider = Sequential::new().add(Input::new([6])).add(Dense::new(3).activation(Activation::Softmax)).build(Seed(7)).unwrap();
    wider.compile(Adam::new(0.02), SparseCategoricalCrossentropy::default(), [Accuracy::default()]).unwrap();
    let e = text(&mut wider, fit(keep(), 3, 16));
    assert!(e.contains("another `layers`"), "{e}");

    let whole = fs::read(&latest).unwrap();
    fs::write(&latest, &whole[..whole.len() / 2]).unwrap();
    let mut m = model();
    let e = text(&mut m, fit(keep(), 3, 16));
    assert!(e.contains("latest.backup is damaged") && e.contains("delete it to begin anew"), "{e}");
    assert!(m.get_weights() == before, "nothing was changed");
    let mut other = y.as_i32().unwrap().to_vec();
    other[0] ^= 1;
    fs::write(&latest, &whole).unwrap();
    let e = model().fit(&x, &Tensor::from(other), fit(keep(), 3, 16)).unwrap_err().to_string();
    assert!(e.contains("another `labels`"), "{e}");
    fs::write(&latest, &whole[..whole.len() / 2]).unwrap();
    // The one before it serves as well.
    let mut backup = keep().double_checkpoint(true).delete_checkpoint(true);
    m.fit(&x, &y, Fit::default().epochs(3).batch_size(16).verbose(0).callback(&mut backup)).unwrap();
    assert_eq!(backup.resumed(), Some((1, 0)));
    assert!(!folder.join("backup").exists());
    let mut whole = model();
    whole.fit(&x, &y, Fit::default().epochs(3).batch_size(16).verbose(0)).unwrap();
    assert!(m.to_bytes().unwrap() == whole.to_bytes().unwrap());

    let e = text(&mut m, fit(BackupAndRestore::new(""), 1, 16));
    assert!(e.contains("backup_dir is empty"), "{e}");
    let e = text(&mut m, fit(keep().save_freq(SaveFreq::Steps(0)), 1, 16));
    assert!(e.contains("save_freq is 0, but must be at least 1 step"), "{e}");
    fs::remove_dir_all(folder).unwrap();
}
