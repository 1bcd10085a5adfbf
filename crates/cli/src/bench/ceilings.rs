//! `adaline bench ceiling`: what the machine can do at most.

use super::rounded;
use crate::args::BenchArgs;
use crate::error::CliError;
use crate::terminal::print;
use adaline::cpu::ceiling::{Bandwidth, Caches, Ceiling, Level, measure_ceiling};
use adaline::report::tables::{Align, TextTable};
use serde_json::{Map, Value, json};

/// With one and with two threads, or with as many as asked.
pub(super) fn run(args: &BenchArgs) -> Result<(), CliError> {
    let counts = args.common.threads.map_or_else(|| vec![1, 2], |n| vec![usize::from(n)]);
    let all: Vec<Ceiling> = counts.into_iter().map(measure_ceiling).collect();
    if args.common.json {
        let all: Vec<Value> = all.iter().map(object).collect();
        return print(&format!("{}\n", json!({"framework": "adaline", "workload": "ceiling", "ceilings": all})));
    }
    print(&text(&all))
}

fn object(c: &Ceiling) -> Value {
    let mut out = Map::new();
    out.insert("threads".into(), c.threads.into());
    out.insert("isa".into(), format!("{:?}", c.isa).to_lowercase().into());
    out.insert("fma_gflops".into(), rounded(c.gflops_f32, 1));
    out.insert("bandwidth_gbs".into(), rounded(c.ram.triad_gbs, 1));
    for (name, b) in [("l1", Some(c.l1)), ("l2", Some(c.l2)), ("l3", c.l3), ("memory", Some(c.ram))] {
        out.insert(format!("{name}_gbs"), b.map_or(Value::Null, |b| rounded(b.triad_gbs, 1)));
        out.insert(format!("{name}_read_gbs"), b.map_or(Value::Null, |b| rounded(b.read_gbs, 1)));
    }
    let Caches { l1, l2, l3 } = c.caches;
    out.insert("l1_bytes".into(), l1.into());
    out.insert("l2_bytes".into(), l2.into());
    out.insert("l3_bytes".into(), l3.into());
    Value::Object(out)
}

fn text(all: &[Ceiling]) -> String {
    let levels = Level::ALL.map(|level| match level {
        Level::L1 => "L1 GB/s",
        Level::L2 => "L2 GB/s",
        Level::L3 => "L3 GB/s",
        Level::Ram => "memory GB/s",
    });
    let columns = ["threads", "FMA GFLOP/s"].into_iter().chain(levels);
    let mut table = TextTable::new(columns.map(|name| (name, Align::Right)));
    for c in all {
        let of = |b: Bandwidth| format!("{:.1} / {:.1}", b.triad_gbs, b.read_gbs);
        let rates = [Some(c.l1), Some(c.l2), c.l3, Some(c.ram)].map(|b| b.map_or_else(|| "–".into(), of));
        table.row([c.threads.to_string(), format!("{:.1}", c.gflops_f32)].into_iter().chain(rates));
    }
    let (isa, Caches { l1, l2, l3 }) = all.first().map_or_else(Default::default, |c| (format!("{:?}", c.isa).to_lowercase(), c.caches));
    format!(
        "{table}\nBandwidths: triad / reading only. f32, {isa}. Caches: L1 {} KiB and L2 {} KiB for each core, L3 {} KiB shared.\n",
        l1 >> 10,
        l2 >> 10,
        l3 >> 10
    )
}
