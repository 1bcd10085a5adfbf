use crate::eval::{Value, evaluate};
use crate::grad::gradients;
use crate::{Builder, Graph, TensorType, Var, concat, text, verify};

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

/// Loss and gradients of the recurrence, as a scan or written out step by step.
fn trained(unrolled: bool, reverse: bool) -> Graph {
    let b = Builder::new();
    let [x, h, w, bias] = inputs(&b);
    let (last, ys) = if unrolled {
        let (mut state, mut ys) = (h, vec![h; 4]);
        for step in 0..4 {
            let t = if reverse { 3 - step } else { step };
            state = cell(&b, state, x.slice(&[(t, t + 1, 1), (0, 2, 1), (0, 3, 1)]).reshape([2, 3]), w, bias);
            ys[t] = state;
        }
        let stack: Vec<Var> = ys.iter().map(|y| y.reshape([1, 2, 5])).collect();
        (state, concat(&b, &stack, 0))
    } else {
        let (last, ys) = b.scan(4, reverse, &[h], &[x], |h, x| {
            let next = cell(&b, h[0], x[0], w, bias);
            (vec![next], vec![next])
        });
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
    for reverse in [false, true] {
        let (scanned, unrolled) = (trained(false, reverse), trained(true, reverse));
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
    let graph = trained(false, true);
    let again = text::parse(&graph.to_string()).unwrap();
    assert_eq!(again.to_string(), graph.to_string());
    let run = |g: &Graph| evaluate(g, &values(), &|_| None).unwrap().outputs;
    assert_eq!(run(&again), run(&graph));
}
