//! Operations that must be refused, with the exact text.

use adaline_graph::{
    ArgOp, AxisSet, BinaryOp, ConvSpec, DType, Distribution, MAX_RANK, Op, PadSpec, Perm, ReduceOp, Shape, SliceSpec, TensorType, UnaryOp,
    WindowOp, WindowSpec,
};

/// An operation on inputs that do not fit.
#[derive(Clone, Debug)]
pub struct BadSample {
    /// The operation.
    pub op: Op,
    /// Types of its inputs.
    pub inputs: Vec<TensorType>,
    /// The text of the error.
    pub error: &'static str,
}

type Row = (Op, Vec<TensorType>, &'static str);

/// One or more for each operation that can be refused.
pub fn bad_samples() -> Vec<BadSample> {
    let f = |dims: &[usize]| TensorType::f32(dims);
    let i = |dims: &[usize]| TensorType::i32(dims);
    let p = |dims: &[usize]| TensorType::bool(dims);
    let slice = |start, stop, stride| Op::Slice(SliceSpec { start: [start; 6], stop: [stop; 6], stride: [stride; 6] });
    let pad = |before| Op::Pad(PadSpec { before: [before; MAX_RANK], after: [0; MAX_RANK], between: [0; MAX_RANK] });
    let sum = |axes: &[usize]| Op::Reduce { op: ReduceOp::Sum, axes: AxisSet::of(axes) };
    let dot = |ta, tb| Op::Dot { ta, tb };
    let random = Op::Random { dist: Distribution::Uniform, stream: 1, shape: Shape::SCALAR };
    let mut table: Vec<Row> = vec![
        (Op::Iota { shape: Shape::from([2]), axis: 1 }, vec![], "graph: iota: axis 1 does not exist in [2]; got no input"),
        (random, vec![f(&[2]), i(&[])], "graph: random_uniform: expects a seed i32[2] and a step i32[]; got f32[2] and i32[]"),
        (random, vec![i(&[2]), i(&[1])], "graph: random_uniform: expects a seed i32[2] and a step i32[]; got i32[2] and i32[1]"),
        (Op::Unary(UnaryOp::Exp), vec![i(&[2])], "graph: exp: is not defined on i32; cast first; got i32[2]"),
        (Op::Unary(UnaryOp::Bf16), vec![i(&[2])], "graph: bf16: is not defined on i32; cast first; got i32[2]"),
        (Op::Unary(UnaryOp::Flush), vec![i(&[2])], "graph: flush: is not defined on i32; cast first; got i32[2]"),
        (Op::Unary(UnaryOp::F16), vec![i(&[2])], "graph: f16: is not defined on i32; cast first; got i32[2]"),
        (Op::Unary(UnaryOp::Not), vec![f(&[2])], "graph: not: is not defined on f32; cast first; got f32[2]"),
        (Op::Unary(UnaryOp::Neg), vec![p(&[2])], "graph: neg: is not defined on bool; cast first; got bool[2]"),
        (Op::Unary(UnaryOp::Tanh), vec![], "graph: tanh: takes 1 inputs; got no input"),
        (
            Op::Binary(BinaryOp::Add),
            vec![f(&[2]), f(&[3])],
            "graph: add: expects two inputs of one type and shape; broadcast or cast first; got f32[2] and f32[3]",
        ),
        (
            Op::Binary(BinaryOp::Mul),
            vec![f(&[2]), i(&[2])],
            "graph: mul: expects two inputs of one type and shape; broadcast or cast first; got f32[2] and i32[2]",
        ),
        (Op::Binary(BinaryOp::Div), vec![i(&[2]), i(&[2])], "graph: div: is not defined on i32; got i32[2] and i32[2]"),
        (Op::Binary(BinaryOp::And), vec![f(&[2]), f(&[2])], "graph: and: is not defined on f32; got f32[2] and f32[2]"),
        (Op::Binary(BinaryOp::Lt), vec![p(&[2]), p(&[2])], "graph: lt: is not defined on bool; got bool[2] and bool[2]"),
        (Op::Binary(BinaryOp::Sub), vec![f(&[2])], "graph: sub: takes 2 inputs; got f32[2]"),
        (
            Op::Select,
            vec![f(&[2]), f(&[2]), f(&[2])],
            "graph: select: expects a bool condition and two branches of one type, all of one shape; got f32[2] and f32[2] and f32[2]",
        ),
        (
            Op::Select,
            vec![p(&[2]), f(&[2]), i(&[2])],
            "graph: select: expects a bool condition and two branches of one type, all of one shape; got bool[2] and f32[2] and i32[2]",
        ),
        (Op::Cast(DType::F32), vec![f(&[1]), f(&[1])], "graph: cast: takes 1 inputs; got f32[1] and f32[1]"),
        (Op::StopGradient, vec![], "graph: stop_gradient: takes 1 inputs; got no input"),
        (sum(&[0]), vec![i(&[2])], "graph: reduce_sum: reduces f32 only; cast first; got i32[2]"),
        (sum(&[2]), vec![f(&[2, 3])], "graph: reduce_sum: axis 2 does not exist in [2, 3]; got f32[2, 3]"),
        (Op::ArgReduce { op: ArgOp::Max, axis: 0 }, vec![i(&[2])], "graph: argmax: expects f32; got i32[2]"),
        (Op::ArgReduce { op: ArgOp::Min, axis: 1 }, vec![f(&[2, 0])], "graph: argmin: axis 1 has no element to choose from; got f32[2, 0]"),
        (Op::ArgReduce { op: ArgOp::Max, axis: 3 }, vec![f(&[2])], "graph: argmax: axis 3 does not exist in [2]; got f32[2]"),
        (Op::Reshape(Shape::from([4])), vec![f(&[2, 3])], "graph: reshape: 6 elements cannot become [4], which has 4; got f32[2, 3]"),
        (
            Op::Transpose(Perm::new(&[1, 0]).unwrap_or_else(|| unreachable!())),
            vec![f(&[2])],
            "graph: transpose: permutation [1, 0] needs rank 2; got f32[2]",
        ),
        (
            Op::Broadcast(Shape::from([3, 3])),
            vec![f(&[2, 3])],
            "graph: broadcast: [2, 3] cannot expand to [3, 3]: each axis must be equal or 1; got f32[2, 3]",
        ),
        (
            Op::Broadcast(Shape::from([2, 3])),
            vec![f(&[3])],
            "graph: broadcast: [3] cannot expand to [2, 3]: each axis must be equal or 1; got f32[3]",
        ),
        (slice(0, 4, 1), vec![f(&[3])], "graph: slice: axis 0 of size 3 has no range 0..4 with stride 1; got f32[3]"),
        (slice(2, 1, 1), vec![f(&[3])], "graph: slice: axis 0 of size 3 has no range 2..1 with stride 1; got f32[3]"),
        (slice(0, 3, 0), vec![f(&[3])], "graph: slice: axis 0 of size 3 has no range 0..3 with stride 0; got f32[3]"),
        (pad(1), vec![p(&[2])], "graph: pad: pads f32 and i32; got bool[2]"),
        (pad(usize::MAX), vec![f(&[2])], "graph: pad: padding of axis 0 overflows; got f32[2]"),
        (pad(1 << 40), vec![f(&[2, 2])], "graph: pad: padded shape is too large; got f32[2, 2]"),
        (Op::Concat { axis: 0 }, vec![], "graph: concat: needs at least one input; got no input"),
        (Op::Concat { axis: 1 }, vec![f(&[2])], "graph: concat: axis 1 does not exist in [2]; got f32[2]"),
        (
            Op::Concat { axis: 0 },
            vec![f(&[2, 3]), f(&[2, 4])],
            "graph: concat: inputs may differ along axis 0 only; got f32[2, 3] and f32[2, 4]",
        ),
        (Op::Concat { axis: 0 }, vec![f(&[2]), i(&[2])], "graph: concat: inputs may differ along axis 0 only; got f32[2] and i32[2]"),
        (Op::Reverse(AxisSet::of(&[1])), vec![f(&[2])], "graph: reverse: axis 1 does not exist in [2]; got f32[2]"),
        (dot(false, false), vec![f(&[2, 3]), i(&[3, 2])], "graph: dot: multiplies f32; got f32[2, 3] and i32[3, 2]"),
        (
            dot(false, false),
            vec![f(&[3]), f(&[3])],
            "graph: dot: expects two matrices, or two stacks of matrices of one rank; got f32[3] and f32[3]",
        ),
        (
            dot(false, false),
            vec![f(&[2, 3]), f(&[2, 3])],
            "graph: dot: the summed axes differ: 3 columns against 2 rows; got f32[2, 3] and f32[2, 3]",
        ),
        (
            dot(true, true),
            vec![f(&[2, 3]), f(&[2, 3])],
            "graph: dot: the summed axes differ: 2 columns against 3 rows; got f32[2, 3] and f32[2, 3]",
        ),
        (
            dot(false, true),
            vec![f(&[5, 2, 3]), f(&[4, 2, 3])],
            "graph: dot: leading (batch) axes differ; got f32[5, 2, 3] and f32[4, 2, 3]",
        ),
    ];
    table.extend(spatial());
    table.into_iter().map(|(op, inputs, error)| BadSample { op, inputs, error }).collect()
}

/// Convolutions, windows, table look-ups.
fn spatial() -> Vec<Row> {
    let f = |dims: &[usize]| TensorType::f32(dims);
    let i = |dims: &[usize]| TensorType::i32(dims);
    let spec = ConvSpec::valid(&[1], &[1]);
    let conv = |spec| Op::Conv { spec };
    let pairs = WindowSpec::valid(&[2], &[2]);
    let window = |spec| Op::Window { op: WindowOp::Max, spec };
    let (x, k) = (f(&[2, 5, 4]), f(&[3, 4, 6]));
    vec![
        (conv(spec), vec![x, i(&[3, 4, 6])], "graph: conv: convolves f32 only; cast first; got f32[2, 5, 4] and i32[3, 4, 6]"),
        (conv(spec), vec![x], "graph: conv: takes 2 inputs; got f32[2, 5, 4]"),
        (
            conv(spec),
            vec![f(&[5, 4]), f(&[4, 6])],
            "graph: conv: expects an input (batch, 1 to 3 spatial axes, channels) and a kernel (as many sizes, channels / groups, \
             filters), not shapes [5, 4] and [4, 6]; reshape or expand dimensions first; got f32[5, 4] and f32[4, 6]",
        ),
        (
            conv(spec),
            vec![x, f(&[3, 3, 4, 6])],
            "graph: conv: expects an input (batch, 1 to 3 spatial axes, channels) and a kernel (as many sizes, channels / groups, \
             filters), not shapes [2, 5, 4] and [3, 3, 4, 6]; reshape or expand dimensions first; got f32[2, 5, 4] and f32[3, 3, 4, 6]",
        ),
        (
            conv(spec),
            vec![f(&[1; 6]), f(&[1; 6])],
            "graph: conv: expects an input (batch, 1 to 3 spatial axes, channels) and a kernel (as many sizes, channels / groups, \
             filters), not shapes [1, 1, 1, 1, 1, 1] and [1, 1, 1, 1, 1, 1]; reshape or expand dimensions first; got f32[1, 1, 1, 1, 1, \
             1] and f32[1, 1, 1, 1, 1, 1]",
        ),
        (
            conv(spec.with_groups(0)),
            vec![x, k],
            "graph: conv: 0 groups must divide 4 channels and 6 filters; try a common divisor of both; got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (
            conv(spec.with_groups(4)),
            vec![x, f(&[3, 1, 6])],
            "graph: conv: 4 groups must divide 4 channels and 6 filters; try a common divisor of both; got f32[2, 5, 4] and f32[3, 1, 6]",
        ),
        (
            conv(spec.with_groups(2)),
            vec![x, k],
            "graph: conv: 4 channels in 2 groups need a kernel of 2 channels, not 4; change the kernel or the groups; \
             got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (
            conv(spec),
            vec![x, f(&[0, 4, 6])],
            "graph: conv: the kernel has no cell along spatial axis 0; sizes must be at least 1; got f32[2, 5, 4] and f32[0, 4, 6]",
        ),
        (
            conv(spec),
            vec![x, f(&[6, 4, 6])],
            "graph: conv: the kernel spans 6 cells of spatial axis 0, which has 5 with its padding; use a smaller kernel or `same` \
             padding; got f32[2, 5, 4] and f32[6, 4, 6]",
        ),
        (
            conv(ConvSpec::valid(&[1], &[3])),
            vec![x, k],
            "graph: conv: the kernel spans 7 cells of spatial axis 0, which has 5 with its padding; use a smaller kernel or `same` \
             padding; got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (
            conv(ConvSpec::valid(&[0], &[1])),
            vec![x, k],
            "graph: conv: strides must be at least 1, that of spatial axis 0 is 0; got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (
            conv(ConvSpec::valid(&[1], &[0])),
            vec![x, k],
            "graph: conv: dilation must be at least 1, that of spatial axis 0 is 0; got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (
            conv(ConvSpec::valid(&[1], &[usize::MAX])),
            vec![x, k],
            "graph: conv: dilation of spatial axis 0 overflows; got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (
            conv(ConvSpec { before: [usize::MAX; 3], ..spec }),
            vec![x, k],
            "graph: conv: padding of spatial axis 0 overflows; got f32[2, 5, 4] and f32[3, 4, 6]",
        ),
        (conv(ConvSpec { after: [1 << 61; 3], ..spec }), vec![x, k], "graph: conv: result is too large; got f32[2, 5, 4] and f32[3, 4, 6]"),
        (
            Op::ConvInput { spec, input: x.shape },
            vec![f(&[2, 4, 6]), k],
            "graph: conv_input: a convolution of [2, 5, 4] with [3, 4, 6] gives [2, 3, 6], not [2, 4, 6]; got f32[2, 4, 6] and f32[3, 4, \
             6]",
        ),
        (
            Op::ConvInput { spec, input: Shape::from([2, 2, 4]) },
            vec![f(&[2, 1, 6]), k],
            "graph: conv_input: the kernel spans 3 cells of spatial axis 0, which has 2 with its padding; use a smaller kernel or `same` \
             padding; got f32[2, 1, 6] and f32[3, 4, 6]",
        ),
        (
            Op::ConvKernel { spec, kernel: k.shape },
            vec![x, f(&[2, 3, 5])],
            "graph: conv_kernel: a convolution of [2, 5, 4] with [3, 4, 6] gives [2, 3, 6], not [2, 3, 5]; got f32[2, 5, 4] and f32[2, \
             3, 5]",
        ),
        (
            Op::ConvKernel { spec, kernel: k.shape },
            vec![i(&[2, 5, 4]), f(&[2, 3, 6])],
            "graph: conv_kernel: convolves f32 only; cast first; got i32[2, 5, 4] and f32[2, 3, 6]",
        ),
        (window(pairs), vec![i(&[2, 5, 4])], "graph: window_max: reduces f32 only; cast first; got i32[2, 5, 4]"),
        (
            window(pairs),
            vec![f(&[5, 4])],
            "graph: window_max: expects (batch, 1 to 3 spatial axes, channels), not shape [5, 4]; reshape or expand dimensions first; \
             got f32[5, 4]",
        ),
        (window(pairs), vec![f(&[2, 0, 4])], "graph: window_max: spatial axis 0 has no cell to look at; got f32[2, 0, 4]"),
        (
            window(WindowSpec::valid(&[6], &[1])),
            vec![x],
            "graph: window_max: the window spans 6 cells of spatial axis 0, which has 5 with its padding; use a smaller window or `same` \
             padding; got f32[2, 5, 4]",
        ),
        (
            window(WindowSpec::valid(&[0], &[1])),
            vec![x],
            "graph: window_max: windows must have at least 1 cell, those along spatial axis 0 have 0; got f32[2, 5, 4]",
        ),
        (
            window(WindowSpec::valid(&[2], &[0])),
            vec![x],
            "graph: window_max: strides must be at least 1, that of spatial axis 0 is 0; got f32[2, 5, 4]",
        ),
        (
            window(WindowSpec { before: [2, 0, 0], ..pairs }),
            vec![x],
            "graph: window_max: padding of spatial axis 0 (2 before, 0 after) must be smaller than the window of 2; got f32[2, 5, 4]",
        ),
        (
            Op::WindowSpread { spec: pairs, input: x.shape },
            vec![f(&[2, 3, 4])],
            "graph: window_spread: windows of [2, 5, 4] give [2, 2, 4], not [2, 3, 4]; got f32[2, 3, 4]",
        ),
        (
            Op::WindowMaxGrad { spec: pairs },
            vec![x, f(&[2, 2, 4]), f(&[2, 2, 3])],
            "graph: window_max_grad: windows of [2, 5, 4] give [2, 2, 4], not [2, 2, 4] and [2, 2, 3]; got f32[2, 5, 4] and f32[2, 2, 4] \
             and f32[2, 2, 3]",
        ),
        (
            Op::WindowMaxPick { spec: pairs },
            vec![x, f(&[2, 2, 4]), f(&[2, 2, 4])],
            "graph: window_max_pick: expects values of shape [2, 5, 4] and windows' results of shape [2, 2, 4], not [2, 2, 4] and [2, 2, \
             4]; got f32[2, 5, 4] and f32[2, 2, 4] and f32[2, 2, 4]",
        ),
        (Op::Gather, vec![TensorType::bool([1, 2, 3]), i(&[1, 4])], "graph: gather: looks up f32 and i32; got bool[1, 2, 3] and i32[1, 4]"),
        (
            Op::Gather,
            vec![f(&[2, 3]), i(&[4])],
            "graph: gather: expects a table (groups, rows, columns) and i32 indices (groups, indices) with equal groups; reshape or cast \
             first; got f32[2, 3] and i32[4]",
        ),
        (
            Op::Gather,
            vec![f(&[2, 2, 3]), i(&[1, 4])],
            "graph: gather: expects a table (groups, rows, columns) and i32 indices (groups, indices) with equal groups; reshape or cast \
             first; got f32[2, 2, 3] and i32[1, 4]",
        ),
        (
            Op::Gather,
            vec![f(&[1, 2, 3]), f(&[1, 4])],
            "graph: gather: expects a table (groups, rows, columns) and i32 indices (groups, indices) with equal groups; reshape or cast \
             first; got f32[1, 2, 3] and f32[1, 4]",
        ),
        (Op::Gather, vec![f(&[1, 0, 3]), i(&[1, 4])], "graph: gather: the table has no row to look up; got f32[1, 0, 3] and i32[1, 4]"),
        (
            Op::ScatterAdd { rows: 3 },
            vec![i(&[1, 2, 3]), i(&[1, 2])],
            "graph: scatter_add: adds up f32 only; cast first; got i32[1, 2, 3] and i32[1, 2]",
        ),
        (
            Op::ScatterAdd { rows: 3 },
            vec![f(&[1, 2, 3]), i(&[1, 4])],
            "graph: scatter_add: expects a row of values for each index, not 2 rows for 4 indices; got f32[1, 2, 3] and i32[1, 4]",
        ),
        (
            Op::ScatterAdd { rows: 0 },
            vec![f(&[1, 2, 3]), i(&[1, 2])],
            "graph: scatter_add: the result has no row to add to; got f32[1, 2, 3] and i32[1, 2]",
        ),
        (
            Op::ScatterAdd { rows: usize::MAX },
            vec![f(&[1, 2, 3]), i(&[1, 2])],
            "graph: scatter_add: result is too large; got f32[1, 2, 3] and i32[1, 2]",
        ),
    ]
}
