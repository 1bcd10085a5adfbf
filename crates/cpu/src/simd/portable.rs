//! Plain Rust: 4 lanes in arrays, what every machine's vectors hold. Slow where the compile target has no fused multiply-add, but the same bits.

use super::{Isa, Simd, WithSimd};

/// The token that every machine has.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

const N: usize = 4;
type F = [f32; N];
type I = [i32; N];
/// All bits of a lane or none, so that comparisons and selections become vector instructions.
type M = [i32; N];

#[inline(always)]
fn map<A: Copy, R>(a: [A; N], f: impl Fn(A) -> R) -> [R; N] {
    std::array::from_fn(|i| f(a[i]))
}
#[inline(always)]
fn map2<A: Copy, B: Copy, R>(a: [A; N], b: [B; N], f: impl Fn(A, B) -> R) -> [R; N] {
    std::array::from_fn(|i| f(a[i], b[i]))
}

// What is a call for each lane on targets without the instruction: four calls here, once, instead of wherever the operation stands
// (inlined they were a megabyte of the program).
#[inline(never)]
fn fused(a: &F, b: &F, c: &F) -> F {
    std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
}
#[inline(never)]
fn floors(a: &F) -> F {
    a.map(f32::floor)
}
#[inline(never)]
fn rounded(a: &F) -> F {
    a.map(f32::round_ties_even)
}
#[inline(never)]
fn truncated(a: &F) -> I {
    a.map(|a| a as i32)
}

/// Writes the lane-wise methods.
macro_rules! lanes {
    ($($name:ident($($arg:ident: $ty:ty),+) -> $ret:ty = $f:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($arg: $ty),+) -> $ret {
            lanes!(@call $f; $($arg),+)
        }
    )*};
    (@call $f:expr; $a:ident) => { map($a, $f) };
    (@call $f:expr; $a:ident, $b:ident) => { map2($a, $b, $f) };
}

impl Simd for Portable {
    const LANES: usize = N;
    const ISA: Isa = Isa::Portable;
    const GEMM_ROWS: usize = 4;
    const GEMM_VECTORS: usize = 1;
    const GEMM_WIDE_ROWS: usize = 0;
    type F = F;
    type I = I;
    type M = M;

    #[inline(never)] // as where it must be entered: what several kernels share is there once
    fn vectorize<W: WithSimd>(self, op: W) -> W::Output {
        op.run(self)
    }
    #[inline(never)]
    fn outline<W: WithSimd>(self, op: W) -> W::Output {
        op.run(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> F {
        [x; N]
    }
    #[inline(always)]
    fn splat_i(self, x: i32) -> I {
        [x; N]
    }
    #[inline(always)]
    fn iota(self) -> I {
        std::array::from_fn(|i| i as i32)
    }
    #[inline(always)]
    fn first_n(self, n: usize) -> M {
        std::array::from_fn(|i| -i32::from(i < n))
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> F {
        // SAFETY: the caller's promise; an array of `f32` at any alignment.
        unsafe { p.cast::<F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, x: F) {
        // SAFETY: the caller's promise; an array of `f32` at any alignment.
        unsafe { p.cast::<F>().write_unaligned(x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, p: *const f32, n: usize) -> F {
        let mut x = [0.0; N];
        // SAFETY: at most `N` values, which the caller vouches for.
        unsafe { std::ptr::copy_nonoverlapping(p, x.as_mut_ptr(), n.min(N)) };
        x
    }
    #[inline(always)]
    unsafe fn store_partial(self, p: *mut f32, n: usize, x: F) {
        // SAFETY: at most `N` values, which the caller vouches for.
        unsafe { std::ptr::copy_nonoverlapping(x.as_ptr(), p, n.min(N)) }
    }
    #[inline(always)]
    fn mul_add(self, a: F, b: F, c: F) -> F {
        fused(&a, &b, &c)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: F, b: F, c: F) -> F {
        fused(&self.neg(a), &b, &c)
    }
    #[inline(always)]
    fn floor(self, a: F) -> F {
        floors(&a)
    }
    #[inline(always)]
    fn round(self, a: F) -> F {
        rounded(&a)
    }
    #[inline(always)]
    fn f_to_i(self, a: F) -> I {
        truncated(&a)
    }
    #[inline(always)]
    fn round_to_i(self, a: F) -> I {
        self.f_to_i(rounded(&a))
    }
    #[inline(always)]
    fn select(self, m: M, a: F, b: F) -> F {
        self.from_bits(self.select_i(m, self.to_bits(a), self.to_bits(b)))
    }
    #[inline(always)]
    fn select_i(self, m: M, a: I, b: I) -> I {
        std::array::from_fn(|i| (m[i] & a[i]) | (!m[i] & b[i]))
    }
    #[inline(always)]
    fn any(self, m: M) -> bool {
        m.iter().fold(0, |any, m| any | m) != 0
    }
    #[inline(always)]
    fn shl_i(self, a: I, n: u32) -> I {
        map(a, |a| a << (n & 31))
    }
    #[inline(always)]
    fn shr_i(self, a: I, n: u32) -> I {
        map(a, |a| a >> (n & 31))
    }
    #[inline(always)]
    fn shr_u(self, a: I, n: u32) -> I {
        map(a, |a| ((a as u32) >> (n & 31)) as i32)
    }

    lanes! {
        add(a: F, b: F) -> F = |a, b| a + b;
        sub(a: F, b: F) -> F = |a, b| a - b;
        mul(a: F, b: F) -> F = |a, b| a * b;
        div(a: F, b: F) -> F = |a, b| a / b;
        sqrt(a: F) -> F = f32::sqrt;
        neg(a: F) -> F = |a: f32| -a;
        abs(a: F) -> F = f32::abs;
        min(a: F, b: F) -> F = |a, b| if a < b { a } else { b };
        max(a: F, b: F) -> F = |a, b| if a > b { a } else { b };
        lt(a: F, b: F) -> M = |a, b| -i32::from(a < b);
        le(a: F, b: F) -> M = |a, b| -i32::from(a <= b);
        eq(a: F, b: F) -> M = |a, b| -i32::from(a == b);
        ne(a: F, b: F) -> M = |a, b| -i32::from(a != b);
        and_m(a: M, b: M) -> M = |a, b| a & b;
        or_m(a: M, b: M) -> M = |a, b| a | b;
        not_m(a: M) -> M = |a: i32| !a;
        to_bits(a: F) -> I = |a: f32| a.to_bits() as i32;
        from_bits(a: I) -> F = |a: i32| f32::from_bits(a as u32);
        i_to_f(a: I) -> F = |a: i32| a as f32;
        add_i(a: I, b: I) -> I = i32::wrapping_add;
        sub_i(a: I, b: I) -> I = i32::wrapping_sub;
        mul_i(a: I, b: I) -> I = i32::wrapping_mul;
        mul_high_u(a: I, b: I) -> I = |a: i32, b: i32| ((u64::from(a as u32) * u64::from(b as u32)) >> 32) as i32;
        min_i(a: I, b: I) -> I = i32::min;
        max_i(a: I, b: I) -> I = i32::max;
        and_i(a: I, b: I) -> I = |a, b| a & b;
        or_i(a: I, b: I) -> I = |a, b| a | b;
        xor_i(a: I, b: I) -> I = |a, b| a ^ b;
        eq_i(a: I, b: I) -> M = |a, b| -i32::from(a == b);
        lt_i(a: I, b: I) -> M = |a, b| -i32::from(a < b);
    }
}
