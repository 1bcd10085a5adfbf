//! A look at the bytes of a model before they are read: how much memory the messages will take, and how deep they lie in one another. A reader of protocol
//! buffers makes hundreds of bytes of two, so that it must not be let loose on any file.

use super::error::ImportError;
use super::limits::Limits;
use crate::proto;

/// Messages that are looked into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    Function,
    Other,
}

impl Message {
    /// The message in a field, and the bytes that it takes in memory. Texts and lists of numbers are `Other`.
    fn field(self, number: u64) -> (Self, usize) {
        let text = size_of::<String>();
        match (self, number) {
            (Self::Model, 7) => (Self::Graph, 0),
            (Self::Model, 8) => (Self::Other, size_of::<proto::OperatorSet>()),
            (Self::Model, 25) => (Self::Function, size_of::<proto::Function>()),
            (Self::Graph | Self::Function, 1 | 7) => (Self::Node, size_of::<proto::Node>()),
            (Self::Graph | Self::Attribute, 5) => (Self::Tensor, size_of::<proto::Tensor>()),
            (Self::Graph, 11..=13) => (Self::Value, size_of::<proto::ValueInfo>()),
            (Self::Node, 5) | (Self::Function, 11) => (Self::Attribute, size_of::<proto::Attribute>()),
            (Self::Attribute, 6) => (Self::Graph, size_of::<proto::Graph>()),
            (Self::Value, 2) => (Self::Type, 0),
            (Self::Type, 1) => (Self::TensorType, 0),
            (Self::TensorType, 2) => (Self::Shape, 0),
            (Self::Shape, 1) => (Self::Other, size_of::<proto::Dimension>()),
            (Self::Model, 14) | (Self::Tensor, 13) => (Self::Other, size_of::<proto::Entry>()),
            _ => (Self::Other, text),
        }
    }
}

/// Whether the messages in `bytes` are within the limits. What is wrong with the bytes themselves is left to the reader.
pub(crate) fn look(bytes: &[u8], limits: &Limits) -> Result<(), ImportError> {
    let mut look = Look { used: 0, limits };
    look.message(Message::Model, bytes, 0)
}

struct Look<'l> {
    used: usize,
    limits: &'l Limits,
}

impl Look<'_> {
    fn message(&mut self, message: Message, mut bytes: &[u8], graphs: usize) -> Result<(), ImportError> {
        let graphs = graphs + usize::from(message == Message::Graph);
        if graphs > self.limits.depth {
            let what = "graphs within graphs lie too deep".into();
            return Err(ImportError::Limit { what, field: "depth", limit: self.limits.depth, got: graphs });
        }
        while let Some(key) = varint(&mut bytes) {
            let length = match key & 7 {
                0 => varint(&mut bytes).map(|_| 0),
                1 => Some(8),
                5 => Some(4),
                2 => varint(&mut bytes),
                _ => None,
            };
            let Some(field) = length.and_then(|n| usize::try_from(n).ok()).and_then(|n| bytes.split_off(..n)) else { break };
            if key & 7 == 2 {
                let (inner, size) = message.field(key >> 3);
                self.used = self.used.saturating_add(size);
                if self.used > self.limits.messages {
                    let what = "bytes that nodes, attributes and names take".into();
                    return Err(ImportError::Limit { what, field: "messages", limit: self.limits.messages, got: self.used });
                }
                if inner != Message::Other {
                    self.message(inner, field, graphs)?;
                }
            }
        }
        Ok(())
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return Some(value);
        }
    }
    None
}
