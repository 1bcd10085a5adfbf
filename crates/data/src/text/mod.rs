//! Texts as numbers: words and a vocabulary, as Keras' `TextVectorization`, and sequences of one length, as its `pad_sequences`.

pub(crate) mod error;
pub(crate) mod sequences;
pub(crate) mod tokens;
pub(crate) mod vectorize;
