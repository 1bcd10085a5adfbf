//! The naive `f64` evaluator: it *defines* what every operation means, and every backend is tested against it.
//!
//! Index loops only, no cleverness, nothing shared with a backend. Values are held as `f64`: `f32` values exactly, integers exactly
//! (integer arithmetic wraps at 32 bits), truth values as 0 and 1. With [`Precision::F32`] each result of an operation is rounded to
//! `f32`; sums and products of a reduction or a [`crate::Op::Dot`] are still accumulated in `f64` and rounded once.
//!
//! ```
//! use adaline_graph::{Builder, TensorType, eval};
//!
//! let b = Builder::new();
//! let x = b.input("x", TensorType::f32([2]));
//! b.output("y", x.square());
//! let graph = b.finish().unwrap();
//! let run = eval::evaluate(&graph, &[eval::Value::f32([2], &[3.0, -4.0])], &|_| None).unwrap();
//! assert_eq!(run.outputs[0].data, [9.0, 16.0]);
//! ```

mod rules;
mod scan;
mod spatial;

use crate::{DType, Graph, Op, Shape, SlotId, TensorType};

/// A tensor of the evaluator.
#[derive(Clone, PartialEq, Debug)]
pub struct Value {
    /// Its type.
    pub ty: TensorType,
    /// Its elements, row-major.
    pub data: Vec<f64>,
}

impl Value {
    /// An `f32` tensor.
    ///
    /// # Panics
    /// When the number of elements is not that of the shape (as for all constructors from slices).
    pub fn f32(shape: impl Into<Shape>, data: &[f32]) -> Self {
        Self::of(TensorType::f32(shape), data.iter().map(|&v| f64::from(v)).collect())
    }
    /// An `i32` tensor.
    pub fn i32(shape: impl Into<Shape>, data: &[i32]) -> Self {
        Self::of(TensorType::i32(shape), data.iter().map(|&v| f64::from(v)).collect())
    }
    /// A `bool` tensor.
    pub fn bool(shape: impl Into<Shape>, data: &[bool]) -> Self {
        Self::of(TensorType::bool(shape), data.iter().map(|&v| f64::from(u8::from(v))).collect())
    }
    /// A tensor of elements already in `f64`.
    pub fn of(ty: TensorType, data: Vec<f64>) -> Self {
        assert_eq!(ty.len(), data.len(), "{ty} needs {} elements", ty.len());
        Self { ty, data }
    }
    /// Zeros (`false` for truth values).
    pub fn zeros(ty: TensorType) -> Self {
        Self { ty, data: vec![0.0; ty.len()] }
    }
    /// From words in memory: float bits, integers, or the floats 0 and 1 for truth values.
    pub fn from_words(ty: TensorType, words: &[u32]) -> Self {
        let read = |&w: &u32| match ty.dtype {
            DType::F32 => f64::from(f32::from_bits(w)),
            DType::I32 => f64::from(w as i32),
            DType::Bool => f64::from(u8::from(f32::from_bits(w) != 0.0)),
        };
        Self::of(ty, words.iter().map(read).collect())
    }
    /// As words in memory; floats are rounded to `f32`.
    pub fn to_words(&self) -> Vec<u32> {
        let write = |&v: &f64| match self.ty.dtype {
            DType::F32 | DType::Bool => (v as f32).to_bits(),
            DType::I32 => (v as i32) as u32,
        };
        self.data.iter().map(write).collect()
    }
    /// Elements rounded to `f32`.
    pub fn to_f32(&self) -> Vec<f32> {
        self.data.iter().map(|&v| v as f32).collect()
    }
    /// Elements as integers.
    pub fn to_i32(&self) -> Vec<i32> {
        self.data.iter().map(|&v| v as i32).collect()
    }
}

/// How exactly to compute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Precision {
    /// Everything in double precision.
    #[default]
    F64,
    /// The result of each operation is rounded to single precision.
    F32,
}

/// All values of a run.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// By node.
    pub nodes: Vec<Value>,
    /// By place in the graph's outputs.
    pub outputs: Vec<Value>,
    /// New values of slots, in the order of the graph's updates.
    pub updates: Vec<(SlotId, Value)>,
}

impl Evaluated {
    /// Value of one node.
    pub fn node(&self, id: crate::NodeId) -> &Value {
        &self.nodes[id.index()]
    }
}

