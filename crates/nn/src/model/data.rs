//! Checks of data before it is trained on: once per call, not once per step.

use super::Model;
use crate::error::{Error, Result};
use crate::losses::LabelKind;
use adaline_data::{Ragged, RowSource, Tensor, TensorData};
use adaline_graph::backend::Backend;
use std::collections::BTreeMap;

/// Names of the tensors of one call, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct What {
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) weights: &'static str,
    pub(crate) action: &'static str,
}

/// Training data.
pub(crate) const TRAINING: What = What { x: "x", y: "y", weights: "sample_weight", action: "train on" };
/// Validation data.
pub(crate) const VALIDATION: What = What { x: "validation x", y: "validation y", weights: "validation weights", action: "validate on" };
/// Data to evaluate.
pub(crate) const EVALUATION: What = What { x: "x", y: "y", weights: "sample_weight", action: "evaluate" };

impl Model {
    /// Inputs fit the network, labels fit loss and prediction, there is as much of each, and all of it is finite. `y` and `weights` are of each
    /// output that is trained.
    pub(crate) fn check_data(&self, what: What, x: &[&dyn RowSource], y: &[&Tensor], weights: &[Option<&[f32]>]) -> Result<()> {
        self.check_rows(what.x, what.action, x)?;
        let rows = x.first().map_or(0, |x| x.rows());
        let shapes: Vec<&[usize]> = x.iter().map(|x| x.row_shape()).collect();
        let compiled = self.compiled(what.action)?;
        let predictions = self.outputs_for(&shapes)?;
        for ((&y, weights), trained) in y.iter().zip(weights).zip(&compiled.trained) {
            let loss = trained.loss.as_ref();
            if y.rows() != rows || y.rank() == 0 {
                return Err(Error::RowCount { x: rows, what: what.y, got: if y.rank() == 0 { 0 } else { y.rows() } });
            }
            if let Some(w) = weights {
                if w.len() != rows {
                    return Err(Error::RowCount { x: rows, what: what.weights, got: w.len() });
                }
                check_finite(what.weights, w, 1)?;
            }
            let prediction = &predictions[trained.output];
            super::compile::label_type(loss, what.y, 1, y.row_shape(), prediction)?;
            if matches!(loss.labels(), LabelKind::Classes | LabelKind::Sequences) {
                let classes = prediction.last().copied().unwrap_or(1);
                let ignored = loss.config()["ignore_class"].as_i64();
                check_labels(what.y, y, loss.name(), classes, ignored)?;
            } else if let Some(v) = y.as_f32() {
                check_finite(what.y, v, y.row_len())?;
            }
        }
        Ok(())
    }

