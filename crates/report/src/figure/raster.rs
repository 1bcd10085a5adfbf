//! Figures painted as PNG.

use super::font::{self, Pen};
use super::{Anchor, Figure, Image, Mark, Paint, Stroke, Theme};
use thiserror::Error;
use tiny_skia::{FillRule, FilterQuality, LineCap, LineJoin, Path, PathBuilder, Pixmap, PixmapPaint, Rect, StrokeDash, Transform};

/// The most pixels a picture may have; 64 million are 256 MB while painting.
const MAX_PIXELS: f64 = 64e6;

/// Why a figure could not be painted.
#[derive(Debug, Error)]
pub enum RasterError {
    /// The scale is not a positive number, or the picture would be too large.
    #[error(
        "expected a scale that gives 1 to 64 million pixels, but {width} x {height} at scale {scale} does not; \
         try scale 2"
    )]
    Size {
        /// Figure width in units.
        width: f64,
        /// Figure height in units.
        height: f64,
        /// Pixels per unit that were asked for.
        scale: f64,
    },
    /// The PNG encoder failed.
    #[error("the picture could not be written as PNG: {0}")]
    Encode(#[from] png::EncodingError),
}

/// The figure as PNG bytes (8-bit RGB).
pub(super) fn png(figure: &Figure, scale: f64, theme: Theme) -> Result<Vec<u8>, RasterError> {
    let (w, h) = ((figure.width * scale).round(), (figure.height * scale).round());
    let too_large = || RasterError::Size { width: figure.width, height: figure.height, scale };
    if !(scale.is_finite() && scale > 0.0 && w >= 1.0 && h >= 1.0 && w * h <= MAX_PIXELS) {
        return Err(too_large());
    }
    let mut canvas = Canvas {
        pixels: Pixmap::new(w as u32, h as u32).ok_or_else(too_large)?,
        scale: Transform::from_scale(scale as f32, scale as f32),
        size: [figure.width, figure.height],
        theme,
    };
    canvas.pixels.fill(colour(super::Role::Surface.into(), theme));
    for mark in &figure.marks {
        canvas.draw(mark);
    }
    // The surface is opaque, so premultiplied and straight colours are the same.
    let rgb: Vec<u8> = canvas.pixels.data().chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Ok(encode(w as u32, h as u32, png::ColorType::Rgb, &rgb)?)
}

/// Raw 8-bit pixels as PNG bytes.
pub(super) fn encode(width: u32, height: u32, kind: png::ColorType, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(kind);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

fn colour(paint: Paint, theme: Theme) -> tiny_skia::Color {
    let [r, g, b] = paint.role.rgb(theme);
    tiny_skia::Color::from_rgba8(r, g, b, (paint.alpha.clamp(0.0, 1.0) * 255.0).round() as u8)
}

struct Canvas {
    pixels: Pixmap,
    scale: Transform,
    size: [f64; 2],
    theme: Theme,
}

impl Canvas {
    /// `point` as the painter takes it: no farther away than one picture's size, because the painter fails on huge
    /// coordinates; `None` where there is no number.
    fn near(&self, [x, y]: [f64; 2]) -> Option<(f32, f32)> {
        let [w, h] = self.size;
        (!x.is_nan() && !y.is_nan()).then(|| (x.clamp(-w, 2.0 * w) as f32, y.clamp(-h, 2.0 * h) as f32))
    }

    fn draw(&mut self, mark: &Mark) {
        match mark {
            Mark::Rect { at: [x, y, w, h], radius, fill, stroke, .. } => {
                let (Some(from), Some(to)) = (self.near([*x, *y]), self.near([x + w, y + h])) else { return };
                if let Some(path) = rounded(from, to, *radius as f32) {
                    self.shape(&path, *fill, *stroke);
                }
            }
            Mark::Line { points, stroke, .. } => {
                let mut builder = PathBuilder::new();
                for (i, (x, y)) in points.iter().filter_map(|p| self.near(*p)).enumerate() {
                    if i == 0 {
                        builder.move_to(x, y);
                    } else {
                        builder.line_to(x, y);
                    }
                }
                if let Some(path) = builder.finish() {
                    self.shape(&path, None, Some(*stroke));
                }
            }
            Mark::Circle { center, radius, fill, stroke, .. } => {
                let Some((x, y)) = self.near(*center) else { return };
                let radius = radius.min(self.size[0]) as f32;
                if let Some(path) = PathBuilder::from_circle(x, y, radius) {
                    self.shape(&path, *fill, *stroke);
                }
            }
            Mark::Text { at, text, size, anchor, paint, upright, .. } => {
                let Some((x, y)) = self.near(*at) else { return };
                let text = &font::fitted(text, *size, 2.0 * self.size[0].max(self.size[1]));
                let shift = match anchor {
                    Anchor::Start => 0.0,
                    Anchor::Middle => -font::width(text, *size) / 2.0,
                    Anchor::End => -font::width(text, *size),
                };
                let mut builder = PathBuilder::new();
                font::outline(text, *size, &mut builder);
                let Some(path) = builder.finish() else { return };
                let mut place = self.scale.pre_translate(x, y);
                if *upright {
                    place = place.pre_rotate(-90.0);
                }
                place = place.pre_translate(shift as f32, 0.0);
                let ink = self.ink(*paint);
                self.pixels.fill_path(&path, &ink, FillRule::Winding, place, None);
            }
            Mark::Picture { at, image, .. } => self.picture(*at, image),
        }
    }

    fn ink(&self, paint: Paint) -> tiny_skia::Paint<'static> {
        let mut ink = tiny_skia::Paint { anti_alias: true, ..tiny_skia::Paint::default() };
        ink.set_color(colour(paint, self.theme));
        ink
    }

    fn shape(&mut self, path: &Path, fill: Option<Paint>, stroke: Option<Stroke>) {
        if let Some(fill) = fill {
            let ink = self.ink(fill);
            self.pixels.fill_path(path, &ink, FillRule::Winding, self.scale, None);
        }
        if let Some(stroke) = stroke {
            let ink = self.ink(stroke.paint);
            let how = tiny_skia::Stroke {
                width: stroke.width as f32,
                line_join: LineJoin::Round,
                line_cap: LineCap::Butt,
                dash: if stroke.dashed { StrokeDash::new(vec![4.0, 3.0], 0.0) } else { None },
                ..tiny_skia::Stroke::default()
            };
            self.pixels.stroke_path(path, &ink, &how, self.scale, None);
        }
    }

    fn picture(&mut self, [x, y, w, h]: [f64; 4], image: &Image) {
        let (Ok(cols), Ok(rows)) = (u32::try_from(image.width()), u32::try_from(image.height())) else { return };
        let Some(mut source) = Pixmap::new(cols, rows) else { return };
        for (to, from) in source.data_mut().chunks_exact_mut(4).zip(image.rgb_pixels()) {
            to[..3].copy_from_slice(&from);
            to[3] = 255;
        }
        let place = self.scale.pre_translate(x as f32, y as f32).pre_scale(w as f32 / cols as f32, h as f32 / rows as f32);
        let how = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
        self.pixels.draw_pixmap(0, 0, source.as_ref(), &how, place, None);
    }
}

