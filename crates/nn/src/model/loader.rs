//! Batches: rows copied by index into buffers that are made once, or seen where they lie when their order is that of the data.

use super::buckets::{Buckets, Cuts};
use crate::error::{Error, Result};
use adaline_data::{RowSource, Tensor, TensorData};
use adaline_graph::backend::{Backend, TensorRef};
use adaline_graph::{DType, philox};
use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Words of a batch from which on copying it is worth another thread (1 MiB).
const WORTH_A_THREAD: usize = 1 << 18;
/// Words that one task copies.
const GATHER_TASK: usize = 1 << 13;
/// Stream of the numbers that order the rows.
const ORDER: &str = "adaline/order-of-rows";

/// One tensor of a batch.
#[derive(Clone, Debug)]
pub(crate) enum Buffer {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Buffer {
    fn new(dtype: DType, words: usize) -> Self {
        if dtype == DType::I32 { Self::I32(vec![0; words]) } else { Self::F32(vec![0.0; words]) }
    }
    fn fill(&mut self, from: &dyn RowSource, rows: &[usize], backend: &dyn Backend) -> Result<()> {
        let words = rows.len() * from.row_len();
        match self {
            Self::F32(v) => gather(from, rows, &mut v[..words], backend),
            Self::I32(v) => Ok(from.gather_i32_into(rows, &mut v[..words])?),
        }
    }
    fn view(&self, words: usize) -> TensorRef<'_> {
        match self {
            Self::F32(v) => TensorRef::F32(&v[..words]),
            Self::I32(v) => TensorRef::I32(&v[..words]),
        }
    }
}

/// Copies rows, a few to a task of the backend's threads: so they come to lie in the caches of those that will read them, too.
/// Rows that are not in memory are had all at once: their source has threads of its own.
fn gather(from: &dyn RowSource, rows: &[usize], out: &mut [f32], backend: &dyn Backend) -> Result<()> {
    let width = from.row_len();
    let together = (GATHER_TASK / width.max(1)).max(1);
    if rows.len() <= together || !from.in_memory() {
        return Ok(from.gather_f32_into(rows, out)?);
    }
    let failed = Mutex::new(None);
    backend.fill(out, together * width, &|task, out| {
        let first = task * together;
        if let Err(e) = from.gather_f32_into(&rows[first..(first + together).min(rows.len())], out) {
            *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(e);
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), |e| Err(e.into()))
}

/// A batch in memory: rows copied into buffers, or, where they lie together in the data already, seen where they lie.
#[derive(Clone, Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) rows: usize,
    /// Of which its rows are; 0 where there are none.
    pub(crate) bucket: usize,
    /// Most rows; the buffers are made with the first batch that needs them.
    capacity: usize,
    x: Vec<Part<'a>>,
    y: Vec<Part<'a>>,
    weights: Vec<Vec<f32>>,
}

/// One tensor of a batch.
#[derive(Clone, Debug)]
struct Part<'a> {
    buffer: Option<Buffer>,
    seen: Option<TensorRef<'a>>,
    /// Words of a row.
    row: usize,
    /// Most words of a row, in whatever bucket.
    longest: usize,
    dtype: DType,
}

impl<'a> Part<'a> {
    fn new(source: &dyn RowSource, dtype: DType) -> Self {
        Self { buffer: None, seen: None, row: source.row_len(), longest: source.row_len(), dtype }
    }
    fn fill(&mut self, source: &'a dyn RowSource, pick: Pick<'_>, capacity: usize, backend: &dyn Backend) -> Result<()> {
        self.row = source.row_len();
        self.seen = seen(source, self.dtype, pick);
        if self.seen.is_some() {
            return Ok(());
        }
        let words = capacity * self.longest;
        self.buffer.get_or_insert_with(|| Buffer::new(self.dtype, words)).fill(source, pick.rows, backend)
    }
    fn view(&self, rows: usize) -> TensorRef<'_> {
        let copied = || self.buffer.as_ref().map(|x| x.view(rows * self.row));
        self.seen.or_else(copied).unwrap_or(TensorRef::F32(&[]))
    }
}

