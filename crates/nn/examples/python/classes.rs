//! The modules of classes.

use crate::{
    defaults::least,
    rows::{COMMON, rust_name},
    source::{Item, Kind, Source},
    surface::{Argument, Signature, Surface},
    text::{call, docstring, literal, paragraphs},
    types::annotation,
    words,
};
use adaline_nn::{
    catalogue::{self, Row},
    constraints::Constraint,
    initializers::Initializer,
    keras::{ConfigError, KerasObject},
    regularizers::Regularizer,
    schedules::Schedule,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, error::Error};

/// A module of classes that share a base.
pub(crate) struct Module {
    /// Its name, which is the folder or file of its sources too.
    pub(crate) name: &'static str,
    /// Its name in Keras.
    pub(crate) keras: &'static str,
    /// Module and name of the base of its classes.
    base: (&'static str, &'static str),
    /// What the base's `__init__` takes, where it is among the arguments.
    handed: &'static [&'static str],
    about: &'static str,
}

pub(crate) const MODULES: [Module; 9] = [
    Module {
        name: "layers",
        keras: "keras.layers",
        base: ("_layer", "Layer"),
        handed: &["activity_regularizer", "trainable", "dtype", "autocast", "name"],
        about: "Layers.",
    },
    Module { name: "losses", keras: "keras.losses", base: ("_loss", "Loss"), handed: &["name", "reduction", "dtype"], about: "Losses." },
    Module { name: "metrics", keras: "keras.metrics", base: ("_metric", "Metric"), handed: &["name", "dtype"], about: "Metrics." },
    Module { name: "optimizers", keras: "keras.optimizers", base: ("_optimizer", "Optimizer"), handed: &[], about: "Optimizers." },
    Module {
        name: "schedules",
        keras: "keras.optimizers.schedules",
        base: ("_schedule", "LearningRateSchedule"),
        handed: &[],
        about: "Learning rates as functions of the iteration.",
    },
    Module {
        name: "initializers",
        keras: "keras.initializers",
        base: ("_initializer", "Initializer"),
        handed: &[],
        about: "How weights begin.",
    },
    Module {
        name: "regularizers",
        keras: "keras.regularizers",
        base: ("_regularizer", "Regularizer"),
        handed: &[],
        about: "Penalties on weights.",
    },
    Module {
        name: "constraints",
        keras: "keras.constraints",
        base: ("_constraint", "Constraint"),
        handed: &[],
        about: "What weights are put back to after each update.",
    },
    Module {
        name: "callbacks",
        keras: "keras.callbacks",
        base: ("_callback", "BuiltinCallback"),
        handed: &[],
        about: "What happens between epochs and steps.",
    },
];

/// Classes whose base is another: it has methods that configurations know nothing of.
const BASES: [(&str, (&str, &str)); 6] = [
    ("Discretization", ("_tables", "DiscretizationBase")),
    ("HashedCrossing", ("_tables", "HashingBase")),
    ("Hashing", ("_tables", "HashingBase")),
    ("IntegerLookup", ("_tables", "IntegerLookupBase")),
    ("Normalization", ("_tables", "NormalizationBase")),
    ("StringLookup", ("_tables", "LookupBase")),
];

/// Module and name of a class' base.
fn base_of(module: &Module, class: &str) -> (&'static str, &'static str) {
    BASES.iter().find(|(name, _)| module.name == "layers" && *name == class).map_or(module.base, |(_, base)| *base)
}

/// Classes of Keras' modules that the package writes by hand, since they are no configurations.
const BY_HAND: [&str; 18] = [
    "Layer",
    "Lambda",
    "Wrapper",
    "Loss",
    "Metric",
    "Optimizer",
    "LearningRateSchedule",
    "Initializer",
    "Regularizer",
    "Constraint",
    "Callback",
    "CallbackList",
    "History",
    "ProgbarLogger",
    "LossFunctionWrapper",
    "InputSpec",
    "Input",
    "OptimizerMap",
];

