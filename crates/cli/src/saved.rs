//! A saved network with what it remembers of its task, and rows of data as it wants them.

use crate::args::ReadArgs;
use crate::config::DataConfig;
use crate::error::{CliError, fail};
use crate::fit::{PREP_ASSET, TASK_ASSET};
use crate::pictures;
use crate::problem::{Coder, Given, Kind, TaskInfo};
use crate::series::{SERIES_ASSET, State};
use crate::source::{Source, table_options};
use adaline::data::{BadFiles, Color, ColumnKind, ImageOptions, Preprocessor, Table, TableOptions, Tensor};
use adaline::nn::Model;
use adaline::nn::keras::KerasObject;
use std::path::Path;

/// A loaded model. One that was saved by other means has no task and no preprocessing.
pub(crate) struct Saved {
    pub model: Model,
    pub info: Option<TaskInfo>,
    pub coder: Coder,
    /// What it remembers of the series it was trained on.
    pub series: Option<State>,
    /// File name, for messages.
    pub file: String,
}

impl Saved {
    /// Reads a `.keras` file.
    pub(crate) fn load(path: &Path) -> Result<Self, CliError> {
        let within = path.join("model.keras");
        if path.is_dir() && within.is_file() {
            return fail(format!("{} is the folder of a run; the network in it is {}", path.display(), within.display()));
        }
        let model = adaline::load_model(path)?;
        let file = path.display().to_string();
        let broken = |asset: &str, why: String| CliError::Failure(format!("{file}: its asset {asset} cannot be used: {why}"));
        let text = |asset: &'static str| {
            model.asset(asset).map(|bytes| std::str::from_utf8(bytes).map_err(|e| broken(asset, e.to_string()))).transpose()
        };
        let info: Option<TaskInfo> =
            text(TASK_ASSET)?.map(|t| serde_json::from_str(t).map_err(|e| broken(TASK_ASSET, e.to_string()))).transpose()?;
        let prep = text(PREP_ASSET)?.map(|t| Preprocessor::from_json(t).map_err(|e| broken(PREP_ASSET, e.to_string()))).transpose()?;
        let series = text(SERIES_ASSET)?.map(|t| State::read(t).map_err(|e| broken(SERIES_ASSET, e))).transpose()?;
        let coder = Coder { prep, series: series.as_ref().map(|s| s.coder.clone()) };
        let saved = Self { model, info, coder, series, file };
        saved.check()?;
        Ok(saved)
    }

    /// The parts of the file must fit each other: it may come from anywhere.
    fn check(&self) -> Result<(), CliError> {
        let outputs = self.outputs();
        let fits = match self.info.as_ref().map(|i| &i.kind) {
            Some(Kind::Classes(names)) => outputs == names.len() || (outputs == 1 && names.len() == 2),
            Some(Kind::Numbers(n)) => outputs == *n,
            None => true,
        };
        if !fits {
            return fail(format!("{}: its task and its network do not fit: the network has {outputs} outputs", self.file));
        }
        if let (Some(options), Some(row)) = (self.info.as_ref().and_then(|i| i.pictures.as_ref()), self.fixed_row())
            && row != options.row_shape()
        {
            return fail(format!("{}: its pictures have the shape {:?}, its network takes {row:?}", self.file, options.row_shape()));
        }
        if let Some(state) = &self.series {
            let (row, outputs) = ([state.window, state.coder.features()], state.horizon);
            if self.fixed_row().is_some_and(|r| r != row) || self.outputs() != outputs {
                return fail(format!(
                    "{}: its series needs windows of the shape {row:?} and {outputs} outputs, its network has others",
                    self.file
                ));
            }
        }
        let Some(prep) = &self.coder.prep else { return Ok(()) };
        let beside = prep.width_beside_texts();
        if beside > 0 && prep.text().is_some() {
            let rows: Vec<&[Option<usize>]> = self.model.input_rows().collect();
            if rows != [&[None][..], &[Some(beside)]] || self.buckets().is_none() {
                return fail(format!(
                    "{}: its preprocessing gives a text of any length, and {beside} numbers beside it; its network takes {}",
                    self.file,
                    crate::several::shapes(self.model.input_names(), rows.into_iter())
                ));
            }
            return Ok(());
        }
        match self.fixed_row() {
            Some(row) if row.iter().product::<usize>() != prep.width() => fail(format!(
                "{}: its preprocessing gives {} numbers per row, its network takes {}",
                self.file,
                prep.width(),
                row.iter().product::<usize>()
            )),
            _ => Ok(()),
        }
    }

    /// Whether it takes or gives several things at once, and no preprocessing says how they come of a table.
    pub(crate) fn is_several(&self) -> bool {
        self.coder.prep.is_none() && (self.model.input_names().count() > 1 || self.model.output_names().len() > 1)
    }

    /// Buckets of texts of about the same length.
    pub(crate) fn buckets(&self) -> Option<usize> {
        self.info.as_ref().and_then(|i| i.buckets)
    }

    /// Numbers in one row of the output.
    pub(crate) fn outputs(&self) -> usize {
        self.model.output_row().map_or(0, |r| r.iter().product())
    }

    /// The shape of one row of the input, when all of it is known.
    fn fixed_row(&self) -> Option<Vec<usize>> {
        self.model.input_row()?.iter().copied().collect()
    }

    /// What is predicted: as the file says, else by the last activation function, the classes numbered.
    pub(crate) fn kind(&self) -> Kind {
        if let Some(info) = &self.info {
            return info.kind.clone();
        }
        let numbered = |n: usize| Kind::Classes((0..n).map(|c| c.to_string()).collect());
        match (last_activation(&self.model).as_str(), self.outputs()) {
            ("softmax", n) if n > 1 => numbered(n),
            ("sigmoid", 1) => numbered(2),
            (_, n) => Kind::Numbers(n),
        }
    }

    /// The column to be predicted.
    pub(crate) fn target(&self) -> Option<&str> {
        self.coder.prep.as_ref().and_then(Preprocessor::target).or_else(|| self.info.as_ref().map(|i| i.target.as_str()))
    }

    /// How to read a table for this network.
    pub(crate) fn options(&self, read: &ReadArgs) -> Result<TableOptions, CliError> {
        let base = table_options(read, &DataConfig::default())?;
        if let Some(state) = &self.series {
            let mut options = state.coder.exogenous().map_or_else(|| base.clone(), |p| p.table_options(&base));
            options.kinds.push((state.target.clone(), ColumnKind::Numeric));
            options.ignore_unknown_kinds = true;
            return Ok(options);
        }
        Ok(self.coder.prep.as_ref().map_or_else(|| base.clone(), |p| p.table_options(&base)))
    }

    /// Reads DATA that is no picture.
    pub(crate) fn read(&self, path: &Path, read: &ReadArgs) -> Result<Source, CliError> {
        Source::read(path, &self.options(read)?, &pictures::Asked::default())
    }

    /// How pictures become rows for this network: as the file says, else by the shape of its input.
    pub(crate) fn pictures(&self, on_bad: BadFiles) -> Option<ImageOptions> {
        if let Some(options) = self.info.as_ref().and_then(|i| i.pictures.as_ref()) {
            return Some(ImageOptions { on_bad, ..pictures::kept(options) });
        }
        let plain = self.info.is_none() && self.coder.prep.is_none();
        let &[height, width, channels] = self.fixed_row().filter(|_| plain)?.as_slice() else { return None };
        let color = [Color::Gray, Color::Rgb, Color::Rgba].into_iter().find(|color| color.channels() == channels)?;
        Some(ImageOptions { color, on_bad, ..ImageOptions::sized(height, width) })
    }

    /// Pictures where this network takes rows of numbers.
    pub(crate) fn no_pictures<T>(&self) -> Result<T, CliError> {
        fail(format!("{}: this network was not trained on pictures", self.file))
    }

    /// Rows of a table as inputs.
    pub(crate) fn table_inputs(&self, table: &Table, rows: &[usize]) -> Result<Given, CliError> {
        Ok(match &self.coder.prep {
            Some(prep) if self.buckets().is_some() => Given::of_table(prep, table, rows, self.buckets())?,
            Some(prep) => self.shaped(prep.transform_features(table, rows)?)?.into(),
            None => self.shaped(self.plain_numbers(table, rows)?)?.into(),
        })
    }

    /// Rows of an array as inputs: raw numbers go through the preprocessing, in the order of its columns.
    pub(crate) fn array_inputs(&self, x: &Tensor) -> Result<Given, CliError> {
        if x.rank() == 0 {
            return fail("the array is a single number; expected rows of numbers");
        }
        let Some(prep) = &self.coder.prep else { return Ok(self.shaped(x.clone())?.into()) };
        if let Some((column, _)) = prep.text() {
            return fail(format!("{}: this network reads texts; give it a table with the column `{column}`", self.file));
        }
        let names: Vec<&str> = prep.input_columns().collect();
        if x.row_len() != names.len() {
            return fail(format!(
                "the network was trained on {} columns ({}), the array has rows of {} numbers",
                names.len(),
                names.join(", "),
                x.row_len()
            ));
        }
        if x.rows() == 0 {
            return fail("the array has no rows");
        }
        let values = x.f32_values();
        let cells = values.chunks(names.len().max(1)).map(|row| row.iter().map(f32::to_string).collect::<Vec<_>>());
        let table = Table::from_records(&names, cells, &prep.table_options(&TableOptions::default()))?;
        let all: Vec<usize> = (0..table.rows()).collect();
        self.table_inputs(&table, &all)
    }

    /// The truth of rows of a table, as the network was trained on it.
    pub(crate) fn table_truth(&self, table: &Table, rows: &[usize]) -> Result<Tensor, CliError> {
        match &self.coder.prep {
            Some(prep) => Ok(prep.transform_target(table, rows)?),
            None => fail(format!(
                "{}: this network was saved without the name of its target, so a table cannot say what is right; \
                 use .npz with x and y, or a folder of IDX files",
                self.file
            )),
        }
    }

    /// The truth that came as an array: class numbers, or values in the units of the data.
    pub(crate) fn array_truth(&self, y: &Tensor) -> Result<Tensor, CliError> {
        match self.kind() {
            Kind::Classes(names) => {
                let Some(labels) = y.as_i32() else {
                    return fail(format!("the labels are {}; this network tells classes apart and needs whole numbers from 0", y.dtype()));
                };
                if let Some((row, label)) = labels.iter().enumerate().find(|(_, l)| usize::try_from(**l).map_or(true, |l| l >= names.len()))
                {
                    return fail(format!("label {label} of row {row} is no class of this network, which has {} from 0", names.len()));
                }
                Ok(y.clone())
            }
            Kind::Numbers(_) => {
                let (shift, scale) = self.coder.prep.as_ref().and_then(Preprocessor::target_scale).unwrap_or((0.0, 1.0));
                if (shift, scale) == (0.0, 1.0) {
                    return Ok(y.to_f32().into_owned());
                }
                Ok(y.map(|v| ((f64::from(v) - shift) / scale) as f32))
            }
        }
    }

    /// Every column but the target as numbers `(rows, columns)`.
    fn plain_numbers(&self, table: &Table, rows: &[usize]) -> Result<Tensor, CliError> {
        let target = self.info.as_ref().map(|i| i.target.as_str());
        let names: Vec<String> = table.names().into_iter().filter(|n| Some(n.as_str()) != target).collect();
        let need = self.fixed_row().map(|r| r.iter().product::<usize>());
        if need.is_some_and(|n| n != names.len()) {
            return fail(format!(
                "{}: the network takes {} numbers per row, the table has {} columns ({}); it must have exactly the inputs, in their order",
                table.source(),
                need.unwrap_or(0),
                names.len(),
                first_names(&names)
            ));
        }
        let mut table = table.clone();
        for name in &names {
            // Names the first cell that is no number.
            table.set_kind(name, ColumnKind::Numeric)?;
        }
        let mut values = Vec::with_capacity(rows.len() * names.len());
        let columns: Vec<_> = names.iter().map(|n| table.column(n)).collect::<Result<_, _>>()?;
        for &row in rows {
            for column in &columns {
                match column.numbers().and_then(|n| n.get(row)) {
                    Some(v) if !v.is_nan() => values.push(*v as f32),
                    _ => {
                        let (file, name) = (table.source(), column.name());
                        return fail(format!(
                            "{file}: row {}, column {name:?} has no value, and this network was saved without preprocessing to fill it in",
                            row + 1
                        ));
                    }
                }
            }
        }
        Ok(Tensor::f32([rows.len(), names.len()], values)?)
    }

    /// The same numbers in rows of the shape that the network takes, where their number fits.
    fn shaped(&self, x: Tensor) -> Result<Tensor, CliError> {
        match self.fixed_row() {
            Some(row) if row != x.row_shape() && row.iter().product::<usize>() == x.row_len() => {
                let sizes: Vec<isize> = std::iter::once(x.rows()).chain(row).map(|d| d as isize).collect();
                Ok(x.reshape(&sizes)?)
            }
            _ => Ok(x), // the network itself says what does not fit
        }
    }
}

/// Name of the activation function at the end of the network; empty when there is none.
pub(crate) fn last_activation(model: &Model) -> String {
    let config = model.layers().last().map(KerasObject::config);
    config.as_ref().and_then(|c| c.get("activation")).and_then(|a| a.as_str()).unwrap_or_default().to_owned()
}

fn first_names(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = if names.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", "))
}
