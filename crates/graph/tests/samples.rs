//! The sample table against types, passes, text and the reference backend.

use adaline_graph::backend::CompileOptions;
use adaline_graph::eval::{Precision, evaluate_with};
use adaline_graph::pass::{dce, fold, pipeline, simplify};
use adaline_graph::reference::Reference;
use adaline_graph::verify::{Stage, verify};
use adaline_graph::{DType, Graph, GraphError, text};
use adaline_testkit::bad::bad_samples;
use adaline_testkit::compare::{Tolerance, compare, compare_graphs};
use adaline_testkit::cover::{every_kind, kinds_in};
use adaline_testkit::samples::samples;
use std::collections::BTreeSet;

#[test]
fn every_kind_of_operation_has_samples() {
    let covered: BTreeSet<String> = samples().iter().flat_map(|s| kinds_in(&s.graph)).collect();
    let missing: Vec<_> = every_kind().difference(&covered).cloned().collect();
    assert!(missing.is_empty(), "without a sample: {missing:?}");
}

#[test]
fn names_are_unique() {
    let all = samples();
    let names: BTreeSet<&str> = all.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
}

#[test]
fn values_have_the_types_that_inference_gives() {
    for s in samples() {
        verify(&s.graph, Stage::Built).unwrap();
        for precision in [Precision::F64, Precision::F32] {
            let run = evaluate_with(&s.graph, &s.inputs, &|id| s.slot(id), precision).unwrap();
            for (node, v) in s.graph.nodes().iter().zip(&run.nodes) {
                assert_eq!((v.ty, v.data.len()), (node.ty, node.ty.len()), "{}", s.name);
                let fits = |&x: &f64| match node.ty.dtype {
                    DType::F32 => precision == Precision::F64 || x.is_nan() || f64::from(x as f32) == x,
                    DType::I32 => f64::from(x as i32) == x,
                    DType::Bool => x == 0.0 || x == 1.0,
                };
                assert!(v.data.iter().all(fits), "{}: {:?} of {}", s.name, v.data, node.ty);
            }
        }
    }
}

#[test]
fn passes_keep_the_values_of_all_samples() {
    type Pass = fn(&Graph) -> Result<Graph, GraphError>;
    let all: [(&str, Pass); 4] =
        [("simplify", simplify), ("fold", fold), ("dce", dce), ("pipeline", |g| pipeline(g, &CompileOptions::default()))];
    for s in samples() {
        for (name, pass) in all {
            let after = pass(&s.graph).unwrap();
            let stage = if ["simplify", "pipeline"].contains(&name) { Stage::Simplified } else { Stage::Built };
            verify(&after, stage).unwrap_or_else(|e| panic!("{name} of {}: {e}\n{after}", s.name));
            compare_graphs(&s.graph, &after, &s.inputs, &s.state, &Tolerance::default())
                .unwrap_or_else(|e| panic!("{name} of {}: {e}\n{}\n{after}", s.name, s.graph));
        }
    }
}

#[test]
fn the_reference_backend_agrees_with_the_evaluator() {
    for precision in [Precision::F64, Precision::F32] {
        for s in samples() {
            compare(&Reference { precision }, &s.graph, &s.inputs, &s.state, &CompileOptions::default(), &Tolerance::default())
                .unwrap_or_else(|e| panic!("{precision:?} {}: {e}\n{}", s.name, s.graph));
        }
    }
}

#[test]
fn dumps_read_back() {
    for s in samples() {
        let text = s.graph.to_string();
        assert_eq!(text::parse(&text).unwrap_or_else(|e| panic!("{}: {e}\n{text}", s.name)).to_string(), text);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_text() {
    for bad in bad_samples() {
        let mut g = Graph::new();
        let inputs: Vec<_> = bad.inputs.iter().map(|&t| g.add_input("x", t)).collect();
        let before = g.nodes().len();
        assert_eq!(g.add(bad.op, &inputs).unwrap_err().to_string(), bad.error);
        assert_eq!(g.nodes().len(), before);
    }
}
