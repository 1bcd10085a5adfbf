//! Writes a compiled Keras model by hand: `cargo run -p adaline-formats --example write_keras -- model.keras`.
//!
//! Input(4), Dense(3, relu), Dropout(0.5), Dense(2), compiled with Adam after seven steps. Any Keras 3 loads it and
//! goes on training; every variable holds `i + index / 64`, where `i` is its number in `model.weights` or
//! `model.optimizer.variables`.

use std::path::Path;

use adaline_formats::{FormatError, KerasArchive, NamedTensor, PathNamer, TensorBytes};
use serde_json::{Value, json};

fn main() -> Result<(), FormatError> {
    let target = std::env::args().nth(1).unwrap_or_else(|| "model.keras".into());
    archive().write(Path::new(&target))
}

fn archive() -> KerasArchive {
    let layer = |class: &str, config: Value| json!({"module": "keras.layers", "class_name": class, "config": config});
    let config = json!({
        "module": "keras", "class_name": "Sequential", "registered_name": null,
        "config": {"name": "by_hand", "layers": [
            layer("InputLayer", json!({"batch_shape": [null, 4], "name": "in"})),
            layer("Dense", json!({"name": "hidden", "units": 3, "activation": "relu"})),
            layer("Dropout", json!({"name": "drop", "rate": 0.5})),
            layer("Dense", json!({"name": "out", "units": 2})),
        ]},
        "build_config": {"input_shape": [null, 4]},
        "compile_config": {
            "optimizer": {"module": "keras.optimizers", "class_name": "Adam", "config": {"learning_rate": 0.01}},
            "loss": "mse",
        },
    });

    let mut namer = PathNamer::new("layers");
    let (hidden, drop, out) = (namer.path("Dense"), namer.path("Dropout"), namer.path("Dense"));
    let mut weights = vec![
        ramp(&hidden, 0, 0, &[4, 3]),
        ramp(&hidden, 1, 1, &[3]),
        ramp(&out, 0, 2, &[3, 2]),
        ramp(&out, 1, 3, &[2]),
        NamedTensor { path: "optimizer/vars/0".into(), shape: vec![], data: TensorBytes::I32(vec![7]) },
        NamedTensor { path: "optimizer/vars/1".into(), shape: vec![], data: TensorBytes::F32(vec![0.01]) },
    ];
    // Adam's slots, interleaved: m and v of each variable.
    let slots: [&[usize]; 8] = [&[4, 3], &[4, 3], &[3], &[3], &[3, 2], &[3, 2], &[2], &[2]];
    for (slot, shape) in (2..).zip(slots) {
        weights.push(ramp("optimizer", slot, slot, shape));
    }

    KerasArchive {
        metadata: json!({"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}),
        config,
        weights,
        group_names: vec![
            (String::new(), "by_hand".into()),
            (hidden, "hidden".into()),
            (drop, "drop".into()),
            (out, "out".into()),
            ("optimizer".into(), "adam".into()),
        ],
        assets: vec![("adaline/preprocessing.json".into(), br#"{"columns": ["a", "b"]}"#.to_vec())],
    }
}

/// The variable `<object>/vars/<number>`, filled with `start + index / 64`.
fn ramp(object: &str, number: usize, start: usize, shape: &[usize]) -> NamedTensor {
    let count: usize = shape.iter().product();
    NamedTensor {
        path: format!("{object}/vars/{number}"),
        shape: shape.to_vec(),
        data: TensorBytes::F32((0..count).map(|i| start as f32 + i as f32 / 64.0).collect()),
    }
}
