//! Image layers on the processor: the numbers of the reference, the same bits on any threads.

use adaline::cpu::Cpu;
use adaline::graph::{backend::Backend, reference::Reference};
use adaline::nn::metrics::Metric;
use adaline::prelude::*;
use std::sync::Arc;

/// Weights after some steps of a network that begins with a layer.
fn trained(backend: Arc<dyn Backend>, layer: &dyn Layer) -> Vec<f32> {
    let network = Sequential::new().add(Input::new([10, 12, 3])).add(layer.boxed()).add(CenterCrop::new(7, 9));
    let network = network.add(Rescaling::new(1.0 / 255.0)).add(Flatten::new()).add(Dense::new(2));
    let mut model = network.build_on(backend, Seed(3)).unwrap();
    model.compile(SGD::new(0.01), MeanSquaredError::new(), Vec::<Box<dyn Metric>>::new()).unwrap();
    let pixels = (0..9 * 360).map(|i| ((i * i * 7 + i * 13 + 5) % 256) as f32).collect();
    let x = Tensor::f32([9, 10, 12, 3], pixels).unwrap();
    let y = Tensor::f32([9, 2], (0..18).map(|i| (i % 5) as f32).collect()).unwrap();
    model.fit(&x, &y, Fit::default().epochs(2).batch_size(4).verbose(0)).unwrap();
    model.get_weights().iter().flat_map(|w| w.as_f32().unwrap().to_vec()).collect()
}

#[test]
fn the_processor_augments_as_the_reference_does() {
    let layers: Vec<Box<dyn Layer>> = vec![
        Resizing::new(9, 9).pad_to_aspect_ratio(true).interpolation(Interpolation::Bicubic).into(),
        RandomFlip::new(FlipMode::Horizontal).into(),
        RandomRotation::new(0.2).into(),
        RandomZoom::new(0.3).width_factor(0.2).fill_mode(FillMode::Constant).into(),
        RandomTranslation::new(0.3, 0.3).fill_mode(FillMode::Wrap).into(),
        RandomShear::new(0.3, 0.3).fill_mode(FillMode::Nearest).into(),
        RandomCrop::new(7, 9).into(),
        RandomContrast::new(0.5).into(),
        RandomBrightness::new(0.5).into(),
        RandomHue::new(0.5).into(),
        RandomSaturation::new((0.1, 0.9)).into(),
        RandomGrayscale::new(0.5).into(),
        RandomErasing::new(1.0).into(),
        RandomGaussianBlur::new(1.0).into(),
        Solarization::new().addition_factor(0.5).threshold_factor(0.5).into(),
        MixUp::new(0.5).into(),
        CutMix::new(1.0).into(),
        Resizing::new(4, 5).antialias(true).into(),
        AutoContrast::new().into(),
        Equalization::new().into(),
        RandomPosterization::new(5.0).into(),
        RandomSharpness::new(1.0).into(),
        RandomColorDegeneration::new(0.5).into(),
        RandomColorJitter::new().brightness_factor(0.3).contrast_factor(0.3).saturation_factor((0.3, 0.7)).hue_factor(0.3).into(),
        RandomInvert::new(1.0).into(),
        RandAugment::new().num_ops(3).seed(1).into(),
        RandAugment::new().factor(0.9).seed(2).into(),
        PReLU::new().shared_axes([1, 2]).into(),
    ];
    for layer in layers {
        let class = layer.class_name();
        let one = trained(Arc::new(Cpu::new().threads(1)), &*layer);
        let two = trained(Arc::new(Cpu::new().threads(2)), &*layer);
        assert!(one.iter().zip(&two).all(|(a, b)| a.to_bits() == b.to_bits()), "{class}: threads change bits");
        let reference = trained(Arc::new(Reference::default()), &*layer);
        for (a, b) in one.iter().zip(&reference) {
            assert!((a - b).abs() < 1e-4, "{class}: {a} on the processor, {b} by the reference");
        }
    }
}
