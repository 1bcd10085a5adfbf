//! A column at a glance.

use std::collections::HashMap;

use serde::Serialize;

use super::Column;
use crate::ColumnKind;

/// How many of the most frequent values are listed.
const TOP: usize = 10;
/// Into how many bins numbers are counted.
const BINS: usize = 20;

/// Counts in bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// The borders of the bins, one more than bins, ascending. The last bin includes its upper border.
    pub edges: Vec<f64>,
    /// How many values lie in each bin.
    pub counts: Vec<usize>,
}

impl Histogram {
    /// Counts finite values into bins; a single bin when all are equal, none without values.
    pub fn of(values: &[f64], bins: usize) -> Self {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (Some(min), Some(max)) = (finite().reduce(f64::min), finite().reduce(f64::max)) else {
            return Self { edges: Vec::new(), counts: Vec::new() };
        };
        let bins = if min == max { 1 } else { bins.max(1) };
        // max - min may overflow, halves do not
        let at = |share: f64| min * (1.0 - share) + max * share;
        let mut edges: Vec<f64> = (0..=bins).map(|i| at(i as f64 / bins as f64)).collect();
        edges[bins] = max;
        let mut counts = vec![0; bins];
        for value in finite() {
            let bin = edges[1..bins].partition_point(|&edge| edge <= value);
            counts[bin] += 1;
        }
        Self { edges, counts }
    }
}

/// Figures of a column of numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumberSummary {
    /// The smallest value.
    pub min: f64,
    /// The first quartile, interpolated between neighbours as `NumPy` does.
    pub q1: f64,
    /// The middle value.
    pub median: f64,
    /// The third quartile.
    pub q3: f64,
    /// The largest value.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of the values themselves (divided by their number).
    pub std: f64,
    /// The distribution.
    pub histogram: Histogram,
}

impl NumberSummary {
    /// Figures of the finite values; `None` when there are none.
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let (mean, std) = mean_and_std(&sorted)?;
        Some(Self {
            min,
            q1: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            q3: quantile(&sorted, 0.75),
            max,
            mean,
            std,
            histogram: Histogram::of(&sorted, BINS),
        })
    }
}

/// Mean and population standard deviation, in two passes; `None` without values.
pub(crate) fn mean_and_std(values: &[f64]) -> Option<(f64, f64)> {
    if values.is_empty() {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    Some((mean, variance.sqrt()))
}

/// The value below which a share of sorted values lies, interpolated.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (below, part) = (position as usize, position.fract());
    let above = (below + 1).min(sorted.len() - 1);
    if sorted[below] == sorted[above] { sorted[below] } else { sorted[below] * (1.0 - part) + sorted[above] * part }
}

/// What there is to know about a column at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The name.
    pub name: String,
    /// What the cells are.
    pub kind: ColumnKind,
    /// The number of rows.
    pub rows: usize,
    /// How many cells have no value.
    pub missing: usize,
    /// How many different values there are.
    pub distinct: usize,
    /// Figures, for a column of numbers.
    pub numbers: Option<NumberSummary>,
    /// The most frequent values and how often they come, at most ten, for a column of texts.
    pub top: Vec<(String, usize)>,
}

impl Overview {
    pub(super) fn of(column: &Column) -> Self {
        let numbers = column.numbers().and_then(NumberSummary::of);
        let top = if numbers.is_some() { Vec::new() } else { top_values(column) };
        Self {
            name: column.name.clone(),
            kind: column.kind,
            rows: column.len(),
            missing: column.missing,
            distinct: column.distinct,
            numbers,
            top,
        }
    }
}

fn top_values(column: &Column) -> Vec<(String, usize)> {
    let mut counts = HashMap::<&str, usize>::new();
    for cell in column.iter().flatten() {
        *counts.entry(cell).or_default() += 1;
    }
    let mut top: Vec<(&str, usize)> = counts.into_iter().collect();
    top.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    top.truncate(TOP);
    top.into_iter().map(|(value, count)| (value.to_owned(), count)).collect()
}
