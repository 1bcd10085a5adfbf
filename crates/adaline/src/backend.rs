//! The processor as the backend of every model.

use crate::progress::terminal;
use adaline_cpu::Cpu;
use adaline_graph::backend::Backend;
use adaline_nn::{Functional, Model, Result, Seed, Sequential};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Threads asked for; 0 means all.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// The backend in use and the number of threads it was made for: models share one pool of threads.
static BACKEND: Mutex<Option<(usize, Cpu)>> = Mutex::new(None);

/// Sets the number of threads of models built or loaded from now on (all cores when never called). Results do not depend on it.
pub fn set_threads(threads: usize) {
    THREADS.store(threads, Ordering::Relaxed);
}

/// The backend of models built or loaded now: the processor, with the threads of [`set_threads`].
pub fn backend() -> Arc<dyn Backend> {
    let threads = THREADS.load(Ordering::Relaxed);
    // A panic elsewhere cannot leave this half-written.
    let mut kept = BACKEND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let cpu = match &*kept {
        Some((made_for, cpu)) if *made_for == threads => cpu.clone(),
        _ => {
            let cpu = if threads == 0 { Cpu::new() } else { Cpu::new().threads(threads) };
            *kept = Some((threads, cpu.clone()));
            cpu
        }
    };
    Arc::new(cpu)
}

/// Builds a description into a model on the processor.
pub trait Build {
    /// Names the layers, checks that they fit, and makes the weights from the seed.
    ///
    /// # Errors
    /// Those of [`Sequential::build_on`]: arguments out of range and layers that do not fit, each with the layer's name.
    fn build(self, seed: Seed) -> Result<Model>;
}

impl Build for Sequential {
    fn build(self, seed: Seed) -> Result<Model> {
        let mut model = self.build_on(backend(), seed)?;
        model.set_progress(Some(terminal));
        Ok(model)
    }
}

impl Build for Functional {
    fn build(self, seed: Seed) -> Result<Model> {
        let mut model = self.build_on(backend(), seed)?;
        model.set_progress(Some(terminal));
        Ok(model)
    }
}

/// Opens a `.keras` file on the processor.
///
/// # Errors
/// Those of [`adaline_nn::model::load_model_on`]: files that cannot be read, are no models, or hold what is not there yet.
pub fn load_model(path: impl AsRef<Path>) -> Result<Model> {
    let mut model = adaline_nn::model::load_model_on(backend(), path)?;
    model.set_progress(Some(terminal));
    Ok(model)
}
