//! From a [`KerasArchive`] to a ZIP.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Cursor, Write};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::{ASSETS, CONFIG, KerasArchive, METADATA, WEIGHTS, unsafe_path};
use crate::FormatError;
use crate::hdf5::write_weights;

/// Members from this size on get ZIP64 fields.
const LARGE: usize = u32::MAX as usize - (1 << 20);

/// A member's name and content.
type Member<'a> = (String, Cow<'a, [u8]>);

/// The members in the order Keras writes them: metadata, config, weights, assets.
fn members(archive: &KerasArchive) -> Result<Vec<Member<'_>>, FormatError> {
    let mut members: Vec<Member<'_>> = Vec::with_capacity(3 + archive.assets.len());
    if archive.metadata != Value::Null {
        members.push((METADATA.into(), archive.metadata.to_string().into_bytes().into()));
    }
    if !archive.config.is_object() {
        return Err(FormatError::Invalid {
            what: "config",
            name: CONFIG.into(),
            reason: "a model's configuration is a JSON object with module, class_name and config".into(),
        });
    }
    members.push((CONFIG.into(), archive.config.to_string().into_bytes().into()));
    let weights = write_weights(&archive.weights, &archive.group_names)?;
    members.push((WEIGHTS.into(), weights.into()));

    let mut seen = BTreeSet::new();
    for (path, content) in &archive.assets {
        let reason = match unsafe_path(path) {
            Some(reason) => Some(reason),
            None if path.ends_with('/') => Some("names a folder"),
            None if !seen.insert(path) => Some("is given twice"),
            None => None,
        };
        if let Some(reason) = reason {
            return Err(FormatError::Invalid {
                what: "asset",
                name: path.clone(),
                reason: format!("the path {reason}; give one such as adaline/preprocessing.json"),
            });
        }
        members.push((format!("{ASSETS}{path}"), content.into()));
    }
    Ok(members)
}

/// The archive's bytes: members stored, with a fixed date.
///
/// In memory, not straight to a file: a `ZipWriter` that cannot finish complains on standard error when it is dropped.
pub(super) fn to_vec(archive: &KerasArchive) -> Result<Vec<u8>, FormatError> {
    let members = members(archive)?;
    let size: usize = members.iter().map(|(name, content)| content.len() + 2 * name.len() + 128).sum();
    let failed = |reason: String| FormatError::Invalid { what: "archive", name: "of a Keras model".into(), reason };
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(size)));
    for (name, content) in &members {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            // Not the present time and not this system: equal models shall be equal files.
            .last_modified_time(DateTime::DEFAULT)
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(content.len() >= LARGE);
        zip.start_file(name.as_str(), options).map_err(|e| failed(e.to_string()))?;
        zip.write_all(content).map_err(|e| failed(e.to_string()))?;
    }
    Ok(zip.finish().map_err(|e| failed(e.to_string()))?.into_inner())
}
