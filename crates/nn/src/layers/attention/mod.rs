//! Attention: what each step of a query takes from the steps of a value, by how well their keys fit.

mod dot;
mod grouped_query;
mod heads;
mod multi_head;

pub use dot::{AdditiveAttention, Attention, ScoreMode};
pub use grouped_query::GroupQueryAttention;
pub use multi_head::MultiHeadAttention;

use crate::Trace;
use adaline_graph::{Shape, Var};

/// What is asked for at a call; Keras keeps it with the call and not with the layer.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(super) struct CallArguments {
    pub(super) use_causal_mask: bool,
    pub(super) return_attention_scores: bool,
}

/// Builder methods and the methods of [`Layer`](crate::Layer) for [`CallArguments`] in a field `call`: `attention_call!(builder Type)` and, within
/// `impl Layer`, `attention_call!(methods)`.
macro_rules! attention_call {
    (builder $ty:ident) => {
        impl $ty {
            /// Whether a step of the query sees no later step of the value. An argument of the call in Keras.
            pub fn use_causal_mask(mut self, use_causal_mask: bool) -> Self {
                self.call.use_causal_mask = use_causal_mask;
                self
            }
            /// Whether the weights of the sums are a second result, of `f32`. An argument of the call in Keras.
            pub fn return_attention_scores(mut self, return_attention_scores: bool) -> Self {
                self.call.return_attention_scores = return_attention_scores;
                self
            }
        }
    };
    (methods) => {
        fn results(&self) -> usize {
            1 + usize::from(self.call.return_attention_scores)
        }
        fn call_arguments(&self) -> serde_json::Map<String, serde_json::Value> {
            $crate::layers::common::flags(&[
                ("use_causal_mask", self.call.use_causal_mask),
                ("return_attention_scores", self.call.return_attention_scores),
            ])
        }
        fn set_call_argument(&mut self, key: &str, value: &serde_json::Value) -> Result<(), $crate::keras::ConfigError> {
            let class = $crate::keras::KerasObject::class_name(self);
            let call = &mut self.call;
            let mut known =
                [("use_causal_mask", &mut call.use_causal_mask), ("return_attention_scores", &mut call.return_attention_scores)];
            $crate::layers::common::set_flag(class, &mut known, key, value)
        }
        fn call<'g>(&self, cx: &mut $crate::Trace<'g, '_>, inputs: &[adaline_graph::Var<'g>]) -> adaline_graph::Var<'g> {
            self.attend(cx, inputs).0
        }
        /// The output, with the query's mask, and where asked for the scores.
        fn call_all<'g>(&self, cx: &mut $crate::Trace<'g, '_>, inputs: &[adaline_graph::Var<'g>]) -> Vec<$crate::Masked<'g>> {
            let mask = cx.mask();
            let (value, scores) = self.attend(cx, inputs);
            let scores = scores.filter(|_| self.call.return_attention_scores).map($crate::Masked::from);
            std::iter::once($crate::Masked { value, mask }).chain(scores).collect()
        }
    };
}
pub(super) use attention_call;

/// Query, value and key of a call: the inputs `[query, value]` or `[query, value, key]`. An error, unless batch sizes are equal and value and key have the
/// same steps.
pub(super) fn roles<'g>(cx: &Trace<'g, '_>, class: &str, inputs: &[Var<'g>], rank: Option<usize>) -> Result<[Var<'g>; 3], Var<'g>> {
    let (query, value, key) = match *inputs {
        [query, value] => (query, value, value),
        [query, value, key] => (query, value, key),
        _ => {
            return Err(cx.builder().error(format!(
                "{class} takes two or three inputs, the query, the value and, where it is not the value, the key; got {}. For self-attention give the same \
                 tensor twice",
                inputs.len()
            )));
        }
    };
    if cx.builder().failed() {
        return Err(query);
    }
    let (q, v, k) = (query.shape(), value.shape(), key.shape());
    let ranks = [q, v, k].iter().all(|s| rank.map_or(s.rank() >= 3, |r| s.rank() == r) && s.rank() == q.rank());
    let steps = |s: Shape| s.dims()[1..s.rank() - 1].to_vec();
    if !ranks || [v.dim(0), k.dim(0)] != [q.dim(0); 2] || steps(v) != steps(k) {
        return Err(cx.builder().error(format!(
            "{class} needs a query (batch, steps, features), a value (batch, other steps, features) and a key with the steps of the value, got shapes {q}, {v} \
             and {k}"
        )));
    }
    Ok([query, value, key].map(|x| cx.compute(x)))
}

/// Indices along the last two axes of a shape `(1, T, S)`: of the query's step and of the value's.
fn places<'g>(cx: &Trace<'g, '_>, query: usize, value: usize) -> (Var<'g>, Var<'g>) {
    let shape = Shape::new(&[1, query, value]);
    (cx.builder().iota(shape, 1), cx.builder().iota(shape, 2))
}

/// `(1, T, S)`: whether a step of the value is not later than that of the query.
pub(super) fn causal<'g>(cx: &Trace<'g, '_>, query: usize, value: usize) -> Var<'g> {
    let (row, column) = places(cx, query, value);
    row.ge(column)
}

/// Both, where there are two.
pub(super) fn both<'g>(a: Option<Var<'g>>, b: Option<Var<'g>>) -> Option<Var<'g>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.and(b)),
        (a, b) => a.or(b),
    }
}
