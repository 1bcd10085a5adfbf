//! RNN, GRU, LSTM: each direction is one scan. `(T, B, ..)`, or `(B, T, ..)` with `layout` 1; gates of an LSTM in the order i, o, f, c, of a GRU z, r, h.

use super::index::reversed;
use super::moves::cut;
use crate::import::call::{Call, Made, Trouble, Value};
use adaline_graph::{DType, Var};

/// An activation with its numbers.
#[derive(Clone)]
struct Activation {
    name: String,
    alpha: f32,
    beta: f32,
}

impl Activation {
    fn of<'g>(&self, x: Var<'g>) -> Var<'g> {
        let (a, b) = (self.alpha, self.beta);
        let zero = x.builder().full(x.shape(), 0.0);
        match self.name.as_str() {
            "relu" => x.relu(),
            "sigmoid" => x.sigmoid(),
            "affine" => x * a + b,
            "leakyrelu" => x.lt(zero).select(x * a, x),
            "thresholdedrelu" => x.gt_scalar(a).select(x, zero),
            "scaledtanh" => (x * b).tanh() * a,
            "hardsigmoid" => (x * a + b).clip(0.0, 1.0),
            "elu" => x.lt(zero).select(x.min_scalar(0.0).expm1() * a, x),
            "softsign" => super::activation::softsign(x),
            "softplus" => x.softplus(),
            _ => x.tanh(),
        }
    }
}

/// All activations, `each` for a direction.
fn activations(c: &Call<'_, '_>, defaults: &[&str], directions: usize) -> Result<Vec<Activation>, Trouble> {
    let mut names: Vec<String> = c.texts("activations")?.iter().map(|n| n.to_ascii_lowercase()).collect();
    if names.is_empty() {
        names = defaults.iter().cycle().take(defaults.len() * directions).map(|&n| n.to_owned()).collect();
    }
    if names.len() != defaults.len() * directions {
        return Err(format!("{} activations are not {} for each of {directions} directions", names.len(), defaults.len()).into());
    }
    let (mut alphas, mut betas) = (c.reals("activation_alpha")?.iter(), c.reals("activation_beta")?.iter());
    let made = names.into_iter().map(|name| {
        let (alpha, beta) = match name.as_str() {
            "relu" | "tanh" | "sigmoid" | "softsign" | "softplus" => (None, None),
            "affine" => (Some(1.0), Some(0.0)),
            "leakyrelu" => (Some(0.01), None),
            "thresholdedrelu" | "elu" => (Some(1.0), None),
            "scaledtanh" => (Some(1.0), Some(1.0)),
            "hardsigmoid" => (Some(0.2), Some(0.5)),
            other => return Err(Trouble::Says(format!("the activation {other} is not supported"))),
        };
        let next = |default: Option<f32>, list: &mut std::slice::Iter<'_, f32>| default.map_or(0.0, |d| list.next().copied().unwrap_or(d));
        let (alpha, beta) = (next(alpha, &mut alphas), next(beta, &mut betas));
        Ok(Activation { name, alpha, beta })
    });
    made.collect()
}

/// What all three have in common.
struct Layer<'g> {
    /// `(T, B, I)`.
    x: Var<'g>,
    directions: usize,
    backward_first: bool,
    hidden: usize,
    gates: usize,
    lengths: Option<Var<'g>>,
    batch_first: bool,
    clip: Option<f32>,
}