impl Batch<'_> {
    /// Inputs, each `(B, ..)`.
    pub(crate) fn x(&self) -> impl Iterator<Item = TensorRef<'_>> {
        self.x.iter().map(|x| x.view(self.rows))
    }
    /// Labels of each output, `(B, ..)`.
    pub(crate) fn y(&self) -> impl Iterator<Item = TensorRef<'_>> {
        self.y.iter().map(|y| y.view(self.rows))
    }
    /// Sample weights `(B)` of the outputs that have some.
    pub(crate) fn weights(&self) -> impl Iterator<Item = TensorRef<'_>> {
        self.weights.iter().map(|w| TensorRef::F32(&w[..self.rows]))
    }
    fn words(&self) -> usize {
        self.capacity * self.x.iter().chain(&self.y).map(|p| p.longest).sum::<usize>()
    }
}

/// The rows of a batch, by index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick<'a> {
    rows: &'a [usize],
    /// They follow each other.
    together: bool,
    bucket: usize,
}

impl<'a> Pick<'a> {
    #[cfg(test)]
    pub(crate) fn rows(&self) -> (usize, &'a [usize]) {
        (self.bucket, self.rows)
    }
    /// Rows that follow each other.
    pub(crate) fn whole(rows: &'a [usize]) -> Self {
        Self { rows, together: true, bucket: 0 }
    }
    /// Rows of a bucket in any order.
    pub(crate) fn of_bucket(bucket: usize, rows: &'a [usize]) -> Self {
        Self { rows, together: false, bucket }
    }
    /// At most so many of them.
    pub(crate) fn first(self, rows: usize) -> Self {
        Self { rows: &self.rows[..rows.min(self.rows.len())], ..self }
    }
}

/// The rows of a tensor where they lie, if they are of that type and follow each other.
fn seen<'a>(source: &'a dyn RowSource, dtype: DType, pick: Pick<'_>) -> Option<TensorRef<'a>> {
    let tensor = source.as_tensor()?;
    let (first, width) = (*pick.rows.first().filter(|_| pick.together)?, tensor.row_len());
    let words = first * width..(first + pick.rows.len()) * width;
    match tensor.data() {
        TensorData::F32(v) if dtype != DType::I32 => v.get(words).map(TensorRef::F32),
        TensorData::I32(v) if dtype == DType::I32 => v.get(words).map(TensorRef::I32),
        _ => None,
    }
}

