//! A kernel divided by its largest singular value.

use super::{
    Layer,
    common::{LayerCommon, layer_builder, layer_identity, layer_methods, one},
    dense::Dense,
    unit_normalization::to_unit,
    wrapped::Wrapped,
};
use crate::{
    Masked, Trace, WeightSpec,
    initializers::Initializer,
    keras::{ConfigError, KerasObject, check},
};
use adaline_graph::{Shape, Var};
use serde::{Deserialize, Serialize};

/// A layer whose kernel (or table of an embedding) is divided in training by an estimate of its largest singular value (Miyato et al. 2018), found by
/// `power_iterations` steps of the power method from the estimate of the step before. Gradients go through the division. Outside of training the kernel is
/// taken as it is, as in Keras on JAX.
///
/// Weights: those of the layer, and not changed by gradients `vector_u (1, last size of the kernel)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpectralNormalization {
    common: LayerCommon,
    layer: Wrapped,
    power_iterations: usize,
}

impl Default for SpectralNormalization {
    fn default() -> Self {
        Self::new(Dense::default())
    }
}

layer_builder!(SpectralNormalization, "SpectralNormalization", ["layer"]);

impl SpectralNormalization {
    /// Normalizes the kernel of a layer, by one step of the power method in each step of training.
    pub fn new(layer: impl Into<Box<dyn Layer>>) -> Self {
        Self { common: LayerCommon::default(), layer: Wrapped(layer.into()), power_iterations: 1 }
    }
    /// Steps of the power method in each step of training.
    pub fn power_iterations(mut self, steps: usize) -> Self {
        self.power_iterations = steps;
        self
    }
    fn nested_mut(&mut self) -> impl Iterator<Item = &mut Wrapped> {
        std::iter::once(&mut self.layer)
    }
}

impl KerasObject for SpectralNormalization {
    layer_identity!("SpectralNormalization");
    fn validate(&self) -> Result<(), ConfigError> {
        check(self.power_iterations >= 1, "SpectralNormalization", "power_iterations", "a positive integer", self.power_iterations)?;
        self.layer.validate("SpectralNormalization", "layer")
    }
}

/// What a trace does with the next kernel that is declared within a layer.
#[derive(Clone)]
pub(crate) struct Spectral {
    /// Path of the layer around it, which holds `vector_u`.
    pub(crate) owner: String,
    /// Path of the layer whose kernel it is.
    pub(crate) of: String,
    iterations: usize,
}

impl Spectral {
    /// The kernel divided in training, `vector_u` declared and moved on.
    pub(crate) fn normalized<'g>(&self, cx: &mut Trace<'g, '_>, kernel: Var<'g>) -> Var<'g> {
        let s = kernel.shape();
        let spec =
            WeightSpec { initializer: Initializer::truncated_normal(0.0, 0.02), regularizer: None, constraint: None, trainable: false };
        let before = cx.weight_of(&self.owner, "vector_u", &[1, s.dim(-1)], &spec);
        if !cx.training() || s.rank() == 0 || s.is_empty() {
            return kernel;
        }
        let flat = kernel.reshape(Shape::new(&[s.len() / s.dim(-1), s.dim(-1)])); // (K, O)
        let (mut u, mut v) = (before, before);
        for _ in 0..self.iterations {
            v = to_unit(u.dot(flat, false, true), &[], 1e-7); // (1, K)
            u = to_unit(v.matmul(flat), &[], 1e-7); // (1, O)
        }
        let (u, v) = (u.stop_gradient(), v.stop_gradient());
        // A kernel of zeros stays, and so does the estimate.
        let some = flat.abs().max(&[], false).gt_scalar(0.0);
        let sigma = v.matmul(flat).dot(u, false, true).reshape(Shape::SCALAR);
        cx.update_of(&self.owner, "vector_u", some.select(u, before));
        kernel / some.select(sigma, cx.builder().scalar(1.0))
    }
}

impl Layer for SpectralNormalization {
    layer_methods!(nested);
    fn mixes_samples(&self) -> bool {
        self.layer.0.mixes_samples()
    }
    fn supports_masking(&self) -> bool {
        self.layer.0.supports_masking()
    }
    fn table_rows(&self) -> Option<usize> {
        self.layer.0.table_rows()
    }
    fn autocast(&self) -> bool {
        self.layer.0.autocast()
    }
    fn row(&self) -> Vec<(String, &dyn Layer)> {
        vec![("layer".into(), self.layer.0.as_ref())]
    }
    fn calls(&self) -> usize {
        self.layer.0.calls().saturating_add(1)
    }
    fn call<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Var<'g> {
        self.call_all(cx, inputs).first().map_or_else(|| cx.builder().error("a layer without results"), |r| r.value)
    }
    /// The layer's result, with its mask.
    fn call_all<'g>(&self, cx: &mut Trace<'g, '_>, inputs: &[Var<'g>]) -> Vec<Masked<'g>> {
        let input = Masked { value: one(cx, "SpectralNormalization", inputs), mask: cx.mask() };
        let owner = cx.builder().path();
        let spectral = Spectral { of: format!("{owner}/layer"), owner, iterations: self.power_iterations };
        let (y, found) = cx.with_spectral(spectral, |cx| cx.apply("layer", self.layer.0.as_ref(), &[input]));
        let class = self.layer.0.class_name();
        if !found && !cx.builder().failed() {
            let text = format!(
                "SpectralNormalization needs a layer with a `kernel` or with `embeddings`, such as Dense or Conv2D; {class} has none of its own"
            );
            return vec![cx.builder().error(text).into()];
        }
        y
    }
}
