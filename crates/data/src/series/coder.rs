//! How windows become the numbers a network sees, and forecasts the units of the table again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::SeriesError;
use super::frame::{Frame, SeriesPart};
use super::rows::{Encoded, WindowRows};
use super::windows::Windows;
use crate::table::overview::mean_and_std;
use crate::{ColumnUse, DataError, PrepError, PrepOptions, Preprocessor, Scale, Tensor};

/// Distances at which changes are measured: more of them would say the same.
const LAGS: usize = 16;

/// `(x - shift) / scale`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Affine {
    pub(super) shift: f64,
    pub(super) scale: f64,
}

/// Scales the target of each series, and turns further columns into numbers, all learned from the training part.
///
/// Where a series changes less from step to step than it strays from its mean (a trend, a slow drift), the network sees each window
/// as differences from its last value and forecasts the change from there: it then need not have seen the level before. That is the
/// normalization of *`NLinear`* (A. Zeng et al., *Are Transformers Effective for Time Series Forecasting?*, 2023).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowCoder {
    relative: bool,
    scale: Scale,
    series: BTreeMap<String, Affine>,
    exogenous: Option<Preprocessor>,
}

/// How to learn a [`WindowCoder`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowOptions {
    /// How the target and further numbers are scaled.
    pub scale: Scale,
    /// Columns to leave out.
    pub exclude: Vec<String>,
    /// Whether windows are differences from their last value; `None` decides by the training part.
    pub relative: Option<bool>,
}

impl WindowCoder {
    /// Learns from what the chosen windows (numbers within `windows`) see, past and targets.
    ///
    /// # Errors
    /// [`SeriesError::OneValue`] when no series moves, [`SeriesError::TooLarge`]; [`DataError::Empty`] without a window; what
    /// [`Preprocessor::fit`] says of further columns.
    pub fn fit(frame: &Frame, windows: &Windows, chosen: &[usize], options: &WindowOptions) -> Result<Self, DataError> {
        let mut seen = vec![false; frame.len()];
        for &at in chosen {
            let origin = windows.origins()[at];
            seen[origin + 1 - windows.window()..=origin + windows.horizon()].fill(true);
        }
        if chosen.is_empty() {
            return Err(DataError::Empty { what: "the list of windows to learn from".into() });
        }
        let parts: Vec<(&SeriesPart, Vec<usize>)> =
            frame.series().iter().map(|part| (part, part.rows.clone().filter(|&row| seen[row]).collect())).collect();
        let parts: Vec<(&SeriesPart, Vec<usize>)> = parts.into_iter().filter(|(_, rows)| !rows.is_empty()).collect();
        let relative = options.relative.unwrap_or_else(|| drifts(frame, &parts, windows.horizon()));
        let mut series = BTreeMap::new();
        let mut still = Vec::new();
        for (part, rows) in &parts {
            let affine = match fit_part(frame, part, rows, options.scale, relative.then_some(windows.window())) {
                // One of several may stand still.
                Err(error @ SeriesError::OneValue { value, .. }) => {
                    still.push(error);
                    Affine { shift: value, scale: 1.0 }
                }
                other => other?,
            };
            series.insert(part.key.clone(), affine);
        }
        if let Some(error) = still.pop().filter(|_| still.len() + 1 == parts.len()) {
            return Err(error.into());
        }
        let columns = frame.columns();
        let exclude = [Some(&columns.time), Some(&columns.target), columns.key.as_ref()].into_iter().flatten().chain(&options.exclude);
        let prep = PrepOptions { scale: options.scale, exclude: exclude.cloned().collect(), ..PrepOptions::default() };
        let learned: Vec<usize> = (0..frame.len()).filter(|&row| seen[row]).map(|row| frame.table_rows()[row]).collect();
        let exogenous = match Preprocessor::fit(frame.table(), None, &learned, &prep) {
            Ok(fitted) => Some(fitted),
            // A series may be all there is.
            Err(DataError::Prep(PrepError::NoFeatures { .. })) => None,
            Err(e) => return Err(e),
        };
        Ok(Self { relative, scale: options.scale, series, exogenous })
    }

    /// Whether windows are differences from their last value.
    pub fn is_relative(&self) -> bool {
        self.relative
    }

