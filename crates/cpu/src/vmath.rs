//! Elementary functions on vectors, generic over the instruction set, with the same bits on all of them.
//!
//! Each function is a fixed sequence of IEEE operations and fused multiply-adds, without tables and without branches. Bounds are in units
//! in the last place (ULP) of the exact result and hold for every `f32`, subnormal ones included; the tests sweep them against `f64`.
//! All polynomials are our own: minimax fits (Remez) with the coefficients rounded to `f32` one after the other and the rest refitted.
//! NaN in gives NaN out, except where `pow` says otherwise.

use crate::simd::Simd;

/// `c[0] + c[1]·x + c[2]·x² + …` by Horner's rule.
#[inline(always)]
fn poly<S: Simd, const N: usize>(s: S, x: S::F, c: [f32; N]) -> S::F {
    let mut y = s.splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        y = s.mul_add(y, x, s.splat(c[i]));
    }
    y
}

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 as the sum of two `f32`.
const LN2_HI: f32 = std::f32::consts::LN_2;
const LN2_LO: f32 = (std::f64::consts::LN_2 - std::f32::consts::LN_2 as f64) as f32;
/// (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2, error of r·q below 5e-10.
const EXP_Q: [f32; 6] = [0.5, 0.16666667, 0.041666463, 0.008333137, 0.0013935409, 0.00020012454];
/// (ln(1 + f) − f + f²/2) / f³ on [√½ − 1, √2 − 1], relative error of the logarithm below 2e-9.
const LOG_P: [f32; 9] = [0.33333313, -0.2500017, 0.20002225, -0.16659214, 0.14209425, -0.12552181, 0.12112135, -0.109030716, 0.053158153];

/// x = n·ln 2 + r with integral n and |r| ≤ ln 2 / 2 (and a little): (n, r).
#[inline(always)]
fn reduce_exp<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let n = s.round(s.mul(x, s.splat(LOG2_E)));
    let r = s.neg_mul_add(n, s.splat(LN2_HI), x);
    (n, s.neg_mul_add(n, s.splat(LN2_LO), r))
}

/// y · 2^n for integral |n| ≤ 252, in two steps so that subnormal and overflowing results are rounded once.
#[inline(always)]
fn scale<S: Simd>(s: S, y: S::F, n: S::F) -> S::F {
    let n = s.round_to_i(n);
    let half = s.shr_i(n, 1);
    let power = |n: S::I| s.from_bits(s.shl_i(s.add_i(n, s.splat_i(127)), 23));
    s.mul(s.mul(y, power(half)), power(s.sub_i(n, half)))
}

/// `e^x`. At most 1 ULP. Above 88.722 `+∞`, below −103.97 `0`.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F) -> S::F {
    exp_sum(s, x, s.splat(0.0))
}

/// `e^(x + tail)` for a tail that is tiny beside x.
#[inline(always)]
fn exp_sum<S: Simd>(s: S, x: S::F, tail: S::F) -> S::F {
    // Beyond the bounds the result is 0 or infinite anyway; the order of arguments lets NaN pass.
    let x = s.max(s.splat(-104.5), s.min(s.splat(89.0), x));
    let (n, r) = reduce_exp(s, x);
    let r = s.add(r, tail);
    let p = s.mul_add(s.mul(r, r), poly(s, r, EXP_Q), r);
    scale(s, s.add(s.splat(1.0), p), n)
}

/// `e^x − 1`, accurate near 0. At most 2 ULP. `±0` gives `±0`.
#[inline(always)]
pub fn expm1<S: Simd>(s: S, x: S::F) -> S::F {
    let bounded = s.max(s.splat(-20.0), s.min(s.splat(89.0), x));
    let (n, r) = reduce_exp(s, bounded);
    let p = s.mul_add(s.mul(r, r), poly(s, r, EXP_Q), r);
    // 2^n·(p + 1) − 1 = 2·(t·p + (t − ½)) with t = 2^(n − 1), which is finite for all n.
    let t = s.from_bits(s.shl_i(s.add_i(s.round_to_i(n), s.splat_i(126)), 23));
    let y = s.mul_add(t, p, s.sub(t, s.splat(0.5)));
    let y = s.select(s.eq(n, s.splat(0.0)), p, s.add(y, y));
    // Keeps the sign of zero.
    s.select(s.eq(x, s.splat(0.0)), x, y)
}

