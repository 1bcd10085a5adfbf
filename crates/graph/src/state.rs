//! State: slots by role, each role one contiguous aligned arena.
//!
//! A step is a pure function of (state, batch, scalars); its updates are written in place. Contiguous arenas make a checkpoint one
//! write and the optimizer a few streaming loops.

use crate::{DType, TensorType};
use std::fmt;

/// Index of a slot in a [`StateLayout`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct SlotId(pub u32);

impl SlotId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a slot is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Role {
    /// Weights that training changes.
    Trainable,
    /// Weights that it does not (statistics, frozen weights).
    NonTrainable,
    /// Moments and other memory of the optimizer.
    Optimizer,
    /// Running sums of metrics.
    Metric,
}

impl Role {
    /// All roles, in arena order.
    pub const ALL: [Self; 4] = [Self::Trainable, Self::NonTrainable, Self::Optimizer, Self::Metric];
    /// Index of its arena.
    pub fn index(self) -> usize {
        self as usize
    }
}
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trainable => "trainable",
            Self::NonTrainable => "non-trainable",
            Self::Optimizer => "optimizer",
            Self::Metric => "metric",
        })
    }
}

/// A slot: name, role, type and its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    /// Name, usually the layer path and the weight's name (`dense/kernel`).
    pub name: String,
    /// Which arena.
    pub role: Role,
    /// Type (`f32` or `i32`).
    pub ty: TensorType,
    /// First 32-bit word within the arena; a multiple of 16 (64 bytes).
    pub offset: usize,
}

/// Words per aligned line (64 bytes).
const LINE: usize = 16;

/// The table of slots; append-only, so offsets never move.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StateLayout {
    slots: Vec<Slot>,
    words: [usize; 4],
}

impl StateLayout {
    /// No slot.
    pub fn new() -> Self {
        Self::default()
    }
    /// Appends a slot.
    pub fn add(&mut self, name: &str, role: Role, ty: TensorType) -> SlotId {
        let offset = self.words[role.index()];
        self.words[role.index()] += ty.len().next_multiple_of(LINE);
        self.slots.push(Slot { name: name.into(), role, ty, offset });
        SlotId(self.slots.len() as u32 - 1)
    }
    /// One slot.
    pub fn slot(&self, id: SlotId) -> &Slot {
        &self.slots[id.index()]
    }
    /// All slots with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        self.slots.iter().enumerate().map(|(i, s)| (SlotId(i as u32), s))
    }
    /// Number of slots.
    pub fn len(&self) -> usize {
        self.slots.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
    /// Words of a role's arena, padding included.
    pub fn words(&self, role: Role) -> usize {
        self.words[role.index()]
    }
}

/// A zeroed, 64-byte aligned block of 32-bit words.
///
/// Its memory is asked for zeroed and not touched, so that pages nobody uses cost nothing, and a copy of a block that nobody could
/// have written is a new one.
#[derive(Default)]
pub struct AlignedWords {
    /// The words from `start` on, aligned; room for the alignment before and after them, and zeros.
    raw: Vec<u32>,
    start: usize,
    len: usize,
    /// Whether a writable view was ever given.
    written: bool,
}

