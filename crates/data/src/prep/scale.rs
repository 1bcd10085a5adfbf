//! Scaling of plain arrays, along the last axis.

use serde::{Deserialize, Serialize};

use crate::{DataError, Tensor};

/// `(x - shift) / scale` for each place of the last axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
struct Affine {
    shift: Vec<f64>,
    scale: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    shift: Vec<f64>,
    scale: Vec<f64>,
}

impl TryFrom<Stored> for Affine {
    type Error = String;

    fn try_from(Stored { shift, scale }: Stored) -> Result<Self, String> {
        if shift.len() != scale.len() || shift.is_empty() {
            return Err(format!("{} shifts and {} scales; both must be the same, at least 1", shift.len(), scale.len()));
        }
        if !(shift.iter().all(|x| x.is_finite()) && scale.iter().all(|x| x.is_finite() && *x > 0.0)) {
            return Err("shifts and scales must be finite, scales above 0".into());
        }
        Ok(Self { shift, scale })
    }
}

/// The size of the last axis; a vector is one feature.
fn width(tensor: &Tensor) -> usize {
    if tensor.rank() < 2 { 1 } else { tensor.shape()[tensor.rank() - 1] }
}

impl Affine {
    fn apply(&self, tensor: &Tensor, f: impl Fn(f64, f64, f64) -> f64) -> Result<Tensor, DataError> {
        let expected = self.shift.len();
        if width(tensor) != expected {
            return Err(DataError::LastAxis { expected, shape: tensor.shape().to_vec() });
        }
        let mut values = tensor.f32_values().into_owned();
        for row in values.chunks_exact_mut(expected) {
            for ((x, &shift), &scale) in row.iter_mut().zip(&self.shift).zip(&self.scale) {
                *x = f(f64::from(*x), shift, scale) as f32;
            }
        }
        Tensor::f32(tensor.shape(), values)
    }
}

/// Checks that there is something finite to learn from, and hands over the rows as `f32`.
fn training(tensor: &Tensor, rows: &[usize]) -> Result<Tensor, DataError> {
    let chosen = tensor.take_rows(rows)?.to_f32().into_owned();
    if chosen.is_empty() {
        return Err(DataError::Empty { what: "the data to learn a scale from".into() });
    }
    if let Some(position) = chosen.f32_values().iter().position(|x| !x.is_finite()) {
        let row = rows[position / chosen.row_len()];
        return Err(DataError::NotFinite { row, position: position % chosen.row_len() });
    }
    Ok(chosen)
}

/// Brings each place of the last axis to mean 0 and standard deviation 1; a constant one to 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Standardizer(Affine);

/// Brings each place of the last axis to 0..1; a constant one to 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MinMax(Affine);

impl Standardizer {
    /// Learns mean and (population) standard deviation from the given rows.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`], [`DataError::Empty`], [`DataError::NotFinite`].
    pub fn fit(tensor: &Tensor, rows: &[usize]) -> Result<Self, DataError> {
        let chosen = training(tensor, rows)?;
        let (values, width) = (chosen.f32_values(), width(tensor));
        let n = (values.len() / width) as f64;
        let mut mean = vec![0.0; width];
        for row in values.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(m, &x)| *m += f64::from(x));
        }
        for m in &mut mean {
            *m /= n;
        }
        let mut scale = vec![0.0; width];
        for row in values.chunks_exact(width) {
            for ((s, &m), &x) in scale.iter_mut().zip(&mean).zip(row) {
                *s += (f64::from(x) - m) * (f64::from(x) - m);
            }
        }
        for s in &mut scale {
            *s = (*s / n).sqrt();
            *s = if *s > 0.0 { *s } else { 1.0 };
        }
        Ok(Self(Affine { shift: mean, scale }))
    }

    /// The learned means.
    pub fn mean(&self) -> &[f64] {
        &self.0.shift
    }

    /// The learned standard deviations, 1 for a constant.
    pub fn std(&self) -> &[f64] {
        &self.0.scale
    }

    /// Scales a tensor of the same last axis.
    ///
    /// # Errors
    /// [`DataError::LastAxis`].
    pub fn transform(&self, tensor: &Tensor) -> Result<Tensor, DataError> {
        self.0.apply(tensor, |x, mean, std| (x - mean) / std)
    }

    /// Undoes [`Standardizer::transform`].
    ///
    /// # Errors
    /// [`DataError::LastAxis`].
    pub fn inverse(&self, tensor: &Tensor) -> Result<Tensor, DataError> {
        self.0.apply(tensor, |x, mean, std| x * std + mean)
    }
}