/// The data of one call, checked before.
#[derive(Clone)]
pub(crate) struct Source<'a> {
    /// Rows of each input; sequences have the length of the longest.
    pub(crate) x: Vec<(&'a dyn RowSource, DType)>,
    /// Labels of each output; nothing where there are none.
    pub(crate) y: Vec<(&'a Tensor, DType)>,
    /// Sample weights of each output.
    pub(crate) weights: Vec<Option<&'a [f32]>>,
    /// Whose threads copy.
    pub(crate) backend: &'a dyn Backend,
    /// The inputs by their lengths, where batches are made so.
    pub(crate) buckets: Option<&'a Buckets<'a>>,
}

impl<'a> Source<'a> {
    /// Rows in all.
    pub(crate) fn rows(&self) -> usize {
        self.x.first().map_or(0, |x| x.0.rows())
    }
    /// The same with inputs in buckets.
    pub(crate) fn bucketed(self, buckets: Option<&'a Buckets<'a>>) -> Self {
        Self { buckets, ..self }
    }
    /// An input as the rows of a bucket have it.
    fn input(&self, bucket: usize, at: usize) -> &'a dyn RowSource {
        self.buckets.map_or(self.x[at].0, |b| b.input(bucket, at))
    }
    /// Shape of a row of each input in a bucket.
    pub(crate) fn x_rows(&self, bucket: usize) -> Vec<&'a [usize]> {
        (0..self.x.len()).map(|at| self.input(bucket, at).row_shape()).collect()
    }
    /// The batches of a range of rows.
    pub(crate) fn order(&self, rows: Range<usize>, batch: usize, shuffle: bool, seed: u64) -> Order {
        let cuts = self.buckets.map(|b| b.cuts(rows.clone(), batch));
        Order::new(rows, batch, shuffle, seed).cut(cuts)
    }
    /// Whether some rows are read or made while training runs.
    fn streams(&self) -> bool {
        self.x.iter().any(|x| !x.0.in_memory())
    }
    /// A batch of up to `capacity` rows.
    pub(crate) fn buffer(&self, capacity: usize) -> Batch<'a> {
        Batch {
            rows: capacity,
            bucket: 0,
            capacity,
            x: self.x.iter().map(|&(x, dtype)| Part::new(x, dtype)).collect(),
            y: self.y.iter().map(|&(y, dtype)| Part::new(y, dtype)).collect(),
            weights: self.weights.iter().flatten().map(|_| vec![0.0; capacity]).collect(),
        }
    }
    /// Makes a batch of rows: looks at them where they lie if it can, else copies them. Allocates nothing after the first time.
    pub(crate) fn fill(&self, pick: Pick<'_>, batch: &mut Batch<'a>) -> Result<()> {
        let capacity = batch.capacity;
        batch.rows = pick.rows.len();
        batch.bucket = pick.bucket;
        for (at, part) in batch.x.iter_mut().enumerate() {
            part.fill(self.input(pick.bucket, at), pick, capacity, self.backend)?;
        }
        for (part, &(y, _)) in batch.y.iter_mut().zip(&self.y) {
            part.fill(y, pick, capacity, self.backend)?;
        }
        for (buffer, weights) in batch.weights.iter_mut().zip(self.weights.iter().flatten()) {
            for (b, &row) in buffer.iter_mut().zip(pick.rows) {
                *b = weights.get(row).copied().unwrap_or(1.0);
            }
        }
        Ok(())
    }
}

/// Which rows make which batch: a pure function of (seed, pass over the data).
#[derive(Clone, Debug)]
pub(crate) struct Order {
    first: usize,
    rows: usize,
    batch: usize,
    shuffle: bool,
    seed: u64,
    pass: Option<u64>,
    list: Vec<usize>,
    cuts: Option<Cuts>,
}

impl Order {
    /// Batches of the rows of a range.
    pub(crate) fn new(rows: Range<usize>, batch: usize, shuffle: bool, seed: u64) -> Self {
        Self { first: rows.start, rows: rows.len(), batch, shuffle, seed, pass: None, list: rows.collect(), cuts: None }
    }
    /// Batches of one bucket each.
    pub(crate) fn cut(mut self, cuts: Option<Cuts>) -> Self {
        if let Some(cuts) = &cuts {
            cuts.arrange(&mut self.list);
        }
        self.cuts = cuts;
        self
    }
    /// Bucket and rows of the batches that differ in one of them: of whole batches, and of the last one where it is smaller.
    pub(crate) fn shapes(&self) -> Vec<(usize, usize)> {
        if let Some(cuts) = &self.cuts {
            return cuts.shapes();
        }
        let rest = self.rows % self.batch;
        let whole = (self.rows >= self.batch).then_some((0, self.batch));
        whole.into_iter().chain((rest != 0).then_some((0, rest))).collect()
    }
    /// The rows in the order of a pass without shuffling, where that is not their own.
    pub(crate) fn rows_out_of_order(&self) -> Option<&[usize]> {
        self.cuts.as_ref().map(|_| &self.list[..])
    }
    /// Batches per pass over the data; the last may be smaller.
    pub(crate) fn batches(&self) -> usize {
        self.cuts.as_ref().map_or(self.rows.div_ceil(self.batch), Cuts::batches)
    }
    /// Rows of batch `index`, counted over all passes from the first one on.
    pub(crate) fn batch(&mut self, index: u64) -> Pick<'_> {
        let batches = self.batches() as u64;
        let (pass, at) = (index / batches, (index % batches) as usize);
        if self.pass != Some(pass) && self.shuffle {
            let order = philox::permutation(self.rows, self.seed, philox::stream_of(ORDER), pass as u32);
            self.list.clear();
            self.list.extend(order.into_iter().map(|r| self.first + r as usize));
            if let Some(cuts) = &mut self.cuts {
                cuts.arrange(&mut self.list);
                cuts.shuffle(self.seed, pass);
            }
        }
        self.pass = Some(pass);
        if let Some(cuts) = &self.cuts {
            return cuts.batch(at, &self.list);
        }
        let rows = &self.list[at * self.batch..((at + 1) * self.batch).min(self.rows)];
        Pick { rows, together: !self.shuffle, bucket: 0 }
    }
}

