//! Positions in the order of the rows that they name: a stable sort by digits, so that positions of one row stay in their order.

/// A row, and a position that names it.
pub(super) type Entry = [u32; 2];

/// Most bits of a digit: its counts are 8 kB.
const DIGIT: u32 = 11;

/// Sorts entries whose rows are below `rows`. Both slices are of one length; one of them holds the result.
pub(super) fn sort<'a>(rows: usize, mut from: &'a mut [Entry], mut to: &'a mut [Entry]) -> &'a [Entry] {
    let bits = usize::BITS - rows.saturating_sub(1).leading_zeros();
    let passes = bits.div_ceil(DIGIT);
    // Digits of one length: two short passes rather than one long and one short.
    let digit = if passes == 0 { 0 } else { bits.div_ceil(passes) };
    for pass in 0..passes {
        let of = |e: &Entry| (e[0] >> (pass * digit)) as usize & ((1 << digit) - 1);
        let mut ends = [0u32; 1 << DIGIT];
        for e in from.iter() {
            ends[of(e)] += 1;
        }
        let mut start = 0;
        for n in &mut ends[..1 << digit] {
            start += std::mem::replace(n, start);
        }
        for e in from.iter() {
            let at = &mut ends[of(e)];
            to[*at as usize] = *e;
            *at += 1;
        }
        std::mem::swap(&mut from, &mut to);
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_row_by_row_in_their_order() {
        let mut x = 7u64;
        let mut draw = |below: usize| {
            x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((x >> 33) as usize % below) as u32
        };
        for rows in [1, 2, 3, 2047, 2048, 2049, 100_000, 5_000_000, u32::MAX as usize] {
            for n in [0, 1, 2, 500] {
                // Few different rows as well as many.
                let mut entries: Vec<Entry> = (0..n).map(|at| [draw(rows) / (1 + at % 3) * u32::from(at % 5 > 0), at]).collect();
                entries.iter_mut().skip(3).step_by(17).for_each(|e| e[0] = rows as u32 - 1);
                let mut expected = entries.clone();
                expected.sort_by_key(|e| e[0]);
                let mut other = vec![[0; 2]; entries.len()];
                assert_eq!(sort(rows, &mut entries, &mut other), expected, "{rows} rows, {n} entries");
            }
        }
    }
}