impl MinMax {
    /// Learns the smallest and largest values from the given rows.
    ///
    /// # Errors
    /// [`DataError::RowOutOfRange`], [`DataError::Empty`], [`DataError::NotFinite`].
    pub fn fit(tensor: &Tensor, rows: &[usize]) -> Result<Self, DataError> {
        let chosen = training(tensor, rows)?;
        let (values, width) = (chosen.f32_values(), width(tensor));
        let mut min = vec![f64::INFINITY; width];
        let mut max = vec![f64::NEG_INFINITY; width];
        for row in values.chunks_exact(width) {
            for ((low, high), &x) in min.iter_mut().zip(&mut max).zip(row) {
                *low = low.min(f64::from(x));
                *high = high.max(f64::from(x));
            }
        }
        let scale = min.iter().zip(&max).map(|(low, high)| if high > low { high - low } else { 1.0 }).collect();
        Ok(Self(Affine { shift: min, scale }))
    }

    /// Scales a tensor of the same last axis.
    ///
    /// # Errors
    /// [`DataError::LastAxis`].
    pub fn transform(&self, tensor: &Tensor) -> Result<Tensor, DataError> {
        self.0.apply(tensor, |x, min, span| (x - min) / span)
    }

    /// Undoes [`MinMax::transform`].
    ///
    /// # Errors
    /// [`DataError::LastAxis`].
    pub fn inverse(&self, tensor: &Tensor) -> Result<Tensor, DataError> {
        self.0.apply(tensor, |x, min, span| x * span + min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learns_from_the_given_rows_only() {
        let data = Tensor::from([[1.0f32, 5.0], [3.0, 5.0], [1000.0, -7.0]]);
        let scaler = Standardizer::fit(&data, &[0, 1]).unwrap();
        assert_eq!((scaler.mean(), scaler.std()), (&[2.0, 5.0][..], &[1.0, 1.0][..]));
        assert_eq!(scaler.transform(&data).unwrap().as_f32().unwrap(), [-1.0, 0.0, 1.0, 0.0, 998.0, -12.0]);
        assert_eq!(scaler.inverse(&scaler.transform(&data).unwrap()).unwrap(), data);
        let scaler = MinMax::fit(&data, &[0, 1]).unwrap();
        assert_eq!(scaler.transform(&data).unwrap().as_f32().unwrap(), [0.0, 0.0, 1.0, 0.0, 499.5, -12.0]);
        assert_eq!(scaler.inverse(&scaler.transform(&data).unwrap()).unwrap(), data);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let data = Tensor::from([[1u8, 2], [3, 4]]);
        let scaler = Standardizer::fit(&data, &[0, 1]).unwrap();
        assert!(matches!(scaler.transform(&Tensor::from([[1u8, 2, 3]])), Err(DataError::LastAxis { expected: 2, .. })));
        assert!(matches!(Standardizer::fit(&data, &[]), Err(DataError::Empty { .. })));
        assert!(matches!(MinMax::fit(&data, &[2]), Err(DataError::RowOutOfRange { .. })));
        let bad = Tensor::from([[1.0f32, 2.0], [3.0, f32::NAN]]);
        assert!(matches!(MinMax::fit(&bad, &[0, 1]), Err(DataError::NotFinite { row: 1, position: 1 })));
        assert!(MinMax::fit(&bad, &[0]).is_ok());
    }

    #[test]
    fn json_round_trip_is_exact_and_checked() {
        let scaler = Standardizer::fit(&Tensor::from([0.1f32, 0.7, 0.3]), &[0, 1, 2]).unwrap();
        let text = serde_json::to_string(&scaler).unwrap();
        assert_eq!(serde_json::from_str::<Standardizer>(&text).unwrap(), scaler);
        for bad in [r#"{"shift":[1],"scale":[0]}"#, r#"{"shift":[],"scale":[]}"#, r#"{"shift":[1],"scale":[1,2]}"#, "[]"] {
            assert!(serde_json::from_str::<MinMax>(bad).is_err(), "{bad}");
        }
    }
}
