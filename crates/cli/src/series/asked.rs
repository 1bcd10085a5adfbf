//! What was asked of a series, the command line winning over the TOML file.

use super::args::SeriesArgs;
use crate::config::DataConfig;
use crate::error::{CliError, misuse};

/// What `fit` is to do with a table in order of time.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub time: String,
    pub key: Option<String>,
    pub window: Option<usize>,
    pub horizon: usize,
    pub season: Option<usize>,
    /// Whether windows are differences from their last value.
    pub relative: Option<bool>,
}

impl Asked {
    /// `None`: the table is no series.
    pub(crate) fn new(args: &SeriesArgs, config: &DataConfig) -> Result<Option<Self>, CliError> {
        let key = args.key.clone().or_else(|| config.key.clone());
        let steps = [
            ("--window", args.window.or(config.window)),
            ("--horizon", args.horizon.or(config.horizon)),
            ("--season", args.season.or(config.season)),
        ];
        let given = steps.iter().find(|s| s.1.is_some()).map(|s| s.0).or_else(|| key.as_ref().map(|_| "--key"));
        let Some(time) = args.time.clone().or_else(|| config.time.clone()) else {
            return match given.or_else(|| config.relative.map(|_| "[data] relative")) {
                Some(option) => misuse(format!("{option} is for series; say --time COLUMN, too: the column that has the times")),
                None => Ok(None),
            };
        };
        if let Some((name, _)) = steps.iter().find(|s| s.1 == Some(0)) {
            return misuse(format!("{name} expects at least 1 step, got 0"));
        }
        let [window, horizon, season] = steps.map(|s| s.1);
        Ok(Some(Self { time, key, window, horizon: horizon.unwrap_or(1), season, relative: config.relative }))
    }
}
