//! From a checked graph and the shapes of its inputs to a graph of operations. What is known before it runs (shapes, axes, small constants) is
//! computed on the way: by the same functions, written into a graph of its own which the evaluator runs.

use super::call::{Call, Trouble, Value};
use super::check::{Graph, Node};
use super::error::ImportError;
use super::kind::Kind;
use super::limits::Limits;
use super::table::Write;
use super::tensor::OnnxTensor;
use adaline_graph::eval::{self, Precision};
use adaline_graph::{Builder, DType, Literal, NodeId, Op, Shape, SlotId, TensorType, Var};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Most elements of the inputs of an operation that is computed on the way.
pub(crate) const FOLDED_INPUTS: usize = 1 << 14;
/// Most elements of all values on the way to its results.
const FOLDED_TOTAL: usize = 1 << 20;
/// Most elements of all values that are computed on the way through a model.
const FOLDED_ALL: usize = 1 << 24;
/// Most floating-point operations of an operation that is computed on the way.
const FOLDED_WORK: u64 = 1 << 24;

/// What the inputs of a traced graph are.
#[derive(Clone)]
pub(crate) enum Feed {
    /// An input of the model.
    Input(usize),
    /// A constant of this trace.
    Constant(Arc<OnnxTensor>),
}

/// What operations are written into.
pub(crate) struct Ctx<'g> {
    pub(crate) b: &'g Builder,
    limits: Limits,
    /// Slots of the model's constants by their place in memory; none where values are computed on the way.
    slots: Option<&'g HashMap<usize, SlotId>>,
    pub(crate) feeds: RefCell<Vec<Feed>>,
    seen: RefCell<HashMap<usize, (Var<'g>, Arc<OnnxTensor>)>>,
    /// The first error of a graph within a node, which is written where no error can be returned.
    pub(crate) inner: RefCell<Option<ImportError>>,
    pub(crate) needs: RefCell<BTreeSet<usize>>,
    /// Rounds of loops so far.
    pub(crate) unrolled: Cell<usize>,
    /// Elements computed on the way so far.
    folded: Cell<usize>,
    /// Elements of constants made so far.
    made: Cell<usize>,
    /// Nodes whose size has been looked at.
    sized: Cell<usize>,
}

/// Names of the values of a graph, and of the graphs around it.
pub(crate) struct Scope<'a, 'g> {
    pub(crate) names: RefCell<HashMap<String, Value<'g>>>,
    pub(crate) outer: Option<&'a Scope<'a, 'g>>,
}

impl<'g> Scope<'_, 'g> {
    pub(crate) fn get(&self, name: &str) -> Option<Value<'g>> {
        self.names.borrow().get(name).cloned().or_else(|| self.outer.and_then(|o| o.get(name)))
    }
}

impl<'g> Ctx<'g> {
    pub(crate) fn new(b: &'g Builder, limits: Limits, slots: Option<&'g HashMap<usize, SlotId>>) -> Self {
        Self {
            b,
            limits,
            slots,
            feeds: RefCell::default(),
            seen: RefCell::default(),
            inner: RefCell::default(),
            needs: RefCell::default(),
            unrolled: Cell::new(0),
            folded: Cell::new(0),
            made: Cell::new(0),
            sized: Cell::new(0),
        }
    }

