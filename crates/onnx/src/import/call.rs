//! One operation with what it is given, as the functions in [`super::ops`] see it.

use super::check::{Attribute, Node};
use super::kind::Kind;
use super::tensor::OnnxTensor;
use super::trace::{Ctx, Scope};
use adaline_graph::{Builder, NodeId, Shape, Var};
use std::sync::Arc;

/// A value on the way through a model.
#[derive(Clone)]
pub(crate) enum Value<'g> {
    /// Known before anything runs.
    Known(Arc<OnnxTensor>),
    /// A node of the graph, and the type that it has in the model.
    Var(Var<'g>, Kind),
}

impl Value<'_> {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Known(t) => t.kind(),
            Self::Var(_, kind) => *kind,
        }
    }
    pub(crate) fn shape(&self) -> Shape {
        match self {
            Self::Known(t) => t.shape(),
            Self::Var(v, _) => v.shape(),
        }
    }
    pub(crate) fn dims(&self) -> Vec<usize> {
        self.shape().dims().to_vec()
    }
}

/// Why an operation could not be written.
pub(crate) enum Trouble {
    /// What was expected and what came.
    Says(String),
    /// A value that must be known before the model runs, and is not.
    Needs(NodeId),
    /// It was said elsewhere already.
    Latched,
}

impl From<String> for Trouble {
    fn from(s: String) -> Self {
        Self::Says(s)
    }
}
impl From<&str> for Trouble {
    fn from(s: &str) -> Self {
        Self::Says(s.into())
    }
}

/// Results of an operation.
pub(crate) type Made<'g> = Result<Vec<Value<'g>>, Trouble>;

/// An operation and what it is given.
pub(crate) struct Call<'a, 'g> {
    pub(crate) ctx: &'a Ctx<'g>,
    pub(crate) node: &'a Node,
    pub(crate) inputs: &'a [Option<Value<'g>>],
    /// Where names of values are looked up, for graphs within the node.
    pub(crate) scope: Option<&'a Scope<'a, 'g>>,
}

