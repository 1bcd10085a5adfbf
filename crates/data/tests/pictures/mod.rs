//! Pictures made for tests.
#![allow(dead_code, reason = "each test program uses some of it")]

use std::fs;
use std::path::{Path, PathBuf};

use adaline_data::ImageFormat;

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// (height, width)
type Size = (usize, usize);

pub(crate) fn png(color: png::ColorType, depth: u8, palette: Option<Vec<u8>>, (height, width): Size, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::from_u8(depth).unwrap());
    if let Some(palette) = palette {
        encoder.set_palette(palette);
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

pub(crate) fn jpeg(color: jpeg_encoder::ColorType, (height, width): Size, progressive: bool, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 100);
    encoder.set_progressive(progressive);
    encoder.encode(data, width as u16, height as u16, color).unwrap();
    bytes
}

pub(crate) fn gif((height, width): (u16, u16), palette: &[u8], frames: &[gif::Frame<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, palette).unwrap();
    for frame in frames {
        encoder.write_frame(frame).unwrap();
    }
    drop(encoder);
    bytes
}

pub(crate) fn webp((height, width): Size, color: image_webp::ColorType, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    image_webp::WebPEncoder::new(&mut bytes).encode(data, width as u32, height as u32, color).unwrap();
    bytes
}

/// One pixel, lossy: the test of Google's <https://developers.google.com/speed/webp/faq> for support by browsers.
pub(crate) const LOSSY_WEBP: &[u8] =
    b"RIFF\x22\0\0\0WEBPVP8 \x16\0\0\0\x30\x01\0\x9d\x01\x2a\x01\0\x01\0\x0e\xc0\xfe\x25\xa4\0\x03\x70\0\0\0\0";

/// Windows 3: `extra` is palette or masks, as they lie in the file.
pub(crate) fn bmp(width: i32, height: i32, bits: u16, compression: u32, extra: &[[u8; 4]], data: &[u8]) -> Vec<u8> {
    let start = 14 + 40 + 4 * extra.len() as u32;
    let colors = if bits <= 8 { extra.len() as u32 } else { 0 };
    let mut bytes = b"BM".to_vec();
    for word in [start + data.len() as u32, 0, start, 40, width.cast_unsigned(), height.cast_unsigned(), u32::from(bits) << 16 | 1] {
        bytes.extend(word.to_le_bytes());
    }
    for word in [compression, data.len() as u32, 0, 0, colors, 0] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(extra.concat());
    bytes.extend(data);
    bytes
}

/// A small picture of each format and of the ways to pack its pixels.
pub(crate) fn one_of_each() -> Vec<(ImageFormat, Vec<u8>)> {
    use jpeg_encoder::ColorType::{Cmyk, Rgb};
    let size = (12, 13);
    let noise = |channels: usize| -> Vec<u8> { (0..12 * 13 * channels).map(|i| (i * i * 7 + i * 3) as u8).collect() };
    let indices: Vec<u8> = noise(1).iter().map(|v| v % 4).collect();
    let palette: Vec<u8> = (0..12).map(|i| i * 20).collect();
    let frame = gif::Frame { height: 12, width: 13, buffer: indices.clone().into(), ..Default::default() };
    let rows: Vec<u8> = (0..12 * 40).map(|i| (i * 11) as u8).collect();
    let runs: Vec<u8> = (0..12u8).flat_map(|i| [7, i % 2, 6, 1, 0, 0]).chain([0, 1]).collect();
    let colors = [[1, 2, 3, 0], [4, 5, 6, 0]];
    vec![
        (ImageFormat::Png, png(png::ColorType::Rgb, 8, None, size, &noise(3))),
        (ImageFormat::Png, png(png::ColorType::Indexed, 8, Some(palette.clone()), size, &indices)),
        (ImageFormat::Png, png(png::ColorType::GrayscaleAlpha, 16, None, size, &noise(4))),
        (ImageFormat::Jpeg, jpeg(Rgb, size, false, &noise(3))),
        (ImageFormat::Jpeg, jpeg(Rgb, size, true, &noise(3))),
        (ImageFormat::Jpeg, jpeg(Cmyk, size, false, &noise(4))),
        (ImageFormat::Gif, gif((12, 13), &palette, &[frame])),
        (ImageFormat::WebP, webp(size, image_webp::ColorType::Rgb8, &noise(3))),
        (ImageFormat::WebP, webp(size, image_webp::ColorType::Rgba8, &noise(4))),
        (ImageFormat::WebP, LOSSY_WEBP.to_vec()),
        (ImageFormat::Bmp, bmp(13, 12, 24, 0, &[], &rows)),
        (ImageFormat::Bmp, bmp(13, 12, 8, 1, &colors, &runs)),
    ]
}