    /// The node of a value.
    pub(crate) fn var(&self, value: &Value<'g>) -> Result<Var<'g>, Trouble> {
        match value {
            Value::Var(v, _) => Ok(*v),
            Value::Known(t) => self.constant(t),
        }
    }

    /// A node that holds a constant.
    pub(crate) fn constant(&self, t: &Arc<OnnxTensor>) -> Result<Var<'g>, Trouble> {
        if let Some(v) = self.seen.borrow().get(&Arc::as_ptr(t).addr()) {
            return Ok(v.0);
        }
        let ty = TensorType::new(t.kind().dtype(), t.shape());
        let splat = t.splat().or(t.is_empty().then_some(0.0));
        let small = splat.filter(|x| ty.dtype != DType::I32 || i32::try_from(*x as i64).is_ok());
        let v = if let Some(x) = small {
            let literal = match ty.dtype {
                DType::F32 => Literal::f32(x as f32),
                DType::I32 => Literal::I32(x as i32),
                DType::Bool => Literal::Bool(x != 0.0),
            };
            self.b.constant(literal, t.shape())
        } else {
            if self.slots.is_some()
                && let Some(x) = t.as_i64().and_then(|v| v.iter().find(|&&x| i32::try_from(x).is_err()))
            {
                return Err(format!("the constant {x} of {} does not fit into 32 bits, in which integers are computed", t.kind()).into());
            }
            if let Some(slot) = self.slots.and_then(|s| s.get(&Arc::as_ptr(t).addr())) {
                self.b.state(*slot, &format!("constant {}", slot.index()), ty)
            } else {
                self.made.set(self.made.get().saturating_add(t.len()));
                let mut feeds = self.feeds.borrow_mut();
                let v = self.b.input(&format!("constant {}", feeds.len()), ty);
                feeds.push(Feed::Constant(t.clone()));
                v
            }
        };
        // The tensor is kept, so that no other one can have its address.
        self.seen.borrow_mut().insert(Arc::as_ptr(t).addr(), (v, t.clone()));
        Ok(v)
    }

    /// Writes all nodes of a graph.
    pub(crate) fn graph(&self, graph: &Graph, scope: &Scope<'_, 'g>) -> Result<(), ImportError> {
        for (name, tensor) in &graph.constants {
            scope.names.borrow_mut().insert(name.clone(), Value::Known(tensor.clone()));
        }
        for node in &graph.nodes {
            self.node(node, scope)?;
        }
        Ok(())
    }

    fn node(&self, node: &Node, scope: &Scope<'_, 'g>) -> Result<(), ImportError> {
        let fail = |message: String| ImportError::Node { node: node.place.clone(), message };
        let mut inputs: Vec<Option<Value<'g>>> = node.inputs.iter().map(|n| if n.is_empty() { None } else { scope.get(n) }).collect();
        // Of the second input only the type counts, which is known before anything runs.
        if node.row.name == "CastLike"
            && let Some(Some(like)) = inputs.get_mut(1)
        {
            *like = Value::Known(Arc::new(OnnxTensor::from_f64(like.kind(), Shape::new(&[0]), &[])));
        }
        let made = match self.fold(node, &inputs) {
            Some(made) => made,
            None => self.b.scope(&node.place, || node.row.write.call(&Call { ctx: self, node, inputs: &inputs, scope: Some(scope) })),
        };
        if let Some(e) = self.inner.borrow_mut().take() {
            return Err(e);
        }
        if let Err(e) = self.b.with_graph(|_| Ok(())) {
            let text = e.to_string();
            let place = format!("layer `{}`: ", node.place);
            return Err(fail(text.strip_prefix(&place).unwrap_or(&text).to_owned()));
        }
        let made = made.map_err(|trouble| match trouble {
            Trouble::Says(message) => fail(message),
            Trouble::Latched => fail("it cannot be written".into()),
            Trouble::Needs(id) => {
                let found = self.reaches(id);
                let none = found.is_empty();
                self.needs.borrow_mut().extend(found);
                fail(if none {
                    "one of its inputs decides shapes, and is only known when the model runs, by more than the model's inputs".into()
                } else {
                    "one of its inputs decides shapes".into()
                })
            }
        })?;
        self.check_sizes(node, &made)?;
        if made.len() < node.outputs.iter().rposition(|n| !n.is_empty()).map_or(0, |i| i + 1) {
            return Err(fail(format!("it has {} results here, and {} are asked for", made.len(), node.outputs.len())));
        }
        for (name, value) in node.outputs.iter().zip(made) {
            if !name.is_empty() {
                scope.names.borrow_mut().insert(name.clone(), value);
            }
        }
        Ok(())
    }

