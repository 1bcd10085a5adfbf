//! A whole training step: few kernels, the reference's values, the same bits whatever the threads and the instruction set.

mod common;

use adaline_cpu::Cpu;
use adaline_cpu::simd::Isa;
use adaline_graph::backend::{Backend, CompileOptions, Executable};
use adaline_graph::reference::Reference;
use adaline_graph::{Role, StateStore};
use common::{Net, Sizes, net};

const SMALL: Sizes = Sizes { batch: 32, inputs: 20, hidden: 32, classes: 10 };
const LARGE: Sizes = Sizes { batch: 96, inputs: 300, hidden: 257, classes: 11 };

/// 20 steps from the beginning: the losses and the final state.
fn train(backend: &dyn Backend, net: &Net, options: &CompileOptions, steps: usize) -> (Vec<f32>, StateStore) {
    let mut store = net.store.clone();
    let plan = backend.compile(&net.graph, store.layout(), options).unwrap();
    let mut session = plan.session();
    let mut losses = Vec::new();
    for step in 0..steps {
        session.run(&net.inputs(&[step as f32 + 1.0], &[0.01]), &mut store).unwrap();
        losses.push(session.output(0).f32().unwrap()[0]);
    }
    (losses, store)
}

fn bits(store: &StateStore) -> Vec<&[u32]> {
    Role::ALL.iter().map(|r| store.arena(*r)).collect()
}

#[test]
fn training_follows_the_reference() {
    let net = net(SMALL);
    let (expected, a) = train(&Reference::default(), &net, &CompileOptions::default(), 20);
    let (got, b) = train(&Cpu::new().threads(1), &net, &CompileOptions::default(), 20);
    assert!(got[19] < got[0] * 0.8, "{got:?}");
    for (e, g) in expected.iter().zip(&got) {
        assert!((e - g).abs() < 1e-4 * e.abs().max(1.0), "{expected:?}\n{got:?}");
    }
    for (slot, s) in a.layout().iter() {
        for (x, y) in a.f32(slot).iter().zip(b.f32(slot)) {
            assert!((x - y).abs() < 2e-3 * x.abs().max(0.1), "{}: {x} {y}", s.name);
        }
    }
}

#[test]
fn neither_threads_nor_instruction_set_change_a_bit() {
    for sizes in [SMALL, LARGE] {
        let net = net(sizes);
        let (losses, first) = train(&Cpu::new().threads(1), &net, &CompileOptions::default(), 20);
        for threads in [2, 3, 7] {
            let (l, s) = train(&Cpu::new().threads(threads), &net, &CompileOptions::default(), 20);
            assert!(losses == l && bits(&first) == bits(&s), "{threads} threads");
        }
        for isa in Isa::available() {
            let (l, s) = train(&Cpu::new().threads(1).isa(isa), &net, &CompileOptions::default(), 20);
            assert!(losses == l && bits(&first) == bits(&s), "{isa}");
        }
    }
}

#[test]
fn every_pass_can_be_left_out() {
    let net = net(SMALL);
    let (expected, _) = train(&Cpu::new().threads(1), &net, &CompileOptions::default(), 10);
    for pass in ["simplify", "fold", "fuse", "epilogue", "rows", "columns", "reuse", "inplace", "named", "bf16"] {
        let options = CompileOptions { disabled: vec![pass.into()], ..CompileOptions::default() };
        let (got, _) = train(&Cpu::new().threads(2), &net, &options, 10);
        for (e, g) in expected.iter().zip(&got) {
            assert!((e - g).abs() < 1e-4, "without {pass}: {expected:?} {got:?}");
        }
    }
    for block in [1, 7, 128, 512] {
        let options = CompileOptions { block: Some(block), ..CompileOptions::default() };
        let (got, _) = train(&Cpu::new().threads(2), &net, &options, 10);
        for (e, g) in expected.iter().zip(&got) {
            assert!((e - g).abs() < 1e-4, "blocks of {block}: {expected:?} {got:?}");
        }
    }
}

#[test]
fn the_plan_is_small() {
    let net = net(SMALL);
    let report = Cpu::new().compile_plan(&net.graph, net.store.layout(), &CompileOptions::default()).unwrap().report();
    let text = report.to_string();
    let kernels: Vec<&str> = report.steps.iter().map(|s| s.kernel.as_str()).collect();
    // Two products forward, three backward (the first layer's input needs no gradient).
    assert_eq!(kernels.iter().filter(|k| k.starts_with("gemm")).count(), 5, "{text}");
    // Softmax, cross-entropy, metrics and their gradient in one pass over the logits.
    assert_eq!(kernels.iter().filter(|k| k.starts_with("rows")).count(), 1, "{text}");
    // Weights are updated by the products that make their gradients.
    let updates: Vec<&str> = report.steps.iter().filter(|s| s.place.contains("/kernel")).map(|s| s.kernel.as_str()).collect();
    assert!(updates.len() == 2 && updates.iter().all(|k| k.starts_with("gemm")), "{text}");
    assert!(report.steps.iter().all(|s| s.kernel != "copy"), "{text}");
    assert!(report.steps.len() <= 9, "{text}");
    assert!(report.arena_bytes <= report.live_bytes * 11 / 10 + 256, "{text}");
}
