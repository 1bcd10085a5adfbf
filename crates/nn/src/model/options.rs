//! Options of `fit` and `evaluate`, with Keras' names and defaults.

use super::feed::{Inputs, Labels};
use super::progress::Progress;
use super::stream::Batches;
use crate::advice::AdviceKind;
use crate::callbacks::Callback;
use adaline_data::Bucketing;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// How to train: the arguments of Keras' `fit`.
///
/// ```
/// use adaline_nn::model::Fit;
/// let options = Fit::default().epochs(20).batch_size(64).validation_split(0.1).class_weight([(0, 1.0), (1, 5.0)]);
/// ```
pub struct Fit<'a> {
    pub(crate) epochs: usize,
    pub(crate) batch_size: usize,
    pub(crate) shuffle: bool,
    pub(crate) verbose: u8,
    pub(crate) validation_split: f64,
    pub(crate) validation_data: Option<Validation<'a>>,
    pub(crate) validation_batches: Option<(Box<dyn Batches + 'a>, Option<usize>)>,
    pub(crate) validation_batch_size: Option<usize>,
    pub(crate) validation_freq: usize,
    pub(crate) class_weight: Option<BTreeMap<i32, f32>>,
    pub(crate) sample_weight: Option<Vec<f32>>,
    pub(crate) sample_weights: Vec<(String, Vec<f32>)>,
    pub(crate) initial_epoch: usize,
    pub(crate) steps_per_epoch: Option<usize>,
    pub(crate) callbacks: Vec<Box<dyn Callback + 'a>>,
    pub(crate) progress: Option<Box<dyn Progress + 'a>>,
    pub(crate) allow_nan: bool,
    /// Kinds of advice that are not told; none when none is.
    pub(crate) advice: Option<Vec<AdviceKind>>,
    pub(crate) stop: Option<Arc<AtomicBool>>,
    pub(crate) bucketing: Option<Bucketing>,
}

/// Data to validate on.
#[derive(Clone)]
pub(crate) struct Validation<'a> {
    pub(crate) x: Inputs<'a>,
    pub(crate) y: Labels<'a>,
    pub(crate) weights: Option<Vec<f32>>,
}

impl Default for Fit<'_> {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch_size: 32,
            shuffle: true,
            verbose: 1,
            validation_split: 0.0,
            validation_data: None,
            validation_batches: None,
            validation_batch_size: None,
            validation_freq: 1,
            class_weight: None,
            sample_weight: None,
            sample_weights: Vec::new(),
            initial_epoch: 0,
            steps_per_epoch: None,
            callbacks: Vec::new(),
            progress: None,
            allow_nan: false,
            advice: Some(Vec::new()),
            stop: None,
            bucketing: None,
        }
    }
}

impl fmt::Debug for Fit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fit").field("epochs", &self.epochs).field("batch_size", &self.batch_size).finish_non_exhaustive()
    }
}

