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
    /// Wakes the pool's threads for a job that comes within microseconds.
    pub(crate) fn wake(&self) {
        self.pool.wake();
    }
    /// Runs all tasks, each once.
    pub(crate) fn run(&self, tasks: usize, f: &(dyn Fn(usize, usize) + Sync)) {
        self.pool.run(tasks, f);
    }
}
