//! `ImageSet`: pictures as rows, decoded once into memory or anew for each batch.

use std::path::PathBuf;
use std::sync::Arc;

use super::decode::decode_file;
use super::error::NAMED;
use super::parallel::{Gate, for_each};
use super::resize::resize_into;
use crate::{BadFile, BadFiles, DType, DataError, ImageError, ImageList, ImageOptions, ImageProblem, RowSource, Tensor};

/// Pictures of one size as rows (height, width, channels) of bytes, with their classes.
///
/// Each file is decoded once at the beginning, so that bad ones are known before anything is trained. What fits
/// [`ImageOptions::cache_bytes`] stays in memory; larger sets are decoded anew, in parallel, for each batch. Either way the same
/// rows come, for any number of threads: Keras keeps the fractions that resizing makes, here they are rounded to bytes.
#[derive(Debug, Clone)]
pub struct ImageSet {
    files: Vec<PathBuf>,
    labels: Option<Tensor>,
    classes: Vec<String>,
    options: ImageOptions,
    /// Height, width, channels.
    shape: [usize; 3],
    /// All decoded rows (N, H, W, C), when they fit.
    pixels: Option<Arc<Tensor>>,
    /// Which of these rows are ours; `None` means all.
    picked: Option<Vec<usize>>,
    skipped: Vec<BadFile>,
    gate: Arc<Gate>,
}

impl ImageSet {
    /// Decodes all pictures of a list. `progress` is told after each how many are done, and how many there are.
    ///
    /// # Errors
    /// [`ImageError::BadFiles`] when files cannot be read and [`ImageOptions::on_bad`] does not say to skip them, or when none
    /// can be read; [`ImageError::BadSize`]; [`DataError::Empty`] for a list without files.
    pub fn load(list: ImageList, options: &ImageOptions, mut progress: impl FnMut(usize, usize)) -> Result<Self, DataError> {
        let row_len = options.row_len()?;
        let total = list.len();
        if total == 0 {
            return Err(DataError::Empty { what: "the list of pictures".into() });
        }
        let bytes = total.checked_mul(row_len).filter(|&bytes| bytes as u64 <= options.cache_bytes);
        let gate = Gate::new(options.limits.decode_bytes);
        let mut done = 0;
        let mut seen = |outcome: Result<(), (usize, ImageProblem)>, bad: &mut Vec<(usize, ImageProblem)>| {
            bad.extend(outcome.err());
            done += 1;
            progress(done, total);
        };
        let threads = options.thread_count().min(total);
        let mut bad = Vec::new();
        let mut pixels = bytes.map(|bytes| vec![0; bytes]);
        let read = |row: usize, out: &mut [u8]| -> Result<(), (usize, ImageProblem)> {
            let picture = decode_file(&list.files[row], &options.limits, &gate).map_err(|problem| (row, problem))?;
            resize_into(&picture, options, out);
            Ok(())
        };
        if let Some(pixels) = &mut pixels {
            let rows = pixels.chunks_exact_mut(row_len).enumerate();
            for_each(threads, rows, |(row, out)| read(row, out), |outcome| seen(outcome, &mut bad));
        } else {
            let check = |row: usize| {
                let decoded = decode_file(&list.files[row], &options.limits, &gate);
                decoded.map(drop).map_err(|problem| (row, problem))
            };
            for_each(threads, 0..total, check, |outcome| seen(outcome, &mut bad));
        }
        // the order in which threads end must not show
        bad.sort_unstable_by_key(|&(row, _)| row);
        if bad.len() == total || !bad.is_empty() && options.on_bad == BadFiles::Refuse {
            return Err(refuse(&list.files, bad, total).into());
        }
        Self::without(list, bad, pixels, options, gate)
    }

