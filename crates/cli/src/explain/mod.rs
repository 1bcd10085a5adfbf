//! `adaline explain`: one row's way through a saved network, forwards and backwards.

mod drawing;
mod layer;
mod numbers;
mod spatial;
mod text;
mod words;

use crate::args::ExplainArgs;
use crate::error::{CliError, misuse};
use crate::maps::Maps;
use crate::pictures;
use crate::problem::{Given, Kind};
use crate::saved::Saved;
use crate::several;
use crate::source::{Source, name_of};
use crate::terminal::print;
use adaline::data::{BadFiles, ImageList, Preprocessor, RowSource, Tensor, read_image};
use adaline::nn::Model;
use adaline::nn::model::{Inputs, Inspection};
use layer::LayerView;
use std::path::Path;

/// What is said of a cell without a value.
const NO_VALUE: &str = "(no value)";
/// Step size where the optimizer has none.
const DEFAULT_RATE: f64 = 0.01;

/// All there is to tell.
struct Story {
    /// `row 3 of iris.csv`.
    row: String,
    model: String,
    /// Column and cell, as the table has them.
    cells: Vec<(String, String)>,
    input_names: Vec<String>,
    inputs: Vec<f32>,
    /// Shape of the row.
    shape: Vec<usize>,
    /// The row as a picture, when it is one.
    picture: Option<Maps>,
    /// The words, when it is a text.
    words: Option<text::Words>,
    /// Names and values of the numbers beside a text.
    beside: Vec<(String, f32)>,
    kind: Kind,
    target: Option<String>,
    layers: Vec<LayerView>,
    output: Vec<f32>,
    /// The output in the units of the data.
    predicted: Vec<f64>,
    truth: Option<Truth>,
    /// Why there is no way back, when there is none.
    no_way_back: Option<String>,
    loss_class: String,
    loss: Option<f32>,
    step: Option<OneStep>,
}

/// What the row should have given.
struct Truth {
    /// As the network was trained on it.
    values: Vec<f32>,
    /// In the units of the data: class numbers or numbers.
    raw: Vec<f64>,
}

/// One step of plain gradient descent on this row alone.
struct OneStep {
    rate: f64,
    loss: f32,
}

/// One row of the data.
struct Row {
    x: Tensor,
    /// The numbers of the columns beside a text.
    beside: Option<Tensor>,
    y: Option<Tensor>,
    cells: Vec<(String, String)>,
}

impl Row {
    fn new(given: Given, y: Option<Tensor>, cells: Vec<(String, String)>) -> Result<Self, CliError> {
        let x = match (given.x.as_tensor(), given.x.as_ragged()) {
            (Some(x), _) => x.clone(),
            (None, Some(x)) => x.to_tensor()?,
            (None, None) => return misuse("this row is neither an array nor a text"),
        };
        Ok(Self { x, beside: given.beside, y, cells })
    }
    /// In the order of the network's inputs.
    fn inputs(&self) -> Vec<&Tensor> {
        std::iter::once(&self.x).chain(&self.beside).collect()
    }
}

/// As a network takes them.
fn as_inputs<'a>(x: &[&'a Tensor]) -> Inputs<'a> {
    x.iter().map(|&x| x as &dyn RowSource).collect::<Vec<_>>().into()
}

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs) -> Result<(), CliError> {
    let mut saved = Saved::load(&args.model)?;
    if let Some(state) = &saved.series {
        return misuse(format!(
            "explain follows a row of a table, and {} takes windows of {} rows of a series; `adaline evaluate` and `adaline forecast` tell of it",
            args.model.display(),
            state.window
        ));
    }
    if saved.is_several() {
        return several::no_story(&saved);
    }
    let row = read_row(&saved, args)?;
    let story = tell(&mut saved, row, args)?;
    if args.common.json {
        return print(&format!("{}\n", numbers::json(&story)));
    }
    print(&words::text(&story, args.top.max(1)))
}

