//! What this machine can do at most: multiply-adds from registers and bytes from memory.
//!
//! Measured, not looked up, so that a report can say which share of it a program reaches.

use crate::pool::Pool;
use crate::simd::{Isa, Simd, WithSimd, dispatch};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sizes of the caches, bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caches {
    /// First-level data cache of one core.
    pub l1: usize,
    /// Second-level cache of one core.
    pub l2: usize,
    /// Third-level cache that the cores share; 0 where there is none.
    pub l3: usize,
}

impl Default for Caches {
    /// What is assumed where the system does not tell.
    fn default() -> Self {
        Self { l1: 32 << 10, l2: 1 << 20, l3: 8 << 20 }
    }
}

impl Caches {
    /// What Linux tells of the first core under `/sys`; elsewhere [`Caches::default`].
    pub fn detect() -> Self {
        Self::read(Path::new("/sys/devices/system/cpu/cpu0/cache")).unwrap_or_default()
    }

    /// From the folder of one core: `index0/{level,type,size}` and so on.
    fn read(folder: &Path) -> Option<Self> {
        let mut found = Self { l1: 0, l2: 0, l3: 0 };
        for index in 0..8 {
            let text = |name: &str| std::fs::read_to_string(folder.join(format!("index{index}")).join(name)).ok();
            let (Some(level), Some(kind), Some(size)) = (text("level"), text("type"), text("size")) else { continue };
            let Some(bytes) = parse_size(size.trim()).filter(|_| kind.trim() != "Instruction") else { continue };
            match level.trim() {
                "1" => found.l1 = bytes,
                "2" => found.l2 = bytes,
                "3" => found.l3 = bytes,
                _ => {}
            }
        }
        (found.l1 > 0 && found.l2 > 0).then_some(found)
    }
}

/// `48K`, `1024K`, `32M`.
fn parse_size(text: &str) -> Option<usize> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (text.strip_suffix('K')?, 10),
        b'M' => (text.strip_suffix('M')?, 20),
        b'G' => (text.strip_suffix('G')?, 30),
        _ => (text, 0),
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}

/// A place where data may lie between two uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// The first-level caches of all cores that run.
    L1,
    /// Their second-level caches.
    L2,
    /// The third-level cache that they share.
    L3,
    /// Memory.
    Ram,
}

impl Level {
    /// All, the nearest first.
    pub const ALL: [Self; 4] = [Self::L1, Self::L2, Self::L3, Self::Ram];
    /// `l1`, `l2`, `l3` or `memory`.
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "l1",
            Self::L2 => "l2",
            Self::L3 => "l3",
            Self::Ram => "memory",
        }
    }
}

/// 10⁹ bytes per second of two patterns; the best of several short runs.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Bandwidth {
    /// Triad `a = b + s·c`: 12 bytes read and written per element, what a cache line loads before it is overwritten not counted.
    pub triad_gbs: f64,
    /// A sum: 4 bytes read per element.
    pub read_gbs: f64,
}

impl Bandwidth {
    /// The better pattern: what no mixture of reads and writes was seen to pass.
    pub fn best(self) -> f64 {
        self.triad_gbs.max(self.read_gbs)
    }
}

/// Measured ceilings of some threads together. The best of several short runs, since other programs can only take away.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ceiling {
    /// Threads that ran.
    pub threads: usize,
    /// Instruction set that ran.
    pub isa: Isa,
    /// Fused multiply-adds on `f32` in registers, 10⁹ floating-point operations per second (two each).
    pub gflops_f32: f64,
    /// Sizes that the levels are told apart by.
    pub caches: Caches,
    /// Half of L1 in use.
    pub l1: Bandwidth,
    /// Three eighths of L2 in use.
    pub l2: Bandwidth,
    /// Arrays beyond L2 that L3 holds; nothing where there is no such size.
    pub l3: Option<Bandwidth>,
    /// Arrays beyond all caches.
    pub ram: Bandwidth,
}