impl AlignedWords {
    /// At least `words` zero words.
    pub fn new(words: usize) -> Self {
        let len = words.next_multiple_of(LINE);
        if len == 0 {
            return Self::default();
        }
        let raw = vec![0; len + LINE];
        Self { start: start_of(&raw), raw, len, written: false }
    }
    /// Grows with zeros; contents stay.
    pub fn grow(&mut self, words: usize) {
        let len = words.next_multiple_of(LINE);
        if len <= self.len {
            return;
        }
        if self.len == 0 {
            *self = Self::new(len);
            return;
        }
        // The system may move whole pages to a larger place, which copies nothing.
        self.raw.resize(len + LINE, 0);
        let start = start_of(&self.raw);
        if start != self.start {
            self.raw.copy_within(self.start..self.start + self.len, start);
            self.raw[start + self.len..].fill(0);
            self.start = start;
        }
        self.len = len;
    }
    /// Makes the system hand over the pages from a word on. Memory that is read before it is written (moments of an optimizer) would
    /// otherwise be handed over twice: as the page of zeros that all share, then as one of its own.
    fn touch(&mut self, from: usize) {
        const PAGE: usize = 1024;
        for word in self.raw[self.start..].iter_mut().skip(from).step_by(PAGE) {
            *word = std::hint::black_box(*word);
        }
    }
    /// The words.
    pub fn words(&self) -> &[u32] {
        &self.raw[self.start..self.start + self.len]
    }
    /// The words, writable.
    pub fn words_mut(&mut self) -> &mut [u32] {
        self.written = true;
        &mut self.raw[self.start..self.start + self.len]
    }
}

/// Index of the first aligned word.
fn start_of(raw: &[u32]) -> usize {
    raw.as_ptr().align_offset(4 * LINE)
}

impl Clone for AlignedWords {
    fn clone(&self) -> Self {
        let mut new = Self::new(self.len);
        if self.written {
            new.words_mut().copy_from_slice(self.words());
        }
        new
    }
}

/// The values of all slots of a model.
#[derive(Clone, Default)]
pub struct StateStore {
    layout: StateLayout,
    arenas: [AlignedWords; 4],
    /// How often a writable view was given.
    views: u64,
}

impl StateStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }
    /// The table of slots.
    pub fn layout(&self) -> &StateLayout {
        &self.layout
    }
    /// Appends a slot filled with zeros.
    pub fn add(&mut self, name: &str, role: Role, ty: TensorType) -> SlotId {
        let id = self.layout.add(name, role, ty);
        let arena = &mut self.arenas[role.index()];
        let before = arena.len;
        arena.grow(self.layout.words(role));
        if role == Role::Optimizer {
            arena.touch(before); // weights are written next, by their initializers
        }
        id
    }
    /// Appends a slot without values, of which neither a view may be asked for nor anything run: for graphs of which only shapes are of interest.
    pub fn declare(&mut self, name: &str, role: Role, ty: TensorType) -> SlotId {
        self.layout.add(name, role, ty)
    }
    /// How often a writable view was given: while this stays, no value has changed.
    pub fn views(&self) -> u64 {
        self.views
    }
    /// Words of a slot.
    pub fn words(&self, id: SlotId) -> &[u32] {
        let s = self.layout.slot(id);
        &self.arenas[s.role.index()].words()[s.offset..s.offset + s.ty.len()]
    }
    /// Words of a slot, writable.
    pub fn words_mut(&mut self, id: SlotId) -> &mut [u32] {
        self.views += 1;
        let s = self.layout.slot(id);
        &mut self.arenas[s.role.index()].words_mut()[s.offset..s.offset + s.ty.len()]
    }
    /// Values of an `f32` slot.
    pub fn f32(&self, id: SlotId) -> &[f32] {
        debug_assert_eq!(self.layout.slot(id).ty.dtype, DType::F32);
        bytemuck::cast_slice(self.words(id))
    }
    /// Values of an `f32` slot, writable.
    pub fn f32_mut(&mut self, id: SlotId) -> &mut [f32] {
        debug_assert_eq!(self.layout.slot(id).ty.dtype, DType::F32);
        bytemuck::cast_slice_mut(self.words_mut(id))
    }
    /// Values of an `i32` slot.
    pub fn i32(&self, id: SlotId) -> &[i32] {
        debug_assert_eq!(self.layout.slot(id).ty.dtype, DType::I32);
        bytemuck::cast_slice(self.words(id))
    }
    /// Values of an `i32` slot, writable.
    pub fn i32_mut(&mut self, id: SlotId) -> &mut [i32] {
        debug_assert_eq!(self.layout.slot(id).ty.dtype, DType::I32);
        bytemuck::cast_slice_mut(self.words_mut(id))
    }
    /// A role's whole arena.
    pub fn arena(&self, role: Role) -> &[u32] {
        self.arenas[role.index()].words()
    }
    /// A role's whole arena, writable.
    pub fn arena_mut(&mut self, role: Role) -> &mut [u32] {
        self.views += 1;
        self.arenas[role.index()].words_mut()
    }
    /// All arenas at once, writable, in the order of [`Role::ALL`]; for sessions.
    pub fn arenas_mut(&mut self) -> [&mut [u32]; 4] {
        self.views += 1;
        let [a, b, c, d] = &mut self.arenas;
        [a.words_mut(), b.words_mut(), c.words_mut(), d.words_mut()]
    }
    /// Sets every word of a role to zero.
    pub fn zero(&mut self, role: Role) {
        // What nobody could have written is zero.
        if self.arenas[role.index()].written {
            self.arena_mut(role).fill(0);
        }
    }
    /// Copies the values of another store of the same layout, without allocating.
    pub fn copy_from(&mut self, other: &Self) {
        self.views += 1;
        for (a, b) in self.arenas.iter_mut().zip(&other.arenas) {
            a.words_mut().copy_from_slice(b.words());
        }
    }
}

