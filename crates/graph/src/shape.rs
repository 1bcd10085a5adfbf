//! Concrete shapes: at most [`MAX_RANK`] dimensions, stored inline.

use std::fmt;

/// The highest rank a tensor may have.
pub const MAX_RANK: usize = 6;

/// A concrete, row-major shape. Rank 0 is a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; MAX_RANK],
    rank: u8,
}

impl Shape {
    /// The shape of a scalar, `[]`.
    pub const SCALAR: Self = Self { dims: [0; MAX_RANK], rank: 0 };

    /// A shape, or `None` when there are more than [`MAX_RANK`] dimensions or the number of elements overflows.
    pub fn try_new(dims: &[usize]) -> Option<Self> {
        if dims.len() > MAX_RANK {
            return None;
        }
        // Zero-sized dimensions must not hide an overflow of the others.
        dims.iter().filter(|&&d| d != 0).try_fold(1usize, |n, &d| n.checked_mul(d)).filter(|&n| n <= isize::MAX as usize / 4)?;
        let mut s = Self { dims: [0; MAX_RANK], rank: dims.len() as u8 };
        s.dims[..dims.len()].copy_from_slice(dims);
        Some(s)
    }

    /// A shape from dimensions already known to be sound.
    ///
    /// # Panics
    /// When there are more than [`MAX_RANK`] dimensions or their product overflows; use [`Shape::try_new`] for untrusted sizes.
    pub fn new(dims: &[usize]) -> Self {
        Self::try_new(dims).unwrap_or_else(|| panic!("shape {dims:?} exceeds rank {MAX_RANK} or the address space"))
    }

    /// The dimensions.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank as usize]
    }
    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }
    /// Number of elements (1 for a scalar).
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }
    /// Whether some dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.dims().contains(&0)
    }
    /// Dimension `axis`, counted from the end when negative; 1 when there is no such axis.
    pub fn dim(&self, axis: isize) -> usize {
        self.axis(axis).map_or(1, |a| self.dims[a])
    }
    /// `axis` as an index from the front, when it exists.
    pub fn axis(&self, axis: isize) -> Option<usize> {
        let a = if axis < 0 { axis + self.rank as isize } else { axis };
        (0..self.rank as isize).contains(&a).then_some(a as usize)
    }
    /// Row-major strides in elements.
    pub fn strides(&self) -> [usize; MAX_RANK] {
        let mut s = [0; MAX_RANK];
        let mut acc = 1;
        for i in (0..self.rank()).rev() {
            s[i] = acc;
            acc *= self.dims[i];
        }
        s
    }
    /// The same shape with dimension `axis` replaced. Axis must exist.
    #[must_use]
    pub fn with_dim(mut self, axis: usize, dim: usize) -> Self {
        debug_assert!(axis < self.rank());
        self.dims[axis] = dim;
        self
    }
    /// Numpy's broadcast of two shapes, when they fit.
    pub fn broadcast(a: &Self, b: &Self) -> Option<Self> {
        let rank = a.rank().max(b.rank());
        let mut dims = [0; MAX_RANK];
        for (i, d) in dims[..rank].iter_mut().enumerate() {
            let da = if i + a.rank() >= rank { a.dims[i + a.rank() - rank] } else { 1 };
            let db = if i + b.rank() >= rank { b.dims[i + b.rank() - rank] } else { 1 };
            *d = match (da, db) {
                (x, y) if x == y => x,
                (1, y) => y,
                (x, 1) => x,
                _ => return None,
            };
        }
        Self::try_new(&dims[..rank])
    }
    /// The shape with ones put in front until it has `rank` dimensions.
    #[must_use]
    pub fn padded_to(&self, rank: usize) -> Self {
        let mut dims = [1; MAX_RANK];
        let lead = rank - self.rank();
        dims[lead..rank].copy_from_slice(self.dims());
        Self::new(&dims[..rank])
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self::new(&dims)
    }
}
impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}
impl From<&Vec<usize>> for Shape {
    fn from(dims: &Vec<usize>) -> Self {
        Self::new(dims)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, d) in self.dims().iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{d}")?;
        }
        f.write_str("]")
    }
}
impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
