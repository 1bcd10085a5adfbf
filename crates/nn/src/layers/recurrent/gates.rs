//! What the cells with one matrix for their inputs and one for their states share: [`SimpleRNN`](super::SimpleRNN), [`LSTM`](super::LSTM),
//! [`GRU`](super::GRU). A [`Kind`] is what they differ in; a [`GateCell`] is one as a cell, a [`GateLayer`] one as a layer.

use super::{
    options::{Recurrent, RnnOptions, RnnResult, cell_builder, options_builder, recurrent_methods},
    pass::{Pass, Passed, RnnCell, StepCell},
};
use crate::{
    Layer, Trace,
    activations::Activation,
    constraints::{self, Constraint},
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check, to_config},
    layers::{
        common::{LayerCommon, dropout_factor, layer_methods},
        spatial::weights_valid,
    },
    regularizers::Regularizer,
};
use adaline_graph::{Shape, Var, concat};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::fmt::Debug;
use std::ops::Range;

/// What one of these cells is.
pub trait Kind: Clone + PartialEq + Debug + Default + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Keras' name of the layer.
    const LAYER: &'static str;
    /// Keras' name of the cell.
    const CELL: &'static str;
    /// Columns of the matrices for each unit.
    const GATES: usize;
    /// Values that each unit hands on.
    const STATES: usize;
    /// Shape of the bias, and how it begins.
    fn bias(&self, units: usize, initializer: &Initializer) -> (Vec<usize>, Initializer) {
        (vec![units.saturating_mul(Self::GATES)], initializer.clone())
    }
    /// The new states of a step from the products of its input, `x (B, gates · units)`, and the states `(B, units)`.
    fn step<'g>(&self, cx: &Trace<'g, '_>, recurrence: &Recurrence<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>>;
}

/// The matrices for the input and for the states, and what belongs to them.
#[derive(Clone)]
pub struct Recurrence<'g> {
    input: Projection<'g>,
    /// `(units, gates · units)`
    kernel: Var<'g>,
    /// `(1, gates · units)`, added to products.
    bias: Option<Var<'g>>,
    /// Factors of dropout for each gate, `(B, units)`; none where nothing is dropped.
    dropout: Vec<Var<'g>>,
    /// What the cell applies to its candidate.
    pub activation: Activation,
}

/// The matrix for the input.
#[derive(Clone)]
struct Projection<'g> {
    /// `(features, gates · units)`
    kernel: Var<'g>,
    /// `(gates · units,)` or `(1, gates · units)`, added to products.
    bias: Option<Var<'g>>,
    /// Factors of dropout, `(B, features)`: none, one, or one for each gate.
    dropout: Vec<Var<'g>>,
}

