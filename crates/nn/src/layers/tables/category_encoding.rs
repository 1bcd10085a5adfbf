//! Whole numbers as vectors of zeros and ones.

use super::{
    super::{
        Arguments, Layer,
        common::{LayerCommon, layer_builder, layer_methods},
    },
    MOST_PLACES, OutputMode, dense, unweighted,
};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check, omit, to_config},
};
use adaline_graph::{DType, Var};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whole numbers from 0 to below `num_tokens` as vectors: by `output_mode`, `multi_hot` unless given, `(B, L) -> (B, num_tokens)`, or `one_hot`,
/// `(B, ..) -> (B, .., num_tokens)`. Fractions are cut off.
///
/// With `count` a second input of the first one's shape may give each number a weight (Keras' `count_weights`).
///
/// Data with other numbers is refused before it is run, where the layer is the first one; anywhere else they count nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoryEncoding {
    #[serde(flatten)]
    common: LayerCommon,
    num_tokens: usize,
    output_mode: OutputMode,
    sparse: bool,
}

impl Default for CategoryEncoding {
    fn default() -> Self {
        Self::new(1)
    }
}

layer_builder!(CategoryEncoding, "CategoryEncoding", ["num_tokens"]);

impl CategoryEncoding {
    /// Vectors of `num_tokens`, ones where any of a row's numbers is.
    pub fn new(num_tokens: usize) -> Self {
        Self { common: LayerCommon::default(), num_tokens, output_mode: OutputMode::MultiHot, sparse: false }
    }
    /// Which vectors: `one_hot`, `multi_hot` or `count`.
    pub fn output_mode(mut self, mode: OutputMode) -> Self {
        self.output_mode = mode;
        self
    }
}

impl KerasObject for CategoryEncoding {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        "CategoryEncoding"
    }
    fn config(&self) -> Value {
        omit(to_config(self), "sparse", &json!(false))
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let sound = (1..=MOST_PLACES).contains(&self.num_tokens);
        check(sound, "CategoryEncoding", "num_tokens", &format!("from 1 to {MOST_PLACES}"), self.num_tokens)?;
        dense("CategoryEncoding", self.sparse)?;
        unweighted("CategoryEncoding", self.output_mode)?;
        check(self.output_mode != OutputMode::Int, "CategoryEncoding", "output_mode", "one_hot, multi_hot or count", "int")
    }
}

impl Layer for CategoryEncoding {
    layer_methods!();
    fn arguments(&self) -> Arguments {
        Arguments::Named(&["inputs"], &["count_weights"])
    }
    /// Rounding would make other numbers of those from 256 up.
    fn autocast(&self) -> bool {
        false
    }
    fn table_rows(&self) -> Option<usize> {
        Some(self.num_tokens)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let (x, weights) = match *inputs {
            [x] => (x, None),
            [x, w] if self.output_mode == OutputMode::Count && x.shape() == w.shape() => (x, Some(w)),
            _ => {
                let shapes: Vec<String> = inputs.iter().map(|x| x.shape().to_string()).collect();
                return cx.builder().error(format!(
                    "CategoryEncoding takes numbers, and with output_mode count weights of their shape; it got {} inputs of shapes {}",
                    inputs.len(),
                    shapes.join(", ")
                ));
            }
        };
        self.output_mode.encode(cx, "CategoryEncoding", x.cast(DType::I32), self.num_tokens, weights)
    }
}
