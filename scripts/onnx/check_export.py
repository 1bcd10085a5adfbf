"""Checks ONNX models that Adaline wrote: they are sound, and ONNX Runtime computes with them what Adaline does.

    cargo run -p adaline-onnx --example export_all -- FOLDER
    python scripts/onnx/check_export.py FOLDER [-v]

Needs onnx, onnxruntime and numpy. Each model is run on all the inputs beside it, with other numbers of rows than it was traced with. The error of an
output is the largest difference over max(1, |y|) and must not exceed 1e-5, but for those in LOOSE. Ends with 1 where something is wrong.
"""

import json
import pathlib
import re
import sys
from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort

LIMIT = 1e-5
# (part of the name, limit, reason)
LOOSE = [("Resizing image", 1e-4, "bicubic sums of values up to 255 with both signs, of results near 0")]


def array(t):
    data = [float("nan") if v is None else v for v in t["data"]] if t["dtype"] == "float32" else t["data"]
    return np.array(data, dtype=t["dtype"]).reshape(t["shape"])


def error_of(ours, theirs):
    """The largest relative difference; equal infinities and NaNs do not differ."""
    if ours.shape != theirs.shape:
        return float("inf")
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    difference = np.abs(ours - theirs) / np.maximum(1.0, np.abs(ours))
    return float(np.where(same, 0.0, np.nan_to_num(difference, nan=np.inf)).max(initial=0.0))


def check(path):
    """The largest error of all runs, and how many nodes there are."""
    case = json.loads(path.with_suffix(".json").read_text())
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    batch = model.graph.input[0].type.tensor_type.shape.dim[0]
    if not case["stateful"] and batch.dim_param != "batch":
        raise ValueError("the batch is not open")
    names = [o.name for o in session.get_outputs()]
    # A name that an input or another output has gets a number.
    if not all(name == n or name.startswith(f"{n}_") for name, n in zip(names, case["outputs"])):
        raise ValueError(f"outputs are {names}, not {case['outputs']}")
    states, worst = {}, 0.0
    for run in case["runs"]:
        x = {f"input_{i}": array(t) for i, t in enumerate(run["x"])}
        outputs = dict(zip(names, session.run(None, {**x, **states})))
        states = {n.removesuffix("/next"): v for n, v in outputs.items() if n.endswith("/next")}
        for name, y in zip(names, run["y"]):
            worst = max(worst, error_of(array(y), outputs[name]))
    return case["name"], worst, len(model.graph.node)


def main():
    folder, verbose = pathlib.Path(sys.argv[1]), "-v" in sys.argv
    table, wrong = {}, 0
    for path in sorted(folder.glob("*.onnx")):
        name = json.loads(path.with_suffix(".json").read_text())["name"]
        kind = re.sub(r"^(open )?([\w >]+?) .*", r"\2", name) if not name.startswith("network") else name
        try:
            _, worst, nodes = check(path)
            limit = next((limit for part, limit, _ in LOOSE if part in name), LIMIT)
            fine = worst <= limit
            message = f"error {worst:.1e}"
        except Exception as e:  # whatever a runtime says of a model
            worst, nodes, fine, message = float("inf"), 0, False, str(e).strip().replace("\n", " ")[:300]
        if not fine:
            wrong += 1
        if verbose or not fine:
            print(f"{'ok   ' if fine else 'WRONG'} {path.name} {name[:160]}: {message}, {nodes} nodes")
        entry = table.setdefault(kind, [0, 0, 0.0])
        entry[0] += 1
        entry[1] += not fine
        entry[2] = max(entry[2], worst)
    print(f"{'network or layer':60} models  wrong  largest error")
    for kind, (count, bad, worst) in sorted(table.items()):
        print(f"{kind[:60]:60} {count:6} {bad:6}  {worst:.1e}")
    print(f"{sum(e[0] for e in table.values())} models, {wrong} wrong")
    return 1 if wrong or not table else 0


if __name__ == "__main__":
    sys.exit(main())
