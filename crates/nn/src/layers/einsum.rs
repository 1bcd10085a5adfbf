//! Sums of products over named axes.

use adaline_graph::{Shape, Var};

/// Einstein's sum of two tensors: the products of `a` and `b`, whose axes have the names `of_a` and `of_b`, summed over the names that are not in
/// `out`, with the axes of the result in the order of `out`. One matrix product, with axes permuted before and after it where needed.
///
/// Names of one tensor are different, each of `out` is of one of both, and axes of one name have one size: callers see to that.
pub(crate) fn einsum<'g>(a: Var<'g>, of_a: &[u8], b: Var<'g>, of_b: &[u8], out: &[u8]) -> Var<'g> {
    if a.builder().failed() {
        return a;
    }
    // What only one of them has and the result has not is summed before.
    let (a, of_a) = summed(a, of_a, &[of_b, out]);
    let (b, of_b) = summed(b, of_b, &[&of_a, out]);
    let pick = |names: &[u8], wanted: &dyn Fn(u8) -> bool| -> Vec<u8> { names.iter().copied().filter(|&n| wanted(n)).collect() };
    let stacked = pick(out, &|n| of_a.contains(&n) && of_b.contains(&n));
    let rows = pick(out, &|n| of_a.contains(&n) && !of_b.contains(&n));
    let columns = pick(out, &|n| of_b.contains(&n) && !of_a.contains(&n));
    let inner = pick(&of_a, &|n| of_b.contains(&n) && !out.contains(&n));
    // Stored the other way round, an operand need not be moved.
    let ta = of_a == [&stacked[..], &inner, &rows].concat();
    let tb = of_b == [&stacked[..], &columns, &inner].concat();
    let a = if ta { a } else { ordered(a, &of_a, &[&stacked[..], &rows, &inner].concat()) };
    let b = if tb { b } else { ordered(b, &of_b, &[&stacked[..], &inner, &columns].concat()) };
    // (S, M, K) · (S, K, N), or plain matrices.
    let (s, k) = (stacked.len(), inner.len());
    let (m, n) = (rows.len(), columns.len());
    let left = matrices(a, s, if ta { (k, m) } else { (m, k) });
    let right = matrices(b, s, if tb { (n, k) } else { (k, n) });
    let product = left.dot(right, ta, tb);
    let dims = |v: Var<'g>, from: usize, count: usize| v.shape().dims().get(from..from + count).unwrap_or_default().to_vec();
    let (lead, of_rows) = (dims(a, 0, s), dims(a, if ta { s + k } else { s }, m));
    let of_columns = dims(b, if tb { s } else { s + k }, n);
    let Some(shape) = Shape::try_new(&[lead, of_rows, of_columns].concat()) else {
        return product.builder().error(format!("a product of tensors of shapes {} and {} is too large", a.shape(), b.shape()));
    };
    ordered(product.reshape(shape), &[&stacked[..], &rows, &columns].concat(), out)
}

/// As matrices of so many axes for rows and columns, after `stacked` axes that become one.
fn matrices(v: Var<'_>, stacked: usize, (rows, columns): (usize, usize)) -> Var<'_> {
    let s = v.shape();
    let size = |from: usize, count: usize| -> usize { s.dims().get(from..from + count).unwrap_or_default().iter().product() };
    let (r, c) = (size(stacked, rows), size(stacked + rows, columns));
    if stacked == 0 { v.reshape(Shape::new(&[r, c])) } else { v.reshape(Shape::new(&[size(0, stacked), r, c])) }
}

/// Without the axes that nobody else has.
fn summed<'g>(v: Var<'g>, names: &[u8], others: &[&[u8]]) -> (Var<'g>, Vec<u8>) {
    let alone = |n: &u8| others.iter().all(|o| !o.contains(n));
    let axes: Vec<isize> = (0..names.len()).filter(|&i| alone(&names[i])).map(|i| i as isize).collect();
    let kept = names.iter().copied().filter(|n| !alone(n)).collect();
    (if axes.is_empty() { v } else { v.sum(&axes, false) }, kept)
}

/// With its axes in another order.
fn ordered<'g>(v: Var<'g>, names: &[u8], order: &[u8]) -> Var<'g> {
    if names == order {
        return v;
    }
    v.transpose(&order.iter().filter_map(|n| names.iter().position(|m| m == n)).collect::<Vec<_>>())
}
