//! Integer arithmetic, counters and random numbers over blocks of words.
//!
//! `unsafe`: works on raw block pointers that the interpreter vouches for.
#![allow(unsafe_code)]

use super::fill::Source;
use crate::simd::Simd;
use adaline_graph::philox::{Philox, uniform};
use adaline_graph::{BinaryOp, Distribution, UnaryOp};

/// Applies `f` to `n` words.
///
/// # Safety
/// `a` must be readable at its step for `n` words, `d` writable; they may coincide but not overlap otherwise.
#[inline(always)]
unsafe fn map1(n: usize, d: *mut f32, a: Source, f: impl Fn(i32) -> u32) {
    for i in 0..n {
        // SAFETY: the caller's promise; words are read and written as bits of the same size.
        unsafe { *d.cast::<u32>().add(i) = f(*a.ptr.cast::<i32>().add(i * a.step)) };
    }
}

/// As [`map1`] with two operands.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
unsafe fn map2(n: usize, d: *mut f32, a: Source, b: Source, f: impl Fn(i32, i32) -> u32) {
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe { *d.cast::<u32>().add(i) = f(*a.ptr.cast::<i32>().add(i * a.step), *b.ptr.cast::<i32>().add(i * b.step)) };
    }
}

/// Truth as a word.
fn truth(b: bool) -> u32 {
    f32::from(u8::from(b)).to_bits()
}

/// An operation of one integer.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
pub(crate) unsafe fn unary(op: UnaryOp, n: usize, d: *mut f32, a: Source) {
    // SAFETY: the caller's promise.
    unsafe {
        match op {
            UnaryOp::Neg => map1(n, d, a, |x| x.wrapping_neg() as u32),
            UnaryOp::Abs => map1(n, d, a, |x| x.wrapping_abs() as u32),
            UnaryOp::Sign => map1(n, d, a, |x| x.signum() as u32),
            // Type inference admits no other on integers.
            _ => map1(n, d, a, |x| x as u32),
        }
    }
}

/// An operation of two integers.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
pub(crate) unsafe fn binary(op: BinaryOp, n: usize, d: *mut f32, a: Source, b: Source) {
    // SAFETY: the caller's promise.
    unsafe {
        match op {
            BinaryOp::Add => map2(n, d, a, b, |x, y| x.wrapping_add(y) as u32),
            BinaryOp::Sub => map2(n, d, a, b, |x, y| x.wrapping_sub(y) as u32),
            BinaryOp::Mul => map2(n, d, a, b, |x, y| x.wrapping_mul(y) as u32),
            BinaryOp::Max => map2(n, d, a, b, |x, y| x.max(y) as u32),
            BinaryOp::Min => map2(n, d, a, b, |x, y| x.min(y) as u32),
            BinaryOp::Lt => map2(n, d, a, b, |x, y| truth(x < y)),
            BinaryOp::Le => map2(n, d, a, b, |x, y| truth(x <= y)),
            BinaryOp::Eq => map2(n, d, a, b, |x, y| truth(x == y)),
            BinaryOp::Ne => map2(n, d, a, b, |x, y| truth(x != y)),
            // Type inference admits no other on integers.
            BinaryOp::Div | BinaryOp::Pow | BinaryOp::And | BinaryOp::Or => map1(n, d, a, |x| x as u32),
        }
    }
}

/// Integers to truth values.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
pub(crate) unsafe fn to_bool(n: usize, d: *mut f32, a: Source) {
    // SAFETY: the caller's promise.
    unsafe { map1(n, d, a, |x| truth(x != 0)) }
}

/// Counters: `(flat / inner) % size` for `flat = start ..`.
///
/// # Safety
/// `d` must be writable for `n` words.
#[inline(always)]
pub(crate) unsafe fn iota(n: usize, d: *mut f32, start: usize, inner: usize, size: usize) {
    let (mut phase, mut count) = (start % inner, start / inner % size);
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe { *d.cast::<u32>().add(i) = count as u32 };
        phase += 1;
        if phase == inner {
            phase = 0;
            count += 1;
            if count == size {
                count = 0;
            }
        }
    }
}

