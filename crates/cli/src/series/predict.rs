//! `adaline predict` of a network that forecasts a series: beside each row, what the rows before it let expect.

use super::forecast;
use super::held::roll;
use super::state::State;
use crate::args::PredictArgs;
use crate::error::CliError;
use crate::predict::{free, write_csv};
use crate::saved::Saved;
use crate::terminal::print;
use adaline::data::{Table, TableOptions};
use serde_json::json;

/// Each row that directly follows a window gets the forecast of one step, also where its own target is not known yet.
pub(crate) fn run(saved: &mut Saved, state: &State, args: &PredictArgs) -> Result<(), CliError> {
    let frame = state.frame(forecast::read_table(saved, &args.data, &args.read)?)?;
    let follows = |row: &usize| {
        let origin = row - 1;
        let stretch = frame.stretch(origin);
        let next = frame.step().between(frame.times()[origin], frame.times()[*row]) == Some(1);
        next && frame.series_of(origin) == frame.series_of(*row) && !stretch.is_empty() && origin + 1 - stretch.start >= state.window
    };
    let rows: Vec<usize> = (1..frame.len()).filter(follows).collect();
    let origins: Vec<usize> = rows.iter().map(|row| row - 1).collect();
    let encoded = state.coder.encode(&frame, state.window)?;
    let values = roll(&mut saved.model, &encoded, &origins, 1)?;
    let mut predicted: Vec<Option<f64>> = vec![None; frame.len()];
    for (&row, value) in rows.iter().zip(values) {
        predicted[frame.table_rows()[row]] = Some(value);
    }
    if args.common.json && args.out.is_none() {
        let rows: Vec<_> = predicted.iter().map(|value| json!({"predicted": value})).collect();
        return print(&format!("{}\n", json!({"target": state.target, "predictions": rows})));
    }
    // The cells as they stand in the file: no text means "no value" here.
    let options = TableOptions { missing: Vec::new(), kinds: Vec::new(), ..saved.options(&args.read)? };
    let table = Table::read(&args.data, &options)?;
    let wrong = |e: csv::Error| CliError::Failure(format!("the predictions cannot be written as CSV: {e}"));
    let mut out = csv::Writer::from_writer(Vec::new());
    let mut header = table.names();
    header.push(free(&header, "predicted".into()));
    out.write_record(&header).map_err(wrong)?;
    for (row, value) in predicted.iter().enumerate() {
        let cells = table.columns().iter().map(|c| c.get(row).unwrap_or_default().to_owned());
        out.write_record(cells.chain([value.map_or_else(String::new, |v| v.to_string())])).map_err(wrong)?;
    }
    let text = out.into_inner().map_err(|e| CliError::Failure(format!("the predictions cannot be written as CSV: {}", e.error())))?;
    write_csv(args, &text, rows.len())
}
