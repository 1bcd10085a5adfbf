//! Sweeps over all exponents and signs against `f64`, tables of special values, equal bits on all instruction sets.

use super::*;
use crate::simd::{Isa, WithSimd, dispatch};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Exp,
    Expm1,
    Log,
    Log1p,
    Tanh,
    Sigmoid,
    Softplus,
    Erf,
    Rsqrt,
    Bf16,
    F16,
}
use Function::*;

/// Function, reference in `f64`, bound in ULP.
type Row = (Function, fn(f64) -> f64, f64);
const TABLE: [Row; 9] = [
    (Exp, f64::exp, 1.0),
    (Expm1, f64::exp_m1, 2.0),
    (Log, f64::ln, 1.0),
    (Log1p, f64::ln_1p, 2.0),
    (Tanh, f64::tanh, 3.0),
    (Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 3.0),
    (Softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), 2.0),
    (Erf, libm::erf, 2.0),
    (Rsqrt, |x| 1.0 / x.sqrt(), 1.5),
];

struct Map<'a>(Function, &'a [f32], &'a mut [f32]);
impl WithSimd for Map<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self(function, xs, out) = self;
        for (x, o) in xs.chunks(S::LANES).zip(out.chunks_mut(S::LANES)) {
            let x = s.read(x);
            let y = match function {
                Exp => exp(s, x),
                Expm1 => expm1(s, x),
                Log => log(s, x),
                Log1p => log1p(s, x),
                Tanh => tanh(s, x),
                Sigmoid => sigmoid(s, x),
                Softplus => softplus(s, x),
                Erf => erf(s, x),
                Rsqrt => rsqrt(s, x),
                Bf16 => round_to_bf16(s, x),
                F16 => round_to_f16(s, x),
            };
            s.write(o, y);
        }
    }
}

struct Pow<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
impl WithSimd for Pow<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for ((x, y), o) in self.0.chunks(S::LANES).zip(self.1.chunks(S::LANES)).zip(self.2.chunks_mut(S::LANES)) {
            s.write(o, pow(s, s.read(x), s.read(y)));
        }
    }
}

fn map(isa: Isa, function: Function, xs: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; xs.len()];
    dispatch(isa, Map(function, xs, &mut out));
    out
}

