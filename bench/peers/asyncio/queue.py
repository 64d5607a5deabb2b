#!/usr/bin/python3
import asyncio

from bench import best, line


async def stream(n):
    q = asyncio.Queue(128)

    async def reader():
        for _ in range(n):
            await q.get()

    task = asyncio.create_task(reader())
    for i in range(n):
        await q.put(i)
    await task


line("bounded queue (128), one loop", "M items/s", 1000 / best(stream))
