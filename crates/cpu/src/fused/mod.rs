//! Fused regions: small programs that an interpreter runs over blocks of elements which stay in the first-level cache.

pub(crate) mod build;
pub(crate) mod fill;
pub(crate) mod interp;
pub(crate) mod kernel;
mod named;
pub(crate) mod program;
mod rows;
mod select;
pub(crate) mod words;