impl<'g> Call<'_, 'g> {
    pub(crate) fn b(&self) -> &'g Builder {
        self.ctx.b
    }
    pub(crate) fn opset(&self) -> i64 {
        self.node.opset
    }
    /// How many results are asked for.
    pub(crate) fn asked(&self) -> usize {
        self.node.outputs.len()
    }
    /// Whether result `i` is asked for.
    pub(crate) fn wants(&self, i: usize) -> bool {
        self.node.outputs.get(i).is_some_and(|n| !n.is_empty())
    }

    // Inputs.
    pub(crate) fn has(&self, i: usize) -> bool {
        matches!(self.inputs.get(i), Some(Some(_)))
    }
    pub(crate) fn maybe(&self, i: usize) -> Option<&Value<'g>> {
        self.inputs.get(i).and_then(Option::as_ref)
    }
    pub(crate) fn value(&self, i: usize) -> Result<&Value<'g>, Trouble> {
        self.maybe(i).ok_or_else(|| format!("input {i} is missing").into())
    }
    pub(crate) fn kind(&self, i: usize) -> Result<Kind, Trouble> {
        Ok(self.value(i)?.kind())
    }
    pub(crate) fn shape(&self, i: usize) -> Result<Shape, Trouble> {
        Ok(self.value(i)?.shape())
    }
    pub(crate) fn dims(&self, i: usize) -> Result<Vec<usize>, Trouble> {
        Ok(self.value(i)?.dims())
    }
    pub(crate) fn rank(&self, i: usize) -> Result<usize, Trouble> {
        Ok(self.shape(i)?.rank())
    }
    pub(crate) fn var(&self, i: usize) -> Result<Var<'g>, Trouble> {
        self.ctx.var(self.value(i)?)
    }
    pub(crate) fn maybe_var(&self, i: usize) -> Result<Option<Var<'g>>, Trouble> {
        self.maybe(i).map(|v| self.ctx.var(v)).transpose()
    }
    /// An input of floats.
    pub(crate) fn float(&self, i: usize) -> Result<Var<'g>, Trouble> {
        let kind = self.kind(i)?;
        if kind.is_float() { self.var(i) } else { Err(format!("input {i} must hold floats, not {kind}").into()) }
    }
    pub(crate) fn maybe_float(&self, i: usize) -> Result<Option<Var<'g>>, Trouble> {
        if self.has(i) { self.float(i).map(Some) } else { Ok(None) }
    }
    /// An input of which something more than the shape must be known now.
    pub(crate) fn known(&self, i: usize) -> Result<Arc<OnnxTensor>, Trouble> {
        match self.value(i)? {
            Value::Known(t) => Ok(t.clone()),
            Value::Var(v, _) => Err(Trouble::Needs(v.id())),
        }
    }
    /// A known line (or single number) of integers.
    pub(crate) fn ints(&self, i: usize) -> Result<Vec<i64>, Trouble> {
        let t = self.known(i)?;
        let wrong = || format!("input {i} must hold integers, not {}", t.kind());
        Ok(t.as_i64().ok_or_else(wrong)?.to_vec())
    }
    pub(crate) fn maybe_ints(&self, i: usize) -> Result<Option<Vec<i64>>, Trouble> {
        if self.has(i) { self.ints(i).map(Some) } else { Ok(None) }
    }
    /// A known number of any type.
    pub(crate) fn number(&self, i: usize) -> Result<f64, Trouble> {
        let t = self.known(i)?;
        match t.to_f64()[..] {
            [x] => Ok(x),
            _ => Err(format!("input {i} must be one number, not a tensor of shape {}", t.shape()).into()),
        }
    }
    pub(crate) fn number_or(&self, i: usize, default: f64) -> Result<f64, Trouble> {
        if self.has(i) { self.number(i) } else { Ok(default) }
    }

    // Attributes.
    pub(crate) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.node.attributes.get(name)
    }
    fn mistyped(name: &str, what: &str) -> Trouble {
        format!("attribute `{name}` must be {what}").into()
    }
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Trouble> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Int(v)) => Ok(Some(*v)),
            Some(_) => Err(Self::mistyped(name, "an integer")),
        }
    }
    pub(crate) fn int_or(&self, name: &str, default: i64) -> Result<i64, Trouble> {
        Ok(self.int(name)?.unwrap_or(default))
    }
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Trouble> {
        Ok(self.int_or(name, 0)? != 0)
    }
    pub(crate) fn real(&self, name: &str) -> Result<Option<f32>, Trouble> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Float(v)) => Ok(Some(*v)),
            Some(_) => Err(Self::mistyped(name, "a number")),
        }
    }
    pub(crate) fn real_or(&self, name: &str, default: f32) -> Result<f32, Trouble> {
        Ok(self.real(name)?.unwrap_or(default))
    }
    pub(crate) fn text_or<'t>(&'t self, name: &str, default: &'t str) -> Result<&'t str, Trouble> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Text(v)) => Ok(v),
            Some(_) => Err(Self::mistyped(name, "a text")),
        }
    }
    pub(crate) fn list(&self, name: &str) -> Result<Option<&[i64]>, Trouble> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Ints(v)) => Ok(Some(v)),
            Some(_) => Err(Self::mistyped(name, "a list of integers")),
        }
    }
    pub(crate) fn reals(&self, name: &str) -> Result<&[f32], Trouble> {
        match self.attribute(name) {
            None => Ok(&[]),
            Some(Attribute::Floats(v)) => Ok(v),
            Some(_) => Err(Self::mistyped(name, "a list of numbers")),
        }
    }
    pub(crate) fn texts(&self, name: &str) -> Result<&[String], Trouble> {
        match self.attribute(name) {
            None => Ok(&[]),
            Some(Attribute::Texts(v)) => Ok(v),
            Some(_) => Err(Self::mistyped(name, "a list of texts")),
        }
    }
    /// A list that newer versions of an operator take as input `i`, older ones as an attribute.
    pub(crate) fn list_or_input(&self, name: &str, i: usize) -> Result<Option<Vec<i64>>, Trouble> {
        match self.list(name)? {
            Some(list) => Ok(Some(list.to_vec())),
            None => self.maybe_ints(i),
        }
    }
    /// An axis of a tensor of this rank, counted from the end when negative.
    pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Trouble> {
        let at = if axis < 0 { axis + rank as i64 } else { axis };
        if (0..rank as i64).contains(&at) {
            Ok(at as usize)
        } else {
            Err(format!("axis {axis} does not exist in a tensor of {rank} axes").into())
        }
    }
    pub(crate) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, Trouble> {
        axes.iter().map(|&a| Self::axis(a, rank)).collect()
    }

    // Results.
    #[expect(clippy::unnecessary_wraps, reason = "it ends functions that can fail")]
    pub(crate) fn one(kind: Kind, var: Var<'g>) -> Made<'g> {
        Ok(vec![Value::Var(var, kind)])
    }
    /// A result of the type of the first input.
    pub(crate) fn like(&self, var: Var<'g>) -> Made<'g> {
        Self::one(self.kind(0)?, var)
    }
    #[expect(clippy::unnecessary_wraps, reason = "it ends functions that can fail")]
    pub(crate) fn known_one(tensor: OnnxTensor) -> Made<'g> {
        Ok(vec![Value::Known(Arc::new(tensor))])
    }
    /// A constant of floats in the graph.
    pub(crate) fn floats(&self, dims: &[usize], values: Vec<f32>) -> Result<Var<'g>, Trouble> {
        let t = OnnxTensor::f32(dims, values).ok_or_else(|| format!("a constant of shape {dims:?} is too large"))?;
        self.ctx.constant(&Arc::new(t))
    }
    /// A constant of indices in the graph.
    pub(crate) fn indices(&self, dims: &[usize], values: Vec<i64>) -> Result<Var<'g>, Trouble> {
        let t = OnnxTensor::i64(dims, values).ok_or_else(|| format!("a constant of shape {dims:?} is too large"))?;
        self.ctx.constant(&Arc::new(t))
    }
    /// A checked shape.
    pub(crate) fn shape_of(dims: &[usize]) -> Result<Shape, Trouble> {
        Shape::try_new(dims)
            .ok_or_else(|| format!("the shape {dims:?} is too large or has more than {} axes", adaline_graph::MAX_RANK).into())
    }
}
