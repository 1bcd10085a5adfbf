//! GFLOP/s of our products beside public crates, for every product of small networks' training steps:
//! `cargo bench -p adaline-cpu --bench gemm [filter]`, where the filter is part of a line such as `mlp512`, `b32` or `784x512`.
//!
//! Figures are the best of many runs, since other programs on the machine can only take away. `ADALINE_ISA` chooses our instruction
//! set; the others choose theirs. `nano-gemm` plans one thread and small products only, `matrixmultiply` one thread.
#![allow(missing_docs, unsafe_code, clippy::print_stdout)]

use adaline_cpu::ceiling::measure_ceiling;
use adaline_cpu::gemm::{GemmPlan, GemmSpec};
use adaline_cpu::pool::Pool;
use adaline_cpu::simd::Isa;
use std::time::{Duration, Instant};

/// Networks of `adaline bench`: name, widths, batch sizes.
const NETWORKS: [(&str, &[usize], &[usize]); 3] = [
    ("tiny", &[10, 32, 2], &[10]),
    ("mlp128", &[784, 128, 10], &[1, 32, 128, 1024]),
    ("mlp512", &[784, 512, 512, 10], &[1, 32, 128, 1024]),
];

/// Multiplications up to which `nano-gemm` is asked.
const SMALL: usize = 64 * 64 * 64;

/// One product: who needs it, and its sizes.
struct Shape {
    of: String,
    spec: GemmSpec,
}

impl Shape {
    fn new(of: impl Into<String>, m: usize, n: usize, k: usize, ta: bool, tb: bool) -> Self {
        Self { of: of.into(), spec: GemmSpec::transposed(m, n, k, ta, tb) }
    }
    fn name(&self) -> String {
        let GemmSpec { m, n, k, ta, tb, .. } = self.spec;
        format!("{m}{}x{n}x{k}{}", if ta { "ᵀ" } else { "" }, if tb { "ᵀ" } else { "" })
    }
}

/// Forward `(B, O) = (B, I) (I, O)`, weight gradient `(I, O) = (B, I)ᵀ (B, O)`, input gradient `(B, I) = (B, O) (I, O)ᵀ`.
fn shapes() -> Vec<Shape> {
    let mut all: Vec<Shape> = Vec::new();
    for (net, widths, batches) in NETWORKS {
        for &b in batches {
            for (at, w) in widths.windows(2).enumerate() {
                let (i, o) = (w[0], w[1]);
                let of = |what: &str| format!("{net} b{b} {what} {at}");
                all.push(Shape::new(of("forward"), b, o, i, false, false));
                if b > 1 {
                    // Of one row it is an outer product, which no plan gives to a matrix product.
                    all.push(Shape::new(of("weights"), i, o, b, true, false));
                }
                if at > 0 {
                    all.push(Shape::new(of("input"), b, i, o, false, true));
                }
            }
        }
    }
    all.push(Shape::new("square", 1024, 1024, 1024, false, false));
    let mut unique: Vec<Shape> = Vec::new();
    for shape in all {
        match unique.iter_mut().find(|s| s.spec == shape.spec) {
            Some(same) => same.of = format!("{}, {}", same.of, shape.of),
            None => unique.push(shape),
        }
    }
    unique
}

/// Best time of one call, in seconds.
fn time(mut f: impl FnMut()) -> f64 {
    f();
    let once = Instant::now();
    f();
    let batch = (20e-6 / once.elapsed().as_secs_f64().max(1e-9)).ceil().max(1.0) as usize;
    let start = Instant::now();
    let mut best = f64::INFINITY;
    while start.elapsed() < Duration::from_millis(120) {
        let run = Instant::now();
        for _ in 0..batch {
            f();
        }
        best = best.min(run.elapsed().as_secs_f64() / batch as f64);
    }
    best
}

