//! What can be wrong with a model file.

use std::io;
use std::path::PathBuf;

/// Why a file could not be read or written. Every text says which file, what was expected and what to try.
///
/// `file` is the path as the caller gave it, or `bytes in memory`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system refused: no such file, no permission, disk full.
    #[error("cannot {action} {}: {source}{}", path.display(), io_hint(source))]
    Io {
        /// What was being done, as a verb phrase: `create a temporary file in`, `rename over`.
        action: &'static str,
        /// The file or folder it was done to.
        path: PathBuf,
        /// What the operating system answered.
        source: io::Error,
    },

    /// The target of a write is something that a rename must not replace (a folder, a device, a pipe).
    #[error("cannot write {}: it is {found}, not a regular file; give the name of a file", path.display())]
    NotARegularFile {
        /// The target.
        path: PathBuf,
        /// What it is instead.
        found: &'static str,
    },

    /// The file is not a ZIP archive at all.
    #[error("{file} is not a .keras archive (a ZIP file): {found}; {hint}")]
    NotAnArchive {
        /// The file.
        file: String,
        /// What it looks like.
        found: String,
        /// What to try.
        hint: &'static str,
    },

    /// The file is HDF5: Keras' legacy whole-model format, or weights alone.
    #[error(
        "{file} is an HDF5 file, not a .keras archive: it is Keras' legacy .h5 format or weights alone; \
         read it with ModelFile::read, which knows both"
    )]
    LegacyHdf5 {
        /// The file.
        file: String,
    },

    /// The ZIP archive is damaged, or uses what we do not read (encryption, rare compression).
    #[error("{file}: the ZIP archive cannot be read{}: {reason}; it may be truncated or damaged: copy or save it again",
        member.as_ref().map(|m| format!(" at member {m:?}")).unwrap_or_default())]
    Zip {
        /// The file.
        file: String,
        /// The member being read, when it is one.
        member: Option<String>,
        /// What is wrong.
        reason: String,
    },

    /// The archive lacks a member without which it is no model.
    #[error(
        "{file} is a ZIP archive without {member:?}, so it is not a Keras model; it has {}; \
         a .keras file holds metadata.json, config.json and model.weights.h5 at its root",
        list(present)
    )]
    MissingMember {
        /// The file.
        file: String,
        /// What is missing.
        member: &'static str,
        /// The first few members that are there.
        present: Vec<String>,
    },

    /// A member's name is absolute, climbs out with `..`, or cannot be a file name.
    #[error(
        "{file}: member {member:?} {reason}; the whole archive is refused, since only a hostile or broken writer \
         makes such names"
    )]
    UnsafeMember {
        /// The file.
        file: String,
        /// The name, as written.
        member: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// Two members carry one name, so different readers would see different models.
    #[error("{file}: two members have the same name, so it is unclear which one counts; save the model again")]
    DuplicateMember {
        /// The file.
        file: String,
    },

    /// Something is, or claims to be, larger than [`ReadLimits`](crate::ReadLimits) admits.
    #[error(
        "{file}: {what} is {size} {unit}, over the limit of {limit}; if you trust the file, \
         raise the limit (read_with)"
    )]
    TooLarge {
        /// The file.
        file: String,
        /// What is too large.
        what: String,
        /// How large it is, or says it is.
        size: u64,
        /// What `size` and `limit` count: `bytes`, `members`, `groups and datasets`, `levels`.
        unit: &'static str,
        /// The limit.
        limit: u64,
    },

    /// A JSON member does not parse.
    #[error("{file}: {member} is not valid JSON: {reason}; expected {expected}")]
    Json {
        /// The file.
        file: String,
        /// The member.
        member: String,
        /// What the parser said, with line and column.
        reason: String,
        /// What should be there.
        expected: &'static str,
    },

    /// An HDF5 file is damaged or uses what we do not read.
    #[error(
        "{file} cannot be read at {object:?}: {reason}; it may be truncated or damaged: \
         save the model again"
    )]
    Hdf5 {
        /// The file.
        file: String,
        /// The group or dataset, `/` for the root.
        object: String,
        /// What is wrong.
        reason: String,
    },

    /// A dataset cannot be a tensor for us: its type, its layout or its values.
    #[error("{file}: dataset {object:?} is {found}; expected {expected}")]
    Dataset {
        /// The file.
        file: String,
        /// The dataset's path.
        object: String,
        /// What it is.
        found: String,
        /// What a Keras weights file has there.
        expected: &'static str,
    },

    /// A `.safetensors` file is not as its header says, or its header is not sound.
    #[error("{file}: as a safetensors file it is not sound: {reason}; it may be truncated or damaged: copy or save it again")]
    Safetensors {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },

    /// A file of ours is not as it was written.
    #[error("{file} is damaged: {reason}; delete it to begin anew, or put a copy of it back")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },

    /// What we were asked to write is not a valid archive.
    #[error("cannot write {what} {name:?}: {reason}")]
    Invalid {
        /// What kind of thing: `tensor`, `asset`, `group name`, `weights`.
        what: &'static str,
        /// Its path.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; free some space or choose another disk (the old file, if any, is untouched)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; choose a folder you may write to, or check the permissions"
        }
        io::ErrorKind::NotFound => "; check the spelling, and that the folder exists",
        io::ErrorKind::NotADirectory => "; a part of the path is a file, not a folder",
        io::ErrorKind::IsADirectory => "; it is a folder: give the name of a file",
        _ => "",
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "no member at all".into();
    }
    format!("{names:?}")
}
