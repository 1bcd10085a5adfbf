//! Which lengths to pad to, so that little is padded and there are few of them.

/// Lengths among which boundaries are sought: with more of them, more time is spent on seeking than little padding is worth.
const CANDIDATES: usize = 256;

/// How sequences are put into buckets of about the same length.
///
/// ```
/// use adaline_data::Bucketing;
/// let lengths = [3, 4, 3, 30, 31, 90];
/// assert_eq!(Bucketing::from(2).bounds(lengths), [31, 90]);
/// assert_eq!(Bucketing::from([10, 50]).bounds(lengths), [4, 31, 90]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucketing {
    /// At most so many buckets, with the boundaries that pad least.
    Count(usize),
    /// A bucket up to each of these lengths, and one for what is longer.
    Boundaries(Vec<usize>),
}

impl From<usize> for Bucketing {
    fn from(count: usize) -> Self {
        Self::Count(count)
    }
}
impl From<Vec<usize>> for Bucketing {
    fn from(boundaries: Vec<usize>) -> Self {
        Self::Boundaries(boundaries)
    }
}
impl<const N: usize> From<[usize; N]> for Bucketing {
    fn from(boundaries: [usize; N]) -> Self {
        Self::Boundaries(boundaries.into())
    }
}

impl Bucketing {
    /// Length of the longest sequence of each bucket that is not empty, in ascending order: what its rows are padded to.
    pub fn bounds(&self, lengths: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut lengths: Vec<usize> = lengths.into_iter().collect();
        lengths.sort_unstable();
        match self {
            Self::Count(count) => least_padding(&lengths, (*count).max(1)),
            Self::Boundaries(list) => {
                let mut list: Vec<usize> = list.iter().copied().chain([usize::MAX]).collect();
                list.sort_unstable();
                // The longest of those up to each boundary.
                let ends = list.iter().map(|&b| lengths.partition_point(|&l| l <= b));
                let mut bounds: Vec<usize> = ends.filter_map(|end| lengths.get(end.checked_sub(1)?).copied()).collect();
                bounds.dedup();
                bounds
            }
        }
    }
}

/// At most `count` lengths so that the sum of all lengths, each raised to the next of them, is as small as can be: by dynamic programming
/// over the number of buckets and the longest length that they reach. `lengths` are sorted.
fn least_padding(lengths: &[usize], count: usize) -> Vec<usize> {
    // (length, how many are at most that long)
    let mut steps: Vec<(usize, usize)> = Vec::new();
    for (at, &length) in lengths.iter().enumerate() {
        match steps.last_mut() {
            Some(last) if last.0 == length => last.1 = at + 1,
            _ => steps.push((length, at + 1)),
        }
    }
    if steps.len() > CANDIDATES {
        // As many rows between each and the next, and the longest.
        let part = lengths.len().div_ceil(CANDIDATES);
        let mut next = part;
        let last = steps.len() - 1;
        let mut at = 0;
        steps.retain(|&(_, rows)| {
            let keep = rows >= next || at == last;
            at += 1;
            if keep {
                next = rows + part;
            }
            keep
        });
    }
    let n = steps.len();
    if n <= count {
        return steps.into_iter().map(|s| s.0).collect();
    }
    let rows = |at: usize| if at == 0 { 0 } else { steps[at - 1].1 };
    // Least sum for the first `end` candidates in the buckets so far, and where the last bucket begins.
    let mut least: Vec<u128> = (0..=n).map(|end| if end == 0 { 0 } else { u128::MAX }).collect();
    let mut begins: Vec<Vec<usize>> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut next = vec![u128::MAX; n + 1];
        let mut begin = vec![0; n + 1];
        for end in 1..=n {
            for (from, &before) in least.iter().enumerate().take(end) {
                if before == u128::MAX {
                    continue;
                }
                let sum = before + (rows(end) - rows(from)) as u128 * steps[end - 1].0 as u128;
                if sum < next[end] {
                    (next[end], begin[end]) = (sum, from);
                }
            }
        }
        least = next;
        begins.push(begin);
    }
    let mut bounds = Vec::with_capacity(count);
    let mut end = n;
    for begin in begins.iter().rev() {
        if end == 0 {
            break;
        }
        bounds.push(steps[end - 1].0);
        end = begin[end];
    }
    bounds.reverse();
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(lengths: &[usize], bounds: &[usize]) -> usize {
        lengths.iter().map(|&l| bounds.iter().find(|&&b| b >= l).unwrap()).sum()
    }

    #[test]
    fn no_other_boundaries_pad_less() {
        let lengths = [1, 1, 2, 3, 3, 3, 5, 8, 8, 9, 13, 40];
        let different = [1, 2, 3, 5, 8, 9, 13];
        assert_eq!(Bucketing::Count(1).bounds(lengths), [40]);
        let two = Bucketing::Count(2).bounds(lengths);
        let best = different.iter().map(|&a| padded(&lengths, &[a, 40])).min().unwrap();
        assert_eq!((two.len(), padded(&lengths, &two)), (2, best));
        let three = Bucketing::Count(3).bounds(lengths);
        let pairs = different.iter().flat_map(|&a| different.iter().map(move |&b| [a.min(b), a.max(b), 40]));
        assert_eq!((three.len(), padded(&lengths, &three)), (3, pairs.map(|p| padded(&lengths, &p)).min().unwrap()));
        assert_eq!(Bucketing::Count(100).bounds(lengths), [1, 2, 3, 5, 8, 9, 13, 40], "one for each length");
    }

    #[test]
    fn many_lengths_are_thinned_and_the_longest_stays() {
        let lengths: Vec<usize> = (1..=5000).map(|i| i * 3).collect();
        let bounds = Bucketing::Count(4).bounds(lengths.clone());
        assert_eq!((bounds.len(), bounds[3]), (4, 15_000));
        // Quarters are the best there is for lengths that are spread evenly.
        let best = padded(&lengths, &[3750, 7500, 11_250, 15_000]);
        assert!(padded(&lengths, &bounds) < best + best / 100);
    }

    #[test]
    fn boundaries_shrink_to_what_is_there() {
        assert_eq!(Bucketing::from([10, 5, 5]).bounds([1, 4, 7, 30]), [4, 7, 30]);
        assert_eq!(Bucketing::from([100]).bounds([1, 4]), [4]);
        assert_eq!(Bucketing::from(vec![]).bounds([9, 4]), [9]);
        assert_eq!(Bucketing::from([2]).bounds([]), Vec::<usize>::new());
        assert_eq!(Bucketing::from(3).bounds([]), Vec::<usize>::new());
    }
}
