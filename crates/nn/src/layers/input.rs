//! The shape of a model's input.

use super::{Layer, common::one};
use crate::{
    Trace,
    keras::{ConfigError, KerasObject, check, read_config, to_config},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Declares the shape of a model's input; the identity otherwise. Keras' function `Input` and layer `InputLayer` in one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputLayer {
    batch_shape: Vec<Option<usize>>,
    dtype: String,
    sparse: bool,
    ragged: bool,
    name: Option<String>,
    optional: bool,
}

/// Keras' name of the function that makes one.
pub type Input = InputLayer;

impl Default for InputLayer {
    fn default() -> Self {
        Self::new([])
    }
}

impl InputLayer {
    /// Rows of the given shape, any number of them in a batch: `Input::new([784])`.
    pub fn new(row_shape: impl AsRef<[usize]>) -> Self {
        Self::with_batch_shape(std::iter::once(None).chain(row_shape.as_ref().iter().copied().map(Some)).collect::<Vec<_>>())
    }
    /// The whole shape, batch first; none for sizes known later.
    pub fn with_batch_shape(batch_shape: impl Into<Vec<Option<usize>>>) -> Self {
        Self { batch_shape: batch_shape.into(), dtype: "float32".into(), sparse: false, ragged: false, name: None, optional: false }
    }
    /// A fixed number of rows in each batch.
    pub fn batch_size(mut self, rows: usize) -> Self {
        if let Some(first) = self.batch_shape.first_mut() {
            *first = Some(rows);
        }
        self
    }
    /// Element type: `float32` or `int32`.
    pub fn dtype(mut self, dtype: impl Into<String>) -> Self {
        self.dtype = dtype.into();
        self
    }
    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
    /// Element type as Keras names it.
    pub fn element_type(&self) -> &str {
        &self.dtype
    }
    /// Reads the arguments as Keras writes them; the older `batch_input_shape` and the bare `shape` are accepted.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let mut config = config.clone();
        if let Value::Object(map) = &mut config {
            modernise(map);
        }
        let read: Self = read_config("InputLayer", &["batch_shape"], &config)?;
        read.validate()?;
        Ok(read)
    }
}

/// Older spellings of the batch shape.
fn modernise(map: &mut Map<String, Value>) {
    if map.contains_key("batch_shape") {
        return;
    }
    if let Some(shape) = map.remove("batch_input_shape") {
        map.insert("batch_shape".into(), shape);
    } else if let Some(Value::Array(row)) = map.remove("shape") {
        map.insert("batch_shape".into(), std::iter::once(Value::Null).chain(row).collect());
    }
}

impl KerasObject for InputLayer {
    fn module(&self) -> &'static str {
        "keras.layers"
    }
    fn class_name(&self) -> &'static str {
        "InputLayer"
    }
    fn config(&self) -> Value {
        to_config(self)
    }
    fn validate(&self) -> Result<(), ConfigError> {
        let class = self.class_name();
        let shown = || format!("{:?}", self.batch_shape);
        check(!self.batch_shape.is_empty(), class, "batch_shape", "a shape with at least the batch axis", "[]")?;
        let most = adaline_graph::MAX_RANK;
        check(self.batch_shape.len() <= most, class, "batch_shape", &format!("a shape of at most {most} axes"), shown())?;
        let rows = self.batch_shape.iter().skip(1).flatten();
        check(rows.clone().all(|&d| d > 0), class, "batch_shape", "sizes of at least 1", shown())?;
        let elements = rows.copied().try_fold(1usize, usize::checked_mul);
        check(elements.is_some_and(|n| n <= 1 << 40), class, "batch_shape", "a shape that fits into memory", shown())?;
        check(matches!(self.dtype.as_str(), "float32" | "int32" | "bool"), class, "dtype", "float32, int32 or bool", &self.dtype)?;
        check(!self.sparse, class, "sparse", "false (sparse tensors are not supported)", self.sparse)?;
        check(!self.ragged, class, "ragged", "false (ragged tensors are not supported)", self.ragged)
    }
}

impl Layer for InputLayer {
    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
    fn set_name(&mut self, name: String) {
        self.name = Some(name);
    }
    fn set_trainable(&mut self, _: bool) {}
    fn batch_shape(&self) -> Option<&[Option<usize>]> {
        Some(&self.batch_shape)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        let x = one(cx, "InputLayer", inputs);
        let s = x.shape();
        let fits =
            s.rank() == self.batch_shape.len() && s.dims().iter().zip(&self.batch_shape).all(|(&d, want)| want.is_none_or(|w| w == d));
        if !fits && !cx.builder().failed() {
            return cx.builder().error(format!("expects an input of shape {}, got {s}", show(&self.batch_shape)));
        }
        x
    }
    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }
}

/// A shape with `?` for sizes known later.
fn show(shape: &[Option<usize>]) -> String {
    let dims: Vec<String> = shape.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
    format!("[{}]", dims.join(", "))
}