impl<'g> Recurrence<'g> {
    /// What the gates get from the input of a step, `(B, features) -> (B, gates · units)`. Where that pays it becomes one product for all steps
    /// ([`adaline_graph::Builder::scan`] sees to it).
    fn projected(&self, cx: &Trace<'g, '_>, x: Var<'g>) -> Var<'g> {
        let Projection { kernel, bias, dropout } = &self.input;
        let product = |x: Var<'g>, kernel: Var<'g>| cx.compute(x.matmul(kernel));
        let y = match &dropout[..] {
            [] => product(x, *kernel),
            [one] => product(x * *one, *kernel),
            each => {
                let of_gate = |(g, mask): (usize, &Var<'g>)| product(x * *mask, self.of(*kernel, g..g + 1));
                concat(cx.builder(), &each.iter().enumerate().map(of_gate).collect::<Vec<_>>(), -1)
            }
        };
        bias.map_or(y, |bias| cx.compute(y + bias))
    }
    /// The part of a tensor `(.., gates · units)` that is of the given gates.
    pub fn of(&self, v: Var<'g>, gates: Range<usize>) -> Var<'g> {
        let units = self.kernel.dim(0);
        columns(v, gates.start * units..gates.end * units)
    }
    /// The products of `h (B, units)` with the matrices of the given gates, each `(B, units)`: one product, or one for each gate where
    /// each drops units of its own.
    pub fn products(&self, cx: &Trace<'g, '_>, h: Var<'g>, gates: Range<usize>) -> Vec<Var<'g>> {
        let product = |h: Var<'g>, gates: Range<usize>| {
            let y = cx.compute(h.matmul(self.of(self.kernel, gates.clone())));
            self.bias.map_or(y, |bias| cx.compute(y + self.of(bias, gates)))
        };
        if self.dropout.is_empty() {
            let y = product(h, gates.clone());
            return (0..gates.len()).map(|g| self.of(y, g..g + 1)).collect();
        }
        gates.map(|g| product(h * self.dropout[g], g..g + 1)).collect()
    }
}

/// A part of the last axis.
pub(super) fn columns(v: Var<'_>, columns: Range<usize>) -> Var<'_> {
    let s = v.shape();
    if v.builder().failed() || (columns.start == 0 && columns.end == s.dim(-1)) {
        return v;
    }
    let mut ranges: Vec<(usize, usize, usize)> = s.dims().iter().map(|&d| (0, d, 1)).collect();
    if let Some(last) = ranges.last_mut() {
        *last = (columns.start, columns.end, 1);
    }
    v.slice(&ranges)
}

/// The arguments that all these cells take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CellArguments {
    pub(super) units: usize,
    pub(super) activation: Activation,
    pub(super) use_bias: bool,
    pub(super) kernel_initializer: Initializer,
    pub(super) recurrent_initializer: Initializer,
    pub(super) bias_initializer: Initializer,
    pub(super) kernel_regularizer: Option<Regularizer>,
    pub(super) recurrent_regularizer: Option<Regularizer>,
    pub(super) bias_regularizer: Option<Regularizer>,
    pub(super) kernel_constraint: Option<Constraint>,
    pub(super) recurrent_constraint: Option<Constraint>,
    pub(super) bias_constraint: Option<Constraint>,
    pub(super) dropout: f64,
    pub(super) recurrent_dropout: f64,
    pub(super) seed: Option<i64>,
}

impl CellArguments {
    fn new(units: usize) -> Self {
        Self {
            units,
            activation: Activation::Tanh,
            use_bias: true,
            kernel_initializer: Initializer::glorot_uniform(),
            recurrent_initializer: Initializer::orthogonal(1.0),
            bias_initializer: Initializer::Zeros,
            kernel_regularizer: None,
            recurrent_regularizer: None,
            bias_regularizer: None,
            kernel_constraint: None,
            recurrent_constraint: None,
            bias_constraint: None,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            seed: None,
        }
    }
    fn check(&self, class: &str) -> Result<(), ConfigError> {
        check(self.units >= 1, class, "units", "a positive integer", self.units)?;
        rates_valid(class, self.dropout, self.recurrent_dropout)?;
        let initializers = [&self.kernel_initializer, &self.recurrent_initializer, &self.bias_initializer];
        weights_valid(&initializers, &[self.kernel_regularizer, self.recurrent_regularizer, self.bias_regularizer])?;
        constraints::valid(&[&self.kernel_constraint, &self.recurrent_constraint, &self.bias_constraint])
    }
}

/// Checks of the rates of dropout.
pub(super) fn rates_valid(class: &str, dropout: f64, recurrent_dropout: f64) -> Result<(), ConfigError> {
    for (key, rate) in [("dropout", dropout), ("recurrent_dropout", recurrent_dropout)] {
        check((0.0..1.0).contains(&rate), class, key, "at least 0 and below 1", rate)?;
    }
    Ok(())
}

/// Factors of dropout, the same at each step: none where nothing is dropped.
pub(super) fn dropout_masks<'g>(cx: &mut Trace<'g, '_>, rate: f64, seed: Option<i64>, shape: Shape, count: usize) -> Vec<Var<'g>> {
    if !cx.training() || rate == 0.0 {
        return Vec::new();
    }
    (0..count).map(|_| dropout_factor(cx, rate, seed, shape)).collect()
}

/// A cell: one step of [`GateLayer`], for [`RNN`](super::RNN) and [`StackedRNNCells`](super::StackedRNNCells).
///
/// Weights: `kernel (F, gates · units)`, `recurrent_kernel (units, gates · units)`, `bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: Kind")]
pub struct GateCell<K: Kind> {
    pub(super) common: LayerCommon,
    pub(super) arguments: CellArguments,
    pub(super) kind: K,
}

/// A recurrent layer: `(B, T, F) -> (B, units)`, or `(B, T, units)` with `return_sequences`.
///
/// In training `dropout` drops features of the input, `recurrent_dropout` units of the state, the same ones at each step of a sequence.
/// Weights, of its cell: `kernel (F, gates · units)`, `recurrent_kernel (units, gates · units)`, `bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: Kind")]
pub struct GateLayer<K: Kind> {
    pub(super) common: LayerCommon,
    options: RnnOptions,
    pub(super) arguments: CellArguments,
    pub(super) kind: K,
}

impl<K: Kind> Default for GateCell<K> {
    fn default() -> Self {
        Self { common: LayerCommon::default(), arguments: CellArguments::new(1), kind: K::default() }
    }
}
impl<K: Kind> Default for GateLayer<K> {
    fn default() -> Self {
        let (common, options) = (LayerCommon::regularized(), RnnOptions::default());
        Self { common, options, arguments: CellArguments::new(1), kind: K::default() }
    }
}

macro_rules! arguments_builder {
    ($ty:ident) => {
        impl<K: Kind> $ty<K> {
            cell_builder!(arguments);

            /// So many units, with Keras' defaults.
            pub fn new(units: usize) -> Self {
                Self { arguments: CellArguments::new(units), ..Self::default() }
            }
            /// What is applied to the candidate for the new state (default the hyperbolic tangent).
            pub fn activation(mut self, activation: Activation) -> Self {
                self.arguments.activation = activation;
                self
            }
            /// Whether a bias is added.
            pub fn use_bias(mut self, use_bias: bool) -> Self {
                self.arguments.use_bias = use_bias;
                self
            }
            /// How the bias begins.
            pub fn bias_initializer(mut self, initializer: Initializer) -> Self {
                self.arguments.bias_initializer = initializer;
                self
            }
            /// Penalty on the bias.
            pub fn bias_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
                self.arguments.bias_regularizer = Some(regularizer.into());
                self
            }
            /// What the bias is put back to after each update.
            pub fn bias_constraint(mut self, constraint: Constraint) -> Self {
                self.arguments.bias_constraint = Some(constraint);
                self
            }
        }
    };
}
arguments_builder!(GateCell);
arguments_builder!(GateLayer);

impl<K: Kind> GateLayer<K> {
    options_builder!();

    /// What it repeats.
    fn cell(&self) -> GateCell<K> {
        GateCell { common: self.common.clone(), arguments: self.arguments.clone(), kind: self.kind.clone() }
    }
}

impl<K: Kind> KerasObject for GateCell<K> {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        K::CELL
    }
    fn config(&self) -> Value {
        to_config(self)
    }
    fn validate(&self) -> Result<(), ConfigError> {
        self.arguments.check(K::CELL)
    }
}

impl<K: Kind> KerasObject for GateLayer<K> {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        K::LAYER
    }
    fn config(&self) -> Value {
        let mut config = to_config(self);
        // Keras forgets to write it for this one layer.
        if let Value::Object(map) = &mut config
            && K::LAYER == "SimpleRNN"
        {
            map.remove("seed");
        }
        config
    }
    fn validate(&self) -> Result<(), ConfigError> {
        self.arguments.check(K::LAYER)
    }
}

