//! Windows bitmaps (<https://learn.microsoft.com/windows/win32/gdi/bitmap-storage>): 1, 2, 4, 8, 16, 24 and 32 bits per pixel,
//! palettes, run lengths and bit masks; headers of OS/2 1 and of Windows 3 to 5.

use super::{Frame, Pixels, Room, at};
use crate::ImageProblem;

const FILE_HEADER: usize = 14;

/// How the pixels are stored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Rle8,
    Rle4,
    /// Bits of red, green, blue and alpha in a little-endian word.
    Masks([u32; 4]),
}

struct Header {
    bits: u16,
    top_down: bool,
    packing: Packing,
    /// Colours in the order red, green, blue.
    palette: Vec<[u8; 3]>,
    /// Where the pixels begin.
    start: usize,
}

pub(super) fn decode<'g>(bytes: &[u8], room: &Room<'g>) -> Result<Pixels<'g>, ImageProblem> {
    let (header, frame) = header(bytes, room)?;
    let data = bytes.get(header.start..).ok_or_else(|| room.truncated())?;
    match header.packing {
        Packing::Rle8 | Packing::Rle4 => {
            let indices = run_lengths(data, &header, &frame, room)?;
            let rows = indices.chunks_exact(frame.width).rev();
            let pixels = rows.flatten().flat_map(|&index| header.color(u32::from(index))).collect();
            frame.filled(3, pixels, room)
        }
        Packing::Plain | Packing::Masks(_) => plain(data, &header, frame, room),
    }
}

fn header<'g>(bytes: &[u8], room: &Room<'g>) -> Result<(Header, Frame<'g>), ImageProblem> {
    let cut = || room.truncated();
    let word = |start: usize| at(bytes, start).map(u32::from_le_bytes).ok_or_else(cut);
    let half = |start: usize| at(bytes, start).map(u16::from_le_bytes).ok_or_else(cut);
    let start = word(10)? as usize;
    let size = word(FILE_HEADER)? as usize;
    let (height, width, bits, compression, used, entry) = match size {
        12 => (i32::from(half(20)?), u32::from(half(18)?), half(24)?, 0, 0, 3),
        40 | 52 | 56 | 64 | 108 | 124 => (word(22)?.cast_signed(), word(18)?, half(28)?, word(30)?, word(46)? as usize, 4),
        _ => return Err(room.broken(format!("a header of {size} bytes; expected 12, 40, 52, 56, 64, 108 or 124"))),
    };
    if width.cast_signed() < 0 {
        return Err(room.broken(format!("a width of {}", width.cast_signed())));
    }
    // of the index or the masks, and of the result
    let frame = room.admit(u64::from(height.unsigned_abs()), u64::from(width), 5)?;
    let mut palette_start = FILE_HEADER + size;
    let packing = match (compression, bits) {
        (0, 16) => Packing::Masks([0x7c00, 0x03e0, 0x001f, 0]),
        (0, 32) => Packing::Masks([0x00ff_0000, 0x0000_ff00, 0x0000_00ff, 0]),
        (0, 1 | 2 | 4 | 8 | 24) => Packing::Plain,
        (1, 8) => Packing::Rle8,
        (2, 4) => Packing::Rle4,
        (3 | 6, 16 | 32) => {
            let alpha = if size >= 56 || compression == 6 { word(66)? } else { 0 };
            if size == 40 {
                palette_start += if compression == 6 { 16 } else { 12 };
            }
            Packing::Masks([word(54)?, word(58)?, word(62)?, alpha])
        }
        _ => return Err(room.broken(format!("compression {compression} with {bits} bits per pixel is not supported"))),
    };
    let top_down = height < 0;
    if top_down && matches!(packing, Packing::Rle8 | Packing::Rle4) {
        return Err(room.broken("run lengths from top to bottom"));
    }
    let mut palette = Vec::new();
    if bits <= 8 {
        let most = 1 << bits;
        let count = if used == 0 { most } else { used.min(most) };
        let end = palette_start.saturating_add(count * entry).min(start.max(palette_start));
        let colors = bytes.get(palette_start..end).ok_or_else(cut)?;
        palette = colors.chunks_exact(entry).map(|c| [c[2], c[1], c[0]]).collect();
    }
    Ok((Header { bits, top_down, packing, palette, start }, frame))
}

