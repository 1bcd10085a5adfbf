//! Random cells: as scans, and written out step by step.

use adaline_graph::eval::{Value, evaluate};
use adaline_graph::grad::gradients;
use adaline_graph::verify::{Stage, verify};
use adaline_graph::{Builder, Graph, NodeId, TensorType, Var, concat, text};
use adaline_testkit::Rng;

const ROWS: usize = 3;
const UNITS: usize = 4;

/// What a cell is made of, so that it can be written twice.
struct Cell {
    seed: u64,
    steps: usize,
    reverse: bool,
    carries: usize,
    xs: usize,
    results: usize,
}

impl Cell {
    fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let (steps, reverse) = (1 + rng.below(4), rng.one_in(2));
        Self { seed, steps, reverse, carries: 1 + rng.below(3), xs: rng.below(3), results: rng.below(3) }
    }

    /// A step of random operations, the same for the same seed.
    fn step<'g>(&self, b: &'g Builder, carries: &[Var<'g>], xs: &[Var<'g>], weights: &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
        let mut rng = Rng::new(self.seed ^ 0x5eed);
        let mut pool: Vec<Var<'g>> = carries.iter().chain(xs).copied().collect();
        for _ in 0..4 + rng.below(10) {
            let (x, y) = (*rng.pick(&pool), *rng.pick(&pool));
            let w = *rng.pick(weights);
            let half = |x: Var<'g>, i: usize| x.slice(&[(0, ROWS, 1), (2 * i, 2 * i + 2, 1)]);
            pool.push(match rng.below(14) {
                0 => x + y,
                1 => x * y,
                2 => x - y * 0.5,
                3 => x.tanh(),
                4 => x.sigmoid() * y,
                5 => (x * 0.5).exp().log1p(),
                6 => (x.matmul(w) * 0.3).tanh(),
                7 => x.dot(w, false, true) * 0.3,
                8 => concat(b, &[half(y, 1), half(x, 0)], 1),
                9 => x.softmax(-1),
                10 => x - x.mean(&[1], true),
                11 => x.matmul(w.dot(w, true, false)) * 0.1,
                12 => x + w.slice(&[(0, 1, 1), (0, UNITS, 1)]),
                _ => x.reshape([ROWS, 2, 2]).transpose(&[0, 2, 1]).reshape([ROWS, UNITS]),
            });
        }
        let last = |i: usize| (pool[pool.len() - 1 - i % pool.len()] * 0.9).tanh();
        ((0..self.carries).map(last).collect(), (0..self.results).map(|i| pool[(pool.len() / 2 + i) % pool.len()]).collect())
    }

    /// All results and gradients by all inputs of a loss that they enter, from a scan or step by step.
    fn graph(&self, scanned: bool) -> Graph {
        let b = Builder::new();
        let input = |name: String, dims: &[usize]| b.input(&name, TensorType::f32(dims));
        let carries: Vec<Var<'_>> = (0..self.carries).map(|i| input(format!("c{i}"), &[ROWS, UNITS])).collect();
        let xs: Vec<Var<'_>> = (0..self.xs).map(|i| input(format!("x{i}"), &[self.steps, ROWS, UNITS])).collect();
        let weights = [input("v".into(), &[UNITS, UNITS]), input("w".into(), &[UNITS, UNITS])];
        let (last, results) = if scanned {
            b.scan(self.steps, self.reverse, &carries, &xs, |c, x| self.step(&b, c, x, &weights))
        } else {
            let mut state = carries.clone();
            let mut stacks = vec![vec![None; self.steps]; self.results];
            for step in 0..self.steps {
                let t = if self.reverse { self.steps - 1 - step } else { step };
                let seen: Vec<Var<'_>> =
                    xs.iter().map(|x| x.slice(&[(t, t + 1, 1), (0, ROWS, 1), (0, UNITS, 1)]).reshape([ROWS, UNITS])).collect();
                let (next, ys) = self.step(&b, &state, &seen, &weights);
                for (stack, y) in stacks.iter_mut().zip(ys) {
                    stack[t] = Some(y.reshape([1, ROWS, UNITS]));
                }
                state = next;
            }
            let joined = |stack: Vec<Option<Var<'_>>>| concat(&b, &stack.into_iter().flatten().collect::<Vec<_>>(), 0).id();
            (state, stacks.into_iter().map(joined).map(|id| b.var(id)).collect())
        };
        let mut loss = b.scalar(0.0);
        for (i, v) in last.iter().chain(&results).enumerate() {
            b.output(&format!("value {i}"), *v);
            loss = loss + (*v * (*v + i as f32)).mean(&[], false);
        }
        let wrt: Vec<NodeId> = carries.iter().chain(&xs).chain(&weights).map(|v| v.id()).collect();
        for (i, g) in b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap().into_iter().enumerate() {
            b.output(&format!("gradient {i}"), b.var(g));
        }
        b.finish().unwrap()
    }
}

