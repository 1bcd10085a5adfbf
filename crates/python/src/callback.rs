//! Callbacks and progress of Python in the training loop of Rust.

use crate::shared::Cell;
use crate::trace::keep;
use adaline::nn::callbacks::Control;
use adaline::nn::model::{Logs, Progress};
use adaline::nn::{Callback, Error, Model, Result, Seed, Sequential, layers::Identity};
use adaline::report::progress::{Progress as Bar, ProgressKind};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Least time between two looks at signals and running values.
const INTERVAL: Duration = Duration::from_millis(50);

/// An object with Keras' methods (`on_epoch_end(epoch, logs)`, ..) as a callback of Rust. While Python code runs, the model is back in its
/// cell, so that the code can ask it anything.
pub(crate) struct PythonCallback<'a> {
    pub(crate) object: Py<PyAny>,
    pub(crate) cell: &'a Cell,
    pub(crate) batches: bool,
    /// What stands in the model's place meanwhile.
    pub(crate) stand_in: Option<Model>,
}

/// A model that nobody asks for anything.
pub(crate) fn stand_in() -> Result<Model> {
    Sequential::new().add(Identity::new()).build_on(adaline::backend(), Seed(0))
}

fn logs_of<'py>(py: Python<'py>, logs: &Logs) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    logs.iter().try_for_each(|(name, value)| dict.set_item(name, value))?;
    Ok(dict)
}

/// An exception of Python as an error of the training loop: the exception itself is kept for the end of the call.
pub(crate) fn passed_on(error: PyErr) -> Error {
    Error::Mismatch(keep(error))
}

impl PythonCallback<'_> {
    /// Calls a method with the model in its cell; `args` makes the arguments. Gives what `logs` holds afterwards.
    fn call(&mut self, control: &mut Control<'_>, method: &str, number: Option<usize>, logs: Option<&Logs>) -> Result<Option<Logs>> {
        let stand_in = self.stand_in.take().map_or_else(stand_in, Ok)?;
        let model = std::mem::replace(control.model(), stand_in);
        self.cell.put(model);
        let called = Python::attach(|py| -> PyResult<(Option<Logs>, bool)> {
            let object = self.object.bind(py);
            let given = logs.map(|l| logs_of(py, l)).transpose()?;
            let dict = given.clone().unwrap_or_else(|| PyDict::new(py));
            match number {
                Some(number) => object.call_method1(method, (number, &dict))?,
                None => object.call_method1(method, (&dict,))?,
            };
            let stop = object.getattr("_stop_training").is_ok_and(|s| s.is_truthy().unwrap_or(false));
            let after = given.map(|dict| {
                let number = |v: &Bound<'_, PyAny>| v.extract::<f64>().ok();
                dict.iter().filter_map(|(k, v)| Some((k.extract::<String>().ok()?, number(&v)?))).collect()
            });
            Ok((after, stop))
        });
        self.stand_in = Some(std::mem::replace(control.model(), self.cell.take_back()));
        let (after, stop) = called.map_err(passed_on)?;
        if stop {
            control.stop();
        }
        Ok(after)
    }
}

impl Callback for PythonCallback<'_> {
    fn on_train_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.call(control, "on_train_begin", None, None).map(drop)
    }
    fn on_train_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.call(control, "on_train_end", None, None).map(drop)
    }
    fn on_epoch_begin(&mut self, epoch: usize, control: &mut Control<'_>) -> Result<()> {
        self.call(control, "on_epoch_begin", Some(epoch), None)?;
        if self.batches {
            self.call(control, "_first_batch_begin", Some(0), None)?;
        }
        Ok(())
    }
    fn on_epoch_end(&mut self, epoch: usize, logs: &mut Logs, control: &mut Control<'_>) -> Result<()> {
        if let Some(after) = self.call(control, "on_epoch_end", Some(epoch), Some(logs))? {
            // What was there keeps its place; what is new follows.
            for (name, value) in after {
                match logs.iter_mut().find(|(n, _)| *n == name) {
                    Some((_, old)) => *old = value,
                    None => logs.push((name, value)),
                }
            }
        }
        Ok(())
    }
    fn on_test_begin(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.call(control, "on_test_begin", None, None).map(drop)
    }
    fn on_test_end(&mut self, control: &mut Control<'_>) -> Result<()> {
        self.call(control, "on_test_end", None, None).map(drop)
    }
    fn wants_batches(&self) -> bool {
        self.batches
    }
    fn on_train_batch_end(&mut self, step: usize, _: f32, control: &mut Control<'_>) -> Result<()> {
        let logs = control.model().running_logs();
        self.call(control, "_batch_end", Some(step), Some(&logs)).map(drop)
    }
    fn handles_nan(&self) -> bool {
        Python::attach(|py| self.object.bind(py).getattr("_handles_nan").is_ok_and(|v| v.is_truthy().unwrap_or(false)))
    }
}