    /// Numbers in one step of a window: the target, then what further columns become.
    pub fn features(&self) -> usize {
        1 + self.exogenous.as_ref().map_or(0, Preprocessor::width)
    }

    /// A name for each of them.
    pub fn feature_names(&self, target: &str) -> Vec<String> {
        std::iter::once(target.to_owned()).chain(self.exogenous.iter().flat_map(Preprocessor::feature_names)).collect()
    }

    /// What became of the columns beside the target; empty where there is none to learn from.
    pub fn report(&self) -> Vec<ColumnUse> {
        self.exogenous.as_ref().map_or_else(Vec::new, Preprocessor::report)
    }

    /// How further columns become numbers.
    pub fn exogenous(&self) -> Option<&Preprocessor> {
        self.exogenous.as_ref()
    }

    /// Whether a series was learned from.
    pub fn knows(&self, key: &str) -> bool {
        self.series.contains_key(key)
    }

    /// The size that errors of a series are measured by: its target's scale. A series that was not learned from is scaled by its own
    /// values in the frame.
    ///
    /// # Errors
    /// [`SeriesError::TooLarge`] for a new series.
    pub fn scale_of(&self, frame: &Frame, part: &SeriesPart, window: usize) -> Result<f64, DataError> {
        self.affine(frame, part, window).map(|a| a.scale)
    }

    fn affine(&self, frame: &Frame, part: &SeriesPart, window: usize) -> Result<Affine, DataError> {
        if let Some(known) = self.series.get(&part.key) {
            return Ok(*known);
        }
        let rows: Vec<usize> = part.rows.clone().filter(|&row| !frame.values()[row].is_nan()).collect();
        match fit_part(frame, part, &rows, self.scale, self.relative.then_some(window)) {
            Err(SeriesError::OneValue { value, .. }) => Ok(Affine { shift: value, scale: 1.0 }),
            other => Ok(other?),
        }
    }

    /// The numbers of all rows of a frame, once; windows are looked up in them.
    ///
    /// # Errors
    /// [`PrepError`] for further columns that are missing or hold no numbers; [`SeriesError::TooLarge`].
    pub fn encode(&self, frame: &Frame, window: usize) -> Result<Encoded, DataError> {
        let mut target = vec![0.0; frame.len()];
        let mut scales = Vec::with_capacity(frame.series().len());
        for part in frame.series() {
            let known = part.rows.clone().any(|row| !frame.values()[row].is_nan());
            let affine = if known { self.affine(frame, part, window)? } else { Affine { shift: 0.0, scale: 1.0 } };
            scales.push(affine);
            for row in part.rows.clone() {
                let value = frame.values()[row];
                if value.is_nan() {
                    continue; // in no window
                }
                target[row] = (value - affine.shift) / affine.scale;
                if !(target[row] as f32).is_finite() {
                    return Err(too_large(frame, row).into());
                }
            }
        }
        let further = match &self.exogenous {
            Some(prep) => prep.transform_features(frame.table(), frame.table_rows())?.f32_values().into_owned(),
            None => Vec::new(),
        };
        let ends = frame.series().iter().map(|part| part.rows.end).collect();
        Ok(Encoded { relative: self.relative, window, features: self.features(), target, further, scales, ends })
    }

    /// The chosen windows as rows `(window, features)`, none of them copied, and their targets `(windows, horizon)`.
    ///
    /// # Errors
    /// As [`WindowCoder::encode`].
    pub fn windows(&self, frame: &Frame, windows: &Windows, chosen: &[usize]) -> Result<(WindowRows, Tensor), DataError> {
        let encoded = Arc::new(self.encode(frame, windows.window())?);
        let origins: Vec<usize> = chosen.iter().map(|&at| windows.origins()[at]).collect();
        let mut y = Vec::with_capacity(origins.len() * windows.horizon());
        for &origin in &origins {
            let anchor = encoded.anchor(origin);
            y.extend(encoded.target[origin + 1..=origin + windows.horizon()].iter().map(|v| (v - anchor) as f32));
        }
        let y = Tensor::f32([origins.len(), windows.horizon()], y)?;
        Ok((WindowRows::new(encoded, origins), y))
    }

