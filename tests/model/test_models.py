#!/usr/bin/env python3
# once
# limit 1500
"""Prove the claims of the wait core, and prove that the proofs can fail.

Each model is explored exhaustively and must hold.  Then each mutation in the table at its top
(/* MUT_name: Wn */) must break the claim it names.  Exit status: 0 all of it, 77 no spin, 1 else.
With --all also what takes minutes; with names of models only those."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DEPTH = "100000"
MEMORY_MIB = "2048"
ACYCLIC_IS_LONG = {"lock", "select", "shared_queue", "shared_sem"}
CC = os.environ.get("CC", "gcc").split()


class Broken(Exception):
    """The model or the tools are not in order; no verdict about a claim."""


def call(argv, where):
    done = subprocess.run(argv, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def verify(model, defines=(), build=("-O2", "-DSAFETY"), run=()):
    """Answers (number of errors, the verifier's output, states)."""
    with tempfile.TemporaryDirectory(prefix="telar-model-") as where:
        shutil.copy(model, os.path.join(where, "m.pml"))
        status, out = call(["spin", "-a", *defines, "m.pml"], where)
        if status != 0 or not os.path.exists(os.path.join(where, "pan.c")):
            raise Broken("spin: " + out.strip())
        flags = ["-w", "-DCOLLAPSE", "-DMEMLIM=" + MEMORY_MIB, *build]
        status, out = call([*CC, *flags, "-o", "pan", "pan.c"], where)
        if status != 0:
            raise Broken("compiler: " + out.strip())
        _, out = call(["./pan", "-n", "-m" + DEPTH, *run], where)
    errors = re.search(r"errors: (\d+)", out)
    states = re.search(r"^\s*([\d.e+]+) states, stored", out, re.M)
    if not errors or not states:
        raise Broken("verifier: " + out.strip())
    return int(errors[1]), out, int(float(states[1]))


def whole(out):
    """Has all of the state space been seen?"""
    cut = ("max search depth too small", "Search not completed", "out of memory", "memory limit")
    return not any(words in out for words in cut)


def check_model(model, **options):
    errors, out, states = verify(model, **options)
    ok = errors == 0 and whole(out)
    return ok, states, "" if ok else out.strip()


def check_mutation(model, name, claim):
    """Only that claim's assertions are looked at, and not where things end (-E)."""
    only = "-DONLY=" + claim[1:]
    errors, out, states = verify(model, ("-D" + name, only), ("-O0", "-DSAFETY"), ("-E",))
    ok = errors > 0 and "assertion violated" in out
    return ok, states, claim + " holds all the same"


def table(text):
    return re.findall(r"^/\* (MUT_\w+): (W\d+) \*/$", text, re.M)


def sound(text):
    """The table is the model: every switch in it, every claim with a mutation."""
    rows = table(text)
    switches = set(re.findall(r"^#\s*ifn?def (MUT_\w+)", text, re.M))
    claims = set(re.findall(r"^ \*\t(W\d+)\t", text, re.M))
    if switches != {name for name, _ in rows}:
        return "table and #ifdef differ: %s" % sorted(switches ^ {name for name, _ in rows})
    if not claims <= {claim for _, claim in rows}:
        return "no mutation for %s" % sorted(claims - {claim for _, claim in rows})
    return None if rows else "no mutations"


def show(what, check, *args, **options):
    start = time.monotonic()
    ok, states, why = check(*args, **options)
    took = time.monotonic() - start
    print("%-4s %-40s %9d states %6.1f s" % ("ok" if ok else "FAIL", what, states, took), flush=True)
    if not ok:
        print("     " + why.replace("\n", "\n     "), flush=True)
    return ok


def check_file(path, everything):
    name = os.path.basename(path)[: -len(".pml")]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    why = sound(text)
    if why:
        print("FAIL %s: %s" % (name, why))
        return False
    ok = show(name, check_model, path)
    if everything or name not in ACYCLIC_IS_LONG:
        ok &= show(name + ", every run ends", check_model, path, build=("-O2", "-DNP"), run=("-l",))
    for mutation, claim in table(text):
        ok &= show("%s %s: %s" % (name, mutation, claim), check_mutation, path, mutation, claim)
    return ok


def main(argv):
    if not shutil.which("spin"):
        print("skipped: spin is not installed (apt-get install spin)")
        return 77
    names = [a for a in argv if a != "--all"]
    paths = sorted(glob.glob(os.path.join(HERE, "*.pml")))
    if names:
        paths = [p for p in paths if os.path.basename(p)[: -len(".pml")] in names]
    if not paths:
        print("FAIL no model of that name")
        return 1
    try:
        good = [check_file(path, "--all" in argv) for path in paths]
    except Broken as what:
        print("FAIL %s" % what)
        return 1
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
