//! Writes networks as ONNX models into a folder, with inputs and what the networks make of them, for `scripts/onnx/check_export.py`.
//!
//! Single layers are those of the files that compare them with Keras (`crates/nn/tests/goldens`), every one of the catalogue with all the arguments
//! there; then networks of several layers. Each is also tried with all sizes but the last left open.
//!
//! ```text
//! cargo run -p adaline-onnx --example export_all -- FOLDER [WORD]
//! ```
//!
//! `WORD`: only networks in whose names it is.

#![allow(clippy::print_stdout, reason = "it reports")]

use adaline_cpu::Cpu;
use adaline_data::Tensor;
use adaline_graph::backend::Backend;
use adaline_nn::activations::Activation;
use adaline_nn::catalogue::{LAYERS, layer_from_json};
use adaline_nn::layers::{
    Add, AveragePooling2D, BatchNormalization, Bidirectional, Concatenate, Conv1D, Conv2D, Conv2DTranspose, CutMix, Dense, Dropout,
    Embedding, Flatten, GRU, GRUCell, GlobalAveragePooling1D, GlobalAveragePooling2D, Input, LSTM, LSTMCell, LayerNormalization,
    MaxPooling2D, MixUp, MultiHeadAttention, Padding, RNN, SimpleRNN, SimpleRNNCell, StackedRNNCells, TimeDistributed,
};
use adaline_nn::{Apply, DTypePolicy, Functional, KerasTensor, Layer, Model, Seed, Sequential};
use adaline_onnx::{ExportOptions, save};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// An input of a network: sizes of a row (open ones none), and values to take rows from.
#[derive(Clone)]
struct Given {
    row: Vec<Option<usize>>,
    whole: bool,
    values: Vec<f64>,
}

impl Given {
    fn of(tensor: &Value) -> Self {
        let shape: Vec<usize> = numbers(&tensor["shape"]).into_iter().map(|n| n as usize).collect();
        let row = shape[1..].iter().map(|&d| Some(d)).collect();
        Self { row, whole: tensor["dtype"] == "i32", values: numbers(&tensor["data"]) }
    }
    fn new(row: &[Option<usize>]) -> Self {
        Self { row: row.to_vec(), whole: false, values: (0..97).map(|i| f64::from((i as f32 * 1.7).sin())).collect() }
    }
    fn tokens(row: &[Option<usize>], below: usize) -> Self {
        Self { whole: true, values: (0..89).map(|i| (i * i % below) as f64).collect(), ..Self::new(row) }
    }
    /// With open sizes, but for the last.
    fn opened(&self) -> Self {
        let mut open = self.clone();
        let last = if self.whole { self.row.len() } else { self.row.len().saturating_sub(1) };
        open.row[..last].fill(None);
        open
    }
    fn input(&self, name: &str, batch: Option<usize>) -> KerasTensor {
        let shape: Vec<Option<usize>> = std::iter::once(batch).chain(self.row.iter().copied()).collect();
        Input::with_batch_shape(shape).dtype(if self.whole { "int32" } else { "float32" }).name(name).tensor()
    }
    /// So many rows; open sizes have `size` elements more than usual.
    fn rows(&self, rows: usize, size: usize) -> Result<Tensor> {
        let row: Vec<usize> = self.row.iter().enumerate().map(|(at, s)| s.unwrap_or(6 + at + size)).collect();
        let (len, count) = (row.iter().product::<usize>(), self.values.len());
        let shape: Vec<usize> = std::iter::once(rows).chain(row).collect();
        let values = (0..rows * len).map(|i| self.values[(i + i / count * 5) % count]);
        Ok(if self.whole {
            Tensor::i32(shape, values.map(|v| v as i32).collect())?
        } else {
            Tensor::f32(shape, values.map(|v| v as f32).collect())?
        })
    }
}