/// A rectangle with round corners; the corners are quadratic curves.
fn rounded((x, y): (f32, f32), (x1, y1): (f32, f32), radius: f32) -> Option<Path> {
    let (w, h) = (x1 - x, y1 - y);
    let r = radius.min(w / 2.0).min(h / 2.0);
    if !(w > 0.0 && h > 0.0) {
        return None;
    }
    if r.is_nan() || r <= 0.0 {
        return Some(PathBuilder::from_rect(Rect::from_xywh(x, y, w, h)?));
    }
    let mut b = PathBuilder::new();
    b.move_to(x + r, y);
    b.line_to(x + w - r, y);
    b.quad_to(x + w, y, x + w, y + r);
    b.line_to(x + w, y + h - r);
    b.quad_to(x + w, y + h, x + w - r, y + h);
    b.line_to(x + r, y + h);
    b.quad_to(x, y + h, x, y + h - r);
    b.line_to(x, y + r);
    b.quad_to(x, y, x + r, y);
    b.close();
    b.finish()
}

impl Pen for PathBuilder {
    fn move_to(&mut self, x: f32, y: f32) {
        Self::move_to(self, x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        Self::line_to(self, x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        Self::quad_to(self, x1, y1, x, y);
    }

    fn cubic_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        Self::cubic_to(self, x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        Self::close(self);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;

    #[test]
    fn marks_far_away_or_without_place_do_not_break_painting() {
        let mut figure = Figure::new(50.0, 40.0, "odd marks");
        let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1e9, -1e9, 1e-300, 0.0];
        let (fill, stroke) = (Some(Role::First.into()), Some(Stroke::new(Role::Second, 2.0).dashed()));
        for a in odd {
            for b in odd {
                figure.push(Mark::Rect { at: [a, 1.0, b, 20.0], radius: b, fill, stroke, tip: None });
                figure.push(Mark::Rect { at: [1.0, a, 30.0, b], radius: 3.0, fill, stroke, tip: None });
                figure.push(Mark::Line { points: vec![[a, b], [3.0, 4.0], [b, a]], stroke: Stroke::new(Role::Ink, a), tip: None });
                figure.push(Mark::Circle { center: [a, b], radius: b, fill, stroke, tip: None });
                figure.text([a, b], "text", 12.0, Anchor::End, Role::Ink);
                figure.text([5.0, 9.0], "text", a, Anchor::End, Role::Ink);
                let image = Image::new(1, 1, 1, vec![9]).unwrap();
                figure.push(Mark::Picture { at: [a, b, b, a], image, tip: None });
            }
        }
        figure.to_png(1.0, Theme::Light).unwrap();
        figure.to_svg();
    }
}
