//! `NumPy`'s `.npy` (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>), versions 1 to 3.
//!
//! Our own reader rather than a library's: the one we tried allocates what the header length says, multiplies
//! shapes unchecked and parses the header recursively, so a file of a few bytes can end the program.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use super::{ArrayError, dims, half, read_payload, read_start};
use crate::{DataError, FileError, Tensor, TensorData, file};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// `NumPy` itself refuses longer headers by default at 10,000 bytes.
const MAX_HEADER: u32 = 1 << 16;
/// `NumPy` allows 64 axes.
const MAX_AXES: usize = 64;
const TYPES: &str = "float16, float32, float64, bool, or integers of 8 to 64 bits";

/// Reads a `.npy` file (plain or gzip). Floating point becomes `f32`, bool and uint8 bytes, other integers `i32` when they
/// all fit. Column-major (Fortran) arrays are turned row-major.
///
/// # Errors
/// [`FileError`] when the file cannot be read, [`ArrayError`] when it is not what its header says or holds
/// values that do not fit.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Tensor, DataError> {
    let path = path.as_ref();
    let source = file::open(path)?;
    let at_most = source.at_most;
    parse(source, path, at_most)
}

/// Writes a `.npy` file: `f32` as `<f4`, `i32` as `<i4`, bytes as `|u1`.
///
/// # Errors
/// [`FileError`] when the file cannot be written.
pub fn write_npy(path: impl AsRef<Path>, tensor: &Tensor) -> Result<(), DataError> {
    let path = path.as_ref();
    let fail = |e| FileError::from_io(path, e);
    let mut out = BufWriter::new(File::create(path).map_err(fail)?);
    write_to(&mut out, tensor).map_err(fail)?;
    Ok(out.flush().map_err(fail)?)
}

pub(super) fn write_to(out: &mut impl Write, tensor: &Tensor) -> std::io::Result<()> {
    let descr = match tensor.data() {
        TensorData::F32(_) => "<f4",
        TensorData::I32(_) => "<i4",
        TensorData::U8(_) => "|u1",
    };
    let sizes: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    // magic (6), version (2), length (2), header, newline: together a multiple of 64
    let padding = 63 - (10 + header.len()) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    let (version, length) = match u16::try_from(header.len()) {
        Ok(length) => ([1, 0], length.to_le_bytes().to_vec()),
        Err(_) => ([2, 0], (header.len() as u32).to_le_bytes().to_vec()),
    };
    out.write_all(MAGIC)?;
    out.write_all(&version)?;
    out.write_all(&length)?;
    out.write_all(header.as_bytes())?;
    match tensor.data() {
        TensorData::F32(v) => v.iter().try_for_each(|x| out.write_all(&x.to_le_bytes())),
        TensorData::I32(v) => v.iter().try_for_each(|x| out.write_all(&x.to_le_bytes())),
        TensorData::U8(v) => out.write_all(v),
    }
}

pub(super) fn parse(mut source: impl Read, path: &Path, at_most: u64) -> Result<Tensor, DataError> {
    let fail = |e| FileError::from_io(path, e);
    let bad = |reason: String| DataError::from(ArrayError::BadHeader { path: path.into(), reason });
    let mut start = [0u8; 8];
    let got = read_start(&mut source, &mut start).map_err(fail)?;
    if got < 8 || !start.starts_with(MAGIC) {
        let start = start[..got].to_vec();
        return Err(ArrayError::WrongMagic { path: path.into(), expected: "a NumPy array file", start }.into());
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        other => return Err(bad(format!("format version {other} is unknown; expected 1, 2 or 3"))),
    };
    let mut length = [0u8; 4];
    if read_start(&mut source, &mut length[..width]).map_err(fail)? < width {
        return Err(bad("the file ends before the length of its header".into()));
    }
    let length = u32::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(bad(format!("a header of {length} bytes is too long; at most {MAX_HEADER} are read")));
    }
    let mut text = vec![0; length as usize];
    let got = read_start(&mut source, &mut text).map_err(fail)?;
    if got < text.len() {
        return Err(bad(format!("the header should have {length} bytes, but the file ends after {got}")));
    }
    let header = Header::parse(&text).map_err(&bad)?;
    let item = Item::parse(&header.descr).ok_or_else(|| ArrayError::UnsupportedType {
        path: path.into(),
        found: header.descr.clone(),
        expected: TYPES,
    })?;
    let bytes = read_payload(source, path, &header.shape, item.size as u64, at_most)?;
    let data = item.decode(&bytes).map_err(|(position, value)| ArrayError::IntegerRange { path: path.into(), value, position })?;
    let shape = dims(&header.shape);
    let data = if header.fortran { to_row_major(&shape, data) } else { data };
    Tensor::new(shape, data)
}

/// The header: a Python dictionary with three known keys.
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<u64>,
}

