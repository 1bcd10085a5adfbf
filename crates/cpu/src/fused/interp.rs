//! The interpreter: one instruction at a time over a block of elements.
//!
//! `unsafe`: operands are raw pointers into the arena, the state, the inputs and the worker's scratch. The plan (checked by its
//! verifier) proves that they stay within their buffers, that no two workers write the same words, and that operands which coincide
//! with results are read at the same place only.
#![allow(unsafe_code)]
#![allow(clippy::cast_ptr_alignment)] // prepared operands lie at the beginning of the scratch, which is aligned to 64 bytes

use super::fill::{self, SPARE, Source};
use super::named::{self, NamedArgs, SCALARS, STORED, VALUES};
use super::program::{Block, BufRef, Code, Dst, Instr, Program, SPLAT, Scalar, Src};
use super::{rows, words};
use crate::simd::{Acc16, Simd, VIRTUAL_LANES, WithSimd};
use crate::vmath;
use adaline_graph::fuse::identity_of;
use adaline_graph::{ArgOp, BinaryOp, ReduceOp, UnaryOp};
use std::marker::PhantomData;

/// Base pointers of all spaces.
#[derive(Clone, Copy)]
pub(crate) struct Bases(pub(crate) *const *mut f32);

// SAFETY: the pointers are only followed by kernels, whose writes are disjoint by plan.
unsafe impl Send for Bases {}
// SAFETY: as above.
unsafe impl Sync for Bases {}

impl Bases {
    /// Where a reference points.
    ///
    /// # Safety
    /// The table must hold `buf.space`, and that space must hold `buf.offset`.
    #[inline(always)]
    pub(crate) unsafe fn at(self, buf: BufRef) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { (*self.0.add(buf.space as usize)).add(buf.offset) }
    }
}

/// A program about to run: where its operands, scratch and accumulators are.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) program: &'a Program,
    pub(crate) bases: Bases,
    pub(crate) scratch: *mut f32,
    /// Accumulators of columns.
    pub(crate) cols: *mut f32,
    /// Accumulators of everything, 16 lanes each.
    pub(crate) ones: *mut f32,
    /// A finished part of a raw product, the flat index of its first element, and the words between its rows.
    pub(crate) raw: (*const f32, usize, usize),
}

