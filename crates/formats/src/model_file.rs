//! Model files of all kinds, told by their content.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::hdf5::{Numbering, SIGNATURE, check_numbers, from_tree, is_legacy, read_tree, sort_by_path, write_weights};
use crate::safetensors::is_safetensors;
use crate::{FormatError, KerasArchive, LegacyFile, NamedTensor, ReadLimits, Safetensors, atomic_write};

/// What a file of a model or of its weights holds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelFile {
    /// A `.keras` archive.
    Keras(KerasArchive),
    /// Weights as Keras 3 writes them: `*.weights.h5`, or a `*.weights.json` with the files that it names.
    Weights(WeightsFile),
    /// An HDF5 file as Keras 1 and 2 wrote them: a whole model, or weights by layer.
    Legacy(LegacyFile),
    /// A `.safetensors` file.
    Safetensors(Safetensors),
}

/// Weights alone, as Keras 3 keeps them: what a `.keras` archive has as `model.weights.h5`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WeightsFile {
    /// All variables, in natural order of path; see [`KerasArchive::weights`].
    pub weights: Vec<NamedTensor>,
    /// See [`KerasArchive::group_names`].
    pub group_names: Vec<(String, String)>,
}

impl WeightsFile {
    /// The bytes of a `.weights.h5` file. Equal contents give equal bytes.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] for paths and shapes that no file can hold.
    pub fn write_to_vec(&self) -> Result<Vec<u8>, FormatError> {
        write_weights(&self.weights, &self.group_names)
    }
    /// Writes to `path`, atomically: see [`atomic_write`](crate::atomic_write).
    ///
    /// # Errors
    /// As [`write_to_vec`](Self::write_to_vec), and [`FormatError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FormatError> {
        atomic_write(path, &self.write_to_vec()?)
    }
}

impl LegacyFile {
    /// Writes to `path`, atomically: see [`atomic_write`](crate::atomic_write).
    ///
    /// # Errors
    /// As [`write_to_vec`](Self::write_to_vec), and [`FormatError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FormatError> {
        atomic_write(path, &self.write_to_vec()?)
    }
}

impl ModelFile {
    /// Reads the file at `path`, whatever its name, within the default [`ReadLimits`].
    ///
    /// # Errors
    /// [`FormatError`]; one that is none of these is answered as what is no `.keras` archive.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        Self::read_with(path, &ReadLimits::default())
    }
    /// As [`read`](Self::read), with limits of your own.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_with(path: &Path, limits: &ReadLimits) -> Result<Self, FormatError> {
        let file = path.display().to_string();
        let mut start = Vec::new();
        let io = |source| FormatError::Io { action: "read", path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(io)?.is_file() {
            File::open(path).map_err(io)?.take(4096).read_to_end(&mut start).map_err(io)?;
        }
        if is_shards(&start) {
            return Ok(Self::Weights(read_shards(path, limits)?));
        }
        if start.starts_with(SIGNATURE) || is_safetensors(&start) {
            return Self::parse(read_bytes(path, limits)?, &file, limits);
        }
        Ok(Self::Keras(KerasArchive::read_with(path, limits)?))
    }
    /// Reads a file held in memory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from_slice(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::read_from_slice_with(bytes, &ReadLimits::default())
    }
    /// As [`read_from_slice`](Self::read_from_slice), with limits of your own.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from_slice_with(bytes: &[u8], limits: &ReadLimits) -> Result<Self, FormatError> {
        if bytes.starts_with(SIGNATURE) || is_safetensors(bytes) {
            return Self::parse(bytes.to_vec(), "bytes in memory", limits);
        }
        Ok(Self::Keras(KerasArchive::read_from_slice_with(bytes, limits)?))
    }

    fn parse(bytes: Vec<u8>, file: &str, limits: &ReadLimits) -> Result<Self, FormatError> {
        if !bytes.starts_with(SIGNATURE) {
            return Ok(Self::Safetensors(Safetensors::parse(&bytes, file, limits)?));
        }
        let tree = read_tree(bytes, file, limits, Numbering::Whole)?;
        if is_legacy(&tree) {
            return Ok(Self::Legacy(from_tree(tree, file, limits)?));
        }
        let weights = tree.into_weights();
        Ok(Self::Weights(WeightsFile { weights: weights.tensors, group_names: weights.group_names }))
    }
}

