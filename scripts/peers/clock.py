"""Times of predictions, and figures of times, with the keys of `adaline bench`."""
import time
from pathlib import Path
import numpy as np

def latency(w, predict):
    """The time of one row, and rows per second of 1024 at once."""
    def times(rows, most, seconds):
        x = np.ascontiguousarray(w.x[:rows])
        for _ in range(20 if rows == 1 else 2):
            predict(x)
        out, end = [], time.perf_counter() + seconds
        while len(out) < most and time.perf_counter() < end:
            t = time.perf_counter()
            predict(x)
            out.append(time.perf_counter() - t)
        return np.array(out)
    one, many = times(1, 3000, 2.5) * 1e6, times(1024, 60, 2)
    rate = min(1024, w.rows) / float(np.median(many))
    return dict(b1_p50_us=round(float(np.median(one)), 1), b1_p90_us=round(float(np.percentile(one, 90)), 1), b1024_samples_s=round(rate, 1))

def step_figures(seconds, loss):
    us = np.asarray(seconds) * 1e6
    return dict(step_us=round(float(np.median(us)), 2), step_us_p10=round(float(np.percentile(us, 10)), 2),
                step_us_p90=round(float(np.percentile(us, 90)), 2), steps_timed=len(us), loss=round(float(loss), 5))

def peak_memory_mb():
    """Highest memory use of this process so far, MB of 1024² bytes; None where the system does not tell."""
    try:
        line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmHWM:"))
        return round(int(line.split()[1]) / 1024, 1)
    except (OSError, StopIteration):
        return None
