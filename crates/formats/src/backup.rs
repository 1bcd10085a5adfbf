//! The file in which a running training is kept: JSON and blocks of 32-bit words, as they lie in memory, under one check sum.
//!
//! `magic (16 bytes) | length of the JSON (u64) | JSON | words of all blocks | CRC-32C of all before (u32)`, all little-endian. The JSON is
//! `{"header": .., "blocks": [words of each block]}`.

use crate::{FormatError, atomic_write_with, crc32c};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;

const MAGIC: &[u8; 16] = b"adaline-backup\n\x01";
/// Words that are turned into bytes at a time.
const CHUNK: usize = 1 << 14;

/// A JSON header and blocks of words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backup {
    /// What the blocks mean.
    pub header: Value,
    /// Values by their bits.
    pub blocks: Vec<Vec<u32>>,
}

impl Backup {
    /// Writes the file, which is then the old one or the new one, whole, whenever the process ends; see [`crate::atomic_write`].
    ///
    /// # Errors
    /// [`FormatError::Io`], [`FormatError::NotARegularFile`].
    pub fn write(&self, path: &Path) -> Result<(), FormatError> {
        let lengths: Vec<usize> = self.blocks.iter().map(Vec::len).collect();
        let head = json!({"header": self.header, "blocks": lengths}).to_string();
        atomic_write_with(path, |file| {
            let failed = |source| FormatError::Io { action: "write", path: path.to_owned(), source };
            let mut sum = 0;
            let mut put = |bytes: &[u8]| {
                sum = crc32c(sum, bytes);
                file.write_all(bytes)
            };
            let mut put_all = || {
                put(MAGIC)?;
                put(&(head.len() as u64).to_le_bytes())?;
                put(head.as_bytes())?;
                let mut bytes = Vec::with_capacity(4 * CHUNK);
                for words in self.blocks.iter().flat_map(|b| b.chunks(CHUNK)) {
                    bytes.clear();
                    bytes.extend(words.iter().flat_map(|w| w.to_le_bytes()));
                    put(&bytes)?;
                }
                Ok(())
            };
            put_all().and_then(|()| file.write_all(&sum.to_le_bytes())).map_err(failed)
        })
    }

    /// Reads a file that [`Backup::write`] wrote.
    ///
    /// # Errors
    /// [`FormatError::Io`]; [`FormatError::Damaged`] when it is anything else than what was written.
    pub fn read(path: &Path) -> Result<Self, FormatError> {
        let bytes = fs::read(path).map_err(|source| FormatError::Io { action: "read", path: path.to_owned(), source })?;
        Self::parse(&bytes).map_err(|reason| FormatError::Damaged { file: path.display().to_string(), reason })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("it does not begin as a backup does")?;
        let (body, sum) = rest.split_last_chunk::<4>().ok_or("it ends within its beginning")?;
        let expected = crc32c(0, &bytes[..bytes.len() - 4]);
        if u32::from_le_bytes(*sum) != expected {
            return Err(format!("its check sum is {:08x}, its content has {expected:08x}", u32::from_le_bytes(*sum)));
        }
        // What follows cannot fail for a file of ours; a hostile one may carry a good sum.
        let (length, rest) = body.split_first_chunk::<8>().ok_or("it ends within its beginning")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|&n| n <= rest.len());
        let (head, mut words) = rest.split_at(length.ok_or("its header is longer than the file")?);
        let mut head: Value = serde_json::from_slice(head).map_err(|e| format!("its header is no JSON: {e}"))?;
        let mut blocks = Vec::new();
        for length in head["blocks"].as_array().map_or(&[][..], Vec::as_slice) {
            let bytes = length.as_u64().and_then(|n| usize::try_from(n).ok()?.checked_mul(4)).filter(|&n| n <= words.len());
            let (block, after) = words.split_at(bytes.ok_or("a block is longer than the file")?);
            blocks.push(block.chunks_exact(4).map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]])).collect());
            words = after;
        }
        if !words.is_empty() {
            return Err(format!("{} bytes are left over", words.len()));
        }
        Ok(Self { header: head.get_mut("header").map(Value::take).unwrap_or_default(), blocks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_bit_for_bit_and_any_changed_or_missing_byte_is_noticed() {
        let folder = std::env::temp_dir().join(format!("adaline-backup-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("latest.backup");
        let backup = Backup { header: json!({"epoch": 3, "x": [1, "ü"]}), blocks: vec![vec![0x7FC0_0001, 0, u32::MAX], vec![], vec![7]] };
        backup.write(&path).unwrap();
        assert_eq!(Backup::read(&path).unwrap(), backup);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            assert!(Backup::parse(&bytes).is_err(), "byte {at} changed");
            assert!(Backup::parse(&whole[..at]).is_err(), "cut to {at} bytes");
        }
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let text = Backup::read(&path).unwrap_err().to_string();
        assert!(text.contains("latest.backup") && text.contains("is damaged: its check sum"), "{text}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn hostile_files_with_a_good_sum_are_errors() {
        let signed = |content: &[u8]| {
            let bytes = [&MAGIC[..], content].concat();
            let sum = crc32c(0, &bytes).to_le_bytes();
            [bytes, sum.to_vec()].concat()
        };
        let head = |json: &str| [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat();
        for content in [
            vec![],
            u64::MAX.to_le_bytes().to_vec(),
            head("{"),
            head("{\"blocks\": [1]}"),
            head("{\"blocks\": [18446744073709551615]}"),
            head("{\"blocks\": [-1]}"),
            [head("{\"blocks\": []}"), vec![0]].concat(),
        ] {
            assert!(Backup::parse(&signed(&content)).is_err(), "{content:?}");
        }
        assert_eq!(Backup::parse(&signed(&head("[]"))).unwrap(), Backup::default());
    }
}
