//! The programs of fused regions: straight-line code over virtual block registers.

use super::fill::SPARE;
use super::named::{SCALARS, STORED, VALUES};
use adaline_graph::{ArgOp, BinaryOp, Distribution, ReduceOp, UnaryOp};

/// A place in memory, resolved when a run starts: a space (arena, state by role, inputs) and a word within it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub(crate) struct BufRef {
    /// Index into the table of base pointers.
    pub(crate) space: u16,
    /// First word.
    pub(crate) offset: usize,
}

/// The arena's place in the table of base pointers; then the four roles of state, then the inputs.
pub(crate) const ARENA: u16 = 0;
/// The first role of state.
pub(crate) const STATE: u16 = 1;
/// The first input.
pub(crate) const INPUTS: u16 = 5;

/// What one instruction does. Integer variants work on `i32` words; truth values are `f32` 0 and 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Code {
    /// Of `f32` (or, for `Not`, truth values).
    Unary(UnaryOp),
    /// Of `i32`: `Neg`, `Abs`, `Sign`.
    UnaryInt(UnaryOp),
    /// Of `f32` (comparisons give truth values; `And`, `Or` take them).
    Binary(BinaryOp),
    /// Of `i32`.
    BinaryInt(BinaryOp),
    /// `a != 0 ? b : c`, of words.
    Select,
    /// `f32` to `i32`, toward zero, saturating.
    ToInt,
    /// `i32` to `f32`.
    FromInt,
    /// `f32 != 0`.
    ToBool,
    /// `i32 != 0`.
    IntToBool,
    /// `a·b + c`, rounded once.
    MulAdd,
    /// `a·b - c`, rounded once.
    MulSub,
    /// `c - a·b`, rounded once.
    NegMulAdd,
    /// The words themselves.
    Copy,
    /// Counters of an axis: `(flat / inner) % size`.
    Iota {
        /// Elements between steps of the counter.
        inner: usize,
        /// Size of the axis.
        size: usize,
    },
    /// Random numbers: `a` is the seed (two words in memory), `b` the step (one word).
    Random {
        /// Distribution.
        dist: Distribution,
        /// Stream.
        stream: u64,
    },
    /// Each row's value along the row.
    Expand,
    /// One row's value, 16 times, to be read as a scalar (blocks of one row).
    Splat,
    /// Reduces each row.
    RowReduce(ReduceOp),
    /// Reduces each row and repeats the result along the row.
    RowSpread(ReduceOp),
    /// Index of each row's extreme.
    RowArg(ArgOp),
    /// Adds the block's rows to an accumulator of columns; `at` is its place in the task's accumulators.
    AccCol {
        /// How.
        op: ReduceOp,
        /// First word.
        at: usize,
    },
    /// A call of a kernel written by hand: an index into the program's calls.
    Named(u16),
    /// Adds the products of two operands to an accumulator of 16 lanes, each product and its sum rounded once.
    AccProducts {
        /// First word.
        at: usize,
    },
    /// Adds the block to an accumulator of 16 lanes.
    AccOne {
        /// How.
        op: ReduceOp,
        /// First word.
        at: usize,
    },
}

impl Code {
    /// Whether each element of the result depends on the same element of its operands alone, and on nothing else.
    #[inline(always)]
    pub(crate) fn is_lanewise(self) -> bool {
        match self {
            Self::Unary(_)
            | Self::UnaryInt(_)
            | Self::Binary(_)
            | Self::BinaryInt(_)
            | Self::Select
            | Self::ToInt
            | Self::FromInt
            | Self::ToBool
            | Self::IntToBool
            | Self::MulAdd
            | Self::MulSub
            | Self::NegMulAdd
            | Self::Copy => true,
            Self::Iota { .. }
            | Self::Random { .. }
            | Self::Expand
            | Self::Splat
            | Self::RowReduce(_)
            | Self::RowSpread(_)
            | Self::RowArg(_)
            | Self::AccCol { .. }
            | Self::Named(_)
            | Self::AccProducts { .. }
            | Self::AccOne { .. } => false,
        }
    }
}