/// Runs `step` on the batches `first..last`, in order, until it says to stop. Large batches are copied by a second thread into the
/// other of two buffers while the step runs; small ones are copied in between, since waking a thread would cost more. Rows that are not
/// in memory are always worth it: on one processor, too, reading waits for the disk.
pub(crate) fn for_each_batch<'a>(
    source: &Source<'a>,
    order: &mut Order,
    buffers: &mut Vec<Batch<'a>>,
    range: Range<u64>,
    mut step: impl FnMut(u64, &Batch<'_>) -> Result<Flow>,
) -> Result<()> {
    if buffers.is_empty() {
        buffers.push(source.buffer(order.batch.min(order.rows)));
    }
    // Cheap questions first: how many threads there are is read from files.
    let worth = range.end - range.start.min(range.end) >= 2
        && (source.streams()
            || buffers[0].words() >= WORTH_A_THREAD
                && (order.shuffle || source.x.iter().any(|&(x, dtype)| seen(x, dtype, order.batch(range.start)).is_none()))
                && thread::available_parallelism().is_ok_and(|threads| threads.get() >= 2));
    if !worth {
        let batch = &mut buffers[0];
        for index in range {
            source.fill(order.batch(index), batch)?;
            if step(index, batch)? == Flow::Stop {
                break;
            }
        }
        return Ok(());
    }
    if buffers.len() < 2 {
        buffers.push(source.buffer(order.batch.min(order.rows)));
    }
    pipelined(source, order, buffers, range, &mut step)
}

/// Whether to go on after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    Go,
    Stop,
}

