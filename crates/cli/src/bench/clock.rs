//! Times of training steps, taken while a user's `fit` runs.

use crate::error::CliError;
use adaline::data::Tensor;
use adaline::nn::callbacks::{Callback, Control};
use adaline::nn::{Fit, Model};
use std::time::Instant;

/// Looks at the clock after each step, or only at the ends of epochs.
#[derive(Default)]
struct Clock {
    each: bool,
    first: Option<Instant>,
    /// End of each step of the running epoch, its beginning first.
    stamps: Vec<Instant>,
    /// Seconds per step: of each step but an epoch's first, or the mean of each epoch.
    seconds: Vec<f64>,
    steps: usize,
}

impl Callback for Clock {
    fn on_epoch_begin(&mut self, _: usize, control: &mut Control<'_>) -> adaline::nn::Result<()> {
        self.steps = control.steps();
        self.stamps.clear();
        self.stamps.reserve(self.steps + 1);
        self.stamps.push(Instant::now());
        Ok(())
    }
    fn wants_batches(&self) -> bool {
        self.each
    }
    fn on_train_batch_end(&mut self, _: usize, _: f32, _: &mut Control<'_>) -> adaline::nn::Result<()> {
        let now = Instant::now();
        self.first.get_or_insert(now);
        self.stamps.push(now);
        Ok(())
    }
    fn on_epoch_end(&mut self, _: usize, _: &mut adaline::nn::model::Logs, _: &mut Control<'_>) -> adaline::nn::Result<()> {
        if self.each {
            // The first difference holds the epoch's own beginning (the order of the rows).
            self.seconds.extend(self.stamps.windows(2).skip(1).map(|w| (w[1] - w[0]).as_secs_f64()));
        } else if let Some(begin) = self.stamps.first() {
            self.seconds.push(begin.elapsed().as_secs_f64() / self.steps.max(1) as f64);
        }
        Ok(())
    }
}

/// One `fit` and its times.
pub(super) struct Timed {
    /// All of it.
    pub seconds: f64,
    /// Per step: of each step, or the mean of each epoch.
    pub steps: Vec<f64>,
    /// When the first step was over; known where each step is timed.
    pub first: Option<Instant>,
    /// Loss of the last epoch.
    pub loss: f64,
}

/// What to fit.
#[derive(Clone, Copy)]
pub(super) struct Course {
    pub batch: usize,
    pub epochs: usize,
    /// Steps per epoch; by default as many as there are batches.
    pub steps: Option<usize>,
    pub shuffle: bool,
    /// Whether to time each step, or each epoch.
    pub each: bool,
}

/// Fits and times.
pub(super) fn fit(model: &mut Model, x: &Tensor, y: &Tensor, course: Course) -> Result<Timed, CliError> {
    let Course { batch, epochs, steps, shuffle, each } = course;
    let mut clock = Clock { each, ..Clock::default() };
    let mut options = Fit::default().epochs(epochs).batch_size(batch).shuffle(shuffle).verbose(0).callback(&mut clock);
    if let Some(steps) = steps {
        options = options.steps_per_epoch(steps);
    }
    let begin = Instant::now();
    let history = model.fit(x, y, options)?;
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Timed { seconds, steps: clock.seconds, first: clock.first, loss: history.last("loss").unwrap_or(f64::NAN) })
}

/// The value below which a share of the sorted values lies, between neighbours as `numpy.percentile` has it.
pub(super) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (sorted[high.min(last)] - sorted[low]) * (at - low as f64)
}

/// The values in order.
pub(super) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_neighbours() {
        let v = sorted(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!((percentile(&v, 0.5), percentile(&v, 0.0), percentile(&v, 1.0)), (2.5, 1.0, 4.0));
        assert!((percentile(&v, 0.9) - 3.7).abs() < 1e-12);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
