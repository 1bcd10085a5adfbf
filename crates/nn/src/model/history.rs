//! What training leaves behind: one value per epoch and name.

use serde_json::{Value, json};
use std::ops::Index;

/// Named values of one epoch or one evaluation, in the order they are shown.
pub type Logs = Vec<(String, f64)>;

/// The value of a name in logs.
pub fn log_value(logs: &[(String, f64)], name: &str) -> Option<f64> {
    logs.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
}

/// One named value per epoch, as Keras' `History`.
///
/// Columns stand in Keras' order: training values by name (`accuracy`, `loss`), then validation values (`val_accuracy`,
/// `val_loss`), then what callbacks add (`learning_rate`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Numbers of the epochs, counted from 0.
    pub epoch: Vec<usize>,
    /// Whether a stop was asked for from outside (Ctrl-C) before the last epoch was over. The epoch that was cut short has no entry.
    pub interrupted: bool,
    columns: Vec<(String, Vec<f64>)>,
}

impl History {
    /// The values of a name, one per epoch in which it was measured (`validation_freq` makes columns of unequal length).
    pub fn get(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, v)| &v[..])
    }
    /// All columns in order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.columns.iter().map(|(n, v)| (n.as_str(), &v[..]))
    }
    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(n, _)| n.as_str())
    }
    /// The last value of a name.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.get(name)?.last().copied()
    }
    /// Number of epochs.
    pub fn len(&self) -> usize {
        self.epoch.len()
    }
    /// Whether no epoch was finished.
    pub fn is_empty(&self) -> bool {
        self.epoch.is_empty()
    }
    /// For a backup; values by their bits, since JSON knows neither NaN nor infinity.
    pub(crate) fn to_json(&self) -> Value {
        let bits = |v: &Vec<f64>| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        json!({"epoch": self.epoch, "columns": self.columns.iter().map(|(n, v)| (n, bits(v))).collect::<Vec<_>>()})
    }
    /// What [`History::to_json`] wrote.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let words = |v: &Value| v.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<_>>>();
        let column = |v: &Value| Some((v[0].as_str()?.to_owned(), words(&v[1])?.into_iter().map(f64::from_bits).collect()));
        let columns = value["columns"].as_array()?.iter().map(column).collect::<Option<_>>()?;
        Some(Self { epoch: words(&value["epoch"])?.into_iter().map(|e| e as usize).collect(), interrupted: false, columns })
    }
    pub(crate) fn push(&mut self, epoch: usize, logs: &[(String, f64)]) {
        self.epoch.push(epoch);
        for (name, value) in logs {
            if let Some((_, column)) = self.columns.iter_mut().find(|(n, _)| n == name) {
                column.push(*value);
            } else {
                self.columns.push((name.clone(), vec![*value]));
            }
        }
    }
}

/// `history["loss"]`.
///
/// # Panics
/// When there is no such column; [`History::get`] answers `None` instead.
impl Index<&str> for History {
    type Output = [f64];
    fn index(&self, name: &str) -> &[f64] {
        let names = || self.names().collect::<Vec<_>>().join(", ");
        self.get(name).unwrap_or_else(|| panic!("no column `{name}` in this history; it has {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_order_and_may_differ_in_length() {
        let mut h = History::default();
        h.push(0, &[("loss".into(), 2.0)]);
        h.push(1, &[("loss".into(), 1.0), ("val_loss".into(), 3.0)]);
        assert_eq!(&h["loss"], &[2.0, 1.0]);
        assert_eq!(h.get("val_loss"), Some(&[3.0][..]));
        assert_eq!(h.get("accuracy"), None);
        assert_eq!(h.names().collect::<Vec<_>>(), ["loss", "val_loss"]);
        assert_eq!((h.len(), h.last("loss"), h.is_empty()), (2, Some(1.0), false));
    }

    #[test]
    fn a_history_comes_back_from_a_backup_bit_for_bit() {
        let mut h = History::default();
        h.push(3, &[("loss".into(), 0.1 + 0.2), ("b".into(), f64::INFINITY)]);
        h.push(4, &[("loss".into(), -0.0)]);
        let text = h.to_json().to_string();
        let back = History::from_json(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(back, h);
        assert!(back["loss"][1].is_sign_negative());
        for bad in ["{}", "{\"epoch\":[1],\"columns\":[[\"a\"]]}", "[]", "{\"epoch\":[-1],\"columns\":[]}"] {
            assert_eq!(History::from_json(&serde_json::from_str(bad).unwrap()), None, "{bad}");
        }
    }

    #[test]
    #[should_panic(expected = "no column `accuracy` in this history; it has loss")]
    fn indexing_a_missing_column_lists_what_exists() {
        let mut h = History::default();
        h.push(0, &[("loss".into(), 2.0)]);
        let _ = &h["accuracy"];
    }
}
