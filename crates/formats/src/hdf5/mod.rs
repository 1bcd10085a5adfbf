//! The only place that names the HDF5 library (`hdf5-pure`): groups, datasets and texts to and from [`NamedTensor`]s.

mod legacy;
mod read;
mod source;
mod types;
mod write;

pub use legacy::{LegacyFile, LegacyLayer};
pub(crate) use legacy::{from_tree, is_legacy};
pub(crate) use read::{Numbering, check_numbers, read_tree, sort_by_path};
use write::write_tree;
pub(crate) use write::write_weights;

use std::collections::BTreeMap;

use crate::{FormatError, NamedTensor, ReadLimits};

/// What a weights file of Keras 3 holds.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// Every dataset, in natural order of path (`vars/2` before `vars/10`).
    pub(crate) tensors: Vec<NamedTensor>,
    /// For each group `<path>/vars` that has one, `<path>` and its `name` attribute, in natural order of path.
    pub(crate) group_names: Vec<(String, String)>,
}

/// What an HDF5 file holds that Keras may have written.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Every dataset, in natural order of path.
    pub(crate) tensors: Vec<NamedTensor>,
    /// Texts and lists of texts: path of a group (empty for the root), name of the attribute, its texts.
    pub(crate) attributes: BTreeMap<(String, String), Vec<String>>,
    /// Paths of all groups but the root.
    pub(crate) groups: Vec<String>,
}

impl Tree {
    /// As a weights file of Keras 3.
    pub(crate) fn into_weights(self) -> Weights {
        let named = |((path, name), mut texts): ((String, String), Vec<String>)| {
            let owner = owner_of_vars(&path).filter(|_| name == "name" && texts.len() == 1)?;
            Some((owner.to_owned(), texts.swap_remove(0)))
        };
        let mut group_names: Vec<(String, String)> = self.attributes.into_iter().filter_map(named).collect();
        sort_by_path(&mut group_names, |named| &named.0);
        Weights { tensors: self.tensors, group_names }
    }
}

/// The first bytes of every HDF5 file without a user block.
pub(crate) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Reads a weights file of Keras 3. `file` is for error texts.
pub(crate) fn read_weights(bytes: Vec<u8>, file: &str, limits: &ReadLimits) -> Result<Weights, FormatError> {
    Ok(read_tree(bytes, file, limits, Numbering::Whole)?.into_weights())
}

/// `<path>/vars`; the root's is `vars`.
fn vars_of(path: &str) -> String {
    if path.is_empty() { "vars".into() } else { format!("{path}/vars") }
}

/// For `<path>/vars`, `<path>`; for `vars`, the empty path of the root.
fn owner_of_vars(path: &str) -> Option<&str> {
    if path == "vars" {
        return Some("");
    }
    path.strip_suffix("/vars")
}
