//! Writing a scan: its body is written into the graph around it, as for one step; then what depends on the step is taken out.

use super::Body;
use crate::{Builder, DType, Graph, GraphError, NodeId, Op, Shape, TensorType, Var};
use std::sync::Arc;

impl Builder {
    /// `steps` times `body`, from the first step to the last (or back, with `reverse`).
    ///
    /// The first step is handed `carries`, each other one what the step before hands on. Of each of `xs` `[T, ..]`, step t sees element t
    /// `[..]`. The body returns what it hands on, of the types of `carries`, and its results. Returned are what the last step hands on, and the
    /// results of all steps stacked along a new first axis `[T, ..]`; with `reverse`, sequences and results keep their places.
    ///
    /// The body may use any handle of this builder. What depends on neither carries nor sequences is computed once, before the first step. All that
    /// goes from step to step, and all results, are `f32`. Wrong types latch an error.
    ///
    /// ```
    /// use adaline_graph::{Builder, TensorType, eval};
    ///
    /// let b = Builder::new();
    /// let x = b.input("x", TensorType::f32([3, 2])); // three steps of two numbers
    /// let (last, sums) = b.scan(3, false, &[b.full([2], 0.0)], &[x], |sum, x| {
    ///     let next = sum[0] + x[0];
    ///     (vec![next], vec![next])
    /// });
    /// b.output("last", last[0]);
    /// b.output("sums", sums[0]); // [3, 2]
    /// let graph = b.finish().unwrap();
    /// let run = eval::evaluate(&graph, &[eval::Value::f32([3, 2], &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0])], &|_| None).unwrap();
    /// assert_eq!(run.outputs[0].data, [6.0, 60.0]);
    /// assert_eq!(run.outputs[1].data, [1.0, 10.0, 3.0, 30.0, 6.0, 60.0]);
    /// ```
    pub fn scan<'g>(
        &'g self,
        steps: usize,
        reverse: bool,
        carries: &[Var<'g>],
        xs: &[Var<'g>],
        body: impl FnOnce(&[Var<'g>], &[Var<'g>]) -> (Vec<Var<'g>>, Vec<Var<'g>>),
    ) -> (Vec<Var<'g>>, Vec<Var<'g>>) {
        for x in xs {
            if !self.failed() && (x.rank() == 0 || x.dim(0) != steps) {
                self.error(format!("a scan of {steps} steps needs sequences with {steps} elements along the first axis, got {}", x.ty()));
            }
        }
        let parameter = |ty: TensorType| self.with_graph(|g| Ok(g.add_parameter(ty))).map_or_else(|e| self.fail(e), |id| self.var(id));
        let handed: Vec<Var<'g>> = carries.iter().map(|c| parameter(c.ty())).collect();
        let element = |x: &Var<'g>| TensorType::new(x.ty().dtype, Shape::new(x.shape().dims().get(1..).unwrap_or(&[])));
        let seen: Vec<Var<'g>> = xs.iter().map(|x| parameter(element(x))).collect();
        let (next, results) = body(&handed, &seen);
        self.check_body(carries, &next, &results);
        let parameters: Vec<NodeId> = handed.iter().chain(&seen).map(|v| v.id()).collect();
        let returned: Vec<NodeId> = next.iter().chain(&results).map(|v| v.id()).collect();
        let extracted = self.with_graph(|g| extract(g, &parameters, carries.len(), &returned));
        let (body, shared) = match extracted {
            Ok(found) => found,
            Err(e) => {
                let poison = self.fail(e);
                return (vec![poison; next.len()], vec![poison; results.len()]);
            }
        };
        let shared = shared.into_iter().map(|id| self.var(id));
        let inputs: Vec<Var<'g>> = carries.iter().chain(xs).copied().chain(shared).collect();
        let mut parts = self.scan_of(&Arc::new(body), steps, reverse, &inputs);
        let results = parts.split_off(next.len());
        (parts, results)
    }

    /// A scan of a body that exists, and each of its results.
    pub(crate) fn scan_of<'g>(&'g self, body: &Arc<Body>, steps: usize, reverse: bool, inputs: &[Var<'g>]) -> Vec<Var<'g>> {
        let (Some(parts), Some(len)) = (body.parts(steps), body.len(steps)) else {
            let poison = self.error(format!("the results of {steps} steps are too large to be addressed"));
            return vec![poison; body.graph().outputs().values.len()];
        };
        let all = match self.with_graph(|g| Ok(g.add_body(body.clone()))) {
            Ok(id) => self.op(Op::Scan { body: id, steps, reverse, len }, inputs),
            Err(e) => self.fail(e),
        };
        parts.iter().map(|p| all.slice(&[(p.start, p.start + p.shape.len(), 1)]).reshape(p.shape)).collect()
    }

    /// Latches an error where a step does not hand on what it is handed, or gives what is no `f32`.
    fn check_body(&self, carries: &[Var<'_>], next: &[Var<'_>], results: &[Var<'_>]) {
        if self.failed() {
            return;
        }
        if carries.len() != next.len() {
            self.error(format!("a step that is handed {} values must hand on as many, not {}", carries.len(), next.len()));
        }
        for (i, (from, to)) in carries.iter().zip(next).enumerate() {
            if from.ty() != to.ty() || from.ty().dtype != DType::F32 {
                self.error(format!(
                    "value {i} is handed from step to step as {} and back as {}; both must be the same, of f32",
                    from.ty(),
                    to.ty()
                ));
            }
        }
        if let Some(y) = results.iter().find(|y| y.ty().dtype != DType::F32) {
            self.error(format!("the results of a step are f32; cast {} first", y.ty()));
        }
    }
}

/// The body between `parameters` (the first of them carries) and `returned`, and the nodes that all of its steps see.
fn extract(outer: &Graph, parameters: &[NodeId], carries: usize, returned: &[NodeId]) -> Result<(Body, Vec<NodeId>), GraphError> {
    let mut depends = vec![false; outer.nodes().len()];
    parameters.iter().for_each(|p| depends[p.index()] = true);
    for (i, node) in outer.nodes().iter().enumerate() {
        depends[i] |= node.inputs.iter().any(|x| depends[x.index()]);
    }
    // Cheaper to make anew at each step than to read.
    let inside = |id: NodeId| depends[id.index()] || matches!(outer.node(id).op, Op::Const { .. } | Op::Iota { .. } | Op::Broadcast(_));
    let mut needed = vec![false; outer.nodes().len()];
    returned.iter().for_each(|r| needed[r.index()] = true);
    for id in outer.ids().rev().filter(|id| inside(*id)) {
        if needed[id.index()] {
            outer.node(id).inputs.iter().for_each(|x| needed[x.index()] = true);
        }
    }
    let mut graph = Graph::new();
    let mut map: Vec<Option<NodeId>> = vec![None; outer.nodes().len()];
    for (i, p) in parameters.iter().enumerate() {
        let name = if i < carries { format!("carry{i}") } else { format!("x{}", i - carries) };
        map[p.index()] = Some(graph.add_input(&name, outer.ty(*p)));
    }
    let mut shared = Vec::new();
    for id in outer.ids().filter(|id| needed[id.index()]) {
        if map[id.index()].is_some() {
            continue;
        }
        let node = outer.node(id);
        map[id.index()] = Some(if inside(id) {
            let inputs: Option<Vec<NodeId>> = node.inputs.iter().map(|x| map[x.index()]).collect();
            graph.adopt(outer, id, &inputs.ok_or_else(|| unwritten(id))?)?
        } else {
            shared.push(id);
            graph.add_input(&format!("shared{}", shared.len() - 1), node.ty)
        });
    }
    for (i, r) in returned.iter().enumerate() {
        let name = if i < carries { format!("carry{i}") } else { format!("y{}", i - carries) };
        graph.add_output(&name, map[r.index()].ok_or_else(|| unwritten(*r))?);
    }
    let xs = parameters.len() - carries;
    Ok((Body::new(graph, carries, xs)?, shared))
}

fn unwritten(id: NodeId) -> GraphError {
    GraphError::Malformed { node: id.index(), message: "is used by a step before it is computed".into() }
}
