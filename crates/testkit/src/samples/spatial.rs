//! Convolutions, windows and table look-ups, with their gradients.

use super::Table;
use adaline_graph::eval::Value;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, ConvSpec, DType, Interpolation, Op, Shape, SlotId, TensorType, Var, WindowOp, WindowSpec};

pub(super) fn samples(t: &mut Table) {
    convolutions(t);
    windows(t);
    tables(t);
    patterns(t);
}

/// Sizes, kernel, spec: input `(B, S.., C)`, kernel `(K.., C / groups, O)`.
fn cases() -> Vec<(&'static [usize], &'static [usize], ConvSpec)> {
    let valid = ConvSpec::valid;
    let odd = ConvSpec { strides: [2, 1, 1], dilation: [1, 2, 1], before: [3, 0, 0], after: [0, 4, 0], groups: 1 };
    vec![
        (&[1, 1, 1], &[1, 1, 1], valid(&[1], &[1])),
        (&[2, 7, 3], &[3, 3, 4], valid(&[1], &[1])),
        (&[2, 7, 3], &[2, 3, 5], ConvSpec::same(&[7], &[2], &[2], &[1])),
        (&[2, 9, 2], &[3, 2, 3], ConvSpec::causal(3, 1, 2)),
        (&[1, 8, 4], &[3, 2, 6], valid(&[3], &[1]).with_groups(2)), // two cells at the end that nothing sees
        (&[2, 5, 6, 3], &[3, 3, 3, 4], ConvSpec::same(&[5, 6], &[3, 3], &[1, 1], &[1, 1])),
        (&[2, 5, 6, 3], &[3, 2, 3, 4], ConvSpec::same(&[5, 6], &[3, 2], &[2, 3], &[1, 1])),
        (&[1, 6, 7, 4], &[2, 3, 1, 8], valid(&[1, 1], &[2, 1]).with_groups(4)), // depthwise, two filters a channel
        (&[1, 6, 7, 4], &[2, 3, 2, 6], ConvSpec { before: [1, 2, 0], after: [0, 1, 0], ..valid(&[2, 1], &[1, 2]).with_groups(2) }),
        (&[3, 4, 5, 6], &[1, 1, 6, 20], valid(&[1, 1], &[1, 1])),
        (&[1, 4, 5, 2], &[2, 2, 2, 3], odd), // the first results see padding only
        (&[0, 4, 4, 2], &[2, 2, 2, 3], valid(&[1, 1], &[1, 1])),
        (&[2, 4, 4, 0], &[2, 2, 0, 3], valid(&[1, 1], &[1, 1])),
        (&[2, 4, 4, 2], &[2, 2, 2, 0], valid(&[1, 1], &[1, 1])),
        (&[1, 3, 4, 5, 2], &[2, 2, 3, 2, 3], ConvSpec::same(&[3, 4, 5], &[2, 2, 3], &[1, 2, 1], &[1, 1, 1])),
        (&[2, 12, 13, 3], &[5, 5, 3, 8], ConvSpec::same(&[12, 13], &[5, 5], &[1, 1], &[1, 1])),
    ]
}

/// The type that an operation gives, for gradients as inputs.
fn shape_of(op: Op, inputs: &[&[usize]]) -> Shape {
    let b = Builder::new();
    let vars: Vec<Var<'_>> = inputs.iter().map(|d| b.input("x", TensorType::f32(*d))).collect();
    b.op(op, &vars).shape()
}

fn convolutions(t: &mut Table) {
    for (x, k, spec) in cases() {
        let (input, kernel) = (Shape::new(x), Shape::new(k));
        let y = shape_of(Op::Conv { spec }, &[x, k]);
        let name = format!("{x:?} with {k:?}, strides {:?}", spec.strides);
        let values = [t.f32(x), t.f32(k), t.f32(y.dims())];
        t.one(format!("conv {name}"), vec![values[0].clone(), values[1].clone()], |_, x| x[0].conv(x[1], spec));
        let of = vec![values[2].clone(), values[1].clone()];
        t.one(format!("conv_input {name}"), of, |b, x| b.op(Op::ConvInput { spec, input }, &[x[0], x[1]]));
        let of = vec![values[0].clone(), values[2].clone()];
        t.one(format!("conv_kernel {name}"), of, |b, x| b.op(Op::ConvKernel { spec, kernel }, &[x[0], x[1]]));
    }
    let special = Value::f32([1, 4, 1], &[f32::INFINITY, 1.0, f32::NAN, 2.0]);
    let kernel = Value::f32([2, 1, 2], &[1.0, 0.0, -1.0, 2.0]);
    t.one("conv special", vec![special, kernel], |_, x| x[0].conv(x[1], ConvSpec::same(&[4], &[2], &[1], &[1])));
    // Operands that do not lie in memory as they are read: transposed, sliced, constant, the same one twice.
    let inputs = vec![t.f32(&[3, 6, 2, 5]), t.f32(&[3, 2, 2, 4])];
    t.add("conv of views", inputs, |b, x| {
        let spec = ConvSpec::valid(&[1, 1], &[1, 1]);
        let turned = x[0].transpose(&[2, 1, 3, 0]); // (2, 6, 5, 3)
        b.output("turned", turned.conv(x[1].transpose(&[2, 1, 0, 3]), spec));
        b.output("sliced", x[0].slice(&[(1, 3, 1), (0, 6, 2), (0, 2, 1), (0, 3, 1)]).conv(x[1].reshape([2, 2, 3, 4]), spec));
        b.output("constant", turned.conv(b.full([2, 2, 3, 4], 0.5), spec));
        let square = x[1].reshape([1, 2, 4, 6]);
        b.output("itself", square.conv(square.reshape([2, 1, 6, 4]), spec));
    });
}

