//! What all recurrent layers can be told, and how one goes from a batch of sequences to its results.

use super::pass::{Outputs, Pass, RnnCell};
use crate::{Layer, Masked, Trace};
use adaline_graph::{Shape, SlotId, Var};
use serde::{Deserialize, Serialize};

/// The arguments of Keras' `RNN`.
#[expect(clippy::struct_excessive_bools, reason = "Keras' arguments")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RnnOptions {
    /// Whether the outputs of all steps are the result `(B, T, ..)`, not only the last `(B, ..)`.
    pub return_sequences: bool,
    /// Whether the last states are results too; then the layer is for [`Recurrent::call_with_states`], not for a chain of layers.
    pub return_state: bool,
    /// From the last step to the first. Outputs of all steps then come in the order in which they were made, the last step's first.
    pub go_backwards: bool,
    /// Whether the last states of a batch are the first of the next one. Batches then need one size.
    pub stateful: bool,
    /// Keras' hint to write the steps one after the other; here they are a loop all the same. As in Keras, masked steps then repeat the output
    /// before them, which is zero before the first step that counts, and `zero_output_for_mask` is not heeded.
    pub unroll: bool,
    /// Whether the output of a masked step is zero, not that of the step before.
    pub zero_output_for_mask: bool,
    /// Beyond Keras: training keeps the states at the end of every so many steps alone, and computes what lies between them again on its way back.
    /// No configuration holds it, so that files stay Keras': a loaded model keeps all steps until it is told again.
    #[serde(skip)]
    pub stretches: Option<usize>,
}

/// Results of a recurrent layer.
#[derive(Clone)]
pub struct RnnResult<'g> {
    /// `(B, ..)`, or `(B, T, ..)` with `return_sequences`.
    pub output: Var<'g>,
    /// The states after the last step, each `(B, ..)`.
    pub states: Vec<Var<'g>>,
}

/// A layer that repeats a cell along a sequence.
pub trait Recurrent: Layer {
    /// Its arguments that all recurrent layers have.
    fn options(&self) -> &RnnOptions;
    /// To change them.
    fn options_mut(&mut self) -> &mut RnnOptions;
    /// How many states it has.
    fn state_count(&self) -> usize;
    /// Output and last states for `x (B, T, ..)`, from the given states or, without any, from zeros or those of the batch before (`stateful`).
    /// Heeds [`Trace::mask`]. To be called within [`Trace::within`], which gives the weights their path and the layer its policy.
    fn call_with_states<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>, initial: Option<&[Var<'g>]>) -> RnnResult<'g>;
}

/// All results of a recurrent layer for `inputs`: x, and after it the first states, where they are given. With `return_state` the last states come
/// after the output, which alone may have a mask.
pub(super) fn results<'g>(layer: &dyn Recurrent, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
    let Some((&x, initial)) = inputs.split_first() else {
        return vec![cx.builder().error(format!("{} takes a sequence, and after it first states, got nothing", layer.class_name())).into()];
    };
    let mask = cx.mask().filter(|_| layer.options().return_sequences);
    let passed = layer.call_with_states(cx, x, (!initial.is_empty()).then_some(initial));
    let states = passed.states.into_iter().filter(|_| layer.options().return_state).map(Masked::from);
    std::iter::once(Masked { value: passed.output, mask }).chain(states).collect()
}

/// The first of all results.
pub(super) fn output<'g>(results: &[Masked<'g>], cx: &Trace<'g, '_>) -> Var<'g> {
    results.first().map_or_else(|| cx.builder().error("a layer without results"), |r| r.value)
}
/// How many there are.
pub(super) fn count(layer: &dyn Recurrent) -> usize {
    if layer.options().return_state { 1 + layer.state_count() } else { 1 }
}