impl fmt::Debug for StateStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateStore").field("layout", &self.layout).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_aligned_zero_and_keep_their_words() {
        assert_eq!(AlignedWords::new(0).words(), &[] as &[u32]);
        for first in [1, 16, 17, 1000, 100_000] {
            let mut block = AlignedWords::new(first);
            assert!(block.words().len() >= first && block.words().iter().all(|&w| w == 0));
            block.grow(first + 1);
            block.words_mut()[first - 1] = 7;
            let mut expected = block.words().to_vec();
            for more in [first + 40, 3 * first, 200_000] {
                block.grow(more);
                expected.resize(expected.len().max(more.next_multiple_of(LINE)), 0);
                assert_eq!(block.words(), expected);
                assert_eq!(block.words().as_ptr() as usize % 64, 0);
                let copy = block.clone();
                assert_eq!(copy.words(), expected);
                assert_eq!(copy.words().as_ptr() as usize % 64, 0);
            }
        }
        let untouched = AlignedWords::new(100).clone();
        assert!(untouched.words().len() == 112 && untouched.words().iter().all(|&w| w == 0));
    }

    #[test]
    fn slots_are_aligned_and_keep_their_values_when_the_store_grows() {
        let mut s = StateStore::new();
        let a = s.add("a", Role::Trainable, TensorType::f32([3]));
        s.f32_mut(a).copy_from_slice(&[1.0, 2.0, 3.0]);
        let b = s.add("b", Role::Trainable, TensorType::f32([100, 7]));
        let c = s.add("c", Role::Optimizer, TensorType::i32(crate::Shape::SCALAR));
        s.i32_mut(c)[0] = -5;
        assert_eq!(s.f32(a), &[1.0, 2.0, 3.0]);
        assert_eq!((s.layout().slot(b).offset, s.i32(c)), (16, &[-5][..]));
        assert_eq!(s.arena(Role::Trainable).as_ptr() as usize % 64, 0);
        assert!(s.f32(b).iter().all(|&v| v == 0.0));
    }

    #[test]
    fn writable_views_are_counted_and_what_nobody_wrote_needs_no_zeroing() {
        let mut s = StateStore::new();
        let a = s.add("a", Role::Metric, TensorType::f32([3]));
        s.zero(Role::Metric);
        assert_eq!(s.views(), 0);
        s.f32_mut(a)[1] = 2.0;
        s.words_mut(a)[2] = 3;
        assert_eq!(s.clone().views(), 2);
        s.zero(Role::Metric);
        assert_eq!((s.f32(a), s.views()), (&[0.0; 3][..], 3));
        let copy = s.clone();
        s.copy_from(&copy);
        s.arenas_mut();
        assert_eq!(s.views(), 5);
    }
}