/// Random numbers of elements `start ..`.
///
/// # Safety
/// `d` must be writable for `n` words, `seed` readable for two words, `step` for one.
#[inline(always)]
pub(crate) unsafe fn random<S: Simd>(
    s: S,
    dist: Distribution,
    stream: u64,
    n: usize,
    d: *mut f32,
    start: usize,
    (seed, step): (*const f32, *const f32),
) {
    // SAFETY: the caller's promise.
    let (key, step) = unsafe { ([*seed.cast::<u32>(), *seed.cast::<u32>().add(1)], *step.cast::<u32>()) };
    let rng = Philox::new(u64::from(key[0]) | u64::from(key[1]) << 32, stream, step);
    // SAFETY: the caller's promise.
    let out = unsafe { std::slice::from_raw_parts_mut(d, n) };
    match dist {
        Distribution::Normal => {
            for (i, o) in out.iter_mut().enumerate() {
                *o = rng.normal((start + i) as u64);
            }
        }
        Distribution::Uniform => uniforms(s, &rng, key, stream, step, start, out),
    }
}

/// Uniform numbers, as many Philox blocks at a time as there are lanes.
#[inline(always)]
fn uniforms<S: Simd>(s: S, rng: &Philox, key: [u32; 2], stream: u64, step: u32, start: usize, out: &mut [f32]) {
    let head = (start.next_multiple_of(4) - start).min(out.len());
    let (first, rest) = out.split_at_mut(head);
    for (i, o) in first.iter_mut().enumerate() {
        *o = rng.uniform((start + i) as u64);
    }
    let mut block = ((start + head) / 4) as u32;
    let mut groups = rest.chunks_exact_mut(4 * S::LANES);
    for group in &mut groups {
        let words = philox(s, block, step, stream, key);
        for (i, quad) in group.chunks_exact_mut(4).enumerate() {
            for (o, w) in quad.iter_mut().zip(&words) {
                *o = uniform(w[i]);
            }
        }
        block += S::LANES as u32;
    }
    for (i, o) in groups.into_remainder().iter_mut().enumerate() {
        *o = rng.uniform(u64::from(block) * 4 + i as u64);
    }
}

/// Ten rounds of Philox-4x32 for blocks `block, block + 1, …`, one per lane.
#[inline(always)]
fn philox<S: Simd>(s: S, block: u32, step: u32, stream: u64, key: [u32; 2]) -> [[u32; 16]; 4] {
    let (m0, m1) = (s.splat_i(0xD251_1F53_u32 as i32), s.splat_i(0xCD9E_8D57_u32 as i32));
    let splat = |w: u32| s.splat_i(w as i32);
    let mut c = [s.add_i(splat(block), s.iota()), splat(step), splat(stream as u32), splat((stream >> 32) as u32)];
    let mut k = key;
    for _ in 0..10 {
        let (h0, l0) = (s.mul_high_u(m0, c[0]), s.mul_i(m0, c[0]));
        let (h1, l1) = (s.mul_high_u(m1, c[2]), s.mul_i(m1, c[2]));
        c = [s.xor_i(s.xor_i(h1, c[1]), splat(k[0])), l1, s.xor_i(s.xor_i(h0, c[3]), splat(k[1])), l0];
        k = [k[0].wrapping_add(0x9E37_79B9), k[1].wrapping_add(0xBB67_AE85)];
    }
    let mut words = [[0u32; 16]; 4];
    for (w, v) in words.iter_mut().zip(c) {
        // SAFETY: an array of 16 words holds a vector of at most 16 lanes.
        unsafe { s.store_i(w.as_mut_ptr().cast(), v) };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, WithSimd, dispatch};

    struct Draw<'a>(&'a mut [f32], usize);
    impl WithSimd for Draw<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let (seed, step) = ([7u32, 9], [3u32]);
            let n = self.0.len();
            // SAFETY: the slice holds `n` words, the seed two and the step one.
            unsafe {
                random(
                    s,
                    Distribution::Uniform,
                    0xABCD_EF01_2345,
                    n,
                    self.0.as_mut_ptr(),
                    self.1,
                    (seed.as_ptr().cast(), step.as_ptr().cast()),
                );
            }
        }
    }

    #[test]
    fn uniform_numbers_are_those_of_the_reference_wherever_a_block_begins() {
        let rng = Philox::new(7 | 9 << 32, 0xABCD_EF01_2345, 3);
        for isa in Isa::available() {
            for (start, n) in [(0, 200), (1, 130), (3, 5), (6, 1), (1023, 77), (4, 0)] {
                let mut out = vec![0.0; n];
                dispatch(isa, Draw(&mut out, start));
                for (i, v) in out.iter().enumerate() {
                    assert_eq!(v.to_bits(), rng.uniform((start + i) as u64).to_bits(), "{isa} {start}+{i}");
                }
            }
        }
    }
}
