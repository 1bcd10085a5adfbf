//! The safetensors format: a length, a JSON header, then the elements of all tensors without gaps
//! (<https://github.com/huggingface/safetensors#format>).
//!
//! Our own reader: it is short, and takes half precisions and integers to the types we keep.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::element::{Element, Kind};
use crate::{FormatError, NamedTensor, ReadLimits, TensorBytes, atomic_write_with};

/// Largest header. JSON takes many times its size in memory; ten thousand tensors need about 1 MiB.
const LARGEST_HEADER: u64 = 4 << 20;
const METADATA: &str = "__metadata__";
const TYPES: &str = "F16, BF16, F32, F64, BOOL, or integers of 8 to 64 bits (I8, U8, ...)";

/// The content of a `.safetensors` file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Safetensors {
    /// All tensors; after reading, by name. `path` is the name.
    pub tensors: Vec<NamedTensor>,
    /// Texts beside them (`__metadata__`).
    pub metadata: BTreeMap<String, String>,
}

/// Whether the start of a file is that of this format.
pub(crate) fn is_safetensors(start: &[u8]) -> bool {
    start.get(8) == Some(&b'{')
        && start.first_chunk().is_some_and(|length| (2..=LARGEST_HEADER * 32).contains(&u64::from_le_bytes(*length)))
}

fn element_of(dtype: &str) -> Option<Element> {
    let kind = match dtype {
        "F16" => Kind::F16,
        "BF16" => Kind::Bf16,
        "F32" => Kind::F32,
        "F64" => Kind::F64,
        "BOOL" | "U8" => Kind::Unsigned(1),
        "I8" => Kind::Signed(1),
        "I16" => Kind::Signed(2),
        "U16" => Kind::Unsigned(2),
        "I32" => Kind::Signed(4),
        "U32" => Kind::Unsigned(4),
        "I64" => Kind::Signed(8),
        "U64" => Kind::Unsigned(8),
        _ => return None,
    };
    Some(Element::new(kind, false))
}

/// A tensor as the header describes it.
struct Entry<'h> {
    name: &'h str,
    element: Element,
    shape: Vec<usize>,
    begin: u64,
    end: u64,
}