impl<K: Kind> Layer for GateCell<K> {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, _: &[Var<'g>]) -> Var<'g> {
        not_a_layer(cx, K::CELL)
    }
    fn as_cell(&self) -> Option<&dyn RnnCell> {
        Some(self)
    }
}

/// The error of a cell in a chain of layers.
pub(super) fn not_a_layer<'g>(cx: &Trace<'g, '_>, class: &str) -> Var<'g> {
    cx.builder()
        .error(format!("{class} does one step of a sequence, and a chain of layers has none: put it into an RNN layer, RNN::new({class})"))
}

impl<K: Kind> Layer for GateLayer<K> {
    layer_methods!();
    recurrent_methods!();
}

impl<K: Kind> Recurrent for GateLayer<K> {
    fn options(&self) -> &RnnOptions {
        &self.options
    }
    fn options_mut(&mut self) -> &mut RnnOptions {
        &mut self.options
    }
    fn state_count(&self) -> usize {
        K::STATES
    }
    fn call_with_states<'g>(&self, cx: &mut Trace<'g, '_>, x: Var<'g>, initial: Option<&[Var<'g>]>) -> RnnResult<'g> {
        let cell = self.cell();
        self.options.run(cx, K::LAYER, &cell, x, initial, |cx, pass, xs, initial| cx.scope("cell", |cx| cell.run(cx, pass, xs, initial)))
    }
}

impl<K: Kind> RnnCell for GateCell<K> {
    fn states(&self, _: &[usize]) -> Vec<Vec<usize>> {
        vec![vec![self.arguments.units]; K::STATES]
    }
    fn run<'g>(&self, cx: &mut Trace<'g, '_>, pass: &Pass<'g>, xs: Var<'g>, initial: &[Var<'g>]) -> Passed<'g> {
        self.repeat(cx, pass, xs, initial)
    }
}

