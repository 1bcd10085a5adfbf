//! `Tensor`: an n-dimensional array on the host.

pub(crate) mod convert;
mod gather;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::DataError;

/// The most values one tensor may hold. It keeps a wrong shape from becoming an allocation that
/// takes the machine down (2^33 `f32` values are 32 GiB).
pub const MAX_VALUES: usize = 1 << 33;

/// The type of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// 32-bit floating point.
    F32,
    /// 32-bit signed integer.
    I32,
    /// Byte.
    U8,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::I32 => "int32",
            Self::U8 => "uint8",
        })
    }
}

/// The values of a tensor, row-major. Images stay bytes, so a data set need not grow fourfold in memory.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// 32-bit floating point.
    F32(Vec<f32>),
    /// 32-bit signed integers: labels, token numbers.
    I32(Vec<i32>),
    /// Bytes: images.
    U8(Vec<u8>),
}

impl TensorData {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::U8(v) => v.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    pub fn dtype(&self) -> DType {
        match self {
            Self::F32(_) => DType::F32,
            Self::I32(_) => DType::I32,
            Self::U8(_) => DType::U8,
        }
    }
}

/// Applies one generic expression to whichever vector a tensor holds, keeping its type.
macro_rules! same_type {
    ($data:expr, $v:ident => $body:expr) => {
        match $data {
            TensorData::F32($v) => TensorData::F32($body),
            TensorData::I32($v) => TensorData::I32($body),
            TensorData::U8($v) => TensorData::U8($body),
        }
    };
}

/// An n-dimensional array on the host, row-major. The first axis counts rows (examples).
///
/// A tensor without axes (shape `[]`) is a scalar; it counts as one row of one value.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: TensorData,
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 8;
        write!(f, "Tensor({} {:?}, [", self.dtype(), self.shape)?;
        for i in 0..self.len().min(SHOWN) {
            if i > 0 {
                f.write_str(", ")?;
            }
            match &self.data {
                TensorData::F32(v) => write!(f, "{:?}", v[i])?,
                TensorData::I32(v) => write!(f, "{}", v[i])?,
                TensorData::U8(v) => write!(f, "{}", v[i])?,
            }
        }
        f.write_str(if self.len() > SHOWN { ", ...])" } else { "])" })
    }
}

/// The product of the dimensions, or an error when it overflows or passes [`MAX_VALUES`].
pub(crate) fn count_values(shape: &[usize]) -> Result<usize, DataError> {
    let too_large = || DataError::TooLarge { shape: shape.to_vec(), limit: MAX_VALUES };
    // A zero anywhere makes the product zero, but the other sizes must still be addressable,
    // because row lengths are computed from them.
    let mut product = 1usize;
    for &dim in shape.iter().filter(|&&dim| dim != 0) {
        product = product.checked_mul(dim).filter(|&p| p <= MAX_VALUES).ok_or_else(too_large)?;
    }
    Ok(if shape.contains(&0) { 0 } else { product })
}

impl Tensor {
    /// A tensor from a shape and its values.
    ///
    /// # Errors
    /// [`DataError::ValueCount`] when the sizes do not multiply to the number of values.
    pub fn new(shape: impl Into<Vec<usize>>, data: TensorData) -> Result<Self, DataError> {
        let shape = shape.into();
        let expected = count_values(&shape)?;
        if expected != data.len() {
            return Err(DataError::ValueCount { shape, expected, found: data.len() });
        }
        Ok(Self { shape, data })
    }

    /// A tensor of `f32` values; see [`Tensor::new`].
    pub fn f32(shape: impl Into<Vec<usize>>, values: Vec<f32>) -> Result<Self, DataError> {
        Self::new(shape, TensorData::F32(values))
    }

    /// A tensor of `i32` values; see [`Tensor::new`].
    pub fn i32(shape: impl Into<Vec<usize>>, values: Vec<i32>) -> Result<Self, DataError> {
        Self::new(shape, TensorData::I32(values))
    }

    /// A tensor of bytes; see [`Tensor::new`].
    pub fn u8(shape: impl Into<Vec<usize>>, values: Vec<u8>) -> Result<Self, DataError> {
        Self::new(shape, TensorData::U8(values))
    }

    /// A tensor of `f32` zeros.
    ///
    /// # Errors
    /// [`DataError::TooLarge`] when the shape holds more than [`MAX_VALUES`].
    pub fn zeros(shape: impl Into<Vec<usize>>) -> Result<Self, DataError> {
        let shape = shape.into();
        let count = count_values(&shape)?;
        Self::f32(shape, vec![0.0; count])
    }

    /// An `f32` matrix (rows, columns) from rows of equal length.
    ///
    /// # Errors
    /// [`DataError::UnequalRows`] names the first row whose length differs from that of row 0.
    pub fn from_rows(rows: &[impl AsRef<[f32]>]) -> Result<Self, DataError> {
        let width = rows.first().map_or(0, |r| r.as_ref().len());
        let mut values = Vec::with_capacity(rows.len() * width);
        for (i, row) in rows.iter().map(AsRef::as_ref).enumerate() {
            if row.len() != width {
                return Err(DataError::UnequalRows { row: i, expected: width, found: row.len() });
            }
            values.extend_from_slice(row);
        }
        Self::f32([rows.len(), width], values)
    }