impl Header {
    fn parse(text: &[u8]) -> Result<Self, String> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        let mut words = Words { text, at: 0 };
        words.expect(b'{')?;
        while !words.accept(b'}') {
            let key = words.string()?;
            words.expect(b':')?;
            match key.as_str() {
                "descr" if descr.is_none() => descr = Some(words.descr()?),
                "fortran_order" if fortran.is_none() => fortran = Some(words.boolean()?),
                "shape" if shape.is_none() => shape = Some(words.tuple()?),
                _ => return Err(format!("unexpected or repeated key {key:?}")),
            }
            if !words.accept(b',') {
                words.expect(b'}')?;
                break;
            }
        }
        if words.peek().is_some() {
            return Err(format!("text after the dictionary at byte {}", words.at));
        }
        let missing = |key| format!("the key {key:?} is missing");
        Ok(Self {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

/// Reads the few Python words that a header may hold, from left to right, without recursion.
struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl Words<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn accept(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Result<(), String> {
        if self.accept(wanted) { Ok(()) } else { Err(format!("expected {:?} at byte {}", wanted as char, self.at)) }
    }

    fn string(&mut self) -> Result<String, String> {
        let quote = self.peek().filter(|c| matches!(c, b'\'' | b'"'));
        let quote = quote.ok_or_else(|| format!("expected a string at byte {}", self.at))?;
        let rest = self.text.get(self.at + 1..).unwrap_or(&[]);
        let length = rest.iter().position(|&c| c == quote).ok_or("a string does not end")?;
        self.at += length + 2;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    /// The type of the values; a list is a structured type, which is taken as text for the error.
    fn descr(&mut self) -> Result<String, String> {
        if self.peek() == Some(b'[') {
            return Err("the values are structured (several fields each); save each field as its own array".into());
        }
        self.string()
    }

    fn boolean(&mut self) -> Result<bool, String> {
        self.peek();
        let rest = self.text.get(self.at..).unwrap_or(&[]);
        let (value, length) = if rest.starts_with(b"True") {
            (true, 4)
        } else if rest.starts_with(b"False") {
            (false, 5)
        } else {
            return Err(format!("expected True or False at byte {}", self.at));
        };
        self.at += length;
        Ok(value)
    }

    fn tuple(&mut self) -> Result<Vec<u64>, String> {
        self.expect(b'(')?;
        let mut sizes = Vec::new();
        while !self.accept(b')') {
            self.peek();
            let start = self.at;
            while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
                self.at += 1;
            }
            let digits = std::str::from_utf8(&self.text[start..self.at]).unwrap_or("");
            sizes.push(digits.parse().map_err(|_| format!("expected a size from 0 to 2^64-1 at byte {start}"))?);
            if sizes.len() > MAX_AXES {
                return Err(format!("more than {MAX_AXES} axes"));
            }
            // Python 2 wrote long integers with a suffix: `(3L, 4L)`
            if self.text.get(self.at) == Some(&b'L') {
                self.at += 1;
            }
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(sizes)
    }
}

/// The type of one value.
struct Item {
    kind: u8,
    size: usize,
    big_endian: bool,
}

impl Item {
    fn parse(descr: &str) -> Option<Self> {
        let [order, kind, size] = *descr.as_bytes() else {
            return None;
        };
        let size = usize::from(size.checked_sub(b'0')?);
        let known = matches!((kind, size), (b'f', 2 | 4 | 8) | (b'b', 1) | (b'i' | b'u', 1 | 2 | 4 | 8));
        let big_endian = match order {
            b'<' | b'|' => false,
            b'=' => cfg!(target_endian = "big"),
            b'>' => true,
            _ => return None,
        };
        known.then_some(Self { kind, size, big_endian })
    }

    /// The values of whole items; the position and value of the first one that does not fit.
    fn decode(&self, bytes: &[u8]) -> Result<TensorData, (usize, i128)> {
        let floats = |f: &dyn Fn(u64) -> f32| TensorData::F32(self.words(bytes).map(f).collect());
        let integers = |f: &dyn Fn(u64) -> i128| -> Result<TensorData, (usize, i128)> {
            let convert = |(position, word)| {
                let value = f(word);
                i32::try_from(value).map_err(|_| (position, value))
            };
            Ok(TensorData::I32(self.words(bytes).enumerate().map(convert).collect::<Result<_, _>>()?))
        };
        Ok(match (self.kind, self.size) {
            (b'f', 2) => floats(&|w| half::to_f32(w as u16)),
            (b'f', 4) => floats(&|w| f32::from_bits(w as u32)),
            (b'f', _) => floats(&|w| f64::from_bits(w) as f32),
            (b'b', _) => TensorData::U8(bytes.iter().map(|&b| u8::from(b != 0)).collect()),
            (b'u', 1) => TensorData::U8(bytes.to_vec()),
            (b'u', _) => integers(&|w| i128::from(w))?,
            (_, 1) => integers(&|w| i128::from(w as i8))?,
            (_, 2) => integers(&|w| i128::from(w as i16))?,
            (_, 4) => integers(&|w| i128::from(w as i32))?,
            _ => integers(&|w| i128::from(w as i64))?,
        })
    }

    /// Each value's bits, in the low bytes of a word.
    fn words<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = u64> + 'a {
        bytes.chunks_exact(self.size).map(|chunk| {
            let fold = |word: u64, &byte: &u8| (word << 8) | u64::from(byte);
            if self.big_endian { chunk.iter().fold(0, fold) } else { chunk.iter().rev().fold(0, fold) }
        })
    }
}

fn to_row_major(shape: &[usize], data: TensorData) -> TensorData {
    match data {
        TensorData::F32(v) => TensorData::F32(transpose(shape, &v)),
        TensorData::I32(v) => TensorData::I32(transpose(shape, &v)),
        TensorData::U8(v) => TensorData::U8(transpose(shape, &v)),
    }
}

/// Reorders values whose first axis runs fastest so that the last one does.
fn transpose<T: Copy>(shape: &[usize], values: &[T]) -> Vec<T> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &size in shape {
        strides.push(stride);
        stride *= size;
    }
    let mut index = vec![0; shape.len()];
    let mut from = 0;
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        out.push(values[from]);
        // count up, the last axis fastest
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            from += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            from -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}
