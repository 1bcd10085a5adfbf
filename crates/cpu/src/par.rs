//! The workers of a run: the pool, the instruction set and each worker's scratch.
//!
//! `unsafe`: hands out raw pointers into the scratch, one stretch for each worker.
#![allow(unsafe_code)]

use crate::pool::Pool;
use crate::simd::Isa;

/// Threads, instruction set and scratch of one run.
#[derive(Clone, Copy)]
pub(crate) struct Workers<'a> {
    pool: &'a Pool,
    isa: Isa,
    scratch: *mut f32,
    words: usize,
}

// SAFETY: each worker follows the pointer to its own stretch only.
unsafe impl Sync for Workers<'_> {}
// SAFETY: as above.
unsafe impl Send for Workers<'_> {}

impl<'a> Workers<'a> {
    /// Workers with `words` words of scratch each, one after the other at `scratch`.
    ///
    /// # Safety
    /// `scratch` must hold `words` for each thread of the pool, unused by anybody else while this lives.
    pub(crate) unsafe fn new(pool: &'a Pool, isa: Isa, scratch: *mut f32, words: usize) -> Self {
        Self { pool, isa, scratch, words }
    }
    /// The instruction set.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }
    /// Scratch of one worker.
    pub(crate) fn scratch(&self, worker: usize) -> *mut f32 {
        // SAFETY: `new`'s promise; the pool numbers its workers below its number of threads.
        unsafe { self.scratch.add(worker * self.words) }
    }
    /// The same, without the first `words` words of each worker's scratch.
    ///
    /// # Safety
    /// There must be so many.
    pub(crate) unsafe fn beyond(&self, words: usize) -> Self {
        // SAFETY: the caller's promise.
        Self { scratch: unsafe { self.scratch.add(words) }, ..*self }
    }
    /// One worker, for kernels that run on its thread: its scratch without the first `words` words is that of worker 0.
    ///
    /// # Safety
    /// There must be so many, and the worker's scratch must be unused by anybody else.
    pub(crate) unsafe fn alone(&self, worker: usize, words: usize) -> Self {
        // SAFETY: the caller's promise.
        Self { scratch: unsafe { self.scratch(worker).add(words) }, ..*self }
    }
    /// Wakes the pool's threads for a job that comes within microseconds.
    pub(crate) fn wake(&self) {
        self.pool.wake();
    }
    /// Runs all tasks, each once.
    pub(crate) fn run(&self, tasks: usize, f: &(dyn Fn(usize, usize) + Sync)) {
        self.pool.run(tasks, f);
    }
}

/// The start of a slice whose chunks go to different threads.
struct Chunks(*mut f32);

// SAFETY: each chunk is followed by the one task that has its number.
unsafe impl Sync for Chunks {}

impl Chunks {
    fn at(&self, offset: usize) -> *mut f32 {
        self.0.wrapping_add(offset)
    }
}

/// Fills a slice by chunks of `chunk` values, each by one task.
pub(crate) fn fill(pool: &Pool, out: &mut [f32], chunk: usize, work: &(dyn Fn(usize, &mut [f32]) + Sync)) {
    let (len, chunk) = (out.len(), chunk.max(1));
    let chunks = Chunks(out.as_mut_ptr());
    pool.run(len.div_ceil(chunk), &|task, _worker| {
        let start = task * chunk;
        // SAFETY: `start` lies within `out`, which is borrowed until all tasks have ended; chunks do not overlap, and the pool runs each
        // number once.
        work(task, unsafe { std::slice::from_raw_parts_mut(chunks.at(start), chunk.min(len - start)) });
    });
}
