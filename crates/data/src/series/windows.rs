//! Windows over a frame: past steps to learn from, future steps to forecast, and splits in order of time.

use std::cmp::Ordering;

use super::error::SeriesError;
use super::frame::Frame;
use super::time::Time;
use crate::{DataError, KFold};

/// Windows of a frame, none of which spans a gap. A window is known by its origin: the row of its last past step.
///
/// ```
/// use adaline_data::{Frame, RowSource, SeriesColumns, Table, TableOptions, WindowCoder, WindowOptions, Windows};
///
/// let text = "month,sold\n2024-01,10\n2024-02,14\n2024-03,11\n2024-04,15\n2024-05,12\n2024-06,16\n2024-08,17\n";
/// let columns = SeriesColumns { time: "month".into(), target: "sold".into(), key: None };
/// let frame = Frame::new(Table::parse(text, &TableOptions::default())?, &columns, None)?;
/// assert_eq!(frame.step().to_string(), "1 month");
/// let windows = Windows::new(&frame, 2, 1)?; // July is missing: no window reaches August
/// let split = windows.split(&frame, &[0, 1, 2, 3], 0.25);
/// assert_eq!((split.earlier.as_slice(), split.later.as_slice()), (&[0, 1, 2][..], &[3][..]));
/// let coder = WindowCoder::fit(&frame, &windows, &split.earlier, &WindowOptions::default())?;
/// let (x, y) = coder.windows(&frame, &windows, &split.later)?;
/// assert_eq!((x.row_shape(), y.shape()), (&[2, 1][..], &[1, 1][..])); // (steps, features), (windows, horizon)
/// # Ok::<(), adaline_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows {
    window: usize,
    horizon: usize,
    origins: Vec<usize>,
    left_out: usize,
    short: Vec<(String, usize)>,
}

/// Windows on two sides of a point in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimeSplit {
    /// Windows whose targets all lie before it.
    pub earlier: Vec<usize>,
    /// Windows whose targets all lie at or after it. Their past may reach back before it.
    pub later: Vec<usize>,
}

impl Windows {
    /// All windows of `window` past and `horizon` future steps.
    ///
    /// # Errors
    /// [`SeriesError::NoSteps`]; [`SeriesError::TooShort`] when no series has a stretch that long.
    pub fn new(frame: &Frame, window: usize, horizon: usize) -> Result<Self, DataError> {
        for (what, steps) in [("the window", window), ("the horizon", horizon)] {
            if steps == 0 {
                return Err(SeriesError::NoSteps { what }.into());
            }
        }
        let need = window.saturating_add(horizon);
        let count = |rows: usize| (rows + 1).saturating_sub(need);
        let origins: Vec<usize> = frame
            .runs()
            .iter()
            .filter(|run| run.rows.len() >= need)
            .flat_map(|run| run.rows.start + window - 1..run.rows.end - horizon)
            .collect();
        let longest = |series: usize| frame.runs().iter().filter(|run| run.series == series).map(|run| run.rows.len()).max().unwrap_or(0);
        let lengths: Vec<usize> = (0..frame.series().len()).map(longest).collect();
        if origins.is_empty() {
            let (best, rows) = lengths.iter().copied().enumerate().rev().max_by_key(|&(_, rows)| rows).unwrap_or((0, 0));
            let key = frame.series().get(best).and_then(|part| frame.key_of(part));
            let file = frame.table().source().to_owned();
            return Err(SeriesError::TooShort { file, key, rows, window, horizon, gaps: frame.gaps() }.into());
        }
        let possible: usize = frame.series().iter().map(|part| count(part.rows.len())).sum();
        let short = frame.series().iter().zip(lengths).filter(|(_, rows)| *rows < need).map(|(part, rows)| (part.key.clone(), rows));
        Ok(Self { window, horizon, left_out: possible - origins.len(), short: short.collect(), origins })
    }

    /// Past steps.
    pub fn window(&self) -> usize {
        self.window
    }

    /// Future steps.
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The frame's row of the last past step of each window, ascending.
    pub fn origins(&self) -> &[usize] {
        &self.origins
    }

