//! Pictures that are asked for by a file name.

use crate::error::{CliError, misuse};
use adaline::formats::atomic_write;
use adaline::report::figure::{Figure, Theme};
use std::path::Path;

/// How a picture is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Plot {
    Svg,
    Png,
}

/// By the end of the name.
pub(crate) fn kind(path: &Path) -> Result<Plot, CliError> {
    match path.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("svg") => Ok(Plot::Svg),
        Some("png") => Ok(Plot::Png),
        _ => misuse(format!("--plot {}: expected a file name that ends in .svg or .png", path.display())),
    }
}

/// Writes it, at once or not at all.
pub(crate) fn write(path: &Path, kind: Plot, figure: &Figure) -> Result<(), CliError> {
    let bytes = match kind {
        Plot::Svg => figure.to_svg().into_bytes(),
        Plot::Png => figure.to_png(2.0, Theme::Light).map_err(|e| CliError::Failure(e.to_string()))?,
    };
    Ok(atomic_write(path, &bytes)?)
}
