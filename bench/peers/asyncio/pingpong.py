#!/usr/bin/python3
import asyncio

from bench import per_op


async def pingpong(n):
    there, back = asyncio.Queue(1024), asyncio.Queue(1024)

    async def odd():
        for _ in range(n):
            await back.put(await there.get())

    task = asyncio.create_task(odd())
    for i in range(n):
        await there.put(i)
        assert await back.get() == i
    await task


per_op("queue ping-pong in one loop", "ns there and back", pingpong)