fn numbers(json: &Value) -> Vec<f64> {
    json.as_array().into_iter().flatten().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

/// The networks so far.
struct Written {
    folder: PathBuf,
    word: Option<String>,
    backend: Arc<dyn Backend>,
    count: usize,
    classes: BTreeSet<String>,
    failed: usize,
}

impl Written {
    /// Writes one network; whether it was wanted.
    fn add(
        &mut self,
        name: &str,
        given: &[Given],
        batch: Option<usize>,
        network: &dyn Fn(&[KerasTensor]) -> Result<Vec<KerasTensor>>,
    ) -> bool {
        if self.word.as_ref().is_some_and(|w| !name.contains(w.as_str())) {
            return false;
        }
        match self.write(name, given, batch, network) {
            Ok(()) => self.count += 1,
            Err(e) => {
                self.failed += 1;
                println!("{name}: {e}");
            }
        }
        true
    }

    fn write(
        &self,
        name: &str,
        given: &[Given],
        batch: Option<usize>,
        network: &dyn Fn(&[KerasTensor]) -> Result<Vec<KerasTensor>>,
    ) -> Result<()> {
        let inputs: Vec<KerasTensor> = given.iter().enumerate().map(|(at, g)| g.input(&format!("input_{at}"), batch)).collect();
        let mut model = Functional::new(&inputs, &network(&inputs)?)?.build_on(Arc::clone(&self.backend), Seed(3))?;
        spread(&mut model)?;
        let file = self.folder.join(format!("{:04}", self.count));
        save(&model, file.with_extension("onnx"), &ExportOptions::default())?;
        // Other sizes than those of the traces; stateful networks go on from the first batch.
        let sizes = match batch {
            Some(rows) => vec![(rows, 0), (rows, 0)],
            None if given.iter().any(|g| g.row.contains(&None)) => vec![(1, 0), (5, 1), (2, 4)],
            None => vec![(1, 0), (5, 0)],
        };
        let mut runs = Vec::new();
        for (rows, size) in sizes {
            let x: Vec<Tensor> = given.iter().map(|g| g.rows(rows, size)).collect::<Result<_>>()?;
            let refs: Vec<&Tensor> = x.iter().collect();
            let mut data = adaline_nn::model::Inputs::new();
            for (at, x) in refs.iter().enumerate() {
                data = data.with(format!("input_{at}"), *x);
            }
            let y = model.predict_all(data, rows)?;
            runs.push(json!({"x": x.iter().map(tensor).collect::<Vec<_>>(), "y": y.iter().map(tensor).collect::<Vec<_>>()}));
        }
        let case = json!({"name": name, "open": given.iter().any(|g| g.row.contains(&None)), "stateful": batch.is_some(),
            "outputs": model.output_names(), "runs": runs});
        std::fs::write(file.with_extension("json"), case.to_string())?;
        Ok(())
    }
}

/// Gives all weights values that tell their places; what lies below a root stays positive.
fn spread(model: &mut Model) -> Result<()> {
    let names = model.weight_names();
    for (at, name) in names.iter().enumerate() {
        let old = model.weight(name)?;
        let learned = ["mean", "count", "vector_u"].iter().any(|w| name.ends_with(w)) && !name.contains("moving");
        if learned || old.as_f32().is_none() {
            continue;
        }
        let positive = name.contains("variance");
        let value = |i: usize| {
            let v = ((i + 11 * at) as f32 * 0.73).sin() * 0.6;
            if positive { v.abs() + 0.3 } else { v }
        };
        let values = (0..old.len()).map(value).collect();
        model.set_weight(name, &Tensor::f32(old.shape().to_vec(), values)?)?;
    }
    Ok(())
}

fn tensor(t: &Tensor) -> Value {
    match t.as_i32() {
        Some(v) => json!({"shape": t.shape(), "dtype": "int32", "data": v}),
        None => json!({"shape": t.shape(), "dtype": "float32", "data": t.f32_values()}),
    }
}

/// The layers that files for tests hold, with an input for each tensor they are called on.
fn single_layers(written: &mut Written) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nn/tests/goldens");
    let mut seen = BTreeSet::new();
    let files = [
        "layers",
        "image_layers",
        "more_layers",
        "recurrent_layers",
        "recurrent_stateful",
        "mask_layers",
        "table_layers",
        "image",
        "image_given",
        "rand_augment",
        "bfloat16",
        "float16",
    ];
    for file in files {
        let cases: Value = serde_json::from_str(&std::fs::read_to_string(folder.join(format!("{file}.json")))?)?;
        for case in cases.as_array().into_iter().flatten() {
            let chain = if case["layers"].is_array() { case["layers"].clone() } else { json!([case["object"]]) };
            let tensors = [&case["inputs"], &case["x"]].into_iter().find(|t| !t.is_null()).cloned().unwrap_or_default();
            let tensors = if tensors.is_array() { tensors } else { json!([tensors]) };
            // Batch after batch of one input.
            let tensors = if file == "recurrent_stateful" { json!([tensors[0]]) } else { tensors };
            if chain[0].is_null() || tensors[0]["shape"].is_null() {
                continue;
            }
            let given: Vec<Given> = tensors.as_array().into_iter().flatten().map(Given::of).collect();
            let shapes: Vec<_> = given.iter().map(|g| format!("{:?}", g.row)).collect();
            let key = format!("{chain} {} {shapes:?}", case["arguments"]);
            if !seen.insert(key) {
                continue;
            }
            let class = |l: &Value| l["class_name"].as_str().unwrap_or("").to_owned();
            let classes: Vec<String> = chain.as_array().into_iter().flatten().map(class).collect();
            let stateful = chain.as_array().into_iter().flatten().any(|l| l["config"]["stateful"] == true);
            let batch = stateful.then(|| tensors[0]["shape"][0].as_u64().unwrap_or(1) as usize);
            let config = &chain[0]["config"];
            let named = config.as_object().into_iter().flatten().filter(|(k, v)| {
                let plain = v.is_number() || v.is_boolean() || v.is_string() || v.is_array();
                plain && !["name", "dtype", "trainable", "seed"].contains(&k.as_str())
            });
            let named: Vec<String> = named.map(|(k, v)| format!("{k}={v}")).collect();
            let mut name = format!("{} {file} {}", classes.join(" > "), shapes.join(" "));
            if classes.len() == 1 {
                name = format!("{name} {}", named.join(" "));
            }
            let network = |inputs: &[KerasTensor]| -> Result<Vec<KerasTensor>> {
                let mut values = inputs.to_vec();
                for (at, envelope) in chain.as_array().into_iter().flatten().enumerate() {
                    let mut layer = layer_from_json(envelope)?;
                    for (key, value) in case["arguments"].as_object().into_iter().flatten() {
                        layer.set_call_argument(key, value)?;
                    }
                    layer.set_name(format!("layer_{at}"));
                    values = layer.apply_all(&values);
                }
                Ok(values)
            };
            if written.add(&name, &given, batch, &network) {
                written.classes.extend(classes);
                let open: Vec<Given> = given.iter().map(Given::opened).collect();
                if batch.is_none() && open.iter().any(|g| g.row.contains(&None)) {
                    written.add(&format!("open {name}"), &open, None, &network);
                }
            }
        }
    }
    Ok(())
}

