//! Steps as a user's training loop makes them, each with the copy of its shuffled rows into a batch, and predictions.

use crate::data::{Data, Random, Targets};
use crate::{Labels, Network, Peer, Task};
use std::time::Instant;

/// Steps before the clock runs, and how long it runs.
const WARM: usize = 10;
const SECONDS: f64 = 2.0;
const FEWEST: usize = 20;
const MOST: usize = 100_000;

/// The JSON line, with the keys of `adaline bench`.
pub(crate) fn time<P: Peer>(framework: &str, version: &str, task: &Task, make: impl FnOnce() -> P) -> Result<String, String> {
    let data = Data::of(task)?;
    let data_mb = (4 * (data.x.len() + data.rows)) as f64 / f64::from(1 << 20);
    let mut peer = make();
    let figures = if task.infer { predictions(&mut peer, &data) } else { training(&mut peer, &data, task) };
    let rss = peak_memory_mb().map_or_else(|| "null".into(), |mb| format!("{mb:.1}"));
    Ok(format!(
        "{{\"framework\": \"{framework}\", \"workload\": \"{}\", \"batch\": {}, \"threads\": {}, \"rows\": {}, \"data\": \"{}\", \
         \"version\": \"{version}\", {figures}, \"rss_mb\": {rss}, \"data_mb\": {data_mb:.1}}}",
        task.workload, task.batch, task.threads, data.rows, data.source
    ))
}

fn training<P: Peer>(peer: &mut P, data: &Data, task: &Task) -> String {
    let mut steps: Box<dyn FnMut() -> f32> = if task.network == Network::Linreg {
        let whole = peer.batch(&data.x, data.y.all(), data.rows);
        Box::new(move || peer.step(&whole))
    } else {
        let mut batches = Batches::new(data, task);
        Box::new(move || {
            let rows = batches.next();
            let batch = peer.batch(&batches.x, batches.y.all(), rows);
            peer.step(&batch)
        })
    };
    if let Some(n) = task.run {
        let sum: f64 = (0..n).map(|_| f64::from(steps())).sum();
        return format!("\"steps\": {n}, \"loss\": {:.5}", sum / n as f64);
    }
    for _ in 0..WARM {
        steps();
    }
    let (begin, mut each, mut loss) = (Instant::now(), Vec::new(), 0.0);
    while each.len() < FEWEST || (each.len() < MOST && begin.elapsed().as_secs_f64() < SECONDS) {
        let step = Instant::now();
        loss += f64::from(steps());
        each.push(step.elapsed().as_secs_f64());
    }
    let (count, us) = (each.len(), percentiles(each));
    format!(
        "\"step_us\": {:.2}, \"step_us_p10\": {:.2}, \"step_us_p90\": {:.2}, \"steps_timed\": {count}, \"loss\": {:.5}",
        us(0.5),
        us(0.1),
        us(0.9),
        loss / count as f64
    )
}

fn predictions<P: Peer>(peer: &mut P, data: &Data) -> String {
    peer.freeze();
    let row = data.x.len() / data.rows;
    let times = |rows: usize, most: usize, seconds: f64| {
        let x = &data.x[..rows * row];
        (0..if rows == 1 { 20 } else { 2 }).for_each(|_| drop(peer.predict(x, rows)));
        let (begin, mut each) = (Instant::now(), Vec::new());
        while each.is_empty() || (each.len() < most && begin.elapsed().as_secs_f64() < seconds) {
            let one = Instant::now();
            std::hint::black_box(peer.predict(x, rows));
            each.push(one.elapsed().as_secs_f64());
        }
        each
    };
    let many = data.rows.min(1024);
    let (one, all) = (percentiles(times(1, 3000, 2.5)), percentiles(times(many, 60, 2.0)));
    let rate = many as f64 / all(0.5) * 1e6;
    format!("\"b1_p50_us\": {:.1}, \"b1_p90_us\": {:.1}, \"b1024_samples_s\": {rate:.1}", one(0.5), one(0.9))
}

/// Batches of shuffled rows, the last of an epoch left out.
struct Batches<'a> {
    data: &'a Data,
    order: Vec<usize>,
    random: Random,
    at: usize,
    rows: usize,
    row: usize,
    x: Vec<f32>,
    y: Targets,
}

impl<'a> Batches<'a> {
    fn new(data: &'a Data, task: &Task) -> Self {
        let y = match data.y {
            Targets::Classes(_) => Targets::Classes(Vec::new()),
            Targets::Values(_) => Targets::Values(Vec::new()),
        };
        let order = (0..data.rows).collect();
        let rows = task.batch.min(data.rows);
        Self { data, order, random: Random(2), at: usize::MAX, rows, row: task.network.row_len(), x: Vec::new(), y }
    }
    /// Copies the next one; gives its rows.
    fn next(&mut self) -> usize {
        if self.at.saturating_add(self.rows) > self.order.len() {
            self.random.shuffle(&mut self.order);
            self.at = 0;
        }
        let picked = &self.order[self.at..self.at + self.rows];
        self.at += self.rows;
        self.x.clear();
        for &r in picked {
            self.x.extend_from_slice(&self.data.x[r * self.row..(r + 1) * self.row]);
        }
        match (&mut self.y, self.data.y.all()) {
            (Targets::Classes(out), Labels::Classes(y)) => {
                out.clear();
                out.extend(picked.iter().map(|&r| y[r]));
            }
            (Targets::Values(out), Labels::Values(y)) => {
                out.clear();
                out.extend(picked.iter().map(|&r| y[r]));
            }
            _ => unreachable!("both are made from the same data"),
        }
        self.rows
    }
}

/// Values below which a share of the times lies, in µs, between neighbours as `numpy.percentile` has them.
fn percentiles(mut seconds: Vec<f64>) -> impl Fn(f64) -> f64 {
    seconds.sort_unstable_by(f64::total_cmp);
    move |share| {
        let at = share * (seconds.len() - 1) as f64;
        let (low, high) = (at.floor() as usize, at.ceil() as usize);
        1e6 * (seconds[low] + (seconds[high] - seconds[low]) * (at - low as f64))
    }
}

/// Highest memory use so far, MB of 1024² bytes; Linux only.
fn peak_memory_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}
