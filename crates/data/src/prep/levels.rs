//! The values of a category, and what counts as the same value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::table::infer::{Number, number};

/// What counts as the same value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spelling {
    /// The same text.
    Exact,
    /// The same text but for upper and lower case: True and true.
    Folded,
    /// The same number: 3 and 3.0.
    Number,
}

impl Spelling {
    /// How to compare these texts: as numbers when all are.
    pub(crate) fn of<'a>(mut texts: impl Iterator<Item = &'a str>) -> Self {
        if texts.all(|t| matches!(number(t), Number::Finite(_))) { Self::Number } else { Self::Exact }
    }

    pub(crate) fn key(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => Cow::Borrowed(text),
            Self::Folded => Cow::Owned(text.to_lowercase()),
            Self::Number => match number(text) {
                // adding 0 turns -0 into 0
                Number::Finite(value) => Cow::Owned((value + 0.0).to_string()),
                _ => Cow::Borrowed(text),
            },
        }
    }
}

/// Different values in sorted order: by number when all are numbers, otherwise by text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub(crate) struct Levels {
    spelling: Spelling,
    names: Vec<String>,
    #[serde(skip)]
    index: BTreeMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    spelling: Spelling,
    names: Vec<String>,
}

impl TryFrom<Stored> for Levels {
    type Error = String;

    fn try_from(Stored { spelling, names }: Stored) -> Result<Self, String> {
        let levels = Self::new(spelling, names.clone());
        if let Some(name) = names.iter().find(|name| spelling.key(name) != name.as_str()) {
            return Err(format!("the value {name:?} is not spelled as it would be stored"));
        }
        if levels.names != names {
            return Err("the values are not sorted, or one is there twice".into());
        }
        Ok(levels)
    }
}

impl Levels {
    /// Sorts the keys and drops doubles.
    pub(crate) fn new(spelling: Spelling, mut names: Vec<String>) -> Self {
        let value = |text: &str| if let Number::Finite(value) = number(text) { value } else { f64::NAN };
        if spelling == Spelling::Number {
            names.sort_by(|a, b| value(a).total_cmp(&value(b)).then_with(|| a.cmp(b)));
        } else {
            names.sort_unstable();
        }
        names.dedup();
        let index = names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect();
        Self { spelling, names, index }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Which value a text is.
    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        self.index.get(self.spelling.key(text).as_ref()).copied()
    }
}
