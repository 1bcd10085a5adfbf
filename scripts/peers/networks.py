"""The networks that the peers are timed on, described once, and their data. They are those of `adaline bench`."""
import struct
from types import SimpleNamespace
from pathlib import Path
import numpy as np

# Layers: ("dense", units), ("conv", filters, padding) of 3 x 3, ("pool", padding) by the maximum of 2 x 2, ("norm",) over the
# last axis, ("relu",), ("dropout", rate), ("flatten",), ("lstm" or "gru" or "simplernn", units), of which the last state goes on. The last
# layer's sums go to softmax, or of numbers (`regression`) to the squared error.
CLASSES, PIXELS, IMAGE = 10, (784,), (28, 28, 1)
NETWORKS = dict(
    tiny=dict(row=(10,), layers=[("dense", 32), ("relu",), ("dense", 2)], batch=10, rows=2000),
    mlp128=dict(row=PIXELS, layers=[("dense", 128), ("relu",), ("dense", CLASSES)], batch=32, rows=60_000),
    mlp512=dict(row=PIXELS, layers=[("dense", 512), ("relu",), ("dense", 512), ("relu",), ("dense", CLASSES)], batch=32, rows=60_000, optimizer="rmsprop"),
    linreg=dict(row=(1,), layers=[("dense", 1)], batch=1_000_000, rows=1_000_000, optimizer="sgd", regression=True),
    cnn=dict(row=IMAGE, batch=128, rows=60_000, layers=[
        ("conv", 32, "valid"), ("relu",), ("pool", "valid"), ("conv", 64, "valid"), ("relu",), ("pool", "valid"),
        ("flatten",), ("dropout", 0.5), ("dense", CLASSES)]),
    dlicnn=dict(row=IMAGE, batch=32, rows=6400, layers=[
        ("conv", 75, "same"), ("relu",), ("norm",), ("pool", "same"),
        ("conv", 50, "same"), ("relu",), ("dropout", 0.2), ("norm",), ("pool", "same"),
        ("conv", 25, "same"), ("relu",), ("norm",), ("pool", "same"),
        ("flatten",), ("dense", 512), ("relu",), ("dropout", 0.3), ("dense", 24)]),
    **{kind: dict(row=(50, 8), layers=[(kind, 64), ("dense", 1)], batch=32, rows=6400, regression=True) for kind in ("lstm", "gru", "simplernn")},
    biglstm=dict(row=(200, 8), layers=[("lstm", 256), ("dense", 1)], batch=64, rows=1280, regression=True),
)
RECURRENT = dict(lstm=4, gru=3, simplernn=1) # gates
INFERENCE = ["mlp128", "mlp512", "cnn", "dlicnn", "lstm", "gru", "simplernn"]
WORKLOADS = [*NETWORKS, *(f"infer-{n}" for n in INFERENCE)]
# Steps of one timing, so that the slowest peer takes a minute at most.
STEPS = dict(tiny=200, linreg=50, cnn=40, dlicnn=100, lstm=200, gru=200, simplernn=200, biglstm=10)

def workload(name, batch=None, rows=None, folder=None, seed=0):
    """The network and its data: x (rows, *row) as f32, y as classes (rows) or values (rows, 1)."""
    base = name.removeprefix("infer-")
    w = SimpleNamespace(**dict(optimizer="adam", regression=False) | NETWORKS[base], name=name, base=base, infer=name.startswith("infer-"))
    w.batch, w.rng = batch or w.batch, np.random.default_rng(seed)
    w.whole = base == "linreg" # all rows in each step
    w.x, w.y, w.source = data(w, rows or (4096 if w.infer else w.rows), folder)
    w.rows = len(w.x)
    w.steps = min(STEPS.get(base, 400), max(1, w.rows // w.batch)) if not w.whole else STEPS["linreg"]
    return w

def data(w, rows, folder):
    if w.base == "tiny":
        x = w.rng.standard_normal((rows, 10), dtype=np.float32)
        noise = 0.3 * w.rng.standard_normal(rows)
        return x, (x @ w.rng.standard_normal(10) + noise > 0).astype(np.int32), "synthetic"
    if len(w.row) == 2:
        x = w.rng.standard_normal((rows, *w.row), dtype=np.float32)
        return x, x[:, -5:, 0].sum(1, keepdims=True), "synthetic"
    if w.whole:
        x = w.rng.uniform(-1, 1, (rows, 1)).astype(np.float32)
        return x, (3 * x + 2 + 0.1 * w.rng.standard_normal(x.shape)).astype(np.float32), "synthetic"
    if folder:
        x = idx(Path(folder) / "train-images-idx3-ubyte")[:rows].reshape(-1, *w.row).astype(np.float32)
        x /= np.float32(255)
        return x, idx(Path(folder) / "train-labels-idx1-ubyte")[:rows].astype(np.int32), "mnist"
    return w.rng.random((rows, *w.row), dtype=np.float32), w.rng.integers(0, CLASSES, rows).astype(np.int32), "synthetic"

def idx(path):
    b = path.read_bytes()
    dims = struct.unpack(">" + "I" * b[3], b[4 : 4 + 4 * b[3]])
    return np.frombuffer(b, np.uint8, offset=4 + 4 * b[3]).reshape(dims)

def glorot(w, *shape):
    """Keras' default: uniform, by the widths on both sides; of a kernel (3, 3, in, out) times its cells."""
    cells = int(np.prod(shape[:-2]))
    limit = (6 / (cells * (shape[-2] + shape[-1]))) ** 0.5
    return w.rng.uniform(-limit, limit, shape).astype(np.float32)

def weights(w):
    """Of each layer a dict of its weights (empty where it has none): w and b; g, b, and the running m and v of a normalization; w, r (units, gates of
    units), b and, of a GRU, the second bias c of a recurrent layer."""
    out, shape = [], w.row
    zeros, ones = (lambda n: np.zeros(n, np.float32)), (lambda n: np.ones(n, np.float32))
    for kind, *how in w.layers:
        channels = shape[-1]
        if kind == "dense":
            out.append(dict(w=glorot(w, channels, how[0]), b=zeros(how[0])))
            shape = (how[0],)
        elif kind == "conv":
            out.append(dict(w=glorot(w, 3, 3, channels, how[0]), b=zeros(how[0])))
            lost = 2 if how[1] == "valid" else 0
            shape = (shape[0] - lost, shape[1] - lost, how[0])
        elif kind in RECURRENT:
            wide = RECURRENT[kind] * how[0]
            more = dict(c=zeros(wide)) if kind == "gru" else {}
            out.append(dict(w=glorot(w, channels, wide), r=glorot(w, how[0], wide), b=zeros(wide), **more))
            shape = (how[0],)
        elif kind == "norm":
            out.append(dict(g=ones(channels), b=zeros(channels), m=zeros(channels), v=ones(channels)))
        else:
            out.append({})
            if kind == "pool":
                shape = tuple((n + (how[0] == "same")) // 2 for n in shape[:2]) + (channels,)
            elif kind == "flatten":
                shape = (int(np.prod(shape)),)
    return out
