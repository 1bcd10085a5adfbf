//! The bundled font: widths for layout, outlines for PNG.
//!
//! A subset of `DejaVu` Sans (Latin, Greek, Cyrillic, common signs) lies in `assets/`, so figures look the same on a
//! machine without fonts. Readers of SVG see their own sans-serif font; this one is wide, so what fits here fits
//! there.

use std::sync::OnceLock;
use ttf_parser::{Face, GlyphId, OutlineBuilder};

static BYTES: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");

/// The parsed font; `None` only if the bundled file were broken, which a test excludes.
fn face() -> Option<&'static Face<'static>> {
    static FACE: OnceLock<Option<Face<'static>>> = OnceLock::new();
    FACE.get_or_init(|| Face::parse(BYTES, 0).ok()).as_ref()
}

/// The glyph of `c`, or the box that stands for unknown characters.
fn glyph(face: &Face<'_>, c: char) -> GlyphId {
    face.glyph_index(c).or_else(|| face.glyph_index('\u{fffd}')).unwrap_or(GlyphId(0))
}

/// Advance of one character in units of the font size.
fn advance(face: &Face<'_>, c: char) -> f64 {
    if c.is_control() {
        return 0.0;
    }
    let units = face.glyph_hor_advance(glyph(face, c)).unwrap_or(0);
    f64::from(units) / f64::from(face.units_per_em())
}

/// Width of `text` in pixels at font size `size`.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let Some(face) = face() else { return text.chars().count() as f64 * size * 0.6 };
    text.chars().map(|c| advance(face, c)).sum::<f64>() * size
}

/// `text` cut with an ellipsis so that it is at most `limit` pixels wide.
pub(super) fn fitted(text: &str, size: f64, limit: f64) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let room = limit - width("…", size);
    let mut used = 0.0;
    let mut out = String::new();
    for c in text.chars() {
        used += width(c.encode_utf8(&mut [0; 4]), size);
        if used > room {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Walks the outlines of `text` set at the origin with font size `size`; y grows downwards.
pub(super) fn outline(text: &str, size: f64, pen: &mut impl Pen) {
    let Some(face) = face() else { return };
    let scale = size / f64::from(face.units_per_em());
    let mut x = 0.0;
    for c in text.chars().filter(|c| !c.is_control()) {
        let mut placed = Placed { pen, x, scale };
        face.outline_glyph(glyph(face, c), &mut placed);
        x += advance(face, c) * size;
    }
}

/// Receives outlines in pixels.
pub(super) trait Pen {
    /// Begins a contour.
    fn move_to(&mut self, x: f32, y: f32);
    /// Straight to a point.
    fn line_to(&mut self, x: f32, y: f32);
    /// Quadratic curve.
    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32);
    /// Cubic curve.
    fn cubic_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32);
    /// Ends a contour.
    fn close(&mut self);
}

struct Placed<'a, P> {
    pen: &'a mut P,
    x: f64,
    scale: f64,
}

impl<P> Placed<'_, P> {
    fn x(&self, x: f32) -> f32 {
        (f64::from(x) * self.scale + self.x) as f32
    }

    fn y(&self, y: f32) -> f32 {
        (-f64::from(y) * self.scale) as f32
    }
}

impl<P: Pen> OutlineBuilder for Placed<'_, P> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.pen.move_to(self.x(x), self.y(y));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.pen.line_to(self.x(x), self.y(y));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.pen.quad_to(self.x(x1), self.y(y1), self.x(x), self.y(y));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.pen.cubic_to(self.x(x1), self.y(y1), self.x(x2), self.y(y2), self.x(x), self.y(y));
    }

    fn close(&mut self) {
        self.pen.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_font_has_the_signs_we_print() {
        let face = face().expect("bundled font parses");
        for c in "AZaz09.,–—…−∞×→µéßČЖяΩσ≤≥≈%€".chars() {
            assert!(face.glyph_index(c).is_some(), "{c} is missing");
        }
    }

    #[test]
    fn widths_grow_with_text_and_size() {
        assert!(width("iii", 10.0) < width("mmm", 10.0));
        assert!((width("abc", 20.0) - 2.0 * width("abc", 10.0)).abs() < 1e-9);
        assert_eq!(width("", 10.0), 0.0);
    }

    #[test]
    fn long_text_is_cut_to_fit() {
        let cut = fitted("a very long column name", 12.0, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 60.0, "{cut}");
        assert_eq!(fitted("short", 12.0, 200.0), "short");
        assert_eq!(fitted("abc", 12.0, 0.0), "…");
    }
}
