//! Every operation of every token on this machine against scalar Rust, bit for bit.

use super::*;

const VALUES: [f32; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    1.5,
    2.5,
    -2.5,
    1e-40,
    -1e-45,
    f32::MIN_POSITIVE,
    3.0e9,
    -3.0e9,
    2147483648.0,
    -2147483648.0,
    2147483520.0,
    16777217.0,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    0.1,
];
const INTS: [i32; 12] = [0, 1, -1, 2, 7, -13, i32::MAX, i32::MIN, 0x1234_5678, -0x0765_4321, 1 << 20, 65537];

/// Bits, with all NaN alike. The barrier is needed: optimised, the choice is folded away because the bits of a NaN are unspecified anyway.
fn bits(x: f32) -> u32 {
    let x = std::hint::black_box(x);
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}

struct Ops;
impl WithSimd for Ops {
    type Output = ();
    #[allow(clippy::type_complexity)] // tables of name, result and reference
    fn run<S: Simd>(self, s: S) {
        let out = |x: S::F| {
            let mut o = vec![0.0f32; S::LANES];
            s.write(&mut o, x);
            o
        };
        let out_i = |x: S::I| {
            let mut o = vec![0i32; S::LANES];
            // SAFETY: `LANES` values.
            unsafe { s.store_i(o.as_mut_ptr(), x) };
            o
        };
        let out_m = |m: S::M| out(s.mask_to_f(m)).iter().map(|&x| x == 1.0).collect::<Vec<_>>();
        for a0 in 0..VALUES.len() {
            for b0 in 0..VALUES.len() {
                let at = |i: usize| VALUES[i % VALUES.len()];
                let av: Vec<f32> = (0..S::LANES).map(|l| at(a0 + l)).collect();
                let bv: Vec<f32> = (0..S::LANES).map(|l| at(b0 + 5 * l)).collect();
                let cv: Vec<f32> = (0..S::LANES).map(|l| at(a0 + b0 + 7 * l)).collect();
                let (a, b, c) = (s.read(&av), s.read(&bv), s.read(&cv));
                let check = |name: &str, got: S::F, want: &dyn Fn(f32, f32, f32) -> f32| {
                    for (l, g) in out(got).into_iter().enumerate() {
                        let w = want(av[l], bv[l], cv[l]);
                        assert_eq!(bits(g), bits(w), "{name}({}, {}, {}) = {g}, not {w} [{}]", av[l], bv[l], cv[l], S::ISA);
                    }
                };
                check("add", s.add(a, b), &|a, b, _| a + b);
                check("sub", s.sub(a, b), &|a, b, _| a - b);
                check("mul", s.mul(a, b), &|a, b, _| a * b);
                check("div", s.div(a, b), &|a, b, _| a / b);
                check("mul_add", s.mul_add(a, b, c), &|a, b, c| a.mul_add(b, c));
                check("neg_mul_add", s.neg_mul_add(a, b, c), &|a, b, c| (-a).mul_add(b, c));
                check("sqrt", s.sqrt(a), &|a, _, _| a.sqrt());
                check("neg", s.neg(a), &|a, _, _| -a);
                check("abs", s.abs(a), &|a, _, _| a.abs());
                check("min", s.min(a, b), &|a, b, _| if a < b { a } else { b });
                check("max", s.max(a, b), &|a, b, _| if a > b { a } else { b });
                check("min_nan", s.min_nan(a, b), &|a, b, _| if a.is_nan() || a < b { a } else { b });
                check("max_nan", s.max_nan(a, b), &|a, b, _| if a.is_nan() || a > b { a } else { b });
                check("floor", s.floor(a), &|a, _, _| a.floor());
                check("round", s.round(a), &|a, _, _| a.round_ties_even());
                check("select", s.select(s.lt(a, b), b, c), &|a, b, c| if a < b { b } else { c });
                check("select_or_zero", s.select_or_zero(s.le(a, b), c), &|a, b, c| if a <= b { c } else { 0.0 });
                check("bits", s.from_bits(s.to_bits(a)), &|a, _, _| a);
                let masks: [(&str, S::M, fn(f32, f32) -> bool); 8] = [
                    ("lt", s.lt(a, b), |a, b| a < b),
                    ("le", s.le(a, b), |a, b| a <= b),
                    ("eq", s.eq(a, b), |a, b| a == b),
                    ("ne", s.ne(a, b), |a, b| a != b),
                    ("truthy", s.truthy(a), |a, _| a != 0.0),
                    ("and", s.and_m(s.lt(a, b), s.truthy(b)), |a, b| a < b && b != 0.0),
                    ("or", s.or_m(s.lt(a, b), s.truthy(b)), |a, b| a < b || b != 0.0),
                    ("not", s.not_m(s.lt(a, b)), |a, b| !matches!(a.partial_cmp(&b), Some(std::cmp::Ordering::Less))),
                ];
                for (name, m, f) in masks {
                    let want: Vec<bool> = (0..S::LANES).map(|l| f(av[l], bv[l])).collect();
                    assert_eq!(out_m(m), want, "{name} {av:?} {bv:?}");
                    assert_eq!(s.any(m), want.contains(&true));
                }
                let ints: Vec<i32> = av.iter().map(|&x| x as i32).collect();
                assert_eq!(out_i(s.f_to_i(a)), ints, "{av:?}");
                let small: Vec<i32> = av.iter().map(|&x| if x.abs() < 1e9 { x.round_ties_even() as i32 } else { 0 }).collect();
                let inside = s.select_or_zero(s.lt(s.abs(a), s.splat(1e9)), a);
                assert_eq!(out_i(s.round_to_i(inside)), small);
            }
        }
        for a0 in 0..INTS.len() {
            for b0 in 0..INTS.len() {
                let av: Vec<i32> = (0..S::LANES).map(|l| INTS[(a0 + l) % INTS.len()]).collect();
                let bv: Vec<i32> = (0..S::LANES).map(|l| INTS[(b0 + 5 * l) % INTS.len()]).collect();
                // SAFETY: `LANES` values each.
                let (a, b) = unsafe { (s.load_i(av.as_ptr()), s.load_i(bv.as_ptr())) };
                let table: [(&str, S::I, fn(i32, i32) -> i32); 14] = [
                    ("add", s.add_i(a, b), i32::wrapping_add),
                    ("sub", s.sub_i(a, b), i32::wrapping_sub),
                    ("mul", s.mul_i(a, b), i32::wrapping_mul),
                    ("mul_high", s.mul_high_u(a, b), |a, b| ((u64::from(a as u32) * u64::from(b as u32)) >> 32) as i32),
                    ("min", s.min_i(a, b), i32::min),
                    ("max", s.max_i(a, b), i32::max),
                    ("and", s.and_i(a, b), |a, b| a & b),
                    ("or", s.or_i(a, b), |a, b| a | b),
                    ("xor", s.xor_i(a, b), |a, b| a ^ b),
                    ("shl", s.shl_i(a, 23), |a, _| a << 23),
                    ("shr", s.shr_i(a, 7), |a, _| a >> 7),
                    ("shr_u", s.shr_u(a, 7), |a, _| (a as u32 >> 7) as i32),
                    ("select eq", s.select_i(s.eq_i(a, b), s.splat_i(5), a), |a, b| if a == b { 5 } else { a }),
                    ("select lt", s.select_i(s.lt_i(a, b), b, a), |a, b| if a < b { b } else { a }),
                ];
                for (name, got, f) in table {
                    let want: Vec<i32> = av.iter().zip(&bv).map(|(&a, &b)| f(a, b)).collect();
                    assert_eq!(out_i(got), want, "{name} {av:?} {bv:?} [{}]", S::ISA);
                }
                assert_eq!(out(s.i_to_f(a)), av.iter().map(|&a| a as f32).collect::<Vec<_>>());
            }
        }
        assert_eq!(out_i(s.iota()), (0..S::LANES as i32).collect::<Vec<_>>());
        // Partial loads and stores touch nothing beyond their count.
        for n in 0..=S::LANES + 3 {
            let src: Vec<f32> = (1..=n).map(|x| x as f32).collect();
            let k = n.min(S::LANES);
            // SAFETY: exactly the values of the vectors.
            let x = unsafe { s.load_partial(src.as_ptr(), n) };
            assert_eq!(out(x)[..k], src[..k]);
            assert!(out(x)[k..].iter().all(|&x| x == 0.0));
            let mut dst = vec![-1.0f32; S::LANES + 1];
            // SAFETY: at most `LANES` values.
            unsafe { s.store_partial(dst.as_mut_ptr(), n, s.splat(9.0)) };
            assert!(dst[..k].iter().all(|&x| x == 9.0) && dst[k..].iter().all(|&x| x == -1.0));
            assert_eq!(out_m(s.first_n(n)).iter().filter(|&&x| x).count(), k);
        }
        // Columns of few rows, and repeated values: no place behind the last is read.
        for n in 1..=S::LANES {
            for stride in [1, 2, 3, 10] {
                let src: Vec<f32> = (0..=(n - 1) * stride).map(|x| x as f32).collect();
                // SAFETY: the last of the `n` places is the slice's.
                let x = unsafe { s.load_strided_partial(src.as_ptr(), stride, n) };
                let want: Vec<f32> = (0..S::LANES).map(|i| (i.min(n - 1) * stride) as f32).collect();
                assert_eq!(out(x), want, "{n} at distance {stride} [{}]", S::ISA);
            }
        }
        let places: Vec<i32> = (0..S::LANES as i32).map(|i| i * i % S::LANES as i32).collect();
        // SAFETY: one place for each lane.
        let at = unsafe { s.load_i(places.as_ptr()) };
        let values = s.i_to_f(s.iota());
        assert_eq!(out(s.permute(values, at)), places.iter().map(|&i| i as f32).collect::<Vec<_>>(), "[{}]", S::ISA);
        // Transposition of a block inside larger matrices.
        let ld = S::LANES + 3;
        let src: Vec<f32> = (0..S::LANES * ld).map(|x| x as f32).collect();
        let mut dst = vec![-1.0; S::LANES * ld];
        // SAFETY: both hold `LANES` rows of `ld >= LANES` values.
        unsafe { s.transpose_block(src.as_ptr(), ld, dst.as_mut_ptr(), ld) };
        for r in 0..S::LANES {
            for c in 0..ld {
                assert_eq!(dst[r * ld + c], if c < S::LANES { src[c * ld + r] } else { -1.0 });
            }
        }
    }
}