/// All bytes of a file, if it is a regular one and not too large.
pub(crate) fn read_bytes(path: &Path, limits: &ReadLimits) -> Result<Vec<u8>, FormatError> {
    let io = |source| FormatError::Io { action: "read", path: path.to_owned(), source };
    let too_large = |size| FormatError::TooLarge {
        file: path.display().to_string(),
        what: "the file".into(),
        size,
        unit: "bytes",
        limit: limits.weights_bytes,
    };
    let about = std::fs::metadata(path).map_err(io)?;
    if !about.is_file() {
        // A pipe or device could block or never end.
        return Err(FormatError::NotARegularFile { path: path.to_owned(), found: "a folder, device, pipe or socket" });
    }
    if about.len() > limits.weights_bytes {
        return Err(too_large(about.len()));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(limits.weights_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limits.weights_bytes {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// Whether the start of a file is that of a list of files, which is JSON.
fn is_shards(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    text.trim_start().starts_with('{') && (text.contains("\"weight_map\"") || text.contains("\"total_size\""))
}

/// A `*.weights.json`: which group of variables is in which files beside it (`ShardedH5IOStore` of Keras' `saving_lib.py`).
fn read_shards(path: &Path, limits: &ReadLimits) -> Result<WeightsFile, FormatError> {
    let file = path.display().to_string();
    let list = ReadLimits { weights_bytes: limits.json_bytes, ..limits.clone() };
    let (member, expected) = (
        "the list of files",
        "an object with weight_map: the group of each layer's variables, and the names of the files in which they are",
    );
    let json = |reason: String| FormatError::Json { file: file.clone(), member: member.into(), reason, expected };
    let index = crate::json::parse(&read_bytes(path, &list)?, &file, member, expected)?;
    let map = index["weight_map"].as_object().ok_or_else(|| json("it has no weight_map".into()))?;
    let mut shards: BTreeSet<&str> = BTreeSet::new();
    for (group, value) in map {
        let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for name in names {
            let name = name.as_str().ok_or_else(|| json(format!("{group:?} is in {value}, which is no name of a file")))?;
            if name.is_empty() || name.contains(['/', '\\', ':', '\0']) || name.starts_with('.') {
                let reason = "is no plain name of a file in the same folder";
                return Err(FormatError::UnsafeMember { file, member: name.into(), reason });
            }
            shards.insert(name);
        }
    }
    if shards.len() > limits.members {
        let (size, limit) = (shards.len() as u64, limits.members as u64);
        return Err(FormatError::TooLarge { file, what: "the list of files".into(), size, unit: "files", limit });
    }
    let mut all = WeightsFile::default();
    let mut left = limits.clone();
    for name in shards {
        let beside = path.with_file_name(name);
        let bytes = read_bytes(&beside, &left)?;
        left.weights_bytes -= bytes.len() as u64;
        let weights = read_tree(bytes, &beside.display().to_string(), limits, Numbering::Part)?.into_weights();
        all.weights.extend(weights.tensors);
        all.group_names.extend(weights.group_names);
    }
    sort_by_path(&mut all.weights, |t| &t.path);
    sort_by_path(&mut all.group_names, |g| &g.0);
    all.group_names.dedup();
    if let Some([twice, _]) = all.weights.array_windows().find(|[a, b]| a.path == b.path) {
        return Err(FormatError::Hdf5 { file, object: twice.path.clone(), reason: "two of its files have this dataset".into() });
    }
    let split = |t: &NamedTensor| t.path.rsplit_once('/').map(|(group, number)| (group.to_owned(), number.to_owned()));
    let placed: Vec<(String, String)> = all.weights.iter().filter_map(split).collect();
    for group in placed.chunk_by(|a, b| a.0 == b.0) {
        check_numbers(&file, &group[0].0, group.iter().map(|(_, number)| number.as_str()))?;
    }
    Ok(all)
}
