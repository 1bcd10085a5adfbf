//! GFLOP/s of our products beside public crates, for shapes of small networks: `cargo bench -p adaline-cpu --bench gemm [filter]`.
//!
//! Figures are the best of many runs, since other programs on the machine can only take away.
#![allow(missing_docs, unsafe_code, clippy::print_stdout)]

use adaline_cpu::ceiling::measure_ceiling;
use adaline_cpu::gemm::{GemmPlan, GemmSpec};
use adaline_cpu::pool::Pool;
use adaline_cpu::simd::Isa;
use std::time::{Duration, Instant};

/// m, n, k, A transposed, B transposed.
const SHAPES: [(usize, usize, usize, bool, bool); 21] = [
    (10, 32, 10, false, false),
    (32, 32, 10, false, false),
    (32, 10, 64, false, false),
    (1, 512, 784, false, false),
    (1, 784, 512, false, true),
    (128, 1, 512, false, false),
    (32, 512, 784, false, false),
    (32, 784, 512, false, true),
    (784, 512, 32, true, false),
    (128, 512, 784, false, false),
    (128, 784, 512, false, true),
    (784, 512, 128, true, false),
    (128, 128, 784, false, false),
    (128, 512, 512, false, false),
    (128, 512, 512, false, true),
    (512, 512, 128, true, false),
    (128, 10, 512, false, false),
    (128, 512, 10, false, true),
    (512, 10, 128, true, false),
    (1024, 1024, 1024, false, false),
    (6272, 32, 288, false, false),
];

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

fn main() {
    // `cargo bench` passes `--bench`.
    let filter: Option<String> = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    for threads in [1, 2] {
        let peak = measure_ceiling(threads);
        println!(
            "{threads} threads: peak {:.0} GFLOP/s on {}, memory {:.1} GB/s, L2 {:.0} GB/s",
            peak.gflops_f32, peak.isa, peak.bandwidth_gbs, peak.l2_gbs
        );
    }
    let pools = [Pool::new(1), Pool::new(2)];
    println!(
        "{:>22} {:>10} {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8}",
        "m × n × k", "us 1t", "ours 1t", "avx2 1t", "ours 2t", "gemm 1t", "gemm 2t", "mm 1t"
    );
    for (m, n, k, ta, tb) in SHAPES {
        let name = format!("{m}{} × {n} × {k}{}", if ta { "ᵀ" } else { "" }, if tb { "ᵀ" } else { "" });
        if filter.as_ref().is_some_and(|f| !name.replace(' ', "").contains(f.as_str())) {
            continue;
        }
        let spec = GemmSpec::transposed(m, n, k, ta, tb);
        let fill = |len: usize| (0..len).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect::<Vec<_>>();
        let mut x = Operands { spec, a: fill(m * k), b: fill(k * n), c: vec![0.0; m * n] };
        let flops = (2 * m * n * k) as f64;
        let one = ours(&mut x, Isa::best(), &pools[0]);
        let avx2 = ours(&mut x, Isa::Avx2, &pools[0]);
        let two = ours(&mut x, Isa::best(), &pools[1]);
        let (g1, g2, mm) = (gemm_crate(&mut x, 1), gemm_crate(&mut x, 2), matrixmultiply_crate(&mut x));
        let rate = |seconds: f64| flops / seconds / 1e9;
        println!(
            "{name:>22} {:>10.2} {:>8.1} {:>8.1} {:>8.1} | {:>8.1} {:>8.1} {:>8.1}",
            one * 1e6,
            rate(one),
            rate(avx2),
            rate(two),
            rate(g1),
            rate(g2),
            rate(mm)
        );
    }
}
