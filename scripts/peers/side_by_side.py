"""Adaline and its peers on the same workloads, one after the other, several rounds; a Markdown table of medians.

    cargo build --release
    pip install jax optax numpy keras onnx onnxruntime
    python scripts/peers/side_by_side.py [--data MNIST_FOLDER] [--rounds 3] [--peers jax-scan,numpy,onnxruntime]
    python scripts/peers/side_by_side.py --only mlp512:128,infer-mlp128

Everything runs on two threads. Each round runs every program once, so that a drift of the machine meets all of them. A run during
which other programs took more than 6 % of the processor time is marked; it counts only where a program has no quiet run. Whether a
program is faster than before needs many quiet rounds: look at the spread beside each median.
"""
import argparse, json, os, statistics, subprocess, sys, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).resolve().parent / "bench.py"
# Workload, batch, goal: our time over the fastest peer's.
TRAINING = [("tiny", 10, 0.35), ("mlp128", 32, 0.75), ("mlp128", 128, 0.50), ("mlp512", 32, 0.60), ("mlp512", 128, 0.70), ("linreg", 1_000_000, 0.50)]
INFERENCE = [("infer-mlp128", 1, 0.50), ("infer-mlp128", 1024, 1.00)]
DISTURBED = 0.06

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "adaline")
ap.add_argument("--peers", default="jax-scan,numpy,onnxruntime", help="also jax, keras-jax, keras-tf")
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

def fits(peer, workload):
    if peer == "onnxruntime" or workload.startswith("infer-"):
        return peer == "onnxruntime" and workload.startswith("infer-")
    return peer != "numpy" or workload == "linreg"

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
    data = ["--data", a.data] if a.data and "mlp" in workload else []
    threads = ["--threads", str(a.threads)]
    size = [] if workload.startswith("infer-") else ["--batch", str(batch)]
    if program == "adaline":
        steps = ["--steps", str(a.steps)] if a.steps and not workload.startswith("infer-") else []
        return [a.binary, "bench", workload, "--json", *size, *threads, *steps, *data]
    return [sys.executable, PEERS, program, workload, *size, *threads, *data]

programs = ["adaline", *a.peers.split(",")]
jobs = [(w, b) for w, b, _ in training] + [(w, 0) for w in dict.fromkeys(w for w, _, _ in inference)]
runs, versions = {}, {}
for round_ in range(a.rounds):
    for workload, batch in jobs:
        for program in programs:
            if program != "adaline" and not fits(program, workload):
                continue
            told = run(command(program, workload, batch))
            print(f"round {round_ + 1}/{a.rounds}: {program} {workload} {batch or ''} " + ("failed" if told is None else f"others {told['others']}"), file=sys.stderr)
            if told is not None:
                runs.setdefault((program, workload, batch), []).append(told)
                versions[program] = told.get("version", "?")

def figure(program, workload, batch):
    """Median, least and greatest of the quiet runs in µs, and whether all were disturbed."""
    infer = workload.startswith("infer-")
    told = runs.get((program, workload, 0 if infer else batch), [])
    us = lambda t: t["step_us"] if not infer else t["b1_p50_us"] if batch == 1 else batch / t["b1024_samples_s"] * 1e6
    quiet = [t for t in told if t["others"] is None or t["others"] <= DISTURBED]
    values = [us(t) for t in quiet or told]
    return (statistics.median(values), min(values), max(values), not quiet) if values else None

def text(f):
    if f is None:
        return ""
    median, low, high, disturbed = f
    digits = 2 if median < 100 else 0
    return f"{median:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f}){' *' if disturbed else ''}"

peers = [p for p in programs[1:] if any(key[0] == p for key in runs)]
print(f"\n{a.rounds} rounds, {a.threads} threads, {'MNIST' if a.data else 'random data'}; µs per step or prediction: median (least–greatest); * all runs disturbed\n")
print("| workload | batch | " + " | ".join(["adaline", *peers]) + " | ratio to the fastest peer | goal | |")
print("|---" * (6 + len(peers)) + "|")
for workload, batch, goal in training + inference:
    ours = figure("adaline", workload, batch)
    theirs = {p: figure(p, workload, batch) for p in peers}
    times = [f[0] for f in theirs.values() if f]
    ratio = ours[0] / min(times) if ours and times else None
    verdict = "" if ratio is None else "reached" if ratio <= goal else "open"
    cells = [workload, f"{batch:,}", text(ours), *map(text, theirs.values()), "" if ratio is None else f"{ratio:.2f}", f"{goal:.2f}", verdict]
    print("| " + " | ".join(cells) + " |")
print("\n" + "; ".join(v if v.startswith(p) else f"{p} {v}" for p, v in versions.items()))
