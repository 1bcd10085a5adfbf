//! `adaline bench --start`: where the time until the end of the first training step goes.

use super::clock::{Course as Fitting, fit};
use super::workloads::{Course, Workload};
use super::{about, rounded, story, tell};
use crate::args::BenchArgs;
use crate::error::{CliError, misuse};
use crate::watched::Watched;
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// What the parts are, by their keys in the order of the table.
pub(super) const PARTS: [(&str, &str); 12] = [
    ("arguments", "reading the command line"),
    ("data", "reading or making the data"),
    ("building", "layers and initial weights"),
    ("tracing", "the step as a graph, without its gradients"),
    ("gradients", "gradients"),
    ("passes", "simplification and folding"),
    ("fusion", "fusion into regions"),
    ("lowering", "kernels and the memory plan"),
    ("verification", "check of the plan (debug builds only)"),
    ("session", "memory of the session"),
    ("first_run", "the first run of the step"),
    ("rest", "checks of the data, order of the rows, the first batch, callbacks"),
];

/// One step of a fit, taken apart.
pub(super) fn run(args: &BenchArgs, work: &mut Workload, backend: &Watched, begun: Instant, arguments: Duration) -> Result<(), CliError> {
    if work.course == Course::Infer {
        return misuse(format!("--start takes the first training step apart; {} only predicts", work.name));
    }
    let mut out = about(work, backend);
    let how = Fitting { batch: work.batch, epochs: 1, steps: Some(1), shuffle: work.course != Course::Whole, each: true };
    let timed = fit(&mut work.model, &work.x, &work.y, how)?;
    let total = timed.first.map_or_else(|| begun.elapsed(), |at| at - begun);
    let (traced, compiled) = (work.model.trace_times(), backend.times());
    let known = [
        arguments,
        work.reading,
        work.building,
        traced.tracing,
        traced.gradients,
        compiled.compile.passes,
        compiled.compile.fusion,
        compiled.compile.lowering,
        compiled.compile.verification,
        compiled.sessions,
        compiled.first_runs,
    ];
    let rest = total.saturating_sub(known.iter().sum());
    let us = |d: Duration| rounded(d.as_secs_f64() * 1e6, 1);
    let parts: Map<String, Value> = PARTS.iter().zip(known.into_iter().chain([rest])).map(|((key, _), d)| ((*key).into(), us(d))).collect();
    out.insert("start_us".into(), us(total));
    out.insert("start_without_data_us".into(), us(total.saturating_sub(work.reading)));
    out.insert("parts_us".into(), Value::Object(parts));
    tell(args, out, story::start)
}
