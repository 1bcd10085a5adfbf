use proptest::prelude::*;

use super::*;
use crate::KFold;

fn count(labels: &[u8], rows: &[usize], class: u8) -> usize {
    rows.iter().filter(|&&r| labels[r] == class).count()
}

fn is_partition(n: usize, parts: &[&[usize]]) -> bool {
    let mut all = parts.concat();
    all.sort_unstable();
    all == (0..n).collect::<Vec<_>>() && parts.iter().all(|p| p.is_sorted())
}

proptest! {
    #[test]
    fn split_is_a_partition(n in 2usize..300, fraction in 0.01f64..0.99, seed: u64) {
        let split = train_test_split(n, fraction, seed)?;
        prop_assert!(is_partition(n, &[&split.train, &split.test]));
        prop_assert!((split.test.len() as f64 - n as f64 * fraction).abs() <= 1.0);
        prop_assert!(!split.test.is_empty() && !split.train.is_empty());
        prop_assert_eq!(&split, &train_test_split(n, fraction, seed)?);
    }

    #[test]
    fn stratified_split_keeps_proportions(labels in prop::collection::vec(0u8..4, 2..300), fraction in 0.05f64..0.95, seed: u64) {
        let (split, warnings) = stratified_split(&labels, fraction, seed)?;
        prop_assert!(is_partition(labels.len(), &[&split.train, &split.test]));
        let share = test_size(labels.len(), fraction)? as f64 / labels.len() as f64;
        let mut single = 0;
        for class in 0..4 {
            let members = count(&labels, &(0..labels.len()).collect::<Vec<_>>(), class);
            single += usize::from(members == 1);
            if members > 1 && single == 0 {
                prop_assert!(count(&labels, &split.train, class) >= 1);
            }
            let expected = members as f64 * share;
            // classes that must keep a training row pass at most their share on to others
            prop_assert!((count(&labels, &split.test, class) as f64 - expected).abs() <= 4.0);
        }
        prop_assert_eq!(warnings.len(), single);
    }

    #[test]
    fn folds_are_partitions(labels in prop::collection::vec(0u8..5, 20..200), k in 2usize..5, seed: u64, shuffle: bool) {
        let n = labels.len();
        let kfold = KFold { k, shuffle, seed };
        let (stratified, _) = kfold.stratified(&labels)?;
        let plain = kfold.plain(n)?;
        for folds in [&plain, &stratified] {
            prop_assert_eq!(folds.len(), k);
            for fold in folds {
                prop_assert!(is_partition(n, &[&fold.train, &fold.validation]));
                prop_assert!(fold.validation.len().abs_diff(n / k) <= 1);
            }
            let parts: Vec<&[usize]> = folds.iter().map(|f| &f.validation[..]).collect();
            prop_assert!(parts.iter().map(|p| p.len()).sum::<usize>() == n);
        }
        for class in 0..5 {
            let members = count(&labels, &(0..labels.len()).collect::<Vec<_>>(), class);
            for fold in &stratified {
                prop_assert!(count(&labels, &fold.validation, class).abs_diff(members / k) <= 1);
            }
        }
    }

    #[test]
    fn groups_stay_whole(groups in prop::collection::vec(0u16..30, 40..200), k in 2usize..5, seed: u64, shuffle: bool) {
        let distinct = by_class(&groups).len();
        prop_assume!(distinct >= k);
        for fold in (KFold { k, shuffle, seed }).grouped(&groups)? {
            prop_assert!(is_partition(groups.len(), &[&fold.train, &fold.validation]));
            prop_assert!(!fold.validation.is_empty());
            prop_assert!(fold.validation.iter().all(|&v| fold.train.iter().all(|&t| groups[t] != groups[v])));
        }
    }

    #[test]
    fn time_runs_forward(n in 3usize..200, k in 2usize..8) {
        prop_assume!(n > k);
        let folds = (KFold { k, shuffle: false, seed: 0 }).time_ordered(n)?;
        prop_assert_eq!(folds.len(), k);
        for pair in folds.windows(2) {
            prop_assert!(pair[0].train.len() < pair[1].train.len());
        }
        for fold in &folds {
            prop_assert!(fold.train.last() < fold.validation.first());
        }
        prop_assert_eq!(folds[k - 1].validation.last(), Some(&(n - 1)));
    }
}

/// Written by scikit-learn's classes of the same purpose.
#[test]
fn unshuffled_folds_are_scikit_learns() {
    let kfold = KFold { k: 3, shuffle: false, seed: 0 };
    let validation = |folds: Vec<crate::Fold>| -> Vec<Vec<usize>> { folds.into_iter().map(|f| f.validation).collect() };
    assert_eq!(validation(kfold.plain(10).unwrap()), [vec![0, 1, 2, 3], vec![4, 5, 6], vec![7, 8, 9]]);
    assert_eq!(validation(kfold.time_ordered(10).unwrap()), [vec![4, 5], vec![6, 7], vec![8, 9]]);
    let (folds, warnings) = kfold.stratified(&[0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 2]).unwrap();
    assert_eq!(validation(folds), [vec![0, 1, 3, 4], vec![2, 5, 7, 10], vec![6, 8, 9]]);
    assert_eq!(warnings, [SplitWarning::SmallClass { class: 2, members: 1, needed: 3 }]);
}

#[test]
fn wrong_requests_are_refused() {
    let kfold = |k| KFold { k, shuffle: false, seed: 0 };
    for fraction in [0.0, 1.0, -0.5, f64::NAN, f64::INFINITY] {
        assert!(matches!(train_test_split(9, fraction, 0), Err(DataError::Split(SplitError::Fraction { .. }))));
    }
    assert!(train_test_split(1, 0.5, 0).is_err());
    assert!(stratified_split::<u8>(&[], 0.5, 0).is_err());
    for k in [0, 1] {
        assert!(matches!(kfold(k).plain(9), Err(DataError::Split(SplitError::TooFewFolds { .. }))));
    }
    let error = kfold(10).plain(9).unwrap_err().to_string();
    assert_eq!(error, "k is 10, but there are only 9 rows; choose k from 2 to 9");
    assert!(kfold(3).grouped(&[1, 1, 2, 2]).is_err());
    assert!(kfold(3).stratified(&[1, 1, 2, 2]).is_err());
    assert!(kfold(3).time_ordered(3).is_err());
    assert!(kfold(usize::MAX).time_ordered(3).is_err());
    assert!(KFold { k: 2, shuffle: true, seed: 0 }.time_ordered(30).is_err());
}

#[test]
fn validation_is_cut_from_training() {
    let split = train_test_split(100, 0.2, 3).unwrap().with_validation(0.25, 4).unwrap();
    assert_eq!((split.train.len(), split.validation.len(), split.test.len()), (60, 20, 20));
    assert!(is_partition(100, &[&split.train, &split.validation, &split.test]));
}
