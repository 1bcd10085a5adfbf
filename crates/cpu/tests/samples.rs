//! Plans against the reference evaluator: every sample, random graphs, every pass left out in turn, odd block sizes.

use adaline_cpu::Cpu;
use adaline_cpu::simd::Isa;
use adaline_graph::backend::{Backend, CompileOptions, TensorRef};
use adaline_graph::eval::Value;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, ConvSpec, DType, Shape, SlotId, StateStore, TensorType, WindowSpec, dropout_mask};
use adaline_testkit::Rng;
use adaline_testkit::compare::{Tolerance, compare, store_for};
use adaline_testkit::random::{Options, random_graph};
use adaline_testkit::samples::{Sample, samples};

fn matrix() -> Vec<CompileOptions> {
    let mut all = vec![CompileOptions::default()];
    for pass in [
        "simplify", "fold", "fuse", "epilogue", "rows", "columns", "reuse", "inplace", "named", "conv", "winograd", "pool", "bf16", "scan",
        "parts", "sums",
    ] {
        all.push(CompileOptions { disabled: vec![pass.into()], ..CompileOptions::default() });
    }
    for block in [1, 7, 128, 512] {
        all.push(CompileOptions { block: Some(block), ..CompileOptions::default() });
    }
    all
}

fn check(cpu: &Cpu, s: &Sample, options: &CompileOptions, failures: &mut Vec<String>) {
    if let Err(e) = compare(cpu, &s.graph, &s.inputs, &s.state, options, &Tolerance::default()) {
        failures.push(format!("{} ({:?}, block {:?}): {e}", s.name, options.disabled, options.block));
    }
}

fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures[..failures.len().min(20)].join("\n"));
}

#[test]
fn every_sample_agrees_with_the_reference() {
    let cpu = Cpu::new().threads(2);
    let mut failures = Vec::new();
    for s in samples() {
        for options in matrix() {
            check(&cpu, &s, &options, &mut failures);
        }
    }
    report(&failures);
}

#[test]
fn random_graphs_agree_with_the_reference() {
    let cpu = Cpu::new().threads(2);
    let mut failures = Vec::new();
    let matrix = matrix();
    for seed in 0..300 {
        let s = random_graph(seed, Options { smooth: false, train: seed % 2 == 0 });
        check(&cpu, &s, &matrix[0], &mut failures);
        check(&cpu, &s, &matrix[1 + seed as usize % (matrix.len() - 1)], &mut failures);
    }
    report(&failures);
}

/// Sizes at which regions fall into many tasks with partial sums.
fn large() -> Vec<Sample> {
    let mut out = Vec::new();
    for (rows, cols) in [(3000, 40), (70, 1500), (5, 40_000), (100_000, 1), (1, 80_000)] {
        let mut rng = Rng::new(rows as u64);
        let b = Builder::new();
        let (x, bias) = (b.input("x", TensorType::f32([rows, cols])), b.input("bias", TensorType::f32([cols])));
        let y = (x + bias).tanh();
        b.output("columns", y.mean(&[0], false).exp());
        b.output("total", y.square().sum(&[], false) * 0.5);
        b.output("largest", (x * 2.0).max(&[], false));
        b.output("rows", y.softmax(-1).log().sum(&[-1], false));
        b.output("first", y.argmax(-1));
        b.output("middle", x.reshape([rows, cols / cols.min(4), cols.min(4)]).sum(&[1], false));
        b.output("turned", (y.transpose(&[1, 0]) + 1.0).sum(&[-1], false));
        let inputs = vec![rng.value(TensorType::f32([rows, cols])), rng.value(TensorType::f32([cols]))];
        out.push(Sample { name: format!("large {rows}x{cols}"), graph: b.finish().unwrap(), inputs, state: Vec::new() });
    }
    out.push(spatial());
    out
}

/// Convolutions, windows and look-ups of many tasks, with their gradients.
fn spatial() -> Sample {
    let mut rng = Rng::new(12);
    let b = Builder::new();
    let types = [TensorType::f32([3, 20, 20, 6]), TensorType::f32([3, 3, 6, 32]), TensorType::f32([400, 32])];
    let mut inputs: Vec<Value> = types.iter().map(|&ty| rng.value(ty)).collect();
    let [x, kernel, table] = std::array::from_fn(|i| b.input(&format!("x{i}"), types[i]));
    let indices: Vec<i32> = (0..1200).map(|_| rng.below(400) as i32).collect();
    inputs.push(Value::i32([3, 20, 20], &indices));
    let at = b.input("at", TensorType::i32([3, 20, 20]));
    let y = x.conv(kernel, ConvSpec::same(&[20, 20], &[3, 3], &[1, 1], &[1, 1])) + table.take(at);
    let pooled = y.max_pool(WindowSpec::same(&[20, 20], &[3, 3], &[2, 2])).average_pool(WindowSpec::same(&[10, 10], &[3, 3], &[1, 1]));
    b.output("pooled", pooled);
    let loss = pooled.square().sum(&[], false);
    let grads = b.with_graph(|g| gradients(g, loss.id(), &[x.id(), kernel.id(), table.id()])).unwrap();
    for (i, dx) in grads.into_iter().enumerate() {
        b.output(&format!("d{i}"), b.var(dx));
    }
    Sample { name: "spatial".into(), graph: b.finish().unwrap(), inputs, state: Vec::new() }
}

