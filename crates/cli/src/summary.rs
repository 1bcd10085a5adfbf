//! `adaline summary`: the layers of a saved network as Keras prints them.

use crate::args::SummaryArgs;
use crate::error::CliError;
use crate::problem::Kind;
use crate::saved::Saved;
use crate::terminal::print;
use adaline::report::tables::{SummaryRow, keras_summary};
use serde_json::{Value, json};
use std::fmt::Write;

/// Runs the command.
pub(crate) fn run(args: &SummaryArgs) -> Result<(), CliError> {
    let saved = Saved::load(&args.model)?;
    let summary = saved.model.summary()?;
    if args.common.json {
        let layers: Vec<Value> = summary
            .rows
            .iter()
            .map(
                |r| json!({"name": r.name, "class": r.class, "output_shape": r.output_shape, "params": r.params, "trainable": r.trainable}),
            )
            .collect();
        return print(&format!(
            "{}\n",
            json!({
                "model": summary.model,
                "input_shape": saved.model.input_row(),
                "layers": layers,
                "params": {"trainable": summary.trainable, "non_trainable": summary.non_trainable, "optimizer": summary.optimizer},
                "task": saved.info,
            })
        ));
    }
    let rows: Vec<SummaryRow> =
        summary.rows.iter().map(|r| SummaryRow::new(format!("{} ({})", r.name, r.class), r.output_text(), r.params as u64)).collect();
    let optimizer = summary.optimizer.map(|n| n as u64);
    let mut text = keras_summary(&summary.model, &rows, summary.trainable as u64, summary.non_trainable as u64, optimizer);
    if let Some(info) = &saved.info {
        let task = match &info.kind {
            Kind::Classes(names) => format!("tells {} classes of `{}` apart: {}", names.len(), info.target, names.join(", ")),
            Kind::Numbers(steps) if saved.series.is_some() => {
                let (window, step) = saved.series.as_ref().map_or((0, String::new()), |s| (s.window, s.step.to_string()));
                format!("forecasts `{}`: {steps} steps ahead from the last {window}, in steps of {step}", info.target)
            }
            Kind::Numbers(_) => format!("predicts `{}`", info.target),
        };
        let _ = writeln!(text, "\n Task: {task}");
        if let Some(p) = &info.pictures {
            let channels = if p.color.channels() == 1 { "1 channel" } else { "3 channels" };
            let _ = writeln!(text, " Pictures: brought to {} x {} pixels (height x width), {channels}", p.size.0, p.size.1);
        }
    }
    print(&text)
}
