//! SIMD by capability tokens: one generic kernel, one instance per instruction set.
//!
//! A token ([`Portable`], and where the machine has them [`Avx512`], [`Avx2`], `Neon`) is a zero-sized proof that the CPU has the
//! instructions; it can only be made by `detect`. Kernels are generic over [`Simd`], marked `#[inline(always)]`, and entered through
//! [`dispatch`], which runs them inside a function compiled for that instruction set.
//!
//! **Equal bits.** Every operation is defined exactly (fused multiply-add included), so the same kernel gives the same bits on every
//! instruction set; only the sign and payload of a NaN may differ. The one exception is [`Simd::dot2`] by the instruction of
//! AVX512-BF16. Sums over many elements go through [`Acc16`]: 16 virtual lanes and one
//! combine tree, however wide the real vectors are.
//!
//! `unsafe` is needed here because vector intrinsics may only be called where the CPU has them (the token proves it) and because loads
//! and stores through pointers are how kernels touch memory.
//!
//! ```
//! use adaline_cpu::simd::{dispatch, Isa, Simd, WithSimd};
//!
//! struct Double<'a>(&'a mut [f32]);
//! impl WithSimd for Double<'_> {
//!     type Output = ();
//!     #[inline(always)]
//!     fn run<S: Simd>(self, s: S) {
//!         for chunk in self.0.chunks_mut(S::LANES) {
//!             let x = s.read(chunk);
//!             s.write(chunk, s.add(x, x));
//!         }
//!     }
//! }
//! let mut v = vec![1.0, 2.0, 3.0];
//! dispatch(Isa::best(), Double(&mut v));
//! assert_eq!(v, [2.0, 4.0, 6.0]);
//! ```
#![allow(unsafe_code)]
#![allow(clippy::wildcard_imports)] // intrinsics, by the dozen
#![allow(clippy::wrong_self_convention)] // `self` is the token, not the value converted

mod acc;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(test)]
mod tests;

pub use acc::{Acc16, VIRTUAL_LANES, combine16};
#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::{Avx512, is_intel};
pub use isa::{Isa, UnknownIsa, dispatch};
#[cfg(target_arch = "aarch64")]
pub use neon::Neon;
pub use portable::Portable;

/// A computation that is generic over the instruction set. Implement `run` with `#[inline(always)]`.
pub trait WithSimd {
    /// What it returns.
    type Output;
    /// The computation.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// An instruction set: vectors of `LANES` `f32` (or 32-bit integers), masks, and exact operations on them.
///
/// Names without a suffix work on `f32`; `_i` works on 32-bit integers (wrapping; `_u` where the sign matters).
pub trait Simd: Copy + Send + Sync + std::fmt::Debug + 'static {
    /// 32-bit lanes of a vector: 4, 8 or 16 (a divisor of 16).
    const LANES: usize;
    /// Which instruction set this is.
    const ISA: Isa;
    /// Words of a packed panel of the right operand of a product, which many register tiles read in turn. Measured: half of an L1 cache of 32 KiB;
    /// with 16 lanes, whose tiles take longer for each line of it, twice as much, read from L2 where it must be.
    const GEMM_PANEL: usize = 4096;
    /// Rows of the largest GEMM register tile at [`Simd::GEMM_VECTORS`] vectors per row.
    const GEMM_ROWS: usize;
    /// Vectors per row of the usual GEMM register tile.
    const GEMM_VECTORS: usize;
    /// Rows of the largest GEMM register tile of four vectors per row, for products with few rows.
    const GEMM_WIDE_ROWS: usize;
    /// Vector of `f32`.
    type F: Copy;
    /// Vector of 32-bit integers.
    type I: Copy;
    /// One truth value per lane.
    type M: Copy;

    /// Runs `op` in a function compiled for this instruction set.
    fn vectorize<W: WithSimd>(self, op: W) -> W::Output;
    /// As [`Simd::vectorize`], but never inlined into the caller: for one of many large kernels.
    fn outline<W: WithSimd>(self, op: W) -> W::Output;

    /// All lanes `x`.
    fn splat(self, x: f32) -> Self::F;
    /// All lanes `x`.
    fn splat_i(self, x: i32) -> Self::I;
    /// 0, 1, 2, …
    fn iota(self) -> Self::I;
    /// The first `n` lanes true (all, if `n >= LANES`).
    fn first_n(self, n: usize) -> Self::M;

