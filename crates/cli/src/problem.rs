//! A data set with its question: which rows there are, what is to be predicted, and how rows become numbers.

use crate::config::DataConfig;
use crate::error::{CliError, misuse};
use crate::pictures::{self, Pictures};
use crate::series::{self, Series};
use crate::settings::Settings;
use crate::source::{Arrays, Source};
use crate::terminal::{Shown, Terminal};
use adaline::data::{
    ColumnKind, ImageOptions, ImageSet, PrepOptions, Preprocessor, Role, RowSource, Scale, Table, Task, Tensor, WindowCoder,
};
use adaline::nn::Model;
use adaline::nn::model::Inputs;
use serde::{Deserialize, Serialize};

/// What is to be predicted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// One of these classes.
    Classes(Vec<String>),
    /// So many numbers (1 for a column of a table).
    Numbers(usize),
}

/// What a saved model remembers of its task, beside the preprocessing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskInfo {
    /// Column, or the labels' name.
    pub target: String,
    /// What is to be predicted.
    pub kind: Kind,
    /// Height and width, when rows are pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<[usize; 2]>,
    /// How files of pictures become rows, when they were files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pictures: Option<ImageOptions>,
    /// Buckets of texts of about the same length; none where rows have one shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets: Option<usize>,
    /// Name of the data it was trained on.
    pub source: String,
}

/// Inputs, in memory or not.
pub(crate) type Rows = Box<dyn RowSource>;

/// What goes into a network.
pub(crate) struct Given {
    /// Rows for its input `(rows, ..)`; texts where others stand beside them.
    pub x: Rows,
    /// The prepared columns beside a text, an input of their own.
    pub beside: Option<Tensor>,
}

impl Given {
    /// Rows of a table as their preprocessing has them; `buckets` as the task knows them.
    pub(crate) fn of_table(prep: &Preprocessor, table: &Table, rows: &[usize], buckets: Option<usize>) -> Result<Self, CliError> {
        let beside = prep.width_beside_texts() > 0;
        let texts = if buckets.is_some() { prep.transform_text(table, rows)? } else { None };
        Ok(match texts {
            Some(texts) => Self { x: Box::new(texts), beside: if beside { Some(prep.transform_beside_texts(table, rows)?) } else { None } },
            None => prep.transform_features(table, rows)?.into(),
        })
    }
    /// In the order of the network's inputs.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        let beside = self.beside.as_ref().map(|x| x as &dyn RowSource);
        std::iter::once(&*self.x).chain(beside).collect::<Vec<_>>().into()
    }
    /// The network's output for them; texts in buckets of about the same length.
    pub(crate) fn output(&self, model: &mut Model, buckets: Option<usize>) -> Result<Tensor, CliError> {
        Ok(match self.buckets(buckets) {
            Some(buckets) => model.predict_bucketed(self.inputs(), BATCH, buckets)?,
            None => model.predict_batched(self.inputs(), BATCH)?,
        })
    }
    /// How many buckets, where rows have several lengths.
    pub(crate) fn buckets(&self, asked: Option<usize>) -> Option<usize> {
        asked.filter(|_| self.x.as_ragged().is_some())
    }
}

impl From<Tensor> for Given {
    fn from(x: Tensor) -> Self {
        Self { x: Box::new(x), beside: None }
    }
}

/// Rows turned into numbers: inputs, and `y` (`i32 (rows)` or `f32 (rows)`).
pub(crate) struct Part {
    pub x: Given,
    pub y: Tensor,
}

/// Rows that are predicted at once.
const BATCH: usize = 32;

/// A data set with its question.
pub(crate) struct Problem {
    data: Data,
    /// What is asked.
    pub info: TaskInfo,
    /// Rows that have a target.
    pub rows: Vec<usize>,
    /// Class number of each of `rows`, for stratified splits.
    pub labels: Option<Vec<i32>>,
    /// The size of pictures and where it comes from, when nobody asked for one.
    pub size: Option<String>,
    /// Things a person should know.
    pub notes: Vec<String>,
    /// The options of preprocessing.
    pub options: PrepOptions,
}

