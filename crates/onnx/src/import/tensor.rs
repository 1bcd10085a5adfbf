//! Tensors with the element types of ONNX: constants of a file, what goes into a model, what comes out.

use super::error::{ImportError, malformed};
use super::kind::{Kind, type_name};
use crate::proto;
use adaline_graph::{MAX_RANK, Shape};

/// Elements. All floats are kept as `f32`, all integers as `i64`.
#[derive(Clone, PartialEq, Debug)]
pub enum Elements {
    /// Of a float type.
    F32(Vec<f32>),
    /// Of an integer type.
    Int(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

/// A tensor `(dims..)`, row-major, with the type that a file gives it.
#[derive(Clone, PartialEq, Debug)]
pub struct OnnxTensor {
    kind: Kind,
    shape: Shape,
    elements: Elements,
}

impl OnnxTensor {
    /// Elements of a type and a shape; none where their number, the type or the shape (at most 6 axes) does not fit.
    pub fn new(kind: Kind, dims: &[usize], elements: Elements) -> Option<Self> {
        let shape = Shape::try_new(dims)?;
        let (len, fits) = match &elements {
            Elements::F32(v) => (v.len(), kind.is_float()),
            Elements::Int(v) => (v.len(), kind.is_integer()),
            Elements::Bool(v) => (v.len(), kind == Kind::Bool),
        };
        (fits && len == shape.len()).then_some(Self { kind, shape, elements })
    }
    /// A `float` tensor; none where the number of values is not that of the dimensions.
    pub fn f32(dims: &[usize], values: Vec<f32>) -> Option<Self> {
        Self::new(Kind::F32, dims, Elements::F32(values))
    }
    /// An `int64` tensor, as [`OnnxTensor::f32`].
    pub fn i64(dims: &[usize], values: Vec<i64>) -> Option<Self> {
        Self::new(Kind::I64, dims, Elements::Int(values))
    }
    /// An `int64` line.
    pub(crate) fn line(values: Vec<i64>) -> Self {
        Self { kind: Kind::I64, shape: Shape::new(&[values.len()]), elements: Elements::Int(values) }
    }
    /// An `int64` number.
    pub(crate) fn number(value: i64) -> Self {
        Self { kind: Kind::I64, shape: Shape::SCALAR, elements: Elements::Int(vec![value]) }
    }

    /// The type of the elements.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// The sizes.
    pub fn dims(&self) -> &[usize] {
        self.shape.dims()
    }
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.len()
    }
    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The elements.
    pub fn elements(&self) -> &Elements {
        &self.elements
    }
    /// The elements of a float type.
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let Elements::F32(v) = &self.elements { Some(v) } else { None }
    }
    /// The elements of an integer type.
    pub fn as_i64(&self) -> Option<&[i64]> {
        if let Elements::Int(v) = &self.elements { Some(v) } else { None }
    }
    /// The elements of truth values.
    pub fn as_bool(&self) -> Option<&[bool]> {
        if let Elements::Bool(v) = &self.elements { Some(v) } else { None }
    }
    /// All elements as `f64`; integers beyond 2^53 are rounded.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.elements {
            Elements::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Elements::Int(v) => v.iter().map(|&x| x as f64).collect(),
            Elements::Bool(v) => v.iter().map(|&x| f64::from(u8::from(x))).collect(),
        }
    }
    /// As [`OnnxTensor::to_f64`], back.
    pub(crate) fn from_f64(kind: Kind, shape: Shape, values: &[f64]) -> Self {
        let elements = if kind.is_float() {
            Elements::F32(values.iter().map(|&x| x as f32).collect())
        } else if kind == Kind::Bool {
            Elements::Bool(values.iter().map(|&x| x != 0.0).collect())
        } else {
            Elements::Int(values.iter().map(|&x| x as i64).collect())
        };
        Self { kind, shape, elements }
    }
    /// The one value that all elements have, where it is one.
    pub(crate) fn splat(&self) -> Option<f64> {
        fn same<T: Copy>(v: &[T], equal: impl Fn(T, T) -> bool) -> Option<T> {
            let first = *v.first()?;
            v.iter().all(|&x| equal(x, first)).then_some(first)
        }
        match &self.elements {
            Elements::F32(v) => same(v, |a, b| a.to_bits() == b.to_bits()).map(f64::from),
            Elements::Int(v) => same(v, |a, b| a == b).map(|x| x as f64),
            Elements::Bool(v) => same(v, |a, b| a == b).map(|x| f64::from(u8::from(x))),
        }
    }
    /// The words that stand for the elements in a graph; the first integer that needs more than 32 bits otherwise.
    pub(crate) fn words(&self) -> Result<Vec<u32>, i64> {
        match &self.elements {
            Elements::F32(v) => Ok(v.iter().map(|x| x.to_bits()).collect()),
            Elements::Int(v) => v.iter().map(|&x| i32::try_from(x).map(|x| x as u32).map_err(|_| x)).collect(),
            Elements::Bool(v) => Ok(v.iter().map(|&x| f32::from(u8::from(x)).to_bits()).collect()),
        }
    }

    /// A tensor of a file, whose values are taken out of it. `place` is for messages.
    ///
    /// Sizes are compared with what is there before anything is allocated.
    pub(crate) fn read(tensor: &mut proto::Tensor, place: &str) -> Result<Self, ImportError> {
        let wrong = |message: String| malformed(place, message);
        if tensor.data_location == 1 || !tensor.external_data.is_empty() {
            return Err(wrong("its values are in another file, which is not read: save the model in one file".into()));
        }
        let kind =
            Kind::of(tensor.data_type).ok_or_else(|| wrong(format!("elements of {} are not supported", type_name(tensor.data_type))))?;
        let shape = dims(&tensor.dims).and_then(|d| Shape::try_new(&d));
        let shape = shape.ok_or_else(|| wrong(format!("sizes {:?} are negative, too large, or more than {MAX_RANK}", tensor.dims)))?;
        let count = |got: usize| {
            let expected = shape.len();
            if got == expected { Ok(()) } else { Err(wrong(format!("its shape {shape} has {expected} elements, its data {got}"))) }
        };
        let elements = if let Some(raw) = tensor.raw_data.take() {
            if raw.len() % kind.bytes() != 0 {
                return Err(wrong(format!("{} bytes are no whole number of {kind} elements", raw.len())));
            }
            count(raw.len() / kind.bytes())?;
            from_raw(kind, &raw)
        } else {
            let ints = std::mem::take(&mut tensor.int32_data);
            match kind {
                Kind::F32 => Elements::F32(std::mem::take(&mut tensor.float_data)),
                Kind::F64 => Elements::F32(tensor.double_data.iter().map(|&x| x as f32).collect()),
                Kind::F16 => Elements::F32(ints.iter().map(|&x| half(x as u16)).collect()),
                Kind::Bf16 => Elements::F32(ints.iter().map(|&x| f32::from_bits((x as u32) << 16)).collect()),
                Kind::I64 => Elements::Int(std::mem::take(&mut tensor.int64_data)),
                Kind::U32 | Kind::U64 => Elements::Int(tensor.uint64_data.iter().map(|&x| x as i64).collect()),
                Kind::Bool => Elements::Bool(ints.iter().map(|&x| x != 0).collect()),
                Kind::I8 | Kind::I16 | Kind::I32 | Kind::U8 | Kind::U16 => Elements::Int(ints.iter().map(|&x| i64::from(x)).collect()),
            }
        };
        count(match &elements {
            Elements::F32(v) => v.len(),
            Elements::Int(v) => v.len(),
            Elements::Bool(v) => v.len(),
        })?;
        Ok(Self { kind, shape, elements })
    }
}

