//! Keras' object envelope: `{"module": .., "class_name": .., "config": {..}, "registered_name": null}`.

use serde_json::{Value, json};

/// An object as Keras serializes it.
pub trait KerasObject {
    /// Public module, such as `keras.layers`.
    fn module(&self) -> &'static str;
    /// Class, such as `Dense`.
    fn class_name(&self) -> &'static str;
    /// Constructor arguments: exactly the keys Keras writes.
    fn config(&self) -> Value;
    /// The envelope.
    fn envelope(&self) -> Value {
        json!({"module": self.module(), "class_name": self.class_name(), "config": self.config(), "registered_name": null})
    }
}
