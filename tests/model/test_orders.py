#!/usr/bin/env python3
# once
# limit 1800
"""Run the sources of the wait core, the loop and the in-place objects under C's memory model, in all
their interleavings (orders/orders.h), and prove that the orders which they name are needed.

First every scenario must hold.  Then each order is weakened, one at a time: some scenario must fail,
or ORDERS.md has a row that says how weak it could be and why it is not.  Exit status: 0 all of it,
1 else.

    test_orders.py [--long | --scenarios] [PROGRAM ...]

--scenarios leaves out the weakening.  --long also explores the large scenarios, and all scenarios
with the orders of ORDERS.md as weak as it says: those rows must be true."""

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
ORDERS = os.path.join("tests", "model", "orders")
TABLE = os.path.join(HERE, "ORDERS.md")
CC = os.environ.get("CC", "gcc").split()
JOBS = min(2, os.cpu_count() or 1)

CORE = ["memory", "seq_cst", "steps", "explore", "main"]
SWITCH = ["src/plat/switch_%s.S" % os.uname().machine, "src/plat/stack_begin.c"]
WAIT = ["src/wait/park.c", "src/wait/word.c"]
TALK = ["src/talk/%s.c" % f for f in ("lock", "lock_queue", "sem", "event", "future", "cond")]
LOOP = ["src/base/heap.c"] + ["src/run/%s.c" % f for f in ("loop", "watch", "work", "cancel", "timer", "bias")]
# What each program is made of, and whether the lock inside is one step (shim/lock).
PROGRAMS = {
    "litmus": ([], False),
    "spin": ([], False),
    "wait": (["world", *WAIT], True),
    "talk": (["world", *WAIT, *TALK], True),
    "loop": (["loops", *WAIT, *LOOP, "src/run/deadlock.c"], True),
    "bias": (["loops", *WAIT, *LOOP, "src/run/deadlock.c"], True),
    "queue": (["src/base/biased.c", "src/talk/ring.c"], True),
    "work": (["loops", *WAIT, *LOOP], True),
}
# The next weaker ones; a weaker order allows whatever a stronger one does.
WEAKER = {
    "seq_cst": ["acq_rel"],
    "acq_rel": ["acquire", "release"],
    "acquire": ["relaxed"],
    "release": ["relaxed"],
    "relaxed": [],
}
CHANCE = "4000"


def call(argv):
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def compile_one(source, to, shims):
    flags = ["-std=gnu17", "-D_GNU_SOURCE=", "-O2", "-g", "-w", "-fno-pie"]
    paths = [os.path.join(ORDERS, s) for s in shims] + [ORDERS, "src", "include"]
    status, out = call([*CC, *flags, *["-I" + p for p in paths], "-c", source, "-o", to])
    if status != 0:
        raise SystemExit("FAIL %s does not compile:\n%s" % (source, out))
    return to


def build(where, pool):
    """Answers {program: its file}."""
    def objects(sources, shims, tag):
        jobs = []
        for i, s in enumerate(sources):
            path = s if "/" in s else os.path.join(ORDERS, s + ".c")
            jobs.append(pool.submit(compile_one, path, "%s/%s-%d.o" % (where, tag, i), shims))
        return jobs

    core = objects(CORE + SWITCH, [], "core")
    parts = {}
    for name, (sources, one_step) in PROGRAMS.items():
        shims = ["shim/any"] + (["shim/lock"] if one_step else [])
        parts[name] = objects([name, *sources], shims, name)
    programs = {}
    for name, jobs in parts.items():
        programs[name] = os.path.join(where, name)
        files = [j.result() for j in jobs + core]
        status, out = call([*CC, "-no-pie", "-Wl,--unresolved-symbols=ignore-all", "-o", programs[name], *files])
        if status != 0:
            raise SystemExit("FAIL %s does not link:\n%s" % (name, out))
    return programs


def sites(out):
    """{site: order} of what a program came by in the library."""
    found = re.findall(r"^site\t(src/\S+)\t(\w+)$", out, re.M)
    return dict(found)


