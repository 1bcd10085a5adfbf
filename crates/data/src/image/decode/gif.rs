//! GIF by the `gif` crate: the first picture of an animation. A transparent pixel keeps its colour in the palette, with alpha 0;
//! what the picture leaves free of the screen is black with alpha 0.

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::{Pixels, Room};
use crate::ImageProblem;

pub(super) fn decode<'g>(bytes: &[u8], room: &Room<'g>) -> Result<Pixels<'g>, ImageProblem> {
    let fail = |error: DecodingError| match error {
        DecodingError::UnexpectedEof => room.truncated(),
        DecodingError::Io(error) => room.io(&error),
        other => room.broken(other.to_string()),
    };
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.set_memory_limit(MemoryLimit::Unlimited); // its size is checked below
    let mut decoder = options.read_info(bytes).map_err(fail)?;
    let screen = room.admit(u64::from(decoder.height()), u64::from(decoder.width()), 5)?;
    let info = decoder.next_frame_info().map_err(fail)?.ok_or_else(|| room.broken("there is no picture in it"))?;
    let (top, left) = (usize::from(info.top), usize::from(info.left));
    let (height, width) = (usize::from(info.height), usize::from(info.width));
    let transparent = info.transparent;
    room.check(height as u64, width as u64)?;
    if top + height > screen.height || left + width > screen.width {
        return Err(room.broken("the picture is larger than the screen"));
    }
    let mut indices = vec![0; height * width];
    decoder.read_into_buffer(&mut indices).map_err(fail)?;
    let palette = decoder.palette().map_err(fail)?.as_chunks().0;

    let covers = height == screen.height && width == screen.width;
    let channels = if covers && transparent.is_none() { 3 } else { 4 };
    let mut pixels = vec![0; screen.height * screen.width * channels];
    for (y, row) in indices.chunks_exact(width).enumerate() {
        let start = ((top + y) * screen.width + left) * channels;
        for (pixel, &index) in pixels[start..].chunks_exact_mut(channels).zip(row) {
            let [r, g, b] = palette.get(usize::from(index)).copied().unwrap_or_default();
            let alpha = if transparent == Some(index) { 0 } else { 255 };
            pixel.copy_from_slice(&[r, g, b, alpha][..channels]);
        }
    }
    screen.filled(channels, pixels, room)
}
