//! Kernels are found where they should be, and change no bit.

use super::*;
use crate::backend::Cpu;
use crate::plan::Kernel;
use crate::simd::Isa;
use adaline_graph::backend::{CompileOptions, Session, TensorRef};
use adaline_graph::{Builder, Graph, Role, Shape, SlotId, StateStore, TensorType, Var};

/// A dense layer's two products with everything that has a kernel of its own in their epilogues, and the bias's update.
fn layer(rows: usize, inputs: usize, units: usize, with_adam: bool) -> (Graph, StateStore) {
    let (b, mut store) = (Builder::new(), StateStore::new());
    let x = b.input("x", TensorType::f32([rows, inputs]));
    let g = b.input("g", TensorType::f32([rows, units]));
    let back = b.input("back", TensorType::f32([inputs, units]));
    let rate = b.input("rate", TensorType::f32(Shape::SCALAR));
    let mut slot = |name: &str, role, shape: Shape| -> SlotId {
        let id = store.add(name, role, TensorType::f32(shape));
        for (i, v) in store.f32_mut(id).iter_mut().enumerate() {
            *v = ((i * 31 + name.len()) % 101) as f32 / 100.0 + 0.01;
        }
        id
    };
    let mut update = |name: &str, weight: Var, grad: Var, shape: Shape| {
        let read = |id, what: &str| b.state(id, what, TensorType::f32(shape));
        let w = slot(name, Role::Trainable, shape);
        let v = slot(&format!("{name}/v"), Role::Optimizer, shape);
        let (old_w, old_v) = (read(w, name), read(v, "v"));
        if with_adam {
            let m = slot(&format!("{name}/m"), Role::Optimizer, shape);
            let old_m = read(m, "m");
            let new_m = (old_m + (grad - old_m) * 0.1).flush();
            let new_v = (old_v + (grad.square() - old_v) * 0.001).flush();
            b.update(m, new_m);
            b.update(v, new_v);
            b.update(w, old_w - new_m * rate / (new_v.sqrt() + 1e-7));
        } else {
            let new_v = (old_v * 0.9 + grad.square() * 0.1).flush();
            b.update(v, new_v);
            b.update(w, old_w - grad * rate / (new_v + 1e-7).sqrt());
        }
        let _ = weight;
    };
    let dw = x.transpose(&[1, 0]).matmul(g);
    update("kernel", dw, dw, Shape::new(&[inputs, units]));
    let db = g.sum(&[0], false);
    update("bias", db, db, Shape::new(&[units]));
    let bias = slot("offset", Role::NonTrainable, Shape::new(&[units]));
    let y = (x.matmul(back) + b.state(bias, "offset", TensorType::f32([units]))).relu();
    b.output("y", y);
    let zero = b.scalar(0.0);
    let dx = g.matmul(back.transpose(&[1, 0]));
    b.output("dx", x.gt(zero.broadcast_to([rows, inputs])).select(dx, zero.broadcast_to([rows, inputs])));
    (b.finish().unwrap(), store)
}

fn names(kernel: &Kernel) -> Vec<&'static str> {
    let of = |p: &crate::fused::program::Program| p.calls.iter().map(|c| PATTERNS[c.pattern].name).collect::<Vec<_>>();
    match kernel {
        Kernel::Tile(t) => of(&t.main).into_iter().chain(t.ends.iter().flat_map(|e| of(&e.1))).collect(),
        Kernel::Dot(d) => d.epilogue.as_ref().map(of).unwrap_or_default(),
        Kernel::Conv(c) => c.epilogue().map(of).unwrap_or_default(),
        Kernel::Sums(s) => s.epilogue().map(of).unwrap_or_default(),
        Kernel::Move(_) | Kernel::Direct(_) | Kernel::Scan(_) => Vec::new(),
    }
}

#[test]
fn kernels_are_found_and_change_no_bit() {
    // The last shape has products that are cut into boxes.
    for (rows, inputs, units) in [(3, 5, 7), (32, 40, 24), (33, 300, 290)] {
        for with_adam in [true, false] {
            let (graph, store) = layer(rows, inputs, units, with_adam);
            let noise = |n: usize, k: usize| -> Vec<f32> { (0..n).map(|i| ((i * k) % 97) as f32 / 50.0 - 0.9).collect() };
            let (x, g, back) = (noise(rows * inputs, 7), noise(rows * units, 11), noise(inputs * units, 13));
            let ins = [TensorRef::F32(&x), TensorRef::F32(&g), TensorRef::F32(&back), TensorRef::F32(&[0.01])];
            let mut first: Option<Vec<u32>> = None;
            for isa in Isa::available() {
                for disabled in [vec![], vec!["named".to_string()]] {
                    let options = CompileOptions { disabled, ..CompileOptions::default() };
                    let cpu = Cpu::new().threads(2).isa(isa);
                    let plan = cpu.compile_plan(&graph, store.layout(), &options).unwrap();
                    let mut found: Vec<&str> = plan.plan.steps.iter().flat_map(|s| names(&s.kernel)).collect();
                    found.sort_unstable();
                    found.dedup(); // the bias' update may be spread over two regions
                    let optimizer = if with_adam { "adam" } else { "rms_prop" };
                    let mut want = vec!["bias_relu", "relu_gradient", optimizer];
                    want.sort_unstable();
                    assert_eq!(found, if options.disabled.is_empty() { want } else { Vec::new() }, "{rows} {inputs} {units}");
                    let (mut session, mut state) = (plan.cpu_session(), store.clone());
                    session.run(&ins, &mut state).unwrap();
                    session.run(&ins, &mut state).unwrap();
                    let mut bits: Vec<u32> = Role::ALL.iter().flat_map(|r| state.arena(*r).to_vec()).collect();
                    for o in 0..2 {
                        bits.extend(session.output(o).words());
                    }
                    let same = first.get_or_insert_with(|| bits.clone()) == &bits;
                    assert!(same, "{rows} {inputs} {units}, adam {with_adam}, {isa}, without {:?}", options.disabled);
                }
            }
        }
    }
}
