//! `adaline summary`: the layers of a saved network as Keras prints them.

use crate::args::SummaryArgs;
use crate::error::CliError;
use crate::plot;
use crate::problem::Kind;
use crate::saved::Saved;
use crate::terminal::print;
use adaline::nn::Model;
use adaline::nn::model::Summary;
use adaline::report::figure::{LayerBox, LayerDrawing};
use adaline::report::tables::{SummaryColumns, SummaryRow, SummaryTotals, default_line_length, keras_summary_wide};
use serde_json::{Value, json};
use std::fmt::Write;

/// Runs the command.
pub(crate) fn run(args: &SummaryArgs) -> Result<(), CliError> {
    let kind = args.plot.as_deref().map(plot::kind).transpose()?;
    let saved = Saved::load(&args.model)?;
    let summary = if args.expand_nested { saved.model.summary_expanded()? } else { saved.model.summary()? };
    if let (Some(path), Some(kind)) = (&args.plot, kind) {
        plot::write(path, kind, &LayerDrawing { layers: boxes(&saved.model, &summary) }.figure())?;
    }
    if args.common.json {
        let layers: Vec<Value> = summary
            .rows
            .iter()
            .map(|r| {
                json!({
                    "name": r.name, "class": r.class, "level": r.level, "output_shape": r.output_shape, "params": r.params,
                    "trainable": r.trainable, "connected_to": r.connected_to,
                })
            })
            .collect();
        let named = |(name, row): (&str, Value)| json!({"name": name, "shape": row});
        let inputs: Vec<Value> = saved.model.input_names().zip(saved.model.input_rows().map(|r| json!(r))).map(named).collect();
        let outputs: Vec<Value> =
            saved.model.output_names().iter().map(String::as_str).zip(saved.model.output_rows().map(|r| json!(r))).map(named).collect();
        return print(&format!(
            "{}\n",
            json!({
                "model": summary.model,
                "input_shape": saved.model.input_row(),
                "inputs": inputs,
                "outputs": outputs,
                "layers": layers,
                "params": {"trainable": summary.trainable, "non_trainable": summary.non_trainable, "optimizer": summary.optimizer},
                "task": saved.info,
            })
        ));
    }
    let mut text = table(&summary);
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

/// As Keras prints it.
fn table(summary: &Summary) -> String {
    let rows: Vec<SummaryRow> = summary
        .rows
        .iter()
        .map(|r| {
            let indent = if r.level == 0 { String::new() } else { format!("{}└ ", "   ".repeat(r.level)) };
            let layer = format!("{indent}{} ({})", r.name, r.class);
            SummaryRow { connected_to: r.connected_to.join(", "), ..SummaryRow::new(layer, r.output_text(), r.params as u64) }
        })
        .collect();
    let columns = SummaryColumns { connected_to: summary.rows.iter().any(|r| !r.connected_to.is_empty()), trainable: false };
    let totals = SummaryTotals {
        trainable: summary.trainable as u64,
        non_trainable: summary.non_trainable as u64,
        optimizer: summary.optimizer.map(|n| n as u64),
        bytes_per_param: 4,
    };
    keras_summary_wide(&summary.model, &rows, totals, columns, default_line_length(columns, 80))
}

/// The layers as boxes; those of networks within are not drawn.
pub(crate) fn boxes(model: &Model, summary: &Summary) -> Vec<LayerBox> {
    let activation = |name: &str| {
        let config = model.get_layer(name).ok()?.config();
        config.get("activation")?.as_str().map(str::to_owned)
    };
    let shown = summary.rows.iter().filter(|r| r.level == 0);
    shown
        .map(|row| LayerBox {
            name: row.name.clone(),
            kind: row.class.clone(),
            output_shape: row.output_text(),
            params: row.params as u64,
            activation: activation(&row.name).unwrap_or_default(),
            // `dense[0][0]`: layer, call, result.
            inputs: row.connected_to.iter().filter_map(|c| c.split('[').next()).map(str::to_owned).collect(),
        })
        .collect()
}
