//! `adaline inspect`: what a model file holds, told without running anything of it.

use crate::args::InspectArgs;
use crate::error::{CliError, fail};
use crate::terminal::print;
use adaline::data::{FileKind, read_npz, sniff};
use adaline::formats::{KerasArchive, LegacyFile, ModelFile, NamedTensor, TensorBytes};
use adaline::onnx::OnnxModel;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::path::Path;

/// Most lines of weights and layers that are shown; --json has them all.
const MOST_LINES: usize = 200;

/// What a file holds.
struct Told {
    kind: &'static str,
    /// Facts in a line each: name and value.
    facts: Vec<(&'static str, String)>,
    /// The architecture, a line for each layer.
    layers: Vec<String>,
    tensors: Vec<Row>,
    unusual: Vec<String>,
}

/// A tensor.
struct Row {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    bytes: u64,
    /// The first 16 digits of the SHA-256 of its elements, little-endian.
    hash: String,
    /// Smallest, largest and mean, where there are numbers.
    range: Option<(f64, f64, f64)>,
}

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> Result<(), CliError> {
    let path = &args.file;
    let size = std::fs::metadata(path).map_err(|e| CliError::io(path, "cannot be opened", e))?.len();
    let told = look(path)?;
    let hash = hash_of_file(path)?;
    if args.common.json {
        let tensors: Vec<Value> = told
            .tensors
            .iter()
            .map(|t| {
                let range = t.range.map(|(min, max, mean)| json!({"min": min, "max": max, "mean": mean}));
                json!({"name": t.name, "dtype": t.dtype, "shape": t.shape, "bytes": t.bytes, "sha256": t.hash, "range": range})
            })
            .collect();
        let facts: serde_json::Map<String, Value> = told.facts.iter().map(|(k, v)| ((*k).to_owned(), Value::from(v.as_str()))).collect();
        let out = json!({
            "file": path, "kind": told.kind, "bytes": size, "sha256": hash, "facts": facts, "layers": told.layers, "tensors": tensors,
            "unusual": told.unusual,
        });
        return print(&format!("{out}\n"));
    }
    print(&text(path, size, &hash, &told))
}

fn text(path: &Path, size: u64, hash: &str, told: &Told) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}: {}\n  size: {size} bytes\n  sha256: {hash}", path.display(), told.kind);
    for (name, value) in &told.facts {
        let _ = writeln!(out, "  {name}: {value}");
    }
    let mut part = |title: &str, lines: &mut dyn Iterator<Item = String>, count: usize| {
        if count > 0 {
            let _ = writeln!(out, "\n{title}");
            lines.take(MOST_LINES).for_each(|line| {
                let _ = writeln!(out, "  {line}");
            });
            if count > MOST_LINES {
                let _ = writeln!(out, "  .. and {} more; --json has them all", count - MOST_LINES);
            }
        }
    };
    part("Architecture", &mut told.layers.iter().cloned(), told.layers.len());
    let width = told.tensors.iter().map(|t| t.name.chars().count()).max().unwrap_or(0).min(60);
    let mut rows = told.tensors.iter().map(|t| {
        let range = t.range.map_or_else(String::new, |(min, max, mean)| format!("  {min:.4} to {max:.4}, mean {mean:.4}"));
        format!("{:<width$}  {} {:?}  {} bytes  {}{range}", t.name, t.dtype, t.shape, t.bytes, t.hash)
    });
    part("Tensors (name, type, shape, size, beginning of SHA-256)", &mut rows, told.tensors.len());
    let unusual = if told.unusual.is_empty() { vec!["nothing".to_owned()] } else { told.unusual.clone() };
    part("Unusual", &mut unusual.iter().cloned(), unusual.len());
    out
}

