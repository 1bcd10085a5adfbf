use crate::backend::CompileOptions;
use crate::eval::{Value, evaluate};
use crate::grad::gradients;
use crate::{Builder, Graph, Op, TensorType, Var, concat, pass, text, verify};

/// An Elman cell with everything that a body may have: values from outside, constants, broadcasts, a slice.
fn cell<'g>(b: &'g Builder, h: Var<'g>, x: Var<'g>, w: Var<'g>, bias: Var<'g>) -> Var<'g> {
    let z = (concat(b, &[x, h], 1).matmul(w) + bias).tanh();
    z * 0.9 + h * 0.1
}

fn inputs(b: &Builder) -> [Var<'_>; 4] {
    let f = |name, dims: &[usize]| b.input(name, TensorType::f32(dims));
    [f("x", &[4, 2, 3]), f("h", &[2, 5]), f("w", &[8, 5]), f("bias", &[5])]
}

fn values() -> Vec<Value> {
    let wave = |dims: &[usize], seed: usize| {
        let n = dims.iter().product::<usize>();
        let data: Vec<f32> = (0..n).map(|i| (((i * 37 + seed * 11) % 29) as f32 / 14.5 - 1.0) * 0.8).collect();
        Value::f32(dims, &data)
    };
    vec![wave(&[4, 2, 3], 1), wave(&[2, 5], 2), wave(&[8, 5], 3), wave(&[5], 4)]
}

/// How to write the recurrence.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Scanned,
    Unrolled,
    /// In stretches of so many steps.
    Stretches(usize),
}

/// Loss and gradients of the recurrence.
fn trained(how: How, reverse: bool) -> Graph {
    let b = Builder::new();
    let [x, h, w, bias] = inputs(&b);
    let (last, ys) = if how == How::Unrolled {
        let (mut state, mut ys) = (h, vec![h; 4]);
        for step in 0..4 {
            let t = if reverse { 3 - step } else { step };
            state = cell(&b, state, x.slice(&[(t, t + 1, 1), (0, 2, 1), (0, 3, 1)]).reshape([2, 3]), w, bias);
            ys[t] = state;
        }
        let stack: Vec<Var> = ys.iter().map(|y| y.reshape([1, 2, 5])).collect();
        (state, concat(&b, &stack, 0))
    } else {
        let step = |h: &[Var<'_>], x: &[Var<'_>]| {
            let var = |v: Var<'_>| b.var(v.id());
            let next = cell(&b, var(h[0]), var(x[0]), w, bias);
            (vec![next], vec![next])
        };
        let (last, ys) = match how {
            How::Stretches(every) => b.scan_in_stretches((4, every), reverse, &[h], &[x], step),
            How::Scanned | How::Unrolled => b.scan(4, reverse, &[h], &[x], step),
        };
        (last[0], ys[0])
    };
    let loss = (last * last).sum(&[], false) + (ys.exp() * x.sum(&[2], true)).mean(&[], false);
    let grads = b.with_graph(|g| gradients(g, loss.id(), &[x.id(), h.id(), w.id(), bias.id()])).unwrap();
    b.output("loss", loss);
    for (i, g) in grads.into_iter().enumerate() {
        b.output(&format!("gradient {i}"), b.var(g));
    }
    b.output("ys", ys);
    b.finish().unwrap()
}

#[test]
fn a_scan_and_its_gradient_are_those_of_the_steps_written_out() {
    for (reverse, how) in
        [How::Scanned, How::Stretches(2), How::Stretches(3), How::Stretches(1)].into_iter().flat_map(|h| [(false, h), (true, h)])
    {
        let (scanned, unrolled) = (trained(how, reverse), trained(How::Unrolled, reverse));
        verify::verify(&scanned, verify::Stage::Built).unwrap();
        let run = |g: &Graph| evaluate(g, &values(), &|_| None).unwrap().outputs;
        for (i, (a, b)) in run(&scanned).iter().zip(run(&unrolled)).enumerate() {
            assert_eq!(a.ty, b.ty);
            for (x, y) in a.data.iter().zip(&b.data) {
                assert!((x - y).abs() <= 1e-12 * y.abs().max(1.0), "output {i}, reverse {reverse}: {x} against {y}");
            }
        }
    }
}

#[test]
fn text_reads_back() {
    let graph = trained(How::Stretches(2), true);
    let again = text::parse(&graph.to_string()).unwrap();
    assert_eq!(again.to_string(), graph.to_string());
    let run = |g: &Graph| evaluate(g, &values(), &|_| None).unwrap().outputs;
    assert_eq!(run(&again), run(&graph));
}

/// Elements of the results of all scans outside of others: what lives from the way forward to the way back.
fn kept(graph: &Graph) -> usize {
    let scans = graph.nodes().iter().filter(|n| matches!(n.op, Op::Scan { .. }));
    scans.map(|n| n.ty.len()).sum()
}

/// The gradient of a tanh cell over so many steps.
fn long(steps: usize, every: Option<usize>) -> Graph {
    let b = Builder::new();
    let (x, w) = (b.input("x", TensorType::f32([steps, 2, 4])), b.input("w", TensorType::f32([4, 4])));
    let step = |h: &[Var<'_>], x: &[Var<'_>]| {
        let var = |v: Var<'_>| b.var(v.id());
        (vec![((var(h[0]) + var(x[0])).tanh().matmul(w)).tanh()], vec![])
    };
    let zero = b.full([2, 4], 0.0);
    let (last, _) = match every {
        Some(every) => b.scan_in_stretches((steps, every), false, &[zero], &[x], step),
        None => b.scan(steps, false, &[zero], &[x], step),
    };
    let loss = last[0].sum(&[], false);
    let g = b.with_graph(|g| gradients(g, loss.id(), &[w.id()])).unwrap()[0];
    b.output("gradient", b.var(g));
    pass::pipeline(&b.finish().unwrap(), &CompileOptions::default()).unwrap()
}

#[test]
fn stretches_keep_less() {
    let (all, few) = (kept(&long(256, None)), kept(&long(256, Some(16))));
    assert!(few * 8 < all, "{few} of {all}");
}

#[test]
fn the_way_forward_is_gone_once() {
    let scans = |g: &Graph| g.nodes().iter().filter(|n| matches!(n.op, Op::Scan { .. })).count();
    let simplified = pass::pipeline(&trained(How::Scanned, false), &CompileOptions::default()).unwrap();
    assert_eq!(scans(&simplified), 2, "{simplified}");
}

#[test]
fn a_product_of_a_sequence_is_taken_out_of_the_steps() {
    let b = Builder::new();
    let (x, w, u) =
        (b.input("x", TensorType::f32([5, 2, 40])), b.input("w", TensorType::f32([40, 4])), b.input("u", TensorType::f32([4, 4])));
    let (last, _) = b.scan(5, false, &[b.full([2, 4], 0.0)], &[x], |h, x| (vec![((x[0] * 2.0).matmul(w) + h[0].matmul(u)).tanh()], vec![]));
    b.output("last", last[0]);
    let graph = b.finish().unwrap();
    let dots = |g: &Graph| g.nodes().iter().filter(|n| matches!(n.op, Op::Dot { .. })).count();
    assert_eq!((dots(&graph), dots(graph.bodies()[0].graph())), (1, 1), "{graph}");
}