impl Frame<'_> {
    /// Reads the scalars. Once for each task.
    ///
    /// # Safety
    /// `scratch` must hold [`Program::scratch_words`]; every scalar must lie within its space.
    #[inline(always)]
    pub(crate) unsafe fn begin(&self) {
        // SAFETY: the caller's promise.
        let mut to = unsafe { self.scratch.add(self.program.scalars_at()) };
        for scalar in &self.program.scalars {
            // SAFETY: the caller's promise.
            unsafe {
                let word = match *scalar {
                    Scalar::Word(w) => f32::from_bits(w),
                    Scalar::Mem(buf) => *self.bases.at(buf),
                };
                std::slice::from_raw_parts_mut(to, SPLAT).fill(word);
                to = to.add(SPLAT);
            }
        }
    }

    /// Where the operands of a block's instructions lie.
    ///
    /// # Safety
    /// As for [`Frame::run`].
    #[inline(always)]
    unsafe fn places(&self, b: &Block) -> At {
        let p = self.program;
        // SAFETY: the caller promises that the scratch holds scalars and registers.
        let (scalars, regs) = unsafe { (self.scratch.add(p.scalars_at()), self.scratch.add(p.regs_at())) };
        At { scalars, regs, reg_words: p.reg_words, line: if b.lines == 1 { b.len } else { b.len / b.lines } }
    }

    #[inline(always)]
    unsafe fn mem(&self, m: u16, b: &Block) -> *mut f32 {
        let m = &self.program.mems[m as usize];
        // SAFETY: the caller promises that the block lies within the space, which the buffer covers.
        unsafe { self.bases.at(m.buf).add(if m.row { b.row } else { b.flat }) }
    }

    #[inline(always)]
    unsafe fn src(&self, s: Src, b: &Block, at: &At) -> Source {
        // SAFETY: the caller's promise.
        unsafe {
            match s {
                Src::Reg(r) => Source { ptr: at.reg(r), step: 1, pitch: at.line, spare: SPARE },
                Src::RegSplat(r) => Source { ptr: at.reg(r), step: 0, pitch: 0, spare: SPARE },
                Src::Mem(m) => Source { ptr: self.mem(m, b), step: 1, pitch: b.pitch, spare: 0 },
                Src::Scalar(i) => Source { ptr: at.scalars.add(i as usize * SPLAT), step: 0, pitch: 0, spare: SPARE },
                Src::Fill(f) => *self.scratch.cast::<Source>().add(f as usize),
                Src::Whole(m) => Source { ptr: self.bases.at(self.program.mems[m as usize].buf), step: 1, pitch: 0, spare: 0 },
                Src::Raw => Source { ptr: self.raw.0.add(b.flat - self.raw.1), step: 1, pitch: self.raw.2, spare: 0 },
                Src::None => Source { ptr: self.scratch, step: 0, pitch: 0, spare: SPARE },
            }
        }
    }

    /// Runs the program over one block.
    ///
    /// # Safety
    /// [`Frame::begin`] has run; the block lies within the program's space; its length fits the registers; results that coincide with
    /// operands are read at the same place only.
    #[inline(always)]
    pub(crate) unsafe fn run<S: Simd>(&self, s: S, b: &Block) {
        // Found once: for short blocks, what is done for each instruction matters more than the elements. SAFETY: the caller's promise.
        let at = unsafe { self.places(b) };
        for (i, f) in self.program.fills.iter().enumerate() {
            if f.hoisted && !b.first {
                continue;
            }
            let (start, n) = if f.row { (b.row, b.rows) } else { (b.flat, b.len) };
            // SAFETY: the caller's promise; fills have their slots at the beginning of the scratch and registers of their own.
            unsafe {
                let reg = at.reg(f.reg);
                let base = self.bases.at(f.buf);
                let source = if b.lines == 1 {
                    fill::prepare(base, &f.dims, start, n, reg)
                } else {
                    fill::prepare_box(base, &f.dims, start, (b.lines, n / b.lines, b.pitch), reg)
                };
                *self.scratch.cast::<Source>().add(i) = source;
            }
        }
        for instr in &self.program.instrs {
            // Blocks of several lines have no rows.
            let (n, of_line) = if instr.row && b.lines == 1 { (b.rows, b.rows) } else { (b.len, at.line) };
            // SAFETY: the caller's promise.
            unsafe {
                let (d, pitch) = match instr.dst {
                    Dst::Reg(r) => (at.reg(r), at.line),
                    Dst::Mem(m) => (self.mem(m, b), b.pitch),
                    Dst::None => (self.scratch, 0),
                };
                if let Code::Named(c) = instr.code {
                    self.call(s, c, of_line, b, &at);
                    continue;
                }
                let [x, y, z] = instr.src;
                let (x, y, z) = (self.src(x, b, &at), self.src(y, b, &at), self.src(z, b, &at));
                let to_reg = matches!(instr.dst, Dst::Reg(_));
                let (n, lines) = if to_reg && x.spare.min(y.spare).min(z.spare) > 0 && instr.code.is_lanewise() {
                    // Registers end with a whole vector: what stands behind the last element does not matter.
                    (n.next_multiple_of(S::LANES), 1)
                } else {
                    (of_line, b.lines)
                };
                let args = Args { n, lines, d, pitch, spare: if to_reg && lines == 1 { SPARE } else { 0 }, a: x, b: y, c: z };
                match instr.code {
                    // Elementary functions are long: each lives in a function of its own. (What is handed over by reference is copied there, so that
                    // here it stays in registers.)
                    Code::Unary(op) => {
                        let handed = args;
                        s.vectorize(Function { op, args: &handed });
                    }
                    Code::Binary(op) => binary(s, op, args),
                    Code::MulAdd | Code::MulSub | Code::NegMulAdd | Code::Select | Code::Copy => simple(s, instr.code, args),
                    _ if lines == 1 => {
                        let handed = args;
                        s.vectorize(Special { frame: self, instr, block: b, args: &handed });
                    }
                    _ => {
                        for l in 0..b.lines {
                            let flat = b.flat + l * b.pitch;
                            let line = Block { flat, len: args.n, row: flat, rows: args.n, lines: 1, ..*b };
                            s.vectorize(Special { frame: self, instr, block: &line, args: &args.line(l) });
                        }
                    }
                }
            }
        }
    }
}

