//! Plans for people: one line for each step.

use crate::fused::kernel;
use crate::fused::program::{ARENA, BufRef, INPUTS, STATE};
use crate::plan::{Holds, Kernel, Step};
use adaline_graph::backend::StepReport;
use adaline_graph::fuse::{Fused, Kind, Region};
use adaline_graph::{Role, SlotId, StateLayout};

/// Most names of operations shown in one line.
const MOST_NAMES: usize = 24;

/// Describes a region's step.
pub(crate) fn step(fused: &Fused, region: &Region, step: &Step, state: &StateLayout) -> StepReport {
    let graph = &fused.graph;
    let kernel = match (&step.kernel, region.kind) {
        (Kernel::Dot(d), _) => {
            let s = d.plan.spec();
            let stack = if d.batch == 1 { String::new() } else { format!("{}x ", d.batch) };
            let kind = if d.plan.is_bf16() { "gemm bf16" } else { "gemm" };
            let head = format!("{kind} {stack}{}x{}x{}", s.m, s.n, s.k);
            let ops = fused.ops(region);
            if ops.is_empty() { head } else { format!("{head} + {}", names(&ops)) }
        }
        (_, Kind::Move(n)) => format!("{} {}", graph.node(n).op.name(), graph.ty(n).shape),
        _ => {
            let text = fused.summary(region);
            match text.split_once(": ") {
                Some((head, ops)) => format!("{head}: {}", names(&ops.split(' ').map(String::from).collect::<Vec<_>>())),
                None => text,
            }
        }
    };
    // The origin of the product, else of the first result: the layer whose work this mainly is.
    let about = region.dot().or_else(|| region.outputs.first().copied()).or_else(|| region.members.first().map(|m| m.node));
    let origin = about.map_or("", |n| graph.origin_path(graph.node(n).origin));
    let outs: Vec<String> = region.outputs.iter().map(|n| graph.ty(*n).to_string()).collect();
    StepReport {
        origin: origin.into(),
        kernel,
        shapes: format!("{} -> {}", operands(fused, region), outs.join(" ")),
        read: bytes(step, false),
        written: bytes(step, true),
        flops: flops(&step.kernel),
        place: places(step, fused, state),
    }
}

/// Describes a copy into a slot.
pub(crate) fn copy(fused: &Fused, step: &Step, state: &StateLayout, slot: SlotId) -> StepReport {
    let ty = state.slot(slot).ty;
    StepReport {
        origin: String::new(),
        kernel: "copy".into(),
        shapes: format!("{ty} -> {ty}"),
        read: bytes(step, false),
        written: bytes(step, true),
        flops: 0,
        place: places(step, fused, state),
    }
}

fn names(ops: &[String]) -> String {
    if ops.len() <= MOST_NAMES {
        return ops.join(" ");
    }
    format!("{} … ({} more)", ops[..MOST_NAMES].join(" "), ops.len() - MOST_NAMES)
}

fn operands(fused: &Fused, region: &Region) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut seen = Vec::new();
    for m in &region.members {
        for e in fused.edges(region, m.node).unwrap_or_default() {
            if let adaline_graph::fuse::Edge::Load(v) = e
                && !seen.contains(&v.base)
            {
                seen.push(v.base);
                out.push(fused.graph.ty(v.base).to_string());
            }
        }
    }
    out.join(" ")
}

fn bytes(step: &Step, write: bool) -> u64 {
    step.touches.iter().filter(|t| t.write == write && !matches!(t.holds, Holds::Temp(_))).map(|t| 4 * t.words as u64).sum()
}

fn flops(k: &Kernel) -> u64 {
    match k {
        Kernel::Tile(t) => {
            let main = kernel::flops_of(&t.main, t.cut.rows * t.cut.cols, t.cut.rows);
            main + t.ends.iter().map(|(n, p)| kernel::flops_of(p, *n, *n)).sum::<u64>()
        }
        Kernel::Dot(d) => {
            let n = d.batch * d.plan.spec().m * d.plan.spec().n;
            d.batch as u64 * d.plan.flops() + d.epilogue.as_ref().map_or(0, |p| kernel::flops_of(p, n, n))
        }
        Kernel::Move(_) => 0,
    }
}

fn places(step: &Step, fused: &Fused, state: &StateLayout) -> String {
    let all: Vec<String> =
        step.touches.iter().filter(|t| t.write && !matches!(t.holds, Holds::Temp(_))).map(|t| place(t.at, fused, state)).collect();
    all.join(", ")
}

/// A place by name: `arena+4096` (bytes), `state dense/kernel`, `input x`.
pub(crate) fn place(at: BufRef, fused: &Fused, state: &StateLayout) -> String {
    if at.space == ARENA {
        return format!("arena+{}", 4 * at.offset);
    }
    if at.space >= INPUTS {
        let i = (at.space - INPUTS) as usize;
        return format!("input {}", fused.graph.inputs().get(i).map_or("?", |d| d.name.as_str()));
    }
    let role = Role::ALL[(at.space - STATE) as usize];
    let slot = state.iter().find(|(_, s)| s.role == role && s.offset == at.offset);
    format!("state {}", slot.map_or("?", |s| s.1.name.as_str()))
}