enum Data {
    Table(Table),
    Arrays { x: Tensor, y: Tensor, test: Option<(Tensor, Tensor)> },
    Pictures(ImageSet),
    Series(Box<Series>),
}

/// How rows become numbers: fitted on training rows only.
#[derive(Clone)]
pub(crate) struct Coder {
    /// For tables.
    pub prep: Option<Preprocessor>,
    /// For series.
    pub series: Option<WindowCoder>,
}

/// The column to predict, which must be named.
fn named_target<'a>(table: &Table, target: Option<&'a str>) -> Result<&'a str, CliError> {
    target.map_or_else(
        || {
            let names = table.names();
            let last = names.last().map_or("COLUMN", String::as_str);
            misuse(format!(
                "which column is to be predicted? Say --target COLUMN; the columns are {} (perhaps --target {last})",
                names.join(", ")
            ))
        },
        Ok,
    )
}

fn scale_of(config: &DataConfig) -> Result<Scale, CliError> {
    match config.scaling.as_deref() {
        None | Some("standard") => Ok(Scale::Standard),
        Some("minmax") => Ok(Scale::MinMax),
        Some("none") => Ok(Scale::None),
        Some(other) => misuse(format!("[data] scaling expects standard, minmax or none, got {other:?}")),
    }
}

impl Problem {
    /// From DATA, the target's name and the options. Pictures are read now.
    pub(crate) fn new(
        source: Source,
        target: Option<&str>,
        task: Task,
        config: &DataConfig,
        name: &str,
        say: &Terminal,
    ) -> Result<Self, CliError> {
        if !matches!(source, Source::Table(_)) {
            crate::text::only_in_tables(config)?;
        }
        match source {
            Source::Table(table) => Self::of_table(table, target, task, config, name),
            Source::Arrays(arrays) => Self::of_arrays(arrays, task, config),
            Source::Pictures(pictures) => Self::of_pictures(pictures, target, task, name, say),
        }
    }

    /// A table in order of time. Its rows are windows.
    pub(crate) fn of_series(source: Source, settings: &Settings, asked: &series::Asked, name: &str) -> Result<Self, CliError> {
        let Source::Table(table) = source else { return misuse(format!("--time is for tables; {name} is none")) };
        let target = named_target(&table, settings.target.as_deref())?;
        if settings.task == Task::Classification {
            return misuse("--task classes: a forecast is a number; leave out --time to tell classes apart");
        }
        let series = Series::new(table, target, asked, settings, scale_of(&settings.config.data)?)?;
        let kind = Kind::Numbers(series.windows.horizon());
        let info = TaskInfo { target: target.into(), kind, image: None, pictures: None, buckets: None, source: name.into() };
        let (rows, notes) = ((0..series.windows.len()).collect(), series.notes());
        Ok(Self { data: Data::Series(Box::new(series)), info, rows, labels: None, size: None, notes, options: PrepOptions::default() })
    }

    fn of_table(table: Table, target: Option<&str>, task: Task, config: &DataConfig, name: &str) -> Result<Self, CliError> {
        let target = named_target(&table, target)?;
        let scale = scale_of(config)?;
        let mut options = PrepOptions { task, scale, exclude: config.ignore.clone(), ..PrepOptions::default() };
        let all: Vec<usize> = (0..table.rows()).collect();
        // Decides the task and the classes once, on the whole column; statistics are fitted anew on training rows.
        let (whole, mut notes) = crate::text::fit(&table, target, &all, &mut options, config)?;
        let rows = table.rows_with(target)?;
        let (buckets, note) = crate::text::buckets(&table, &whole, &rows, config)?;
        notes.extend(note);
        if whole.rows_without_target() > 0 {
            notes.push(format!("{} rows have no `{target}` and are left out", whole.rows_without_target()));
        }
        for unused in whole.report().iter().filter(|c| c.role == Role::Dropped) {
            let advice = if unused.kind == ColumnKind::Text && config.text.is_none() && !config.ignore.contains(&unused.name) {
                format!(" (--text {} reads its words)", unused.name)
            } else {
                String::new()
            };
            notes.push(format!("column `{}` is left out: {}{advice}", unused.name, unused.detail));
        }
        let classes = whole.classes().to_vec();
        let (kind, labels) = if classes.is_empty() {
            (Kind::Numbers(1), None)
        } else {
            let y = whole.transform_target(&table, &rows)?;
            (Kind::Classes(classes), Some(y.as_i32().unwrap_or(&[]).to_vec()))
        };
        let task = if labels.is_some() { Task::Classification } else { Task::Regression };
        if let Some([h, w]) = config.image {
            let width = table.columns().len() - 1;
            if h * w != width {
                return misuse(format!(
                    "[data] image = [{h}, {w}] needs {} columns of pixels, the table has {width} beside the target",
                    h * w
                ));
            }
        }
        let info = TaskInfo { target: target.into(), kind, image: config.image, pictures: None, buckets, source: name.into() };
        Ok(Self { data: Data::Table(table), info, rows, labels, size: None, notes, options: PrepOptions { task, ..options } })
    }

