#!/usr/bin/env python3
"""Run telar's bench programs and their peers, and judge what they measured.

    tools/bench.py BUILD [--peers FOLDER] [--only switch,spawn] [--rounds 5] [--minutes 12]
                   [--json FILE]

A group is a name: BUILD/bench/bench_GROUP is telar's program, FOLDER/PEER/GROUP are the peers'.
Each prints lines `claim<TAB>unit<TAB>value`, and on other lines whatever it wants to say.  Two
groups are driven from here: echo (every server under the same client, bench_load) and rush
(`comprobantes rush` against telar's service and the one in Go).

All programs take turns, round after round, so that what disturbs the machine disturbs them all; a
number is the median of its rounds.  A peer that takes longer than SLOW runs in the first round
only.  A peer that is not there, or fails, is named in one line and left out.  No round is begun
that might end after so many minutes.  The JSON is a list of {claim, unit, telar, peers, best_peer,
ratio, goal, met}, judged by bench/goals.json; beside it go the pictures (GROUP.svg) and the table
for the README (table.md).
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import report  # noqa: E402  (bench/report.py)

LIMIT = 120  # seconds for one run of one program
SLOW = 10  # seconds after which a peer has said enough
LOADS = [
    (100, "TCP echo, 100 connections"),
    (5000, "TCP echo, 5,000 connections"),
    (1, "TCP echo, 1 connection"),
]


class Run:
    """One thing to run: a command of some peer in a group, and what it does to its output."""

    def __init__(self, group, who, command, parse=None, env=None, part=""):
        self.group, self.who, self.command = group, who, [str(c) for c in command]
        self.part = part
        self.parse = parse or parse_lines
        self.env = {**os.environ, **(env or {})}
        self.done = False

    def name(self):
        return f"{self.who}/{self.group}{self.part}"


def parse_lines(text):
    for line in text.splitlines():
        words = line.split("\t")
        if len(words) == 3:
            yield words[0], words[1], float(words[2])


def rush_parser(place):
    """What `comprobantes rush` says at its end, as claims."""
    wanted = [
        ("CPU", "server CPU ms per upload", r"service: .*?, ([\d.]+) ms per upload"),
        ("wall", "s", r"wall_s=([\d.]+)"),
        ("peak memory", "MiB", r"peak_mib=([\d.]+)"),
        ("p99 of the answers", "ms", r"answer +\d+ +\d+ +(\d+)"),
    ]

    def parse(text):
        for what, unit, pattern in wanted:
            found = re.search(pattern, text)
            if found:
                yield f"rush on {place}, {what}", unit, float(found.group(1))
        found = re.search(r"lost=(\d+) wrong=(\d+)", text)
        if found:
            count = int(found.group(1)) + int(found.group(2))
            yield f"rush on {place}, uploads lost or wrong", "uploads", count

    return parse


def is_program(path):
    return path.is_file() and os.access(path, os.X_OK)


def find_peers(folder):
    """{group: {peer: program}} of what was built."""
    found = {}
    if folder and folder.is_dir():
        for path in sorted(folder.glob("*/*")):
            if is_program(path) and path.suffix == "" and path.parent.name != "cargo":
                found.setdefault(path.name, {})[path.parent.name] = path.resolve()
    return found


def echo_runs(build, peers):
    load = (build / "bench" / "bench_load").resolve()
    servers = {"telar": (build / "bench" / "bench_echo").resolve(), **peers.get("echo", {})}
    for n, claim in LOADS:
        for who, server in servers.items():
            yield Run("echo", who, [load, server, n, claim], part=f" ({n:,} connections)")


def rush_runs(build, peers):
    rush = (build / "apps" / "comprobantes" / "comprobantes").resolve()
    if not is_program(rush):
        say(f"{rush} was not built: no rush")
        return
    disk = build / "rush"
    disk.mkdir(exist_ok=True)
    for place, folder in (("disk", disk.resolve()), ("tmpfs", Path("/dev/shm"))):
        for who in ["telar", *peers.get("rush", {})]:
            server = ["--server", peers["rush"][who]] if who != "telar" else []
            command = [rush, "rush", "--quiet", *server]
            env = {"TMPDIR": str(folder)}
            yield Run("rush", who, command, rush_parser(place), env, f" (on {place})")


def plain_runs(build, peers):
    ours = {p.name.removeprefix("bench_"): p.resolve() for p in (build / "bench").glob("bench_*")
            if is_program(p)}
    for group in sorted((set(ours) | set(peers)) - {"echo", "load", "rush"}, key=group_order):
        if group in ours:
            yield Run(group, "telar", [ours[group]])
        for who, path in peers.get(group, {}).items():
            yield Run(group, who, [path])


def group_order(group):
    order = ["switch", "spawn", "pingpong", "queue", "jobs", "price", "lock", "echo", "rush"]
    return (order.index(group) if group in order else len(order), group)


def say(text):
    print(f"bench: {text}", flush=True)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def run_once(run, samples):
    """One run: its numbers join the samples.  A peer that fails is left out from then on."""
    began = time.monotonic()
    try:
        with tempfile.TemporaryFile() as noise:
            answer = subprocess.run(run.command, stdout=subprocess.PIPE, stderr=noise,
                text=True, timeout=LIMIT, check=False, env=run.env)
            noise.seek(0)
            said = noise.read().decode(errors="replace").strip().splitlines()
        problem = f"status {answer.returncode}" if answer.returncode else None
        text = answer.stdout
    except subprocess.TimeoutExpired as late:
        problem, said = f"no end within {LIMIT} s", []
        text = (late.stdout or b"").decode(errors="replace")
    for claim, unit, value in run.parse(text):
        row = samples.setdefault((claim, unit), {"group": run.group, "values": {}})
        row["values"].setdefault(run.who, []).append(value)
    if problem:
        why = f" ({said[-1]})" if said else ""
        say(f"{run.name()} failed: {problem}{why}; it is left out from here on")
        run.done = True
    elif time.monotonic() - began > SLOW and run.who != "telar":
        run.done = True


def measure(runs, rounds, minutes):
    """All runs, round after round; answers the samples and the rounds that there was time for."""
    samples, took, began = {}, {}, time.monotonic()
    for turn in range(rounds):
        next_one = sum(took.get(run, 0) for run in runs if not run.done)
        if turn and time.monotonic() - began + next_one > minutes * 60:
            return samples, turn
        for run in runs:
            if not run.done:
                progress(f"round {turn + 1} of {rounds}: {run.name()}")
                begun = time.monotonic()
                run_once(run, samples)
                took[run] = time.monotonic() - begun
    return samples, rounds


def medians(samples):
    return [{"claim": claim, "unit": unit, "group": row["group"],
        "values": {who: statistics.median(v) for who, v in row["values"].items()}}
        for (claim, unit), row in samples.items()]


def missing_peers(folder, peers):
    """What bench/peers has and the build has not."""
    make = subprocess.run(["make", "-s", "-C", ROOT / "bench" / "peers", "list"],
        stdout=subprocess.PIPE, text=True, check=False)
    for name in make.stdout.split():
        who, group = name.split("/")
        if who not in peers.get(group, {}):
            yield name


def main():
    parser = argparse.ArgumentParser(description="run telar's benches and their peers")
    parser.add_argument("build", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=12)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    peers = find_peers(args.peers)
    wanted = [name for name in args.only.split(",") if name]
    runs = [*plain_runs(args.build, peers), *echo_runs(args.build, peers),
        *rush_runs(args.build, peers)]
    groups = sorted({run.group for run in runs}, key=group_order)
    unknown = [name for name in wanted if name not in groups]
    if unknown:
        sys.exit(f"bench.py: no such bench: {', '.join(unknown)}; there are: {', '.join(groups)}")
    runs = [run for run in runs if not wanted or run.group in wanted]
    if args.peers:
        for name in missing_peers(args.peers, peers):
            say(f"{name} could not be built: left out")

    load = os.getloadavg()[0]
    samples, rounds = measure(runs, args.rounds, args.minutes)
    progress("")
    if not samples:
        sys.exit("bench.py: nothing was measured")
    results = report.judge(medians(samples), ROOT / "bench" / "goals.json")
    note = report.machine(rounds, load, os.getloadavg()[0])
    report.show(results, note)
    if args.json:
        report.write(results, note, args.json)
    if any(run.done and run.who == "telar" for run in runs):
        sys.exit("bench.py: a bench of telar's own failed")


if __name__ == "__main__":
    main()