impl RnnOptions {
    /// Takes a batch through a cell, whose weights are declared by `run`.
    pub(super) fn run<'g>(
        self,
        cx: &mut Trace<'g, '_>,
        class: &str,
        cell: &dyn RnnCell,
        x: Var<'g>,
        initial: Option<&[Var<'g>]>,
        run: impl FnOnce(&mut Trace<'g, '_>, &Pass<'g>, Var<'g>, &[Var<'g>]) -> super::Passed<'g>,
    ) -> RnnResult<'g> {
        let x = cx.compute(x);
        let dims = x.shape();
        let fail = |y: Var<'g>| RnnResult { output: y, states: Vec::new() };
        let b = cx.builder();
        if b.failed() {
            return fail(x);
        }
        let &[batch, steps, ref row @ ..] = dims.dims() else {
            return fail(b.error(format!("{class} needs an input (batch, steps, ..) of rank 3 or more, got shape {dims}")));
        };
        if row.is_empty() || steps == 0 {
            let advice = if steps == 0 { "with at least one step" } else { "of rank 3 or more; try a Reshape before it" };
            return fail(b.error(format!("{class} needs an input (batch, steps, ..) {advice}, got shape {dims}")));
        }
        let mut shapes = Vec::new();
        for state in cell.states(row) {
            match Shape::try_new(&[&[batch], &state[..]].concat()) {
                Some(shape) => shapes.push(shape),
                None => return fail(b.error(format!("{class}: states of {state:?} for each of {batch} samples are too large"))),
            }
        }
        let slots = if self.stateful { remembered(cx, &shapes) } else { Some(Vec::new()) };
        let Some(slots) = slots else { return fail(b.error(format!("{class} has no states"))) };
        if self.stretches == Some(0) {
            return fail(b.error(format!("{class}: stretches expects at least 1 step, got 0; leave it out to keep all steps")));
        }
        let initial: Vec<Var<'g>> = match initial {
            Some(given) if given.iter().map(|s| s.shape()).eq(shapes.iter().copied()) => given.iter().map(|&s| cx.compute(s)).collect(),
            Some(given) => {
                let list = |shapes: &mut dyn Iterator<Item = Shape>| shapes.map(|s| s.to_string()).collect::<Vec<_>>().join(", ");
                let (expected, got) = (list(&mut shapes.iter().copied()), list(&mut given.iter().map(|s| s.shape())));
                return fail(b.error(format!("{class} needs first states of shapes {expected}, got {got}")));
            }
            None if self.stateful => slots.iter().map(|s| cx.compute(s.1)).collect(),
            None => cell.initial(cx, batch).unwrap_or_else(|| shapes.iter().map(|&s| b.full(s, 0.0)).collect()),
        };
        let mask = match cx.mask() {
            Some(mask) if mask.shape().dims() != [batch, steps] => {
                return fail(b.error(format!("{class} needs a mask of shape [{batch}, {steps}], got {}", mask.shape())));
            }
            mask => mask.map(|m| m.transpose(&[1, 0])), // (T, B)
        };
        let zero = self.zero_output_for_mask && !self.unroll;
        let outputs = match (self.return_sequences || !cell.output_is_state(), self.unroll) {
            (false, false) => Outputs::Last,
            (false, true) if mask.is_none() => Outputs::Last,
            (_, true) => Outputs::Repeated,
            (true, false) if zero => Outputs::Zeroed,
            (true, false) => Outputs::Held,
        };
        let pass = Pass { reverse: self.go_backwards, mask, outputs, stretches: self.stretches };
        let xs = swapped(x); // (T, B, ..)
        let passed = run(cx, &pass, xs, &initial);
        let Some(&newest) = passed.states.get(cell.output()).filter(|_| !b.failed()) else {
            return fail(b.error(format!("{class} needs a cell with states")));
        };
        for (&(slot, _), &state) in slots.iter().zip(&passed.states) {
            cx.remember(slot, state);
        }
        // As they were made, the last step's first.
        let last = if self.go_backwards { 0 } else { steps - 1 };
        let of_step = |ys: Var<'g>, t: usize| {
            let s = ys.shape();
            let ranges: Vec<_> = s.dims().iter().enumerate().map(|(a, &d)| if a == 0 { (t, t + 1, 1) } else { (0, d, 1) }).collect();
            ys.slice(&ranges).reshape(Shape::new(&s.dims()[1..]))
        };
        let output = match (passed.outputs, mask) {
            (Some(ys), _) if self.return_sequences => swapped(if self.go_backwards { ys.reverse(&[0]) } else { ys }),
            (Some(ys), _) => of_step(ys, last),
            (None, Some(mask)) if zero => {
                let counts = of_step(mask, last);
                let column: Vec<usize> = (0..newest.rank()).map(|a| if a == 0 { batch } else { 1 }).collect();
                counts.reshape(Shape::new(&column)).select(newest, b.full(newest.shape(), 0.0))
            }
            (None, _) => newest,
        };
        RnnResult { output, states: passed.states }
    }
}

/// First and second axis change places: `(B, T, ..)` and `(T, B, ..)`.
fn swapped(x: Var<'_>) -> Var<'_> {
    let axes: Vec<usize> = [1, 0].into_iter().chain(2..x.rank()).collect();
    x.transpose(&axes)
}

/// The states of the batch before, and where they are kept.
fn remembered<'g>(cx: &mut Trace<'g, '_>, shapes: &[Shape]) -> Option<Vec<(SlotId, Var<'g>)>> {
    shapes.iter().enumerate().map(|(i, &shape)| cx.memory(&format!("rnn_state{i}"), shape)).collect()
}

