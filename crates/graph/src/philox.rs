//! Philox-4x32-10, the counter-based generator behind every random number of Adaline.
//!
//! Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A number is a pure function of
//! (seed, stream, step, element), so neither threads, fusion nor order of evaluation can change it.

const M0: u32 = 0xD251_1F53;
const M1: u32 = 0xCD9E_8D57;
const W0: u32 = 0x9E37_79B9;
const W1: u32 = 0xBB67_AE85;

/// Ten rounds: four words from a counter and a key.
pub fn philox4x32(mut c: [u32; 4], mut k: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p0 = u64::from(M0) * u64::from(c[0]);
        let p1 = u64::from(M1) * u64::from(c[2]);
        c = [(p1 >> 32) as u32 ^ c[1] ^ k[0], p1 as u32, (p0 >> 32) as u32 ^ c[3] ^ k[1], p0 as u32];
        k = [k[0].wrapping_add(W0), k[1].wrapping_add(W1)];
    }
    c
}

/// One stream of numbers: fixed seed, stream and step; addressed by element.
#[derive(Clone, Copy, Debug)]
pub struct Philox {
    key: [u32; 2],
    stream: [u32; 2],
    step: u32,
}

impl Philox {
    /// The numbers of `stream` at `step`.
    pub fn new(seed: u64, stream: u64, step: u32) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32], stream: [stream as u32, (stream >> 32) as u32], step }
    }
    /// Words `4·block .. 4·block + 4`.
    pub fn block(&self, block: u32) -> [u32; 4] {
        philox4x32([block, self.step, self.stream[0], self.stream[1]], self.key)
    }
    /// The blocks `first .. first + N`, the first words of all of them before their second words: written so that it becomes wide
    /// instructions.
    pub fn blocks<const N: usize>(&self, first: u32) -> [[u32; N]; 4] {
        let mut c0: [u32; N] = std::array::from_fn(|i| first.wrapping_add(i as u32));
        let (mut c1, mut c2, mut c3) = ([self.step; N], [self.stream[0]; N], [self.stream[1]; N]);
        let mut k = self.key;
        for _ in 0..10 {
            for i in 0..N {
                let p0 = u64::from(M0) * u64::from(c0[i]);
                let p1 = u64::from(M1) * u64::from(c2[i]);
                c0[i] = (p1 >> 32) as u32 ^ c1[i] ^ k[0];
                c1[i] = p1 as u32;
                c2[i] = (p0 >> 32) as u32 ^ c3[i] ^ k[1];
                c3[i] = p0 as u32;
            }
            k = [k[0].wrapping_add(W0), k[1].wrapping_add(W1)];
        }
        [c0, c1, c2, c3]
    }
    /// Word of an element.
    pub fn word(&self, element: u64) -> u32 {
        self.block((element / 4) as u32)[(element % 4) as usize]
    }
    /// Uniform in [0, 1) with 24 bits.
    pub fn uniform(&self, element: u64) -> f32 {
        uniform(self.word(element))
    }
    /// Standard normal: elements 2i and 2i+1 are the cosine and sine of one Box–Muller pair, computed in `f64` by a portable library.
    pub fn normal(&self, element: u64) -> f32 {
        let words = self.block((element / 4) as u32);
        let pair = (element % 4) as usize & 2;
        // (0, 1], so that the logarithm is finite.
        let u1 = (f64::from(words[pair]) + 1.0) / 4294967296.0;
        let angle = 2.0 * std::f64::consts::PI * f64::from(words[pair + 1]) / 4294967296.0;
        let r = libm::sqrt(-2.0 * libm::log(u1));
        (r * if element.is_multiple_of(2) { libm::cos(angle) } else { libm::sin(angle) }) as f32
    }
    /// Uniform numbers in `[low, high)`, element by element, several blocks at a time.
    pub fn fill_uniform(&self, low: f64, high: f64, out: &mut [f32]) {
        const BLOCKS: usize = 16;
        for (chunk, values) in out.chunks_mut(4 * BLOCKS).enumerate() {
            let words = self.blocks::<BLOCKS>((chunk * BLOCKS) as u32);
            let numbers = words.map(|w| w.map(|word| (low + (high - low) * f64::from(uniform(word))) as f32));
            for (block, four) in values.chunks_mut(4).enumerate() {
                for (v, number) in four.iter_mut().zip(&numbers) {
                    *v = number[block];
                }
            }
        }
    }
    /// Normal numbers, element by element.
    pub fn fill_normal(&self, mean: f64, stddev: f64, out: &mut [f32]) {
        for (e, v) in out.iter_mut().enumerate() {
            *v = (mean + stddev * f64::from(self.normal(e as u64))) as f32;
        }
    }
}

/// A word as a uniform number in [0, 1).
pub fn uniform(word: u32) -> f32 {
    (word >> 8) as f32 / 16777216.0
}

/// A stable 64-bit hash (FNV-1a) of a layer path: the stream of its random numbers.
pub fn stream_of(path: &str) -> u64 {
    path.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A permutation of `0..n`, a pure function of (seed, stream, step): Fisher–Yates on Philox words.
pub fn permutation(n: usize, seed: u64, stream: u64, step: u32) -> Vec<u32> {
    let rng = Philox::new(seed, stream, step);
    let mut p: Vec<u32> = (0..n as u32).collect();
    let mut words = [0; 4];
    for (drawn, i) in (1..n).rev().enumerate() {
        if drawn % 4 == 0 {
            words = rng.block((drawn / 4) as u32);
        }
        // Multiply-shift: bias below n / 2^32.
        let j = (u64::from(words[drawn % 4]) * (i as u64 + 1)) >> 32;
        p.swap(i, j as usize);
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_of_the_random123_distribution() {
        assert_eq!(philox4x32([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(philox4x32([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(philox4x32(pi, [0xa409_3822, 0x299f_31d0]), [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn blocks_at_once_are_the_blocks_one_by_one() {
        let r = Philox::new(0x1234_5678_9abc_def0, 0xfedc_ba98_7654_3210, 7);
        for first in [0, 5, u32::MAX - 3] {
            let many = r.blocks::<8>(first);
            for i in 0..8 {
                assert_eq!(many.map(|words| words[i]), r.block(first.wrapping_add(i as u32)));
            }
        }
    }

    #[test]
    fn permutation_is_one_and_depends_on_the_step() {
        let p = permutation(1000, 7, 1, 0);
        let mut sorted = p.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &v)| i == v as usize));
        assert_eq!(p, permutation(1000, 7, 1, 0));
        assert_ne!(p, permutation(1000, 7, 1, 1));
        assert_eq!(permutation(0, 7, 1, 0), Vec::<u32>::new());
    }

    #[test]
    fn normal_has_its_moments() {
        let r = Philox::new(1, 2, 3);
        let v: Vec<f64> = (0..20_000).map(|i| f64::from(r.normal(i))).collect();
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        let var = v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / v.len() as f64;
        assert!(mean.abs() < 0.03 && (var - 1.0).abs() < 0.05, "mean {mean}, variance {var}");
    }
}
