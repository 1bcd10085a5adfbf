use super::*;
use crate::{ArgOp, AxisSet, BinaryOp, Distribution, Literal, MAX_RANK, PadSpec, Perm, ReduceOp, SliceSpec, UnaryOp, philox::Philox};

fn one(op: Op, inputs: &[&Value]) -> Vec<f64> {
    apply(op, inputs, Precision::F64).data
}
fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x == y || x.is_nan() && y.is_nan())
}
const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

#[test]
fn unary_functions_of_special_values() {
    let x = Value::f32([6], &[0.0, 1.0, -1.0, INF, -INF, NAN]);
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let e = std::f64::consts::E;
    let ln2 = std::f64::consts::LN_2;
    let s = 1.0 / (1.0 + 1.0 / e);
    for (op, expected) in [
        (UnaryOp::Neg, [0.0, -1.0, 1.0, -inf, inf, nan]),
        (UnaryOp::Abs, [0.0, 1.0, 1.0, inf, inf, nan]),
        (UnaryOp::Sign, [0.0, 1.0, -1.0, 1.0, -1.0, nan]),
        (UnaryOp::Exp, [1.0, e, 1.0 / e, inf, 0.0, nan]),
        (UnaryOp::Expm1, [0.0, e - 1.0, 1.0 / e - 1.0, inf, -1.0, nan]),
        (UnaryOp::Log, [-inf, 0.0, nan, inf, nan, nan]),
        (UnaryOp::Log1p, [0.0, ln2, -inf, inf, nan, nan]),
        (UnaryOp::Sqrt, [0.0, 1.0, nan, inf, nan, nan]),
        (UnaryOp::Rsqrt, [inf, 1.0, nan, 0.0, nan, nan]),
        (UnaryOp::Tanh, [0.0, (e * e - 1.0) / (e * e + 1.0), -(e * e - 1.0) / (e * e + 1.0), 1.0, -1.0, nan]),
        (UnaryOp::Sigmoid, [0.5, s, 1.0 - s, 1.0, 0.0, nan]),
        (UnaryOp::Softplus, [ln2, (1.0 + e).ln(), (1.0 + 1.0 / e).ln(), inf, 0.0, nan]),
        (UnaryOp::Erf, [0.0, 0.8427007929497149, -0.8427007929497149, 1.0, -1.0, nan]),
        (UnaryOp::Floor, [0.0, 1.0, -1.0, inf, -inf, nan]),
        (UnaryOp::Bf16, [0.0, 1.0, -1.0, inf, -inf, nan]),
        (UnaryOp::F16, [0.0, 1.0, -1.0, inf, -inf, nan]),
    ] {
        let got = one(Op::Unary(op), &[&x]);
        let near = got.iter().zip(expected).all(|(g, w)| *g == w || g.is_nan() && w.is_nan() || (g - w).abs() < 1e-15);
        assert!(near, "{}: {got:?} against {expected:?}", op.name());
    }
    assert_eq!(one(Op::Unary(UnaryOp::Not), &[&Value::bool([2], &[true, false])]), [0.0, 1.0]);
    // No overflow on the way.
    assert_eq!(one(Op::Unary(UnaryOp::Sigmoid), &[&Value::f32([2], &[-1e4, 1e4])]), [0.0, 1.0]);
    assert_eq!(one(Op::Unary(UnaryOp::Softplus), &[&Value::f32([2], &[-1e4, 1e4])]), [0.0, 1e4]);
}

#[test]
fn bfloat16_is_the_nearest_even() {
    let bits = |b: u32| f64::from(f32::from_bits(b));
    // By the bits: half a unit is 0x8000.
    for (x, y) in [
        (0x3f80_7fff, 0x3f80_0000),
        (0x3f80_8000, 0x3f80_0000),
        (0x3f80_8001, 0x3f81_0000),
        (0x3f81_8000, 0x3f82_0000),
        (0xbf81_8000, 0xbf82_0000),
        (0x3fff_8000, 0x4000_0000),
        (0x7f7f_7fff, 0x7f7f_0000),
        (0x7f7f_8000, 0x7f80_0000),
        (0xff7f_ffff, 0xff80_0000),
        (0x0000_8000, 0x0000_0000),
        (0x8000_8001, 0x8001_0000),
        (0x0001_8000, 0x0002_0000),
        (0x007f_ffff, 0x0080_0000),
        (0x8000_0000, 0x8000_0000),
    ] {
        let got = one(Op::Unary(UnaryOp::Bf16), &[&Value::of(TensorType::f32([1]), vec![bits(x)])])[0];
        assert_eq!((got as f32).to_bits(), y, "{x:08x}: {got:e}");
    }
    // To single precision first: just above half a unit, which f32 does not see.
    let near_half = Value::of(TensorType::f32([1]), vec![1.0 + 2f64.powi(-8) + 2f64.powi(-40)]);
    assert_eq!(one(Op::Unary(UnaryOp::Bf16), &[&near_half]), [1.0]);
}