/// Python's `sys.stdout`, which notebooks and tests put something in the place of.
pub(crate) struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let written = Python::attach(|py| py.import("sys")?.getattr("stdout")?.call_method1("write", (text.as_ref(),)).map(drop));
        written.map(|()| bytes.len()).map_err(|e| io::Error::other(e.to_string()))
    }
    fn flush(&mut self) -> io::Result<()> {
        let flushed = Python::attach(|py| py.import("sys")?.getattr("stdout")?.call_method0("flush").map(drop));
        flushed.map_err(|e| io::Error::other(e.to_string()))
    }
}

/// The bar of `verbose` on Python's standard output, or an object with `epoch_begin`, `step`, `epoch_end`, `message`; it looks for Ctrl-C now and
/// then.
pub(crate) struct PythonProgress {
    bar: Option<Bar<io::LineWriter<Stdout>>>,
    display: Option<Py<PyAny>>,
    stop: Arc<AtomicBool>,
    last: Instant,
    first: bool,
    /// Steps done of an epoch that does not say how many it has.
    counted: Option<usize>,
}

impl PythonProgress {
    pub(crate) fn new(verbose: u8, epochs: usize, interactive: bool, display: Option<Py<PyAny>>, stop: Arc<AtomicBool>) -> Self {
        let wanted = display.is_none() && verbose > 0;
        let bar = wanted.then(|| {
            let bar = Bar::new(ProgressKind::from_verbose(verbose), epochs, io::LineWriter::new(Stdout));
            bar.interactive(interactive && verbose == 1).coloured(false)
        });
        Self { bar, display, stop, last: Instant::now(), first: true, counted: None }
    }
    fn show(&mut self, method: &str, args: impl for<'py> FnOnce(Python<'py>, &Bound<'py, PyAny>) -> PyResult<()>) {
        let _ = method;
        if let Some(display) = &self.display
            && let Err(error) = Python::attach(|py| args(py, display.bind(py)))
        {
            keep(error);
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl Progress for PythonProgress {
    fn epoch_begin(&mut self, epoch: usize, steps: usize) {
        self.first = true;
        self.counted = (steps == 0).then_some(0);
        if let Some(bar) = &mut self.bar {
            bar.epoch_begin(epoch, steps);
        }
        self.show("epoch_begin", |_, d| d.call_method1("epoch_begin", (epoch, steps)).map(drop));
    }
    fn wants_step(&mut self, done: usize) -> bool {
        self.counted = self.counted.map(|_| done);
        let now = Instant::now();
        if !self.first && now.duration_since(self.last) < INTERVAL {
            return false;
        }
        (self.first, self.last) = (false, now);
        #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is of one lifetime, a closure of all")]
        let signals = Python::attach(|py| py.check_signals());
        if let Err(error) = signals {
            keep(error);
            self.stop.store(true, Ordering::Relaxed);
        }
        self.bar.is_some() || self.display.is_some()
    }
    fn step(&mut self, done: usize, values: &[(&str, f64)]) {
        if let Some(bar) = &mut self.bar {
            bar.step(done, values);
        }
        self.show("step", |_, d| d.call_method1("step", (done, values.to_vec())).map(drop));
    }
    fn epoch_end(&mut self, epoch: usize, values: &[(&str, f64)]) {
        if let Some(bar) = &mut self.bar {
            if let Some(done) = self.counted {
                bar.step(done, values);
            }
            bar.epoch_end(values);
        }
        self.show("epoch_end", |_, d| d.call_method1("epoch_end", (epoch, values.to_vec())).map(drop));
    }
    fn message(&mut self, text: &str) {
        if let Some(bar) = &mut self.bar {
            bar.message(text);
        }
        self.show("message", |_, d| d.call_method1("message", (text,)).map(drop));
    }
    fn wants_messages(&self) -> bool {
        self.bar.is_some() || self.display.is_some()
    }
}
