//! `adaline bench`: times training steps as a user's `fit` makes them, beside what the machine could do at most.

mod ceilings;
mod clock;
mod data;
mod networks;
mod start;
mod story;
mod system;
mod workloads;

use crate::args::BenchArgs;
use crate::error::{CliError, misuse};
use crate::terminal::print;
use crate::watched::Watched;
use adaline::cpu::ceiling::measure_ceiling;
use adaline::data::Tensor;
use adaline::graph::backend::Backend;
use adaline::nn::Model;
use clock::{Course as Fitting, Timed, fit, percentile, sorted};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};
use system::Processor;
use workloads::{Course, Workload};

/// Below this a step is as short as the look at the clock and the callback around it are long, so that epochs are timed instead.
const SHORT_STEP: f64 = 50e-6;
/// Steps are timed for about so long when nobody says how many.
const BUDGET: f64 = 2.0;
const EPOCHS_OF_TINY: usize = 20;
const STEPS_OF_LINE: usize = 100;

/// Runs the command; the program began at `begun`.
pub(crate) fn run(args: &BenchArgs, begun: Instant) -> Result<(), CliError> {
    for (name, value) in [("--batch", args.batch), ("--steps", args.steps), ("--rows", args.rows), ("--run", args.run)] {
        if value == Some(0) {
            return misuse(format!("{name} expects at least 1, got 0"));
        }
    }
    if args.workload.as_deref() == Some("ceiling") {
        return ceilings::run(args);
    }
    let arguments = begun.elapsed();
    let backend = Watched::new(args.common.threads, false);
    let mut work = workloads::make(args, backend.clone())?;
    if args.start {
        return start::run(args, &mut work, &backend, begun, arguments);
    }
    if let Some(steps) = args.run {
        return only_run(args, &mut work, &backend, steps);
    }
    let data_mb = system::peak_memory_mb();
    let processor = Processor::now();
    let mut out = about(&work, &backend);
    let step = match work.course {
        Course::Infer => {
            infer(&mut work, &mut out)?;
            None
        }
        Course::Tiny => Some(tiny(&mut work, args, begun, &mut out)?),
        Course::Whole => Some(whole(&mut work, args, begun, &mut out)?),
        Course::Epoch => Some(epoch(&mut work, args, begun, &mut out)?),
    };
    out.insert("rss_mb".into(), json!(system::peak_memory_mb()));
    out.insert("rss_data_mb".into(), json!(data_mb));
    out.insert("data_mb".into(), rounded(work.data_bytes() as f64 / f64::from(1 << 20), 1));
    out.insert("other_cpu_frac".into(), json!(processor.others_since()));
    if let Some(step) = step {
        floor(&backend, work.batch, step, &mut out);
    }
    tell(args, out, story::text)
}

/// So many steps and nothing else: no clock decides what is done.
fn only_run(args: &BenchArgs, work: &mut Workload, backend: &Watched, steps: usize) -> Result<(), CliError> {
    if work.course == Course::Infer {
        return misuse(format!("--run makes training steps; {} only predicts", work.name));
    }
    let mut out = about(work, backend);
    let how = Fitting { batch: work.batch, epochs: 1, steps: Some(steps), shuffle: work.course != Course::Whole, each: false };
    let timed = fit(&mut work.model, &work.x, &work.y, how)?;
    out.insert("steps".into(), steps.into());
    out.insert("loss".into(), rounded(timed.loss, 5));
    tell(args, out, story::ran)
}

/// What is measured, on what.
fn about(work: &Workload, backend: &Watched) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("framework".into(), "adaline".into());
    out.insert("workload".into(), work.name.clone().into());
    out.insert("batch".into(), work.batch.into());
    out.insert("threads".into(), Backend::threads(backend).into());
    out.insert("rows".into(), work.x.rows().into());
    out.insert("data".into(), work.data.into());
    out.insert("version".into(), format!("adaline {}", env!("CARGO_PKG_VERSION")).into());
    out.insert("isa".into(), backend.instruction_set().into());
    out.insert("dtype".into(), work.model.dtype_policy().name().into());
    out
}

/// For machines as one line of JSON, for people as text.
fn tell(args: &BenchArgs, out: Map<String, Value>, text: fn(&Map<String, Value>) -> String) -> Result<(), CliError> {
    if args.common.json { print(&format!("{}\n", Value::Object(out))) } else { print(&text(&out)) }
}

