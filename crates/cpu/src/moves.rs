//! Data movement that strides cannot absorb: padding, concatenation, copies into state.
//!
//! `unsafe`: copies between places of the plan.
#![allow(unsafe_code)]

use crate::fused::interp::Bases;
use crate::fused::program::BufRef;

/// One box of words copied through strides.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct BoxCopy {
    pub(crate) from: BufRef,
    pub(crate) to: BufRef,
    /// Size, stride of the source, stride of the target, outermost first.
    pub(crate) dims: Vec<(usize, isize, isize)>,
}

/// Padding, concatenation or a plain copy.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Move {
    /// Words set to zero first.
    pub(crate) zero: Option<(BufRef, usize)>,
    pub(crate) copies: Vec<BoxCopy>,
}

impl Move {
    /// Runs it.
    ///
    /// # Safety
    /// Every box must lie within its buffers; sources and targets must not overlap.
    pub(crate) unsafe fn run(&self, bases: Bases) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some((buf, words)) = self.zero {
                std::slice::from_raw_parts_mut(bases.at(buf), words).fill(0.0);
            }
            for c in &self.copies {
                copy(bases.at(c.from), bases.at(c.to), &c.dims);
            }
        }
    }
}

/// Copies a box.
///
/// # Safety
/// As for [`Move::run`].
unsafe fn copy(from: *const f32, to: *mut f32, dims: &[(usize, isize, isize)]) {
    // SAFETY: the caller's promise; each index stays below its size.
    unsafe {
        match *dims {
            [] => *to = *from,
            [(n, 1, 1)] => std::ptr::copy_nonoverlapping(from, to, n),
            [(n, a, b)] => {
                for i in 0..n as isize {
                    *to.offset(i * b) = *from.offset(i * a);
                }
            }
            [(n, a, b), ref rest @ ..] => {
                for i in 0..n as isize {
                    copy(from.offset(i * a), to.offset(i * b), rest);
                }
            }
        }
    }
}