#[test]
fn operations_equal_scalar_rust() {
    for isa in Isa::available() {
        dispatch(isa, Ops);
    }
}

struct Reduce<'a>(&'a [f32], &'a [f32]);
impl WithSimd for Reduce<'_> {
    type Output = [u32; 5];
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> [u32; 5] {
        let (mut sum, mut prod) = (Acc16::new(s, 0.0), Acc16::new(s, 1.0));
        let (mut max, mut min) = (Acc16::new(s, f32::NEG_INFINITY), Acc16::new(s, f32::INFINITY));
        let mut dot = Acc16::new(s, 0.0);
        // Blocks of 48: the split must not matter.
        for (x, y) in self.0.chunks(48).zip(self.1.chunks(48)) {
            sum.add(s, x);
            prod.mul(s, x);
            max.max(s, x);
            min.min(s, x);
            dot.mul_add(s, x, y);
        }
        [sum.reduce_sum(s), prod.reduce_prod(s), max.reduce_max(s), min.reduce_min(s), dot.reduce_sum(s)].map(bits)
    }
}

#[test]
fn reductions_have_equal_bits_everywhere() {
    let noise = |i: usize| ((i as u32).wrapping_mul(2654435761) >> 8) as f32 / 8388608.0 - 1.0;
    for n in (0..70).chain([255, 256, 1000]) {
        let x: Vec<f32> = (0..n).map(noise).collect();
        let y: Vec<f32> = (0..n).map(|i| noise(i + 77)).collect();
        // The definition, in scalars: element i to lane i % 16, then the tree.
        let mut lanes = [[0.0f32, 1.0, f32::NEG_INFINITY, f32::INFINITY, 0.0]; 16];
        for i in 0..n {
            let l = &mut lanes[i % 16];
            *l = [l[0] + x[i], l[1] * x[i], l[2].max(x[i]), l[3].min(x[i]), x[i].mul_add(y[i], l[4])];
        }
        let column = |c: usize| std::array::from_fn(|l| lanes[l][c]);
        let want = [
            combine16(column(0), |a, b| a + b),
            combine16(column(1), |a, b| a * b),
            combine16(column(2), f32::max),
            combine16(column(3), f32::min),
            combine16(column(4), |a, b| a + b),
        ]
        .map(bits);
        for isa in Isa::available() {
            assert_eq!(dispatch(isa, Reduce(&x, &y)), want, "{n} elements on {isa}");
        }
    }
    for isa in Isa::available() {
        let nan = dispatch(isa, Reduce(&[1.0, f32::NAN, 2.0], &[0.0; 3]));
        assert_eq!(nan[2..4], [bits(f32::NAN); 2], "NaN wins on {isa}");
    }
}

#[test]
fn names_round_trip() {
    for isa in Isa::ALL {
        assert_eq!(isa.to_string().parse(), Ok(isa));
    }
    assert!("sse9".parse::<Isa>().unwrap_err().to_string().contains("portable"));
    assert!(Isa::best().is_available());
    // Naming a missing one is harmless: the portable code runs.
    for isa in Isa::ALL {
        assert_eq!(dispatch(isa, Reduce(&[1.0, 2.0], &[1.0, 1.0]))[0], bits(3.0));
    }
}
