//! The counting allocator counts.

use adaline_testkit::alloc::CountingAlloc;
use std::hint::black_box;

#[global_allocator]
static ALLOC: CountingAlloc = CountingAlloc::new();

#[test]
fn allocations_are_counted() {
    // Other threads of the test harness may allocate too, so there are only lower bounds here.
    let (count, bytes) = (ALLOC.allocations(), ALLOC.bytes());
    let mut v: Vec<u8> = black_box(Vec::with_capacity(1000));
    v.resize(2000, 1);
    black_box(&v);
    assert!(ALLOC.allocations() >= count + 2);
    assert!(ALLOC.bytes() >= bytes + 3000);
    // Quiet stretches exist: arithmetic allocates nothing.
    let quiet = (0..100).any(|_| {
        let before = ALLOC.allocations();
        black_box((0..1000u64).fold(0, |a, b| a ^ black_box(b)));
        ALLOC.allocations() == before
    });
    assert!(quiet);
}
