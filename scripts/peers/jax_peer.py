"""Plain JAX and optax: one compiled step for each batch, or (`scan`) a whole epoch in one compiled loop."""
import time
import jax, jax.numpy as jnp, optax
import numpy as np
from clock import latency
from networks import RECURRENT, weights

VERSION = jax.__version__
PICTURES = ("NHWC", "HWIO", "NHWC")
# XLA on the CPU runs convolutions inside of loops on one thread, many times slower than outside: few of them are enough.
SLOW_STEPS = 5

def split(layers):
    """What is learned, and what a normalization keeps."""
    learned = [{k: jnp.asarray(v) for k, v in layer.items() if k in "wbgrc"} for layer in layers]
    return learned, [{k: jnp.asarray(v) for k, v in layer.items() if k in "mv"} for layer in layers]

def recurrent(kind, units, p, x):
    """The last state: what does not depend on it is multiplied for all steps at once."""
    zero, xs = jnp.zeros((x.shape[0], units)), jnp.swapaxes(x @ p["w"] + p["b"], 0, 1)
    sigmoid = jax.nn.sigmoid
    def lstm(state, x):
        h, c = state
        i, f, g, o = jnp.split(x + h @ p["r"], 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        return (sigmoid(o) * jnp.tanh(c), c), None
    def gru(h, x):
        (xz, xr, xh), (hz, hr, hh) = jnp.split(x, 3, 1), jnp.split(h @ p["r"] + p["c"], 3, 1)
        z = sigmoid(xz + hz)
        return z * h + (1 - z) * jnp.tanh(xh + sigmoid(xr + hr) * hh), None
    if kind == "lstm":
        return jax.lax.scan(lstm, (zero, zero), xs)[0][0]
    return jax.lax.scan(gru if kind == "gru" else lambda h, x: (jnp.tanh(x + h @ p["r"]), None), zero, xs)[0]

def forward(w, learned, kept, x, key, train):
    """The last layer's sums, and what is kept for the next step."""
    after = []
    for at, ((kind, *how), p, s) in enumerate(zip(w.layers, learned, kept)):
        if kind == "dense":
            x = x @ p["w"] + p["b"]
        elif kind == "conv":
            x = jax.lax.conv_general_dilated(x, p["w"], (1, 1), how[1].upper(), dimension_numbers=PICTURES) + p["b"]
        elif kind in RECURRENT:
            x = recurrent(kind, how[0], p, x)
        elif kind == "pool":
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), how[0].upper())
        elif kind == "norm":
            mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else (s["m"], s["v"])
            if train:
                s = dict(m=0.99 * s["m"] + 0.01 * mean, v=0.99 * s["v"] + 0.01 * var)
            x = (x - mean) * jax.lax.rsqrt(var + 1e-3) * p["g"] + p["b"]
        elif kind == "relu":
            x = jax.nn.relu(x)
        elif kind == "dropout" and train:
            x = jnp.where(jax.random.bernoulli(jax.random.fold_in(key, at), 1 - how[0], x.shape), x / (1 - how[0]), 0)
        elif kind == "flatten":
            x = x.reshape(x.shape[0], -1)
        after.append(s)
    return x, after

def training(w, scan):
    optimizer = dict(adam=optax.adam(1e-3, eps=1e-7), rmsprop=optax.rmsprop(1e-3, 0.9, 1e-7), sgd=optax.sgd(0.1))[w.optimizer]
    key = jax.random.key(0)
    def loss(learned, kept, x, y, step):
        out, kept = forward(w, learned, kept, x, jax.random.fold_in(key, step), True)
        error = (out - y) ** 2 if w.regression else optax.softmax_cross_entropy_with_integer_labels(out, y)
        return error.mean(), kept
    def one(carry, batch):
        learned, kept, memory = carry
        (l, kept), gradients = jax.value_and_grad(loss, has_aux=True)(learned, kept, *batch)
        updates, memory = optimizer.update(gradients, memory, learned)
        return (optax.apply_updates(learned, updates), kept, memory), l
    learned, kept = split(weights(w))
    carry, times = (learned, kept, optimizer.init(learned)), []
    if scan:
        n = min(w.rows // w.batch, SLOW_STEPS if len(w.row) == 3 else w.rows)
        @jax.jit
        def epoch(carry, x, y, order):
            return jax.lax.scan(lambda c, at: one(c, (x[at[0]], y[at[0]], at[1])), carry, (order, jnp.arange(n)))
        x, y = jnp.asarray(w.x), jnp.asarray(w.y)
        for _ in range(4):
            order = jnp.asarray(w.rng.permutation(w.rows)[: n * w.batch].reshape(n, w.batch))
            t = time.perf_counter()
            carry, l = epoch(carry, x, y, order)
            l.block_until_ready()
            times.append((time.perf_counter() - t) / n)
        return np.array(times[1:]), float(l.mean())
    step = jax.jit(one)
    for i in range(w.steps + 10):
        pick = slice(None) if w.whole else w.rng.integers(0, w.rows, w.batch)
        t = time.perf_counter()
        carry, l = step(carry, (w.x[pick], w.y[pick], i))
        l.block_until_ready()
        times.append(time.perf_counter() - t)
    return np.array(times[10:]), float(l)

def inference(w):
    learned, kept = split(weights(w))
    end = (lambda x: x) if w.regression else jax.nn.softmax
    predict = jax.jit(lambda x: end(forward(w, learned, kept, x, None, False)[0]))
    return latency(w, lambda x: predict(x).block_until_ready())