impl Frame<'_> {
    /// Calls a kernel written by hand on the lines of a block, `n` elements each.
    ///
    /// # Safety
    /// As for [`Frame::run`].
    #[inline(always)]
    unsafe fn call<S: Simd>(&self, s: S, call: u16, n: usize, b: &Block, at: &At) {
        let call = &self.program.calls[call as usize];
        // SAFETY: the caller's promise; what a pattern does not use stands at place 0 of its kind.
        unsafe {
            let scalars = at.scalars;
            let mut args = NamedArgs {
                n,
                lines: b.lines,
                values: [Source { ptr: scalars, step: 0, pitch: 0, spare: SPARE }; VALUES],
                scalars: [scalars.cast_const(); SCALARS],
                stored: [(scalars, 0); STORED],
            };
            for (to, &v) in args.values.iter_mut().zip(&call.values) {
                *to = self.src(v, b, at);
            }
            for (to, &i) in args.scalars.iter_mut().zip(&call.scalars) {
                *to = scalars.add(i as usize * SPLAT);
            }
            for (to, &m) in args.stored.iter_mut().zip(&call.stored) {
                *to = (self.mem(m, b), b.pitch);
            }
            named::run(s, call.pattern, &args);
        }
    }
}

/// Where the operands of a block's instructions lie in the scratch.
struct At {
    scalars: *mut f32,
    regs: *mut f32,
    reg_words: usize,
    /// Elements of a line.
    line: usize,
}

impl At {
    #[inline(always)]
    fn reg(&self, r: u16) -> *mut f32 {
        self.regs.wrapping_add(r as usize * self.reg_words)
    }
}

/// Operands and result of one instruction: `lines` stretches of `n` elements.
#[derive(Clone, Copy)]
struct Args {
    n: usize,
    lines: usize,
    d: *mut f32,
    /// Words between the lines of the result.
    pitch: usize,
    /// Not 0 if the result is one line in a register, whose last vector may be written as a whole.
    spare: usize,
    a: Source,
    b: Source,
    c: Source,
}

impl Args {
    /// One of the lines.
    #[inline(always)]
    fn line(self, l: usize) -> Self {
        let at = |x: Source| Source { ptr: x.ptr.wrapping_add(l * x.pitch), ..x };
        Self { lines: 1, d: self.d.wrapping_add(l * self.pitch), a: at(self.a), b: at(self.b), c: at(self.c), ..self }
    }
}

/// A function of lanes. A trait rather than a closure, because closures are not inlined by force: one left out of line would be compiled
/// without the instruction set's features and cost a call for each intrinsic.
trait Lanes<const N: usize> {
    fn of<S: Simd>(s: S, x: [S::F; N]) -> S::F;
}

/// Names a function of lanes where it is used: `lanes!(map2(s, args), |s, a, b| s.add(a, b))`.
macro_rules! lanes {
    ($map:ident($token:expr, $args:expr), |$s:ident, $($x:ident),+| $body:expr) => {{
        struct Op;
        impl Lanes<{ [$(stringify!($x)),+].len() }> for Op {
            #[inline(always)]
            fn of<S: Simd>($s: S, [$($x),+]: [S::F; { [$(stringify!($x)),+].len() }]) -> S::F {
                $body
            }
        }
        $map::<_, Op>($token, $args)
    }};
}

/// The last vector of an operand, of which `rest` elements count.
///
/// # Safety
/// The operand must be readable for `i + rest` words, and for a whole vector from `i` on if it is the interpreter's own.
#[inline(always)]
unsafe fn load_tail<S: Simd>(s: S, x: Source, i: usize, rest: usize) -> S::F {
    // SAFETY: the caller's promise.
    unsafe {
        let p = x.ptr.add(i * x.step);
        if x.spare > 0 { s.load(p) } else { s.load_partial(p, rest) }
    }
}

/// Writes the last vector of a result, of which `rest` elements count.
///
/// # Safety
/// The result must be writable for `i + rest` words, and for a whole vector from `i` on if it is a register.
#[inline(always)]
unsafe fn store_tail<S: Simd>(s: S, g: &Args, i: usize, rest: usize, x: S::F) {
    // SAFETY: the caller's promise.
    unsafe {
        let p = g.d.add(i);
        if g.spare > 0 { s.store(p, x) } else { s.store_partial(p, rest, x) }
    }
}