fn windows(t: &mut Table) {
    let same = WindowSpec::same;
    let uneven = WindowSpec { size: [3, 4, 1], strides: [1, 3, 1], before: [2, 3, 0], after: [1, 0, 0] };
    let cases: Vec<(&[usize], WindowSpec)> = vec![
        (&[1, 1, 1], WindowSpec::valid(&[1], &[1])),
        (&[2, 7, 3], WindowSpec::valid(&[2], &[2])),
        (&[2, 7, 3], WindowSpec::valid(&[2], &[4])), // cells that no window sees
        (&[2, 6, 3], same(&[6], &[3], &[1])),
        (&[2, 5, 6, 3], WindowSpec::valid(&[2, 2], &[2, 2])),
        (&[2, 5, 6, 3], same(&[5, 6], &[3, 3], &[2, 2])),
        (&[1, 5, 8, 2], uneven),
        (&[0, 4, 4, 2], WindowSpec::valid(&[2, 2], &[1, 1])),
        (&[2, 4, 4, 0], WindowSpec::valid(&[2, 2], &[1, 1])),
        (&[1, 3, 4, 5, 2], same(&[3, 4, 5], &[2, 2, 3], &[1, 2, 1])),
        (&[3, 12, 13, 17], same(&[12, 13], &[3, 3], &[2, 2])),
    ];
    for (dims, spec) in cases {
        let input = Shape::new(dims);
        let y = shape_of(Op::Window { op: WindowOp::Sum, spec }, &[dims]);
        let name = format!("{dims:?} size {:?} strides {:?}", spec.size, spec.strides);
        let values = [t.f32(dims), t.f32(y.dims()), t.f32(dims)];
        for (what, op) in [("sum", WindowOp::Sum), ("max", WindowOp::Max)] {
            t.one(format!("window {what} {name}"), vec![values[0].clone()], |b, x| b.op(Op::Window { op, spec }, &[x[0]]));
        }
        t.one(format!("average pool {name}"), vec![values[0].clone()], |_, x| x[0].average_pool(spec));
        t.one(format!("window spread {name}"), vec![values[1].clone()], |b, x| b.op(Op::WindowSpread { spec, input }, &[x[0]]));
        t.add(format!("window choice {name}"), values.to_vec(), |b, x| {
            let y = x[0].max_pool(spec);
            b.output("grad", b.op(Op::WindowMaxGrad { spec }, &[x[0], y, x[1]]));
            b.output("pick", b.op(Op::WindowMaxPick { spec }, &[x[0], y, x[2]]));
            b.output("other", b.op(Op::WindowMaxGrad { spec }, &[x[0], x[1], x[1]])); // no cell is equal
        });
        t.add(format!("window choice of computed values {name}"), values.to_vec(), |b, x| {
            let v = x[0].tanh();
            let y = v.max_pool(spec);
            b.output("grad", b.op(Op::WindowMaxGrad { spec }, &[v, y, x[1]]));
            b.output("pick", b.op(Op::WindowMaxPick { spec }, &[v, y, x[2].exp()]));
        });
    }
    let ties = [1.0, 3.0, 3.0, 1.0, f32::NAN, 5.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::NEG_INFINITY];
    t.add(
        "windows of ties, NaN and infinities",
        vec![Value::f32([1, 12, 1], &ties), Value::f32([1, 6, 1], &[1., 2., 3., 4., 5., 6.])],
        |b, x| {
            for (name, spec) in [("apart", WindowSpec::valid(&[2], &[2])), ("padded", WindowSpec::same(&[12], &[4], &[2]))] {
                let y = x[0].max_pool(spec);
                b.output(&format!("{name} max"), y);
                b.output(&format!("{name} sum"), x[0].sum_pool(spec));
                b.output(&format!("{name} grad"), b.op(Op::WindowMaxGrad { spec }, &[x[0], y, x[1]]));
                b.output(&format!("{name} pick"), b.op(Op::WindowMaxPick { spec }, &[x[0], y, x[0]]));
            }
        },
    );
}