fn pipelined<'a>(
    source: &Source<'a>,
    order: &mut Order,
    buffers: &mut Vec<Batch<'a>>,
    range: Range<u64>,
    step: &mut impl FnMut(u64, &Batch<'_>) -> Result<Flow>,
) -> Result<()> {
    // Both channels hold two, so nobody ever waits to send.
    let (to_loader, empty): (SyncSender<Batch<'a>>, Receiver<Batch<'a>>) = sync_channel(2);
    let (to_step, full): (SyncSender<Result<Batch<'a>>>, Receiver<Result<Batch<'a>>>) = sync_channel(2);
    for buffer in buffers.drain(..) {
        // The other end is held below.
        let _ = to_loader.send(buffer);
    }
    let indices = range.clone();
    thread::scope(|scope| {
        let loader = scope.spawn(move || {
            let mut idle = Vec::with_capacity(2);
            for index in indices {
                let Ok(mut batch) = empty.recv() else { break };
                let filled = source.fill(order.batch(index), &mut batch);
                if to_step.send(filled.map(|()| batch)).is_err() {
                    break;
                }
            }
            drop(to_step);
            idle.extend(empty.iter());
            idle
        });
        let mut result = Ok(());
        let mut kept = Vec::new();
        for index in range {
            let Ok(filled) = full.recv() else { break };
            let ran = filled.and_then(|batch| {
                let ran = step(index, &batch);
                // A loader that is done hands buffers back at its end.
                if let Err(unsent) = to_loader.send(batch) {
                    kept.push(unsent.0);
                }
                ran
            });
            match ran {
                Ok(Flow::Go) => {}
                Ok(Flow::Stop) => break,
                Err(e) => {
                    result = Err(e);
                    break;
                }
            }
        }
        drop(to_loader);
        kept.extend(full.try_iter().filter_map(Result::ok));
        drop(full);
        match loader.join() {
            Ok(idle) => kept.extend(idle),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        kept.truncate(2);
        *buffers = kept;
        result
    })
}

/// Checks a batch size.
pub(crate) fn check_batch_size(rows: usize) -> Result<()> {
    if rows == 0 { Err(Error::option("batch_size", 0, "at least 1 (32 when in doubt)")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adaline_graph::eval::Precision;
    use adaline_graph::reference::Reference;

    fn source(x: &Tensor) -> Source<'_> {
        const BACKEND: Reference = Reference { precision: Precision::F64 };
        Source { x: vec![(x, DType::F32)], y: Vec::new(), weights: Vec::new(), backend: &BACKEND, buckets: None }
    }

    fn seen(rows: usize, width: usize, batch: usize, range: Range<u64>, stop_at: u64) -> Vec<f32> {
        let x = Tensor::f32([rows, width], (0..rows * width).map(|i| (i / width) as f32).collect()).unwrap();
        let mut order = Order::new(0..rows, batch, true, 5);
        let mut seen = Vec::new();
        let mut buffers = Vec::new();
        for_each_batch(&source(&x), &mut order, &mut buffers, range, |index, b| {
            seen.extend(b.x().next().unwrap().f32().unwrap().iter().step_by(width));
            Ok(if index == stop_at { Flow::Stop } else { Flow::Go })
        })
        .unwrap();
        seen
    }

    #[test]
    fn every_row_once_and_the_same_order_with_and_without_a_thread() {
        let narrow = seen(100, 1, 32, 0..8, u64::MAX);
        assert_eq!(narrow.len(), 200);
        for pass in [&narrow[..100], &narrow[100..]] {
            let mut sorted = pass.to_vec();
            sorted.sort_by(f32::total_cmp);
            assert!(sorted.iter().enumerate().all(|(i, &v)| i as f32 == v));
        }
        assert_ne!(narrow[..100], narrow[100..], "each pass has its own order");
        // Wide rows go through the second thread.
        assert_eq!(narrow, seen(100, WORTH_A_THREAD / 32, 32, 0..8, u64::MAX));
        assert_eq!(narrow[32..96], seen(100, WORTH_A_THREAD / 32, 32, 1..8, 2));
    }

    #[test]
    fn rows_in_the_order_of_the_data_are_seen_where_they_lie() {
        let x = Tensor::f32([10, 3], (0..30).map(|i| i as f32).collect()).unwrap();
        let bytes = Tensor::u8([10, 3], (0..30).collect()).unwrap();
        for (tensor, lies_there) in [(&x, true), (&bytes, false)] {
            let mut order = Order::new(2..9, 4, false, 0);
            let mut seen = Vec::new();
            let mut places = Vec::new();
            for_each_batch(&source(tensor), &mut order, &mut Vec::new(), 0..2, |_, b| {
                let values = b.x().next().unwrap().f32().unwrap();
                places.push(values.as_ptr());
                seen.extend_from_slice(values);
                Ok(Flow::Go)
            })
            .unwrap();
            assert_eq!(seen, (6..27).map(|i| i as f32).collect::<Vec<_>>());
            let expected = [&raw const x.as_f32().unwrap()[6], &raw const x.as_f32().unwrap()[18]];
            assert_eq!(places == expected, lies_there);
        }
    }

    #[test]
    fn errors_of_a_step_end_both_threads() {
        let x = Tensor::zeros([64, WORTH_A_THREAD / 8]).unwrap();
        let mut order = Order::new(0..64, 8, false, 0);
        let mut buffers = Vec::new();
        let result = for_each_batch(&source(&x), &mut order, &mut buffers, 0..8, |_, _| Err(Error::option("x", 1, "2")));
        assert!(result.is_err());
        assert!(!buffers.is_empty(), "buffers come back");
    }
}