struct Operands {
    spec: GemmSpec,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Shared(*mut f32);
// SAFETY: tasks write disjoint parts of C and each worker its own scratch.
unsafe impl Sync for Shared {}
impl Shared {
    fn get(&self) -> *mut f32 {
        self.0
    }
}

fn ours(x: &mut Operands, isa: Isa, pool: &Pool) -> f64 {
    let plan = GemmPlan::new(x.spec, isa);
    let words = plan.scratch_words_per_worker();
    let mut scratch = vec![0.0f32; words * pool.threads()];
    let (a, b, c, scratch) = (Shared(x.a.as_mut_ptr()), Shared(x.b.as_mut_ptr()), Shared(x.c.as_mut_ptr()), Shared(scratch.as_mut_ptr()));
    time(|| {
        pool.run(plan.tasks(), &|task, worker| {
            // SAFETY: operands of the spec's sizes; the scratch holds `words` per worker.
            unsafe { plan.run_task(task, a.get(), b.get(), c.get(), scratch.get().add(words * worker), None) };
        });
    })
}

/// Row and column strides of an operand.
fn strides(transposed: bool, ld: usize) -> (isize, isize) {
    if transposed { (1, ld as isize) } else { (ld as isize, 1) }
}

fn gemm_crate(x: &mut Operands, threads: usize) -> f64 {
    let GemmSpec { m, n, k, ta, tb, lda, ldb, ldc } = x.spec;
    let ((ar, ac), (br, bc)) = (strides(ta, lda), strides(tb, ldb));
    let parallelism = if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    time(|| {
        // SAFETY: operands of these sizes and strides.
        unsafe {
            let (a, b, c) = (x.a.as_ptr(), x.b.as_ptr(), x.c.as_mut_ptr());
            gemm::gemm(m, n, k, c, 1, ldc as isize, false, a, ac, ar, b, bc, br, 0.0, 1.0, false, false, false, parallelism);
        }
    })
}

fn matrixmultiply_crate(x: &mut Operands) -> f64 {
    let GemmSpec { m, n, k, ta, tb, lda, ldb, ldc } = x.spec;
    let ((ar, ac), (br, bc)) = (strides(ta, lda), strides(tb, ldb));
    time(|| {
        // SAFETY: operands of these sizes and strides.
        unsafe {
            let (a, b, c) = (x.a.as_ptr(), x.b.as_ptr(), x.c.as_mut_ptr());
            matrixmultiply::sgemm(m, k, n, 1.0, a, ar, ac, b, br, bc, 0.0, c, ldc as isize, 1);
        }
    })
}

fn faer_crate(x: &mut Operands, threads: usize) -> f64 {
    use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};
    let GemmSpec { m, n, k, ta, tb, lda, ldb, ldc } = x.spec;
    let ((ar, ac), (br, bc)) = (strides(ta, lda), strides(tb, ldb));
    let par = if threads > 1 { Par::rayon(threads) } else { Par::Seq };
    time(|| {
        // SAFETY: operands of these sizes and strides.
        let (a, b, c) = unsafe {
            (
                MatRef::from_raw_parts(x.a.as_ptr(), m, k, ar, ac),
                MatRef::from_raw_parts(x.b.as_ptr(), k, n, br, bc),
                MatMut::from_raw_parts_mut(x.c.as_mut_ptr(), m, n, ldc as isize, 1),
            )
        };
        matmul(c, Accum::Replace, a, b, 1.0f32, par);
    })
}

/// The transposed problem, since it likes columns to be contiguous; `None` for large products.
fn nano_gemm_crate(x: &mut Operands) -> Option<f64> {
    let GemmSpec { m, n, k, ta, tb, lda, ldb, ldc } = x.spec;
    if m * n * k > SMALL {
        return None;
    }
    let ((ar, ac), (br, bc)) = (strides(ta, lda), strides(tb, ldb));
    let plan = if tb { nano_gemm::Plan::new_f32(n, m, k) } else { nano_gemm::Plan::new_colmajor_lhs_and_dst_f32(n, m, k) };
    Some(time(|| {
        // SAFETY: operands of these sizes and strides, exchanged and transposed.
        unsafe {
            let (a, b, c) = (x.a.as_ptr(), x.b.as_ptr(), x.c.as_mut_ptr());
            plan.execute_unchecked(n, m, k, c, 1, ldc as isize, b, bc, br, a, ac, ar, 0.0, 1.0, false, false);
        }
    }))
}