/// 20 epochs with a cold and with a warm model, then steps.
fn tiny(work: &mut Workload, args: &BenchArgs, begun: Instant, out: &mut Map<String, Value>) -> Result<f64, CliError> {
    let Workload { model, x, y, batch, .. } = work;
    let how = Fitting { batch: *batch, epochs: EPOCHS_OF_TINY, steps: None, shuffle: true, each: true };
    let cold = fit(model, x, y, how)?;
    first_step(out, begun, &cold);
    out.insert("fit20_cold_s".into(), rounded(cold.seconds, 4));
    let warm = fit(model, x, y, Fitting { each: false, ..how })?;
    out.insert("fit20_warm_s".into(), rounded(warm.seconds, 4));
    let epoch_s = warm.seconds / EPOCHS_OF_TINY as f64;
    epoch_figures(out, epoch_s, x.rows());
    out.insert("loss".into(), rounded(warm.loss, 5));
    steps(model, (x, y), *batch, args.steps, (epoch_s, Some(epoch_s)), out)
}

/// 100 steps over all rows at once.
fn whole(work: &mut Workload, args: &BenchArgs, begun: Instant, out: &mut Map<String, Value>) -> Result<f64, CliError> {
    let Workload { model, x, y, batch, .. } = work;
    let how = Fitting { batch: *batch, epochs: 2, steps: None, shuffle: false, each: true };
    let first = fit(model, x, y, how)?;
    first_step(out, begun, &first);
    let epochs = args.steps.unwrap_or(STEPS_OF_LINE);
    let timed = fit(model, x, y, Fitting { epochs, each: false, ..how })?;
    out.insert("total_s".into(), rounded(timed.seconds, 4));
    epoch_figures(out, timed.seconds / epochs as f64, x.rows());
    out.insert("loss".into(), rounded(timed.loss, 5));
    let step = step_figures(out, timed.steps, "epochs");
    fit_over_steps(out, timed.seconds / epochs as f64, x.rows().div_ceil(*batch), step);
    Ok(step)
}

/// A warm-up, an epoch, then steps.
fn epoch(work: &mut Workload, args: &BenchArgs, begun: Instant, out: &mut Map<String, Value>) -> Result<f64, CliError> {
    let Workload { model, x, y, batch, .. } = work;
    // A few whole batches and one of the size of the last, so that both are compiled.
    let warm = x.rows().min(10 * *batch + x.rows() % *batch);
    let how = Fitting { batch: *batch, epochs: 1, steps: None, shuffle: true, each: true };
    let first = {
        let (xw, yw) = (x.slice_rows(0..warm)?, y.slice_rows(0..warm)?);
        fit(model, &xw, &yw, how)?
    };
    first_step(out, begun, &first);
    let mut estimate = first.seconds / warm.div_ceil(*batch) as f64 * x.rows().div_ceil(*batch) as f64;
    let mut whole = None;
    if args.steps.is_none() {
        let all = fit(model, x, y, Fitting { each: false, ..how })?;
        epoch_figures(out, all.seconds, x.rows());
        out.insert("loss".into(), rounded(all.loss, 5));
        estimate = all.seconds;
        whole = Some(all.seconds);
    }
    steps(model, (x, y), *batch, args.steps, (estimate, whole), out)
}

/// Times steps: each one, or where they are short each epoch. Given are an estimate of an epoch's seconds, and its measured seconds.
fn steps(
    model: &mut Model,
    (x, y): (&Tensor, &Tensor),
    batch: usize,
    wanted: Option<usize>,
    (estimate, epoch_s): (f64, Option<f64>),
    out: &mut Map<String, Value>,
) -> Result<f64, CliError> {
    let per_epoch = x.rows().div_ceil(batch);
    let wanted = wanted.unwrap_or(((BUDGET / (estimate / per_epoch as f64).max(1e-9)) as usize).clamp(20, 200_000));
    // Fewer steps than an epoch has: shorter epochs on the same rows. The first step of an epoch is not counted.
    let steps = per_epoch.min(wanted.saturating_add(1));
    let epochs = wanted.div_ceil(steps.saturating_sub(1).max(1)).max(1);
    let how = Fitting { batch, epochs, steps: Some(steps), shuffle: true, each: true };
    let each = fit(model, x, y, how)?;
    let median = percentile(&sorted(each.steps.clone()), 0.5);
    let step = if median >= SHORT_STEP {
        step_figures(out, each.steps, "steps")
    } else {
        let block = fit(model, x, y, Fitting { each: false, ..how })?;
        if median.is_finite() {
            out.insert("step_us_each".into(), rounded(median * 1e6, 2));
        }
        let count = block.steps.len() * steps;
        let step = step_figures(out, block.steps, "epochs");
        out.insert("steps_timed".into(), count.into());
        step
    };
    if let Some(seconds) = epoch_s {
        // Epoch means hold what an epoch itself costs; the steps one by one do not.
        fit_over_steps(out, seconds, per_epoch, if median.is_finite() { median } else { step });
    }
    Ok(step)
}

