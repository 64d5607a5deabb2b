#!/usr/bin/python3
"""multiprocessing.Process, started and joined: by fork; and, said beside, by forkserver."""

import mmap
import multiprocessing
import time

from bench import line, once

STARTS, FEW = 200, 20


def nothing():
    pass


def starter(method):
    context = multiprocessing.get_context(method)

    def run(n):
        for _ in range(n):
            process = context.Process(target=nothing)
            process.start()
            process.join()

    return run


def best(run, n):
    return min(once(run, n) for _ in range(3)) / n * 1e6


if __name__ == "__main__":
    line("process, start + wait", "us", best(starter("fork"), STARTS))
    print(f"by forkserver: {best(starter('forkserver'), FEW):.0f} us")
    much = mmap.mmap(-1, 2 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    much.madvise(mmap.MADV_NOHUGEPAGE)
    for at in range(0, len(much), 4096):
        much[at] = 1
    began = time.perf_counter()
    starter("fork")(FEW)
    line("process, start + wait from 2 GiB", "us", (time.perf_counter() - began) / FEW * 1e6)
