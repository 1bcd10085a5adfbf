//! Colours: to grey, to hue, saturation and value, and back. Formulas of `keras.ops.image` (after `dm_pix`).

use adaline_graph::{Var, concat};

/// The three channels `(B, H, W, 1)` of images, or an error that says what came.
pub(super) fn channels<'g>(class: &str, x: Var<'g>) -> [Var<'g>; 3] {
    let s = x.shape();
    let &[b, h, w, c] = s.dims() else { return [x; 3] };
    if c != 3 {
        let error = x.builder().error(format!("{class} takes images with 3 channels (red, green, blue), got {c} in a batch of shape {s}"));
        return [error; 3];
    }
    [0, 1, 2].map(|k| x.slice(&[(0, b, 1), (0, h, 1), (0, w, 1), (k, k + 1, 1)]))
}

/// Three channels next to one another.
fn joined(channels: [Var<'_>; 3]) -> Var<'_> {
    concat(channels[0].builder(), &channels, -1)
}

/// Luma of three channels, `(B, H, W, 1)`.
pub(super) fn gray([r, g, b]: [Var<'_>; 3]) -> Var<'_> {
    r * 0.2989 + g * 0.5870 + b * 0.1140
}

/// Hue from 0 to 1, saturation from 0 to 1 and value. Where channels are equal, red counts before green before blue.
pub(super) fn rgb_to_hsv(rgb: [Var<'_>; 3]) -> [Var<'_>; 3] {
    let full = |v: f32| rgb[0].builder().full(rgb[0].shape(), v);
    let (zero, one) = (full(0.0), full(1.0));
    let [r, g, b] = rgb.map(|x| x.abs().lt(full(f32::EPSILON)).select(zero, x));
    let value = r.maximum(g).maximum(b);
    let range = value - r.minimum(g).minimum(b);
    let positive = value.gt(zero);
    let colored = range.gt(zero);
    let saturation = positive.select(range / positive.select(value, one), zero);
    let norm = one / (colored.select(range, one) * 6.0);
    let of_green_or_blue = value.equal(g).select(norm * (b - r) + 2.0 / 6.0, norm * (r - g) + 4.0 / 6.0);
    let hue = value.equal(r).select(norm * (g - b), of_green_or_blue);
    let hue = colored.select(hue, zero) + hue.lt(zero).select(one, zero);
    [hue, saturation, value]
}

/// Images `(B, H, W, 3)` of hue, saturation and value.
pub(super) fn hsv_to_rgb([hue, saturation, value]: [Var<'_>; 3]) -> Var<'_> {
    let sixths = (hue - hue.floor()) * 6.0;
    let red = ((sixths - 3.0).abs() - 1.0).clip(0.0, 1.0);
    let green = (2.0 - (sixths - 2.0).abs()).clip(0.0, 1.0);
    let blue = (2.0 - (sixths - 4.0).abs()).clip(0.0, 1.0);
    joined([red, green, blue].map(|part| value * (1.0 - saturation + saturation * part)))
}
