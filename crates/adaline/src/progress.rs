//! The report crate's bar as the training loop's progress.

use adaline_nn::model::Progress;
use adaline_report::progress::{Progress as Bar, ProgressKind};
use std::io::Write;

/// Keras' progress on standard output for `verbose` 0, 1 or 2.
pub(crate) fn terminal(verbose: u8, epochs: usize) -> Box<dyn Progress> {
    Box::new(Shown(Bar::stdout(ProgressKind::from_verbose(verbose), epochs)))
}

/// A bar that is written somewhere.
#[derive(Debug)]
pub struct Shown<W: Write>(pub Bar<W>);

impl<W: Write> Progress for Shown<W> {
    fn epoch_begin(&mut self, epoch: usize, steps: usize) {
        self.0.epoch_begin(epoch, steps);
    }
    fn step(&mut self, done: usize, values: &[(&str, f64)]) {
        self.0.step(done, values);
    }
    fn epoch_end(&mut self, _: usize, values: &[(&str, f64)]) {
        self.0.epoch_end(values);
    }
}
