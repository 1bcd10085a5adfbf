//! The `.keras` archive: a ZIP of `metadata.json`, `config.json`, `model.weights.h5` and assets.

pub(crate) mod names;
mod read;
mod write;

pub(crate) use read::JSON;

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

use serde_json::Value;

use crate::{FormatError, NamedTensor, ReadLimits, atomic_write};

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
const ASSETS: &str = "assets/";

/// The content of a `.keras` file (Keras 3).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KerasArchive {
    /// `metadata.json`: `keras_version` and `date_saved`. Null when the archive has none; Keras does not need it.
    pub metadata: Value,
    /// `config.json`: the model as one tree of Keras objects (`module`, `class_name`, `config`, ...).
    pub config: Value,
    /// All variables of `model.weights.h5`. After reading, in natural order of path (`vars/2` before `vars/10`); when
    /// writing, the order plays no part.
    pub weights: Vec<NamedTensor>,
    /// Path of an object (`layers/dense`; empty for the model itself) and the value of the attribute `name` of its
    /// group `<path>/vars`. Keras writes one for every object, also those without variables, and ignores them when it
    /// loads.
    pub group_names: Vec<(String, String)>,
    /// Further files: path below `assets/`, content. After reading, sorted by path.
    pub assets: Vec<(String, Vec<u8>)>,
}

impl KerasArchive {
    /// Read the file at `path` within the default [`ReadLimits`].
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        Self::read_with(path, &ReadLimits::default())
    }

    /// As [`read`](Self::read), with limits of your own.
    pub fn read_with(path: &Path, limits: &ReadLimits) -> Result<Self, FormatError> {
        let io = |source| FormatError::Io { action: "read", path: path.to_owned(), source };
        // A pipe or device could block or never end; a model is a regular file.
        if !std::fs::metadata(path).map_err(io)?.is_file() {
            return Err(FormatError::NotAnArchive {
                file: path.display().to_string(),
                found: "it is a folder or a device, not a file".into(),
                hint: "give the path of a .keras file",
            });
        }
        let file = File::open(path).map_err(io)?;
        read::read(BufReader::new(file), &path.display().to_string(), limits)
    }

    /// Read an archive held in memory, within the default [`ReadLimits`].
    pub fn read_from_slice(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::read_from_slice_with(bytes, &ReadLimits::default())
    }

    /// As [`read_from_slice`](Self::read_from_slice), with limits of your own.
    pub fn read_from_slice_with(bytes: &[u8], limits: &ReadLimits) -> Result<Self, FormatError> {
        read::read(Cursor::new(bytes), "bytes in memory", limits)
    }

    /// Write to `path`, atomically: see [`atomic_write`](crate::atomic_write). Equal archives give equal bytes.
    pub fn write(&self, path: &Path) -> Result<(), FormatError> {
        // Everything that can be wrong with the content is found before the disk is touched.
        atomic_write(path, &self.write_to_vec()?)
    }

    /// The bytes that [`write`](Self::write) would write.
    pub fn write_to_vec(&self) -> Result<Vec<u8>, FormatError> {
        write::to_vec(self)
    }
}

/// Why a path below `assets/` is not one that every system can hold inside a folder, if it is not.
fn unsafe_path(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("is empty");
    }
    if path.starts_with('/') {
        return Some("is an absolute path");
    }
    if path.contains(['\\', '\0', ':']) {
        return Some("contains a backslash, a colon or a zero byte");
    }
    // One slash at the end marks a folder.
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(|part| part == "..") {
        return Some("climbs out of the archive with \"..\"");
    }
    if path.split('/').any(|part| part.is_empty() || part == ".") {
        return Some("has an empty or \".\" part");
    }
    None
}
