use super::*;
use crate::eval::{Precision, Value, evaluate, evaluate_with};
use crate::{BinaryOp, Builder, DType, Literal, NodeId, Op, ReduceOp, Shape, SlotId, TensorType, Var, concat};

/// A node as an expression: `add(x, 1.0)`, with the result's shape where the operation gives one.
fn expression(g: &Graph, id: NodeId) -> String {
    let n = g.node(id);
    let inner = n.inputs.iter().map(|&i| expression(g, i)).collect::<Vec<_>>().join(", ");
    match n.op {
        Op::Input { id, .. } => g.inputs()[id.index()].name.clone(),
        Op::Const { value, .. } => format!("{value:?}"),
        Op::Reshape(s) | Op::Broadcast(s) => format!("{}{s}({inner})", n.op.name()),
        Op::Transpose(p) => format!("transpose{p:?}({inner})"),
        Op::Reduce { axes, .. } | Op::Reverse(axes) => format!("{}{axes:?}({inner})", n.op.name()),
        Op::Dot { ta, tb } => format!("dot{}{}({inner})", if ta { "T" } else { "N" }, if tb { "T" } else { "N" }),
        Op::Cast(to) => format!("{to}({inner})"),
        Op::Slice(s) => {
            let ranges: Vec<_> = (0..n.ty.shape.rank()).map(|a| format!("{}:{}:{}", s.start[a], s.stop[a], s.stride[a])).collect();
            format!("slice[{}]({inner})", ranges.join(", "))
        }
        op => format!("{}({inner})", op.name()),
    }
}

type Build = for<'a> fn(&'a Builder, Var<'a>, Var<'a>) -> Var<'a>;

/// `x, y: f32[2, 3]`, `n: i32[2, 3]`, `p: bool[2, 3]`, `r: f32[1, 3]`, `c: f32[2, 1]`.
struct Extra;
impl Extra {
    fn n(b: &Builder) -> Var<'_> {
        b.input("n", TensorType::i32([2, 3]))
    }
    fn p(b: &Builder) -> Var<'_> {
        b.input("p", TensorType::bool([2, 3]))
    }
    fn r(b: &Builder) -> Var<'_> {
        b.input("r", TensorType::f32([1, 3]))
    }
    fn c(b: &Builder) -> Var<'_> {
        b.input("c", TensorType::f32([2, 1]))
    }
}

/// Applies a pass to one expression, compares the text, and the values on ordinary and special numbers.
fn check(pass: fn(&Graph) -> Result<Graph, GraphError>, build: Build, expected: &str) {
    let b = Builder::new();
    let (x, y) = (b.input("x", TensorType::f32([2, 3])), b.input("y", TensorType::f32([2, 3])));
    b.output("out", build(&b, x, y));
    let before = b.finish().unwrap();
    let after = pass(&before).unwrap();
    let out = after.outputs().values[0].1;
    assert_eq!(expression(&after, out), expected);
    assert_eq!(after.ty(out), before.ty(before.outputs().values[0].1), "{expected}");
    let special = [0.0, -0.0, 1.0, -2.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 3.0, 0.5, -1.0, 1e-3, 7.0];
    for round in 0..special.len() * special.len() {
        let number = |i: usize, e: usize| special[(e * (i + 1) + if i == 0 { round } else { round / special.len() }) % special.len()];
        let fill = |i: usize, ty: TensorType| {
            let v = (0..ty.len()).map(|e| number(i, e));
            Value::of(
                ty,
                match ty.dtype {
                    DType::F32 => v.map(f64::from).collect(),
                    DType::I32 => v.map(|v| f64::from(v as i32)).collect(),
                    DType::Bool => v.map(|v| f64::from(u8::from(v > 0.0))).collect(),
                },
            )
        };
        let inputs: Vec<Value> = before.inputs().iter().enumerate().map(|(i, d)| fill(i, d.ty)).collect();
        let run = |g: &Graph| evaluate_with(g, &inputs, &|_| None, Precision::F32).unwrap().outputs[0].data.clone();
        let (a, b) = (run(&before), run(&after));
        // Constants are f32, hence the tolerance.
        let near = |p: f64, q: f64| p == q || p.is_nan() && q.is_nan() || (p - q).abs() <= 1e-6 * p.abs();
        assert!(a.iter().zip(&b).all(|(&p, &q)| near(p, q)), "{expected}: {a:?} became {b:?} on {inputs:?}");
    }
}

