use serde::Deserialize;

use super::*;
use crate::image::decode::Pixels;

#[derive(Deserialize)]
struct Case {
    from: [usize; 3],
    to: (usize, usize),
    interpolation: Interpolation,
    aspect_ratio: AspectRatio,
    values: Vec<f32>,
}

/// The bytes of `picture` in scripts/goldens/resize.py.
fn picture([height, width, channels]: [usize; 3]) -> Pixels<'static> {
    let at = |i: usize| {
        let (y, x, c) = (i / (width * channels), i / channels % width, i % channels);
        (x * 37 + y * 91 + c * 53 + x * y * 7) as u8
    };
    Pixels::new(height, width, channels, (0..height * width * channels).map(at).collect())
}

fn color(channels: usize) -> Color {
    match channels {
        1 => Color::Gray,
        3 => Color::Rgb,
        _ => Color::Rgba,
    }
}

#[test]
fn resizing_is_keras() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/goldens/resize.json")).unwrap();
    assert_eq!(cases.len(), 90);
    for Case { from, to, interpolation, aspect_ratio, values } in cases {
        let options = ImageOptions { size: to, color: color(from[2]), interpolation, aspect_ratio, ..ImageOptions::default() };
        let mut found = Vec::new();
        resize(&picture(from), &options, |row| found.extend_from_slice(row));
        assert_eq!(found.len(), values.len());
        for (i, (&a, &b)) in found.iter().zip(&values).enumerate() {
            assert!((a - b).abs() <= 2e-4, "{from:?} to {to:?}, {interpolation:?}, {aspect_ratio:?}, value {i}: {a}, Keras {b}");
        }
        let mut bytes = vec![0; values.len()];
        resize_into(&picture(from), &options, &mut bytes);
        for (&byte, &value) in bytes.iter().zip(&values) {
            assert!((f32::from(byte) - value.clamp(0.0, 255.0)).abs() <= 0.5001);
        }
    }
}

#[test]
fn a_picture_of_the_wanted_size_is_left_as_it_is() {
    let from = picture([5, 6, 3]);
    for interpolation in [Interpolation::Nearest, Interpolation::Bilinear, Interpolation::Bicubic, Interpolation::Lanczos5] {
        let mut out = vec![0; 90];
        resize_into(&from, &ImageOptions { interpolation, ..ImageOptions::sized(5, 6) }, &mut out);
        assert_eq!(out, from.row(0).iter().chain((1..5).flat_map(|y| from.row(y))).copied().collect::<Vec<_>>());
    }
}

#[test]
fn absurd_ratios_take_little_memory() {
    // padding this one would make 60,000 x 60,000 pixels
    let thin = Pixels::new(1, 60_000, 1, vec![200; 60_000]);
    for (aspect_ratio, middle) in [(AspectRatio::Stretch, 200), (AspectRatio::Crop, 200), (AspectRatio::Pad, 0)] {
        let mut out = vec![9; 16];
        let options = ImageOptions { color: Color::Gray, aspect_ratio, ..ImageOptions::sized(4, 4) };
        resize_into(&thin, &options, &mut out);
        assert_eq!(out, [middle; 16], "{aspect_ratio:?}");
    }
}

#[test]
fn colors_are_converted() {
    let to = |channels: usize, pixel: &[u8], color: Color| {
        let mut out = vec![0; color.channels()];
        convert(pixel, channels, color, &mut out);
        out
    };
    assert_eq!(to(1, &[7], Color::Rgb), [7, 7, 7]);
    assert_eq!(to(2, &[7, 9], Color::Rgba), [7, 7, 7, 9]);
    assert_eq!(to(2, &[7, 9], Color::Gray), [7]);
    assert_eq!(to(4, &[1, 2, 3, 0], Color::Rgb), [1, 2, 3], "alpha is dropped, not blended");
    assert_eq!(to(3, &[1, 2, 3], Color::Rgba), [1, 2, 3, 255]);
    // by hand: (19595 r + 38470 g + 7471 b + 32768) / 65536, cut off
    for (pixel, expected) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([255, 255, 255], 255), ([10, 200, 30], 124)] {
        assert_eq!(to(3, &pixel, Color::Gray), [expected]);
    }
    assert!((0..=255).all(|v| grey(v, v, v) == v));
}

#[test]
fn the_sine_is_the_sine() {
    for i in 0..=500 {
        let x = f64::from(i) / 100.0;
        assert!((sin_pi(x) - (std::f64::consts::PI * x).sin()).abs() < 1e-13, "{x}");
    }
}
