//! What a network takes: the shape of one row, known from an `Input` layer, from a file, or from the first data.

use super::config::Problem;
use crate::Layer;
use crate::keras::ConfigError;
use adaline_graph::{DType, MAX_RANK, Shape};
use serde_json::{Value, json};

/// Class name of the layer that declares the input.
pub(crate) const INPUT_LAYER: &str = "InputLayer";

/// Shape and type of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InputSpec {
    /// Name of the input layer.
    pub(crate) name: String,
    /// Rows of a batch, where they are fixed: for layers that keep states from one batch to the next. Others take any number.
    pub(crate) batch: Option<usize>,
    /// Sizes of one row; `None` where any size is right.
    pub(crate) row: Vec<Option<usize>>,
    /// `F32` or `I32`.
    pub(crate) dtype: DType,
    /// Whether files call it an input of truth values, such as a mask; here they are 0 and 1.
    pub(crate) truth: bool,
}

impl InputSpec {
    /// From the configuration of an input layer (`batch_shape`, `dtype`).
    pub(crate) fn from_layer(layer: &dyn Layer) -> Result<Self, Problem> {
        let config = layer.config();
        let wrong = |expected: &str| {
            let name = layer.name().unwrap_or("input_layer");
            Problem::Layer(name.into(), Box::new(ConfigError::value(INPUT_LAYER, "batch_shape", expected, &config["batch_shape"])))
        };
        let sizes = config["batch_shape"]
            .as_array()
            .filter(|s| !s.is_empty())
            .ok_or_else(|| wrong("a list that begins with the batch size or null"))?;
        if sizes.len() > MAX_RANK {
            return Err(wrong("a list of at most 6 sizes"));
        }
        let row = sizes[1..].iter().map(|s| match s {
            Value::Null => Ok(None),
            s => s
                .as_u64()
                .filter(|&n| n > 0 && n < u64::from(u32::MAX))
                .map(|n| Some(n as usize))
                .ok_or_else(|| wrong("sizes of at least 1, or null where any size is right")),
        });
        let row = row.collect::<Result<Vec<_>, _>>()?;
        let dtype = match config["dtype"].as_str() {
            Some("int32" | "int64" | "uint8") => DType::I32,
            _ => DType::F32,
        };
        let batch = match &sizes[0] {
            Value::Null => None,
            s => {
                Some(s.as_u64().filter(|&n| n > 0 && n < u64::from(u32::MAX)).ok_or_else(|| wrong("a batch size of at least 1, or null"))?
                    as usize)
            }
        };
        let truth = config["dtype"] == "bool";
        Ok(Self { name: layer.name().unwrap_or("input_layer").into(), batch, row, dtype, truth })
    }
    /// From the shape of data.
    pub(crate) fn from_row(row: &[usize]) -> Self {
        Self { name: "input_layer".into(), batch: None, row: row.iter().map(|&d| Some(d)).collect(), dtype: DType::F32, truth: false }
    }
    /// Whether rows of this shape fit.
    pub(crate) fn fits(&self, row: &[usize]) -> bool {
        self.row.len() == row.len() && self.row.iter().zip(row).all(|(s, d)| s.is_none_or(|s| s == *d))
    }
    /// A row shape to trace with; open sizes are `open`.
    pub(crate) fn sample(&self, open: usize) -> Vec<usize> {
        self.row.iter().map(|s| s.unwrap_or(open)).collect()
    }
    /// Keras' `batch_shape`: `[null, 784]`.
    pub(crate) fn batch_shape(&self) -> Value {
        std::iter::once(&self.batch).chain(&self.row).map(|s| s.map_or(Value::Null, Value::from)).collect()
    }
    /// Keras' name of its type.
    pub(crate) fn dtype_name(&self) -> &'static str {
        match self.dtype {
            DType::I32 => "int32",
            _ if self.truth => "bool",
            _ => "float32",
        }
    }
    /// The input layer as Keras writes it.
    pub(crate) fn envelope(&self) -> Value {
        let dtype = self.dtype_name();
        json!({
            "module": "keras.layers", "class_name": INPUT_LAYER, "registered_name": null,
            "config": {
                "batch_shape": self.batch_shape(), "dtype": dtype, "sparse": false, "ragged": false, "name": self.name, "optional": false,
            },
        })
    }
    /// `(784)`, `(None, 8)`.
    pub(crate) fn row_text(&self) -> String {
        dims_text(self.row.iter().copied())
    }
}

/// Sizes as Keras prints them, in parentheses: `(None, 28, 28)`, `(4,)`.
pub(crate) fn dims_text(dims: impl Iterator<Item = Option<usize>>) -> String {
    let parts: Vec<String> = dims.map(|d| d.map_or_else(|| "None".into(), |d| d.to_string())).collect();
    match &parts[..] {
        [one] => format!("({one},)"),
        _ => format!("({})", parts.join(", ")),
    }
}

/// The shape of `rows` rows, checked.
pub(crate) fn batch_of(rows: usize, row: &[usize]) -> Option<Shape> {
    let mut dims = Vec::with_capacity(row.len() + 1);
    dims.push(rows);
    dims.extend_from_slice(row);
    Shape::try_new(&dims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_in_python() {
        assert_eq!(dims_text([].into_iter()), "()");
        assert_eq!(dims_text([Some(4)].into_iter()), "(4,)");
        assert_eq!(dims_text([None, Some(4)].into_iter()), "(None, 4)");
    }

    #[test]
    fn open_sizes_fit_anything() {
        let spec = InputSpec { name: "i".into(), batch: None, row: vec![None, Some(3)], dtype: DType::F32, truth: false };
        assert!(spec.fits(&[7, 3]) && spec.fits(&[1, 3]));
        assert!(!spec.fits(&[7, 4]) && !spec.fits(&[3]));
        assert_eq!(spec.sample(5), [5, 3]);
        assert_eq!(spec.batch_shape(), json!([null, null, 3]));
        assert_eq!(InputSpec { batch: Some(8), ..spec }.batch_shape(), json!([8, null, 3]));
    }
}
