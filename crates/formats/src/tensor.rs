//! Tensors as files hold them: a path, a shape, numbers.

/// One tensor of a model file.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Where the file keeps it, without a leading slash: `layers/dense/vars/0`, `optimizer/vars/3`.
    pub path: String,
    /// Its dimensions, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its elements in row-major order; as many as the product of `shape`.
    pub data: TensorBytes,
}

/// The elements of a [`NamedTensor`], in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorBytes {
    /// 32-bit floats: weights, slots, learning rates.
    F32(Vec<f32>),
    /// 32-bit integers: counters, and whatever narrower integers or booleans a file holds.
    I32(Vec<i32>),
    /// 64-bit integers.
    I64(Vec<i64>),
}

impl TensorBytes {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there is no element at all (a dimension is zero).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the element type, as Keras writes it.
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "float32",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
        }
    }
}
