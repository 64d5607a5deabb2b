#!/usr/bin/python3
"""Python's own pools, of two workers: multiprocessing's, its threads, and concurrent.futures'."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import Pool
from multiprocessing.pool import ThreadPool

from bench import line, once

MANY = 100000


def twice(x):
    return 2 * x


def submits(pool):
    def run(n):
        for _ in range(n):
            pool.apply(twice, (1,))

    return run


def maps(pool, chunk):
    return lambda n: pool.map(twice, range(n), chunk)


def best(run, n):
    return min(once(run, n) for _ in range(3)) / n


def idle(run):
    def one():
        time.sleep(0.003)
        return once(run, 1)

    return min(one() for _ in range(100))


def rates(name, pool):
    line(f"{name} pool, 100,000 tiny jobs, chunk 1", "M jobs/s", 1e-6 / best(maps(pool, 1), MANY))
    line(f"{name} pool, chunked map", "M jobs/s", 1e-6 / best(maps(pool, None), MANY))


def main():
    with ThreadPool(2) as pool:
        line("thread pool, submit one, wait", "ns", best(submits(pool), 1000) * 1e9)
        rates("thread", pool)
    with Pool(2) as pool:
        line("process pool, submit one, wait", "us", best(submits(pool), 1000) * 1e6)
        line("process pool, submit one after idling", "us", idle(submits(pool)) * 1e6)
        rates("process", pool)


def executor():
    """The other pool of processes, for who asks: not faster, so it prints no claim."""
    with ProcessPoolExecutor(2) as pool:
        run = lambda n: [pool.submit(twice, 1).result() for _ in range(n)]  # noqa: E731
        print("ProcessPoolExecutor, submit one, wait:", best(run, 300) * 1e6, "us")


if __name__ == "__main__":
    main()
    executor()
