//! Tracing: what a layer sees while it writes its part of the graph.
//!
//! A model is traced anew for each `(batch shape, training)` signature. Weights are declared inside the call: the first trace
//! creates and fills their slots, later traces find them by path and check the shape.

use crate::{
    Layer,
    advice::activation,
    constraints::Constraint,
    initializers::Initializer,
    keras::DTypePolicy,
    layers::Spectral,
    network::{Call, Calls, Network},
    regularizers::Regularizer,
};
use adaline_graph::{Builder, DType, Op, Role, Shape, SlotId, StateStore, TensorType, Var, philox};

/// How a weight begins and what acts on it.
#[derive(Clone, Debug)]
pub struct WeightSpec {
    /// Initial values.
    pub initializer: Initializer,
    /// Penalty added to the loss.
    pub regularizer: Option<Regularizer>,
    /// Whether training changes it.
    pub trainable: bool,
    /// What it is put back to after each update.
    pub constraint: Option<Constraint>,
}

impl WeightSpec {
    /// A weight that training changes, without penalty or constraint.
    pub fn new(initializer: Initializer) -> Self {
        Self { initializer, regularizer: None, constraint: None, trainable: true }
    }
    /// The same, put back by a constraint after each update.
    pub fn constrained(mut self, constraint: Option<&Constraint>) -> Self {
        self.constraint = constraint.cloned();
        self
    }
}

/// A declared weight.
#[derive(Clone, Debug)]
pub struct Weight {
    /// Layer path.
    pub layer: String,
    /// Name within the layer (`kernel`).
    pub name: String,
    /// Its slot.
    pub slot: SlotId,
    /// Its type.
    pub ty: TensorType,
    /// How it began.
    pub spec: WeightSpec,
    /// Path of a layer around it under which Keras' files hold it a second time.
    pub(crate) copied_to: Option<String>,
}

/// What a layer remembers from one batch to the next: the last states of a stateful recurrent layer. No weight, and in no file.
#[derive(Clone, Debug)]
pub struct Memory {
    /// Layer path.
    pub layer: String,
    /// Name within the layer.
    pub name: String,
    /// Its slot.
    pub slot: SlotId,
    /// Its type.
    pub ty: TensorType,
}

/// All weights of a model in creation order, with their values.
#[derive(Debug)]
pub struct Weights {
    /// The declarations.
    pub list: Vec<Weight>,
    /// What layers remember.
    pub memories: Vec<Memory>,
    /// Values of all slots: weights, and later the optimizer's and the metrics'.
    pub store: StateStore,
    /// Seed of initial values and of every random number of the model.
    pub seed: u64,
    /// Most values that all weights together may have, so that a wrong or hostile configuration is an error and not the end of memory.
    pub limit: usize,
    /// [`StateStore::views`] when the last weight had got its initial values, as long as nothing else was written until then.
    pub(crate) made_at: u64,
    /// Without values: declared alone, for traces of which only shapes are of interest.
    pub(crate) hollow: bool,
}

/// 2^33 values: 32 GiB of weights.
const MOST_VALUES: usize = 1 << 33;