/// Where an instruction's operand comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Src {
    /// Nothing.
    None,
    /// A block register.
    Reg(u16),
    /// A block register that holds one splatted value.
    RegSplat(u16),
    /// Memory, at the block's place.
    Mem(u16),
    /// A scalar of the program, splatted.
    Scalar(u16),
    /// A strided operand, prepared at the start of the block.
    Fill(u16),
    /// Memory as a whole, from its beginning.
    Whole(u16),
    /// The raw product, in its epilogue.
    Raw,
}

/// Where a result goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Dst {
    /// Nowhere (accumulators).
    None,
    /// A block register.
    Reg(u16),
    /// Memory, at the block's place.
    Mem(u16),
}

/// One instruction.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Instr {
    pub(crate) code: Code,
    pub(crate) dst: Dst,
    pub(crate) src: [Src; 3],
    /// One value per row rather than one per element.
    pub(crate) row: bool,
}

/// A scalar of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scalar {
    /// A constant word.
    Word(u32),
    /// A word in memory, read before the first block.
    Mem(BufRef),
}

/// An operand in memory at the block's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MemRef {
    pub(crate) buf: BufRef,
    /// One word per row rather than per element.
    pub(crate) row: bool,
}

/// A strided operand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fill {
    pub(crate) buf: BufRef,
    /// Sizes and strides, merged, outermost first.
    pub(crate) dims: Vec<(usize, isize)>,
    /// Register that backs it.
    pub(crate) reg: u16,
    pub(crate) row: bool,
    /// The same for every block: prepared at the first block of a task only.
    pub(crate) hoisted: bool,
}

/// A call of a kernel written by hand: operands, scalars and the memory of its results, in the order of its pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Call {
    /// Place of the pattern in the table.
    pub(crate) pattern: usize,
    pub(crate) values: [Src; VALUES],
    pub(crate) scalars: [u16; SCALARS],
    pub(crate) stored: [u16; STORED],
}

/// A straight-line program over blocks.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Program {
    pub(crate) instrs: Vec<Instr>,
    pub(crate) mems: Vec<MemRef>,
    pub(crate) scalars: Vec<Scalar>,
    pub(crate) fills: Vec<Fill>,
    pub(crate) calls: Vec<Call>,
    /// Block registers.
    pub(crate) regs: usize,
    /// Longest block.
    pub(crate) block: usize,
    /// Words of a register.
    pub(crate) reg_words: usize,
}

/// Words of one splatted scalar.
pub(crate) const SPLAT: usize = 16;
/// Words that hold a prepared operand: a pointer, a step and a pitch.
const FILL_WORDS: usize = size_of::<super::fill::Source>().div_ceil(4);

impl Program {
    /// Memory that is read at every element's own place.
    pub(crate) fn reads(&self) -> impl Iterator<Item = BufRef> {
        let read = |m: usize| {
            let is = |s: &Src| *s == Src::Mem(m as u16);
            self.instrs.iter().any(|i| !i.row && i.src.iter().any(is)) || self.calls.iter().any(|c| c.values.iter().any(is))
        };
        self.mems.iter().enumerate().filter(move |(i, m)| !m.row && read(*i)).map(|(_, m)| m.buf)
    }
    /// Words of scratch that a worker needs to run it.
    pub(crate) fn scratch_words(&self) -> usize {
        (self.fills.len() * FILL_WORDS).next_multiple_of(SPLAT) + self.scalars.len() * SPLAT + self.regs * self.reg_words + SPARE
    }
    /// First word of the scalars within the scratch.
    pub(crate) fn scalars_at(&self) -> usize {
        (self.fills.len() * FILL_WORDS).next_multiple_of(SPLAT)
    }
    /// First word of the registers within the scratch.
    pub(crate) fn regs_at(&self) -> usize {
        self.scalars_at() + self.scalars.len() * SPLAT
    }
}

/// What a block is of the iteration space.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Flat index of the first element.
    pub(crate) flat: usize,
    /// Number of elements: rows × width.
    pub(crate) len: usize,
    /// First row.
    pub(crate) row: usize,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Elements of a row within the block.
    pub(crate) width: usize,
    /// First column.
    pub(crate) col: usize,
    /// Whether it is the first block of its task.
    pub(crate) first: bool,
    /// Separate stretches of memory that the block consists of; 1 unless it is a box out of a product.
    pub(crate) lines: usize,
    /// Words between the stretches.
    pub(crate) pitch: usize,
}
