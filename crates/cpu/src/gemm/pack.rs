//! Copying operands into the order in which the register tiles read them, and transposing.

use crate::simd::Simd;

/// `dst[c·dst_ld + r] = src[r·src_ld + c]` for r < rows, c < cols. With `pad`, rows of `dst` are filled with zeros to whole vectors.
///
/// # Safety
/// `src` holds `rows` rows of `cols`; `dst` holds `cols` rows of `rows`, or with `pad` of `rows` rounded up to whole vectors; they do not overlap.
#[inline(always)]
pub(super) unsafe fn transpose<S: Simd>(
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
            // SAFETY: blocks inside the matrices; the buffers hold 16 × 16 ≥ LANES × LANES words.
            unsafe {
                let (from, to) = (src.add(r * src_ld + c), dst.add(c * dst_ld + r));
                if height == S::LANES && width == S::LANES {
                    s.transpose_block(from, src_ld, to, dst_ld);
                    continue;
                }
                let mut block = [0.0f32; 256];
                let mut turned = [0.0f32; 256];
                for i in 0..height {
                    s.store(block.as_mut_ptr().add(i * S::LANES), s.load_partial(from.add(i * src_ld), width));
                }
                s.transpose_block(block.as_ptr(), S::LANES, turned.as_mut_ptr(), S::LANES);
                for i in 0..width {
                    let x = s.load(turned.as_ptr().add(i * S::LANES));
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
pub(super) unsafe fn pack_right<S: Simd>(
    s: S,
    src: *const f32,
    ld: usize,
    turned: bool,
    (k, cols): (usize, usize),
    vectors: usize,
    dst: *mut f32,
) {
    let panel = vectors * S::LANES;
    for col in (0..cols).step_by(panel) {
        let width = (cols - col).min(panel);
        let step = width.next_multiple_of(S::LANES);
        // SAFETY: all panels before this one are whole, so `k · col` words lie before it; rows and columns stay inside the block.
        unsafe {
            let to = dst.add(k * col);
            if turned {
                transpose(s, src.add(col * ld), ld, (width, k), to, step, true);
            } else {
                for p in 0..k {
                    let from = src.add(p * ld + col);
                    for v in (0..width).step_by(S::LANES) {
                        let x = if width - v >= S::LANES { s.load(from.add(v)) } else { s.load_partial(from.add(v), width - v) };
                        s.store(to.add(p * step + v), x);
                    }
                }
            }
        }
    }
}

/// Copies `rows` rows of length k to distance `dst_ld`.
///
/// # Safety
/// Both sides hold the rows and do not overlap.
#[inline(always)]
pub(super) unsafe fn copy_rows<S: Simd>(s: S, src: *const f32, src_ld: usize, (rows, k): (usize, usize), dst: *mut f32, dst_ld: usize) {
    for i in 0..rows {
        for p in (0..k).step_by(S::LANES) {
            // SAFETY: at most k − p elements of row i.
            unsafe {
                let (from, to) = (src.add(i * src_ld + p), dst.add(i * dst_ld + p));
                if k - p >= S::LANES {
                    s.store(to, s.load(from));
                } else {
                    s.store_partial(to, k - p, s.load_partial(from, k - p));
                }
            }
        }
    }
}