#[test]
fn elementwise_rules() {
    let table: &[(Build, &str)] = &[
        (|_, x, _| x + 0.0, "x"),
        (|_, x, _| -((-x).sum(&[1], true)), "reduce_sum[1](x)"),
        (|_, x, y| y + (-x).sum(&[1], true), "sub(y, broadcast[2, 3](reduce_sum[1](x)))"),
        (|_, x, _| x + x, "mul(x, 2.0)"),
        (|_, x, _| -(x * 0.3), "mul(x, -0.3)"),
        (|_, x, _| x * 0.3 * 4.0, "mul(x, 1.2)"),
        // Not exact.
        (|_, x, _| x * 0.3 * 0.25, "mul(mul(x, 0.3), 0.25)"),
        (|_, x, _| x * 0.3 * 3.0, "mul(mul(x, 0.3), 3.0)"),
        (|_, x, _| x * 1e38 * 16.0, "mul(mul(x, 1e38), 16.0)"),
        (|_, x, _| 0.0 + x, "x"),
        (|_, x, _| x - 0.0, "x"),
        (|_, x, _| 0.0 - x, "neg(x)"),
        (|_, x, y| x + -y, "sub(x, y)"),
        (|_, x, y| -x + y, "sub(y, x)"),
        (|_, x, y| x - -y, "add(x, y)"),
        (|_, x, y| -(x - y), "sub(y, x)"),
        (|_, x, y| y + x, "add(x, y)"),
        (|_, x, _| 2.0 * x, "mul(x, 2.0)"),
        (|_, x, _| x * 1.0, "x"),
        (|_, x, _| x * -1.0, "neg(x)"),
        (|_, x, _| -x * 3.0, "mul(x, -3.0)"),
        (|_, x, y| -x * -y, "mul(x, y)"),
        (|_, x, _| x * 0.0, "mul(x, 0.0)"),
        (|b, x, _| Extra::p(b).cast(DType::F32) * 0.0 + x, "x"),
        (|_, x, _| x / 1.0, "x"),
        (|_, x, _| x / 4.0, "mul(x, 0.25)"),
        (|_, x, _| x / 3.0, "div(x, 3.0)"),
        (|_, x, _| x / 0.0, "div(x, 0.0)"),
        (|_, x, _| x - x, "sub(x, x)"),
        (|_, x, _| x.maximum(x), "x"),
        (|_, x, _| x.max_scalar(f32::NEG_INFINITY), "x"),
        (|_, x, _| x.min_scalar(f32::INFINITY), "x"),
        (|_, x, _| x.max_scalar(f32::INFINITY), "max(x, inf)"),
        (|b, x, _| x.pow(b.full([2, 3], 0.0)), "1.0"),
        (|b, x, _| x.pow(b.full([2, 3], 1.0)), "x"),
        (|b, x, _| x.pow(b.full([2, 3], 2.0)), "mul(x, x)"),
        (|b, x, _| x.pow(b.full([2, 3], -1.0)), "div(1.0, x)"),
        (|b, x, _| x.pow(b.full([2, 3], 0.5)), "pow(x, 0.5)"),
        (|_, x, _| -(-x), "x"),
        (|_, x, _| (-x).abs().abs(), "abs(x)"),
        (|_, x, _| x.floor().floor() + x.sign().sign(), "add(floor(x), sign(x))"),
        (|_, x, _| x.bf16().bf16(), "bf16(x)"),
        (|_, x, _| (-x.bf16()).bf16().transpose(&[1, 0]).bf16(), "transpose[1, 0](neg(bf16(x)))"),
        (|_, x, y| (x.bf16() + y.bf16()).bf16(), "bf16(add(bf16(x), bf16(y)))"),
        (|_, x, _| (-x.f16()).f16().relu().f16(), "max(neg(f16(x)), 0.0)"),
        (|_, x, _| x.f16().bf16().f16(), "f16(bf16(f16(x)))"),
        (|_, x, y| x.lt(y).logical_not().logical_not(), "lt(x, y)"),
        (|_, x, y| x.lt(y).logical_not(), "not(lt(x, y))"),
        (|_, x, y| x.equal(y).logical_not(), "ne(x, y)"),
        (|_, x, y| x.not_equal(y).logical_not(), "eq(x, y)"),
        (|_, x, _| x.lt(x), "false"),
        (|_, x, _| x.le(x), "le(x, x)"),
        (|b, _, _| Extra::p(b).and(Extra::p(b)), "and(p, p)"), // two inputs of one name
        (|b, x, y| x.lt(y).and(b.constant(Literal::Bool(true), [2, 3])), "lt(x, y)"),
        (|b, x, y| x.lt(y).or(b.constant(Literal::Bool(true), [2, 3])), "true"),
        (|_, x, y| x.lt(y).or(x.lt(y)), "lt(x, y)"),
        (|b, x, y| b.constant(Literal::Bool(false), [2, 3]).select(x, y), "y"),
        (|_, x, y| x.lt(y).select(x, x), "x"),
        (|_, x, y| x.lt(y).logical_not().select(x, y), "select(lt(x, y), y, x)"),
        (|b, x, y| x.lt(y).select(b.full([2, 3], 1.0), b.full([2, 3], 0.0)), "f32(lt(x, y))"),
        (|_, x, y| x.stop_gradient() + y.stop_gradient(), "add(x, y)"),
        (|b, x, _| b.op(Op::Cast(DType::F32), &[x]), "x"),
        (|b, _, _| Extra::p(b).cast(DType::I32).cast(DType::F32), "f32(p)"),
        (|b, _, _| Extra::p(b).cast(DType::F32).cast(DType::Bool), "p"),
        (|b, _, _| Extra::n(b).cast(DType::F32).cast(DType::Bool), "bool(n)"),
        (|b, _, _| Extra::n(b).cast(DType::F32).cast(DType::I32), "i32(f32(n))"),
        (|b, _, _| Extra::r(b).broadcast_to([2, 3]).exp(), "broadcast[2, 3](exp(r))"),
        (
            |b, _, _| Extra::r(b).broadcast_to([2, 3]).exp() * 2.0 + Extra::r(b).broadcast_to([2, 3]),
            "broadcast[2, 3](add(mul(exp(r), 2.0), r))",
        ),
        (|b, _, _| Extra::r(b) + Extra::c(b), "add(broadcast[2, 3](r), broadcast[2, 3](c))"),
    ];
    for &(build, expected) in table {
        check(simplify, build, expected);
    }
}

