//! Sums by index with their updates against the same in two passes over memory, to the bit, and against the reference.

use crate::Cpu;
use crate::plan::Kernel;
use crate::simd::Isa;
use adaline_graph::backend::{CompileOptions, Session, TensorRef};
use adaline_graph::eval::Value;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, DType, Graph, Role, Shape, SlotId, StateStore, TensorType, Var};
use adaline_testkit::Rng;
use adaline_testkit::compare::{Tolerance, compare};

/// From weight, two memories, gradient and rate: the new weight, and new memories if they change.
type Rule = for<'g> fn(Var<'g>, [Var<'g>; 2], Var<'g>, Var<'g>) -> (Var<'g>, [Option<Var<'g>>; 2]);

/// Each rule by name, and whether rows without a gradient stay as they are.
const RULES: [(&str, Rule, bool); 7] = [
    ("descent", |w, _, g, rate| (w - g * rate, [None, None]), true),
    (
        "momentum",
        |w, [m, _], g, rate| {
            let m = m * 0.9 - g * rate;
            (w + m, [Some(m), None])
        },
        false,
    ),
    (
        "rmsprop",
        |w, [v, _], g, rate| {
            let v = v * 0.9 + g.square() * 0.1;
            (w - g * rate / (v + 1e-7).sqrt(), [Some(v), None])
        },
        false,
    ),
    (
        "adam",
        |w, [m, v], g, rate| {
            let (m, v) = (m + (g - m) * 0.1, v + (g.square() - v) * 0.001);
            (w - m * rate / (v.sqrt() + 1e-7), [Some(m), Some(v)])
        },
        false,
    ),
    ("decay", |w, _, g, rate| (w - w * rate * 0.01 - g * rate, [None, None]), false),
    ("regularizer", |w, _, g, rate| (w - (g + w * 0.02) * rate, [None, None]), false),
    ("ascent", |w, _, g, rate| (w + g * rate, [None, None]), false),
];

/// A step on tables of `(rows, columns)`, each with indices of its own.
struct Tables {
    graph: Graph,
    store: StateStore,
    lookups: usize,
    rows: usize,
}

fn tables(sizes: &[(usize, usize)], lookups: usize, rule: Rule, floats: bool) -> Tables {
    let (b, mut store, mut rng) = (Builder::new(), StateStore::new(), Rng::new(3));
    let rate = b.input("rate", TensorType::f32(Shape::SCALAR));
    let (mut slots, mut weights, mut loss) = (Vec::new(), Vec::new(), b.full(Shape::SCALAR, 0.0));
    for (t, &(rows, columns)) in sizes.iter().enumerate() {
        let ty = TensorType::f32([rows, columns]);
        let mut slot = |name: &str, role, low| {
            let slot = store.add(&format!("{t}/{name}"), role, ty);
            store.f32_mut(slot).iter_mut().for_each(|v| *v = rng.uniform(low, 1.0) as f32);
            slot
        };
        let of: [SlotId; 3] = [slot("w", Role::Trainable, -1.0), slot("m", Role::Optimizer, 0.0), slot("v", Role::Optimizer, 0.0)];
        let dtype = if floats { DType::F32 } else { DType::I32 };
        let at = b.input(&format!("at{t}"), TensorType::new(dtype, [lookups])).cast(DType::I32);
        let x = b.input(&format!("x{t}"), TensorType::f32([lookups, columns]));
        let vars = of.map(|s| b.state(s, &format!("{t}/{}", s.index()), ty));
        loss = loss + (vars[0].take(at) * x).tanh().sum(&[], false);
        slots.push(of);
        weights.push(vars);
    }
    let wrt: Vec<_> = weights.iter().map(|w| w[0].id()).collect();
    let grads = b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap();
    for ((of, [w, m, v]), g) in slots.iter().zip(weights).zip(grads) {
        let (w, memories) = rule(w, [m, v], b.var(g), rate);
        b.update(of[0], w);
        for (&slot, new) in of[1..].iter().zip(memories) {
            if let Some(new) = new {
                b.update(slot, new);
            }
        }
    }
    Tables { graph: b.finish().unwrap(), store, lookups, rows: sizes[0].0 }
}

impl Tables {
    /// Inputs of one step: a third of the indices name few rows, some name none.
    fn inputs(&self, seed: u64, rate: f32) -> Vec<Value> {
        let mut rng = Rng::new(seed);
        let of = |d: &adaline_graph::InputDecl| {
            if d.name == "rate" {
                return Value::f32(Shape::SCALAR, &[rate]);
            }
            if !d.name.starts_with("at") {
                return rng.value(d.ty);
            }
            let at: Vec<i32> = (0..self.lookups)
                .map(|i| match i % 7 {
                    0 => -3,
                    1 => self.rows as i32 + 5,
                    2 | 3 => rng.below(self.rows.min(3)) as i32,
                    _ => rng.below(self.rows) as i32,
                })
                .collect();
            if d.ty.dtype == DType::I32 {
                Value::i32(d.ty.shape, &at)
            } else {
                Value::f32(d.ty.shape, &at.iter().map(|&v| v as f32).collect::<Vec<_>>())
            }
        };
        self.graph.inputs().iter().map(of).collect()
    }

    /// All state after a step for each rate. `counts`: how many kernels sum rows, and how many of them visit only those that are named.
    fn bits(&self, cpu: &Cpu, disabled: &[&str], rates: &[f32], counts: (usize, usize)) -> Vec<u32> {
        let options = CompileOptions { disabled: disabled.iter().map(ToString::to_string).collect(), ..CompileOptions::default() };
        let mut store = self.store.clone();
        let plan = cpu.compile_plan(&self.graph, store.layout(), &options).unwrap();
        let sums: Vec<_> = plan.plan.steps.iter().filter_map(|s| if let Kernel::Sums(s) = &s.kernel { Some(s) } else { None }).collect();
        assert_eq!((sums.len(), sums.iter().filter(|s| s.still.is_some()).count()), counts, "{disabled:?}");
        let mut session = plan.cpu_session();
        for (step, &rate) in rates.iter().enumerate() {
            let values: Vec<_> = self.inputs(step as u64, rate).into_iter().map(|v| (v.ty.dtype, v.to_f32(), v.to_i32())).collect();
            let tensors: Vec<_> =
                values.iter().map(|(d, f, i)| if *d == DType::I32 { TensorRef::I32(i) } else { TensorRef::F32(f) }).collect();
            session.run(&tensors, &mut store).unwrap();
        }
        [Role::Trainable, Role::Optimizer].iter().flat_map(|&r| store.arena(r).to_vec()).collect()
    }
}

#[test]
fn updates_of_tables_keep_every_bit() {
    let sizes: [(&[(usize, usize)], usize); 8] = [
        (&[(40, 8), (40, 3)], 100),
        (&[(1, 5)], 9),
        (&[(700, 33), (700, 4), (700, 1)], 300),
        // Rows longer than a tile, several tasks, no index at all.
        (&[(9, 3000)], 20),
        (&[(6000, 32)], 1500),
        // As many rows as they are left out for, and rows next to each other.
        (&[(12, 5), (40, 3)], 6),
        (&[(64, 700)], 32),
        (&[(50, 6)], 0),
    ];
    for (name, rule, still) in RULES {
        for (sizes, lookups) in sizes {
            for floats in [false, true] {
                let t = tables(sizes, lookups, rule, floats);
                let n = sizes.len();
                let rates = [0.1, 0.05, 0.2];
                let apart = t.bits(&Cpu::new().threads(1), &["sums"], &rates, (0, 0));
                let what = |why: &str| format!("{name} on {sizes:?} with {lookups} indices: {why}");
                for threads in 1..=5 {
                    let found = t.bits(&Cpu::new().threads(threads), &[], &rates, (n, if still { n } else { 0 }));
                    assert!(found == apart, "{}", what(&format!("{threads} threads")));
                }
                for isa in Isa::available() {
                    let found = t.bits(&Cpu::new().threads(2).isa(isa), &[], &rates, (n, if still { n } else { 0 }));
                    assert!(found == apart, "{}", what(&isa.to_string()));
                }
                let state: Vec<_> = (0..t.store.layout().len())
                    .map(|i| (SlotId(i as u32), t.store.layout().slot(SlotId(i as u32)).ty))
                    .map(|(s, ty)| (s, Value::f32(ty.shape, t.store.f32(s))))
                    .collect();
                compare(&Cpu::new().threads(2), &t.graph, &t.inputs(0, 0.1), &state, &CompileOptions::default(), &Tolerance::default())
                    .unwrap_or_else(|e| panic!("{}", what(&e.to_string())));
            }
        }
    }
}

/// Rows without a gradient are left out only where that changes nothing, whatever lies in them and whatever the rate is.
#[test]
fn rows_are_left_out_only_where_they_stay() {
    let mut t = tables(&[(300, 16)], 40, RULES[0].1, false);
    let odd = [-0.0, 0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-40, -1e-40, f32::MAX];
    t.store.f32_mut(SlotId(0)).iter_mut().enumerate().filter(|(i, _)| i % 3 == 0).for_each(|(i, v)| *v = odd[i / 3 % odd.len()]);
    for rate in [0.1, -0.1, 0.0, -0.0, f32::MAX, f32::INFINITY, f32::NEG_INFINITY, f32::NAN] {
        let apart = t.bits(&Cpu::new().threads(1), &["sums"], &[rate], (0, 0));
        for threads in [1, 3] {
            assert!(t.bits(&Cpu::new().threads(threads), &[], &[rate], (1, 1)) == apart, "rate {rate}, {threads} threads");
        }
    }
}

/// A gradient that something else needs, too, is stored as well; one that nothing is done to is only stored.
#[test]
fn gradients_with_other_uses_are_there() {
    let (b, mut store) = (Builder::new(), StateStore::new());
    let ty = TensorType::f32([70, 9]);
    let slot = store.add("w", Role::Trainable, ty);
    let w = b.state(slot, "w", ty);
    let (at, x) = (b.input("at", TensorType::i32([50])), b.input("x", TensorType::f32([50, 9])));
    let loss = (w.take(at) * x).sum(&[], false);
    let g = b.var(b.with_graph(|g| gradients(g, loss.id(), &[w.id()])).unwrap()[0]);
    b.output("norm", g.square().sum(&[], false).sqrt());
    b.output("gradient", g);
    b.output("groups", x.reshape([2, 25, 9]).scatter_add(at.reshape([2, 25]), 70));
    b.update(slot, w - g * 0.5);
    let graph = b.finish().unwrap();
    let mut rng = Rng::new(8);
    let indices: Vec<i32> = (0..50).map(|_| rng.below(70) as i32).collect();
    let inputs = [Value::i32([50], &indices), rng.value(TensorType::f32([50, 9]))];
    for disabled in ["", "sums", "fuse", "epilogue", "inplace", "reuse"] {
        let options = CompileOptions { disabled: vec![disabled.into()], ..CompileOptions::default() };
        compare(&Cpu::new().threads(2), &graph, &inputs, &[(slot, rng.value(ty))], &options, &Tolerance::default()).unwrap();
    }
    let plan = Cpu::new().compile_plan(&graph, store.layout(), &CompileOptions::default()).unwrap();
    let sums = plan.plan.steps.iter().filter_map(|s| if let Kernel::Sums(s) = &s.kernel { Some(s) } else { None });
    // That of the table with its update, though not only its named rows; that of the groups alone.
    assert_eq!(sums.map(|s| (s.epilogue().is_some(), s.still.is_some())).collect::<Vec<_>>(), [(true, false), (false, false)]);
}
