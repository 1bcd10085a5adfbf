//! How large a model may be, so that a hostile file costs little.

/// Limits of what a model may ask for. The defaults let through what a machine can run; [`Limits::small`] is for files from anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory for nodes, attributes, names and types, without the values of tensors.
    pub messages: usize,
    /// Graphs within graphs (bodies of `If`, `Loop`, `Scan`).
    pub depth: usize,
    /// Operations of the graph that a model becomes, with `Loop` unrolled.
    pub nodes: usize,
    /// Elements of one tensor on the way through the model.
    pub elements: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 128 << 20, depth: 8, nodes: 1 << 20, elements: 1 << 30 }
    }
}

impl Limits {
    /// For files that nobody vouches for.
    pub fn small() -> Self {
        Self { messages: 16 << 20, depth: 4, nodes: 20_000, elements: 1 << 22 }
    }
}
