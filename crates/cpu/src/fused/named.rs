//! Kernels written by hand for the hottest runs of instructions: the updates of optimizers, the ends of products.
//!
//! Each is written once, as the list of its instructions. From it come both the pattern that finds the run in a program and the code that keeps
//! all values between them in registers. So a kernel cannot do anything else than the instructions it stands for, nor in another order, and the
//! bits are the same with the pass `named` on or off.
//!
//! `unsafe`: reads and writes through the pointers that the interpreter hands in.
#![allow(unsafe_code)]

use super::fill::Source;
use super::program::Code;
use crate::simd::{Simd, WithSimd};
use crate::vmath;
use adaline_graph::{BinaryOp, UnaryOp};

/// One instruction of a pattern: operands and results by name.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) code: Code,
    pub(crate) src: &'static [&'static str],
}

/// A run of instructions with a kernel of its own.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Name for tests and profiles.
    #[cfg_attr(not(test), expect(dead_code, reason = "shown by tests and debuggers"))]
    pub(crate) name: &'static str,
    /// Operands with a value for each element.
    pub(crate) values: &'static [&'static str],
    /// Operands with one value in all.
    pub(crate) scalars: &'static [&'static str],
    /// The lines whose results are stored.
    pub(crate) stored: &'static [&'static str],
    pub(crate) lines: &'static [Line],
}

/// Most values, scalars and results of a pattern.
pub(crate) const VALUES: usize = 4;
pub(crate) const SCALARS: usize = 4;
pub(crate) const STORED: usize = 3;

/// Operands and results of one call: `lines` stretches of `n` elements.
#[derive(Clone, Copy)]
pub(crate) struct NamedArgs {
    pub(crate) n: usize,
    pub(crate) lines: usize,
    pub(crate) values: [Source; VALUES],
    /// Splatted, 16 words each.
    pub(crate) scalars: [*const f32; SCALARS],
    /// First word, and words between the lines.
    pub(crate) stored: [(*mut f32, usize); STORED],
}

macro_rules! code {
    (add) => {
        Code::Binary(BinaryOp::Add)
    };
    (sub) => {
        Code::Binary(BinaryOp::Sub)
    };
    (mul) => {
        Code::Binary(BinaryOp::Mul)
    };
    (div) => {
        Code::Binary(BinaryOp::Div)
    };
    (max_nan) => {
        Code::Binary(BinaryOp::Max)
    };
    (lt) => {
        Code::Binary(BinaryOp::Lt)
    };
    (select) => {
        Code::Select
    };
    (flush) => {
        Code::Unary(UnaryOp::Flush)
    };
    (sqrt) => {
        Code::Unary(UnaryOp::Sqrt)
    };
    (mul_add) => {
        Code::MulAdd
    };
    (mul_sub) => {
        Code::MulSub
    };
    (neg_mul_add) => {
        Code::NegMulAdd
    };
}
macro_rules! lanes {
    ($s:ident, mul_sub, $a:ident, $b:ident, $c:ident) => { $s.mul_add($a, $b, $s.neg($c)) };
    ($s:ident, flush, $a:ident) => { vmath::flush($s, $a) };
    ($s:ident, lt, $a:ident, $b:ident) => { $s.mask_to_f($s.lt($a, $b)) };
    ($s:ident, select, $a:ident, $b:ident, $c:ident) => { $s.select($s.truthy($a), $b, $c) };
    ($s:ident, $op:ident, $($a:ident),+) => { $s.$op($($a),+) };
}