impl Weights {
    /// No weight yet.
    pub fn new(seed: u64) -> Self {
        Self { list: Vec::new(), memories: Vec::new(), store: StateStore::new(), seed, limit: MOST_VALUES, made_at: 0, hollow: false }
    }
    /// No weight yet, nor values of those to come: for traces that nothing is run of. Large layers cost nothing.
    pub(crate) fn hollow(limit: usize) -> Self {
        Self { limit, made_at: u64::MAX, hollow: true, ..Self::new(0) }
    }
    /// The same declarations and places without values: for traces that nothing is run of.
    pub(crate) fn declarations(&self) -> Self {
        let mut hollow = Self { list: self.list.clone(), memories: self.memories.clone(), ..Self::hollow(self.limit) };
        for (_, slot) in self.store.layout().iter().filter(|(_, s)| matches!(s.role, Role::Trainable | Role::NonTrainable)) {
            hollow.store.declare(&slot.name, slot.role, slot.ty);
        }
        hollow
    }
    /// A place for values, at first zeros.
    fn add(&mut self, name: &str, role: Role, ty: TensorType) -> SlotId {
        if self.hollow { self.store.declare(name, role, ty) } else { self.store.add(name, role, ty) }
    }
    /// A copy of the values of weights and of what layers remember, without those of the optimizer and the metrics.
    pub(crate) fn alone(&self) -> StateStore {
        let mut store = StateStore::new();
        for (id, slot) in self.store.layout().iter() {
            // Weights were declared before any memory, so they keep their numbers.
            if matches!(slot.role, Role::Trainable | Role::NonTrainable) {
                let new = store.add(&slot.name, slot.role, slot.ty);
                store.words_mut(new).copy_from_slice(self.store.words(id));
            }
        }
        store
    }
    /// Whether all values are those they had when they were made: weights by their initializers, all others zero.
    pub(crate) fn as_made(&self) -> bool {
        self.store.views() == self.made_at
    }
    /// Puts values of another place there; how the present ones were made does not count any more.
    pub(crate) fn replace(&mut self, store: StateStore) {
        self.store = store;
        self.made_at = u64::MAX;
    }
    /// Makes all values what they were when they were made.
    pub(crate) fn make_again(&mut self) {
        for role in Role::ALL {
            self.store.zero(role);
        }
        for w in &self.list {
            // It has worked before.
            let _ = fill(&mut self.store, self.seed, w.slot, &w.spec);
        }
        self.made_at = self.store.views();
    }
    /// Makes layers forget what they remember: the layer of a path and those within it, or all.
    pub(crate) fn forget(&mut self, layer: Option<&str>) {
        let within = |path: &str| layer.is_none_or(|l| path.strip_prefix(l).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        for m in self.memories.iter().filter(|m| within(&m.layer)) {
            self.store.f32_mut(m.slot).fill(0.0);
        }
    }
    fn find(&self, layer: &str, name: &str) -> Option<&Weight> {
        self.list.iter().find(|w| w.layer == layer && w.name == name)
    }
}

/// Gives a weight its initial values.
fn fill(store: &mut StateStore, seed: u64, slot: SlotId, spec: &WeightSpec) -> Result<(), String> {
    let declared = store.layout().slot(slot);
    let (shape, stream) = (declared.ty.shape, philox::stream_of(&declared.name));
    spec.initializer.fill(shape, seed, stream, store.f32_mut(slot))
}

/// A value on its way between layers, with the mask of its steps.
#[derive(Clone, Copy)]
pub struct Masked<'g> {
    /// The value `(B, ..)`.
    pub value: Var<'g>,
    /// Which steps count, `bool (B, T)`; none when all do.
    pub mask: Option<Var<'g>>,
}

impl<'g> From<Var<'g>> for Masked<'g> {
    fn from(value: Var<'g>) -> Self {
        Self { value, mask: None }
    }
}

/// What a layer that ends in relu gave.
pub(crate) struct Rectified<'g> {
    /// Path of the layer.
    layer: String,
    /// Which call of it, from 0.
    call: usize,
    value: Var<'g>,
    channels_first: bool,
}

impl<'g> Rectified<'g> {
    /// Path of the layer, with the number of the call from the second one on.
    pub(crate) fn name(&self) -> String {
        if self.call == 0 { self.layer.clone() } else { format!("{}[{}]", self.layer, self.call) }
    }
    /// The largest value of each unit: of each channel, over everything else.
    pub(crate) fn largest(&self) -> Var<'g> {
        let units = if self.channels_first { 1 } else { self.value.rank().saturating_sub(1) };
        let others: Vec<isize> = (0..self.value.rank()).filter(|&axis| axis != units).map(|axis| axis as isize).collect();
        self.value.max(&others, false)
    }
}

