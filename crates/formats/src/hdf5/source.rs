//! The bytes of an HDF5 file, read on a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hdf5_pure::{FormatError, Source};

/// What one read costs beyond its bytes.
const COST_OF_A_READ: u64 = 64;

/// Largest block of metadata. Well-formed blocks stay below 64 KiB, but for the list of names of a group with many
/// thousand members.
///
/// The library parses nested types by recursion, about 700 bytes of stack for each level of 8 bytes, so this also
/// bounds its stack: to a third of what [`read_weights`](super::read_weights) gives it.
const METADATA_BLOCK: usize = 256 << 10;

/// Bytes in memory that refuse to be read more often than a well-formed file needs.
///
/// A hostile file can make its trees loop, or point a million names at one object. The library bounds the depth of
/// its walks, not their breadth; since all it learns of the file passes through here, a budget bounds its time too.
pub(super) struct MeteredBytes {
    bytes: Vec<u8>,
    left: AtomicU64,
    /// Whether elements are being read, which come in one piece.
    elements: Arc<AtomicBool>,
}

/// The text of the error by which an exhausted budget is known.
pub(super) const EXHAUSTED: &str = "its structure is far too large for its size (it loops, or reaches the same \
                                    objects again and again)";

impl MeteredBytes {
    /// Each metadata block of a well-formed file is read a few times, its data once. While `elements` is false, only
    /// blocks of metadata size are handed out.
    pub(super) fn new(bytes: Vec<u8>, elements: Arc<AtomicBool>) -> Self {
        let budget = (bytes.len() as u64).saturating_mul(16).max(256 << 20);
        Self { bytes, left: AtomicU64::new(budget), elements }
    }
}

impl Source for MeteredBytes {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), FormatError> {
        if buf.len() > METADATA_BLOCK && !self.elements.load(Ordering::Relaxed) {
            return Err(FormatError::Source(format!("a block of {} bytes describes an object; {METADATA_BLOCK} is plenty", buf.len())));
        }
        let cost = (buf.len() as u64).saturating_add(COST_OF_A_READ);
        self.left
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost))
            .map_err(|_| FormatError::Source(EXHAUSTED.into()))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let wanted = start
            .checked_add(buf.len())
            .and_then(|end| self.bytes.get(start..end))
            .ok_or(FormatError::UnexpectedEof { expected: start.saturating_add(buf.len()), available: self.bytes.len() })?;
        buf.copy_from_slice(wanted);
        Ok(())
    }
}
