//! Element types of ONNX, and what stands for them in a graph.

use crate::proto::data_type;
use adaline_graph::DType;
use std::fmt;

/// The type of an element as a file names it. In a graph all floats are `f32`, all integers `i32`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[expect(missing_docs, reason = "they are named as the types")]
pub enum Kind {
    F16,
    Bf16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

impl Kind {
    /// All of them, with their numbers in files and ONNX' names for them.
    const ALL: [(Self, i32, &'static str); 13] = [
        (Self::F16, data_type::FLOAT16, "float16"),
        (Self::Bf16, data_type::BFLOAT16, "bfloat16"),
        (Self::F32, data_type::FLOAT, "float"),
        (Self::F64, data_type::DOUBLE, "double"),
        (Self::I8, data_type::INT8, "int8"),
        (Self::I16, data_type::INT16, "int16"),
        (Self::I32, data_type::INT32, "int32"),
        (Self::I64, data_type::INT64, "int64"),
        (Self::U8, data_type::UINT8, "uint8"),
        (Self::U16, data_type::UINT16, "uint16"),
        (Self::U32, data_type::UINT32, "uint32"),
        (Self::U64, data_type::UINT64, "uint64"),
        (Self::Bool, data_type::BOOL, "bool"),
    ];

    /// The type of a number in a file.
    pub(crate) fn of(number: i32) -> Option<Self> {
        Self::ALL.iter().find(|k| k.1 == number).map(|k| k.0)
    }
    /// Bytes of an element in a file.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::F16 | Self::Bf16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
    /// Whether it is a float.
    pub fn is_float(self) -> bool {
        self.dtype() == DType::F32
    }
    /// Whether it is an integer.
    pub fn is_integer(self) -> bool {
        self.dtype() == DType::I32
    }
    /// What stands for it in a graph.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::F16 | Self::Bf16 | Self::F32 | Self::F64 => DType::F32,
            Self::Bool => DType::Bool,
            Self::I8 | Self::I16 | Self::I32 | Self::I64 | Self::U8 | Self::U16 | Self::U32 | Self::U64 => DType::I32,
        }
    }
    /// Smallest and largest of an integer of at most 16 bits.
    pub(crate) fn narrow(self) -> Option<(f32, f32)> {
        match self {
            Self::I8 => Some((-128.0, 127.0)),
            Self::U8 => Some((0.0, 255.0)),
            Self::I16 => Some((-32768.0, 32767.0)),
            Self::U16 => Some((0.0, 65535.0)),
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|k| k.0 == *self).map_or("", |k| k.2))
    }
}

/// The name of a number for a type, for messages.
pub(crate) fn type_name(number: i32) -> String {
    match Kind::of(number) {
        Some(kind) => kind.to_string(),
        None => match number {
            0 => "no type".into(),
            data_type::STRING => "string".into(),
            14 => "complex64".into(),
            15 => "complex128".into(),
            17..=20 => "float8".into(),
            21 => "uint4".into(),
            22 => "int4".into(),
            23 => "float4".into(),
            other => format!("type number {other}"),
        },
    }
}
