//! `adaline dump`: a stage of the compiler as text.

use crate::args::{DumpArgs, Stage};
use crate::error::{CliError, fail, misuse};
use crate::terminal::print;
use crate::untrained;
use crate::watched::Watched;
use adaline::cpu::dump_fused;
use adaline::graph::backend::{CompileOptions, PlanReport};
use adaline::nn::Model;
use adaline::nn::model::{LoadOptions, Stage as ModelStage, load_model_with};
use serde_json::{Value, json};
use std::fmt::Write;

/// A plan comes with its memory, which must exist.
const MOST_ROWS: usize = 1 << 20;

/// Runs the command.
pub(crate) fn run(args: &DumpArgs) -> Result<(), CliError> {
    if !(1..=MOST_ROWS).contains(&args.batch) {
        return misuse(format!("--batch expects 1 to {MOST_ROWS} rows, got {}", args.batch));
    }
    let backend = Watched::new(args.common.threads, true);
    let toml = args.model.extension().is_some_and(|e| e.eq_ignore_ascii_case("toml"));
    let mut model = if toml {
        untrained::from_toml(&args.model, backend.clone(), !args.inference)?
    } else {
        load_model_with(backend.clone(), &args.model, LoadOptions { compile: !args.inference, ..LoadOptions::default() })?
    };
    if !args.inference && !model.is_compiled() && args.stage != Stage::Layers {
        return fail(format!(
            "{}: this file has no optimizer and no loss, so there is no training step to show; say --inference for the program of prediction",
            args.model.display()
        ));
    }
    if args.stage == Stage::Layers {
        let text = layers(&model)?;
        return show(args, &text, None);
    }
    let plan = model.dump(ModelStage::Plan, args.batch);
    match (args.stage, backend.last_graph()) {
        (Stage::Graph, Some(graph)) => show(args, &graph.to_string(), None),
        (Stage::Fused, Some(graph)) => {
            let text = dump_fused(&graph, &CompileOptions::default()).map_err(adaline::nn::Error::from)?;
            show(args, &text, None)
        }
        _ => show(args, &plan?, backend.last_plan().as_ref()),
    }
}

fn show(args: &DumpArgs, text: &str, plan: Option<&PlanReport>) -> Result<(), CliError> {
    if !args.common.json {
        return print(text);
    }
    let stage = format!("{:?}", args.stage).to_lowercase();
    let mut out = json!({"stage": stage, "batch": args.batch, "inference": args.inference, "text": text});
    if let Some(report) = plan {
        let steps = report.steps.iter().map(|s| {
            json!({
                "layer": s.origin, "kernel": s.kernel, "shapes": s.shapes, "place": s.place,
                "read": s.read, "written": s.written, "flops": s.flops,
            })
        });
        out["steps"] = steps.collect::<Vec<Value>>().into();
        out["flops"] = json!(report.flops());
        out["arena_bytes"] = json!(report.arena_bytes);
        out["state_bytes"] = json!(report.state_bytes);
        out["input_bytes"] = json!(report.input_bytes);
    }
    print(&format!("{out}\n"))
}

/// One line per layer: name, class, output shape, arguments.
fn layers(model: &Model) -> Result<String, CliError> {
    let summary = model.summary()?;
    let width = summary.rows.iter().map(|r| r.name.len() + r.class.len() + 3).max().unwrap_or(0);
    let mut text = String::new();
    for row in &summary.rows {
        // Inputs of a graph are no layers of their own.
        let Ok(layer) = model.get_layer(&row.name) else { continue };
        let name = format!("{} ({})", row.name, row.class);
        let _ = writeln!(text, "{name:width$}  {:<16}  {:>9} params  {}", row.output_text(), row.params, layer.config());
    }
    Ok(text)
}