fn tables(t: &mut Table) {
    for (g, n, c, m) in [(1, 1, 1, 1), (1, 7, 3, 5), (3, 4, 5, 9), (2, 3, 1, 0), (2, 3, 0, 4), (0, 3, 2, 4), (1, 40, 33, 300)] {
        let (f, i, v) = (t.f32(&[g, n, c]), t.i32(&[g, n, c]), t.f32(&[g, m, c]));
        let indices: Vec<i32> = (0..g * m).map(|_| t.rng.below(n + 2) as i32 - 1).collect(); // one too small, one too large
        let indices = Value::i32([g, m], &indices);
        t.add(format!("gather {g}x{n}x{c} by {m}"), vec![f, i, indices.clone()], |b, x| {
            b.output("f", x[0].gather(x[2]));
            b.output("i", x[1].gather(x[2]));
        });
        t.one(format!("scatter_add {g}x{n}x{c} by {m}"), vec![v, indices], |_, x| x[0].scatter_add(x[1], n));
    }
    let indices = Value::i32([1, 4], &[i32::MIN, i32::MAX, -1, 1]);
    let values = Value::f32([1, 4, 1], &[1.0, f32::NAN, f32::INFINITY, 1e30]);
    t.add("tables with special values", vec![values, indices], |b, x| {
        b.output("gather", x[0].gather(x[1]));
        b.output("scatter", x[0].scatter_add(x[1], 3));
    });
    let inputs = vec![t.f32(&[5, 3]), Value::i32([2, 2], &[4, 0, 9, 4]), t.f32(&[3, 5])];
    t.add("an embedding and tables that are views", inputs, |b, x| {
        b.output("y", x[0].take(x[1]));
        b.output("turned", x[2].transpose(&[1, 0]).take(b.iota([4], 0)));
        b.output("computed", (x[0] * 2.0).take((x[0].sum(&[1], false) * 2.0).floor().cast(DType::I32)));
    });
}

/// Outputs `y`, a loss of it, and the gradients by all inputs that are `f32`.
fn trained<'g>(b: &'g Builder, y: Var<'g>, wrt: &[Var<'g>]) {
    b.output("y", y);
    let loss = y.square().mean(&[], false);
    b.output("loss", loss);
    let ids: Vec<_> = wrt.iter().map(|v| v.id()).collect();
    let grads = b.with_graph(|g| gradients(g, loss.id(), &ids)).unwrap_or_else(|e| panic!("{e}"));
    for (i, g) in grads.into_iter().enumerate() {
        b.output(&format!("d{i}"), b.var(g));
    }
}

fn patterns(t: &mut Table) {
    let inputs = vec![t.f32(&[2, 8, 8, 3]), t.f32(&[3, 3, 3, 4]), t.f32(&[4]), t.f32(&[2, 2, 4, 5])];
    t.add("conv, bias, relu, pool, conv, and their gradients", inputs, |b, x| {
        let spec = ConvSpec::same(&[8, 8], &[3, 3], &[1, 1], &[1, 1]);
        let h = (x[0].conv(x[1], spec) + x[2]).relu().max_pool(WindowSpec::valid(&[2, 2], &[2, 2]));
        let h = h.conv(x[3], ConvSpec::valid(&[2, 2], &[1, 1])).tanh();
        trained(b, h.average_pool(WindowSpec::same(&[2, 2], &[2, 2], &[1, 1])), &[x[0], x[1], x[2], x[3]]);
    });
    let inputs = vec![t.f32(&[1, 3, 4, 5]), t.f32(&[3, 2, 2, 5])];
    t.add("transposed convolutions and their gradients", inputs, |b, x| {
        let (spec, size) = ConvSpec::transposed_same(&[3, 4], &[3, 2], &[2, 3], &[1, 1], None);
        trained(b, x[0].conv_transpose(x[1], spec, &size), &[x[0], x[1]]);
        let (spec, size) = ConvSpec::transposed_valid(&[3, 4], &[3, 2], &[2, 3], &[1, 1], Some(&[1, 0]));
        b.output("valid", x[0].conv_transpose(x[1], spec, &size));
    });
    let inputs = vec![t.f32(&[6, 4]), Value::i32([2, 3], &[1, 5, 1, 0, 1, 2])];
    t.add("an embedding and its gradient", inputs, |b, x| trained(b, x[0].take(x[1]).tanh(), &[x[0]]));
    for by in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic] {
        let image = t.f32(&[2, 5, 4, 3]);
        t.add(format!("resize {by:?} and its gradient"), vec![image], |b, x| trained(b, x[0].resize(&[3, 9], by), &[x[0]]));
    }
    let b = Builder::new();
    let (ty, slot) = (TensorType::f32([2, 3, 4]), SlotId(0));
    let (x, k) = (b.input("x", TensorType::f32([5, 6, 3])), b.state(slot, "kernel", ty));
    let spec = ConvSpec::valid(&[1], &[1]);
    let dk = b.op(Op::ConvKernel { spec, kernel: ty.shape }, &[x, x.conv(k, spec)]);
    b.update(slot, k - dk * 0.1);
    b.update(SlotId(1), dk); // straight from the kernel, and read besides
    b.output("dk", dk);
    let (inputs, state) = (vec![t.f32(&[5, 6, 3])], vec![(slot, t.f32(&[2, 3, 4]))]);
    let graph = b.finish().unwrap_or_else(|e| panic!("{e}"));
    t.samples.push(super::Sample { name: "a kernel updated in place".into(), graph, inputs, state });
}