def table():
    """{site: [how weak it could be]} as ORDERS.md has it."""
    rows = {}
    with open(TABLE, encoding="utf-8") as f:
        for line in f:
            found = re.match(r"\| `(src/\S+)` \| (\w+) \| ([\w, ]+) \| .+ \|$", line)
            if found:
                rows[found[1]] = (found[2], found[3].split(", "))
    return rows


def weaker(site, order):
    """The orders one step below, for that kind of operation."""
    op = site.split(":")[2]
    load = op == "load" or site.endswith("/failure")
    if op == "barrier":
        return ["relaxed"] if order == "seq_cst" else []
    if order == "seq_cst" and (load or op == "store"):
        return ["acquire" if load else "release"]
    return WEAKER[order]


def below(site, orders):
    """What must fail if these are the weakest that do."""
    kept = {o for order in orders for o in strengthen(site, order)}
    return sorted({w for order in orders for w in weaker(site, order)} - kept)


def strengthen(site, order):
    """The order and those that are stronger."""
    every = ["seq_cst", "acq_rel", "acquire", "release", "relaxed"]
    return [o for o in every if o == order or order in reach(site, o)]


def reach(site, order):
    found = set()
    for w in weaker(site, order):
        found |= {w} | reach(site, w)
    return found


def fails(programs, names, site, order):
    """The first scenario that does with that order; None."""
    weaken = ["--weaken", "%s=%s" % (site, order)]
    for flags in (["--long", "--chance", CHANCE], []):
        for name in names:
            status, out = call([programs[name], *weaken, *flags])
            if status == 1:
                return re.findall(r"^scenario\t(.*)$", out, re.M)[-1]
            if status != 0:
                return "exit status %s" % status
    return None


def check_scenarios(programs, names, pool, want_long):
    flags = ["--sites"] + (["--long"] if want_long else [])
    ran = {n: pool.submit(call, [programs[n], *flags]) for n in names}
    came_by, good = {}, True
    for name, job in ran.items():
        status, out = job.result()
        print("".join(l + "\n" for l in out.splitlines()
                      if not l.startswith(("site\t", "scenario\t"))), end="", flush=True)
        if status != 0:
            print("FAIL %s: exit status %s" % (name, status))
            good = False
        for site, order in sites(out).items():
            came_by.setdefault(site, (order, []))[1].append(name)
    return good, came_by


def check_orders(programs, came_by, pool, want_long):
    known, good, jobs = table(), True, []

    def later(site, order, expected):
        names = came_by[site][1]
        jobs.append((site, order, expected, pool.submit(fails, programs, names, site, order)))

    for site, (order, _) in sorted(came_by.items()):
        named, weakest = known.pop(site, (order, [order]))
        if named != order:
            print("FAIL %s is %s, not %s as in ORDERS.md" % (site, order, named))
            good = False
        for w in below(site, weakest):
            later(site, w, True)
        for w in weakest if want_long and weakest != [order] else ():
            later(site, w, False)
    for site, order, expected, job in jobs:
        failed = job.result()
        ok = (failed is not None) == expected
        good &= ok
        print("%-4s %s as %s: %s" % ("ok" if ok else "FAIL", site, order,
                                     "fails: " + failed if failed else "holds"), flush=True)
    for site in known:
        if any(site.startswith(s.rsplit(":", 3)[0]) for s in came_by):
            print("FAIL ORDERS.md speaks of %s, where no scenario comes by" % site)
            good = False
    return good


def main(argv):
    names = [a for a in argv if not a.startswith("--")] or list(PROGRAMS)
    want_long = "--long" in argv
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="telar-orders-") as where, \
            ThreadPoolExecutor(JOBS) as pool:
        programs = build(where, pool)
        good, came_by = check_scenarios(programs, names, pool, want_long)
        if good and "--scenarios" not in argv:
            good = check_orders(programs, came_by, pool, want_long)
    print("%s in %.0f s" % ("all of it" if good else "FAIL", time.monotonic() - began))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
