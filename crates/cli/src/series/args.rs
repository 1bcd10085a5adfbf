//! The words of the command line that are about series.
#![allow(clippy::doc_markdown)] // these comments are the help texts, where backticks would be printed

use crate::args::{Common, ReadArgs};
use clap::Args;
use std::path::PathBuf;

/// How a table is read as a series.
#[derive(Args, Debug, Clone, Default)]
pub(crate) struct SeriesArgs {
    /// Column of times (1949-01-31, 1949-01, 1949-Q1, 1949-01-31T08:30 or numbers): the table is a series, and the target is forecast
    /// from its own past and that of the other columns; the last part of time is held out, and folds walk forward
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,
    /// Column that tells several series in one table apart
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// Past steps that a forecast is made from [default: one season where the step tells it (12 months, 7 days, 24 hours), else 10;
    /// at most a quarter of the series]
    #[arg(long, value_name = "STEPS")]
    pub window: Option<usize>,
    /// Future steps that the network forecasts at once [default: 1]
    #[arg(long, value_name = "STEPS")]
    pub horizon: Option<usize>,
    /// Steps after which a season repeats, for the seasonal rule to compare with [default: by the step; 1 for none]
    #[arg(long, value_name = "STEPS")]
    pub season: Option<usize>,
}

/// Arguments of `forecast`.
#[derive(Args, Debug)]
pub(crate) struct ForecastArgs {
    /// Network trained on a series (.keras)
    pub model: PathBuf,
    /// Table with the series up to now: the same columns as it was trained on
    pub data: PathBuf,
    /// How many steps to forecast; beyond the network's horizon, forecasts are made from forecasts [default: the horizon]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub steps: Option<u32>,
    /// Share of the errors on held-out data that the interval covers, above 0 and below 1
    #[arg(long, value_name = "P", default_value_t = 0.9)]
    pub coverage: f64,
    /// Forecast this one of several series
    #[arg(long, value_name = "KEY")]
    pub only: Option<String>,
    /// CSV file to write: time, forecast, interval and simple rules
    #[arg(long, value_name = "FILE.csv")]
    pub out: Option<PathBuf>,
    /// Picture to draw: the end of the series, its forecast and the interval
    #[arg(long, value_name = "FILE.svg|FILE.png")]
    pub plot: Option<PathBuf>,
    #[command(flatten)]
    pub read: ReadArgs,
    #[command(flatten)]
    pub common: Common,
}
