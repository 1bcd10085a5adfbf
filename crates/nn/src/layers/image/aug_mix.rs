//! `AugMix`: images mixed with several augmentations of themselves.

use super::{
    augmentations::Augmentations,
    common::{BYTES, Bounds, Factor, Interpolation, Random, augment, check_range, random_builder, uniform, value_range_builder},
    mixing::log_gamma,
};
use crate::{
    Layer, Trace,
    keras::{ConfigError, KerasObject, check},
    layers::common::{LayerCommon, layer_builder, layer_identity, layer_methods},
};
use adaline_graph::Var;
use serde::{Deserialize, Serialize};

/// In training, `num_chains` times up to `chain_depth` augmentations one after the other (Hendrycks et al. 2019), mixed by weights of a Dirichlet
/// distribution, and the mixture with the images by a share of a beta distribution, both with the parameter `alpha`; then clipped to `value_range`.
///
/// An augmentation is one of those of [`RandAugment`](super::RandAugment), drawn anew each time, or, as often as each of them, none. Without
/// `all_ops` brightness, color degeneration, contrast and sharpness are not among them. As in Keras choices, weights and share are the same for
/// the whole batch; all augmentations are computed in each place of each chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AugMix {
    common: LayerCommon,
    random: Random,
    value_range: [f64; 2],
    num_chains: usize,
    chain_depth: usize,
    factor: Bounds<0>,
    alpha: f64,
    all_ops: bool,
    interpolation: Interpolation,
}

impl Default for AugMix {
    fn default() -> Self {
        Self {
            common: LayerCommon::default(),
            random: Random::default(),
            value_range: BYTES,
            num_chains: 3,
            chain_depth: 3,
            factor: Bounds(0.0, 0.3),
            alpha: 1.0,
            all_ops: true,
            interpolation: Interpolation::default(),
        }
    }
}

layer_builder!(AugMix, "AugMix", []);
random_builder!(AugMix);
value_range_builder!(AugMix);

/// Most augmentations in all chains: the graph grows with each.
const MOST: usize = 32;

impl AugMix {
    /// Three chains of three augmentations of at most 0.3 of the strength for values from 0 to 255.
    pub fn new() -> Self {
        Self::default()
    }
    /// How many chains.
    pub fn num_chains(mut self, num_chains: usize) -> Self {
        self.num_chains = num_chains;
        self
    }
    /// Most augmentations in a chain.
    pub fn chain_depth(mut self, chain_depth: usize) -> Self {
        self.chain_depth = chain_depth;
        self
    }
    /// Bounds of their strength, from 0 to 1.
    pub fn factor(mut self, factor: impl Into<Factor>) -> Self {
        self.factor = factor.into().into();
        self
    }
    /// The parameter of both distributions: the larger, the nearer to equal shares.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.alpha = alpha;
        self
    }
    /// Whether brightness, color degeneration, contrast and sharpness are among the augmentations.
    pub fn all_ops(mut self, all_ops: bool) -> Self {
        self.all_ops = all_ops;
        self
    }
    /// `Nearest` or `Bilinear` (the default), where pixels move.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.interpolation = interpolation;
        self
    }
    fn augmentations(&self) -> Augmentations {
        Augmentations::new(&self.random, self.value_range, self.factor, self.interpolation, self.all_ops)
    }
    /// `n` shares of a Dirichlet distribution, `(1, n)`: gamma numbers over their sum.
    fn shares<'g>(&self, cx: &mut Trace<'g, '_>, n: usize) -> Var<'g> {
        let alpha = cx.builder().full([1], self.alpha as f32);
        log_gamma(cx, self.random.seed, n, alpha).softmax(-1)
    }
}

impl KerasObject for AugMix {
    layer_identity!("AugMix");
    fn validate(&self) -> Result<(), ConfigError> {
        let class = "AugMix";
        let Bounds(low, high) = self.factor;
        let fits = (0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high);
        check(fits, class, "factor", "one or two numbers from 0 to 1", format!("[{low}, {high}]"))?;
        check(self.num_chains >= 1, class, "num_chains", "at least 1", self.num_chains)?;
        let few = self.num_chains.checked_mul(self.chain_depth.max(1)).is_some_and(|n| n <= MOST);
        let got = format!("{} with num_chains {}", self.chain_depth, self.num_chains);
        check(few, class, "chain_depth", &format!("at most {MOST} augmentations in all chains"), got)?;
        check(self.alpha > 0.0 && self.alpha.is_finite(), class, "alpha", "a finite number above 0", self.alpha)?;
        self.augmentations().sampling().check(class)?;
        check_range(class, self.value_range)
    }
}

impl Layer for AugMix {
    layer_methods!();
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        augment(cx, "AugMix", self.random.data_format, inputs, |cx, x| {
            let all = self.augmentations();
            // The number behind the last stands for none.
            let choices = uniform(cx, self.random.seed, [self.num_chains * self.chain_depth], (0.0, (all.count() + 1) as f64)).floor();
            let (weights, share) = (self.shares(cx, self.num_chains), self.shares(cx, 2));
            let number = |v: Var<'g>, at: usize| v.slice(&[(0, 1, 1), (at, at + 1, 1)]).reshape([1, 1, 1, 1]);
            let mixed = (0..self.num_chains).fold(None, |sum: Option<Var<'g>>, chain| {
                let augmented = (0..self.chain_depth).fold(x, |x, place| {
                    let at = chain * self.chain_depth + place;
                    let choice = choices.slice(&[(at, at + 1, 1)]).reshape([1, 1, 1, 1]);
                    all.drawn(cx, x).made(x, choice)
                });
                let part = augmented * number(weights, chain);
                Some(sum.map_or(part, |sum| sum + part))
            });
            let mixed = x * number(share, 0) + mixed.unwrap_or(x) * number(share, 1);
            mixed.clip(self.value_range[0] as f32, self.value_range[1] as f32)
        })
    }
}
