//! The builder's errors, shapes, interning and rebuilding.

use adaline_graph::{
    BinaryOp, Builder, ConvSpec, DType, Graph, GraphError, Interpolation, Literal, MAX_RANK, Op, Perm, Shape, SlotId, TensorType, UnaryOp,
    Var, WindowSpec, concat,
};

#[test]
fn classes_that_no_shape_can_hold_are_an_error() {
    let b = Builder::new();
    let labels = b.input("labels", TensorType::i32([3]));
    b.output("y", labels.one_hot(usize::MAX / 2));
    let error = b.finish().unwrap_err().to_string();
    assert!(error.contains("one_hot") && error.contains("more than a shape can hold"), "{error}");
}

#[test]
fn the_first_error_latches_with_its_layer_path() {
    type Build = for<'a> fn(&'a Builder, Var<'a>) -> Var<'a>;
    let table: &[(Build, &str)] = &[
        (
            |b, x| x + b.full([4], 1.0),
            "layer `net/dense`: add: shapes do not broadcast: each pair of axes, from the last, must be equal or contain a 1; got f32[2, 3] \
             and f32[4]",
        ),
        (
            |b, x| x.gt_scalar(0.0).select(x, b.full([5], 0.0)),
            "layer `net/dense`: select: condition and branches do not broadcast to one shape; got bool[2, 3] and f32[2, 3] and f32[5]",
        ),
        (|_, x| x.matmul(x), "layer `net/dense`: dot: the summed axes differ: 3 columns against 2 rows; got f32[2, 3] and f32[2, 3]"),
        (|_, x| x.sum(&[2], false), "layer `net/dense`: axis 2 does not exist in a tensor of shape [2, 3]"),
        (|_, x| x.sum(&[-3], false), "layer `net/dense`: axis -3 does not exist in a tensor of shape [2, 3]"),
        (|_, x| x.argmax(5), "layer `net/dense`: axis 5 does not exist in a tensor of shape [2, 3]"),
        (|_, x| x.reverse(&[7]), "layer `net/dense`: axis 7 does not exist in a tensor of shape [2, 3]"),
        (|_, x| x.expand_dims(4), "layer `net/dense`: cannot insert axis 4 into a tensor of shape [2, 3]"),
        (|_, x| x.transpose(&[0, 0]), "layer `net/dense`: [0, 0] is not a permutation of axes"),
        (|_, x| x.transpose(&[0]), "layer `net/dense`: transpose: permutation [0] needs rank 1; got f32[2, 3]"),
        (|_, x| x.broadcast_to([3]), "layer `net/dense`: a tensor of shape [2, 3] cannot broadcast to [3]"),
        (
            |_, x| x.broadcast_to([4, 3]),
            "layer `net/dense`: broadcast: [2, 3] cannot expand to [4, 3]: each axis must be equal or 1; got f32[2, 3]",
        ),
        (|_, x| x.slice(&[(0, 1, 1)]), "layer `net/dense`: slice of 1 ranges in a tensor of shape [2, 3]"),
        (|_, x| x.pad(&[(0, 1)]), "layer `net/dense`: padding of 1 axes for a tensor of shape [2, 3]"),
        (|_, x| x.reshape([7]), "layer `net/dense`: reshape: 6 elements cannot become [7], which has 7; got f32[2, 3]"),
        (|b, x| concat(b, &[x], 2), "layer `net/dense`: cannot concatenate along axis 2 of 1 tensors of shape [2, 3]"),
        (|b, _| concat(b, &[], 0), "layer `net/dense`: cannot concatenate along axis 0 of 0 tensors of shape []"),
        (
            |_, x| x.take(x),
            "layer `net/dense`: gather: expects a table (groups, rows, columns) and i32 indices (groups, indices) with equal groups; reshape or \
             cast first; got f32[1, 2, 3] and f32[1, 6]",
        ),
        (
            |b, x| x.expand_dims(0).take(b.iota([2], 0)),
            "layer `net/dense`: cannot look up indices of shape [2] in a table of shape [1, 2, 3]: expected (rows, columns)",
        ),
        (
            |_, x| x.resize(&[3], Interpolation::Bilinear),
            "layer `net/dense`: cannot resize a tensor of shape [2, 3] to [3]: expected (batch, spatial axes.., channels) and a new size, at \
             least 1, for each spatial axis",
        ),
        (
            |_, x| x.expand_dims(2).resize(&[1 << 59], Interpolation::Bilinear),
            "layer `net/dense`: cannot resize axis 1 of a tensor of shape [2, 3, 1] to 576460752303423488: 576460752303423488 by 3 weights are \
             too many",
        ),
        (
            |_, x| x.conv_transpose(x, ConvSpec::default(), &[usize::MAX]),
            "layer `net/dense`: the result [2, 18446744073709551615, 2] of a transposed convolution is too large",
        ),
        (
            |_, x| x.expand_dims(2).average_pool(WindowSpec::valid(&[4], &[1])),
            "layer `net/dense`: window_sum: the window spans 4 cells of spatial axis 0, which has 3 with its padding; use a smaller window or \
             `same` padding; got f32[2, 3, 1]",
        ),
        (|b, _| b.error("units must be positive, got 0"), "layer `net/dense`: units must be positive, got 0"),
    ];
    for (build, expected) in table {
        let b = Builder::new();
        let x = b.input("x", TensorType::f32([2, 3]));
        let y = b.scope("net", || b.scope("dense", || build(&b, x)));
        // Everything after the first error is silent.
        b.scope("later", || b.output("y", (y.softmax(-1).matmul(x) * 2.0).one_hot(3).reshape([99]).mean(&[8], true)));
        assert!(b.failed());
        let asked: Result<(), GraphError> = b.with_graph(|_| Ok(()));
        assert_eq!(asked.unwrap_err().to_string(), *expected);
        assert_eq!(b.finish().err().map(|e| e.to_string()).as_deref(), Some(*expected));
    }
}

