"""Times Keras (on JAX or TensorFlow) and plain JAX on the workloads of `adaline bench`; one JSON line each, the same keys.

    pip install keras jax tensorflow-cpu optax numpy
    python scripts/peers/bench.py keras-jax|keras-tf|jax|jax-scan tiny|mlp128|mlp512|linreg [--batch N] [--data MNIST_FOLDER]

step_us is the median time of a training step: from batch to batch by a callback (Keras), blocking on each step (jax), or
epoch / steps where a whole epoch is one compiled loop (jax-scan).
"""
import argparse, json, os, struct, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument("framework", choices=["keras-jax", "keras-tf", "jax", "jax-scan"])
ap.add_argument("workload", choices=["tiny", "mlp128", "mlp512", "linreg"])
ap.add_argument("--batch", type=int)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--data", type=Path)
a = ap.parse_args()
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: a.threads])
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
    os.environ[v] = str(a.threads)
os.environ.update(KERAS_BACKEND="tensorflow" if a.framework == "keras-tf" else "jax", JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import numpy as np

rng = np.random.default_rng(0)
B = a.batch or dict(tiny=10, mlp128=32, mlp512=32, linreg=1_000_000)[a.workload]

def idx(path):
    b = path.read_bytes()
    dims = struct.unpack(">" + "I" * b[3], b[4 : 4 + 4 * b[3]])
    return np.frombuffer(b, np.uint8, offset=4 + 4 * b[3]).reshape(dims)

def data():
    if a.workload == "tiny":
        x = rng.standard_normal((2000, 10), dtype=np.float32)
        return x, (x @ rng.standard_normal(10) > 0).astype(np.int32), "synthetic"
    if a.workload == "linreg":
        x = rng.uniform(-1, 1, (1_000_000, 1)).astype(np.float32)
        return x, (3 * x + 2 + 0.1 * rng.standard_normal(x.shape)).astype(np.float32), "synthetic"
    if a.data:
        x = idx(a.data / "train-images-idx3-ubyte").reshape(-1, 784).astype(np.float32) / 255
        return x, idx(a.data / "train-labels-idx1-ubyte").astype(np.int32), "mnist"
    return rng.random((60000, 784), dtype=np.float32), rng.integers(0, 10, 60000).astype(np.int32), "synthetic"

X, Y, SOURCE = data()
WIDTHS = dict(tiny=[10, 32, 2], mlp128=[784, 128, 10], mlp512=[784, 512, 512, 10], linreg=[1, 1])[a.workload]
REGRESSION = a.workload == "linreg"
STEPS = 50 if REGRESSION else min(400, len(X) // B)

def keras_times():
    import keras
    layers = [keras.layers.Input((WIDTHS[0],))] + [keras.layers.Dense(w, activation="relu") for w in WIDTHS[1:-1]]
    layers.append(keras.layers.Dense(WIDTHS[-1], activation=None if REGRESSION else "softmax"))
    m = keras.Sequential(layers)
    opt = {"mlp512": "rmsprop", "linreg": keras.optimizers.SGD(0.1)}.get(a.workload, "adam")
    m.compile(optimizer=opt, loss="mse" if REGRESSION else "sparse_categorical_crossentropy", metrics=None if REGRESSION else ["accuracy"])
    times = []
    class Clock(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            times.append(time.perf_counter())
    n = len(X) if REGRESSION else STEPS * B
    m.fit(X[:n], Y[:n], batch_size=B, epochs=2, verbose=0)
    h = m.fit(X[:n], Y[:n], batch_size=B, epochs=STEPS if REGRESSION else 1, verbose=0, callbacks=[Clock()])
    return np.diff(times), h.history["loss"][-1], keras.__version__

def jax_times(scan):
    import jax, jax.numpy as jnp, optax
    params = []
    for i, o in zip(WIDTHS, WIDTHS[1:]):
        lim = (6 / (i + o)) ** 0.5
        params.append((jnp.asarray(rng.uniform(-lim, lim, (i, o)), jnp.float32), jnp.zeros(o)))
    opt = {"mlp512": optax.rmsprop(1e-3, 0.9, 1e-7), "linreg": optax.sgd(0.1)}.get(a.workload, optax.adam(1e-3, eps=1e-7))
    def loss(p, x, y):
        for w, b in p[:-1]:
            x = jax.nn.relu(x @ w + b)
        out = x @ p[-1][0] + p[-1][1]
        return ((out - y) ** 2).mean() if REGRESSION else optax.softmax_cross_entropy_with_integer_labels(out, y).mean()
    def step(carry, batch):
        p, s = carry
        l, g = jax.value_and_grad(loss)(p, *batch)
        u, s = opt.update(g, s, p)
        return (optax.apply_updates(p, u), s), l
    carry = (params, opt.init(params))
    n = len(X) // B
    if scan:
        @jax.jit
        def epoch(carry, x, y, order):
            return jax.lax.scan(lambda c, i: step(c, (x[i], y[i])), carry, order)
        x, y, times = jnp.asarray(X), jnp.asarray(Y), []
        for _ in range(5):
            order = jnp.asarray(rng.permutation(len(X))[: n * B].reshape(n, B))
            t = time.perf_counter()
            carry, l = epoch(carry, x, y, order)
            l.block_until_ready()
            times.append((time.perf_counter() - t) / n)
        return np.array(times[1:]), float(l.mean()), jax.__version__
    one, times = jax.jit(step), []
    for i in range(STEPS + 10):
        pick = slice(None) if REGRESSION else rng.integers(0, len(X), B)
        t = time.perf_counter()
        carry, l = one(carry, (X[pick], Y[pick]))
        l.block_until_ready()
        times.append(time.perf_counter() - t)
    return np.array(times[10:]), float(l), jax.__version__

t, final, version = keras_times() if a.framework.startswith("keras") else jax_times(a.framework == "jax-scan")
us = np.sort(t) * 1e6
print(json.dumps(dict(framework=a.framework, workload=a.workload, batch=B, threads=a.threads, rows=len(X), data=SOURCE, version=version,
                      step_us=round(float(np.median(us)), 2), step_us_p10=round(float(np.percentile(us, 10)), 2),
                      step_us_p90=round(float(np.percentile(us, 90)), 2), steps_timed=len(us), loss=round(float(final), 5))))
