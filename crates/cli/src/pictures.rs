//! Pictures: which files there are, how they are read, and what is said about those that cannot be.

use crate::args::{BadFileArg, ColorArg, PictureArgs};
use crate::config::DataConfig;
use crate::error::{CliError, fail, misuse};
use crate::source::is_idx_folder;
use crate::terminal::{Shown, Terminal};
use adaline::data::{
    BadFile, BadFiles, Color, DataError, FileKind, ImageError, ImageLimits, ImageList, ImageOptions, ImageSet, RowSource, Table,
    TableOptions, Tensor, TypicalSize, is_picture_name, sniff,
};
use adaline::report::number;
use serde_json::{Value, json};
use std::path::Path;

/// The longer side without `--image-size` of pictures that are larger, and both sides where no picture says its size.
const SIZE: usize = 64;
/// The shorter side is then a multiple of this.
const STEP: usize = 8;
/// Files that are asked for their size.
const SAMPLE: usize = 256;
/// Bad files that are named on the terminal; `metrics.json` names all.
const NAMED: usize = 10;
/// The column of a list that names the files.
const PATH: &str = "path";
/// Names of folders that hold parts of the data, not classes.
const PARTS: [&str; 7] = ["train", "training", "test", "testing", "val", "valid", "validation"];

/// What was asked about pictures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    size: Option<(usize, usize)>,
    color: Option<Color>,
    on_bad: Option<BadFiles>,
    cache_bytes: Option<u64>,
    /// DATA is a table of paths and labels.
    pub list: bool,
}

/// Pictures with their classes, not read yet.
pub(crate) struct Pictures {
    pub list: ImageList,
    pub options: ImageOptions,
    /// Where their size comes from, when nobody asked for one.
    pub size: Option<String>,
    /// What the classes are called together.
    pub target: &'static str,
}

impl Asked {
    /// The command line wins over the TOML file.
    pub(crate) fn new(args: &PictureArgs, config: &DataConfig) -> Result<Self, CliError> {
        let wrong = |e: String| CliError::Misuse(format!("[data] image_size: {e}"));
        let size = match (args.image_size, &config.image_size) {
            (Some(size), _) => Some(size),
            (None, Some(given)) => Some(size_of_toml(given).map_err(wrong)?),
            (None, None) => None,
        };
        let color = match (args.color, config.color.as_deref()) {
            (Some(ColorArg::Rgb), _) | (None, Some("rgb")) => Some(Color::Rgb),
            (Some(ColorArg::Grayscale), _) | (None, Some("grayscale")) => Some(Color::Gray),
            (None, None) => None,
            (None, Some(other)) => return misuse(format!("[data] color expects \"rgb\" or \"grayscale\", got {other:?}")),
        };
        let on_bad = match (args.bad.on_bad_file, config.on_bad_file.as_deref()) {
            (Some(given), _) => Some(given.into()),
            (None, Some("refuse")) => Some(BadFiles::Refuse),
            (None, Some("skip")) => Some(BadFiles::Skip),
            (None, None) => None,
            (None, Some(other)) => return misuse(format!("[data] on_bad_file expects \"refuse\" or \"skip\", got {other:?}")),
        };
        let cache_bytes = args.cache_mb.or(config.cache_mb).map(|mb| mb.saturating_mul(1 << 20));
        Ok(Self { size, color, on_bad, cache_bytes, list: args.pictures || config.pictures })
    }

    /// How the pictures of a list are read: in their own size unless one was asked for.
    pub(crate) fn pictures(&self, list: ImageList, target: &'static str) -> Pictures {
        let ((height, width), size) = if let Some(size) = self.size {
            (size, None)
        } else {
            let (size, words) = own_size(list.typical_size(SAMPLE, &ImageLimits::default()).as_ref());
            (size, Some(words))
        };
        let base = ImageOptions::sized(height, width);
        let options = ImageOptions {
            color: self.color.unwrap_or_default(),
            on_bad: self.on_bad.unwrap_or_default(),
            cache_bytes: self.cache_bytes.unwrap_or(base.cache_bytes),
            ..base
        };
        Pictures { list, options, size, target }
    }

    /// An option that has no meaning for other data.
    pub(crate) fn first_given(&self) -> Option<&'static str> {
        let given = [
            (self.list, "--pictures"),
            (self.size.is_some(), "--image-size"),
            (self.color.is_some(), "--color"),
            (self.on_bad.is_some(), "--on-bad-file"),
            (self.cache_bytes.is_some(), "--cache-mb"),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
    }
}

impl From<BadFileArg> for BadFiles {
    fn from(arg: BadFileArg) -> Self {
        match arg {
            BadFileArg::Refuse => Self::Refuse,
            BadFileArg::Skip => Self::Skip,
        }
    }
}

