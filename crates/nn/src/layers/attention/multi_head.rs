//! Attention with several heads.

use super::{
    CallArguments, attention_call,
    heads::{Heads, Names, heads_builder},
    roles,
};
use crate::{
    Layer, Trace,
    activations::Activation,
    keras::{ConfigError, KerasObject, check, read_config},
    layers::{
        common::{LayerCommon, layer_builder, layer_identity, layer_methods},
        einsum_dense::OutputShape,
    },
};
use adaline_graph::{MAX_RANK, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Attention with several heads (Vaswani et al. 2017): each projects query and key to `key_dim` numbers and the value to `value_dim`, takes the mean of the
/// value's steps weighted by `softmax(query · key / sqrt(key_dim))`, and all heads together are projected to the width of the query, or to
/// `output_shape`: `(B, T, D)` and `(B, S, V)` to `(B, T, D)`.
///
/// Inputs: `[query, value]` or `[query, value, key]`; with one more axis or several, attention goes over all of them, or over `attention_axes`. Only pairs of
/// steps count for which no mask is false; the output has the query's mask. Results: the output, and with `return_attention_scores` the weights `(B, heads, T, S)`.
///
/// Weights: `kernel` and `bias` of the projections `query`, `key`, `value` and `attention_output`, and with `use_gate` of `gate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MultiHeadAttention {
    // First, since the penalty on activities is that of the projections.
    heads: Heads,
    common: LayerCommon,
    num_heads: usize,
    key_dim: usize,
    value_dim: Option<usize>,
    output_shape: Option<OutputShape>,
    attention_axes: Option<AttentionAxes>,
    #[serde(skip)]
    call: CallArguments,
}

/// A list in files, though one axis is accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "crate::layers::common::Axes")]
struct AttentionAxes(Vec<isize>);

impl From<crate::layers::common::Axes> for AttentionAxes {
    fn from(axes: crate::layers::common::Axes) -> Self {
        Self(axes.as_slice().to_vec())
    }
}

impl Default for MultiHeadAttention {
    fn default() -> Self {
        Self::new(1, 1)
    }
}

layer_builder!(@ MultiHeadAttention);
heads_builder!(MultiHeadAttention);
attention_call!(builder MultiHeadAttention);

