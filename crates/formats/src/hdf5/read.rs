//! From the bytes of an HDF5 file to tensors and texts.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hdf5_pure::{Dataset, Datatype, File, Group, Layout};

use super::source::{EXHAUSTED, Meter, MeteredBytes, Reading};
use super::types::element_of;
use super::{Tree, owner_of_vars};
use crate::{FormatError, NamedTensor, ReadLimits};

/// Stack for the library: it parses and drops nested types by recursion, and 6000 levels (a block of 48 KiB) overflow
/// the 2 MiB of an ordinary thread.
const STACK_BYTES: usize = 64 << 20;

/// HDF5's own limit on dimensions.
const MAX_RANK: usize = 32;

const EXPECTED_TYPE: &str = "numbers: float16, bfloat16, float32, float64, integers or booleans";

/// Whether the variables of an object must be numbered without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbering {
    /// They must: the file holds all of them.
    Whole,
    /// They need not: others are in other files.
    Part,
}

/// Reads every dataset, and the texts that groups have as attributes. `file` is for error texts.
pub(crate) fn read_tree(bytes: Vec<u8>, file: &str, limits: &ReadLimits, numbering: Numbering) -> Result<Tree, FormatError> {
    let broken = |reason: String| FormatError::Hdf5 { file: file.into(), object: "/".into(), reason };
    // The library is young and large; should it panic on a malformed file after all, that is an error like any other.
    let read = || {
        catch_unwind(AssertUnwindSafe(|| Reader::read(bytes, file, limits, numbering)))
            .unwrap_or_else(|_| Err(broken("the HDF5 reader stopped at a malformed structure".into())))
    };
    if cfg!(target_family = "wasm") {
        return read();
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("hdf5".into())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, read)
            .map_err(|e| broken(format!("no thread to read it on: {e}")))?
            .join()
            .unwrap_or_else(|_| Err(broken("the HDF5 reader stopped".into())))
    })
}

struct Reader<'a> {
    file: &'a str,
    limits: &'a ReadLimits,
    tree: Tree,
    numbering: Numbering,
    /// Groups and datasets seen.
    objects: usize,
    /// Bytes of elements that may still be read.
    bytes_left: u64,
    bytes_allowed: u64,
    /// Length of the HDF5 file.
    file_bytes: u64,
    /// Tells [`MeteredBytes`] what is being read.
    meter: Arc<Meter>,
}

impl<'a> Reader<'a> {
    fn read(bytes: Vec<u8>, file: &'a str, limits: &'a ReadLimits, numbering: Numbering) -> Result<Tree, FormatError> {
        let file_bytes = bytes.len() as u64;
        // The library reads what is there, and leaves out attributes that lie behind the end.
        if let Some(end) = stored_end(&bytes).filter(|end| *end > file_bytes) {
            let reason = format!("the file should have {end} bytes, but has {file_bytes}");
            return Err(FormatError::Hdf5 { file: file.into(), object: "/".into(), reason });
        }
        let bytes_allowed = limits.expanded(file_bytes).min(limits.weights_bytes);
        let mut reader = Self {
            file,
            limits,
            tree: Tree::default(),
            numbering,
            objects: 0,
            bytes_left: bytes_allowed,
            bytes_allowed,
            file_bytes,
            meter: Arc::default(),
        };
        let opened = File::from_source(MeteredBytes::new(bytes, Arc::clone(&reader.meter))).map_err(|e| reader.broken("", &e))?;
        reader.group(&opened.root(), "", 0)?;
        let mut tree = reader.tree;
        sort_by_path(&mut tree.tensors, |tensor| &tensor.path);
        if let Some([twice, _]) = tree.tensors.array_windows().find(|[a, b]| a.path == b.path) {
            return Err(FormatError::Hdf5 { file: file.into(), object: twice.path.clone(), reason: "two datasets have this name".into() });
        }
        Ok(tree)
    }

    fn group(&mut self, group: &Group, path: &str, depth: usize) -> Result<(), FormatError> {
        if depth > self.limits.depth {
            return Err(FormatError::TooLarge {
                file: self.file.into(),
                what: "the nesting of groups (it may contain itself)".into(),
                size: depth as u64,
                unit: "levels",
                limit: self.limits.depth as u64,
            });
        }
        let attributes = self.meter.while_reading(Reading::Texts, || group.attrs()).map_err(|e| self.broken(path, &e))?;
        let texts = attributes.into_iter().filter_map(|(name, value)| Some(((path.to_owned(), name), value.as_strings()?.to_vec())));
        self.tree.attributes.extend(texts);
        let mut names = Vec::new();
        for (name, dataset) in group.iter_datasets().map_err(|e| self.broken(path, &e))? {
            self.count(path, &name)?;
            names.push(name.clone());
            let path = join(path, &name);
            let tensor = self.dataset(&dataset, path)?;
            self.tree.tensors.push(tensor);
        }
        if owner_of_vars(path).is_some() && self.numbering == Numbering::Whole {
            check_numbers(self.file, path, names.iter().map(String::as_str))?;
        }
        for (name, child) in group.iter_groups().map_err(|e| self.broken(path, &e))? {
            self.count(path, &name)?;
            let path = join(path, &name);
            self.group(&child, &path, depth + 1)?;
            self.tree.groups.push(path);
        }
        Ok(())
    }

