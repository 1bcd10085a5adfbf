use super::*;
use crate::eval::{Value, evaluate};
use crate::{Perm, TensorType, concat};

/// Gradient by the only input `x` of `f`, summed with the weights 1, 2, 3, ...
fn grad_of<'a>(b: &'a Builder, x: Var<'a>, y: Var<'a>) -> Var<'a> {
    let n = y.shape().len();
    let flat = y.reshape([n]);
    let weights = b.iota([n], 0).cast(DType::F32) + 1.0;
    let loss = (flat * weights).sum(&[], false);
    b.var(b.with_graph(|g| gradients(g, loss.id(), &[x.id()])).unwrap()[0])
}

fn check(shape: &[usize], x: &[f32], f: impl for<'a> Fn(&'a Builder, Var<'a>) -> Var<'a>, expected: &[f64]) {
    let b = Builder::new();
    let v = b.input("x", TensorType::f32(Shape::new(shape)));
    b.output("dx", grad_of(&b, v, f(&b, v)));
    let g = b.finish().unwrap();
    let got = evaluate(&g, &[Value::f32(Shape::new(shape), x)], &|_| None).unwrap().outputs[0].clone();
    assert_eq!(got.ty, TensorType::f32(Shape::new(shape)));
    let near = got.data.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-9 * b.abs().max(1.0));
    assert!(near && got.data.len() == expected.len(), "{:?} against {expected:?}", got.data);
}

#[test]
fn kinks_follow_the_stated_conventions() {
    check(&[3], &[-1.0, 0.0, 2.0], |_, x| x.relu(), &[0.0, 0.0, 3.0]);
    check(&[3], &[-1.0, 0.0, 2.0], |_, x| x.abs(), &[-1.0, 0.0, 3.0]);
    check(&[3], &[-1.0, 1.0, 2.0], |_, x| x.clip(0.0, 1.0), &[0.0, 0.0, 0.0]);
    check(&[2], &[0.25, 0.5], |_, x| x.clip(0.0, 1.0), &[1.0, 2.0]);
    // x against itself: both sides together give 1.
    check(&[2], &[3.0, 4.0], |_, x| x.maximum(x), &[1.0, 2.0]);
    check(&[2], &[3.0, 4.0], |_, x| x.minimum(x), &[1.0, 2.0]);
    check(&[3], &[-1.5, 0.0, 2.5], |_, x| x.sign() + x.floor(), &[0.0, 0.0, 0.0]);
    check(&[1, 4], &[2.0, 5.0, 5.0, 1.0], |_, x| x.max(&[1], true), &[0.0, 0.5, 0.5, 0.0]);
    check(&[1, 4], &[2.0, 1.0, 5.0, 1.0], |_, x| x.min(&[1], true), &[0.0, 0.5, 0.0, 0.5]);
}

#[test]
fn gradients_of_roundings_are_rounded() {
    // 1.01, 2.02 and 3.03 to 8 significant bits; differences would say 0.
    check(&[3], &[-1.0, 0.1, 2.0], |_, x| x.bf16() * 1.01, &[1.007_812_5, 2.015_625, 3.031_25]);
    check(&[2], &[0.1, 0.2], |_, x| (x.bf16() + 0.0).bf16(), &[1.0, 2.0]);
    // To 11 bits; the last is 2e-8 times 1, 2, 3, of which 2⁻²⁴ (6e-8) is the nearest to the third alone.
    check(&[3], &[-1.0, 0.1, 2.0], |_, x| x.f16() * 1.01, &[1.009_765_625, 2.019_531_25, 3.029_296_875]);
    check(&[3], &[-1.0, 0.1, 2.0], |_, x| x.f16() * 1e-8, &[0.0, 0.0, 5.960_464_5e-8]);
}

#[test]
fn products_with_zeros() {
    let prod = |_: &Builder, x: Var<'_>| x.reduce(ReduceOp::Prod, &[1], true).id();
    let rows = |b: &Builder, x: &[f32]| {
        let v = b.input("x", TensorType::f32([1, 3]));
        let y = b.var(prod(b, v));
        b.output("dx", grad_of(b, v, y));
        Value::f32([1, 3], x)
    };
    for (x, expected) in
        [([2.0, 3.0, 5.0], [15.0, 10.0, 6.0]), ([0.0, 3.0, 5.0], [15.0, 0.0, 0.0]), ([0.0, 3.0, 0.0], [0.0; 3]), ([0.0; 3], [0.0; 3])]
    {
        let b = Builder::new();
        let v = rows(&b, &x);
        assert_eq!(evaluate(&b.finish().unwrap(), &[v], &|_| None).unwrap().outputs[0].data, expected);
    }
}

#[test]
fn powers_are_guarded() {
    check(&[3], &[3.0, 0.0, -2.0], |_, x| x.pow(x * 0.0), &[0.0, 0.0, 0.0]);
    check(&[2], &[3.0, -2.0], |b, x| x.pow(b.full([2], 2.0)), &[6.0, -8.0]);
    check(&[2], &[3.0, -2.0], |b, x| x.pow(b.full([2], 3.0)), &[27.0, 24.0]);
    check(&[1], &[0.0], |b, x| x.pow(b.full([1], 0.0)), &[0.0]);
    check(&[2], &[2.0, 3.0], |b, x| b.full([2], -2.0).pow(x), &[0.0, 0.0]);
    check(&[1], &[2.0], |b, x| b.full([1], 3.0).pow(x), &[9.0 * 3f64.ln()]);
}

