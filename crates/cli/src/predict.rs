//! `adaline predict`: a table with predictions beside its columns or beside the names of pictures, or an array of predictions.

use crate::args::PredictArgs;
use crate::error::{CliError, misuse};
use crate::measure::choose;
use crate::pictures;
use crate::problem::{Given, Kind};
use crate::saved::Saved;
use crate::series;
use crate::several;
use crate::source::Source;
use crate::terminal::{Terminal, print};
use adaline::data::{BadFiles, DataError, ImageSet, Table, TableOptions, Tensor, write_npy};
use adaline::formats::atomic_write;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Predictions of all rows.
struct Predictions {
    kind: Kind,
    rows: usize,
    /// Numbers per row in `values`.
    width: usize,
    /// The network's output; numbers already in the units of the data.
    values: Vec<f32>,
}

/// Runs the command.
pub(crate) fn run(args: &PredictArgs) -> Result<(), CliError> {
    let mut saved = Saved::load(&args.model)?;
    if let Some(state) = saved.series.clone() {
        return series::predict(&mut saved, &state, args);
    }
    if saved.is_several() {
        return several::predict(&mut saved, args);
    }
    if let Some(set) = read_pictures(&saved, args)? {
        return predict_pictures(&mut saved, set, args);
    }
    match saved.read(&args.data, &args.read)? {
        Source::Table(table) => {
            let all: Vec<usize> = (0..table.rows()).collect();
            let x = saved.table_inputs(&table, &all)?;
            let predictions = predict(&mut saved, &x)?;
            if args.common.json && args.out.is_none() {
                return print(&format!("{}\n", predictions.json(&saved)));
            }
            // The cells as they stand in the file: no text means "no value" here.
            let options = TableOptions { missing: Vec::new(), kinds: Vec::new(), ..saved.options(&args.read)? };
            let table = Table::read(&args.data, &options)?;
            let cells = |row| table.columns().iter().map(|c| c.get(row).unwrap_or_default().to_owned()).collect();
            let text = predictions.csv(table.names(), cells)?;
            write_csv(args, &text, predictions.rows)
        }
        Source::Arrays(arrays) => {
            if args.out.is_none() && !args.common.json {
                return misuse("predictions of an array are an array: say --out FILE.npy, or --json to see them here");
            }
            let x = saved.array_inputs(&arrays.x)?;
            let predictions = predict(&mut saved, &x)?;
            match &args.out {
                Some(out) => {
                    let values = predictions.tensor()?;
                    save(out, &|part| write_npy(part, &values))?;
                    told(args, out, predictions.rows)
                }
                None => print(&format!("{}\n", predictions.json(&saved))),
            }
        }
        Source::Pictures(_) => saved.no_pictures(),
    }
}

/// The pictures that DATA names, when the network takes pictures.
fn read_pictures(saved: &Saved, args: &PredictArgs) -> Result<Option<ImageSet>, CliError> {
    let Some(options) = saved.pictures(args.bad.on_bad_file.map_or_else(BadFiles::default, Into::into)) else { return Ok(None) };
    let Some(list) = pictures::of_saved(&args.data, false)? else { return Ok(None) };
    // Standard output is for the predictions.
    pictures::read(list, &options, &Terminal::new(true, 1)).map(Some)
}

/// One row per picture, with its path.
fn predict_pictures(saved: &mut Saved, set: ImageSet, args: &PredictArgs) -> Result<(), CliError> {
    let (files, skipped) = (set.files().to_vec(), pictures::skipped_json(&set));
    let predictions = predict(saved, &Given { x: Box::new(set), beside: None })?;
    let path = |row: usize| files.get(row).map_or_else(String::new, |file| file.display().to_string());
    if args.common.json && args.out.is_none() {
        let mut told = predictions.json(saved);
        if let Some(rows) = told["predictions"].as_array_mut() {
            for (row, prediction) in rows.iter_mut().enumerate() {
                prediction["path"] = path(row).into();
            }
        }
        told["skipped"] = skipped;
        return print(&format!("{told}\n"));
    }
    let text = predictions.csv(vec!["path".into()], |row| vec![path(row)])?;
    write_csv(args, &text, predictions.rows)
}

/// To the file that was asked for, or to standard output.
pub(crate) fn write_csv(args: &PredictArgs, text: &[u8], rows: usize) -> Result<(), CliError> {
    match &args.out {
        Some(out) => {
            atomic_write(out, text)?;
            told(args, out, rows)
        }
        None => print(&String::from_utf8_lossy(text)),
    }
}

fn predict(saved: &mut Saved, x: &Given) -> Result<Predictions, CliError> {
    let buckets = saved.buckets();
    let output = x.output(&mut saved.model, buckets)?;
    let kind = saved.kind();
    let mut values = output.f32_values().into_owned();
    if let (Kind::Numbers(_), Some(prep)) = (&kind, &saved.coder.prep) {
        for v in &mut values {
            *v = prep.inverse_target(*v) as f32;
        }
    }
    Ok(Predictions { kind, rows: output.rows(), width: output.row_len().max(1), values })
}

pub(crate) fn told(args: &PredictArgs, out: &Path, rows: usize) -> Result<(), CliError> {
    let out = out.display().to_string();
    print(&if args.common.json {
        format!("{}\n", json!({"rows": rows, "out": out}))
    } else {
        format!("Wrote {rows} predictions to {out}\n")
    })
}

