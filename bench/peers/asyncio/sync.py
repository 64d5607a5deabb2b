#!/usr/bin/python3
import asyncio

from bench import per_op


async def cond(n):
    changed, turn = asyncio.Condition(), 0

    async def take_turns(odd):
        nonlocal turn
        for _ in range(n):
            async with changed:
                while turn != odd:
                    await changed.wait()
                turn = 1 - turn
                changed.notify()

    await asyncio.gather(take_turns(0), take_turns(1))


async def sem_alone(n):
    unit = asyncio.Semaphore(1)
    for _ in range(n):
        await unit.acquire()
        unit.release()


async def sem(n):
    sides = asyncio.Semaphore(1), asyncio.Semaphore(0)

    async def hand_over(odd):
        for _ in range(n):
            await sides[odd].acquire()
            sides[1 - odd].release()

    await asyncio.gather(hand_over(0), hand_over(1))


def meeting(parties):
    async def run(n):
        barrier = asyncio.Barrier(parties)

        async def meet():
            for _ in range(n):
                await barrier.wait()

        await asyncio.gather(*[meet() for _ in range(parties)])

    return run


per_op("condition ping-pong in one loop", "ns there and back", cond)
per_op("semaphore acquire + release", "ns", sem_alone)
per_op("semaphore ping-pong in one loop", "ns there and back", sem)
per_op("barrier of two tasks in one loop", "ns per round", meeting(2))
per_op("barrier of eight tasks in one loop", "ns per round", meeting(8))
