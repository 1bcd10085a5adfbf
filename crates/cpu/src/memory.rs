//! Where buffers lie in the arena: intervals of life on the flat schedule, best fit by decreasing size.

/// Words per 64-byte line; every buffer begins on one.
pub(crate) const LINE: usize = 16;

/// A buffer: its size and the steps between which it must keep its contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Need {
    pub(crate) words: usize,
    /// Step that writes it first.
    pub(crate) first: usize,
    /// Last step that needs it; `usize::MAX` for results.
    pub(crate) last: usize,
    /// Takes over the place of this buffer, whose last reader is the step that writes this one.
    pub(crate) over: Option<usize>,
}

/// The finished layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// First word of each buffer.
    pub(crate) offsets: Vec<usize>,
    /// Words of the arena.
    pub(crate) words: usize,
    /// Largest sum of live words at any step.
    pub(crate) live: usize,
}

/// Lays out the buffers; without `reuse`, each gets words of its own.
pub(crate) fn layout(needs: &[Need], reuse: bool) -> Layout {
    // Buffers that take over a place share one stretch of words.
    let mut root: Vec<usize> = (0..needs.len()).collect();
    let mut stretch: Vec<Need> = needs.to_vec();
    for (i, n) in needs.iter().enumerate() {
        if let Some(o) = n.over {
            let r = root[o];
            root[i] = r;
            stretch[r].first = stretch[r].first.min(n.first);
            stretch[r].last = stretch[r].last.max(n.last);
            stretch[r].words = stretch[r].words.max(n.words);
        }
    }
    let mut order: Vec<usize> = (0..needs.len()).filter(|&i| root[i] == i).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(stretch[i].words), i));
    let mut offsets = vec![0; needs.len()];
    let mut placed: Vec<usize> = Vec::new();
    let mut end = 0;
    for &i in &order {
        let words = stretch[i].words.next_multiple_of(LINE);
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&j| !reuse || overlap(&stretch[i], &stretch[j]))
            .map(|&j| (offsets[j], offsets[j] + stretch[j].words.next_multiple_of(LINE)))
            .collect();
        taken.sort_unstable();
        let (mut at, mut best) = (0, None);
        for (from, to) in taken {
            if from >= at + words && best.is_none_or(|(_, gap)| from - at < gap) {
                best = Some((at, from - at));
            }
            at = at.max(to);
        }
        offsets[i] = best.map_or(at, |(o, _)| o);
        end = end.max(offsets[i] + words);
        placed.push(i);
    }
    for i in 0..needs.len() {
        offsets[i] = offsets[root[i]];
    }
    Layout { offsets, words: end, live: live(needs) }
}

fn overlap(a: &Need, b: &Need) -> bool {
    a.first <= b.last && b.first <= a.last
}

/// Largest sum of live words at any step, counting what takes over a place once.
fn live(needs: &[Need]) -> usize {
    let steps = needs.iter().map(|n| n.first + 1).max().unwrap_or(0);
    let mut change = vec![0isize; steps + 1];
    for n in needs {
        let words = n.words.next_multiple_of(LINE) as isize;
        // The step that takes a place over counts it for the buffer before.
        let first = if n.over.is_some() { n.first + 1 } else { n.first };
        if first <= n.last && first < steps {
            change[first] += words;
            if n.last < steps {
                change[n.last + 1] -= words;
            }
        }
    }
    let (mut now, mut most) = (0, 0);
    for c in change {
        now += c;
        most = most.max(now);
    }
    most as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(words: usize, first: usize, last: usize) -> Need {
        Need { words, first, last, over: None }
    }

    fn disjoint(needs: &[Need], l: &Layout) {
        for (i, a) in needs.iter().enumerate() {
            assert_eq!(l.offsets[i] % LINE, 0);
            assert!(l.offsets[i] + a.words <= l.words);
            for (j, b) in needs.iter().enumerate().skip(i + 1) {
                let apart = l.offsets[i] + a.words <= l.offsets[j] || l.offsets[j] + b.words <= l.offsets[i];
                assert!(apart || !overlap(a, b) || a.over == Some(j) || b.over == Some(i), "{i} {j}");
            }
        }
    }

    #[test]
    fn places_are_reused_after_the_last_reader() {
        let needs = [need(100, 0, 1), need(100, 1, 2), need(100, 2, 3), need(20, 0, usize::MAX), need(16, 3, 3)];
        let l = layout(&needs, true);
        disjoint(&needs, &l);
        assert_eq!((l.words, l.live), (2 * 112 + 32, 2 * 112 + 32));
        let apart = layout(&needs, false);
        assert_eq!(apart.words, 3 * 112 + 32 + 16);
    }

    #[test]
    fn a_dying_buffer_can_be_taken_over() {
        let needs = [need(100, 0, 1), Need { over: Some(0), ..need(100, 1, 2) }, Need { over: Some(1), ..need(100, 2, 2) }];
        let l = layout(&needs, true);
        assert_eq!((l.offsets, l.words, l.live), (vec![0; 3], 112, 112));
    }

    #[test]
    fn random_needs_never_overlap_and_stay_near_the_bound() {
        let mut x = 12345u64;
        let mut draw = |n: u64| {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (x >> 33) % n
        };
        for _ in 0..200 {
            let needs: Vec<Need> = (0..30)
                .map(|_| {
                    let first = draw(20) as usize;
                    need(draw(500) as usize, first, first + draw(6) as usize)
                })
                .collect();
            let l = layout(&needs, true);
            disjoint(&needs, &l);
            assert!(l.words >= l.live && l.words <= l.live * 3 / 2, "{} {}", l.words, l.live);
        }
    }
}