    /// Inputs fit the network, with as many rows each; those in memory are finite.
    pub(crate) fn check_rows(&self, what: &'static str, action: &'static str, x: &[&dyn RowSource]) -> Result<()> {
        for (at, &x) in x.iter().enumerate() {
            has_rows(what, action, x)?;
            self.check_input(what, at, x.row_shape())?;
        }
        if let Some(other) = x.iter().find(|other| other.rows() != x[0].rows()) {
            return Err(Error::RowCount { x: x[0].rows(), what: "another input", got: other.rows() });
        }
        for (at, x) in x.iter().enumerate() {
            match (x.as_tensor(), x.as_ragged()) {
                (Some(tensor), _) => self.check_values(what, at, tensor)?,
                (None, Some(ragged)) => self.check_values(what, at, ragged.values()).map_err(|e| in_sequence(ragged, e))?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Values of an input are finite, and numbers of a table in it.
    fn check_values(&self, what: &'static str, at: usize, tensor: &Tensor) -> Result<()> {
        if let Some(values) = tensor.as_f32() {
            check_finite_on(self.backend.as_ref(), what, values, tensor.row_len())?;
        }
        self.check_in_table(what, at, tensor)
    }

    /// Numbers of an input that a layer looks up in a table are in it. Fractions are cut off, as in the graph.
    fn check_in_table(&self, what: &'static str, at: usize, x: &Tensor) -> Result<()> {
        let Some((layer, rows)) = self.net.table_of(at) else { return Ok(()) };
        let inside = |v: i32| usize::try_from(v).is_ok_and(|v| v < rows);
        let found = match x.data() {
            TensorData::F32(v) => v.iter().position(|&v| !inside(v as i32)).map(|at| (at, v[at])),
            TensorData::I32(v) => v.iter().position(|&v| !inside(v)).map(|at| (at, v[at] as f32)),
            TensorData::U8(v) => v.iter().position(|&v| !inside(i32::from(v))).map(|at| (at, f32::from(v[at]))),
        };
        let Some((place, value)) = found else { return Ok(()) };
        let row_len = x.row_len().max(1);
        Err(Error::NotInTable { what, row: place / row_len, column: place % row_len, value, layer: layer.to_owned(), rows })
    }
}

/// What is wrong with a step, told of its sequence.
fn in_sequence(ragged: &Ragged, mut error: Error) -> Error {
    if let Error::NonFiniteData { row, column, .. } | Error::NotInTable { row, column, .. } = &mut error {
        let (sequence, step) = ragged.place(*row);
        (*row, *column) = (sequence, step * ragged.values().row_len() + *column);
    }
    error
}

/// There is something to work on: a tensor of rank 0 has no rows.
pub(crate) fn has_rows(what: &'static str, action: &'static str, x: &dyn RowSource) -> Result<()> {
    let scalar = x.as_tensor().is_some_and(|x| x.rank() == 0);
    if scalar || x.rows() == 0 { Err(Error::NoRows { what, action }) } else { Ok(()) }
}

/// As [`check_finite`], on the backend's threads where it is worth them.
fn check_finite_on(backend: &dyn Backend, what: &'static str, values: &[f32], row_len: usize) -> Result<()> {
    const PARTS: usize = 64;
    const WORTH_THREADS: usize = 1 << 16;
    if values.len() >= WORTH_THREADS {
        let mut bad = [0.0; PARTS];
        let part = values.len().div_ceil(PARTS);
        backend.fill(&mut bad, 1, &|at, bad| {
            let part = &values[(at * part).min(values.len())..((at + 1) * part).min(values.len())];
            bad[0] = f32::from(u8::from(check_finite(what, part, row_len).is_err()));
        });
        if bad == [0.0; PARTS] {
            return Ok(());
        }
    }
    check_finite(what, values, row_len)
}

/// The first value that is not finite is an error; finding that there is none is one pass at the speed of memory.
pub(crate) fn check_finite(what: &'static str, values: &[f32], row_len: usize) -> Result<()> {
    if let Some(place) = adaline_data::first_non_finite(values) {
        let row_len = row_len.max(1);
        return Err(Error::NonFiniteData { what, row: place / row_len, column: place % row_len, value: values[place] });
    }
    Ok(())
}

fn check_labels(what: &'static str, y: &Tensor, loss: &str, classes: usize, ignored: Option<i64>) -> Result<()> {
    let row_len = y.row_len().max(1);
    let wrong = |place: usize, value: f64| Err(Error::Label { what, row: place / row_len, value, loss: loss.into(), classes });
    let ok = |v: i64| (0..classes as i64).contains(&v) || Some(v) == ignored;
    match y.data() {
        TensorData::I32(v) => v.iter().position(|&v| !ok(i64::from(v))).map_or(Ok(()), |at| wrong(at, f64::from(v[at]))),
        TensorData::U8(v) => v.iter().position(|&v| !ok(i64::from(v))).map_or(Ok(()), |at| wrong(at, f64::from(v[at]))),
        TensorData::F32(v) => {
            v.iter().position(|&v| v.fract() != 0.0 || !v.is_finite() || !ok(v as i64)).map_or(Ok(()), |at| wrong(at, f64::from(v[at])))
        }
    }
}

/// Weights of the rows of the only output by its classes, where they are given.
pub(crate) fn class_weights(classes: Option<&BTreeMap<i32, f32>>, given: &[Option<&[f32]>], y: &[&Tensor]) -> Result<Option<Vec<f32>>> {
    let Some(classes) = classes else { return Ok(None) };
    if given.iter().any(Option::is_some) {
        return Err(Error::option("class_weight", "given together with sample_weight", "given alone: multiply them yourself"));
    }
    let &[y] = y else {
        let expected = "for a model of one output; give sample weights of each output with sample_weight_of";
        return Err(Error::option("class_weight", "given for several outputs", expected));
    };
    if let Some((class, w)) = classes.iter().find(|(_, w)| !w.is_finite() || **w < 0.0) {
        return Err(Error::option("class_weight", format!("{w} for class {class}"), "a finite number of at least 0"));
    }
    Ok(Some(weights_of_classes(y, classes)))
}

/// One weight per row from one weight per class, as Keras: one-hot rows count as their largest, classes without a weight as 1.
pub(crate) fn weights_of_classes(y: &Tensor, classes: &BTreeMap<i32, f32>) -> Vec<f32> {
    let width = if y.rank() > 1 { y.shape().last().copied().unwrap_or(1) } else { 1 };
    let values = y.f32_values();
    let class = |row: &[f32]| match row {
        [one] => one.round_ties_even() as i32,
        _ => row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &v)| if v > best.1 { (i, v) } else { best }).0 as i32,
    };
    let per_row = y.row_len().max(1);
    values.chunks(per_row).map(|row| class(&row[..width.min(row.len())])).map(|c| classes.get(&c).copied().unwrap_or(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bad_value_is_named() {
        let mut values = vec![1.0f32; 10_000];
        assert!(check_finite("x", &values, 7).is_ok());
        values[9_000] = f32::NEG_INFINITY;
        values[8_000] = f32::NAN;
        let text = check_finite("x", &values, 7).unwrap_err().to_string();
        assert!(text.starts_with("x has NaN at row 1142, column 6 (both counted from 0)"), "{text}");
    }

    #[test]
    fn labels_are_whole_numbers_in_range() {
        let check = |y: Tensor, ignored| check_labels("y", &y, "scc", 3, ignored).map_err(|e| e.to_string());
        assert!(check(Tensor::from([0, 2, 1]), None).is_ok());
        assert!(check(Tensor::from([0.0f32, 2.0]), None).is_ok());
        assert!(check(Tensor::from([0, -1]), Some(-1)).is_ok());
        assert_eq!(
            check(Tensor::from([0, 3]), None).unwrap_err(),
            "row 1 of y has the label 3, but scc takes whole class numbers from 0 to 2 (the network has 3 outputs)"
        );
        for bad in [0.5f32, -1.0, 3.0, f32::NAN, f32::INFINITY] {
            assert!(check(Tensor::from([0.0f32, bad]), None).unwrap_err().starts_with("row 1 of y has the label"), "{bad}");
        }
        assert!(check(Tensor::from([[0u8], [9u8]]), None).is_err());
    }

    #[test]
    fn class_weights_become_row_weights() {
        let weights = BTreeMap::from([(0, 0.5), (2, 3.0)]);
        assert_eq!(weights_of_classes(&Tensor::from([0, 1, 2, 7]), &weights), [0.5, 1.0, 3.0, 1.0]);
        assert_eq!(weights_of_classes(&Tensor::from([[0.1f32, 0.2, 0.7], [0.9, 0.0, 0.1]]), &weights), [3.0, 0.5]);
        assert_eq!(weights_of_classes(&Tensor::from([[2.0f32], [1.4]]), &weights), [3.0, 1.0]);
    }
}
