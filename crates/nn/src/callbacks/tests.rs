//! Callbacks at work on small models.

use super::*;
use crate::error::Error;
use crate::layers::{Dense, Input};
use crate::losses::MeanSquaredError;
use crate::metrics::MeanAbsoluteError;
use crate::model::{Fit, LoadOptions, Seed, Sequential, load_model_with};
use crate::optimizers::{Adam, MultiOptimizer, OptimizerMap, Sgd};
use adaline_data::Tensor;
use adaline_graph::reference::Reference;
use std::sync::Arc;

fn model(rate: f64) -> Model {
    let backend = Arc::new(Reference::default());
    let mut m = Sequential::new().add(Input::new([1])).add(Dense::new(1)).build_on(backend, Seed(1)).unwrap();
    m.compile(Sgd::default().learning_rate(rate), MeanSquaredError::default(), [MeanAbsoluteError::default()]).unwrap();
    m.set_weights(&[Tensor::from([[0.0f32]]), Tensor::from([0.0f32])]).unwrap();
    m
}

/// y = 2x + 1
fn line() -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..16).map(|i| i as f32 / 8.0 - 1.0).collect();
    let y = x.iter().map(|x| 2.0 * x + 1.0).collect();
    (Tensor::f32([16, 1], x).unwrap(), Tensor::f32([16, 1], y).unwrap())
}

/// Replaces what an epoch measured, so that rules can be tested on chosen values.
fn pretend(name: &'static str, values: &'static [f64]) -> impl Callback {
    LambdaCallback::new().on_epoch_end(move |epoch, logs, _| {
        logs.retain(|(n, _)| n != name);
        logs.push((name.into(), values[epoch]));
        Ok(())
    })
}

