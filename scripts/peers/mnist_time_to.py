"""How long it takes to read 98 and 99 of 100 test pictures of MNIST: the cnn of `adaline bench` at batch 128, ours and Keras' in turn.

    cargo build --release -p adaline --example cnn_rust
    pip install keras jax numpy
    python scripts/peers/mnist_time_to.py MNIST_FOLDER [--seeds 1,2,3] [--epochs 20] [--peers keras-jax,keras-tf,keras-torch]

Both train until 99 % of the 10,000 test pictures are right and are tested after each epoch; the test's time is not counted, nor that of
starting, reading, and (Keras) importing; compiling is. The epoch at which a threshold is crossed is a matter of luck: give several seeds.
Everything runs on two threads; other programs disturb the times.
"""
import argparse, json, os, statistics, subprocess, sys, time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BACKENDS = dict([("keras-jax", "jax"), ("keras-tf", "tensorflow"), ("keras-torch", "torch")])
GOALS = [0.98, 0.99]

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("data", type=Path, help="folder with MNIST's four IDX files, not packed")
ap.add_argument("--binary", type=Path, default=HERE.parents[1] / "target" / "release" / "examples" / "cnn_rust")
ap.add_argument("--peers", default="keras-jax", help="some of " + ", ".join(BACKENDS))
ap.add_argument("--seeds", default="1,2,3")
ap.add_argument("--epochs", type=int, default=20)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--one", choices=BACKENDS, help=argparse.SUPPRESS) # one run of a peer, in a process of its own
a = ap.parse_args()
seeds = [int(s) for s in a.seeds.split(",")]

def keras_course(seed):
    """After each epoch the seconds of training so far and the test accuracy."""
    os.environ.update(KERAS_BACKEND=BACKENDS[a.one], JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    import keras, numpy as np
    from keras_peer import model
    from networks import idx, workload
    keras.utils.set_random_seed(seed)
    w = workload("cnn", 128, None, a.data)
    x = idx(a.data / "t10k-images-idx3-ubyte")[..., None].astype(np.float32) / 255
    y = idx(a.data / "t10k-labels-idx1-ubyte").astype(np.int32)
    m, course, spent = model(w), [], 0.0
    for _ in range(a.epochs):
        t = time.perf_counter()
        m.fit(w.x, w.y, batch_size=w.batch, epochs=1, verbose=0)
        spent += time.perf_counter() - t
        course.append((spent, float(m.evaluate(x, y, batch_size=500, verbose=0)[1])))
        if course[-1][1] >= GOALS[-1]:
            break
    return course

def run(command):
    return subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=on_few_cores).stdout

def on_few_cores():
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: a.threads])

def course_of(program, seed):
    if program == "adaline":
        lines = run([a.binary, a.data, str(a.epochs), str(seed)]).splitlines()[1:]
        return [(float(seconds), float(accuracy)) for _, seconds, accuracy in map(str.split, lines)]
    return json.loads(run([sys.executable, __file__, a.data, "--one", program, "--seeds", str(seed), "--epochs", str(a.epochs)]).splitlines()[-1])

if a.one:
    print(json.dumps(keras_course(seeds[0])))
    raise SystemExit
if not a.binary.is_file():
    ap.error(f"{a.binary} does not exist: run `cargo build --release -p adaline --example cnn_rust`")

print("| program | seed | " + " | ".join(f"{g:.0%} after" for g in GOALS) + " | a later epoch takes | test accuracy after each epoch |")
print("|---" * (4 + len(GOALS)) + "|")
for seed in seeds:
    for program in ["adaline", *a.peers.split(",")]:
        course = course_of(program, seed)
        reached = [next(((s, e) for e, (s, acc) in enumerate(course, 1) if acc >= goal), None) for goal in GOALS]
        cells = [f"{r[0]:.1f} s, epoch {r[1]}" if r else f"not in {len(course)}" for r in reached]
        later = [b[0] - a_[0] for a_, b in zip(course, course[1:])]
        each = f"{statistics.median(later):.1f} s" if later else ""
        print("| " + " | ".join([program, str(seed), *cells, each, " ".join(f"{acc:.4f}"[1:] for _, acc in course)]) + " |", flush=True)
