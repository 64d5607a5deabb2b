"""What the Python programs without a loop share: bench.h in Python."""

import time

LONG_ENOUGH = 0.1


def line(claim, unit, value):
    print(f"{claim}\t{unit}\t{value:.4g}", flush=True)


def once(run, n):
    began = time.perf_counter()
    run(n)
    return time.perf_counter() - began


def per_op(claim, unit, run):
    """The nanoseconds of one operation: the best of three runs that are long enough."""
    n = 1000
    while once(run, n) < LONG_ENOUGH:
        n *= 2
    line(claim, unit, min(once(run, n) for _ in range(3)) / n * 1e9)
