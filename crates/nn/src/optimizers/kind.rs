//! Optimizers that wrap others, and what is within.

use super::{LossScaleOptimizer, MultiOptimizer, Optimizer};
use crate::keras::ConfigError;

/// Whether an optimizer updates weights itself.
#[derive(Clone, Copy)]
pub enum Kind<'a> {
    /// It does: nearly all.
    Rule,
    /// Another does, with a loss that is scaled.
    Scaled(&'a LossScaleOptimizer),
    /// Several others do, each those of its own.
    Several(&'a MultiOptimizer),
}

/// The rules within an optimizer that update weights, in order, by number: itself for most.
pub(crate) fn part(optimizer: &dyn Optimizer, at: usize) -> Option<&dyn Optimizer> {
    match optimizer.kind() {
        Kind::Rule => (at == 0).then_some(optimizer),
        Kind::Scaled(scaled) => part(scaled.inner_optimizer(), at),
        Kind::Several(several) => several.optimizers().nth(at),
    }
}

/// The rules within an optimizer that update weights, in order: itself for most, those that a wrapper wraps.
pub fn parts(optimizer: &dyn Optimizer) -> impl Iterator<Item = &dyn Optimizer> {
    (0..).map_while(move |at| part(optimizer, at))
}

/// Which of the [`parts`] has the weight of a path, such as `hidden/kernel`.
///
/// # Errors
/// For a weight that several optimizers are meant to have.
pub fn part_of(optimizer: &dyn Optimizer, path: &str) -> Result<usize, ConfigError> {
    match optimizer.kind() {
        Kind::Rule => Ok(0),
        Kind::Scaled(scaled) => part_of(scaled.inner_optimizer(), path),
        Kind::Several(several) => several.part_of(path),
    }
}

/// What scales the loss by what it remembers.
pub(crate) fn scaling(optimizer: &dyn Optimizer) -> Option<&LossScaleOptimizer> {
    match optimizer.kind() {
        Kind::Scaled(scaled) => Some(scaled),
        Kind::Rule | Kind::Several(_) => None,
    }
}

/// An optimizer's own name.
pub(crate) fn own_name(optimizer: &dyn Optimizer) -> &str {
    match optimizer.kind() {
        Kind::Rule => &optimizer.common().name,
        Kind::Scaled(scaled) => scaled.own_name(),
        Kind::Several(several) => several.own_name(),
    }
}

/// Sets it in all rules within.
pub(crate) fn set_loss_scale_factor(optimizer: &mut dyn Optimizer, factor: Option<f64>) {
    let mut at = 0;
    while let Some(common) = optimizer.common_of(at) {
        common.loss_scale_factor = factor;
        at += 1;
    }
}
