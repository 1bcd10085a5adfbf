//! `NumPy`'s `.npz`: a zip archive of `.npy` files.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Cursor, Read, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{ArrayError, npy};
use crate::{DataError, FileError, MAX_FILE_BYTES, Tensor};

/// The most arrays one archive may hold.
const MAX_ENTRIES: usize = 1 << 16;
/// Arrays up to this many bytes are read however small they are stored ...
const EXPANSION_FLOOR: u64 = 16 << 20;
/// ... and beyond it they may be at most this many times the file.
const MAX_EXPANSION: u64 = 100;

/// Reads all arrays of a `.npz` file, by name, in the order of the archive.
///
/// # Errors
/// As [`crate::read_npy`], and [`ArrayError::Zip`] when the archive is broken.
pub fn read_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>, DataError> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|e| FileError::from_io(path, e))?;
    let length = file.metadata().map_err(|e| FileError::from_io(path, e))?.len();
    parse(BufReader::new(file), path, length)
}

/// As [`read_npz`], of a file held in memory; `name` is what errors call it.
///
/// # Errors
/// As [`read_npz`].
pub fn read_npz_from_slice(bytes: &[u8], name: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>, DataError> {
    parse(Cursor::new(bytes), name.as_ref(), bytes.len() as u64)
}

fn parse(source: impl Read + Seek, path: &Path, length: u64) -> Result<Vec<(String, Tensor)>, DataError> {
    let broken = |reason: String| DataError::from(ArrayError::Zip { path: path.into(), reason });
    let mut archive = ZipArchive::new(source).map_err(|e| broken(e.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(broken(format!("{} entries; at most {MAX_ENTRIES} are read", archive.len())));
    }
    // Entries may overlap in the file, so the limit holds for all of them together.
    let at_most = MAX_FILE_BYTES.min(length.saturating_mul(MAX_EXPANSION).max(EXPANSION_FLOOR));
    let mut left = at_most;
    let mut names = HashSet::new();
    let mut arrays: Vec<(String, Tensor)> = Vec::new();
    for i in 0..archive.len() {
        let entry = archive.by_index(i).map_err(|e| broken(e.to_string()))?;
        let name = entry.name().map_err(|e| broken(e.to_string()))?.into_owned();
        let Some(key) = name.strip_suffix(".npy") else {
            return Err(broken(format!("the entry {name:?} is not a .npy array")));
        };
        if !names.insert(key.to_owned()) {
            return Err(broken(format!("the entry {name:?} is there twice")));
        }
        let size = entry.size();
        left = left.checked_sub(size).ok_or_else(|| {
            broken(format!(
                "its arrays take more than {at_most} bytes up to {name:?}, {MAX_EXPANSION} times the file: if you trust it, save it anew with \
                 numpy.savez, which does not compress"
            ))
        })?;
        let tensor = npy::parse(entry, &path.join(&name), size)?;
        arrays.push((key.to_owned(), tensor));
    }
    Ok(arrays)
}

/// Writes arrays into a `.npz` file, uncompressed as `numpy.savez` does. The same arrays give the same bytes.
///
/// # Errors
/// [`FileError`] when the file cannot be written, [`ArrayError::Zip`] when two arrays have the same name.
pub fn write_npz(path: impl AsRef<Path>, arrays: &[(&str, &Tensor)]) -> Result<(), DataError> {
    let path = path.as_ref();
    let file = File::create(path).map_err(|e| FileError::from_io(path, e))?;
    Ok(write_all(BufWriter::new(file), path, arrays)?.flush().map_err(|e| FileError::from_io(path, e))?)
}

/// The bytes that [`write_npz`] would write, for a file that shall be the old one or the new one and never half of one.
///
/// # Errors
/// [`ArrayError::Zip`] when two arrays have the same name.
pub fn npz_to_vec(arrays: &[(&str, &Tensor)]) -> Result<Vec<u8>, DataError> {
    Ok(write_all(Cursor::new(Vec::new()), Path::new("bytes in memory"), arrays)?.into_inner())
}

fn write_all<W: Write + Seek>(out: W, path: &Path, arrays: &[(&str, &Tensor)]) -> Result<W, DataError> {
    let broken = |e: zip::result::ZipError| ArrayError::Zip { path: path.into(), reason: e.to_string() };
    let mut archive = ZipWriter::new(out);
    for (name, tensor) in arrays {
        let large = tensor.len() as u64 * 4 + 65_536 > u64::from(u32::MAX);
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        archive.start_file(format!("{name}.npy"), options).map_err(broken)?;
        npy::write_to(&mut BufWriter::new(&mut archive), tensor).map_err(|e| FileError::from_io(path, e))?;
    }
    Ok(archive.finish().map_err(broken)?)
}
