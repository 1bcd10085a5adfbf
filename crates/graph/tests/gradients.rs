//! Gradients of all operations against central differences, to first and second order.

use adaline_graph::eval::Value;
use adaline_graph::{Builder, ConvSpec, DType, Interpolation, MAX_RANK, Op, PadSpec, ReduceOp, Shape, TensorType, Var, WindowSpec, concat};
use adaline_testkit::Rng;
use adaline_testkit::gradcheck::{GradError, check_gradients, check_second_order};

type Build = for<'a> fn(&'a Builder, Var<'a>, Var<'a>) -> Var<'a>;

/// Functions of `x, y: f32[3, 4]`, both in `[0.2, 2)`, away from all kinks.
const SMOOTH: &[(&str, Build)] = &[
    ("neg", |_, x, _| -x),
    ("abs", |_, x, _| (-x).abs()),
    ("exp", |_, x, _| x.exp()),
    ("expm1", |_, x, _| x.expm1()),
    ("log", |_, x, _| x.log()),
    ("log1p", |_, x, _| x.log1p()),
    ("sqrt", |_, x, _| x.sqrt()),
    ("rsqrt", |_, x, _| x.rsqrt()),
    ("tanh", |_, x, _| x.tanh()),
    ("sigmoid", |_, x, _| x.sigmoid()),
    ("softplus", |_, x, _| x.softplus()),
    ("erf", |_, x, _| x.erf()),
    ("add", |_, x, y| x + y),
    ("sub", |_, x, y| x - y),
    ("mul", |_, x, y| x * y),
    ("div", |_, x, y| x / y),
    ("pow", |_, x, y| x.pow(y)),
    ("pow const", |b, x, _| x.pow(b.full([3, 4], 2.5)) + x.pow(b.full([3, 4], 2.0)) + x.pow(b.full([3, 4], -1.0))),
    ("x with itself", |_, x, _| x * x / (x + x).sqrt() - x.pow(x)),
    ("broadcast", |_, x, y| x.slice(&[(0, 1, 1), (0, 4, 1)]) * y + y.slice(&[(0, 3, 1), (0, 1, 1)])),
    ("sum", |_, x, y| x.sum(&[1], true) * y),
    ("mean", |_, x, y| x.mean(&[0], true) * y),
    ("prod", |_, x, y| x.reduce(ReduceOp::Prod, &[1], true) * y),
    ("variance", |_, x, y| (x - x.mean(&[0], true)) * (x.variance(&[0], true) + 0.1).rsqrt() * y),
    ("softmax", |_, x, y| x.softmax(-1) * y),
    ("log_softmax", |_, x, y| x.log_softmax(0) * y),
    ("logsumexp", |_, x, y| x.logsumexp(1, true) * y),
    ("reshape", |_, x, y| x.reshape([4, 3]).exp().reshape([3, 4]) * y),
    ("transpose", |_, x, y| (x * y).transpose(&[1, 0]).exp()),
    ("slice", |_, x, y| (x * y).slice(&[(0, 3, 2), (1, 4, 2)]).exp()),
    ("pad", |_, x, y| {
        let mut p = PadSpec { before: [0; MAX_RANK], after: [0; MAX_RANK], between: [0; MAX_RANK] };
        (p.before[0], p.after[1], p.between[0], p.between[1]) = (1, 2, 1, 2);
        x.builder().op(Op::Pad(p), &[x * y]).exp()
    }),
    ("concat", |b, x, y| concat(b, &[x, y, x * y], 1).tanh()),
    ("reverse", |_, x, y| x.reverse(&[0, 1]) * y),
    ("dot nt", |_, x, y| x.dot(y, false, true).tanh()),
    ("dot tn", |_, x, y| x.dot(y, true, false).tanh()),
    ("dot nn", |_, x, y| x.dot(y.reshape([4, 3]), false, false).tanh()),
    ("dot tt", |_, x, y| x.dot(y.reshape([4, 3]), true, true).tanh()),
    ("dot batched", |_, x, y| x.reshape([3, 2, 2]).dot(y.reshape([3, 2, 2]), true, false).tanh()),
    ("gram", |_, x, _| x.dot(x, false, true).tanh()),
    ("conv", |_, x, y| {
        let (x, k) = (x.reshape([1, 3, 2, 2]), y.reshape([3, 1, 2, 2]));
        x.conv(k, ConvSpec::same(&[3, 2], &[3, 1], &[2, 1], &[1, 1])).tanh()
    }),
    ("conv in groups", |_, x, y| {
        let spec = ConvSpec { before: [2, 0, 0], ..ConvSpec::valid(&[1], &[2]) };
        x.reshape([1, 6, 2]).conv(y.reshape([3, 1, 4]), spec.with_groups(2)).tanh()
    }),
    ("conv transpose", |_, x, y| {
        let (spec, size) = ConvSpec::transposed_same(&[3, 2], &[3, 1], &[2, 1], &[1, 1], None);
        x.reshape([1, 3, 2, 2]).conv_transpose(y.reshape([3, 1, 2, 2]), spec, &size).tanh()
    }),
    ("conv by kernel", |b, x, y| {
        let spec = ConvSpec::valid(&[1], &[1]);
        b.op(Op::ConvKernel { spec, kernel: Shape::from([2, 3, 4]) }, &[x.reshape([1, 4, 3]), y.reshape([1, 3, 4])]).tanh()
    }),
    ("average pool", |_, x, y| (x * y).reshape([1, 3, 4, 1]).average_pool(WindowSpec::same(&[3, 4], &[2, 3], &[1, 2])).exp()),
    ("sum pool", |_, x, y| (x * y).reshape([1, 6, 2]).sum_pool(WindowSpec::valid(&[3], &[2])).exp()),
    ("gather", |b, x, y| (x * y).take(b.iota([5], 0)).exp()),
    ("scatter add", |b, x, y| (x * y).reshape([1, 3, 4]).scatter_add(b.iota([1, 3], 0), 2).exp()),
    ("resize", |_, x, y| {
        let image = (x * y).reshape([1, 3, 4, 1]);
        image.resize(&[5, 3], Interpolation::Bicubic).exp() + image.resize(&[5, 3], Interpolation::Bilinear).tanh()
    }),
    ("resize nearest", |_, x, y| (x * y).reshape([1, 3, 4, 1]).resize(&[5, 3], Interpolation::Nearest).exp()),
    ("scan", |b, x, y| {
        let (last, ys) = b.scan(3, false, &[y.slice(&[(0, 1, 1), (0, 4, 1)]), x.reshape([1, 12])], &[x], |c, s| {
            let next = (c[0] * s[0] + (y.sum(&[0], true) * 0.1)).tanh();
            (vec![next, c[1] * 0.5 + next.sum(&[1], true)], vec![(next * c[0]).sum(&[0], false)])
        });
        last[0].sum(&[], false) * ys[0] + last[1].reshape([3, 4])
    }),
    ("scan backwards, with a product", |b, x, y| {
        let w = y.reshape([4, 3]).matmul(x).reshape([4, 4]) * 0.1;
        let (last, ys) = b.scan(3, true, &[x], &[y], |c, s| {
            let next = (c[0].matmul(w) + s[0]).tanh();
            (vec![next], vec![next])
        });
        last[0] + ys[0].mean(&[0], false)
    }),
    ("scan within a scan", |b, x, y| {
        let (last, _) = b.scan(3, false, &[y], &[x], |c, s| {
            let (inner, all) = b.scan(3, true, &[s[0]], &[c[0]], |d, t| ((vec![(d[0] * t[0]).tanh()]), vec![d[0] + t[0]]));
            (vec![(all[0] + inner[0]) * 0.5], vec![])
        });
        last[0]
    }),
    ("select", |_, x, y| x.lt(y).select(x * y, x / y)),
    ("cast", |b, x, y| b.op(Op::Cast(DType::F32), &[x]) * y),
];

