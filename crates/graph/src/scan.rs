//! Recurrence: what a step of [`Op::Scan`](crate::Op::Scan) does, and how it is written.
//!
//! A [`Body`] is a graph of its own. Its inputs are what the step before hands on (*carries*), its own element of each sequence (*xs*), and what all
//! steps see alike; its outputs are the carries for the next step and the results of this one.

mod hoist;
mod write;

use crate::{DType, Graph, GraphError, MAX_RANK, NodeId, Op, Shape, TensorType};

/// Index of a body among those of a graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct BodyId(pub u32);

impl BodyId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What one step of a scan does.
#[derive(Clone, Debug)]
pub struct Body {
    graph: Graph,
    carries: usize,
    xs: usize,
}

/// A result of a scan: where it begins in the line of all results, and its shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its first element.
    pub start: usize,
    /// Its shape, that of a stacked result with the steps as first axis.
    pub shape: Shape,
}

impl Body {
    /// A body of a graph whose first `carries` inputs are handed from step to step, whose next `xs` inputs are each step's own, and whose first
    /// `carries` outputs are what is handed on. Carries and outputs are `f32`; there is no state.
    ///
    /// Errors: [`GraphError::Body`].
    pub fn new(graph: Graph, carries: usize, xs: usize) -> Result<Self, GraphError> {
        let fail = |message: String| Err(GraphError::Body { message });
        let (inputs, outputs) = (graph.inputs(), &graph.outputs().values);
        if inputs.len() < carries.saturating_add(xs) || outputs.len() < carries {
            let (i, o) = (inputs.len(), outputs.len());
            return fail(format!(
                "{carries} carries and {xs} sequences need as many inputs, and the carries as many outputs; it has {i} and {o}"
            ));
        }
        if !graph.slots().is_empty() || !graph.outputs().updates.is_empty() {
            return fail("a step reads and writes no state; hand the values in, and the new ones out".into());
        }
        for (input, (_, node)) in inputs.iter().zip(outputs).take(carries) {
            let ty = graph.ty(*node);
            if ty != input.ty || ty.dtype != DType::F32 {
                return fail(format!("it is handed {} and hands on {ty}; both must be the same, of f32", input.ty));
            }
        }
        if let Some((_, node)) = outputs.iter().find(|(_, n)| graph.ty(*n).dtype != DType::F32) {
            return fail(format!("the results of a step are f32; cast {} first", graph.ty(*node)));
        }
        let deep = |ty: TensorType| ty.shape.rank() == MAX_RANK;
        let stacked = inputs[carries..carries + xs].iter().map(|i| i.ty).chain(outputs[carries..].iter().map(|o| graph.ty(o.1)));
        if let Some(ty) = stacked.into_iter().find(|&ty| deep(ty)) {
            return fail(format!("with the steps as first axis, {ty} would have more than {MAX_RANK} axes"));
        }
        Ok(Self { graph, carries, xs })
    }

    /// The step as a graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }
    /// How many values are handed from step to step.
    pub fn carries(&self) -> usize {
        self.carries
    }
    /// Of how many sequences each step sees its element.
    pub fn xs(&self) -> usize {
        self.xs
    }
    /// The node of an input; none if the step does not read it.
    pub fn input(&self, index: usize) -> Option<NodeId> {
        let reads = |id: &NodeId| matches!(self.graph.node(*id).op, Op::Input { id, .. } if id.index() == index);
        self.graph.ids().find(reads)
    }
    /// The results of so many steps, in their order; `None` where they are too large to be addressed.
    pub fn parts(&self, steps: usize) -> Option<Vec<Part>> {
        let mut start = 0usize;
        let outputs = self.graph.outputs().values.iter().enumerate();
        outputs
            .map(|(i, (_, node))| {
                let shape = self.graph.ty(*node).shape;
                let part = Part { start, shape: if i < self.carries { shape } else { stacked(shape, steps)? } };
                start = start.checked_add(part.shape.len())?;
                Some(part)
            })
            .collect()
    }
    /// Elements of the results of so many steps.
    pub fn len(&self, steps: usize) -> Option<usize> {
        self.parts(steps)?.last().map_or(Some(0), |p| p.start.checked_add(p.shape.len()))
    }
    /// Whether a scan of so many steps with these inputs and so many results is one of this body.
    pub(crate) fn fits(&self, inputs: &[TensorType], steps: usize, len: usize) -> Result<(), String> {
        let declared = self.graph.inputs();
        if inputs.len() != declared.len() {
            return Err(format!("its body takes {} inputs", declared.len()));
        }
        for (i, (x, d)) in inputs.iter().zip(declared).enumerate() {
            let sequence = (self.carries..self.carries + self.xs).contains(&i);
            let shape = if sequence { stacked(d.ty.shape, steps) } else { Some(d.ty.shape) };
            if shape != Some(x.shape) || x.dtype != d.ty.dtype {
                let each = if sequence { format!(" at each of {steps} steps") } else { String::new() };
                return Err(format!("input {i} must be {}{each}", d.ty));
            }
        }
        if self.len(steps) == Some(len) { Ok(()) } else { Err(format!("its body does not give {len} elements in {steps} steps")) }
    }
}

/// The shape with the steps as first axis.
pub(crate) fn stacked(shape: Shape, steps: usize) -> Option<Shape> {
    let dims: smallvec::SmallVec<[usize; MAX_RANK]> = std::iter::once(steps).chain(shape.dims().iter().copied()).collect();
    Shape::try_new(&dims)
}

#[cfg(test)]
mod tests;
