#!/usr/bin/python3
"""A dict of multiprocessing.Manager: one client, and four."""

import multiprocessing

from bench import line, once

ENOUGH, CLIENTS = 10_000, 4


def get_and_set(d, n):
    for i in range(n // 2):
        d[i % 100] = i
        d[i % 100]


def four(d, n):
    processes = [
        multiprocessing.Process(target=get_and_set, args=(d, n // CLIENTS)) for _ in range(CLIENTS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()


def best(run):
    return ENOUGH / min(once(run, ENOUGH) for _ in range(3))


if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        d = manager.dict()
        line("manager get or set, one client", "calls/s", best(lambda n: get_and_set(d, n)))
        line("manager get or set, 4 clients", "calls/s", best(lambda n: four(d, n)))
