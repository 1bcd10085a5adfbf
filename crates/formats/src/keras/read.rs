//! From a ZIP, possibly hostile, to a [`KerasArchive`].

use std::io::{Read, Seek, SeekFrom};

use serde_json::Value;
use zip::{CompressionMethod, ZipArchive};

use super::{ASSETS, CONFIG, KerasArchive, METADATA, WEIGHTS, unsafe_path};
use crate::hdf5::{SIGNATURE, read_weights};
use crate::{FormatError, ReadLimits};

/// Deepest JSON that `serde_json` parses; a nested model takes four levels.
pub(crate) const JSON: &str = "JSON as model.save writes it, at most 128 levels deep, without NaN or Infinity";

pub(super) fn read<R: Read + Seek>(mut source: R, file: &str, limits: &ReadLimits) -> Result<KerasArchive, FormatError> {
    recognize(&mut source, file)?;
    let archive = ZipArchive::new(source).map_err(|e| FormatError::Zip { file: file.into(), member: None, reason: e.to_string() })?;
    Reader { archive, file, limits }.read()
}

/// Name what is evidently not a ZIP archive.
fn recognize(source: &mut (impl Read + Seek), file: &str) -> Result<(), FormatError> {
    let io = |e: std::io::Error| FormatError::Zip { file: file.into(), member: None, reason: e.to_string() };
    let mut start = Vec::with_capacity(64);
    source.seek(SeekFrom::Start(0)).map_err(io)?;
    source.take(64).read_to_end(&mut start).map_err(io)?;
    source.seek(SeekFrom::Start(0)).map_err(io)?;

    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(());
    }
    if start.starts_with(SIGNATURE) {
        return Err(FormatError::LegacyHdf5 { file: file.into() });
    }
    let text = start.trim_ascii_start();
    let (found, hint) = if start.is_empty() {
        ("it is empty".into(), "save the model again")
    } else if text.starts_with(b"version https://git-lfs") {
        ("it is a pointer of Git LFS, not the file itself".into(), "run git lfs pull")
    } else if text.starts_with(b"{") || text.starts_with(b"[") {
        ("it begins like JSON".into(), "a configuration alone has no weights; give the .keras file")
    } else if text.starts_with(b"<") {
        ("it begins like HTML or XML".into(), "perhaps a download saved an error page; download it again")
    } else {
        let first: Vec<String> = start.iter().take(8).map(|b| format!("{b:02x}")).collect();
        (format!("it begins with the bytes {}", first.join(" ")), "give a file that model.save(\"name.keras\") wrote")
    };
    Err(FormatError::NotAnArchive { file: file.into(), found, hint })
}

struct Reader<'a, R> {
    archive: ZipArchive<R>,
    file: &'a str,
    limits: &'a ReadLimits,
}