    /// Checks a coder that may come from anywhere.
    ///
    /// # Errors
    /// [`SeriesError::Stored`].
    pub fn check(&self) -> Result<(), DataError> {
        let sound = |a: &Affine| a.shift.is_finite() && a.scale.is_finite() && a.scale > 0.0;
        let reason = if self.series.is_empty() {
            "it knows no series".to_owned()
        } else if let Some((key, _)) = self.series.iter().find(|(_, a)| !sound(a)) {
            format!("shift and scale of the series {key:?} must be finite, scale above 0")
        } else {
            if let Some(prep) = &self.exogenous {
                Preprocessor::from_json(&prep.to_json()?)?;
            }
            return Ok(());
        };
        Err(SeriesError::Stored { reason }.into())
    }
}

fn too_large(frame: &Frame, row: usize) -> SeriesError {
    let (file, column) = (frame.table().source().to_owned(), frame.columns().target.clone());
    SeriesError::TooLarge { file, column, row: frame.table_rows()[row] + 1, value: frame.values()[row] }
}

/// Mean square of the changes over so many steps, within stretches of the given ascending rows; `None` without any.
fn changes(frame: &Frame, rows: &[usize], lag: usize) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for pair in rows.windows(lag + 1) {
        let (from, to) = (pair[0], pair[lag]);
        // Rows without a hole between them, in one stretch.
        if to - from == lag && frame.stretch(from).contains(&to) {
            let change = frame.values()[to] - frame.values()[from];
            sum += change * change;
            count += 1.0;
        }
    }
    (count > 0.0).then(|| sum / count)
}

/// Up to [`LAGS`] distances from 1 to `most`.
fn lags(most: usize) -> impl Iterator<Item = usize> {
    (1..=most).step_by(most.div_ceil(LAGS).max(1))
}

/// Mean of the mean squares over some distances.
fn typical_change(frame: &Frame, rows: &[usize], most: usize) -> Option<f64> {
    let found: Vec<f64> = lags(most).filter_map(|lag| changes(frame, rows, lag)).collect();
    mean_and_std(&found).map(|(mean, _)| mean)
}

/// Whether the series, taken together, change less over the horizon than they stray from their means.
fn drifts(frame: &Frame, parts: &[(&SeriesPart, Vec<usize>)], horizon: usize) -> bool {
    let ratio = |rows: &[usize]| {
        let values: Vec<f64> = rows.iter().map(|&row| frame.values()[row]).collect();
        let (_, std) = mean_and_std(&values)?;
        Some((typical_change(frame, rows, horizon)? / (std * std)).min(4.0)).filter(|r| r.is_finite())
    };
    let ratios: Vec<f64> = parts.iter().filter_map(|(_, rows)| ratio(rows)).collect();
    mean_and_std(&ratios).is_some_and(|(mean, _)| mean < 1.0)
}

/// The scale of one series from some of its rows. `window`: of windows that are differences from their last value.
fn fit_part(frame: &Frame, part: &SeriesPart, rows: &[usize], scale: Scale, window: Option<usize>) -> Result<Affine, SeriesError> {
    let values: Vec<f64> = rows.iter().map(|&row| frame.values()[row]).collect();
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
    if low >= high {
        let (file, column) = (frame.table().source().to_owned(), frame.columns().target.clone());
        return Err(SeriesError::OneValue { file, column, value: low, key: frame.key_of(part) });
    }
    let (mean, std) = mean_and_std(&values).unwrap_or((0.0, 1.0));
    let (shift, scale) = match (scale, window) {
        (Scale::None, _) => (0.0, 1.0),
        (Scale::MinMax, _) => (low, high - low),
        (Scale::Standard, None) => (mean, std),
        (Scale::Standard, Some(window)) => (mean, typical_change(frame, rows, window).map_or(std, f64::sqrt)),
    };
    let scale = if scale > 0.0 { scale } else { std };
    if shift.is_finite() && scale.is_finite() && scale > 0.0 {
        return Ok(Affine { shift, scale });
    }
    let worst = rows.iter().copied().max_by(|&a, &b| frame.values()[a].abs().total_cmp(&frame.values()[b].abs()));
    Err(too_large(frame, worst.unwrap_or(part.rows.start)))
}
