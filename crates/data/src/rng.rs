//! Random order that never changes: `ChaCha8` as RFC 8439 lays it out, with our own seeding, bounded draw and shuffle,
//! so that a new version of a library cannot change which rows someone trains on.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub(crate) struct Random(ChaCha8Rng);

impl Random {
    /// The 64-bit seed is stretched to the 256-bit key with `SplitMix64` (Steele, Lea, Flood 2014).
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut key = [0u8; 32];
        for chunk in key.chunks_exact_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// A number from 0 to `bound - 1`, each equally likely (Lemire 2019, with rejection). `bound` must not be 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.0.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn order_is_pinned() {
        let mut items: Vec<u8> = (0..10).collect();
        Random::new(42).shuffle(&mut items);
        assert_eq!(items, ORDER_42);
        let mut again: Vec<u8> = (0..10).collect();
        Random::new(42).shuffle(&mut again);
        assert_eq!(items, again);
    }

    /// From this code at its first writing: whoever changes it changes everybody's splits.
    const ORDER_42: [u8; 10] = [6, 4, 3, 2, 9, 8, 5, 7, 0, 1];

    #[test]
    fn draws_are_even() {
        let mut random = Random::new(7);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[random.below(6) as usize] += 1;
        }
        // 10,000 expected each, standard deviation 91
        assert!(counts.iter().all(|&c| c.abs_diff(10_000) < 400), "{counts:?}");
        assert_eq!(random.below(1), 0);
    }
}
