"""Runs CPython's own tests, as Debian packs them, on _telar, and judges them by differs.txt.

    foreign.run(__file__, classes)      # classes(_telar) answers classes of unittest

Every test passes or stands in differs.txt, and each of its lines is needed: a listed test that
passes is an error, as is a line that names no test.  An exception in a thread fails its test, which
CPython only prints.  The kind `speed` is of tests that CPython judges by sleeps: they are run, and
must end, but their verdict is not taken.

This has to be Debian's Python, not any other that comes first in PATH; where it, its tests or
_telar are missing, all is skipped.
"""

import faulthandler
import importlib.util
import os
import sys
import threading
import time
import unittest
from pathlib import Path

PYTHON = "/usr/bin/python3"
LIST = Path(__file__).with_name("differs.txt")
SKIPPED = 77
HANGS = 100  # seconds: then say where all threads are; the limit that ends it is the scripts'


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def under_debians_python(script):
    if not os.access(PYTHON, os.X_OK):
        skip(f"no {PYTHON}")
    if os.environ.get("TELAR_PYTHON") != PYTHON:
        os.environ["TELAR_PYTHON"] = PYTHON
        os.execv(PYTHON, [PYTHON, "-E", script])


def find_extension():
    folder = Path(os.environ["TELAR_BUILD"], "tests")
    if not list(folder.glob("_telar*.so")):
        skip("_telar is not built: a sanitizer, or no python3-dev")
    sys.path.insert(0, str(folder))
    if not importlib.util.find_spec("test.lock_tests"):
        skip("no CPython tests: libpython3.11-testsuite")


def listed(tests, name):
    """The lines of the list that are for this script: test, kind, reason."""
    lines = {}
    for line in LIST.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        test, kind, reason = line.split(None, 2)
        if test.startswith(name + "."):
            if kind not in ("python", "differs", "speed"):
                sys.exit(f"{LIST.name}: {test}: no such kind: {kind}")
            if test not in tests or test in lines:
                sys.exit(f"{LIST.name}: {test}: no such test, or twice")
            lines[test] = (kind, reason)
    return lines


def fate(test):
    """What went wrong with one test, here or in its threads; "": nothing."""
    wrong = []

    def in_a_thread(what):
        wrong.append(f"in a thread: {what.exc_type.__name__}: {what.exc_value}")

    sys.unraisablehook = threading.excepthook = in_a_thread
    result = unittest.TestResult()
    test.run(result)
    wrong += [text for _, text in result.errors + result.failures]
    wrong += [f"skipped by CPython: {why}" for _, why in result.skipped]
    return "\n".join(wrong).strip()


def judge(test, wrong, kind, reason):
    """Answers whether the verdict is what it should be."""
    if kind == "speed":
        print(f"not judged: {test}: {reason}")
    elif kind and wrong:
        print(f"{kind}: {test}: {reason}")
    elif kind:
        print(f"FAIL {test}: passes, and is in {LIST.name}")
    elif wrong:
        print(f"FAIL {test}\n{wrong}")
    sys.stdout.flush()
    return kind == "speed" or bool(kind) == bool(wrong)


def left_alone(telar):
    """Threads of Python's that have ended are no longer known to telar; nothing else was said."""
    for _ in range(1000):
        if telar.strands() <= 1:
            break
        time.sleep(0.01)
    faults = 0
    if telar.strands() != 1:
        print(f"FAIL: {telar.strands()} strands are known, and only one thread is left")
        faults += 1
    if telar.reports():
        print(f"FAIL: {telar.reports()} reports besides those of misuse")
        faults += 1
    return faults


def run(script, classes):
    under_debians_python(script)
    find_extension()
    import _telar

    name = Path(script).stem.removeprefix("test_")
    tests = {}
    for one in classes(_telar):
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(one):
            tests[f"{name}.{one.__name__}.{test.id().rpartition('.')[2]}"] = test
    lines = listed(tests, name)
    faulthandler.dump_traceback_later(HANGS, file=sys.stdout)
    faults = sum(
        not judge(test, fate(tests[test]), *lines.get(test, ("", ""))) for test in tests
    )
    faults += left_alone(_telar)
    print(f"{len(tests)} tests of CPython's: {len(tests) - len(lines)} pass, ", end="")
    print(f"{len(lines)} are listed with a reason; {faults} faults")
    return 1 if faults or not tests else 0