fn read_row(saved: &Saved, args: &ExplainArgs) -> Result<Row, CliError> {
    let out_of_range = |rows: usize| {
        let last = rows.saturating_sub(1);
        misuse(format!("--row {} does not exist: {} has {rows} rows, counted from 0 to {last}", args.row, args.data.display()))
    };
    if let (Some(options), Some(list)) = (saved.pictures(BadFiles::Refuse), pictures_of(saved, args)?) {
        let Some(file) = list.files().get(args.row) else { return out_of_range(list.len()) };
        let picture = read_image(file, &options)?;
        let sizes: Vec<isize> = std::iter::once(1).chain(picture.shape().iter().map(|&d| d as isize)).collect();
        let y = class_of(saved, &args.data, file);
        return Ok(Row { x: picture.reshape(&sizes)?, beside: None, y, cells: vec![("path".into(), file.display().to_string())] });
    }
    match saved.read(&args.data, &args.read)? {
        Source::Table(table) => {
            if args.row >= table.rows() {
                return out_of_range(table.rows());
            }
            let target = saved.target().filter(|_| saved.coder.prep.is_some());
            let has_truth = target.is_some_and(|t| table.column(t).is_ok_and(|c| c.get(args.row).is_some()));
            let y = if has_truth { Some(saved.table_truth(&table, &[args.row])?) } else { None };
            let used: Option<Vec<&str>> = saved.coder.prep.as_ref().map(|p| p.input_columns().collect());
            let cells = table.columns().iter().filter(|c| used.as_ref().is_none_or(|u| u.contains(&c.name())));
            let cells = cells.map(|c| (c.name().to_owned(), c.get(args.row).unwrap_or(NO_VALUE).to_owned())).collect();
            Row::new(saved.table_inputs(&table, &[args.row])?, y, cells)
        }
        Source::Arrays(arrays) => {
            if arrays.x.rank() == 0 || args.row >= arrays.x.rows() {
                return out_of_range(if arrays.x.rank() == 0 { 0 } else { arrays.x.rows() });
            }
            let y = arrays.y.filter(|y| y.rank() > 0 && args.row < y.rows());
            let y = y.map(|y| saved.array_truth(&y.slice_rows(args.row..args.row + 1)?)).transpose()?;
            Row::new(saved.array_inputs(&arrays.x.slice_rows(args.row..args.row + 1)?)?, y, Vec::new())
        }
        Source::Pictures(_) => saved.no_pictures(),
    }
}

/// The pictures that DATA names, when the network takes pictures.
fn pictures_of(saved: &Saved, args: &ExplainArgs) -> Result<Option<ImageList>, CliError> {
    if saved.pictures(BadFiles::Refuse).is_none() { Ok(None) } else { pictures::of_saved(&args.data, false) }
}

/// The class number of a picture, where DATA tells its class and the network knows it.
fn class_of(saved: &Saved, data: &Path, file: &Path) -> Option<Tensor> {
    // DATA without classes is no error: it has no true values.
    let list = pictures::of_saved(data, true).ok()??;
    let label = *list.labels().get(list.files().iter().position(|f| f == file)?)?;
    let (Kind::Classes(names), class) = (saved.kind(), list.classes().get(label as usize)?) else { return None };
    Some(Tensor::from(vec![names.iter().position(|name| name == class)? as i32]))
}

/// A row as a picture: by its shape, or because the task says so.
fn picture_of(saved: &Saved, x: &Tensor) -> Option<Maps> {
    let known = saved.info.as_ref().and_then(|info| info.image);
    match *x.row_shape() {
        [_, _, 1 | 3 | 4] => Maps::new(x.row_shape(), false, &x.f32_values()),
        [h, w] if known == Some([h, w]) => Maps::new(x.row_shape(), false, &x.f32_values()),
        _ => None,
    }
}

