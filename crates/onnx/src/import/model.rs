//! A model that was read: what it takes, what it gives, and running it.

use super::call::Value;
use super::check::{Checker, Graph, ValueSpec};
use super::error::{ImportError, malformed};
use super::kind::Kind;
use super::limits::Limits;
use super::tensor::{Elements, OnnxTensor};
use super::trace::{Ctx, Feed, Scope};
use super::wire;
use crate::proto;
use adaline_graph::backend::{Backend, CompileOptions, Session, TensorRef};
use adaline_graph::{Builder, Role, SlotId, StateStore, TensorType};
use prost::Message;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Plans kept at once.
const CACHE: usize = 8;
/// Most elements of an input whose values decide shapes.
const STATIC: usize = 1 << 16;

/// A network read from an ONNX file. It runs on any backend; a plan is made for each combination of shapes, and the last eight are kept.
///
/// Floats of all types are computed as `f32`, integers as `i32`: a constant or input that needs more is refused.
#[derive(Debug)]
pub struct OnnxModel {
    pub(crate) about: About,
    pub(crate) graph: Graph,
    limits: Limits,
    backend: Arc<dyn Backend>,
    store: StateStore,
    slots: HashMap<usize, SlotId>,
    /// Inputs whose values decide shapes.
    fixed: BTreeSet<usize>,
    plans: Vec<Plan>,
}

/// What a file says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Version of the format.
    pub ir_version: i64,
    /// Who wrote it, with its version.
    pub producer: String,
    /// Version of the set of operators.
    pub opset: i64,
    /// Other sets of operators that the file names.
    pub other_opsets: Vec<(String, i64)>,
    /// Notes.
    pub metadata: Vec<(String, String)>,
}

/// For what a plan was made: the sizes of all inputs, and the values of those that decide shapes.
#[derive(Clone, PartialEq, Debug)]
struct Key {
    dims: Vec<Vec<usize>>,
    fixed: Vec<(usize, OnnxTensor)>,
}

struct Plan {
    key: Key,
    session: Box<dyn Session>,
    feeds: Vec<(Feed, Words)>,
    outputs: Vec<Out>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("key", &self.key).finish_non_exhaustive()
    }
}

enum Out {
    Known(Arc<OnnxTensor>),
    At(usize, Kind, Vec<usize>),
}

/// Elements as a backend takes them.
enum Words {
    None,
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Words {
    fn of(t: &OnnxTensor) -> Result<Self, i64> {
        Ok(match t.elements() {
            Elements::F32(v) => Self::F32(v.clone()),
            Elements::Bool(v) => Self::F32(v.iter().map(|&x| f32::from(u8::from(x))).collect()),
            Elements::Int(v) => Self::I32(v.iter().map(|&x| i32::try_from(x).map_err(|_| x)).collect::<Result<_, _>>()?),
        })
    }
    fn view(&self) -> TensorRef<'_> {
        match self {
            Self::None => TensorRef::F32(&[]),
            Self::F32(v) => TensorRef::F32(v),
            Self::I32(v) => TensorRef::I32(v),
        }
    }
}