#[test]
fn shape_rules() {
    let table: &[(Build, &str)] = &[
        (|b, x, _| b.op(Op::Reshape(Shape::from([2, 3])), &[x]), "x"),
        (|_, x, _| x.reshape([6]).reshape([3, 2]).reshape([2, 3]), "x"),
        (|_, x, _| x.reshape([6]).reshape([3, 2]), "reshape[3, 2](x)"),
        (|b, _, _| b.op(Op::Reshape(Shape::from([4])), &[b.full([2, 2], 3.0)]), "3.0"),
        (|b, _, _| b.op(Op::Broadcast(Shape::from([2, 2])), &[b.full([2, 1], 3.0)]), "3.0"),
        (|b, x, _| b.op(Op::Broadcast(Shape::from([2, 3])), &[x]), "x"),
        (
            |b, _, _| Extra::r(b).reshape([1, 1, 3]).broadcast_to([1, 5, 3]).broadcast_to([4, 5, 3]),
            "broadcast[4, 5, 3](reshape[1, 1, 3](r))",
        ),
        (|_, x, _| x.transpose(&[0, 1]), "x"),
        (|_, x, _| x.transpose(&[1, 0]).transpose(&[1, 0]), "x"),
        (
            |_, x, y| concat(x.builder(), &[x, y], 0).reshape([2, 2, 3]).transpose(&[2, 0, 1]).transpose(&[1, 0, 2]),
            "transpose[0, 2, 1](reshape[2, 2, 3](concat(x, y)))",
        ),
        (|b, _, _| Extra::r(b).transpose(&[1, 0]), "reshape[3, 1](r)"),
        (|b, _, _| b.full([2, 5], 1.5).transpose(&[1, 0]), "1.5"),
        (|_, x, _| x.slice(&[(0, 2, 1), (0, 3, 1)]), "x"),
        (|_, x, _| x.slice(&[(0, 2, 1), (0, 3, 2)]).slice(&[(1, 2, 1), (1, 2, 1)]), "slice[1:2:1, 2:3:2](x)"),
        (|b, _, _| b.full([2, 5], 1.5).slice(&[(0, 1, 1), (0, 4, 1)]), "1.5"),
        (|_, x, _| x.pad(&[(1, 0), (2, 3)]).slice(&[(1, 3, 1), (2, 5, 1)]), "x"),
        (|_, x, _| x.pad(&[(1, 0), (2, 3)]).slice(&[(1, 3, 1), (1, 4, 1)]), "slice[1:3:1, 1:4:1](pad(x))"),
        (|_, x, _| x.pad(&[(0, 0), (0, 0)]), "x"),
        (|b, x, y| concat(b, &[x, y], 1).slice(&[(0, 2, 1), (4, 6, 1)]), "slice[0:2:1, 1:3:1](y)"),
        (|b, x, y| concat(b, &[x, y], 1).slice(&[(0, 2, 1), (3, 6, 1)]), "y"),
        (|b, x, _| concat(b, &[x], 1), "x"),
        (|b, x, y| concat(b, &[concat(b, &[x, y], 0), x], 0), "concat(x, y, x)"),
        (|b, x, y| concat(b, &[x, x.slice(&[(1, 1, 1), (0, 3, 1)]), y], 0), "concat(x, y)"),
        (|_, x, _| x.reverse(&[0]).reverse(&[0]), "x"),
        (|_, x, _| x.reverse(&[0]).reverse(&[0, 1]), "reverse[1](x)"),
        (|b, _, _| Extra::r(b).reverse(&[0, 1]), "reverse[1](r)"),
        (|b, _, _| Extra::r(b).reverse(&[0]), "r"),
        (|b, _, _| b.full([2, 5], 1.5).reverse(&[0]), "1.5"),
        (|_, x, y| (x + y).slice(&[(1, 1, 1), (0, 3, 1)]), "0.0"),
    ];
    for &(build, expected) in table {
        check(simplify, build, expected);
    }
}

