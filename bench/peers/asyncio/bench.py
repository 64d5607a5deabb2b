"""What the Python programs share: bench.h in Python."""

import asyncio
import time

LONG_ENOUGH = 0.1


def line(claim, unit, value):
    print(f"{claim}\t{unit}\t{value:.4g}", flush=True)


def once(run, n):
    """Seconds that the coroutine run(n) takes in a loop of its own."""

    async def main():
        began = time.perf_counter()
        await run(n)
        return time.perf_counter() - began

    return asyncio.run(main())


def best(run):
    """The nanoseconds of one operation: the best of three runs that are long enough."""
    n = 1000
    while once(run, n) < LONG_ENOUGH:
        n *= 2
    return min(once(run, n) for _ in range(3)) / n * 1e9


def per_op(claim, unit, run):
    line(claim, unit, best(run))


def status(name):
    """A line "Name:  123 kB" of /proc/self/status, in bytes."""
    with open("/proc/self/status", encoding="ascii") as f:
        for text in f:
            if text.startswith(name):
                return float(text.split()[1]) * 1024
    return 0.0
