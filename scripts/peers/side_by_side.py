"""Adaline and its peers on the same workloads, one after the other, several rounds; Markdown tables of medians: times, then memory.

    cargo build --release
    pip install jax optax numpy keras onnx onnxruntime
    python scripts/peers/side_by_side.py --data MNIST_FOLDER --rounds 3 --peers all
    python scripts/peers/side_by_side.py --only mlp512:128,cnn,infer-mlp128 --peers jax,burn,candle

`--peers all` are those that are installed, and Burn and Candle where they are built; named ones that are not installed are left out with
a note. Naming burn or candle builds both first (`cargo build --release` in scripts/peers/rust: ten minutes, once).

Everything runs on two threads. Each round runs every program once, so that a drift of the machine meets all of them. A run during
which other programs took more than 6 % of the processor time is marked; it counts only where a program has no quiet run. Whether a
program is faster than before needs many quiet rounds: look at the spread beside each median.
"""
import argparse, importlib.util, json, os, statistics, subprocess, sys, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
# Workload, batch, goal: our time over the fastest peer's.
TRAINING = [
    ("tiny", 10, 0.35), ("mlp128", 32, 0.75), ("mlp128", 128, 0.50), ("mlp512", 32, 0.60), ("mlp512", 128, 0.70), ("linreg", 1_000_000, 0.50),
    ("cnn", 128, 0.55), ("dlicnn", 32, 0.45), ("lstm", 32, 0.50), ("gru", 32, 0.15), ("simplernn", 32, 0.12), ("biglstm", 64, 0.80)]
INFERENCE = [("infer-mlp128", 1, 0.50), ("infer-mlp128", 1024, 1.00), ("infer-cnn", 1, 0.80), ("infer-cnn", 1024, None),
    ("infer-lstm", 1, 0.50), ("infer-lstm", 1024, None), ("infer-gru", 1, 0.50), ("infer-simplernn", 1, 0.50)]
MEMORY_GOAL = 0.50 # of the fastest peer's peak
DISTURBED = 0.06
# What each peer needs: modules of Python, or to be built.
MODULES = {
    "jax-scan": ["jax", "optax"], "jax": ["jax", "optax"], "numpy": ["numpy"], "onnxruntime": ["onnx", "onnxruntime"],
    "keras-jax": ["keras", "jax"], "keras-tf": ["keras", "tensorflow"], "keras-torch": ["keras", "torch"], "torch": ["torch"]}
RUST = ["burn", "candle"]
IN_RUST = {"tiny", "mlp128", "mlp512", "linreg", "cnn"}

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "adaline")
ap.add_argument("--peers", default="jax-scan,jax,numpy,onnxruntime", help="all, or some of " + ", ".join([*MODULES, *RUST]))
ap.add_argument("--data", type=Path, help="folder with MNIST's IDX files; random data of the same shape without it")
ap.add_argument("--rounds", type=int, default=3)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--only", help="workloads, as mlp512 or mlp512:128, with commas")
ap.add_argument("--steps", type=int, help="steps that adaline times [default: about two seconds' worth]")
ap.add_argument("--jsonl", type=Path, help="append every run to this file")
a = ap.parse_args()
if not a.binary.is_file():
    ap.error(f"{a.binary} does not exist: run `cargo build --release`, or say --binary")
only = a.only.split(",") if a.only else None
chosen = lambda cases: [c for c in cases if only is None or c[0] in only or f"{c[0]}:{c[1]}" in only]
training, inference = chosen(TRAINING), chosen(INFERENCE)
if not training + inference:
    ap.error(f"--only {a.only}: known are " + ", ".join(f"{w}:{b}" for w, b, _ in TRAINING + INFERENCE))

def rust_binary(name):
    return HERE / "rust" / "target" / "release" / name

def ready(peer, named):
    """Whether it can run here; says why not where somebody asked for it."""
    if peer in RUST:
        if named:
            # In its folder, so that its own .cargo/config.toml counts. It does nothing where nothing changed.
            subprocess.run(["cargo", "build", "--release"], cwd=HERE / "rust")
        why = None if rust_binary(peer).is_file() else "it is not built"
    else:
        missing = [m for m in MODULES[peer] if importlib.util.find_spec(m) is None]
        why = f"pip install {' '.join(missing)}" if missing else None
    if why and named:
        print(f"without {peer}: {why}", file=sys.stderr)
    return why is None

asked = [*MODULES, *RUST] if a.peers == "all" else a.peers.split(",")
for peer in asked:
    if peer not in MODULES and peer not in RUST:
        ap.error(f"--peers {peer}: known are " + ", ".join([*MODULES, *RUST]))
programs = ["adaline", *(p for p in asked if ready(p, a.peers != "all"))]

def fits(peer, workload):
    infer = workload.startswith("infer-")
    if peer in RUST:
        return workload.removeprefix("infer-") in IN_RUST
    if peer == "numpy":
        return workload == "linreg"
    return infer if peer == "onnxruntime" else not (infer and peer == "jax-scan")