    fn of_arrays(arrays: Arrays, task: Task, config: &DataConfig) -> Result<Self, CliError> {
        let Arrays { name, x, y, test } = arrays;
        let Some(y) = y else {
            return misuse(format!(
                "{name}: an array of inputs alone has no target to learn from; use .npz with x and y, or a folder of IDX files"
            ));
        };
        if x.rows() != y.rows() {
            return misuse(format!("{name}: x has {} rows and y has {}", x.rows(), y.rows()));
        }
        let (kind, labels) = match (y.as_i32(), task) {
            (Some(labels), Task::Auto | Task::Classification) => {
                let test_labels = test.as_ref().and_then(|(_, y)| y.as_i32()).unwrap_or(&[]);
                if let Some((row, bad)) = labels.iter().enumerate().find(|(_, v)| **v < 0) {
                    return misuse(format!("{name}: label {bad} of row {row} is negative; classes are numbered from 0"));
                }
                let most = labels.iter().chain(test_labels).copied().max().unwrap_or(0);
                let classes = most as usize + 1;
                if classes < 2 {
                    return misuse(format!("{name}: the labels name one class only; there is nothing to tell apart"));
                }
                if classes > labels.len().max(2) {
                    return misuse(format!(
                        "{name}: labels go up to {most} in {} rows: not class numbers; use --task numbers",
                        labels.len()
                    ));
                }
                (Kind::Classes((0..classes).map(|c| c.to_string()).collect()), Some(labels.to_vec()))
            }
            (None, Task::Classification) => return misuse(format!("{name}: labels are {}, classes need whole numbers from 0", y.dtype())),
            _ => (Kind::Numbers(y.row_len()), None),
        };
        let y = if labels.is_some() { y } else { y.to_f32().into_owned() };
        let image = config.image.or_else(|| match x.row_shape() {
            [h, w] | [h, w, 1] if *h > 1 && *w > 1 => Some([*h, *w]),
            _ => None,
        });
        let info = TaskInfo { target: "y".into(), kind, image, pictures: None, buckets: None, source: name };
        let rows = (0..x.rows()).collect();
        Ok(Self { data: Data::Arrays { x, y, test }, info, rows, labels, size: None, notes: Vec::new(), options: PrepOptions::default() })
    }

    fn of_pictures(pictures: Pictures, target: Option<&str>, task: Task, name: &str, say: &Terminal) -> Result<Self, CliError> {
        let Pictures { list, options, size, target: own } = pictures;
        if let Some(target) = target.filter(|t| *t != own) {
            return misuse(format!("--target {target}: pictures are told apart by their `{own}`; leave --target out"));
        }
        if task == Task::Regression {
            return misuse("--task numbers: pictures in folders have classes, not numbers");
        }
        if let Some(words) = &size {
            say.line(&format!("Size: {words}; --image-size asks for another"));
        }
        let set = pictures::read(list, &options, say)?;
        pictures::check_classes(&set)?;
        let labels = set.labels().and_then(Tensor::as_i32).unwrap_or(&[]).to_vec();
        let info = TaskInfo {
            target: own.into(),
            kind: Kind::Classes(set.classes().to_vec()),
            image: Some([options.size.0, options.size.1]),
            pictures: Some(pictures::kept(&options)),
            buckets: None,
            source: name.into(),
        };
        let bad = set.skipped().len();
        let notes =
            if bad > 0 { vec![format!("{bad} of {} pictures cannot be read and are left out", bad + set.len())] } else { Vec::new() };
        let rows = (0..set.len()).collect();
        Ok(Self { data: Data::Pictures(set), info, rows, labels: Some(labels), size, notes, options: PrepOptions::default() })
    }

