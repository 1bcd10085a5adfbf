//! NEON on 64-bit ARM: 4 lanes, masks as vectors of all-ones or all-zeros.

use super::{Isa, Simd, WithSimd, intrinsics};
use std::arch::aarch64::*;

/// Proof that the CPU has NEON (every 64-bit ARM of this target has).
#[derive(Clone, Copy, Debug)]
pub struct Neon(());

impl Neon {
    /// The token, if the CPU supports the instructions.
    #[inline(always)]
    pub fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn enter<W: WithSimd>(s: Neon, op: W) -> W::Output {
    op.run(s)
}

#[inline(never)]
#[target_feature(enable = "neon")]
fn enter_outlined<W: WithSimd>(s: Neon, op: W) -> W::Output {
    op.run(s)
}

impl Simd for Neon {
    const LANES: usize = 4;
    const ISA: Isa = Isa::Neon;
    const GEMM_ROWS: usize = 8;
    const GEMM_VECTORS: usize = 2;
    const GEMM_WIDE_ROWS: usize = 4;
    type F = float32x4_t;
    type I = int32x4_t;
    type M = uint32x4_t;

    #[inline(always)]
    fn vectorize<W: WithSimd>(self, op: W) -> W::Output {
        // SAFETY: the token proves the feature.
        unsafe { enter(self, op) }
    }
    #[inline(always)]
    fn outline<W: WithSimd>(self, op: W) -> W::Output {
        // SAFETY: the token proves the feature.
        unsafe { enter_outlined(self, op) }
    }

    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: float32x4_t) {
        // SAFETY: the token proves the feature, the caller the memory.
        unsafe { vst1q_f32(p, x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, n: usize) -> float32x4_t {
        let mut lanes = [0.0; 4];
        // SAFETY: at most 4 values are copied, all of which the caller vouches for; then the array is read.
        unsafe {
            std::ptr::copy_nonoverlapping(p, lanes.as_mut_ptr(), n.min(4));
            vld1q_f32(lanes.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, n: usize, x: float32x4_t) {
        let mut lanes = [0.0; 4];
        // SAFETY: the array is written, then at most 4 values are copied to where the caller vouches for.
        unsafe {
            vst1q_f32(lanes.as_mut_ptr(), x);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), p, n.min(4));
        }
    }
    #[inline(always)]
    unsafe fn transpose_block(self, src: *const f32, src_ld: usize, dst: *mut f32, dst_ld: usize) {
        // SAFETY: the token proves the feature; the four rows lie in the caller's blocks.
        unsafe {
            let (a, b) = (vld1q_f32(src), vld1q_f32(src.add(src_ld)));
            let (c, d) = (vld1q_f32(src.add(2 * src_ld)), vld1q_f32(src.add(3 * src_ld)));
            let (ac0, ac1) = (vzip1q_f32(a, c), vzip2q_f32(a, c));
            let (bd0, bd1) = (vzip1q_f32(b, d), vzip2q_f32(b, d));
            vst1q_f32(dst, vzip1q_f32(ac0, bd0));
            vst1q_f32(dst.add(dst_ld), vzip2q_f32(ac0, bd0));
            vst1q_f32(dst.add(2 * dst_ld), vzip1q_f32(ac1, bd1));
            vst1q_f32(dst.add(3 * dst_ld), vzip2q_f32(ac1, bd1));
        }
    }
    #[inline(always)]
    fn iota(self) -> int32x4_t {
        let lanes = [0, 1, 2, 3];
        // SAFETY: the token proves the feature; the array holds four values.
        unsafe { vld1q_s32(lanes.as_ptr()) }
    }

    #[inline(always)]
    fn first_n(self, n: usize) -> uint32x4_t {
        self.lt_i(self.iota(), self.splat_i(n.min(4) as i32))
    }

    intrinsics! {
        fn and_m(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vandq_u32(a, b);
        fn or_m(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vorrq_u32(a, b);
        fn not_m(a: uint32x4_t) -> uint32x4_t = vmvnq_u32(a);
        fn any(m: uint32x4_t) -> bool = vmaxvq_u32(m) != 0;
        fn splat(x: f32) -> float32x4_t = vdupq_n_f32(x);
        fn splat_i(x: i32) -> int32x4_t = vdupq_n_s32(x);
        fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        fn mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmaq_f32(c, a, b);
        fn neg_mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t = vfmsq_f32(c, a, b);
        fn sqrt(a: float32x4_t) -> float32x4_t = vsqrtq_f32(a);
        fn neg(a: float32x4_t) -> float32x4_t = vnegq_f32(a);
        fn abs(a: float32x4_t) -> float32x4_t = vabsq_f32(a);
        // Not vminq/vmaxq: those order -0 below +0 and propagate NaN.
        fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcltq_f32(a, b), a, b);
        fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(vcgtq_f32(a, b), a, b);
        fn floor(a: float32x4_t) -> float32x4_t = vrndmq_f32(a);
        fn round(a: float32x4_t) -> float32x4_t = vrndnq_f32(a);
        fn lt(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcltq_f32(a, b);
        fn le(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vcleq_f32(a, b);
        fn eq(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vceqq_f32(a, b);
        fn ne(a: float32x4_t, b: float32x4_t) -> uint32x4_t = vmvnq_u32(vceqq_f32(a, b));
        fn select(m: uint32x4_t, a: float32x4_t, b: float32x4_t) -> float32x4_t = vbslq_f32(m, a, b);
        fn select_i(m: uint32x4_t, a: int32x4_t, b: int32x4_t) -> int32x4_t = vbslq_s32(m, a, b);
        fn to_bits(a: float32x4_t) -> int32x4_t = vreinterpretq_s32_f32(a);
        fn from_bits(a: int32x4_t) -> float32x4_t = vreinterpretq_f32_s32(a);
        fn i_to_f(a: int32x4_t) -> float32x4_t = vcvtq_f32_s32(a);
        fn f_to_i(a: float32x4_t) -> int32x4_t = vcvtq_s32_f32(a);
        fn round_to_i(a: float32x4_t) -> int32x4_t = vcvtnq_s32_f32(a);
        fn add_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vaddq_s32(a, b);
        fn sub_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vsubq_s32(a, b);
        fn mul_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vmulq_s32(a, b);
        fn mul_high_u(a: int32x4_t, b: int32x4_t) -> int32x4_t = {
            let (a, b) = (vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b));
            let low = vmull_u32(vget_low_u32(a), vget_low_u32(b));
            let high = vmull_high_u32(a, b);
            // The odd 32-bit words of the two vectors of 64-bit products are their high halves.
            vreinterpretq_s32_u32(vuzp2q_u32(vreinterpretq_u32_u64(low), vreinterpretq_u32_u64(high)))
        };
        fn min_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vminq_s32(a, b);
        fn max_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vmaxq_s32(a, b);
        fn shl_i(a: int32x4_t, n: u32) -> int32x4_t = vshlq_s32(a, vdupq_n_s32(n as i32));
        fn shr_i(a: int32x4_t, n: u32) -> int32x4_t = vshlq_s32(a, vdupq_n_s32(-(n as i32)));
        fn shr_u(a: int32x4_t, n: u32) -> int32x4_t =
            vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(a), vdupq_n_s32(-(n as i32))));
        fn and_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vandq_s32(a, b);
        fn or_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = vorrq_s32(a, b);
        fn xor_i(a: int32x4_t, b: int32x4_t) -> int32x4_t = veorq_s32(a, b);
        fn eq_i(a: int32x4_t, b: int32x4_t) -> uint32x4_t = vceqq_s32(a, b);
        fn lt_i(a: int32x4_t, b: int32x4_t) -> uint32x4_t = vcltq_s32(a, b);
    }
}
