//! Learning rates that go down one way.

use super::{above_0, at_least_0, schedule};
use crate::keras::check;

macro_rules! by_rate {
    ($(#[$doc:meta])* $ty:ident($name:literal), |$this:ident, $decays:ident| $rate:expr) => {
        schedule! {
            $(#[$doc])*
            $ty($name) ["initial_learning_rate", "decay_steps", "decay_rate"] {
                /// Learning rate at iteration 0.
                initial_learning_rate: f64 = 0.01,
                /// Iterations after which the rate has acted once.
                decay_steps: f64 = 1.0,
                /// How much the learning rate decays.
                decay_rate: f64 = 1.0,
            } {
                /// Whether it decays in steps: `floor(i / steps)` takes the place of `i / steps`.
                staircase: bool = false,
            }, |s| {
                above_0(Self::CLASS, "initial_learning_rate", s.initial_learning_rate)?;
                above_0(Self::CLASS, "decay_steps", s.decay_steps)?;
                at_least_0(Self::CLASS, "decay_rate", s.decay_rate)
            }, |$this, iteration| {
                let decays = iteration as f32 / $this.decay_steps as f32;
                let $decays = if $this.staircase { decays.floor() } else { decays };
                $rate
            }
        }

        impl $ty {
            /// Begins at `initial_learning_rate` and decays by `decay_rate` in each `decay_steps` iterations.
            pub fn new(initial_learning_rate: f64, decay_steps: u64, decay_rate: f64) -> Self {
                Self { initial_learning_rate, decay_steps: decay_steps as f64, decay_rate, ..Self::default() }
            }
        }
    };
}

by_rate! {
    /// `initial_learning_rate · decay_rate^(iteration / decay_steps)`
    ExponentialDecay("ExponentialDecay"), |s, decays| s.initial_learning_rate as f32 * libm::powf(s.decay_rate as f32, decays)
}
by_rate! {
    /// `initial_learning_rate / (1 + decay_rate · iteration / decay_steps)`
    InverseTimeDecay("InverseTimeDecay"), |s, decays| s.initial_learning_rate as f32 / (1.0 + s.decay_rate as f32 * decays)
}

schedule! {
    /// `values[0]` up to and with the iteration `boundaries[0]`, `values[1]` up to `boundaries[1]`, and so on; the last one from there on.
    PiecewiseConstantDecay("PiecewiseConstant") ["boundaries", "values"] {
        /// The last iteration of each value but the last, ascending. Fractions are cut off.
        boundaries: Vec<f64> = vec![1.0],
        /// One learning rate more than there are boundaries.
        values: Vec<f64> = vec![0.01, 0.001],
    } {}, |s| {
        let (b, class) = (&s.boundaries, Self::CLASS);
        let ascend = !b.is_empty() && b.iter().all(|b| b.is_finite()) && b.windows(2).all(|w| w[0] <= w[1]);
        check(ascend, class, "boundaries", "one or more numbers that ascend", format!("{b:?}"))?;
        let count = format!("{} numbers, one more than boundaries", b.len() + 1);
        check(s.values.len() == b.len() + 1, class, "values", &count, format!("{:?}", s.values))?;
        s.values.iter().try_for_each(|&v| at_least_0(class, "values", v))
    }, |s, iteration| {
        let behind = s.boundaries.iter().take_while(|b| iteration as f64 > b.trunc()).count();
        s.values.get(behind).map_or(0.0, |&v| v as f32)
    }
}

impl PiecewiseConstantDecay {
    /// One value after another; each boundary is the last iteration of the value before it.
    pub fn new(boundaries: impl Into<Vec<f64>>, values: impl Into<Vec<f64>>) -> Self {
        Self { boundaries: boundaries.into(), values: values.into(), ..Self::default() }
    }
}

schedule! {
    /// `(initial - end) · (1 - i / steps)^power + end`, and `end` after `decay_steps` iterations; with `cycle` the steps are then twice as
    /// many, three times, and so on.
    PolynomialDecay("PolynomialDecay") ["initial_learning_rate", "decay_steps"] {
        /// Learning rate at iteration 0.
        initial_learning_rate: f64 = 0.01,
        /// Iterations until the end.
        decay_steps: f64 = 1.0,
    } {
        /// Learning rate at the end.
        end_learning_rate: f64 = 0.0001,
        /// The power; 1 for a straight line.
        power: f64 = 1.0,
        /// Whether it begins anew, on a longer and lower way, when it has come to the end.
        cycle: bool = false,
    }, |s| {
        at_least_0(Self::CLASS, "initial_learning_rate", s.initial_learning_rate)?;
        above_0(Self::CLASS, "decay_steps", s.decay_steps)?;
        at_least_0(Self::CLASS, "end_learning_rate", s.end_learning_rate)?;
        at_least_0(Self::CLASS, "power", s.power)
    }, |s, iteration| {
        let (mut i, mut steps, end) = (iteration as f32, s.decay_steps as f32, s.end_learning_rate as f32);
        if !s.cycle {
            i = i.min(steps);
        } else if i > 0.0 {
            steps *= (i / steps).ceil();
        }
        (s.initial_learning_rate as f32 - end) * libm::powf(1.0 - i / steps, s.power as f32) + end
    }
}

impl PolynomialDecay {
    /// From `initial_learning_rate` down to 0.0001 (see `end_learning_rate`) in `decay_steps` iterations.
    pub fn new(initial_learning_rate: f64, decay_steps: u64) -> Self {
        Self { initial_learning_rate, decay_steps: decay_steps as f64, ..Self::default() }
    }
}
