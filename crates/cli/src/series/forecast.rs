//! `adaline forecast`: what comes after the end of a series, how sure that is, and what simple rules say.

use super::args::ForecastArgs;
use super::held::roll;
use super::plot::Sheet;
use super::state::State;
use super::story;
use crate::error::{CliError, fail, misuse};
use crate::plot;
use crate::saved::Saved;
use crate::source::Source;
use crate::terminal::{Shown, Terminal};
use adaline::data::{Frame, Rule, SeriesPart, Table, nearest};
use adaline::formats::atomic_write;
use adaline::report::number;
use adaline::report::tables::{Align, TextTable};
use serde_json::{Value, json};
use std::path::Path;

/// Lines of the table in a terminal; more are in the file.
const LINES: usize = 200;
/// The step of series that are too short that are named.
const NAMED: usize = 5;

/// The steps after the end of one series.
pub(super) struct Coming {
    pub key: String,
    /// The frame's last row that has a target.
    pub origin: usize,
    pub times: Vec<String>,
    pub forecast: Vec<f64>,
    /// Lower and upper end for each step.
    pub interval: Vec<(f64, f64)>,
    rules: Vec<(Rule, Vec<f64>)>,
}

/// Runs the command.
pub(crate) fn run(args: &ForecastArgs) -> Result<(), CliError> {
    if !(args.coverage > 0.0 && args.coverage < 1.0) {
        return misuse(format!("--coverage expects a share above 0 and below 1, got {}", args.coverage));
    }
    let plot = args.plot.as_deref().map(plot::kind).transpose()?;
    let mut saved = Saved::load(&args.model)?;
    let Some(state) = saved.series.clone() else {
        return fail(format!(
            "{}: this network was not trained on a series; `adaline fit DATA --target COLUMN --time COLUMN` trains one",
            args.model.display()
        ));
    };
    let say = Terminal::new(args.common.json, 1);
    let frame = state.frame(read_table(&saved, &args.data, &args.read)?)?;
    let steps = args.steps.map_or(state.horizon, |n| n as usize);
    let parts = chosen(&frame, &state, args)?;
    if parts.len() > 1 && plot.is_some() {
        return misuse(format!("--plot draws one series, and there are {}; choose one with --only KEY", parts.len()));
    }
    for note in frame.notes() {
        say.line(&format!("Note: {note}"));
    }
    let coming = coming(&mut saved, &state, &frame, &parts, steps, args.coverage, &say)?;
    if let Some(out) = &args.out {
        atomic_write(out, &csv(&state, &coming)?)?;
    }
    if let (Some(path), Some(kind), [one]) = (&args.plot, plot, coming.as_slice()) {
        let figure = Sheet::new(&frame, frame.series_of(one.origin)).coming(one).figure();
        plot::write(path, kind, &figure)?;
    }
    tell(args, &state, &frame, &coming, &say)?;
    say.json(&told(args, &state, &coming))
}

/// DATA, which must be a table.
pub(super) fn read_table(saved: &Saved, path: &Path, read: &crate::args::ReadArgs) -> Result<Table, CliError> {
    match saved.read(path, read)? {
        Source::Table(table) => Ok(table),
        Source::Arrays(_) | Source::Pictures(_) => {
            fail(format!("{}: this network forecasts a series, which must be a table", path.display()))
        }
    }
}

/// The series to forecast.
fn chosen<'a>(frame: &'a Frame, state: &State, args: &ForecastArgs) -> Result<Vec<&'a SeriesPart>, CliError> {
    let Some(only) = &args.only else { return Ok(frame.series().iter().collect()) };
    if state.key.is_none() {
        return misuse("--only chooses one of several series; this network was trained on a single one, without --key");
    }
    if let Some(part) = frame.series().iter().find(|part| part.key == *only) {
        return Ok(vec![part]);
    }
    let keys: Vec<&str> = frame.series().iter().map(|part| part.key.as_str()).collect();
    let hint = nearest(only, keys.iter().copied()).map_or_else(|| ".".to_owned(), |n| format!("; did you mean {n:?}?"));
    let shown = keys.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    misuse(format!("--only {only}: {} has no such series{hint} There are {shown}", args.data.display()))
}

