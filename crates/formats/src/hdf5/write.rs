//! From tensors and texts to the bytes of an HDF5 file.

use std::collections::BTreeMap;

use hdf5_pure::{AttrValue, DatasetBuilder, FileBuilder, FinishedGroup, GroupBuilder, LibVer};

use super::vars_of;
use crate::{FormatError, NamedTensor, TensorBytes};

/// A group to be written. The maps are sorted, so the bytes do not depend on the order of the input.
#[derive(Default)]
struct Tree<'a> {
    groups: BTreeMap<&'a str, Tree<'a>>,
    tensors: BTreeMap<&'a str, &'a NamedTensor>,
    attributes: BTreeMap<&'a str, &'a AttrValue>,
}

/// Write the tensors at their paths, and `name` attributes at `<path>/vars` for each of `group_names`.
///
/// The root always gets its `vars` group, as Keras writes it. Contiguous little-endian datasets, no filters.
pub(crate) fn write_weights(tensors: &[NamedTensor], group_names: &[(String, String)]) -> Result<Vec<u8>, FormatError> {
    let names = group_names.iter().map(|(path, name)| (vars_of(path), "name".to_owned(), AttrValue::VarLenString(name.clone())));
    write_tree(&["vars".to_owned()], tensors, &names.collect::<Vec<_>>())
}

/// Writes groups, tensors at their paths, and attributes: path of a group, name, value.
pub(crate) fn write_tree(
    groups: &[String],
    tensors: &[NamedTensor],
    attributes: &[(String, String, AttrValue)],
) -> Result<Vec<u8>, FormatError> {
    let mut root = Tree::default();
    for path in groups {
        root.descend(path, path.split('/'), "group name")?;
    }
    for (path, name, value) in attributes {
        let group = root.descend(path, path.split('/').filter(|part| !path.is_empty() || !part.is_empty()), "group name")?;
        if group.attributes.insert(name, value).is_some() {
            return Err(invalid("group name", path, "the group is named twice"));
        }
    }
    for tensor in tensors {
        root.insert(tensor)?;
    }

    let mut file = FileBuilder::new();
    // The 1.8 format is the oldest that the library writes, so the one that most readers understand.
    file.with_libver_bounds(LibVer::Earliest, LibVer::V18);
    for (name, value) in &root.attributes {
        file.set_attr(name, (*value).clone());
    }
    for (name, tensor) in &root.tensors {
        fill(file.create_dataset(name), tensor);
    }
    for (name, tree) in &root.groups {
        let builder = file.create_group(name);
        file.add_group(build(builder, tree));
    }
    file.finish().map_err(|e| invalid("file", "of HDF5", e.to_string()))
}

impl<'a> Tree<'a> {
    /// The group at `components`, made on the way where it is missing.
    fn descend(&mut self, path: &str, components: impl Iterator<Item = &'a str>, what: &'static str) -> Result<&mut Self, FormatError> {
        let mut tree = self;
        for component in components {
            check_component(path, component, what)?;
            if tree.tensors.contains_key(component) {
                return Err(invalid(what, path, format!("{component:?} is both a tensor and a group")));
            }
            tree = tree.groups.entry(component).or_default();
        }
        Ok(tree)
    }

    fn insert(&mut self, tensor: &'a NamedTensor) -> Result<(), FormatError> {
        let path = tensor.path.as_str();
        let elements = tensor.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d));
        if elements != Some(tensor.data.len()) {
            let reason = format!("shape {:?} does not hold {} elements", tensor.shape, tensor.data.len());
            return Err(invalid("tensor", path, reason));
        }
        let (parents, leaf) = match path.rsplit_once('/') {
            Some((parents, leaf)) => (Some(parents), leaf),
            None => (None, path),
        };
        check_component(path, leaf, "tensor")?;
        let group = self.descend(path, parents.into_iter().flat_map(|p| p.split('/')), "tensor")?;
        if group.groups.contains_key(leaf) {
            return Err(invalid("tensor", path, "it is both a tensor and a group"));
        }
        if group.tensors.insert(leaf, tensor).is_some() {
            return Err(invalid("tensor", path, "two tensors have this path"));
        }
        Ok(())
    }
}

fn check_component(path: &str, component: &str, what: &'static str) -> Result<(), FormatError> {
    if matches!(component, "" | "." | "..") || component.contains('\0') {
        let reason = format!("{component:?} cannot be a part of a path such as layers/dense/vars/0");
        return Err(invalid(what, path, reason));
    }
    Ok(())
}

fn build(mut builder: GroupBuilder, tree: &Tree<'_>) -> FinishedGroup {
    for (name, value) in &tree.attributes {
        builder.set_attr(name, (*value).clone());
    }
    for (name, tensor) in &tree.tensors {
        fill(builder.create_dataset(name), tensor);
    }
    for (name, child) in &tree.groups {
        let group = builder.create_group(name);
        builder.add_group(build(group, child));
    }
    builder.finish()
}

fn fill(dataset: &mut DatasetBuilder, tensor: &NamedTensor) {
    match &tensor.data {
        TensorBytes::F32(values) => dataset.with_f32_data(values),
        TensorBytes::I32(values) => dataset.with_i32_data(values),
        TensorBytes::I64(values) => dataset.with_i64_data(values),
    };
    let shape: Vec<u64> = tensor.shape.iter().map(|d| *d as u64).collect();
    dataset.with_shape(&shape);
}

fn invalid(what: &'static str, name: &str, reason: impl Into<String>) -> FormatError {
    FormatError::Invalid { what, name: name.into(), reason: reason.into() }
}
