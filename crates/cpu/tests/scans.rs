//! Scans at sizes where kernels, threads and kept operands matter: bits, repeated runs.

use adaline_cpu::Cpu;
use adaline_cpu::simd::Isa;
use adaline_graph::backend::{Backend, CompileOptions, Session, TensorRef};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, Graph, Role, SlotId, StateStore, TensorType, Var};
use adaline_testkit::Rng;
use adaline_testkit::compare::{Tolerance, compare};
use adaline_testkit::samples::samples;

/// Batch, steps, units.
type Sizes = (usize, usize, usize);

fn columns(x: Var<'_>, i: usize, n: usize) -> Var<'_> {
    x.slice(&[(0, x.dim(0), 1), (i * n, (i + 1) * n, 1)])
}

/// A training step of an LSTM: loss and all results as outputs, weights updated.
fn lstm((rows, steps, units): Sizes, reverse: bool) -> (Graph, StateStore) {
    let (b, mut store) = (Builder::new(), StateStore::new());
    let mut rng = Rng::new(5);
    let weights: Vec<(SlotId, Var<'_>)> = [("kernel", [3, 4 * units]), ("recurrent", [units, 4 * units])]
        .iter()
        .map(|(name, dims)| {
            let slot = store.add(name, Role::Trainable, TensorType::f32(*dims));
            store.f32_mut(slot).iter_mut().for_each(|v| *v = rng.uniform(-0.2, 0.2) as f32);
            (slot, b.state(slot, name, TensorType::f32(*dims)))
        })
        .collect();
    let x = b.input("x", TensorType::f32([steps, rows, 3]));
    let zero = b.full([rows, units], 0.0);
    let (last, ys) = b.scan(steps, reverse, &[zero, zero], &[x], |s, x| {
        let z = x[0].matmul(weights[0].1) + s[0].matmul(weights[1].1);
        let (i, f, o) = (columns(z, 0, units).sigmoid(), columns(z, 1, units).sigmoid(), columns(z, 3, units).sigmoid());
        let c = f * s[1] + i * columns(z, 2, units).tanh();
        let h = o * c.tanh();
        (vec![h, c], vec![h])
    });
    let loss = (last[0] * last[1]).mean(&[], false) + ys[0].square().mean(&[], false);
    let wrt = [weights[0].1.id(), weights[1].1.id()];
    for ((slot, w), g) in weights.iter().zip(b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap()) {
        b.update(*slot, *w - b.var(g) * 0.5);
    }
    b.output("loss", loss);
    b.output("ys", ys[0]);
    b.output("cell", last[1]);
    (b.finish().unwrap(), store)
}

fn data((rows, steps, _): Sizes) -> Vec<f32> {
    let mut rng = Rng::new(9);
    (0..steps * rows * 3).map(|_| rng.uniform(-1.0, 1.0) as f32).collect()
}

/// Bits of all outputs and weights after a few steps.
fn trained(cpu: &Cpu, sizes: Sizes, options: &CompileOptions) -> Vec<Vec<u32>> {
    let (graph, mut store) = lstm(sizes, sizes.1 % 2 == 1);
    let plan = cpu.compile(&graph, store.layout(), options).unwrap();
    let (mut session, x) = (plan.session(), data(sizes));
    for _ in 0..3 {
        session.run(&[TensorRef::F32(&x)], &mut store).unwrap();
    }
    let outputs = (0..3).map(|i| session.output(i).words().to_vec());
    outputs.chain([store.arena(Role::Trainable).to_vec()]).collect()
}

/// Uneven parts, one row, kept operands in several blocks of their sums, more rows than a part on a single thread's worth.
const SIZES: [Sizes; 5] = [(37, 6, 20), (1, 9, 40), (20, 3, 330), (64, 4, 16), (3, 5, 64)];

#[test]
fn bits_do_not_depend_on_threads_instruction_sets_or_parts() {
    for sizes in SIZES {
        let first = trained(&Cpu::new().threads(1), sizes, &CompileOptions::default());
        for threads in [2, 3, 7] {
            assert!(first == trained(&Cpu::new().threads(threads), sizes, &CompileOptions::default()), "{sizes:?}: {threads} threads");
        }
        for isa in Isa::available() {
            assert!(first == trained(&Cpu::new().threads(2).isa(isa), sizes, &CompileOptions::default()), "{sizes:?}: {isa}");
        }
        let whole = CompileOptions { disabled: vec!["parts".into()], ..CompileOptions::default() };
        assert!(first == trained(&Cpu::new().threads(2), sizes, &whole), "{sizes:?}: the batch as a whole");
    }
}

#[test]
fn larger_scans_agree_with_the_reference() {
    for sizes in SIZES {
        let (graph, store) = lstm(sizes, false);
        let x = adaline_graph::eval::Value::f32([sizes.1, sizes.0, 3], &data(sizes));
        let state: Vec<(SlotId, adaline_graph::eval::Value)> =
            store.layout().iter().map(|(id, slot)| (id, adaline_graph::eval::Value::f32(slot.ty.shape, store.f32(id)))).collect();
        compare(&Cpu::new().threads(2), &graph, &[x], &state, &CompileOptions::default(), &Tolerance::default())
            .unwrap_or_else(|e| panic!("{sizes:?}: {e}"));
    }
}

/// Weights that changed between two runs are packed anew.
#[test]
fn a_run_sees_the_weights_of_its_time() {
    let sizes = (20, 4, 32);
    let (graph, mut store) = lstm(sizes, false);
    let plan = Cpu::new().threads(2).compile(&graph, store.layout(), &CompileOptions::default()).unwrap();
    let x = data(sizes);
    let mut old = plan.session();
    old.run(&[TensorRef::F32(&x)], &mut store).unwrap();
    let mut copy = store.clone();
    old.run(&[TensorRef::F32(&x)], &mut store).unwrap();
    let mut new = plan.session();
    new.run(&[TensorRef::F32(&x)], &mut copy).unwrap();
    let bits = |s: &dyn Session| (0..3).map(|i| s.output(i).words().to_vec()).collect::<Vec<_>>();
    assert_eq!(bits(&*old), bits(&*new));
    assert_eq!(store.arena(Role::Trainable), copy.arena(Role::Trainable));
}

/// The samples' cells go through the same kernels with any threads.
#[test]
fn samples_have_the_same_bits_on_any_threads() {
    for s in samples().iter().filter(|s| s.name.starts_with("scan") && s.state.is_empty()) {
        let run = |cpu: Cpu| -> Vec<Vec<u32>> {
            let store = StateStore::new();
            let plan = cpu.compile(&s.graph, store.layout(), &CompileOptions::default()).unwrap();
            let mut session = plan.session();
            let words: Vec<Vec<u32>> = s.inputs.iter().map(adaline_graph::eval::Value::to_words).collect();
            let tensors = s.inputs.iter().zip(&words).map(|(v, w)| match v.ty.dtype {
                adaline_graph::DType::I32 => TensorRef::I32(bytemuck::cast_slice(w)),
                _ => TensorRef::F32(bytemuck::cast_slice(w)),
            });
            session.run_frozen(&tensors.collect::<Vec<_>>(), &store).unwrap();
            (0..s.graph.outputs().values.len()).map(|i| session.output(i).words().to_vec()).collect()
        };
        let first = run(Cpu::new().threads(1));
        for threads in [2, 5] {
            assert!(first == run(Cpu::new().threads(threads)), "{}: {threads} threads", s.name);
        }
    }
}