/// x = 2^k · (1 + f) with 1 + f in [√½, √2), for positive finite x: (k, f).
#[inline(always)]
fn reduce_log<S: Simd>(s: S, x: S::F) -> (S::F, S::F) {
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let bits = s.to_bits(s.select(tiny, s.mul(x, s.splat(8388608.0)), x));
    // 0x3f3504f3 is √½: the exponent field of the difference is k.
    let k = s.shr_i(s.sub_i(bits, s.splat_i(0x3f35_04f3)), 23);
    let m = s.from_bits(s.sub_i(bits, s.shl_i(k, 23)));
    let k = s.i_to_f(k);
    (s.select(tiny, s.sub(k, s.splat(23.0)), k), s.sub(m, s.splat(1.0)))
}

/// ln(2^k · (1 + f)) + c for a small correction c.
#[inline(always)]
fn log_sum<S: Simd>(s: S, k: S::F, f: S::F, c: S::F) -> S::F {
    let f2 = s.mul(f, f);
    let y = s.mul_add(s.mul(f2, f), poly(s, f, LOG_P), c);
    let y = s.mul_add(k, s.splat(LN2_LO), y);
    let y = s.mul_add(s.splat(-0.5), f2, y);
    s.mul_add(k, s.splat(LN2_HI), s.add(f, y))
}

/// The logarithm's values at 0, +∞ and below 0, where x is the argument and y the value elsewhere.
#[inline(always)]
fn log_edges<S: Simd>(s: S, x: S::F, y: S::F) -> S::F {
    let y = s.select(s.eq(x, s.splat(f32::INFINITY)), x, y);
    let y = s.select(s.eq(x, s.splat(0.0)), s.splat(f32::NEG_INFINITY), y);
    s.select(s.le(s.splat(0.0), x), y, s.splat(f32::NAN))
}

/// Natural logarithm. At most 1 ULP. `±0` gives `−∞`, negative numbers NaN.
#[inline(always)]
pub fn log<S: Simd>(s: S, x: S::F) -> S::F {
    let (k, f) = reduce_log(s, x);
    log_edges(s, x, log_sum(s, k, f, s.splat(0.0)))
}

/// `ln(1 + x)`, accurate near 0. At most 2 ULP. `±0` gives `±0`, `−1` gives `−∞`, below NaN.
#[inline(always)]
pub fn log1p<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let u = s.add(one, x);
    // 1 + x = u + lost exactly; ln(u + lost) = ln u + lost / u up to 2^-50.
    let lost = s.select(s.lt(one, x), s.sub(one, s.sub(u, x)), s.sub(x, s.sub(u, one)));
    let (k, f) = reduce_log(s, u);
    let y = log_edges(s, u, log_sum(s, k, f, s.div(lost, u)));
    s.select(s.eq(x, s.splat(0.0)), x, y)
}

/// The magnitude of the first with the sign of the second.
#[inline(always)]
fn with_sign<S: Simd>(s: S, magnitude: S::F, sign: S::F) -> S::F {
    let bit = s.and_i(s.to_bits(sign), s.splat_i(i32::MIN));
    s.from_bits(s.or_i(s.to_bits(magnitude), bit))
}

/// Hyperbolic tangent. At most 3 ULP. Odd; `±0` gives `±0`, `±∞` gives `±1`.
#[inline(always)]
pub fn tanh<S: Simd>(s: S, x: S::F) -> S::F {
    // tanh a = t / (t + 2) with t = e^(2a) − 1; from a = 9.02 on it rounds to 1.
    let a = s.min(s.splat(10.0), s.abs(x));
    let t = expm1(s, s.add(a, a));
    with_sign(s, s.div(t, s.add(t, s.splat(2.0))), x)
}

