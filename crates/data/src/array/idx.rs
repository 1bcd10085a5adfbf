//! IDX, the format of MNIST (<http://yann.lecun.com/exdb/mnist/>): two zero bytes, a type, the number of axes,
//! then the sizes and the values, big-endian. Plain or gzip.

use std::path::Path;

use super::{ArrayError, checked_size, dims, read_payload, read_start};
use crate::{DataError, FileError, Tensor, TensorData, file};

const TYPES: &str = "0x08 (byte), 0x09 (int8), 0x0b (int16), 0x0c (int32), 0x0d (float32) or 0x0e (float64)";

/// Values decoded at a time, where a file is turned into `f32` while it is read.
const CHUNK: usize = 1 << 14;

/// Reads an IDX file, plain or gzip. Bytes stay bytes, other integers become `i32`, floating point `f32`.
///
/// # Errors
/// [`FileError`] when the file cannot be read, [`ArrayError`] when it is not what its header says.
pub fn load_idx(path: impl AsRef<Path>) -> Result<Tensor, DataError> {
    let path = path.as_ref();
    let Idx { mut source, kind, shape, left } = Idx::open(path)?;
    let bytes = read_payload(&mut source, path, &shape, kind.size(), left)?;
    let data = match kind {
        Kind::U8 => TensorData::U8(bytes),
        Kind::I8 => TensorData::I32(bytes.iter().map(|&b| i32::from(b.cast_signed())).collect()),
        Kind::I16 => TensorData::I32(bytes.as_chunks().0.iter().map(|&c| i32::from(i16::from_be_bytes(c))).collect()),
        Kind::I32 => TensorData::I32(bytes.as_chunks().0.iter().map(|&c| i32::from_be_bytes(c)).collect()),
        Kind::F32 => TensorData::F32(bytes.as_chunks().0.iter().map(|&c| f32::from_be_bytes(c)).collect()),
        Kind::F64 => TensorData::F32(bytes.as_chunks().0.iter().map(|&c| f64::from_be_bytes(c) as f32).collect()),
    };
    Tensor::new(dims(&shape), data)
}

/// Reads an IDX file, plain or gzip, straight into `f32`, each value divided by a number: the same bits as
/// `load_idx(path)?.divide(divisor)`, without holding the data twice. `255.0` brings image bytes to 0..1.
///
/// # Errors
/// As [`load_idx`].
pub fn load_idx_divided(path: impl AsRef<Path>, divisor: f32) -> Result<Tensor, DataError> {
    let path = path.as_ref();
    let Idx { mut source, kind, shape, left } = Idx::open(path)?;
    let size = kind.size() as usize;
    let expected = checked_size(path, &shape, kind.size(), left)?;
    let wrong = |found| ArrayError::WrongSize { path: path.into(), shape: shape.clone(), expected, found };
    let fail = |e| FileError::from_io(path, e);
    let count = expected / kind.size();
    if count.saturating_mul(4) > crate::MAX_FILE_BYTES {
        return Err(ArrayError::TooLarge { path: path.into(), shape, limit: crate::MAX_FILE_BYTES }.into());
    }
    let count = count as usize;
    // A plain file is as long as it says; what a packed one holds shows only while it is read, so memory grows with what comes.
    let mut values = Vec::with_capacity(if source.exact.is_some() { count } else { count.min(1 << 22) });
    let mut buffer = vec![0u8; CHUNK.min(count.max(1)) * size];
    let mut found = 0;
    while found < expected {
        let want = ((expected - found) as usize).min(buffer.len());
        let part = &mut buffer[..want];
        let got = read_start(&mut source, part).map_err(fail)?;
        found += got as u64;
        if got < want {
            return Err(wrong(found).into());
        }
        match kind {
            Kind::U8 => values.extend(part.iter().map(|&b| f32::from(b) / divisor)),
            Kind::I8 => values.extend(part.iter().map(|&b| i32::from(b.cast_signed()) as f32 / divisor)),
            Kind::I16 => values.extend(part.as_chunks().0.iter().map(|&c| i32::from(i16::from_be_bytes(c)) as f32 / divisor)),
            Kind::I32 => values.extend(part.as_chunks().0.iter().map(|&c| i32::from_be_bytes(c) as f32 / divisor)),
            Kind::F32 => values.extend(part.as_chunks().0.iter().map(|&c| f32::from_be_bytes(c) / divisor)),
            Kind::F64 => values.extend(part.as_chunks().0.iter().map(|&c| f64::from_be_bytes(c) as f32 / divisor)),
        }
    }
    if read_start(&mut source, &mut [0]).map_err(fail)? != 0 {
        return Err(wrong(expected + 1).into());
    }
    Tensor::f32(dims(&shape), values)
}

/// Type of the values.
#[derive(Clone, Copy)]
enum Kind {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Kind {
    /// Bytes of one value.
    fn size(self) -> u64 {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// An IDX file whose header is read.
struct Idx {
    source: file::Source,
    kind: Kind,
    shape: Vec<u64>,
    /// At most this many bytes can follow.
    left: u64,
}

impl Idx {
    fn open(path: &Path) -> Result<Self, DataError> {
        let mut source = file::open(path)?;
        let at_most = source.at_most;
        let mut magic = [0u8; 4];
        let fail = |e| FileError::from_io(path, e);
        let got = read_start(&mut source, &mut magic).map_err(fail)?;
        let (4, [0, 0, kind, axes]) = (got, magic) else {
            let start = magic[..got].to_vec();
            return Err(ArrayError::WrongMagic { path: path.into(), expected: "an IDX file", start }.into());
        };
        let kind = match kind {
            0x08 => Kind::U8,
            0x09 => Kind::I8,
            0x0b => Kind::I16,
            0x0c => Kind::I32,
            0x0d => Kind::F32,
            0x0e => Kind::F64,
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
        Ok(Self { source, kind, shape, left: at_most.saturating_sub(4 + 4 * u64::from(axes)) })
    }
}