    /// A tensor of one axis. It cannot fail, so it needs no `Result`.
    pub(crate) fn vector(data: TensorData) -> Self {
        Self { shape: vec![data.len()], data }
    }

    /// The sizes of all axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The size of the first axis.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The shape of one row: all axes but the first.
    pub fn row_shape(&self) -> &[usize] {
        self.shape.get(1..).unwrap_or(&[])
    }

    /// The number of values in one row.
    pub fn row_len(&self) -> usize {
        self.row_shape().iter().product()
    }

    /// The type of the values.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The values.
    pub fn data(&self) -> &TensorData {
        &self.data
    }

    /// Takes the tensor apart into shape and values.
    pub fn into_parts(self) -> (Vec<usize>, TensorData) {
        (self.shape, self.data)
    }

    /// The values, when they are `f32`.
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let TensorData::F32(v) = &self.data { Some(v) } else { None }
    }

    /// The values, when they are `i32`.
    pub fn as_i32(&self) -> Option<&[i32]> {
        if let TensorData::I32(v) = &self.data { Some(v) } else { None }
    }

    /// The values, when they are bytes.
    pub fn as_u8(&self) -> Option<&[u8]> {
        if let TensorData::U8(v) = &self.data { Some(v) } else { None }
    }

    /// The values as `f32`, copied only when they are of another type. Integers beyond 2^24 are rounded.
    pub fn f32_values(&self) -> Cow<'_, [f32]> {
        match &self.data {
            TensorData::F32(v) => Cow::Borrowed(v),
            TensorData::I32(v) => Cow::Owned(v.iter().map(|&x| x as f32).collect()),
            TensorData::U8(v) => Cow::Owned(v.iter().map(|&x| f32::from(x)).collect()),
        }
    }

    /// The same tensor with `f32` values.
    pub fn to_f32(&self) -> Cow<'_, Self> {
        match self.f32_values() {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(values) => Cow::Owned(Self { shape: self.shape.clone(), data: TensorData::F32(values) }),
        }
    }

    /// The same values under another shape. One size may be -1: it is computed from the rest.
    ///
    /// # Errors
    /// [`DataError::Reshape`] when the sizes cannot multiply to the number of values.
    pub fn reshape(self, to: &[isize]) -> Result<Self, DataError> {
        let count = self.len();
        let shape = resolve_shape(to, count).ok_or_else(|| DataError::Reshape { from: self.shape.clone(), to: to.to_vec(), count })?;
        Ok(Self { shape, data: self.data })
    }

    /// The rows of a range, copied.
    pub fn slice_rows(&self, range: Range<usize>) -> Result<Self, DataError> {
        if range.start > range.end || range.end > self.rows() {
            return Err(DataError::RangeOutOfRange { start: range.start, end: range.end, rows: self.rows() });
        }
        let width = self.row_len();
        let (start, end) = (range.start * width, range.end * width);
        Ok(Self { shape: self.with_rows(range.len()), data: same_type!(&self.data, v => v[start..end].to_vec()) })
    }

    /// The first rows (all, when there are no more), without copying.
    pub fn first_rows(self, rows: usize) -> Self {
        if self.rank() == 0 || rows >= self.rows() {
            return self;
        }
        let (shape, values) = (self.with_rows(rows), rows * self.row_len());
        let data = same_type!(self.data, v => {
            let mut v = v;
            v.truncate(values);
            v
        });
        Self { shape, data }
    }

    /// The named rows in the given order, copied; a row may be named more than once.
    pub fn take_rows(&self, rows: &[usize]) -> Result<Self, DataError> {
        self.check_rows(rows)?;
        let shape = self.with_rows(rows.len());
        count_values(&shape)?;
        let width = self.row_len();
        Ok(Self { shape, data: same_type!(&self.data, v => gather::take(v, width, rows)) })
    }

    /// One row, copied, with the shape of a row.
    pub fn row(&self, row: usize) -> Result<Self, DataError> {
        self.check_rows(&[row])?;
        let width = self.row_len();
        Ok(Self { shape: self.row_shape().to_vec(), data: same_type!(&self.data, v => v[row * width..(row + 1) * width].to_vec()) })
    }

    /// Joins tensors along the first axis. All must have the same type and the same shape of row.
    pub fn concat_rows(tensors: &[&Self]) -> Result<Self, DataError> {
        let Some((&first, rest)) = tensors.split_first() else {
            return Err(DataError::Empty { what: "the list of tensors to join".into() });
        };
        let mut rows = first.rows();
        let mut data = first.data.clone();
        for (i, other) in rest.iter().enumerate() {
            let same_shape = first.rank() > 0 && other.rank() > 0 && first.row_shape() == other.row_shape();
            match (&mut data, &other.data) {
                (TensorData::F32(a), TensorData::F32(b)) if same_shape => a.extend_from_slice(b),
                (TensorData::I32(a), TensorData::I32(b)) if same_shape => a.extend_from_slice(b),
                (TensorData::U8(a), TensorData::U8(b)) if same_shape => a.extend_from_slice(b),
                _ => {
                    return Err(DataError::Join {
                        first: first.row_shape().to_vec(),
                        first_dtype: first.dtype(),
                        other: other.row_shape().to_vec(),
                        other_dtype: other.dtype(),
                        index: i + 1,
                    });
                }
            }
            rows += other.rows();
        }
        Self::new(if first.rank() == 0 { vec![] } else { first.with_rows(rows) }, data)
    }

    /// A new `f32` tensor with a function applied to each value.
    pub fn map(&self, f: impl Fn(f32) -> f32) -> Self {
        let values = match &self.data {
            TensorData::F32(v) => v.iter().map(|&x| f(x)).collect(),
            TensorData::I32(v) => v.iter().map(|&x| f(x as f32)).collect(),
            TensorData::U8(v) => v.iter().map(|&x| f(f32::from(x))).collect(),
        };
        Self { shape: self.shape.clone(), data: TensorData::F32(values) }
    }

    /// Each value times a factor, as `f32`.
    pub fn scale(&self, factor: f32) -> Self {
        self.map(|x| x * factor)
    }

    /// Each value divided by a number, as `f32`; `divide(255.0)` brings image bytes to 0..1.
    pub fn divide(&self, divisor: f32) -> Self {
        self.map(|x| x / divisor)
    }

    /// The smallest value; `None` without values, NaN when any value is NaN.
    pub fn min(&self) -> Option<f32> {
        self.fold_f32(|a, b| if b < a || b.is_nan() { b } else { a })
    }

    /// The largest value; `None` without values, NaN when any value is NaN.
    pub fn max(&self) -> Option<f32> {
        self.fold_f32(|a, b| if b > a || b.is_nan() { b } else { a })
    }

    /// The mean of all values, summed in `f64`; `None` without values.
    pub fn mean(&self) -> Option<f32> {
        let sum: f64 = match &self.data {
            TensorData::F32(v) => v.iter().map(|&x| f64::from(x)).sum(),
            TensorData::I32(v) => v.iter().map(|&x| f64::from(x)).sum(),
            TensorData::U8(v) => v.iter().map(|&x| f64::from(x)).sum(),
        };
        (!self.is_empty()).then(|| (sum / self.len() as f64) as f32)
    }

    fn fold_f32(&self, f: impl Fn(f32, f32) -> f32) -> Option<f32> {
        let f = |a: f32, b: f32| if a.is_nan() { a } else { f(a, b) };
        match &self.data {
            TensorData::F32(v) => v.iter().copied().reduce(f),
            TensorData::I32(v) => v.iter().map(|&x| x as f32).reduce(f),
            TensorData::U8(v) => v.iter().map(|&x| f32::from(x)).reduce(f),
        }
    }

    fn with_rows(&self, rows: usize) -> Vec<usize> {
        let mut shape = vec![rows];
        shape.extend_from_slice(self.row_shape());
        shape
    }

    fn check_rows(&self, rows: &[usize]) -> Result<(), DataError> {
        match rows.iter().find(|&&r| r >= self.rows()) {
            Some(&row) => Err(DataError::RowOutOfRange { row, rows: self.rows() }),
            None => Ok(()),
        }
    }
}

