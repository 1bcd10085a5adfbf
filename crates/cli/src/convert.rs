//! `adaline convert`: a model or its weights as a file of another kind.

use crate::args::ConvertArgs;
use crate::error::{CliError, fail, misuse};
use crate::terminal::print;
use adaline::nn::Model;
use adaline::onnx::ExportOptions;
use serde_json::json;
use std::path::Path;

/// Kinds of files that can be written, by the end of their name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A whole model.
    Model,
    /// Weights alone.
    Weights,
    Onnx,
}

/// What a name asks for.
fn kind_of(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    if name.ends_with(".weights.h5") {
        return Some(Kind::Weights);
    }
    match Path::new(&name).extension()?.to_str()? {
        "keras" | "h5" | "hdf5" => Some(Kind::Model),
        "safetensors" | "npz" => Some(Kind::Weights),
        "onnx" => Some(Kind::Onnx),
        _ => None,
    }
}

/// Runs the command.
pub(crate) fn run(args: &ConvertArgs) -> Result<(), CliError> {
    let Some(to) = kind_of(&args.to) else {
        return misuse(format!(
            "{}: the name of the file tells its kind, and must end in .keras, .h5, .onnx, .weights.h5, .safetensors or .npz",
            args.to.display()
        ));
    };
    if to != Kind::Onnx && (args.batch.is_some() || args.size.is_some()) {
        return misuse("--batch and --size fix sizes of an ONNX model; other files keep them open");
    }
    let model = read(args)?;
    match to {
        Kind::Model => model.save(&args.to)?,
        Kind::Weights => model.save_weights(&args.to)?,
        Kind::Onnx => {
            let options = ExportOptions { batch: args.batch.map(|n| n as usize), size: args.size.map(|n| n as usize) };
            if let Err(error) = adaline::onnx::save(&model, &args.to, &options) {
                return fail(format!("{}: {error}", args.from.display()));
            }
        }
    }
    let bytes = std::fs::metadata(&args.to).map_err(|e| CliError::io(&args.to, "cannot be read back", e))?.len();
    let (trainable, fixed) = model.count_params();
    if args.common.json {
        let told = json!({"from": args.from, "to": args.to, "bytes": bytes, "params": {"trainable": trainable, "non_trainable": fixed}});
        return print(&format!("{told}\n"));
    }
    print(&format!("{} -> {}: {} parameters, {bytes} bytes\n", args.from.display(), args.to.display(), trainable + fixed))
}

/// The model that is converted.
fn read(args: &ConvertArgs) -> Result<Model, CliError> {
    let from = kind_of(&args.from);
    if from == Some(Kind::Onnx) {
        return fail(format!(
            "{}: an ONNX model is a graph of operations without layers, and so becomes no file of Keras; `adaline inspect` shows what is in it",
            args.from.display()
        ));
    }
    if let Some(network) = &args.model {
        let mut model = adaline::load_model(network)?;
        model.load_weights(&args.from)?;
        return Ok(model);
    }
    if from == Some(Kind::Weights) {
        return misuse(format!(
            "{} holds weights without a network: say which network they are of with --model FILE.keras",
            args.from.display()
        ));
    }
    Ok(adaline::load_model(&args.from)?)
}