#[test]
fn random_cells_and_their_gradients_are_those_of_the_steps_written_out() {
    for seed in 0..150 {
        let cell = Cell::random(seed);
        let (scanned, unrolled) = (cell.graph(true), cell.graph(false));
        verify(&scanned, Stage::Built).unwrap();
        let simplified = adaline_graph::pass::pipeline(&scanned, &adaline_graph::backend::CompileOptions::default()).unwrap();
        let mut rng = Rng::new(seed + 1000);
        let inputs: Vec<Value> = scanned
            .inputs()
            .iter()
            .map(|d| Value::of(d.ty, (0..d.ty.len()).map(|_| f64::from(rng.uniform(-1.0, 1.0) as f32)).collect()))
            .collect();
        let run = |g: &Graph| evaluate(g, &inputs, &|_| None).unwrap().outputs;
        let expected = run(&unrolled);
        let read_back = text::parse(&scanned.to_string()).unwrap();
        // Constants are joined in single precision.
        for (graph, tolerance) in [(&scanned, 1e-10), (&read_back, 1e-10), (&simplified, 1e-5)] {
            for ((name, _), (got, expected)) in graph.outputs().values.iter().zip(run(graph).iter().zip(&expected)) {
                assert_eq!(got.ty, expected.ty);
                let close = |(x, y): (&f64, &f64)| (x - y).abs() <= tolerance * y.abs().max(1.0);
                assert!(got.data.iter().zip(&expected.data).all(close), "seed {seed}, {name}: {got:?} against {expected:?}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_told() {
    type Write = for<'g> fn(&'g Builder, Var<'g>);
    let cases: [(Write, &str); 6] = [
        (
            |b, x| drop(b.scan(4, false, &[], &[x], |_, _| (vec![], vec![]))),
            "graph: a scan of 4 steps needs sequences with 4 elements along the first axis, got f32[3, 2]",
        ),
        (
            |b, x| drop(b.scan(3, false, &[x], &[], |_, _| (vec![], vec![]))),
            "graph: a step that is handed 1 values must hand on as many, not 0",
        ),
        (
            |b, x| drop(b.scan(3, false, &[x], &[], |c, _| (vec![c[0].sum(&[0], false)], vec![]))),
            "graph: value 0 is handed from step to step as f32[3, 2] and back as f32[2]; both must be the same, of f32",
        ),
        (
            |b, x| drop(b.scan(3, false, &[x], &[], |c, _| (vec![c[0]], vec![c[0].gt_scalar(0.0)]))),
            "graph: the results of a step are f32; cast bool[3, 2] first",
        ),
        (
            |b, x| {
                let deep = x.reshape([1, 1, 1, 1, 3, 2]);
                drop(b.scan(3, false, &[deep], &[], |c, _| (vec![c[0]], vec![c[0]])));
            },
            "the body of a scan: with the steps as first axis, f32[1, 1, 1, 1, 3, 2] would have more than 6 axes",
        ),
        (
            |b, x| drop(b.scan(usize::MAX / 2, false, &[x], &[], |c, _| (vec![c[0]], vec![c[0]]))),
            "graph: the results of 9223372036854775807 steps are too large to be addressed",
        ),
    ];
    for (write, expected) in cases {
        let b = Builder::new();
        write(&b, b.input("x", TensorType::f32([3, 2])));
        assert_eq!(b.finish().unwrap_err().to_string(), expected);
    }
}
