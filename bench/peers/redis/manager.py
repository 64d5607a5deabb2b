#!/usr/bin/python3
"""redis over a Unix socket, by its own benchmark: one client, four, and sixteen calls at once."""

import os
import subprocess
import tempfile
import time

from bench import line

ROWS = [
    ("manager get or set, one client", ["-c", "1", "-n", "20000"]),
    ("manager get or set, 4 clients", ["-c", "4", "-n", "40000"]),
    ("manager get or set, pipelined by 16", ["-c", "1", "-P", "16", "-n", "200000"]),
]


def rate(path, options):
    """The mean of its figures for set and get, in calls per second."""
    command = ["redis-benchmark", "-s", path, "-t", "set,get", "--csv", *options]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = [row.split(",") for row in out.splitlines() if row.startswith(('"SET"', '"GET"'))]
    return len(rows) / sum(1 / float(row[1].strip('"')) for row in rows)


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "redis.sock")
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            if os.path.exists(path):
                break
            time.sleep(0.05)
        for claim, options in ROWS:
            line(claim, "calls/s", max(rate(path, options) for _ in range(3)))
    finally:
        server.terminate()
        server.wait()