fn tell(saved: &mut Saved, row: Row, args: &ExplainArgs) -> Result<Story, CliError> {
    let kind = saved.kind();
    let no_way_back = match &row.y {
        None => Some("this row has no true value to compare with".to_owned()),
        Some(_) if !saved.model.is_compiled() => Some("the network was saved without its loss".to_owned()),
        Some(_) => None,
    };
    let y = row.y.as_ref().filter(|_| no_way_back.is_none());
    let x = row.inputs();
    let inspection = saved.model.inspect(as_inputs(&x), y)?;
    let input_names = match saved.coder.prep.as_ref().map(|p| (p, p.text())) {
        Some((_, Some((column, _)))) => (1..=row.x.row_len()).map(|at| format!("{column} word {at}")).collect(),
        Some((p, None)) if p.width() == row.x.row_len() => p.feature_names(),
        _ => layer::places("x", row.x.row_shape()),
    };
    let beside_names = saved.coder.prep.as_ref().map(Preprocessor::names_beside_texts).unwrap_or_default();
    let inputs = row.x.f32_values().into_owned();
    let outputs: Option<Vec<String>> = match &kind {
        Kind::Classes(names) if names.len() == saved.outputs() => Some(names.clone()),
        Kind::Classes(names) => names.last().map(|n| vec![n.clone()]),
        Kind::Numbers(1) => saved.target().map(|t| vec![t.to_owned()]),
        Kind::Numbers(_) => None,
    };
    let layers = layer::views(&saved.model, &inspection, &[&input_names, &beside_names], &x, outputs.as_deref(), args.top.max(1));
    let output = inspection.layers.last().map_or_else(|| inputs.clone(), |l| l.output.f32_values().into_owned());
    let back = |v: f32| saved.coder.prep.as_ref().map_or(f64::from(v), |p| p.inverse_target(v));
    let units = |values: &[f32]| -> Vec<f64> {
        values.iter().map(|&v| if matches!(kind, Kind::Numbers(_)) { back(v) } else { f64::from(v) }).collect()
    };
    let truth = row.y.as_ref().map(|y| Truth { raw: units(&y.f32_values()), values: y.f32_values().into_owned() });
    let predicted = units(&output);
    let beside = row.beside.as_ref().map(|t| t.f32_values().iter().copied().zip(beside_names).map(|(v, n)| (n, v)).collect());
    let (picture, shape) = (picture_of(saved, &row.x), row.x.row_shape().to_vec());
    let words = text::of(saved, &x, &row.cells, &output)?;
    let step = match y {
        Some(y) => one_step(&mut saved.model, &inspection, &x, y)?,
        None => None,
    };
    Ok(Story {
        row: format!("row {} of {}", args.row, name_of(&args.data)),
        model: saved.model.name().to_owned(),
        cells: row.cells,
        input_names,
        inputs,
        shape,
        picture,
        words,
        beside: beside.unwrap_or_default(),
        target: saved.target().map(str::to_owned),
        loss_class: saved.model.loss().map_or_else(String::new, |l| l.class_name().to_owned()),
        loss: inspection.loss,
        kind,
        layers,
        output,
        predicted,
        truth,
        no_way_back,
        step,
    })
}

/// Changes the weights against their gradients and looks at the loss again. The model is not saved.
fn one_step(model: &mut Model, inspection: &Inspection, x: &[&Tensor], y: &Tensor) -> Result<Option<OneStep>, CliError> {
    let rate = model.learning_rate().filter(|r| *r > 0.0).unwrap_or(DEFAULT_RATE);
    for layer in &inspection.layers {
        for weight in &layer.weights {
            let Some(gradient) = &weight.gradient else { continue };
            let values = weight.values.f32_values();
            let new = values.iter().zip(gradient.f32_values().iter()).map(|(w, g)| w - rate as f32 * g).collect();
            let name = format!("{}/{}", layer.name, weight.name);
            if model.set_weight(&name, &Tensor::f32(weight.values.shape().to_vec(), new)?).is_err() {
                return Ok(None); // a weight inside a layer's inner part has another name
            }
        }
    }
    Ok(model.inspect(as_inputs(x), Some(y))?.loss.map(|loss| OneStep { rate, loss }))
}