impl MultiHeadAttention {
    /// So many heads, each with keys of `key_dim` numbers.
    pub fn new(num_heads: usize, key_dim: usize) -> Self {
        Self {
            common: LayerCommon::default(),
            heads: Heads::default(),
            num_heads,
            key_dim,
            value_dim: Some(key_dim),
            output_shape: None,
            attention_axes: None,
            call: CallArguments::default(),
        }
    }
    /// Numbers of a head's value, by default as many as of its key.
    pub fn value_dim(mut self, value_dim: usize) -> Self {
        self.value_dim = Some(value_dim);
        self
    }
    /// Sizes of the last axes of the output, by default the query's last.
    pub fn output_shape(mut self, sizes: impl Into<Vec<usize>>) -> Self {
        self.output_shape = Some(OutputShape(sizes.into().into_iter().map(Some).collect()));
        self
    }
    /// The axes over which attention goes, by default all between the batch's and the last.
    pub fn attention_axes(mut self, axes: impl Into<Vec<isize>>) -> Self {
        self.attention_axes = Some(AttentionAxes(axes.into()));
        self
    }
    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let mut config = config.clone();
        if let Value::Object(map) = &mut config {
            // How, not what, is computed.
            map.remove("flash_attention");
            // Not given, it is the key's.
            map.entry("value_dim").or_insert(Value::Null);
        }
        let mut read: Self = read_config("MultiHeadAttention", &["num_heads", "key_dim"], &config)?;
        read.value_dim = read.value_dim.or(Some(read.key_dim));
        read.validate()?;
        Ok(read)
    }
    /// The sizes of the output's last axes, where they were given.
    fn sizes(&self) -> Option<Vec<usize>> {
        self.output_shape.as_ref().filter(|s| !s.0.is_empty()).map(|s| s.0.iter().flatten().copied().collect())
    }
    /// Names of axes, Keras' `_build_attention_equation`, for projected tensors of `rank` axes, the last two of which are heads and features.
    fn names(&self, rank: usize) -> Option<Names> {
        let given = self.attention_axes.as_ref().map(|a| a.0.clone());
        let axes: Vec<usize> = match given.filter(|a| !a.is_empty()) {
            None => (1..rank - 2).collect(),
            Some(axes) => {
                axes.iter().map(|&a| usize::try_from(if a < 0 { a + rank as isize - 1 } else { a }).ok()).collect::<Option<_>>()?
            }
        };
        let fits = axes.iter().enumerate().all(|(i, a)| (1..rank - 2).contains(a) && !axes[..i].contains(a));
        let query: Vec<u8> = (0..rank as u8).collect();
        let source: Vec<u8> = query.iter().map(|&n| if axes.contains(&usize::from(n)) { n + rank as u8 } else { n }).collect();
        let beside = query[..rank - 1].iter().copied().filter(|&n| !axes.contains(&usize::from(n)));
        let of = |names: &[u8]| axes.iter().map(|&a| names[a]).collect::<Vec<u8>>();
        let scores: Vec<u8> = beside.chain(of(&query)).chain(of(&source)).collect();
        (fits && !axes.is_empty() && scores.len() <= MAX_RANK).then_some(Names { query, source, scores, axes: axes.len() })
    }
    fn attend<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> (Var<'g>, Option<Var<'g>>) {
        let class = "MultiHeadAttention";
        let [query, value, key] = match roles(cx, class, inputs, None) {
            Ok(roles) => roles,
            Err(error) => return (error, None),
        };
        let Some(names) = self.names(query.rank() + 1) else {
            let error = format!(
                "{class} goes over axes between the first and the last, each once, and has at most {MAX_RANK} axes of scores, but `attention_axes` is {:?} and \
                 the query has shape {}",
                self.attention_axes.as_ref().map(|a| &a.0),
                query.shape()
            );
            return (cx.builder().error(error), None);
        };
        // Axes that attention does not go over are common to all.
        if names
            .query
            .iter()
            .zip(&names.source)
            .zip(query.shape().dims().iter().zip(value.shape().dims()))
            .any(|((a, b), (q, v))| a == b && usize::from(*a) + 1 < query.rank() && q != v)
        {
            let error = format!(
                "{class} needs a query and a value of one size along the axes that attention does not go over, got shapes {} and {}",
                query.shape(),
                value.shape()
            );
            return (cx.builder().error(error), None);
        }
        let (heads, width) = (&self.heads, query.dim(-1));
        let mask = heads.mask(cx, self.call.use_causal_mask, query, value);
        let value_dim = self.value_dim.unwrap_or(self.key_dim);
        let each = |features| [self.num_heads, features];
        let mut project = |name, x, features| heads.project(cx, &self.common, (name, Activation::Linear), x, 1, &each(features));
        let (q, k) = (project("query_dense", query, self.key_dim), project("key_dense", key, self.key_dim));
        let gate =
            heads.use_gate.then(|| heads.project(cx, &self.common, ("_gate_dense", Activation::Sigmoid), query, 1, &each(value_dim)));
        let v = heads.project(cx, &self.common, ("value_dense", Activation::Linear), value, 1, &each(value_dim));
        let fused = heads.dropout == 0.0 && !self.call.return_attention_scores && query.rank() == 3;
        let (mut y, scores) = heads.attend(cx, &names, [q, k, v], mask, (1.0 / (self.key_dim as f32).sqrt(), fused));
        if let Some(gate) = gate {
            y = cx.compute(y * gate);
        }
        let sizes = self.sizes().unwrap_or_else(|| vec![width]);
        (heads.project(cx, &self.common, ("output_dense", Activation::Linear), y, 2, &sizes), Some(scores))
    }
}

impl KerasObject for MultiHeadAttention {
    layer_identity!("MultiHeadAttention");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "MultiHeadAttention";
        check(self.num_heads >= 1, class, "num_heads", "a positive integer", self.num_heads)?;
        check(self.key_dim >= 1, class, "key_dim", "a positive integer", self.key_dim)?;
        check(self.value_dim != Some(0), class, "value_dim", "at least 1, or null for that of the key", 0)?;
        if let Some(OutputShape(sizes)) = &self.output_shape {
            let fits = sizes.len() < MAX_RANK - 1 && sizes.iter().all(|s| s.is_some_and(|s| s > 0));
            check(fits, class, "output_shape", "at most four sizes of at least 1, or null for the query's", format!("{sizes:?}"))?;
        }
        self.heads.check(class)
    }
}

impl Layer for MultiHeadAttention {
    layer_methods!(masking);
    attention_call!(methods);
    fn takes_attention_mask(&self) -> bool {
        true
    }
    fn arguments(&self) -> crate::layers::Arguments {
        crate::layers::Arguments::Named(&["query", "value"], &["key"])
    }
}
