//! Predictions for rows, as models of layers have them.

use super::error::ImportError;
use super::model::OnnxModel;
use super::tensor::{Elements, OnnxTensor};
use adaline_data::{Tensor, TensorData};

impl OnnxModel {
    /// The output `(N, ..)` for `x (N, ..)`, in batches of `batch_size` rows; of as many as the file fixes, where it does.
    ///
    /// # Errors
    /// [`ImportError::Input`] for a model of several inputs or outputs, which [`OnnxModel::run`] is for, for no row, and where the output has
    /// not one entry for each row; else as [`OnnxModel::run`].
    pub fn predict(&mut self, x: &Tensor, batch_size: usize) -> Result<Tensor, ImportError> {
        let ([input], [_]) = (self.inputs(), self.outputs()) else {
            let names = |specs: &[super::ValueSpec]| specs.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(", ");
            let message = format!("predict is for one input and one output; it has the outputs {}: use run", names(self.outputs()));
            return Err(ImportError::Input { name: names(self.inputs()), message });
        };
        let (name, kind) = (input.name.clone(), input.kind.unwrap_or(super::Kind::F32));
        let fixed = input.dims.as_ref().and_then(|d| d.first()).and_then(|d| d.as_ref().ok()).copied();
        let fail = |message: String| ImportError::Input { name: name.clone(), message };
        let batch = fixed.unwrap_or(batch_size);
        if x.rank() == 0 || x.rows() == 0 || batch == 0 {
            return Err(fail(format!("it expects rows, got {} in batches of {batch}", x.rows())));
        }
        let (mut values, mut shape) = (Vec::new(), Vec::new());
        for start in (0..x.rows()).step_by(batch) {
            let real = batch.min(x.rows() - start);
            // A batch that is too short for a fixed size is filled with its last row.
            let count = if fixed.is_some() { batch } else { real };
            let rows: Vec<usize> = (start..start + count).map(|r| r.min(x.rows() - 1)).collect();
            let part = x.take_rows(&rows).map_err(|e| fail(e.to_string()))?;
            let dims = part.shape().to_vec();
            let elements = if kind.is_float() {
                Elements::F32(part.f32_values().into_owned())
            } else {
                match part.data() {
                    TensorData::I32(v) => Elements::Int(v.iter().map(|&v| i64::from(v)).collect()),
                    TensorData::U8(v) => Elements::Int(v.iter().map(|&v| i64::from(v)).collect()),
                    TensorData::F32(_) => return Err(fail(format!("it expects {kind}, got floats"))),
                }
            };
            let given = OnnxTensor::new(kind, &dims, elements).ok_or_else(|| fail(format!("it expects {kind}, which rows cannot hold")))?;
            let y = self.run(&[(&name, &given)])?.into_iter().next().ok_or_else(|| fail("the model gives nothing".into()))?;
            if y.dims().first() != Some(&count) {
                return Err(fail(format!("an output of shape {:?} for {count} rows does not have one entry per row", y.dims())));
            }
            shape = y.dims()[1..].to_vec();
            let width: usize = shape.iter().product();
            match y.elements() {
                Elements::F32(v) => values.extend_from_slice(&v[..real * width]),
                _ => values.extend(y.to_f64()[..real * width].iter().map(|&v| v as f32)),
            }
        }
        shape.insert(0, x.rows());
        Tensor::f32(shape, values).map_err(|e| fail(e.to_string()))
    }
}