fn coming(
    saved: &mut Saved,
    state: &State,
    frame: &Frame,
    parts: &[&SeriesPart],
    steps: usize,
    coverage: f64,
    say: &Terminal,
) -> Result<Vec<Coming>, CliError> {
    let (mut ready, mut short) = (Vec::new(), Vec::new());
    for part in parts {
        match frame.last_origin(part, state.window) {
            Ok(origin) => ready.push((*part, origin)),
            Err(e) => short.push(e),
        }
    }
    if ready.is_empty() && !short.is_empty() {
        return Err(short.swap_remove(0).into());
    }
    for error in short.iter().take(NAMED) {
        say.line(&format!("Note: {error}; it is left out"));
    }
    let new: Vec<&str> = ready.iter().map(|(part, _)| part.key.as_str()).filter(|key| !state.coder.knows(key)).collect();
    if !new.is_empty() && state.key.is_some() {
        say.line(&format!("Note: the network has not learned from {}; scaled by their own values here", new.join(", ")));
    }
    let encoded = state.coder.encode(frame, state.window)?;
    let origins: Vec<usize> = ready.iter().map(|(_, origin)| *origin).collect();
    let values = roll(&mut saved.model, &encoded, &origins, steps)?;
    if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
        return fail(format!("the forecast runs away to {bad}; ask for fewer --steps than {steps}"));
    }
    let mut out = Vec::with_capacity(ready.len());
    for ((part, origin), forecast) in ready.into_iter().zip(values.chunks_exact(steps)) {
        let scale = state.coder.scale_of(frame, part, state.window)?;
        let interval = forecast.iter().enumerate().map(|(i, y)| {
            let (low, high) = state.interval(i + 1, coverage);
            (y + low * scale, y + high * scale)
        });
        let past = &frame.values()[frame.stretch(origin).start..=origin];
        let time = frame.times()[origin];
        out.push(Coming {
            key: part.key.clone(),
            origin,
            times: (1..=steps).map(|n| frame.format().write(frame.step().add(time, n))).collect(),
            forecast: forecast.to_vec(),
            interval: interval.collect(),
            rules: state.rules().into_iter().map(|rule| (rule, rule.forecast(past, steps))).collect(),
        });
    }
    Ok(out)
}

/// The table and what to know about it.
fn tell(args: &ForecastArgs, state: &State, frame: &Frame, coming: &[Coming], say: &Terminal) -> Result<(), CliError> {
    let steps = coming.first().map_or(0, |c| c.forecast.len());
    let share = number::percent(args.coverage);
    let after = match coming {
        [one] => format!(" after {}", frame.time_text(one.origin)),
        _ => format!(", {} series", coming.len()),
    };
    say.line(&format!("Forecast of `{}`{after}, in steps of {}\n", state.target, frame.step()));
    let keyed = state.key.is_some();
    let rules = state.rules();
    let columns = std::iter::once((state.time.clone(), Align::Left))
        .chain(state.key.iter().map(|key| (key.clone(), Align::Left)))
        .chain(["forecast", "lower", "upper"].map(|name| (name.to_owned(), Align::Right)))
        .chain(rules.iter().map(|rule| (story::heading(*rule), Align::Right)));
    let mut table = TextTable::new(columns);
    for (one, step) in coming.iter().flat_map(|one| (0..one.forecast.len()).map(move |step| (one, step))).take(LINES) {
        let (low, high) = one.interval[step];
        let numbers = [one.forecast[step], low, high].into_iter().chain(one.rules.iter().map(|(_, values)| values[step]));
        let key = keyed.then(|| one.key.clone());
        let digits = digits(one);
        let text = |v: f64| format!("{v:.digits$}");
        table.row(std::iter::once(one.times[step].clone()).chain(key).chain(numbers.map(text)));
    }
    say.result(&table.to_string())?;
    let lines: usize = coming.iter().map(|c| c.forecast.len()).sum();
    if lines > LINES {
        say.line(&format!("and {} more lines; --out FILE.csv has all\n", lines - LINES));
    }
    let measured = &state.measured;
    let windows = number::grouped(measured.windows as u64);
    say.line(&format!("lower and upper: {share} of the errors on {windows} {} lay between them, each step ahead on its own.", measured.on));
    let errors = state.errors(steps);
    if (errors + 1) as f64 * (1.0 - args.coverage) < 2.0 - 1e-9 {
        say.line(&format!("Note: there were only {errors} errors to take the interval from, too few for {share}: it spans all of them"));
    }
    if steps > state.measured_steps() {
        say.line(&format!(
            "Note: errors were measured up to {} steps ahead; beyond, the interval is widened by the square root of the distance, a guess",
            state.measured_steps()
        ));
    }
    if steps > state.horizon {
        let further = if state.coder.features() > 1 { "; the other columns keep their last values" } else { "" };
        say.line(&format!(
            "Beyond {} the network forecasts from its own forecasts{further}.",
            if state.horizon == 1 { "the first step".into() } else { format!("{} steps", state.horizon) }
        ));
    }
    say.line(&format!("Measured on {windows} {}: {}", measured.on, story::verdict(measured.rmse, &measured.rules, measured.sure)));
    for (path, what) in [(&args.out, "forecasts"), (&args.plot, "plot")] {
        if let Some(path) = path {
            say.line(&format!("Wrote the {what} to {}", path.display()));
        }
    }
    Ok(())
}