#[test]
fn float16_is_the_nearest_even() {
    let two = |e: i32| 2f64.powi(e);
    // 11 significant bits; above 65504 and half a unit infinity; below 2⁻¹⁴ multiples of 2⁻²⁴.
    for (x, y) in [
        (1.0 + two(-11), 1.0),
        (1.0 + two(-11) + two(-23), 1.0 + two(-10)),
        (1.0 + two(-10) + two(-11), 1.0 + two(-9)),
        (-1.0 - two(-10) - two(-11), -1.0 - two(-9)),
        (2.0 - two(-12), 2.0),
        (0.1, 0.099_975_585_937_5),
        (65_504.0, 65_504.0),
        (65_519.996, 65_504.0),
        (65_520.0, f64::INFINITY),
        (-65_520.0, f64::NEG_INFINITY),
        (1e38, f64::INFINITY),
        (two(-14) - two(-25), two(-14)),
        (1.5 * two(-24), two(-23)),
        (-2.5 * two(-24), -two(-23)),
        (two(-25), 0.0),
        (two(-25) + two(-40), two(-24)),
        (-1e-30, -0.0),
        (-0.0, -0.0),
    ] {
        let got = one(Op::Unary(UnaryOp::F16), &[&Value::of(TensorType::f32([1]), vec![x])])[0];
        assert_eq!(got.to_bits(), y.to_bits(), "{x:e}: {got:e}");
    }
}

