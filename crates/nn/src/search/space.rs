//! What may be varied: settings, each with a list of values or a range.

use crate::error::{Error, Result};
use adaline_graph::philox::{Philox, stream_of};
use serde_json::Value;

/// Most points of a grid.
const MOST_POINTS: usize = 100_000;
/// Digits that drawn numbers keep: enough for any setting, and they can be read and written down.
const DIGITS: usize = 2;

/// A setting that is varied.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name, such as `learning_rate`.
    pub name: String,
    /// What it may be.
    pub values: Values,
}

/// What a setting may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One of these.
    List(Vec<Value>),
    /// Any number between two, both included.
    Range {
        /// The least.
        low: f64,
        /// The largest.
        high: f64,
        /// Whether each power of ten is as likely as any other.
        log: bool,
    },
}

/// One choice: name and value of each setting, in the order of the space.
pub type Point = Vec<(String, Value)>;

/// The settings of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space {
    /// In the order in which they are told.
    pub settings: Vec<Setting>,
}

impl Space {
    /// Checks it.
    ///
    /// # Errors
    /// [`Error::Space`] for no setting, a name twice, an empty list, a value twice, a range that is none.
    pub fn validate(&self) -> Result<()> {
        if self.settings.is_empty() {
            return Err(space_error("", "there is nothing to vary; give at least one setting with several values"));
        }
        for (at, Setting { name, values }) in self.settings.iter().enumerate() {
            let wrong = |message: String| Err(space_error(name, message));
            if self.settings[..at].iter().any(|s| s.name == *name) {
                return wrong("it is given twice".into());
            }
            match values {
                Values::List(list) if list.is_empty() => return wrong("its list of values is empty; give at least one".into()),
                Values::List(list) => {
                    if let Some((_, twice)) = list.iter().enumerate().find(|(i, v)| list[..*i].contains(v)) {
                        return wrong(format!("the value {twice} is given twice"));
                    }
                }
                Values::Range { low, high, log } => {
                    if !(low.is_finite() && high.is_finite() && low < high) {
                        return wrong(format!("a range goes from a smaller to a larger number, got {low} to {high}"));
                    }
                    if *log && *low <= 0.0 {
                        return wrong(format!("a logarithmic range begins above 0, got {low} to {high}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// All combinations, the last setting changing fastest.
    pub(super) fn grid(&self) -> Result<Vec<Point>> {
        let mut points: Vec<Point> = vec![Vec::new()];
        for Setting { name, values } in &self.settings {
            let Values::List(list) = values else {
                return Err(space_error(name, "a grid needs a list of values, not a range; list some, or search at random"));
            };
            if points.len() * list.len() > MOST_POINTS {
                return Err(space_error(name, format!("the grid has more than {MOST_POINTS} points; search at random")));
            }
            let with = |p: &Point, v: &Value| [&p[..], &[(name.clone(), v.clone())]].concat();
            points = points.iter().flat_map(|p| list.iter().map(move |v| with(p, v))).collect();
        }
        Ok(points)
    }

    /// So many different points at random, or all there are: the same for the same seed, and the first ones of more.
    pub(super) fn draw(&self, count: usize, seed: u64) -> Vec<Point> {
        let mut points: Vec<Point> = Vec::with_capacity(count.min(MOST_POINTS));
        // A small space has fewer points than are asked for, so drawing ends at some time.
        for number in 0..count.saturating_mul(100) as u64 {
            if points.len() == count {
                break;
            }
            let point: Point = self.settings.iter().map(|s| (s.name.clone(), s.values.draw(seed, &s.name, number))).collect();
            if !points.contains(&point) {
                points.push(point);
            }
        }
        points
    }
}

impl Values {
    fn draw(&self, seed: u64, name: &str, number: u64) -> Value {
        let u = f64::from(Philox::new(seed, stream_of(&format!("adaline/search/{name}")), 0).uniform(number));
        match self {
            Self::List(list) => list.get((u * list.len() as f64) as usize).or(list.last()).cloned().unwrap_or_default(),
            Self::Range { low, high, log } => {
                let value = if *log { (low.ln() + u * (high.ln() - low.ln())).exp() } else { low + u * (high - low) };
                // Rounding may lead out of the range.
                let text = format!("{value:.DIGITS$e}");
                text.parse::<f64>().unwrap_or(value).clamp(*low, *high).into()
            }
        }
    }
}

pub(super) fn space_error(setting: &str, message: impl Into<String>) -> Error {
    Error::Space { setting: setting.into(), message: message.into() }
}
