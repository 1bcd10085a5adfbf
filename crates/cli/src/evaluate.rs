//! `adaline evaluate`: a saved network measured on data that has the target.

use crate::args::EvaluateArgs;
use crate::error::{CliError, fail};
use crate::measure::Outcome;
use crate::pictures;
use crate::problem::{Given, Kind, Rows};
use crate::saved::Saved;
use crate::series;
use crate::several;
use crate::source::{Source, name_of};
use crate::terminal::{Shown, Terminal};
use adaline::data::{BadFiles, Tensor};
use adaline::nn::Evaluate;
use adaline::report::number;
use adaline::report::tables::{class_table, confusion_table};
use serde_json::{Map, Value, json};

/// Larger matrices are for machines.
const SHOWN_CLASSES: usize = 20;

/// Runs the command.
pub(crate) fn run(args: &EvaluateArgs) -> Result<(), CliError> {
    let mut saved = Saved::load(&args.model)?;
    let say = Terminal::new(args.common.json, 1);
    if let Some(state) = saved.series.clone() {
        return series::evaluate(&mut saved, &state, args, &say);
    }
    if saved.is_several() {
        return several::evaluate(&mut saved, args, &say);
    }
    let (x, y, rows) = match of_pictures(&saved, args, &say)? {
        Some((x, y)) => (Given { x, beside: None }, y, "pictures"),
        None => labelled(&saved, saved.read(&args.data, &args.read)?, args, &say)?,
    };
    let buckets = saved.buckets();
    let output = x.output(&mut saved.model, buckets)?;
    let outcome = Outcome::new(&saved.kind(), &saved.coder, &y, &output);

    let mut logs = Map::new();
    if saved.model.is_compiled() {
        let options = x.buckets(buckets).map_or_else(Evaluate::default, |buckets| Evaluate::default().bucket_by_length(buckets));
        for (name, value) in saved.model.evaluate(x.inputs(), &y, options)? {
            logs.insert(name, json!(value));
        }
    }
    let matrix = outcome.confusion();
    if let Some(m) = matrix.as_ref().filter(|m| m.size() <= SHOWN_CLASSES) {
        say.line(&format!("{}\n{}", class_table(m), confusion_table(m)));
    }
    let figures = |map: &Map<String, Value>| -> String {
        map.iter().filter_map(|(k, v)| Some(format!("{k} {}", number::short(v.as_f64()?)))).collect::<Vec<_>>().join(", ")
    };
    let metrics = outcome.metrics();
    say.line(&format!("On {} {rows}: {}", number::grouped(outcome.rows() as u64), figures(&metrics)));
    if !logs.is_empty() {
        let scaled = saved.coder.prep.as_ref().is_some_and(|p| p.target_scale().is_some());
        let of = if scaled { " (of the scaled target that the network was trained on)" } else { "" };
        say.line(&format!("As trained: {}{of}", figures(&logs)));
    }
    if let Some((rule, score)) = outcome.simplest() {
        say.line(&format!("For comparison, {rule}: {} {}", outcome.headline().0, number::short(score)));
    }
    say.json(&json!({
        "task": if matrix.is_some() { "classification" } else { "regression" },
        "target": saved.target(),
        "rows": outcome.rows(),
        "measured_on": rows,
        "metrics": metrics,
        "as_trained": logs,
        "confusion": matrix.map(|m| json!({"classes": m.classes, "counts": m.counts})),
    }))
}

/// Pictures and their classes, when the network takes pictures and DATA has them.
fn of_pictures(saved: &Saved, args: &EvaluateArgs, say: &Terminal) -> Result<Option<(Rows, Tensor)>, CliError> {
    let Some(options) = saved.pictures(args.bad.on_bad_file.map_or_else(BadFiles::default, Into::into)) else { return Ok(None) };
    let Some(list) = pictures::of_saved(&args.data, true)? else { return Ok(None) };
    let Kind::Classes(names) = saved.kind() else { return Ok(None) };
    let set = pictures::read(list, &options, say)?;
    let y = pictures::truth(&set, &names)?;
    Ok(Some((Box::new(set), y)))
}

/// Inputs and truth of the rows that have both, and those rows in words.
fn labelled(saved: &Saved, source: Source, args: &EvaluateArgs, say: &Terminal) -> Result<(Given, Tensor, &'static str), CliError> {
    match source {
        Source::Table(table) => {
            let all: Vec<usize> = (0..table.rows()).collect();
            let rows = match saved.target() {
                Some(target) if saved.coder.prep.is_some() => table.rows_with(target)?,
                _ => all,
            };
            let without = table.rows() - rows.len();
            if without > 0 {
                say.line(&format!("Note: {without} rows have no `{}` and are left out", saved.target().unwrap_or_default()));
            }
            if rows.is_empty() {
                return fail(format!("{}: no row has a `{}` to compare with", table.source(), saved.target().unwrap_or_default()));
            }
            let y = saved.table_truth(&table, &rows)?;
            Ok((saved.table_inputs(&table, &rows)?, y, "rows"))
        }
        Source::Arrays(arrays) => {
            let (x, y, words) = match (arrays.test, arrays.y) {
                (Some((x, y)), _) => (x, y, "test rows"),
                (None, Some(y)) => (arrays.x, y, "rows"),
                (None, None) => {
                    return fail(format!(
                        "{}: there is no target to compare with; use a table with the column `{}`, .npz with x and y, or a folder of IDX files",
                        name_of(&args.data),
                        saved.target().unwrap_or("of the target")
                    ));
                }
            };
            if x.rows() != y.rows() {
                return fail(format!("{}: x has {} rows and y has {}", name_of(&args.data), x.rows(), y.rows()));
            }
            Ok((saved.array_inputs(&x)?, saved.array_truth(&y)?, words))
        }
        Source::Pictures(_) => saved.no_pictures(),
    }
}
