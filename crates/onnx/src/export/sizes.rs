//! Sizes that depend on a batch: what they were in each of several traces, and how ONNX computes them from the sizes of inputs.
//!
//! Graphs have concrete shapes. A network is traced with inputs of several sizes; a size that came out differently is a function of those of the
//! inputs, which is found here: a product, or `(p n + q) / d` rounded down, as convolutions with strides have it.

use std::ops::{Add, Mul, Sub};

/// A size (or another whole number) as it came out in each trace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Size(Box<[i64]>);

impl Size {
    /// From what each trace says.
    pub(super) fn of(values: impl IntoIterator<Item = usize>) -> Self {
        Self(values.into_iter().map(|v| v as i64).collect())
    }
    /// From whole numbers of any sign.
    pub(super) fn of_numbers(values: impl IntoIterator<Item = i64>) -> Self {
        Self(values.into_iter().collect())
    }
    /// The same number in as many traces.
    pub(super) fn always(value: i64, traces: usize) -> Self {
        Self(vec![value; traces].into())
    }
    /// What each trace says.
    pub(super) fn values(&self) -> &[i64] {
        &self.0
    }
    /// The number, where it is the same in all traces.
    pub(super) fn fixed(&self) -> Option<i64> {
        let first = *self.0.first()?;
        self.0.iter().all(|&v| v == first).then_some(first)
    }
    /// Whether it is this number in all traces.
    pub(super) fn is(&self, value: i64) -> bool {
        self.fixed() == Some(value)
    }
    /// The quotient, where it is a whole number in all traces.
    pub(super) fn divided(&self, by: &Self) -> Option<Self> {
        let quotients = self.0.iter().zip(&by.0).map(|(a, b)| (*b != 0 && a % b == 0).then(|| a / b));
        Some(Self(quotients.collect::<Option<_>>()?))
    }
}

impl Mul<&Size> for &Size {
    type Output = Size;
    fn mul(self, by: &Size) -> Size {
        Size(self.0.iter().zip(&by.0).map(|(a, b)| a * b).collect())
    }
}

impl Add<&Size> for &Size {
    type Output = Size;
    fn add(self, other: &Size) -> Size {
        Size(self.0.iter().zip(&other.0).map(|(a, b)| a + b).collect())
    }
}

impl Sub<&Size> for &Size {
    type Output = Size;
    fn sub(self, by: &Size) -> Size {
        Size(self.0.iter().zip(&by.0).map(|(a, b)| a - b).collect())
    }
}

/// How a size comes from others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Formula {
    /// A number.
    Fixed(i64),
    /// Of a variable, by its place.
    Variable(usize),
    /// A variable times another size.
    Product(usize, Size),
    /// `(p n + q) / d` rounded down, of a variable n.
    Line {
        /// Of the variable.
        of: usize,
        /// p.
        factor: i64,
        /// q.
        shift: i64,
        /// d.
        divisor: i64,
    },
}

/// Most that a size is divided by.
const DIVISORS: i64 = 64;

/// How a size comes from variables; nothing where it is none of the functions that are tried, or more than one.
pub(super) fn formula(size: &Size, variables: &[Size]) -> Option<Formula> {
    if let Some(n) = size.fixed() {
        return Some(Formula::Fixed(n));
    }
    if let Some(at) = variables.iter().position(|v| v == size) {
        return Some(Formula::Variable(at));
    }
    let product = variables.iter().enumerate().find_map(|(at, v)| {
        let rest = size.divided(v)?;
        formula(&rest, variables).map(|_| Formula::Product(at, rest))
    });
    product.or_else(|| {
        variables
            .iter()
            .enumerate()
            .find_map(|(of, v)| line(size, v).map(|(f, s, d)| Formula::Line { of, factor: f, shift: s, divisor: d }))
    })
}

/// p, q and d of `(p n + q) / d` rounded down, the smallest d that fits.
fn line(size: &Size, variable: &Size) -> Option<(i64, i64, i64)> {
    let pairs = || size.0.iter().zip(&variable.0);
    let (Some(low), Some(high)) = (pairs().min_by_key(|p| p.1), pairs().max_by_key(|p| p.1)) else { return None };
    if high.1 == low.1 {
        return None;
    }
    let slope = (high.0 - low.0) as f64 / (high.1 - low.1) as f64;
    for divisor in 1..=DIVISORS {
        let nearest = (slope * divisor as f64).round() as i64;
        for factor in [nearest, nearest - 1, nearest + 1] {
            // d s <= p n + q < d s + d
            let gaps = pairs().map(|(s, n)| divisor * s - factor * n);
            let (least, most) = gaps.fold((i64::MAX, i64::MIN), |(l, m), g| (l.min(g), m.max(g)));
            if most < least + divisor {
                // Where several q fit, other sizes might tell them apart.
                return (most == least + divisor - 1).then_some((factor, most, divisor));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_as_functions_of_variables() {
        let grid: Vec<(i64, i64)> = (90..130).map(|n| (7, n)).chain([(11, 97), (13, 101)]).collect();
        let size = |f: &dyn Fn(i64, i64) -> i64| Size::of_numbers(grid.iter().map(|&(b, n)| f(b, n)));
        let variables = [size(&|b, _| b), size(&|_, n| n)];
        let found = |f: &dyn Fn(i64, i64) -> i64| formula(&size(f), &variables);
        assert_eq!(found(&|_, _| 5), Some(Formula::Fixed(5)));
        assert_eq!(found(&|_, n| n), Some(Formula::Variable(1)));
        assert_eq!(found(&|b, _| 12 * b), Some(Formula::Product(0, size(&|_, _| 12))));
        assert_eq!(found(&|b, n| b * n * n), Some(Formula::Product(0, size(&|_, n| n * n))));
        assert_eq!(found(&|_, n| n - 4), Some(Formula::Line { of: 1, factor: 1, shift: -4, divisor: 1 }));
        // Three convolutions of 3 cells with strides of 2.
        let conv = |n: i64| (n - 3) / 2 + 1;
        assert_eq!(found(&|b, n| b * conv(conv(conv(n)))), Some(Formula::Product(0, size(&|_, n| conv(conv(conv(n)))))));
        assert_eq!(found(&|_, n| conv(conv(conv(n)))), Some(Formula::Line { of: 1, factor: 1, shift: -7, divisor: 8 }));
        assert_eq!(found(&|b, _| 5000 * b - 1), Some(Formula::Line { of: 0, factor: 5000, shift: -1, divisor: 1 }));
        assert_eq!(found(&|_, n| n * n - 1), None);
    }

    #[test]
    fn what_too_few_sizes_tell_is_no_formula() {
        let n = Size::of_numbers([10, 20]);
        assert_eq!(formula(&Size::of_numbers([5, 10]), &[n]), None);
    }
}
