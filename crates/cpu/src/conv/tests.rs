//! Convolutions as products against convolutions as they are defined, to the bit.

use crate::Cpu;
use crate::plan::Kernel;
use crate::simd::Isa;
use adaline_graph::backend::{CompileOptions, Session, TensorRef};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, ConvSpec, StateStore, TensorType};

/// Plain sums only.
const PLAIN: &[&str] = &["winograd"];

/// Result and both gradients of one convolution.
fn bits(x: &[usize], kernel: &[usize], spec: ConvSpec, cpu: &Cpu, disabled: &[&str]) -> Vec<u32> {
    let b = Builder::new();
    let (vx, vk) = (b.input("x", TensorType::f32(x)), b.input("kernel", TensorType::f32(kernel)));
    let y = vx.conv(vk, spec);
    let weight = b.input("weight", TensorType::f32(y.shape()));
    // 2 B S'.. K.. C O for the result and for each gradient, however it is made: strides and borders cost nothing.
    let flops = 2 * y.shape().len() as u64 * kernel[..kernel.len() - 1].iter().product::<usize>() as u64;
    let loss = (y * weight).sum(&[], false);
    let grads = b.with_graph(|g| gradients(g, loss.id(), &[vx.id(), vk.id()])).unwrap();
    b.output("y", y);
    b.output("dx", b.var(grads[0]));
    b.output("dkernel", b.var(grads[1]));
    let graph = b.finish().unwrap();
    let values = |n: usize, seed: usize| -> Vec<f32> { (0..n).map(|i| ((i * 7919 + seed * 31) % 997) as f32 / 500.0 - 0.9973).collect() };
    let data: Vec<Vec<f32>> = graph.inputs().iter().enumerate().map(|(i, d)| values(d.ty.len(), i)).collect();
    let inputs: Vec<TensorRef<'_>> = data.iter().map(|v| TensorRef::F32(v)).collect();
    let products = !disabled.contains(&"conv");
    let disabled = disabled.iter().map(ToString::to_string).collect();
    let state = StateStore::new();
    let plan = cpu.compile_plan(&graph, state.layout(), &CompileOptions { disabled, ..CompileOptions::default() }).unwrap();
    let found: Vec<u64> =
        plan.plan.steps.iter().filter_map(|s| if let Kernel::Conv(c) = &s.kernel { Some(c.flops()) } else { None }).collect();
    assert_eq!(found, if products { vec![flops; 3] } else { vec![] }, "{x:?} {kernel:?}");
    let mut session = plan.cpu_session();
    session.run_frozen(&inputs, &state).unwrap();
    (0..3).flat_map(|o| session.output(o).f32().unwrap().iter().map(|v| (v + 0.0).to_bits()).collect::<Vec<_>>()).collect()
}

#[test]
fn as_products_convolutions_keep_every_bit() {
    let plain = ConvSpec::default();
    let same = |x: &[usize], k: &[usize], s: &[usize], d: &[usize]| ConvSpec::same(x, k, s, d);
    let cases: Vec<(Vec<usize>, Vec<usize>, ConvSpec)> = vec![
        (vec![2, 7, 6, 3], vec![3, 3, 3, 5], plain),
        (vec![3, 9, 8, 1], vec![3, 3, 1, 33], same(&[9, 8], &[3, 3], &[1, 1], &[1, 1])),
        (vec![2, 9, 11, 4], vec![3, 2, 4, 17], same(&[9, 11], &[3, 2], &[2, 3], &[1, 1])),
        (vec![1, 12, 13, 2], vec![3, 3, 2, 4], same(&[12, 13], &[3, 3], &[1, 1], &[2, 3])),
        (vec![2, 10, 3], vec![4, 3, 6], ConvSpec::causal(4, 1, 2)),
        (vec![1, 4, 5, 6, 2], vec![2, 3, 2, 2, 7], same(&[4, 5, 6], &[2, 3, 2], &[1, 2, 1], &[1, 1, 1])),
        (vec![2, 5, 5, 8], vec![1, 1, 8, 16], plain),
        // Sums in several blocks, several tasks along rows and columns.
        (vec![9, 14, 14, 40], vec![3, 3, 40, 150], same(&[14, 14], &[3, 3], &[1, 1], &[1, 1])),
    ];
    for (x, kernel, spec) in cases {
        let defined = bits(&x, &kernel, spec, &Cpu::new().threads(1), &["conv"]);
        for isa in Isa::available() {
            for threads in [1, 2, 3, 7] {
                let found = bits(&x, &kernel, spec, &Cpu::new().threads(threads).isa(isa), PLAIN);
                assert!(found == defined, "{x:?} {kernel:?} {spec:?} on {threads} threads, {isa}");
            }
        }
    }
}

