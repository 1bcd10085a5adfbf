//! IDX, the format of MNIST (<http://yann.lecun.com/exdb/mnist/>): two zero bytes, a type, the number of axes,
//! then the sizes and the values, big-endian. Plain or gzip.

use std::path::Path;

use super::{ArrayError, dims, read_payload, read_start};
use crate::{DataError, FileError, Tensor, TensorData, file};

const TYPES: &str = "0x08 (byte), 0x09 (int8), 0x0b (int16), 0x0c (int32), 0x0d (float32) or 0x0e (float64)";

/// Reads an IDX file, plain or gzip. Bytes stay bytes, other integers become `i32`, floating point `f32`.
///
/// # Errors
/// [`FileError`] when the file cannot be read, [`ArrayError`] when it is not what its header says.
pub fn load_idx(path: impl AsRef<Path>) -> Result<Tensor, DataError> {
    let path = path.as_ref();
    let mut source = file::open(path)?;
    let at_most = source.at_most;
    let mut magic = [0u8; 4];
    let fail = |e| FileError::from_io(path, e);
    let got = read_start(&mut source, &mut magic).map_err(fail)?;
    let [0, 0, kind, axes] = magic else {
        let start = magic[..got].to_vec();
        return Err(ArrayError::WrongMagic { path: path.into(), expected: "an IDX file", start }.into());
    };
    if got < 4 {
        let start = magic[..got].to_vec();
        return Err(ArrayError::WrongMagic { path: path.into(), expected: "an IDX file", start }.into());
    }
    let item = match kind {
        0x08 | 0x09 => 1,
        0x0b => 2,
        0x0c | 0x0d => 4,
        0x0e => 8,
        _ => {
            let found = format!("{kind:#04x}");
            return Err(ArrayError::UnsupportedType { path: path.into(), found, expected: TYPES }.into());
        }
    };
    let mut shape = Vec::with_capacity(usize::from(axes));
    for axis in 0..axes {
        let mut size = [0u8; 4];
        if read_start(&mut source, &mut size).map_err(fail)? < 4 {
            let reason = format!("{axes} axes are promised, but the file ends at the size of axis {axis}");
            return Err(ArrayError::BadHeader { path: path.into(), reason }.into());
        }
        shape.push(u64::from(u32::from_be_bytes(size)));
    }
    let left = at_most.saturating_sub(4 + 4 * u64::from(axes));
    let bytes = read_payload(source, path, &shape, item, left)?;
    let data = match kind {
        0x08 => TensorData::U8(bytes),
        0x09 => TensorData::I32(bytes.iter().map(|&b| i32::from(b.cast_signed())).collect()),
        0x0b => TensorData::I32(bytes.as_chunks().0.iter().map(|&c| i32::from(i16::from_be_bytes(c))).collect()),
        0x0c => TensorData::I32(bytes.as_chunks().0.iter().map(|&c| i32::from_be_bytes(c)).collect()),
        0x0d => TensorData::F32(bytes.as_chunks().0.iter().map(|&c| f32::from_be_bytes(c)).collect()),
        _ => TensorData::F32(bytes.as_chunks().0.iter().map(|&c| f64::from_be_bytes(c) as f32).collect()),
    };
    Tensor::new(dims(&shape), data)
}