/// Applies a function to whole vectors and to the tail.
///
/// # Safety
/// The operands must be readable, the result writable for `n` words; a result may coincide with an operand but not overlap otherwise.
#[inline(always)]
unsafe fn map1<S: Simd, O: Lanes<1>>(s: S, g: Args) {
    for l in 0..g.lines {
        let g = g.line(l);
        let mut i = 0;
        // SAFETY: the caller's promise; the tail touches `n - i` words only (splatted scalars hold 16).
        unsafe {
            while i + S::LANES <= g.n {
                s.store(g.d.add(i), O::of(s, [s.load(g.a.ptr.add(i * g.a.step))]));
                i += S::LANES;
            }
            if i < g.n {
                let rest = g.n - i;
                store_tail(s, &g, i, rest, O::of(s, [load_tail(s, g.a, i, rest)]));
            }
        }
    }
}

/// As [`map1`] with two operands.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
unsafe fn map2<S: Simd, O: Lanes<2>>(s: S, g: Args) {
    for l in 0..g.lines {
        let g = g.line(l);
        let mut i = 0;
        // SAFETY: as in `map1`.
        unsafe {
            // Two vectors at a time: most of these functions are shorter than the loop around them.
            while i + 2 * S::LANES <= g.n {
                let j = i + S::LANES;
                let (x, y) = (s.load(g.a.ptr.add(i * g.a.step)), s.load(g.b.ptr.add(i * g.b.step)));
                let (u, v) = (s.load(g.a.ptr.add(j * g.a.step)), s.load(g.b.ptr.add(j * g.b.step)));
                s.store(g.d.add(i), O::of(s, [x, y]));
                s.store(g.d.add(j), O::of(s, [u, v]));
                i = j + S::LANES;
            }
            while i + S::LANES <= g.n {
                s.store(g.d.add(i), O::of(s, [s.load(g.a.ptr.add(i * g.a.step)), s.load(g.b.ptr.add(i * g.b.step))]));
                i += S::LANES;
            }
            if i < g.n {
                let rest = g.n - i;
                store_tail(s, &g, i, rest, O::of(s, [load_tail(s, g.a, i, rest), load_tail(s, g.b, i, rest)]));
            }
        }
    }
}

/// As [`map1`] with three operands.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
unsafe fn map3<S: Simd, O: Lanes<3>>(s: S, g: Args) {
    for l in 0..g.lines {
        let g = g.line(l);
        let mut i = 0;
        // SAFETY: as in `map1`.
        unsafe {
            while i + 2 * S::LANES <= g.n {
                let j = i + S::LANES;
                let (x, y) = (s.load(g.a.ptr.add(i * g.a.step)), s.load(g.b.ptr.add(i * g.b.step)));
                let (u, v) = (s.load(g.a.ptr.add(j * g.a.step)), s.load(g.b.ptr.add(j * g.b.step)));
                let (z, w) = (s.load(g.c.ptr.add(i * g.c.step)), s.load(g.c.ptr.add(j * g.c.step)));
                s.store(g.d.add(i), O::of(s, [x, y, z]));
                s.store(g.d.add(j), O::of(s, [u, v, w]));
                i = j + S::LANES;
            }
            while i + S::LANES <= g.n {
                let (x, y) = (s.load(g.a.ptr.add(i * g.a.step)), s.load(g.b.ptr.add(i * g.b.step)));
                s.store(g.d.add(i), O::of(s, [x, y, s.load(g.c.ptr.add(i * g.c.step))]));
                i += S::LANES;
            }
            if i < g.n {
                let rest = g.n - i;
                let x = [load_tail(s, g.a, i, rest), load_tail(s, g.b, i, rest), load_tail(s, g.c, i, rest)];
                store_tail(s, &g, i, rest, O::of(s, x));
            }
        }
    }
}