impl<R: Read + Seek> Reader<'_, R> {
    fn read(mut self) -> Result<KerasArchive, FormatError> {
        let names = self.names()?;
        let position = |wanted: &str| names.iter().position(|name| name == wanted);
        let missing =
            |member| FormatError::MissingMember { file: self.file.into(), member, present: names.iter().take(8).cloned().collect() };
        let config_at = position(CONFIG).ok_or_else(|| missing(CONFIG))?;
        let weights_at = position(WEIGHTS).ok_or_else(|| missing(WEIGHTS))?;
        let metadata_at = position(METADATA);

        let metadata = match metadata_at {
            Some(at) => self.json(at, METADATA)?,
            None => Value::Null,
        };
        let config = self.json(config_at, CONFIG)?;
        if !config.is_object() {
            return Err(FormatError::Json {
                file: self.file.into(),
                member: CONFIG.into(),
                reason: "it is not an object".into(),
                expected: "an object with module, class_name and config",
            });
        }
        let bytes = self.member(weights_at, WEIGHTS, self.limits.weights_bytes)?;
        let weights = read_weights(bytes, &format!("{}: {WEIGHTS}", self.file), self.limits)?;

        let mut assets = Vec::new();
        let mut room = self.limits.assets_bytes;
        for (at, name) in names.iter().enumerate() {
            let Some(path) = name.strip_prefix(ASSETS) else {
                continue; // Keras ignores members it does not know, and so do we.
            };
            if path.is_empty() || path.ends_with('/') {
                continue;
            }
            let content = self.member(at, name, room)?;
            room -= content.len() as u64;
            assets.push((path.to_owned(), content));
        }
        assets.sort();
        Ok(KerasArchive { metadata, config, weights: weights.tensors, group_names: weights.group_names, assets })
    }

    /// The names of all members by position, after checking them.
    fn names(&mut self) -> Result<Vec<String>, FormatError> {
        if self.archive.has_duplicate_names() {
            return Err(FormatError::DuplicateMember { file: self.file.into() });
        }
        if self.archive.len() > self.limits.members {
            return Err(FormatError::TooLarge {
                file: self.file.into(),
                what: "the archive".into(),
                size: self.archive.len() as u64,
                unit: "members",
                limit: self.limits.members as u64,
            });
        }
        // One stretch of bytes under many names multiplies what the file seems to hold.
        let overlap = self.archive.has_overlapping_entries().map_err(|e| FormatError::Zip {
            file: self.file.into(),
            member: None,
            reason: e.to_string(),
        })?;
        if overlap {
            return Err(FormatError::Zip { file: self.file.into(), member: None, reason: "two members share the same bytes".into() });
        }
        (0..self.archive.len())
            .map(|at| {
                let broken = |reason: String| FormatError::Zip { file: self.file.into(), member: Some(format!("number {at}")), reason };
                let entry = self.archive.by_index_data(at).map_err(|e| broken(e.to_string()))?;
                let name = entry.name().map_err(|e| broken(e.to_string()))?.into_owned();
                let reason = if entry.is_symlink() { Some("is a symbolic link") } else { unsafe_path(&name) };
                match reason {
                    Some(reason) => Err(FormatError::UnsafeMember { file: self.file.into(), member: name, reason }),
                    None => Ok(name),
                }
            })
            .collect()
    }

    fn json(&mut self, at: usize, name: &str) -> Result<Value, FormatError> {
        let bytes = self.member(at, name, self.limits.json_bytes)?;
        crate::json::parse(&bytes, self.file, name, JSON)
    }

    /// The content of a member, which may be at most `limit` bytes.
    fn member(&mut self, at: usize, name: &str, limit: u64) -> Result<Vec<u8>, FormatError> {
        let file = self.file;
        let broken = |reason: String| FormatError::Zip { file: file.into(), member: Some(name.into()), reason };
        let too_large =
            |size, limit| FormatError::TooLarge { file: file.into(), what: format!("member {name:?}"), size, unit: "bytes", limit };
        let mut member = self.archive.by_index(at).map_err(|e| broken(e.to_string()))?;
        let declared = member.size();
        let stored = member.compressed_size();
        let limit = limit.min(self.limits.expanded(stored));
        if declared > limit {
            return Err(too_large(declared, limit));
        }
        if member.compression() == CompressionMethod::Stored && declared != stored {
            return Err(broken(format!("it is stored as it is, yet {declared} bytes are said to take {stored}")));
        }
        // What is declared may be a lie: grow as the bytes come, and stop where the lie shows.
        let mut content = Vec::with_capacity(declared.min(1 << 20) as usize);
        member.by_ref().take(declared.saturating_add(1)).read_to_end(&mut content).map_err(|e| broken(e.to_string()))?;
        if content.len() as u64 != declared {
            return Err(broken(format!(
                "it should have {declared} bytes, but has {}",
                if content.len() as u64 > declared { "more".into() } else { content.len().to_string() }
            )));
        }
        Ok(content)
    }
}