/// Makes the table of patterns and the function that runs one of them.
macro_rules! patterns {
    ($($(#[$doc:meta])* $name:ident($($value:ident)+; $($scalar:ident)*) -> ($($stored:ident)+) {
        $($line:ident = $op:ident($($arg:ident),+);)+
    })+) => {
        /// All patterns, the longest first.
        pub(crate) static PATTERNS: &[Pattern] = &[$(Pattern {
            name: stringify!($name),
            values: &[$(stringify!($value)),+],
            scalars: &[$(stringify!($scalar)),*],
            stored: &[$(stringify!($stored)),+],
            lines: &[$(Line { name: stringify!($line), code: code!($op), src: &[$(stringify!($arg)),+] }),+],
        }),+];

        $(
            $(#[$doc])*
            #[allow(non_camel_case_types)]
            struct $name;
            impl Body for $name {
                #[inline(always)]
                #[allow(clippy::many_single_char_names)]
                fn of<S: Simd>(s: S, values: [S::F; VALUES], scalars: [S::F; SCALARS]) -> [S::F; STORED] {
                    let [$($value,)+ ..] = values;
                    let [$($scalar,)* ..] = scalars;
                    $(let $line = lanes!(s, $op, $($arg),+);)+
                    let mut out = [s.splat(0.0); STORED];
                    for (o, x) in out.iter_mut().zip([$($stored),+]) {
                        *o = x;
                    }
                    out
                }
                const VALUES: usize = [$(stringify!($value)),+].len();
                const STORED: usize = [$(stringify!($stored)),+].len();
            }
        )+

        /// Runs the kernel of a pattern by its place in [`PATTERNS`].
        ///
        /// # Safety
        /// Operands must be readable, results writable for the stretches; a result may coincide with an operand but not overlap otherwise.
        pub(crate) unsafe fn run<S: Simd>(s: S, pattern: usize, args: &NamedArgs) {
            let mut at = 0;
            $(
                if at == pattern {
                    return s.outline(Run::<$name>(args, std::marker::PhantomData));
                }
                at += 1;
            )+
            debug_assert!(at > pattern, "a pattern out of the table");
        }
    };
}

patterns! {
    /// Adam (Kingma and Ba 2015), as Keras writes it: `rate` has both corrections.
    adam(g m v w; forget_m forget_v rate epsilon) -> (new_m new_v new_w) {
        dm = sub(g, m);
        moved_m = mul_add(dm, forget_m, m);
        new_m = flush(moved_m);
        dv = mul_sub(g, g, v);
        moved_v = mul_add(dv, forget_v, v);
        new_v = flush(moved_v);
        step = mul(new_m, rate);
        root = sqrt(new_v);
        size = add(root, epsilon);
        change = div(step, size);
        new_w = sub(w, change);
    }
    /// `RMSprop` (Hinton, lecture 6e), neither centred nor with momentum.
    rms_prop(v g w; rho forget rate epsilon) -> (new_v new_w) {
        square = mul(g, g);
        part = mul(square, forget);
        moved_v = mul_add(v, rho, part);
        new_v = flush(moved_v);
        step = mul(g, rate);
        sum = add(new_v, epsilon);
        root = sqrt(sum);
        change = div(step, root);
        new_w = sub(w, change);
    }
    /// A dense layer's bias and rectifier.
    bias_relu(x b; zero) -> (y) {
        sum = add(x, b);
        y = max_nan(sum, zero);
    }
    /// The rectifier's gradient.
    relu_gradient(y g; below otherwise) -> (dx) {
        positive = lt(below, y);
        dx = select(positive, g, otherwise);
    }
}

/// What a kernel does to one vector of each operand.
trait Body {
    const VALUES: usize;
    const STORED: usize;
    fn of<S: Simd>(s: S, values: [S::F; VALUES], scalars: [S::F; SCALARS]) -> [S::F; STORED];
}

struct Run<'a, B>(&'a NamedArgs, std::marker::PhantomData<B>);

impl<B: Body> WithSimd for Run<'_, B> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let NamedArgs { n, lines, values, scalars, stored } = *self.0;
        let zero = s.splat(0.0);
        // SAFETY: the caller of `run` vouches for all stretches; unused scalars point at readable words, too.
        unsafe {
            // No closures here: one that is not inlined would lack the instruction set.
            let mut factors = [zero; SCALARS];
            for (x, p) in factors.iter_mut().zip(scalars) {
                *x = s.load(p);
            }
            for l in 0..lines {
                let mut from = [std::ptr::null(); VALUES];
                for (p, v) in from.iter_mut().zip(&values) {
                    *p = v.ptr.wrapping_add(l * v.pitch);
                }
                let mut to = [std::ptr::null_mut(); STORED];
                for (p, place) in to.iter_mut().zip(&stored) {
                    *p = place.0.wrapping_add(l * place.1);
                }
                let mut i = 0;
                while i + S::LANES <= n {
                    let mut x = [zero; VALUES];
                    for k in 0..B::VALUES {
                        x[k] = s.load(from[k].add(i * values[k].step));
                    }
                    let y = B::of(s, x, factors);
                    for k in 0..B::STORED {
                        s.store(to[k].add(i), y[k]);
                    }
                    i += S::LANES;
                }
                if i < n {
                    let rest = n - i;
                    let mut x = [zero; VALUES];
                    for k in 0..B::VALUES {
                        x[k] = s.load_partial(from[k].add(i * values[k].step), rest);
                    }
                    let y = B::of(s, x, factors);
                    for k in 0..B::STORED {
                        s.store_partial(to[k].add(i), rest, y[k]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
