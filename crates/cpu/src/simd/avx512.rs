//! AVX-512F: 16 lanes, mask registers.

use super::{Isa, Simd, WithSimd, emulated_dot2, intrinsics};
use std::arch::x86_64::*;

/// Proof that the CPU has AVX-512F (and with it AVX2 and FMA); as `Avx512<true>` also AVX512-BF16, used by [`Simd::dot2`] alone.
#[derive(Clone, Copy, Debug)]
pub struct Avx512<const BF16: bool = false>(());

impl Avx512 {
    /// The token, if the CPU and the operating system support the instructions.
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

impl Avx512<true> {
    /// The token, if the CPU and the operating system support the instructions, AVX512-BF16 among them.
    #[inline(always)]
    pub fn detect_bf16() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512bw") && Avx512::detect().is_some();
        found.then_some(Self(()))
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx2,fma")]
fn enter<W: WithSimd, const BF16: bool>(s: Avx512<BF16>, op: W) -> W::Output {
    op.run(s)
}

#[inline(never)]
#[target_feature(enable = "avx512f,avx2,fma")]
fn enter_outlined<W: WithSimd, const BF16: bool>(s: Avx512<BF16>, op: W) -> W::Output {
    op.run(s)
}

#[inline]
#[target_feature(enable = "avx512bf16,avx512bw,avx512f,avx2,fma")]
fn enter_bf16<W: WithSimd, const BF16: bool>(s: Avx512<BF16>, op: W) -> W::Output {
    op.run(s)
}

#[inline(never)]
#[target_feature(enable = "avx512bf16,avx512bw,avx512f,avx2,fma")]
fn enter_outlined_bf16<W: WithSimd, const BF16: bool>(s: Avx512<BF16>, op: W) -> W::Output {
    op.run(s)
}

/// Whether Intel made the CPU: the vendor's name in the registers of leaf 0.
pub fn is_intel() -> bool {
    let leaf = __cpuid(0);
    [leaf.ebx, leaf.edx, leaf.ecx] == [*b"Genu", *b"ineI", *b"ntel"].map(u32::from_le_bytes)
}

#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    if n >= 16 { !0 } else { (1 << n) - 1 }
}

impl<const BF16: bool> Simd for Avx512<BF16> {
    const LANES: usize = 16;
    const ISA: Isa = Isa::Avx512;
    const GEMM_PANEL: usize = 8192;
    const GEMM_ROWS: usize = 14;
    const GEMM_VECTORS: usize = 2;
    const GEMM_WIDE_ROWS: usize = 6;
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;

