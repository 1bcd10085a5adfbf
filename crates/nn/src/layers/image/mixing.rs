//! What mixes the images of a batch: random orders and shares.

use super::common::uniform;
use crate::Trace;
use crate::layers::common::draw;
use adaline_graph::{DType, Distribution, Var};

/// The images in a random order.
pub(super) fn shuffled<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, x: Var<'g>) -> Var<'g> {
    let (shape, n) = (x.shape(), x.dim(0));
    let keys = uniform(cx, own, [n], (0.0, 1.0));
    let (mine, others) = (keys.reshape([n, 1]), keys.reshape([1, n]));
    let b = cx.builder();
    // How many keys come before each, (B, B) -> (B): a permutation. Equal keys keep their order.
    let earlier = b.iota([1, n], 1).lt(b.iota([n, 1], 0));
    let before = others.lt(mine).or(others.equal(mine).and(earlier));
    let order = before.cast(DType::F32).sum(&[1], false).cast(DType::I32);
    x.reshape([1, n, shape.len() / n.max(1)]).gather(order.reshape([1, n])).reshape(shape)
}

/// Rounds of Marsaglia's and Tsang's method: each succeeds with a probability of 0.95 or more, all fail with one of at most 2e-8.
const ROUNDS: usize = 6;

/// One number of the beta distribution with both parameters `alpha` (of one element) for each image, `(B, 1, 1, 1)`.
pub(super) fn beta<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, x: Var<'g>, alpha: Var<'g>) -> Var<'g> {
    let n = x.dim(0);
    let (first, second) = (log_gamma(cx, own, n, alpha), log_gamma(cx, own, n, alpha));
    // a / (a + b)
    (first - second).sigmoid().reshape([n, 1, 1, 1])
}

/// Logarithms of numbers of the gamma distribution, `(1, B)`: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000,
/// for `alpha + 1`, times `u^(1 / alpha)`. Logarithms, because small parameters make numbers that no float can hold.
pub(super) fn log_gamma<'g>(cx: &mut Trace<'g, '_>, own: Option<i64>, n: usize, alpha: Var<'g>) -> Var<'g> {
    let normals = draw(cx, Distribution::Normal, own, [ROUNDS, n]);
    // From above 0 to 1, so that logarithms are finite.
    let mut uniforms = |rounds: usize| 1.0 - uniform(cx, own, [rounds, n], (0.0, 1.0));
    let (tests, powers) = (uniforms(ROUNDS), uniforms(1));
    let alpha = alpha.reshape([1, 1]);
    let d = alpha + 2.0 / 3.0;
    let root = 1.0 + normals * (d * 9.0).rsqrt();
    let v = (root * root * root).max_scalar(f32::MIN_POSITIVE);
    let limit = normals.square() * 0.5 + d - d * v + d * v.log();
    let accepted = root.gt_scalar(0.0).and(tests.log().lt(limit));
    let round = |x: Var<'g>, r: usize| x.slice(&[(r, r + 1, 1), (0, n, 1)]);
    let number = (0..ROUNDS - 1).rev().fold(round(v, ROUNDS - 1), |later, r| round(accepted, r).select(round(v, r), later));
    (number * d).log() + powers.log() / alpha
}
