//! What the system says of this process and of others: memory and processor time. Linux only; elsewhere nothing is known.

use std::time::Instant;

/// Ticks per second of the times under `/proc`: 100 on every Linux (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Highest memory use so far, MB of 1024² bytes.
pub(super) fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kb: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some((kb / 1024.0 * 10.0).round() / 10.0)
}

/// Processor time of all and of this process at one moment.
pub(super) struct Processor {
    busy: Option<f64>,
    own: Option<f64>,
    at: Instant,
}

impl Processor {
    /// Now.
    pub(super) fn now() -> Self {
        Self { busy: busy_seconds(), own: own_seconds(), at: Instant::now() }
    }
    /// Share of the machine that other programs took since then.
    pub(super) fn others_since(&self) -> Option<f64> {
        let now = Self::now();
        let others = (now.busy? - self.busy?) - (now.own? - self.own?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let wall = (now.at - self.at).as_secs_f64() * cores;
        Some((others.max(0.0) / wall.max(1e-9) * 1000.0).round() / 1000.0)
    }
}

/// All columns but idle and waiting for disks.
fn busy_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let v: Vec<f64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    Some((v.iter().sum::<f64>() - v.get(3)? - v.get(4)?) / TICKS)
}

/// User and system time of this process.
fn own_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let fields: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS)
}
