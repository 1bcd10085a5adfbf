//! The pass `named`: finds runs of instructions that have a kernel of their own.

use super::build::{Call, Ssa, Val};
use super::named::{PATTERNS, Pattern, SCALARS, STORED, VALUES};
use super::program::{BufRef, Code};
use std::collections::BTreeMap;

/// What the names of a pattern stand for.
struct Binding {
    values: [Val; VALUES],
    scalars: [Val; SCALARS],
}

/// Replaces every run of instructions that a pattern matches by one call. `uses` counts the readers of each value.
pub(super) fn select(ssa: &mut [Ssa], memory: &dyn Fn(u16) -> BufRef) -> Vec<Call> {
    let mut calls = Vec::new();
    let live: Vec<usize> = (0..ssa.len()).filter(|&i| !ssa[i].dead).collect();
    let mut at = 0;
    while at < live.len() {
        let found = PATTERNS.iter().enumerate().find_map(|(number, pattern)| {
            let run = live.get(at..at + pattern.lines.len())?;
            let binding = matches(ssa, run, pattern)?;
            private(ssa, run, pattern, memory).then_some((number, pattern, binding))
        });
        let Some((number, pattern, binding)) = found else {
            at += 1;
            continue;
        };
        let run = &live[at..at + pattern.lines.len()];
        let mut stored = [usize::MAX; STORED];
        for (to, name) in stored.iter_mut().zip(pattern.stored) {
            *to = line_of(run, pattern, name).unwrap_or(usize::MAX);
        }
        if let Some((&last, before)) = run.split_last() {
            for &i in before {
                ssa[i].dead = true;
            }
            ssa[last].code = Code::Named(calls.len() as u16);
            ssa[last].src = [Val::None; 3];
            calls.push(Call { pattern: number, values: binding.values, scalars: binding.scalars, stored });
        }
        at += pattern.lines.len();
    }
    calls
}

/// The instruction of a line by its name.
fn line_of(run: &[usize], pattern: &Pattern, name: &str) -> Option<usize> {
    pattern.lines.iter().position(|l| l.name == name).map(|at| run[at])
}

/// Whether the instructions are those of the pattern, and what its names then stand for.
fn matches(ssa: &[Ssa], run: &[usize], pattern: &Pattern) -> Option<Binding> {
    let mut known: BTreeMap<&str, Val> = BTreeMap::new();
    for (line, &i) in pattern.lines.iter().zip(run) {
        let s = &ssa[i];
        if s.code != line.code || s.row != ssa[run[0]].row {
            return None;
        }
        for (&name, &v) in line.src.iter().zip(&s.src) {
            let fits = match v {
                Val::Scalar(_) => pattern.scalars.contains(&name),
                Val::Ssa(_) | Val::Mem(_) | Val::Raw | Val::Fill(_) => !pattern.scalars.contains(&name),
                Val::None | Val::Splat(_) | Val::Whole(_) => false,
            };
            if !fits || *known.entry(name).or_insert(v) != v {
                return None;
            }
        }
        // A name of the pattern stands for one value, also for the instruction that makes it.
        if *known.entry(line.name).or_insert(Val::Ssa(i)) != Val::Ssa(i) {
            return None;
        }
    }
    let mut binding = Binding { values: [Val::None; VALUES], scalars: [Val::None; SCALARS] };
    for (to, name) in binding.values.iter_mut().zip(pattern.values) {
        *to = *known.get(name)?;
    }
    for (to, name) in binding.scalars.iter_mut().zip(pattern.scalars) {
        *to = *known.get(name)?;
    }
    Some(binding)
}

/// Whether nobody else reads what the kernel keeps to itself, and what it stores has one place each that nobody reads later.
fn private(ssa: &[Ssa], run: &[usize], pattern: &Pattern, memory: &dyn Fn(u16) -> BufRef) -> bool {
    let last = run.last().copied().unwrap_or(0);
    pattern.lines.iter().zip(run).all(|(line, &i)| {
        let s = &ssa[i];
        if !pattern.stored.contains(&line.name) {
            let outside = |(j, other): (usize, &Ssa)| {
                !run.contains(&j) && !other.dead && other.src.iter().any(|v| matches!(v, Val::Ssa(x) | Val::Splat(x) if *x == i))
            };
            return s.targets.is_empty() && !ssa.iter().enumerate().any(outside);
        }
        let [target] = s.targets[..] else { return false };
        let read_later = ssa[last + 1..]
            .iter()
            .filter(|o| !o.dead)
            .any(|o| o.src.iter().any(|v| matches!(v, Val::Mem(m) | Val::Whole(m) if memory(*m) == target)));
        !read_later
    })
}
