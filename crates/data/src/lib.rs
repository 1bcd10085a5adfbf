//! Tensors, tables, pictures, readers, splits and preprocessing: everything between a file and a batch.
//!
//! - [`Tensor`]: an array on the host; [`load_idx`], [`load_idx_divided`], [`read_npy`] and [`read_npz`] read it from files.
//! - [`ImageList`], [`ImageSet`]: pictures in folders, one per class, or named by a table; a [`RowSource`] may be larger than memory.
//! - [`Table`]: named columns of text cells, read from CSV and the like, each with a kind.
//! - [`TextVectorization`], [`pad_sequences`]: texts as numbers by a vocabulary, sequences of one length.
//! - [`Ragged`]: sequences of several lengths, padded only into the batch that asks for them.
//! - [`Preprocessor`]: from table to tensor and back, learned from the training rows, stored as JSON.
//! - [`Frame`], [`Windows`], [`WindowCoder`]: a table in order of time, its windows of past and future steps, as a [`RowSource`].
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
//!
//! Pictures in one folder per class become rows of bytes (height, width, channels), read and resized as Keras'
//! `image_dataset_from_directory` does it.
//!
//! ```
//! use adaline_data::{ImageList, ImageOptions, ImageSet, RowSource};
//! # let folder = tempfile::tempdir().unwrap();
//! # let pictures = folder.path();
//! # for (class, grey) in [("day", 200), ("night", 30)] {
//! #     std::fs::create_dir(pictures.join(class)).unwrap();
//! #     // a bitmap of one grey pixel
//! #     let bmp = [&b"BM:\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0"[..], &[0; 24], &[grey, grey, grey, 0]].concat();
//! #     std::fs::write(pictures.join(class).join("a.bmp"), bmp).unwrap();
//! # }
//!
//! let list = ImageList::from_folder(pictures)?; // pictures/day/a.bmp, pictures/night/a.bmp
//! let set = ImageSet::load(list, &ImageOptions::sized(2, 2), |_done, _total| {})?;
//! assert_eq!(set.classes(), ["day", "night"]);
//! assert_eq!(set.labels().and_then(|labels| labels.as_i32()), Some(&[0, 1][..]));
//! let mut batch = vec![0.0; set.row_len()]; // (1, 2, 2, 3)
//! set.gather_f32_into(&[1], &mut batch)?;
//! assert_eq!(batch, [30.0; 12]);
//! # Ok::<(), adaline_data::DataError>(())
//! ```

mod array;
mod error;
mod file;
mod image;
mod nearest;
mod prep;
mod ragged;
mod rng;
mod series;
mod source;
mod split;
mod table;
mod tensor;
mod text;

pub use array::ArrayError;
pub use array::idx::{load_idx, load_idx_divided};
pub use array::kind::{FileKind, sniff};
pub use array::npy::{read_npy, write_npy};
pub use array::npz::{npz_to_vec, read_npz, read_npz_from_slice, write_npz};
pub use error::DataError;
pub use file::{FileError, MAX_FILE_BYTES};
pub use image::error::{BadFile, ImageError, ImageFormat, ImageProblem, MissingFile};
pub use image::list::{ImageList, TypicalSize, is_picture_name};
pub use image::options::{AspectRatio, BadFiles, Color, ImageLimits, ImageOptions, Interpolation};
pub use image::set::ImageSet;
pub use image::{decode_image, read_image, read_whole_image};
pub use nearest::nearest;
pub use prep::error::PrepError;
pub use prep::options::{Impute, PrepOptions, Scale, Task, TextOptions};
pub use prep::scale::{MinMax, Standardizer};
pub use prep::{ColumnUse, Preprocessor, Role};
pub use ragged::buckets::Bucketing;
pub use ragged::error::RaggedError;
pub use ragged::{Padded, Ragged};
pub use series::baseline::Rule;
pub use series::coder::{WindowCoder, WindowOptions};
pub use series::error::SeriesError;
pub use series::frame::{Frame, SeriesColumns, SeriesNote, SeriesPart};
pub use series::rows::{Encoded, Past, WindowRows};
pub use series::step::Step;
pub use series::time::{Time, TimeFormat};
pub use series::windows::{TimeSplit, Windows};
pub use source::RowSource;
pub use split::kfold::{Fold, KFold};
pub use split::{Split, SplitError, SplitWarning, stratified_split, train_test_split};
pub use table::error::{BadCell, TableError};
pub use table::infer::{NUMERIC_MINIMUM, NUMERIC_SHARE};
pub use table::options::{ColumnKind, MAX_COLUMNS, TableOptions};
pub use table::overview::{Histogram, NumberSummary, Overview};
pub use table::{Column, Table};
pub use tensor::convert::{normalize, to_categorical};
pub use tensor::{DType, MAX_VALUES, Tensor, TensorData, first_non_finite};
pub use text::error::TextError;
pub use text::sequences::{PadOptions, SequenceEnd, pad_sequences};
pub use text::tokens::{NGrams, SplitBy, Standardize};
pub use text::vectorize::{TextOutput, TextVectorization, VectorizeOptions};
