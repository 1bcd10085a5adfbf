//! From the bytes of a file to pixels. The format is told by the first bytes, not by the name; EXIF orientation and colour
//! profiles are not applied, as in Keras.
//!
//! The decoders are those that the `image` crate uses, without that crate itself: it would add colour management of 145,000
//! lines and a minute of building for nothing that we use. BMP is read by ourselves.

mod bmp;
mod gif;
mod jpeg;
mod png;
mod webp;

use std::fs::{self, File};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::parallel::{Gate, Pass};
use crate::{ImageFormat, ImageLimits, ImageProblem};

/// A decoded picture: (H, W, C) bytes; grey, grey and alpha, RGB or RGBA. It holds its place at the gate until it is dropped.
pub(super) struct Pixels<'g> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    bytes: Vec<u8>,
    _pass: Option<Pass<'g>>,
}

impl Pixels<'_> {
    #[cfg(test)]
    pub(super) fn new(height: usize, width: usize, channels: usize, bytes: Vec<u8>) -> Self {
        assert_eq!(height * width * channels, bytes.len());
        Self { height, width, channels, bytes, _pass: None }
    }

    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.bytes[y * self.width * self.channels..][..self.width * self.channels]
    }
}

/// What a decoder may take: asked before any memory is.
struct Room<'g> {
    format: ImageFormat,
    limits: ImageLimits,
    gate: &'g Gate,
}

/// A picture whose size is allowed.
struct Frame<'g> {
    height: usize,
    width: usize,
    pass: Pass<'g>,
}

impl<'g> Room<'g> {
    /// Checks the size that a header says, and waits until there is memory for that many bytes per pixel.
    fn admit(&self, height: u64, width: u64, bytes_per_pixel: u64) -> Result<Frame<'g>, ImageProblem> {
        let pixels = self.check(height, width)?;
        let pass = self.gate.enter(pixels.saturating_mul(bytes_per_pixel));
        Ok(Frame { height: height as usize, width: width as usize, pass })
    }

    fn check(&self, height: u64, width: u64) -> Result<u64, ImageProblem> {
        if height == 0 || width == 0 {
            return Err(ImageProblem::NoPixels { height, width });
        }
        let limit = self.limits.pixels;
        let pixels = height.checked_mul(width).filter(|&pixels| pixels <= limit);
        pixels.ok_or(ImageProblem::TooManyPixels { height, width, limit })
    }

    fn truncated(&self) -> ImageProblem {
        ImageProblem::Truncated { format: self.format }
    }

    fn broken(&self, reason: impl Into<String>) -> ImageProblem {
        ImageProblem::Broken { format: self.format, reason: reason.into() }
    }

    fn io(&self, error: &std::io::Error) -> ImageProblem {
        if error.kind() == std::io::ErrorKind::UnexpectedEof { self.truncated() } else { self.broken(error.to_string()) }
    }
}

impl<'g> Frame<'g> {
    fn filled(self, channels: usize, bytes: Vec<u8>, room: &Room<'_>) -> Result<Pixels<'g>, ImageProblem> {
        if bytes.len() != self.height * self.width * channels {
            return Err(room.broken(format!("{} bytes came for {} x {} x {channels}", bytes.len(), self.height, self.width)));
        }
        Ok(Pixels { height: self.height, width: self.width, channels, bytes, _pass: Some(self.pass) })
    }
}

/// Reads and decodes a file.
pub(super) fn decode_file<'g>(path: &Path, limits: &ImageLimits, gate: &'g Gate) -> Result<Pixels<'g>, ImageProblem> {
    let fail = |e: std::io::Error| ImageProblem::Io { reason: e.to_string() };
    // Asked before opening: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(fail)?;
    if !metadata.is_file() {
        return Err(ImageProblem::NotAFile);
    }
    let limit = limits.file_bytes;
    let too_many = |bytes| ImageProblem::TooManyBytes { bytes, limit };
    if metadata.len() > limit {
        return Err(too_many(metadata.len()));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    File::open(path).map_err(fail)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(too_many(bytes.len() as u64));
    }
    decode(&bytes, limits, gate)
}

/// Height and width that the header of a file says, without decoding it.
pub(super) fn size_of_file(path: &Path, limits: &ImageLimits) -> Result<(u64, u64), ImageProblem> {
    // No picture is let in, and the refusal says its size: each decoder asks before it takes memory.
    let gate = Gate::new(0);
    match decode_file(path, &ImageLimits { pixels: 0, ..*limits }, &gate) {
        Ok(pixels) => Ok((pixels.height as u64, pixels.width as u64)),
        Err(ImageProblem::TooManyPixels { height, width, .. }) => {
            let limit = limits.pixels;
            let fits = height.checked_mul(width).is_some_and(|pixels| pixels <= limit);
            if fits { Ok((height, width)) } else { Err(ImageProblem::TooManyPixels { height, width, limit }) }
        }
        Err(problem) => Err(problem),
    }
}

/// Decodes the bytes of a file.
pub(super) fn decode<'g>(bytes: &[u8], limits: &ImageLimits, gate: &'g Gate) -> Result<Pixels<'g>, ImageProblem> {
    if bytes.is_empty() {
        return Err(ImageProblem::Empty);
    }
    let format = format_of(bytes).ok_or_else(|| ImageProblem::NotAPicture { start: bytes[..bytes.len().min(16)].to_vec() })?;
    let room = Room { format, limits: *limits, gate };
    let decode = match format {
        ImageFormat::Png => png::decode,
        ImageFormat::Jpeg => jpeg::decode,
        ImageFormat::Gif => gif::decode,
        ImageFormat::Bmp => bmp::decode,
        ImageFormat::WebP => webp::decode,
    };
    // Decoders are other people's code, fed with strangers' files: a panic of theirs is a bad file.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(bytes, &room)));
    decoded.unwrap_or_else(|_| Err(room.broken("the decoder gave up")))
}

fn format_of(bytes: &[u8]) -> Option<ImageFormat> {
    Some(match bytes {
        [0x89, b'P', b'N', b'G', ..] => ImageFormat::Png,
        [0xff, 0xd8, 0xff, ..] => ImageFormat::Jpeg,
        [b'G', b'I', b'F', b'8', ..] => ImageFormat::Gif,
        [b'B', b'M', ..] => ImageFormat::Bmp,
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ImageFormat::WebP,
        _ => return None,
    })
}

/// The array at a place, if the bytes go that far.
fn at<const N: usize>(bytes: &[u8], start: usize) -> Option<[u8; N]> {
    bytes.get(start..)?.first_chunk().copied()
}
