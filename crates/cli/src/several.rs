//! Networks that take or give several things at once, which no table describes: arrays by name in one `.npz` file.

use crate::args::{EvaluateArgs, PredictArgs};
use crate::error::{CliError, fail, misuse};
use crate::predict::{save, told};
use crate::saved::Saved;
use crate::source::{labels, name_of};
use crate::terminal::{Shown, Terminal, print};
use adaline::data::{FileKind, RowSource, Tensor, nearest, read_npy, read_npz, sniff, write_npy, write_npz};
use adaline::nn::Evaluate;
use adaline::nn::model::{Inputs, Labels};
use adaline::report::number;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Rows that are predicted at once.
const BATCH: usize = 32;

/// Names with the shapes of their rows: `pixels (28, 28), words (any)`.
pub(crate) fn shapes<'a>(names: impl Iterator<Item = &'a str>, rows: impl Iterator<Item = &'a [Option<usize>]>) -> String {
    let size = |d: &Option<usize>| d.map_or_else(|| "any".to_owned(), |d| d.to_string());
    let one = |(name, row): (&str, &[Option<usize>])| format!("{name} ({})", row.iter().map(size).collect::<Vec<_>>().join(", "));
    names.zip(rows).map(one).collect::<Vec<_>>().join(", ")
}

/// What a network takes and gives, in words.
pub(crate) fn described(saved: &Saved) -> String {
    let model = &saved.model;
    let outputs: Vec<Vec<Option<usize>>> = model.output_rows().map(|row| row.iter().copied().map(Some).collect()).collect();
    format!(
        "inputs {}; outputs {}",
        shapes(model.input_names(), model.input_rows()),
        shapes(model.output_names().iter().map(String::as_str), outputs.iter().map(Vec::as_slice))
    )
}

/// The arrays of DATA: those of a `.npz` file, or one alone for a network of one input.
fn arrays(saved: &Saved, data: &Path, needed: &[String]) -> Result<Vec<(String, Tensor)>, CliError> {
    let names: Vec<&str> = saved.model.input_names().collect();
    let kind = if data.is_dir() { None } else { Some(sniff(data)?) };
    match (kind, &names[..]) {
        (Some(FileKind::Npz), _) => Ok(read_npz(data)?),
        (Some(FileKind::Npy), &[only]) => Ok(vec![(only.to_owned(), read_npy(data)?)]),
        (kind, _) => {
            let got = kind.map_or_else(|| "a folder".to_owned(), |kind| kind.to_string());
            let call = needed.iter().map(|name| format!("{name}=...")).collect::<Vec<_>>().join(", ");
            fail(format!(
                "{}: this network has {}. It needs a .npz file with an array for each, rows first, as numpy.savez(\"data.npz\", {call}) writes \
                 it; {} is {got}. In a program: Inputs::new().with(\"{}\", &rows)",
                saved.file,
                described(saved),
                data.display(),
                names.first().copied().unwrap_or("input")
            ))
        }
    }
}

/// The array of a name; of the only one of its kind also by a usual name.
fn take(
    saved: &Saved,
    data: &Path,
    all: &mut Vec<(String, Tensor)>,
    kind: &str,
    name: &str,
    usual: Option<&str>,
) -> Result<Tensor, CliError> {
    let place = |name: &str| all.iter().position(|(n, _)| n == name);
    if let Some(at) = place(name).or_else(|| usual.and_then(place)) {
        return Ok(all.swap_remove(at).1);
    }
    let found: Vec<&str> = all.iter().map(|(n, _)| n.as_str()).collect();
    let meant = nearest(name, found.iter().copied()).map_or_else(String::new, |n| format!(" (is it `{n}`?)"));
    let listed = if found.is_empty() { "none".into() } else { found.join(", ") };
    fail(format!(
        "{}: no array `{name}` for the {kind} of that name of {}{meant}; the file has {listed}; the network has {}",
        data.display(),
        saved.file,
        described(saved)
    ))
}

/// Arrays for all inputs, in their order.
fn inputs(saved: &Saved, data: &Path, all: &mut Vec<(String, Tensor)>) -> Result<Vec<Tensor>, CliError> {
    let names: Vec<&str> = saved.model.input_names().collect();
    let usual = if names.len() == 1 { Some("x") } else { None };
    names.into_iter().map(|name| take(saved, data, all, "input", name, usual)).collect()
}