fn hash_of_file(path: &Path) -> Result<String, CliError> {
    struct Hasher(Sha256);
    impl io::Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut hasher = Hasher(Sha256::new());
    let mut file = File::open(path).map_err(|e| CliError::io(path, "cannot be opened", e))?;
    io::copy(&mut file, &mut hasher).map_err(|e| CliError::io(path, "cannot be read", e))?;
    Ok(hex(&hasher.0.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

fn look(path: &Path) -> Result<Told, CliError> {
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx")) {
        return onnx(path);
    }
    if sniff(path).is_ok_and(|kind| kind == FileKind::Npz) {
        let tensors: Vec<NamedTensor> = read_npz(path)?
            .into_iter()
            .map(|(name, t)| NamedTensor { path: name, shape: t.shape().to_vec(), data: TensorBytes::F32(t.f32_values().into_owned()) })
            .collect();
        return Ok(weights_alone("arrays by name (.npz)", &tensors));
    }
    Ok(match ModelFile::read(path)? {
        ModelFile::Keras(archive) => keras(path, &archive),
        ModelFile::Weights(file) => weights_alone("weights of a Keras 3 model (.weights.h5)", &file.weights),
        ModelFile::Safetensors(file) => {
            let mut told = weights_alone("weights by name (.safetensors)", &file.tensors);
            told.facts.extend(file.metadata.iter().map(|(k, v)| ("metadata", format!("{k} = {v}"))));
            told
        }
        ModelFile::Legacy(file) => legacy(path, &file),
        _ => return fail(format!("{}: a kind of model file that is not known to this command", path.display())),
    })
}

fn weights_alone(kind: &'static str, tensors: &[NamedTensor]) -> Told {
    let mut told = Told { kind, facts: Vec::new(), layers: Vec::new(), tensors: rows(tensors), unusual: Vec::new() };
    totals(&mut told);
    told
}

/// Numbers of values, and what is odd about them.
fn totals(told: &mut Told) {
    let values: u64 = told.tensors.iter().map(|t| t.shape.iter().product::<usize>() as u64).sum();
    let bytes: u64 = told.tensors.iter().map(|t| t.bytes).sum();
    told.facts.push(("tensors", format!("{} of {values} values, {bytes} bytes", told.tensors.len())));
    for t in &told.tensors {
        match t.range {
            Some((min, max, mean)) if !(min.is_finite() && max.is_finite() && mean.is_finite()) => {
                told.unusual.push(format!("`{}` has values that are no finite numbers", t.name));
            }
            Some((_, max, _)) if max.abs() > 1e6 => told.unusual.push(format!("`{}` has values as large as {max:.3e}", t.name)),
            Some((min, max, _)) if min == max && min != 0.0 && min != 1.0 && t.shape.iter().product::<usize>() > 1 => {
                told.unusual.push(format!("all values of `{}` are {min}", t.name));
            }
            _ => {}
        }
    }
}

fn rows(tensors: &[NamedTensor]) -> Vec<Row> {
    tensors.iter().map(|t| row(&t.path, t.data.dtype(), &t.shape, &t.data)).collect()
}

fn row(name: &str, dtype: &str, shape: &[usize], data: &TensorBytes) -> Row {
    let (bytes, values): (Vec<u8>, Vec<f64>) = match data {
        TensorBytes::F32(v) => (v.iter().flat_map(|v| v.to_le_bytes()).collect(), v.iter().map(|&v| f64::from(v)).collect()),
        TensorBytes::I32(v) => (v.iter().flat_map(|v| v.to_le_bytes()).collect(), v.iter().map(|&v| f64::from(v)).collect()),
        TensorBytes::I64(v) => (v.iter().flat_map(|v| v.to_le_bytes()).collect(), v.iter().map(|&v| v as f64).collect()),
    };
    let mut hash = hex(&Sha256::digest(&bytes));
    hash.truncate(16);
    Row { name: name.into(), dtype: dtype.into(), shape: shape.to_vec(), bytes: bytes.len() as u64, hash, range: range(&values) }
}

/// Smallest, largest and mean; of NaN where there is one.
fn range(values: &[f64]) -> Option<(f64, f64, f64)> {
    let &first = values.first()?;
    let (min, max) = values.iter().fold((first, first), |(min, max), &v| if v.is_nan() { (v, v) } else { (min.min(v), max.max(v)) });
    let nan = values.iter().any(|v| v.is_nan());
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some(if nan { (f64::NAN, f64::NAN, f64::NAN) } else { (min, max, mean) })
}

fn keras(path: &Path, archive: &KerasArchive) -> Told {
    let mut told = Told {
        kind: "a Keras 3 model (.keras)",
        facts: Vec::new(),
        layers: architecture(&archive.config),
        tensors: rows(&archive.weights),
        unusual: Vec::new(),
    };
    if let Some(version) = archive.metadata["keras_version"].as_str() {
        let date = archive.metadata["date_saved"].as_str().unwrap_or("unknown");
        told.facts.push(("written by", format!("Keras {version} or in its format, {date}")));
    } else {
        told.unusual.push("there is no metadata.json that says which Keras wrote it".into());
    }
    settings(&mut told, &archive.config["compile_config"]);
    for (name, content) in &archive.assets {
        told.facts.push(("asset", format!("{name}, {} bytes", content.len())));
    }
    opens(&mut told, path);
    totals(&mut told);
    told
}

fn legacy(path: &Path, file: &LegacyFile) -> Told {
    let whole = !file.model_config.is_null();
    let mut tensors = Vec::new();
    for layer in &file.layers {
        // Names of weights begin with that of the layer, save in the oldest files.
        tensors.extend(layer.weights.iter().map(|t| {
            let name = if t.path.starts_with(layer.name.as_str()) { t.path.clone() } else { format!("{}/{}", layer.name, t.path) };
            row(&name, t.data.dtype(), &t.shape, &t.data)
        }));
    }
    tensors.extend(file.optimizer.iter().map(|t| row(&format!("optimizer: {}", t.path), t.data.dtype(), &t.shape, &t.data)));
    let kind = if whole { "a whole model as Keras 1 and 2 wrote them (.h5)" } else { "weights as Keras 1 and 2 wrote them (.h5)" };
    let mut told = Told { kind, facts: Vec::new(), layers: architecture(&file.model_config), tensors, unusual: Vec::new() };
    let backend = file.backend.as_deref().unwrap_or("unknown backend");
    told.facts.push(("written by", format!("Keras {} ({backend})", file.keras_version.as_deref().unwrap_or("1 or unknown"))));
    if whole {
        settings(&mut told, &file.training_config);
        opens(&mut told, path);
    }
    totals(&mut told);
    told
}

/// Optimizer and loss.
fn settings(told: &mut Told, config: &Value) {
    let named = |v: &Value| match v {
        Value::String(s) => s.clone(),
        Value::Object(o) if o.contains_key("class_name") => o["class_name"].as_str().unwrap_or("?").to_owned(),
        Value::Null => "none".into(),
        other => other.to_string(),
    };
    let optimizer = if config["optimizer"].is_null() { &config["optimizer_config"] } else { &config["optimizer"] };
    if optimizer.is_null() && config["loss"].is_null() {
        told.facts.push(("compiled", "no: it predicts, and has to be compiled before it is trained".into()));
    } else {
        told.facts.push(("compiled", format!("optimizer {}, loss {}", named(optimizer), named(&config["loss"]))));
    }
}

/// Whether it opens here, and if not, why.
fn opens(told: &mut Told, path: &Path) {
    match adaline::load_model(path) {
        Ok(model) => {
            let (trainable, fixed) = model.count_params();
            told.facts.push(("parameters", format!("{trainable} trainable, {fixed} others")));
            let custom = model.layers().filter(|l| l.module() == "adaline").count();
            if custom > 0 {
                told.unusual.push(format!("{custom} layers are known to this program alone"));
            }
        }
        Err(error) => told.unusual.push(format!("it does not open here: {error}")),
    }
}

/// Layers of a configuration, those of networks within indented, with what is called on what.
fn architecture(config: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if config.is_object() {
        let name = config["config"]["name"].as_str().unwrap_or("without a name");
        lines.push(format!("{} `{name}`", config["class_name"].as_str().unwrap_or("?")));
        layers(config, 1, &mut lines);
    }
    lines
}

fn layers(config: &Value, level: usize, lines: &mut Vec<String>) {
    // Keras 1 wrote the list itself as the configuration of a chain.
    let list = config["config"]["layers"].as_array().or_else(|| config["config"].as_array());
    for layer in list.into_iter().flatten().filter(|_| level < 16) {
        let (class, arguments) = (layer["class_name"].as_str().unwrap_or("?"), &layer["config"]);
        let name = layer["name"].as_str().or_else(|| arguments["name"].as_str()).unwrap_or("without a name");
        let mut told = String::new();
        for key in [
            "units",
            "filters",
            "kernel_size",
            "strides",
            "padding",
            "pool_size",
            "rate",
            "activation",
            "input_dim",
            "output_dim",
            "batch_shape",
        ] {
            match &arguments[key] {
                Value::Null | Value::Object(_) => {}
                value => {
                    let _ = write!(told, " {key}={value}");
                }
            }
        }
        lines.push(format!("{}{name} ({class}){told}", "  ".repeat(level)));
        layers(layer, level + 1, lines);
        if arguments["layer"].is_object() {
            let within = &arguments["layer"];
            let name = within["config"]["name"].as_str().unwrap_or("without a name");
            lines.push(format!("{}{name} ({})", "  ".repeat(level + 1), within["class_name"].as_str().unwrap_or("?")));
        }
    }
}

fn onnx(path: &Path) -> Result<Told, CliError> {
    let model: OnnxModel = match adaline::onnx::load(path, adaline::backend()) {
        Ok(model) => model,
        Err(error) => return fail(format!("{}: {error}", path.display())),
    };
    let about = model.about();
    let mut facts = vec![
        ("written by", if about.producer.is_empty() { "unknown".into() } else { about.producer.clone() }),
        ("format", format!("IR version {}, operators of version {}", about.ir_version, about.opset)),
    ];
    facts.extend(model.inputs().iter().map(|v| ("input", format!("{} {}", v.name, v.shape_text()))));
    facts.extend(model.outputs().iter().map(|v| ("output", format!("{} {}", v.name, v.shape_text()))));
    facts.extend(about.metadata.iter().map(|(k, v)| ("metadata", format!("{k} = {v}"))));
    let layers = model.operator_counts().iter().map(|(name, count)| format!("{name} x {count}")).collect();
    let tensors = model
        .constants()
        .filter_map(|c| {
            let tensor = model.constant(&c.name)?;
            let values = tensor.to_f64();
            let bytes: Vec<u8> = values.iter().flat_map(|v| (*v as f32).to_le_bytes()).collect();
            let mut hash = hex(&Sha256::digest(&bytes));
            hash.truncate(16);
            Some(Row {
                name: c.name,
                dtype: format!("{:?}", c.kind).to_lowercase(),
                shape: c.dims,
                bytes: c.bytes,
                hash,
                range: range(&values),
            })
        })
        .collect();
    let mut told = Told { kind: "an ONNX model (.onnx)", facts, layers, tensors, unusual: model.notes() };
    totals(&mut told);
    Ok(told)
}
