//! A network with its whole training step, written by hand: two dense layers, softmax cross-entropy, Adam, metric sums.

use adaline_graph::backend::TensorRef;
use adaline_graph::grad::gradients;
use adaline_graph::{Builder, DType, Graph, Role, Shape, SlotId, StateStore, TensorType, Var};
use adaline_testkit::Rng;

/// Sizes of the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) batch: usize,
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
    pub(crate) classes: usize,
}

/// A training step and the values it begins with.
pub(crate) struct Net {
    pub(crate) graph: Graph,
    pub(crate) store: StateStore,
    pub(crate) x: Vec<f32>,
    pub(crate) y: Vec<i32>,
}

struct Weight<'g> {
    slot: SlotId,
    moments: [SlotId; 2],
    name: String,
    value: Var<'g>,
}

fn weight<'g>(b: &'g Builder, store: &mut StateStore, rng: &mut Rng, name: &str, shape: Shape, scale: f32) -> Weight<'g> {
    let ty = TensorType::f32(shape);
    let slot = store.add(name, Role::Trainable, ty);
    for v in store.f32_mut(slot) {
        *v = scale * (rng.uniform(0.0, 1.0) as f32 - 0.5);
    }
    let moments = [store.add(&format!("{name}/m"), Role::Optimizer, ty), store.add(&format!("{name}/v"), Role::Optimizer, ty)];
    Weight { slot, moments, name: name.into(), value: b.state(slot, name, ty) }
}

/// `p - lr · m̂ / (√v̂ + ε)`, Kingma and Ba 2015, with the corrections folded into the step size as Keras does.
fn adam(b: &Builder, w: &Weight, grad: Var, rate: Var) {
    let ty = w.value.ty();
    let (m, v) = (b.state(w.moments[0], &format!("{}/m", w.name), ty), b.state(w.moments[1], &format!("{}/v", w.name), ty));
    let m = m + (grad - m) * 0.1;
    let v = v + (grad.square() - v) * 0.001;
    b.update(w.moments[0], m);
    b.update(w.moments[1], v);
    b.update(w.slot, w.value - m * rate / (v.sqrt() + 1e-7));
}

/// Builds it.
pub(crate) fn net(sizes: Sizes) -> Net {
    let Sizes { batch, inputs, hidden, classes } = sizes;
    let (b, mut store, mut rng) = (Builder::new(), StateStore::new(), Rng::new(5));
    let x = b.input("x", TensorType::f32([batch, inputs]));
    let y = b.input("y", TensorType::i32([batch]));
    let step = b.input("step", TensorType::f32(Shape::SCALAR));
    let lr = b.input("learning_rate", TensorType::f32(Shape::SCALAR));
    let scale = |fan: usize| 2.0 * (6.0 / fan as f32).sqrt();
    let (mut weights, mut logits) = (Vec::new(), x);
    for (name, from, to, last) in [("hidden", inputs, hidden, false), ("logits", hidden, classes, true)] {
        let k = weight(&b, &mut store, &mut rng, &format!("{name}/kernel"), Shape::new(&[from, to]), scale(from + to));
        let bias = weight(&b, &mut store, &mut rng, &format!("{name}/bias"), Shape::new(&[to]), 0.0);
        logits = b.scope(name, || {
            let z = logits.matmul(k.value) + bias.value;
            if last { z } else { z.relu() }
        });
        weights.push(k);
        weights.push(bias);
    }
    let loss = b.scope("loss", || {
        let picked = y.one_hot(classes) * logits.log_softmax(-1);
        -picked.sum(&[-1], false).mean(&[], false)
    });
    b.output("loss", loss);
    b.scope("metrics", || {
        let hits = logits.argmax(-1).equal(y).cast(DType::F32).sum(&[], false);
        for (name, value) in [("hits", hits), ("loss_sum", loss * batch as f32), ("seen", b.scalar(batch as f32))] {
            let slot = store.add(name, Role::Metric, TensorType::f32(Shape::SCALAR));
            b.update(slot, b.state(slot, name, TensorType::f32(Shape::SCALAR)) + value);
        }
    });
    let wrt: Vec<_> = weights.iter().map(|w| w.value.id()).collect();
    let grads = b.with_graph(|g| gradients(g, loss.id(), &wrt)).unwrap();
    b.scope("adam", || {
        let correct = |beta: f32| 1.0 - b.scalar(beta).pow(step);
        let rate = lr * correct(0.999).sqrt() / correct(0.9);
        for (w, g) in weights.iter().zip(grads) {
            adam(&b, w, b.var(g), rate);
        }
    });
    let x = (0..batch * inputs).map(|_| rng.uniform(0.0, 1.0) as f32 * 2.0 - 1.0).collect();
    let y = (0..batch).map(|_| rng.below(classes) as i32).collect();
    Net { graph: b.finish().unwrap(), store, x, y }
}

impl Net {
    /// The inputs of a step.
    pub(crate) fn inputs<'a>(&'a self, step: &'a [f32; 1], rate: &'a [f32; 1]) -> [TensorRef<'a>; 4] {
        [TensorRef::F32(&self.x), TensorRef::I32(&self.y), TensorRef::F32(step), TensorRef::F32(rate)]
    }
}
