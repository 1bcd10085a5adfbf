"""Times Keras (on JAX or TensorFlow), plain JAX, NumPy and ONNX Runtime on the workloads of `adaline bench`; one JSON line each, the
same keys.

    pip install keras jax tensorflow-cpu optax numpy onnx onnxruntime
    python scripts/peers/bench.py keras-jax|keras-tf|jax|jax-scan tiny|mlp128|mlp512|linreg [--batch N] [--data MNIST_FOLDER]
    python scripts/peers/bench.py numpy linreg
    python scripts/peers/bench.py onnxruntime infer-mlp128|infer-mlp512

Only what the chosen framework needs must be installed.

step_us is the median time of a training step: from batch to batch by a callback (Keras), blocking on each step (jax), or
epoch / steps where a whole epoch is one compiled loop (jax-scan). numpy is the faster of two ways to write the step: as one would,
and with buffers made once and BLAS' dot for the sums. b1_p50_us and b1024_samples_s are the time of one row and rows per second of
1024 at once.
"""
import argparse, json, os, struct, time
from pathlib import Path

ap = argparse.ArgumentParser()
ap.add_argument("framework", choices=["keras-jax", "keras-tf", "jax", "jax-scan", "numpy", "onnxruntime"])
ap.add_argument("workload", choices=["tiny", "mlp128", "mlp512", "linreg", "infer-mlp128", "infer-mlp512"])
ap.add_argument("--batch", type=int)
ap.add_argument("--threads", type=int, default=2)
ap.add_argument("--data", type=Path)
a = ap.parse_args()
INFER = a.workload.startswith("infer-")
BASE = a.workload.removeprefix("infer-")
if INFER != (a.framework == "onnxruntime") or (a.framework == "numpy" and a.workload != "linreg"):
    ap.error(f"{a.framework} is not timed on {a.workload}")
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: a.threads])
for v in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "NPROC"):
    os.environ[v] = str(a.threads)
os.environ.update(KERAS_BACKEND="tensorflow" if a.framework == "keras-tf" else "jax", JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import numpy as np

rng = np.random.default_rng(0)
now = time.perf_counter
B = a.batch or dict(tiny=10, mlp128=32, mlp512=32, linreg=1_000_000)[BASE]

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
    return rng.random((4096 if INFER else 60000, 784), dtype=np.float32), rng.integers(0, 10, 60000).astype(np.int32), "synthetic"

X, Y, SOURCE = data()
WIDTHS = dict(tiny=[10, 32, 2], mlp128=[784, 128, 10], mlp512=[784, 512, 512, 10], linreg=[1, 1])[BASE]
REGRESSION = BASE == "linreg"
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

def numpy_times():
    x, y = np.ascontiguousarray(X[:, 0]), np.ascontiguousarray(Y[:, 0])
    n, rate = np.float32(len(x)), np.float32(0.2)
    e = np.empty_like(x)
    def plain(w, b):
        error = w * x + b - y
        loss = (error * error).mean()
        return w - rate * (error * x).mean(), b - rate * error.mean(), loss
    def in_place(w, b):
        np.multiply(x, w, out=e)
        np.add(e, b, out=e)
        np.subtract(e, y, out=e)
        loss = np.dot(e, e) / n
        return w - rate * np.dot(e, x) / n, b - rate * e.sum() / n, loss
    best = None
    for step in (plain, in_place):
        w = b = np.float32(0)
        times = []
        for _ in range(STEPS + 5):
            t = now()
            w, b, loss = step(w, b)
            times.append(now() - t)
        if best is None or np.median(times[5:]) < np.median(best[0]):
            best = np.array(times[5:]), float(loss)
    return best[0], best[1], np.__version__

def onnx_model():
    """The network of the workload with random weights, made without a framework."""
    from onnx import TensorProto, helper, numpy_helper
    nodes, weights, x = [], [], "x"
    for at, (i, o) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        lim = (6 / (i + o)) ** 0.5
        weights += [numpy_helper.from_array(rng.uniform(-lim, lim, (i, o)).astype(np.float32), f"w{at}"), numpy_helper.from_array(np.zeros(o, np.float32), f"b{at}")]
        last = at == len(WIDTHS) - 2
        nodes.append(helper.make_node("Gemm", [x, f"w{at}", f"b{at}"], [f"s{at}"]))
        nodes.append(helper.make_node("Softmax" if last else "Relu", [f"s{at}"], [x := "y" if last else f"h{at}"], **(dict(axis=-1) if last else {})))
    info = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", width])
    graph = helper.make_graph(nodes, a.workload, [info("x", WIDTHS[0])], [info("y", WIDTHS[-1])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()

def onnx_figures():
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = a.threads
    session = ort.InferenceSession(onnx_model(), options, providers=["CPUExecutionProvider"])
    def times(rows, most, seconds):
        x = np.ascontiguousarray(X[:rows])
        for _ in range(20 if rows == 1 else 2):
            session.run(None, {"x": x})
        out, end = [], now() + seconds
        while len(out) < most and now() < end:
            t = now()
            session.run(None, {"x": x})
            out.append(now() - t)
        return np.array(out)
    one, many = times(1, 3000, 2.5) * 1e6, times(1024, 60, 2)
    return dict(b1_p50_us=round(float(np.median(one)), 1), b1_p90_us=round(float(np.percentile(one, 90)), 1), b1024_samples_s=round(1024 / float(np.median(many)), 1)), ort.__version__

if INFER:
    figures, version = onnx_figures()
    print(json.dumps(dict(framework=a.framework, workload=a.workload, threads=a.threads, rows=len(X), data=SOURCE, version=version, **figures)))
    raise SystemExit
times = numpy_times if a.framework == "numpy" else keras_times if a.framework.startswith("keras") else lambda: jax_times(a.framework == "jax-scan")
t, final, version = times()
us = np.sort(t) * 1e6
print(json.dumps(dict(framework=a.framework, workload=a.workload, batch=B, threads=a.threads, rows=len(X), data=SOURCE, version=version,
                      step_us=round(float(np.median(us)), 2), step_us_p10=round(float(np.percentile(us, 10)), 2),
                      step_us_p90=round(float(np.percentile(us, 90)), 2), steps_timed=len(us), loss=round(float(final), 5))))
