//! JPEG by `zune-jpeg`: baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Pixels, Room, at};
use crate::ImageProblem;

/// Most bytes per pixel while decoding: coefficients of four components in 16 bits, and the result.
const BYTES_PER_PIXEL: u64 = 12;

pub(super) fn decode<'g>(bytes: &[u8], room: &Room<'g>) -> Result<Pixels<'g>, ImageProblem> {
    let markers = Markers::of(bytes).ok_or_else(|| room.truncated())?;
    let mut decoder = open(bytes, true);
    if let Err(DecodeErrors::FormatStatic(text)) = decoder.decode_headers()
        && text.contains("Extra bytes")
    {
        // The strict decoder finds damage, but also refuses filling between segments, which libjpeg only warns of.
        decoder = open(bytes, false);
    }
    decoder.decode_headers().map_err(|e| room.broken(e.to_string()))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| room.broken("no size"))?;
    let frame = room.admit(height as u64, width as u64, BYTES_PER_PIXEL)?;
    // Adobe's CMYK is inverted, which the decoder expects; that of others is not.
    let plain_cmyk = decoder.input_colorspace() == Some(ColorSpace::CMYK) && !markers.adobe;
    let (colors, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ if plain_cmyk => (ColorSpace::CMYK, 4),
        _ => (ColorSpace::RGB, 3),
    };
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(colors));
    let mut pixels = vec![0; height * width * channels];
    decoder.decode_into(&mut pixels).map_err(|e| room.broken(e.to_string()))?;
    if plain_cmyk {
        let (rgb, channels) = (pixels.as_chunks().0.iter().flat_map(|&cmyk| to_rgb(cmyk)).collect(), 3);
        return frame.filled(channels, rgb, room);
    }
    frame.filled(channels, pixels, room)
}

fn open(bytes: &[u8], strict: bool) -> JpegDecoder<ZCursor<&[u8]>> {
    let largest = usize::from(u16::MAX);
    let options = DecoderOptions::default().set_strict_mode(strict).set_max_width(largest).set_max_height(largest);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

/// As Pillow: what ink and black leave of white.
fn to_rgb([c, m, y, k]: [u8; 4]) -> [u8; 3] {
    [c, m, y].map(|ink| {
        let left = u32::from(255 - ink) * u32::from(255 - k) + 128;
        ((left + (left >> 8)) >> 8) as u8
    })
}

/// What the segments before the pixels say.
struct Markers {
    /// There is a segment of Adobe's.
    adobe: bool,
}

impl Markers {
    /// Nothing when the pixels have no beginning or no end. The decoder would fill the rest with grey.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut adobe = false;
        let mut place = 2; // after the start of the image
        loop {
            place += bytes.get(place..)?.iter().position(|&byte| byte == 0xff)?;
            let marker = *bytes.get(place + 1)?;
            match marker {
                0xff => place += 1,                // filling
                0 | 1 | 0xd0..=0xd9 => place += 2, // no segment follows
                0xda => break,                     // start of scan
                _ => {
                    adobe |= marker == 0xee && bytes.get(place + 4..)?.starts_with(b"Adobe");
                    place += 2 + usize::from(u16::from_be_bytes(at(bytes, place + 2)?));
                }
            }
        }
        bytes[place..].windows(2).any(|pair| pair == [0xff, 0xd9]).then_some(Self { adobe })
    }
}
