//! The two hash functions by which Keras spreads texts over buckets. They are parts of its numbers, so they are written here once and for all.

const K0: u64 = 0xc3a5_c85c_97cb_3127;
const K1: u64 = 0xb492_b66f_be98_f273;
const K2: u64 = 0x9ae1_6a3b_2f90_404f;

/// A little-endian word at a place, zeros behind the end.
fn word(s: &[u8], at: usize) -> u64 {
    s.iter().skip(at).take(8).rev().fold(0, |word, &byte| (word << 8) | u64::from(byte))
}
fn shift_mix(v: u64) -> u64 {
    v ^ (v >> 47)
}
fn mix(u: u64, v: u64, mul: u64) -> u64 {
    let a = shift_mix((u ^ v).wrapping_mul(mul));
    shift_mix((v ^ a).wrapping_mul(mul)).wrapping_mul(mul)
}
/// Sums of 32 bytes with two seeds.
fn weak(s: &[u8], at: usize, a: u64, b: u64) -> (u64, u64) {
    let [w, x, y, z] = [0, 8, 16, 24].map(|i| word(s, at + i));
    let a = a.wrapping_add(w);
    let b = b.wrapping_add(a).wrapping_add(z).rotate_right(21);
    let sum = a.wrapping_add(x).wrapping_add(y);
    (sum.wrapping_add(z), b.wrapping_add(sum.rotate_right(44)).wrapping_add(a))
}

/// `FarmHash64` as fingerprints have it, the same on every machine (`farmhashna::Hash64` of Google's `FarmHash` 1.1).
pub(super) fn farm(s: &[u8]) -> u64 {
    let len = s.len();
    let mul = K2.wrapping_add(len as u64 * 2);
    let [first, second] = [word(s, 0), word(s, 8)];
    // The words before the end, counted in bytes.
    let last = |before: usize| word(s, len - before);
    match len {
        0 => K2,
        1..=3 => {
            let y = u64::from(s[0]) + (u64::from(s[len / 2]) << 8);
            let z = len as u64 + (u64::from(s[len - 1]) << 2);
            shift_mix(y.wrapping_mul(K2) ^ z.wrapping_mul(K0)).wrapping_mul(K2)
        }
        4..=7 => mix(len as u64 + ((first & 0xffff_ffff) << 3), last(4) & 0xffff_ffff, mul),
        8..=16 => {
            let (a, b) = (first.wrapping_add(K2), last(8));
            let c = b.rotate_right(37).wrapping_mul(mul).wrapping_add(a);
            let d = a.rotate_right(25).wrapping_add(b).wrapping_mul(mul);
            mix(c, d, mul)
        }
        17..=64 => {
            let start = if len <= 32 { K1 } else { K2 };
            let a = first.wrapping_mul(start);
            let c = last(8).wrapping_mul(mul);
            let d = last(16).wrapping_mul(K2);
            let y = a.wrapping_add(second).rotate_right(43).wrapping_add(c.rotate_right(30)).wrapping_add(d);
            let z = mix(y, a.wrapping_add(second.wrapping_add(K2).rotate_right(18)).wrapping_add(c), mul);
            if len <= 32 {
                return z;
            }
            let (e, f) = (word(s, 16).wrapping_mul(mul), word(s, 24));
            let g = y.wrapping_add(last(32)).wrapping_mul(mul);
            let h = z.wrapping_add(last(24)).wrapping_mul(mul);
            let u = e.wrapping_add(f).rotate_right(43).wrapping_add(g.rotate_right(30)).wrapping_add(h);
            mix(u, e.wrapping_add(f.wrapping_add(a).rotate_right(18)).wrapping_add(g), mul)
        }
        _ => farm_long(s),
    }
}

/// What goes from block to block.
struct Blocks {
    x: u64,
    y: u64,
    z: u64,
    v: (u64, u64),
    w: (u64, u64),
}

