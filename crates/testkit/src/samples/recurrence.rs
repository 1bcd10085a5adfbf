//! Scans: cells of all kinds, with their gradients.

use super::{Sample, Table};
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, ConvSpec, DType, SlotId, TensorType, Var, concat};

pub(super) fn samples(t: &mut Table) {
    cells(t);
    handing(t);
    together(t);
    nested(t);
    state(t);
}

/// A step: what it is handed, what it sees, what all steps see; what it hands on and gives.
type Step = for<'g> fn(&'g Builder, &[Var<'g>], &[Var<'g>], &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>);

/// How often, which way, and the shapes of what a step is handed, sees, and what all steps see.
struct Case<'a> {
    steps: usize,
    reverse: bool,
    carries: &'a [&'a [usize]],
    xs: &'a [&'a [usize]],
    shared: &'a [&'a [usize]],
}

/// The scan alone, and with the gradient of a loss that all results enter, by everything.
fn scanned(t: &mut Table, name: &str, case: &Case<'_>, step: Step) {
    let stacked: Vec<Vec<usize>> = case.xs.iter().map(|x| [&[case.steps], *x].concat()).collect();
    let shapes = case.carries.iter().copied().chain(stacked.iter().map(Vec::as_slice)).chain(case.shared.iter().copied());
    let values: Vec<_> = shapes
        .map(|dims| {
            let mut v = t.f32(dims);
            v.data.iter_mut().for_each(|v| *v = f64::from((*v * 0.5) as f32));
            v
        })
        .collect();
    let (carries, xs) = (case.carries.len(), case.xs.len());
    let (steps, reverse) = (case.steps, case.reverse);
    let run = move |b: &'_ Builder, x: &[Var<'_>]| -> Vec<adaline_graph::NodeId> {
        // The handles of one builder.
        let x: Vec<Var<'_>> = x.iter().map(|v| b.var(v.id())).collect();
        let (last, ys) = b.scan(steps, reverse, &x[..carries], &x[carries..carries + xs], |c, s| step(b, c, s, &x[carries + xs..]));
        last.iter().chain(&ys).map(|v| v.id()).collect()
    };
    t.add(format!("scan {name}"), values.clone(), |b, x| {
        for (i, id) in run(b, x).into_iter().enumerate() {
            b.output(&format!("y{i}"), b.var(id));
        }
    });
    t.add(format!("scan {name}, gradient"), values, |b, x| {
        let mut loss = b.scalar(0.0);
        for (i, id) in run(b, x).into_iter().enumerate() {
            loss = loss + (b.var(id) * (b.var(id) + (i as f32 + 1.0))).sum(&[], false);
        }
        let wrt: Vec<_> = x.iter().map(|v| v.id()).collect();
        for (i, g) in b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap().into_iter().enumerate() {
            b.output(&format!("d{i}"), b.var(g));
        }
        b.output("loss", loss);
    });
}

/// Columns `i n ..(i + 1) n` of a matrix.
fn columns(x: Var<'_>, i: usize, n: usize) -> Var<'_> {
    x.slice(&[(0, x.dim(0), 1), (i * n, (i + 1) * n, 1)])
}

fn simple<'g>(_: &'g Builder, h: &[Var<'g>], x: &[Var<'g>], w: &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
    let next = (x[0].matmul(w[0]) + h[0].matmul(w[1]) + w[2]).tanh();
    (vec![next], vec![next])
}

/// Keras' order of gates: input, forget, candidate, output; `x` is already multiplied.
fn lstm<'g>(_: &'g Builder, s: &[Var<'g>], x: &[Var<'g>], w: &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
    let n = s[0].dim(1);
    let z = x[0] + s[0].matmul(w[0]);
    let (i, f, o) = (columns(z, 0, n).sigmoid(), columns(z, 1, n).sigmoid(), columns(z, 3, n).sigmoid());
    let c = f * s[1] + i * columns(z, 2, n).tanh();
    let h = o * c.tanh();
    (vec![h, c], vec![h])
}