/// A class and what is known of it.
pub(crate) struct Class {
    pub(crate) name: String,
    pub(crate) signature: Signature,
    /// Its type in Rust.
    rust: String,
    /// Other names of ours.
    pub(crate) aliases: Vec<&'static str>,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;
/// Makes an object from arguments, and tells all that it has.
type Make<'m> = &'m mut dyn FnMut(&Value) -> std::result::Result<Value, ConfigError>;

impl Class {
    fn made(module: &str, name: &str, surface: &Surface, rust: String, aliases: Vec<&'static str>, make: Make<'_>) -> Option<Self> {
        let (required, config) = least(make)?;
        let none = Map::new();
        let config = config.as_object().unwrap_or(&none);
        let signature = Signature::of_class(surface.classes.get(name), &required, config, &COMMON, |key, default| {
            let mut more = required.clone();
            more.insert(key.into(), default.cloned().unwrap_or_default());
            make(&Value::Object(more)).is_ok() || words::own(module, name, key).is_some()
        });
        Some(Self { name: name.into(), signature, rust, aliases })
    }
}

/// The classes of a catalogue.
fn rows<T: ?Sized + KerasObject>(rows: &'static [Row<T>], base: &str, surface: &Surface) -> Result<Vec<Class>> {
    rows.iter()
        .map(|row| {
            let rust = rust_name(base, row.class).ok_or_else(|| format!("catalogue.rs has no row of {} in {base}", row.class))?;
            let aliases = row.aliases.iter().copied().filter(|alias| base == "layers" && *alias != row.class).collect();
            Class::made(base, row.class, surface, rust.into(), aliases, &mut |given| (row.from_config)(given).map(|object| object.config()))
                .ok_or_else(|| format!("no arguments make a {}.{}", row.module, row.class).into())
        })
        .collect()
}

/// The classes of Keras' module that a type reads.
fn read(module: &Module, surface: &Surface, make: impl Fn(&Value) -> std::result::Result<Value, ConfigError>) -> Vec<Class> {
    let classes = surface.classes.keys().filter(|name| !BY_HAND.contains(&name.as_str()));
    let made = |name: &String| {
        let mut make = |given: &Value| make(&json!({"class_name": name, "config": given}));
        Class::made(module.name, name, surface, name.clone(), vec![], &mut make)
    };
    classes.filter_map(made).collect()
}

/// Callbacks have no configurations: their arguments are Keras'.
fn callbacks(surface: &Surface, source: &Source) -> Vec<Class> {
    let rust = |name: &str| if name == "CSVLogger" { "CsvLogger".to_owned() } else { name.to_owned() };
    let ours = |name: &str, argument: &Argument| {
        let here = |kind| source.of("callbacks", kind, &rust(name), &argument.name).is_some();
        here(Kind::Function) || here(Kind::Field) || words::own("callbacks", name, &argument.name).is_some()
    };
    let keras = |name: &String, told: &Vec<Value>| {
        let mut signature = Signature::keras(told);
        signature.arguments.iter_mut().for_each(|argument| argument.ours = ours(name, argument));
        Class { name: name.clone(), signature, rust: rust(name), aliases: vec![] }
    };
    let there =
        surface.classes.iter().filter(|(name, _)| !BY_HAND.contains(&name.as_str()) && source.ty("callbacks", &rust(name)).is_some());
    let mut all: Vec<Class> = there.map(|(name, told)| keras(name, told)).collect();
    let alone = [json!(["step_size", 0.001]), json!(["max_steps", 1000])];
    all.push(Class {
        name: "GradientDescentStop".into(),
        signature: Signature::keras(&alone),
        rust: "GradientDescentStop".into(),
        aliases: vec![],
    });
    all
}

/// All classes of a module.
pub(crate) fn classes(module: &Module, surface: &Surface, source: &Source) -> Result<Vec<Class>> {
    Ok(match module.name {
        "layers" => rows(catalogue::LAYERS, "layers", surface)?,
        "losses" => rows(catalogue::LOSSES, "losses", surface)?,
        "metrics" => rows(catalogue::METRICS, "metrics", surface)?,
        "optimizers" => rows(catalogue::OPTIMIZERS, "optimizers", surface)?,
        "schedules" => read(module, surface, |v| Schedule::from_json(v).map(|x| x.config())),
        "initializers" => read(module, surface, |v| Initializer::from_json(v).map(|x| x.config())),
        "regularizers" => read(module, surface, |v| Regularizer::from_json(v).map(|x| x.config())),
        "constraints" => read(module, surface, |v| Constraint::from_json(v).map(|x| x.config())),
        _ => callbacks(surface, source),
    })
}

/// Other names of the classes that are there.
pub(crate) fn aliases(classes: &[Class], surface: &Surface) -> BTreeMap<String, String> {
    let ours = classes.iter().flat_map(|class| class.aliases.iter().map(|alias| ((*alias).to_owned(), class.name.clone())));
    let there = |class: &str| classes.iter().any(|c| c.name == class);
    let keras = surface.aliases.iter().filter(|(_, class)| there(class)).map(|(alias, class)| (alias.clone(), class.clone()));
    ours.chain(keras).collect()
}

/// What is told of a class, and of each argument.
struct Told<'s> {
    paragraphs: Vec<String>,
    owners: Vec<&'s str>,
    file: String,
}