    #[inline(always)]
    fn vectorize<W: WithSimd>(self, op: W) -> W::Output {
        // SAFETY: the token proves the features, with `BF16` the further ones.
        unsafe { if BF16 { enter_bf16(self, op) } else { enter(self, op) } }
    }
    #[inline(always)]
    fn outline<W: WithSimd>(self, op: W) -> W::Output {
        // SAFETY: the token proves the features, with `BF16` the further ones.
        unsafe { if BF16 { enter_outlined_bf16(self, op) } else { enter_outlined(self, op) } }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: __m512) {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { _mm512_storeu_ps(p, x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: the token proves the feature; masked-out lanes are not accessed, the others the caller vouches for.
        unsafe { _mm512_maskz_loadu_ps(mask(n), p) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, n: usize, x: __m512) {
        // SAFETY: the token proves the feature; masked-out lanes are not accessed, the others the caller vouches for.
        unsafe { _mm512_mask_storeu_ps(p, mask(n), x) }
    }
    #[inline(always)]
    unsafe fn load_strided(self, p: *const f32, n: usize) -> __m512 {
        // SAFETY: the token proves the feature, the caller the memory. Registers, not memory: a vector read back from many stores would wait.
        unsafe {
            let four = |i: usize| _mm_setr_ps(*p.add(i * n), *p.add((i + 1) * n), *p.add((i + 2) * n), *p.add((i + 3) * n));
            let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(four(0)), four(4));
            _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, four(8)), four(12))
        }
    }
    #[inline(always)]
    unsafe fn load_strided_partial(self, p: *const f32, stride: usize, n: usize) -> __m512 {
        let last = (n - 1) * stride;
        // SAFETY: as above; no place lies behind the last.
        unsafe {
            let at = |i: usize| *p.add((i * stride).min(last));
            let four = |i: usize| _mm_setr_ps(at(i), at(i + 1), at(i + 2), at(i + 3));
            let low = _mm512_insertf32x4::<1>(_mm512_castps128_ps512(four(0)), four(4));
            _mm512_insertf32x4::<3>(_mm512_insertf32x4::<2>(low, four(8)), four(12))
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: prefetching never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn transpose_block(self, src: *const f32, src_ld: usize, dst: *mut f32, dst_ld: usize) {
        // Four columns at a time: rows r, r+4, r+8, r+12 share a register, then 4×4 blocks are transposed within 128-bit lanes.
        for q in 0..4 {
            // SAFETY: the token proves the feature; rows r + 4·lane < 16 and columns 4·q .. 4·q + 4 lie in the caller's blocks.
            unsafe {
                let piece = |r: usize| _mm_loadu_ps(src.add(r * src_ld + 4 * q));
                let gather = |r: usize| {
                    let x = _mm512_castps128_ps512(piece(r));
                    let x = _mm512_insertf32x4::<1>(x, piece(r + 4));
                    let x = _mm512_insertf32x4::<2>(x, piece(r + 8));
                    _mm512_insertf32x4::<3>(x, piece(r + 12))
                };
                let (a, b, c, d) = (gather(0), gather(1), gather(2), gather(3));
                let (ab0, ab1) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
                let (cd0, cd1) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
                let dst = dst.add(4 * q * dst_ld);
                _mm512_storeu_ps(dst, _mm512_shuffle_ps::<0x44>(ab0, cd0));
                _mm512_storeu_ps(dst.add(dst_ld), _mm512_shuffle_ps::<0xEE>(ab0, cd0));
                _mm512_storeu_ps(dst.add(2 * dst_ld), _mm512_shuffle_ps::<0x44>(ab1, cd1));
                _mm512_storeu_ps(dst.add(3 * dst_ld), _mm512_shuffle_ps::<0xEE>(ab1, cd1));
            }
        }
    }

    #[inline(always)]
    fn dot2(self, acc: __m512, a: __m512i, b: __m512i) -> __m512 {
        if BF16 {
            // SAFETY: the token proves AVX512-BF16; both types are 512 bits of which every pattern is a value.
            unsafe { _mm512_dpbf16_ps(acc, std::mem::transmute::<__m512i, __m512bh>(a), std::mem::transmute::<__m512i, __m512bh>(b)) }
        } else {
            emulated_dot2(self, acc, a, b)
        }
    }

    #[inline(always)]
    fn first_n(self, n: usize) -> __mmask16 {
        mask(n)
    }
    #[inline(always)]
    fn and_m(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a & b
    }
    #[inline(always)]
    fn or_m(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    fn not_m(self, a: __mmask16) -> __mmask16 {
        !a
    }
    #[inline(always)]
    fn any(self, m: __mmask16) -> bool {
        m != 0
    }

    intrinsics! {
        fn splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        fn splat_i(x: i32) -> __m512i = _mm512_set1_epi32(x);
        fn iota() -> __m512i = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        fn add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        fn sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        fn mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        fn div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        fn neg_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fnmadd_ps(a, b, c);
        fn sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        fn neg(a: __m512) -> __m512 =
            _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(a), _mm512_set1_epi32(i32::MIN)));
        fn permute(a: __m512, at: __m512i) -> __m512 = _mm512_permutexvar_ps(at, a);
        fn abs(a: __m512) -> __m512 =
            _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), _mm512_set1_epi32(i32::MAX)));
        fn min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        fn max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        fn floor(a: __m512) -> __m512 = _mm512_roundscale_ps::<0x09>(a);
        fn round(a: __m512) -> __m512 = _mm512_roundscale_ps::<0x08>(a);
        fn lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        fn le(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        fn eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        fn ne(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(a, b);
        fn select(m: __mmask16, a: __m512, b: __m512) -> __m512 = _mm512_mask_blend_ps(m, b, a);
        fn select_i(m: __mmask16, a: __m512i, b: __m512i) -> __m512i = _mm512_mask_blend_epi32(m, b, a);
        fn select_or_zero(m: __mmask16, a: __m512) -> __m512 = _mm512_maskz_mov_ps(m, a);
        fn to_bits(a: __m512) -> __m512i = _mm512_castps_si512(a);
        fn from_bits(a: __m512i) -> __m512 = _mm512_castsi512_ps(a);
        fn i_to_f(a: __m512i) -> __m512 = _mm512_cvtepi32_ps(a);
        fn round_to_i(a: __m512) -> __m512i = _mm512_cvtps_epi32(a);
        fn f_to_i(a: __m512) -> __m512i = {
            // The instruction gives i32::MIN for all that does not fit: right below, to be mended above and for NaN.
            let number = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, a);
            let above = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, _mm512_set1_ps(2147483648.0));
            _mm512_mask_blend_epi32(above, _mm512_maskz_cvttps_epi32(number, a), _mm512_set1_epi32(i32::MAX))
        };
        fn add_i(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        fn sub_i(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        fn mul_i(a: __m512i, b: __m512i) -> __m512i = _mm512_mullo_epi32(a, b);
        fn mul_high_u(a: __m512i, b: __m512i) -> __m512i = {
            let even = _mm512_mul_epu32(a, b);
            let odd = _mm512_mul_epu32(_mm512_srli_epi64::<32>(a), _mm512_srli_epi64::<32>(b));
            _mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64::<32>(even), odd)
        };
        fn min_i(a: __m512i, b: __m512i) -> __m512i = _mm512_min_epi32(a, b);
        fn max_i(a: __m512i, b: __m512i) -> __m512i = _mm512_max_epi32(a, b);
        fn shl_i(a: __m512i, n: u32) -> __m512i = _mm512_sllv_epi32(a, _mm512_set1_epi32(n as i32));
        fn shr_i(a: __m512i, n: u32) -> __m512i = _mm512_srav_epi32(a, _mm512_set1_epi32(n as i32));
        fn shr_u(a: __m512i, n: u32) -> __m512i = _mm512_srlv_epi32(a, _mm512_set1_epi32(n as i32));
        fn and_i(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        fn or_i(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        fn xor_i(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        fn eq_i(a: __m512i, b: __m512i) -> __mmask16 = _mm512_cmpeq_epi32_mask(a, b);
        fn lt_i(a: __m512i, b: __m512i) -> __mmask16 = _mm512_cmplt_epi32_mask(a, b);
    }
}
