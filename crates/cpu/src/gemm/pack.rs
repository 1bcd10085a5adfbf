//! Copying operands into the order in which the register tiles read them, and transposing.

use crate::simd::Simd;
use std::mem::MaybeUninit;

/// Rows asked for ahead of their copying: they lie too far apart for the machine to foresee them.
const ROWS_AHEAD: usize = 8;

/// Tiles of nearly equal height: 32 rows are 11 + 11 + 10, not 14 + 14 + 4. First row and height of each.
#[derive(Clone)]
pub(crate) struct Heights {
    row: usize,
    rows: usize,
    base: usize,
    /// Tiles still to come that are one row higher.
    taller: usize,
}

impl Heights {
    /// The tiles of `rows` rows, none higher than `most`.
    #[inline(always)]
    pub(crate) fn new(rows: usize, most: usize) -> Self {
        let tiles = rows.div_ceil(most).max(1);
        Self { row: 0, rows, base: rows / tiles, taller: rows % tiles }
    }
}

impl Iterator for Heights {
    type Item = (usize, usize);
    #[inline(always)]
    fn next(&mut self) -> Option<(usize, usize)> {
        if self.row == self.rows {
            return None;
        }
        let height = self.base + usize::from(self.taller > 0);
        self.taller = self.taller.saturating_sub(1);
        let at = (self.row, height);
        self.row += height;
        Some(at)
    }
}

/// `dst[c·dst_ld + r] = src[r·src_ld + c]` for r < rows, c < cols. With `pad`, rows of `dst` are filled with zeros to whole vectors.
///
/// # Safety
/// `src` holds `rows` rows of `cols`; `dst` holds `cols` rows of `rows`, or with `pad` of `rows` rounded up to whole vectors; they do not overlap.
#[inline(always)]
pub(crate) unsafe fn transpose<S: Simd>(
    s: S,
    src: *const f32,
    src_ld: usize,
    (rows, cols): (usize, usize),
    dst: *mut f32,
    dst_ld: usize,
    pad: bool,
) {
    for r in (0..rows).step_by(S::LANES) {
        let height = (rows - r).min(S::LANES);
        for c in (0..cols).step_by(S::LANES) {
            let width = (cols - c).min(S::LANES);
            // SAFETY: blocks inside the matrices; the buffers hold 16 × 16 ≥ LANES × LANES words, all written before they are read.
            unsafe {
                let (from, to) = (src.add(r * src_ld + c), dst.add(c * dst_ld + r));
                if height == S::LANES && width == S::LANES {
                    s.transpose_block(from, src_ld, to, dst_ld);
                    continue;
                }
                // Not set to zero first: of a small product's operand that would be most of the work.
                let (mut block, mut turned) = (MaybeUninit::<[f32; 256]>::uninit(), MaybeUninit::<[f32; 256]>::uninit());
                let (block, turned) = (block.as_mut_ptr().cast::<f32>(), turned.as_mut_ptr().cast::<f32>());
                for i in 0..S::LANES {
                    let row = if i < height { s.load_partial(from.add(i * src_ld), width) } else { s.splat(0.0) };
                    s.store(block.add(i * S::LANES), row);
                }
                s.transpose_block(block, S::LANES, turned, S::LANES);
                for i in 0..width {
                    let x = s.load(turned.add(i * S::LANES));
                    s.store_partial(to.add(i * dst_ld), if pad { S::LANES } else { height }, x);
                }
            }
        }
    }
}

/// Copies a (k, cols) block of a right-hand operand into panels of `vectors` vectors: panel after panel, in it row after row, zeros behind the last
/// column up to a whole vector. B[p, j] lies at `src + p·ld + j`, or at `src + j·ld + p` if `turned`.
///
/// # Safety
/// `src` holds the block; `dst` has room for k · cols words, cols rounded up to whole vectors.
#[inline(always)]
pub(crate) unsafe fn pack_right<S: Simd>(
    s: S,
    src: *const f32,
    ld: usize,
    turned: bool,
    (k, cols): (usize, usize),
    vectors: usize,
    dst: *mut f32,
) {
    let panel = vectors * S::LANES;
    if turned {
        for col in (0..cols).step_by(panel) {
            let width = (cols - col).min(panel);
            // SAFETY: all panels before this one are whole, so `k · col` words lie before it.
            unsafe { transpose(s, src.add(col * ld), ld, (width, k), dst.add(k * col), width.next_multiple_of(S::LANES), true) };
        }
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        match vectors {
            1 => panels::<S, 1>(s, src, ld, (k, cols), dst),
            2 => panels::<S, 2>(s, src, ld, (k, cols), dst),
            3 => panels::<S, 3>(s, src, ld, (k, cols), dst),
            _ => panels::<S, 4>(s, src, ld, (k, cols), dst),
        }
    }
}

/// Rows copied together, so that several streams of memory are read at once.
const TOGETHER: usize = 4;

/// [`pack_right`] of a block that is not turned: row by row over all panels, so that memory is read in order.
///
/// # Safety
/// As for [`pack_right`].
#[inline(always)]
unsafe fn panels<S: Simd, const VECTORS: usize>(s: S, src: *const f32, ld: usize, (k, cols): (usize, usize), dst: *mut f32) {
    let panel = VECTORS * S::LANES;
    let whole = cols / panel * panel;
    let mut p = 0;
    while p < k {
        let rows = (k - p).min(TOGETHER);
        // SAFETY: rows p .. p + rows of the block, to the same rows of each panel.
        unsafe {
            let from = src.add(p * ld);
            let mut to = dst.add(p * panel);
            let mut col = 0;
            while col < whole {
                for r in 0..rows {
                    for v in 0..VECTORS {
                        s.store(to.add(r * panel + v * S::LANES), s.load(from.add(r * ld + col + v * S::LANES)));
                    }
                }
                to = to.add(k * panel);
                col += panel;
            }
            if col < cols {
                let step = (cols - col).next_multiple_of(S::LANES);
                for r in 0..rows {
                    let to = dst.add(k * col + (p + r) * step);
                    for v in (0..cols - col).step_by(S::LANES) {
                        s.store(to.add(v), s.load_partial(from.add(r * ld + col + v), cols - col - v));
                    }
                }
            }
        }
        p += rows;
    }
}

/// Copies `rows` rows of length k to distance `dst_ld`.
///
/// # Safety
/// Both sides hold the rows and do not overlap.
#[inline(always)]
pub(super) unsafe fn copy_rows<S: Simd>(s: S, src: *const f32, src_ld: usize, (rows, k): (usize, usize), dst: *mut f32, dst_ld: usize) {
    for i in 0..rows {
        let (from, to) = (src.wrapping_add(i * src_ld), dst.wrapping_add(i * dst_ld));
        let whole = k / S::LANES * S::LANES;
        for p in (0..whole).step_by(S::LANES) {
            s.prefetch(from.wrapping_add(ROWS_AHEAD * src_ld + p));
            // SAFETY: whole vectors of row i.
            unsafe { s.store(to.add(p), s.load(from.add(p))) };
        }
        for p in whole..k {
            // SAFETY: element p of row i.
            unsafe { *to.add(p) = *from.add(p) };
        }
    }
}
