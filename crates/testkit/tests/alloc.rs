//! The counting allocator counts.

use adaline_testkit::alloc::{CountingAlloc, peak_of};
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

#[test]
fn the_peak_of_a_thread_is_told() {
    let kept: Vec<u8> = black_box(vec![1; 5000]);
    let (length, peak) = peak_of(|| {
        let first: Vec<u8> = black_box(Vec::with_capacity(3000));
        drop(first);
        let mut second: Vec<u8> = black_box(vec![0; 1000]);
        second.resize(4000, 1);
        black_box(&second).len() + kept.len()
    });
    assert_eq!(length, 9000);
    assert!((4000..10_000).contains(&peak), "{peak}");
    assert_eq!(peak_of(|| ()).1, 0);
}