impl<'a> Fit<'a> {
    /// Keras' defaults: one epoch, batches of 32, shuffled.
    pub fn new() -> Self {
        Self::default()
    }
    /// Number of the last epoch; with `initial_epoch` 0 the number of epochs (1).
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }
    /// Rows per step (32). The last step of an epoch takes the rows that are left.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = rows;
        self
    }
    /// Whether each epoch takes the rows in an order of its own (true), which follows from the model's seed and the epoch's number.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }
    /// For sequences of several lengths (an [`adaline_data::Ragged`]): each batch takes rows of one bucket, which are padded to the longest
    /// of that bucket instead of the longest of all. `4` makes four buckets with the boundaries that pad least, `[10, 50]` three: up to 10
    /// steps, up to 50, longer. In each epoch rows are shuffled within their buckets, then the batches; without shuffling short ones come
    /// first. Validation does the same. Steps that are padded count as steps unless the model leaves them out (`Embedding::mask_zero`,
    /// `Masking`).
    ///
    /// There is a compiled step for each bucket, and another for its last batch where that is smaller; each has memory of its own.
    /// Labels have one shape for all rows: labels for each step of a sequence cannot be bucketed.
    pub fn bucket_by_length(mut self, buckets: impl Into<Bucketing>) -> Self {
        self.bucketing = Some(buckets.into());
        self
    }
    /// How much is shown: 0 nothing, 1 a bar per epoch, 2 a line per epoch. Without a display (see [`Fit::progress`]) nothing.
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = verbose;
        self
    }
    /// Share of the rows, taken from the end before shuffling, to validate on instead of training on them (0).
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = share;
        self
    }
    /// Data to validate on after each epoch; takes the place of `validation_split`.
    pub fn validation_data(mut self, x: impl Into<Inputs<'a>>, y: impl Into<Labels<'a>>) -> Self {
        self.validation_data = Some(Validation { x: x.into(), y: y.into(), weights: None });
        self
    }
    /// As [`Fit::validation_data`], with one weight per row.
    pub fn validation_data_weighted(mut self, x: impl Into<Inputs<'a>>, y: impl Into<Labels<'a>>, weights: impl Into<Vec<f32>>) -> Self {
        self.validation_data = Some(Validation { x: x.into(), y: y.into(), weights: Some(weights.into()) });
        self
    }
    /// Batches to validate on after each epoch, `steps` of them or all (Keras' `validation_steps`): they are begun anew for each validation.
    pub fn validation_batches(mut self, batches: impl Batches + 'a, steps: Option<usize>) -> Self {
        self.validation_batches = Some((Box::new(batches), steps));
        self
    }
    /// Rows per step of the validation (`batch_size`).
    pub fn validation_batch_size(mut self, rows: usize) -> Self {
        self.validation_batch_size = Some(rows);
        self
    }
    /// Validate after every so many epochs (1).
    pub fn validation_freq(mut self, epochs: usize) -> Self {
        self.validation_freq = epochs;
        self
    }
    /// How much the rows of a class count in the loss; 1 for classes without a weight. Not together with `sample_weight`.
    pub fn class_weight(mut self, weights: impl IntoIterator<Item = (i32, f32)>) -> Self {
        self.class_weight = Some(weights.into_iter().collect());
        self
    }
    /// How much each row counts in the loss, of several outputs in that of each.
    pub fn sample_weight(mut self, weights: impl Into<Vec<f32>>) -> Self {
        self.sample_weight = Some(weights.into());
        self
    }
    /// How much each row counts in the loss of the output of this name.
    pub fn sample_weight_of(mut self, output: impl Into<String>, weights: impl Into<Vec<f32>>) -> Self {
        self.sample_weights.push((output.into(), weights.into()));
        self
    }
    /// Number of the first epoch, from 0: to go on where an earlier training ended.
    pub fn initial_epoch(mut self, epoch: usize) -> Self {
        self.initial_epoch = epoch;
        self
    }
    /// Steps that make an epoch, instead of one pass over the data. The next epoch goes on where this one ended, and at the end of the
    /// data a new order begins.
    pub fn steps_per_epoch(mut self, steps: usize) -> Self {
        self.steps_per_epoch = Some(steps);
        self
    }
    /// Adds a callback. Hand in `&mut callback` to look at it afterwards.
    pub fn callback(mut self, callback: impl Callback + 'a) -> Self {
        self.callbacks.push(Box::new(callback));
        self
    }
    /// Adds callbacks.
    pub fn callbacks(mut self, callbacks: impl IntoIterator<Item = Box<dyn Callback + 'a>>) -> Self {
        self.callbacks.extend(callbacks);
        self
    }
    /// Shows the progress here.
    pub fn progress(mut self, progress: impl Progress + 'a) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }
    /// Whether to go on silently when the loss becomes NaN or infinite, as Keras does. By default (false) training ends with
    /// [`crate::Error::NonFiniteLoss`], which says in which layer it began, unless `TerminateOnNaN` is among the callbacks.
    pub fn allow_nan(mut self, allow: bool) -> Self {
        self.allow_nan = allow;
        self
    }
    /// Whether to tell what looks like a mistake (true): before the first step, after the first epoch, at the end. See [`crate::advice`].
    pub fn advice(mut self, tell: bool) -> Self {
        self.advice = tell.then(|| self.advice.unwrap_or_default());
        self
    }
    /// Tells no advice of this kind.
    pub fn silence(mut self, kind: AdviceKind) -> Self {
        self.advice.iter_mut().for_each(|silenced| silenced.push(kind));
        self
    }
    /// A flag that ends training after the running step, as for Ctrl-C; the history then says `interrupted`.
    pub fn stop_when(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = Some(flag);
        self
    }
}

/// How to evaluate: the arguments of Keras' `evaluate`.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    pub(crate) batch_size: usize,
    pub(crate) sample_weight: Option<Vec<f32>>,
    pub(crate) bucketing: Option<Bucketing>,
}

impl Default for Evaluate {
    fn default() -> Self {
        Self { batch_size: 32, sample_weight: None, bucketing: None }
    }
}

impl Evaluate {
    /// Rows per step (32).
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.batch_size = rows;
        self
    }
    /// How much each row counts.
    pub fn sample_weight(mut self, weights: impl Into<Vec<f32>>) -> Self {
        self.sample_weight = Some(weights.into());
        self
    }
    /// As [`Fit::bucket_by_length`].
    pub fn bucket_by_length(mut self, buckets: impl Into<Bucketing>) -> Self {
        self.bucketing = Some(buckets.into());
        self
    }
}
