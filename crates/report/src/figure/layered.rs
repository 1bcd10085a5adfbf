//! Places for the boxes of a graph, and the ways of its arrows: rows by distance from the inputs, as Sugiyama, Tagawa and Toda (1981) do it.
//!
//! An arrow that passes rows gets a place in each of them, so that it goes around the boxes there.

use std::collections::BTreeMap;

/// A graph that is placed: positions are those of places, which are boxes and, after them, bends of long arrows.
pub(super) struct Layered {
    /// Row and horizontal centre of each place.
    pub(super) places: Vec<(usize, f64)>,
    /// For each arrow the places it goes through, its own boxes included.
    pub(super) arrows: Vec<Vec<usize>>,
    /// Number of rows.
    pub(super) rows: usize,
    /// Width of all.
    pub(super) width: f64,
}

/// Most rounds of bringing places nearer to what they are joined with.
const ROUNDS: usize = 8;

/// Places boxes of a width, with gaps between, where `edges` go from box to box, from lower to higher numbers.
pub(super) fn place(boxes: usize, edges: &[(usize, usize)], width: f64, gap: f64) -> Layered {
    let mut row = vec![0usize; boxes];
    let mut by_end: Vec<(usize, usize)> = edges.iter().copied().filter(|&(a, b)| a < b && b < boxes).collect();
    by_end.sort_by_key(|e| e.1);
    for &(from, to) in &by_end {
        row[to] = row[to].max(row[from] + 1);
    }
    // Bends, in every row between.
    let (mut rows, mut arrows) = (row.clone(), Vec::with_capacity(by_end.len()));
    for &(from, to) in &by_end {
        let mut way = vec![from];
        for between in row[from] + 1..row[to] {
            way.push(rows.len());
            rows.push(between);
        }
        way.push(to);
        arrows.push(way);
    }
    let count = rows.iter().max().map_or(0, |r| r + 1);
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, &r) in rows.iter().enumerate() {
        order[r].push(at);
    }
    let mut near: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for way in &arrows {
        for pair in way.windows(2) {
            near.entry(pair[0]).or_default().push(pair[1]);
            near.entry(pair[1]).or_default().push(pair[0]);
        }
    }
    let broad = |at: usize| if at < boxes { width } else { gap };
    let mut x = vec![0.0f64; rows.len()];
    spread(&order, &mut x, &broad, gap);
    for round in 0..ROUNDS {
        let down = round % 2 == 0;
        let sweep: Vec<usize> = if down { (0..count).collect() } else { (0..count).rev().collect() };
        for r in sweep {
            // The mean of the neighbours on the side where this sweep comes from.
            let wish: BTreeMap<usize, f64> = order[r]
                .iter()
                .map(|&at| {
                    let side = near.get(&at).into_iter().flatten().filter(|&&n| if down { rows[n] < r } else { rows[n] > r });
                    let (sum, n) = side.fold((0.0, 0.0), |(sum, n), &other| (sum + x[other], n + 1.0));
                    (at, if n > 0.0 { sum / n } else { x[at] })
                })
                .collect();
            order[r].sort_by(|a, b| wish[a].total_cmp(&wish[b]));
            settle(&order[r], &wish, &mut x, &broad, gap);
        }
    }
    let left = (0..rows.len()).map(|at| x[at] - broad(at) / 2.0).fold(f64::INFINITY, f64::min);
    let right = (0..rows.len()).map(|at| x[at] + broad(at) / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let places = rows.iter().zip(&x).map(|(&r, &x)| (r, x - left)).collect();
    Layered { places, arrows, rows: count, width: if rows.is_empty() { 0.0 } else { right - left } }
}

/// Side by side, in the middle of each row.
fn spread(order: &[Vec<usize>], x: &mut [f64], broad: &dyn Fn(usize) -> f64, gap: f64) {
    for row in order {
        let whole: f64 = row.iter().map(|&at| broad(at) + gap).sum::<f64>() - gap;
        let mut left = -whole / 2.0;
        for &at in row {
            x[at] = left + broad(at) / 2.0;
            left += broad(at) + gap;
        }
    }
}

/// As near to where each wishes to be as the ones beside it allow.
fn settle(row: &[usize], wish: &BTreeMap<usize, f64>, x: &mut [f64], broad: &dyn Fn(usize) -> f64, gap: f64) {
    // Blocks that touch move together to the mean of what their members wish.
    struct Block {
        members: Vec<usize>,
        /// Sum of the wishes, each less its distance from the block's left edge.
        sum: f64,
        width: f64,
    }
    let mut blocks: Vec<Block> = Vec::new();
    for &at in row {
        let mut block = Block { members: vec![at], sum: wish[&at] - broad(at) / 2.0, width: broad(at) };
        while let Some(last) = blocks.last() {
            if last.sum / last.members.len() as f64 + last.width + gap <= block.sum / block.members.len() as f64 {
                break;
            }
            let shift = last.width + gap;
            let sum = last.sum + block.sum - shift * block.members.len() as f64;
            let width = shift + block.width;
            let mut members = blocks.pop().map_or_else(Vec::new, |b| b.members);
            members.append(&mut block.members);
            block = Block { members, sum, width };
        }
        blocks.push(block);
    }
    for block in blocks {
        let mut left = block.sum / block.members.len() as f64;
        for at in block.members {
            x[at] = left + broad(at) / 2.0;
            left += broad(at) + gap;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_of_a_row_do_not_overlap_and_arrows_go_down() {
        // Two inputs, a long arrow past a chain, branches that meet.
        let edges = [(0, 2), (1, 2), (0, 3), (2, 4), (3, 4), (4, 5), (0, 5), (1, 6), (5, 6), (5, 7)];
        let placed = place(8, &edges, 100.0, 20.0);
        assert_eq!(placed.arrows.len(), edges.len());
        for (a, &(row, x)) in placed.places.iter().enumerate() {
            assert!(x >= 0.0 && x <= placed.width && row < placed.rows);
            for (b, &(other_row, other)) in placed.places.iter().enumerate().skip(a + 1) {
                let least = [a, b].map(|at| if at < 8 { 50.0 } else { 10.0 }).iter().sum::<f64>();
                assert!(row != other_row || (x - other).abs() >= least - 1e-9, "{a} and {b}");
            }
        }
        for way in &placed.arrows {
            assert!(way.windows(2).all(|p| placed.places[p[1]].0 == placed.places[p[0]].0 + 1), "{way:?}");
        }
    }

    #[test]
    fn a_chain_is_one_column() {
        let placed = place(4, &[(0, 1), (1, 2), (2, 3)], 100.0, 20.0);
        assert!(placed.places.iter().all(|p| (p.1 - 50.0).abs() < 1e-9));
        assert_eq!((placed.rows, placed.width), (4, 100.0));
        assert_eq!(place(0, &[], 100.0, 20.0).rows, 0);
        assert_eq!(place(2, &[(1, 0), (0, 9)], 100.0, 20.0).arrows.len(), 0, "what is no arrow down is left out");
    }
}