#[test]
fn equal_expressions_are_one_node() {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([2]));
    let y = b.scope("a", || (x * 2.0).exp());
    assert_eq!(y.id(), b.scope("b", || (x * 2.0).exp()).id());
    assert_ne!((x * 2.0).id(), (2.0 * x).id());
    assert_eq!(b.full([2], f32::NAN).id(), b.full([2], f32::NAN).id());
    assert_ne!(b.full([2], 0.0).id(), b.full([2], -0.0).id());
    assert_ne!(b.constant(Literal::I32(0), [2]).id(), b.full([2], 0.0).id());
    let (w, again) = (b.state(SlotId(3), "w", TensorType::f32([2])), b.state(SlotId(3), "w", TensorType::f32([2])));
    assert_eq!(w.id(), again.id());
    assert_ne!(b.input("x", TensorType::f32([2])).id(), x.id()); // inputs are told apart by place
    let id = y.id();
    let g = b.finish().unwrap();
    assert_eq!(g.origin_path(g.node(id).origin), "a"); // the first to write it
    assert_eq!((g.slots().len(), g.inputs().len()), (1, 2));
    let copy = g.clone();
    assert_eq!(copy.to_string(), g.to_string());
}

#[test]
fn a_clone_still_interns() {
    let mut g = Graph::new();
    let x = g.add_input("x", TensorType::f32([2]));
    let e = g.add(Op::Unary(UnaryOp::Exp), &[x]).unwrap();
    let mut copy = g.clone();
    assert_eq!(copy.add(Op::Unary(UnaryOp::Exp), &[x]).unwrap(), e);
    assert_eq!(copy.nodes().len(), 2);
}

#[test]
fn rebuild_replaces_nodes_and_keeps_the_rest() {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([2]));
    let y = b.scope("layer", || x.exp() + 1.0);
    b.output("y", y);
    b.update(SlotId(0), y);
    let g = b.finish().unwrap();
    let new = g
        .rebuild(|new, _, node, inputs| match node.op {
            Op::Unary(UnaryOp::Exp) => new.add(Op::Unary(UnaryOp::Tanh), inputs),
            op => new.add(op, inputs),
        })
        .unwrap();
    let names: Vec<&str> = new.nodes().iter().map(|n| n.op.name()).collect();
    assert_eq!(names, ["input", "tanh", "const", "add"]);
    assert_eq!(new.outputs().values, [("y".to_owned(), new.outputs().updates[0].1)]);
    assert!(new.nodes()[1..].iter().all(|n| new.origin_path(n.origin) == "layer"));
    assert_eq!(new.use_counts(), [1, 1, 1, 2]);
}