    fn dataset(&mut self, dataset: &Dataset, path: String) -> Result<NamedTensor, FormatError> {
        let refuse = |found: String, expected| FormatError::Dataset { file: self.file.into(), object: path.clone(), found, expected };
        let stored_here = "elements stored in the file itself";
        let layout = dataset.layout().map_err(|e| self.broken(&path, &e))?;
        if layout == Layout::Virtual {
            return Err(refuse("virtual (its elements are in other files)".into(), stored_here));
        }
        let datatype = dataset.datatype().map_err(|e| self.broken(&path, &e))?;
        let attributes = dataset.attrs().map_err(|e| self.broken(&path, &e))?;
        let dtype = attributes.get("dtype").and_then(|value| value.as_str());
        let Some(element) = element_of(&datatype, dtype) else {
            return Err(refuse(kind_of(&datatype), EXPECTED_TYPE));
        };

        let dims = dataset.shape().map_err(|e| self.broken(&path, &e))?;
        if dims.len() > MAX_RANK {
            return Err(refuse(format!("of rank {}", dims.len()), "at most 32 dimensions"));
        }
        // Zero anywhere makes an empty tensor, but the other dimensions must be representable all the same.
        let shape: Option<Vec<usize>> = dims.iter().map(|d| usize::try_from(*d).ok()).collect();
        let declared = dims
            .iter()
            .try_fold(element.size() as u64, |bytes, d| bytes.checked_mul((*d).max(1)))
            .map(|bytes| if dims.contains(&0) { 0 } else { bytes });
        let (Some(shape), Some(declared)) = (shape, declared) else {
            return Err(refuse(format!("of shape {dims:?}"), "a shape that fits in memory"));
        };
        // Our own copy of an element may be wider than the file's.
        let kept = declared.saturating_mul(4 / element.size().min(4) as u64);
        if kept > self.bytes_left {
            return Err(FormatError::TooLarge {
                file: self.file.into(),
                what: format!("what it holds up to dataset {path:?}, of shape {dims:?},"),
                size: (self.bytes_allowed - self.bytes_left).saturating_add(kept),
                unit: "bytes",
                limit: self.bytes_allowed,
            });
        }
        self.bytes_left -= kept;

        let raw = if declared == 0 {
            Vec::new()
        } else {
            if let Layout::Chunked { chunk_shape, .. } = &layout
                && let Some(found) = self.bad_chunks(dataset, &path, &dims, chunk_shape, element.size())?
            {
                return Err(refuse(found, "chunks that cover the dataset and lie in the file"));
            }
            if matches!(layout, Layout::Contiguous { address: None, .. }) {
                return Err(refuse("without elements (never written, or kept in other files)".into(), stored_here));
            }
            self.meter.while_reading(Reading::Elements, || dataset.read_raw()).map_err(|e| self.broken(&path, &e))?
        };
        if raw.len() as u64 != declared {
            return Err(refuse(format!("{} bytes long", raw.len()), "as many elements as its shape says"));
        }
        let data = element.decode(&raw).map_err(|value| refuse(format!("holding {value}"), "values that fit the type they are kept in"))?;
        Ok(NamedTensor { path, shape, data })
    }

    /// What is wrong with the chunks of a dataset, if anything. The library trusts their sizes when it allocates.
    fn bad_chunks(
        &self,
        dataset: &Dataset,
        path: &str,
        dims: &[u64],
        chunk_shape: &[u64],
        element_size: usize,
    ) -> Result<Option<String>, FormatError> {
        let odd = || Ok(Some(format!("of shape {dims:?} in chunks of shape {chunk_shape:?}")));
        if chunk_shape.len() != dims.len() || chunk_shape.contains(&0) {
            return odd();
        }
        // Even without its elements, each chunk costs a record in memory.
        let chunks_allowed = (self.file_bytes / 8).max(1 << 16);
        let chunks = dims.iter().zip(chunk_shape).try_fold(1u64, |n, (d, c)| n.checked_mul(d.div_ceil(*c)));
        let Some(chunks) = chunks.filter(|n| *n <= chunks_allowed) else { return odd() };
        let chunk_bytes = chunk_shape.iter().try_fold(element_size as u64, |bytes, d| bytes.checked_mul(*d));
        let Some(chunk_bytes) = chunk_bytes.filter(|n| *n <= self.bytes_allowed) else { return odd() };
        let stored = dataset.chunks().map_err(|e| self.broken(path, &e))?;
        if stored.len() as u64 > chunks || chunk_bytes.saturating_mul(stored.len() as u64) > self.bytes_allowed {
            return odd();
        }
        for chunk in &stored {
            if chunk.address.checked_add(chunk.storage_size).is_none_or(|end| end > self.file_bytes) {
                return Ok(Some(format!("in chunks of which one lies at {}, beyond the end", chunk.address)));
            }
        }
        Ok(None)
    }

