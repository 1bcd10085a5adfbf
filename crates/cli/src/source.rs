//! From a path to data: a table, arrays of inputs and labels, or pictures.

use crate::args::ReadArgs;
use crate::error::{CliError, misuse};
use crate::pictures::{self, Pictures};
use adaline::data::{ColumnKind, FileKind, ImageList, Table, TableOptions, Tensor, load_idx, load_idx_divided, read_npy, read_npz, sniff};
use std::path::{Path, PathBuf};

/// What DATA turned out to be.
pub(crate) enum Source {
    /// Named columns.
    Table(Table),
    /// Arrays with labels.
    Arrays(Arrays),
    /// Files of pictures with their classes.
    Pictures(Pictures),
}

/// Inputs and labels as arrays, perhaps with a test set of their own.
pub(crate) struct Arrays {
    /// Where they came from.
    pub name: String,
    /// Inputs, the first axis counts rows.
    pub x: Tensor,
    /// Labels (`i32 (B)`) or values (`f32 (B)` or `(B, outputs)`), when there are any.
    pub y: Option<Tensor>,
    /// A test set that came with them.
    pub test: Option<(Tensor, Tensor)>,
}

impl Source {
    /// Reads DATA: a folder of pictures or of IDX files, `.npz`, `.npy`, an IDX file, or a table, perhaps one that names pictures.
    pub(crate) fn read(path: &Path, options: &TableOptions, asked: &pictures::Asked) -> Result<Self, CliError> {
        let source = Self::open(path, options, asked)?;
        match asked.first_given() {
            Some(option) if !matches!(source, Self::Pictures(_)) => {
                misuse(format!("{option} is for pictures, which {} does not hold", path.display()))
            }
            _ => Ok(source),
        }
    }

    fn open(path: &Path, options: &TableOptions, asked: &pictures::Asked) -> Result<Self, CliError> {
        if path.is_dir() {
            if is_idx_folder(path) {
                return Ok(Self::Arrays(idx_folder(path)?));
            }
            return Ok(Self::Pictures(asked.pictures(pictures::from_folder(path)?, "class")));
        }
        let kind = sniff(path)?;
        if asked.list && matches!(kind, FileKind::Table | FileKind::Unknown) {
            return Ok(Self::Pictures(asked.pictures(ImageList::from_csv(path)?, "label")));
        }
        Ok(match kind {
            FileKind::Npz => Self::Arrays(npz(path)?),
            FileKind::Npy => Self::Arrays(Arrays { name: name_of(path), x: read_npy(path)?, y: None, test: None }),
            FileKind::Idx => Self::Arrays(Arrays { name: name_of(path), x: load_idx(path)?, y: None, test: None }),
            kind @ (FileKind::Keras | FileKind::Hdf5 | FileKind::Image | FileKind::Json | FileKind::Toml) => {
                return misuse(format!(
                    "{}: expected a table, .npz, .npy, a folder of pictures or one of IDX files; this is {kind}",
                    path.display()
                ));
            }
            // Anything else may still be a table; its reader gives the exact complaint.
            _ => Self::Table(Table::read(path, options)?),
        })
    }
}

/// Options of the table reader from the command line and the configuration file.
pub(crate) fn table_options(read: &ReadArgs, config: &crate::config::DataConfig) -> Result<TableOptions, CliError> {
    let mut options = TableOptions { encoding: read.encoding.clone().or_else(|| config.encoding.clone()), ..TableOptions::default() };
    if let Some(c) = read.delimiter.or(config.delimiter) {
        let byte = u8::try_from(c).ok().filter(u8::is_ascii);
        options.delimiter = Some(byte.ok_or_else(|| CliError::Misuse(format!("--delimiter expects one ASCII character, got {c:?}")))?);
    }
    if read.no_header {
        options.header = Some(false);
    }
    options.missing.extend(read.missing.iter().chain(&config.missing).cloned());
    for column in read.category.iter().chain(&config.category) {
        options = options.kind(column.clone(), ColumnKind::Category);
    }
    if let Some(column) = &config.text {
        options = options.kind(column.clone(), ColumnKind::Text);
    }
    Ok(options)
}

/// A file's name without its extension.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().or_else(|| path.file_name()).map_or_else(|| "data".into(), |s| s.to_string_lossy().into_owned())
}

