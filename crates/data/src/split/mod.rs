//! Which rows to train on, which to watch, which to test on.

pub(crate) mod kfold;

use crate::DataError;
use crate::rng::Random;

/// Rows that cannot be split as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SplitError {
    /// A share outside 0 to 1.
    #[error("the share of rows must lie between 0 and 1, but is {fraction}")]
    Fraction {
        /// The share that was asked for.
        fraction: f64,
    },
    /// Too few rows to have any on both sides.
    #[error("{rows} rows cannot be split in two: at least 2 are needed")]
    TooFewRows {
        /// The number of rows.
        rows: usize,
    },
    /// Fewer than two folds.
    #[error("k-fold needs at least 2 folds, but k is {k}")]
    TooFewFolds {
        /// The number of folds asked for.
        k: usize,
    },
    /// More folds than there are things to share out.
    #[error("k is {k}, but there are only {available} {what}; choose k from 2 to {available}")]
    TooManyFolds {
        /// The number of folds asked for.
        k: usize,
        /// How many there are.
        available: usize,
        /// What is shared out: rows, groups or members of the largest class.
        what: &'static str,
    },
    /// Series cannot be shuffled.
    #[error("time-ordered folds must not be shuffled: set `shuffle` to false")]
    ShuffledTime,
}

/// Something to know about a split that is not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitWarning {
    /// A class has too few members to be in every part.
    SmallClass {
        /// The number of the class, in sorted order of the labels.
        class: usize,
        /// How many rows it has.
        members: usize,
        /// How many it would need.
        needed: usize,
    },
}

impl std::fmt::Display for SplitWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self::SmallClass { class, members, needed } = self;
        write!(f, "class {class} has {members} rows; with fewer than {needed} it cannot be in every part")
    }
}

/// Row numbers by use, each list in ascending order; no row is in two lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to watch while training.
    pub validation: Vec<usize>,
    /// Rows that are only looked at when all is done.
    pub test: Vec<usize>,
}

impl Split {
    /// Moves a share of the training rows to validation, at random.
    ///
    /// # Errors
    /// As [`train_test_split`].
    pub fn with_validation(mut self, fraction: f64, seed: u64) -> Result<Self, DataError> {
        let mut rows = std::mem::take(&mut self.train);
        rows.append(&mut self.validation);
        rows.sort_unstable();
        let inner = train_test_split(rows.len(), fraction, seed)?;
        self.train = inner.train.iter().map(|&i| rows[i]).collect();
        self.validation = inner.test.iter().map(|&i| rows[i]).collect();
        Ok(self)
    }
}

/// Splits `n` rows at random into training and test; `fraction` is the share of the test, rounded to whole rows,
/// with at least one row on each side.
///
/// # Errors
/// [`SplitError::Fraction`], [`SplitError::TooFewRows`].
pub fn train_test_split(n: usize, fraction: f64, seed: u64) -> Result<Split, DataError> {
    let take = test_size(n, fraction)?;
    let mut order: Vec<usize> = (0..n).collect();
    Random::new(seed).shuffle(&mut order);
    Ok(from_test(n, order.into_iter().take(take)))
}

/// As [`train_test_split`], with each class in both parts in the same proportion, as near as whole rows allow.
/// A class with a single row stays in training, which a warning says.
///
/// # Errors
/// [`SplitError::Fraction`], [`SplitError::TooFewRows`].
pub fn stratified_split<L: Ord>(labels: &[L], fraction: f64, seed: u64) -> Result<(Split, Vec<SplitWarning>), DataError> {
    let n = labels.len();
    let take = test_size(n, fraction)?;
    let mut classes = by_class(labels);
    // Largest remainders: whole parts first, then one more row for those that lost most by rounding.
    let share = |members: usize| members as f64 * take as f64 / n as f64;
    // a class keeps at least one row for training
    let mut counts: Vec<usize> = classes.iter().map(|c| (share(c.len()) as usize).min(c.len() - 1)).collect();
    let mut order: Vec<usize> = (0..classes.len()).collect();
    let remainder = |c: usize| share(classes[c].len()).fract();
    order.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)));
    let mut left = take.saturating_sub(counts.iter().sum());
    while left > 0 {
        let before = left;
        for &class in &order {
            if left > 0 && counts[class] + 1 < classes[class].len() {
                counts[class] += 1;
                left -= 1;
            }
        }
        if left == before {
            break; // only classes of one row are left
        }
    }
    let mut random = Random::new(seed);
    let mut test = Vec::with_capacity(take);
    for (members, &count) in classes.iter_mut().zip(&counts) {
        random.shuffle(members);
        test.extend_from_slice(&members[..count]);
    }
    let warnings = small_classes(&classes, 2);
    Ok((from_test(n, test.into_iter()), warnings))
}

fn test_size(n: usize, fraction: f64) -> Result<usize, SplitError> {
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(SplitError::Fraction { fraction });
    }
    if n < 2 {
        return Err(SplitError::TooFewRows { rows: n });
    }
    Ok(((n as f64 * fraction).round() as usize).clamp(1, n - 1))
}

/// The rows of each class, classes in sorted order, rows ascending.
fn by_class<L: Ord>(labels: &[L]) -> Vec<Vec<usize>> {
    let mut classes = std::collections::BTreeMap::<&L, Vec<usize>>::new();
    for (row, label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(row);
    }
    classes.into_values().collect()
}

fn small_classes(classes: &[Vec<usize>], needed: usize) -> Vec<SplitWarning> {
    let small = classes.iter().enumerate().filter(|(_, members)| members.len() < needed);
    small.map(|(class, members)| SplitWarning::SmallClass { class, members: members.len(), needed }).collect()
}

fn from_test(n: usize, test: impl Iterator<Item = usize>) -> Split {
    let mut is_test = vec![false; n];
    test.for_each(|row| is_test[row] = true);
    let (test, train) = (0..n).partition(|&row| is_test[row]);
    Split { train, validation: Vec::new(), test }
}

#[cfg(test)]
mod tests;
