"""GFLOP/s of the matrix products of small networks' training steps in NumPy (OpenBLAS) and, where installed, PyTorch (oneDNN, MKL):
yardsticks beside `cargo bench -p adaline-cpu --bench gemm`.

    pip install numpy            # torch is optional
    python scripts/peers/gemm.py [--threads 1] [--seconds 0.3] [--only mlp512]

Operands are warm, the result is written into the same array each time. The best of all runs counts, since other programs can only
take away. OpenBLAS reads its own environment variables, so those that choose its kernels are cleared first.
"""
import argparse, os, time

ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("--threads", type=int, default=1)
ap.add_argument("--seconds", type=float, default=0.3, help="for each product and library")
ap.add_argument("--only", default="", help="part of a line, such as mlp512 or b32")
a = ap.parse_args()
for v in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(v, None)
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[v] = str(a.threads)
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: a.threads])
import numpy as np
try:
    import torch
    torch.set_num_threads(a.threads)
except ImportError:
    torch = None

# The same as in crates/cpu/benches/gemm.rs.
NETWORKS = [("tiny", [10, 32, 2], [10]), ("mlp128", [784, 128, 10], [1, 32, 128, 1024]), ("mlp512", [784, 512, 512, 10], [1, 32, 128, 1024])]

def shapes():
    found = {}
    for net, widths, batches in NETWORKS:
        for b in batches:
            for at, (i, o) in enumerate(zip(widths, widths[1:])):
                found.setdefault((b, o, i, False, False), []).append(f"{net} b{b} forward {at}")
                if b > 1:
                    found.setdefault((i, o, b, True, False), []).append(f"{net} b{b} weights {at}")
                if at > 0:
                    found.setdefault((b, i, o, False, True), []).append(f"{net} b{b} input {at}")
    found.setdefault((1024, 1024, 1024, False, False), []).append("square")
    return found

def best(f):
    f()
    t = time.perf_counter()
    f()
    batch = max(1, int(20e-6 / max(time.perf_counter() - t, 1e-9)))
    least, end = float("inf"), time.perf_counter() + a.seconds
    while time.perf_counter() < end:
        t = time.perf_counter()
        for _ in range(batch):
            f()
        least = min(least, (time.perf_counter() - t) / batch)
    return least

rng = np.random.default_rng(0)
libraries = ["numpy"] + (["torch"] if torch else [])
print(f"{a.threads} threads, numpy {np.__version__}" + (f", torch {torch.__version__}" if torch else "") + "; GFLOP/s\n")
print("| m x n x k | " + " | ".join(libraries) + " | of |")
print("|---" * (2 + len(libraries)) + "|")
for (m, n, k, ta, tb), of in shapes().items():
    name, of = f"{m}{'ᵀ' if ta else ''}x{n}x{k}{'ᵀ' if tb else ''}", ", ".join(of)
    if a.only not in f"{name} {of}".replace("ᵀ", ""):
        continue
    x = rng.random((k, m) if ta else (m, k), dtype=np.float32)
    y = rng.random((n, k) if tb else (k, n), dtype=np.float32)
    c = np.empty((m, n), np.float32)
    xa, ya = x.T if ta else x, y.T if tb else y
    seconds = [best(lambda: np.matmul(xa, ya, out=c))]
    if torch:
        tx, ty, tc = torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(c)
        tx, ty = tx.T if ta else tx, ty.T if tb else ty
        seconds.append(best(lambda: torch.mm(tx, ty, out=tc)))
    print(f"| {name} | " + " | ".join(f"{2 * m * n * k / s / 1e9:.1f}" for s in seconds) + f" | {of} |")