#[test]
fn binary_functions() {
    let a = Value::f32([5], &[1.0, -2.0, 3.0, NAN, 0.0]);
    let b = Value::f32([5], &[2.0, -2.0, 0.5, 1.0, 0.0]);
    let nan = f64::NAN;
    for (op, expected) in [
        (BinaryOp::Add, [3.0, -4.0, 3.5, nan, 0.0]),
        (BinaryOp::Sub, [-1.0, 0.0, 2.5, nan, 0.0]),
        (BinaryOp::Mul, [2.0, 4.0, 1.5, nan, 0.0]),
        (BinaryOp::Div, [0.5, 1.0, 6.0, nan, nan]),
        (BinaryOp::Max, [2.0, -2.0, 3.0, nan, 0.0]),
        (BinaryOp::Min, [1.0, -2.0, 0.5, nan, 0.0]),
        (BinaryOp::Pow, [1.0, 0.25, 3f64.sqrt(), nan, 1.0]),
        (BinaryOp::Lt, [1.0, 0.0, 0.0, 0.0, 0.0]),
        (BinaryOp::Le, [1.0, 1.0, 0.0, 0.0, 1.0]),
        (BinaryOp::Eq, [0.0, 1.0, 0.0, 0.0, 1.0]),
        (BinaryOp::Ne, [1.0, 0.0, 1.0, 1.0, 0.0]),
    ] {
        let got = one(Op::Binary(op), &[&a, &b]);
        assert!(same(&got, &expected), "{}: {got:?} against {expected:?}", op.name());
    }
    let (p, q) = (Value::bool([4], &[false, false, true, true]), Value::bool([4], &[false, true, false, true]));
    assert_eq!(one(Op::Binary(BinaryOp::And), &[&p, &q]), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(one(Op::Binary(BinaryOp::Or), &[&p, &q]), [0.0, 1.0, 1.0, 1.0]);
}

#[test]
fn integers_are_exact_and_wrap() {
    let a = Value::i32([3], &[i32::MAX, 123_456_789, -7]);
    let b = Value::i32([3], &[1, 987_654_321, 7]);
    assert_eq!(one(Op::Binary(BinaryOp::Add), &[&a, &b]), [f64::from(i32::MIN), 1_111_111_110.0, 0.0]);
    assert_eq!(one(Op::Binary(BinaryOp::Mul), &[&a, &b])[1], f64::from(123_456_789i32.wrapping_mul(987_654_321)));
    assert_eq!(one(Op::Unary(UnaryOp::Neg), &[&Value::i32([1], &[i32::MIN])]), [f64::from(i32::MIN)]);
    assert_eq!(one(Op::Binary(BinaryOp::Lt), &[&a, &b]), [0.0, 1.0, 1.0]);
}

#[test]
fn casts_truncate_saturate_and_test_for_zero() {
    let x = Value::f32([6], &[1.9, -1.9, 3e9, -3e9, NAN, 0.0]);
    assert_eq!(one(Op::Cast(DType::I32), &[&x]), [1.0, -1.0, f64::from(i32::MAX), f64::from(i32::MIN), 0.0, 0.0]);
    assert_eq!(one(Op::Cast(DType::Bool), &[&x]), [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(one(Op::Cast(DType::F32), &[&Value::bool([2], &[true, false])]), [1.0, 0.0]);
    let big = Value::i32([1], &[16_777_217]);
    assert_eq!(one(Op::Cast(DType::F32), &[&big]), [16_777_217.0]);
    assert_eq!(apply(Op::Cast(DType::F32), &[&big], Precision::F32).data, [16_777_216.0]);
}

#[test]
fn reductions_with_their_neutral_elements() {
    let x = Value::f32([2, 3], &[1.0, 5.0, -2.0, 4.0, 5.0, 0.5]);
    let rows = AxisSet::of(&[1]);
    for (op, expected, empty) in [
        (ReduceOp::Sum, [4.0, 9.5], 0.0),
        (ReduceOp::Max, [5.0, 5.0], f64::NEG_INFINITY),
        (ReduceOp::Min, [-2.0, 0.5], f64::INFINITY),
        (ReduceOp::Prod, [-10.0, 10.0], 1.0),
    ] {
        assert_eq!(one(Op::Reduce { op, axes: rows }, &[&x]), expected);
        assert_eq!(one(Op::Reduce { op, axes: rows }, &[&Value::f32([1, 0], &[])]), [empty]);
        let bad = Value::f32([1, 3], &[1.0, NAN, 2.0]);
        assert!(one(Op::Reduce { op, axes: rows }, &[&bad])[0].is_nan());
    }
    assert_eq!(one(Op::Reduce { op: ReduceOp::Sum, axes: AxisSet::of(&[0, 1]) }, &[&x]), [13.5]);
    assert_eq!(one(Op::ArgReduce { op: ArgOp::Max, axis: 0 }, &[&x]), [1.0, 0.0, 1.0]);
    assert_eq!(one(Op::ArgReduce { op: ArgOp::Min, axis: 1 }, &[&x]), [2.0, 2.0]);
    let nans = Value::f32([1, 4], &[3.0, NAN, 9.0, NAN]);
    assert_eq!(one(Op::ArgReduce { op: ArgOp::Max, axis: 1 }, &[&nans]), [1.0]);
    assert_eq!(one(Op::ArgReduce { op: ArgOp::Min, axis: 1 }, &[&nans]), [1.0]);
}

fn spec(values: &[usize], rest: usize) -> [usize; MAX_RANK] {
    let mut s = [rest; MAX_RANK];
    s[..values.len()].copy_from_slice(values);
    s
}

#[test]
fn data_movement() {
    let x = Value::f32([2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(one(Op::Transpose(Perm::new(&[1, 0]).unwrap()), &[&x]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    assert_eq!(one(Op::Reshape(Shape::from([3, 2])), &[&x]), x.data);
    let column = Value::f32([2, 1], &[7.0, 8.0]);
    assert_eq!(one(Op::Broadcast(Shape::from([2, 2])), &[&column]), [7.0, 7.0, 8.0, 8.0]);
    let slice = SliceSpec { start: spec(&[1, 0], 0), stop: spec(&[2, 3], 0), stride: spec(&[1, 2], 1) };
    assert_eq!(one(Op::Slice(slice), &[&x]), [3.0, 5.0]);
    let pad = PadSpec { before: spec(&[1], 0), after: spec(&[0], 0), between: spec(&[2], 0) };
    assert_eq!(one(Op::Pad(pad), &[&Value::f32([2], &[1.0, 2.0])]), [0.0, 1.0, 0.0, 0.0, 2.0]);
    assert_eq!(one(Op::Concat { axis: 1 }, &[&column, &x]), [7.0, 0.0, 1.0, 2.0, 8.0, 3.0, 4.0, 5.0]);
    let empty = Value::f32([2, 0], &[]);
    assert_eq!(one(Op::Concat { axis: 1 }, &[&empty, &column, &empty]), [7.0, 8.0]);
    assert_eq!(one(Op::Reverse(AxisSet::of(&[1])), &[&x]), [2.0, 1.0, 0.0, 5.0, 4.0, 3.0]);
    assert_eq!(one(Op::Iota { shape: Shape::from([2, 2]), axis: 0 }, &[]), [0.0, 0.0, 1.0, 1.0]);
    assert_eq!(one(Op::Const { value: Literal::Bool(true), shape: Shape::from([2]) }, &[]), [1.0, 1.0]);
    assert_eq!(one(Op::Select, &[&Value::bool([2, 1], &[true, false]), &column, &Value::f32([2, 1], &[NAN, 1.0])]), [7.0, 1.0]);
}

#[test]
fn dot_in_all_four_layouts() {
    // a = [[1, 2, 3], [4, 5, 6]], b = [[1, 0], [2, 1], [0, 3]]; a b = [[5, 11], [14, 23]]
    let (a, at) = (Value::f32([2, 3], &[1., 2., 3., 4., 5., 6.]), Value::f32([3, 2], &[1., 4., 2., 5., 3., 6.]));
    let (b, bt) = (Value::f32([3, 2], &[1., 0., 2., 1., 0., 3.]), Value::f32([2, 3], &[1., 2., 0., 0., 1., 3.]));
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let got = one(Op::Dot { ta, tb }, &[if ta { &at } else { &a }, if tb { &bt } else { &b }]);
        assert_eq!(got, [5.0, 11.0, 14.0, 23.0], "ta {ta}, tb {tb}");
    }
    let stack = Value::f32([2, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
    assert_eq!(one(Op::Dot { ta: false, tb: true }, &[&stack, &stack]), [5.0, 25.0]);
    let none = (Value::f32([2, 0], &[]), Value::f32([0, 1], &[]));
    assert_eq!(one(Op::Dot { ta: false, tb: false }, &[&none.0, &none.1]), [0.0, 0.0]);
}

#[test]
fn random_numbers_are_those_of_philox() {
    let (seed, step) = (Value::i32([2], &[-3, 9]), Value::i32(Shape::SCALAR, &[41]));
    let numbers = Philox::new(u64::from(-3i32 as u32) | 9 << 32, 77, 41);
    for dist in [Distribution::Uniform, Distribution::Normal] {
        let got = one(Op::Random { dist, stream: 77, shape: Shape::from([2, 3]) }, &[&seed, &step]);
        for (e, v) in got.iter().enumerate() {
            let expected = if dist == Distribution::Uniform { numbers.uniform(e as u64) } else { numbers.normal(e as u64) };
            assert_eq!(*v, f64::from(expected));
        }
    }
}

#[test]
fn a_run_reads_state_and_returns_updates_and_refuses_what_does_not_fit() {
    let b = crate::Builder::new();
    let x = b.input("x", TensorType::f32([2]));
    let w = b.state(SlotId(3), "w", TensorType::f32([2]));
    b.output("sum", x + w);
    b.update(SlotId(3), w * 2.0);
    let g = b.finish().unwrap();
    let state = |s: SlotId| (s == SlotId(3)).then(|| Value::f32([2], &[10.0, 20.0]));
    let run = evaluate(&g, &[Value::f32([2], &[1.0, 2.0])], &state).unwrap();
    assert_eq!(run.outputs[0].data, [11.0, 22.0]);
    assert_eq!(run.updates, [(SlotId(3), Value::f32([2], &[20.0, 40.0]))]);
    let text = |inputs: &[Value], state: &dyn Fn(SlotId) -> Option<Value>| evaluate(&g, inputs, state).unwrap_err().to_string();
    assert_eq!(text(&[], &state), "expected 1 inputs, got 0");
    assert_eq!(text(&[Value::i32([2], &[1, 2])], &state), "input `x` expects f32[2], got i32[2]");
    assert_eq!(text(&[Value::f32([2], &[1.0, 2.0])], &|_| None), "slot `w` expects f32[2], got nothing");
}

#[test]
fn words_round_trip() {
    for v in [Value::f32([2], &[1.5, -0.0]), Value::i32([2], &[i32::MIN, 7]), Value::bool([2], &[true, false])] {
        assert_eq!(Value::from_words(v.ty, &v.to_words()), v);
    }
}
