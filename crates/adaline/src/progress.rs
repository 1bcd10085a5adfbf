//! The report crate's bar as the training loop's progress.

use adaline_nn::model::Progress;
use adaline_report::progress::{Progress as Bar, ProgressKind};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Least time between two looks at the running values: a step of a tiny network takes microseconds, and computing them would too.
const INTERVAL: Duration = Duration::from_millis(50);

/// Keras' progress on standard output for `verbose` 0, 1 or 2.
pub(crate) fn terminal(verbose: u8, epochs: usize) -> Box<dyn Progress> {
    Box::new(Terminal { bar: Shown(Bar::stdout(ProgressKind::from_verbose(verbose), epochs)), last: None })
}

/// A bar that is written somewhere.
#[derive(Debug)]
pub struct Shown<W: Write>(pub Bar<W>);

impl<W: Write> Progress for Shown<W> {
    fn epoch_begin(&mut self, epoch: usize, steps: usize) {
        self.0.epoch_begin(epoch, (steps > 0).then_some(steps));
    }
    fn step(&mut self, done: usize, values: &[(&str, f64)]) {
        self.0.step(done, values);
    }
    fn epoch_end(&mut self, _: usize, values: &[(&str, f64)]) {
        self.0.epoch_end(values);
    }
    fn message(&mut self, text: &str) {
        self.0.message(text);
    }
}

/// The bar on standard output, looked at now and then, with messages on lines of their own.
struct Terminal {
    bar: Shown<io::Stdout>,
    last: Option<Instant>,
}

impl Progress for Terminal {
    fn epoch_begin(&mut self, epoch: usize, steps: usize) {
        self.last = None;
        self.bar.epoch_begin(epoch, steps);
    }
    fn wants_step(&mut self, _: usize) -> bool {
        let now = Instant::now();
        // The bar times its steps from the first one on.
        let wanted = self.last.is_none_or(|last| now.duration_since(last) >= INTERVAL);
        if wanted {
            self.last = Some(now);
        }
        wanted
    }
    fn step(&mut self, done: usize, values: &[(&str, f64)]) {
        self.bar.step(done, values);
    }
    fn epoch_end(&mut self, epoch: usize, values: &[(&str, f64)]) {
        self.bar.epoch_end(epoch, values);
    }
    fn message(&mut self, text: &str) {
        self.bar.message(text);
    }
}
