//! A preprocessor as JSON.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Preprocessor;
use super::error::PrepError;
use super::feature::Encoding;
use super::target::Values;
use super::text;
use crate::DataError;

pub(super) const FORMAT: &str = "adaline-preprocessor";
pub(super) const VERSION: u64 = 1;

/// The two fields that every version has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

impl Preprocessor {
    /// As JSON text; every number comes back exactly.
    ///
    /// # Errors
    /// None for anything that [`Preprocessor::fit`] or [`Preprocessor::from_json`] made.
    pub fn to_json(&self) -> Result<String, DataError> {
        Ok(serde_json::to_string_pretty(self).map_err(|e| PrepError::Json { reason: e.to_string() })?)
    }

    /// From JSON text, which may come from anywhere: all of it is checked.
    ///
    /// # Errors
    /// [`PrepError::Json`], [`PrepError::Version`].
    pub fn from_json(text: &str) -> Result<Self, DataError> {
        let unreadable = |e: serde_json::Error| PrepError::Json { reason: e.to_string() };
        let head: Head = serde_json::from_str(text).map_err(unreadable)?;
        if head.format != FORMAT {
            let reason = format!("\"format\" is {:?}, but should be {FORMAT:?}", head.format);
            return Err(PrepError::Json { reason }.into());
        }
        if head.version != VERSION {
            return Err(PrepError::Version { found: head.version, expected: VERSION }.into());
        }
        let prep: Self = serde_json::from_str(text).map_err(unreadable)?;
        prep.check().map_err(|reason| PrepError::Json { reason })?;
        Ok(prep)
    }

    fn check(&self) -> Result<(), String> {
        let mut columns = BTreeSet::new();
        for feature in &self.features {
            let column = &feature.column;
            if !columns.insert(column) {
                return Err(format!("the column {column:?} is there twice"));
            }
            match &feature.encoding {
                Encoding::Number { fill, shift, scale, .. } => {
                    if !(fill.is_finite() && shift.is_finite() && scale.is_finite() && *scale > 0.0) {
                        return Err(format!("column {column:?}: shift, fill and scale must be finite, scale above 0"));
                    }
                }
                Encoding::Category { levels, .. } if levels.len() == 0 => {
                    return Err(format!("column {column:?} has no values"));
                }
                Encoding::Category { .. } => {}
                Encoding::Text(vectorize) => text::check(vectorize).map_err(|e| format!("column {column:?}: {e}"))?,
            }
        }
        if self.features.is_empty() {
            return Err("there is no feature".into());
        }
        let Some(target) = &self.target else { return Ok(()) };
        if columns.contains(&target.column) {
            return Err(format!("the target {:?} is among the features", target.column));
        }
        match &target.values {
            Values::Classes(levels) if levels.len() < 2 => Err("the target has fewer than two classes".into()),
            Values::Classes(levels) if i32::try_from(levels.len()).is_err() => Err("too many classes".into()),
            Values::Number { shift, scale } if !(shift.is_finite() && scale.is_finite() && *scale > 0.0) => {
                Err("the target's shift and scale must be finite, scale above 0".into())
            }
            _ => Ok(()),
        }
    }
}