impl<'s> Told<'s> {
    fn of(module: &Module, class: &'s Class, source: &'s Source) -> Option<Self> {
        let ty = source.ty(module.name, &class.rust);
        let mut owners: Vec<&str> = vec![&class.rust];
        match module.name {
            "layers" => owners.push("LayerCommon"),
            "metrics" => owners.push("MetricCommon"),
            "optimizers" => owners.push("Common"),
            _ => {}
        }
        let (mut doc, file) = match module.name {
            "initializers" => {
                let variant = ["Named", "Initializer"].iter().find_map(|of| source.of("initializers", Kind::Variant, of, &class.name));
                let item = variant.or_else(|| source.ty("initializers", "Stft"))?;
                owners.push(if item.owner == "Named" { "Fans" } else { &item.owner });
                if class.name == "TruncatedNormal" {
                    owners.push("RandomNormal");
                }
                (item.doc.clone(), item.file.clone())
            }
            "constraints" => {
                let item = source.of("constraints", Kind::Function, "Constraint", &snake(&class.name))?;
                owners.push("Constraint");
                (item.doc.clone(), item.file.clone())
            }
            _ => ty.map(|item| (item.doc.clone(), item.file.clone()))?,
        };
        // What a name stands for, and what that is made of.
        let mut target = ty;
        while let Some(of) = target.map(|item| item.of.as_str()).filter(|of| !of.is_empty()) {
            let outer = of.split('<').next().unwrap_or(of);
            let inner = of.split_once('<').map_or("", |(_, inner)| inner.trim_end_matches('>'));
            owners.extend(inner.split(',').map(str::trim).filter(|name| name.starts_with(char::is_uppercase)));
            owners.push(outer);
            target = source.ty(module.name, outer);
            if let Some(item) = target {
                doc = format!("{doc}\n\n{}", item.doc);
            }
        }
        // That it is the class of this name goes without saying here.
        let same = format!("; as Keras' `{}`.", class.name);
        let paragraphs = paragraphs(&doc).into_iter().map(|paragraph| paragraph.replace(&same, ".")).collect();
        Some(Self { paragraphs, owners, file })
    }

    /// The type of an argument's field.
    fn rust<'i>(&self, argument: &str, source: &'i Source) -> Option<&'i str> {
        let found = source.nearest(&self.owners, &self.file, argument);
        found
            .into_iter()
            .find(|item| item.kind == Kind::Field && !item.of.is_empty() && !item.of.starts_with('$'))
            .map(|item| item.of.as_str())
    }

    /// What is told of an argument.
    fn words(&self, module: &Module, class: &str, argument: &Argument, source: &Source) -> Option<String> {
        if let Some(own) = words::own(module.name, class, &argument.name) {
            return Some(own.into());
        }
        if !argument.ours || self.rust(&argument.name, source) == Some("NotSupported") {
            return Some(words::refused(argument));
        }
        if let Some(first) = words::first(&argument.name) {
            return Some(first.into());
        }
        let found = source.nearest(&self.owners, &self.file, &argument.name);
        let told = |item: &&Item| !item.doc.is_empty() && item.doc.lines().count() < 8;
        let near = |item: &&Item| item.file == self.file || self.owners.contains(&item.owner.as_str());
        let own = found.iter().copied().filter(near).find(told);
        let text = |item: &Item| words::without_default(&paragraphs(&item.doc).join(" "), argument);
        own.map(text)
            .filter(|text| !text.is_empty())
            .or_else(|| words::shared(&argument.name).map(str::to_owned))
            .or_else(|| found.iter().copied().find(told).map(text))
            .filter(|text| !text.is_empty())
    }
}

