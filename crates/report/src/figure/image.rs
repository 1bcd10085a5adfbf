//! Small 8-bit pictures and a grid of them.

use super::{Anchor, Figure, Mark, Role, Stroke, font, raster};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Why pixels do not make an [`Image`].
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ImageError {
    /// A side is 0 or larger than 4096.
    #[error("expected an image with sides from 1 to 4096, got {height} x {width}")]
    Sides {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// Only grey and RGB pictures are drawn.
    #[error("expected 1 channel (grey) or 3 (red, green, blue), got {channels}")]
    Channels {
        /// The number of channels given.
        channels: usize,
    },
    /// The pixel count does not fit the shape.
    #[error("expected {expected} bytes for {height} x {width} x {channels}, got {got}")]
    Length {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Channels.
        channels: usize,
        /// height * width * channels.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
}

/// A picture of bytes, shape (H, W, C) with C = 1 (grey) or 3 (RGB), row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Image {
    /// A picture from its bytes, shape (H, W, C).
    pub fn new(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Result<Self, ImageError> {
        if !(1..=4096).contains(&height) || !(1..=4096).contains(&width) {
            return Err(ImageError::Sides { height, width });
        }
        if channels != 1 && channels != 3 {
            return Err(ImageError::Channels { channels });
        }
        let expected = height * width * channels;
        if pixels.len() != expected {
            return Err(ImageError::Length { height, width, channels, expected, got: pixels.len() });
        }
        Ok(Self { height, width, channels, pixels })
    }

    /// A grey picture from numbers of any range, shape (H, W): the smallest becomes black, the largest white, what is
    /// not finite black.
    pub fn from_values(height: usize, width: usize, values: &[f64]) -> Result<Self, ImageError> {
        let (low, high) =
            values.iter().filter(|v| v.is_finite()).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        let span = if high > low { high - low } else { 1.0 };
        let level = |v: &f64| if v.is_finite() { ((v - low) / span * 255.0).round() as u8 } else { 0 };
        Self::new(height, width, 1, values.iter().map(level).collect())
    }

    /// The picture made smaller by a whole factor, so that no side is longer than `most`: each pixel is the mean of a square.
    pub fn shrunk(self, most: usize) -> Self {
        let factor = self.height.max(self.width).div_ceil(most.max(1));
        if factor <= 1 {
            return self;
        }
        // A square may reach over the edge, where it is smaller.
        let (height, width, channels) = (self.height.div_ceil(factor), self.width.div_ceil(factor), self.channels);
        let mut pixels = Vec::with_capacity(height * width * channels);
        for y in 0..height {
            let rows = y * factor..((y + 1) * factor).min(self.height);
            for x in 0..width {
                let columns = x * factor..((x + 1) * factor).min(self.width);
                let count = (rows.len() * columns.len()) as u64;
                for c in 0..channels {
                    let values = rows.clone().flat_map(|r| columns.clone().map(move |k| (r * self.width + k) * channels + c));
                    let sum: u64 = values.map(|at| u64::from(self.pixels[at])).sum();
                    pixels.push(((sum + count / 2) / count) as u8);
                }
            }
        }
        Self { height, width, channels, pixels }
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The picture as a PNG file.
    pub fn to_png(&self) -> Vec<u8> {
        let kind = if self.channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb };
        // Writing to memory with sides and length checked by `new` has nothing left to fail on.
        raster::encode(self.width as u32, self.height as u32, kind, &self.pixels).unwrap_or_default()
    }

    /// The picture as a `data:` address, for pages without other files.
    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(self.to_png()))
    }

    /// Red, green, blue of each pixel, row by row.
    pub(super) fn rgb_pixels(&self) -> impl Iterator<Item = [u8; 3]> + '_ {
        self.pixels.chunks_exact(self.channels).map(|p| match *p {
            [r, g, b] => [r, g, b],
            [grey] => [grey; 3],
            _ => [0; 3],
        })
    }
}

/// One picture of a grid with its caption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageTile {
    /// The picture.
    pub image: Image,
    /// What it is; any text.
    pub label: String,
    /// What the network said, where it was asked.
    pub prediction: Option<String>,
}

impl ImageTile {
    /// Whether the prediction differs from the label; false where there is none.
    pub fn is_wrong(&self) -> bool {
        self.prediction.as_ref().is_some_and(|p| *p != self.label)
    }
}

