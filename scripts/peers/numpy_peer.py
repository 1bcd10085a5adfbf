"""NumPy on the regression line: the faster of two ways to write the step, as one would, and with buffers made once and BLAS' dot."""
import time
import numpy as np

VERSION = np.__version__

def training(w):
    x, y = np.ascontiguousarray(w.x[:, 0]), np.ascontiguousarray(w.y[:, 0])
    n, rate = np.float32(len(x)), np.float32(0.2)
    e = np.empty_like(x)
    def plain(slope, shift):
        error = slope * x + shift - y
        loss = (error * error).mean()
        return slope - rate * (error * x).mean(), shift - rate * error.mean(), loss
    def in_place(slope, shift):
        np.multiply(x, slope, out=e)
        np.add(e, shift, out=e)
        np.subtract(e, y, out=e)
        loss = np.dot(e, e) / n
        return slope - rate * np.dot(e, x) / n, shift - rate * e.sum() / n, loss
    best = None
    for step in (plain, in_place):
        slope = shift = np.float32(0)
        times = []
        for _ in range(w.steps + 5):
            t = time.perf_counter()
            slope, shift, loss = step(slope, shift)
            times.append(time.perf_counter() - t)
        if best is None or np.median(times[5:]) < np.median(best[0]):
            best = np.array(times[5:]), float(loss)
    return best