/// Runs one contestant; a wrong result ends the race.
fn race(name: &str, x: &mut Operands, expected: &[f32], f: impl FnOnce(&mut Operands) -> f64) -> f64 {
    x.c.fill(f32::NAN);
    let seconds = f(x);
    let limit = 1e-5 * x.spec.k as f32;
    assert!(x.c.iter().zip(expected).all(|(c, e)| (c - e).abs() <= limit), "{name} is wrong for {:?}", x.spec);
    seconds
}

fn main() {
    // `cargo bench` passes `--bench`.
    let filter: Option<String> = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let isa = Isa::from_env().unwrap_or_else(|_| Isa::best());
    for threads in [1, 2] {
        let peak = measure_ceiling(threads);
        println!(
            "{threads} threads: peak {:.0} GFLOP/s on {}, L2 {:.0} GB/s, memory {:.1} GB/s",
            peak.gflops_f32,
            peak.isa,
            peak.l2.best(),
            peak.ram.best()
        );
    }
    println!("ours on {isa}; GFLOP/s\n");
    println!(
        "| {:<16} | threads | {:>7} | {:>7} | {:>7} | {:>7} | {:>7} | {:<14} | of",
        "m x n x k", "ours", "gemm", "faer", "mm", "nano", "fastest"
    );
    println!("|{}|---------|{1}|{1}|{1}|{1}|{1}|----------------|---", "-".repeat(18), "-".repeat(9));
    let pools = [Pool::new(1), Pool::new(2)];
    for shape in shapes() {
        let (name, spec) = (shape.name(), shape.spec);
        let line = format!("{name} {}", shape.of).replace('ᵀ', "");
        if filter.as_ref().is_some_and(|f| !line.contains(f.as_str())) {
            continue;
        }
        let GemmSpec { m, n, k, .. } = spec;
        let fill = |len: usize| (0..len).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect::<Vec<_>>();
        let mut x = Operands { spec, a: fill(m * k), b: fill(k * n), c: vec![0.0; m * n] };
        let rate = |seconds: f64| (2 * m * n * k) as f64 / seconds / 1e9;
        for (threads, pool) in [1, 2].into_iter().zip(&pools) {
            let own = rate(ours(&mut x, isa, pool));
            let expected = x.c.clone();
            let mut all = vec![("ours", Some(own))];
            all.push(("gemm", Some(rate(race("gemm", &mut x, &expected, |x| gemm_crate(x, threads))))));
            all.push(("faer", Some(rate(race("faer", &mut x, &expected, |x| faer_crate(x, threads))))));
            let alone = threads == 1;
            all.push(("matrixmultiply", alone.then(|| rate(race("matrixmultiply", &mut x, &expected, matrixmultiply_crate)))));
            let nano = (alone && m * n * k <= SMALL)
                .then(|| rate(race("nano-gemm", &mut x, &expected, |x| nano_gemm_crate(x).unwrap_or(f64::INFINITY))));
            all.push(("nano-gemm", nano));
            let winner = all.iter().filter_map(|(n, r)| r.map(|r| (r, n))).max_by(|a, b| a.0.total_cmp(&b.0)).map_or("", |w| w.1);
            let cells: Vec<String> = all.iter().map(|(_, r)| r.map_or_else(|| format!("{:>7}", ""), |r| format!("{r:>7.1}"))).collect();
            println!("| {name:<16} | {threads:>7} | {} | {winner:<14} | {}", cells.join(" | "), shape.of);
        }
    }
}
