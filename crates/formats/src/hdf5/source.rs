//! The bytes of an HDF5 file, read on a budget.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use hdf5_pure::{FormatError, Source};

/// What one read costs beyond its bytes.
const COST_OF_A_READ: u64 = 64;

/// Largest block of metadata. Well-formed blocks stay below 64 KiB, but for the list of names of a group with many
/// thousand members.
///
/// The library parses nested types by recursion, about 700 bytes of stack for each level of 8 bytes, so this also
/// bounds its stack: to a third of what [`read_weights`](super::read_weights) gives it.
const METADATA_BLOCK: usize = 256 << 10;

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reading {
    /// Blocks that describe objects.
    Structure = 0,
    /// Texts of attributes. They are copied for each mention, and a list may mention one long text many times.
    Texts = 1,
    /// Elements of datasets, which come in one piece.
    Elements = 2,
}

/// Tells [`MeteredBytes`] what is being read.
#[derive(Debug, Default)]
pub(super) struct Meter(AtomicU8);

impl Meter {
    /// Runs `read` as reading of this kind.
    pub(super) fn while_reading<T>(&self, kind: Reading, read: impl FnOnce() -> T) -> T {
        self.0.store(kind as u8, Ordering::Relaxed);
        let result = read();
        self.0.store(Reading::Structure as u8, Ordering::Relaxed);
        result
    }

    fn is(&self, kind: Reading) -> bool {
        self.0.load(Ordering::Relaxed) == kind as u8
    }
}

/// Bytes in memory that refuse to be read more often than a well-formed file needs.
///
/// A hostile file can make its trees loop, or point a million names at one object. The library bounds the depth of
/// its walks, not their breadth; since all it learns of the file passes through here, a budget bounds its time too.
pub(super) struct MeteredBytes {
    bytes: Vec<u8>,
    left: AtomicU64,
    /// What may still be read for texts.
    texts_left: AtomicU64,
    meter: Arc<Meter>,
}

/// The text of the error by which an exhausted budget is known.
pub(super) const EXHAUSTED: &str = "its structure is far too large for its size (it loops, or reaches the same \
                                    objects again and again)";

impl MeteredBytes {
    /// Each metadata block of a well-formed file is read a few times, its data once. Large blocks are handed out only for elements and texts.
    pub(super) fn new(bytes: Vec<u8>, meter: Arc<Meter>) -> Self {
        let length = bytes.len() as u64;
        let (budget, texts) = (length.saturating_mul(16).max(256 << 20), length.saturating_mul(4).saturating_add(32 << 20));
        Self { bytes, left: AtomicU64::new(budget), texts_left: AtomicU64::new(texts), meter }
    }
}

impl MeteredBytes {
    /// Whether this is a text of an attribute, which is never parsed: a model's configuration can be long.
    fn is_text(&self, offset: u64, length: usize) -> bool {
        let text = |start: usize| self.bytes.get(start..start.checked_add(length)?);
        self.meter.is(Reading::Texts) && usize::try_from(offset).ok().and_then(text).is_some_and(|bytes| !bytes.contains(&0))
    }
}

impl Source for MeteredBytes {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), FormatError> {
        if buf.len() > METADATA_BLOCK && !self.meter.is(Reading::Elements) && !self.is_text(offset, buf.len()) {
            return Err(FormatError::Source(format!("a block of {} bytes describes an object; {METADATA_BLOCK} is plenty", buf.len())));
        }
        let cost = (buf.len() as u64).saturating_add(COST_OF_A_READ);
        let pay = |left: &AtomicU64| {
            let paid = left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost));
            paid.map(|_| ()).map_err(|_| FormatError::Source(EXHAUSTED.into()))
        };
        pay(&self.left)?;
        if self.meter.is(Reading::Texts) {
            pay(&self.texts_left)?;
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let wanted = start
            .checked_add(buf.len())
            .and_then(|end| self.bytes.get(start..end))
            .ok_or(FormatError::UnexpectedEof { expected: start.saturating_add(buf.len()), available: self.bytes.len() })?;
        buf.copy_from_slice(wanted);
        Ok(())
    }
}
