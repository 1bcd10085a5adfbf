"""Runs each example with Adaline and with real Keras, and compares what they reach.

    KERAS_BACKEND=jax python examples/python/compare.py [NAME ..]

Only the import line is changed. Both learn from random first weights, so that results differ by noise: accuracies by about 0.03 on the few hundred
rows of these data, errors by about a quarter. Ends with status 1 where they differ by more.
"""

import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ACCURACY, ERROR = 0.03, 0.25


def run(text, folder):
    """The results of a program, and the seconds that it took."""
    path = os.path.join(folder, "program.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    known = os.environ.get("PYTHONPATH")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([HERE, *([known] if known else [])])}
    env.setdefault("KERAS_BACKEND", "jax")
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{text.splitlines()[0]}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    return {name: float(value) for _, name, value in rows}, time.perf_counter() - begin


def main():
    names = sys.argv[1:] or sorted(n[:-3] for n in os.listdir(HERE) if n.endswith(".py") and n not in ("compare.py", "_data.py"))
    failed = False
    print(f"{'example':<16}{'result':<14}{'adaline':>10}{'keras':>10}{'seconds':>10}{'keras':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            with open(os.path.join(HERE, f"{name}.py"), encoding="utf-8") as file:
                text = file.read()
            changed = text.replace("import adaline as keras", "import keras")
            assert changed != text, f"{name} has no line `import adaline as keras`"
            (mine, my_time), (theirs, their_time) = run(text, folder), run(changed, folder)
            for result, value in mine.items():
                other = theirs[result]
                near = abs(value - other) <= (ACCURACY if "accuracy" in result else ERROR * max(abs(value), abs(other)))
                failed |= not near
                mark = "" if near else "  DIFFERENT"
                print(f"{name:<16}{result:<14}{value:>10.4f}{other:>10.4f}{my_time:>10.1f}{their_time:>8.1f}{mark}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