/// Why a graph could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// Wrong number of inputs.
    #[error("expected {expected} inputs, got {got}")]
    InputCount {
        /// Declared.
        expected: usize,
        /// Handed in.
        got: usize,
    },
    /// An input of another type.
    #[error("input `{name}` expects {expected}, got {got}")]
    Input {
        /// Its name.
        name: String,
        /// Declared type.
        expected: TensorType,
        /// Type handed in.
        got: String,
    },
    /// A slot that is not there, or of another type.
    #[error("slot `{name}` expects {expected}, got {got}")]
    State {
        /// Its name.
        name: String,
        /// Declared type.
        expected: TensorType,
        /// Type found, or `nothing`.
        got: String,
    },
}

/// Evaluates every node in double precision. `state` gives the values of slots at the beginning of the run.
pub fn evaluate(graph: &Graph, inputs: &[Value], state: &dyn Fn(SlotId) -> Option<Value>) -> Result<Evaluated, EvalError> {
    evaluate_with(graph, inputs, state, Precision::F64)
}

/// Evaluates every node with the given precision.
pub fn evaluate_with(
    graph: &Graph,
    inputs: &[Value],
    state: &dyn Fn(SlotId) -> Option<Value>,
    precision: Precision,
) -> Result<Evaluated, EvalError> {
    let mut nodes: Vec<Value> = Vec::with_capacity(graph.nodes().len());
    run(graph, inputs, state, precision, &mut nodes, false)?;
    let outputs = graph.outputs().values.iter().map(|(_, n)| nodes[n.index()].clone()).collect();
    let updates = graph.outputs().updates.iter().map(|(s, n)| (*s, nodes[n.index()].clone())).collect();
    Ok(Evaluated { nodes, outputs, updates })
}

/// Evaluates one operation on given values.
///
/// # Panics
/// When the types of the values do not fit the operation, or for [`Op::Input`], [`Op::State`] and [`Op::Scan`], which have no value of their own.
pub fn apply(op: Op, inputs: &[&Value], precision: Precision) -> Value {
    let types: Vec<TensorType> = inputs.iter().map(|v| v.ty).collect();
    let ty = crate::infer(op, &types).unwrap_or_else(|e| panic!("{e}"));
    rounded(Value::of(ty, rules::apply(op, ty, inputs)), precision)
}

fn rounded(mut value: Value, precision: Precision) -> Value {
    if precision == Precision::F32 && value.ty.dtype == DType::F32 {
        value.data.iter_mut().for_each(|v| *v = f64::from(*v as f32));
    }
    value
}

/// The loop over nodes. With `discard`, a value is emptied after its last use, unless it is an output or an update.
pub(crate) fn run(
    graph: &Graph,
    inputs: &[Value],
    state: &dyn Fn(SlotId) -> Option<Value>,
    precision: Precision,
    values: &mut Vec<Value>,
    discard: bool,
) -> Result<(), EvalError> {
    if inputs.len() != graph.inputs().len() {
        return Err(EvalError::InputCount { expected: graph.inputs().len(), got: inputs.len() });
    }
    for (decl, v) in graph.inputs().iter().zip(inputs) {
        if decl.ty != v.ty {
            return Err(EvalError::Input { name: decl.name.clone(), expected: decl.ty, got: v.ty.to_string() });
        }
    }
    let mut uses = graph.use_counts();
    values.clear();
    for node in graph.nodes() {
        let value = match node.op {
            Op::Input { id, .. } => inputs[id.index()].clone(),
            Op::State { slot, ty } => {
                let found = state(slot);
                match found {
                    Some(v) if v.ty == ty => v,
                    other => {
                        let name = graph.slots().iter().find(|s| s.slot == slot).map_or_else(String::new, |s| s.name.clone());
                        return Err(EvalError::State {
                            name,
                            expected: ty,
                            got: other.map_or_else(|| "nothing".into(), |v| v.ty.to_string()),
                        });
                    }
                }
            }
            op => {
                let args: Vec<&Value> = node.inputs.iter().map(|n| &values[n.index()]).collect();
                if let Op::Scan { body, steps, reverse, .. } = op {
                    Value::of(node.ty, scan::results(graph.body(body), steps, reverse, &args, precision)?)
                } else {
                    rounded(Value::of(node.ty, rules::apply(op, node.ty, &args)), precision)
                }
            }
        };
        values.push(value);
        for n in &node.inputs {
            uses[n.index()] -= 1;
            if discard && uses[n.index()] == 0 {
                values[n.index()].data = Vec::new();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