/// `1 / (1 + e^−x)`. At most 3 ULP, also where the result is tiny.
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F) -> S::F {
    let one = s.splat(1.0);
    let e = exp(s, s.neg(s.abs(x)));
    // x ≥ 0: 1 / (1 + e); x < 0: e / (1 + e).
    s.div(s.select(s.lt(x, s.splat(0.0)), e, one), s.add(one, e))
}

/// `ln(1 + e^x)`. At most 2 ULP; no overflow.
#[inline(always)]
pub fn softplus<S: Simd>(s: S, x: S::F) -> S::F {
    let e = exp(s, s.neg(s.abs(x)));
    s.add(s.max(s.splat(0.0), x), log1p(s, e))
}

/// Error function. At most 2 ULP. Odd; `±0` gives `±0`, `±∞` gives `±1`.
#[inline(always)]
pub fn erf<S: Simd>(s: S, x: S::F) -> S::F {
    /// erf(a)/a − 1 as a polynomial in a², on a ≤ 0.9327, relative error below 1e-9.
    const SMALL: [f32; 7] = [0.12837917, -0.3761263, 0.11283626, -0.026855735, 0.0051924265, -0.00080501585, 7.998898e-5];
    /// (−ln(1 − erf a) − a) / a on 0.925 ≤ a ≤ 4.05, absolute error of erf below 3e-9.
    const TAIL: [f32; 6] = [0.12851278, 0.63572365, 0.1052548, -0.022885432, 0.003213535, -0.00021381135];
    let square = s.mul(x, x);
    let near = s.mul_add(x, poly(s, square, SMALL), x);
    let a = s.min(s.splat(4.0), s.abs(x));
    let far = s.sub(s.splat(1.0), exp(s, s.neg(s.mul_add(a, poly(s, a, TAIL), a))));
    s.select(s.lt(a, s.splat(0.93)), near, with_sign(s, far, x))
}

/// `1 / √x`: root and quotient both correctly rounded. At most 1.5 ULP. `±0` gives `±∞`, negative numbers NaN.
#[inline(always)]
pub fn rsqrt<S: Simd>(s: S, x: S::F) -> S::F {
    s.div(s.splat(1.0), s.sqrt(x))
}