/// `max_norm` for `MaxNorm`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// The text of a module.
pub(crate) fn page(module: &Module, surface: &Surface, source: &Source) -> Result<String> {
    let (mut body, mut missing) = (String::new(), Vec::new());
    let all = classes(module, surface, source)?;
    for class in &all {
        let told = Told::of(module, class, source).ok_or_else(|| format!("no type tells of {}.{}", module.keras, class.name))?;
        let text = one(module, class, &told, source, &mut missing);
        body.push_str(&text);
    }
    if !missing.is_empty() {
        return Err(format!(
            "no words or no type for these arguments; a comment of their field or builder method is enough:\n{}",
            missing.join("\n")
        )
        .into());
    }
    let aliases = aliases(&all, surface);
    if !aliases.is_empty() {
        body.push_str("\n\n");
    }
    for (alias, class) in &aliases {
        body.push_str(&format!("{alias} = {class}\n"));
    }
    if module.name == "layers" {
        body.push_str(&functions(surface, &all)?);
    }
    let mut names: Vec<&str> = all.iter().map(|class| class.name.as_str()).chain(aliases.keys().map(String::as_str)).collect();
    if module.name == "layers" {
        names.extend(surface.functions.keys().map(String::as_str).filter(|name| *name != "Input"));
    }
    Ok(crate::headed(module.about, &[(module.base.0, module.base.1)], &body, names))
}

fn one(module: &Module, class: &Class, told: &Told<'_>, source: &Source, missing: &mut Vec<String>) -> String {
    let mut paragraphs = told.paragraphs.clone();
    let (mut parameters, mut handed, mut own, mut arguments) = (vec!["self".to_owned()], Vec::new(), Vec::new(), Vec::new());
    for argument in &class.signature.arguments {
        let name = &argument.name;
        let ty = annotation(module.name, &class.name, argument, told.rust(name, source), source);
        let words = told.words(module, &class.name, argument, source);
        if ty.is_none() || words.is_none() {
            missing.push(format!("{}.{}: {name}{}", module.keras, class.name, if words.is_some() { " (type)" } else { "" }));
        }
        let default = argument.default.as_ref().map_or(String::new(), |value| format!(" = {}", literal(value)));
        parameters.push(format!("{name}: {}{default}", ty.unwrap_or_default()));
        if module.handed.contains(&name.as_str()) {
            handed.push(format!("{name}={name}"));
        } else {
            own.push(match &argument.default {
                // Nobody may give another, and Rust need not hear of it.
                Some(Value::Bool(false)) if !argument.ours => format!("{name}={name} or None"),
                Some(default) if !argument.ours && !default.is_null() => {
                    format!("{name}=None if {name} == {0} else {name}", literal(default))
                }
                _ => format!("{name}={name}"),
            });
        }
        arguments.push((name.clone(), words.unwrap_or_default()));
    }
    let layer = module.name == "layers";
    // Every layer has more arguments than its own.
    if layer || class.signature.more {
        parameters.push("**kwargs: Any".into());
        if layer {
            handed.push("**kwargs".into());
        } else {
            own.push("**kwargs".into());
        }
        arguments.push(("**kwargs".into(), words::more(module.name, &class.name).into()));
    }
    if paragraphs.is_empty() {
        paragraphs.push(class.name.clone());
    }
    let base = base_of(module, &class.name).1;
    format!(
        "\n\nclass {}({base}):\n{}\n    _class = \"{}\"\n\n{}{}{}",
        class.name,
        docstring(&paragraphs, &arguments, "    "),
        class.name,
        call("    ", "def __init__", &parameters, " -> None:"),
        call("        ", "super().__init__", &handed, ""),
        call("        ", "self._arguments", &own, ""),
    )
}

/// Merging layers as functions of lists of tensors.
fn functions(surface: &Surface, classes: &[Class]) -> Result<String> {
    let mut out = String::new();
    for (name, told) in surface.functions.iter().filter(|(name, _)| *name != "Input") {
        let class = classes.iter().find(|class| snake(&class.name) == *name).ok_or_else(|| format!("no layer is the function {name}"))?;
        let signature = Signature::keras(told);
        let mut parameters = vec!["inputs: Sequence[Any]".to_owned()];
        let mut handed = Vec::new();
        for argument in signature.arguments.iter().filter(|argument| argument.name != "inputs") {
            let default = argument.default.as_ref().map_or(String::new(), |value| format!(" = {}", literal(value)));
            let ty = if argument.name == "axes" { "IntOrInts" } else { "int" };
            parameters.push(format!("{}: {ty}{default}", argument.name));
            handed.push(format!("{0}={0}", argument.name));
        }
        parameters.push("**kwargs: Any".into());
        handed.push("**kwargs".into());
        let words = vec![format!("`{}` of tensors, as a function.", class.name)];
        out.push_str(&format!(
            "\n\n{}{}{}",
            call("", &format!("def {name}"), &parameters, " -> Any:"),
            docstring(&words, &[], "    "),
            call("    ", &format!("return {}", class.name), &handed, "(inputs)"),
        ));
    }
    Ok(out)
}