/// Pictures side by side, captions below; wrong predictions stand out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageGrid {
    /// The pictures, row by row.
    pub tiles: Vec<ImageTile>,
    /// Pictures per row; 0 means 8.
    pub per_row: usize,
}

impl ImageGrid {
    /// Draws the grid.
    pub fn figure(&self) -> Figure {
        const TILE: f64 = 72.0;
        const GAP: f64 = 12.0;
        const CAPTION: f64 = 20.0;
        const EDGE: f64 = 6.0;
        if self.tiles.is_empty() {
            return Figure::nothing(480.0, 80.0, "no images");
        }
        let per_row = if self.per_row == 0 { 8 } else { self.per_row }.min(self.tiles.len());
        let rows = self.tiles.len().div_ceil(per_row);
        let width = per_row as f64 * (TILE + GAP) - GAP + 2.0 * EDGE;
        let height = rows as f64 * (TILE + CAPTION + GAP) - GAP + 2.0 * EDGE;
        let mut figure = Figure::new(width, height, format!("{} sample images", self.tiles.len()));
        for (i, tile) in self.tiles.iter().enumerate() {
            let x = EDGE + (i % per_row) as f64 * (TILE + GAP);
            let y = EDGE + (i / per_row) as f64 * (TILE + CAPTION + GAP);
            let (long, wrong) = (tile.image.width.max(tile.image.height) as f64, tile.is_wrong());
            let (w, h) = (TILE * tile.image.width as f64 / long, TILE * tile.image.height as f64 / long);
            let at = [x + (TILE - w) / 2.0, y + (TILE - h) / 2.0, w, h];
            let caption = match &tile.prediction {
                Some(said) if wrong => format!("{} → {said}", tile.label),
                _ => tile.label.clone(),
            };
            figure.push(Mark::Picture { at, image: tile.image.clone(), tip: Some(caption.clone()) });
            let edge = if wrong { Stroke::new(Role::Second, 2.5) } else { Stroke::new(Role::Grid, 1.0) };
            figure.push(Mark::Rect { at, radius: 0.0, fill: None, stroke: Some(edge), tip: None });
            let role = if wrong { Role::Second } else { Role::Muted };
            let at = [x + TILE / 2.0, y + TILE + 15.0];
            figure.text(at, font::fitted(&caption, 11.0, TILE + GAP - 2.0), 11.0, Anchor::Middle, role);
        }
        figure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_shapes_are_errors() {
        assert_eq!(Image::new(0, 3, 1, vec![]), Err(ImageError::Sides { height: 0, width: 3 }));
        assert_eq!(Image::new(1, 5000, 1, vec![0; 5000]), Err(ImageError::Sides { height: 1, width: 5000 }));
        assert_eq!(Image::new(1, 1, 2, vec![0; 2]), Err(ImageError::Channels { channels: 2 }));
        let text = Image::new(2, 2, 3, vec![0; 5]).unwrap_err().to_string();
        assert_eq!(text, "expected 12 bytes for 2 x 2 x 3, got 5");
    }

    #[test]
    fn values_are_stretched_to_grey() {
        let image = Image::from_values(1, 4, &[-1.0, 0.0, 1.0, f64::NAN]).unwrap();
        assert_eq!(image.pixels, [0, 128, 255, 0]);
        let flat = Image::from_values(1, 2, &[3.0, 3.0]).unwrap();
        assert_eq!(flat.pixels, [0, 0]);
    }

    #[test]
    fn large_pictures_shrink_to_the_mean_of_squares() {
        let image = Image::new(3, 4, 1, vec![0, 10, 100, 100, 20, 30, 100, 100, 7, 9, 0, 1]).unwrap();
        assert_eq!(image.clone().shrunk(4), image);
        assert_eq!(image.clone().shrunk(2), Image::new(2, 2, 1, vec![15, 100, 8, 1]).unwrap());
        assert_eq!(image.shrunk(0).pixels.len(), 1);
        let colours = Image::new(1, 2, 3, vec![0, 50, 100, 2, 60, 200]).unwrap();
        assert_eq!(colours.shrunk(1).pixels, [1, 55, 150]);
    }

    #[test]
    fn png_bytes_decode_to_the_same_pixels() {
        let image = Image::new(2, 3, 1, vec![0, 50, 100, 150, 200, 255]).unwrap();
        let bytes = image.to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(pixels, [0, 50, 100, 150, 200, 255]);
        assert!(image.data_uri().starts_with("data:image/png;base64,iVBOR"));
    }
}