impl<K: Kind> StepCell for GateCell<K> {
    type Held<'g> = Recurrence<'g>;

    fn prepare<'g>(&self, cx: &mut Trace<'g, '_>, xs: Var<'g>) -> (Var<'g>, Recurrence<'g>) {
        let a = &self.arguments;
        let s = xs.shape();
        let columns = a.units.saturating_mul(K::GATES);
        if s.rank() != 3 && !cx.builder().failed() {
            let got: Vec<usize> = s.dims().get(2..).unwrap_or_default().to_vec();
            cx.builder().error(format!(
                "{} needs an input (batch, steps, features) of rank 3, got steps of shape {got:?}; try TimeDistributed(Flatten) before it",
                K::LAYER
            ));
        }
        let (steps, batch, features) = (s.dim(0), s.dim(1), s.dim(2));
        let kernel = cx.weight(
            "kernel",
            &[features, columns],
            &self.common.weight(&a.kernel_initializer, a.kernel_regularizer).constrained(a.kernel_constraint.as_ref()),
        );
        let spec = self.common.weight(&a.recurrent_initializer, a.recurrent_regularizer).constrained(a.recurrent_constraint.as_ref());
        let recurrent = cx.weight("recurrent_kernel", &[a.units, columns], &spec);
        let bias = a.use_bias.then(|| {
            let (shape, initializer) = self.kind.bias(a.units, &a.bias_initializer);
            let bias =
                cx.weight("bias", &shape, &self.common.weight(&initializer, a.bias_regularizer).constrained(a.bias_constraint.as_ref()));
            // (1, gates · units), for the input and, where there are two rows, for the state.
            let row = |i: usize| bias.slice(&[(i, i + 1, 1), (0, columns, 1)]);
            if shape.len() == 2 { (row(0), Some(row(1))) } else { (bias, None) }
        });
        let input = Projection { kernel, bias: bias.map(|b| b.0), dropout: Vec::new() };
        let mut recurrence =
            Recurrence { input, kernel: recurrent, bias: bias.and_then(|b| b.1), dropout: Vec::new(), activation: a.activation };
        if cx.builder().failed() || Shape::try_new(&[steps, batch, columns]).is_none() {
            let error = cx.builder().error(format!("{steps} steps of {batch} samples with {} units are too large", a.units));
            return (error, recurrence);
        }
        // As in Keras, units of the state are dropped for each gate apart, and features of the input then too.
        let apart = if a.recurrent_dropout > 0.0 { K::GATES } else { 1 };
        recurrence.input.dropout = dropout_masks(cx, a.dropout, a.seed, Shape::new(&[batch, features]), apart);
        recurrence.dropout = dropout_masks(cx, a.recurrent_dropout, a.seed, Shape::new(&[batch, a.units]), K::GATES);
        (xs, recurrence)
    }

    fn step<'g>(&self, cx: &Trace<'g, '_>, held: &Recurrence<'g>, x: Var<'g>, states: &[Var<'g>]) -> Vec<Var<'g>> {
        self.kind.step(cx, held, held.projected(cx, x), states)
    }
}
