//! What every layer's configuration has.

use crate::{
    Trace, WeightSpec,
    initializers::Initializer,
    keras::{ConfigError, DTypePolicy},
    regularizers::Regularizer,
};
use adaline_graph::{Distribution, Shape, Var, dropout_mask, philox};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value};

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
    /// Penalty on what it returns.
    #[serde(default, skip_serializing_if = "Activity::unwritten")]
    pub activity_regularizer: Activity,
}

/// A penalty on what a layer returns. Some layers of Keras write that they have none, others do not.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "Option<Regularizer>", into = "Option<Regularizer>")]
pub enum Activity {
    /// None, and not written.
    #[default]
    Unwritten,
    /// None, written as null.
    Null,
    /// `l1 · Σ|y| + l2 · Σy²` for each row of the batch.
    Penalty(Regularizer),
}

impl Activity {
    fn unwritten(&self) -> bool {
        *self == Self::Unwritten
    }
}
impl From<Option<Regularizer>> for Activity {
    fn from(r: Option<Regularizer>) -> Self {
        r.map_or(Self::Null, Self::Penalty)
    }
}
impl From<Activity> for Option<Regularizer> {
    fn from(a: Activity) -> Self {
        match a {
            Activity::Penalty(r) => Some(r),
            Activity::Unwritten | Activity::Null => None,
        }
    }
}

/// As Keras, which knows no layer without a policy.
#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn policy<S: Serializer>(dtype: &Option<DTypePolicy>, s: S) -> Result<S::Ok, S::Error> {
    dtype.unwrap_or_default().serialize(s)
}

impl Default for LayerCommon {
    fn default() -> Self {
        Self { name: None, trainable: true, dtype: None, activity_regularizer: Activity::Unwritten }
    }
}

impl LayerCommon {
    /// Of a layer that writes an `activity_regularizer` of null.
    pub(crate) fn regularized() -> Self {
        Self { activity_regularizer: Activity::Null, ..Self::default() }
    }
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

pub(crate) use crate::keras::Axes;

impl Axes {
    /// Those of a shape, in the order given; none unless there is one at least, each exists and comes once.
    pub(crate) fn of(&self, shape: Shape) -> Option<Vec<usize>> {
        let axes: Vec<usize> = self.as_slice().iter().map(|&a| shape.axis(a)).collect::<Option<_>>()?;
        let once = axes.iter().enumerate().all(|(i, a)| !axes[..i].contains(a));
        (once && !axes.is_empty()).then_some(axes)
    }
}

/// Seed and step inputs and a fresh stream of random numbers, mixed with a seed of the layer's own.
fn draws<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>) -> (u64, Var<'g>, Var<'g>) {
    let (stream, seed, step) = cx.random();
    (own.map_or(stream, |own| stream ^ philox::stream_of(&own.to_string())), seed, step)
}

/// Random numbers of a fresh stream.
pub(crate) fn draw<'g>(cx: &mut Trace<'g, '_>, dist: Distribution, own: Option<i64>, shape: impl Into<Shape>) -> Var<'g> {
    let (stream, seed, step) = draws(cx, own);
    cx.builder().random(dist, stream, shape, seed, step)
}

/// The factor of dropout for values of `shape`: 0 with probability `rate`, else `1 / (1 - rate)`.
pub(crate) fn dropout_factor<'g>(cx: &mut Trace<'g, '_>, rate: f64, own: Option<i64>, shape: Shape) -> Var<'g> {
    let (stream, seed, step) = draws(cx, own);
    dropout_mask(cx.builder(), rate as f32, stream, shape, seed, step)
}

/// Arguments of a call that are true or false, as Keras writes them.
pub(crate) fn flags(arguments: &[(&str, bool)]) -> Map<String, Value> {
    arguments.iter().map(|&(key, on)| (key.into(), on.into())).collect()
}

/// Sets one of [`flags`]; Keras writes null for what was not given.
pub(crate) fn set_flag(class: &str, arguments: &mut [(&str, &mut bool)], key: &str, value: &Value) -> Result<(), ConfigError> {
    let known: Vec<String> = arguments.iter().map(|a| a.0.into()).collect();
    let class = format!("the call of {class}");
    match (arguments.iter_mut().find(|a| a.0 == key), value) {
        (Some(flag), Value::Bool(on)) => *flag.1 = *on,
        (Some(flag), Value::Null) => *flag.1 = false,
        (Some(_), _) => return Err(ConfigError::value(&class, key, "true or false", value)),
        (None, _) => {
            let nearest = adaline_data::nearest(key, known.iter().map(String::as_str)).map(Into::into);
            return Err(ConfigError::UnknownKey { class, key: key.into(), nearest, known });
        }
    }
    Ok(())
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
        fn activity_regularizer(&self) -> Option<$crate::regularizers::Regularizer> {
            self.common.activity_regularizer.into()
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
            /// Penalty on what it returns, for each row of a batch.
            pub fn activity_regularizer(mut self, regularizer: impl Into<$crate::regularizers::Regularizer>) -> Self {
                self.common.activity_regularizer = $crate::layers::common::Activity::Penalty(regularizer.into());
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
