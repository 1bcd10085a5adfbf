//! Array files: IDX (MNIST) and `NumPy`'s `.npy` and `.npz`, and telling what a file is.

mod half;
pub(crate) mod idx;
pub(crate) mod kind;
pub(crate) mod npy;
pub(crate) mod npz;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// A file that is not the array file it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// The file does not start as such a file must.
    #[error("{}: not {expected}: the file starts with {}", path.display(), start_text(start))]
    WrongMagic {
        /// The file.
        path: PathBuf,
        /// The expected format.
        expected: &'static str,
        /// The first bytes.
        start: Vec<u8>,
    },
    /// The header cannot be read.
    #[error("{}: bad header: {reason}", path.display())]
    BadHeader {
        /// The file, and the entry in it.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The values have a type that does not fit a tensor.
    #[error("{}: values of type {found} cannot be read; expected {expected}", path.display())]
    UnsupportedType {
        /// The file, and the entry in it.
        path: PathBuf,
        /// The type in the file.
        found: String,
        /// The types that can be read.
        expected: &'static str,
    },
    /// The file is shorter or longer than its header says.
    #[error("{}: the header promises shape {shape:?}, {expected} bytes, but {}", path.display(), found_text(*found, *expected))]
    WrongSize {
        /// The file, and the entry in it.
        path: PathBuf,
        /// The shape in the header.
        shape: Vec<u64>,
        /// The bytes that the shape needs.
        expected: u64,
        /// The bytes that came; for packed files we stop counting after one too many.
        found: u64,
    },
    /// The shape is absurd.
    #[error("{}: shape {shape:?} is too large: at most {limit} bytes are read", path.display())]
    TooLarge {
        /// The file, and the entry in it.
        path: PathBuf,
        /// The shape in the header.
        shape: Vec<u64>,
        /// The limit in bytes.
        limit: u64,
    },
    /// A 64-bit or unsigned integer that does not fit 32 bits.
    #[error("{}: value {value} at position {position} does not fit a 32-bit integer; save the array as float32", path.display())]
    IntegerRange {
        /// The file, and the entry in it.
        path: PathBuf,
        /// The value.
        value: i128,
        /// Its position, counted from 0 in the order of the file.
        position: usize,
    },
    /// The zip archive is broken.
    #[error("{}: not a readable zip archive: {reason}", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// What the zip reader said.
        reason: String,
    },
}

fn start_text(start: &[u8]) -> String {
    if start.is_empty() { "nothing: it is empty".into() } else { format!("\"{}\"", start.escape_ascii()) }
}

fn found_text(found: u64, expected: u64) -> String {
    if found > expected { "there are more".into() } else { format!("only {found} came") }
}

/// How many bytes a shape needs; `None` when that overflows.
fn byte_count(shape: &[u64], item: u64) -> Option<u64> {
    let full = shape.iter().filter(|&&d| d != 0).try_fold(item, |n, &d| n.checked_mul(d))?;
    Some(if shape.contains(&0) { 0 } else { full })
}

/// How many bytes a header promises, after checking that the file can hold them.
fn checked_size(path: &Path, shape: &[u64], item: u64, at_most: u64) -> Result<u64, ArrayError> {
    let too_large = || ArrayError::TooLarge { path: path.into(), shape: shape.to_vec(), limit: crate::MAX_FILE_BYTES };
    let expected = byte_count(shape, item).filter(|&n| n <= crate::MAX_FILE_BYTES).ok_or_else(too_large)?;
    if expected > at_most {
        return Err(ArrayError::WrongSize { path: path.into(), shape: shape.to_vec(), expected, found: at_most });
    }
    Ok(expected)
}

/// Reads as many bytes as a header promises, and makes sure that nothing follows. Memory grows with what really comes,
/// so a header that lies costs nothing.
fn read_payload(mut reader: impl Read, path: &Path, shape: &[u64], item: u64, at_most: u64) -> Result<Vec<u8>, crate::DataError> {
    let expected = checked_size(path, shape, item, at_most)?;
    let wrong = |found| ArrayError::WrongSize { path: path.into(), shape: shape.to_vec(), expected, found };
    let mut bytes = Vec::with_capacity(expected.min(16 << 20) as usize);
    let fail = |source: io::Error| crate::FileError::Io { path: path.into(), source };
    reader.by_ref().take(expected).read_to_end(&mut bytes).map_err(fail)?;
    if (bytes.len() as u64) < expected {
        return Err(wrong(bytes.len() as u64).into());
    }
    if reader.read(&mut [0]).map_err(fail)? != 0 {
        return Err(wrong(expected + 1).into());
    }
    Ok(bytes)
}

/// Reads up to `out.len()` bytes; fewer only at the end of the file.
fn read_start(reader: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match reader.read(&mut out[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn dims(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&d| usize::try_from(d).unwrap_or(usize::MAX)).collect()
}
