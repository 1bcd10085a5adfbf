//! Classes of a program's own in configurations and files: Keras' `custom_objects`.

use crate::keras::ConfigError;
use crate::{Layer, Loss, Metric, Optimizer};
use serde_json::Value;
use std::cell::RefCell;
use std::sync::Arc;

/// An object in a configuration, as Keras' envelope tells it.
#[derive(Clone, Copy, Debug)]
pub struct CustomObject<'v> {
    /// Module, such as `keras.layers` or that of a Python file; nothing where a name stands alone.
    pub module: Option<&'v str>,
    /// Class, or the name alone of a function.
    pub class_name: &'v str,
    /// The name under which a class was registered (`package>Class`); nothing for Keras' own.
    pub registered_name: Option<&'v str>,
    /// Arguments of its constructor; null where a name stands alone.
    pub config: &'v Value,
    /// All that is written: `build_config` and the like too.
    pub envelope: &'v Value,
}

impl<'v> CustomObject<'v> {
    fn of(envelope: &'v Value) -> Option<Self> {
        const NOTHING: &Value = &Value::Null;
        if let Value::String(class_name) = envelope {
            return Some(Self { module: None, class_name, registered_name: None, config: NOTHING, envelope });
        }
        let text = |key: &str| envelope.get(key).and_then(Value::as_str);
        Some(Self {
            module: text("module"),
            class_name: text("class_name")?,
            registered_name: text("registered_name"),
            config: envelope.get("config").unwrap_or(NOTHING),
            envelope,
        })
    }
}

/// Makes objects of classes that the catalogue does not have. It is asked first, as in Keras, where a registered class may have the name of one
/// of Keras' own; for what is none of its classes each method gives nothing, and the catalogue goes on.
pub trait CustomObjects: Send + Sync {
    /// A layer.
    fn layer(&self, _: &CustomObject<'_>) -> Option<Result<Box<dyn Layer>, ConfigError>> {
        None
    }
    /// A loss: a class, or a function by its name.
    fn loss(&self, _: &CustomObject<'_>) -> Option<Result<Box<dyn Loss>, ConfigError>> {
        None
    }
    /// A metric: a class, or a function by its name.
    fn metric(&self, _: &CustomObject<'_>) -> Option<Result<Box<dyn Metric>, ConfigError>> {
        None
    }
    /// An optimizer.
    fn optimizer(&self, _: &CustomObject<'_>) -> Option<Result<Box<dyn Optimizer>, ConfigError>> {
        None
    }
}

