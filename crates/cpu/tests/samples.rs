//! Plans against the reference evaluator: every sample, random graphs, every pass left out in turn, odd block sizes.

use adaline_cpu::Cpu;
use adaline_graph::backend::CompileOptions;
use adaline_testkit::compare::{Tolerance, compare};
use adaline_testkit::random::{Options, random_graph};
use adaline_testkit::samples::{Sample, samples};

fn matrix() -> Vec<CompileOptions> {
    let mut all = vec![CompileOptions::default()];
    for pass in ["simplify", "fold", "fuse", "epilogue", "rows", "columns", "reuse", "inplace"] {
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