/// Where sums are made in parts, or from what results send back, they are near the defined ones, and the same bits everywhere.
#[test]
fn sums_in_parts_do_not_depend_on_threads() {
    let same = |x: &[usize], k: &[usize], s: &[usize]| ConvSpec::same(x, k, s, &[1, 1]);
    let cases: Vec<(Vec<usize>, Vec<usize>, ConvSpec)> = vec![
        // Parts of the kernel's gradient: long sums of few rows.
        (vec![20, 28, 28, 1], vec![3, 3, 1, 32], ConvSpec::default()),
        (vec![24, 15, 14, 5], vec![3, 3, 5, 19], same(&[15, 14], &[3, 3], &[1, 1])),
        // What results send back: not padded, with strides, dilated, rows of results in several pieces.
        (vec![5, 9, 9, 8], vec![3, 3, 8, 32], ConvSpec::default()),
        (vec![4, 13, 11, 12], vec![3, 2, 12, 40], same(&[13, 11], &[3, 2], &[2, 3])),
        (vec![4, 30, 31, 20], vec![5, 5, 20, 33], ConvSpec::valid(&[1, 1], &[2, 1])),
    ];
    for (x, kernel, spec) in cases {
        let defined = bits(&x, &kernel, spec, &Cpu::new().threads(1), &["conv"]);
        let first = bits(&x, &kernel, spec, &Cpu::new().threads(1), PLAIN);
        let value = |b: &u32| f64::from(f32::from_bits(*b));
        let most = defined.iter().map(|b| value(b).abs()).fold(1.0, f64::max);
        assert_ne!(first, defined, "{x:?} {kernel:?}: this case is for another order of the sums");
        for (at, (a, b)) in first.iter().zip(&defined).enumerate() {
            assert!((value(a) - value(b)).abs() <= 1e-5 * most, "{x:?} {kernel:?} {spec:?} at {at}: {} and {}", value(a), value(b));
        }
        for isa in Isa::available() {
            for threads in [1, 2, 3, 7] {
                let found = bits(&x, &kernel, spec, &Cpu::new().threads(threads).isa(isa), PLAIN);
                assert!(found == first, "{x:?} {kernel:?} {spec:?} on {threads} threads, {isa}");
            }
        }
    }
}

/// Two layers with bias and rectifier, their result and the gradient of the input, with or without epilogues.
fn layers(x: &[usize], first: &[usize], second: &[usize], cpu: &Cpu, disabled: &[&str]) -> (usize, Vec<u32>) {
    let b = Builder::new();
    let vx = b.input("x", TensorType::f32(x));
    let mut y = vx;
    for (name, kernel) in [("first", first), ("second", second)] {
        let k = b.input(&format!("{name}/kernel"), TensorType::f32(kernel));
        let bias = b.input(&format!("{name}/bias"), TensorType::f32([kernel[3]]));
        y = (y.conv(k, ConvSpec::default()) + bias).relu();
    }
    let loss = (y * y).sum(&[], false);
    let grads = b.with_graph(|g| gradients(g, loss.id(), &[vx.id()])).unwrap();
    b.output("y", y);
    b.output("dx", b.var(grads[0]));
    let graph = b.finish().unwrap();
    let values = |n: usize, seed: usize| -> Vec<f32> { (0..n).map(|i| ((i * 7919 + seed * 31) % 997) as f32 / 500.0 - 0.9973).collect() };
    let data: Vec<Vec<f32>> = graph.inputs().iter().enumerate().map(|(i, d)| values(d.ty.len(), i)).collect();
    let inputs: Vec<TensorRef<'_>> = data.iter().map(|v| TensorRef::F32(v)).collect();
    let state = StateStore::new();
    let disabled = disabled.iter().map(ToString::to_string).collect();
    let plan = cpu.compile_plan(&graph, state.layout(), &CompileOptions { disabled, ..CompileOptions::default() }).unwrap();
    let ends = plan.plan.steps.iter().filter(|s| matches!(&s.kernel, Kernel::Conv(c) if c.epilogue().is_some())).count();
    let mut session = plan.cpu_session();
    session.run_frozen(&inputs, &state).unwrap();
    (ends, (0..2).flat_map(|o| session.output(o).f32().unwrap().iter().map(|v| (v + 0.0).to_bits()).collect::<Vec<_>>()).collect())
}

