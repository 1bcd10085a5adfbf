//! Tables in order of time: what is asked of them, how they are held out, forecast, measured against simple rules, kept and told.

pub(crate) mod args;
mod asked;
mod data;
mod evaluate;
mod forecast;
mod held;
mod network;
mod plot;
mod predict;
mod state;
mod story;

pub(crate) use asked::Asked;
pub(crate) use data::Series;
pub(crate) use evaluate::run as evaluate;
pub(crate) use forecast::run as forecast;
pub(crate) use held::Held;
pub(crate) use network::default_network;
pub(crate) use predict::run as predict;
pub(crate) use state::{SERIES_ASSET, State, remember};
pub(crate) use story::{json, overview, regressions, table, verdict};
