//! A training step allocates nothing once it has run.

mod common;

use adaline_cpu::Cpu;
use adaline_graph::backend::{Backend, CompileOptions};
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
    }
}
