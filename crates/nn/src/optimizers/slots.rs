//! What optimizers remember from one update to the next.

use adaline_graph::{Shape, Var};

/// A weight as an optimizer sees it when it asks for memory.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Path of the layer and name of the weight: `hidden/kernel`.
    pub path: &'a str,
    /// Its shape.
    pub shape: Shape,
}

/// One piece of an optimizer's memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Keras' name (`momentum`).
    pub name: &'static str,
    /// Its shape, mostly that of the weight.
    pub shape: Shape,
    /// How it begins.
    pub initial: Initial,
}

impl Slot {
    /// Memory that begins with one value everywhere.
    pub fn of(name: &'static str, shape: Shape, value: f64) -> Self {
        Self { name, shape, initial: Initial::Value(value as f32) }
    }
    /// Memory of the weight's shape that begins with zeros, under each of the names.
    pub fn zeros(names: &[&'static str], weight: &Target<'_>) -> Vec<Self> {
        names.iter().map(|name| Self::of(name, weight.shape, 0.0)).collect()
    }
    /// Its first values; `weight` are those of the weight.
    pub fn fill(&self, weight: &[f32], out: &mut [f32]) {
        match self.initial {
            Initial::Value(v) => out.fill(v),
            Initial::Weight => out.copy_from_slice(weight),
        }
    }
}

/// How memory begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// One value everywhere.
    Value(f32),
    /// The weight's values when training begins; for memory of the weight's shape.
    Weight,
}

/// Memory of the optimizer for one weight: the value at the beginning of the step and the one after it.
#[derive(Clone, Copy)]
pub struct Memory<'g> {
    /// Value before.
    pub old: Var<'g>,
    /// Value after, when set.
    pub new: Option<Var<'g>>,
}

impl<'g> Memory<'g> {
    /// Sets the value after the step and returns it, 0 where it is subnormal: the averages of a weight whose gradient is 0 decay towards 0, and
    /// the last steps before it round back to where they were.
    pub fn set(&mut self, value: Var<'g>) -> Var<'g> {
        let value = value.flush();
        self.new = Some(value);
        value
    }
    /// `old · keep + value · (1 - keep)`, in Keras' form `old + (value - old) · (1 - keep)`.
    pub(super) fn follow(&mut self, value: Var<'g>, keep: f64) -> Var<'g> {
        self.set(self.old + (value - self.old) * (1.0 - keep) as f32)
    }
}
