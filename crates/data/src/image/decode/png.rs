//! PNG by the `png` crate. 16-bit values keep their high byte, as libpng's `png_set_strip_16` does in TensorFlow; palettes and
//! fewer bits are expanded; of an animation, the first picture is taken.

use std::io::Cursor;

use png::{Decoder, DecodingError, Limits, Transformations};

use super::{Pixels, Room};
use crate::ImageProblem;

/// What the decoder may take for itself, besides the pixels.
const OWN_BYTES: usize = 64 << 20;

pub(super) fn decode<'g>(bytes: &[u8], room: &Room<'g>) -> Result<Pixels<'g>, ImageProblem> {
    let fail = |error: DecodingError| match error {
        DecodingError::IoError(error) => room.io(&error),
        other => room.broken(other.to_string()),
    };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: OWN_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let info = decoder.read_header_info().map_err(fail)?;
    let frame = room.admit(u64::from(info.height), u64::from(info.width), 4)?;
    let mut reader = decoder.read_info().map_err(fail)?;
    let channels = reader.output_color_type().0.samples();
    let mut pixels = vec![0; frame.height * frame.width * channels];
    reader.next_frame(&mut pixels).map_err(fail)?;
    frame.filled(channels, pixels, room)
}
