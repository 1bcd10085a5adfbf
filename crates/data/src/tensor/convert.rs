//! From plain Rust values to tensors, and Keras' two small helpers on whole tensors.

use super::{MAX_VALUES, Tensor, TensorData, count_values};
use crate::DataError;

macro_rules! from_vectors {
    ($($t:ty => $variant:ident),*) => {$(
        impl From<Vec<$t>> for Tensor {
            fn from(values: Vec<$t>) -> Self {
                Self::vector(TensorData::$variant(values))
            }
        }
        impl From<&[$t]> for Tensor {
            fn from(values: &[$t]) -> Self {
                values.to_vec().into()
            }
        }
        impl<const N: usize> From<[$t; N]> for Tensor {
            fn from(values: [$t; N]) -> Self {
                values.to_vec().into()
            }
        }
        impl<const N: usize, const M: usize> From<[[$t; N]; M]> for Tensor {
            fn from(values: [[$t; N]; M]) -> Self {
                Self { shape: vec![M, N], data: TensorData::$variant(values.as_flattened().to_vec()) }
            }
        }
        impl<const K: usize, const N: usize, const M: usize> From<[[[$t; K]; N]; M]> for Tensor {
            fn from(values: [[[$t; K]; N]; M]) -> Self {
                let flat = values.as_flattened().as_flattened().to_vec();
                Self { shape: vec![M, N, K], data: TensorData::$variant(flat) }
            }
        }
        impl<const N: usize> From<Vec<[$t; N]>> for Tensor {
            fn from(values: Vec<[$t; N]>) -> Self {
                Self { shape: vec![values.len(), N], data: TensorData::$variant(values.as_flattened().to_vec()) }
            }
        }
        impl TryFrom<Vec<Vec<$t>>> for Tensor {
            type Error = DataError;
            fn try_from(rows: Vec<Vec<$t>>) -> Result<Self, DataError> {
                let width = rows.first().map_or(0, Vec::len);
                if let Some((row, found)) = rows.iter().map(Vec::len).enumerate().find(|&(_, len)| len != width) {
                    return Err(DataError::UnequalRows { row, expected: width, found });
                }
                Self::new([rows.len(), width], TensorData::$variant(rows.concat()))
            }
        }
    )*};
}
from_vectors!(f32 => F32, i32 => I32, u8 => U8);

impl From<&Tensor> for Tensor {
    fn from(tensor: &Tensor) -> Self {
        tensor.clone()
    }
}

/// Class numbers to one-hot rows, as `keras.utils.to_categorical`: labels of shape (...) or (..., 1) become
/// an `f32` tensor of shape (..., classes). Without `num_classes` it is the largest label plus one.
///
/// # Errors
/// [`DataError::BadLabel`] for a label that is negative, too large, or not a whole number.
pub fn to_categorical(labels: &Tensor, num_classes: Option<usize>) -> Result<Tensor, DataError> {
    let number = |position: usize| match labels.data() {
        TensorData::F32(v) => f64::from(v[position]),
        TensorData::I32(v) => f64::from(v[position]),
        TensorData::U8(v) => f64::from(v[position]),
    };
    // Without a given number of classes, every whole number from 0 on is right.
    let limit = num_classes.unwrap_or(MAX_VALUES);
    let mut indices = Vec::with_capacity(labels.len());
    for position in 0..labels.len() {
        let value = number(position);
        if !(value >= 0.0 && value < limit as f64 && value.fract() == 0.0) {
            return Err(DataError::BadLabel { value, position, classes: limit });
        }
        indices.push(value as usize);
    }
    let classes = num_classes.unwrap_or_else(|| indices.iter().max().map_or(0, |&m| m + 1));

    let mut shape = labels.shape().to_vec();
    if shape.len() > 1 && shape.last() == Some(&1) {
        shape.pop();
    }
    shape.push(classes);
    let mut values = vec![0.0; count_values(&shape)?];
    for (row, index) in indices.into_iter().enumerate() {
        values[row * classes + index] = 1.0;
    }
    Tensor::f32(shape, values)
}

/// Divides by the Euclidean length along an axis, as `keras.utils.normalize`; a vector of zeros stays zeros.
/// A negative axis counts from the end.
///
/// # Errors
/// [`DataError::AxisOutOfRange`].
pub fn normalize(tensor: &Tensor, axis: isize) -> Result<Tensor, DataError> {
    let shape = tensor.shape();
    let at = if axis < 0 { axis.checked_add_unsigned(shape.len()) } else { Some(axis) };
    let at = at
        .and_then(|a| usize::try_from(a).ok())
        .filter(|&a| a < shape.len())
        .ok_or_else(|| DataError::AxisOutOfRange { axis, shape: shape.to_vec() })?;
    let size = shape[at];
    let inner: usize = shape[at + 1..].iter().product();
    let mut values = tensor.f32_values().into_owned();
    if !values.is_empty() {
        for block in values.chunks_exact_mut(size * inner) {
            for offset in 0..inner {
                let squares: f64 = block[offset..].iter().step_by(inner).map(|&x| f64::from(x) * f64::from(x)).sum();
                let length = squares.sqrt() as f32;
                if length != 0.0 {
                    block[offset..].iter_mut().step_by(inner).for_each(|x| *x /= length);
                }
            }
        }
    }
    Tensor::f32(shape, values)
}
