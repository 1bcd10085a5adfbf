//! An independent check of finished plans, which trusts nothing that the planner concluded: it replays the schedule and asks what every
//! stretch of memory holds when it is read.

use crate::fused::kernel::Tile;
use crate::fused::program::{ARENA, BufRef, INPUTS, Program, STATE, Scalar, Src};
use crate::memory::LINE;
use crate::plan::{Holds, Kernel, Plan, Touch};
use adaline_graph::{Role, StateLayout};

/// What a stretch of memory holds now.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    space: u16,
    from: usize,
    to: usize,
    holds: Holds,
}

/// Checks that every read finds what it expects, that nothing alive is overwritten, that results are there at the end, that places are
/// aligned and within their spaces, and that kernels touch nothing but what their step declares.
pub(crate) fn verify(plan: &Plan, state: &StateLayout) -> Result<(), String> {
    let mut now: Vec<Stretch> = Vec::new();
    for (i, input) in plan.inputs.iter().enumerate() {
        now.push(Stretch { space: INPUTS + i as u16, from: 0, to: input.ty.len(), holds: Holds::Initial });
    }
    for s in &plan.slots {
        let space = STATE + s.role.index() as u16;
        now.push(Stretch { space, from: s.offset, to: s.offset + s.ty.len(), holds: Holds::Initial });
    }
    for (i, step) in plan.steps.iter().enumerate() {
        let fail = |what: &str, t: &Touch| format!("step {i}: {what} at {:?} of {} words ({:?})", t.at, t.words, t.holds);
        for t in &step.touches {
            if t.at.offset + t.words > space_words(plan, state, t.at.space) {
                return Err(fail("outside of its space", t));
            }
            if t.at.space <= STATE + 3 && t.at.offset % LINE != 0 {
                return Err(fail("not aligned", t));
            }
        }
        for t in step.touches.iter().filter(|t| !t.write && t.words > 0) {
            let found =
                now.iter().any(|s| s.space == t.at.space && s.from <= t.at.offset && t.at.offset + t.words <= s.to && s.holds == t.holds);
            if !found {
                return Err(fail("reads what is not there", t));
            }
        }
        let writes: Vec<&Touch> = step.touches.iter().filter(|t| t.write && t.words > 0).collect();
        for (k, w) in writes.iter().enumerate() {
            if (INPUTS..INPUTS + plan.inputs.len() as u16).contains(&w.at.space) {
                return Err(fail("writes an input", w));
            }
            if let Some(other) = writes[..k].iter().find(|o| overlap(o, w)) {
                return Err(format!("{} and {:?}", fail("writes twice", w), other.at));
            }
            for r in step.touches.iter().filter(|r| !r.write && overlap(r, w)) {
                let together = r.at == w.at
                    && r.words == w.words
                    && (r.same_place || after_the_rows(&step.kernel) || read_before_all(&step.kernel, r.at));
                let whole = match &step.kernel {
                    Kernel::Move(_) | Kernel::Direct(_) | Kernel::Scan(_) => true,
                    Kernel::Conv(c) => c.epilogue().is_none(),
                    Kernel::Sums(s) => s.epilogue().is_none(),
                    Kernel::Tile(_) | Kernel::Dot(_) => false,
                };
                if !together || whole {
                    return Err(fail("overwrites what it reads", w));
                }
            }
        }
        for w in writes {
            now.retain(|s| s.space != w.at.space || s.to <= w.at.offset || w.at.offset + w.words <= s.from);
            if !matches!(w.holds, Holds::Temp(_)) {
                now.push(Stretch { space: w.at.space, from: w.at.offset, to: w.at.offset + w.words, holds: w.holds });
            }
        }
        let named = references(&step.kernel);
        let forgotten =
            step.touches.iter().find(|t| t.write && t.words > 0 && !matches!(t.holds, Holds::Temp(_)) && !named.contains(&t.at));
        if let Some(t) = forgotten {
            return Err(fail("declares a result that its kernel does not name", t));
        }
        for at in named {
            let declared =
                step.touches.iter().any(|t| t.at.space == at.space && t.at.offset <= at.offset && at.offset < t.at.offset + t.words.max(1));
            if !declared {
                return Err(format!("step {i}: its kernel touches {at:?}, which the step does not declare"));
            }
        }
    }
    for (i, o) in plan.outputs.iter().enumerate() {
        let own = |space: u16| plan.own_results && space >= INPUTS + plan.inputs.len() as u16;
        let there = now.iter().any(|s| {
            s.space == o.at.space && (o.at.space == ARENA || own(o.at.space)) && s.from == o.at.offset && s.to == o.at.offset + o.words
        });
        if !there && o.words > 0 {
            return Err(format!("result {i} is not there at the end"));
        }
    }
    Ok(())
}

fn overlap(a: &Touch, b: &Touch) -> bool {
    a.words > 0 && b.words > 0 && a.at.space == b.at.space && a.at.offset < b.at.offset + b.words && b.at.offset < a.at.offset + a.words
}

/// Whether a kernel writes some results only after all of its tasks are done.
fn after_the_rows(k: &Kernel) -> bool {
    matches!(k, Kernel::Tile(t) if !t.accs.is_empty())
}

/// Whether a kernel of one task reads a word as a scalar only, which happens before its first block.
fn read_before_all(k: &Kernel, at: BufRef) -> bool {
    let Kernel::Tile(t) = k else { return false };
    let p = &t.main;
    let in_blocks = |src: &Src| matches!(src, Src::Mem(m) | Src::Whole(m) if p.mems.get(*m as usize).is_none_or(|m| m.buf == at));
    t.cut.tasks() == 1
        && p.scalars.contains(&Scalar::Mem(at))
        && !p.instrs.iter().any(|i| i.src.iter().any(in_blocks))
        && !p.fills.iter().any(|f| f.buf == at)
}