impl<'g> Layer<'g> {
    fn read(c: &Call<'_, 'g>, gates: usize) -> Result<Self, Trouble> {
        let x = c.float(0)?;
        let (w, r) = (c.float(1)?, c.float(2)?);
        let batch_first = c.flag("layout")?;
        if x.rank() != 3 || w.rank() != 3 || r.rank() != 3 {
            return Err(format!("it takes three axes each, not inputs {}, {} and {}", x.shape(), w.shape(), r.shape()).into());
        }
        let x = if batch_first { x.transpose(&[1, 0, 2]) } else { x };
        let (directions, backward_first) = match c.text_or("direction", "forward")? {
            "forward" => (1, false),
            "reverse" => (1, true),
            "bidirectional" => (2, false),
            other => return Err(format!("attribute `direction` cannot be {other}").into()),
        };
        let hidden = r.dim(2);
        let fits = w.shape().dims() == [directions, gates * hidden, x.dim(2)] && r.shape().dims() == [directions, gates * hidden, hidden];
        let named = c.int("hidden_size")?.is_none_or(|n| n == hidden as i64);
        if !fits || !named || hidden == 0 || x.dim(0) == 0 {
            return Err(format!("weights {} and {} do not go with inputs {}", w.shape(), r.shape(), x.shape()).into());
        }
        let lengths = c.maybe_var(4)?;
        if lengths.is_some_and(|l| l.shape().dims() != [x.dim(1)]) {
            return Err("`sequence_lens` must be one number for each row".into());
        }
        Ok(Self { x, directions, backward_first, hidden, gates, lengths, batch_first, clip: c.real("clip")?.filter(|&v| v > 0.0) })
    }
    /// Part `d` of an input with a part for each direction.
    fn part(d: usize, x: Var<'g>) -> Var<'g> {
        let dims = x.shape().dims().to_vec();
        cut(x, 0, d, d + 1).reshape(&dims[1..])
    }
    /// First state `(B, H)` of direction `d`.
    fn first(&self, c: &Call<'_, 'g>, i: usize, d: usize) -> Result<Var<'g>, Trouble> {
        let (rows, hidden) = (self.x.dim(1), self.hidden);
        let Some(h) = c.maybe_float(i)? else { return Ok(c.b().full([rows, hidden], 0.0)) };
        let h = if self.batch_first && h.rank() == 3 { h.transpose(&[1, 0, 2]) } else { h };
        if h.shape().dims() != [self.directions, rows, hidden] {
            return Err(format!("a first state of shape {} does not go with {rows} rows of {hidden}", h.shape()).into());
        }
        Ok(Self::part(d, h))
    }
    /// `gates * H` biases of the input, and as many of the state.
    fn bias(&self, c: &Call<'_, 'g>, d: usize) -> Result<(Var<'g>, Var<'g>), Trouble> {
        let n = self.gates * self.hidden;
        let Some(bias) = c.maybe_float(3)? else { return Ok((c.b().full([n], 0.0), c.b().full([n], 0.0))) };
        if bias.shape().dims() != [self.directions, 2 * n] {
            return Err(format!("a bias of shape {} is not ({}, {})", bias.shape(), self.directions, 2 * n).into());
        }
        let bias = Self::part(d, bias);
        Ok((cut(bias, 0, 0, n), cut(bias, 0, n, 2 * n)))
    }
    fn clipped(&self, x: Var<'g>) -> Var<'g> {
        self.clip.map_or(x, |v| x.clip(-v, v))
    }
    fn gate(&self, x: Var<'g>, i: usize) -> Var<'g> {
        cut(x, x.rank() - 1, i * self.hidden, (i + 1) * self.hidden)
    }

    /// One direction: `step(states, xw, r)` gives the new states from the old ones and from the product of a step's input with the weights
    /// `(B, gates * H)`. Returned are the results of all steps `(T, B, H)` and the last states.
    fn run(
        &self,
        c: &Call<'_, 'g>,
        d: usize,
        first: &[Var<'g>],
        step: impl Fn(&[Var<'g>], Var<'g>) -> Vec<Var<'g>>,
    ) -> Result<(Var<'g>, Vec<Var<'g>>), Trouble> {
        let (b, backward) = (c.b(), self.backward_first || d == 1);
        let (steps, rows) = (self.x.dim(0), self.x.dim(1));
        let turn = |v: Var<'g>| match (backward, self.lengths) {
            (true, Some(lengths)) => reversed(v, lengths, 1, 0),
            _ => Ok(v),
        };
        let x = turn(self.x)?;
        let w = Self::part(d, c.float(1)?);
        let xw = x.reshape([steps * rows, x.dim(2)]).dot(w, false, true).reshape([steps, rows, self.gates * self.hidden]);
        let counts = match self.lengths {
            Some(lengths) => {
                let all = Call::shape_of(&[steps, rows, 1])?;
                Some(b.iota(all, 0).lt(lengths.reshape([1, rows, 1]).broadcast_to(all)).cast(DType::F32))
            }
            None => None,
        };
        let seen: Vec<Var<'g>> = std::iter::once(xw).chain(counts).collect();
        let (last, ys) = b.scan(steps, backward && counts.is_none(), first, &seen, |states, seen| {
            let mut next = step(states, seen[0]);
            let mut y = next[0];
            if let Some(count) = seen.get(1) {
                // Behind the end of a row its states stay, and its results are zero.
                let count = count.broadcast_to(y.shape()).gt_scalar(0.5);
                y = count.select(y, b.full(y.shape(), 0.0));
                next = next.iter().zip(states).map(|(&n, &s)| count.select(n, s)).collect();
            }
            (next, vec![y])
        });
        Ok((turn(ys[0])?, last))
    }

    /// The three results from those of the directions.
    fn joined(&self, c: &Call<'_, 'g>, parts: &[(Var<'g>, Vec<Var<'g>>)]) -> Made<'g> {
        let (b, kind) = (c.b(), c.kind(0)?);
        let states = parts[0].1.len();
        let stacked = |all: Vec<Var<'g>>, axis: isize| {
            let wide: Vec<Var<'g>> = all.into_iter().map(|v| v.expand_dims(axis)).collect();
            adaline_graph::concat(b, &wide, axis)
        };
        let mut y = stacked(parts.iter().map(|p| p.0).collect(), 1);
        if self.batch_first {
            y = y.transpose(&[2, 0, 1, 3]);
        }
        let mut made = vec![Value::Var(y, kind)];
        for i in 0..states {
            let mut last = stacked(parts.iter().map(|p| p.1[i]).collect(), 0);
            if self.batch_first {
                last = last.transpose(&[1, 0, 2]);
            }
            made.push(Value::Var(last, kind));
        }
        Ok(made)
    }
}

pub(crate) fn rnn<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let layer = Layer::read(c, 1)?;
    let functions = activations(c, &["tanh"], layer.directions)?;
    let mut parts = Vec::new();
    for (d, function) in functions.iter().enumerate() {
        let ((wb, rb), r) = (layer.bias(c, d)?, Layer::part(d, c.float(2)?));
        let first = [layer.first(c, 5, d)?];
        parts.push(layer.run(c, d, &first, |h, xw| {
            let sum = xw + h[0].dot(r, false, true) + wb + rb;
            vec![function.of(layer.clipped(sum))]
        })?);
    }
    layer.joined(c, &parts)
}