    /// How many windows there would be more if no step and no target were missing between the first row and the last.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Series without a stretch of window and horizon: their key and the length of their longest stretch.
    pub fn short(&self) -> &[(String, usize)] {
        &self.short
    }

    /// How many windows there are.
    pub fn len(&self) -> usize {
        self.origins.len()
    }

    /// Never: there is always one.
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }

    fn first(&self, frame: &Frame, at: usize) -> Time {
        frame.times()[self.origins[at] + 1]
    }

    fn last(&self, frame: &Frame, at: usize) -> Time {
        frame.times()[self.origins[at] + self.horizon]
    }

    /// The times of all targets of some windows, each once, in order.
    fn target_times(&self, frame: &Frame, chosen: &[usize]) -> Vec<Time> {
        let mut times: Vec<Time> =
            chosen.iter().flat_map(|&at| frame.times()[self.origins[at] + 1..=self.origins[at] + self.horizon].iter().copied()).collect();
        times.sort_unstable_by(|a, b| a.order(*b));
        times.dedup_by(|a, b| a.order(*b) == Ordering::Equal);
        times
    }

    /// Puts the last share of the target times of some windows apart, at least a horizon of them. Windows with targets on both sides are
    /// in neither part, so that nothing learned from the earlier part has seen a target of the later one. A part may be empty.
    pub fn split(&self, frame: &Frame, chosen: &[usize], share: f64) -> TimeSplit {
        let times = self.target_times(frame, chosen);
        let take = ((times.len() as f64 * share).round() as usize).max(self.horizon);
        let Some(&cut) = times.len().checked_sub(take).and_then(|at| times.get(at)) else { return TimeSplit::default() };
        TimeSplit {
            earlier: chosen.iter().copied().filter(|&at| self.last(frame, at).order(cut).is_lt()).collect(),
            later: chosen.iter().copied().filter(|&at| self.first(frame, at).order(cut).is_ge()).collect(),
        }
    }

    /// Folds that walk forward: each is judged on the next stretch of time after all it was trained on, and the training part grows
    /// (sizes as in [`KFold::time_ordered`]).
    ///
    /// # Errors
    /// [`crate::SplitError`] for fewer than two folds or more than times; [`SeriesError::NoSplit`] when a part has no window.
    pub fn walk_forward(&self, frame: &Frame, chosen: &[usize], k: usize) -> Result<Vec<TimeSplit>, DataError> {
        let times = self.target_times(frame, chosen);
        let folds = KFold { k, shuffle: false, seed: 0 }.time_ordered(times.len())?;
        let mut out = Vec::with_capacity(k);
        for fold in folds {
            let (Some(&from), Some(&to)) = (fold.validation.first(), fold.validation.last()) else { continue };
            let (from, to) = (times[from], times[to]);
            let split = TimeSplit {
                earlier: chosen.iter().copied().filter(|&at| self.last(frame, at).order(from).is_lt()).collect(),
                later: chosen
                    .iter()
                    .copied()
                    .filter(|&at| self.first(frame, at).order(from).is_ge() && self.last(frame, at).order(to).is_le())
                    .collect(),
            };
            if split.earlier.is_empty() || split.later.is_empty() {
                let parts = format!("{k} folds that walk forward");
                return Err(SeriesError::NoSplit { windows: chosen.len(), parts, horizon: self.horizon, way_out: "or fewer folds" }.into());
            }
            out.push(split);
        }
        Ok(out)
    }

    /// A window that suits a series: one season where the step tells it, otherwise 10 steps; at most a quarter of the longest stretch,
    /// and 168 steps.
    pub fn default_window(frame: &Frame, season: Option<usize>, horizon: usize) -> usize {
        const PLAIN: usize = 10;
        const MOST: usize = 168;
        let longest = frame.runs().iter().map(|run| run.rows.len()).max().unwrap_or(0);
        season.unwrap_or(PLAIN).min(longest.saturating_sub(horizon) / 4).clamp(1, MOST)
    }
}
