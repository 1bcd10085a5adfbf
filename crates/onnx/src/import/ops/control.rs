//! Graphs within graphs: `If` with a condition that is known, `Loop` with a number of rounds that is known (unrolled), `Scan`.

use crate::import::call::{Call, Made, Trouble, Value};
use crate::import::check::{Attribute, Graph};
use crate::import::kind::Kind;
use crate::import::tensor::OnnxTensor;
use crate::import::trace::Scope;
use adaline_graph::{DType, Var};
use std::cell::RefCell;
use std::sync::Arc;

/// Most rounds of all loops of a model together.
const ROUNDS: usize = 1 << 13;

fn body<'a>(c: &'a Call<'_, '_>, name: &str) -> Result<&'a Graph, Trouble> {
    match c.attribute(name) {
        Some(Attribute::Graph(g)) => Ok(g),
        _ => Err(format!("attribute `{name}` must be a graph").into()),
    }
}

/// Writes a graph with the given inputs; its outputs.
fn written<'g>(c: &Call<'_, 'g>, graph: &Graph, given: Vec<Value<'g>>) -> Made<'g> {
    if graph.inputs.len() != given.len() {
        return Err(format!("the graph within takes {} inputs and is given {}", graph.inputs.len(), given.len()).into());
    }
    let scope = Scope { names: RefCell::default(), outer: c.scope };
    for (spec, value) in graph.inputs.iter().zip(given) {
        scope.names.borrow_mut().insert(spec.name.clone(), value);
    }
    if let Err(e) = c.ctx.graph(graph, &scope) {
        c.ctx.inner.borrow_mut().get_or_insert(e);
        return Err(Trouble::Latched);
    }
    graph.outputs.iter().map(|o| scope.get(&o.name).ok_or_else(|| format!("its output `{}` is nowhere made", o.name).into())).collect()
}

pub(crate) fn branch<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let which = if c.number(0)? == 0.0 { "else_branch" } else { "then_branch" };
    written(c, body(c, which)?, Vec::new())
}

pub(crate) fn repeat<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let graph = body(c, "body")?;
    let rounds = if c.has(0) { c.number(0)? as i64 } else { i64::MAX };
    let mut go_on = !c.has(1) || c.number(1)? != 0.0;
    let mut states: Vec<Value<'g>> = c.inputs.iter().skip(2).flatten().cloned().collect();
    let stacked = graph.outputs.len().checked_sub(1 + states.len()).ok_or("its body has too few outputs")?;
    let mut results: Vec<Vec<Value<'g>>> = vec![Vec::new(); stacked];
    let mut round = 0;
    while go_on && round < rounds {
        c.ctx.unrolled.set(c.ctx.unrolled.get() + 1);
        if c.ctx.unrolled.get() > ROUNDS {
            return Err(format!("its rounds are unrolled, and there are more than {ROUNDS}").into());
        }
        let known = |t: OnnxTensor| Value::Known(Arc::new(t));
        let truth = OnnxTensor::from_f64(Kind::Bool, adaline_graph::Shape::SCALAR, &[1.0]);
        let given = [known(OnnxTensor::number(round)), known(truth)].into_iter().chain(states.iter().cloned()).collect();
        let mut made = written(c, graph, given)?.into_iter();
        go_on = match made.next() {
            Some(Value::Known(t)) => t.to_f64().first().is_some_and(|&v| v != 0.0),
            Some(Value::Var(v, _)) => return Err(Trouble::Needs(v.id())),
            None => false,
        };
        let count = states.len();
        states = made.by_ref().take(count).collect();
        for (all, value) in results.iter_mut().zip(made) {
            all.push(value);
        }
        round += 1;
    }
    for all in results {
        let Some(first) = all.first() else { return Err("it does no round, so that the shapes of its results are unknown".into()) };
        let kind = first.kind();
        let parts: Vec<Var<'g>> = all.iter().map(|v| c.ctx.var(v).map(|v| v.expand_dims(0))).collect::<Result<_, _>>()?;
        states.push(Value::Var(adaline_graph::concat(c.b(), &parts, 0), kind));
    }
    Ok(states)
}

/// With axis `axis` in front.
fn in_front(x: Var<'_>, axis: usize) -> Var<'_> {
    let perm: Vec<usize> = std::iter::once(axis).chain((0..x.rank()).filter(|&a| a != axis)).collect();
    x.transpose(&perm)
}

pub(crate) fn scan<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    if c.opset() < 9 {
        return Err("its form before version 9, with batches, is not supported".into());
    }
    let graph = body(c, "body")?;
    let n = usize::try_from(c.int_or("num_scan_inputs", 0)?).ok().filter(|&n| n > 0 && n <= c.inputs.len());
    let n = n.ok_or("attribute `num_scan_inputs` must be 1 to the number of its inputs")?;
    let states = c.inputs.len() - n;
    let stacked = graph.outputs.len().checked_sub(states).ok_or("its body has too few outputs")?;
    let at = |name: &str, i: usize| -> Result<i64, Trouble> { Ok(c.list(name)?.and_then(|l| l.get(i).copied()).unwrap_or(0)) };

    let (mut kinds, mut first, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..states {
        kinds.push(c.kind(i)?);
        first.push(c.var(i)?.cast(DType::F32));
    }
    for i in 0..n {
        let mut x = c.var(states + i)?;
        x = in_front(x, Call::axis(at("scan_input_axes", i)?, x.rank())?);
        if at("scan_input_directions", i)? != 0 {
            x = x.reverse(&[0]);
        }
        kinds.push(c.kind(states + i)?);
        seen.push(x);
    }
    let steps = seen[0].dim(0);
    if steps == 0 {
        return Err("it has no step, so that the shapes of its results are unknown".into());
    }
    let trouble = RefCell::new(None);
    let out_kinds = RefCell::new(Vec::new());
    let (last, ys) = c.b().scan(steps, false, &first, &seen, |states, seen| {
        let given = states.iter().chain(seen).zip(&kinds).map(|(v, &k)| Value::Var(v.cast(k.dtype()), k)).collect();
        let made = written(c, graph, given).and_then(|made| {
            *out_kinds.borrow_mut() = made.iter().map(Value::kind).collect();
            made.iter().map(|v| Ok(c.ctx.var(v)?.cast(DType::F32))).collect::<Result<Vec<Var<'g>>, Trouble>>()
        });
        match made {
            Ok(mut next) => {
                let results = next.split_off(states.len());
                (next, results)
            }
            Err(e) => {
                trouble.borrow_mut().get_or_insert(e);
                let poison = c.b().error("the body of a scan cannot be written");
                (vec![poison; states.len()], vec![poison; stacked])
            }
        }
    });
    if let Some(e) = trouble.take() {
        return Err(e);
    }
    let out_kinds = out_kinds.take();
    let mut made = Vec::with_capacity(states + stacked);
    for (v, &kind) in last.into_iter().zip(&kinds) {
        made.push(Value::Var(v.cast(kind.dtype()), kind));
    }
    for (i, (mut y, &kind)) in ys.into_iter().zip(out_kinds.get(states..).unwrap_or(&[])).enumerate() {
        if at("scan_output_directions", i)? != 0 {
            y = y.reverse(&[0]);
        }
        let axis = Call::axis(at("scan_output_axes", i)?, y.rank())?;
        let mut perm: Vec<usize> = (1..y.rank()).collect();
        perm.insert(axis, 0);
        made.push(Value::Var(y.transpose(&perm).cast(kind.dtype()), kind));
    }
    Ok(made)
}