    /// The set without the rows of bad files.
    fn without(
        list: ImageList,
        bad: Vec<(usize, ImageProblem)>,
        pixels: Option<Vec<u8>>,
        options: &ImageOptions,
        gate: Gate,
    ) -> Result<Self, DataError> {
        let ImageList { mut files, mut labels, classes } = list;
        let shape = options.row_shape();
        let row_len: usize = shape.iter().product();
        let mut good = vec![true; files.len()];
        let mut skipped = Vec::with_capacity(bad.len());
        for (row, problem) in bad {
            good[row] = false;
            skipped.push(BadFile { path: files[row].clone(), problem });
        }
        let mut pixels = pixels;
        if !skipped.is_empty() {
            if let Some(pixels) = &mut pixels {
                let kept = (0..good.len()).filter(|&row| good[row]).enumerate();
                let kept = kept.map(|(to, from)| pixels.copy_within(from * row_len..(from + 1) * row_len, to * row_len)).count();
                pixels.truncate(kept * row_len);
                pixels.shrink_to_fit();
            }
            keep(&mut files, &good);
            keep(&mut labels, &good);
        }
        let pixels = match pixels {
            Some(bytes) => Some(Arc::new(Tensor::u8([files.len(), shape[0], shape[1], shape[2]], bytes)?)),
            None => None,
        };
        let labels = (!labels.is_empty()).then(|| Tensor::from(labels));
        let (options, gate) = (options.clone(), Arc::new(gate));
        Ok(Self { files, labels, classes, options, shape, pixels, picked: None, skipped, gate })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The file of each row.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The number of each row's class, `i32` of shape (rows); `None` without classes.
    pub fn labels(&self) -> Option<&Tensor> {
        self.labels.as_ref()
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How the pictures were read.
    pub fn options(&self) -> &ImageOptions {
        &self.options
    }

    /// The files that were left out because they cannot be read.
    pub fn skipped(&self) -> &[BadFile] {
        &self.skipped
    }

    /// Whether the decoded pictures are in memory.
    pub fn is_cached(&self) -> bool {
        self.pixels.is_some()
    }

    /// Some of the rows in the given order, such as those to train on. Pictures in memory are shared, not copied.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`].
    pub fn take_rows(&self, rows: &[usize]) -> Result<Self, DataError> {
        self.check(rows)?;
        let labels = self.labels.as_ref().map(|labels| labels.take_rows(rows)).transpose()?;
        let picked = self.pixels.is_some().then(|| rows.iter().map(|&row| self.place(row)).collect());
        Ok(Self { files: rows.iter().map(|&row| self.files[row].clone()).collect(), labels, picked, ..self.clone() })
    }

    /// Writes the named rows as bytes; otherwise as [`RowSource::gather_f32_into`].
    ///
    /// # Errors
    /// As [`RowSource::gather_f32_into`].
    pub fn gather_u8_into(&self, rows: &[usize], out: &mut [u8]) -> Result<(), DataError> {
        self.gather(rows, out, |to, from| to.copy_from_slice(from))
    }

    /// The row of `pixels` that is our row.
    fn place(&self, row: usize) -> usize {
        self.picked.as_ref().map_or(row, |picked| picked[row])
    }

    fn check(&self, rows: &[usize]) -> Result<(), DataError> {
        let outside = rows.iter().find(|&&row| row >= self.len());
        outside.map_or(Ok(()), |&row| Err(DataError::RowOutOfRange { row, rows: self.len() }))
    }

    fn gather<T: Send>(&self, rows: &[usize], out: &mut [T], convert: impl Fn(&mut [T], &[u8]) + Sync) -> Result<(), DataError> {
        self.check(rows)?;
        let row_len: usize = self.shape.iter().product();
        let expected = rows.len().saturating_mul(row_len);
        if expected != out.len() {
            return Err(DataError::BufferSize { expected, found: out.len(), rows: rows.len(), row_len });
        }
        let work = rows.iter().zip(out.chunks_exact_mut(row_len));
        if let Some(pixels) = self.pixels.as_ref().and_then(|pixels| pixels.as_u8()) {
            work.for_each(|(&row, out)| convert(out, &pixels[self.place(row) * row_len..][..row_len]));
            return Ok(());
        }
        let read = |(position, (&row, out)): (usize, (&usize, &mut [T]))| {
            let picture = decode_file(&self.files[row], &self.options.limits, &self.gate).map_err(|problem| (position, problem))?;
            let mut bytes = vec![0; row_len];
            resize_into(&picture, &self.options, &mut bytes);
            convert(out, &bytes);
            Ok(())
        };
        let mut bad = Vec::new();
        let threads = self.options.thread_count().min(rows.len());
        for_each(threads, work.enumerate(), read, |outcome| bad.extend(outcome.err()));
        if bad.is_empty() {
            return Ok(());
        }
        bad.sort_unstable_by_key(|&(position, _)| position);
        let files: Vec<PathBuf> = rows.iter().map(|&row| self.files[row].clone()).collect();
        Err(refuse(&files, bad, rows.len()).into())
    }
}

impl RowSource for ImageSet {
    fn rows(&self) -> usize {
        self.len()
    }

    fn row_shape(&self) -> &[usize] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        DType::U8
    }

    fn gather_f32_into(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        self.gather(rows, out, |to, from| to.iter_mut().zip(from).for_each(|(to, &from)| *to = f32::from(from)))
    }

    fn gather_i32_into(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        self.gather(rows, out, |to, from| to.iter_mut().zip(from).for_each(|(to, &from)| *to = i32::from(from)))
    }

    fn as_tensor(&self) -> Option<&Tensor> {
        self.pixels.as_deref().filter(|_| self.picked.is_none())
    }
}

fn refuse(files: &[PathBuf], bad: Vec<(usize, ImageProblem)>, total: usize) -> ImageError {
    let count = bad.len();
    let named = bad.into_iter().take(NAMED).map(|(row, problem)| BadFile { path: files[row].clone(), problem });
    ImageError::BadFiles { files: named.collect(), count, total }
}

/// Leaves out what is not good, if there is anything.
fn keep<T>(values: &mut Vec<T>, good: &[bool]) {
    let mut good = good.iter();
    values.retain(|_| good.next().copied().unwrap_or(true));
}