/// The context of one trace.
pub struct Trace<'g, 'm> {
    b: &'g Builder,
    weights: &'m mut Weights,
    training: bool,
    seed: Var<'g>,
    step: Var<'g>,
    draws: Vec<(String, u32)>,
    penalties: Vec<Var<'g>>,
    updates: Vec<(SlotId, Var<'g>)>,
    policy: DTypePolicy,
    masks: Vec<Option<Var<'g>>>,
    attention_mask: Option<Var<'g>>,
    in_step: bool,
    frozen: bool,
    /// Weights whose penalties have been counted: of a shared layer once.
    penalised: Vec<SlotId>,
    /// Shapes of the calls of networks, when they are asked for.
    pub(crate) recorded: Option<Calls>,
    /// Results of layers that end in relu and learn, when they are asked for.
    pub(crate) rectified: Option<Vec<Rectified<'g>>>,
    spectral: Option<Spectral>,
}

impl<'g, 'm> Trace<'g, 'm> {
    /// A trace that writes into `b`. `seed: i32[2]` and `step: i32[]` feed random numbers.
    pub fn new(b: &'g Builder, weights: &'m mut Weights, training: bool, seed: Var<'g>, step: Var<'g>) -> Self {
        Self {
            b,
            weights,
            training,
            seed,
            step,
            draws: Vec::new(),
            penalties: Vec::new(),
            updates: Vec::new(),
            policy: DTypePolicy::default(),
            masks: Vec::new(),
            attention_mask: None,
            in_step: false,
            frozen: false,
            penalised: Vec::new(),
            recorded: None,
            rectified: None,
            spectral: None,
        }
    }
    /// The graph under construction.
    pub fn builder(&self) -> &'g Builder {
        self.b
    }
    /// Whether this is the graph of a training step (dropout active, statistics updated).
    pub fn training(&self) -> bool {
        self.training
    }
    /// Runs `f` with `name` appended to the layer path.
    pub fn scope<R>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> R) -> R {
        let b = self.b;
        b.scope(name, || f(self))
    }
    /// As [`Trace::apply`], of a layer with one result, for tensors that come one after the other: [`Trace::mask`] is that of the input before
    /// the call and that of the output after it.
    pub fn call(&mut self, name: &str, layer: &dyn Layer, inputs: &[Var<'g>]) -> Var<'g> {
        let masks = self.masks.iter().copied().chain(std::iter::repeat(None));
        let inputs: Vec<Masked<'g>> = inputs.iter().zip(masks).map(|(&value, mask)| Masked { value, mask }).collect();
        let results = self.apply(name, layer, &inputs);
        self.set_mask(results.first().and_then(|r| r.mask));
        match results[..] {
            [one] => one.value,
            _ => self.b.error(format!(
                "{} gives {} tensors, and here one is handed on: choose arguments with which it gives one, or take it into a model of \
                 several tensors, with `apply_all`",
                layer.class_name(),
                results.len()
            )),
        }
    }
    /// Writes a layer into the graph under `name`, by its policy, as Keras' `Layer.__call__` does: its floating-point inputs are converted to
    /// its compute type, and so is what it returns. Within the call [`Trace::masks`] are those of the inputs.
    pub fn apply(&mut self, name: &str, layer: &dyn Layer, inputs: &[Masked<'g>]) -> Vec<Masked<'g>> {
        let convert = |cx: &Self, x: Var<'g>| if x.ty().dtype == DType::F32 { cx.compute(x) } else { x };
        self.within(name, layer, |cx| {
            let values: Vec<Var<'g>> = inputs.iter().map(|x| if layer.autocast() { convert(cx, x.value) } else { x.value }).collect();
            cx.masks = inputs.iter().map(|x| x.mask).collect();
            let results = layer.call_all(cx, &values);
            let results: Vec<Masked<'g>> = results.into_iter().map(|r| Masked { value: convert(cx, r.value), mask: r.mask }).collect();
            cx.penalize_results(layer, results.iter().map(|r| r.value));
            cx.watch(layer, &results);
            results
        })
    }
    /// As [`Trace::apply`], in the place of the layer that is being written, whose name the weights have: for a layer that is another one and more.
    pub fn apply_here(&mut self, layer: &dyn Layer, inputs: &[Masked<'g>]) -> Vec<Masked<'g>> {
        let before = std::mem::replace(&mut self.masks, inputs.iter().map(|x| x.mask).collect());
        let values: Vec<Var<'g>> = inputs.iter().map(|x| x.value).collect();
        let results = layer.call_all(self, &values);
        self.masks = before;
        results
    }
    /// Keeps the first result of a layer that ends in relu, when it is asked for and the layer is not frozen.
    fn watch(&mut self, layer: &dyn Layer, results: &[Masked<'g>]) {
        let (path, frozen) = (self.b.path(), self.frozen);
        let (Some(seen), Some(first)) = (&mut self.rectified, results.first()) else { return };
        if frozen || !matches!(activation(layer).as_deref(), Some("relu" | "relu6")) {
            return;
        }
        let channels_first = layer.config()["data_format"].as_str() == Some("channels_first");
        seen.push(Rectified { call: seen.iter().filter(|r| r.layer == path).count(), layer: path, value: first.value, channels_first });
    }
    /// Keeps the shapes of a call of a network, when they are asked for.
    pub(crate) fn record(&mut self, net: &Network, call: &Call, inputs: &[Masked<'g>], results: &[Masked<'g>]) {
        if let Some(recorded) = &mut self.recorded {
            let shapes = |values: &[Masked<'g>]| values.iter().map(|v| v.value.shape()).collect();
            recorded.add(&self.b.path(), net, call, shapes(inputs), shapes(results), self.b.failed());
        }
    }
    /// Runs `f` under `name` and by the policy of a layer, its weights frozen where it or a layer around it is: for layers that use others in
    /// another way than [`Trace::call`] does.
    pub fn within<R>(&mut self, name: &str, layer: &dyn Layer, f: impl FnOnce(&mut Self) -> R) -> R {
        let policy = std::mem::replace(&mut self.policy, layer.dtype_policy().unwrap_or_default());
        let frozen = self.frozen;
        self.frozen |= !layer.trainable();
        let r = self.scope(name, f);
        (self.policy, self.frozen) = (policy, frozen);
        r
    }
    /// Which steps of what flows through the network count: `bool (B, T)`, false where one is to be skipped; none when all count. Within
    /// [`Layer::call`] that of the layer's first input.
    pub fn mask(&self) -> Option<Var<'g>> {
        self.masks.first().copied().flatten()
    }
    /// The masks of all inputs of the layer that is being written.
    pub fn masks(&self) -> &[Option<Var<'g>>] {
        &self.masks
    }
    /// Sets the mask of what the next layer is given: for layers that call others.
    pub fn set_mask(&mut self, mask: Option<Var<'g>>) {
        self.set_masks(vec![mask]);
    }
    /// As [`Trace::set_mask`], for several inputs.
    pub fn set_masks(&mut self, masks: Vec<Option<Var<'g>>>) {
        self.masks = masks;
    }
    /// The mask of attention `bool (B, T, S)` or `(B, N, T, S)` that the call of the layer which is being written was given: for that layer alone.
    pub fn take_attention_mask(&mut self) -> Option<Var<'g>> {
        self.attention_mask.take()
    }
    /// Runs `f`, which writes one step of a sequence by code that is not known here: values of a step exist in it alone, so it can neither change
    /// weights nor add to the loss.
    pub fn step<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let around = std::mem::replace(&mut self.in_step, true);
        let r = f(self);
        self.in_step = around;
        r
    }
    /// Whether this is a step of a sequence, which then is an error.
    fn refused_in_step(&self, what: &str) -> bool {
        if self.in_step {
            self.b.error(format!(
                "a cell cannot {what}, since its step is written once and runs many times: do it in a layer before or behind"
            ));
        }
        self.in_step
    }
    /// Runs `f`, the call of a layer, in training or not, with a mask of attention.
    pub(crate) fn called_with<R>(&mut self, training: Option<bool>, attention: Option<Var<'g>>, f: impl FnOnce(&mut Self) -> R) -> R {
        let around = (self.training, self.attention_mask);
        (self.training, self.attention_mask) = (training.unwrap_or(self.training), attention);
        let r = f(self);
        (self.training, self.attention_mask) = around;
        r
    }
    /// `x` in the compute type of the layer that is being written: as a float, rounded to 16 bits under `mixed_bfloat16` and `mixed_float16`.
    pub fn compute(&self, x: Var<'g>) -> Var<'g> {
        let x = x.cast(DType::F32);
        self.policy.rounding().map_or(x, |rounding| self.b.op(Op::Unary(rounding), &[x]))
    }
    /// What Keras takes off the scores of steps that are masked: a large number of the compute type.
    pub(crate) fn masked_off(&self) -> f32 {
        if self.policy == DTypePolicy::MixedFloat16 { 65_504.0 } else { 1e9 }
    }
    /// Declares (first trace) or finds (later traces) the weight `name` of the current layer: its value in the layer's compute type.
    pub fn weight(&mut self, name: &str, shape: &[usize], spec: &WeightSpec) -> Var<'g> {
        let v = self.exact_weight(name, shape, spec);
        self.compute(v)
    }
    /// As [`Trace::weight`], in single precision under every policy (Keras' `autocast=False`).
    pub fn exact_weight(&mut self, name: &str, shape: &[usize], spec: &WeightSpec) -> Var<'g> {
        let layer = self.b.path();
        let v = self.weight_of(&layer, name, shape, spec);
        if !matches!(name, "kernel" | "embeddings") || self.spectral.as_ref().is_none_or(|s| s.of != layer) {
            return v;
        }
        self.spectral.take().map_or(v, |s| s.normalized(self, v))
    }
    /// Runs `f`, within which the first kernel of a layer is normalized; whether there was one.
    pub(crate) fn with_spectral<R>(&mut self, spectral: Spectral, f: impl FnOnce(&mut Self) -> R) -> (R, bool) {
        let around = self.spectral.replace(spectral);
        let r = f(self);
        let found = self.spectral.is_none();
        self.spectral = around;
        (r, found)
    }
    /// As [`Trace::exact_weight`], of the layer with a path.
    pub(crate) fn weight_of(&mut self, layer: &str, name: &str, shape: &[usize], spec: &WeightSpec) -> Var<'g> {
        let Some(shape) = Shape::try_new(shape) else {
            return self.b.error(format!("weight `{name}` of shape {shape:?} is too large"));
        };
        let ty = TensorType::new(DType::F32, shape);
        // As in Keras, where a wrapper is frozen.
        let spec =
            &if self.frozen { WeightSpec { regularizer: None, trainable: false, constraint: None, ..spec.clone() } } else { spec.clone() };
        let slot = if let Some(w) = self.weights.find(layer, name) {
            if w.ty != ty {
                return self.b.error(format!("weight `{name}` was built with shape {} and cannot become {shape}", w.ty.shape));
            }
            w.slot
        } else {
            if let Some(error) = self.too_many(name, shape) {
                return error;
            }
            let role = if spec.trainable { Role::Trainable } else { Role::NonTrainable };
            let slot = self.weights.add(&format!("{layer}/{name}"), role, ty);
            let untouched = self.weights.as_made();
            if !self.weights.hollow
                && let Err(message) = fill(&mut self.weights.store, self.weights.seed, slot, spec)
            {
                return self.b.error(format!("weight `{name}`: {message}"));
            }
            if untouched {
                self.weights.made_at = self.weights.store.views();
            }
            let copied_to =
                self.spectral.as_ref().filter(|s| s.of == layer && matches!(name, "kernel" | "embeddings")).map(|s| s.owner.clone());
            self.weights.list.push(Weight { layer: layer.into(), name: name.into(), slot, ty, spec: spec.clone(), copied_to });
            slot
        };
        // What an earlier call of the same layer in this step made of it.
        if let Some(&(_, value)) = self.updates.iter().find(|u| u.0 == slot) {
            return value;
        }
        let v = self.b.state(slot, &self.weights.store.layout().slot(slot).name, ty);
        // Evaluation reports the penalties too, as Keras does. They are of the weight itself, whatever the policy.
        if let Some(r) = spec.regularizer
            && !self.penalised.contains(&slot)
        {
            let p = r.penalty(v);
            self.penalties.push(p);
            self.penalised.push(slot);
        }
        v
    }
    /// Declares the new value of a non-trainable weight (moving statistics); training only.
    pub fn update(&mut self, slot_of: &str, value: Var<'g>) {
        let layer = self.b.path();
        self.update_of(&layer, slot_of, value);
    }
    /// As [`Trace::update`], of the layer with a path.
    pub(crate) fn update_of(&mut self, layer: &str, slot_of: &str, value: Var<'g>) {
        if !self.refused_in_step("set weights")
            && let Some(slot) = self.weights.find(layer, slot_of).map(|w| w.slot)
        {
            self.remember(slot, value);
        }
    }
    /// Declares (first trace) or finds (later traces) what the current layer remembers under `name` from one batch to the next, at first zeros.
    /// Nothing where an error has been latched, as for a shape that is not that of the batch before.
    pub fn memory(&mut self, name: &str, shape: Shape) -> Option<(SlotId, Var<'g>)> {
        if self.refused_in_step("remember anything but its states") {
            return None;
        }
        let (layer, ty) = (self.b.path(), TensorType::new(DType::F32, shape));
        let known = self.weights.memories.iter().find(|m| m.layer == layer && m.name == name);
        let slot = if let Some(m) = known {
            if m.ty != ty {
                self.b.error(format!(
                    "a stateful layer keeps its states from one batch to the next, here of shape {}, which do not fit a batch that needs {shape}: \
                     give it batches of one size, that of the input layer; a `batch_size` must divide the number of rows",
                    m.ty.shape
                ));
                return None;
            }
            m.slot
        } else {
            if self.too_many(name, shape).is_some() {
                return None;
            }
            let untouched = self.weights.as_made();
            let slot = self.weights.add(&format!("{layer}/{name}"), Role::NonTrainable, ty);
            if untouched {
                self.weights.made_at = self.weights.store.views();
            }
            self.weights.memories.push(Memory { layer, name: name.into(), slot, ty });
            slot
        };
        let made = self.updates.iter().find(|u| u.0 == slot).map(|u| u.1);
        Some((slot, made.unwrap_or_else(|| self.b.state(slot, &self.weights.store.layout().slot(slot).name, ty))))
    }
    /// The error of values beyond the limit of all that the model keeps.
    fn too_many(&self, name: &str, shape: Shape) -> Option<Var<'g>> {
        let (list, memories) = (self.weights.list.iter().map(|w| w.ty), self.weights.memories.iter().map(|m| m.ty));
        let (used, limit) = (list.chain(memories).map(|ty| ty.len()).sum(), self.weights.limit);
        let fits = shape.len() <= limit.saturating_sub(used);
        (!fits).then(|| self.b.error(format!("weight `{name}` of shape {shape} would make more than {limit} values of weights in all")))
    }
    /// What to remember in a place of [`Trace::memory`].
    pub fn remember(&mut self, slot: SlotId, value: Var<'g>) {
        // A layer that is called again goes on from there.
        match self.updates.iter_mut().find(|u| u.0 == slot) {
            Some(update) => update.1 = value,
            None => self.updates.push((slot, value)),
        }
    }
    /// Adds a scalar to the loss (activity regularizers).
    pub fn add_loss(&mut self, scalar: Var<'g>) {
        if !self.refused_in_step("add to the loss") {
            self.penalties.push(scalar);
        }
    }
    /// Adds the penalty of values `(B, ..)` to the loss, for each row of the batch, as Keras does with a regularizer of activities.
    pub fn penalize(&mut self, values: Var<'g>, regularizer: Regularizer) {
        let rows = if values.rank() == 0 { 1 } else { values.dim(0).max(1) };
        let penalty = regularizer.penalty(values) / rows as f32;
        self.add_loss(penalty);
    }
    /// Adds the penalty that a layer has for its results, if it has one.
    pub(crate) fn penalize_results(&mut self, layer: &dyn Layer, results: impl IntoIterator<Item = Var<'g>>) {
        if let Some(regularizer) = layer.activity_regularizer() {
            results.into_iter().for_each(|y| self.penalize(y, regularizer));
        }
    }
    /// Seed and step inputs and a fresh stream of random numbers of the current layer.
    pub fn random(&mut self) -> (u64, Var<'g>, Var<'g>) {
        let path = self.b.path();
        let n = if let Some(d) = self.draws.iter_mut().find(|d| d.0 == path) {
            d.1 += 1;
            d.1
        } else {
            self.draws.push((path.clone(), 0));
            0
        };
        (philox::stream_of(&format!("{path}#{n}")), self.seed, self.step)
    }
    /// Penalties and state updates collected so far.
    pub fn finish(self) -> (Vec<Var<'g>>, Vec<(SlotId, Var<'g>)>) {
        (self.penalties, self.updates)
    }
}

/// Whether a path is the layer's own or of something inside it.
pub(crate) fn belongs(path: &str, layer: &str) -> bool {
    path.strip_prefix(layer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
