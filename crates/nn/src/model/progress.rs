//! Where a front end plugs its progress bar in.

/// Shows the progress of `fit`. `nn` itself prints nothing; front ends hand one in.
pub trait Progress {
    /// Epoch `epoch` (from 0) of `steps` steps begins; 0 where nobody knows how many, since batches are handed over one after another.
    fn epoch_begin(&mut self, epoch: usize, steps: usize);
    /// Whether [`Progress::step`] wants to be called after this step; when not, the values are not even computed.
    fn wants_step(&mut self, done: usize) -> bool {
        let _ = done;
        true
    }
    /// `done` steps are over; `values` are the running means of this epoch.
    fn step(&mut self, done: usize, values: &[(&str, f64)]);
    /// The epoch is over; `values` also holds those of the validation.
    fn epoch_end(&mut self, epoch: usize, values: &[(&str, f64)]);
    /// Something worth telling (a callback stopped training, the learning rate was reduced).
    fn message(&mut self, text: &str) {
        let _ = text;
    }
    /// Whether anybody sees what [`Progress::message`] is told; when not, advice is not even looked for.
    fn wants_messages(&self) -> bool {
        true
    }
}

impl<P: Progress + ?Sized> Progress for Box<P> {
    fn epoch_begin(&mut self, epoch: usize, steps: usize) {
        (**self).epoch_begin(epoch, steps);
    }
    fn wants_step(&mut self, done: usize) -> bool {
        (**self).wants_step(done)
    }
    fn step(&mut self, done: usize, values: &[(&str, f64)]) {
        (**self).step(done, values);
    }
    fn epoch_end(&mut self, epoch: usize, values: &[(&str, f64)]) {
        (**self).epoch_end(epoch, values);
    }
    fn message(&mut self, text: &str) {
        (**self).message(text);
    }
    fn wants_messages(&self) -> bool {
        (**self).wants_messages()
    }
}

/// Makes the progress display of a `fit` from Keras' `verbose` (0 silent, 1 bar, 2 lines) and the number of epochs.
pub type ProgressFactory = fn(verbose: u8, epochs: usize) -> Box<dyn Progress>;

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn epoch_begin(&mut self, _: usize, _: usize) {}
    fn wants_step(&mut self, _: usize) -> bool {
        false
    }
    fn step(&mut self, _: usize, _: &[(&str, f64)]) {}
    fn epoch_end(&mut self, _: usize, _: &[(&str, f64)]) {}
    fn wants_messages(&self) -> bool {
        false
    }
}
