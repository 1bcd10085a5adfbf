//! The figures of `bench` for people.

use super::start::PARTS;
use adaline::report::number::{grouped, percent, short};
use adaline::report::tables::{Align, TextTable};
use serde_json::{Map, Value};

type Figures = Map<String, Value>;

fn number(figures: &Figures, key: &str) -> Option<f64> {
    figures.get(key)?.as_f64()
}

fn word<'a>(figures: &'a Figures, key: &str) -> &'a str {
    figures.get(key).and_then(Value::as_str).unwrap_or("?")
}

fn count(figures: &Figures, key: &str) -> String {
    figures.get(key).and_then(Value::as_u64).map_or_else(|| "?".into(), grouped)
}

/// Microseconds, or milliseconds from ten on.
fn time(us: f64) -> String {
    if us < 10_000.0 { format!("{} µs", short(us)) } else { format!("{} ms", short(us / 1e3)) }
}

/// `23.9 k`, `108.9 M`.
fn large(value: f64) -> String {
    match value {
        v if v < 1e3 => short(v),
        v if v < 1e6 => format!("{:.1} k", v / 1e3),
        v if v < 1e9 => format!("{:.1} M", v / 1e6),
        v => format!("{:.1} G", v / 1e9),
    }
}

fn heading(f: &Figures) -> String {
    let threads = count(f, "threads");
    let dtype = word(f, "dtype");
    format!(
        "{}: batches of {} from {} rows ({}), {threads} {}, {}{}\n\n",
        word(f, "workload"),
        count(f, "batch"),
        count(f, "rows"),
        word(f, "data"),
        if threads == "1" { "thread" } else { "threads" },
        word(f, "isa"),
        if dtype == "mixed_bfloat16" { format!(", {dtype}") } else { String::new() }
    )
}

/// Times of steps beside their floor, or times of predictions.
pub(super) fn text(f: &Figures) -> String {
    let mut table = TextTable::new([("", Align::Left), ("", Align::Right), ("", Align::Left)]);
    let mut line = |name: &str, value: String, remark: String| {
        table.row([name.to_owned(), value, remark]);
    };
    let n = |key| number(f, key);
    if let (Some(step), Some(p10), Some(p90)) = (n("step_us"), n("step_us_p10"), n("step_us_p90")) {
        let how = if word(f, "step_timed_by") == "steps" { "timed one by one" } else { "timed by epochs" };
        line("step", time(step), format!("p10 {}, p90 {}; {} steps {how}", time(p10), time(p90), count(f, "steps_timed")));
    }
    if let (Some(flops), Some(us), Some(peak)) = (n("flops"), n("floor_flops_us"), n("peak_gflops")) {
        line("flops", large(flops), format!("{} at {} GFLOP/s", time(us), short(peak)));
    }
    if let (Some(bytes), Some(us), Some(rate), Some(all)) = (n("bytes"), n("floor_bytes_us"), n("bandwidth_gbs"), n("resident_bytes")) {
        let level = match word(f, "floor_bandwidth") {
            "memory" => "memory".to_owned(),
            cache => cache.to_uppercase(),
        };
        line(
            "bytes",
            large(bytes),
            format!("{} at {} GB/s of {level}, which holds the step's {} bytes", time(us), short(rate), large(all)),
        );
    }
    if let (Some(floor), Some(share)) = (n("floor_us"), n("share")) {
        line("floor", time(floor), "the larger of the two".into());
        line("share of the floor", percent(share), String::new());
    }
    if let Some(us) = n("b1_p50_us") {
        line("one row", time(us), n("b1_p90_us").map_or_else(String::new, |p| format!("p90 {}", time(p))));
    }
    if let Some(rate) = n("b1024_samples_s") {
        line("1,024 rows", format!("{} rows/s", grouped(rate as u64)), String::new());
    }
    if let Some(seconds) = n("epoch_s") {
        let ratio = n("fit_over_steps").map_or_else(String::new, |r| format!("{} of steps x step time", short(r)));
        line("epoch", time(seconds * 1e6), ratio);
    }
    if let Some(seconds) = n("t_first_step_s") {
        line("first step", time(seconds * 1e6), "after the program began, its data included".into());
    }
    if let Some(peak) = n("rss_mb") {
        let data = n("data_mb").map_or_else(String::new, |d| format!("{} MB of data and {} MB beside it", short(d), short(peak - d)));
        line("memory at most", format!("{} MB", short(peak)), data);
    }
    if let Some(share) = n("other_cpu_frac") {
        let warning = if share > DISTURBED { "the times are disturbed" } else { "" };
        line("other programs", percent(share), warning.into());
    }
    format!("{}{}", heading(f), body(&table))
}

/// What a mere run ended with.
pub(super) fn ran(f: &Figures) -> String {
    format!("{}{} steps, loss {}\n", heading(f), count(f, "steps"), number(f, "loss").map_or_else(|| "?".into(), short))
}

/// From this share of the machine on other programs are felt.
const DISTURBED: f64 = 0.06;

/// The table of the time until the first step is over.
pub(super) fn start(f: &Figures) -> String {
    let mut table = TextTable::new([("part", Align::Left), ("µs", Align::Right), ("what", Align::Left)]);
    let parts = f.get("parts_us").and_then(Value::as_object);
    for (key, what) in PARTS {
        let us = parts.and_then(|p| p.get(key)).and_then(Value::as_f64).unwrap_or(0.0);
        table.row([key.replace('_', " "), format!("{us:.0}"), what.to_owned()]);
    }
    let total = |key| format!("{:.0}", number(f, key).unwrap_or(f64::NAN));
    table.gap();
    table.row(["in all".to_owned(), total("start_us"), "from the beginning of main to the end of the first step".to_owned()]);
    table.row(["without data".to_owned(), total("start_without_data_us"), String::new()]);
    format!("{}{table}", heading(f))
}

/// A table without its header.
fn body(table: &TextTable) -> String {
    table.to_string().lines().skip(2).fold(String::new(), |text, line| text + line.trim_end() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_become_lines() {
        let f = json!({
            "workload": "tiny", "batch": 10, "rows": 2000, "data": "synthetic", "threads": 2, "isa": "avx2", "step_us": 4.0,
            "step_us_p10": 3.5, "step_us_p90": 5.0, "steps_timed": 4000, "step_timed_by": "epochs", "flops": 23969, "bytes": 22264,
            "floor_flops_us": 0.1, "floor_bytes_us": 0.2, "floor_us": 0.2, "floor_bandwidth": "l1", "peak_gflops": 235.0,
            "bandwidth_gbs": 111.0, "resident_bytes": 15000, "share": 0.05, "rss_mb": 7.0, "data_mb": 0.1, "other_cpu_frac": 0.5
        });
        let text = text(f.as_object().unwrap());
        for part in [
            "tiny: batches of 10 from 2,000 rows (synthetic), 2 threads, avx2\n\nstep ",
            "4 µs",
            "4,000 steps timed by epochs",
            "0.1 µs at 235 GFLOP/s",
            "0.2 µs at 111 GB/s of L1, which holds the step's 15.0 k bytes",
            "5 %",
            "disturbed",
        ] {
            assert!(text.contains(part), "{part:?} in\n{text}");
        }
    }
}