/// The builder methods that all recurrent layers share, for a struct with a field `options`.
macro_rules! options_builder {
    () => {
        /// Whether the outputs of all steps are the result `(B, T, ..)`, not only the last (default not).
        pub fn return_sequences(mut self, return_sequences: bool) -> Self {
            self.options.return_sequences = return_sequences;
            self
        }
        /// Whether the last states are results too (default not); then the layer is for
        /// [`Recurrent::call_with_states`](crate::layers::Recurrent::call_with_states).
        pub fn return_state(mut self, return_state: bool) -> Self {
            self.options.return_state = return_state;
            self
        }
        /// From the last step to the first (default not).
        pub fn go_backwards(mut self, go_backwards: bool) -> Self {
            self.options.go_backwards = go_backwards;
            self
        }
        /// Whether the last states of a batch are the first of the next one (default not). The input layer must then name a batch size.
        pub fn stateful(mut self, stateful: bool) -> Self {
            self.options.stateful = stateful;
            self
        }
        /// Keras' hint to write the steps one after the other (default not); here they are a loop all the same.
        pub fn unroll(mut self, unroll: bool) -> Self {
            self.options.unroll = unroll;
            self
        }
        /// Whether the output of a masked step is zero, not that of the step before (default not).
        pub fn zero_output_for_mask(mut self, zero_output_for_mask: bool) -> Self {
            self.options.zero_output_for_mask = zero_output_for_mask;
            self
        }
        /// For long sequences, beyond Keras: training keeps the states at the end of every `every` steps alone, and computes what lies between them
        /// again on its way back (default: keeps what all steps computed). Of T steps memory then grows with `T / every + every` instead of T, least
        /// at the square root of T, for about a third more work; results are the same up to rounding. Files do not say it, since Keras does not know it: tell a loaded
        /// model again.
        pub fn stretches(mut self, every: usize) -> Self {
            self.options.stretches = Some(every);
            self
        }
    };
}
pub(super) use options_builder;

/// The builder methods of what multiplies inputs and states by matrices or kernels, for a struct with such fields, or with a field that has them.
macro_rules! cell_builder {
    ($($at:ident)?) => {
        /// How the kernel for inputs begins.
        pub fn kernel_initializer(mut self, initializer: $crate::initializers::Initializer) -> Self {
            self.$($at.)?kernel_initializer = initializer;
            self
        }
        /// How the kernel for states begins.
        pub fn recurrent_initializer(mut self, initializer: $crate::initializers::Initializer) -> Self {
            self.$($at.)?recurrent_initializer = initializer;
            self
        }
        /// Penalty on the kernel for inputs.
        pub fn kernel_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
            self.$($at.)?kernel_regularizer = Some(regularizer.into());
            self
        }
        /// What the kernel for inputs is put back to after each update.
        pub fn kernel_constraint(mut self, constraint: $crate::constraints::Constraint) -> Self {
            self.$($at.)?kernel_constraint = Some(constraint);
            self
        }
        /// Penalty on the kernel for states.
        pub fn recurrent_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
            self.$($at.)?recurrent_regularizer = Some(regularizer.into());
            self
        }
        /// What the kernel for states is put back to after each update.
        pub fn recurrent_constraint(mut self, constraint: $crate::constraints::Constraint) -> Self {
            self.$($at.)?recurrent_constraint = Some(constraint);
            self
        }
        /// Drops values of the input with this probability, from 0 to below 1, the same at each step.
        pub fn dropout(mut self, rate: f64) -> Self {
            self.$($at.)?dropout = rate;
            self
        }
        /// Drops values of the state with this probability, from 0 to below 1, the same at each step.
        pub fn recurrent_dropout(mut self, rate: f64) -> Self {
            self.$($at.)?recurrent_dropout = rate;
            self
        }
        /// A seed of its own for dropout, mixed with the model's.
        pub fn seed(mut self, seed: i64) -> Self {
            self.$($at.)?seed = Some(seed);
            self
        }
    };
}
pub(super) use cell_builder;

/// `Layer`'s methods of a recurrent layer besides those that all layers share: it hands its mask on with the outputs of all steps.
macro_rules! recurrent_methods {
    () => {
        fn call<'g>(&self, cx: &mut $crate::Trace<'g, '_>, inputs: &[adaline_graph::Var<'g>]) -> adaline_graph::Var<'g> {
            $crate::layers::recurrent::options::output(&self.call_all(cx, inputs), cx)
        }
        fn call_all<'g>(&self, cx: &mut $crate::Trace<'g, '_>, inputs: &[adaline_graph::Var<'g>]) -> Vec<$crate::Masked<'g>> {
            $crate::layers::recurrent::options::results(self, cx, inputs)
        }
        fn results(&self) -> usize {
            $crate::layers::recurrent::options::count(self)
        }
        fn arguments(&self) -> $crate::layers::Arguments {
            $crate::layers::Arguments::WithStates
        }
        fn supports_masking(&self) -> bool {
            true
        }
        fn stateful(&self) -> bool {
            self.options.stateful
        }
        fn as_recurrent(&self) -> Option<&dyn $crate::layers::Recurrent> {
            Some(self)
        }
        fn as_recurrent_mut(&mut self) -> Option<&mut dyn $crate::layers::Recurrent> {
            Some(self)
        }
    };
}
pub(super) use recurrent_methods;
