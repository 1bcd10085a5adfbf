//! Preparing and augmenting images: a batch `(B, H, W, C)`, with values from 0 to 255 unless a `value_range` says otherwise.
//!
//! All of it is part of the graph, so that it is compiled with the step. What is random acts in training only and is the identity
//! otherwise; every image draws numbers of its own, a pure function of the model's seed, the layer's path, its `seed`, the step and the
//! image's place in the batch.

mod affine;
mod aug_mix;
mod augmentations;
mod auto_contrast;
mod boxes;
mod center_crop;
mod clahe;
mod color;
mod common;
mod cut_mix;
mod equalization;
#[cfg(test)]
mod given;
mod mix_up;
mod mixing;
mod rand_augment;
mod random_brightness;
mod random_color_degeneration;
mod random_color_jitter;
mod random_contrast;
mod random_crop;
mod random_elastic_transform;
mod random_erasing;
mod random_flip;
mod random_gaussian_blur;
mod random_grayscale;
mod random_hue;
mod random_invert;
mod random_perspective;
mod random_posterization;
mod random_rotation;
mod random_saturation;
mod random_sharpness;
mod random_shear;
mod random_translation;
mod random_zoom;
mod resizing;
mod solarization;

pub use affine::{FillMode, Sampling};
pub use aug_mix::AugMix;
pub use auto_contrast::AutoContrast;
pub use center_crop::CenterCrop;
pub use clahe::ContrastLimitedAdaptiveHistogramEqualization;
pub use common::{Bounds, Factor, Interpolation, Random};
pub use cut_mix::CutMix;
pub use equalization::Equalization;
pub use mix_up::MixUp;
pub use rand_augment::RandAugment;
pub use random_brightness::RandomBrightness;
pub use random_color_degeneration::RandomColorDegeneration;
pub use random_color_jitter::RandomColorJitter;
pub use random_contrast::RandomContrast;
pub use random_crop::RandomCrop;
pub use random_elastic_transform::RandomElasticTransform;
pub use random_erasing::{Fill, RandomErasing};
pub use random_flip::{FlipMode, RandomFlip};
pub use random_gaussian_blur::RandomGaussianBlur;
pub use random_grayscale::RandomGrayscale;
pub use random_hue::RandomHue;
pub use random_invert::RandomInvert;
pub use random_perspective::RandomPerspective;
pub use random_posterization::RandomPosterization;
pub use random_rotation::RandomRotation;
pub use random_saturation::RandomSaturation;
pub use random_sharpness::RandomSharpness;
pub use random_shear::RandomShear;
pub use random_translation::RandomTranslation;
pub use random_zoom::RandomZoom;
pub use resizing::Resizing;
pub use solarization::Solarization;
