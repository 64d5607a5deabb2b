#!/usr/bin/env python3
# Python's multiprocessing: SimpleQueue for what streams, Pipe for what goes there and back.
import multiprocessing as mp
import time

from bench import line

ROUNDS, SMALL, LARGE, TRIPS = 3, b'x' * 64, b'x' * 65536, 5000
fork = mp.get_context('fork')


def produce(q, what, n):
    for _ in range(n):
        q.put(what)


def stream(what, n):
    q = fork.SimpleQueue()
    began = time.perf_counter()
    p = fork.Process(target=produce, args=(q, what, n))
    p.start()
    for _ in range(n):
        q.get()
    p.join()
    return n / (time.perf_counter() - began)


def echo(end):
    for _ in range(TRIPS):
        end.send_bytes(end.recv_bytes())


def ping_pong():
    here, there = fork.Pipe()
    p = fork.Process(target=echo, args=(there,))
    p.start()
    began = time.perf_counter()
    for _ in range(TRIPS):
        here.send_bytes(SMALL[:8])
        here.recv_bytes()
    took = time.perf_counter() - began
    p.join()
    return took / TRIPS * 1e6


line('shared queue 64 B, 1 to 1', 'M msg/s', max(stream(SMALL, 50000) for _ in range(ROUNDS)) / 1e6)
line('shared queue ping-pong', 'us', min(ping_pong() for _ in range(ROUNDS)))
line('64 KiB messages', 'GB/s', max(stream(LARGE, 5000) for _ in range(ROUNDS)) * 65536 / 1e9)
