//! Convolutions, pooling and resizing against real Keras (`scripts/goldens/spatial.py`).

use adaline_graph::eval::{Value, evaluate};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, ConvSpec, Interpolation, TensorType, Var, WindowSpec};

type Build = for<'a> fn(&[Var<'a>]) -> Var<'a>;

/// The spatial sizes of a tensor or of a kernel.
fn sizes(shape: &[usize]) -> Vec<usize> {
    shape[1..shape.len() - 1].to_vec()
}
fn taps(shape: &[usize]) -> Vec<usize> {
    shape[..shape.len() - 2].to_vec()
}

fn conv_same<'g>(x: &[Var<'g>], strides: &[usize], dilation: &[usize], groups: usize) -> Var<'g> {
    let spec = ConvSpec::same(&sizes(x[0].shape().dims()), &taps(x[1].shape().dims()), strides, dilation);
    x[0].conv(x[1], spec.with_groups(groups))
}
fn transposed<'g>(x: &[Var<'g>], same: bool, strides: &[usize], dilation: &[usize], extra: Option<&[usize]>) -> Var<'g> {
    let (n, k) = (sizes(x[0].shape().dims()), taps(x[1].shape().dims()));
    let make = if same { ConvSpec::transposed_same } else { ConvSpec::transposed_valid };
    let (spec, size) = make(&n, &k, strides, dilation, extra);
    x[0].conv_transpose(x[1], spec, &size)
}
fn same(x: Var<'_>, size: &[usize], strides: &[usize]) -> WindowSpec {
    WindowSpec::same(&sizes(x.shape().dims()), size, strides)
}

const CASES: &[(&str, Build)] = &[
    ("conv valid stride 2", |x| x[0].conv(x[1], ConvSpec::valid(&[2], &[1]))),
    ("conv causal dilation 2", |x| x[0].conv(x[1], ConvSpec::causal(3, 1, 2))),
    ("conv same strides 2 3", |x| conv_same(x, &[2, 3], &[1, 1], 1)),
    ("conv same dilation 2", |x| conv_same(x, &[1, 1], &[2, 2], 1)),
    ("conv valid groups 2", |x| x[0].conv(x[1], ConvSpec::valid(&[1, 1], &[1, 1]).with_groups(2))),
    ("conv depthwise same", |x| conv_same(x, &[2, 2], &[1, 1], 3)),
    ("conv three axes same", |x| conv_same(x, &[1, 2, 1], &[1, 1, 1], 1)),
    ("transposed valid strides 2 3", |x| transposed(x, false, &[2, 3], &[1, 1], None)),
    ("transposed same strides 2 3", |x| transposed(x, true, &[2, 3], &[1, 1], None)),
    ("transposed same kernel 5", |x| transposed(x, true, &[2], &[1], None)),
    ("transposed same output padding", |x| transposed(x, true, &[2, 2], &[1, 1], Some(&[1, 1]))),
    ("transposed valid output padding", |x| transposed(x, false, &[3], &[1], Some(&[2]))),
    ("transposed same dilation 2", |x| transposed(x, true, &[1], &[2], None)),
    ("max pool valid", |x| x[0].max_pool(WindowSpec::valid(&[3, 2], &[2, 2]))),
    ("max pool valid with ties", |x| x[0].max_pool(WindowSpec::valid(&[3, 2], &[2, 1]))),
    ("average pool valid", |x| x[0].average_pool(WindowSpec::valid(&[3, 2], &[2, 1]))),
    ("average pool valid of one axis", |x| x[0].average_pool(WindowSpec::valid(&[3], &[2]))),
    ("average pool valid of three axes", |x| x[0].average_pool(WindowSpec::valid(&[2, 2, 3], &[1, 2, 2]))),
    ("max pool same", |x| x[0].max_pool(same(x[0], &[3, 2], &[2, 2]))),
    ("max pool same with ties", |x| x[0].max_pool(same(x[0], &[3, 2], &[2, 1]))),
    ("average pool same", |x| x[0].average_pool(same(x[0], &[3, 2], &[2, 1]))),
    ("average pool same of one axis", |x| x[0].average_pool(same(x[0], &[3], &[2]))),
    ("average pool same of three axes", |x| x[0].average_pool(same(x[0], &[2, 2, 3], &[1, 2, 2]))),
    ("resize nearest down and up", |x| x[0].resize(&[3, 9], Interpolation::Nearest)),
    ("resize nearest up", |x| x[0].resize(&[7, 8], Interpolation::Nearest)),
    ("resize bilinear down and up", |x| x[0].resize(&[3, 9], Interpolation::Bilinear)),
    ("resize bilinear up", |x| x[0].resize(&[7, 8], Interpolation::Bilinear)),
    ("resize bicubic down and up", |x| x[0].resize(&[3, 9], Interpolation::Bicubic)),
    ("resize bicubic up", |x| x[0].resize(&[7, 8], Interpolation::Bicubic)),
];

/// A tensor after its kind: `[2, 3] 1 2 3 4 5 6`.
fn tensor(line: &str) -> Value {
    let (dims, data) = line.trim_start().trim_start_matches('[').split_once(']').unwrap();
    let dims: Vec<usize> = dims.split(',').map(|d| d.trim().parse().unwrap()).collect();
    let data: Vec<f32> = data.split_whitespace().map(|v| v.parse().unwrap()).collect();
    Value::f32(&dims, &data)
}

#[test]
fn values_and_gradients_are_those_of_keras() {
    let goldens = include_str!("goldens/spatial.txt");
    let cases: Vec<&str> = goldens.split("\n\n").collect();
    assert_eq!(cases.len(), CASES.len());
    for (case, (name, build)) in cases.into_iter().zip(CASES) {
        let of = |kind: &str| case.lines().filter_map(|l| l.strip_prefix(kind)).map(tensor).collect::<Vec<_>>();
        assert_eq!(case.lines().next(), Some(*name));
        let inputs = of("input");
        let b = Builder::new();
        let x: Vec<Var<'_>> = inputs.iter().map(|v| b.input("x", TensorType::f32(v.ty.shape))).collect();
        let y = build(&x);
        b.output("y", y);
        let loss = y.square().sum(&[], false).id();
        let wrt: Vec<_> = x.iter().map(|v| v.id()).collect();
        let grads = b.with_graph(|g| gradients(g, loss, &wrt)).unwrap_or_else(|e| panic!("{name}: {e}"));
        for g in grads {
            b.output("g", b.var(g));
        }
        let got = evaluate(&b.finish().unwrap(), &inputs, &|_| None).unwrap().outputs;
        let expected: Vec<Value> = of("result").into_iter().chain(of("gradient")).collect();
        assert_eq!(got.len(), expected.len(), "{name}");
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got.ty, expected.ty, "{name}");
            let scale = expected.data.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            for (i, (g, e)) in got.data.iter().zip(&expected.data).enumerate() {
                assert!((g - e).abs() <= 2e-6 * scale, "{name}, element {i} of {}: {g} against {e}", got.ty);
            }
        }
    }
}
