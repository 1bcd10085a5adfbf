//! What a saved network remembers of its series.

use super::{Held, Series};
use crate::error::{CliError, fail};
use crate::fit::Trained;
use adaline::data::{Frame, Rule, SeriesColumns, Step, Table, Time, WindowCoder};
use serde::{Deserialize, Serialize};

/// Where a model keeps it.
pub(crate) const SERIES_ASSET: &str = "adaline/series.json";
const VERSION: u64 = 1;

/// All that a forecast needs beside the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    version: u64,
    pub time: String,
    pub target: String,
    pub key: Option<String>,
    pub window: usize,
    pub horizon: usize,
    pub season: Option<usize>,
    pub step: Step,
    pub coder: WindowCoder,
    /// The last time that the network has learned from, or was chosen by.
    pub learned_until: Time,
    /// Errors on what was held out, in units of the series' scale, sorted, one list for each step ahead.
    residuals: Vec<Vec<f64>>,
    pub measured: Measured,
}

/// How the network did when it was trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measured {
    /// `test windows`.
    pub on: String,
    pub windows: usize,
    pub rmse: f64,
    /// The same for simple rules.
    pub rules: Vec<(String, f64)>,
    /// Whether the difference to the best of them is more than chance.
    pub sure: bool,
}

/// Lower and upper end around a forecast, in units of the scale.
pub(crate) type Interval = (f64, f64);

impl State {
    /// From JSON that may come from anywhere.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let state: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if state.version != VERSION {
            return Err(format!("it has version {}, this program reads version {VERSION}", state.version));
        }
        state.coder.check().map_err(|e| e.to_string())?;
        let sorted = |r: &Vec<f64>| !r.is_empty() && r.iter().all(|v| v.is_finite()) && r.is_sorted();
        let sound = state.window > 0 && state.horizon > 0 && state.season.is_none_or(|s| s > 1) && state.step.is_sound();
        if !(sound && state.residuals.len() >= state.horizon && state.residuals.iter().all(sorted)) {
            return Err("window, horizon, season, step and residuals do not make sense together".into());
        }
        Ok(state)
    }

    /// The table as this network's series.
    pub(crate) fn frame(&self, table: Table) -> Result<Frame, CliError> {
        let columns = SeriesColumns { time: self.time.clone(), target: self.target.clone(), key: self.key.clone() };
        Ok(Frame::new(table, &columns, Some(self.step))?)
    }

    /// Rules to compare with.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        Rule::all(self.window, self.season)
    }

    /// How many steps ahead errors were measured.
    pub(crate) fn measured_steps(&self) -> usize {
        self.residuals.len()
    }

    /// The fewest errors that an interval of so many steps comes from.
    pub(crate) fn errors(&self, steps: usize) -> usize {
        self.residuals.iter().take(steps).map(Vec::len).min().unwrap_or(0)
    }

    /// The interval so many steps ahead, from 1, that covers a share of the errors. Further ahead than was measured it grows with the
    /// square root of the distance, as the errors of a random walk do.
    pub(crate) fn interval(&self, ahead: usize, coverage: f64) -> Interval {
        let last = self.residuals.len();
        let Some(errors) = self.residuals.get(ahead.min(last).saturating_sub(1)) else { return (f64::NAN, f64::NAN) };
        let wider = if ahead > last { (ahead as f64 / last as f64).sqrt() } else { 1.0 };
        let tail = (1.0 - coverage) / 2.0;
        (quantile(errors, tail) * wider, quantile(errors, 1.0 - tail) * wider)
    }
}

/// The value below which the next value falls with this probability: of n sorted ones the k-th is taken for k / (n + 1).
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * (sorted.len() + 1) as f64 - 1.0).clamp(0.0, (sorted.len() - 1) as f64);
    let (below, part) = (at as usize, at.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] * (1.0 - part) + sorted[above] * part
}

/// Gives a trained network its series to carry.
pub(crate) fn remember(series: &Series, trained: &mut Trained, held: &Held, on: &str, learned: &[usize]) -> Result<(), CliError> {
    let Some(coder) = trained.coder.series.clone() else { return Ok(()) };
    let columns = series.frame.columns();
    let until = series.ends(learned).ok_or_else(|| CliError::Misuse("there is no window to learn from".into()))?;
    let residuals = held.residuals();
    if residuals.len() < held.horizon {
        return fail("the network's forecasts are no finite numbers: training ran away; try a smaller --learning-rate");
    }
    let state = State {
        version: VERSION,
        time: columns.time.clone(),
        target: columns.target.clone(),
        key: columns.key.clone(),
        window: series.windows.window(),
        horizon: series.windows.horizon(),
        season: series.season,
        step: series.frame.step(),
        coder,
        learned_until: until,
        residuals,
        measured: Measured {
            on: on.into(),
            windows: held.origins.len(),
            rmse: held.scores().rmse,
            rules: held.rule_scores(),
            sure: held.is_sure(),
        },
    };
    let text = serde_json::to_vec_pretty(&state).map_err(|e| CliError::Misuse(e.to_string()))?;
    trained.model.set_asset(SERIES_ASSET, text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_leave_room_for_what_was_not_seen() {
        let sorted: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!([quantile(&sorted, 0.05), quantile(&sorted, 0.5), quantile(&sorted, 0.95)], [1.0, 10.0, 19.0]);
        assert_eq!([quantile(&sorted, 0.0), quantile(&sorted, 1.0), quantile(&[3.0], 0.9)], [1.0, 19.0, 3.0]);
        assert!((quantile(&sorted, 0.525) - 10.5).abs() < 1e-9);
    }
}