#[inline(always)]
unsafe fn simple<S: Simd>(s: S, code: Code, g: Args) {
    // SAFETY: the caller's promise.
    unsafe {
        match code {
            Code::MulAdd => lanes!(map3(s, g), |s, a, b, c| s.mul_add(a, b, c)),
            Code::MulSub => lanes!(map3(s, g), |s, a, b, c| s.mul_add(a, b, s.neg(c))),
            Code::NegMulAdd => lanes!(map3(s, g), |s, a, b, c| s.neg_mul_add(a, b, c)),
            Code::Select => lanes!(map3(s, g), |s, a, b, c| s.select(s.truthy(a), b, c)),
            _ => lanes!(map1(s, g), |_s, a| a),
        }
    }
}

#[inline(always)]
unsafe fn binary<S: Simd>(s: S, op: BinaryOp, g: Args) {
    // SAFETY: the caller's promise.
    unsafe {
        match op {
            BinaryOp::Add => lanes!(map2(s, g), |s, a, b| s.add(a, b)),
            BinaryOp::Sub => lanes!(map2(s, g), |s, a, b| s.sub(a, b)),
            BinaryOp::Mul | BinaryOp::And => lanes!(map2(s, g), |s, a, b| s.mul(a, b)), // of 0 and 1
            BinaryOp::Div => lanes!(map2(s, g), |s, a, b| s.div(a, b)),
            BinaryOp::Max => lanes!(map2(s, g), |s, a, b| s.max_nan(a, b)),
            BinaryOp::Or => lanes!(map2(s, g), |s, a, b| s.max(a, b)),
            BinaryOp::Min => lanes!(map2(s, g), |s, a, b| s.min_nan(a, b)),
            BinaryOp::Lt => lanes!(map2(s, g), |s, a, b| s.mask_to_f(s.lt(a, b))),
            BinaryOp::Le => lanes!(map2(s, g), |s, a, b| s.mask_to_f(s.le(a, b))),
            BinaryOp::Eq => lanes!(map2(s, g), |s, a, b| s.mask_to_f(s.eq(a, b))),
            BinaryOp::Ne => lanes!(map2(s, g), |s, a, b| s.mask_to_f(s.ne(a, b))),
            BinaryOp::Pow => s.vectorize(Pow(g)),
        }
    }
}

/// A function of one operand over a block.
struct Function<'a> {
    op: UnaryOp,
    args: &'a Args,
}

/// A long function of one operand. Each is compiled by itself: in a common one, the constants of all of them would be set up before it is seen
/// which are needed.
struct Long<'a, O>(&'a Args, PhantomData<O>);

impl<O: Lanes<1>> WithSimd for Long<'_, O> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `Frame::run` made the arguments.
        unsafe { map1::<S, O>(s, *self.0) }
    }
}

/// As [`map1`], out of line.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
unsafe fn long1<S: Simd, O: Lanes<1>>(s: S, g: Args) {
    s.outline(Long::<O>(&g, PhantomData));
}

impl WithSimd for Function<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let g = *self.args;
        // SAFETY: `Frame::run` made the arguments.
        unsafe {
            match self.op {
                UnaryOp::Neg => lanes!(map1(s, g), |s, x| s.neg(x)),
                UnaryOp::Abs => lanes!(map1(s, g), |s, x| s.abs(x)),
                UnaryOp::Sign => lanes!(map1(s, g), |s, x| {
                    let zero = s.splat(0.0);
                    let one = s.select(s.lt(zero, x), s.splat(1.0), s.select(s.lt(x, zero), s.splat(-1.0), zero));
                    s.select(s.ne(x, x), x, one)
                }),
                UnaryOp::Exp => lanes!(long1(s, g), |s, x| vmath::exp(s, x)),
                UnaryOp::Expm1 => lanes!(long1(s, g), |s, x| vmath::expm1(s, x)),
                UnaryOp::Log => lanes!(long1(s, g), |s, x| vmath::log(s, x)),
                UnaryOp::Log1p => lanes!(long1(s, g), |s, x| vmath::log1p(s, x)),
                UnaryOp::Sqrt => lanes!(map1(s, g), |s, x| s.sqrt(x)),
                UnaryOp::Rsqrt => lanes!(long1(s, g), |s, x| vmath::rsqrt(s, x)),
                UnaryOp::Tanh => lanes!(long1(s, g), |s, x| vmath::tanh(s, x)),
                UnaryOp::Sigmoid => lanes!(long1(s, g), |s, x| vmath::sigmoid(s, x)),
                UnaryOp::Softplus => lanes!(long1(s, g), |s, x| vmath::softplus(s, x)),
                UnaryOp::Erf => lanes!(long1(s, g), |s, x| vmath::erf(s, x)),
                UnaryOp::Floor => lanes!(map1(s, g), |s, x| s.floor(x)),
                UnaryOp::Bf16 => lanes!(long1(s, g), |s, x| vmath::round_to_bf16(s, x)),
                UnaryOp::Flush => lanes!(map1(s, g), |s, x| vmath::flush(s, x)),
                UnaryOp::F16 => lanes!(long1(s, g), |s, x| vmath::round_to_f16(s, x)),
                UnaryOp::Not => lanes!(map1(s, g), |s, x| s.sub(s.splat(1.0), x)),
            }
        }
    }
}

