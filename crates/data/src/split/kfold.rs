//! K-fold cross-validation. Sizes and allocation follow scikit-learn's `KFold`, `StratifiedKFold` and
//! `TimeSeriesSplit`, so that unshuffled folds are the same rows there and here; grouped folds are shared out as in its
//! `GroupKFold`, but groups of equal size may come in another order.

use std::collections::BTreeSet;

use super::{SplitError, SplitWarning, by_class, small_classes};
use crate::DataError;
use crate::rng::Random;

/// One round of cross-validation; both lists ascending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fold {
    /// Rows to train on.
    pub train: Vec<usize>,
    /// Rows to judge by.
    pub validation: Vec<usize>,
}

/// A way to share rows out into folds.
///
/// ```
/// use adaline_data::KFold;
///
/// let folds = KFold { k: 5, shuffle: true, seed: 1 }.plain(23)?;
/// assert_eq!(folds.len(), 5);
/// assert_eq!(folds[0].validation.len(), 5);
/// # Ok::<(), adaline_data::DataError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KFold {
    /// The number of folds, at least 2.
    pub k: usize,
    /// Whether rows are shared out at random; otherwise in their order.
    pub shuffle: bool,
    /// The seed of the random order.
    pub seed: u64,
}

impl KFold {
    /// Folds of nearly equal size.
    ///
    /// # Errors
    /// [`SplitError::TooFewFolds`], [`SplitError::TooManyFolds`].
    pub fn plain(&self, n: usize) -> Result<Vec<Fold>, DataError> {
        self.check(n, "rows")?;
        let order = self.order(n);
        let mut fold_of = vec![0; n];
        for (position, &row) in order.iter().enumerate() {
            // the first n % k folds have one row more
            let (size, extra) = (n / self.k, n % self.k);
            let long = extra * (size + 1);
            fold_of[row] = if position < long { position / (size + 1) } else { extra + (position - long) / size };
        }
        Ok(self.collect(&fold_of))
    }

    /// Folds with each class in the same proportion, as near as whole rows allow. A class with fewer than `k` rows is
    /// missing in some folds, which a warning says.
    ///
    /// # Errors
    /// [`SplitError::TooFewFolds`]; [`SplitError::TooManyFolds`] when no class has `k` rows.
    pub fn stratified<L: Ord>(&self, labels: &[L]) -> Result<(Vec<Fold>, Vec<SplitWarning>), DataError> {
        let mut classes = by_class(labels);
        self.check(labels.len(), "rows")?;
        self.check(classes.iter().map(Vec::len).max().unwrap_or(0), "rows in the largest class")?;
        let warnings = small_classes(&classes, self.k);
        classes.sort_by_key(|rows| rows[0]); // in order of appearance, as scikit-learn has them
        // Deal the sorted labels out like cards: fold i gets the labels at i, i + k, i + 2k, ...
        let mut fold_of = vec![0; labels.len()];
        let mut random = Random::new(self.seed);
        let mut dealt = 0;
        for members in &classes {
            let mut folds: Vec<usize> = (dealt..dealt + members.len()).map(|card| card % self.k).collect();
            dealt += members.len();
            folds.sort_unstable();
            if self.shuffle {
                random.shuffle(&mut folds);
            }
            for (&row, fold) in members.iter().zip(folds) {
                fold_of[row] = fold;
            }
        }
        Ok((self.collect(&fold_of), warnings))
    }

    /// Folds that never tear a group (a patient, a household) apart: large groups first, each to the fold with the fewest rows.
    ///
    /// # Errors
    /// [`SplitError::TooFewFolds`]; [`SplitError::TooManyFolds`] when there are fewer groups than folds.
    pub fn grouped<G: Ord>(&self, groups: &[G]) -> Result<Vec<Fold>, DataError> {
        let mut members = by_class(groups);
        self.check(members.len(), "groups")?;
        if self.shuffle {
            Random::new(self.seed).shuffle(&mut members); // decides among groups of the same size
        }
        members.sort_by_key(|rows| std::cmp::Reverse(rows.len()));
        // (rows, fold), the lightest first
        let mut loads: BTreeSet<(usize, usize)> = (0..self.k).map(|fold| (0, fold)).collect();
        let mut fold_of = vec![0; groups.len()];
        for rows in &members {
            if let Some((load, fold)) = loads.pop_first() {
                for &row in rows {
                    fold_of[row] = fold;
                }
                loads.insert((load + rows.len(), fold));
            }
        }
        Ok(self.collect(&fold_of))
    }

    /// Folds for rows in order of time: each is judged on rows later than all it was trained on, and the training part
    /// grows. The first rows are never in a validation part.
    ///
    /// # Errors
    /// [`SplitError::TooFewFolds`]; [`SplitError::TooManyFolds`] when there are not more rows than folds;
    /// [`SplitError::ShuffledTime`] when `shuffle` is set.
    pub fn time_ordered(&self, n: usize) -> Result<Vec<Fold>, DataError> {
        if self.shuffle {
            return Err(SplitError::ShuffledTime.into());
        }
        self.check(n.saturating_sub(1), "rows after the first")?;
        let size = n / (self.k + 1);
        let start = n - self.k * size;
        Ok((0..self.k)
            .map(|fold| {
                let from = start + fold * size;
                Fold { train: (0..from).collect(), validation: (from..from + size).collect() }
            })
            .collect())
    }

    fn check(&self, available: usize, what: &'static str) -> Result<(), SplitError> {
        if self.k < 2 {
            return Err(SplitError::TooFewFolds { k: self.k });
        }
        if self.k > available {
            return Err(SplitError::TooManyFolds { k: self.k, available, what });
        }
        Ok(())
    }

    fn order(&self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        if self.shuffle {
            Random::new(self.seed).shuffle(&mut order);
        }
        order
    }

    fn collect(&self, fold_of: &[usize]) -> Vec<Fold> {
        (0..self.k)
            .map(|fold| {
                let (validation, train) = (0..fold_of.len()).partition(|&row| fold_of[row] == fold);
                Fold { train, validation }
            })
            .collect()
    }
}
