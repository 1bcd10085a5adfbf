"""Times Keras (on JAX, TensorFlow or PyTorch), plain JAX, PyTorch, NumPy and ONNX Runtime on the workloads of `adaline bench`; one JSON
line each, the same keys.

    pip install keras jax optax numpy onnx onnxruntime tensorflow-cpu torch
    python scripts/peers/bench.py keras-jax|keras-tf|keras-torch|jax|jax-scan|torch WORKLOAD [--batch N] [--rows N] [--data MNIST_FOLDER]
    python scripts/peers/bench.py numpy linreg
    python scripts/peers/bench.py onnxruntime infer-mlp128|infer-mlp512|infer-cnn|infer-dlicnn

WORKLOAD is tiny, mlp128, mlp512, linreg, cnn, dlicnn, or infer-mlp128 and so on. Only what the chosen framework needs must be installed.

step_us is the median time of a training step: from batch to batch by a callback (Keras), blocking on each step (jax, torch), or
time / steps where many steps are one compiled loop (jax-scan). b1_p50_us and b1024_samples_s are the time of one row and rows per second
of 1024 at once. rss_mb is the highest memory use of the process, the interpreter, its libraries and the data (data_mb) included.
"""
import argparse, json, os
from networks import WORKLOADS, workload
from pathlib import Path

BACKENDS = dict([("keras-jax", "jax"), ("keras-tf", "tensorflow"), ("keras-torch", "torch")])
ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
ap.add_argument("framework", choices=[*BACKENDS, "jax", "jax-scan", "torch", "numpy", "onnxruntime"])
ap.add_argument("workload", choices=WORKLOADS)
ap.add_argument("--batch", type=int)
ap.add_argument("--rows", type=int)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--data", type=Path)
a = ap.parse_args()
INFER = a.workload.startswith("infer-")
if (INFER and a.framework in ("jax-scan", "numpy")) or (not INFER and a.framework == "onnxruntime") or (a.framework == "numpy" and a.workload != "linreg"):
    ap.error(f"{a.framework} is not timed on {a.workload}")
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: a.threads])
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
    os.environ[v] = str(a.threads)
os.environ.update(KERAS_BACKEND=BACKENDS.get(a.framework, "jax"), JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")

from clock import peak_memory_mb, step_figures

w = workload(a.workload, a.batch, a.rows, a.data)
if a.framework in BACKENDS:
    import keras_peer as peer
    times = peer.inference if INFER else peer.training
elif a.framework in ("jax", "jax-scan"):
    import jax_peer as peer
    times = peer.inference if INFER else lambda w: peer.training(w, a.framework == "jax-scan")
elif a.framework == "torch":
    import torch_peer as peer
    peer.torch.set_num_threads(a.threads)
    times = peer.inference if INFER else peer.training
elif a.framework == "numpy":
    import numpy_peer as peer
    times = peer.training
else:
    import onnx_peer as peer
    times = lambda w: peer.inference(w, a.threads)
figures = times(w) if INFER else step_figures(*times(w))
print(json.dumps(dict(framework=a.framework, workload=a.workload, batch=w.batch, threads=a.threads, rows=w.rows, data=w.source, version=peer.VERSION,
                      **figures, rss_mb=peak_memory_mb(), data_mb=round((w.x.nbytes + w.y.nbytes) / 2**20, 1))))