impl Blocks {
    /// Takes in the 64 bytes from a place on.
    fn absorb(&mut self, s: &[u8], at: usize, mul: u64, times: u64) {
        let Self { x, y, z, v, w } = self;
        *x = x.wrapping_add(*y).wrapping_add(v.0).wrapping_add(word(s, at + 8)).rotate_right(37).wrapping_mul(mul);
        *y = y.wrapping_add(v.1).wrapping_add(word(s, at + 48)).rotate_right(42).wrapping_mul(mul);
        *x ^= w.1.wrapping_mul(times);
        *y = y.wrapping_add(v.0.wrapping_mul(times)).wrapping_add(word(s, at + 40));
        *z = z.wrapping_add(w.0).rotate_right(33).wrapping_mul(mul);
        *v = weak(s, at, v.1.wrapping_mul(mul), x.wrapping_add(w.0));
        *w = weak(s, at + 32, z.wrapping_add(w.1), y.wrapping_add(word(s, at + 16)));
        std::mem::swap(z, x);
    }
}

/// Blocks of 64 bytes, then the last 64 once more.
fn farm_long(s: &[u8]) -> u64 {
    const SEED: u64 = 81;
    let rest = (s.len() - 1) % 64;
    let end = s.len() - 1 - rest;
    let y = SEED.wrapping_mul(K1).wrapping_add(113);
    let z = shift_mix(y.wrapping_mul(K2).wrapping_add(113)).wrapping_mul(K2);
    let mut b = Blocks { x: SEED.wrapping_mul(K2).wrapping_add(word(s, 0)), y, z, v: (0, 0), w: (0, 0) };
    for at in (0..end).step_by(64) {
        b.absorb(s, at, K1, 1);
    }
    let mul = K1.wrapping_add((b.z & 0xff) << 1);
    b.w.0 = b.w.0.wrapping_add(rest as u64);
    b.v.0 = b.v.0.wrapping_add(b.w.0);
    b.w.0 = b.w.0.wrapping_add(b.v.0);
    b.absorb(s, end + rest - 63, mul, 9);
    let left = mix(b.v.0, b.w.0, mul).wrapping_add(shift_mix(b.y).wrapping_mul(K0)).wrapping_add(b.z);
    mix(left, mix(b.v.1, b.w.1, mul).wrapping_add(b.x), mul)
}

/// `SipHash-2-4` with a key (Aumasson and Bernstein 2012).
pub(super) fn sip(s: &[u8], key: [u64; 2]) -> u64 {
    let mut v =
        [key[0] ^ 0x736f_6d65_7073_6575, key[1] ^ 0x646f_7261_6e64_6f6d, key[0] ^ 0x6c79_6765_6e65_7261, key[1] ^ 0x7465_6462_7974_6573];
    let mut absorb = |word: u64, before: usize, after: usize| {
        v[3] ^= word;
        for _ in 0..before {
            sip_round(&mut v);
        }
        v[0] ^= word;
        if after > 0 {
            v[2] ^= 0xff;
        }
        for _ in 0..after {
            sip_round(&mut v);
        }
    };
    let whole = s.len() / 8 * 8;
    for at in (0..whole).step_by(8) {
        absorb(word(s, at), 2, 0);
    }
    absorb(word(s, whole) | ((s.len() as u64) << 56), 2, 4);
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

/// TensorFlow's fingerprint of two fingerprints, by which columns are crossed.
pub(super) fn cross(a: u64, b: u64) -> u64 {
    const MUL: u64 = 0xc6a4_a793_5bd1_e995;
    let mixed = a ^ MUL ^ shift_mix(b.wrapping_mul(MUL)).wrapping_mul(MUL);
    shift_mix(shift_mix(mixed.wrapping_mul(MUL)).wrapping_mul(MUL))
}

#[cfg(test)]
mod tests {
    use super::{cross, farm, sip};

    /// The published vector: the key 0, 1, .. 15 and the text 0, 1, .. 14.
    #[test]
    fn siphash_is_that_of_its_paper() {
        let text: Vec<u8> = (0..15).collect();
        assert_eq!(sip(&text, [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908]), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn other_texts_have_other_hashes() {
        let all: std::collections::BTreeSet<u64> = (0..200).map(|n| farm(&vec![b'a'; n])).chain((0..200).map(|n| cross(n, 7))).collect();
        assert_eq!(all.len(), 400);
    }
}
