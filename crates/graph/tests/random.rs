//! Random graphs: well formed, kept by passes and by their text, with right gradients; and the comparison and the shrinker themselves.

use adaline_graph::backend::{Backend, CompileError, CompileOptions, Executable};
use adaline_graph::eval::{Precision, evaluate_with};
use adaline_graph::pass::pipeline;
use adaline_graph::reference::Reference;
use adaline_graph::verify::{Stage, verify};
use adaline_graph::{ArgOp, BinaryOp, Graph, Op, ReduceOp, StateLayout, UnaryOp, text};
use adaline_testkit::compare::{Mismatch, Tolerance, bounds, compare, compare_graphs};
use adaline_testkit::gradcheck::check_gradients;
use adaline_testkit::random::{Options, random_graph, shrink};
use adaline_testkit::samples::samples;
use std::sync::Arc;

const SEEDS: u64 = 150;
const TRAIN: Options = Options { smooth: false, train: true };

#[test]
fn random_graphs_are_well_formed_and_survive_passes_and_text() {
    let mut sizes = Vec::new();
    for seed in 0..SEEDS {
        let s = random_graph(seed, TRAIN);
        verify(&s.graph, Stage::Built).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{}", s.graph));
        assert_eq!(text::parse(&s.graph.to_string()).unwrap().to_string(), s.graph.to_string());
        let after = pipeline(&s.graph, &CompileOptions::default()).unwrap();
        verify(&after, Stage::Simplified).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{after}"));
        compare_graphs(&s.graph, &after, &s.inputs, &s.state, &Tolerance::default())
            .unwrap_or_else(|e| panic!("seed {seed}: {e}\n{}\n{after}", s.graph));
        sizes.push(s.graph.nodes().len());
    }
    assert!(sizes.iter().any(|&n| n < 80) && sizes.iter().any(|&n| n > 300), "{sizes:?}");
}

#[test]
fn gradients_of_smooth_random_graphs_agree_with_differences() {
    for seed in 0..SEEDS {
        let s = random_graph(seed, Options { smooth: true, train: false });
        let loss = s.graph.outputs().values[0].1;
        check_gradients(&s.graph, loss, &s.inputs, &s.state, 2, 1e-6).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{}", s.graph));
    }
}

#[test]
fn the_reference_backend_runs_random_graphs() {
    for seed in 0..SEEDS {
        let s = random_graph(seed, TRAIN);
        compare(&Reference::default(), &s.graph, &s.inputs, &s.state, &CompileOptions::default(), &Tolerance::default())
            .unwrap_or_else(|e| panic!("seed {seed}: {e}\n{}", s.graph));
    }
}

#[test]
fn bounds_are_tight_enough_to_mean_something() {
    let (mut elements, mut open, mut losses) = (0, 0, Vec::new());
    for seed in 0..SEEDS {
        let s = random_graph(seed, TRAIN);
        let run = evaluate_with(&s.graph, &s.inputs, &|id| s.slot(id), Precision::F32).unwrap();
        let bounds = bounds(&s.graph, &run.nodes, &Tolerance::default());
        let floats = s.graph.ids().filter(|&id| s.graph.ty(id).dtype == adaline_graph::DType::F32);
        for id in floats {
            for (v, e) in run.node(id).data.iter().zip(&bounds[id.index()]) {
                elements += 1;
                open += usize::from(v.is_finite() && *e > 0.01 * v.abs().max(1.0));
            }
        }
        let loss = s.graph.outputs().values[0].1;
        losses.push(bounds[loss.index()][0] / run.node(loss).data[0].abs());
    }
    losses.sort_by(f64::total_cmp);
    let median = losses[losses.len() / 2];
    // Some lie behind a comparison that rounding may decide.
    assert!(open * 20 < elements, "{open} of {elements} elements are bounded by more than 1 %");
    assert!(median < 1e-4, "median relative bound of the loss {median:e}");
    // Without any tolerance, double precision differs from single.
    let exact = Tolerance { arithmetic: 0.0, elementary: 0.0, term: 0.0 };
    let differing = (0..20).map(|seed| random_graph(seed, TRAIN)).filter(|s| {
        let result = compare(&Reference::default(), &s.graph, &s.inputs, &s.state, &CompileOptions::default(), &exact);
        matches!(result, Err(Mismatch::Value { .. }))
    });
    assert!(differing.count() >= 8);
}

/// A backend with a defect: it computes another function of one kind of node.
#[derive(Debug)]
struct Defective(&'static str, fn(Op) -> Op);

impl Backend for Defective {
    fn name(&self) -> &'static str {
        "defective"
    }
    fn threads(&self) -> usize {
        1
    }
    fn compile(&self, graph: &Graph, state: &StateLayout, options: &CompileOptions) -> Result<Arc<dyn Executable>, CompileError> {
        let wrong = graph.rebuild(|new, _, node, inputs| new.add((self.1)(node.op), inputs))?;
        Reference::default().compile(&wrong, state, options)
    }
}

#[test]
fn defects_are_found_and_failing_graphs_shrink() {
    let defects = [
        Defective("sub for add", |op| if op == Op::Binary(BinaryOp::Add) { Op::Binary(BinaryOp::Sub) } else { op }),
        Defective("erf for tanh", |op| if op == Op::Unary(UnaryOp::Tanh) { Op::Unary(UnaryOp::Erf) } else { op }),
        Defective("max for sum", |op| match op {
            Op::Reduce { op: ReduceOp::Sum, axes } => Op::Reduce { op: ReduceOp::Max, axes },
            op => op,
        }),
        Defective("argmin for argmax", |op| match op {
            Op::ArgReduce { op: ArgOp::Max, axis } => Op::ArgReduce { op: ArgOp::Min, axis },
            op => op,
        }),
        Defective("less for less or equal", |op| if op == Op::Binary(BinaryOp::Le) { Op::Binary(BinaryOp::Lt) } else { op }),
    ];
    let fails = |d: &Defective, s: &adaline_testkit::samples::Sample| {
        let result = compare(d, &s.graph, &s.inputs, &s.state, &CompileOptions::default(), &Tolerance::default());
        matches!(result, Err(Mismatch::Value { .. }))
    };
    for defect in defects {
        assert!(samples().iter().any(|s| fails(&defect, s)), "no sample finds {defect:?}");
        let failing = (0..SEEDS).map(|seed| random_graph(seed, TRAIN)).find(|s| fails(&defect, s));
        // Exact ties are for the sample table; random numbers have none.
        let Some(failing) = failing else {
            assert_eq!(defect.0, "less for less or equal");
            continue;
        };
        let small = shrink(&failing, &|s| fails(&defect, s));
        assert!(fails(&defect, &small));
        assert!(small.graph.nodes().len() <= 8, "{defect:?} shrank to\n{}", small.graph);
        assert!(text::parse(&small.graph.to_string()).is_ok());
    }
}
