//! What a callback remembers of a running training, for a backup of it.

use crate::error::{Error, Result};
use adaline_data::Tensor;
use serde_json::{Value, json};

/// What a callback remembers of a running training: see [`super::Callback::state`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallbackState {
    /// Numbers and words. JSON knows neither NaN nor infinity: [`CallbackState::bits`] keeps any number.
    pub values: Value,
    /// Tensors of `f32`, kept bit for bit.
    pub tensors: Vec<Tensor>,
}

impl CallbackState {
    /// Values alone.
    pub fn of(values: Value) -> Self {
        Self { values, tensors: Vec::new() }
    }
    /// A number by its bits, `null` for none.
    pub fn bits(value: Option<f64>) -> Value {
        value.map_or(Value::Null, |v| v.to_bits().into())
    }
    /// The number of a name that [`CallbackState::bits`] wrote.
    ///
    /// # Errors
    /// [`Error::Callback`] when there is nothing of this name.
    pub fn number(&self, name: &str) -> Result<Option<f64>> {
        self.optional(name, |v| v.as_u64().map(f64::from_bits))
    }
    /// The whole number of a name.
    ///
    /// # Errors
    /// As [`CallbackState::number`].
    pub fn count(&self, name: &str) -> Result<usize> {
        self.optional_count(name)?.ok_or_else(|| foreign(name))
    }
    /// The whole number of a name, or `null`.
    ///
    /// # Errors
    /// As [`CallbackState::number`].
    pub fn optional_count(&self, name: &str) -> Result<Option<usize>> {
        self.optional(name, |v| usize::try_from(v.as_u64()?).ok())
    }
    fn optional<T>(&self, name: &str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>> {
        match self.values.get(name) {
            Some(Value::Null) => Ok(None),
            Some(value) => read(value).map(Some).ok_or_else(|| foreign(name)),
            None => Err(foreign(name)),
        }
    }
    /// Shapes of the tensors, for the header of a file.
    pub(crate) fn header(&self) -> Value {
        json!({"values": self.values, "shapes": self.tensors.iter().map(Tensor::shape).collect::<Vec<_>>()})
    }
}

fn foreign(name: &str) -> Error {
    Error::Callback {
        callback: "BackupAndRestore",
        message: format!(
            "the backup was made with other callbacks (it has no usable `{name}` for the one at this place): \
             give fit the same callbacks in the same order, or delete the backup to begin anew"
        ),
    }
}