#[test]
fn reductions_and_products() {
    let table: &[(Build, &str)] = &[
        (|b, _, _| Extra::r(b).sum(&[0], true), "r"),
        (|b, _, _| Extra::r(b).max(&[0, 1], true), "reduce_max[1](r)"),
        (|_, x, _| x.sum(&[0], true).sum(&[1], true), "reduce_sum[0, 1](x)"),
        (|_, x, _| x.sum(&[0], true).max(&[1], true), "reduce_max[1](reduce_sum[0](x))"),
        (|b, _, _| Extra::r(b).broadcast_to([2, 3]).sum(&[0], true), "mul(r, 2.0)"),
        (|b, _, _| Extra::r(b).broadcast_to([2, 3]).min(&[0], true), "r"),
        (|b, _, _| Extra::r(b).broadcast_to([2, 3]).sum(&[1], true), "reduce_sum[1](broadcast[2, 3](r))"),
        (|_, x, y| x.transpose(&[1, 0]).matmul(y), "dotTN(x, y)"),
        (|_, x, y| x.matmul(y.transpose(&[1, 0])), "dotNT(x, y)"),
        (|_, x, y| x.transpose(&[1, 0]).dot(y, true, true), "dotNT(x, y)"),
        (|b, _, _| Extra::c(b).matmul(Extra::r(b)), "mul(broadcast[2, 3](c), broadcast[2, 3](r))"),
        (|b, _, _| Extra::c(b).dot(Extra::c(b), true, false), "reduce_sum[1](mul(reshape[1, 2](c), reshape[1, 2](c)))"),
        (|b, _, _| Extra::r(b).dot(Extra::r(b), false, true), "reduce_sum[1](mul(r, r))"),
        (|_, x, y| x.slice(&[(0, 2, 1), (1, 1, 1)]).matmul(y.slice(&[(1, 1, 1), (0, 3, 1)])), "0.0"),
    ];
    for &(build, expected) in table {
        check(simplify, build, expected);
    }
}