/// Height and width that pictures are brought to when nobody says, and why, in words: their median, made smaller in its proportions
/// where its longer side has more than [`SIZE`] pixels.
fn own_size(typical: Option<&TypicalSize>) -> ((usize, usize), String) {
    let Some(&TypicalSize { height, width, files, alike }) = typical else {
        return ((SIZE, SIZE), format!("{SIZE} x {SIZE} pixels, since no picture says its own size"));
    };
    let longer = height.max(width);
    let found = if alike { "as the pictures are".to_owned() } else { "the median of the pictures".to_owned() };
    let asked = format!("{} looked at", number::grouped(files as u64));
    if longer <= SIZE {
        return ((height, width), format!("{height} x {width} pixels, {found} ({asked})"));
    }
    let scaled = |side: usize| {
        // In integers: to the nearest multiple of STEP, halves up.
        let side = side.saturating_mul(SIZE);
        if side == longer.saturating_mul(SIZE) { SIZE } else { (2 * side + longer * STEP) / (2 * longer * STEP) * STEP }
    };
    let (h, w) = (scaled(height).max(STEP), scaled(width).max(STEP));
    ((h, w), format!("{h} x {w} pixels, made smaller from {height} x {width}, {found} ({asked})"))
}

/// `64` or `64x48`: height and width.
pub(crate) fn parse_size(text: &str) -> Result<(usize, usize), String> {
    let sides: Option<Vec<usize>> = text.split('x').map(|side| side.trim().parse().ok().filter(|&n| n > 0)).collect();
    match sides.as_deref() {
        Some(&[side]) => Ok((side, side)),
        Some(&[height, width]) => Ok((height, width)),
        _ => Err(format!("expected a size such as 64, or height x width such as 64x48, each at least 1; got {text:?}")),
    }
}

fn size_of_toml(value: &toml::Value) -> Result<(usize, usize), String> {
    match value {
        toml::Value::String(text) => parse_size(text),
        toml::Value::Array(sides) => parse_size(&sides.iter().map(ToString::to_string).collect::<Vec<_>>().join("x")),
        other => parse_size(&other.to_string()),
    }
}

/// The pictures of a folder with one folder per class.
pub(crate) fn from_folder(path: &Path) -> Result<ImageList, CliError> {
    let list = match ImageList::from_folder(path) {
        Err(DataError::Image(e @ ImageError::NoClassFolders { pictures: 0, .. })) => {
            return misuse(format!(
                "{e}, or name a folder of IDX files as MNIST has them (train-images-idx3-ubyte and train-labels-idx1-ubyte)"
            ));
        }
        other => other?,
    };
    if list.classes().iter().all(|class| PARTS.iter().any(|part| class.eq_ignore_ascii_case(part))) {
        let (folder, first) = (path.display(), &list.classes()[0]);
        return misuse(format!(
            "{folder}: the folders {} hold parts of the data, not classes; name one of them, such as {}, which holds one folder per class",
            list.classes().join(", "),
            path.join(first).display()
        ));
    }
    Ok(list)
}

/// Reads the pictures, and says which are left out.
pub(crate) fn read(list: ImageList, options: &ImageOptions, say: &Terminal) -> Result<ImageSet, CliError> {
    let mut counter = say.counter("Reading pictures");
    let read = ImageSet::load(list, options, |done, total| counter.at(done, total));
    drop(counter);
    let set = read.map_err(|e| match e {
        DataError::Image(e @ ImageError::BadFiles { count, total, .. }) if count < total => {
            CliError::Failure(format!("{e} by --on-bad-file skip"))
        }
        DataError::Image(e @ ImageError::BadSize { .. }) => CliError::Misuse(format!("--image-size: {e}")),
        other => other.into(),
    })?;
    if let Some(text) = skipped(set.skipped(), set.len()) {
        say.line(&format!("Note: {text}"));
    }
    if !set.is_cached() {
        let bytes = set.row_len().saturating_mul(set.len());
        say.line(&format!(
            "Note: the pictures would take {} MB in memory, more than the {} MB of --cache-mb: each batch decodes its own",
            number::grouped(bytes.div_ceil(1 << 20) as u64),
            number::grouped(options.cache_bytes >> 20)
        ));
    }
    Ok(set)
}

/// The files that are left out, in words.
pub(crate) fn skipped(bad: &[BadFile], good: usize) -> Option<String> {
    let first = bad.iter().take(NAMED).fold(String::new(), |text, file| text + "\n  " + &file.to_string());
    let more = if bad.len() > NAMED { format!("\n  and {} more", bad.len() - NAMED) } else { String::new() };
    let (count, total) = (number::grouped(bad.len() as u64), number::grouped((bad.len() + good) as u64));
    (!bad.is_empty()).then(|| format!("{count} of {total} pictures cannot be read and are left out:{first}{more}"))
}

/// The same for machines.
pub(crate) fn skipped_json(set: &ImageSet) -> Value {
    set.skipped().iter().map(|bad| json!({"path": bad.path.display().to_string(), "problem": bad.problem.to_string()})).collect()
}