#[test]
fn what_follows_a_convolution_is_done_while_it_is_at_hand() {
    // Results cut along rows and columns; gradients of patches, and of what results send back.
    let cases = [
        ([3, 7, 6, 2], [3, 2, 2, 5], [2, 3, 5, 3]),
        ([5, 11, 10, 3], [3, 3, 3, 150], [3, 3, 150, 33]),
        ([4, 9, 9, 8], [3, 3, 8, 32], [3, 3, 32, 40]),
    ];
    for ((x, first, second), passes) in cases.iter().flat_map(|c| [(c, PLAIN), (c, &[])]) {
        let without = [passes, &["epilogue"]].concat();
        let (none, apart) = layers(x, first, second, &Cpu::new().threads(1), &without);
        assert_eq!(none, 0);
        for isa in Isa::available() {
            for threads in [1, 2, 5] {
                let (ends, found) = layers(x, first, second, &Cpu::new().threads(threads).isa(isa), passes);
                // Both layers forward, and the derivative of the first rectifier on the way back.
                assert_eq!(ends, 3, "{x:?} {first:?} {second:?}");
                assert!(found == apart, "{x:?} {first:?} {second:?} on {threads} threads, {isa}");
            }
        }
        let (none, defined) = layers(x, first, second, &Cpu::new().threads(1), &["conv"]);
        assert_eq!(none, 0);
        let value = |b: &u32| f64::from(f32::from_bits(*b));
        let most = defined.iter().map(|b| value(b).abs()).fold(1.0, f64::max);
        assert!(apart.iter().zip(&defined).all(|(a, b)| (value(a) - value(b)).abs() <= 1e-5 * most), "{x:?}");
    }
}

/// With fewer multiplications results are as near to the defined ones as plain sums are, give or take, and the same bits everywhere.
#[test]
fn tiles_of_four_by_four_are_near_and_do_not_depend_on_threads() {
    let same = |x: &[usize]| ConvSpec::same(x, &[3, 3], &[1, 1], &[1, 1]);
    let mut full = ConvSpec::default();
    (full.before, full.after) = ([2, 2, 0], [2, 2, 0]);
    let cases: Vec<(Vec<usize>, Vec<usize>, ConvSpec)> = vec![
        (vec![3, 14, 18, 16], vec![3, 3, 16, 24], ConvSpec::default()),
        (vec![4, 11, 13, 17], vec![3, 3, 17, 35], same(&[11, 13])),
        (vec![9, 12, 8, 40], vec![3, 3, 40, 16], full),
        // Parts of the kernel's gradient, several blocks of each, several panels of columns.
        (vec![40, 16, 16, 33], vec![3, 3, 33, 50], same(&[16, 16])),
    ];
    for (x, kernel, spec) in cases {
        let defined = bits(&x, &kernel, spec, &Cpu::new().threads(1), &["conv"]);
        let plain = bits(&x, &kernel, spec, &Cpu::new().threads(1), PLAIN);
        let first = bits(&x, &kernel, spec, &Cpu::new().threads(1), &[]);
        let value = |b: &u32| f64::from(f32::from_bits(*b));
        // Result, gradient of the input, gradient of the kernel: each has its own size.
        let y = first.len() - x.iter().product::<usize>() - kernel.iter().product::<usize>();
        let mut at = 0;
        for (what, n) in [("y", y), ("dx", x.iter().product()), ("dkernel", kernel.iter().product())] {
            let most = defined[at..at + n].iter().map(|b| value(b).abs()).fold(0.0, f64::max);
            assert!(first[at..at + n] != plain[at..at + n], "{x:?} {kernel:?} {what}: this case is for tiles");
            for i in at..at + n {
                let error = (value(&first[i]) - value(&defined[i])).abs() / most;
                assert!(error <= 1e-5, "{x:?} {kernel:?} {spec:?} {what} at {}: off by {error} of the largest", i - at);
            }
            at += n;
        }
        for isa in Isa::available() {
            for threads in [1, 2, 3, 7] {
                let found = bits(&x, &kernel, spec, &Cpu::new().threads(threads).isa(isa), &[]);
                assert!(found == first, "{x:?} {kernel:?} {spec:?} on {threads} threads, {isa}");
            }
        }
    }
}