/// `x^y`. At most 2 ULP. Special cases as C's `pow` (IEEE 754 `pow`): `x^0 = 1` and `1^y = 1` even for NaN; a negative base needs an integral
/// exponent, else NaN.
#[inline(always)]
pub fn pow<S: Simd>(s: S, x: S::F, y: S::F) -> S::F {
    /// (2·atanh(v) − 2v) / v³ as a polynomial in v², v² ≤ 0.0295, relative error of the logarithm below 3e-11.
    const ATANH: [f32; 4] = [0.6666666, 0.40000972, 0.28498793, 0.24278857];
    /// The upper 16 bits of ln 2, so that its product with an exponent is exact, and the rest.
    const LN2_SHORT: f32 = 0.69314575;
    const LN2_REST: f32 = (std::f64::consts::LN_2 - 0.693145751953125) as f32;
    let (zero, one, inf) = (s.splat(0.0), s.splat(1.0), s.splat(f32::INFINITY));
    let ax = s.abs(x);

    // ln|x| as an unevaluated sum of two `f32`: with v = f / (2 + f), ln(1 + f) = 2v + v³·(2/3 + …).
    let (k, f) = reduce_log(s, ax);
    let den = s.add(s.splat(2.0), f);
    let den_lost = s.sub(f, s.sub(den, s.splat(2.0)));
    let v = s.div(f, den);
    let v_lost = s.div(s.neg_mul_add(v, den_lost, s.neg_mul_add(v, den, f)), den);
    let v2 = s.mul(v, v);
    let main = s.add(v, v);
    // What the rounding of v, v² and v³ lost counts too: 2·v_lost·(1 + v²) and ⅔ of the cube's error.
    let v3 = s.mul(v2, v);
    let v2_lost = s.neg(s.neg_mul_add(v, v, v2));
    let v3_lost = s.mul_add(v2_lost, v, s.neg(s.neg_mul_add(v2, v, v3)));
    let lost = s.mul_add(v_lost, s.mul_add(s.splat(2.0), v2, s.splat(2.0)), s.mul(v3_lost, s.splat(ATANH[0])));
    let rest = s.mul_add(v3, poly(s, v2, ATANH), lost);
    let base = s.mul(k, s.splat(LN2_SHORT));
    let sum = s.add(base, main);
    let lost = s.sub(main, s.sub(sum, base));
    let low = s.add(lost, s.mul_add(k, s.splat(LN2_REST), rest));
    let high = s.add(sum, low);
    let low = s.sub(low, s.sub(high, sum));
    let high = s.select(s.eq(ax, zero), s.splat(f32::NEG_INFINITY), s.select(s.eq(ax, inf), inf, high));

    // y · ln|x|, again as a sum; the low part is dropped where the power over- or underflows (and may be infinite or NaN).
    let product = s.mul(y, high);
    let product_low = s.mul_add(y, low, s.neg(s.neg_mul_add(y, high, product)));
    let moderate = s.lt(s.abs(product), s.splat(200.0));
    // |x| NaN must stay NaN although the reduction of its bits may give a number.
    let product = s.select(s.eq(ax, ax), product, ax);
    let power = exp_sum(s, product, s.select_or_zero(moderate, product_low));

    let integral = s.eq(s.floor(y), y);
    let half = s.mul(y, s.splat(0.5));
    let odd = s.and_m(integral, s.ne(s.floor(half), half));
    let power = s.select(odd, with_sign(s, power, x), power);
    let no_real = s.and_m(s.and_m(s.lt(x, zero), s.ne(ax, inf)), s.not_m(integral));
    let power = s.select(no_real, s.splat(f32::NAN), power);
    let unit = s.or_m(s.or_m(s.eq(y, zero), s.eq(x, one)), s.and_m(s.eq(ax, one), s.eq(s.abs(y), inf)));
    s.select(unit, one, power)
}

/// To the nearest bfloat16 (ties to even), still as an `f32`. NaN stays NaN.
#[inline(always)]
pub fn round_to_bf16<S: Simd>(s: S, x: S::F) -> S::F {
    let bits = s.to_bits(x);
    let odd = s.and_i(s.shr_u(bits, 16), s.splat_i(1));
    let rounded = s.and_i(s.add_i(bits, s.add_i(odd, s.splat_i(0x7fff))), s.splat_i(!0xffff));
    s.select(s.eq(x, x), s.from_bits(rounded), s.splat(f32::NAN))
}

/// +0 for zeros and what is subnormal, else the number itself.
#[inline(always)]
pub fn flush<S: Simd>(s: S, x: S::F) -> S::F {
    s.select(s.lt(s.abs(x), s.splat(f32::MIN_POSITIVE)), s.splat(0.0), x)
}

/// To the nearest float16 (ties to even), still as an `f32`: infinity from 65520, multiples of 2⁻²⁴ below 2⁻¹⁴. NaN stays NaN.
#[inline(always)]
pub fn round_to_f16<S: Simd>(s: S, x: S::F) -> S::F {
    let (bits, size) = (s.to_bits(x), s.abs(x));
    let odd = s.and_i(s.shr_u(bits, 13), s.splat_i(1));
    let normal = s.from_bits(s.and_i(s.add_i(bits, s.add_i(odd, s.splat_i(0xfff))), s.splat_i(!0x1fff)));
    // Between 1/2 and 1 the numbers of single precision are 2⁻²⁴ apart.
    let half = s.splat(0.5);
    let subnormal = with_sign(s, s.sub(s.add(size, half), half), x);
    let finite = s.select(s.lt(size, s.splat(6.103_515_6e-5)), subnormal, normal);
    let y = s.select(s.lt(size, s.splat(65_520.0)), finite, with_sign(s, s.splat(f32::INFINITY), x));
    s.select(s.eq(x, x), y, s.splat(f32::NAN))
}

#[cfg(test)]
mod tests;