fn folder(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("adaline-nn-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[test]
fn early_stopping_follows_keras() {
    let (x, y) = line();
    // (values, patience, min_delta, baseline, start, stopped epoch, best epoch), each checked with Keras 3.15.1.
    type Case = (&'static [f64], usize, f64, Option<f64>, usize, Option<usize>, usize);
    let cases: &[Case] = &[
        (&[1.0, 0.9, 0.8, 0.85, 0.81, 0.7], 2, 0.0, None, 0, Some(4), 2),
        (&[1.0, 0.9, 0.8, 0.85, 0.79, 0.9], 2, 0.0, None, 0, None, 4),
        (&[1.0, 0.99, 0.98, 0.97, 0.96, 0.95], 2, 0.1, None, 0, Some(2), 0),
        (&[1.0, 1.0, 1.0, 1.0, 1.0, 1.0], 0, 0.0, None, 0, Some(1), 0),
        (&[1.0, 0.9, 0.8, 0.7, 0.6, 0.5], 3, 0.0, Some(0.1), 0, None, 5),
        (&[0.5, 0.1, 0.3, 0.4, 0.35, 0.36], 1, 0.0, None, 2, Some(3), 2),
        (&[f64::NAN, f64::NAN, 0.5, 0.6, 0.7, 0.8], 2, 0.0, None, 0, Some(2), 0),
    ];
    for &(values, patience, delta, baseline, start, stopped, best) in cases {
        let mut stop = EarlyStopping::new().monitor("loss").patience(patience).min_delta(delta).start_from_epoch(start);
        if let Some(b) = baseline {
            stop = stop.baseline(b);
        }
        let h = model(0.01).fit(&x, &y, Fit::default().epochs(6).callback(pretend("loss", values)).callback(&mut stop)).unwrap();
        assert_eq!((stop.stopped_epoch(), stop.best().map(|b| b.0)), (stopped, Some(best)), "{values:?}");
        assert_eq!(h.len(), stopped.map_or(6, |s| s + 1), "{values:?}");
    }
}

#[test]
fn unknown_monitors_list_what_exists() {
    let (x, y) = line();
    let fit =
        |c: EarlyStopping, split| model(0.01).fit(&x, &y, Fit::default().validation_split(split).callback(c)).unwrap_err().to_string();
    assert_eq!(
        fit(EarlyStopping::new(), 0.0),
        "EarlyStopping watches `val_loss`, but the values of an epoch are loss, mean_absolute_error: \
         give fit a validation_split or validation_data"
    );
    let text = fit(EarlyStopping::new().monitor("val_acc"), 0.25);
    assert_eq!(
        text,
        "EarlyStopping watches `val_acc`, but the values of an epoch are loss, mean_absolute_error, val_loss, val_mean_absolute_error"
    );
    // Whether larger is better is known for metrics, but not for what a callback made up.
    let made_up = || pretend("surprise", &[1.0]);
    let run = |c: EarlyStopping| model(0.01).fit(&x, &y, Fit::default().callback(made_up()).callback(c.monitor("surprise")));
    assert!(matches!(run(EarlyStopping::new()), Err(Error::Direction { .. })));
    assert!(run(EarlyStopping::new().mode(Mode::Max)).is_ok());
    // An epoch without validation is no error.
    let h = model(0.01).fit(
        &x,
        &y,
        Fit::default().epochs(4).validation_split(0.25).validation_freq(2).callback(EarlyStopping::new().patience(9)),
    );
    assert_eq!(h.unwrap()["val_loss"].len(), 2);
}

#[test]
fn learning_rates_are_reduced_on_plateaus() {
    let (x, y) = line();
    let values: &[f64] = &[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let reduce = ReduceLROnPlateau::new().monitor("loss").patience(2).factor(0.5).cooldown(1).min_lr(0.03);
    let mut m = model(0.1);
    let h = m.fit(&x, &y, Fit::default().epochs(8).callback(pretend("loss", values)).callback(reduce)).unwrap();
    // With Keras 3.15.1: reduced after epochs 3, 5 and 7 (from 1), the last time to the least rate.
    let rates: Vec<f32> = h["learning_rate"].iter().map(|&r| r as f32).collect();
    assert_eq!(rates, [0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03]);
    let bad = ReduceLROnPlateau::new().factor(1.0);
    assert!(m.fit(&x, &y, Fit::default().callback(bad)).unwrap_err().to_string().contains("factor of ReduceLROnPlateau is 1"));
}

#[test]
fn several_optimizers_have_no_rate_to_set() {
    let (x, y) = line();
    let callbacks: [Box<dyn Callback>; 2] =
        [Box::new(ReduceLROnPlateau::new()), Box::new(LearningRateScheduler::new(|_, _| unreachable!("there is no rate to hand over")))];
    for callback in callbacks {
        let mut m = model(0.1);
        let map = OptimizerMap::new(Sgd::new(0.01)).with(".*/bias", Adam::new(0.001));
        m.compile(MultiOptimizer::new(map), MeanSquaredError::default(), ()).unwrap();
        let error = m.fit(&x, &y, Fit::default().callbacks([callback])).unwrap_err().to_string();
        assert!(error.contains("give those within a MultiOptimizer schedules"), "{error}");
        assert_eq!(m.iterations(), 0);
        let history = m.fit(&x, &y, Fit::default()).unwrap();
        assert!(history.get("learning_rate").is_none() && history.get("loss").is_some());
    }
}

#[test]
fn learning_rates_follow_a_function() {
    let (x, y) = line();
    let mut m = model(0.1);
    let h = m.fit(&x, &y, Fit::default().epochs(3).callback(LearningRateScheduler::new(|e, r| if e == 0 { r } else { r / 2.0 }))).unwrap();
    assert_eq!(h["learning_rate"].iter().map(|&r| r as f32).collect::<Vec<_>>(), [0.1, 0.05, 0.025]);
    let bad = LearningRateScheduler::new(|_, _| f64::NAN);
    assert!(m.fit(&x, &y, Fit::default().callback(bad)).unwrap_err().to_string().contains("learning_rate is NaN"));
}

#[test]
fn checkpoints_are_written_when_better() {
    let (x, y) = line();
    let dir = folder("checkpoints");
    let path = |name: &str| dir.join(name).display().to_string();
    let values: &[f64] = &[1.0, 0.5, 0.7, 0.4];
    let mut best = ModelCheckpoint::new(path("sub/{epoch:02d}-{loss:.2f}.keras")).monitor("loss").save_best_only(true);
    let mut m = model(0.05);
    m.fit(&x, &y, Fit::default().epochs(4).callback(pretend("loss", values)).callback(&mut best)).unwrap();
    let mut names: Vec<String> =
        std::fs::read_dir(dir.join("sub")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["01-1.00.keras", "02-0.50.keras", "04-0.40.keras"]);
    assert_eq!(best.best(), Some(0.4));
    let loaded = load_model_with(Arc::new(Reference::default()), best.last_saved().unwrap(), LoadOptions::default()).unwrap();
    assert_eq!(loaded.get_weights(), m.get_weights());
    assert_eq!(loaded.iterations(), 4);

    let by_step = ModelCheckpoint::new(path("{batch}.keras")).save_freq(SaveFreq::Steps(3)).save_weights_only(true);
    m.fit(&x, &y, Fit::default().batch_size(4).epochs(2).callback(by_step)).unwrap();
    for (name, there) in [("3.keras", true), ("2.keras", true), ("4.keras", false)] {
        assert_eq!(dir.join(name).exists(), there, "{name}");
    }
    m.load_weights(dir.join("2.keras")).unwrap();
    let loaded = load_model_with(Arc::new(Reference::default()), dir.join("2.keras"), LoadOptions::default()).unwrap();
    assert!(!loaded.is_compiled(), "weights only");

    for (bad, expected) in [("m.h5", "must end in .keras"), ("{accuracy:.2f}.keras", "asks for \"accuracy\"")] {
        let c = ModelCheckpoint::new(path(bad));
        let text = m.fit(&x, &y, Fit::default().callback(c)).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn csv_files_are_written_and_appended_to() {
    let (x, y) = line();
    let dir = folder("csv");
    let path = dir.join("log.csv");
    let mut m = model(0.05);
    let h = m.fit(&x, &y, Fit::default().epochs(2).callback(CsvLogger::new(&path))).unwrap();
    m.fit(&x, &y, Fit::default().initial_epoch(2).epochs(3).callback(CsvLogger::new(&path).append(true))).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[0], "epoch,loss,mean_absolute_error");
    assert_eq!(lines[2], format!("1,{},{}", h["loss"][1], h["mean_absolute_error"][1]));
    assert!(lines[3].starts_with("2,"));
    m.fit(&x, &y, Fit::default().epochs(2).validation_split(0.25).validation_freq(2).callback(CsvLogger::new(&path).separator(';')))
        .unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("epoch;loss;mean_absolute_error;val_loss;val_mean_absolute_error\n0;"), "{text}");
    assert!(text.lines().nth(1).unwrap().ends_with(";NA;NA") && !text.lines().nth(2).unwrap().contains("NA"), "{text}");
    let text = m.fit(&x, &y, Fit::default().callback(CsvLogger::new(dir.join("no/log.csv")))).unwrap_err().to_string();
    assert!(text.contains("cannot open") && text.contains("check the folder"), "{text}");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn gradient_descent_stops_when_steps_are_small() {
    let (x, y) = line();
    let mut m = model(0.1);
    let mut stop = GradientDescentStop::default();
    m.fit(&x, &y, Fit::default().epochs(5000).batch_size(16).shuffle(false).callback(&mut stop)).unwrap();
    assert!(stop.converged() && stop.steps() < 1000 && stop.last_step_size() <= 0.001, "{stop:?}");
    assert_eq!(m.iterations() as usize, stop.steps());
    assert!((m.weight("dense/kernel").unwrap().as_f32().unwrap()[0] - 2.0).abs() < 0.05);
    let mut few = GradientDescentStop::new(0.0, 7);
    m.fit(&x, &y, Fit::default().epochs(100).batch_size(16).callback(&mut few)).unwrap();
    assert!(!few.converged() && few.steps() == 7);
    assert!(m.fit(&x, &y, Fit::default().callback(GradientDescentStop::new(f32::NAN, 1))).is_err());
}

#[test]
fn callbacks_may_use_the_model_in_the_middle_of_an_epoch() {
    let (x, y) = line();
    let mut m = model(0.05);
    let (vx, vy) = (x.clone(), y.clone());
    let meddle = LambdaCallback::new().on_train_batch_end(move |step, _, control| {
        if step == 1 {
            let p = control.model().predict(&vx)?;
            assert_eq!(p.rows(), 16);
            control.model().evaluate(&vx, &vy, crate::model::Evaluate::default())?;
            control.model().compile(Adam::default(), MeanSquaredError::default(), ())?;
        }
        Ok(())
    });
    let h = m.fit(&x, &y, Fit::default().epochs(2).batch_size(4).callback(meddle)).unwrap();
    assert_eq!(h.len(), 2);
}

#[test]
fn averages_are_validated_and_shown_where_there_are_some() {
    let (x, y) = line();
    let mut plain = model(0.1);
    let error = plain.fit(&x, &y, Fit::default().callback(SwapEMAWeights::new())).unwrap_err().to_string();
    assert!(error.contains("use_ema"), "{error}");

    // Between epochs the model shows its averages; after an early end, too, it keeps them and not the weights behind them.
    let mut averaged = model(0.1);
    averaged.compile(Sgd::default().learning_rate(0.1).use_ema(true).ema_momentum(0.9), MeanSquaredError::default(), ()).unwrap();
    let mut shown = Vec::new();
    let watch = LambdaCallback::new().on_epoch_end(|epoch, _, control| {
        shown.push(control.model().get_weights());
        if epoch == 1 {
            control.stop();
        }
        Ok(())
    });
    let swap = SwapEMAWeights::new().swap_on_epoch(true);
    averaged.fit(&x, &y, Fit::default().epochs(5).batch_size(4).shuffle(false).callback(swap).callback(watch)).unwrap();
    assert_eq!(shown.len(), 2);
    assert_eq!(averaged.get_weights(), shown[1]);
    // Training goes on with the weights: the averages after two epochs are those of a training that never showed them.
    let mut unseen = model(0.1);
    unseen.compile(Sgd::default().learning_rate(0.1).use_ema(true).ema_momentum(0.9), MeanSquaredError::default(), ()).unwrap();
    unseen.fit(&x, &y, Fit::default().epochs(2).batch_size(4).shuffle(false)).unwrap();
    assert_eq!(averaged.get_weights(), unseen.get_weights());
    let mut weights = model(0.1);
    weights.fit(&x, &y, Fit::default().epochs(2).batch_size(4).shuffle(false)).unwrap();
    assert_ne!(averaged.get_weights(), weights.get_weights());
}
