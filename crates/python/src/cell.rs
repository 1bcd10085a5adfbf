//! Cells of recurrent layers written in Python: one step of a sequence, traced once.

use crate::layer::PythonLayer;
use crate::node::{Node, operand};
use crate::trace::{keep, with_builder, within, within_layer};
use adaline::graph::{NodeId, Shape, Var};
use adaline::nn::Trace;
use adaline::nn::layers::recurrent::{Outputs, Pass, Passed, RnnCell};
use pyo3::prelude::*;
use pyo3::types::PyList;

impl PythonLayer {
    /// What the object says of itself as a cell.
    fn told_of_cell<T>(&self, ask: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T>) -> Option<T> {
        Python::attach(|py| ask(self.object().bind(py))).map_err(keep).ok()
    }
    /// The output of one step and the states after it.
    fn step<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>, states: &[Var<'g>]) -> (Var<'g>, Vec<Var<'g>>) {
        let b = cx.builder();
        let given: Vec<Node> = std::iter::once(&x).chain(states).map(|&v| Node::of(v)).collect();
        let called = within_layer(cx, || {
            Python::attach(|py| -> PyResult<Vec<NodeId>> {
                let given: Vec<Bound<'_, Node>> = given.into_iter().map(|n| Bound::new(py, n)).collect::<PyResult<_>>()?;
                let results = self.object().bind(py).call_method1("_trace_step", (PyList::new(py, given)?,))?;
                results.try_iter()?.map(|r| with_builder(|b| operand(b, &r?).map(Var::id))).collect()
            })
        });
        let called = match called {
            Ok(ids) => ids,
            Err(error) => return (b.error(keep(error)), states.to_vec()),
        };
        let mut results = called.into_iter().map(|id| cx.compute(b.var(id)));
        match results.next() {
            Some(output) => {
                let new: Vec<Var<'g>> = results.collect();
                if new.len() == states.len() {
                    return (output, new);
                }
                let text = format!(
                    "the cell has {} states (`state_size`), but its call gave {}: return the output and all new states",
                    states.len(),
                    new.len()
                );
                (b.error(text), states.to_vec())
            }
            None => (b.error("a cell without output"), states.to_vec()),
        }
    }
}

impl RnnCell for PythonLayer {
    fn states(&self, _: &[usize]) -> Vec<Vec<usize>> {
        self.told_of_cell(|cell| cell.call_method0("_cell_states")?.extract()).unwrap_or_default()
    }
    fn output_is_state(&self) -> bool {
        false
    }
    fn output_row(&self, _: &[usize]) -> Vec<usize> {
        self.told_of_cell(|cell| cell.call_method0("_cell_output")?.extract()).unwrap_or_default()
    }
    fn initial<'g>(&self, cx: &Trace<'g, '_>, batch: usize) -> Option<Vec<Var<'g>>> {
        let b = cx.builder();
        let told = within(b, || {
            self.told_of_cell(|cell| {
                let states = cell.call_method1("_trace_initial", (batch,))?;
                if states.is_none() {
                    return Ok(None);
                }
                let ids: PyResult<Vec<NodeId>> = states.try_iter()?.map(|s| with_builder(|b| operand(b, &s?).map(Var::id))).collect();
                ids.map(Some)
            })
        });
        told.flatten().map(|ids| ids.into_iter().map(|id| cx.compute(b.var(id))).collect())
    }
    fn run<'g>(&self, cx: &mut Trace<'g, '_>, pass: &Pass<'g>, xs: Var<'g>, initial: &[Var<'g>]) -> Passed<'g> {
        let b = cx.builder();
        if b.failed() {
            return Passed { outputs: Some(xs), states: initial.to_vec() };
        }
        let mut sequences = vec![xs];
        sequences.extend(pass.mask);
        let mut carries = initial.to_vec();
        let repeats = pass.outputs == Outputs::Repeated && pass.mask.is_some();
        if repeats {
            let (batch, row) = (xs.dim(1), self.output_row(&xs.shape().dims()[2..]));
            match Shape::try_new(&[&[batch], &row[..]].concat()) {
                Some(shape) => carries.push(b.full(shape, 0.0)),
                None => return Passed { outputs: Some(b.error("outputs of a cell are too large")), states: initial.to_vec() },
            }
        }
        let (states, outputs) = b.scan(xs.dim(0), pass.reverse, &carries, &sequences, |carries, seen| {
            let (states, before) = carries.split_at(initial.len());
            let (mut output, mut new) = cx.step(|cx| self.step(cx, seen[0], states));
            if let Some(&counts) = seen.get(1).filter(|_| !b.failed()) {
                // (B) beside values of any rank.
                let of = |v: Var<'g>| {
                    let dims: Vec<usize> = (0..v.rank()).map(|axis| if axis == 0 { counts.dim(0) } else { 1 }).collect();
                    counts.reshape(Shape::new(&dims))
                };
                output = match (pass.outputs, before) {
                    (Outputs::Zeroed, _) => of(output).select(output, b.full(output.shape(), 0.0)),
                    (Outputs::Repeated, &[before]) => of(output).select(output, before),
                    // As Keras, which takes the first state for the output before.
                    _ => match states.first() {
                        Some(&state) => of(output).select(output, state),
                        None => output,
                    },
                };
                new = new.iter().zip(states).map(|(&new, &old)| of(new).select(new, old)).collect();
            }
            if repeats {
                new.push(output);
            }
            (new, vec![output])
        });
        Passed { outputs: outputs.first().copied(), states: states.into_iter().take(initial.len()).collect() }
    }
}
