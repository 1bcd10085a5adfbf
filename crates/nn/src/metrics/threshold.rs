//! Elements above thresholds, counted by label: what confusion counts, curves and trade-offs have in common.

use super::common::numbers;
use adaline_graph::{Builder, DType, Shape, Var, concat};

/// Thresholds of predictions.
///
/// The sum that a metric keeps is `(labels, rows, 2)`: weights of positive and of negative elements, for each label apart or for all as one. Where
/// thresholds lie evenly from 0 to 1 a row is a bucket between two of them, which costs the same for any number; else it is what lies above one.
pub(super) struct Thresholds {
    values: Vec<f64>,
    even: bool,
    /// The first of even thresholds lies a little below 0, so that all elements are above it.
    below_zero: bool,
}

/// Weights of elements by label and by side of each threshold.
pub(super) struct Counts {
    pub(super) true_positives: Vec<f64>,
    pub(super) false_positives: Vec<f64>,
    pub(super) true_negatives: Vec<f64>,
    pub(super) false_negatives: Vec<f64>,
}

impl Thresholds {
    /// These thresholds, in any order.
    pub(super) fn of(values: Vec<f64>) -> Self {
        let even = is_even(&values);
        Self { values, even, below_zero: false }
    }
    /// So many from 0 to 1, evenly; of one, 0.5.
    pub(super) fn even(number: usize) -> Self {
        if number < 2 {
            return Self::of(vec![0.5]);
        }
        Self { values: (0..number).map(|i| i as f64 / (number - 1) as f64).collect(), even: true, below_zero: false }
    }
    /// As Keras' curves have them: the given ones, or so many evenly, between one a little below 0 and one a little above 1.
    pub(super) fn of_curve(number: usize, given: Option<&[f64]>) -> Self {
        const EPSILON: f64 = 1e-7;
        let mut all = match given {
            Some(given) => std::iter::once(0.0).chain(given.iter().copied()).chain(std::iter::once(1.0)).collect(),
            None => Self::even(number).values,
        };
        all.sort_by(f64::total_cmp);
        let even = given.is_none() || is_even(&all);
        if let [first, .., last] = all.as_mut_slice() {
            (*first, *last) = (-EPSILON, 1.0 + EPSILON);
        }
        Self { values: all, even, below_zero: true }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
    fn rows(&self) -> usize {
        if self.even { self.len() } else { self.len() + 1 }
    }
    /// Name and shape of the sum.
    pub(super) fn sum(&self, labels: usize) -> (&'static str, Shape) {
        ("counts", Shape::new(&[labels, self.rows(), 2]))
    }

    /// What a batch adds to the sum: labels, predictions and weights of elements, all of one shape; `(B, L)` where labels are counted apart.
    pub(super) fn update<'g>(&self, t: Var<'g>, p: Var<'g>, weight: Var<'g>, apart: bool) -> Var<'g> {
        let b = p.builder();
        if p.shape().is_empty() && !b.failed() {
            return b.full(self.sum(if apart { p.dim(-1) } else { 1 }).1, 0.0);
        }
        let by_label = |v: Var<'g>| if apart { v.transpose(&[1, 0]) } else { v.reshape([1, v.shape().len()]) };
        // (L, M)
        let positive = by_label(t.cast(DType::Bool).cast(DType::F32));
        let (p, weight) = (by_label(p), by_label(weight));
        let values = concat(b, &[(positive * weight).expand_dims(-1), ((1.0 - positive) * weight).expand_dims(-1)], -1);
        if self.even {
            // As Keras: a threshold itself is not above itself. The first bucket holds what is above none.
            let bucket = -(-(p.clip(0.0, 1.0) * (self.len() - 1) as f32)).floor();
            return values.scatter_add(bucket.cast(DType::I32), self.rows());
        }
        // (L, T + 1, M), where the first row is all.
        let above = p.expand_dims(1).gt(self.constants(b)).cast(DType::F32);
        let all = b.full(Shape::new(&[p.dim(0), 1, p.dim(1)]), 1.0);
        concat(b, &[all, above], 1).matmul(values)
    }
    /// `(T, 1)`
    fn constants<'g>(&self, b: &'g Builder) -> Var<'g> {
        let each: Vec<Var<'g>> = self.values.iter().map(|&v| b.full([1, 1], v as f32)).collect();
        concat(b, &each, 0)
    }

    /// The counts of each label.
    pub(super) fn counts(&self, sums: &[&[f32]]) -> Vec<Counts> {
        let each = self.rows() * 2;
        let labels = sums.first().map_or(0, |s| s.len() / each);
        let sum = numbers(sums, 0, labels * each);
        let mut found = Vec::with_capacity(labels);
        for label in sum.chunks(each) {
            let side = |of: usize| -> (Vec<f64>, f64) {
                let rows: Vec<f64> = label.iter().skip(of).step_by(2).copied().collect();
                if !self.even {
                    return (rows[1..].to_vec(), rows[0]);
                }
                let total: f64 = rows.iter().sum();
                let mut above = vec![0.0; rows.len()];
                for at in (1..rows.len()).rev() {
                    above[at - 1] = above[at] + rows[at];
                }
                if self.below_zero {
                    above[0] = total;
                }
                (above, total)
            };
            let ((true_positives, positives), (false_positives, negatives)) = (side(0), side(1));
            found.push(Counts {
                false_negatives: true_positives.iter().map(|v| positives - v).collect(),
                true_negatives: false_positives.iter().map(|v| negatives - v).collect(),
                true_positives,
                false_positives,
            });
        }
        found
    }
}

