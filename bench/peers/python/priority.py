#!/usr/bin/python3
"""Python's queue.PriorityQueue with 1,000 items pending."""

import queue
import random
import threading

from bench import per_op

q = queue.PriorityQueue()


def turn(n, seed):
    number = random.Random(seed)
    for _ in range(n):
        q.put(number.getrandbits(63))
        q.get()


def one(n):
    turn(n, 1)


def two(n):
    both = [threading.Thread(target=turn, args=(n // 2, i)) for i in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()


for i in range(1000):
    q.put(i << 53)
per_op("priority queue, 1,000 pending, put + get", "ns", one)
per_op("priority queue, 1,000 pending, two threads", "ns", two)
