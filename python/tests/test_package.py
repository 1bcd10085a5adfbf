"""The package as a whole: what importing it loads, threads, errors, notebooks, types."""

import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest

import adaline
from adaline import layers

# Where the package under test lies: in an environment's site-packages, or in the checkout when it was built in place.
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(adaline.__file__)))


def _run(program):
    env = {**os.environ, "PYTHONPATH": FOLDER}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env)


def test_importing_and_training_loads_nothing_heavy(record_property):
    done = _run("import time; t = time.perf_counter(); import adaline, sys; spent = time.perf_counter() - t\n"
                "import numpy as np; from adaline import layers, utils, callbacks, datasets, wrappers, preprocessing, backend\n"
                "m = adaline.Sequential([layers.Input((2,)), layers.Dense(1)]); m.compile('adam', 'mse')\n"
                "m.fit(np.zeros((4, 2)), np.zeros(4), verbose=0, callbacks=[callbacks.TerminateOnNaN()])\n"
                "heavy = {'scipy', 'pandas', 'sklearn', 'keras', 'jax', 'torch', 'tensorflow', 'PIL', 'IPython', 'matplotlib', 'h5py'}\n"
                "print(sorted(heavy & set(sys.modules)), spent)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[] "), done.stdout
    record_property("import_seconds", done.stdout.split()[-1])


def test_many_threads_ask_one_model(rng):
    model = adaline.Sequential([layers.Input((6,)), layers.Dense(16, activation="relu"), layers.Dense(3)])
    parts = [rng.normal(size=(1 + i, 6)).astype(np.float32) for i in range(12)]
    wanted = [model.predict(p, verbose=0) for p in parts]
    wrong = []

    def ask(i):
        for _ in range(10):
            got = model.predict(parts[i], verbose=0) if i % 2 else model(parts[i])
            if not np.allclose(got, wanted[i], atol=1e-5):
                wrong.append(i)

    def caught(i):
        try:
            ask(i)
        except Exception as error:
            wrong.append(repr(error))

    threads = [threading.Thread(target=caught, args=(i,)) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def _model():
    model = adaline.Sequential([layers.Input((4,)), layers.Dense(2)])
    model.compile("adam", "mse")
    return model


ERRORS = [
    (lambda: layers.Dense(4, activation="rellu")(adaline.Input((3,))), "relu"),
    (lambda: layers.Dense(-1)(adaline.Input((3,))), "units|-1"),
    (lambda: adaline.optimizers.get("adm"), "adam"),
    (lambda: layers.Dens, "Dense"),
    (lambda: adaline.Sequential([layers.Dense(2)]).fit(np.zeros((2, 2)), np.zeros(2)), "compile"),
    (lambda: _model().fit(np.zeros((3, 4))), "labels"),
    (lambda: _model().fit(np.zeros((3, 5)), np.zeros((3, 2)), verbose=0), "4.*5|5.*4"),
    (lambda: _model().fit(np.zeros((3, 4)), np.zeros((2, 2)), verbose=0), "3.*2|2.*3"),
    (lambda: _model().fit(np.array([["a"] * 4] * 3), np.zeros((3, 2)), verbose=0), "expected numbers"),
    (lambda: _model().get_layer("dens"), "No such layer: dens"),
    (lambda: _model().set_weights([np.zeros((3, 2)), np.zeros(2)]), r"\(4, 2\)"),
    (lambda: layers.Dense(2)(adaline.Input((3,))) + layers.Dense(4)(adaline.Input((3,))), "2.*4|4.*2"),
    (lambda: adaline.Model(np.zeros(3), np.zeros(3)), "KerasTensor"),
    (lambda: adaline.nothing, "has no attribute 'nothing'"),
]


@pytest.mark.parametrize("at", range(len(ERRORS)))
def test_errors_say_what_was_expected(at):
    do, text = ERRORS[at]
    with pytest.raises(Exception, match=f"(?s){text}") as told:
        do()
    assert isinstance(told.value, (ValueError, TypeError, AttributeError, RuntimeError)) and "panic" not in str(told.value).lower()


def test_notebooks():
    model = _model()
    history = model.fit(np.ones((4, 4)), np.ones((4, 2)), epochs=2, verbose=0, validation_split=0.5)
    assert "dense" in model._repr_html_() and "<table" in model._repr_html_()
    shown = history._repr_html_()
    assert "<svg" in shown and "validation" in shown
    lines = []
    model.summary(print_fn=lines.append)
    assert "Total params: " in "\n".join(lines) and "(None, 2)" in "\n".join(lines)


def test_types(tmp_path):
    pytest.importorskip("mypy")
    right = "import adaline\nfrom adaline import layers\nm = adaline.Sequential([layers.Dense(2, activation='relu')])\n" \
            "m.compile('adam', 'mse')\nh = m.fit([[1.0]], [1.0], epochs=2)\nlosses = h.history['loss']\n"
    wrong = "layers.Dense(units='two')\nm.fit(epochs='3')\n"
    (tmp_path / "program.py").write_text(right + wrong, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--no-error-summary", "--cache-dir", str(tmp_path / "cache"), "program.py"]
    # What is installed is found through its `py.typed`; mypy refuses a path to the folder of installed packages.
    env = dict(os.environ) if "site-packages" in FOLDER else {**os.environ, "MYPYPATH": FOLDER}
    found = subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path).stdout
    errors = [line for line in found.splitlines() if ": error:" in line]
    assert len(errors) == 2 and '"units"' in errors[0] and '"epochs"' in errors[1], found


def test_types_of_the_package_itself(tmp_path):
    pytest.importorskip("mypy")
    # As python/pyproject.toml says, which an installed package does not have beside it.
    (tmp_path / "mypy.ini").write_text("[mypy]\ndisallow_untyped_defs = True\n[mypy-IPython.*,PIL.*,pandas.*,sklearn.*]\nignore_missing_imports = True\n")
    # A copy: mypy refuses to look at installed packages themselves.
    shutil.copytree(os.path.dirname(adaline.__file__), tmp_path / "adaline", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "cache", "adaline"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_stub_names_what_the_compiled_side_has():
    import ast

    from adaline import _adaline

    with open(os.path.join(os.path.dirname(adaline.__file__), "_adaline.pyi"), encoding="utf-8") as stub:
        told = {n.name for n in ast.parse(stub.read()).body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
    assert told == {n for n in dir(_adaline) if not n.startswith("_")}
