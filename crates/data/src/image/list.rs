//! Which pictures there are, and of which class each is.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::decode::size_of_file;
use super::error::{MissingFile, NAMED};
use crate::prep::levels::{Levels, Spelling};
use crate::{ColumnKind, DataError, FileError, ImageError, ImageLimits, Table, TableOptions};

/// The extensions of pictures, in any case.
pub(super) const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "gif", "bmp", "webp"];

/// Files of pictures, each with its class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageList {
    pub(super) files: Vec<PathBuf>,
    /// As many as files, or none.
    pub(super) labels: Vec<i32>,
    pub(super) classes: Vec<String>,
}

impl ImageList {
    /// The pictures of a folder that holds one folder per class, as Keras' `image_dataset_from_directory` finds them: classes
    /// are sorted by name, folders inside of a class are entered, links to folders inside of a class are not, so that circles
    /// of links end. Hidden files and folders (`.name`) are left out; `.webp` counts too.
    ///
    /// # Errors
    /// [`ImageError`] when there are fewer than two class folders, or one without pictures; [`FileError`] when a folder cannot be read.
    pub fn from_folder(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let Contents { folders, files } = Contents::of(path, true)?;
        if folders.is_empty() {
            return Err(ImageError::NoClassFolders { path: path.into(), pictures: files.len() }.into());
        }
        let mut list = Self { files: Vec::new(), labels: Vec::new(), classes: Vec::new() };
        let mut empty = Vec::new();
        for (label, folder) in folders.iter().enumerate() {
            let class = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let before = list.files.len();
            walk(folder, &mut list.files)?;
            if list.files.len() == before {
                empty.push(class.clone());
            }
            list.labels.resize(list.files.len(), label as i32);
            list.classes.push(class);
        }
        if list.files.is_empty() && !files.is_empty() {
            return Err(ImageError::NoClassFolders { path: path.into(), pictures: files.len() }.into());
        }
        if !empty.is_empty() {
            return Err(ImageError::EmptyClasses { path: path.into(), classes: empty }.into());
        }
        list.check_classes(path)
    }

    /// The pictures that a table with the columns `path` and `label` names; see [`ImageList::from_table`]. Relative paths count
    /// from the folder of the table.
    ///
    /// # Errors
    /// As [`Table::read`] and [`ImageList::from_table`].
    pub fn from_csv(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let mut options =
            TableOptions { header: Some(true), missing: vec![String::new()], ignore_unknown_kinds: true, ..Default::default() };
        options = options.kind("path", ColumnKind::Text).kind("label", ColumnKind::Category);
        let table = Table::read(path, &options)?;
        Self::from_table(&table, path.parent().unwrap_or(Path::new("")), "path", "label")?.check_classes(path)
    }

    /// The pictures that a column names, each with the class that another column names. Relative paths count from `folder`.
    /// Classes are sorted as those of tables are: as numbers when all are numbers, as texts otherwise.
    ///
    /// # Errors
    /// [`crate::TableError`] without these columns; [`ImageError`] names the rows with an empty cell and those whose file does not exist.
    pub fn from_table(table: &Table, folder: &Path, path_column: &str, label_column: &str) -> Result<Self, DataError> {
        let [paths, texts] = [path_column, label_column].map(|name| table.column(name));
        let (paths, texts) = (paths?, texts?);
        for column in [paths, texts] {
            let empty = || column.iter().enumerate().filter(|(_, cell)| cell.is_none()).map(|(row, _)| row + 1);
            let count = empty().count();
            if count > 0 {
                let (column, rows) = (column.name().to_owned(), empty().take(NAMED).collect());
                return Err(ImageError::EmptyCells { file: table.source().into(), column, rows, count }.into());
            }
        }
        let files: Vec<PathBuf> = paths.iter().flatten().map(|path| folder.join(path)).collect();
        let missing: Vec<_> = files.iter().enumerate().filter(|(_, path)| !path.exists()).collect();
        if !missing.is_empty() {
            let named = missing.iter().take(NAMED).map(|&(row, path)| MissingFile { row: row + 1, path: path.clone() }).collect();
            let (count, rows) = (missing.len(), files.len());
            return Err(ImageError::MissingFiles { file: table.source().into(), files: named, count, rows }.into());
        }
        let texts: Vec<&str> = texts.iter().flatten().collect();
        let spelling = Spelling::of(texts.iter().copied());
        let levels = Levels::new(spelling, texts.iter().map(|text| spelling.key(text).into_owned()).collect());
        let labels = texts.iter().map(|text| levels.find(text).unwrap_or_default() as i32).collect();
        Ok(Self { files, labels, classes: levels.names().to_vec() })
    }

