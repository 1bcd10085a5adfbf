//! Matrix products with their epilogues.
//!
//! `unsafe`: hands the plan's pointers to the product and to the epilogue's interpreter.
#![allow(unsafe_code)]

use crate::fused::interp::{Bases, Frame};
use crate::fused::kernel::run_range;
use crate::fused::program::{Block, BufRef, Program};
use crate::gemm::{self, GemmPlan, Kept, Tile};
use crate::par::Workers;
use crate::simd::{Simd, WithSimd, dispatch};

/// A stack of products `(M, K) · (K, N)`.
#[derive(Clone, Debug)]
pub(crate) struct Dot {
    pub(crate) batch: usize,
    pub(crate) plan: GemmPlan,
    pub(crate) a: BufRef,
    pub(crate) b: BufRef,
    /// Words between the matrices of the stacks.
    pub(crate) strides: (isize, isize),
    /// Where the raw result goes, `(batch, M, N)` contiguous, when there is no epilogue.
    pub(crate) out: BufRef,
    pub(crate) epilogue: Option<Program>,
    /// Where the packed right operand is kept, if it is the same in many runs.
    pub(crate) kept: Option<BufRef>,
    /// Matrices that the epilogue reads element by element and that are too large to be in the first-level cache.
    pub(crate) reads: Vec<BufRef>,
}

/// Most matrices asked for ahead of the epilogue.
pub(crate) const READS: usize = 4;

impl Dot {
    /// Scratch words that each worker needs: the product's, then the epilogue's.
    pub(crate) fn scratch_words(&self) -> usize {
        self.gemm_words() + self.epilogue.as_ref().map_or(0, Program::scratch_words)
    }
    fn gemm_words(&self) -> usize {
        self.plan.scratch_words_per_worker().next_multiple_of(16)
    }
    /// Number of tasks.
    pub(crate) fn tasks(&self) -> usize {
        self.batch * self.plan.tasks()
    }

    /// Runs it.
    ///
    /// # Safety
    /// The plan's promise: operands and results lie within their buffers and do not overlap, except that the epilogue may read at the
    /// place it writes.
    pub(crate) unsafe fn run(&self, workers: &Workers, bases: Bases, inline: bool) {
        let tasks = self.tasks();
        // SAFETY: the caller's promise; each task has its part of the result, each worker its scratch.
        let one = |task: usize, worker: usize| unsafe { self.task(workers, bases, task, workers.scratch(worker)) };
        if inline || tasks == 1 {
            for task in 0..tasks {
                one(task, 0);
            }
        } else {
            workers.run(tasks, &one);
        }
    }

    /// Runs one task.
    ///
    /// # Safety
    /// As for [`Dot::run`]; `scratch` is this worker's own.
    unsafe fn task(&self, workers: &Workers, bases: Bases, task: usize, scratch: *mut f32) {
        let spec = self.plan.spec();
        let (g, task) = (task / self.plan.tasks(), task % self.plan.tasks());
        let words = spec.m * spec.n;
        // SAFETY: the plan's promise.
        unsafe {
            let a = bases.at(self.a).offset(g as isize * self.strides.0);
            let b = bases.at(self.b).offset(g as isize * self.strides.1);
            let kept = self.kept.map(|at| Kept { at: bases.at(at), filled: workers.again() });
            match &self.epilogue {
                None => self.plan.run_task_with(task, a, b, bases.at(self.out).add(g * words), scratch, kept, None),
                Some(program) => {
                    let own = scratch.add(self.gemm_words());
                    let frame = Frame { program, bases, scratch: own, cols: own, ones: own, raw: (own, 0, 0) };
                    frame.begin();
                    let epilogue = |tile: Tile| dispatch(workers.isa(), Epilogue { frame, tile, base: g * words, n: spec.n });
                    let mut reads = [std::ptr::null(); READS];
                    for (to, &buf) in reads.iter_mut().zip(&self.reads) {
                        *to = bases.at(buf).add(g * words).cast_const();
                    }
                    let reads = &reads[..self.reads.len().min(READS)];
                    let epilogue = gemm::Epilogue { run: &epilogue, reads };
                    self.plan.run_task_with(task, a, b, std::ptr::null_mut(), scratch, kept, Some(epilogue));
                }
            }
        }
    }
}

/// The epilogue over one finished block.
pub(crate) struct Epilogue<'a> {
    pub(crate) frame: Frame<'a>,
    pub(crate) tile: Tile,
    /// Flat index of the product's first element.
    pub(crate) base: usize,
    /// Columns of the product.
    pub(crate) n: usize,
}

impl WithSimd for Epilogue<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let t = self.tile;
        let flat = self.base + t.row0 * self.n + t.col0;
        // SAFETY: the block's elements are at `ptr` with distance `ld`; its part of every operand and result belongs to this task.
        unsafe {
            if t.cols == self.n && t.ld == self.n {
                let frame = Frame { raw: (t.ptr, flat, t.ld), ..self.frame };
                run_range(s, &frame, flat, t.rows * t.cols, true);
            } else {
                // As many rows at a time as fit a block; rows longer than a block one by one.
                let rows = self.frame.program.block / t.cols;
                let mut i = 0;
                while i < t.rows {
                    let flat = flat + i * self.n;
                    let frame = Frame { raw: (t.ptr.add(i * t.ld), flat, t.ld), ..self.frame };
                    if rows > 1 {
                        let lines = rows.min(t.rows - i);
                        let len = lines * t.cols;
                        frame.run(s, &Block { flat, len, row: flat, rows: len, width: 1, col: flat, first: true, lines, pitch: self.n });
                        i += lines;
                    } else {
                        run_range(s, &frame, flat, t.cols, false);
                        i += 1;
                    }
                }
            }
        }
    }
}
