//! Products of `f32` matrices: C (m, n) = op(A) (m, k) · op(B) (k, n), row-major, either operand optionally stored transposed.
//!
//! **One rule for all paths**: every element of C is one chain `acc = fma(a[i, p], b[p, j], acc)` over p = 0, 1, … k − 1, from `+0`. So
//! the bits of a product depend on nothing but its operands: not on the number of threads, the instruction set, the tile shapes, the
//! packing or the partition into tasks.
//!
//! **One exception**, only in plans made by [`GemmPlan::bf16`]: where the operands' values are bfloat16 and the CPU has AVX512-BF16, pairs of
//! products are added by its instruction ([`crate::simd::Simd::dot2`]), whose last bits may differ from the chain's. Such a product still depends on nothing but
//! its operands on that CPU, for any number of threads.
//!
//! A [`GemmPlan`] is made once from the shape. It says into how many independent tasks the product falls (from the shape only) and how
//! much scratch a worker needs; running a task allocates nothing. Each task covers a rectangle of C. As soon as a block of it is
//! finished and still in the cache, an epilogue may work on it in place; with a null `c` the raw product never reaches memory of its own.
//!
//! `unsafe` is needed because operands and results are given as pointers into one arena, on which several tasks work at once.
//!
//! ```
//! use adaline_cpu::{gemm::{GemmPlan, GemmSpec}, simd::Isa};
//!
//! let (a, b, mut c) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [0.0; 4]);
//! let plan = GemmPlan::new(GemmSpec::dense(2, 2, 2), Isa::best());
//! let mut scratch = vec![0.0; plan.scratch_words_per_worker()];
//! for task in 0..plan.tasks() {
//!     // SAFETY: the arrays have the sizes of the spec, and the scratch is long enough.
//!     unsafe { plan.run_task(task, a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), scratch.as_mut_ptr(), None) };
//! }
//! assert_eq!(c, [19.0, 22.0, 43.0, 50.0]);
//! ```
#![allow(unsafe_code)]

mod bf16;
#[cfg(test)]
mod bf16_tests;
mod kernel;
mod pack;
mod partition;
mod task;
#[cfg(test)]
mod tests;

use crate::simd::{Isa, Simd, WithSimd, dispatch};
use partition::Partition;

/// The register tiles and what feeds them, for products whose operands are made on the way (convolutions).
pub(crate) mod tiles {
    pub(crate) use super::kernel::{Micro, Right, micro};
    pub(crate) use super::pack::{Heights, pack_right, transpose};
    pub(crate) use super::partition::{LINE, PANEL_WORDS, TASK_FLOPS};
}

/// Shape and storage of a product. Leading dimensions are in elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GemmSpec {
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
    /// A is stored transposed, (k, m) instead of (m, k).
    pub ta: bool,
    /// B is stored transposed, (n, k) instead of (k, n).
    pub tb: bool,
    /// Distance of the stored rows of A: at least k, or m if transposed.
    pub lda: usize,
    /// Distance of the stored rows of B: at least n, or k if transposed.
    pub ldb: usize,
    /// Distance of the rows of C: at least n.
    pub ldc: usize,
}

impl GemmSpec {
    /// Contiguous row-major operands, none transposed.
    pub fn dense(m: usize, n: usize, k: usize) -> Self {
        Self::transposed(m, n, k, false, false)
    }
    /// Contiguous operands, optionally stored transposed.
    pub fn transposed(m: usize, n: usize, k: usize, ta: bool, tb: bool) -> Self {
        Self { m, n, k, ta, tb, lda: if ta { m } else { k }, ldb: if tb { k } else { n }, ldc: n }
    }
}

/// A finished block of C, to be worked on in place.
///
/// Element (i, j) of the block is element (`row0 + i`, `col0 + j`) of C and lies at `ptr + i·ld + j`, in C or, where there is no C, in scratch.
#[derive(Clone, Copy, Debug)]
pub struct Tile {
    /// First row.
    pub row0: usize,
    /// Number of rows, usually up to 64.
    pub rows: usize,
    /// First column.
    pub col0: usize,
    /// Number of columns.
    pub cols: usize,
    /// Element (0, 0).
    pub ptr: *mut f32,
    /// Distance of rows in elements.
    pub ld: usize,
}

