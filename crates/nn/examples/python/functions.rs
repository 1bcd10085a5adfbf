//! The module of losses, metrics and activations as functions.

use crate::{
    source::{Kind, Source},
    surface::{Signature, Surface},
    text::{call, dictionary, docstring, literal, paragraphs},
    types::annotation,
    words,
};
use adaline_nn::{activations::Activation, catalogue};
use std::{collections::BTreeMap, error::Error};

/// A function: its name and text.
type Told = (String, String);

/// Names of functions and of others that are the same, by name. Losses and metrics share theirs.
pub(crate) struct Functions {
    pub(crate) losses: BTreeMap<String, String>,
    pub(crate) metrics: BTreeMap<String, String>,
    pub(crate) activations: BTreeMap<String, String>,
}

/// The class of a loss or, if there is none, of a metric, with the function that computes it.
fn class_of(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let loss = catalogue::LOSSES.iter().find(|row| row.aliases.contains(&name)).map(|row| ("losses", "loss_function", row.class));
    let metric = catalogue::METRICS.iter().find(|row| row.aliases.contains(&name));
    loss.or_else(|| metric.map(|row| ("metrics", "metric_function", row.class)))
}

/// Which functions there are.
pub(crate) fn functions(surfaces: &BTreeMap<String, Surface>) -> Functions {
    let of = |module: &str| {
        let surface = &surfaces[module];
        let mut names: BTreeMap<String, String> = surface.functions.keys().map(|name| (name.clone(), name.clone())).collect();
        let others = surface.identifiers.iter().chain(&surface.aliases).filter(|(_, function)| surface.functions.contains_key(*function));
        names.extend(others.map(|(name, function)| (name.clone(), function.clone())));
        names
    };
    let (mut losses, mut metrics, mut activations) = (of("keras.losses"), of("keras.metrics"), of("keras.activations"));
    // Names of ours.
    for (names, aliases) in [
        (&mut losses, catalogue::LOSSES.iter().map(|row| row.aliases).collect::<Vec<_>>()),
        (&mut metrics, catalogue::METRICS.iter().map(|row| row.aliases).collect()),
    ] {
        for aliases in aliases {
            if let Some(function) = aliases.iter().find_map(|alias| names.get(*alias).cloned()) {
                names.extend(aliases.iter().map(|alias| ((*alias).to_owned(), function.clone())));
            }
        }
    }
    let ours = Activation::ALL.iter().map(|(_, name)| (*name).to_owned());
    for name in ours {
        activations.entry(name.clone()).or_insert(name);
    }
    Functions { losses, metrics, activations }
}

pub(crate) fn page(surfaces: &BTreeMap<String, Surface>, source: &Source) -> Result<String, Box<dyn Error>> {
    let functions = functions(surfaces);
    let mut told: Vec<Told> = Vec::new();
    let mut missing = Vec::new();
    for module in ["keras.losses", "keras.metrics"] {
        for (name, arguments) in &surfaces[module].functions {
            if told.iter().any(|(there, _)| there == name) {
                continue;
            }
            let (folder, function, class) = class_of(name).ok_or_else(|| format!("no loss or metric is the function {module}.{name}"))?;
            let doc = source.ty(folder, class).map(|item| item.doc.clone()).unwrap_or_default();
            let signature = Signature::keras(arguments);
            let text = one(folder, name, class, &doc, &signature, &[function, class, "y_true", "y_pred"], source, &mut missing);
            told.push((name.clone(), text));
        }
    }
    let alone = [serde_json::json!(["x"])];
    let keras = &surfaces["keras.activations"].functions;
    for name in functions.activations.values() {
        if told.iter().any(|(there, _)| there == name) {
            continue;
        }
        let variant = Activation::from_name(name).ok().map(|activation| format!("{activation:?}"));
        let item = variant.and_then(|variant| source.of("activations.rs", Kind::Variant, "Activation", &variant));
        let item = item.or_else(|| source.of("activations.rs", Kind::Function, "", name));
        let doc = item.map(|item| item.doc.clone()).ok_or_else(|| format!("nothing tells of the activation {name}"))?;
        let signature = Signature::keras(keras.get(name).map_or(&alone[..], |told| told));
        let text = one("activations", name, name, &doc, &signature, &["activation_function", name, "x"], source, &mut missing);
        told.push((name.clone(), text));
    }
    if !missing.is_empty() {
        return Err(
            format!("no words or no type for these arguments; examples/python/words.rs may tell them:\n{}", missing.join("\n")).into()
        );
    }
    let mut body: String = told.iter().map(|(_, text)| text.as_str()).collect();
    let same: BTreeMap<&String, &String> = [&functions.metrics, &functions.losses, &functions.activations]
        .into_iter()
        .flatten()
        .filter(|(name, function)| name != function && told.iter().all(|(there, _)| there != *name))
        .collect();
    body.push_str("\n\n");
    for (name, function) in &same {
        body.push_str(&format!("{name} = {function}\n"));
    }
    let names = told.iter().map(|(name, _)| name.as_str()).chain(same.keys().map(|name| name.as_str())).collect();
    Ok(crate::headed("Losses, metrics and activations as functions.", &[], &body, names))
}

#[expect(clippy::too_many_arguments, reason = "what makes up a function")]
fn one(
    module: &str,
    name: &str,
    class: &str,
    doc: &str,
    signature: &Signature,
    returned: &[&str],
    source: &Source,
    missing: &mut Vec<String>,
) -> String {
    let (mut parameters, mut own, mut arguments) = (Vec::new(), Vec::new(), Vec::new());
    for argument in &signature.arguments {
        let key = &argument.name;
        let tensor = matches!(key.as_str(), "y_true" | "y_pred" | "x" | "ref_labels" | "ref_embeddings");
        let ty = if tensor { Some("Any".into()) } else { annotation(module, class, argument, None, source) };
        let ty = ty.or_else(|| Some("float".into()).filter(|_| argument.default.is_none()));
        let item = source.ty(module, class);
        let found = item.map(|item| source.nearest(&[class], &item.file, key)).unwrap_or_default();
        let told = found.iter().filter(|found| item.is_some_and(|item| item.file == found.file)).find(|found| !found.doc.is_empty());
        let words = words::own(module, class, key).or_else(|| words::first(key)).map(str::to_owned);
        let words = words.or_else(|| told.map(|item| paragraphs(&item.doc).join(" "))).or_else(|| words::shared(key).map(str::to_owned));
        if ty.is_none() || words.is_none() {
            missing.push(format!("{name}: {key}"));
        }
        let default = argument.default.as_ref().map_or(String::new(), |value| format!(" = {}", literal(value)));
        parameters.push(format!("{key}: {}{default}", ty.unwrap_or_default()));
        arguments.push((key.clone(), words.unwrap_or_default()));
        if !matches!(key.as_str(), "y_true" | "y_pred" | "x") {
            own.push(format!("\"{key}\": {key}"));
        }
    }
    // What it calls, with a text and tensors, and then with its own arguments by name.
    let [function, text, tensors @ ..] = returned else { return String::new() };
    let mut handed: Vec<String> = std::iter::once(format!("\"{text}\"")).chain(tensors.iter().map(|&name| name.into())).collect();
    handed.push(dictionary(&own));
    format!(
        "\n\n{}{}{}",
        call("", &format!("def {name}"), &parameters, " -> Any:"),
        docstring(&paragraphs(doc), &arguments, "    "),
        call("    ", &format!("return {function}"), &handed, ""),
    )
}