#[test]
fn constants_are_folded_in_single_precision() {
    let table: &[(Build, &str)] = &[
        (|b, _, _| b.scalar(0.1) + b.scalar(0.2), "0.3"),
        (|b, _, _| b.scalar(16777216.0) + 1.0 + 1.0, "16777216.0"),
        (|b, _, _| b.scalar(1e38) * 10.0, "inf"),
        (|b, _, _| b.scalar(2.0).lt(b.scalar(3.0)), "true"),
        (|b, _, _| b.scalar(2.7).cast(DType::I32), "2"),
        (|b, _, _| b.constant(Literal::Bool(true), [2]).select(b.full([2], 5.0), b.full([2], 6.0)), "5.0"),
        (|b, _, _| b.full([4, 5], 0.5).sum(&[0], true), "2.0"),
        (|b, _, _| b.full([4, 5], -0.5).reduce(ReduceOp::Prod, &[0], true), "0.0625"),
        (|b, _, _| b.full([4, 5], -0.5).max(&[], true), "-0.5"),
        (|b, _, _| b.full([0, 5], -0.5).min(&[0], true), "inf"),
        (|b, _, _| b.full([0, 5], -0.5).sum(&[0], true), "0.0"),
        (|b, _, _| b.full([4, 5], -0.5).argmax(1), "0"),
        (|b, _, _| b.full([4, 5], 0.0).pad(&[(1, 1), (0, 2)]), "0.0"),
        (|b, _, _| b.full([4, 5], 1.0).pad(&[(1, 1), (0, 2)]), "pad(1.0)"),
        (|b, _, _| concat(b, &[b.full([2], 1.0), b.full([3], 1.0)], 0), "1.0"),
        (|b, _, _| concat(b, &[b.full([2], 1.0), b.full([3], 2.0)], 0), "concat(1.0, 2.0)"),
        (|b, _, _| b.full([4, 5], 2.0).matmul(b.full([5, 2], 3.0)), "30.0"),
        (|b, _, _| b.full([4, 5], 2.0).transpose(&[1, 0]).reverse(&[0]).slice(&[(0, 2, 1), (1, 2, 1)]).stop_gradient(), "2.0"),
        (|b, _, _| b.iota([3, 1], 1), "0"),
        (|b, _, _| b.iota([3, 1], 0), "iota()"),
        (|b, x, _| b.op(Op::Binary(BinaryOp::Add), &[x, b.full([2, 3], 1.0) + 1.0]), "add(x, 2.0)"),
    ];
    for &(build, expected) in table {
        check(fold, build, expected);
    }
}

#[test]
fn dead_code_goes_and_declarations_stay() {
    let b = Builder::new();
    let x = b.input("unused", TensorType::f32([2]));
    let y = b.input("y", TensorType::f32([2]));
    let s = b.state(SlotId(1), "s", TensorType::f32([2]));
    let _dead = x.exp() + y;
    b.output("y2", b.scope("square", || y * y));
    b.update(SlotId(1), s + y);
    let g = dce(&b.finish().unwrap()).unwrap();
    let names: Vec<&str> = g.nodes().iter().map(|n| n.op.name()).collect();
    assert_eq!(names, ["input", "state", "mul", "add"]);
    assert_eq!((g.inputs().len(), g.slots().len()), (2, 1));
    assert_eq!(g.origin_path(g.node(NodeId(2)).origin), "square");
    let run = evaluate(&g, &[Value::f32([2], &[0.0, 0.0]), Value::f32([2], &[3.0, 4.0])], &|_| Some(Value::f32([2], &[1.0, 1.0]))).unwrap();
    assert_eq!((&run.outputs[0].data[..], &run.updates[0].1.data[..]), (&[9.0, 16.0][..], &[4.0, 5.0][..]));
}

