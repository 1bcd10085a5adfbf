//! A table as a series to learn from.

use super::held::Ahead;
use super::{Asked, Held};
use crate::error::{CliError, misuse};
use crate::settings::Settings;
use adaline::data::{
    ColumnUse, Fold, Frame, Role, Rule, Scale, SeriesColumns, SeriesError, Table, Time, TimeSplit, WindowCoder, WindowOptions, Windows,
};
use adaline::nn::Model;
use adaline::report::number;

/// Steps ahead whose errors are measured where no season says more.
const SPAN: usize = 24;
/// Never further than this, where the horizon is not ...
const FURTHEST: usize = 336;
/// ... and of long series fewer, so that there are not many more forecasts than these.
const FORECASTS: usize = 2_000_000;

/// A series with its windows. The rows of its problem are the numbers of windows.
pub(crate) struct Series {
    pub frame: Frame,
    pub windows: Windows,
    pub season: Option<usize>,
    options: WindowOptions,
}

impl Series {
    /// Sorts the table, finds its step and cuts windows.
    pub(crate) fn new(table: Table, target: &str, asked: &Asked, settings: &Settings, scale: Scale) -> Result<Self, CliError> {
        for name in &settings.config.data.ignore {
            table.column(name)?;
        }
        let columns = SeriesColumns { time: asked.time.clone(), target: target.into(), key: asked.key.clone() };
        let frame = Frame::new(table, &columns, None)?;
        let season = asked.season.or_else(|| frame.step().season()).filter(|s| *s > 1);
        let window = asked.window.unwrap_or_else(|| Windows::default_window(&frame, season, asked.horizon));
        let windows = Windows::new(&frame, window, asked.horizon)?;
        let options = WindowOptions { scale, exclude: settings.config.data.ignore.clone(), relative: asked.relative };
        Ok(Self { frame, windows, season, options })
    }