/// Whether a folder has a file as MNIST names it.
pub(crate) fn is_idx_folder(folder: &Path) -> bool {
    IDX_NAMES.iter().any(|name| idx_file(folder, name).is_some())
}

/// Images and their labels.
type Pair = (PathBuf, PathBuf);

/// MNIST's four files, plain or gzipped; the test pair may be missing.
fn idx_folder(folder: &Path) -> Result<Arrays, CliError> {
    let ((x, y), test) = idx_files(folder)?;
    let test = match test {
        Some((x, y)) => Some((load_idx(x)?, labels(load_idx(y)?)?)),
        None => None,
    };
    Ok(Arrays { name: name_of(folder), x: load_idx(x)?, y: Some(labels(load_idx(y)?)?), test })
}

/// At most so many rows of the training pair of such a folder, each value of the images divided by a number, and the labels.
pub(crate) fn idx_training(folder: &Path, divisor: f32, rows: usize) -> Result<(Tensor, Tensor), CliError> {
    let ((x, y), _) = idx_files(folder)?;
    let y = labels(load_idx(y)?)?;
    // As numbers the whole file is four times as large as it is, so of a part of it only that becomes numbers.
    let x = if rows < y.rows() { load_idx(x)?.first_rows(rows).divide(divisor) } else { load_idx_divided(x, divisor)? };
    let rows = rows.min(x.rows()).min(y.rows());
    Ok((x.first_rows(rows), y.first_rows(rows)))
}

/// Where the files are: the training pair, perhaps the test pair.
fn idx_files(folder: &Path) -> Result<(Pair, Option<Pair>), CliError> {
    let [x, y, test_x, test_y] = IDX_NAMES.map(|name| idx_file(folder, name));
    let (Some(x), Some(y)) = (x, y) else {
        return misuse(format!(
            "{}: expected IDX files as MNIST has them: train-images-idx3-ubyte and train-labels-idx1-ubyte (also with .gz), \
             and t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte for the test",
            folder.display()
        ));
    };
    Ok(((x, y), test_x.zip(test_y)))
}

/// MNIST's names of images and labels to train on, then to test by.
const IDX_NAMES: [&str; 4] = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// A file under such a name, or one of its other spellings.
fn idx_file(folder: &Path, name: &str) -> Option<PathBuf> {
    [name.to_owned(), format!("{name}.gz"), name.replace("-idx", ".idx"), name.replace("-idx", ".idx") + ".gz"]
        .into_iter()
        .map(|n| folder.join(n))
        .find(|p| p.is_file())
}

/// `x` and `y`, or `x_train`, `y_train` and perhaps `x_test`, `y_test`.
fn npz(path: &Path) -> Result<Arrays, CliError> {
    let mut arrays = read_npz(path)?;
    let mut take = |names: &[&str]| -> Option<Tensor> {
        let at = arrays.iter().position(|(n, _)| names.contains(&n.as_str()))?;
        Some(arrays.swap_remove(at).1)
    };
    let (x, y) = (take(&["x", "x_train", "X"]), take(&["y", "y_train"]));
    let test = match (take(&["x_test"]), take(&["y_test"])) {
        (Some(x), Some(y)) => Some((x, labels(y)?)),
        _ => None,
    };
    let Some(x) = x else {
        let names: Vec<&str> = arrays.iter().map(|(n, _)| n.as_str()).collect();
        return misuse(format!(
            "{}: expected arrays named x and y, or x_train, y_train, x_test, y_test; found {}",
            path.display(),
            if names.is_empty() { "none".into() } else { names.join(", ") }
        ));
    };
    Ok(Arrays { name: name_of(path), x, y: y.map(labels).transpose()?, test })
}

/// Labels stored as bytes become `i32`; a column of labels becomes a list.
pub(crate) fn labels(y: Tensor) -> Result<Tensor, CliError> {
    let y = match y.as_u8() {
        Some(bytes) => Tensor::i32(y.shape().to_vec(), bytes.iter().map(|&b| i32::from(b)).collect())?,
        None => y,
    };
    let list = y.rank() == 2 && y.row_len() == 1 && y.as_i32().is_some();
    Ok(if list { y.reshape(&[-1])? } else { y })
}