#[test]
fn shape_operations() {
    check(&[2, 2], &[1.0; 4], |_, x| x.transpose(&[1, 0]), &[1.0, 3.0, 2.0, 4.0]);
    check(&[5], &[1.0; 5], |_, x| x.slice(&[(1, 5, 2)]), &[0.0, 1.0, 0.0, 2.0, 0.0]);
    check(&[5], &[1.0; 5], |_, x| x.slice(&[(4, 5, 3)]), &[0.0, 0.0, 0.0, 0.0, 1.0]);
    check(&[2], &[1.0; 2], |_, x| x.slice(&[(1, 1, 1)]), &[0.0, 0.0]);
    check(&[2], &[1.0; 2], |_, x| x.pad(&[(1, 3)]), &[2.0, 3.0]);
    check(&[3], &[1.0; 3], |_, x| x.reverse(&[0]), &[3.0, 2.0, 1.0]);
    check(&[1, 2], &[1.0; 2], |b, x| concat(b, &[x, b.full([1, 1], 0.0), x], 1), &[5.0, 7.0]);
    check(&[2, 1], &[1.0; 2], |_, x| x.broadcast_to([2, 3]), &[6.0, 15.0]);
    check(&[2], &[1.0; 2], |b, x| b.op(Op::Transpose(Perm::new(&[0]).unwrap()), &[x]).cast(DType::F32), &[1.0, 2.0]);
}

#[test]
fn integers_truth_values_and_stops_carry_none() {
    check(&[2], &[1.5, 2.5], |_, x| x * x.stop_gradient(), &[1.5, 5.0]);
    check(&[2], &[1.5, 2.5], |_, x| x.cast(DType::I32).cast(DType::F32), &[0.0, 0.0]);
    check(&[2], &[1.5, 2.5], |_, x| x * x.gt_scalar(2.0).cast(DType::F32), &[0.0, 2.0]);
    check(&[2], &[1.5, 2.5], |_, x| x.argmax(0).cast(DType::F32), &[0.0, 0.0]);
}

#[test]
fn gradients_of_dots_are_dots_without_transposes() {
    for (ta, tb) in [(false, false), (false, true), (true, false), (true, true)] {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32(if ta { [3, 2] } else { [2, 3] }));
        let w = b.input("w", TensorType::f32(if tb { [4, 3] } else { [3, 4] }));
        let loss = x.dot(w, ta, tb).sum(&[], false);
        let grads = b.with_graph(|g| gradients(g, loss.id(), &[x.id(), w.id()])).unwrap();
        b.output("dx", b.var(grads[0]));
        b.output("dw", b.var(grads[1]));
        let g = b.finish().unwrap();
        assert!(g.nodes().iter().all(|n| !matches!(n.op, Op::Transpose(_))));
        assert_eq!(g.nodes().iter().filter(|n| matches!(n.op, Op::Dot { .. })).count(), 3);
        assert_eq!((g.ty(grads[0]), g.ty(grads[1])), (g.inputs()[0].ty, g.inputs()[1].ty));
        // d sum(x w) / dx[m, k] = sum_n w[k, n]: with w[k, n] = 10 k + n.
        let value = |k: usize, n: usize| (10 * k + n) as f32;
        let wv: Vec<f32> = (0..12).map(|e| if tb { value(e % 3, e / 3) } else { value(e / 4, e % 4) }).collect();
        let run = evaluate(&g, &[Value::zeros(g.inputs()[0].ty), Value::f32(g.inputs()[1].ty.shape, &wv)], &|_| None).unwrap();
        let rows = [6.0, 46.0, 86.0];
        let expected: Vec<f64> = (0..6).map(|e| if ta { rows[e / 2] } else { rows[e % 3] }).collect();
        assert_eq!(run.outputs[0].data, expected);
    }
}

#[test]
fn errors_and_zero_gradients() {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([2]));
    let n = b.input("n", TensorType::i32([2]));
    let other = b.input("other", TensorType::f32([3]));
    let loss = x.sum(&[], false);
    let ask = |loss: Var<'_>, wrt: Var<'_>| b.with_graph(|g| gradients(g, loss.id(), &[wrt.id()]));
    assert_eq!(ask(x, x).unwrap_err().to_string(), "gradients need a scalar f32 loss; got f32[2]");
    assert_eq!(ask(loss, n).unwrap_err().to_string(), "gradients exist with respect to f32 tensors only; got i32[2]");
    let zero = b.var(ask(loss, other).unwrap()[0]);
    let op = b.with_graph(|g| Ok(g.node(zero.id()).op)).unwrap();
    assert_eq!(op, Op::Const { value: Literal::f32(0.0), shape: Shape::from([3]) });
    let own = b.var(ask(loss, loss).unwrap()[0]);
    assert_eq!(own.shape(), Shape::SCALAR);
}

#[test]
fn origins_name_the_forward_layer_and_second_order_works() {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32(Shape::SCALAR));
    let y = b.scope("cube", || x * x * x);
    let d1 = b.var(b.with_graph(|g| gradients(g, y.id(), &[x.id()])).unwrap()[0]);
    let d2 = b.var(b.with_graph(|g| gradients(g, d1.id(), &[x.id()])).unwrap()[0]);
    b.output("d1", d1);
    b.output("d2", d2);
    let d1 = d1.id();
    let g = b.finish().unwrap();
    assert_eq!(g.origin_path(g.node(d1).origin), "cube/grad");
    assert_eq!(g.origin_path(g.origin()), "");
    let run = evaluate(&g, &[Value::f32(Shape::SCALAR, &[3.0])], &|_| None).unwrap();
    assert_eq!((run.outputs[0].data[0], run.outputs[1].data[0]), (27.0, 18.0));
}