impl OnnxModel {
    /// The model in `bytes`, to run on `backend`.
    ///
    /// # Errors
    /// [`ImportError::NotOnnx`], [`ImportError::Limit`], [`ImportError::Malformed`], and [`ImportError::Unsupported`], which names all that is
    /// not supported at once.
    pub fn read(bytes: &[u8], backend: Arc<dyn Backend>, limits: Limits) -> Result<Self, ImportError> {
        wire::look(bytes, &limits)?;
        let mut model = proto::Model::decode(bytes).map_err(|e| ImportError::NotOnnx { message: e.to_string() })?;
        let mut graph = model.graph.take().ok_or_else(|| malformed("model", "it has no graph"))?;
        let producer = [model.producer_name, model.producer_version].join(" ").trim().to_owned();
        let mut about = About { ir_version: model.ir_version, producer, ..About::default() };
        about.metadata = model.metadata_props.into_iter().map(|e| (e.key, e.value)).collect();
        // Files of the first version do not say which operators they use.
        about.opset = 1;
        for set in model.opset_import {
            if set.domain.is_empty() || set.domain == "ai.onnx" {
                about.opset = set.version;
            } else {
                about.other_opsets.push((set.domain, set.version));
            }
        }
        let domain = |d: &str| if d == "ai.onnx" { String::new() } else { d.to_owned() };
        let functions = model.functions.iter().map(|f| (domain(&f.domain), f.name.clone())).collect();
        let mut checker = Checker { opset: about.opset, functions, unsupported: BTreeSet::new() };
        let graph = checker.graph(&mut graph, None)?;
        if !checker.unsupported.is_empty() {
            return Err(ImportError::Unsupported { items: checker.unsupported.into_iter().collect() });
        }
        let mut store = StateStore::new();
        let mut slots = HashMap::new();
        for (name, t) in &graph.constants {
            let ty = TensorType::new(t.kind().dtype(), t.shape());
            // What does not fit is refused where it is used: it may be a limit of a slice, which is never computed with.
            if let Ok(words) = t.words() {
                let slot = store.add(name, Role::NonTrainable, ty);
                store.words_mut(slot).copy_from_slice(&words);
                slots.insert(Arc::as_ptr(t).addr(), slot);
            }
        }
        Ok(Self { about, graph, limits, backend, store, slots, fixed: BTreeSet::new(), plans: Vec::new() })
    }

    /// What the file says of itself.
    pub fn about(&self) -> &About {
        &self.about
    }
    /// What the model takes.
    pub fn inputs(&self) -> &[ValueSpec] {
        &self.graph.inputs
    }
    /// What the model gives.
    pub fn outputs(&self) -> &[ValueSpec] {
        &self.graph.outputs
    }

    /// The model's outputs in their order for its inputs by name, each once.
    ///
    /// # Errors
    /// [`ImportError::Input`] for inputs that are missing, unknown or do not fit; [`ImportError::Node`] for an operation that cannot be done
    /// with these shapes; [`ImportError::Compile`], [`ImportError::Run`].
    pub fn run(&mut self, inputs: &[(&str, &OnnxTensor)]) -> Result<Vec<OnnxTensor>, ImportError> {
        let inputs = self.arrange(inputs)?;
        let at = self.plan(&inputs)?;
        self.plans[..=at].rotate_right(1);
        let (Some(plan), store) = (self.plans.first_mut(), &self.store) else { return Ok(Vec::new()) };
        // Floats are handed on where they lie.
        let own = plan.feeds.iter().map(|(feed, _)| match feed {
            Feed::Input(i) if inputs[*i].as_f32().is_none() => Words::of(inputs[*i]).map_err(|x| {
                let message = format!("the value {x} does not fit into 32 bits, in which integers are computed");
                ImportError::Input { name: self.graph.inputs[*i].name.clone(), message }
            }),
            _ => Ok(Words::None),
        });
        let own: Vec<Words> = own.collect::<Result<_, _>>()?;
        let views = plan.feeds.iter().zip(&own).map(|((feed, kept), own)| match feed {
            Feed::Input(i) => inputs[*i].as_f32().map_or_else(|| own.view(), TensorRef::F32),
            Feed::Constant(_) => kept.view(),
        });
        let views: Vec<TensorRef<'_>> = views.collect();
        plan.session.run_frozen(&views, store)?;
        Ok(plan.outputs.iter().map(|o| o.tensor(plan.session.as_ref())).collect())
    }

