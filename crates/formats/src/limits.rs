//! How much a file may ask of us before we refuse it.

/// Bounds on what reading one file may cost. The defaults admit every model that fits a usual machine.
///
/// Keras' own loader refuses an archive member that expands more than 100 times beyond 4 GiB, and more than 100 times
/// beyond 256 MiB when it extracts assets. Ours begins at 32 MiB, so that a small file takes less than 200 MB whatever it
/// says, and adds bounds that Keras lacks: on JSON, on the number of members, on the number and depth of HDF5 groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadLimits {
    /// Largest `config.json` or `metadata.json`, in bytes. JSON takes many times its size in memory.
    pub json_bytes: u64,
    /// Largest `model.weights.h5`, in bytes, and the largest sum of all tensors in it.
    pub weights_bytes: u64,
    /// Largest sum of all assets, in bytes.
    pub assets_bytes: u64,
    /// Most members an archive may have.
    pub members: usize,
    /// Contents up to this many bytes are read however small they are stored ...
    pub expansion_floor_bytes: u64,
    /// ... and beyond it may be at most this many times what is stored.
    pub expansion: u64,
    /// Most groups and datasets in an HDF5 file (a file may reach one object by many names; each counts).
    pub objects: usize,
    /// Deepest nesting of HDF5 groups.
    pub depth: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self {
            json_bytes: 32 << 20,
            weights_bytes: 64 << 30,
            assets_bytes: 4 << 30,
            members: 100_000,
            expansion_floor_bytes: 32 << 20,
            expansion: 100,
            objects: 1_000_000,
            depth: 64,
        }
    }
}

impl ReadLimits {
    /// The most bytes that content stored in `stored` bytes may expand to, whatever it declares.
    pub(crate) fn expanded(&self, stored: u64) -> u64 {
        stored.saturating_mul(self.expansion).max(self.expansion_floor_bytes)
    }
}
