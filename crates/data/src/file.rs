//! Opening files: plain or gzip, never more than a limit.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::nearest;

/// The most bytes a file may hold after unpacking.
pub const MAX_FILE_BYTES: u64 = 8 << 30;

/// Deflate cannot shrink anything by more than this factor, so a gzip file that promises more is lying.
const MAX_DEFLATE_RATIO: u64 = 1032;

/// A file that cannot be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("{}: no such file{}", path.display(), hint(nearest.as_deref()))]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
        /// The file of that folder with the most similar name.
        nearest: Option<String>,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no bytes.
    #[error("{}: the file is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file, or what it unpacks to, is larger than we agree to read.
    #[error("{}: more than {limit} bytes; that is more than this program reads", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!("; did you mean {name:?}?"))
}

impl FileError {
    /// Makes the error of the operating system say which file it was, and which one may have been meant.
    pub(crate) fn from_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if source.kind() != io::ErrorKind::NotFound {
            return Self::Io { path, source };
        }
        Self::NotFound { nearest: similar_file(&path), path }
    }
}

fn similar_file(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_str()?;
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut names: Vec<String> =
        folder.read_dir().ok()?.take(10_000).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable(); // the order of a folder is not fixed
    nearest(wanted, &names).map(str::to_owned)
}

/// A file being read, unpacked on the way when it is gzip.
pub(crate) struct Source {
    reader: Box<dyn Read>,
    /// No more than this many bytes can come.
    pub(crate) at_most: u64,
    /// Exactly this many bytes come; unknown for gzip.
    pub(crate) exact: Option<u64>,
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}

/// Opens a file, and unpacks it when it starts with the gzip magic.
pub(crate) fn open(path: &Path) -> Result<Source, FileError> {
    let fail = |source| FileError::from_io(path, source);
    let file = File::open(path).map_err(fail)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let gzip = io::BufRead::fill_buf(&mut reader).map_err(fail)?.starts_with(&[0x1f, 0x8b]);
    if gzip {
        let at_most = length.saturating_mul(MAX_DEFLATE_RATIO).min(MAX_FILE_BYTES);
        Ok(Source { reader: Box::new(MultiGzDecoder::new(reader)), at_most, exact: None })
    } else {
        Ok(Source { reader: Box::new(reader), at_most: length, exact: Some(length) })
    }
}

/// Reads a whole file, unpacking gzip.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let source = open(path)?;
    // A hint only: a gzip file does not say how long it is.
    let mut bytes = Vec::with_capacity(source.exact.unwrap_or(0).min(1 << 30) as usize);
    let read = source.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|e| FileError::from_io(path, e))?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(FileError::TooLarge { path: path.into(), limit: MAX_FILE_BYTES });
    }
    if bytes.is_empty() {
        return Err(FileError::Empty { path: path.into() });
    }
    Ok(bytes)
}