/// Keras' `reset_after`; `x` is already multiplied.
fn gru<'g>(_: &'g Builder, s: &[Var<'g>], x: &[Var<'g>], w: &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
    let n = s[0].dim(1);
    let inner = s[0].matmul(w[0]) + w[1];
    let update = (columns(x[0], 0, n) + columns(inner, 0, n)).sigmoid();
    let reset = (columns(x[0], 1, n) + columns(inner, 1, n)).sigmoid();
    let candidate = (columns(x[0], 2, n) + reset * columns(inner, 2, n)).tanh();
    let h = update * s[0] + (1.0 - update) * candidate;
    (vec![h], vec![h])
}

/// The state stays where the mask is zero.
fn masked<'g>(b: &'g Builder, s: &[Var<'g>], x: &[Var<'g>], w: &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
    let (next, _) = lstm(b, &s[..2], &x[..1], w);
    let on = x[1].gt_scalar(0.0);
    let keep = |new: Var<'g>, old: Var<'g>| on.broadcast_to(new.shape()).select(new, old);
    let (h, c) = (keep(next[0], s[0]), keep(next[1], s[1]));
    let y = keep(next[0], s[2]);
    (vec![h, c, y], vec![y])
}

fn cells(t: &mut Table) {
    let case = |steps, reverse, carries, xs, shared| Case { steps, reverse, carries, xs, shared };
    for (steps, reverse, name) in
        [(5, false, "simple"), (4, true, "simple, backwards"), (1, false, "simple, one step"), (0, false, "simple, none")]
    {
        let case = case(steps, reverse, &[&[3, 4]], &[&[3, 2]], &[&[2, 4], &[4, 4], &[4]]);
        scanned(t, name, &case, simple);
    }
    scanned(t, "lstm", &case(3, false, &[&[2, 5], &[2, 5]], &[&[2, 20]], &[&[5, 20]]), lstm);
    scanned(t, "lstm, one row", &case(6, false, &[&[1, 8], &[1, 8]], &[&[1, 32]], &[&[8, 32]]), lstm);
    scanned(t, "lstm, many rows", &case(4, true, &[&[37, 6], &[37, 6]], &[&[37, 24]], &[&[6, 24]]), lstm);
    scanned(t, "lstm, more rows than units", &case(3, false, &[&[64, 8], &[64, 8]], &[&[64, 32]], &[&[8, 32]]), lstm);
    scanned(t, "gru", &case(4, false, &[&[3, 4]], &[&[3, 12]], &[&[4, 12], &[12]]), gru);
    scanned(t, "gru, as many rows as units", &case(4, false, &[&[48, 48]], &[&[48, 144]], &[&[48, 144], &[144]]), gru);
    scanned(t, "lstm with a mask", &case(5, false, &[&[3, 2], &[3, 2], &[3, 2]], &[&[3, 8], &[3, 1]], &[&[2, 8]]), masked);
}

fn handing(t: &mut Table) {
    let case = |carries, xs, shared| Case { steps: 4, reverse: false, carries, xs, shared };
    scanned(t, "a running sum", &case(&[&[]], &[&[]], &[]), |_, c, x, _| (vec![c[0] + x[0]], vec![c[0]]));
    scanned(t, "a shift register", &case(&[&[3], &[3], &[3]], &[&[3]], &[]), |_, c, x, _| {
        (vec![c[1], c[2], x[0] * 2.0], vec![c[0], c[0] * c[2]])
    });
    scanned(t, "two that change places", &case(&[&[20, 3], &[20, 3]], &[&[20, 3]], &[]), |_, c, x, _| {
        (vec![c[1], c[0]], vec![c[0] * x[0]])
    });
    scanned(t, "one that nobody reads and one that stays", &case(&[&[2, 3], &[2, 3]], &[&[2, 3]], &[]), |_, c, x, _| {
        (vec![x[0].exp(), c[1]], vec![c[1] * x[0]])
    });
    scanned(t, "results that are one another", &case(&[&[2, 3]], &[&[2, 3]], &[&[2, 3]]), |b, c, x, w| {
        let h = (c[0] + x[0]).sigmoid();
        (vec![h], vec![h, h, h.reshape([3, 2]), c[0], x[0], w[0], b.full([2], 3.0), h.transpose(&[1, 0])])
    });
    scanned(t, "nothing handed on", &case(&[], &[&[3, 2], &[2]], &[&[2, 2]]), |_, _, x, w| (vec![], vec![x[0].matmul(w[0]) * x[1]]));
    scanned(t, "no sequence", &case(&[&[18, 3]], &[], &[&[3, 3], &[18, 3]]), |_, c, _, w| {
        let h = (c[0].matmul(w[0]) * w[1]).tanh();
        (vec![h], vec![h])
    });
    scanned(t, "empty rows", &case(&[&[0, 3]], &[&[0, 3]], &[]), |_, c, x, _| (vec![c[0] + x[0]], vec![c[0]]));
    let numbers = vec![t.i32(&[4, 2]), t.f32(&[2])];
    t.add("scan whole numbers", numbers, |b, x| {
        let (last, ys) = b.scan(4, false, &[x[1]], &[x[0]], |c, x| {
            let next = c[0] + x[0].cast(DType::F32);
            (vec![next], vec![(x[0] + x[0]).cast(DType::F32)])
        });
        b.output("last", last[0]);
        b.output("ys", ys[0]);
    });
}