fn rows_of(x: &[Tensor]) -> Inputs<'_> {
    x.iter().map(|x| x as &dyn RowSource).collect::<Vec<_>>().into()
}

/// `predict`: an array for each output.
pub(crate) fn predict(saved: &mut Saved, args: &PredictArgs) -> Result<(), CliError> {
    let outputs = saved.model.output_names().to_vec();
    let zipped = args.out.as_deref().is_some_and(|out| out.extension().is_some_and(|e| e == "npz"));
    if (args.out.is_none() && !args.common.json) || (args.out.is_some() && !zipped && outputs.len() > 1) {
        return misuse(format!(
            "the outputs of {} are arrays ({}): say --out FILE.npz for a file of them by their names, or --json to see them here",
            saved.file,
            outputs.join(", ")
        ));
    }
    let needed: Vec<String> = saved.model.input_names().map(str::to_owned).collect();
    let mut all = arrays(saved, &args.data, &needed)?;
    let x = inputs(saved, &args.data, &mut all)?;
    let values = saved.model.predict_all(rows_of(&x), BATCH)?;
    let count = values.first().map_or(0, Tensor::rows);
    let named: Vec<(&str, &Tensor)> = outputs.iter().map(String::as_str).zip(&values).collect();
    if let Some(out) = &args.out {
        match (zipped, &named[..]) {
            (false, &[(_, only)]) => save(out, &|part| write_npy(part, only))?,
            _ => save(out, &|part| write_npz(part, &named))?,
        }
        return told(args, out, count);
    }
    let one = |t: &Tensor| {
        let rows: Vec<Value> = t.f32_values().chunks(t.row_len().max(1)).map(|row| json!(row)).collect();
        json!({"shape": t.shape(), "rows": rows})
    };
    let outputs: Map<String, Value> = named.into_iter().map(|(name, t)| (name.to_owned(), one(t))).collect();
    print(&format!("{}\n", json!({"rows": count, "outputs": outputs})))
}

/// `evaluate`: by the loss and the metrics that the network was saved with.
pub(crate) fn evaluate(saved: &mut Saved, args: &EvaluateArgs, say: &Terminal) -> Result<(), CliError> {
    if !saved.model.is_compiled() {
        return fail(format!(
            "{}: this network was saved without its losses, and has {}: only a program can say what is right (Model::compile, then \
             Model::evaluate); `adaline predict` needs no loss",
            saved.file,
            described(saved)
        ));
    }
    let trained: Vec<String> = saved.model.losses().map(|(name, ..)| name.to_owned()).collect();
    let needed: Vec<String> = saved.model.input_names().map(str::to_owned).chain(trained.iter().cloned()).collect();
    let mut all = arrays(saved, &args.data, &needed)?;
    let x = inputs(saved, &args.data, &mut all)?;
    let usual = if trained.len() == 1 { Some("y") } else { None };
    let y = trained.iter().map(|name| labels(take(saved, &args.data, &mut all, "output", name, usual)?)).collect::<Result<Vec<_>, _>>()?;
    let rows = y.first().map_or(0, Tensor::rows);
    let logs = saved.model.evaluate(rows_of(&x), Labels::from(y.iter().collect::<Vec<_>>()), Evaluate::default())?;
    let figures: Vec<String> = logs.iter().map(|(name, value)| format!("{name} {}", number::short(*value))).collect();
    say.line(&format!("On {} rows of {}: {}", number::grouped(rows as u64), name_of(&args.data), figures.join(", ")));
    let logs: Map<String, Value> = logs.into_iter().map(|(name, value)| (name, json!(value))).collect();
    say.json(&json!({"rows": rows, "as_trained": logs}))
}

/// `explain` follows one row along one way.
pub(crate) fn no_story<T>(saved: &Saved) -> Result<T, CliError> {
    fail(format!(
        "{}: explain follows a row of one input to one output; this network has {}. `adaline summary --plot FILE.svg` draws it, `adaline predict` \
         and `adaline evaluate` take its arrays by name",
        saved.file,
        described(saved)
    ))
}
