"""Runs Keras' own unit tests against `adaline`.

    git clone --depth 1 --branch v3.15.1 https://github.com/keras-team/keras
    python scripts/keras_tests/run.py keras              # all families, and docs/keras-compatibility.md
    python scripts/keras_tests/run.py keras --only losses

Needs pytest, absl-py and optree beside adaline. Each file of tests runs in a process of its own.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
FAMILIES = {
    "losses": ["losses"],
    "metrics": ["metrics"],
    "optimizers": ["optimizers"],
    "schedules": ["optimizers/schedules"],
    "activations": ["activations"],
    "initializers": ["initializers"],
    "regularizers": ["regularizers"],
    "constraints": ["constraints"],
    "core layers": ["layers/core"],
    "other layers": ["layers/activations", "layers/convolutional", "layers/pooling", "layers/normalization", "layers/reshaping",
               "layers/merging", "layers/regularization", "layers/rnn", "layers/attention"],
}


def patterns(name: str) -> list:
    """Patterns of tests with the reasons why they are there: `pattern | reason`."""
    found = []
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, reason = line.partition(" | ")
            found.append((pattern.strip(), reason.strip()))
    return found


def reason_of(test: str, known: list) -> str:
    """Why a test is in a list; empty where it is not."""
    return next((reason for pattern, reason in known if fnmatch.fnmatchcase(test, pattern)), "")


def run_file(repository: Path, file: Path, timeout: int) -> dict:
    """What came of each test of a file: outcome and why."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results"
        results.touch()
        env = dict(os.environ, KERAS_TESTS_REPOSITORY=str(repository), KERAS_TESTS_RESULTS=str(results), PYTHONDONTWRITEBYTECODE="1")
        env["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent.parent / "python"), *filter(None, [env.get("PYTHONPATH")])])
        # Pytest reads a file that imports the tests: where it read theirs, it would import Keras' own packages beside them.
        name = ".".join(file.relative_to(repository).with_suffix("").parts)
        test = Path(folder) / file.name
        test.write_text(f"from {name} import *\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "plugin", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir",
                   folder, str(test)]
        prefix = str(file.relative_to(repository / "keras" / "src"))
        ended = "the file took too long"
        try:
            made = subprocess.run(command, env=env, timeout=timeout, capture_output=True, text=True, cwd=folder)
            ended = f"the process ended with {made.returncode}"
        except subprocess.TimeoutExpired:
            pass
        outcomes: dict = {}
        for line in results.read_text(encoding="utf-8").splitlines():
            told = json.loads(line)
            outcomes["::".join([prefix, *told["test"].split("::")[1:]])] = (told["outcome"], told["why"])
        if not outcomes:
            outcomes[prefix] = ("not imported", ended)
        return {k: (("failed", ended) if o == "collected" else (o, w)) for k, (o, w) in outcomes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path, help="Keras' repository")
    parser.add_argument("--only", help="families with commas between them, or part of the path of a file")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for a file")
    parser.add_argument("--jobs", type=int, default=2, help="files at a time")
    parser.add_argument("--failures", action="store_true", help="print why tests fail")
    parser.add_argument("--doc", type=Path, help="the page to write; that of the documentation where all families run")
    parser.add_argument("--keep", type=Path, help="a file for what came of each test, as JSON")
    parser.add_argument("--told", type=Path, help="such a file, instead of running the tests")
    options = parser.parse_args()
    repository = options.repository.resolve()
    only = (options.only or "").split(",")
    outcomes: dict = json.loads(options.told.read_text(encoding="utf-8")) if options.told else {}
    for family, folders in FAMILIES.items():
        files = [f for folder in folders for f in sorted((repository / "keras" / "src" / folder).glob("*_test.py"))]
        if options.told:
            break
        if options.only and family not in only:
            files = [f for f in files if options.only in str(f.relative_to(repository)) and not set(only) & set(FAMILIES)]
        if files:
            outcomes[family] = {}
            with ThreadPoolExecutor(options.jobs) as pool:
                for told in pool.map(lambda f: run_file(repository, f, options.timeout), files):
                    outcomes[family].update(told)
    if options.keep:
        options.keep.write_text(json.dumps(outcomes, indent=1), encoding="utf-8")
    tables, unexplained = sorted_out(outcomes, options.failures)
    doc = options.doc or (None if options.only else HERE.parent.parent / "docs" / "keras-compatibility.md")
    if doc is not None:
        version = re.search(r'__version__ = "(.*)"', (repository / "keras/src/version.py").read_text(encoding="utf-8"))
        doc.write_text(page(tables, version.group(1) if version else "?"), encoding="utf-8")
    if unexplained:
        print(f"{unexplained} failures are not in failing.txt")
        sys.exit(1)


def sorted_out(outcomes: dict, print_failures: bool) -> tuple:
    """For each family how many tests pass, fail and are of features that are not here, with the reasons; and how many failures have none."""
    not_applicable, failing = patterns("not_applicable.txt"), patterns("failing.txt")
    tables: dict = {}
    unexplained = 0
    for family, tests in outcomes.items():
        counts: Counter = Counter()
        reasons: Counter = Counter()
        failures: Counter = Counter()
        for test, (outcome, why) in tests.items():
            excluded = reason_of(test, not_applicable)
            if outcome == "passed":
                counts["passed"] += 1
            elif outcome == "absent" or outcome == "skipped" or excluded:
                counts["n/a"] += 1
                reasons[why if outcome == "absent" else excluded or "skipped by Keras' test itself"] += 1
            else:
                known = reason_of(test, failing)
                counts["failed"] += 1
                failures[known or "not yet explained"] += 1
                unexplained += not known
                if print_failures:
                    print(f"  {test}\n      {why[:300]}")
        tables[family] = (counts, reasons, failures)
        share = counts["passed"] / max(1, counts["passed"] + counts["failed"])
        print(f"{family}: {counts['passed']} passed, {counts['failed']} failed, {counts['n/a']} not applicable: {share:.1%}", flush=True)
    return tables, unexplained


def page(tables: dict, version: str) -> str:
    """The page of the documentation."""
    passed = sum(c["passed"] for c, _, _ in tables.values())
    failed = sum(c["failed"] for c, _, _ in tables.values())
    lines = [
        "# Keras' own tests", "",
        f"Keras' unit tests of version {version}, read from its repository and run against the Python module through a small shim",
        "(`scripts/keras_tests`): the shim leads names of modules to `adaline`, and changes no result. To run them:", "",
        "```sh", f"git clone --depth 1 --branch v{version} https://github.com/keras-team/keras", "pip install pytest absl-py optree scipy",
        "python scripts/keras_tests/run.py keras", "```", "",
        f"Of {passed + failed} tests of features that exist here, {passed} pass: {passed / max(1, passed + failed):.1%}. This page is written by that "
        "command.", "",
        "| family | pass | fail | share | of features that are not here |", "|---|---:|---:|---:|---:|",
    ]
    for family, (c, _, _) in tables.items():
        lines.append(f"| {family} | {c['passed']} | {c['failed']} | {c['passed'] / max(1, c['passed'] + c['failed']):.1%} | {c['n/a']} |")
    for title, at in (("Tests that fail, and why", 2), ("Tests of features that are not here", 1)):
        lines += ["", f"## {title}", ""]
        total: Counter = Counter()
        for entry in tables.values():
            total.update(entry[at])
        lines += [f"- {count}: {reason}" for reason, count in total.most_common()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