/// What Keras keeps of elements by label and by side of a threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    TruePositives,
    FalsePositives,
    TrueNegatives,
    FalseNegatives,
}

impl Side {
    pub(super) const ALL: [Self; 4] = [Self::TruePositives, Self::FalsePositives, Self::TrueNegatives, Self::FalseNegatives];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::TruePositives => "true_positives",
            Self::FalsePositives => "false_positives",
            Self::TrueNegatives => "true_negatives",
            Self::FalseNegatives => "false_negatives",
        }
    }
    fn of(self, counts: &Counts) -> &[f64] {
        match self {
            Self::TruePositives => &counts.true_positives,
            Self::FalsePositives => &counts.false_positives,
            Self::TrueNegatives => &counts.true_negatives,
            Self::FalseNegatives => &counts.false_negatives,
        }
    }
}

/// Keras' variables: for each side `(T)`, or `(T, L)` where labels are counted apart.
impl Thresholds {
    pub(super) fn variables(&self, sides: &[Side], sums: &[&[f32]], apart: bool) -> Vec<(Shape, Vec<f32>)> {
        let counts = self.counts(sums);
        let (thresholds, labels) = (self.len(), counts.len());
        let shape = if apart { Shape::new(&[thresholds, labels]) } else { Shape::new(&[thresholds]) };
        let value = |side: Side| (0..thresholds).flat_map(|t| counts.iter().map(move |c| side.of(c)[t] as f32)).collect();
        sides.iter().map(|&side| (shape, value(side))).collect()
    }

    /// The sum that has these values of sides, labels last; of sides that are not among them zeros.
    pub(super) fn sum_of(&self, sides: &[Side], variables: &[&[f32]]) -> Vec<f32> {
        let (thresholds, rows) = (self.len(), self.rows());
        let labels = variables.first().map_or(1, |v| (v.len() / thresholds.max(1)).max(1));
        let at = |side: Side, label: usize, threshold: usize| {
            let given = sides.iter().position(|&s| s == side).and_then(|at| variables.get(at));
            given.and_then(|v| v.get(threshold * labels + label)).copied().unwrap_or(0.0)
        };
        let mut sum = vec![0.0; labels * rows * 2];
        for label in 0..labels {
            for (column, (above, below)) in
                [(Side::TruePositives, Side::FalseNegatives), (Side::FalsePositives, Side::TrueNegatives)].into_iter().enumerate()
            {
                let mut set = |row: usize, value: f32| sum[(label * rows + row) * 2 + column] = value;
                let over = |t: usize| at(above, label, t);
                // All of the label: the same at each threshold.
                let total = over(0) + at(below, label, 0);
                if !self.even {
                    set(0, total);
                    (0..thresholds).for_each(|t| set(t + 1, over(t)));
                    continue;
                }
                // What lies between a threshold and the next; the first holds what is above none.
                (1..thresholds).for_each(|t| set(t, over(t - 1) - over(t)));
                set(0, total - over(0));
            }
        }
        sum
    }
}

/// As Keras decides which way to count.
fn is_even(thresholds: &[f64]) -> bool {
    let last = thresholds.len().saturating_sub(1) as f64;
    let near = |(i, &t): (usize, &f64)| (t - i as f64 / last).abs() <= 1e-7 + 1e-5 * i as f64 / last;
    thresholds.len() >= 3 && thresholds.iter().enumerate().all(near)
}

/// Labels and predictions of one class `(.., 1)`, or an error where there is no such class.
pub(super) fn of_class<'g>(class: &str, (t, p): (Var<'g>, Var<'g>), id: Option<usize>) -> (Var<'g>, Var<'g>) {
    let Some(id) = id else { return (t, p) };
    if p.rank() < 2 || id >= p.dim(-1) {
        let e =
            p.builder().error(format!(
                "{class} has class_id {id}, but predictions have shape {}. When class_id is provided, y_pred must be a 2D array with shape \
                 (num_samples, num_classes), found shape: {}: classes are counted from 0, and without class_id elements of any shape are counted",
                p.shape(),
                p.shape()
            ));
        return (e, e);
    }
    let of = |v: Var<'g>| {
        let mut ranges: Vec<(usize, usize, usize)> = v.shape().dims().iter().map(|&d| (0, d, 1)).collect();
        if let Some(last) = ranges.last_mut() {
            *last = (id, id + 1, 1);
        }
        v.slice(&ranges)
    };
    (of(t), of(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_come_back_from_variables() {
        let curves = [Thresholds::of_curve(5, None), Thresholds::of_curve(4, Some(&[0.1, 0.6]))];
        for thresholds in [Thresholds::of(vec![0.5]), Thresholds::of(vec![0.9, 0.2]), Thresholds::even(4)].into_iter().chain(curves) {
            for (labels, apart) in [(1, false), (2, true)] {
                let len = labels * thresholds.rows() * 2;
                let mut sum: Vec<f32> = (0..len).map(|i| (i * 7 % 5) as f32).collect();
                if !thresholds.even {
                    // Above a threshold are no more than all.
                    sum.chunks_mut(thresholds.rows() * 2).for_each(|of| (of[0], of[1]) = (9.0, 8.0));
                }
                let told = thresholds.variables(&Side::ALL, &[&sum], apart);
                let values: Vec<&[f32]> = told.iter().map(|(_, values)| &values[..]).collect();
                let again = thresholds.variables(&Side::ALL, &[&thresholds.sum_of(&Side::ALL, &values)], apart);
                assert_eq!(told, again);
                assert_eq!(told[0].0.dims().first(), Some(&thresholds.len()));
            }
        }
    }
}
