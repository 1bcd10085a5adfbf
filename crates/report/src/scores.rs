//! Scores that follow from results alone: of classes from a confusion matrix, of a regression from its values.

use crate::figure::ConfusionMatrix;

/// Scores of one class, or a mean of them. NaN where a score is not defined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// Right among those that were called this class; NaN if none was.
    pub precision: f64,
    /// Found among those that are of this class; NaN if none is.
    pub recall: f64,
    /// Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).
    pub f1: f64,
    /// Examples of this class.
    pub support: u64,
}

/// Scores of all classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassScores {
    /// One entry per class.
    pub classes: Vec<Scores>,
    /// Share of right answers; NaN without examples.
    pub accuracy: f64,
    /// Plain mean over the classes; undefined scores count as 0, as scikit-learn does it.
    pub macro_mean: Scores,
    /// Mean weighted by support.
    pub weighted_mean: Scores,
}

impl ClassScores {
    /// The scores that follow from `matrix`.
    pub fn of(matrix: &ConfusionMatrix) -> Self {
        let k = matrix.size();
        let support: Vec<u64> = (0..k).map(|t| matrix.support(t)).collect();
        let called: Vec<u64> = (0..k).map(|p| (0..k).map(|t| matrix.count(t, p)).fold(0, u64::saturating_add)).collect();
        let classes: Vec<Scores> = (0..k)
            .map(|i| {
                let right = matrix.count(i, i) as f64;
                let (called, support) = (called[i] as f64, support[i] as f64);
                Scores { precision: right / called, recall: right / support, f1: 2.0 * right / (called + support), support: support as u64 }
            })
            .collect();
        let all = support.iter().copied().fold(0, u64::saturating_add);
        let right: f64 = (0..k).map(|i| matrix.count(i, i) as f64).sum();
        let mean = |weight: &dyn Fn(&Scores) -> f64| {
            let total: f64 = classes.iter().map(weight).sum();
            let of = |score: fn(&Scores) -> f64| {
                let value = |s: &Scores| if score(s).is_finite() { score(s) } else { 0.0 };
                classes.iter().map(|s| weight(s) * value(s)).sum::<f64>() / total
            };
            Scores { precision: of(|s| s.precision), recall: of(|s| s.recall), f1: of(|s| s.f1), support: all }
        };
        let macro_mean = mean(&|_| 1.0);
        let weighted_mean = mean(&|s| s.support as f64);
        Self { accuracy: right / all as f64, macro_mean, weighted_mean, classes }
    }
}

/// Errors of a regression. NaN where there is nothing to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegressionScores {
    /// Mean absolute error.
    pub mae: f64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// 1 − residual sum of squares / total sum of squares; NaN for a constant target.
    pub r2: f64,
    /// Pairs of finite values that were compared.
    pub count: usize,
}

impl RegressionScores {
    /// The errors of `predicted` against `actual`; pairs with a value that is not finite are left out.
    pub fn of(actual: &[f64], predicted: &[f64]) -> Self {
        let pairs = || actual.iter().copied().zip(predicted.iter().copied()).filter(|(a, p)| a.is_finite() && p.is_finite());
        let count = pairs().count();
        let n = count as f64;
        let mean = pairs().map(|(a, _)| a).sum::<f64>() / n;
        let residual: f64 = pairs().map(|(a, p)| (a - p) * (a - p)).sum();
        let total: f64 = pairs().map(|(a, _)| (a - mean) * (a - mean)).sum();
        Self {
            mae: pairs().map(|(a, p)| (a - p).abs()).sum::<f64>() / n,
            rmse: (residual / n).sqrt(),
            r2: if total > 0.0 { 1.0 - residual / total } else { f64::NAN },
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_nobody_has_or_calls_have_no_score() {
        let matrix = ConfusionMatrix { classes: vec![], counts: vec![vec![3, 0, 0], vec![1, 0, 0], vec![]] };
        let s = ClassScores::of(&matrix);
        assert_eq!((s.classes[0].precision, s.classes[0].recall), (0.75, 1.0));
        assert!(s.classes[1].precision.is_nan());
        assert_eq!((s.classes[1].recall, s.classes[1].f1), (0.0, 0.0));
        assert!(s.classes[2].recall.is_nan() && s.classes[2].f1.is_nan());
        assert_eq!(s.accuracy, 0.75);
        assert_eq!(s.macro_mean.precision, 0.25);
        assert_eq!(s.weighted_mean.recall, 0.75);
        assert!(ClassScores::of(&ConfusionMatrix::default()).accuracy.is_nan());
    }

    #[test]
    fn regression_errors() {
        let s = RegressionScores::of(&[1.0, 2.0, 3.0, f64::NAN], &[1.0, 2.5, 2.0, 9.0]);
        assert_eq!((s.mae, s.count), (0.5, 3));
        assert!((s.rmse - (1.25f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((s.r2 - (1.0 - 1.25 / 2.0)).abs() < 1e-12);
        let none = RegressionScores::of(&[], &[]);
        assert!(none.mae.is_nan() && none.r2.is_nan() && none.count == 0);
        assert!(RegressionScores::of(&[2.0, 2.0], &[1.0, 3.0]).r2.is_nan());
    }
}