    /// The inputs in the order of the model.
    fn arrange<'t>(&self, inputs: &[(&str, &'t OnnxTensor)]) -> Result<Vec<&'t OnnxTensor>, ImportError> {
        let fail = |name: &str, message: String| ImportError::Input { name: name.into(), message };
        let names = || self.graph.inputs.iter().map(|i| format!("`{}`", i.name)).collect::<Vec<_>>().join(", ");
        if let Some((name, _)) = inputs.iter().find(|(name, _)| self.graph.inputs.iter().all(|i| i.name != *name)) {
            return Err(fail(name, format!("the model has no such input; its inputs are {}", names())));
        }
        let mut arranged = Vec::with_capacity(self.graph.inputs.len());
        for spec in &self.graph.inputs {
            let mut of_it = inputs.iter().filter(|(name, _)| *name == spec.name);
            let Some((_, t)) = of_it.next() else {
                return Err(fail(&spec.name, format!("it is missing; the model's inputs are {}", names())));
            };
            if of_it.next().is_some() {
                return Err(fail(&spec.name, "it is given twice".into()));
            }
            if let Some(kind) = spec.kind
                && kind.dtype() != t.kind().dtype()
            {
                return Err(fail(&spec.name, format!("it expects {kind}, got {}", t.kind())));
            }
            if !spec.fits(t.dims()) {
                return Err(fail(&spec.name, format!("it expects the shape {}, got {:?}", spec.shape_text(), t.dims())));
            }
            arranged.push(*t);
        }
        Ok(arranged)
    }

    /// The place of the plan for these inputs, which is made where there is none.
    fn plan(&mut self, inputs: &[&OnnxTensor]) -> Result<usize, ImportError> {
        loop {
            let key = Key {
                dims: inputs.iter().map(|t| t.dims().to_vec()).collect(),
                fixed: self.fixed.iter().map(|&i| (i, inputs[i].clone())).collect(),
            };
            if let Some(at) = self.plans.iter().position(|p| p.key == key) {
                return Ok(at);
            }
            let (made, mut needs) = self.compile(&key);
            match made {
                Ok(plan) => {
                    self.plans.truncate(CACHE - 1);
                    self.plans.insert(0, plan);
                    return Ok(0);
                }
                Err(e) => {
                    needs.retain(|i| !self.fixed.contains(i));
                    if needs.is_empty() {
                        return Err(e);
                    }
                    if let Some(&i) = needs.iter().find(|&&i| inputs[i].len() > STATIC) {
                        let message = format!("its values decide shapes, and it has more than {STATIC} of them ({e})");
                        return Err(ImportError::Input { name: self.graph.inputs[i].name.clone(), message });
                    }
                    self.fixed.extend(needs);
                }
            }
        }
    }

    /// A plan, or why there is none, and the inputs whose values must be known.
    fn compile(&self, key: &Key) -> (Result<Plan, ImportError>, BTreeSet<usize>) {
        let builder = Builder::new();
        let ctx = Ctx::new(&builder, self.limits, Some(&self.slots));
        let traced = self.trace(&ctx, key);
        let (feeds, needs) = (ctx.feeds.take(), ctx.needs.take());
        drop(ctx);
        let compiled = traced.and_then(|outputs| {
            let graph = builder.finish().map_err(|e| malformed("model", e.to_string()))?;
            let plan = self.backend.compile(&graph, self.store.layout(), &CompileOptions::default())?;
            let feeds = feeds.into_iter().map(|feed| {
                let words = match &feed {
                    Feed::Input(_) => Words::None,
                    Feed::Constant(t) => Words::of(t).unwrap_or(Words::None),
                };
                (feed, words)
            });
            Ok(Plan { key: key.clone(), session: plan.session(), feeds: feeds.collect(), outputs })
        });
        (compiled, needs)
    }

    fn trace<'g>(&'g self, ctx: &Ctx<'g>, key: &Key) -> Result<Vec<Out>, ImportError> {
        let scope = Scope { names: RefCell::default(), outer: None };
        for (i, (spec, dims)) in self.graph.inputs.iter().zip(&key.dims).enumerate() {
            let value = if let Some((_, t)) = key.fixed.iter().find(|f| f.0 == i) {
                Value::Known(Arc::new(t.clone()))
            } else {
                let kind = spec.kind.unwrap_or(Kind::F32);
                let shape = adaline_graph::Shape::try_new(dims)
                    .ok_or_else(|| ImportError::Input { name: spec.name.clone(), message: format!("the shape {dims:?} is too large") })?;
                ctx.feeds.borrow_mut().push(Feed::Input(i));
                Value::Var(ctx.b.input(&spec.name, TensorType::new(kind.dtype(), shape)), kind)
            };
            scope.names.borrow_mut().insert(spec.name.clone(), value);
        }
        ctx.graph(&self.graph, &scope)?;
        let mut outputs = Vec::with_capacity(self.graph.outputs.len());
        let mut at = 0;
        for spec in &self.graph.outputs {
            let value = scope.get(&spec.name).ok_or_else(|| malformed(&format!("output `{}`", spec.name), "it is nowhere made"))?;
            outputs.push(match value {
                Value::Known(t) => Out::Known(t),
                Value::Var(v, kind) => {
                    ctx.b.output(&spec.name, v);
                    at += 1;
                    Out::At(at - 1, kind, v.shape().dims().to_vec())
                }
            });
        }
        Ok(outputs)
    }

    /// Shapes of the outputs for inputs of these sizes. Nothing is compiled; values that decide shapes are taken as 1.
    ///
    /// # Errors
    /// As [`OnnxModel::run`].
    pub fn trace_shapes(&self, dims: &[Vec<usize>]) -> Result<Vec<Vec<usize>>, ImportError> {
        self.trace_shapes_with(dims, 1.0)
    }

    /// As [`OnnxModel::trace_shapes`] with another value for those that decide shapes.
    ///
    /// # Errors
    /// As [`OnnxModel::run`].
    pub fn trace_shapes_with(&self, dims: &[Vec<usize>], value: f64) -> Result<Vec<Vec<usize>>, ImportError> {
        let mut fixed = BTreeSet::new();
        loop {
            let builder = Builder::new();
            let ctx = Ctx::new(&builder, self.limits, Some(&self.slots));
            let ones = |i: usize| {
                let kind = self.graph.inputs.get(i)?.kind.unwrap_or(Kind::F32);
                let shape = adaline_graph::Shape::try_new(dims.get(i)?).filter(|s| s.len() <= STATIC)?;
                Some((i, OnnxTensor::from_f64(kind, shape, &vec![value; shape.len()])))
            };
            let key = Key { dims: dims.to_vec(), fixed: fixed.iter().filter_map(|&i| ones(i)).collect() };
            match self.trace(&ctx, &key) {
                Ok(outputs) => {
                    let dims = outputs.iter().map(|o| match o {
                        Out::Known(t) => t.dims().to_vec(),
                        Out::At(_, _, dims) => dims.clone(),
                    });
                    return Ok(dims.collect());
                }
                Err(e) => {
                    let before = fixed.len();
                    fixed.extend(ctx.needs.take());
                    if fixed.len() == before {
                        return Err(e);
                    }
                }
            }
        }
    }
}