impl Predictions {
    /// One probability per class: a single output is that of the second class.
    fn probabilities(row: &[f32]) -> Vec<f32> {
        if let [p] = row { vec![1.0 - p, *p] } else { row.to_vec() }
    }

    fn json(&self, saved: &Saved) -> Value {
        let rows: Vec<Value> = self
            .values
            .chunks(self.width)
            .map(|row| match &self.kind {
                Kind::Classes(names) => {
                    let each: Map<String, Value> =
                        names.iter().cloned().zip(Self::probabilities(row).into_iter().map(|p| json!(p))).collect();
                    json!({"predicted": names.get(choose(row).0), "probabilities": each})
                }
                Kind::Numbers(1) => json!({"predicted": row.first()}),
                Kind::Numbers(_) => json!({"predicted": row}),
            })
            .collect();
        json!({"target": saved.target(), "predictions": rows})
    }

    /// The columns of the data with their cells by row, then the predictions. Fields are quoted where they must be.
    fn csv(&self, mut header: Vec<String>, cells: impl Fn(usize) -> Vec<String>) -> Result<Vec<u8>, CliError> {
        let wrong = |e: csv::Error| CliError::Failure(format!("the predictions cannot be written as CSV: {e}"));
        let mut out = csv::Writer::from_writer(Vec::new());
        let new: Vec<String> = match &self.kind {
            Kind::Classes(names) => std::iter::once("predicted".to_owned()).chain(names.iter().map(|n| format!("p_{n}"))).collect(),
            Kind::Numbers(1) => vec!["predicted".into()],
            Kind::Numbers(n) => (1..=*n).map(|i| format!("predicted_{i}")).collect(),
        };
        for name in new {
            header.push(free(&header, name));
        }
        out.write_record(&header).map_err(wrong)?;
        for (row, values) in self.values.chunks(self.width).enumerate() {
            let mut record = cells(row);
            match &self.kind {
                Kind::Classes(names) => {
                    record.push(names.get(choose(values).0).cloned().unwrap_or_default());
                    record.extend(Self::probabilities(values).iter().map(f32::to_string));
                }
                Kind::Numbers(_) => record.extend(values.iter().map(f32::to_string)),
            }
            out.write_record(&record).map_err(wrong)?;
        }
        out.into_inner().map_err(|e| CliError::Failure(format!("the predictions cannot be written as CSV: {}", e.error())))
    }

    /// `(rows)` for one number per row, else `(rows, outputs)`.
    fn tensor(&self) -> Result<Tensor, CliError> {
        let shape = if self.width == 1 { vec![self.rows] } else { vec![self.rows, self.width] };
        Ok(Tensor::f32(shape, self.values.clone())?)
    }
}

/// A column name that is not there yet.
pub(crate) fn free(taken: &[String], name: String) -> String {
    // One more candidate than there are names.
    let other = (2..taken.len() + 3).map(|i| format!("{name}_{i}")).find(|n| !taken.contains(n));
    if taken.contains(&name) { other.unwrap_or(name) } else { name }
}

/// Writes beside the place, then moves there in one step.
pub(crate) fn save(out: &Path, write: &dyn Fn(&Path) -> Result<(), DataError>) -> Result<(), CliError> {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = out.with_file_name(name);
    let done = write(&part).map_err(CliError::from).and_then(|()| {
        let bytes = std::fs::read(&part).map_err(|e| CliError::io(&part, "cannot read back", e))?;
        Ok(atomic_write(out, &bytes)?)
    });
    let _ = std::fs::remove_file(&part); // gone already where it could not be made
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(predictions: &Predictions, table: &Table) -> String {
        let cells = |row| table.columns().iter().map(|c| c.get(row).unwrap_or_default().to_owned()).collect();
        String::from_utf8(predictions.csv(table.names(), cells).unwrap()).unwrap()
    }

    #[test]
    fn columns_come_first_and_names_stay_unique() {
        let table =
            Table::parse("name,predicted\n\"a, b\",1\n?,2\n", &TableOptions { missing: Vec::new(), ..TableOptions::default() }).unwrap();
        let kind = Kind::Classes(vec!["no".into(), "yes".into()]);
        let p = Predictions { kind, rows: 2, width: 1, values: vec![0.25, 0.75] };
        let text = csv(&p, &table);
        assert_eq!(text, "name,predicted,predicted_2,p_no,p_yes\n\"a, b\",1,no,0.75,0.25\n?,2,yes,0.25,0.75\n");
    }

    #[test]
    fn numbers_get_one_column_each() {
        let table = Table::parse("a,b\n1,2\n", &TableOptions::default()).unwrap();
        let one = Predictions { kind: Kind::Numbers(1), rows: 1, width: 1, values: vec![1.5] };
        assert_eq!(csv(&one, &table), "a,b,predicted\n1,2,1.5\n");
        assert_eq!(one.tensor().unwrap().shape(), [1]);
        let two = Predictions { kind: Kind::Numbers(2), rows: 1, width: 2, values: vec![1.5, -2.0] };
        assert_eq!(csv(&two, &table), "a,b,predicted_1,predicted_2\n1,2,1.5,-2\n");
    }
}
