//! AVX2 with FMA: 8 lanes, masks as vectors of all-ones or all-zeros.

use super::{Isa, Simd, WithSimd, intrinsics};
use std::arch::x86_64::*;

/// Proof that the CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(());

impl Avx2 {
    /// The token, if the CPU and the operating system support the instructions.
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn enter<W: WithSimd>(s: Avx2, op: W) -> W::Output {
    op.run(s)
}

#[inline(never)]
#[target_feature(enable = "avx2,fma")]
fn enter_outlined<W: WithSimd>(s: Avx2, op: W) -> W::Output {
    op.run(s)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn mask(n: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

/// Writes the first `n` lanes in pieces: the masked store of some machines takes as long as a dozen whole ones, and what it wrote cannot be read
/// back before it has reached the cache.
///
/// # Safety
/// `p .. p + min(n, 8)` must be writable.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn store_pieces(mut p: *mut f32, n: usize, x: __m256) {
    // SAFETY: the caller's promise; the pieces are of 4, 2 and 1 words, as the bits of `n` say.
    unsafe {
        if n >= 8 {
            return _mm256_storeu_ps(p, x);
        }
        let mut half = _mm256_castps256_ps128(x);
        if n & 4 != 0 {
            _mm_storeu_ps(p, half);
            (p, half) = (p.add(4), _mm256_extractf128_ps::<1>(x));
        }
        if n & 2 != 0 {
            _mm_store_sd(p.cast(), _mm_castps_pd(half));
            (p, half) = (p.add(2), _mm_movehl_ps(half, half));
        }
        if n & 1 != 0 {
            _mm_store_ss(p, half);
        }
    }
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const ISA: Isa = Isa::Avx2;
    const GEMM_ROWS: usize = 6;
    const GEMM_VECTORS: usize = 2;
    const GEMM_WIDE_ROWS: usize = 2;
    type F = __m256;
    type I = __m256i;
    type M = __m256;

    #[inline(always)]
    fn vectorize<W: WithSimd>(self, op: W) -> W::Output {
        // SAFETY: the token proves the features.
        unsafe { enter(self, op) }
    }
    #[inline(always)]
    fn outline<W: WithSimd>(self, op: W) -> W::Output {
        // SAFETY: the token proves the features.
        unsafe { enter_outlined(self, op) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: __m256) {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { _mm256_storeu_ps(p, x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, n: usize) -> __m256 {
        // SAFETY: the token proves the feature; masked-out lanes are not accessed, the others the caller vouches for.
        unsafe { _mm256_maskload_ps(p, mask(n)) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, n: usize, x: __m256) {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { store_pieces(p, n, x) }
    }
    #[inline(always)]
    unsafe fn load_strided(self, p: *const f32, n: usize) -> __m256 {
        // SAFETY: the token proves the feature, the caller the memory. Registers, not memory: a vector read back from eight stores would wait.
        unsafe { _mm256_setr_ps(*p, *p.add(n), *p.add(2 * n), *p.add(3 * n), *p.add(4 * n), *p.add(5 * n), *p.add(6 * n), *p.add(7 * n)) }
    }
    #[inline(always)]
    unsafe fn load_strided_partial(self, p: *const f32, stride: usize, n: usize) -> __m256 {
        let last = (n - 1) * stride;
        // SAFETY: as above; no place lies behind the last.
        unsafe {
            _mm256_setr_ps(
                *p,
                *p.add(stride.min(last)),
                *p.add((2 * stride).min(last)),
                *p.add((3 * stride).min(last)),
                *p.add((4 * stride).min(last)),
                *p.add((5 * stride).min(last)),
                *p.add((6 * stride).min(last)),
                *p.add((7 * stride).min(last)),
            )
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: prefetching never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn transpose_block(self, src: *const f32, src_ld: usize, dst: *mut f32, dst_ld: usize) {
        // Four columns at a time: rows r and r+4 share a register, then 4×4 blocks are transposed within 128-bit lanes.
        for q in 0..2 {
            // SAFETY: the token proves the feature; rows r, r + 4 < 8 and columns 4·q .. 4·q + 4 lie in the caller's blocks.
            unsafe {
                let piece = |r: usize| _mm_loadu_ps(src.add(r * src_ld + 4 * q));
                let gather = |r: usize| _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(piece(r)), piece(r + 4));
                let (a, b, c, d) = (gather(0), gather(1), gather(2), gather(3));
                let (ab0, ab1) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
                let (cd0, cd1) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
                let dst = dst.add(4 * q * dst_ld);
                _mm256_storeu_ps(dst, _mm256_shuffle_ps::<0x44>(ab0, cd0));
                _mm256_storeu_ps(dst.add(dst_ld), _mm256_shuffle_ps::<0xEE>(ab0, cd0));
                _mm256_storeu_ps(dst.add(2 * dst_ld), _mm256_shuffle_ps::<0x44>(ab1, cd1));
                _mm256_storeu_ps(dst.add(3 * dst_ld), _mm256_shuffle_ps::<0xEE>(ab1, cd1));
            }
        }
    }

    intrinsics! {
        fn first_n(n: usize) -> __m256 = _mm256_castsi256_ps(mask(n));
        fn and_m(a: __m256, b: __m256) -> __m256 = _mm256_and_ps(a, b);
        fn or_m(a: __m256, b: __m256) -> __m256 = _mm256_or_ps(a, b);
        fn not_m(a: __m256) -> __m256 = _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1)));
        fn any(m: __m256) -> bool = _mm256_movemask_ps(m) != 0;
        fn splat(x: f32) -> __m256 = _mm256_set1_ps(x);
        fn splat_i(x: i32) -> __m256i = _mm256_set1_epi32(x);
        fn iota() -> __m256i = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        fn add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        fn sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        fn mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        fn div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        fn neg_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fnmadd_ps(a, b, c);
        fn sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a);
        fn neg(a: __m256) -> __m256 = _mm256_xor_ps(a, _mm256_set1_ps(-0.0));
        fn permute(a: __m256, at: __m256i) -> __m256 = _mm256_permutevar8x32_ps(a, at);
        fn abs(a: __m256) -> __m256 = _mm256_andnot_ps(_mm256_set1_ps(-0.0), a);
        fn min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        fn max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        fn floor(a: __m256) -> __m256 = _mm256_round_ps::<0x09>(a);
        fn round(a: __m256) -> __m256 = _mm256_round_ps::<0x08>(a);
        fn lt(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        fn le(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        fn eq(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        fn ne(a: __m256, b: __m256) -> __m256 = _mm256_cmp_ps::<_CMP_NEQ_UQ>(a, b);
        fn select(m: __m256, a: __m256, b: __m256) -> __m256 = _mm256_blendv_ps(b, a, m);
        fn select_i(m: __m256, a: __m256i, b: __m256i) -> __m256i = _mm256_blendv_epi8(b, a, _mm256_castps_si256(m));
        fn select_or_zero(m: __m256, a: __m256) -> __m256 = _mm256_and_ps(m, a);
        fn to_bits(a: __m256) -> __m256i = _mm256_castps_si256(a);
        fn from_bits(a: __m256i) -> __m256 = _mm256_castsi256_ps(a);
        fn i_to_f(a: __m256i) -> __m256 = _mm256_cvtepi32_ps(a);
        fn round_to_i(a: __m256) -> __m256i = _mm256_cvtps_epi32(a);
        fn f_to_i(a: __m256) -> __m256i = {
            // The instruction gives i32::MIN for all that does not fit: right below, to be mended above and for NaN.
            let number = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_EQ_OQ>(a, a));
            let above = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_GE_OQ>(a, _mm256_set1_ps(2147483648.0)));
            let i = _mm256_and_si256(_mm256_cvttps_epi32(a), number);
            _mm256_blendv_epi8(i, _mm256_set1_epi32(i32::MAX), above)
        };
        fn add_i(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        fn sub_i(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi32(a, b);
        fn mul_i(a: __m256i, b: __m256i) -> __m256i = _mm256_mullo_epi32(a, b);
        fn mul_high_u(a: __m256i, b: __m256i) -> __m256i = {
            let even = _mm256_mul_epu32(a, b);
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b));
            _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<32>(even), odd)
        };
        fn min_i(a: __m256i, b: __m256i) -> __m256i = _mm256_min_epi32(a, b);
        fn max_i(a: __m256i, b: __m256i) -> __m256i = _mm256_max_epi32(a, b);
        fn shl_i(a: __m256i, n: u32) -> __m256i = _mm256_sllv_epi32(a, _mm256_set1_epi32(n as i32));
        fn shr_i(a: __m256i, n: u32) -> __m256i = _mm256_srav_epi32(a, _mm256_set1_epi32(n as i32));
        fn shr_u(a: __m256i, n: u32) -> __m256i = _mm256_srlv_epi32(a, _mm256_set1_epi32(n as i32));
        fn and_i(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
        fn or_i(a: __m256i, b: __m256i) -> __m256i = _mm256_or_si256(a, b);
        fn xor_i(a: __m256i, b: __m256i) -> __m256i = _mm256_xor_si256(a, b);
        fn eq_i(a: __m256i, b: __m256i) -> __m256 = _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
        fn lt_i(a: __m256i, b: __m256i) -> __m256 = _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a));
    }
}