/// Functions with kinks, differentiable to first order at random points.
const KINKED: &[(&str, Build)] = &[
    ("max", |_, x, y| x.maximum(y) * x),
    ("min", |_, x, y| x.minimum(y) * x),
    ("relu", |_, x, y| (x - y).relu() * x),
    ("abs", |_, x, y| (x - y).abs() * y),
    ("clip", |_, x, y| (x * 2.0).clip(0.7, 2.3) * y),
    ("sign and floor", |_, x, y| (x - y).sign() * x + (x * 3.0).floor() * y),
    ("reduce max", |_, x, y| x.max(&[1], true) * y),
    ("reduce min", |_, x, y| x.min(&[0, 1], true) * y),
    ("max pool", |_, x, y| (x * y).reshape([1, 3, 4, 1]).max_pool(WindowSpec::same(&[3, 4], &[2, 3], &[1, 2])).exp()),
    ("masks", |_, x, y| x * x.gt_scalar(1.0).cast(DType::F32) + y),
    ("argmax", |_, x, y| x.argmax(1).cast(DType::F32).reshape([3, 1]) * y),
];

fn check(name: &str, build: Build, orders: usize) {
    let b = Builder::new();
    let ty = TensorType::f32([3, 4]);
    let (x, y) = (b.input("x", ty), b.input("y", ty));
    let out = build(&b, x, y);
    let n = out.shape().len();
    let weights = b.iota([n], 0).cast(DType::F32) * 0.1 + 0.2;
    let loss = (out.reshape([n]) * weights).sum(&[], false).id();
    let graph = b.finish().unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut rng = Rng::new(11);
    for _ in 0..4 {
        let mut value = || Value::of(ty, (0..12).map(|_| rng.uniform(0.2, 2.0)).collect());
        let inputs = [value(), value()];
        check_gradients(&graph, loss, &inputs, &[], 3, 1e-6).unwrap_or_else(|e| panic!("{name}: {e}"));
        if orders > 1 {
            check_second_order(&graph, loss, &inputs, &[], 3, 1e-6).unwrap_or_else(|e| panic!("{name}, second order: {e}"));
        }
    }
}

