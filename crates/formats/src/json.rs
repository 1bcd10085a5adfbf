//! JSON from strangers, in bounded memory.

use serde_json::Value;

use crate::FormatError;

/// The most that the values of one document may take, by the estimate below. A layer's configuration takes about 10 kB of it.
const LARGEST: u64 = 128 << 20;

/// Parses a document, once it is clear that its values fit into memory: two bytes (`1,`) become a value of 32 bytes, and seven (`{"":1},`) a
/// node of a tree with room for eleven.
///
/// # Errors
/// [`FormatError::TooLarge`], [`FormatError::Json`].
pub(crate) fn parse(bytes: &[u8], file: &str, member: &str, expected: &'static str) -> Result<Value, FormatError> {
    let size = cost(bytes);
    if size > LARGEST {
        let what = format!("what {member} takes in memory");
        return Err(FormatError::TooLarge { file: file.into(), what, size, unit: "bytes", limit: LARGEST });
    }
    let json = |e: serde_json::Error| FormatError::Json { file: file.into(), member: member.into(), reason: e.to_string(), expected };
    serde_json::from_slice(bytes).map_err(json)
}

/// At most how many bytes the values of a document take while it is parsed. Commas and brackets within texts count as well.
fn cost(bytes: &[u8]) -> u64 {
    // A list that grows is there twice for a moment; a map's node is 11 keys of 24 bytes with values of 32.
    let of = |byte: u8| match byte {
        b',' | b':' => 96,
        b'[' => 128,
        b'{' => 640,
        _ => 1,
    };
    bytes.iter().map(|&byte| of(byte)).sum()
}
