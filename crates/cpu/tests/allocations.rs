//! A training step allocates nothing once it has run.

mod common;

use adaline_cpu::Cpu;
use adaline_graph::backend::{Backend, CompileOptions, TensorRef};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, ConvSpec, Role, StateStore, TensorType, WindowSpec};
use adaline_testkit::alloc::CountingAlloc;
use common::{Sizes, net};

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

#[test]
fn a_step_allocates_nothing() {
    for threads in [1, 3] {
        let net = net(Sizes { batch: 64, inputs: 200, hidden: 300, classes: 10 });
        let mut store = net.store.clone();
        let plan = Cpu::new().threads(threads).compile(&net.graph, store.layout(), &CompileOptions::default()).unwrap();
        let mut session = plan.session();
        let mut step = |t: f32| session.run(&net.inputs(&[t], &[0.01]), &mut store).unwrap();
        step(1.0);
        step(2.0);
        let before = ALLOC.allocations();
        for t in 3..50 {
            step(t as f32);
        }
        assert_eq!(ALLOC.allocations(), before, "{threads} threads");
        // By patches, and by tiles of four by four.
        convolutional(threads, 5);
        convolutional(threads, 16);
        // In parts of the batch, and with a kept operand in several blocks.
        recurrent(threads, 37, 20);
        recurrent(threads, 20, 330);
        // Rows of a table that are used, or all of them.
        looked_up(threads, 0.0);
        looked_up(threads, 0.5);
    }
}

/// Runs a step a few times, and asks that only the first two allocate.
fn allocates_nothing(what: &str, mut step: impl FnMut()) {
    step();
    step();
    let before = ALLOC.allocations();
    for _ in 0..5 {
        step();
    }
    assert_eq!(ALLOC.allocations(), before, "{what}");
}

/// A convolution, windows and their gradients, large enough for threads.
fn convolutional(threads: usize, channels: usize) {
    let b = Builder::new();
    let (x, mut store) = (b.input("x", TensorType::f32([4, 20, 20, channels])), StateStore::new());
    let slot = store.add("kernel", Role::Trainable, TensorType::f32([3, 3, channels, 32]));
    let kernel = b.state(slot, "kernel", TensorType::f32([3, 3, channels, 32]));
    let y = x.conv(kernel, ConvSpec::same(&[20, 20], &[3, 3], &[1, 1], &[1, 1])).relu().max_pool(WindowSpec::valid(&[2, 2], &[2, 2]));
    let loss = y.square().mean(&[], false);
    let dk = b.with_graph(|g| gradients(g, loss.id(), &[kernel.id()])).unwrap()[0];
    b.update(slot, kernel - b.var(dk) * 0.1);
    let plan = Cpu::new().threads(threads).compile(&b.finish().unwrap(), store.layout(), &CompileOptions::default()).unwrap();
    let (mut session, data) = (plan.session(), vec![0.5; 4 * 20 * 20 * channels]);
    allocates_nothing(&format!("convolutional, {channels} channels, {threads} threads"), || {
        session.run(&[TensorRef::F32(&data)], &mut store).unwrap();
    });
}

/// A recurrence and its gradient.
fn recurrent(threads: usize, rows: usize, units: usize) {
    let (b, mut store) = (Builder::new(), StateStore::new());
    let slot = store.add("kernel", Role::Trainable, TensorType::f32([units, units]));
    let (kernel, x) = (b.state(slot, "kernel", TensorType::f32([units, units])), b.input("x", TensorType::f32([6, rows, units])));
    let (last, _) = b.scan(6, false, &[b.full([rows, units], 0.0)], &[x], |h, x| (vec![(h[0].matmul(kernel) + x[0]).tanh()], vec![]));
    let loss = last[0].square().mean(&[], false);
    let dk = b.with_graph(|g| gradients(g, loss.id(), &[kernel.id()])).unwrap()[0];
    b.update(slot, kernel - b.var(dk) * 0.1);
    let plan = Cpu::new().threads(threads).compile(&b.finish().unwrap(), store.layout(), &CompileOptions::default()).unwrap();
    let (mut session, data) = (plan.session(), vec![0.5; 6 * rows * units]);
    allocates_nothing(&format!("recurrent, {rows} rows, {units} units, {threads} threads"), || {
        session.run(&[TensorRef::F32(&data)], &mut store).unwrap();
    });
}

/// A look-up in a table and its update, by plain descent or with a decay that reaches every row.
fn looked_up(threads: usize, decay: f32) {
    let (b, mut store) = (Builder::new(), StateStore::new());
    let ty = TensorType::f32([5000, 32]);
    let slot = store.add("table", Role::Trainable, ty);
    let (table, at) = (b.state(slot, "table", ty), b.input("at", TensorType::i32([900])));
    let loss = table.take(at).square().mean(&[], false);
    let dt = b.with_graph(|g| gradients(g, loss.id(), &[table.id()])).unwrap()[0];
    b.update(slot, if decay > 0.0 { table * decay } else { table } - b.var(dt) * 0.1);
    let plan = Cpu::new().threads(threads).compile(&b.finish().unwrap(), store.layout(), &CompileOptions::default()).unwrap();
    let (mut session, data) = (plan.session(), (0..900).map(|i| i * i % 5000).collect::<Vec<i32>>());
    allocates_nothing(&format!("looked up, decay {decay}, {threads} threads"), || {
        session.run(&[TensorRef::I32(&data)], &mut store).unwrap();
    });
}
