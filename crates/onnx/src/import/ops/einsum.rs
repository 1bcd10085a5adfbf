//! Einsum: operands are joined two at a time, each time by one product of stacks of matrices.

use crate::import::call::{Call, Made, Trouble};
use adaline_graph::{DType, Var};

/// A tensor whose axes have letters, each once.
struct Term<'g> {
    letters: Vec<char>,
    x: Var<'g>,
}

pub(crate) fn einsum<'g>(c: &Call<'_, 'g>) -> Made<'g> {
    let equation: String = c.text_or("equation", "")?.chars().filter(|ch| !ch.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((l, r)) => (l.to_owned(), Some(r.to_owned())),
        None => (equation.clone(), None),
    };
    let names: Vec<&str> = left.split(',').collect();
    if names.len() != c.inputs.len() {
        return Err(format!("`{equation}` is for {} inputs, and there are {}", names.len(), c.inputs.len()).into());
    }
    // Axes behind `...` get digits, the last one `0`.
    let mut dots = 0;
    let mut terms = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let x = c.float(i)?;
        let letters = spelled(name, x.rank(), &mut dots).ok_or_else(|| format!("`{name}` does not name the axes of {}", x.shape()))?;
        terms.push(diagonal(Term { letters, x })?);
    }
    let ellipsis: Vec<char> = (0..dots).rev().filter_map(|d| char::from_digit(d as u32, 10)).collect();
    let wanted: Vec<char> = if let Some(r) = right {
        r.replace("...", &ellipsis.iter().collect::<String>()).chars().collect()
    } else {
        let mut once: Vec<char> = left.chars().filter(|ch| ch.is_alphabetic() && left.matches(*ch).count() == 1).collect();
        once.sort_unstable();
        ellipsis.into_iter().chain(once).collect()
    };
    let known = |l: &char| terms.iter().any(|t| t.letters.contains(l));
    if !wanted.iter().all(known) || (1..wanted.len()).any(|i| wanted[..i].contains(&wanted[i])) {
        return Err(format!("the result of `{equation}` names an axis twice, or one that no input has").into());
    }
    let mut terms = terms.into_iter();
    let mut all = terms.next().ok_or("it has no input")?;
    let rest: Vec<Term<'g>> = terms.collect();
    for (i, term) in rest.iter().enumerate() {
        let later = |l: &char| wanted.contains(l) || rest[i + 1..].iter().any(|t| t.letters.contains(l));
        all = joined(&all, term, &later)?;
    }
    let last = summed(&all, &|l| wanted.contains(l));
    let perm: Option<Vec<usize>> = wanted.iter().map(|l| last.letters.iter().position(|m| m == l)).collect();
    c.like(last.x.transpose(&perm.ok_or("an axis is missing")?))
}

/// A letter for each axis.
fn spelled(name: &str, rank: usize, dots: &mut usize) -> Option<Vec<char>> {
    let plain = |s: &str| s.chars().all(char::is_alphabetic);
    let Some((before, after)) = name.split_once("...") else {
        return (plain(name) && name.chars().count() == rank).then(|| name.chars().collect());
    };
    let hidden = rank.checked_sub(before.chars().count() + after.chars().count())?;
    if !plain(before) || !plain(after) {
        return None;
    }
    *dots = hidden.max(*dots);
    let digits = (0..hidden).rev().filter_map(|d| char::from_digit(d as u32, 10));
    Some(before.chars().chain(digits).chain(after.chars()).collect())
}

/// An axis that is named twice: the elements where both indices are equal.
fn diagonal(mut t: Term<'_>) -> Result<Term<'_>, Trouble> {
    loop {
        let twice = (0..t.letters.len()).find_map(|a| (a + 1..t.letters.len()).find(|&b| t.letters[a] == t.letters[b]).map(|b| (a, b)));
        let Some((a, b)) = twice else { return Ok(t) };
        let (x, shape) = (t.x, t.x.shape());
        if shape.dims()[a] != shape.dims()[b] {
            return Err(format!("axes {a} and {b} of {shape} have one letter and two sizes").into());
        }
        let builder = x.builder();
        let on = builder.iota(shape, a).equal(builder.iota(shape, b));
        t.x = on.select(x, builder.full(shape, 0.0)).sum(&[b as isize], false);
        t.letters.remove(b);
    }
}

/// Without the axes that nobody needs any more.
fn summed<'g>(t: &Term<'g>, needed: &dyn Fn(&char) -> bool) -> Term<'g> {
    let axes: Vec<isize> = (0..t.letters.len()).filter(|&a| !needed(&t.letters[a])).map(|a| a as isize).collect();
    let x = if axes.is_empty() { t.x } else { t.x.sum(&axes, false) };
    Term { letters: t.letters.iter().copied().filter(needed).collect(), x }
}

/// The product of two terms: `(both and needed, left alone, both and summed)` by `(both and needed, both and summed, right alone)`.
fn joined<'g>(a: &Term<'g>, b: &Term<'g>, later: &dyn Fn(&char) -> bool) -> Result<Term<'g>, Trouble> {
    let a = summed(a, &|l| later(l) || b.letters.contains(l));
    let b = summed(b, &|l| later(l) || a.letters.contains(l));
    debug_assert!(a.x.ty().dtype == DType::F32);
    let size = |t: &Term<'g>, l: char| t.letters.iter().position(|&m| m == l).map(|i| t.x.shape().dims()[i]);
    let (mut batch, mut inner) = (Vec::new(), Vec::new());
    for &l in a.letters.iter().filter(|l| b.letters.contains(l)) {
        let (m, n) = (size(&a, l).unwrap_or(1), size(&b, l).unwrap_or(1));
        if m != n && m != 1 && n != 1 {
            return Err(format!("axis {l} has size {m} here and {n} there").into());
        }
        if later(&l) { batch.push((l, m.max(n))) } else { inner.push((l, m.max(n))) }
    }
    let only = |t: &Term<'g>, other: &Term<'g>| -> Vec<(char, usize)> {
        t.letters.iter().filter(|l| !other.letters.contains(l)).map(|&l| (l, size(t, l).unwrap_or(1))).collect()
    };
    let (left, right) = (only(&a, &b), only(&b, &a));
    let arranged = |t: &Term<'g>, groups: [&[(char, usize)]; 3]| -> Result<Var<'g>, Trouble> {
        let order: Vec<(char, usize)> = groups.concat();
        let perm: Option<Vec<usize>> = order.iter().map(|(l, _)| t.letters.iter().position(|m| m == l)).collect();
        let full = Call::shape_of(&order.iter().map(|o| o.1).collect::<Vec<_>>())?;
        let flat = groups.map(|g| g.iter().map(|o| o.1).product::<usize>());
        Ok(t.x.transpose(&perm.ok_or("an axis is missing")?).broadcast_to(full).reshape(Call::shape_of(&flat)?))
    };
    let y = arranged(&a, [&batch, &left, &inner])?.matmul(arranged(&b, [&batch, &inner, &right])?);
    let order: Vec<(char, usize)> = [batch, left, right].concat();
    let shape = Call::shape_of(&order.iter().map(|o| o.1).collect::<Vec<_>>())?;
    Ok(Term { letters: order.iter().map(|o| o.0).collect(), x: y.reshape(shape) })
}
