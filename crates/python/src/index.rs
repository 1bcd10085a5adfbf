//! Parts of values of a graph: NumPy's basic indexing.

use crate::node::{Node, map, shape_of};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyEllipsis, PySlice, PyTuple};

/// NumPy's basic indexing: numbers, slices, `...`, `None`.
pub(crate) fn item(node: &Bound<'_, Node>, index: &Bound<'_, PyAny>) -> PyResult<Node> {
    let parts: Vec<Bound<'_, PyAny>> = match index.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().collect(),
        Err(_) => vec![index.clone()],
    };
    let shape = node.get().shape;
    let is_ellipsis = |p: &Bound<'_, PyAny>| p.cast::<PyEllipsis>().is_ok();
    let used = parts.iter().filter(|p| !p.is_none() && !is_ellipsis(p)).count();
    if used > shape.rank() {
        return Err(PyIndexError::new_err(format!("{used} indices for a value of shape {shape}")));
    }
    let (mut ranges, mut dims, mut reversed) = (Vec::new(), Vec::new(), Vec::new());
    let mut axis = 0;
    let whole = |ranges: &mut Vec<_>, dims: &mut Vec<usize>, axis: &mut usize| {
        let n = shape.dims()[*axis];
        ranges.push((0, n, 1));
        dims.push(n);
        *axis += 1;
    };
    let mut ellipsis = false;
    for part in &parts {
        if part.is_none() {
            dims.push(1);
        } else if is_ellipsis(part) {
            if std::mem::replace(&mut ellipsis, true) {
                return Err(PyIndexError::new_err("an index has at most one `...`"));
            }
            (0..shape.rank() - used).for_each(|_| whole(&mut ranges, &mut dims, &mut axis));
        } else if let Ok(slice) = part.cast::<PySlice>() {
            let n = shape.dims()[axis];
            let i = slice.indices(n as isize)?;
            let (len, step) = (i.slicelength, i.step);
            if step > 0 {
                let start = i.start as usize;
                ranges.push((start, if len == 0 { start } else { start + (len - 1) * step as usize + 1 }, step as usize));
            } else {
                // The same elements forwards, then reversed.
                let last = i.start as usize;
                let back = step.unsigned_abs();
                let first = if len == 0 { last } else { last - (len - 1) * back };
                ranges.push((first, if len == 0 { first } else { last + 1 }, back));
                reversed.push(axis as isize);
            }
            dims.push(len);
            axis += 1;
        } else if let Ok(i) = part.extract::<isize>() {
            let n = shape.dims()[axis];
            let at = if i < 0 { i + n as isize } else { i };
            let at = usize::try_from(at).ok().filter(|&at| at < n);
            let at = at.ok_or_else(|| PyIndexError::new_err(format!("index {i} is out of range for axis {axis} of size {n}")))?;
            ranges.push((at, at + 1, 1));
            axis += 1;
        } else {
            return Err(PyTypeError::new_err(
                "a symbolic value is indexed by numbers, slices, `...` and None; for an array of indices use ops.take",
            ));
        }
    }
    while axis < shape.rank() {
        whole(&mut ranges, &mut dims, &mut axis);
    }
    let dims = shape_of(&dims)?;
    map(node.as_any(), |v| {
        let mut v = v.slice(&ranges);
        if !reversed.is_empty() {
            v = v.reverse(&reversed);
        }
        Ok(v.reshape(dims))
    })
}
