//! The only place that names the HDF5 library (`hdf5-pure`): groups and datasets to and from [`NamedTensor`]s.

mod decode;
mod read;
mod source;
mod write;

pub(crate) use read::read_weights;
pub(crate) use write::write_weights;

use crate::NamedTensor;

/// What a weights file holds.
#[derive(Debug, Default)]
pub(crate) struct Weights {
    /// Every dataset, in natural order of path (`vars/2` before `vars/10`).
    pub(crate) tensors: Vec<NamedTensor>,
    /// For each group `<path>/vars` that has one, `<path>` and its `name` attribute, in natural order of path.
    pub(crate) group_names: Vec<(String, String)>,
}

/// The first bytes of every HDF5 file without a user block.
pub(crate) const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// `<path>/vars`; the root's is `vars`.
fn vars_of(path: &str) -> String {
    if path.is_empty() { "vars".into() } else { format!("{path}/vars") }
}