    /// Pictures without classes, such as those to predict.
    pub fn from_files(files: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self { files: files.into_iter().map(Into::into).collect(), labels: Vec::new(), classes: Vec::new() }
    }

    /// All pictures in a folder and the folders inside of it, without classes, in the order of [`ImageList::from_folder`].
    ///
    /// # Errors
    /// [`ImageError::NoPictures`]; [`FileError`] when a folder cannot be read.
    pub fn from_unlabeled_folder(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        Contents::of(path, true)?;
        let mut files = Vec::new();
        walk(path, &mut files)?;
        if files.is_empty() {
            return Err(ImageError::NoPictures { path: path.into() }.into());
        }
        Ok(Self::from_files(files))
    }

    fn check_classes(self, path: &Path) -> Result<Self, DataError> {
        match self.classes.as_slice() {
            [class] => Err(ImageError::OneClass { path: path.into(), class: class.clone() }.into()),
            _ => Ok(self),
        }
    }

    /// The medians of heights and of widths of at most `sample` files, spread evenly over the list: what their headers say, without
    /// decoding them. Of an even number the lower median, so that it is the side of a picture. Files that cannot be read do not count;
    /// `None` where no file counts.
    pub fn typical_size(&self, sample: usize, limits: &ImageLimits) -> Option<TypicalSize> {
        let (total, sample) = (self.len(), sample.min(self.len()));
        let asked = (0..sample).map(|i| &self.files[(i as u128 * total as u128 / sample as u128) as usize]);
        let sizes: Vec<_> = asked.filter_map(|file| size_of_file(file, limits).ok()).collect();
        let median = |mut sides: Vec<u64>| {
            let middle = sides.len().checked_sub(1)? / 2;
            sides.sort_unstable();
            usize::try_from(sides[middle]).ok()
        };
        let height = median(sizes.iter().map(|&(height, _)| height).collect())?;
        let width = median(sizes.iter().map(|&(_, width)| width).collect())?;
        let alike = sizes.iter().all(|size| *size == sizes[0]);
        Some(TypicalSize { height, width, files: sizes.len(), alike })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The number of each file's class; empty where there are no classes.
    pub fn labels(&self) -> &[i32] {
        &self.labels
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
}

/// How large pictures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypicalSize {
    /// The median of the heights, in pixels.
    pub height: usize,
    /// The median of the widths, in pixels.
    pub width: usize,
    /// Of how many files.
    pub files: usize,
    /// All of them have this size.
    pub alike: bool,
}

/// What lies in a folder, sorted by name, without hidden entries.
struct Contents {
    folders: Vec<PathBuf>,
    /// Pictures, by extension.
    files: Vec<PathBuf>,
}

impl Contents {
    fn of(path: &Path, follow_links: bool) -> Result<Self, DataError> {
        let fail = |e| FileError::from_io(path, e);
        if !fs::metadata(path).map_err(fail)?.is_dir() {
            return Err(ImageError::NotAFolder { path: path.into() }.into());
        }
        let mut contents = Self { folders: Vec::new(), files: Vec::new() };
        for entry in fs::read_dir(path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let (name, path) = (entry.file_name(), entry.path());
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            // a link that leads nowhere is neither
            let is_link = entry.file_type().map_err(fail)?.is_symlink();
            let Ok(target) = fs::metadata(&path) else { continue };
            if target.is_dir() && (follow_links || !is_link) {
                contents.folders.push(path);
            } else if target.is_file() && is_picture_name(&path) {
                contents.files.push(path);
            }
        }
        // the order of a folder is not fixed
        contents.folders.sort_unstable();
        contents.files.sort_unstable();
        Ok(contents)
    }
}

/// Whether a file's name ends as those of pictures do: `.png`, `.jpg`, `.jpeg`, `.gif`, `.bmp` or `.webp`, in any case.
pub fn is_picture_name(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Adds the pictures of a folder and of all folders below it, folder by folder in the order of their paths.
fn walk(top: &Path, files: &mut Vec<PathBuf>) -> Result<(), DataError> {
    // No recursion, so that depth costs no stack.
    let mut open = vec![top.to_path_buf()];
    while let Some(folder) = open.pop() {
        let contents = Contents::of(&folder, false)?;
        files.extend(contents.files);
        open.extend(contents.folders.into_iter().rev());
    }
    Ok(())
}
