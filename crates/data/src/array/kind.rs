//! Telling what a file is.

use std::fmt;
use std::path::Path;

use super::read_start;
use crate::{DataError, FileError, file};

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// Rows of separated text: CSV, TSV and the like.
    Table,
    /// One `NumPy` array.
    Npy,
    /// Several `NumPy` arrays.
    Npz,
    /// An array as MNIST has it.
    Idx,
    /// A picture: PNG, JPEG, GIF, BMP or `WebP`.
    Image,
    /// A Keras model archive.
    Keras,
    /// HDF5, as Keras' older weight files.
    Hdf5,
    /// A JSON text.
    Json,
    /// A TOML text.
    Toml,
    /// Something else.
    Unknown,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table => "a table of text",
            Self::Npy => "a NumPy array (.npy)",
            Self::Npz => "NumPy arrays (.npz)",
            Self::Idx => "an IDX array, as MNIST has it",
            Self::Image => "a picture",
            Self::Keras => "a Keras model",
            Self::Hdf5 => "an HDF5 file",
            Self::Json => "a JSON file",
            Self::Toml => "a TOML file",
            Self::Unknown => "a file of an unknown kind",
        })
    }
}

/// Tells the kind of a file by its first bytes and, where these say nothing, by its extension. A gzip file is
/// looked into.
///
/// # Errors
/// [`FileError`] when the file cannot be read or is empty.
pub fn sniff(path: impl AsRef<Path>) -> Result<FileKind, DataError> {
    let path = path.as_ref();
    let mut start = [0u8; 4096];
    let mut source = file::open(path)?;
    let got = read_start(&mut source, &mut start).map_err(|e| FileError::from_io(path, e))?;
    if got == 0 {
        return Err(FileError::Empty { path: path.into() }.into());
    }
    Ok(kind_of(&start[..got], &extension(path)))
}

/// The extension in lower case, the one below `.gz`.
fn extension(path: &Path) -> String {
    let lower = |p: &Path| p.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match lower(path).as_str() {
        "gz" => lower(Path::new(path.file_stem().unwrap_or_default())),
        other => other.to_owned(),
    }
}

fn kind_of(start: &[u8], extension: &str) -> FileKind {
    const IMAGES: [&[u8]; 4] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"];
    if start.starts_with(b"\x93NUMPY") {
        FileKind::Npy
    } else if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        match extension {
            "keras" => FileKind::Keras,
            "npz" => FileKind::Npz,
            // a Keras archive starts with its metadata
            _ if start.get(30..43) == Some(b"metadata.json") => FileKind::Keras,
            _ if start.get(30..).is_some_and(|name| name.windows(4).take(256).any(|w| w == b".npy")) => FileKind::Npz,
            _ => FileKind::Unknown,
        }
    } else if start.starts_with(b"\x89HDF\r\n\x1a\n") {
        FileKind::Hdf5
    } else if matches!(start, [0, 0, 0x08 | 0x09 | 0x0b..=0x0e, 1..=8, ..]) {
        FileKind::Idx
    } else if IMAGES.iter().any(|magic| start.starts_with(magic)) && !is_text(start)
        || start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP")
    {
        FileKind::Image
    } else if !is_text(start) {
        FileKind::Unknown
    } else {
        match extension {
            "json" => FileKind::Json,
            "toml" => FileKind::Toml,
            "csv" | "tsv" | "txt" | "tab" | "data" | "dat" => FileKind::Table,
            _ if matches!(start.trim_ascii_start().first(), Some(b'{' | b'[')) => FileKind::Json,
            _ if start.iter().any(|c| matches!(c, b',' | b';' | b'\t')) => FileKind::Table,
            _ => FileKind::Unknown,
        }
    }
}

/// Text of any encoding that tables are read in. UTF-16 is full of zero bytes, but says so at its start.
pub(crate) fn is_text(start: &[u8]) -> bool {
    start.starts_with(b"\xff\xfe")
        || start.starts_with(b"\xfe\xff")
        || !start.iter().any(|&c| c < b' ' && !matches!(c, b'\n' | b'\r' | b'\t' | 0x0c | 0x1a))
}