impl Out {
    fn tensor(&self, session: &dyn Session) -> OnnxTensor {
        match self {
            Self::Known(t) => OnnxTensor::clone(t),
            Self::At(at, kind, dims) => {
                let shape = adaline_graph::Shape::new(dims);
                let values: Vec<f64> = match session.output(*at) {
                    TensorRef::F32(v) if kind.is_float() => {
                        return OnnxTensor::new(*kind, dims, Elements::F32(v.to_vec())).unwrap_or_else(|| OnnxTensor::number(0));
                    }
                    TensorRef::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
                    TensorRef::I32(v) => v.iter().map(|&x| f64::from(x)).collect(),
                };
                OnnxTensor::from_f64(*kind, shape, &values)
            }
        }
    }
}

impl ValueSpec {
    /// Whether a tensor of these sizes is one of it.
    pub fn fits(&self, dims: &[usize]) -> bool {
        self.dims
            .as_ref()
            .is_none_or(|d| d.len() == dims.len() && d.iter().zip(dims).all(|(d, n)| d.as_ref().is_err() || d.as_ref() == Ok(n)))
    }
    /// Its sizes as text, such as `[batch, 784]`.
    pub fn shape_text(&self) -> String {
        let size = |d: &Result<usize, String>| match d {
            Ok(n) => n.to_string(),
            Err(name) if name.is_empty() => "?".into(),
            Err(name) => name.clone(),
        };
        self.dims.as_ref().map_or_else(|| "any".into(), |d| format!("[{}]", d.iter().map(size).collect::<Vec<_>>().join(", ")))
    }
}