/// Each class must still have pictures once the bad ones are left out.
pub(crate) fn check_classes(set: &ImageSet) -> Result<(), CliError> {
    let labels = set.labels().and_then(Tensor::as_i32).unwrap_or(&[]);
    let gone: Vec<String> =
        set.classes().iter().enumerate().filter(|(c, _)| !labels.contains(&(*c as i32))).map(|(_, name)| format!("{name:?}")).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let bad = set.skipped().first().map_or_else(String::new, |file| format!(", such as {file}"));
    fail(format!("no picture of the class {} can be read{bad}; repair the files or remove the class", gone.join(", ")))
}

/// What DATA is to a network that takes pictures: files with their classes where `labelled`; `None` for arrays.
pub(crate) fn of_saved(path: &Path, labelled: bool) -> Result<Option<ImageList>, CliError> {
    if path.is_dir() {
        return match (is_idx_folder(path), labelled) {
            (true, _) => Ok(None),
            (false, true) => from_folder(path).map(Some),
            (false, false) => Ok(Some(ImageList::from_unlabeled_folder(path)?)),
        };
    }
    // By name too: a file that is cut off or empty is a bad picture, not a bad table.
    let kind = if is_picture_name(path) && path.exists() { FileKind::Image } else { sniff(path)? };
    match kind {
        FileKind::Image if labelled => fail(format!(
            "{}: a picture alone has no class to compare with; name a folder that holds one folder of pictures per class",
            path.display()
        )),
        FileKind::Image => Ok(Some(ImageList::from_files([path]))),
        FileKind::Table if labelled => Ok(Some(ImageList::from_csv(path)?)),
        FileKind::Table => {
            let table = Table::read(path, &TableOptions { missing: vec![String::new()], header: Some(true), ..TableOptions::default() })?;
            let folder = path.parent().unwrap_or(Path::new(""));
            let names = table.column(PATH)?;
            if let Some(row) = names.iter().position(|name| name.is_none()) {
                return fail(format!("{}: row {} has no {PATH}", path.display(), row + 1));
            }
            Ok(Some(ImageList::from_files(names.iter().flatten().map(|name| folder.join(name)))))
        }
        _ => Ok(None),
    }
}

/// The class number that the network gives to each picture's class.
pub(crate) fn truth(set: &ImageSet, names: &[String]) -> Result<Tensor, CliError> {
    let numbers = set.classes().iter().map(|class| match names.iter().position(|name| name == class) {
        Some(at) => Ok(at as i32),
        None => fail(format!("the class {class:?} is not known to this network, which tells {} apart", names.join(", "))),
    });
    let numbers: Vec<i32> = numbers.collect::<Result<_, _>>()?;
    let labels = set.labels().and_then(Tensor::as_i32).unwrap_or(&[]);
    Ok(Tensor::from(labels.iter().filter_map(|&label| numbers.get(label as usize).copied()).collect::<Vec<i32>>()))
}

/// What a model keeps: how pictures become rows. What the machine may be asked for is not the file's to say.
pub(crate) fn kept(options: &ImageOptions) -> ImageOptions {
    ImageOptions { on_bad: BadFiles::default(), limits: ImageLimits::default(), ..options.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_size_up_to_a_bound() {
        let own = |height, width, alike| own_size(Some(&TypicalSize { height, width, files: 1234, alike }));
        assert_eq!(own(8, 8, true), ((8, 8), "8 x 8 pixels, as the pictures are (1,234 looked at)".into()));
        assert_eq!(own(1, 64, false).0, (1, 64));
        assert_eq!(own(65, 65, true).0, (64, 64));
        assert_eq!(own(480, 640, false).0, (48, 64));
        let (size, words) = own(1200, 900, false);
        assert_eq!(
            (size, words.as_str()),
            ((64, 48), "64 x 48 pixels, made smaller from 1200 x 900, the median of the pictures (1,234 looked at)")
        );
        assert_eq!((own(3000, 10, true).0, own(60_000, 59_000, true).0), ((64, 8), (64, 64)));
        assert_eq!(own_size(None).0, (64, 64));
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64"), Ok((64, 64)));
        assert_eq!(parse_size("64x48"), Ok((64, 48)));
        for bad in ["", "0", "64x", "x", "-3", "8x8x3", "large", "99999999999999999999999"] {
            assert!(parse_size(bad).unwrap_err().contains("64x48"), "{bad}");
        }
        let toml = |text: &str| size_of_toml(&toml::from_str::<toml::Table>(text).unwrap()["s"]);
        assert_eq!(toml("s = 32"), Ok((32, 32)));
        assert_eq!(toml("s = [32, 24]"), Ok((32, 24)));
        assert_eq!(toml("s = \"32x24\""), Ok((32, 24)));
        for bad in ["s = -1", "s = []", "s = [1, 2, 3]", "s = 1.5", "s = {}"] {
            assert!(toml(bad).is_err(), "{bad}");
        }
    }
}
