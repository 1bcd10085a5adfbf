//! Every name of Keras' surface is here, or stands in the list of those that are not, `keras_missing.json`, with the reason.
//! `scripts/goldens/names.py` made `keras_names.json` from real Keras.

use adaline_nn::{
    Callback, Layer, Loss, Metric, Optimizer, activations::Activation, callbacks as c, catalogue, constraints::Constraint,
    initializers::Initializer, keras::ConfigError, model, regularizers::Regularizer, schedules::Schedule,
};
use serde_json::{Value, json};
use std::{any::type_name, collections::BTreeMap};

/// Names by module.
type Surface = BTreeMap<String, Vec<String>>;

/// Keras' names of what no catalogue reads, each with the Rust type that it is. It would not compile if one were gone.
fn types() -> Vec<(&'static str, &'static str, &'static str)> {
    macro_rules! types {
        ($($module:literal: $($name:literal = $ty:ty),*;)*) => { vec![$($(($module, $name, type_name::<$ty>())),*),*] };
    }
    types! {
        "keras.layers": "Layer" = dyn Layer, "Wrapper" = dyn Layer;
        "keras.losses": "Loss" = dyn Loss;
        "keras.metrics": "Metric" = dyn Metric;
        "keras.optimizers": "Optimizer" = dyn Optimizer, "OptimizerMap" = adaline_nn::optimizers::OptimizerMap;
        "keras.optimizers.schedules": "LearningRateSchedule" = Schedule;
        "keras.initializers": "Initializer" = Initializer;
        "keras.regularizers": "Regularizer" = Regularizer;
        "keras.constraints": "Constraint" = Constraint;
        "keras.callbacks": "Callback" = dyn Callback, "CallbackList" = model::Fit<'_>, "History" = model::History,
            "ProgbarLogger" = dyn model::Progress, "BackupAndRestore" = c::BackupAndRestore, "CSVLogger" = c::CsvLogger,
            "EarlyStopping" = c::EarlyStopping, "LambdaCallback" = c::LambdaCallback, "LearningRateScheduler" = c::LearningRateScheduler<()>,
            "ModelCheckpoint" = c::ModelCheckpoint, "ReduceLROnPlateau" = c::ReduceLROnPlateau, "SwapEMAWeights" = c::SwapEMAWeights,
            "TensorBoard" = c::TensorBoard, "TerminateOnNaN" = c::TerminateOnNaN;
    }
}

/// Whether what Keras calls so is read from a file here. Arguments that have no default are given none: an error that names one says that the
/// class is known.
fn read(module: &str, name: &str) -> bool {
    let value = json!({"module": module, "class_name": name, "config": {}, "registered_name": null});
    let plain = Value::from(name);
    let error: Option<ConfigError> = match module {
        "keras.layers" => catalogue::layer_from_json(&value).err(),
        "keras.losses" => catalogue::loss_from_json(&value).err(),
        "keras.metrics" => catalogue::metric_from_json(&value).err(),
        "keras.optimizers" => catalogue::optimizer_from_json(&value).err(),
        "keras.optimizers.schedules" => Schedule::from_json(&value).err(),
        "keras.initializers" => Initializer::from_json(&value).err(),
        "keras.activations" => Activation::from_name(name).err(),
        "keras.regularizers" => Regularizer::from_json(&plain).err(),
        "keras.constraints" => Constraint::from_json(&plain).err(),
        _ => return false,
    };
    !matches!(error, Some(ConfigError::UnknownClass { .. }))
}

#[test]
fn every_name_of_keras_is_here_or_among_the_missing() {
    let surface: Surface = serde_json::from_str(include_str!("keras_names.json")).unwrap();
    let missing: BTreeMap<String, BTreeMap<String, String>> = serde_json::from_str(include_str!("keras_missing.json")).unwrap();
    assert_eq!(surface.len(), 10);
    assert!(surface.values().map(Vec::len).sum::<usize>() > 350);
    let (types, mut wrong) = (types(), Vec::new());
    for (module, names) in &surface {
        for name in names {
            let here = read(module, name) || types.iter().any(|t| (t.0, t.1) == (module, name));
            let listed = missing.get(module).is_some_and(|names| names.contains_key(name));
            match (here, listed) {
                (false, false) => wrong.push(format!("{module}.{name} is neither here nor among the missing")),
                (true, true) => wrong.push(format!("{module}.{name} is here, so take it off the list of the missing")),
                _ => {}
            }
        }
    }
    let known = |module: &str, name: &str| surface.get(module).is_some_and(|names| names.iter().any(|n| n == name));
    let missing = missing.iter().flat_map(|(module, names)| names.iter().map(|(name, why)| (module.as_str(), name.as_str(), why.as_str())));
    for (module, name, why) in missing.chain(types.iter().copied()) {
        if !known(module, name) || why.is_empty() {
            wrong.push(format!("{module}.{name} is listed, but Keras has no such name, or there is no reason"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_class_of_a_catalogue_is_one_of_keras() {
    let surface: Surface = serde_json::from_str(include_str!("keras_names.json")).unwrap();
    let classes = |module: &str| surface[module].clone();
    let ours: [(&str, Vec<&str>); 4] = [
        ("keras.layers", catalogue::LAYERS.iter().map(|r| r.class).collect()),
        ("keras.losses", catalogue::LOSSES.iter().map(|r| r.class).collect()),
        ("keras.metrics", catalogue::METRICS.iter().map(|r| r.class).collect()),
        ("keras.optimizers", catalogue::OPTIMIZERS.iter().map(|r| r.class).collect()),
    ];
    for (module, ours) in ours {
        let theirs = classes(module);
        for (at, class) in ours.iter().enumerate() {
            assert!(theirs.iter().any(|name| name == class), "Keras has no {module}.{class}");
            assert!(!ours[..at].contains(class), "{module}.{class} has two rows");
        }
    }
}
