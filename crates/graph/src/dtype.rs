//! Element types and tensor types.

use crate::Shape;
use std::fmt;

/// The type of one element. Every element occupies one 32-bit word in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum DType {
    /// IEEE single precision.
    F32,
    /// Signed 32-bit integer: labels, indices, seeds, step numbers.
    I32,
    /// Truth value, stored as the `f32` values 0.0 and 1.0.
    Bool,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::I32 => "i32",
            Self::Bool => "bool",
        })
    }
}

/// What a node holds: element type and concrete shape.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Element type.
    pub dtype: DType,
    /// Concrete, row-major shape.
    pub shape: Shape,
}

impl TensorType {
    /// A tensor type.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Self {
        Self { dtype, shape: shape.into() }
    }
    /// A single-precision tensor.
    pub fn f32(shape: impl Into<Shape>) -> Self {
        Self::new(DType::F32, shape)
    }
    /// An integer tensor.
    pub fn i32(shape: impl Into<Shape>) -> Self {
        Self::new(DType::I32, shape)
    }
    /// A tensor of truth values.
    pub fn bool(shape: impl Into<Shape>) -> Self {
        Self::new(DType::Bool, shape)
    }
    /// Number of elements, which is also the number of 32-bit words.
    pub fn len(&self) -> usize {
        self.shape.len()
    }
    /// Whether the tensor has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