/// A product so wide that its epilogue sees boxes out of it, with every kind of operand: bias, one number for each row, transposed, a scalar,
/// random numbers, a slot updated in place.
fn wide() -> Sample {
    let mut rng = Rng::new(9);
    let b = Builder::new();
    let types = [
        TensorType::f32([70, 40]),
        TensorType::f32([40, 600]),
        TensorType::f32([600]),
        TensorType::f32([70, 1]),
        TensorType::f32([600, 70]),
        TensorType::f32(Shape::SCALAR),
    ];
    let mut inputs: Vec<Value> = types.iter().map(|&ty| rng.value(ty)).collect();
    let [x, w, bias, row, turned, scale] = std::array::from_fn(|i| b.input(&format!("x{i}"), types[i]));
    let (seed, step) = (b.input("seed", TensorType::i32([2])), b.input("step", TensorType::i32(Shape::SCALAR)));
    inputs.extend([Value::i32([2], &[3, 4]), Value::i32(Shape::SCALAR, &[5])]);
    let ty = TensorType::f32([70, 600]);
    let product = x.matmul(w);
    let mask = dropout_mask(&b, 0.25, 11, ty.shape, seed, step);
    let y = (product + bias).relu() * mask;
    b.output("y", y * scale);
    let m = b.state(SlotId(0), "m", ty);
    b.update(SlotId(0), m * 0.9 + (y * row + turned.transpose(&[1, 0])) * 0.1);
    Sample { name: "wide".into(), state: vec![(SlotId(0), rng.value(ty))], graph: b.finish().unwrap(), inputs }
}

#[test]
fn epilogues_of_wide_products_agree_with_the_reference() {
    let (s, mut failures) = (wide(), Vec::new());
    for options in matrix() {
        check(&Cpu::new().threads(2), &s, &options, &mut failures);
    }
    report(&failures);
    let plan = Cpu::new().compile(&s.graph, store_for(&s.graph, &s.state).layout(), &CompileOptions::default()).unwrap();
    assert_eq!(plan.report().steps.len(), 1, "{}", plan.report());
}

/// Products of bfloat16 values, large enough for instructions made for them, in the three forms of a training step.
fn rounded() -> Sample {
    let mut rng = Rng::new(11);
    let b = Builder::new();
    let types = [TensorType::f32([70, 90]), TensorType::f32([90, 75]), TensorType::f32([70, 75])];
    let [x, w, g] = std::array::from_fn(|i| b.input(&format!("x{i}"), types[i]).bf16());
    b.output("forward", x.matmul(w).relu());
    b.output("dx", g.dot(w, false, true));
    b.output("dw", x.dot(g, true, false) * 0.5);
    let inputs = types.iter().map(|&ty| rng.value(ty)).collect();
    Sample { name: "rounded".into(), graph: b.finish().unwrap(), inputs, state: Vec::new() }
}

#[test]
fn products_of_bfloat16_agree_with_the_reference() {
    let (s, mut failures) = (rounded(), Vec::new());
    for options in matrix() {
        check(&Cpu::new().threads(2), &s, &options, &mut failures);
    }
    report(&failures);
}

#[test]
fn partial_sums_agree_with_the_reference() {
    let cpu = Cpu::new().threads(3);
    let mut failures = Vec::new();
    for s in large() {
        for pass in ["", "fuse", "rows", "columns"] {
            check(&cpu, &s, &CompileOptions { disabled: vec![pass.into()], ..CompileOptions::default() }, &mut failures);
        }
    }
    report(&failures);
}

#[test]
fn partial_sums_have_the_same_bits_on_any_threads_and_instruction_set() {
    let run = |s: &Sample, cpu: Cpu| -> Vec<Vec<u32>> {
        let store = StateStore::new();
        let plan = cpu.compile(&s.graph, store.layout(), &CompileOptions::default()).unwrap();
        let mut session = plan.session();
        let values: Vec<(Vec<f32>, Vec<i32>)> = s.inputs.iter().map(|v| (v.to_f32(), v.to_i32())).collect();
        let tensors = s.inputs.iter().zip(&values).map(|(v, (floats, ints))| match v.ty.dtype {
            DType::I32 => TensorRef::I32(ints),
            DType::F32 | DType::Bool => TensorRef::F32(floats),
        });
        session.run_frozen(&tensors.collect::<Vec<_>>(), &store).unwrap();
        (0..s.graph.outputs().values.len()).map(|i| session.output(i).words().to_vec()).collect()
    };
    for s in large() {
        let first = run(&s, Cpu::new().threads(1));
        for threads in [2, 3, 7] {
            assert!(first == run(&s, Cpu::new().threads(threads)), "{}: {threads} threads", s.name);
        }
        for isa in Isa::available() {
            assert!(first == run(&s, Cpu::new().threads(2).isa(isa)), "{}: {isa}", s.name);
        }
    }
}
