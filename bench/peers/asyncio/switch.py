#!/usr/bin/python3
import asyncio

from bench import per_op


async def yield_n(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def yields(n):
    await asyncio.gather(yield_n(n // 2), yield_n(n // 2))


per_op("scheduled yield, two tasks", "ns per switch", yields)
