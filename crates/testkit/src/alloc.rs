//! A global allocator that counts, for tests which prove that a step allocates nothing.
//!
//! ```no_run
//! use adaline_testkit::alloc::CountingAlloc;
//!
//! #[global_allocator]
//! static ALLOC: CountingAlloc = CountingAlloc::new();
//!
//! let before = ALLOC.allocations();
//! // ... the code that must not allocate ...
//! assert_eq!(ALLOC.allocations(), before);
//! ```
//!
//! The count is of the whole process: such a test belongs into a test file of its own, with one `#[test]`. What [`peak_of`] tells is of the thread
//! that calls it, so that tests beside each other do not disturb it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    // Both without a destructor and made at compile time: to touch them allocates nothing.
    static HELD: Cell<i64> = const { Cell::new(0) };
    static PEAK: Cell<i64> = const { Cell::new(0) };
}

/// What `action` gives, and the most bytes that this thread held while it ran beyond what it held before, whether it wrote to them or not.
/// Needs [`CountingAlloc`] as the global allocator; memory that other threads take is not in it.
pub fn peak_of<T>(action: impl FnOnce() -> T) -> (T, u64) {
    let before = HELD.get();
    PEAK.set(before);
    let result = action();
    (result, u64::try_from(PEAK.get() - before).unwrap_or(0))
}

/// The system's allocator with counters.
#[derive(Debug, Default)]
pub struct CountingAlloc {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl CountingAlloc {
    /// Counters at zero.
    pub const fn new() -> Self {
        Self { count: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }
    /// Allocations and reallocations so far, in all threads.
    pub fn allocations(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }
    /// Bytes asked for so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
    fn note(&self, bytes: usize, freed: usize) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(bytes as u64, Ordering::SeqCst);
        hold(bytes as i64 - freed as i64);
    }
}

/// A thread that ends has no counters any more.
fn hold(change: i64) {
    let _ = HELD.try_with(|held| {
        held.set(held.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

/// The one place of this crate with `unsafe`: a global allocator cannot be written without.
#[allow(unsafe_code)]
mod implementation {
    use super::{CountingAlloc, GlobalAlloc, Layout, System, hold};

    // SAFETY: every method hands its arguments unchanged to `System`, which keeps the contract; counting neither allocates nor panics.
    unsafe impl GlobalAlloc for CountingAlloc {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.note(layout.size(), 0);
            // SAFETY: the caller's promise about `layout` is passed on.
            unsafe { System.alloc(layout) }
        }
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            self.note(layout.size(), 0);
            // SAFETY: the caller's promise about `layout` is passed on.
            unsafe { System.alloc_zeroed(layout) }
        }
        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            self.note(size, layout.size());
            // SAFETY: the caller's promises about `block`, `layout` and `size` are passed on; `block` came from `System`.
            unsafe { System.realloc(block, layout, size) }
        }
        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            hold(-(layout.size() as i64));
            // SAFETY: the caller's promises are passed on; `block` came from `System`.
            unsafe { System.dealloc(block, layout) }
        }
    }
}
