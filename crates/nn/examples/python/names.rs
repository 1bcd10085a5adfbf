//! The module of texts by which classes and functions are asked for.

use crate::{
    HEAD,
    classes::{MODULES, aliases, classes},
    functions::functions,
    source::Source,
    surface::Surface,
};
use adaline_nn::{catalogue, keras::KerasObject};
use std::{collections::BTreeMap, error::Error};

pub(crate) fn page(surfaces: &BTreeMap<String, Surface>, source: &Source) -> Result<String, Box<dyn Error>> {
    let functions = functions(surfaces);
    let mut out = format!(
        "{HEAD}\"\"\"Texts by which classes and functions are asked for, as Keras' `get` takes them.\"\"\"\n\nfrom __future__ import annotations\n\nfrom typing import Dict\n"
    );
    for module in &MODULES {
        let surface = &surfaces[module.keras];
        let all = classes(module, surface, source)?;
        let there = |class: &str| all.iter().any(|c| c.name == class);
        let mut names: BTreeMap<String, String> = all.iter().map(|class| (class.name.clone(), class.name.clone())).collect();
        names.extend(aliases(&all, surface));
        names.extend(surface.identifiers.iter().filter(|(_, class)| there(class)).map(|(name, class)| (name.clone(), class.clone())));
        match module.name {
            "losses" => names.extend(ours(catalogue::LOSSES)),
            "metrics" => names.extend(ours(catalogue::METRICS)),
            _ => {}
        }
        table(&mut out, &module.name.to_uppercase(), &format!("Classes of `{}`.", module.keras), &names);
    }
    table(&mut out, "LOSS_FUNCTIONS", "Functions of `keras.losses`.", &functions.losses);
    table(&mut out, "METRIC_FUNCTIONS", "Functions of `keras.metrics`.", &functions.metrics);
    table(&mut out, "ACTIVATIONS", "Functions of `keras.activations`.", &functions.activations);
    Ok(out)
}

/// Other names of the rows of a catalogue.
fn ours<T: ?Sized + KerasObject>(rows: &[catalogue::Row<T>]) -> Vec<(String, String)> {
    rows.iter().flat_map(|row| row.aliases.iter().map(|alias| ((*alias).to_owned(), row.class.to_owned()))).collect()
}

fn table(out: &mut String, name: &str, about: &str, names: &BTreeMap<String, String>) {
    out.push_str(&format!("\n# {about}\n{name}: Dict[str, str] = {{\n"));
    for (text, class) in names {
        out.push_str(&format!("    \"{text}\": \"{class}\",\n"));
    }
    out.push_str("}\n");
}
