//! Event files that TensorBoard reads.
//!
//! A file is a list of frames, `length (u64) | masked CRC-32C of the length (u32) | event | masked CRC-32C of the event (u32)`, little-endian
//! (`tensorflow/core/lib/io/record_writer.h`). An event is a protocol buffer `Event` of `tensorflow/core/util/event.proto`; the few fields
//! that are written here have names and numbers from there and from `summary.proto`, `tensor.proto`.

use crate::{FormatError, crc32c};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Makes the names of one process differ.
static SERIAL: AtomicU64 = AtomicU64::new(0);
/// Frames up to this many bytes have lengths of fewer than 2^32, which old readers need.
const LARGEST: usize = u32::MAX as usize;

/// What stands under a tag.
#[derive(Clone, Debug, PartialEq)]
pub enum EventValue<'a> {
    /// A number, for the tab of curves.
    Scalar(f32),
    /// Left end, right end and count of each bucket.
    Histogram(Vec<[f64; 3]>),
    /// Text in Markdown.
    Text(&'a str),
    /// A model as Keras' `to_json` writes it, which is drawn as a graph.
    KerasModel(&'a str),
}

/// A file of events that is being written. Every event is handed to the system at once, so that a crash of the process loses none.
#[derive(Debug)]
pub struct EventFile {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl EventFile {
    /// Begins a new file in a folder, which is made where it is missing. Its name tells the time, as TensorBoard wants it.
    ///
    /// # Errors
    /// [`FormatError::Io`].
    pub fn create(folder: &Path) -> Result<Self, FormatError> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| FormatError::Io { action, path, source }
        };
        fs::create_dir_all(folder).map_err(io("create the folder", folder))?;
        let (seconds, process) = (now() as u64, std::process::id());
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.adaline.{process}.{serial}.v2"));
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(io("create", &path))?;
        let mut file = Self { file, path, bytes: 0 };
        let mut event = Message::default();
        event.double(1, now());
        event.bytes(3, b"brain.Event:2");
        file.frame(&event)?;
        Ok(file)
    }

    /// Goes on with a file that had so many bytes; what was written behind them is dropped.
    ///
    /// # Errors
    /// [`FormatError::Io`]; [`FormatError::Damaged`] when it is shorter now.
    pub fn reopen(path: &Path, bytes: u64) -> Result<Self, FormatError> {
        let io = |action| move |source| FormatError::Io { action, path: path.to_owned(), source };
        let file = OpenOptions::new().append(true).open(path).map_err(io("open"))?;
        let there = file.metadata().map_err(io("open"))?.len();
        if there < bytes {
            let reason = format!("it had {bytes} bytes when training was interrupted and has {there} now");
            return Err(FormatError::Damaged { file: path.display().to_string(), reason });
        }
        file.set_len(bytes).map_err(io("shorten"))?;
        Ok(Self { file, path: path.to_owned(), bytes })
    }

    /// Adds one event: values of tags at a step.
    ///
    /// # Errors
    /// [`FormatError::Io`].
    pub fn write(&mut self, step: u64, values: &[(String, EventValue<'_>)]) -> Result<(), FormatError> {
        let mut summary = Message::default();
        for (tag, value) in values {
            summary.message(1, &entry(tag, value));
        }
        let mut event = Message::default();
        event.double(1, now());
        event.number(2, step);
        event.message(5, &summary);
        self.frame(&event)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Bytes that are written.
    pub fn len(&self) -> u64 {
        self.bytes
    }
    /// Whether nothing is written, which is never so.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    fn frame(&mut self, event: &Message) -> Result<(), FormatError> {
        let data = &event.0;
        if data.len() > LARGEST {
            let reason = format!("an event of {} bytes is too large", data.len());
            return Err(FormatError::Invalid { what: "event", name: self.path.display().to_string(), reason });
        }
        let length = (data.len() as u64).to_le_bytes();
        let frame = [&length[..], &masked(&length), data, &masked(data)].concat();
        self.file.write_all(&frame).map_err(|source| FormatError::Io { action: "write", path: self.path.clone(), source })?;
        self.bytes += frame.len() as u64;
        Ok(())
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The check sum as record files keep it: sums of data that holds sums would be weak.
fn masked(data: &[u8]) -> [u8; 4] {
    crc32c(0, data).rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
}

/// `Summary.Value`
fn entry(tag: &str, value: &EventValue<'_>) -> Message {
    // Data types 1 float, 2 double, 7 string; classes of data 1 scalar, 2 tensor.
    let mut tensor = Message::default();
    let (plugin, content, class): (&str, &[u8], u64) = match value {
        EventValue::Scalar(v) => {
            tensor.number(1, 1);
            tensor.message(2, &Message::default());
            tensor.bytes(5, &v.to_le_bytes());
            ("scalars", b"", 1)
        }
        EventValue::Histogram(buckets) => {
            let mut shape = Message::default();
            for size in [buckets.len(), 3] {
                let mut dim = Message::default();
                dim.number(1, size as u64);
                shape.message(2, &dim);
            }
            tensor.number(1, 2);
            tensor.message(2, &shape);
            tensor.bytes(4, &buckets.iter().flatten().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>());
            ("histograms", b"", 2)
        }
        EventValue::Text(text) | EventValue::KerasModel(text) => {
            tensor.number(1, 7);
            tensor.message(2, &Message::default());
            tensor.bytes(8, text.as_bytes());
            if matches!(value, EventValue::Text(_)) { ("text", b"", 2) } else { ("graph_keras_model", b"1", 0) }
        }
    };
    let (mut data, mut metadata, mut entry) = (Message::default(), Message::default(), Message::default());
    data.bytes(1, plugin.as_bytes());
    data.bytes(2, content);
    metadata.message(1, &data);
    metadata.number(4, class);
    entry.bytes(1, tag.as_bytes());
    entry.message(9, &metadata);
    entry.message(8, &tensor);
    entry
}

/// A protocol buffer on its way: fields one after another, each with its number and its kind.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
    fn number(&mut self, field: u64, value: u64) {
        self.varint(field << 3);
        self.varint(value);
    }
    fn double(&mut self, field: u64, value: f64) {
        self.varint(field << 3 | 1);
        self.0.extend(value.to_le_bytes());
    }
    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }
    fn message(&mut self, field: u64, value: &Self) {
        self.bytes(field, &value.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Events of a file, its frames checked.
    fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            assert_eq!(bytes[8..12], masked(&bytes[..8]));
            let event = &bytes[12..12 + length];
            assert_eq!(bytes[12 + length..16 + length], masked(event));
            events.push(event);
            bytes = &bytes[16 + length..];
        }
        events
    }

    #[test]
    fn frames_are_whole_and_a_file_is_taken_up_where_it_was() {
        let folder = std::env::temp_dir().join(format!("adaline-events-{}", std::process::id()));
        let mut file = EventFile::create(&folder.join("train")).unwrap();
        file.write(3, &[("epoch_loss".into(), EventValue::Scalar(0.25))]).unwrap();
        let (path, bytes) = (file.path().to_owned(), file.len());
        file.write(4, &[("a".into(), EventValue::Text("*b*")), ("h".into(), EventValue::Histogram(vec![[0.0, 1.0, 2.0]; 30]))]).unwrap();
        let all = fs::read(&path).unwrap();
        let events = frames(&all);
        assert_eq!((events.len(), all.len() as u64), (3, file.len()));
        assert!(events[0].ends_with(b"\x1a\x0dbrain.Event:2"));
        // step 3; summary { value { tag, metadata { plugin_data { "scalars", "" }, class 1 }, tensor { float, [], 0.25 } } }
        let expected: &[u8] = b"\x10\x03\x2a\x2b\x0a\x29\x0a\x0aepoch_loss\x4a\x0f\x0a\x0b\x0a\x07scalars\x12\x00\x20\x01\x42\x0a\x08\x01\x12\x00\x2a\x04\x00\x00\x80\x3e";
        assert_eq!(&events[1][9..], expected, "{:?}", &events[1][9..]);

        drop(file);
        let mut file = EventFile::reopen(&path, bytes).unwrap();
        file.write(5, &[("b".into(), EventValue::KerasModel("{}"))]).unwrap();
        let all = fs::read(&path).unwrap();
        assert_eq!(frames(&all).len(), 3);
        let error = EventFile::reopen(&path, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("it had 1048576 bytes when training was interrupted"), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