/// Digits after the point: two more than the narrowest interval makes sense of, the same in all lines.
fn digits(one: &Coming) -> usize {
    let narrowest = one.interval.iter().map(|(low, high)| high - low).filter(|width| *width > 0.0).fold(f64::INFINITY, f64::min);
    let size = if narrowest.is_finite() { narrowest.log10().floor() } else { 0.0 };
    (2.0 - size).clamp(0.0, 8.0) as usize
}

/// One line for each step of each series.
fn csv(state: &State, coming: &[Coming]) -> Result<Vec<u8>, CliError> {
    let wrong = |e: csv::Error| CliError::Failure(format!("the forecasts cannot be written as CSV: {e}"));
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut header = vec![state.time.clone()];
    header.extend(state.key.clone());
    header.extend(["forecast", "lower", "upper"].map(str::to_owned));
    header.extend(state.rules().iter().map(|rule| format!("rule_{}", rule.short())));
    out.write_record(&header).map_err(wrong)?;
    for one in coming {
        for (step, time) in one.times.iter().enumerate() {
            let (low, high) = one.interval[step];
            let mut record = vec![time.clone()];
            record.extend(state.key.as_ref().map(|_| one.key.clone()));
            let numbers = [one.forecast[step], low, high].into_iter().chain(one.rules.iter().map(|(_, values)| values[step]));
            record.extend(numbers.map(|v| v.to_string()));
            out.write_record(&record).map_err(wrong)?;
        }
    }
    out.into_inner().map_err(|e| CliError::Failure(format!("the forecasts cannot be written as CSV: {}", e.error())))
}

/// The same for machines.
fn told(args: &ForecastArgs, state: &State, coming: &[Coming]) -> Value {
    let line = |one: &Coming, step: usize| {
        let (low, high) = one.interval[step];
        let rules: serde_json::Map<String, Value> =
            one.rules.iter().map(|(rule, values)| (rule.short().into(), json!(values[step]))).collect();
        json!({"time": one.times[step], "forecast": one.forecast[step], "lower": low, "upper": high, "rules": rules})
    };
    let series: Vec<Value> = coming
        .iter()
        .map(|one| {
            let lines: Vec<Value> = (0..one.forecast.len()).map(|step| line(one, step)).collect();
            json!({"key": state.key.as_ref().map(|_| &one.key), "forecasts": lines})
        })
        .collect();
    json!({
        "target": state.target,
        "step": state.step.to_string(),
        "horizon": state.horizon,
        "coverage": args.coverage,
        "series": series,
        "measured": state.measured,
    })
}
