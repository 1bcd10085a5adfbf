//! `WebP` by the `image-webp` crate: lossy, lossless, with alpha; the first picture of an animation.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::{Pixels, Room, at};
use crate::ImageProblem;

/// Most bytes per pixel while decoding: brightness and colours, a frame, the result.
const BYTES_PER_PIXEL: u64 = 12;

pub(super) fn decode<'g>(bytes: &[u8], room: &Room<'g>) -> Result<Pixels<'g>, ImageProblem> {
    let fail = |error: DecodingError| match error {
        DecodingError::IoError(error) => room.io(&error),
        other => room.broken(other.to_string()),
    };
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(fail)?;
    let (width, height) = decoder.dimensions();
    let frame = room.admit(u64::from(height), u64::from(width), BYTES_PER_PIXEL)?;
    check_frames(bytes.get(12..).unwrap_or(&[]), room, (frame.height, frame.width), true)?; // after RIFF, length, WEBP
    decoder.set_memory_limit(room.limits.decode_bytes as usize);
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut pixels = vec![0; frame.height * frame.width * channels];
    decoder.read_image(&mut pixels).map_err(fail)?;
    frame.filled(channels, pixels, room)
}

/// The decoder takes the memory that the header inside of a frame asks for before it compares it with the picture's size, so
/// these headers are looked at first: chunks of the file, and those inside of the frames of an animation.
fn check_frames(chunks: &[u8], room: &Room<'_>, (height, width): (usize, usize), animation: bool) -> Result<(), ImageProblem> {
    let mut rest = chunks;
    while let (Some(name), Some(length)) = (at::<4>(rest, 0), at(rest, 4)) {
        let (body, length) = (&rest[8..], u32::from_le_bytes(length) as usize);
        if length > body.len() && matches!(&name, b"VP8 " | b"VP8L" | b"ALPH" | b"ANMF") {
            return Err(room.truncated()); // the decoder calls it corrupt
        }
        let size = match &name {
            // frame tag (3), start code (3), width and height in the low 14 bits
            b"VP8 " => at(body, 6).map(u32::from_le_bytes).map(|bits| (bits >> 16 & 0x3fff, bits & 0x3fff)),
            // signature (1), 14 bits each of width - 1 and height - 1
            b"VP8L" => at(body, 1).map(u32::from_le_bytes).map(|bits| ((bits >> 14 & 0x3fff) + 1, (bits & 0x3fff) + 1)),
            _ => None,
        };
        if let Some((h, w)) = size.map(|(h, w)| (h as usize, w as usize))
            && (h > height || w > width)
        {
            return Err(room.broken(format!("a frame of {h} x {w} pixels in a picture of {height} x {width}")));
        }
        if animation && &name == b"ANMF" {
            // place, size and duration (16), then chunks
            let inner = body.get(16..length).unwrap_or(&[]);
            check_frames(inner, room, (height, width), false)?;
        }
        rest = body.get(length.saturating_add(length % 2)..).unwrap_or(&[]);
    }
    Ok(())
}
