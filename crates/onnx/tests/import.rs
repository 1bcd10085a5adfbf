//! Reading and running models, and what is said of those that cannot be.

use adaline_graph::reference::Reference;
use adaline_onnx::import::{ImportError, Kind, Limits, OnnxModel, OnnxTensor};
use adaline_onnx::proto::{self, attribute_type, data_type};
use prost::Message;
use std::sync::Arc;
use std::time::{Duration, Instant};

// Models, written by their messages.

fn attribute(name: &str) -> proto::Attribute {
    proto::Attribute { name: name.into(), ..Default::default() }
}
fn int(name: &str, v: i64) -> proto::Attribute {
    proto::Attribute { i: Some(v), r#type: attribute_type::INT, ..attribute(name) }
}
fn inner(name: &str, g: proto::Graph) -> proto::Attribute {
    proto::Attribute { g: Some(g), r#type: attribute_type::GRAPH, ..attribute(name) }
}
fn node(op: &str, inputs: &[&str], outputs: &[&str], attribute: Vec<proto::Attribute>) -> proto::Node {
    let texts = |v: &[&str]| v.iter().map(|&s| s.to_owned()).collect();
    proto::Node { op_type: op.into(), input: texts(inputs), output: texts(outputs), attribute, ..Default::default() }
}
/// Sizes below 0 are open.
fn value(name: &str, elem_type: i32, dims: &[i64]) -> proto::ValueInfo {
    let dim = dims.iter().map(|&d| {
        if d < 0 {
            proto::Dimension { dim_value: None, dim_param: Some("batch".into()) }
        } else {
            proto::Dimension { dim_value: Some(d), dim_param: None }
        }
    });
    let tensor_type = Some(proto::TensorType { elem_type, shape: Some(proto::Shape { dim: dim.collect() }) });
    proto::ValueInfo { name: name.into(), r#type: Some(proto::Type { tensor_type, ..Default::default() }) }
}
fn floats(name: &str, dims: &[i64], v: &[f32]) -> proto::Tensor {
    let raw = v.iter().flat_map(|x| x.to_le_bytes()).collect();
    proto::Tensor { name: name.into(), dims: dims.to_vec(), data_type: data_type::FLOAT, raw_data: Some(raw), ..Default::default() }
}
fn ints(name: &str, v: &[i64]) -> proto::Tensor {
    let dims = vec![v.len() as i64];
    proto::Tensor { name: name.into(), dims, data_type: data_type::INT64, int64_data: v.to_vec(), ..Default::default() }
}
fn model(graph: proto::Graph) -> Vec<u8> {
    let set = proto::OperatorSet { domain: String::new(), version: 18 };
    proto::Model { ir_version: 8, producer_name: "test".into(), graph: Some(graph), opset_import: vec![set], ..Default::default() }
        .encode_to_vec()
}
fn read(bytes: &[u8]) -> Result<OnnxModel, ImportError> {
    OnnxModel::read(bytes, Arc::new(Reference::default()), Limits::small())
}
fn refused(graph: proto::Graph) -> String {
    read(&model(graph)).expect_err("it must not be read").to_string()
}

/// Two inputs to three hidden values to two probabilities.
fn mlp() -> proto::Graph {
    proto::Graph {
        input: vec![value("x", data_type::FLOAT, &[-1, 2])],
        output: vec![value("y", data_type::FLOAT, &[-1, 2])],
        initializer: vec![
            floats("w", &[2, 3], &[1.0, -1.0, 0.5, 2.0, 0.0, -0.5]),
            floats("b", &[3], &[0.0, 0.5, 1.0]),
            floats("v", &[3, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, -1.0]),
        ],
        node: vec![
            node("Gemm", &["x", "w", "b"], &["h"], vec![]),
            node("Relu", &["h"], &["r"], vec![]),
            node("MatMul", &["r", "v"], &["z"], vec![]),
            node("Softmax", &["z"], &["y"], vec![int("axis", -1)]),
        ],
        ..Default::default()
    }
}

#[test]
fn a_small_network_predicts_in_batches_of_any_size() {
    let mut m = read(&model(mlp())).unwrap();
    assert_eq!(m.inputs()[0].shape_text(), "[batch, 2]");
    assert_eq!(m.about().producer, "test");
    assert_eq!(m.operator_counts().into_iter().collect::<Vec<_>>(), [("Gemm", 1), ("MatMul", 1), ("Relu", 1), ("Softmax", 1)]);
    assert_eq!(m.constants().map(|c| c.bytes).sum::<u64>(), 4 * (6 + 3 + 6));
    assert_eq!(m.trace_shapes(&[vec![7, 2]]).unwrap(), [vec![7, 2]]);
    assert!(m.notes().is_empty());
    let rows: Vec<[f32; 2]> = (0..7).map(|i| [i as f32 * 0.5 - 1.0, 0.25 * i as f32]).collect();
    let by_hand: Vec<f32> = rows
        .iter()
        .flat_map(|[a, b]| {
            let h = [a + 2.0 * b, 0.5 - a, 0.5 * a - 0.5 * b + 1.0].map(|v: f32| v.max(0.0));
            let (p, q) = ((h[0] + h[2]).exp(), (h[1] - h[2]).exp());
            [p / (p + q), q / (p + q)]
        })
        .collect();
    let x = adaline_data::Tensor::from_rows(&rows).unwrap();
    for batch in [1, 3, 7, 100] {
        let y = m.predict(&x, batch).unwrap();
        assert_eq!(y.shape(), [7, 2]);
        assert!(y.as_f32().unwrap().iter().zip(&by_hand).all(|(a, b)| (a - b).abs() < 1e-6), "{y:?} {by_hand:?}");
    }
}

#[test]
fn a_fixed_batch_is_filled_up() {
    let mut graph = mlp();
    graph.input = vec![value("x", data_type::FLOAT, &[4, 2])];
    let (mut fixed, mut open) = (read(&model(graph)).unwrap(), read(&model(mlp())).unwrap());
    let x = adaline_data::Tensor::from_rows(&[[1.0, 2.0], [3.0, 4.0], [0.0, 1.0], [1.0, 1.0], [2.0, 0.5]]).unwrap();
    assert_eq!(fixed.predict(&x, 32).unwrap(), open.predict(&x, 32).unwrap());
}

#[test]
fn all_that_is_not_supported_is_named_at_once() {
    let mut graph = mlp();
    graph.node[1] = node("Magic", &["h"], &["r"], vec![]);
    graph.node[0].attribute.push(int("speed", 3));
    graph.node[3].domain = "com.example".into();
    graph.initializer[1].external_data = vec![proto::Entry { key: "location".into(), value: "/etc/passwd".into() }];
    graph.initializer[2].data_type = data_type::STRING;
    graph.output.push(proto::ValueInfo {
        name: "r".into(),
        r#type: Some(proto::Type { sequence_type: Some(proto::Other {}), ..Default::default() }),
    });
    assert_eq!(
        refused(graph),
        "the model uses what is not supported:\n  attribute `speed` of operator Gemm\n  operator Magic\n  operator Softmax of domain `com.example`\n  \
         sequences (value `r`)\n  tensors of string (initializer `v`)\n  values in another file (initializer `b`): save the model in one file\n\
         the operators are listed in docs/onnx.md"
    );
}

#[test]
fn what_breaks_the_format_is_said() {
    let mut order = mlp();
    order.node.swap(0, 1);
    assert_eq!(refused(order), "node 0 (Relu): its input `h` is read before it is made: the nodes are in a wrong order or form a circle");
    let mut circle = mlp();
    circle.node[0].input[0] = "z".into();
    assert!(refused(circle).contains("form a circle"));
    let mut missing = mlp();
    missing.node[0].input[0] = "nothing".into();
    assert_eq!(refused(missing), "node 0 (Gemm): its input `nothing` is nowhere made");
    let mut twice = mlp();
    twice.node[1].output[0] = "h".into();
    assert_eq!(refused(twice), "node 1 (Relu): its output `h` is made a second time");
    let mut output = mlp();
    output.output[0].name = "q".into();
    assert_eq!(refused(output), "output `q`: it is nowhere made");
    let mut short = mlp();
    short.initializer[0].dims = vec![1 << 40, 3];
    assert_eq!(refused(short), "initializer `w`: its shape [1099511627776, 3] has 3298534883328 elements, its data 6");
    let mut negative = mlp();
    negative.initializer[0].dims = vec![-2, -3];
    assert_eq!(refused(negative), "initializer `w`: sizes [-2, -3] are negative, too large, or more than 6");
    let mut odd = mlp();
    odd.initializer[0].raw_data = Some(vec![0; 23]);
    assert_eq!(refused(odd), "initializer `w`: 23 bytes are no whole number of float elements");
    let mut inputs = mlp();
    inputs.node[1].input.push("x".into());
    assert_eq!(refused(inputs), "node 1 (Relu): it takes 1 to 1 inputs, and has 2");
    assert!(read(b"not a model at all").unwrap_err().to_string().starts_with("this is no ONNX model: "));
    assert_eq!(read(b"").unwrap_err().to_string(), "model: it has no graph");
}

#[test]
fn inputs_that_do_not_fit_are_named() {
    let mut m = read(&model(mlp())).unwrap();
    let (x, long) = (OnnxTensor::f32(&[1, 2], vec![1.0, 2.0]).unwrap(), OnnxTensor::f32(&[1, 3], vec![0.0; 3]).unwrap());
    let number = OnnxTensor::i64(&[1, 2], vec![1, 2]).unwrap();
    let mut text = |inputs: &[(&str, &OnnxTensor)]| m.run(inputs).unwrap_err().to_string();
    assert_eq!(text(&[]), "input `x`: it is missing; the model's inputs are `x`");
    assert_eq!(text(&[("q", &x)]), "input `q`: the model has no such input; its inputs are `x`");
    assert_eq!(text(&[("x", &x), ("x", &x)]), "input `x`: it is given twice");
    assert_eq!(text(&[("x", &long)]), "input `x`: it expects the shape [batch, 2], got [1, 3]");
    assert_eq!(text(&[("x", &number)]), "input `x`: it expects float, got int64");
    assert!(OnnxTensor::f32(&[2], vec![1.0]).is_none());

    let mut wrong = mlp();
    wrong.initializer[2] = floats("v", &[2, 3], &[0.0; 6]);
    let text = read(&model(wrong)).unwrap().run(&[("x", &x)]).unwrap_err().to_string();
    assert!(text.starts_with("node 2 (MatMul): dot: the summed axes differ: 3 columns against 2 rows"), "{text}");
}

/// A graph from `x` by way of the nodes to `y`.
fn shaped(dims: &[i64], constants: Vec<proto::Tensor>, nodes: Vec<proto::Node>) -> proto::Graph {
    proto::Graph {
        input: vec![value("x", data_type::FLOAT, dims)],
        output: vec![proto::ValueInfo { name: "y".into(), r#type: None }],
        initializer: constants,
        node: nodes,
        ..Default::default()
    }
}

#[test]
fn shapes_are_computed_before_anything_runs() {
    // (B, 2, 3) to (B, 6) by the shape of the input, as exporters write it.
    let graph = shaped(
        &[-1, 2, 3],
        vec![ints("zero", &[0]), ints("rest", &[-1])],
        vec![
            node("Shape", &["x"], &["s"], vec![]),
            node("Gather", &["s", "zero"], &["b"], vec![int("axis", 0)]),
            node("Concat", &["b", "rest"], &["to"], vec![int("axis", 0)]),
            node("Reshape", &["x", "to"], &["y"], vec![]),
        ],
    );
    let mut m = read(&model(graph)).unwrap();
    for rows in [1, 4] {
        let x = OnnxTensor::f32(&[rows, 2, 3], (0..6 * rows).map(|v| v as f32).collect()).unwrap();
        let y = m.run(&[("x", &x)]).unwrap();
        assert_eq!((y[0].dims(), y[0].as_f32()), (&[rows, 6][..], x.as_f32()));
    }
}

#[test]
fn an_input_that_decides_a_shape_may_change() {
    let mut graph = shaped(&[6], vec![], vec![node("Reshape", &["x", "to"], &["y"], vec![])]);
    graph.input.push(value("to", data_type::INT64, &[2]));
    let mut m = read(&model(graph)).unwrap();
    let x = OnnxTensor::f32(&[6], vec![0.0; 6]).unwrap();
    for (to, dims) in [([2, -1], [2, 3]), ([3, 2], [3, 2]), ([-1, 1], [6, 1])] {
        let to = OnnxTensor::i64(&[2], to.to_vec()).unwrap();
        assert_eq!(m.run(&[("x", &x), ("to", &to)]).unwrap()[0].dims(), dims);
    }
    let to = OnnxTensor::i64(&[2], vec![4, 4]).unwrap();
    assert_eq!(m.run(&[("x", &x), ("to", &to)]).unwrap_err().to_string(), "node 0 (Reshape): the 6 elements of [6] cannot become [4, 4]");
}

#[test]
fn integers_divide_as_in_c_up_to_32_bits() {
    let mut graph = shaped(&[1], vec![], vec![node("Div", &["a", "b"], &["y"], vec![]), node("Mod", &["a", "b"], &["m"], vec![])]);
    graph.input = vec![value("a", data_type::INT32, &[-1]), value("b", data_type::INT32, &[-1])];
    graph.output.push(proto::ValueInfo { name: "m".into(), r#type: None });
    let mut m = read(&model(graph)).unwrap();
    let values = [1i64, 2, 3, 7, 10, 16_777_217, 1_000_003, 2_147_483_629, 2_147_483_647, 46_341];
    let pairs: Vec<(i64, i64)> =
        values.iter().flat_map(|&a| values.iter().flat_map(move |&b| [(a, b), (-a, b), (a, -b), (-a, -b), (0, b)])).collect();
    let line = |v: Vec<i64>| OnnxTensor::new(Kind::I32, &[v.len()], adaline_onnx::import::Elements::Int(v)).unwrap();
    let (a, b) = (line(pairs.iter().map(|p| p.0).collect()), line(pairs.iter().map(|p| p.1).collect()));
    let got = m.run(&[("a", &a), ("b", &b)]).unwrap();
    for (i, &(a, b)) in pairs.iter().enumerate() {
        assert_eq!(got[0].as_i64().unwrap()[i], a / b, "{a} / {b}");
        let floor = a.rem_euclid(b.abs()) + if b < 0 && a.rem_euclid(b.abs()) != 0 { b } else { 0 };
        assert_eq!(got[1].as_i64().unwrap()[i], floor, "{a} mod {b}");
    }
}

#[test]
fn integers_of_more_than_32_bits_are_refused_not_cut_off() {
    let graph = shaped(
        &[1],
        vec![ints("big", &[1 << 40, 1])],
        vec![node("Cast", &["x"], &["i"], vec![int("to", i64::from(data_type::INT64))]), node("Add", &["i", "big"], &["y"], vec![])],
    );
    let x = OnnxTensor::f32(&[1], vec![1.0]).unwrap();
    let text = read(&model(graph)).unwrap().run(&[("x", &x)]).unwrap_err().to_string();
    assert_eq!(text, "node 1 (Add): the constant 1099511627776 of int64 does not fit into 32 bits, in which integers are computed");
    let mut graph = shaped(&[1], vec![], vec![node("Neg", &["x"], &["y"], vec![])]);
    graph.input = vec![value("x", data_type::INT64, &[1])];
    let x = OnnxTensor::i64(&[1], vec![1 << 40]).unwrap();
    let text = read(&model(graph)).unwrap().run(&[("x", &x)]).unwrap_err().to_string();
    assert_eq!(text, "input `x`: the value 1099511627776 does not fit into 32 bits, in which integers are computed");
}

// Hostile files.

/// Reads, traces and, where that succeeds, runs nothing: that it neither panics nor takes long.
fn survives(bytes: &[u8]) {
    let begin = Instant::now();
    if let Ok(m) = read(bytes) {
        let dims: Vec<Vec<usize>> =
            m.inputs().iter().map(|i| i.dims.iter().flatten().map(|d| d.as_ref().copied().unwrap_or(2)).collect()).collect();
        let _ = m.trace_shapes(&dims);
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "{} bytes took {:?}", bytes.len(), begin.elapsed());
}

#[test]
fn files_that_are_cut_off_or_changed_by_a_bit_are_errors_at_worst() {
    let shapes = shaped(
        &[-1, 2, 3],
        vec![ints("start", &[0, 0]), ints("end", &[1, i64::MAX]), ints("axes", &[0, 2]), ints("pads", &[0, 1, 0, 1]), ints("two", &[2])],
        vec![
            node("Slice", &["x", "start", "end", "axes"], &["a"], vec![]),
            node("Squeeze", &["a"], &["b"], vec![]),
            node("Pad", &["b", "pads"], &["c"], vec![]),
            node("Unsqueeze", &["c", "two"], &["d"], vec![]),
            node(
                "MaxPool",
                &["d"],
                &["e"],
                vec![proto::Attribute { ints: vec![2], r#type: attribute_type::INTS, ..attribute("kernel_shape") }],
            ),
            node("TopK", &["c", "two"], &["y", "at"], vec![]),
        ],
    );
    for bytes in [model(mlp()), model(shapes)] {
        for end in 0..bytes.len() {
            survives(&bytes[..end]);
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                survives(&changed);
            }
        }
    }
    memory_stays_small();
}

/// The most memory that this process ever had, where the system tells.
fn memory_stays_small() {
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
        let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib < 200 << 10, "{kib} KiB");
    }
}

#[test]
fn absurd_sizes_and_depths_are_refused_soon() {
    let begin = Instant::now();
    let x = || OnnxTensor::f32(&[2], vec![0.0; 2]).unwrap();
    let fails = |graph: proto::Graph| match read(&model(graph)) {
        Ok(mut m) => m.run(&[("x", &x())]).expect_err("it must not run").to_string(),
        Err(e) => e.to_string(),
    };
    let with = |v: &[i64], op: &str| fails(shaped(&[2], vec![ints("n", v)], vec![node(op, &["x", "n"], &["y"], vec![])]));
    for (v, op) in [
        (&[1 << 40, 2][..], "Expand"),
        (&[1 << 62, 1 << 62][..], "Expand"),
        (&[1, 1, 1, 1, 1, 1, 2][..], "Expand"),
        (&[1 << 40][..], "Tile"),
        (&[1 << 40, 1 << 40][..], "Pad"),
        (&[i64::MIN, i64::MAX][..], "Pad"),
        (&[1 << 50, -1][..], "Reshape"),
        (&[i64::MAX][..], "Unsqueeze"),
        (&[i64::MAX][..], "TopK"),
    ] {
        let text = with(v, op);
        assert!(text.contains(op) || text.contains("Limits"), "{op}: {text}");
    }
    let huge = shaped(&[2], vec![ints("n", &[1 << 34])], vec![node("ConstantOfShape", &["n"], &["y"], vec![])]);
    assert!(fails(huge).contains("raise `Limits::elements`"));
    let scalars = |v: [i64; 3]| v.iter().enumerate().map(|(i, &v)| proto::Tensor { dims: vec![], ..ints(&i.to_string(), &[v]) }).collect();
    let range = shaped(&[2], scalars([0, 1 << 50, 1]), vec![node("Range", &["0", "1", "2"], &["y"], vec![])]);
    assert!(fails(range).contains("has too many numbers"));

    // A loop without an end, and one of many rounds within another.
    let body = |nodes: Vec<proto::Node>| proto::Graph {
        input: ["i", "go", "v"].map(|n| proto::ValueInfo { name: n.into(), r#type: None }).to_vec(),
        output: ["go_on", "w"].map(|n| proto::ValueInfo { name: n.into(), r#type: None }).to_vec(),
        node: [vec![node("Identity", &["go"], &["go_on"], vec![])], nodes].concat(),
        ..Default::default()
    };
    let add = node("Add", &["v", "v"], &["w"], vec![]);
    let endless = node("Loop", &["", "", "x"], &["y"], vec![inner("body", body(vec![add.clone()]))]);
    assert!(fails(shaped(&[2], vec![], vec![endless])).contains("unrolled"));
    let within = node("Loop", &["n", "", "v"], &["w"], vec![inner("body", body(vec![add]))]);
    let nested = node("Loop", &["n", "", "x"], &["y"], vec![inner("body", body(vec![within]))]);
    let number = proto::Tensor { dims: vec![], ..ints("n", &[1 << 30]) };
    assert!(fails(shaped(&[2], vec![number], vec![nested])).contains("unrolled"));

    // Graphs within graphs.
    let mut deep = proto::Graph { output: vec![proto::ValueInfo { name: "x".into(), r#type: None }], ..Default::default() };
    for _ in 0..20 {
        let branch = node("If", &["x"], &["z"], vec![inner("then_branch", deep)]);
        deep = proto::Graph { node: vec![branch], output: vec![proto::ValueInfo { name: "z".into(), r#type: None }], ..Default::default() };
    }
    assert!(fails(deep).contains("graphs within graphs lie too deep: 5, of which at most 4 are allowed"));

    // Two bytes for a node that takes hundreds: nodes without anything, a million of them.
    let nodes = shaped(&[2], vec![], vec![proto::Node::default(); 1 << 20]);
    assert!(fails(nodes).contains("bytes that nodes, attributes and names take"));
    let names = shaped(&[2], vec![], vec![node("Sum", &vec![""; 1 << 20], &["y"], vec![])]);
    assert!(fails(names).contains("bytes that nodes, attributes and names take"));
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
    memory_stays_small();
}

#[test]
fn the_page_lists_all_operators() {
    let page = include_str!("../../../docs/onnx.md");
    let listed: Vec<&str> =
        page.split_once("### Operators").unwrap().1.split([',', '.']).map(str::trim).filter(|s| !s.is_empty()).collect();
    assert_eq!(listed, adaline_onnx::import::operators().collect::<Vec<_>>());
}