def busy():
    """Processor seconds of all programs so far; None where the system does not tell."""
    try:
        v = [int(t) for t in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
        return (sum(v) - v[3] - v[4]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None

def children():
    t = os.times()
    return t.children_user + t.children_system

def run(command):
    """The program's JSON line, and the share of the processor that others took meanwhile."""
    before, own, begin = busy(), children(), time.time()
    done = subprocess.run(command, capture_output=True, text=True)
    after, wall = busy(), time.time() - begin
    others = None if before is None or after is None else max(0.0, after - before - (children() - own)) / (wall * (os.cpu_count() or 1))
    if done.returncode != 0:
        print(f"failed: {' '.join(map(str, command))}\n{done.stderr[-2000:]}", file=sys.stderr)
        return None
    told = json.loads(done.stdout.strip().splitlines()[-1])
    told["others"] = others
    if a.jsonl:
        with open(a.jsonl, "a") as f:
            f.write(json.dumps(told) + "\n")
    return told

def command(program, workload, batch):
    data = ["--data", a.data] if a.data and ("mlp" in workload or "cnn" in workload) else []
    threads = ["--threads", str(a.threads)]
    size = [] if workload.startswith("infer-") else ["--batch", str(batch)]
    if program == "adaline":
        steps = ["--steps", str(a.steps)] if a.steps and not workload.startswith("infer-") else []
        return [a.binary, "bench", workload, "--json", *size, *threads, *steps, *data]
    start = [rust_binary(program)] if program in RUST else [sys.executable, HERE / "bench.py", program]
    return [*start, workload, *size, *threads, *data]

jobs = [(w, b) for w, b, _ in training] + [(w, 0) for w in dict.fromkeys(w for w, _, _ in inference)]
runs, versions = {}, {}
for round_ in range(a.rounds):
    for workload, batch in jobs:
        for program in programs:
            if program != "adaline" and not fits(program, workload):
                continue
            told = run(command(program, workload, batch))
            said = "failed" if told is None else f"others {told['others'] or 0:.0%}"
            print(f"round {round_ + 1}/{a.rounds}: {program} {workload} {batch or ''} {said}", file=sys.stderr)
            if told is not None:
                runs.setdefault((program, workload, batch), []).append(told)
                versions[program] = told.get("version", "?")

def told_of(program, workload, batch):
    return runs.get((program, workload, 0 if workload.startswith("infer-") else batch), [])

def figure(program, workload, batch):
    """Median, least and greatest of the quiet runs in µs, and whether all were disturbed."""
    told = told_of(program, workload, batch)
    infer = workload.startswith("infer-")
    us = lambda t: t["step_us"] if not infer else t["b1_p50_us"] if batch == 1 else batch / t["b1024_samples_s"] * 1e6
    quiet = [t for t in told if t["others"] is None or t["others"] <= DISTURBED]
    values = [us(t) for t in quiet or told]
    return (statistics.median(values), min(values), max(values), not quiet) if values else None

def memory(program, workload, batch):
    """Median of the highest memory use in MB; neither other programs nor the machine change it much."""
    values = [t["rss_mb"] for t in told_of(program, workload, batch) if t.get("rss_mb")]
    return statistics.median(values) if values else None

def text(f):
    if f is None:
        return ""
    median, low, high, disturbed = f
    digits = 2 if median < 100 else 0
    return f"{median:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f}){' *' if disturbed else ''}"

def table(ratio_of, rows):
    print("| workload | batch | " + " | ".join(["adaline", *peers]) + f" | {ratio_of} | goal | |")
    print("|---" * (6 + len(peers)) + "|")
    for workload, batch, cells, ratio, goal in rows:
        verdict = "" if ratio is None or goal is None else "reached" if ratio <= goal else "open"
        ends = ["" if ratio is None else f"{ratio:.2f}", "" if goal is None else f"{goal:.2f}", verdict]
        print("| " + " | ".join([workload, f"{batch:,}", *cells, *ends]) + " |")

peers = [p for p in programs[1:] if any(key[0] == p for key in runs)]
cases = training + inference
times = {(w, b): {p: f for p in ["adaline", *peers] if (f := figure(p, w, b))} for w, b, _ in cases}
fastest = {case: min((p for p in known if p != "adaline"), key=lambda p: known[p][0], default=None) for case, known in times.items()}

def ratio(case, value):
    ours, theirs = value("adaline", *case), value(fastest[case], *case) if fastest[case] else None
    return ours / theirs if ours and theirs else None

median = lambda program, w, b: times[w, b][program][0] if program in times[w, b] else None
print(f"\n{a.rounds} rounds, {a.threads} threads, {'MNIST' if a.data else 'random data'}; µs per step or prediction: median (least–greatest); * all runs disturbed\n")
table("ratio to the fastest peer", [
    (w, b, [text(times[w, b].get(p)) for p in ["adaline", *peers]], ratio((w, b), median), goal) for w, b, goal in cases])
print("\nPeak memory of the process, MB; the data are in it.\n")
mb = lambda value: "" if value is None else f"{value:,.0f}"
once = list(dict.fromkeys((w, b) for w, b, _ in training)) + [(w, b) for w, b, _ in inference if b == 1]
table("ratio to the fastest peer", [(w, b, [mb(memory(p, w, b)) for p in ["adaline", *peers]], ratio((w, b), memory), MEMORY_GOAL) for w, b in once])
print("\n" + "; ".join(v if v.startswith(p) else f"{p} {v}" for p, v in versions.items()))
