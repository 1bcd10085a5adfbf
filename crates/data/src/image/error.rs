//! What can be wrong with pictures.

use std::fmt;
use std::path::PathBuf;

use super::list::EXTENSIONS;

/// Files of a kind that an error names; the rest is counted.
pub(super) const NAMED: usize = 10;

/// How a folder becomes a data set.
const CLASS_FOLDERS: &str = "put the pictures of each class into a folder that has the class' name";

/// The format of a picture, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// Portable network graphics.
    Png,
    /// JPEG in a JFIF, EXIF or Adobe file.
    Jpeg,
    /// Graphics interchange format.
    Gif,
    /// Windows bitmap.
    Bmp,
    /// `WebP`.
    WebP,
}

impl fmt::Display for ImageFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::WebP => "WebP",
        })
    }
}

/// Why a file is no picture that we can read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageProblem {
    /// The operating system refused.
    #[error("{reason}")]
    Io {
        /// What the system said.
        reason: String,
    },
    /// A folder, a device or a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// More bytes than the limit.
    #[error("the file has {bytes} bytes, more than the {limit} that are read")]
    TooManyBytes {
        /// The bytes of the file.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// It starts like none of the formats.
    #[error("not a PNG, JPEG, GIF, BMP or WebP picture: the file starts with \"{}\"", start.escape_ascii())]
    NotAPicture {
        /// The first bytes.
        start: Vec<u8>,
    },
    /// A side of 0 pixels.
    #[error("the picture has {height} x {width} pixels")]
    NoPixels {
        /// Height that the header says.
        height: u64,
        /// Width that the header says.
        width: u64,
    },
    /// More pixels than the limit.
    #[error("{height} x {width} pixels are more than the {limit} that are read")]
    TooManyPixels {
        /// Height that the header says.
        height: u64,
        /// Width that the header says.
        width: u64,
        /// The limit.
        limit: u64,
    },
    /// The file ends too early.
    #[error("the {format} data end too early: the file is cut off")]
    Truncated {
        /// The format.
        format: ImageFormat,
    },
    /// The bytes are not what the format demands.
    #[error("bad {format} data: {reason}")]
    Broken {
        /// The format.
        format: ImageFormat,
        /// What the decoder said.
        reason: String,
    },
}

/// A file that is no picture that we can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadFile {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub problem: ImageProblem,
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

/// A row of a list whose file is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    /// The row; the first data row is row 1.
    pub row: usize,
    /// Where the file should be.
    pub path: PathBuf,
}

/// Pictures that cannot be listed or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file where a folder is needed.
    #[error("{}: not a folder; name a folder that holds one folder of pictures per class", path.display())]
    NotAFolder {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A folder without folders for classes.
    #[error("{}: there is no class folder with pictures{}; {CLASS_FOLDERS}", path.display(), loose_text(*pictures))]
    NoClassFolders {
        /// The folder.
        path: PathBuf,
        /// Pictures that lie in it directly.
        pictures: usize,
    },
    /// Only one class: nothing to tell apart.
    #[error("{}: {class:?} is the only class; at least 2 are needed", path.display())]
    OneClass {
        /// The folder or list.
        path: PathBuf,
        /// The class.
        class: String,
    },
    /// Folders of classes that hold no picture.
    #[error("{}: no picture ({}) in {}; add pictures or remove the folder", path.display(), EXTENSIONS.join(", "), quoted(classes))]
    EmptyClasses {
        /// The folder.
        path: PathBuf,
        /// The classes without pictures.
        classes: Vec<String>,
    },
    /// A folder in which there is no picture at all.
    #[error("{}: no picture ({}) is in this folder", path.display(), EXTENSIONS.join(", "))]
    NoPictures {
        /// The folder.
        path: PathBuf,
    },
    /// Cells of a list that must not be empty.
    #[error("{file}: column {column:?} is empty in {count} rows: {}", rows_text(rows, *count))]
    EmptyCells {
        /// The list.
        file: String,
        /// The column.
        column: String,
        /// The first of these rows; the first data row is row 1.
        rows: Vec<usize>,
        /// How many rows there are.
        count: usize,
    },
    /// Files of a list that are not there.
    #[error("{file}: {count} of {rows} files do not exist: {}; paths count from the folder of the list", missing_text(files, *count))]
    MissingFiles {
        /// The list.
        file: String,
        /// The first of them.
        files: Vec<MissingFile>,
        /// How many are missing.
        count: usize,
        /// How many rows the list has.
        rows: usize,
    },
    /// Files that cannot be read.
    #[error("{count} of {total} pictures cannot be read:{}\n{}", bad_text(files, *count), bad_hint(*count, *total))]
    BadFiles {
        /// The first of them.
        files: Vec<BadFile>,
        /// How many are bad.
        count: usize,
        /// How many were read.
        total: usize,
    },
    /// Bytes that are no picture that we can read.
    #[error("the picture cannot be read: {problem}")]
    BadBytes {
        /// What is wrong.
        problem: ImageProblem,
    },
    /// A size to which nothing can be resized.
    #[error("pictures cannot be resized to {height} x {width}: both sides must be at least 1, and at most {limit} pixels in all")]
    BadSize {
        /// The height that was asked for.
        height: usize,
        /// The width that was asked for.
        width: usize,
        /// The most pixels.
        limit: usize,
    },
}

fn loose_text(pictures: usize) -> String {
    if pictures == 0 { String::new() } else { format!(", but {pictures} pictures that belong to no class") }
}

fn quoted(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("{name:?}")).collect();
    format!("{}{}", shown.join(", "), more(names.len(), shown.len()))
}

fn more(count: usize, shown: usize) -> String {
    if count > shown { format!(" and {} more", count - shown) } else { String::new() }
}

fn rows_text(rows: &[usize], count: usize) -> String {
    let shown: Vec<String> = rows.iter().map(usize::to_string).collect();
    format!("row {}{}", shown.join(", "), more(count, shown.len()))
}

fn missing_text(files: &[MissingFile], count: usize) -> String {
    let shown: Vec<String> = files.iter().map(|f| format!("row {} ({})", f.row, f.path.display())).collect();
    format!("{}{}", shown.join(", "), more(count, shown.len()))
}

fn bad_text(files: &[BadFile], count: usize) -> String {
    let lines = files.iter().fold(String::new(), |lines, file| lines + "\n  " + &file.to_string());
    if count > files.len() { format!("{lines}\n  and {} more", count - files.len()) } else { lines }
}

fn bad_hint(count: usize, total: usize) -> &'static str {
    if count < total { "repair or remove them, or skip bad files" } else { "repair or replace them" }
}