#[test]
fn the_pipeline_reaches_a_fixed_point_and_honours_its_options() {
    let build = || {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([2, 3]));
        let zero = b.full([2, 3], 1.0) - b.full([2, 3], 1.0);
        b.output("y", (x * (zero + 1.0) + zero) * 2.0);
        b.finish().unwrap()
    };
    let out = |disabled: &[&str]| {
        let options = CompileOptions { disabled: disabled.iter().map(ToString::to_string).collect(), ..CompileOptions::default() };
        let g = pipeline(&build(), &options).unwrap();
        (expression(&g, g.outputs().values[0].1), g.nodes().len())
    };
    assert_eq!(out(&[]), ("mul(x, 2.0)".into(), 3));
    assert_eq!(out(&["fold"]).0, "mul(add(sub(1.0, 1.0), mul(x, add(sub(1.0, 1.0), 1.0))), 2.0)");
    assert_eq!(out(&["simplify"]).0, "mul(add(mul(x, 1.0), 0.0), 2.0)");
    assert!(out(&["dce"]).1 > 3);
}

/// `max_pool(relu(x))` with the gradients of `x` and of what is added to it, before and after the passes.
#[test]
fn a_rectifier_moves_behind_the_largest_of_windows() {
    let special = [0.5, -0.0, 1.0, -2.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, 1.0, -1.0, 0.0, 7.0, -3.0, 7.0];
    let (valid, same) = (crate::WindowSpec::valid(&[2, 2], &[2, 2]), crate::WindowSpec::same(&[5, 7], &[3, 3], &[2, 2]));
    for (spec, used_twice) in [(valid, false), (same, false), (valid, true)] {
        let b = Builder::new();
        let shape = Shape::new(&[2, 5, 7, 3]);
        let (x, bias) = (b.input("x", TensorType::f32(shape)), b.input("bias", TensorType::f32([3])));
        let h = (x + bias).relu();
        let y = h.max_pool(spec);
        let weight = b.input("weight", TensorType::f32(y.shape()));
        let mut loss = (y * weight).sum(&[], false);
        if used_twice {
            loss = loss + h.sum(&[], false);
        }
        let grads = b.with_graph(|g| crate::grad::gradients(g, loss.id(), &[x.id(), bias.id()])).unwrap();
        b.output("y", y);
        b.output("dx", b.var(grads[0]));
        b.output("dbias", b.var(grads[1]));
        let before = b.finish().unwrap();
        let after = pipeline(&before, &CompileOptions::default()).unwrap();
        let large = |g: &Graph| g.nodes().iter().filter(|n| n.op == Op::Binary(BinaryOp::Max) && n.ty.shape == shape).count();
        assert_eq!((large(&before), large(&after)), (1, usize::from(used_twice)), "{spec:?}");
        let sums = |g: &Graph| g.nodes().iter().filter(|n| matches!(n.op, Op::Reduce { .. }) && g.ty(n.inputs[0]).shape == shape).count();
        assert_eq!(sums(&after), usize::from(used_twice), "the bias' gradient is summed over the windows");
        for round in 0..40 {
            let number = |i: usize, e: usize| match (i, round % 4) {
                (0, 0) => special[(e * 7 + e / 13 + round) % special.len()],
                (0, _) => ((e * 7919 + round * 31) % 23) as f32 / 10.0 - 1.2,
                (1, _) => [0.0, 0.25, -0.5][e % 3],
                _ => (e % 5) as f32 - 1.5,
            };
            let fill = |(i, d): (usize, &crate::InputDecl)| Value::of(d.ty, (0..d.ty.len()).map(|e| f64::from(number(i, e))).collect());
            let inputs: Vec<Value> = before.inputs().iter().enumerate().map(fill).collect();
            let run = |g: &Graph| evaluate_with(g, &inputs, &|_| None, Precision::F64).unwrap().outputs;
            for (a, b) in run(&before).iter().zip(run(&after)) {
                let equal = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-12 * (1.0 + a.abs());
                assert!(a.data.iter().zip(&b.data).all(equal), "{spec:?} {round}: {:?} and {:?}", a.data, b.data);
            }
        }
    }
}
