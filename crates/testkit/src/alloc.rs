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
//! The count is of the whole process: such a test belongs into a test file of its own, with one `#[test]`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

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
    fn note(&self, bytes: usize) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(bytes as u64, Ordering::SeqCst);
    }
}

/// The one place of this crate with `unsafe`: a global allocator cannot be written without.
#[allow(unsafe_code)]
mod implementation {
    use super::{CountingAlloc, GlobalAlloc, Layout, System};

    // SAFETY: every method hands its arguments unchanged to `System`, which keeps the contract; counting neither allocates nor panics.
    unsafe impl GlobalAlloc for CountingAlloc {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            self.note(layout.size());
            // SAFETY: the caller's promise about `layout` is passed on.
            unsafe { System.alloc(layout) }
        }
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            self.note(layout.size());
            // SAFETY: the caller's promise about `layout` is passed on.
            unsafe { System.alloc_zeroed(layout) }
        }
        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            self.note(size);
            // SAFETY: the caller's promises about `block`, `layout` and `size` are passed on; `block` came from `System`.
            unsafe { System.realloc(block, layout, size) }
        }
        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's promises are passed on; `block` came from `System`.
            unsafe { System.dealloc(block, layout) }
        }
    }
}