/// Calls layers one after the other.
fn chain(x: &KerasTensor, layers: Vec<Box<dyn Layer>>) -> KerasTensor {
    layers.into_iter().fold(x.clone(), |x, layer| layer.apply(&x))
}

fn networks(written: &mut Written) {
    let image = Given::new(&[Some(12), Some(10), Some(3)]);
    let cnn = |x: &[KerasTensor]| -> Result<Vec<KerasTensor>> {
        Ok(vec![chain(
            &x[0],
            vec![
                Conv2D::new(4, 3).activation(Activation::Relu).into(),
                MaxPooling2D::new(2).into(),
                Conv2D::new(6, 3).activation(Activation::Relu).into(),
                AveragePooling2D::new(2).into(),
                Flatten::new().into(),
                Dropout::new(0.5).into(),
                Dense::new(10).activation(Activation::Softmax).into(),
            ],
        )])
    };
    written.add("network: cnn", std::slice::from_ref(&image), None, &cnn);
    let residual = |x: &[KerasTensor]| -> Result<Vec<KerasTensor>> {
        let h = chain(&x[0], vec![Conv2D::new(4, 3).padding(Padding::Same).into(), BatchNormalization::new().into()]);
        let r =
            chain(&h, vec![Conv2D::new(4, 3).padding(Padding::Same).activation(Activation::Relu).into(), BatchNormalization::new().into()]);
        let joined = Add::new().apply([&h, &r]);
        let up = Conv2DTranspose::new(2, 3).strides(2).padding(Padding::Same).apply(&joined);
        Ok(vec![GlobalAveragePooling2D::new().apply(&joined), up])
    };
    written.add("network: residual", std::slice::from_ref(&image), None, &residual);
    written.add("network: residual, open", &[image.opened()], None, &residual);
    let (a, b) = (Given::new(&[Some(4)]), Given::new(&[Some(4)]));
    let shared = |x: &[KerasTensor]| -> Result<Vec<KerasTensor>> {
        let (norm, trunk) = (BatchNormalization::new().shared(), Dense::new(4).activation(Activation::Tanh).shared());
        let (p, q) = (trunk.apply(&norm.apply(&x[0])), trunk.apply(&norm.apply(&x[1])));
        let within = Sequential::new().add(Dense::new(3).activation(Activation::Relu)).add(Dense::new(2));
        let joined = Concatenate::new().apply([&p, &within.apply(&q)]);
        Ok(vec![
            Dense::new(1).name("price").apply(&joined),
            Dense::new(3).activation(Activation::Softmax).name("kind").apply(&joined),
            joined,
        ])
    };
    written.add("network: two inputs, three outputs, shared and nested", &[a, b], None, &shared);
    for length in [Some(7), None] {
        let text = Given::tokens(&[length], 20);
        let name = |what: &str| format!("network: {what}{}", if length.is_none() { ", open" } else { "" });
        written.add(&name("masked text"), std::slice::from_ref(&text), None, &|x| {
            Ok(vec![chain(
                &x[0],
                vec![
                    Embedding::new(20, 6).mask_zero(true).into(),
                    Bidirectional::new(LSTM::new(5).return_sequences(true)).into(),
                    GRU::new(4).into(),
                    Dense::new(2).activation(Activation::Sigmoid).into(),
                ],
            )])
        });
        written.add(&name("recurrent, several ways"), &[Given::new(&[length, Some(3)])], None, &|x| {
            let back = SimpleRNN::new(4).go_backwards(true).return_sequences(true).apply(&x[0]);
            let each = TimeDistributed::new(Dense::new(3)).apply(&back);
            Ok([LSTM::new(3).return_state(true).apply_all(&each), vec![each]].concat())
        });
        written.add(&name("transformer"), std::slice::from_ref(&text), None, &|x| {
            let e = Embedding::new(20, 8).mask_zero(true).apply(&x[0]);
            let attended = MultiHeadAttention::new(2, 4).apply([&e, &e]);
            let h = LayerNormalization::new().apply(&Add::new().apply([&e, &attended]));
            let f = chain(&h, vec![Dense::new(16).activation(Activation::Gelu).into(), Dense::new(8).into()]);
            let y = LayerNormalization::new().apply(&Add::new().apply([&h, &f]));
            Ok(vec![chain(&y, vec![GlobalAveragePooling1D::new().into(), Dense::new(3).activation(Activation::Softmax).into()])])
        });
        written.add(
            &name("attention over another sequence"),
            &[Given::new(&[length, Some(6)]), Given::new(&[length.map(|n| n + 2), Some(6)])],
            None,
            &|x| Ok(vec![MultiHeadAttention::new(2, 3).apply([&x[0], &x[1]])]),
        );
        written.add(&name("causal convolutions"), &[Given::new(&[length, Some(3)])], None, &|x| {
            Ok(vec![chain(
                &x[0],
                vec![
                    Conv1D::new(4, 3).padding(Padding::Causal).dilation_rate(2).activation(Activation::Relu).into(),
                    Conv1D::new(4, 2).padding(Padding::Causal).into(),
                    Conv1D::new(2, 3).padding(Padding::Same).strides(2).into(),
                ],
            )])
        });
    }
    for policy in [DTypePolicy::MixedBfloat16, DTypePolicy::MixedFloat16] {
        let half = move |layer: Box<dyn Layer>| {
            let mut layer = layer;
            layer.set_dtype_policy(policy);
            layer
        };
        written.add(&format!("network: cnn under {policy:?}"), std::slice::from_ref(&image), None, &move |x| {
            Ok(vec![chain(
                &x[0],
                vec![
                    half(Conv2D::new(4, 3).activation(Activation::Relu).into()),
                    half(MaxPooling2D::new(2).into()),
                    half(Flatten::new().into()),
                    Dense::new(10).activation(Activation::Softmax).into(),
                ],
            )])
        });
    }
    written.add("network: stateful", &[Given::new(&[Some(4), Some(3)])], Some(3), &|x| {
        Ok(vec![chain(&x[0], vec![LSTM::new(3).stateful(true).return_sequences(true).into(), GRU::new(2).stateful(true).into()])])
    });
    written.add("network: cells of every kind", &[Given::new(&[Some(5), Some(3)])], None, &|x| {
        let cells: Vec<Box<dyn Layer>> = vec![SimpleRNNCell::new(4).into(), LSTMCell::new(3).into(), GRUCell::new(2).into()];
        Ok(vec![RNN::new(StackedRNNCells::new(cells)).return_sequences(true).apply(&x[0])])
    });
    written.classes.extend(
        ["SimpleRNNCell", "LSTMCell", "GRUCell", "StackedRNNCells", "InputLayer", "MixUp", "CutMix", "Pipeline"].map(str::to_owned),
    );
    written.add("network: pictures made for training alone", std::slice::from_ref(&image), None, &|x| {
        let envelope = json!({"class_name": "Pipeline", "config": {"layers": [
            {"module": "keras.layers", "class_name": "RandomFlip", "config": {}}, {"module": "keras.layers", "class_name": "Rescaling", "config": {"scale": 0.5}}]}});
        Ok(vec![chain(&x[0], vec![MixUp::new(0.2).into(), CutMix::new(1.0).into(), layer_from_json(&envelope)?])])
    });
    written.add("network: an output that is an input", &[Given::new(&[Some(4)])], None, &|x| {
        Ok(vec![x[0].clone(), Dense::new(2).apply(&x[0])])
    });
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("expected a folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    let mut written =
        Written { folder, word: arguments.next(), backend: Arc::new(Cpu::new()), count: 0, classes: BTreeSet::new(), failed: 0 };
    networks(&mut written);
    single_layers(&mut written)?;
    println!("{} networks written, {} not", written.count, written.failed);
    if written.word.is_none() {
        let missing: Vec<&str> = LAYERS.iter().map(|row| row.class).filter(|c| !written.classes.contains(*c)).collect();
        println!("classes of the catalogue without a network: {}", missing.join(", "));
    }
    Ok(())
}
