//! The register tile: `ROWS` rows of `VECTORS` vectors, accumulated over k without touching memory.

use super::partition::LINE;
use crate::simd::{Simd, WithSimd};

/// A tile to compute: C[i, j] = (or +=, if `resume`) Σ A[i, p]·B[p, j], the sums as chains in the order of p.
#[derive(Clone, Copy)]
pub(crate) struct Micro {
    pub(crate) k: usize,
    /// A[i, p] at `a + i·a_row + p·a_step`.
    pub(crate) a: *const f32,
    pub(crate) a_row: usize,
    pub(crate) a_step: usize,
    /// B[p, ..] contiguous at `b + p·b_step`.
    pub(crate) b: *const f32,
    pub(crate) b_step: usize,
    /// C[i, ..] contiguous at `c + i·c_row`.
    pub(crate) c: *mut f32,
    pub(crate) c_row: usize,
    /// Valid lanes of the last vector.
    pub(crate) last: usize,
    /// Continue the chains that are in C.
    pub(crate) resume: bool,
    /// Where the rows of B go as whole vectors, for the tiles that follow.
    pub(crate) packed: *mut f32,
}

/// How a tile reads the right operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Right {
    /// Rows of whole vectors.
    Whole,
    /// The last vector of a row has only `last` readable elements.
    Edge,
    /// As `Edge`; on the way rows are packed for the tiles that follow.
    Pack,
}

const WHOLE: u8 = Right::Whole as u8;
const EDGE: u8 = Right::Edge as u8;
const PACK: u8 = Right::Pack as u8;
/// Rows of B asked for ahead of their use, where they are read from memory.
const AHEAD: usize = 32;

/// `RIGHT`: a [`Right`].
#[derive(Clone, Copy)]
struct Sized<'a, const ROWS: usize, const VECTORS: usize, const RIGHT: u8>(&'a Micro);

impl<const ROWS: usize, const VECTORS: usize, const RIGHT: u8> WithSimd for Sized<'_, ROWS, VECTORS, RIGHT> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // Tiles that would not fit in the registers are never asked for; this keeps them from being compiled.
        if ROWS > if VECTORS > S::GEMM_VECTORS { S::GEMM_WIDE_ROWS } else { S::GEMM_ROWS } {
            return;
        }
        let Micro { k, a, a_row, a_step, b, b_step, c, c_row, last, resume, packed } = *self.0;
        let mut acc = [[s.splat(0.0); VECTORS]; ROWS];
        if resume {
            for (i, row) in acc.iter_mut().enumerate() {
                for (v, x) in row.iter_mut().enumerate() {
                    let n = if v + 1 == VECTORS { last } else { S::LANES };
                    // SAFETY: row i < ROWS of the tile, whose last vector has `last` elements.
                    *x = unsafe { s.load_partial(c.add(i * c_row + v * S::LANES), n) };
                }
            }
        }
        let (mut a_at, mut b_at, mut to) = (a, b, packed);
        for _ in 0..k {
            let mut right = [s.splat(0.0); VECTORS];
            for (v, x) in right.iter_mut().enumerate() {
                let p = b_at.wrapping_add(v * S::LANES);
                // SAFETY: row p < k of B, of whole vectors except, unless `WHOLE`, the last.
                *x = unsafe { if RIGHT != WHOLE && v + 1 == VECTORS { s.load_partial(p, last) } else { s.load(p) } };
            }
            if RIGHT == PACK {
                for line in (0..VECTORS * S::LANES).step_by(LINE) {
                    s.prefetch(b_at.wrapping_add(AHEAD * b_step + line));
                }
                for (v, x) in right.iter().enumerate() {
                    // SAFETY: row p < k of the panel.
                    unsafe { s.store(to.add(v * S::LANES), *x) };
                }
                to = to.wrapping_add(VECTORS * S::LANES);
            }
            if RIGHT == EDGE && ROWS == 1 {
                // One row: all that matters is how fast B comes.
                for v in (0..VECTORS * S::LANES).step_by(LINE) {
                    s.prefetch(b_at.wrapping_add(AHEAD * b_step + v));
                }
            }
            for (i, row) in acc.iter_mut().enumerate() {
                // SAFETY: element (i, p) of A with i < ROWS, p < k.
                let left = unsafe { s.load_splat(a_at.wrapping_add(i * a_row)) };
                for (x, r) in row.iter_mut().zip(right) {
                    *x = s.mul_add(left, r, *x);
                }
            }
            a_at = a_at.wrapping_add(a_step);
            b_at = b_at.wrapping_add(b_step);
        }
        for (i, row) in acc.iter().enumerate() {
            for (v, x) in row.iter().enumerate() {
                let p = c.wrapping_add(i * c_row + v * S::LANES);
                // SAFETY: row i < ROWS of the tile, whose last vector has `last` elements.
                unsafe {
                    if v + 1 == VECTORS && last < S::LANES {
                        s.store_partial(p, last, *x);
                    } else {
                        s.store(p, *x);
                    }
                }
            }
        }
    }
}

/// Computes a tile of `rows` rows and `vectors` vectors.
///
/// # Safety
/// The pointers and distances of `tile` are valid for that size; rows of B are readable in whole vectors if `right` says so; with
/// [`Right::Pack`] `packed` has room for k of them.
#[inline(always)]
pub(crate) unsafe fn micro<S: Simd>(s: S, rows: usize, vectors: usize, right: Right, tile: &Micro) {
    macro_rules! choose {
        ($(($rows:literal, $vectors:literal))*) => {
            match (rows, vectors) {
                $(
                    ($rows, $vectors) => match right {
                        Right::Whole => s.outline(Sized::<$rows, $vectors, WHOLE>(tile)),
                        Right::Edge => s.outline(Sized::<$rows, $vectors, EDGE>(tile)),
                        Right::Pack => s.outline(Sized::<$rows, $vectors, PACK>(tile)),
                    },
                )*
                _ => unreachable!("no register tile of {rows} rows and {vectors} vectors"),
            }
        };
    }
    choose! {
        (1, 1) (2, 1) (3, 1) (4, 1) (5, 1) (6, 1) (7, 1) (8, 1) (9, 1) (10, 1) (11, 1) (12, 1) (13, 1) (14, 1)
        (1, 2) (2, 2) (3, 2) (4, 2) (5, 2) (6, 2) (7, 2) (8, 2) (9, 2) (10, 2) (11, 2) (12, 2) (13, 2) (14, 2)
        (1, 3) (2, 3) (3, 3) (4, 3) (5, 3) (6, 3)
        (1, 4) (2, 4) (3, 4) (4, 4) (5, 4) (6, 4)
        (1, 5) (1, 6) (1, 7) (1, 8)
    }
}