impl Safetensors {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FormatError::Io`]; [`FormatError::Safetensors`] for one that is not as its header says.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let bytes = crate::model_file::read_bytes(path, &ReadLimits::default())?;
        Self::parse(&bytes, &path.display().to_string(), &ReadLimits::default())
    }
    /// Reads a file held in memory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from_slice(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::parse(bytes, "bytes in memory", &ReadLimits::default())
    }

    pub(crate) fn parse(bytes: &[u8], file: &str, limits: &ReadLimits) -> Result<Self, FormatError> {
        let wrong = |reason: String| FormatError::Safetensors { file: file.into(), reason };
        let (length, rest) = bytes.split_first_chunk().ok_or_else(|| wrong("it ends within the length of its header".into()))?;
        let length = u64::from_le_bytes(*length);
        if length > LARGEST_HEADER {
            return Err(wrong(format!("its header is said to have {length} bytes; at most {LARGEST_HEADER} are read")));
        }
        let header = rest.get(..length as usize);
        let header = header.ok_or_else(|| wrong(format!("its header should have {length} bytes, but the file has {} more", rest.len())))?;
        let elements = &rest[length as usize..];
        let (member, expected) = ("the header", "an object with dtype, shape and data_offsets of each tensor");
        let Value::Object(header) = crate::json::parse(header, file, member, expected)? else {
            return Err(FormatError::Json { file: file.into(), member: member.into(), reason: "it is no object".into(), expected });
        };
        if header.len() > limits.objects {
            let (size, limit) = (header.len() as u64, limits.objects as u64);
            return Err(FormatError::TooLarge { file: file.into(), what: "the header".into(), size, unit: "tensors", limit });
        }
        let mut metadata = BTreeMap::new();
        for (key, value) in header.get(METADATA).and_then(Value::as_object).into_iter().flatten() {
            let text = value.as_str().ok_or_else(|| wrong(format!("{METADATA} has {key:?} = {value}, which is no text")))?;
            metadata.insert(key.clone(), text.to_owned());
        }
        let tensors = header.iter().filter(|(name, _)| *name != METADATA);
        let mut entries = tensors.map(|(name, value)| entry(name, value).map_err(wrong)).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(|e| (e.begin, e.end));
        // Without gaps, so that nothing is hidden between, and nothing is two tensors.
        let mut at = 0;
        for e in &entries {
            if e.begin != at {
                let what = if e.begin < at { "overlaps the tensor before it" } else { "leaves a gap before it" };
                return Err(wrong(format!(
                    "tensor {:?} begins at byte {} of the elements, which {what}: {at} was expected",
                    e.name, e.begin
                )));
            }
            at = e.end;
        }
        if at != elements.len() as u64 {
            return Err(wrong(format!("its tensors take {at} bytes, but {} follow the header", elements.len())));
        }
        // Our own copy of an element may be wider than the file's.
        let kept = entries.iter().map(|e| (e.end - e.begin) * (4 / e.element.size().min(4) as u64)).fold(0, u64::saturating_add);
        if kept > limits.weights_bytes {
            let limit = limits.weights_bytes;
            return Err(FormatError::TooLarge { file: file.into(), what: "what it holds".into(), size: kept, unit: "bytes", limit });
        }
        let mut tensors = Vec::with_capacity(entries.len());
        for e in entries {
            let data = e.element.decode(&elements[e.begin as usize..e.end as usize]);
            let data = data.map_err(|value| wrong(format!("tensor {:?} holds {value}", e.name)))?;
            tensors.push(NamedTensor { path: e.name.to_owned(), shape: e.shape, data });
        }
        tensors.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { tensors, metadata })
    }

    /// Writes to `path`, atomically: see [`atomic_write`](crate::atomic_write). Equal contents give equal bytes.
    ///
    /// # Errors
    /// [`FormatError::Invalid`] for two tensors of one name or a shape that does not fit; [`FormatError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), FormatError> {
        let header = self.header()?;
        atomic_write_with(path, |file| {
            self.write_all(&header, file).map_err(|source| FormatError::Io { action: "write", path: path.to_owned(), source })
        })
    }
    /// The bytes that [`write`](Self::write) would write.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_to_vec(&self) -> Result<Vec<u8>, FormatError> {
        let mut bytes = Vec::new();
        let failed = |e: std::io::Error| FormatError::Invalid { what: "file", name: "in memory".into(), reason: e.to_string() };
        self.write_all(&self.header()?, &mut bytes).map_err(failed)?;
        Ok(bytes)
    }

    /// In the order of the elements: those of 8 bytes first, as the format wants it, so that all are aligned; then by name.
    fn ordered(&self) -> Vec<&NamedTensor> {
        let mut ordered: Vec<&NamedTensor> = self.tensors.iter().collect();
        ordered.sort_by_key(|t| (!matches!(t.data, TensorBytes::I64(_)), t.path.as_str()));
        ordered
    }

    fn header(&self) -> Result<String, FormatError> {
        let mut header = Map::new();
        if !self.metadata.is_empty() {
            header.insert(METADATA.into(), serde_json::json!(self.metadata));
        }
        let mut begin = 0;
        for tensor in self.ordered() {
            let invalid = |reason: String| FormatError::Invalid { what: "tensor", name: tensor.path.clone(), reason };
            if tensor.shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)) != Some(tensor.data.len()) {
                return Err(invalid(format!("shape {:?} does not hold {} elements", tensor.shape, tensor.data.len())));
            }
            let (dtype, size) = match tensor.data {
                TensorBytes::F32(_) => ("F32", 4),
                TensorBytes::I32(_) => ("I32", 4),
                TensorBytes::I64(_) => ("I64", 8),
            };
            let end = begin + tensor.data.len() as u64 * size;
            let entry = serde_json::json!({"dtype": dtype, "shape": tensor.shape, "data_offsets": [begin, end]});
            if tensor.path == METADATA || header.insert(tensor.path.clone(), entry).is_some() {
                return Err(invalid("two tensors have this name, or it is the one of the metadata".into()));
            }
            begin = end;
        }
        let mut text = Value::Object(header).to_string();
        let padding = text.len().next_multiple_of(8) - text.len();
        text.extend(std::iter::repeat_n(' ', padding));
        Ok(text)
    }

    fn write_all(&self, header: &str, out: &mut dyn Write) -> std::io::Result<()> {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        for tensor in self.ordered() {
            match &tensor.data {
                TensorBytes::F32(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
                TensorBytes::I32(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
                TensorBytes::I64(values) => values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes())),
            }?;
        }
        Ok(())
    }
}

/// What the header says of a tensor, after checking it against itself.
fn entry<'h>(name: &'h str, value: &Value) -> Result<Entry<'h>, String> {
    let dtype = value["dtype"].as_str().ok_or_else(|| format!("tensor {name:?} has no dtype"))?;
    let element = element_of(dtype).ok_or_else(|| format!("tensor {name:?} has elements of type {dtype:?}; expected {TYPES}"))?;
    let shape = value["shape"].as_array().and_then(|s| s.iter().map(|d| usize::try_from(d.as_u64()?).ok()).collect::<Option<Vec<_>>>());
    let shape = shape.ok_or_else(|| format!("tensor {name:?} has the shape {}, which is no list of sizes", value["shape"]))?;
    let offsets: Option<Vec<u64>> = value["data_offsets"].as_array().and_then(|o| o.iter().map(Value::as_u64).collect());
    let Some(&[begin, end]) = offsets.as_deref() else {
        return Err(format!("tensor {name:?} has the data_offsets {}, expected [begin, end]", value["data_offsets"]));
    };
    let bytes = shape.iter().try_fold(element.size() as u64, |bytes, d| bytes.checked_mul(*d as u64));
    if bytes.is_none() || end.checked_sub(begin) != bytes {
        return Err(format!(
            "tensor {name:?} of type {dtype} and shape {shape:?} needs {} bytes, but lies from {begin} to {end}",
            bytes.map_or_else(|| "more than 2^64".into(), |b| b.to_string())
        ));
    }
    Ok(Entry { name, element, shape, begin, end })
}
