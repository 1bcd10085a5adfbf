//! Batches of Python (generators, `PyDataset`, iterables) as batches of Rust.

use crate::array::Given;
use crate::callback::{passed_on, stand_in};
use crate::model::weights_of;
use crate::shared::Cell;
use adaline::data::Tensor;
use adaline::nn::model::{Batches, DataBatch};
use adaline::nn::{Error, Model, Result};
use pyo3::prelude::*;

/// An object of `python/adaline/_stream.py`. While it makes a batch the model is back in its cell, so that it can be asked.
pub(crate) struct PythonBatches<'a> {
    object: Py<PyAny>,
    cell: &'a Cell,
    count: Option<usize>,
    /// What stands in the model's place meanwhile.
    stand_in: Option<Model>,
    /// What went wrong where nothing can be said of it: said by whatever comes next.
    failed: Option<Error>,
}

/// Rows of each input, labels of each output, weights of rows for all outputs, and for outputs by name.
#[derive(FromPyObject)]
struct Parts<'py>(Vec<Bound<'py, PyAny>>, Vec<Bound<'py, PyAny>>, Option<Bound<'py, PyAny>>, Vec<(String, Bound<'py, PyAny>)>);

impl Parts<'_> {
    fn batch(self) -> PyResult<DataBatch> {
        let tensor = |array: &Bound<'_, PyAny>| -> PyResult<Tensor> { Given::of(array)?.tensor() };
        let mut batch = DataBatch::default();
        for x in &self.0 {
            batch = batch.input(tensor(x)?);
        }
        for y in &self.1 {
            batch = batch.labels(tensor(y)?);
        }
        if let Some(weights) = weights_of(self.2.as_ref())? {
            batch = batch.sample_weight(weights);
        }
        for (output, weights) in &self.3 {
            batch = batch.sample_weight_of(output.as_str(), weights_of(Some(weights))?.unwrap_or_default());
        }
        Ok(batch)
    }
}

impl<'a> PythonBatches<'a> {
    pub(crate) fn of(object: &Bound<'_, PyAny>, cell: &'a Cell) -> PyResult<Self> {
        let count = object.getattr("count")?.extract()?;
        Ok(Self { object: object.clone().unbind(), cell, count, stand_in: None, failed: None })
    }
    fn call<T>(&mut self, f: impl for<'py> FnOnce(&Bound<'py, PyAny>) -> PyResult<T>) -> Result<T> {
        self.failed.take().map_or(Ok(()), Err)?;
        Python::attach(|py| f(self.object.bind(py))).map_err(passed_on)
    }
    fn made(&mut self) -> Result<Option<DataBatch>> {
        self.call(|object| object.call_method0("next_batch")?.extract::<Option<Parts<'_>>>()?.map(Parts::batch).transpose())
    }
}

impl Batches for PythonBatches<'_> {
    fn next(&mut self) -> Result<Option<DataBatch>> {
        self.made()
    }
    fn next_for(&mut self, model: &mut Model) -> Result<Option<DataBatch>> {
        let stand_in = self.stand_in.take().map_or_else(stand_in, Ok)?;
        self.cell.put(std::mem::replace(model, stand_in));
        let made = self.made();
        self.stand_in = Some(std::mem::replace(model, self.cell.take_back()));
        made
    }
    fn len(&self) -> Option<usize> {
        self.count
    }
    fn restart(&mut self) -> Result<bool> {
        self.call(|object| object.call_method0("restart")?.extract())
    }
    fn on_epoch_begin(&mut self) -> Result<()> {
        self.call(|object| object.call_method0("on_epoch_begin").map(drop))
    }
    fn on_epoch_end(&mut self) {
        self.failed = self.call(|object| object.call_method0("on_epoch_end").map(drop)).err();
    }
}
