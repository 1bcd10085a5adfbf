//! Tensors, tables, readers, splits and preprocessing: everything between a file and a batch.
//!
//! - [`Tensor`]: an array on the host; [`load_idx`], [`load_idx_divided`], [`read_npy`] and [`read_npz`] read it from files.
//! - [`Table`]: named columns of text cells, read from CSV and the like, each with a kind.
//! - [`Preprocessor`]: from table to tensor and back, learned from the training rows, stored as JSON.
//! - [`train_test_split`], [`KFold`]: which rows to learn from and which to judge by.
//!
//! ```
//! use adaline_data::{PrepOptions, Preprocessor, Table, TableOptions, stratified_split};
//!
//! let flowers = "petal,species\n1.4,setosa\n4.7,virginica\n1.3,setosa\n5.1,virginica\n";
//! let table = Table::parse(flowers, &TableOptions::default())?;
//! let species: Vec<_> = table.column("species")?.iter().collect();
//! let (split, _) = stratified_split(&species, 0.5, 42)?;
//! let prep = Preprocessor::fit(&table, Some("species"), &split.train, &PrepOptions::default())?;
//! let x = prep.transform_features(&table, &split.test)?; // (rows, features)
//! let y = prep.transform_target(&table, &split.test)?; // (rows,)
//! assert_eq!((x.shape(), y.shape()), (&[2, 1][..], &[2][..]));
//! assert_eq!(prep.classes(), ["setosa", "virginica"]);
//! # Ok::<(), adaline_data::DataError>(())
//! ```
//!
//! A [`Tensor`] is a plain array on the host, row-major, of `f32`, `i32` or `u8`; its first axis counts the
//! rows (examples) of a data set.
//!
//! ```
//! use adaline_data::Tensor;
//!
//! let images = Tensor::u8([2, 2, 2], vec![0, 51, 102, 255, 255, 0, 0, 0])?;
//! let inputs = images.divide(255.0).reshape(&[-1, 4])?;
//! assert_eq!(inputs.shape(), [2, 4]);
//! assert_eq!(inputs.as_f32().unwrap()[1], 0.2);
//! # Ok::<(), adaline_data::DataError>(())
//! ```

mod array;
mod error;
mod file;
mod nearest;
mod prep;
mod rng;
mod source;
mod split;
mod table;
mod tensor;

pub use array::ArrayError;
pub use array::idx::{load_idx, load_idx_divided};
pub use array::kind::{FileKind, sniff};
pub use array::npy::{read_npy, write_npy};
pub use array::npz::{read_npz, write_npz};
pub use error::DataError;
pub use file::{FileError, MAX_FILE_BYTES};
pub use nearest::nearest;
pub use prep::error::PrepError;
pub use prep::options::{Impute, PrepOptions, Scale, Task};
pub use prep::scale::{MinMax, Standardizer};
pub use prep::{ColumnUse, Preprocessor, Role};
pub use source::RowSource;
pub use split::kfold::{Fold, KFold};
pub use split::{Split, SplitError, SplitWarning, stratified_split, train_test_split};
pub use table::error::{BadCell, TableError};
pub use table::infer::{NUMERIC_MINIMUM, NUMERIC_SHARE};
pub use table::options::{ColumnKind, MAX_COLUMNS, TableOptions};
pub use table::overview::{Histogram, NumberSummary, Overview};
pub use table::{Column, Table};
pub use tensor::convert::{normalize, to_categorical};
pub use tensor::{DType, MAX_VALUES, Tensor, TensorData};