    /// Note that `name` was found in the group at `path`.
    fn count(&mut self, path: &str, name: &str) -> Result<(), FormatError> {
        if matches!(name, "" | "." | "..") || name.contains('/') {
            return Err(FormatError::Hdf5 {
                file: self.file.into(),
                object: path.into(),
                reason: format!("it has a member called {name:?}, which is no name"),
            });
        }
        self.objects += 1;
        if self.objects > self.limits.objects {
            return Err(FormatError::TooLarge {
                file: self.file.into(),
                what: "its content (it may contain itself)".into(),
                size: self.objects as u64,
                unit: "groups and datasets",
                limit: self.limits.objects as u64,
            });
        }
        Ok(())
    }

    fn broken(&self, object: &str, error: &hdf5_pure::Error) -> FormatError {
        let reason = match error {
            // An entry with an undefined address: that is how old-style groups keep a soft link.
            hdf5_pure::Error::Format(hdf5_pure::FormatError::UnexpectedEof { expected: usize::MAX, .. }) => {
                "it has a link that leads to no object here; soft links are not followed".into()
            }
            other => {
                let text = other.to_string();
                if text.contains(EXHAUSTED) { EXHAUSTED.into() } else { text }
            }
        };
        FormatError::Hdf5 { file: self.file.into(), object: if object.is_empty() { "/".into() } else { object.into() }, reason }
    }
}

/// The length that a file says it has (HDF5 File Format Specification, II.A: the superblock). Nothing for one that says none.
fn stored_end(bytes: &[u8]) -> Option<u64> {
    // Where the end is kept, in words of the size of an address behind the head, and how large an address is.
    let (head, word, size) = match bytes.get(8)? {
        0 => (24, 2, *bytes.get(13)?),
        1 => (28, 2, *bytes.get(13)?),
        2 | 3 => (12, 2, *bytes.get(9)?),
        _ => return None,
    };
    let size = usize::from(size).min(8);
    let address = bytes.get(head + word * size..head + (word + 1) * size)?;
    let end = address.iter().rev().fold(0, |end, byte| (end << 8) | u64::from(*byte));
    Some(end).filter(|end| *end != u64::MAX)
}

/// Variables are numbered without gaps. The library passes over soft and external links in new-style groups, so a gap is how one that stands
/// for a variable shows. `path` is the group `<path>/vars`, `names` are its members.
pub(crate) fn check_numbers<'n>(file: &str, path: &str, names: impl Iterator<Item = &'n str>) -> Result<(), FormatError> {
    let numbers: BTreeSet<usize> = names.filter_map(|n| n.parse().ok()).collect();
    let gap = (0..numbers.len()).find(|n| !numbers.contains(n));
    match gap {
        None => Ok(()),
        Some(gap) => Err(FormatError::Dataset {
            file: file.into(),
            object: join(path, &gap.to_string()),
            found: "missing, though there are datasets with higher numbers".into(),
            expected: "variables numbered from 0 without gaps (links, to this or other files, are not followed)",
        }),
    }
}

fn kind_of(datatype: &Datatype) -> String {
    match datatype {
        Datatype::FixedPoint { size, .. } => format!("an unusual integer of {size} bytes"),
        Datatype::FloatingPoint { size, .. } => format!("an unusual float of {size} bytes"),
        Datatype::Time { .. } => "of times".into(),
        Datatype::String { .. } | Datatype::VariableLength { is_string: true, .. } => "of strings".into(),
        Datatype::BitField { .. } => "of bit fields".into(),
        Datatype::Opaque { size, .. } => format!("of opaque elements of {size} bytes"),
        Datatype::Compound { members, .. } => format!("of records with {} fields", members.len()),
        Datatype::Reference { .. } => "of references".into(),
        Datatype::Enumeration { members, .. } => {
            format!("an enumeration of {} names", members.len())
        }
        Datatype::VariableLength { .. } => "of lists of varying length".into(),
        Datatype::Array { dimensions, .. } => format!("of arrays of shape {dimensions:?}"),
        _ => "of a type that is new in HDF5".into(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.into() } else { format!("{path}/{name}") }
}

/// Sorts by paths, numbers in them by value.
pub(crate) fn sort_by_path<T>(items: &mut [T], path: impl Fn(&T) -> &str) {
    items.sort_by(|a, b| natural_order(path(a), path(b)));
}

/// By path components; numbers by value, so that `vars/10` comes after `vars/2`.
fn natural_order(a: &str, b: &str) -> Ordering {
    let number = |s: &str| s.parse::<u64>().ok();
    for (x, y) in a.split('/').zip(b.split('/')) {
        let order = match (number(x), number(y)) {
            (Some(m), Some(n)) => m.cmp(&n),
            _ => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // Equal so far: the shorter is the parent. The last resort keeps this a total order (`1` and `01`).
    a.split('/').count().cmp(&b.split('/').count()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value() {
        let mut paths = ["a/vars/10", "a/vars/2", "a", "b/vars/1", "a_1/vars/0", "a/vars/x"];
        paths.sort_by(|a, b| natural_order(a, b));
        assert_eq!(paths, ["a", "a/vars/2", "a/vars/10", "a/vars/x", "a_1/vars/0", "b/vars/1"]);
    }
}