impl Ceiling {
    /// The nearest level that holds so many bytes, shared out over the threads.
    pub fn level_of(&self, bytes: u64) -> Level {
        let Caches { l1, l2, l3 } = self.caches;
        let holds = |size: usize| bytes <= size as u64;
        if holds(l1.saturating_mul(self.threads)) {
            Level::L1
        } else if holds(l2.saturating_mul(self.threads)) {
            Level::L2
        } else if self.l3.is_some() && holds(l3) {
            Level::L3
        } else {
            Level::Ram
        }
    }
    /// Bandwidth of a level (of memory where there is no third level).
    pub fn bandwidth(&self, level: Level) -> Bandwidth {
        match level {
            Level::L1 => self.l1,
            Level::L2 => self.l2,
            Level::L3 => self.l3.unwrap_or(self.ram),
            Level::Ram => self.ram,
        }
    }
}

/// Independent chains of multiply-adds: enough for the latency, few enough for 16 registers.
const CHAINS: usize = 12;
/// Multiply-adds of each chain in one run: about a millisecond.
const LENGTH: usize = 250_000;
/// Least and most elements per array and thread beyond the caches: 24 and 128 MiB.
const LARGE: (usize, usize) = (6 << 20, 32 << 20);
/// Elements that one run within a cache goes through: about a tenth of a millisecond.
const WITHIN: usize = 1 << 20;

struct Peak;
impl WithSimd for Peak {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        // Opaque factors, so that nothing is computed beforehand; the values stay near 1.
        let (a, b) = (s.splat(std::hint::black_box(0.999)), s.splat(std::hint::black_box(0.001)));
        let mut acc = [s.splat(1.0); CHAINS];
        for _ in 0..LENGTH {
            for x in &mut acc {
                *x = s.mul_add(*x, a, b);
            }
        }
        let sum = acc.into_iter().fold(s.splat(0.0), |sum, x| s.add(sum, x));
        let mut first = [0.0];
        s.write(&mut first, sum);
        first[0]
    }
}

struct Lanes;
impl WithSimd for Lanes {
    type Output = usize;
    fn run<S: Simd>(self, _: S) -> usize {
        S::LANES
    }
}

struct Triad<'a> {
    a: &'a mut [f32],
    b: &'a [f32],
    c: &'a [f32],
    repeats: usize,
}
impl WithSimd for Triad<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let factor = s.splat(std::hint::black_box(3.0));
        for _ in 0..self.repeats {
            for ((a, b), c) in self.a.chunks_exact_mut(S::LANES).zip(self.b.chunks_exact(S::LANES)).zip(self.c.chunks_exact(S::LANES)) {
                s.write(a, s.mul_add(s.read(c), factor, s.read(b)));
            }
            std::hint::black_box(&mut *self.a);
        }
    }
}

struct Sum<'a> {
    b: &'a [f32],
    repeats: usize,
}
impl WithSimd for Sum<'_> {
    type Output = f32;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let mut acc = [s.splat(0.0); 8];
        for _ in 0..self.repeats {
            for chunk in std::hint::black_box(self.b).chunks_exact(8 * S::LANES) {
                for (x, part) in acc.iter_mut().zip(chunk.chunks_exact(S::LANES)) {
                    *x = s.add(*x, s.read(part));
                }
            }
        }
        let sum = acc.into_iter().fold(s.splat(0.0), |sum, x| s.add(sum, x));
        let mut first = [0.0];
        s.write(&mut first, sum);
        first[0]
    }
}