pub(crate) fn gru<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let layer = Layer::read(c, 3)?;
    let functions = activations(c, &["sigmoid", "tanh"], layer.directions)?;
    let reset_after = c.flag("linear_before_reset")?;
    let n = layer.hidden;
    let mut parts = Vec::new();
    for d in 0..layer.directions {
        let ((wb, rb), r) = (layer.bias(c, d)?, Layer::part(d, c.float(2)?));
        let first = [layer.first(c, 5, d)?];
        let (f, g) = (&functions[2 * d], &functions[2 * d + 1]);
        let (r_gates, r_new) = (cut(r, 0, 0, 2 * n), cut(r, 0, 2 * n, 3 * n));
        let gate_bias = cut(wb + rb, 0, 0, 2 * n);
        let (wb_new, rb_new) = (layer.gate(wb, 2), layer.gate(rb, 2));
        parts.push(layer.run(c, d, &first, |h, xw| {
            let h = h[0];
            let gates = f.of(layer.clipped(cut(xw, 1, 0, 2 * n) + h.dot(r_gates, false, true) + gate_bias));
            let (z, reset) = (layer.gate(gates, 0), layer.gate(gates, 1));
            let part =
                if reset_after { reset * (h.dot(r_new, false, true) + rb_new) } else { (reset * h).dot(r_new, false, true) + rb_new };
            let new = g.of(layer.clipped(layer.gate(xw, 2) + wb_new + part));
            vec![(1.0 - z) * new + z * h]
        })?);
    }
    layer.joined(c, &parts)
}

pub(crate) fn lstm<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let layer = Layer::read(c, 4)?;
    let functions = activations(c, &["sigmoid", "tanh", "tanh"], layer.directions)?;
    let coupled = c.flag("input_forget")?;
    let n = layer.hidden;
    let mut parts = Vec::new();
    for d in 0..layer.directions {
        let ((wb, rb), r) = (layer.bias(c, d)?, Layer::part(d, c.float(2)?));
        let first = [layer.first(c, 5, d)?, layer.first(c, 6, d)?];
        // What gates see of the state of the cell: i, o, f.
        let peep = match c.maybe_float(7)? {
            Some(p) if p.shape().dims() == [layer.directions, 3 * n] => Some(Layer::part(d, p)),
            Some(p) => return Err(format!("peepholes of shape {} are not ({}, {})", p.shape(), layer.directions, 3 * n).into()),
            None => None,
        };
        let [f, g, h] = &functions[3 * d..3 * d + 3] else { return Err("an activation is missing".into()) };
        let bias = wb + rb;
        parts.push(layer.run(c, d, &first, |states, xw| {
            let cell = states[1];
            let sums = xw + states[0].dot(r, false, true) + bias;
            let gate = |i: usize, peek: usize, cell: Var<'g>| {
                let sum = layer.gate(sums, i);
                f.of(layer.clipped(peep.map_or(sum, |p| sum + cell * layer.gate(p, peek))))
            };
            let input = gate(0, 0, cell);
            let forget = if coupled { 1.0 - input } else { gate(2, 2, cell) };
            let new = g.of(layer.clipped(layer.gate(sums, 3)));
            let cell = forget * cell + input * new;
            let output = gate(1, 1, cell);
            vec![output * h.of(cell), cell]
        })?);
    }
    layer.joined(c, &parts)
}
