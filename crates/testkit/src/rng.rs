//! A small seeded generator for test values (`SplitMix64`: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).

use adaline_graph::eval::Value;
use adaline_graph::{DType, TensorType};

/// A seeded generator: equal seeds, equal tests.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// A number below `n`, which is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
    /// True once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// A tensor: floats exactly representable in `f32` in [-2, 2), integers in 0..10, truth values of a coin.
    pub fn value(&mut self, ty: TensorType) -> Value {
        let one = |rng: &mut Self| match ty.dtype {
            DType::F32 => f64::from(rng.uniform(-2.0, 2.0) as f32),
            DType::I32 => rng.below(10) as f64,
            DType::Bool => rng.below(2) as f64,
        };
        Value::of(ty, (0..ty.len()).map(|_| one(self)).collect())
    }
}
