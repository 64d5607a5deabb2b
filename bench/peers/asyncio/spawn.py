#!/usr/bin/python3
import asyncio
import os
import time

from bench import line, once, per_op, status

MILLION = 1000000


async def nothing():
    pass


async def one_at_a_time(n):
    for _ in range(n):
        await asyncio.create_task(nothing())


async def all_of(n):
    await asyncio.gather(*[nothing() for _ in range(n)])


async def parked(n):
    asleep = 0

    async def sleeper():
        nonlocal asleep
        asleep += 1
        await asyncio.sleep(3600)

    rss, tables, began = status("VmRSS:"), status("VmPTE:"), time.perf_counter()
    tasks = [asyncio.create_task(sleeper()) for _ in range(n)]
    while asleep < n:
        await asyncio.sleep(0)
    line("1,000,000 parked, time to park all", "s", time.perf_counter() - began)
    rss, tables = status("VmRSS:") - rss, status("VmPTE:") - tables
    line("1,000,000 parked, resident", "bytes each", rss / len(tasks))
    line("1,000,000 parked, with page tables", "bytes each", (rss + tables) / len(tasks))
    os._exit(0)  # a million sleepers need no waking


per_op("spawn + join, one at a time", "ns", one_at_a_time)
line("spawn 1,000,000, then wait", "ns per task", once(all_of, MILLION) / MILLION * 1e9)
line("spawn 1,000,000, peak", "MB", status("VmHWM:") / 1e6)
once(parked, MILLION)