#[test]
fn the_last_update_of_a_slot_counts() {
    let b = Builder::new();
    let w = b.state(SlotId(1), "w", TensorType::f32([2]));
    b.update(SlotId(1), w * 2.0);
    let last = w * 3.0;
    b.update(SlotId(1), last);
    let last = last.id();
    assert_eq!(b.finish().unwrap().outputs().updates, [(SlotId(1), last)]);
}

#[test]
fn shapes() {
    let s = Shape::from([2, 3, 4]);
    assert_eq!((s.rank(), s.len(), s.is_empty(), s.to_string()), (3, 24, false, "[2, 3, 4]".into()));
    assert_eq!(s.strides()[..3], [12, 4, 1]);
    assert_eq!((s.dim(-1), s.dim(0), s.dim(3), s.dim(-4)), (4, 2, 1, 1));
    assert_eq!((s.axis(-3), s.axis(2), s.axis(3), s.axis(-4)), (Some(0), Some(2), None, None));
    assert_eq!(s.with_dim(1, 9), Shape::from([2, 9, 4]));
    assert_eq!(Shape::from([3]).padded_to(3), Shape::from([1, 1, 3]));
    assert_eq!((Shape::SCALAR.len(), Shape::SCALAR.to_string()), (1, "[]".into()));
    assert_eq!(Shape::try_new(&[1; MAX_RANK + 1]), None);
    assert_eq!(Shape::try_new(&[usize::MAX, 2]), None);
    assert_eq!(Shape::try_new(&[usize::MAX, 0, 2]), None); // a zero does not hide an overflow
    assert!(Shape::try_new(&[0, 5]).is_some_and(|s| s.is_empty()));
    type Dims = &'static [usize];
    let cases: [(Dims, Dims, Option<Dims>); 7] = [
        (&[], &[2], Some(&[2])),
        (&[3], &[2, 1], Some(&[2, 3])),
        (&[2, 1, 4], &[3, 1], Some(&[2, 3, 4])),
        (&[1], &[0], Some(&[0])),
        (&[2], &[0], None),
        (&[2, 3], &[3, 2], None),
        (&[5], &[5], Some(&[5])),
    ];
    for (a, b, expected) in cases {
        let (a, b) = (Shape::new(a), Shape::new(b));
        assert_eq!(Shape::broadcast(&a, &b), expected.map(Shape::new), "{a} and {b}");
        assert_eq!(Shape::broadcast(&b, &a), expected.map(Shape::new));
    }
}

#[test]
fn permutations() {
    let p = Perm::new(&[2, 0, 1]).unwrap();
    assert_eq!(p.inverse(), Perm::new(&[1, 2, 0]).unwrap());
    assert_eq!(p.axes().collect::<Vec<_>>(), [2, 0, 1]);
    assert_eq!((Perm::new(&[0, 0]), Perm::new(&[1]), Perm::new(&[0, 1, 2, 3, 4, 5, 6])), (None, None, None));
    assert!(Perm::new(&[]).is_some());
}

#[test]
fn results_have_the_types_of_their_operations() {
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([2, 3]));
    let n = b.input("n", TensorType::i32([2]));
    for (v, expected) in [
        (x.lt(x), TensorType::bool([2, 3])),
        (x.argmax(-1), TensorType::i32([2])),
        (n.one_hot(4), TensorType::f32([2, 4])),
        (x.mean(&[0], true), TensorType::f32([1, 3])),
        (x.sum(&[], false), TensorType::f32(Shape::SCALAR)),
        (x.dot(x, true, false), TensorType::f32([3, 3])),
        (x.expand_dims(-1), TensorType::f32([2, 3, 1])),
        (x.slice(&[(0, 2, 2), (1, 3, 1)]), TensorType::f32([1, 2])),
        (x.pad(&[(1, 1), (0, 2)]), TensorType::f32([4, 5])),
        (n.cast(DType::Bool), TensorType::bool([2])),
        (n.binary(BinaryOp::Add, n), TensorType::i32([2])),
    ] {
        assert_eq!(v.ty(), expected);
    }
    assert!(!b.failed());
}