/// The shortest of the times that `f` takes within `limit` (at least two runs, after one to warm up).
fn fastest(limit: Duration, mut f: impl FnMut()) -> f64 {
    f();
    let start = Instant::now();
    let mut best = f64::INFINITY;
    let mut runs = 0;
    while runs < 2 || start.elapsed() < limit {
        let run = Instant::now();
        f();
        best = best.min(run.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Measures with `threads` threads for about a second.
pub fn measure_ceiling(threads: usize) -> Ceiling {
    let isa = Isa::best();
    let pool = Pool::new(threads);
    let threads = pool.threads();
    let lanes = dispatch(isa, Lanes);
    let caches = Caches::detect();

    // Twice as many tasks as threads would even out a late worker; one each is what a peak means.
    let seconds = fastest(Duration::from_millis(120), || {
        pool.run(threads, &|_, _| {
            std::hint::black_box(dispatch(isa, Peak));
        });
    });
    let gflops_f32 = (2 * CHAINS * LENGTH * lanes * threads) as f64 / seconds / 1e9;

    let l1 = bandwidth(&pool, isa, caches.l1 / 2 / 12, 60);
    let l2 = bandwidth(&pool, isa, caches.l2 * 3 / 8 / 12, 60);
    // Four times the second level, so that most of it comes from the third; less than half of that, which other programs use too.
    let far = (4 * caches.l2 * threads).min(caches.l3 / 2);
    let l3 = (far > 2 * caches.l2 * threads).then(|| bandwidth(&pool, isa, far / threads / 12, 80));
    // Three arrays of all threads together are four times the third level.
    let large = (caches.l3 / threads / 3).clamp(LARGE.0, LARGE.1);
    let ram = bandwidth(&pool, isa, large, 150);
    Ceiling { threads, isa, gflops_f32, caches, l1, l2, l3, ram }
}

/// With arrays of so many elements for each thread, for so many milliseconds.
fn bandwidth(pool: &Pool, isa: Isa, elements: usize, limit: u64) -> Bandwidth {
    let elements = (elements / 128 * 128).max(128);
    let repeats = (WITHIN / elements).max(1);
    let threads = pool.threads();
    // Each thread fills its own, so that the pages lie near it.
    let arrays: Vec<Mutex<[Vec<f32>; 3]>> = (0..threads).map(|_| Mutex::new([Vec::new(), Vec::new(), Vec::new()])).collect();
    let with = |task: usize, f: &dyn Fn(&mut [Vec<f32>; 3])| f(&mut arrays[task].lock().unwrap_or_else(PoisonError::into_inner));
    pool.run(threads, &|task, _| with(task, &|all| *all = [vec![0.5; elements], vec![1.0; elements], vec![2.0; elements]]));
    let triad = fastest(Duration::from_millis(limit), || {
        pool.run(threads, &|task, _| with(task, &|[a, b, c]| dispatch(isa, Triad { a, b, c, repeats })));
    });
    // One array three times is as much as three arrays once; beyond the caches all three are read.
    let read = fastest(Duration::from_millis(limit / 2), || {
        pool.run(threads, &|task, _| {
            with(task, &|all| {
                for b in all.iter() {
                    std::hint::black_box(dispatch(isa, Sum { b, repeats }));
                }
            });
        });
    });
    let bytes = (12 * elements * repeats * threads) as f64 / 1e9;
    Bandwidth { triad_gbs: bytes / triad, read_gbs: bytes / read }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_are_plausible() {
        let one = measure_ceiling(1);
        assert_eq!(one.threads, 1);
        assert!(one.gflops_f32.is_finite() && one.gflops_f32 > 0.01, "{one:?}");
        for level in Level::ALL {
            let b = one.bandwidth(level);
            assert!(b.triad_gbs.is_finite() && b.triad_gbs > 0.05, "{one:?}");
            assert!(b.read_gbs.is_finite() && b.read_gbs > 0.05, "{one:?}");
        }
        assert!(one.l2.best() > one.ram.best() * 0.5, "{one:?}");
    }

    #[test]
    fn levels_are_told_apart_by_size() {
        let b = Bandwidth { triad_gbs: 2.0, read_gbs: 3.0 };
        let caches = Caches { l1: 100, l2: 1000, l3: 10_000 };
        let mut c =
            Ceiling { threads: 2, isa: Isa::Portable, gflops_f32: 1.0, caches, l1: b, l2: b, l3: Some(b), ram: Bandwidth::default() };
        assert_eq!([200, 201, 2000, 2001, 10_000, 10_001].map(|n| c.level_of(n)), {
            use Level::{L1, L2, L3, Ram};
            [L1, L2, L2, L3, L3, Ram]
        });
        assert_eq!(c.bandwidth(Level::L3).best(), 3.0);
        c.l3 = None;
        assert_eq!(c.level_of(5000), Level::Ram);
    }

    #[test]
    fn sizes_as_the_system_writes_them() {
        assert_eq!(["48K", "1024K", "32M", "512", "x", "", "K"].map(parse_size), {
            [Some(48 << 10), Some(1 << 20), Some(32 << 20), Some(512), None, None, None]
        });
        assert_eq!(Caches::read(Path::new("/no/such/folder")), None);
        let here = Caches::detect();
        assert!(here.l1 > 0 && here.l2 >= here.l1, "{here:?}");
    }
}
