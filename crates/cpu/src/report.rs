//! Plans for people: one line for each step.

use crate::fused::kernel;
use crate::fused::program::{ARENA, BufRef, INPUTS, STATE};
use crate::plan::{Holds, Kernel, Plan, Step};
use adaline_graph::backend::{PlanReport, StepReport};
use adaline_graph::fuse::{Fused, Kind, Region, Update};
use adaline_graph::{Role, SlotId};

/// Most names of operations shown in one line.
const MOST_NAMES: usize = 24;

/// Describes a plan.
pub(crate) fn plan(plan: &Plan) -> PlanReport {
    let fused = &plan.fused;
    let copied = fused.updates.iter().filter_map(|u| if let Update::Copy { slot, .. } = u { Some(*slot) } else { None });
    // The steps of the regions, then the copies.
    let (regions, copies) = plan.steps.split_at(fused.regions.len());
    let regions = fused.regions.iter().zip(regions).map(|(region, s)| step(plan, region, s));
    PlanReport {
        steps: regions.chain(copied.zip(copies).map(|(slot, s)| copy(plan, s, slot))).collect(),
        arena_bytes: 4 * plan.arena_words as u64,
        live_bytes: 4 * plan.live_words as u64,
        state_bytes: plan.slots.iter().map(|s| 4 * s.ty.len() as u64).sum(),
        input_bytes: plan.inputs.iter().map(|i| 4 * i.ty.len() as u64).sum(),
        notes: fused.notes.clone(),
    }
}

/// Describes a region's step.
fn step(plan: &Plan, region: &Region, step: &Step) -> StepReport {
    let fused = &plan.fused;
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
        (Kernel::Scan(s), _) => {
            let (steps, parts) = s.body.counts();
            let kernels: Vec<String> = s.body.plan().report().steps.iter().map(|s| s.kernel.clone()).collect();
            format!("scan {steps} steps, {parts} parts: {}", kernels.join("; "))
        }
        (_, Kind::Move(n) | Kind::Opaque(n) | Kind::Product(n)) => {
            let head = format!("{} {}", graph.node(n).op.name(), graph.ty(n).shape);
            let ops = if matches!(region.kind, Kind::Product(_)) { fused.ops(region) } else { Vec::new() };
            if ops.is_empty() { head } else { format!("{head} + {}", names(&ops)) }
        }
        _ => {
            let text = fused.summary(region);
            match text.split_once(": ") {
                Some((head, ops)) => format!("{head}: {}", names(&ops.split(' ').map(String::from).collect::<Vec<_>>())),
                None => text,
            }
        }
    };
    // The origin of the product, else of the first result: the layer whose work this mainly is.
    let about = region.product().or_else(|| region.outputs.first().copied()).or_else(|| region.members.first().map(|m| m.node));
    let origin = about.map_or("", |n| graph.origin_path(graph.node(n).origin));
    let outs: Vec<String> = region.outputs.iter().map(|n| graph.ty(*n).to_string()).collect();
    StepReport {
        origin: origin.into(),
        kernel,
        shapes: format!("{} -> {}", operands(fused, region), outs.join(" ")),
        read: bytes(step, false),
        written: bytes(step, true),
        flops: flops(&step.kernel),
        place: places(step, plan),
    }
}

/// Describes a copy into a slot.
fn copy(plan: &Plan, step: &Step, slot: SlotId) -> StepReport {
    let ty = plan.slots.iter().find(|s| s.slot == slot).map_or_else(String::new, |s| s.ty.to_string());
    StepReport {
        origin: String::new(),
        kernel: "copy".into(),
        shapes: format!("{ty} -> {ty}"),
        read: bytes(step, false),
        written: bytes(step, true),
        flops: 0,
        place: places(step, plan),
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
    // Of a table, the rows that are used.
    let used = |words: usize| match &step.kernel {
        Kernel::Direct(d) => d.used(words),
        Kernel::Sums(s) if words == s.results() => s.visited(),
        _ => words,
    };
    step.touches.iter().filter(|t| t.write == write && !matches!(t.holds, Holds::Temp(_))).map(|t| 4 * used(t.words) as u64).sum()
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
        Kernel::Conv(c) => c.flops() + c.epilogue().map_or(0, |p| kernel::flops_of(p, c.results(), c.results())),
        Kernel::Direct(d) => d.flops(),
        Kernel::Scan(s) => s.body.total(flops),
        Kernel::Sums(s) => s.flops() + s.epilogue().map_or(0, |p| kernel::flops_of(p, s.visited(), s.visited())),
    }
}

fn places(step: &Step, plan: &Plan) -> String {
    let all: Vec<String> =
        step.touches.iter().filter(|t| t.write && !matches!(t.holds, Holds::Temp(_))).map(|t| place(t.at, plan)).collect();
    all.join(", ")
}

/// A place by name: `arena+4096` (bytes), `state dense/kernel`, `input x`.
fn place(at: BufRef, plan: &Plan) -> String {
    if at.space == ARENA {
        return format!("arena+{}", 4 * at.offset);
    }
    if at.space >= INPUTS {
        let i = (at.space - INPUTS) as usize;
        return format!("input {}", plan.inputs.get(i).map_or("?", |d| d.name.as_str()));
    }
    let role = Role::ALL[(at.space - STATE) as usize];
    let slot = plan.slots.iter().find(|s| s.role == role && s.offset == at.offset);
    format!("state {}", slot.map_or("?", |s| s.name.as_str()))
}
