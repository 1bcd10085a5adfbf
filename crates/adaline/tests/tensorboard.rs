//! What the callback `TensorBoard` writes, read field by field; `scripts/check_tensorboard.py` reads such files with TensorFlow.

use adaline::formats::crc32c;
use adaline::nn::callbacks::{SaveFreq, UpdateFreq};
use adaline::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, fs};

/// Fields of a message: number and content, or the number itself.
fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>, u64)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (byte, rest) = bytes.split_first().expect("a number goes on");
            *bytes = rest;
            value |= u64::from(byte & 0x7F) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let length = match tag & 7 {
            0 => {
                found.push((tag >> 3, Vec::new(), varint(&mut bytes)));
                continue;
            }
            1 => 8,
            2 => varint(&mut bytes) as usize,
            kind => panic!("a field of kind {kind}"),
        };
        found.push((tag >> 3, bytes[..length].to_vec(), 0));
        bytes = &bytes[length..];
    }
    found
}

fn one(message: &[u8], field: u64) -> Vec<u8> {
    fields(message).into_iter().find(|f| f.0 == field).unwrap_or_else(|| panic!("no field {field}")).1
}

/// Step, tag, plugin and tensor of every value in the one file of a folder. Lengths and check sums are looked at on the way.
fn values(folder: &Path) -> Vec<(u64, String, String, Vec<u8>)> {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0].file_name().unwrap().to_str().unwrap().starts_with("events.out.tfevents."));
    let bytes = fs::read(&files[0]).unwrap();
    let masked = |data: &[u8]| crc32c(0, data).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes();
    let (mut rest, mut found) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
        let (event, sums) = (&rest[12..12 + length], [&rest[8..12], &rest[12 + length..16 + length]]);
        assert_eq!(sums, [&masked(&rest[..8])[..], &masked(event)]);
        rest = &rest[16 + length..];
        let all = fields(event);
        let step = all.iter().find(|f| f.0 == 2).map_or(0, |f| f.2);
        for (_, summary, _) in all.iter().filter(|f| f.0 == 5) {
            for (_, value, _) in fields(summary) {
                let text = |bytes| String::from_utf8(bytes).unwrap();
                let plugin = text(one(&one(&one(&value, 9), 1), 1));
                found.push((step, text(one(&value, 1)), plugin, one(&value, 8)));
            }
        }
    }
    found
}

fn scalar(tensor: &[u8]) -> f32 {
    f32::from_le_bytes(one(tensor, 5).try_into().unwrap())
}

fn data() -> (Tensor, Tensor) {
    let x: Vec<f32> = (0..40 * 3).map(|i| (i as f32 * 1.7).sin()).collect();
    let y = x.chunks(3).map(|r| r[0] - r[2]).collect();
    (Tensor::f32([40, 3], x).unwrap(), Tensor::f32([40, 1], y).unwrap())
}

fn model() -> Model {
    let mut model = Sequential::new().add(Input::new([3])).add(Dense::new(4)).add(Dense::new(1)).build(Seed(1)).unwrap();
    model.compile(Adam::new(0.01), MeanSquaredError::default(), ()).unwrap();
    model
}

/// Three epochs of five steps; after `stop` steps it is interrupted.
fn train(folder: &Path, stop: usize) -> History {
    let ((x, y), mut model, flag) = (data(), model(), Arc::new(AtomicBool::new(false)));
    let (raised, mut done) = (flag.clone(), 0);
    let fit = Fit::default().epochs(3).batch_size(8).validation_data(&x, &y).verbose(0).stop_when(flag);
    let fit = fit
        .callback(TensorBoard::new(folder.join("logs")).histogram_freq(2).update_freq(UpdateFreq::Steps(2)))
        .callback(BackupAndRestore::new(folder.join("backup")).save_freq(SaveFreq::Epoch))
        .callback(LambdaCallback::new().on_train_batch_end(move |_, _, _| {
            done += 1;
            raised.store(done >= stop, Ordering::Relaxed);
            Ok(())
        }));
    model.fit(&x, &y, fit).unwrap()
}

#[test]
fn files_have_what_training_measured_also_after_an_interruption() {
    let folder = env::temp_dir().join(format!("adaline-tensorboard-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    let (whole, parts) = (folder.join("whole"), folder.join("parts"));
    let history = train(&whole, usize::MAX);
    let training = values(&whole.join("logs/train"));
    let tags = |step: u64| training.iter().filter(|v| v.0 == step && v.2 == "scalars").map(|v| v.1.as_str()).collect::<Vec<_>>();
    assert_eq!(tags(1), ["epoch_loss", "epoch_learning_rate"]);
    // Steps count from 1: 2, 4, .. of 15, some of them beside epochs 0 to 2.
    assert_eq!((tags(2), tags(14)), (vec!["batch_loss", "epoch_loss", "epoch_learning_rate"], vec!["batch_loss"]));
    let loss = |values: &[(u64, String, String, Vec<u8>)]| -> Vec<f32> {
        values.iter().filter(|v| v.1 == "epoch_loss").map(|v| scalar(&v.3)).collect()
    };
    let measured = |name: &str| history[name].iter().map(|&v| v as f32).collect::<Vec<_>>();
    assert_eq!(loss(&training), measured("loss"));
    assert_eq!(loss(&values(&whole.join("logs/validation"))), measured("val_loss"));
    let histograms: Vec<_> = training.iter().filter(|v| v.2 == "histograms").collect();
    assert_eq!(histograms.iter().map(|v| v.0).collect::<Vec<_>>(), [0, 0, 0, 0, 2, 2, 2, 2]);
    assert_eq!(histograms[0].1, "dense/kernel/histogram");
    let cells: Vec<f64> = one(&histograms[0].3, 4).chunks(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    assert_eq!(cells.chunks(3).map(|c| c[2]).sum::<f64>(), 12.0);
    let config = training.iter().find(|v| v.2 == "graph_keras_model").unwrap();
    assert!(String::from_utf8(one(&config.3, 8)).unwrap().contains("\"class_name\":\"Sequential\""));

    for stop in [7, 1, usize::MAX] {
        train(&parts, stop);
    }
    for part in ["logs/train", "logs/validation"] {
        assert_eq!(values(&parts.join(part)), values(&whole.join(part)), "{part}");
    }
    fs::remove_dir_all(folder).unwrap();
}
