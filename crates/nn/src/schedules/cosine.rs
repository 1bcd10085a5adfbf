//! Learning rates that go down by half a wave (Loshchilov and Hutter 2017).

use super::{above_0, at_least_0, schedule};
use crate::keras::{ConfigError, check};
use std::f32::consts::PI;

/// From 1 to 0 on the way from 0 to 1.
fn half_wave(way: f32) -> f32 {
    0.5 * (1.0 + libm::cosf(PI * way))
}

fn share(class: &str, alpha: f64) -> Result<(), ConfigError> {
    check((0.0..=1.0).contains(&alpha), class, "alpha", "from 0 to 1", alpha)
}

schedule! {
    /// `lr · ((1 - alpha) · (1 + cos(π i / steps)) / 2 + alpha)`, and `lr · alpha` after `decay_steps` iterations. With a `warmup_target` the
    /// learning rate first goes in a straight line from the initial one to that, in `warmup_steps` iterations, and decays from there.
    CosineDecay("CosineDecay") ["initial_learning_rate", "decay_steps"] {
        /// Learning rate at iteration 0.
        initial_learning_rate: f64 = 0.01,
        /// Iterations of the decay, those of the warm-up not counted.
        decay_steps: f64 = 1.0,
    } {
        /// The share of the learning rate that is left at the end, from 0 to 1.
        alpha: f64 = 0.0,
        /// Learning rate after the warm-up; none for no warm-up.
        warmup_target: Option<f64> = None,
        /// Iterations of the warm-up.
        warmup_steps: f64 = 0.0,
    }, |s| {
        at_least_0(Self::CLASS, "initial_learning_rate", s.initial_learning_rate)?;
        above_0(Self::CLASS, "decay_steps", s.decay_steps)?;
        share(Self::CLASS, s.alpha)?;
        at_least_0(Self::CLASS, "warmup_target", s.warmup_target.unwrap_or(0.0))?;
        at_least_0(Self::CLASS, "warmup_steps", s.warmup_steps)
    }, |s, iteration| {
        let (i, steps, alpha, first) = (iteration as f32, s.decay_steps as f32, s.alpha as f32, s.initial_learning_rate as f32);
        let (from, warmup) = s.warmup_target.map_or((first, 0.0), |target| (target as f32, s.warmup_steps as f32));
        if i < warmup {
            return (from - first) * (i / warmup) + first;
        }
        from * ((1.0 - alpha) * half_wave((i.min(steps + warmup) - warmup) / steps) + alpha)
    }
}

impl CosineDecay {
    /// From `initial_learning_rate` down to 0 (see `alpha`) in `decay_steps` iterations.
    pub fn new(initial_learning_rate: f64, decay_steps: u64) -> Self {
        Self { initial_learning_rate, decay_steps: decay_steps as f64, ..Self::default() }
    }
}

schedule! {
    /// [`CosineDecay`] again and again: each wave takes `t_mul` times as long as the last one and begins at `m_mul` times its height.
    CosineDecayRestarts("SGDRDecay") ["initial_learning_rate", "first_decay_steps"] {
        /// Learning rate at iteration 0.
        initial_learning_rate: f64 = 0.01,
        /// Iterations of the first wave.
        first_decay_steps: f64 = 1.0,
    } {
        /// How many times as long as the last wave each one takes, at least 1.
        t_mul: f64 = 2.0,
        /// How high each wave begins, as a share of the last one's beginning.
        m_mul: f64 = 1.0,
        /// The share of the learning rate that is left at the end of a wave, from 0 to 1.
        alpha: f64 = 0.0,
    }, |s| {
        at_least_0(Self::CLASS, "initial_learning_rate", s.initial_learning_rate)?;
        above_0(Self::CLASS, "first_decay_steps", s.first_decay_steps)?;
        check(s.t_mul.is_finite() && s.t_mul >= 1.0, Self::CLASS, "t_mul", "a finite number of at least 1", s.t_mul)?;
        at_least_0(Self::CLASS, "m_mul", s.m_mul)?;
        share(Self::CLASS, s.alpha)
    }, |s, iteration| {
        let (t, alpha) = (s.t_mul as f32, s.alpha as f32);
        let waves = iteration as f32 / s.first_decay_steps as f32; // in lengths of the first
        let (restarts, way) = if t > 1.0 {
            let restarts = (libm::logf(1.0 - waves * (1.0 - t)) / libm::logf(t)).floor();
            let length = libm::powf(t, restarts);
            (restarts, (waves - (1.0 - length) / (1.0 - t)) / length)
        } else {
            (waves.floor(), waves - waves.floor())
        };
        let height = libm::powf(s.m_mul as f32, restarts);
        s.initial_learning_rate as f32 * ((1.0 - alpha) * height * half_wave(way) + alpha)
    }
}

impl CosineDecayRestarts {
    /// Begins at `initial_learning_rate`, at first for `first_decay_steps` iterations.
    pub fn new(initial_learning_rate: f64, first_decay_steps: u64) -> Self {
        Self { initial_learning_rate, first_decay_steps: first_decay_steps as f64, ..Self::default() }
    }
}