/// Distance in units of the last place of the exact value, infinite where finiteness or NaN-ness differ.
fn ulps(got: f32, want: f64) -> f64 {
    let nearest = want as f32;
    if want.is_nan() || got.is_nan() {
        return if want.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if nearest.is_infinite() || got.is_infinite() {
        // Rounding the last finite binade to infinity one step early is an error of one unit.
        let huge = |x: f64| x.abs() >= f64::from(f32::MAX);
        return if got == nearest {
            0.0
        } else if huge(f64::from(got)) && huge(want) && f64::from(got).signum() == want.signum() {
            1.0
        } else {
            f64::INFINITY
        };
    }
    let exponent = (nearest.abs().max(f32::MIN_POSITIVE).to_bits() >> 23) as i32 - 150;
    (f64::from(got) - want).abs() / 2f64.powi(exponent)
}

/// Bits, with all NaN alike.
fn canonical(x: f32) -> u32 {
    let x = std::hint::black_box(x);
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

/// Every `stride`-th bit pattern, both signs, all exponents.
fn sweep(stride: usize) -> Vec<f32> {
    (0..=u32::MAX).step_by(stride).map(f32::from_bits).collect()
}

fn check_bounds(stride: usize) {
    let xs = sweep(stride);
    for (function, reference, bound) in TABLE {
        let got = map(Isa::best(), function, &xs);
        let mut worst = (0.0, 0.0f32, 0.0f32);
        for (&x, &y) in xs.iter().zip(&got) {
            let e = ulps(y, reference(f64::from(x)));
            if e > worst.0 {
                worst = (e, x, y);
            }
        }
        let (e, x, y) = worst;
        assert!(e <= bound, "{function:?}({x:e}) = {y:e}, wanted {:e}: {e} ULP of {bound}", reference(f64::from(x)));
    }
}

#[test]
fn bounds_hold_on_a_sweep() {
    check_bounds(6151);
}

#[test]
#[ignore = "takes minutes; every 61st of all bit patterns"]
fn bounds_hold_on_a_dense_sweep() {
    check_bounds(61);
}

#[test]
fn all_instruction_sets_give_equal_bits() {
    let xs = sweep(40009);
    for function in TABLE.iter().map(|row| row.0).chain([Bf16, F16]) {
        let want = map(Isa::Portable, function, &xs);
        for isa in Isa::available() {
            for ((&x, &w), &g) in xs.iter().zip(&want).zip(&map(isa, function, &xs)) {
                assert_eq!(canonical(g), canonical(w), "{function:?}({x:e}) on {isa}: {g:e}, portable {w:e}");
            }
        }
    }
}

#[test]
fn roundings_are_those_of_the_reference() {
    use adaline_graph::eval::{Precision, Value, apply};
    use adaline_graph::{Op, TensorType, UnaryOp};
    let xs: Vec<f32> = sweep(80021).into_iter().chain((0..40_000).map(|i| (i as f32) * 2f32.powi(-29))).collect();
    for (function, op) in [(Bf16, UnaryOp::Bf16), (F16, UnaryOp::F16)] {
        let values = Value::of(TensorType::f32([xs.len()]), xs.iter().map(|&x| f64::from(x)).collect());
        let want = apply(Op::Unary(op), &[&values], Precision::F64).data;
        for ((&x, &w), &g) in xs.iter().zip(&want).zip(&map(Isa::best(), function, &xs)) {
            assert_eq!(canonical(g), canonical(w as f32), "{function:?}({x:e}) = {g:e}, not {w:e}");
        }
    }
}

#[test]
fn special_values() {
    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    let tiny = f32::from_bits(1);
    let cases: &[(Function, f32, f32)] = &[
        (Exp, 0.0, 1.0),
        (Exp, -0.0, 1.0),
        (Exp, INF, INF),
        (Exp, -INF, 0.0),
        (Exp, 88.72284, INF),
        (Exp, 1e30, INF),
        (Exp, -104.0, 0.0),
        (Exp, -103.0, tiny),
        (Expm1, 0.0, 0.0),
        (Expm1, -0.0, -0.0),
        (Expm1, tiny, tiny),
        (Expm1, -tiny, -tiny),
        (Expm1, INF, INF),
        (Expm1, -INF, -1.0),
        (Log, 0.0, -INF),
        (Log, -0.0, -INF),
        (Log, 1.0, 0.0),
        (Log, INF, INF),
        (Log, -1.0, NAN),
        (Log, -INF, NAN),
        (Log, -tiny, NAN),
        (Log1p, 0.0, 0.0),
        (Log1p, -0.0, -0.0),
        (Log1p, tiny, tiny),
        (Log1p, -1.0, -INF),
        (Log1p, -1.5, NAN),
        (Log1p, INF, INF),
        (Tanh, -0.0, -0.0),
        (Tanh, tiny, tiny),
        (Tanh, INF, 1.0),
        (Tanh, -INF, -1.0),
        (Tanh, -1e30, -1.0),
        (Sigmoid, 0.0, 0.5),
        (Sigmoid, INF, 1.0),
        (Sigmoid, -INF, 0.0),
        (Softplus, -INF, 0.0),
        (Softplus, INF, INF),
        (Softplus, 1e30, 1e30),
        (Softplus, 0.0, std::f32::consts::LN_2),
        (Erf, -0.0, -0.0),
        (Erf, INF, 1.0),
        (Erf, -INF, -1.0),
        (Erf, 1e30, 1.0),
        (Rsqrt, 4.0, 0.5),
        (Rsqrt, 0.0, INF),
        (Rsqrt, -0.0, -INF),
        (Rsqrt, INF, 0.0),
        (Rsqrt, -1.0, NAN),
        (Bf16, 1.0, 1.0),
        (Bf16, f32::from_bits(0x3f80_8000), 1.0),
        (Bf16, f32::from_bits(0x3f81_8000), f32::from_bits(0x3f82_0000)),
        (Bf16, f32::from_bits(0x3f80_8001), f32::from_bits(0x3f81_0000)),
        (Bf16, f32::MAX, INF),
        (Bf16, -INF, -INF),
        (Bf16, -0.0, -0.0),
        (Bf16, f32::from_bits(0x7fff_ffff), NAN),
        (F16, 1.000_488_3, 1.0),
        (F16, 1.001_464_8, 1.001_953_1),
        (F16, 65_519.996, 65_504.0),
        (F16, -65_520.0, -INF),
        (F16, f32::MAX, INF),
        (F16, -INF, -INF),
        (F16, 2f32.powi(-25), 0.0),
        (F16, -1.5 * 2f32.powi(-24), -(2f32.powi(-23))),
        (F16, -tiny, -0.0),
        (F16, -0.0, -0.0),
        (F16, f32::from_bits(0x7fff_ffff), NAN),
    ];
    for isa in Isa::available() {
        for &(function, x, want) in cases {
            let got = map(isa, function, &[x])[0];
            assert_eq!(canonical(got), canonical(want), "{function:?}({x:e}) = {got:e} on {isa}, not {want:e}");
        }
        for (function, ..) in TABLE {
            assert!(map(isa, function, &[NAN])[0].is_nan(), "{function:?}(NaN) on {isa}");
            assert!(map(isa, function, &[-NAN])[0].is_nan(), "{function:?}(-NaN) on {isa}");
        }
    }
}

#[test]
fn pow_bounds_special_values_and_equal_bits() {
    let specials = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        2.0,
        -2.0,
        3.0,
        -3.0,
        0.5,
        -0.5,
        1.5,
        1e-40,
        -1e-40,
        1e30,
        -1e30,
        16777217.0,
        33554432.0,
        -33554431.0,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    let (mut xs, mut ys) = (vec![], vec![]);
    for x in specials {
        for y in specials {
            xs.push(x);
            ys.push(y);
        }
    }
    // Bases over all exponents, exponents such that the power stays mostly finite; and bases near one with large exponents.
    let mut state = 1u32;
    let mut random = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / 16777216.0
    };
    for _ in 0..300_000 {
        let x = f32::from_bits((random() * 2139095039.0) as u32);
        let limit = 104.0 / x.ln().abs().max(1e-6);
        xs.push(x);
        ys.push((2.0 * random() - 1.0) * limit);
        let x = 0.5 + 1.5 * random();
        xs.push(x);
        ys.push((2.0 * random() - 1.0) * 100.0 / x.ln().abs().max(1e-7));
    }
    let want: Vec<f64> = xs.iter().zip(&ys).map(|(&x, &y)| f64::from(x).powf(f64::from(y))).collect();
    let mut first: Option<Vec<f32>> = None;
    for isa in Isa::available() {
        let mut got = vec![0.0; xs.len()];
        dispatch(isa, Pow(&xs, &ys, &mut got));
        for i in 0..xs.len() {
            let e = ulps(got[i], want[i]);
            assert!(e <= 2.0, "{:e}^{:e} = {:e} on {isa}, wanted {:e}: {e} ULP", xs[i], ys[i], got[i], want[i]);
            if want[i] == 0.0 && i < specials.len() * specials.len() {
                assert_eq!(got[i].is_sign_negative(), want[i].is_sign_negative(), "sign of {:e}^{:e}", xs[i], ys[i]);
            }
        }
        match &first {
            None => first = Some(got),
            Some(first) => assert!(first.iter().zip(&got).all(|(a, b)| canonical(*a) == canonical(*b)), "bits on {isa}"),
        }
    }
}