/// Powers over a block.
struct Pow(Args);

impl WithSimd for Pow {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `Frame::run` made the arguments.
        unsafe { lanes!(map2(s, self.0), |s, a, b| vmath::pow(s, a, b)) }
    }
}

/// Integers, conversions, counters, random numbers, rows and accumulators.
struct Special<'a> {
    frame: &'a Frame<'a>,
    instr: &'a Instr,
    block: &'a Block,
    args: &'a Args,
}

impl WithSimd for Special<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (g, b) = (*self.args, self.block);
        let flat = if self.instr.row { b.row } else { b.flat };
        // SAFETY: `Frame::run` made the arguments; sources of reductions and row values have step 1 (the compiler sees to it).
        unsafe {
            match self.instr.code {
                Code::UnaryInt(op) => words::unary(op, g.n, g.d, g.a),
                Code::BinaryInt(op) => words::binary(op, g.n, g.d, g.a, g.b),
                Code::ToInt => lanes!(map1(s, g), |s, x| s.from_bits(s.f_to_i(x))),
                Code::FromInt => lanes!(map1(s, g), |s, x| s.i_to_f(s.to_bits(x))),
                Code::ToBool => lanes!(map1(s, g), |s, x| s.mask_to_f(s.truthy(x))),
                Code::IntToBool => words::to_bool(g.n, g.d, g.a),
                Code::Iota { inner, size } => words::iota(g.n, g.d, flat, inner, size),
                Code::Random { dist, stream } => words::random(s, dist, stream, g.n, g.d, flat, (g.a.ptr, g.b.ptr)),
                Code::Expand => rows::expand(s, (b.rows, b.width), g.a, g.d, g.spare > 0),
                Code::Splat => {
                    let x = *g.a.ptr;
                    std::slice::from_raw_parts_mut(g.d, SPLAT).fill(x);
                }
                Code::RowReduce(op) if b.width <= VIRTUAL_LANES => {
                    rows::reduce_short(s, op, (b.rows, b.width), g.a, g.d, g.spare > 0);
                }
                Code::RowArg(op) if (1..=VIRTUAL_LANES).contains(&b.width) => {
                    rows::extreme_short(s, op, (b.rows, b.width), g.a, g.d, g.spare > 0);
                }
                Code::RowSpread(op) if b.width <= VIRTUAL_LANES => {
                    rows::spread_short(s, op, (b.rows, b.width), g.a, g.d, g.spare > 0);
                }
                Code::RowSpread(op) => {
                    for r in 0..b.rows {
                        let row = r * b.width;
                        let x = reduce(s, op, std::slice::from_raw_parts(g.a.ptr.add(row), b.width));
                        std::slice::from_raw_parts_mut(g.d.add(row), b.width).fill(x);
                    }
                }
                Code::RowReduce(op) => {
                    for r in 0..b.rows {
                        *g.d.add(r) = reduce(s, op, std::slice::from_raw_parts(g.a.ptr.add(r * b.width), b.width));
                    }
                }
                Code::RowArg(op) => {
                    for r in 0..b.rows {
                        let at = extreme(op, std::slice::from_raw_parts(g.a.ptr.add(r * b.width), b.width));
                        *g.d.cast::<u32>().add(r) = at;
                    }
                }
                Code::AccCol { op, at } => {
                    rows::add_columns(s, op, (b.rows, b.width), g.a.ptr, self.frame.cols.add(at + b.col));
                }
                Code::AccOne { op, at } => {
                    let lanes = std::slice::from_raw_parts_mut(self.frame.ones.add(at), SPLAT);
                    let mut acc = Acc16::read(s, lanes);
                    accumulate(s, op, &mut acc, std::slice::from_raw_parts(g.a.ptr, g.n));
                    acc.write(s, lanes);
                }
                Code::AccProducts { at } => {
                    let lanes = std::slice::from_raw_parts_mut(self.frame.ones.add(at), SPLAT);
                    let mut acc = Acc16::read(s, lanes);
                    acc.mul_add(s, std::slice::from_raw_parts(g.a.ptr, g.n), std::slice::from_raw_parts(g.b.ptr, g.n));
                    acc.write(s, lanes);
                }
                Code::Unary(_)
                | Code::Binary(_)
                | Code::Select
                | Code::MulAdd
                | Code::MulSub
                | Code::NegMulAdd
                | Code::Copy
                | Code::Named(_) => {}
            }
        }
    }
}