fn space_words(plan: &Plan, state: &StateLayout, space: u16) -> usize {
    match space {
        ARENA => plan.arena_words,
        s if s < INPUTS => state.words(Role::ALL[(s - STATE) as usize]),
        s => {
            let at = (s - INPUTS) as usize;
            let result = || plan.outputs.get(at - plan.inputs.len()).filter(|_| plan.own_results);
            plan.inputs.get(at).map_or_else(|| result().map_or(0, |o| o.words), |i| i.ty.len())
        }
    }
}

/// Every place that a kernel's code names.
fn references(k: &Kernel) -> Vec<BufRef> {
    let mut out = Vec::new();
    let mut program = |p: &Program| {
        out.extend(p.mems.iter().map(|m| m.buf));
        out.extend(p.fills.iter().map(|f| f.buf));
        out.extend(p.scalars.iter().filter_map(|s| if let Scalar::Mem(b) = s { Some(*b) } else { None }));
    };
    match k {
        Kernel::Tile(t) => {
            program(&t.main);
            t.ends.iter().for_each(|e| program(&e.1));
            if Tile::partial_words(&t.cut, t.col_words, t.one_words) > 0 {
                out.push(t.partials);
            }
        }
        Kernel::Dot(d) => {
            match &d.epilogue {
                Some(p) => program(p),
                None => out.push(d.out),
            }
            out.extend([d.a, d.b]);
            out.extend(d.kept);
        }
        Kernel::Move(m) => {
            out.extend(m.zero.map(|z| z.0));
            out.extend(m.copies.iter().flat_map(|c| [c.from, c.to]));
        }
        Kernel::Conv(c) => {
            c.epilogue().into_iter().for_each(program);
            out.extend(c.places());
        }
        Kernel::Direct(d) => out.extend(d.places()),
        Kernel::Scan(s) => out.extend(s.places()),
        Kernel::Sums(s) => {
            s.epilogue().into_iter().for_each(program);
            out.extend(s.places());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::lower;
    use crate::simd::Isa;
    use adaline_graph::backend::CompileOptions;
    use adaline_graph::{Builder, StateStore, TensorType, fuse};

    /// `h = relu(x w)`, `y = h w`, `z = softmax(y) + h`, and `w` updated.
    fn plan() -> (Plan, StateStore) {
        let (b, mut store) = (Builder::new(), StateStore::new());
        let ty = TensorType::f32([8, 8]);
        let slot = store.add("w", Role::Trainable, ty);
        let (x, w) = (b.input("x", ty), b.state(slot, "w", ty));
        let h = x.matmul(w).relu();
        let y = h.matmul(w);
        b.output("z", y.softmax(-1) + h);
        b.update(slot, w - h.dot(y, true, false) * 0.1);
        let fused = fuse::fuse(&b.finish().unwrap(), &CompileOptions::default()).unwrap();
        let plan = lower(fused, store.layout(), &CompileOptions::default(), Isa::best()).unwrap();
        (plan, store)
    }

    fn broken(change: impl Fn(&mut Plan), expected: &str) {
        let (mut p, store) = plan();
        change(&mut p);
        let got = verify(&p, store.layout()).expect_err(expected);
        assert!(got.contains(expected), "{got}, expected: {expected}");
    }

    #[test]
    fn a_sound_plan_passes() {
        let (p, store) = plan();
        assert_eq!(verify(&p, store.layout()), Ok(()));
        assert!(p.steps.len() >= 3, "{}", p.report());
    }

    #[test]
    fn broken_plans_are_caught() {
        // A result is read before it is written.
        broken(|p| p.steps.swap(0, 1), "reads what is not there");
        // The weight is updated before its last reader.
        broken(
            |p| {
                let updates = |s: &crate::plan::Step| s.touches.iter().any(|t| t.write && t.at.space == STATE);
                let at = p.steps.iter().position(updates).unwrap();
                let step = p.steps.remove(at);
                let reader = p.steps.iter().rposition(|s| s.touches.iter().any(|t| !t.write && t.at.space == STATE)).unwrap();
                p.steps.insert(reader, step);
            },
            "reads what is not there",
        );
        // Two live buffers share words: everything the arena holds begins at 0.
        broken(|p| p.steps.iter_mut().flat_map(|s| &mut s.touches).filter(|t| t.at.space == ARENA).for_each(|t| t.at.offset = 0), "step");
        broken(|p| p.arena_words = 16, "outside of its space");
        broken(|p| p.steps[0].touches.iter_mut().filter(|t| t.write).for_each(|t| t.at.offset += 4), "not aligned");
        // The kernel itself goes astray.
        broken(
            |p| {
                for s in &mut p.steps {
                    if let Kernel::Dot(d) = &mut s.kernel {
                        d.a.offset += 4096;
                    }
                }
            },
            "does not declare",
        );
        broken(
            |p| {
                let step = p.steps.iter_mut().find(|s| matches!(s.kernel, Kernel::Tile(_))).unwrap();
                let at = BufRef { space: ARENA, offset: p.arena_words };
                p.arena_words += LINE;
                step.touches.push(Touch { at, words: 1, holds: Holds::Value(99), write: true, same_place: false });
            },
            "does not name",
        );
        broken(|p| p.outputs[0].at.offset += 16, "result 0 is not there");
    }
}