/// One row at a time, then 1024.
fn infer(work: &mut Workload, out: &mut Map<String, Value>) -> Result<(), CliError> {
    let model = &mut work.model;
    let (one, many) = (work.x.slice_rows(0..1)?, work.x.slice_rows(0..work.x.rows().min(1024))?);
    for _ in 0..20 {
        model.predict_batched(&one, 1)?;
    }
    let mut each = Vec::with_capacity(3000);
    let end = Instant::now() + Duration::from_millis(2500);
    while each.len() < 3000 && Instant::now() < end {
        let begin = Instant::now();
        model.predict_batched(&one, 1)?;
        each.push(begin.elapsed().as_secs_f64());
    }
    let mut all = Vec::with_capacity(60);
    model.predict_batched(&many, 1024)?;
    let end = Instant::now() + Duration::from_secs(2);
    while all.len() < 60 && Instant::now() < end {
        let begin = Instant::now();
        model.predict_batched(&many, 1024)?;
        all.push(begin.elapsed().as_secs_f64());
    }
    let each = sorted(each);
    out.insert("b1_p50_us".into(), rounded(percentile(&each, 0.5) * 1e6, 1));
    out.insert("b1_p90_us".into(), rounded(percentile(&each, 0.9) * 1e6, 1));
    out.insert("b1024_samples_s".into(), rounded(many.rows() as f64 / percentile(&sorted(all), 0.5), 1));
    out.insert("how".into(), "model.predict(x)".into());
    Ok(())
}

fn first_step(out: &mut Map<String, Value>, begun: Instant, timed: &Timed) {
    if let Some(at) = timed.first {
        out.insert("t_first_step_s".into(), rounded((at - begun).as_secs_f64(), 4));
    }
}

fn epoch_figures(out: &mut Map<String, Value>, seconds: f64, rows: usize) {
    out.insert("epoch_s".into(), rounded(seconds, 5));
    out.insert("samples_s".into(), rounded(rows as f64 / seconds, 1));
}

/// Median and spread; gives the median in seconds.
fn step_figures(out: &mut Map<String, Value>, seconds: Vec<f64>, how: &str) -> f64 {
    let s = sorted(seconds);
    let median = percentile(&s, 0.5);
    out.insert("step_us".into(), rounded(median * 1e6, 2));
    out.insert("step_us_p10".into(), rounded(percentile(&s, 0.1) * 1e6, 2));
    out.insert("step_us_p90".into(), rounded(percentile(&s, 0.9) * 1e6, 2));
    out.insert("steps_timed".into(), s.len().into());
    out.insert("step_timed_by".into(), how.into());
    median
}

/// What the epoch of a fit takes for each second that its steps take.
fn fit_over_steps(out: &mut Map<String, Value>, epoch_s: f64, steps: usize, step: f64) {
    out.insert("fit_over_steps".into(), rounded(epoch_s / (steps as f64 * step), 4));
}

/// What the step cannot be faster than on this machine.
fn floor(backend: &Watched, batch: usize, step: f64, out: &mut Map<String, Value>) {
    let Some(plan) = backend.training(batch) else { return };
    let flops = plan.flops();
    let bytes: u64 = plan.steps.iter().map(|s| s.read + s.written).sum();
    let ceiling = measure_ceiling(Backend::threads(backend));
    // What a step touches stays from one step to the next in the nearest level that holds it.
    let resident = plan.arena_bytes + plan.state_bytes + plan.input_bytes;
    let level = ceiling.level_of(resident);
    let bandwidth = ceiling.bandwidth(level).best();
    let (by_flops, by_bytes) = (flops as f64 / ceiling.gflops_f32 / 1e3, bytes as f64 / bandwidth / 1e3);
    out.insert("floor_us".into(), rounded(by_flops.max(by_bytes), 3));
    out.insert("flops".into(), flops.into());
    out.insert("bytes".into(), bytes.into());
    out.insert("resident_bytes".into(), resident.into());
    out.insert("floor_flops_us".into(), rounded(by_flops, 3));
    out.insert("floor_bytes_us".into(), rounded(by_bytes, 3));
    out.insert("floor_bandwidth".into(), level.name().into());
    out.insert("peak_gflops".into(), rounded(ceiling.gflops_f32, 1));
    out.insert("bandwidth_gbs".into(), rounded(bandwidth, 1));
    out.insert("share".into(), rounded(by_flops.max(by_bytes) / (step * 1e6), 4));
}

/// A number with so many digits after the point; null when it is not finite.
fn rounded(value: f64, digits: i32) -> Value {
    let factor = 10f64.powi(digits);
    json!((value * factor).round() / factor)
}