/// Replaces the one -1 in a shape; `None` when the sizes cannot hold `count` values.
fn resolve_shape(to: &[isize], count: usize) -> Option<Vec<usize>> {
    let mut shape = Vec::with_capacity(to.len());
    let mut free = None;
    for (axis, &size) in to.iter().enumerate() {
        if size == -1 && free.replace(axis).is_none() {
            shape.push(1);
        } else {
            shape.push(usize::try_from(size).ok()?);
        }
    }
    let known = count_values(&shape).ok()?;
    if let Some(axis) = free {
        // With a zero among the other sizes, -1 could be anything: refuse, as NumPy does.
        if known == 0 || !count.is_multiple_of(known) {
            return None;
        }
        shape[axis] = count / known;
    }
    (count_values(&shape).ok()? == count).then_some(shape)
}

/// Where the first infinity or NaN is; to find that there is none is one pass at the speed of memory.
pub fn first_non_finite(values: &[f32]) -> Option<usize> {
    const CHUNK: usize = 4096;
    values.chunks(CHUNK).enumerate().find_map(|(at, chunk)| {
        // Without branches, so that it becomes wide instructions: the exponent is all ones for infinities and NaN.
        let bad = chunk.iter().fold(0u32, |bad, v| bad | u32::from(v.to_bits() & 0x7f80_0000 == 0x7f80_0000));
        if bad == 0 { None } else { chunk.iter().position(|v| !v.is_finite()).map(|i| at * CHUNK + i) }
    })
}

#[cfg(test)]
mod tests;
