//! Series: a table in order of time, cut into windows of past and future steps.
//!
//! [`Frame`] sorts the table, finds its step and where it is broken; [`Windows`] are what can be learned from; [`WindowCoder`]
//! scales by the training part and gives a [`crate::RowSource`]; [`Rule`]s are the forecasts that a network must beat.

pub(crate) mod baseline;
pub(crate) mod coder;
pub(crate) mod error;
pub(crate) mod frame;
pub(crate) mod rows;
pub(crate) mod step;
pub(crate) mod time;
pub(crate) mod windows;

#[cfg(test)]
mod tests;
