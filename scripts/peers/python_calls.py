"""What calls from Python cost: importing the package, and one row through a 784-128-10 network, beside ONNX Runtime's Python on the same network.

    pip install ./python onnxruntime onnx
    python scripts/peers/python_calls.py

Prints the least and the median of several rounds, one thread each. The outputs are compared first.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

IMPORT = """
import time
start = time.perf_counter()
import numpy
between = time.perf_counter()
import adaline
from adaline import callbacks, layers, losses, metrics, models, optimizers, utils
adaline.Sequential
print((time.perf_counter() - between) * 1e3, (between - start) * 1e3)
"""


def imports(rounds: int = 7) -> None:
    told = [subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout.split() for _ in range(rounds)]
    ours, numpys = (sorted(float(pair[i]) for pair in told) for i in (0, 1))
    print(f"import adaline: {ours[0]:.1f} ms (median {ours[rounds // 2]:.1f}) beyond numpy's {numpys[0]:.1f} (median {numpys[rounds // 2]:.1f})")


def times(call, calls: int, rounds: int = 9) -> str:
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        found.append((time.perf_counter() - start) / calls * 1e6)
    return f"{min(found):.1f} us (median {sorted(found)[rounds // 2]:.1f})"


def main() -> None:
    imports()
    import numpy as np

    import adaline
    import onnxruntime
    from adaline import layers

    model = adaline.Sequential([layers.Input((784,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")])
    row = np.random.default_rng(0).normal(size=(1, 784)).astype(np.float32)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "network.onnx")
        model.export(file, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(file, options)
    name = session.get_inputs()[0].name
    np.testing.assert_allclose(model(row), session.run(None, {name: row})[0], atol=1e-5)
    print("model(row):        ", times(lambda: model(row), 2000))
    print("ONNX Runtime's run:", times(lambda: session.run(None, {name: row}), 2000))
    print("model.predict(row):", times(lambda: model.predict(row, verbose=0), 500))


if __name__ == "__main__":
    main()