/// `d = a op b` for reductions.
///
/// # Safety
/// As for [`map1`].
#[inline(always)]
unsafe fn combine<S: Simd>(s: S, op: ReduceOp, g: Args) {
    // SAFETY: the caller's promise.
    unsafe {
        match op {
            ReduceOp::Sum => lanes!(map2(s, g), |s, a, b| s.add(a, b)),
            ReduceOp::Prod => lanes!(map2(s, g), |s, a, b| s.mul(a, b)),
            ReduceOp::Max => lanes!(map2(s, g), |s, a, b| s.max_nan(a, b)),
            ReduceOp::Min => lanes!(map2(s, g), |s, a, b| s.min_nan(a, b)),
        }
    }
}

/// Combines two arrays of partial results: `into = into op from`.
///
/// # Safety
/// Both must hold `n` words.
#[inline(always)]
pub(crate) unsafe fn merge_partials<S: Simd>(s: S, op: ReduceOp, into: *mut f32, from: *const f32, n: usize) {
    let (a, b) = (Source { ptr: into, step: 1, pitch: 0, spare: 0 }, Source { ptr: from, step: 1, pitch: 0, spare: 0 });
    // SAFETY: the caller's promise.
    unsafe { combine(s, op, Args { n, lines: 1, d: into, pitch: 0, spare: 0, a, b, c: b }) }
}

#[inline(always)]
fn accumulate<S: Simd>(s: S, op: ReduceOp, acc: &mut Acc16<S>, xs: &[f32]) {
    match op {
        ReduceOp::Sum => acc.add(s, xs),
        ReduceOp::Prod => acc.mul(s, xs),
        ReduceOp::Max => acc.max(s, xs),
        ReduceOp::Min => acc.min(s, xs),
    }
}

/// Reduces a row by 16 virtual lanes.
#[inline(always)]
fn reduce<S: Simd>(s: S, op: ReduceOp, xs: &[f32]) -> f32 {
    let mut acc = Acc16::new(s, identity_of(op));
    accumulate(s, op, &mut acc, xs);
    finish(s, op, &acc)
}

#[inline(always)]
fn finish<S: Simd>(s: S, op: ReduceOp, acc: &Acc16<S>) -> f32 {
    match op {
        ReduceOp::Sum => acc.reduce_sum(s),
        ReduceOp::Prod => acc.reduce_prod(s),
        ReduceOp::Max => acc.reduce_max(s),
        ReduceOp::Min => acc.reduce_min(s),
    }
}

/// Combines 16 lanes in memory to one number.
#[inline(always)]
pub(crate) fn combine_lanes<S: Simd>(s: S, op: ReduceOp, lanes: &[f32]) -> f32 {
    finish(s, op, &Acc16::read(s, lanes))
}

/// Index of the first extreme; NaN counts as the extreme.
#[inline(always)]
pub(super) fn extreme(op: ArgOp, xs: &[f32]) -> u32 {
    let mut best = 0;
    for (i, &x) in xs.iter().enumerate().skip(1) {
        let now = xs[best];
        let better = match op {
            ArgOp::Max => x > now,
            ArgOp::Min => x < now,
        };
        if !now.is_nan() && (better || x.is_nan()) {
            best = i;
        }
    }
    best as u32
}