impl Tile {
    /// Row `i` of the block.
    ///
    /// # Safety
    /// The tile must be the one just handed to the epilogue, `i < rows`, and no other slice of that row alive.
    #[inline(always)]
    pub unsafe fn row_mut<'a>(self, i: usize) -> &'a mut [f32] {
        debug_assert!(i < self.rows);
        // SAFETY: the rows of a tile are `cols` valid elements at distance `ld`, owned by the task while the epilogue runs.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.add(i * self.ld), self.cols) }
    }
}

/// What is done to every finished block of a product.
#[derive(Clone, Copy)]
pub struct Epilogue<'a> {
    /// Called with each block.
    pub run: &'a dyn Fn(Tile),
    /// Matrices (m, n) whose rows lie `spec.n` apart and whose elements it reads together with those of C: asked for from memory while
    /// the block is computed.
    pub reads: &'a [*const f32],
}

/// How one product is computed: a partition into tasks, from the shape and the instruction set only.
#[derive(Clone, Debug)]
pub struct GemmPlan {
    spec: GemmSpec,
    isa: Isa,
    partition: Partition,
    products: Products,
}

/// How the products of a plan are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Products {
    /// One by one in `f32`.
    Single,
    /// In pairs of bfloat16, by the CPU's instruction.
    Pairs,
    /// In pairs of bfloat16, by [`crate::simd::Simd::dot2`] of the plan's instruction set, to test all but the instruction anywhere.
    #[cfg(test)]
    EmulatedPairs,
}

impl GemmPlan {
    /// Plans a product. An instruction set that this CPU lacks is replaced by the portable one.
    ///
    /// # Panics
    /// If a leading dimension is smaller than the rows it separates.
    pub fn new(spec: GemmSpec, isa: Isa) -> Self {
        Self::with_epilogue(spec, isa, 0)
    }
    /// As [`GemmPlan::new`] for a product whose epilogue costs about `cost` operations for each element: with it more tasks are worth while.
    ///
    /// # Panics
    /// As [`GemmPlan::new`].
    pub fn with_epilogue(spec: GemmSpec, isa: Isa, cost: usize) -> Self {
        Self::make(spec, isa, cost, Products::Single)
    }
    /// As [`GemmPlan::with_epilogue`] for operands whose values are all bfloat16 (the lower 16 bits of every word zero; other values are
    /// cut off to such), multiplied in pairs by the instruction of AVX512-BF16. None where the CPU lacks it or gains nothing by it, where `isa` is not
    /// [`Isa::Avx512`], and for products too small to repay the packing of both operands.
    ///
    /// # Panics
    /// As [`GemmPlan::new`].
    pub fn bf16(spec: GemmSpec, isa: Isa, cost: usize) -> Option<Self> {
        (isa == Isa::Avx512 && bf16::is_faster() && bf16::is_worth_packing(&spec)).then(|| Self::make(spec, isa, cost, Products::Pairs))
    }
    /// As [`GemmPlan::bf16`] for any instruction set and size, without the instruction.
    #[cfg(test)]
    pub(crate) fn emulated_bf16(spec: GemmSpec, isa: Isa, cost: usize) -> Self {
        Self::make(spec, isa, cost, Products::EmulatedPairs)
    }
    /// The same product in one task whose right operand is the same in many runs: it is packed by the first and kept, in [`GemmPlan::kept_words`]
    /// words. `None` where that does not pay.
    pub(crate) fn keeping(self) -> Option<Self> {
        let partition = if self.is_bf16() { None } else { self.partition.keeping(&self.spec, dispatch(self.isa, Lanes)) };
        partition.map(|partition| Self { partition, ..self })
    }
    /// Words in which the packed right operand is kept from run to run; 0 if it is not.
    pub(crate) fn kept_words(&self) -> usize {
        self.partition.kept_words(&self.spec)
    }
    fn make(spec: GemmSpec, isa: Isa, cost: usize, products: Products) -> Self {
        let GemmSpec { m, n, k, ta, tb, lda, ldb, ldc } = spec;
        assert!(lda >= if ta { m } else { k }, "lda {lda} of {spec:?}");
        assert!(ldb >= if tb { k } else { n }, "ldb {ldb} of {spec:?}");
        assert!(ldc >= n, "ldc {ldc} of {spec:?}");
        let isa = if isa.is_available() { isa } else { Isa::Portable };
        let choose = partition::Choose { spec, cost };
        let partition = if products == Products::Single { dispatch(isa, choose) } else { dispatch(isa, bf16::ChoosePairs(choose)) };
        Self { spec, isa, partition, products }
    }
    /// Whether pairs of bfloat16 are multiplied.
    pub fn is_bf16(&self) -> bool {
        self.products != Products::Single
    }
    /// The shape it was made for.
    pub fn spec(&self) -> &GemmSpec {
        &self.spec
    }
    /// Independent tasks, in any order and on any threads; together they cover C exactly once. 0 if C is empty.
    pub fn tasks(&self) -> usize {
        self.partition.row_tasks * self.partition.col_tasks
    }
    /// `f32` words of scratch that each worker needs; their content before and after is arbitrary.
    pub fn scratch_words_per_worker(&self) -> usize {
        self.partition.scratch_words()
    }
    /// Floating-point operations of the product: 2·m·n·k.
    pub fn flops(&self) -> u64 {
        2 * self.spec.m as u64 * self.spec.n as u64 * self.spec.k as u64
    }
    /// What the product costs, in operations: those it makes, or what reading its operands is worth where that is more.
    pub fn work(&self) -> usize {
        (self.flops() as usize).max(partition::memory_flops(&self.spec))
    }
    /// The largest tile that an epilogue may see: (rows, columns).
    pub fn largest_tile(&self) -> (usize, usize) {
        let p = &self.partition;
        if p.swap { (p.cols_per_task, p.group_rows) } else { (p.group_rows, p.cols_per_task) }
    }