    /// The files of pictures, when that is what the rows are.
    pub(crate) fn pictures(&self) -> Option<&ImageSet> {
        if let Data::Pictures(set) = &self.data { Some(set) } else { None }
    }

    /// The table, when it is one.
    pub(crate) fn table(&self) -> Option<&Table> {
        match &self.data {
            Data::Table(t) => Some(t),
            Data::Series(s) => Some(s.frame.table()),
            Data::Arrays { .. } | Data::Pictures(_) => None,
        }
    }

    /// The series, when the rows are its windows.
    pub(crate) fn series(&self) -> Option<&Series> {
        if let Data::Series(series) = &self.data { Some(series) } else { None }
    }

    /// The test set that came with the data.
    pub(crate) fn own_test(&self) -> Option<(&Tensor, &Tensor)> {
        match &self.data {
            Data::Arrays { test: Some((x, y)), .. } => Some((x, y)),
            _ => None,
        }
    }

    /// Place of a row within [`Problem::rows`], where its label stands.
    pub(crate) fn position(&self, row: usize) -> usize {
        self.rows.binary_search(&row).unwrap_or(0)
    }

    /// The given rows as pictures, before any scaling: all columns of a table but the target, in order.
    pub(crate) fn raw_pictures(&self, rows: &[usize]) -> Result<Rows, CliError> {
        Ok(match &self.data {
            Data::Arrays { x, .. } => Box::new(x.take_rows(rows)?),
            Data::Pictures(set) => Box::new(set.take_rows(rows)?),
            Data::Table(t) => {
                let columns: Vec<&[f64]> =
                    t.columns().iter().filter(|c| c.name() != self.info.target).filter_map(|c| c.numbers()).collect();
                let values = rows.iter().flat_map(|&r| columns.iter().map(move |c| c[r] as f32)).collect();
                Box::new(Tensor::f32([rows.len(), columns.len()], values)?)
            }
            Data::Series(_) => return misuse("windows of a series are no pictures"),
        })
    }

    /// Learns the preprocessing from the given rows.
    pub(crate) fn coder(&self, rows: &[usize]) -> Result<Coder, CliError> {
        Ok(match &self.data {
            Data::Table(t) => Coder { prep: Some(Preprocessor::fit(t, Some(&self.info.target), rows, &self.options)?), series: None },
            Data::Series(s) => Coder { prep: None, series: Some(s.coder(rows)?) },
            Data::Arrays { .. } | Data::Pictures(_) => Coder { prep: None, series: None },
        })
    }

    /// The given rows as numbers.
    pub(crate) fn part(&self, coder: &Coder, rows: &[usize]) -> Result<Part, CliError> {
        Ok(match (&self.data, &coder.prep) {
            (Data::Table(t), Some(prep)) => {
                Part { x: Given::of_table(prep, t, rows, self.info.buckets)?, y: prep.transform_target(t, rows)? }
            }
            (Data::Arrays { x, y, .. }, _) => Part { x: x.take_rows(rows)?.into(), y: y.take_rows(rows)? },
            (Data::Pictures(set), _) => {
                let set = set.take_rows(rows)?;
                let y = set.labels().cloned().unwrap_or_else(|| Tensor::from(Vec::<i32>::new()));
                Part { x: Given { x: Box::new(set), beside: None }, y }
            }
            (Data::Series(s), _) => {
                let Some(coder) = &coder.series else { return misuse("this series' network was saved without its scaling") };
                let (x, y) = coder.windows(&s.frame, &s.windows, rows)?;
                Part { x: Given { x: Box::new(x), beside: None }, y }
            }
            (Data::Table(_), None) => return misuse("this table's network was saved without its preprocessing"),
        })
    }
}
