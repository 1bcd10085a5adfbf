//! Tensors, tables, readers, splits and preprocessing: everything between a file and a batch.
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

mod error;
mod tensor;

pub use error::DataError;
pub use tensor::convert::{normalize, to_categorical};
pub use tensor::{DType, MAX_VALUES, Tensor, TensorData};
