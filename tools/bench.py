#!/usr/bin/env python3
"""Run the bench programs of a build and print what they measured.

    tools/bench.py BUILD [--only switch,spawn] [--rounds 5] [--json FILE]

A program BUILD/bench/bench_NAME prints lines `claim<TAB>unit<TAB>value`, and on other lines
whatever it wants to say.  The programs take turns, round after round, so that what disturbs the
machine disturbs them all; a claim's number is the median of its rounds, and its spread the distance
from its lowest to its highest in per cent of that.  The JSON is a list of {claim, unit, telar}.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

LIMIT = 300  # seconds for one run of one program


def programs(build, only):
    """The chosen programs, by name."""
    found = {}
    for path in sorted((build / "bench").glob("bench_*")):
        if path.is_file() and os.access(path, os.X_OK):
            found[path.name.removeprefix("bench_")] = path
    wanted = [name for name in only.split(",") if name]
    unknown = [name for name in wanted if name not in found]
    if unknown:
        sys.exit(f"bench.py: no such bench: {', '.join(unknown)}; there are: {', '.join(found)}")
    return {name: found[name] for name in wanted or found}


def run_once(name, path, samples):
    """One run: its numbers join the samples, in the order in which claims first came."""
    answer = subprocess.run(
        [path], stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=False
    )
    if answer.returncode != 0:
        sys.exit(f"bench.py: bench_{name} failed with status {answer.returncode}\n{answer.stdout}")
    for line in answer.stdout.splitlines():
        words = line.split("\t")
        if len(words) == 3:
            samples.setdefault((words[0], words[1]), []).append(float(words[2]))


def number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def show(text):
    """Progress, for a person who watches."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def machine():
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}"


def table(samples):
    rows = [("claim", "median", "unit", "spread")]
    for (claim, unit), values in samples.items():
        middle = statistics.median(values)
        spread = 100 * (max(values) - min(values)) / abs(middle) if middle else 0
        rows.append((claim, number(middle), unit, f"{spread:.0f} %"))
    width = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        cells = (row[0].ljust(width[0]), row[1].rjust(width[1]), row[2].ljust(width[2]),
            row[3].rjust(width[3]))
        print("  ".join(cells))


def main():
    parser = argparse.ArgumentParser(description="run telar's benches")
    parser.add_argument("build", type=Path)
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()

    chosen = programs(args.build, args.only)
    samples = {}
    for turn in range(args.rounds):
        for name, path in chosen.items():
            show(f"round {turn + 1} of {args.rounds}: {name}")
            run_once(name, path.resolve(), samples)
    show("")
    if not samples:
        sys.exit("bench.py: nothing was measured")

    print(f"{machine()}; median of {args.rounds} rounds")
    table(samples)
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        results = [
            {"claim": claim, "unit": unit, "telar": statistics.median(values)}
            for (claim, unit), values in samples.items()
        ]
        args.json.write_text(json.dumps(results, indent=1) + "\n")
        print(f"also in {args.json}")


if __name__ == "__main__":
    main()