thread_local! {
    /// Those of the scopes that this thread is in, the innermost last.
    static SCOPES: RefCell<Vec<Arc<dyn CustomObjects>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, within which whatever this thread reads (`load_model`, `Model::from_bytes`, the readers of [`crate::catalogue`]) knows these classes,
/// in networks within networks and as arguments of wrappers too: Keras' `custom_object_scope`. Of scopes within one another the innermost is asked first.
///
/// To be written a custom layer, loss, metric or optimizer says its own [`envelope`](crate::keras::KerasObject::envelope), with the names by which
/// it is found again, and leaves [`writable`](crate::keras::KerasObject::writable) as it is.
///
/// ```
/// use adaline_nn::catalogue::{CustomObject, CustomObjects, custom_object_scope, layer_from_json};
/// use adaline_nn::{Layer, keras::ConfigError, layers::CustomLayer};
/// use std::sync::Arc;
///
/// struct Mine;
/// impl CustomObjects for Mine {
///     fn layer(&self, object: &CustomObject<'_>) -> Option<Result<Box<dyn Layer>, ConfigError>> {
///         (object.registered_name == Some("mine>Twice")).then(|| Ok(CustomLayer::new("twice", |_, x| x[0] * 2.0).into()))
///     }
/// }
/// let envelope = serde_json::json!({"module": "nets", "class_name": "Twice", "config": {}, "registered_name": "mine>Twice"});
/// assert!(layer_from_json(&envelope).is_err());
/// assert!(custom_object_scope(Arc::new(Mine), || layer_from_json(&envelope)).is_ok());
/// ```
pub fn custom_object_scope<R>(objects: Arc<dyn CustomObjects>, f: impl FnOnce() -> R) -> R {
    /// Ends the scope, after a panic too.
    struct Within;
    impl Drop for Within {
        fn drop(&mut self) {
            SCOPES.with_borrow_mut(Vec::pop);
        }
    }
    SCOPES.with_borrow_mut(|scopes| scopes.push(objects));
    let _within = Within;
    f()
}

/// A method of [`CustomObjects`].
type Ask<T> = fn(&dyn CustomObjects, &CustomObject<'_>) -> Option<Result<Box<T>, ConfigError>>;

/// What the scopes make of an envelope or name.
pub(crate) fn find<T: ?Sized>(envelope: &Value, ask: Ask<T>) -> Option<Result<Box<T>, ConfigError>> {
    // Whoever is asked may read what is within.
    let scopes = SCOPES.with_borrow(Clone::clone);
    if scopes.is_empty() {
        return None;
    }
    let object = CustomObject::of(envelope)?;
    scopes.iter().rev().find_map(|scope| ask(scope.as_ref(), &object))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{layer_from_json, loss_from_json, metric_from_json, optimizer_from_json};
    use crate::initializers::Initializer;
    use crate::keras::KerasObject;
    use crate::layers::{Dense, Input, TimeDistributed};
    use crate::losses::{LabelKind, Reduction};
    use crate::model::LoadOptions;
    use crate::{Apply, Error, Functional, Model, Seed, Sequential, Trace, WeightSpec, losses, metrics, optimizers};
    use adaline_data::Tensor;
    use adaline_graph::Var;
    use adaline_graph::reference::Reference;
    use serde_json::json;

    /// `x · (scale + plus)`, a class of the program's own.
    #[derive(Clone, Debug)]
    struct Scale {
        name: Option<String>,
        plus: f64,
    }

    impl KerasObject for Scale {
        fn module(&self) -> &'static str {
            "nets"
        }
        fn class_name(&self) -> &'static str {
            "Scale"
        }
        fn config(&self) -> Value {
            json!({"name": self.name, "plus": self.plus})
        }
        fn envelope(&self) -> Value {
            json!({"module": "nets", "class_name": "Scale", "config": self.config(), "registered_name": "mine>Scale"})
        }
    }

    impl Layer for Scale {
        fn name(&self) -> Option<&str> {
            self.name.as_deref()
        }
        fn set_name(&mut self, name: String) {
            self.name = Some(name);
        }
        fn set_trainable(&mut self, _: bool) {}
        fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
            let scale = cx.weight("scale", &[], &WeightSpec::new(Initializer::Ones));
            inputs[0] * (scale + self.plus as f32).broadcast_to(inputs[0].shape())
        }
        fn boxed(&self) -> Box<dyn Layer> {
            Box::new(self.clone())
        }
    }

    /// `(y - p)²` under a name of its own.
    #[derive(Clone, Debug)]
    struct Squares;

    impl KerasObject for Squares {
        fn module(&self) -> &'static str {
            "builtins"
        }
        fn class_name(&self) -> &'static str {
            "function"
        }
        fn config(&self) -> Value {
            "squares".into()
        }
        fn envelope(&self) -> Value {
            json!({"module": "builtins", "class_name": "function", "config": "squares", "registered_name": "function"})
        }
    }

    impl Loss for Squares {
        fn name(&self) -> &'static str {
            "squares"
        }
        fn reduction(&self) -> Reduction {
            Reduction::default()
        }
        fn call<'g>(&self, y_true: Var<'g>, y_pred: Var<'g>) -> Var<'g> {
            (y_true - y_pred).square().mean(&[-1], false)
        }
        fn labels(&self) -> LabelKind {
            LabelKind::Free
        }
        fn boxed(&self) -> Box<dyn Loss> {
            Box::new(self.clone())
        }
    }

    struct Mine;

    impl CustomObjects for Mine {
        fn layer(&self, object: &CustomObject<'_>) -> Option<Result<Box<dyn Layer>, ConfigError>> {
            if (object.module, object.registered_name) != (Some("nets"), Some("mine>Scale")) {
                return None;
            }
            let plus = object.config["plus"].as_f64().ok_or(ConfigError::MissingKey { class: "Scale".into(), key: "plus" });
            Some(plus.map(|plus| Scale { name: object.config["name"].as_str().map(str::to_owned), plus }.into()))
        }
        fn loss(&self, object: &CustomObject<'_>) -> Option<Result<Box<dyn Loss>, ConfigError>> {
            (object.class_name == "squares").then(|| Ok(Squares.into()))
        }
        fn metric(&self, object: &CustomObject<'_>) -> Option<Result<Box<dyn Metric>, ConfigError>> {
            (object.class_name == "mine").then(|| Ok(metrics::MeanSquaredError::new().into()))
        }
        fn optimizer(&self, object: &CustomObject<'_>) -> Option<Result<Box<dyn Optimizer>, ConfigError>> {
            (object.class_name == "Mine").then(|| Ok(optimizers::Sgd::new(0.5).into()))
        }
    }

    fn scale(plus: f64) -> Scale {
        Scale { name: None, plus }
    }

    fn scoped<R>(f: impl FnOnce() -> R) -> R {
        custom_object_scope(Arc::new(Mine), f)
    }

    #[test]
    fn files_of_networks_with_classes_of_ones_own_are_read_again() {
        let backend = || Arc::new(Reference::default());
        let x = Input::new([4, 2]).tensor();
        let inner = Sequential::new().name("inner").add(TimeDistributed::new(scale(0.5))).add(Dense::new(2));
        let y = scale(0.25).apply(&inner.apply(&x));
        let mut model = Functional::new(&x, &y).unwrap().build_on(backend(), Seed(3)).unwrap();
        model.compile(optimizers::Adam::new(0.01), Squares, Vec::<Box<dyn Metric>>::new()).unwrap();
        let rows = Tensor::f32([3, 4, 2], (0..24).map(|v| v as f32 / 7.0).collect()).unwrap();
        model.train_on_batch(&rows, &rows, None).unwrap();

        let bytes = model.to_bytes().unwrap();
        let error = Model::from_bytes(backend(), &bytes, LoadOptions::default()).unwrap_err().to_string();
        assert!(error.contains("`scale` (Scale)") && error.contains("mine>Scale"), "{error}");
        let mut again = scoped(|| Model::from_bytes(backend(), &bytes, LoadOptions::default())).unwrap();
        assert_eq!(again.to_bytes().unwrap(), bytes);
        assert_eq!(again.predict(&rows).unwrap(), model.predict(&rows).unwrap());
        assert_eq!(again.train_on_batch(&rows, &rows, None).unwrap(), model.train_on_batch(&rows, &rows, None).unwrap());
        assert_eq!(again.get_weights(), model.get_weights());
    }

    #[test]
    fn errors_of_whoever_is_asked_name_the_layer() {
        let envelope = json!({"class_name": "Sequential", "config": {"layers": [
            {"module": "nets", "class_name": "Scale", "config": {"name": "s"}, "registered_name": "mine>Scale"}]}});
        let error = scoped(|| layer_from_json(&envelope)).unwrap_err().to_string();
        assert_eq!(error, "Sequential: `s`: Scale needs the argument `plus`");
    }

    #[test]
    fn a_scope_knows_its_classes_and_ends() {
        let (loss, metric, optimizer) = (json!("squares"), json!({"class_name": "mine", "config": {}}), json!("Mine"));
        scoped(|| {
            assert_eq!(loss_from_json(&loss).unwrap().name(), "squares");
            assert_eq!(metric_from_json(&metric).unwrap().class_name(), "MeanSquaredError");
            assert_eq!(optimizer_from_json(&optimizer).unwrap().class_name(), "SGD");
            assert_eq!(loss_from_json(&json!("mse")).unwrap().class_name(), "MeanSquaredError");
        });
        assert!(loss_from_json(&loss).is_err() && metric_from_json(&metric).is_err() && optimizer_from_json(&optimizer).is_err());
        let caught = std::panic::catch_unwind(|| scoped(|| panic!("within")));
        assert!(caught.is_err() && loss_from_json(&loss).is_err(), "a panic ends it too");
    }

    #[test]
    fn functions_of_the_program_are_still_none_of_a_file() {
        let x = Input::new([2]).tensor();
        let y = crate::layers::CustomLayer::new("twice", |_, x| x[0] * 2.0).apply(&x);
        let model = Functional::new(&x, &y).unwrap().build_on(Arc::new(Reference::default()), Seed(0)).unwrap();
        assert!(matches!(model.to_bytes(), Err(Error::Layer { .. } | Error::Config(_))));
        assert!(losses::Custom::new("l", |a, b| a - b).writable().is_err());
    }
}