/// Steps in which the rows of a batch see each other, or that have no batch.
fn together(t: &mut Table) {
    let case = |carries, xs, shared| Case { steps: 3, reverse: false, carries, xs, shared };
    scanned(t, "the mean of the batch taken off", &case(&[&[20, 3]], &[&[20, 3]], &[]), |_, c, x, _| {
        let h = c[0] * 0.5 + x[0];
        let h = h - h.mean(&[0], true);
        (vec![h], vec![h])
    });
    scanned(t, "a matrix handed on", &case(&[&[4, 4]], &[&[4, 4]], &[]), |_, c, x, _| {
        let next = c[0].matmul(x[0]);
        (vec![next], vec![next.dot(c[0], true, false), next.dot(x[0], false, true)])
    });
    scanned(t, "weights of each step", &case(&[&[20, 4]], &[&[4, 4], &[1, 4]], &[]), |_, c, x, _| {
        let next = (c[0].matmul(x[0]) + x[1]).tanh();
        (vec![next], vec![next])
    });
    scanned(t, "a convolution", &case(&[&[18, 4, 5, 2]], &[&[18, 4, 5, 2]], &[&[3, 3, 2, 2]]), |_, c, x, w| {
        let spec = ConvSpec::same(&[4, 5], &[3, 3], &[1, 1], &[1, 1]);
        let h = (c[0].conv(w[0], spec) + x[0]).tanh();
        (vec![h], vec![h])
    });
    scanned(t, "softmax and heads", &case(&[&[20, 2, 3]], &[&[20, 3, 3]], &[&[3]]), |b, c, x, w| {
        let scores = c[0].matmul(x[0]).softmax(-1);
        let joined = concat(b, &[scores, c[0]], 2).slice(&[(0, 20, 1), (0, 2, 1), (1, 4, 1)]).reverse(&[2]);
        (vec![joined * w[0]], vec![joined.sum(&[2], false), joined.transpose(&[0, 2, 1])])
    });
}

fn nested(t: &mut Table) {
    let case = Case { steps: 3, reverse: false, carries: &[&[2, 3]], xs: &[&[4, 2, 3]], shared: &[&[3, 3]] };
    scanned(t, "within a scan", &case, |b, c, x, w| {
        let (last, ys) = b.scan(4, true, &[c[0]], &[x[0]], |c, x| {
            let h = (c[0].matmul(w[0]) + x[0]).tanh();
            (vec![h], vec![h])
        });
        (vec![last[0] + ys[0].sum(&[0], false)], vec![ys[0]])
    });
}

/// A state that goes on from run to run.
fn state(t: &mut Table) {
    let (slot, ty) = (SlotId(0), TensorType::f32([2, 3]));
    let b = Builder::new();
    let x = b.input("x", TensorType::f32([4, 2, 3]));
    let (last, _) = b.scan(4, false, &[b.state(slot, "h", ty)], &[x], |c, x| (vec![(c[0] + x[0]).tanh()], vec![]));
    b.update(slot, last[0]);
    b.output("last", last[0]);
    let (inputs, state) = (vec![t.f32(&[4, 2, 3])], vec![(slot, t.f32(&[2, 3]))]);
    t.samples.push(Sample { name: "scan of a state".into(), graph: b.finish().unwrap_or_default(), inputs, state });
}