    /// Whether all that an operation has written is within the limits.
    fn check_sizes(&self, node: &Node, made: &[Value<'g>]) -> Result<(), ImportError> {
        let from = self.sized.get();
        let (nodes, largest) =
            self.b.with_graph(|g| Ok((g.nodes().len(), g.nodes()[from..].iter().map(|n| n.ty.len()).max().unwrap_or(0)))).unwrap_or((0, 0));
        self.sized.set(nodes.max(from));
        let limit =
            |what: String, field, limit, got| if got > limit { Err(ImportError::Limit { what, field, limit, got }) } else { Ok(()) };
        limit("operations".into(), "nodes", self.limits.nodes, nodes)?;
        limit(format!("elements of a value of {}", node.place), "elements", self.limits.elements, largest)?;
        for value in made {
            // What others hold too is not new.
            if let Value::Known(t) = value
                && Arc::strong_count(t) == 1
            {
                self.made.set(self.made.get().saturating_add(t.len()));
            }
        }
        limit("elements of constants made on the way".into(), "elements", self.limits.elements, self.made.get())
    }

    /// The results of an operation on known values, where they are few: the operation written into a graph of its own, and evaluated.
    fn fold(&self, node: &Node, inputs: &[Option<Value<'g>>]) -> Option<Result<Vec<Value<'g>>, Trouble>> {
        if matches!(node.row.write, Write::Control(_)) {
            return None;
        }
        let mut len = 0;
        let mut known: Vec<Option<Value<'_>>> = Vec::with_capacity(inputs.len());
        for input in inputs {
            known.push(match input {
                None => None,
                Some(Value::Known(t)) => {
                    len += t.len();
                    Some(Value::Known(t.clone()))
                }
                Some(Value::Var(..)) => return None,
            });
        }
        if len > FOLDED_INPUTS {
            return None;
        }
        enum Out {
            Known(Arc<OnnxTensor>),
            At(usize, Kind),
        }
        let builder = Builder::new();
        let mut outs = Vec::new();
        let feeds = {
            let ctx = Ctx::new(&builder, self.limits, None);
            let made = match node.row.write.call(&Call { ctx: &ctx, node, inputs: &known, scope: None }) {
                Ok(made) => made,
                Err(Trouble::Says(s)) => return Some(Err(Trouble::Says(s))),
                Err(_) => return None,
            };
            let mut at = 0;
            for value in made {
                outs.push(match value {
                    Value::Known(t) => Out::Known(t),
                    Value::Var(v, kind) => {
                        builder.output("", v);
                        at += 1;
                        Out::At(at - 1, kind)
                    }
                });
            }
            ctx.feeds.into_inner()
        };
        // What is wrong is said when it is written into the graph of the model.
        let graph = builder.finish().ok()?;
        let total = graph.nodes().iter().try_fold(0usize, |n, node| n.checked_add(node.ty.len()));
        self.folded.set(self.folded.get().saturating_add(total.unwrap_or(0)));
        if total.is_none_or(|n| n > FOLDED_TOTAL)
            || self.folded.get() > FOLDED_ALL
            || graph.nodes().iter().any(|n| matches!(n.op, Op::Scan { .. }))
        {
            return None;
        }
        if adaline_graph::cost::total_cost(&graph).flops > FOLDED_WORK {
            return None;
        }
        let given: Vec<eval::Value> = feeds
            .iter()
            .filter_map(|f| match f {
                Feed::Constant(t) => Some(eval::Value::of(TensorType::new(t.kind().dtype(), t.shape()), t.to_f64())),
                Feed::Input(_) => None,
            })
            .collect();
        let run = eval::evaluate_with(&graph, &given, &|_| None, Precision::F32).ok()?;
        let made = outs.into_iter().map(|out| match out {
            Out::Known(t) => Value::Known(t),
            Out::At(at, kind) => {
                let value = &run.outputs[at];
                Value::Known(Arc::new(OnnxTensor::from_f64(kind, value.ty.shape, &value.data)))
            }
        });
        Some(Ok(made.collect()))
    }

    /// The model's inputs that a node depends on.
    fn reaches(&self, id: NodeId) -> BTreeSet<usize> {
        let feeds = self.feeds.borrow();
        let mut found = BTreeSet::new();
        let _ = self.b.with_graph(|g| {
            let mut todo = vec![id];
            let mut seen = vec![false; g.nodes().len()];
            while let Some(id) = todo.pop() {
                if seen.get(id.index()).copied().unwrap_or(true) {
                    continue;
                }
                seen[id.index()] = true;
                let node = g.node(id);
                if let Op::Input { id, .. } = node.op
                    && let Some(Feed::Input(i)) = feeds.get(id.index())
                {
                    found.insert(*i);
                }
                todo.extend(node.inputs.iter().copied());
            }
            Ok(())
        });
        found
    }
}
