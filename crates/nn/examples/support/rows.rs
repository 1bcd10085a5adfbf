//! What pages tell of the rows of the catalogue.

/// What every layer takes; told once.
pub(crate) const COMMON: [&str; 4] = ["name", "trainable", "dtype", "activity_regularizer"];

/// The type of a class, as the catalogue's row has it. It is read from the source, so that the program needs to hold no names for a page.
pub(crate) fn rust_name(base: &str, class: &str) -> Option<&'static str> {
    let source = include_str!("../../src/catalogue.rs");
    let rows = source.split("rows! {").find(|rows| rows.lines().next().is_some_and(|line| line.ends_with(&format!("{base}:"))))?;
    let row = format!(" = \"{class}\" [");
    rows.lines().find_map(|line| line.split_once(&row).map(|(ty, _)| ty.trim()))
}