/// Sizes of a file as sizes.
pub(crate) fn dims(dims: &[i64]) -> Option<Vec<usize>> {
    dims.iter().map(|&d| usize::try_from(d).ok()).collect()
}

fn from_raw(kind: Kind, raw: &[u8]) -> Elements {
    fn each<const N: usize, T>(raw: &[u8], f: impl Fn([u8; N]) -> T) -> Vec<T> {
        raw.as_chunks::<N>().0.iter().map(|&c| f(c)).collect()
    }
    match kind {
        Kind::F32 => Elements::F32(each(raw, f32::from_le_bytes)),
        Kind::F64 => Elements::F32(each(raw, |b| f64::from_le_bytes(b) as f32)),
        Kind::F16 => Elements::F32(each(raw, |b| half(u16::from_le_bytes(b)))),
        Kind::Bf16 => Elements::F32(each(raw, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))),
        Kind::I8 => Elements::Int(each(raw, |b| i64::from(i8::from_le_bytes(b)))),
        Kind::U8 => Elements::Int(each(raw, |b| i64::from(u8::from_le_bytes(b)))),
        Kind::I16 => Elements::Int(each(raw, |b| i64::from(i16::from_le_bytes(b)))),
        Kind::U16 => Elements::Int(each(raw, |b| i64::from(u16::from_le_bytes(b)))),
        Kind::I32 => Elements::Int(each(raw, |b| i64::from(i32::from_le_bytes(b)))),
        Kind::U32 => Elements::Int(each(raw, |b| i64::from(u32::from_le_bytes(b)))),
        Kind::I64 => Elements::Int(each(raw, i64::from_le_bytes)),
        Kind::U64 => Elements::Int(each(raw, |b| u64::from_le_bytes(b) as i64)),
        Kind::Bool => Elements::Bool(raw.iter().map(|&b| b != 0).collect()),
    }
}

/// The value of a float16's bits (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match (exponent, fraction) {
        (31, 0.0) => f32::INFINITY,
        (31, _) => f32::NAN,
        (0, f) => f * 2f32.powi(-24),
        (e, f) => (1.0 + f / 1024.0) * 2f32.powi(e - 15),
    }
}
