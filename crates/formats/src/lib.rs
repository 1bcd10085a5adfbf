//! Model files: Keras' archives and HDF5 files, and safetensors, to and from JSON and named tensors.
//!
//! This crate knows bytes, names and shapes, and nothing of layers: it turns a `.keras` file into a
//! [`KerasArchive`] (two JSON documents, a list of [`NamedTensor`]s, assets) and back. What the JSON means is the
//! business of whoever holds it.
//!
//! Files come from strangers, so reading is bounded in memory and time (see [`ReadLimits`]), follows no link out of
//! the archive, and answers every malformed file with a [`FormatError`] that names the file, the member and the remedy.
//! Writing is atomic (see [`atomic_write`]) and deterministic: equal archives give equal bytes.
//!
//! ```
//! use adaline_formats::{KerasArchive, NamedTensor, TensorBytes};
//! use serde_json::json;
//!
//! let archive = KerasArchive {
//!     config: json!({"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": []}}),
//!     weights: vec![NamedTensor {
//!         path: "layers/dense/vars/0".into(),
//!         shape: vec![2, 1],
//!         data: TensorBytes::F32(vec![0.5, -1.0]),
//!     }],
//!     group_names: vec![("layers/dense".into(), "hidden".into())],
//!     ..KerasArchive::default()
//! };
//! let bytes = archive.write_to_vec()?;
//! let back = KerasArchive::read_from_slice(&bytes)?;
//! assert_eq!(back.weights, archive.weights);
//! # Ok::<(), adaline_formats::FormatError>(())
//! ```

mod atomic;
mod backup;
mod crc32c;
mod element;
mod error;
mod events;
mod hdf5;
mod json;
mod keras;
mod limits;
mod model_file;
mod safetensors;
mod tensor;

pub use atomic::{atomic_write, atomic_write_with};
pub use backup::Backup;
pub use crc32c::crc32c;
pub use error::FormatError;
pub use events::{EventFile, EventValue};
pub use hdf5::{LegacyFile, LegacyLayer};
pub use keras::KerasArchive;
pub use keras::names::{PathNamer, snake_case};
pub use limits::ReadLimits;
pub use model_file::{ModelFile, WeightsFile};
pub use safetensors::Safetensors;
pub use tensor::{NamedTensor, TensorBytes};
