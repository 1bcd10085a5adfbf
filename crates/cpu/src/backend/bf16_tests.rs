//! Training steps in `mixed_bfloat16`, their products by pairs and one by one.

use super::*;
use crate::gemm::{GemmPlan, GemmSpec};
use adaline_graph::backend::TensorRef;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, Role, StateStore, TensorType};

const ROWS: usize = 70;
const WIDTHS: [usize; 4] = [90, 130, 67, 16];

struct Net {
    graph: Graph,
    store: StateStore,
    x: Vec<f32>,
    y: Vec<f32>,
}

fn noise(seed: u32, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2654435761).wrapping_add(99);
    let mut next = || {
        state = state.wrapping_mul(1664525).wrapping_add(1013904223);
        (state >> 8) as f32 / 8388608.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// Dense layers as the policy computes them, squared error, gradient descent.
fn net() -> Net {
    let (b, mut store) = (Builder::new(), StateStore::new());
    let x = b.input("x", TensorType::f32([ROWS, WIDTHS[0]]));
    let y = b.input("y", TensorType::f32([ROWS, WIDTHS[3]]));
    let (mut h, mut weights) = (x, Vec::new());
    for (i, pair) in WIDTHS.windows(2).enumerate() {
        for (name, ty) in [("kernel", TensorType::f32([pair[0], pair[1]])), ("bias", TensorType::f32([pair[1]]))] {
            let name = format!("{name}{i}");
            let slot = store.add(&name, Role::Trainable, ty);
            if name.starts_with("kernel") {
                let scale = (3.0 / pair[0] as f32).sqrt();
                let values = noise(i as u32, ty.len());
                store.f32_mut(slot).iter_mut().zip(values).for_each(|(w, v)| *w = scale * v);
            }
            weights.push((slot, b.state(slot, &name, ty)));
        }
        let [.., (_, kernel), (_, bias)] = weights[..] else { unreachable!() };
        let z = (h.bf16().matmul(kernel.bf16()).bf16() + bias.bf16()).bf16();
        h = if i + 2 < WIDTHS.len() { z.relu() } else { z };
    }
    let loss = (h - y).square().mean(&[], false);
    b.output("loss", loss);
    let wrt: Vec<_> = weights.iter().map(|w| w.1.id()).collect();
    let grads = b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap();
    for ((slot, value), g) in weights.iter().zip(grads) {
        b.update(*slot, *value - b.var(g) * 0.1);
    }
    Net { graph: b.finish().unwrap(), store, x: noise(50, ROWS * WIDTHS[0]), y: noise(51, ROWS * WIDTHS[3]) }
}

type Lowered = fn(fuse::Fused, &StateLayout, &CompileOptions, Isa) -> Result<Plan, CompileError>;

/// 8 steps: the losses, the weights, and how many products go by pairs.
fn train(net: &Net, lowered: Lowered, off: &[&str], isa: Isa, threads: usize) -> (Vec<f32>, Vec<u32>, usize) {
    let options = CompileOptions { disabled: off.iter().map(|&s| s.into()).collect(), ..CompileOptions::default() };
    let mut store = net.store.clone();
    let fused = fuse::fuse(&pass::pipeline(&net.graph, &options).unwrap(), &options).unwrap();
    let plan = lowered(fused, store.layout(), &options, isa).unwrap();
    verify::verify(&plan, store.layout()).unwrap();
    let pairs = plan.report().steps.iter().filter(|s| s.kernel.starts_with("gemm bf16")).count();
    let mut session = CpuSession::new(Arc::new(plan), Arc::new(Pool::new(threads)), isa);
    let mut losses = Vec::new();
    for _ in 0..8 {
        session.run(&[TensorRef::F32(&net.x), TensorRef::F32(&net.y)], &mut store).unwrap();
        losses.push(session.output(0).f32().unwrap()[0]);
    }
    (losses, store.arena(Role::Trainable).to_vec(), pairs)
}

/// Where one sum differs in its last bits, its rounding to bfloat16 may fall to the other side: one unit, 2⁻⁸, of one value among many.
fn near(a: &(Vec<f32>, Vec<u32>, usize), b: &(Vec<f32>, Vec<u32>, usize)) {
    for (x, y) in a.0.iter().zip(&b.0) {
        assert!((x - y).abs() <= 2f32.powi(-8) * x.abs(), "{:?}\n{:?}", a.0, b.0);
    }
    for (&x, &y) in a.1.iter().zip(&b.1) {
        let (x, y) = (f32::from_bits(x), f32::from_bits(y));
        assert!((x - y).abs() <= 2f32.powi(-8) * x.abs().max(0.1), "{x} {y}");
    }
}

#[test]
fn a_step_by_pairs_learns_what_a_step_without_them_does() {
    let net = net();
    let off = train(&net, lower::lower_emulating, &["bf16"], Isa::best(), 1);
    assert_eq!(off.2, 0);
    assert!(off.0[7] < 0.9 * off.0[0], "{:?}", off.0);
    for isa in Isa::available() {
        let on = train(&net, lower::lower_emulating, &[], isa, 1);
        // Three products forward, five backward.
        assert_eq!(on.2, 8, "{isa}");
        near(&off, &on);
        // Nothing is subnormal here, so that the definition of a pair is the chain itself.
        assert!(off.0 == on.0 && off.1 == on.1, "{isa}");
        for threads in [2, 3, 7] {
            assert!(on == train(&net, lower::lower_emulating, &[], isa, threads), "{isa}, {threads} threads");
        }
    }
}

#[test]
fn the_pass_is_chosen_where_the_cpu_has_the_instruction_and_can_be_left_out() {
    let net = net();
    let off = train(&net, lower::lower, &["bf16"], Isa::best(), 1);
    let on = train(&net, lower::lower, &[], Isa::best(), 1);
    let there = GemmPlan::bf16(GemmSpec::dense(64, 64, 64), Isa::best(), 0).is_some();
    // Of the eight products those with the last layer's 16 columns are too small.
    assert_eq!((off.2, on.2), (0, if there { 5 } else { 0 }));
    near(&off, &on);
    if !there {
        assert!(off == on);
    }
    for threads in [2, 3, 7] {
        assert!(on == train(&net, lower::lower, &[], Isa::best(), threads), "{threads} threads");
    }
}