    /// What a person should know of it.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.frame.notes().iter().map(ToString::to_string).collect();
        let (left_out, grouped) = (self.windows.left_out(), |n: usize| number::grouped(n as u64));
        if left_out > 0 {
            let (all, there) = (left_out + self.windows.len(), self.windows.len());
            notes.push(format!(
                "{} of {} windows are left out because they would span a gap; {} remain",
                grouped(left_out),
                grouped(all),
                grouped(there)
            ));
        }
        let need = self.windows.window() + self.windows.horizon();
        for (key, rows) in self.windows.short().iter().take(5) {
            notes.push(format!("the series {key:?} has no {need} rows without a gap (at most {rows}) and is not learned from"));
        }
        if let more @ 1.. = self.windows.short().len().saturating_sub(5) {
            notes.push(format!("{more} more series are too short as well"));
        }
        notes
    }

    /// The question in words.
    pub(crate) fn task(&self) -> String {
        let (window, horizon, target) = (self.windows.window(), self.windows.horizon(), &self.frame.columns().target);
        let steps = |n: usize| if n == 1 { "step".to_owned() } else { format!("{n} steps") };
        let series = match self.frame.series().len() {
            1 => String::new(),
            n => format!(" in {} series", number::grouped(n as u64)),
        };
        format!(
            "forecast the next {} of `{target}` from the last {} ({} each){series}, {} windows of {} rows",
            steps(horizon),
            steps(window),
            self.frame.step(),
            number::grouped(self.windows.len() as u64),
            number::grouped(self.frame.len() as u64)
        )
    }

    /// Rules to compare with.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        Rule::all(self.windows.window(), self.season)
    }

    /// So many steps ahead errors are measured: two seasons, or the horizon where it is longer.
    pub(crate) fn span(&self) -> usize {
        let seasons = self.season.map_or(SPAN, |s| s.saturating_mul(2).max(SPAN));
        self.windows.horizon().max(seasons.min(FURTHEST).min(FORECASTS / self.windows.len()))
    }

    /// The frame's rows from which windows are forecast.
    pub(crate) fn origins(&self, chosen: &[usize]) -> Vec<usize> {
        chosen.iter().map(|&at| self.windows.origins()[at]).collect()
    }

    /// The first time that is forecast in some windows.
    pub(crate) fn begins(&self, chosen: &[usize]) -> Option<Time> {
        self.origins(chosen).into_iter().map(|o| self.frame.times()[o + 1]).min_by(|a, b| a.order(*b))
    }

    /// The last time that is forecast in some windows.
    pub(crate) fn ends(&self, chosen: &[usize]) -> Option<Time> {
        self.origins(chosen).into_iter().map(|o| self.frame.times()[o + self.windows.horizon()]).max_by(|a, b| a.order(*b))
    }

    /// The last share of time, and the windows before it.
    pub(crate) fn split(&self, chosen: &[usize], share: f64) -> TimeSplit {
        self.windows.split(&self.frame, chosen, share)
    }

    /// As [`Series::split`], into parts that both have windows.
    pub(crate) fn hold_out(&self, chosen: &[usize], share: f64) -> Result<TimeSplit, CliError> {
        let split = self.split(chosen, share);
        if split.earlier.is_empty() || split.later.is_empty() {
            let error = SeriesError::NoSplit {
                windows: chosen.len(),
                parts: "training and test part".into(),
                horizon: self.windows.horizon(),
                way_out: "or --test-split 0 to measure on other rows",
            };
            return misuse(error.to_string());
        }
        Ok(split)
    }

    /// Folds that walk forward in time.
    pub(crate) fn folds(&self, chosen: &[usize], k: usize) -> Result<Vec<Fold>, CliError> {
        // Where a fold finds a window is the place in `chosen`, as folds of other rows have it.
        let place: std::collections::HashMap<usize, usize> = chosen.iter().enumerate().map(|(place, &at)| (at, place)).collect();
        let places = |windows: &[usize]| windows.iter().filter_map(|at| place.get(at).copied()).collect();
        let folds = self.windows.walk_forward(&self.frame, chosen, k).map_err(|e| CliError::from(e).asked())?;
        Ok(folds.iter().map(|fold| Fold { train: places(&fold.earlier), validation: places(&fold.later) }).collect())
    }

    /// Forecasts from some windows, beside the truth and the simple rules.
    pub(crate) fn held(&self, coder: &WindowCoder, model: &mut Model, chosen: &[usize]) -> Result<Held, CliError> {
        let ahead = Ahead { window: self.windows.window(), horizon: self.windows.horizon(), span: self.span(), rules: self.rules() };
        Held::of(&self.frame, coder, model, self.origins(chosen), &ahead)
    }

    /// Learns scales from some windows.
    pub(crate) fn coder(&self, chosen: &[usize]) -> Result<WindowCoder, CliError> {
        Ok(WindowCoder::fit(&self.frame, &self.windows, chosen, &self.options)?)
    }

    /// What became of each column, in the order of the table.
    pub(crate) fn uses(&self, coder: &WindowCoder) -> Vec<ColumnUse> {
        let columns = self.frame.columns();
        let further = coder.report();
        let use_of = |c: &adaline::data::Column| {
            let fixed = |role: Role, detail: String| ColumnUse { name: c.name().into(), kind: c.kind(), role, detail, width: 0 };
            let input = |detail: &str| fixed(Role::Feature, detail.into());
            let name = c.name();
            if name == columns.target {
                fixed(
                    Role::Target,
                    if coder.is_relative() { "seen as differences from the last value".into() } else { "its past is an input".into() },
                )
            } else if name == columns.time {
                input(&format!("the time, in steps of {}", self.frame.step()))
            } else if columns.key.as_deref() == Some(name) {
                input("tells the series apart")
            } else {
                let other = || fixed(Role::Dropped, "nothing to learn from".into());
                further.iter().find(|u| u.name == name).cloned().unwrap_or_else(other)
            }
        };
        self.frame.table().columns().iter().map(use_of).collect()
    }
}