impl Header {
    /// A colour of the palette; black where it has none.
    fn color(&self, index: u32) -> [u8; 3] {
        self.palette.get(index as usize).copied().unwrap_or_default()
    }
}

/// Rows of whole 32-bit words, from the bottom to the top as a rule.
fn plain<'g>(data: &[u8], header: &Header, frame: Frame<'g>, room: &Room<'_>) -> Result<Pixels<'g>, ImageProblem> {
    let bits = usize::from(header.bits);
    let stride = (frame.width * bits).div_ceil(32) * 4;
    let data = data.get(..stride * frame.height).ok_or_else(|| room.truncated())?;
    let channels = if matches!(header.packing, Packing::Masks([.., alpha]) if alpha != 0) { 4 } else { 3 };
    let mut pixels = Vec::with_capacity(frame.height * frame.width * channels);
    for y in 0..frame.height {
        let y = if header.top_down { y } else { frame.height - 1 - y };
        let row = &data[y * stride..][..stride];
        match header.packing {
            Packing::Masks(masks) => {
                for word in row.chunks_exact(bits / 8).take(frame.width) {
                    let word = word.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
                    pixels.extend_from_slice(&masks.map(|mask| masked(word, mask))[..channels]);
                }
            }
            _ if bits == 24 => pixels.extend(row.as_chunks().0.iter().take(frame.width).flat_map(|&[b, g, r]| [r, g, b])),
            _ => {
                // from the highest bits of a byte to the lowest
                let index = |x: usize| u32::from(row[x * bits / 8]) >> (8 - bits - x * bits % 8) & ((1 << bits) - 1);
                pixels.extend((0..frame.width).flat_map(|x| header.color(index(x))));
            }
        }
    }
    frame.filled(channels, pixels, room)
}

/// The bits of a mask as 0..=255.
fn masked(word: u32, mask: u32) -> u8 {
    if mask == 0 {
        return 0;
    }
    let shift = mask.trailing_zeros();
    let most = u64::from(mask >> shift);
    (u64::from((word & mask) >> shift) * 255 / most) as u8
}

/// Indices of the palette, from the bottom row to the top one. What is skipped stays 0.
fn run_lengths(data: &[u8], header: &Header, frame: &Frame<'_>, room: &Room<'_>) -> Result<Vec<u8>, ImageProblem> {
    let mut indices = vec![0; frame.height * frame.width];
    let (mut x, mut y) = (0, 0);
    let mut pairs = 0;
    let four = header.packing == Packing::Rle4;
    loop {
        let Some([count, value]) = at::<2>(data, pairs) else {
            // Some writers leave out the end.
            return if y + 1 >= frame.height && x >= frame.width || y >= frame.height { Ok(indices) } else { Err(room.truncated()) };
        };
        pairs += 2;
        let mut put = |length: usize, at: &dyn Fn(usize) -> u8| {
            // What runs over the end of a row is cut off.
            let room_left = if y < frame.height { frame.width.saturating_sub(x) } else { 0 };
            for i in 0..length.min(room_left) {
                indices[y * frame.width + x + i] = at(i);
            }
            x = (x + length).min(frame.width);
        };
        match (count, value) {
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) => return Ok(indices),
            (0, 2) => {
                let [right, up] = at(data, pairs).ok_or_else(|| room.truncated())?;
                pairs += 2;
                (x, y) = (x + usize::from(right), y + usize::from(up));
            }
            (0, length) => {
                let length = usize::from(length);
                let bytes = if four { length.div_ceil(2) } else { length };
                let run = data.get(pairs..pairs + bytes).ok_or_else(|| room.truncated())?;
                put(length, &|i| if four { nibble(run[i / 2], i) } else { run[i] });
                pairs += bytes.next_multiple_of(2);
            }
            (length, value) => put(usize::from(length), &|i| if four { nibble(value, i) } else { value }),
        }
    }
}

/// The high half of a byte for even places, the low one for odd ones.
fn nibble(byte: u8, i: usize) -> u8 {
    if i.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}
