//! Strided operands: the words of a flat range, pointed at where they lie together and gathered where they do not.
//!
//! `unsafe`: gathers through pointers that the plan has proved to lie within their buffers.
#![allow(unsafe_code)]

use super::program::SPLAT;

/// Readable words behind the last element of what lies in the interpreter's own memory: a vector of rows of 16 elements.
pub(crate) const SPARE: usize = SPLAT * SPLAT;

/// What a strided operand amounts to for one range.
#[derive(Clone, Copy)]
pub(crate) struct Source {
    pub(crate) ptr: *const f32,
    /// 1, or 0 when one splatted value stands for all.
    pub(crate) step: usize,
    /// Words between the lines of a block of several.
    pub(crate) pitch: usize,
    /// Words behind the last that may be read, too: [`SPARE`] where it lies in the interpreter's own memory, one line behind the
    /// other, else 0.
    pub(crate) spare: usize,
}

/// Makes the elements `start .. start + n` of the strided operand at `base` readable, in `reg` unless they lie together.
///
/// # Safety
/// Every element addressed by `dims` (sizes and strides, outermost first) must be readable from `base`; `reg` must hold
/// `max(n, 16)` words; `start + n` must not exceed the product of the sizes; `n > 0`.
#[inline(always)]
pub(crate) unsafe fn prepare(base: *const f32, dims: &[(usize, isize)], start: usize, n: usize, reg: *mut f32) -> Source {
    let (inner, stride) = dims.last().copied().unwrap_or((1, 0));
    let (line, col) = (start / inner, start % inner);
    if col + n <= inner {
        // One run along the last dimension.
        // SAFETY: the caller's promise; the run is within the operand.
        unsafe {
            let p = base.offset(line_offset(dims, line) + col as isize * stride);
            match stride {
                1 => return Source { ptr: p, step: 1, pitch: 0, spare: 0 },
                0 => {
                    std::slice::from_raw_parts_mut(reg, SPLAT).fill(*p);
                    return Source { ptr: reg, step: 0, pitch: 0, spare: SPARE };
                }
                _ => {}
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { gather(base, dims, line, col, n, reg) };
    Source { ptr: reg, step: 1, pitch: 0, spare: SPARE }
}

/// As [`prepare`] for `lines` stretches of `n` elements, `pitch` apart.
///
/// # Safety
/// As for [`prepare`], for every stretch; `reg` must hold `max(lines · n, 16)` words.
#[inline(always)]
pub(crate) unsafe fn prepare_box(
    base: *const f32,
    dims: &[(usize, isize)],
    start: usize,
    (lines, n, pitch): (usize, usize, usize),
    reg: *mut f32,
) -> Source {
    // SAFETY: the caller's promise.
    unsafe {
        if let [(_, outer @ 0..), (inner, 1)] = *dims
            && inner == pitch
        {
            let p = base.add(start / inner * outer as usize + start % inner);
            return Source { ptr: p, step: 1, pitch: outer as usize, spare: 0 };
        }
        let inner = dims.last().map_or(1, |d| d.0);
        for l in 0..lines {
            let at = start + l * pitch;
            gather(base, dims, at / inner, at % inner, n, reg.add(l * n));
        }
    }
    Source { ptr: reg, step: 1, pitch: n, spare: SPARE }
}

/// Offset of the `line`-th run of the last dimension.
#[inline(always)]
fn line_offset(dims: &[(usize, isize)], mut line: usize) -> isize {
    let mut offset = 0;
    for &(size, stride) in dims[..dims.len().saturating_sub(1)].iter().rev() {
        offset += (line % size) as isize * stride;
        line /= size;
    }
    offset
}

/// Copies `n` elements from run `line`, column `col` on.
///
/// # Safety
/// As for [`prepare`].
#[inline(always)]
unsafe fn gather(base: *const f32, dims: &[(usize, isize)], mut line: usize, mut col: usize, n: usize, out: *mut f32) {
    let (inner, stride) = dims.last().copied().unwrap_or((1, 0));
    // Along the next dimension one line follows the other at a fixed distance.
    let (height, distance) = dims.len().checked_sub(2).map_or((1, 0), |at| dims[at]);
    let mut row = line % height;
    let mut offset = line_offset(dims, line);
    let mut done = 0;
    while done < n {
        let run = (inner - col).min(n - done);
        // SAFETY: the caller's promise; `run` elements of one line, to `run` words of the register.
        unsafe {
            let p = base.offset(offset + col as isize * stride);
            let to = std::slice::from_raw_parts_mut(out.add(done), run);
            match stride {
                0 => to.fill(*p),
                1 if run >= SPLAT => std::ptr::copy_nonoverlapping(p, to.as_mut_ptr(), run),
                // Short lines, too: a call takes longer than their words.
                _ => {
                    for (i, t) in to.iter_mut().enumerate() {
                        *t = *p.offset(i as isize * stride);
                    }
                }
            }
        }
        done += run;
        line += 1;
        row += 1;
        offset += distance;
        col = 0;
        if row == height {
            row = 0;
            offset = line_offset(dims, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_strided_operands() {
        let data: Vec<f32> = (0..24).map(|i| i as f32).collect(); // (4, 6)
        let expect = |dims: &[(usize, isize)], at: usize| {
            let n: usize = dims.iter().map(|d| d.0).product();
            (0..n).map(|i| at as isize + line_offset(&[dims, &[(1, 0)]].concat(), i)).map(|i| data[i as usize]).collect::<Vec<_>>()
        };
        for (at, dims) in [
            (0, vec![(6, 1), (4, 6)]),
            (23, vec![(24, -1)]),
            (2, vec![(3, 0), (4, 1)]),
            (1, vec![(4, 6), (5, 0)]),
            (0, vec![(2, 12), (3, 0), (6, 1)]),
        ] {
            let all = expect(&dims, at);
            for start in 0..all.len() {
                for n in 1..=all.len() - start {
                    let mut reg = vec![0.0; 64];
                    // SAFETY: the dims stay within `data`, the register is large enough.
                    let got = unsafe { prepare(data.as_ptr().add(at), &dims, start, n, reg.as_mut_ptr()) };
                    for i in 0..n {
                        // SAFETY: `prepare` made `n` elements readable (or 16 with step 0).
                        assert_eq!(unsafe { *got.ptr.add(i * got.step) }, all[start + i], "{dims:?} {start} {n} {i}");
                    }
                }
            }
        }
    }
}