    /// `LANES` values from `p`, any alignment.
    ///
    /// # Safety
    /// `p .. p + LANES` must be readable.
    unsafe fn load(self, p: *const f32) -> Self::F;
    /// Writes `LANES` values to `p`, any alignment.
    ///
    /// # Safety
    /// `p .. p + LANES` must be writable.
    unsafe fn store(self, p: *mut f32, x: Self::F);
    /// `min(n, LANES)` values from `p`, the other lanes 0.
    ///
    /// # Safety
    /// `p .. p + min(n, LANES)` must be readable.
    unsafe fn load_partial(self, p: *const f32, n: usize) -> Self::F;
    /// Writes the first `min(n, LANES)` lanes to `p`.
    ///
    /// # Safety
    /// `p .. p + min(n, LANES)` must be writable.
    unsafe fn store_partial(self, p: *mut f32, n: usize, x: Self::F);
    /// Lane i from `p + i·stride`.
    ///
    /// # Safety
    /// Those places must be readable.
    #[inline(always)]
    unsafe fn load_strided(self, p: *const f32, stride: usize) -> Self::F {
        let mut lanes = [0.0f32; VIRTUAL_LANES];
        for (i, x) in lanes[..Self::LANES].iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *x = unsafe { *p.add(i * stride) };
        }
        self.read(&lanes)
    }
    /// As [`Simd::load_strided`] of the first `n` lanes; the others repeat lane `n - 1`.
    ///
    /// # Safety
    /// The places of the first `n` lanes must be readable; `0 < n`.
    #[inline(always)]
    unsafe fn load_strided_partial(self, p: *const f32, stride: usize, n: usize) -> Self::F {
        let mut lanes = [0.0f32; VIRTUAL_LANES];
        for (i, x) in lanes[..Self::LANES].iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *x = unsafe { *p.add(i.min(n - 1) * stride) };
        }
        self.read(&lanes)
    }
    /// `*p` in all lanes.
    ///
    /// # Safety
    /// `p` must be readable.
    #[inline(always)]
    unsafe fn load_splat(self, p: *const f32) -> Self::F {
        // SAFETY: the caller's promise.
        self.splat(unsafe { p.read_unaligned() })
    }
    /// As [`Simd::load`], of integers.
    ///
    /// # Safety
    /// `p .. p + LANES` must be readable.
    #[inline(always)]
    unsafe fn load_i(self, p: *const i32) -> Self::I {
        // SAFETY: the caller's promise; an `i32` is read as the `f32` of the same bits and cast back.
        self.to_bits(unsafe { self.load(p.cast()) })
    }
    /// As [`Simd::store`], of integers.
    ///
    /// # Safety
    /// `p .. p + LANES` must be writable.
    #[inline(always)]
    unsafe fn store_i(self, p: *mut i32, x: Self::I) {
        // SAFETY: the caller's promise.
        unsafe { self.store(p.cast(), self.from_bits(x)) }
    }
    /// As [`Simd::load_partial`], of integers.
    ///
    /// # Safety
    /// `p .. p + min(n, LANES)` must be readable.
    #[inline(always)]
    unsafe fn load_partial_i(self, p: *const i32, n: usize) -> Self::I {
        // SAFETY: the caller's promise.
        self.to_bits(unsafe { self.load_partial(p.cast(), n) })
    }
    /// As [`Simd::store_partial`], of integers.
    ///
    /// # Safety
    /// `p .. p + min(n, LANES)` must be writable.
    #[inline(always)]
    unsafe fn store_partial_i(self, p: *mut i32, n: usize, x: Self::I) {
        // SAFETY: the caller's promise.
        unsafe { self.store_partial(p.cast(), n, self.from_bits(x)) }
    }
    /// The first `min(LANES, xs.len())` values of a slice, the other lanes 0.
    #[inline(always)]
    fn read(self, xs: &[f32]) -> Self::F {
        if xs.len() >= Self::LANES {
            // SAFETY: the slice holds at least `LANES` values.
            unsafe { self.load(xs.as_ptr()) }
        } else {
            // SAFETY: exactly the values of the slice are read.
            unsafe { self.load_partial(xs.as_ptr(), xs.len()) }
        }
    }
    /// Writes the first `min(LANES, out.len())` lanes to a slice.
    #[inline(always)]
    fn write(self, out: &mut [f32], x: Self::F) {
        if out.len() >= Self::LANES {
            // SAFETY: the slice holds at least `LANES` values.
            unsafe { self.store(out.as_mut_ptr(), x) }
        } else {
            // SAFETY: exactly the values of the slice are written.
            unsafe { self.store_partial(out.as_mut_ptr(), out.len(), x) }
        }
    }
    /// Hints that the cache line at `p` will be read soon; any address is allowed.
    #[inline(always)]
    fn prefetch(self, _p: *const f32) {}
    /// Transposes a `LANES` × `LANES` block: `dst[c·dst_ld + r] = src[r·src_ld + c]`.
    ///
    /// # Safety
    /// The `LANES` rows of `LANES` values at stride `src_ld` must be readable, those at `dst` and `dst_ld` writable, and not overlap.
    #[inline(always)]
    unsafe fn transpose_block(self, src: *const f32, src_ld: usize, dst: *mut f32, dst_ld: usize) {
        for r in 0..Self::LANES {
            for c in 0..Self::LANES {
                // SAFETY: the caller's promise.
                unsafe { *dst.add(c * dst_ld + r) = *src.add(r * src_ld + c) };
            }
        }
    }

    /// `a + b`
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`, correctly rounded
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once
    fn mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// `c - a * b`, rounded once
    fn neg_mul_add(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Square root, correctly rounded
    fn sqrt(self, a: Self::F) -> Self::F;
    /// `-a` (the sign bit flips, of NaN too)
    fn neg(self, a: Self::F) -> Self::F;
    /// `|a|` (the sign bit cleared)
    fn abs(self, a: Self::F) -> Self::F;
    /// `if a < b { a } else { b }`: `b` where either is NaN or both are equal
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// `if a > b { a } else { b }`: `b` where either is NaN or both are equal
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// Smaller of the two; NaN where either is NaN.
    #[inline(always)]
    fn min_nan(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.ne(a, a), a, self.min(a, b))
    }
    /// Larger of the two; NaN where either is NaN.
    #[inline(always)]
    fn max_nan(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.ne(a, a), a, self.max(a, b))
    }
    /// Largest integer not above
    fn floor(self, a: Self::F) -> Self::F;
    /// Nearest integer, ties to even
    fn round(self, a: Self::F) -> Self::F;

    /// `a < b`, false with NaN
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a <= b`, false with NaN
    fn le(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a == b`, false with NaN
    fn eq(self, a: Self::F, b: Self::F) -> Self::M;
    /// `a != b`, true with NaN
    fn ne(self, a: Self::F, b: Self::F) -> Self::M;
    /// Both
    fn and_m(self, a: Self::M, b: Self::M) -> Self::M;
    /// Either
    fn or_m(self, a: Self::M, b: Self::M) -> Self::M;
    /// Negation
    fn not_m(self, a: Self::M) -> Self::M;
    /// Whether some lane is true
    fn any(self, m: Self::M) -> bool;
    /// `a` where `m`, else `b`
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;
    /// `a` where `m`, else `b`
    fn select_i(self, m: Self::M, a: Self::I, b: Self::I) -> Self::I;
    /// `a` where `m`, else `+0.0`
    #[inline(always)]
    fn select_or_zero(self, m: Self::M, a: Self::F) -> Self::F {
        self.select(m, a, self.splat(0.0))
    }
    /// 1.0 where `m`, else 0.0
    #[inline(always)]
    fn mask_to_f(self, m: Self::M) -> Self::F {
        self.select_or_zero(m, self.splat(1.0))
    }
    /// Lane i is lane `at[i]` of `a`; each of `at` from 0 to `LANES - 1`, else the value of that lane is unspecified.
    #[inline(always)]
    fn permute(self, a: Self::F, at: Self::I) -> Self::F {
        let (mut from, mut places, mut to) = ([0.0f32; VIRTUAL_LANES], [0i32; VIRTUAL_LANES], [0.0f32; VIRTUAL_LANES]);
        self.write(&mut from, a);
        // SAFETY: an array of 16 words holds a vector of at most 16 lanes.
        unsafe { self.store_i(places.as_mut_ptr(), at) };
        for (x, i) in to.iter_mut().zip(places) {
            *x = from[i as usize % Self::LANES];
        }
        self.read(&to)
    }
    /// `a != 0` (true for NaN)
    #[inline(always)]
    fn truthy(self, a: Self::F) -> Self::M {
        self.ne(a, self.splat(0.0))
    }

    /// `acc + a₀·b₀ + a₁·b₁`: lanes of `a` and `b` are pairs of bfloat16, the first in the upper 16 bits.
    ///
    /// Defined as Intel documents VDPBF16PS (Instruction Set Extensions Programming Reference): a fused multiply-add of the upper halves,
    /// then one of the lower halves, each rounded to nearest, ties to even, whatever the control register says; subnormal operands
    /// (`acc` too) count as zero, and subnormal results become zero, both of the same sign. Where nothing is subnormal, that is the
    /// chain of [`Simd::mul_add`] over the pair.
    ///
    /// `Avx512<true>` uses the instruction; that it rounds between its two products just so is the maker's word, not checked by us, so
    /// nothing may rely on its last bits. All others compute the definition.
    #[inline(always)]
    fn dot2(self, acc: Self::F, a: Self::I, b: Self::I) -> Self::F {
        emulated_dot2(self, acc, a, b)
    }

    /// The bits as integers
    fn to_bits(self, a: Self::F) -> Self::I;
    /// The bits as floats
    fn from_bits(self, a: Self::I) -> Self::F;
    /// To the nearest `f32`
    fn i_to_f(self, a: Self::I) -> Self::F;
    /// Towards zero, saturating, NaN to 0: as Rust's `as`
    fn f_to_i(self, a: Self::F) -> Self::I;
    /// To the nearest integer, ties to even. `|a|` must be below 2^31, else the value is unspecified.
    fn round_to_i(self, a: Self::F) -> Self::I;

    /// Wrapping sum
    fn add_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Wrapping difference
    fn sub_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Low 32 bits of the product
    fn mul_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// High 32 bits of the product of unsigned integers
    fn mul_high_u(self, a: Self::I, b: Self::I) -> Self::I;
    /// Smaller, signed
    fn min_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Larger, signed
    fn max_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a << n`, `n < 32`
    fn shl_i(self, a: Self::I, n: u32) -> Self::I;
    /// `a >> n` with the sign, `n < 32`
    fn shr_i(self, a: Self::I, n: u32) -> Self::I;
    /// `a >> n` filling with zeros, `n < 32`
    fn shr_u(self, a: Self::I, n: u32) -> Self::I;
    /// Bitwise and
    fn and_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise or
    fn or_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise exclusive or
    fn xor_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// `a == b`
    fn eq_i(self, a: Self::I, b: Self::I) -> Self::M;
    /// `a < b`, signed
    fn lt_i(self, a: Self::I, b: Self::I) -> Self::M;
}

/// [`Simd::dot2`] by its definition. Whether a result is subnormal is seen after rounding it to an `f32`. Only tests get here: kept out of
/// their many kernels, so that those are soon compiled.
#[inline(never)]
fn emulated_dot2<S: Simd>(s: S, acc: S::F, a: S::I, b: S::I) -> S::F {
    let flush = |x: S::F| {
        let zero = s.from_bits(s.and_i(s.to_bits(x), s.splat_i(i32::MIN)));
        s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), zero, x)
    };
    let upper = |x: S::I| flush(s.from_bits(s.and_i(x, s.splat_i(!0xFFFF))));
    let lower = |x: S::I| flush(s.from_bits(s.shl_i(x, 16)));
    let acc = flush(s.mul_add(upper(a), upper(b), flush(acc)));
    flush(s.mul_add(lower(a), lower(b), acc))
}

/// Writes methods of a token whose bodies are intrinsics.
macro_rules! intrinsics {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $ty),*) -> $ret {
            // SAFETY: the token exists only where `detect` has seen that the CPU has these instructions; no memory is touched.
            unsafe { $body }
        }
    )*};
}
pub(crate) use intrinsics;
