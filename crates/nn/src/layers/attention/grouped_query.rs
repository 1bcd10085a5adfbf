//! Attention whose heads share keys and values in groups.

use super::{
    CallArguments, attention_call,
    heads::{Heads, Names, heads_builder},
    roles,
};
use crate::{
    Layer, Trace,
    activations::Activation,
    keras::{ConfigError, KerasObject, check, read_config},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Attention with several heads, of which groups share key and value (Ainslie et al. 2023): `(B, T, D)` and `(B, S, D)` to `(B, T, D)`. With one head of keys
/// it is multi-query attention.
///
/// Inputs, masks and results are those of [`MultiHeadAttention`](super::MultiHeadAttention), for sequences.
///
/// Weights: `kernel` and `bias` of the projections `query`, `key`, `value` and `attention_output`, and with `use_gate` of `gate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupQueryAttention {
    // First, since the penalty on activities is that of the projections.
    heads: Heads,
    common: LayerCommon,
    head_dim: usize,
    num_query_heads: usize,
    num_key_value_heads: usize,
    #[serde(skip)]
    call: CallArguments,
}

impl Default for GroupQueryAttention {
    fn default() -> Self {
        Self::new(1, 1, 1)
    }
}

layer_builder!(@ GroupQueryAttention);
heads_builder!(GroupQueryAttention);
attention_call!(builder GroupQueryAttention);

impl GroupQueryAttention {
    /// Heads of `head_dim` numbers: so many of queries, which are a multiple of those of keys and values.
    pub fn new(head_dim: usize, num_query_heads: usize, num_key_value_heads: usize) -> Self {
        Self {
            common: LayerCommon::default(),
            heads: Heads::default(),
            head_dim,
            num_query_heads,
            num_key_value_heads,
            call: CallArguments::default(),
        }
    }
    /// Reads the arguments as Keras writes them.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let mut config = config.clone();
        if let Value::Object(map) = &mut config {
            // How, not what, is computed.
            map.remove("flash_attention");
        }
        let read: Self = read_config("GroupQueryAttention", &["head_dim", "num_query_heads", "num_key_value_heads"], &config)?;
        read.validate()?;
        Ok(read)
    }
    fn attend<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> (Var<'g>, Option<Var<'g>>) {
        let class = "GroupQueryAttention";
        let [query, value, key] = match roles(cx, class, inputs, Some(3)) {
            Ok(roles) => roles,
            Err(error) => return (error, None),
        };
        let (heads, width) = (&self.heads, query.dim(-1));
        if value.dim(-1) != width {
            let error = format!(
                "{class} needs a query and a value with the same number of features, got shapes {} and {}",
                query.shape(),
                value.shape()
            );
            return (cx.builder().error(error), None);
        }
        let mask = heads.mask(cx, self.call.use_causal_mask, query, value);
        let mut project = |name, x, heads_of| heads.project(cx, &self.common, (name, Activation::Linear), x, 1, &[heads_of, self.head_dim]);
        let q = project("_query_dense", query, self.num_query_heads);
        let k = project("_key_dense", key, self.num_key_value_heads);
        let gate = heads.use_gate.then(|| {
            heads.project(cx, &self.common, ("_gate_dense", Activation::Sigmoid), query, 1, &[self.num_query_heads, self.head_dim])
        });
        let linear = Activation::Linear;
        let v = heads.project(cx, &self.common, ("_value_dense", linear), value, 1, &[self.num_key_value_heads, self.head_dim]);
        if cx.builder().failed() {
            return (v, None);
        }
        // (B, T, N, H) as (B, T, groups, N / groups, H): names b, t, g, r, h
        let grouped = |x: Var<'g>, each: usize| x.reshape(Shape::new(&[x.dim(0), x.dim(1), self.num_key_value_heads, each, self.head_dim]));
        let each = self.num_query_heads / self.num_key_value_heads;
        let (q, k, v) = (grouped(q, each), k, v);
        let names = Names { query: b"btgrh".to_vec(), source: b"bsgh".to_vec(), scores: b"bgrts".to_vec(), axes: 1 };
        let fused = heads.dropout == 0.0 && !self.call.return_attention_scores;
        let (y, scores) = heads.attend(cx, &names, [q, k, v], mask, (1.0 / (self.head_dim as f32).sqrt(), fused));
        if cx.builder().failed() {
            return (y, None);
        }
        let (batch, steps) = (query.dim(0), query.dim(1));
        let mut y = y.reshape(Shape::new(&[batch, steps, self.num_query_heads, self.head_dim]));
        if let Some(gate) = gate {
            y = cx.compute(y * gate);
        }
        let scores = scores.reshape(Shape::new(&[batch, self.num_query_heads, steps, value.dim(1)]));
        (heads.project(cx, &self.common, ("_output_dense", linear), y, 2, &[width]), Some(scores))
    }
}

impl KerasObject for GroupQueryAttention {
    layer_identity!("GroupQueryAttention");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "GroupQueryAttention";
        check(self.head_dim >= 1, class, "head_dim", "a positive integer", self.head_dim)?;
        check(self.num_key_value_heads >= 1, class, "num_key_value_heads", "a positive integer", self.num_key_value_heads)?;
        let fits = self.num_query_heads >= 1 && self.num_query_heads.is_multiple_of(self.num_key_value_heads);
        let expected = format!("a multiple of `num_key_value_heads`, {}", self.num_key_value_heads);
        check(fits, class, "num_query_heads", &expected, self.num_query_heads)?;
        self.heads.check(class)
    }
}

impl Layer for GroupQueryAttention {
    layer_methods!(masking);
    attention_call!(methods);
    fn takes_attention_mask(&self) -> bool {
        true
    }
    fn arguments(&self) -> crate::layers::Arguments {
        crate::layers::Arguments::Named(&["query", "value"], &["key"])
    }
    fn python_class(&self) -> &'static str {
        "GroupedQueryAttention"
    }
}
