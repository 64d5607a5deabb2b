#!/usr/bin/python3
"""Python's own logging."""

import logging
import logging.handlers
import os
import queue
import tempfile
import time

from bench import line, per_op

FORMAT = logging.Formatter("%(asctime)s [%(levelname)s] %(threadName)s: %(message)s")
BURST = 100000
root = logging.getLogger()


def info(n):
    for i in range(n):
        root.info("request %d took %d us", i, 42)


def per_line(claim, handler=None):
    if handler:
        handler.setFormatter(FORMAT)
        root.addHandler(handler)
    per_op(claim, "ns", info)
    if handler:
        root.removeHandler(handler)


def through_queue(handler):
    q = queue.Queue(BURST)
    front = logging.handlers.QueueHandler(q)
    root.addHandler(front)
    began = time.perf_counter()
    info(BURST)
    caller = time.perf_counter() - began
    listener = logging.handlers.QueueListener(q, handler)
    listener.start()
    listener.stop()
    whole = time.perf_counter() - began
    line("log line to a queue, its caller", "ns", caller / BURST * 1e9)
    line("log line through a queue to a file", "ns", whole / BURST * 1e9)


per_line("log line that is not wanted")
root.setLevel(logging.INFO)
per_line("log line to /dev/null", logging.FileHandler("/dev/null"))
with tempfile.TemporaryDirectory() as folder:
    file = logging.FileHandler(os.path.join(folder, "log"))
    per_line("log line to a file", file)
    through_queue(file)