    /// Computes one task. Every element of its rectangle is written to `c` (what was there is not read), or, if `c` is null, to scratch only.
    /// Then the epilogue sees the rectangle, block by block; it may change the block, and what it leaves in C stays.
    ///
    /// # Safety
    /// `a`, `b` and (unless null) `c` point to matrices of the spec's shape and strides; `a` and `b` are readable, and the task's rectangle of
    /// `c` is writable and used by nobody else; `scratch` has [`GemmPlan::scratch_words_per_worker`] words used by nobody else; none of
    /// the written memory overlaps `a` or `b`.
    ///
    /// # Panics
    /// If `task` is not below [`GemmPlan::tasks`].
    #[inline]
    pub unsafe fn run_task(
        &self,
        task: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        scratch: *mut f32,
        epilogue: Option<Epilogue<'_>>,
    ) {
        // SAFETY: the caller's promise.
        unsafe { self.run_task_with(task, a, b, c, scratch, None, epilogue) };
    }

    /// As [`GemmPlan::run_task`], for a plan made by [`GemmPlan::keeping`] too.
    ///
    /// # Safety
    /// As [`GemmPlan::run_task`]; a plan that keeps has `kept`, whose memory holds [`GemmPlan::kept_words`] and, if it is said to be filled, what
    /// a run with the same right operand left there.
    #[inline]
    #[allow(clippy::too_many_arguments)] // the operands of one product
    pub(crate) unsafe fn run_task_with(
        &self,
        task: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        scratch: *mut f32,
        kept: Option<Kept>,
        epilogue: Option<Epilogue<'_>>,
    ) {
        assert!(task < self.tasks(), "task {task} of {}", self.tasks());
        assert!(kept.is_some() || !self.partition.keep, "a plan that keeps its right operand runs with memory for it");
        let (spec, partition, index) = (&self.spec, &self.partition, task);
        match self.products {
            Products::Single => dispatch(self.isa, task::Task::<false> { spec, partition, index, a, b, c, scratch, kept, epilogue }),
            Products::Pairs => bf16::enter(task::Task::<true> { spec, partition, index, a, b, c, scratch, kept, epilogue }),
            #[cfg(test)]
            Products::EmulatedPairs => dispatch(self.isa, task::Task::<true> { spec, partition, index, a, b, c, scratch, kept, epilogue }),
        }
    }
}

/// Memory of a packed right operand.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) at: *mut f32,
    /// It holds the packed operand already.
    pub(crate) filled: bool,
}

/// Lanes of the instruction set.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}
