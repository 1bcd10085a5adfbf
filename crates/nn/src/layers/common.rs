//! What every layer's configuration has.

use crate::{Trace, WeightSpec, initializers::Initializer, keras::DTypePolicy, regularizers::Regularizer};
use adaline_graph::Var;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

/// The arguments that every layer takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerCommon {
    /// Name, or none: the model then names it after its class.
    pub name: Option<String>,
    /// Whether training may change its weights.
    pub trainable: bool,
    /// Types of its weights and its computation, or none: the model's, and `float32` where that has none.
    #[serde(serialize_with = "policy")]
    pub dtype: Option<DTypePolicy>,
}

/// As Keras, which knows no layer without a policy.
#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn policy<S: Serializer>(dtype: &Option<DTypePolicy>, s: S) -> Result<S::Ok, S::Error> {
    dtype.unwrap_or_default().serialize(s)
}

impl Default for LayerCommon {
    fn default() -> Self {
        Self { name: None, trainable: true, dtype: None }
    }
}

impl LayerCommon {
    /// A weight of this layer that training changes unless the layer is frozen; a frozen weight is not penalised.
    pub(crate) fn weight(&self, initializer: &Initializer, regularizer: Option<Regularizer>) -> WeightSpec {
        let regularizer = regularizer.filter(|_| self.trainable);
        WeightSpec { initializer: initializer.clone(), regularizer, trainable: self.trainable, constraint: None }
    }
}

/// An argument of Keras that must be `null` here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NotSupported;

impl Serialize for NotSupported {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_unit()
    }
}
impl<'de> Deserialize<'de> for NotSupported {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Value::deserialize(d)? {
            Value::Null => Ok(Self),
            _ => Err(D::Error::custom("a value, expected null (not supported)")),
        }
    }
}

/// The one input of a layer; anything else is an error with the layer's path.
pub(crate) fn one<'g>(cx: &Trace<'g, '_>, class: &str, inputs: &[Var<'g>]) -> Var<'g> {
    match inputs {
        [x] => *x,
        _ => cx.builder().error(format!("{class} takes one input, got {}", inputs.len())),
    }
}

/// The methods that all layers share, for a struct with a field `common`. With the word `masking` the layer hands on the mask of its input
/// (Keras' `supports_masking`); with `unmasking` it heeds it and has none on its output. With `nested` layers within it, which
/// `nested_mut` gives, take its policy where they have none, and are frozen with it.
macro_rules! layer_methods {
    (masking) => {
        $crate::layers::common::layer_methods!();
        fn supports_masking(&self) -> bool {
            true
        }
    };
    (unmasking) => {
        $crate::layers::common::layer_methods!(masking);
        fn mask<'g>(
            &self,
            _: &mut $crate::Trace<'g, '_>,
            _: &[adaline_graph::Var<'g>],
            _: Option<adaline_graph::Var<'g>>,
        ) -> Option<adaline_graph::Var<'g>> {
            None
        }
    };
    (nested) => {
        $crate::layers::common::layer_methods!(@ names);
        fn set_dtype_policy(&mut self, policy: $crate::keras::DTypePolicy) {
            self.common.dtype = Some(policy);
            self.nested_mut().for_each(|layer| layer.inherit(policy));
        }
        // As in Keras, so that a file freezes there what is frozen here.
        fn set_trainable(&mut self, trainable: bool) {
            self.common.trainable = trainable;
            self.nested_mut().for_each(|layer| layer.0.set_trainable(trainable));
        }
    };
    () => {
        $crate::layers::common::layer_methods!(@ names);
        fn set_dtype_policy(&mut self, policy: $crate::keras::DTypePolicy) {
            self.common.dtype = Some(policy);
        }
        fn set_trainable(&mut self, trainable: bool) {
            self.common.trainable = trainable;
        }
    };
    (@ names) => {
        fn name(&self) -> Option<&str> {
            self.common.name.as_deref()
        }
        fn set_name(&mut self, name: String) {
            self.common.name = Some(name);
        }
        fn trainable(&self) -> bool {
            self.common.trainable
        }
        fn dtype_policy(&self) -> Option<$crate::keras::DTypePolicy> {
            self.common.dtype
        }
        fn boxed(&self) -> Box<dyn $crate::Layer> {
            Box::new(self.clone())
        }
    };
}
pub(crate) use layer_methods;

/// The builder methods that all layers share, for a struct with a field `common`, and the reader of its arguments; with `@` the methods alone.
macro_rules! layer_builder {
    ($ty:ident, $class:literal, [$($required:literal),*]) => {
        $crate::layers::common::layer_builder!(@ $ty);
        impl $ty {
            /// Reads the arguments as Keras writes them.
            pub fn from_config(config: &serde_json::Value) -> Result<Self, $crate::keras::ConfigError> {
                let read: Self = $crate::keras::read_config($class, &[$($required),*], config)?;
                $crate::keras::KerasObject::validate(&read)?;
                Ok(read)
            }
        }
    };
    (@ $ty:ident) => {
        impl $ty {
            /// Sets the name.
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.common.name = Some(name.into());
                self
            }
            /// Freezes (`false`) or frees the weights.
            pub fn trainable(mut self, trainable: bool) -> Self {
                $crate::Layer::set_trainable(&mut self, trainable);
                self
            }
            /// Types of its weights and its computation (Keras' `dtype`); without it the model's.
            pub fn dtype(mut self, policy: $crate::keras::DTypePolicy) -> Self {
                self.common.dtype = Some(policy);
                self
            }
        }
    };
}
pub(crate) use layer_builder;

/// Module, class and arguments of a layer that is a serde struct.
macro_rules! layer_identity {
    ($class:literal) => {
        fn module(&self) -> &'static str {
            "keras.layers"
        }
        fn class_name(&self) -> &'static str {
            $class
        }
        fn config(&self) -> serde_json::Value {
            $crate::keras::to_config(self)
        }
    };
}
pub(crate) use layer_identity;