#[test]
fn smooth_functions_to_second_order() {
    for (name, build) in SMOOTH {
        check(name, *build, 2);
    }
}

#[test]
fn functions_with_kinks_away_from_them() {
    for (name, build) in KINKED {
        check(name, *build, 1);
    }
}

#[test]
fn the_largest_of_windows_to_second_order() {
    check("max pool", |_, x, y| (x * y).reshape([1, 3, 4, 1]).max_pool(WindowSpec::same(&[3, 4], &[2, 3], &[1, 2])).exp(), 2);
}

#[test]
fn products_with_zeros_agree_with_differences() {
    for zeros in 0..4 {
        let b = Builder::new();
        let ty = TensorType::f32([2, 3]);
        let x = b.input("x", ty);
        let loss = (x.reduce(ReduceOp::Prod, &[1], true) * 1.5).sum(&[], false).id();
        let graph = b.finish().unwrap();
        let data = (0..6).map(|i| if i < zeros { 0.0 } else { 0.5 + i as f64 }).collect();
        check_gradients(&graph, loss, &[Value::of(ty, data)], &[], 4, 1e-6).unwrap();
    }
}

#[test]
fn the_check_finds_a_wrong_gradient() {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32(Shape::SCALAR));
    let loss = (x * x.stop_gradient()).id(); // half of the true gradient
    let error = check_gradients(&b.finish().unwrap(), loss, &[Value::f32(Shape::SCALAR, &[1.0])], &[], 1, 1e-6).unwrap_err();
    assert!(matches!(error, GradError::Differs { .. }), "{error}");
}
