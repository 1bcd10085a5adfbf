//! Arguments of Keras' classes (`scripts/goldens/signatures.py` made `keras_signatures.json` from real Keras): given with Keras' defaults, they
//! make the object that is made without them. So Python's classes may hand on what nobody gave.

use adaline_nn::{
    catalogue::{self, Row},
    constraints::Constraint,
    initializers::Initializer,
    keras::{ConfigError, KerasObject},
    regularizers::Regularizer,
    schedules::Schedule,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[path = "../examples/support/defaults.rs"]
mod defaults;

/// Module, `classes`, class, arguments.
type Signatures = BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>;

/// Class, argument: what nobody can give here, and why. Python's classes hand it on only where it is not Keras' default: then it is an error.
const OTHERS: &[(&str, &str, &str)] = &[
    ("LSTM", "use_cudnn", "a hint for one kind of device, which no file holds"),
    ("GRU", "use_cudnn", "a hint for one kind of device, which no file holds"),
    ("keras.losses.SparseCategoricalCrossentropy", "axis", "of the loss, the last alone here; no file of Keras' holds another"),
];

struct Check {
    signatures: Signatures,
    wrong: Vec<String>,
    arguments: usize,
}

impl Check {
    fn class(&mut self, module: &str, class: &str, make: &mut dyn FnMut(&Value) -> Result<Value, ConfigError>) {
        let Some(told) = self.signatures[module]["classes"].get(class).and_then(Value::as_array) else {
            self.wrong.push(format!("Keras has no {module}.{class}"));
            return;
        };
        let Some((given, config)) = defaults::least(make) else {
            self.wrong.push(format!("no arguments make a {module}.{class}"));
            return;
        };
        for argument in told.iter().filter(|argument| argument.is_array()) {
            let name = argument[0].as_str().unwrap_or_default();
            let Some(default) = argument.get(1) else {
                if !given.contains_key(name) {
                    self.wrong.push(format!("{class}: Keras needs `{name}`, which has a default here"));
                }
                continue;
            };
            if given.contains_key(name) || default.is_null() || name == "name" {
                continue;
            }
            let mut more = given.clone();
            more.insert(name.into(), default.clone());
            self.arguments += 1;
            let same = match make(&Value::Object(more)) {
                Ok(made) if made == config => Ok(()),
                Ok(made) => Err(format!("{default} makes {} of {}", made[name], config[name])),
                Err(e) => Err(e.to_string()),
            };
            // By the class, or with its module where a loss and a metric have one name.
            let full = format!("{module}.{class}");
            let other = OTHERS.iter().any(|(of, key, _)| (*of == class || *of == full) && *key == name);
            match same {
                Err(e) if !other => self.wrong.push(format!("{class}.{name}: {e}")),
                Ok(()) if other => self.wrong.push(format!("{class}.{name} is the same, so take it off the list of others")),
                _ => {}
            }
        }
    }
    fn rows<T: ?Sized + KerasObject>(&mut self, rows: &[Row<T>]) {
        for row in rows {
            self.class(row.module, row.class, &mut |given| (row.from_config)(given).map(|object| object.config()));
        }
    }
    fn read(&mut self, module: &str, bases: &[&str], make: impl Fn(&Value) -> Result<Value, ConfigError>) {
        let classes: Vec<String> = self.signatures[module]["classes"].keys().cloned().collect();
        for class in classes.iter().filter(|class| !bases.contains(&class.as_str())) {
            self.class(module, class, &mut |given| make(&json!({"module": module, "class_name": class, "config": given})));
        }
    }
}

#[test]
fn defaults_of_keras_are_defaults_here() {
    let mut signatures: BTreeMap<String, Value> = serde_json::from_str(include_str!("keras_signatures.json")).unwrap();
    let classes = |module: &mut Value| serde_json::from_value(module["classes"].take()).unwrap();
    let signatures = signatures.iter_mut().map(|(name, module)| (name.clone(), BTreeMap::from([("classes".into(), classes(module))])));
    let mut check = Check { signatures: signatures.collect(), wrong: Vec::new(), arguments: 0 };
    check.rows(catalogue::LAYERS);
    check.rows(catalogue::LOSSES);
    check.rows(catalogue::METRICS);
    check.rows(catalogue::OPTIMIZERS);
    check.read("keras.optimizers.schedules", &["LearningRateSchedule"], |v| Schedule::from_json(v).map(|x| x.config()));
    check.read("keras.initializers", &["Initializer"], |v| Initializer::from_json(v).map(|x| x.config()));
    check.read("keras.regularizers", &["Regularizer"], |v| Regularizer::from_json(v).map(|x| x.config()));
    check.read("keras.constraints", &["Constraint"], |v| Constraint::from_json(v).map(|x| x.config()));
    assert!(check.arguments > 600, "only {} arguments were tried", check.arguments);
    assert!(check.wrong.is_empty(), "{}", check.wrong.join("\n"));
}
