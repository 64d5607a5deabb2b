#!/usr/bin/env python3
# limit 120
"""The shared library exports exactly what the public headers declare."""

import os
import re
import subprocess
import sys
from pathlib import Path

HEADERS = Path(os.environ["TELAR_SRC"], "include")
LIBRARY = Path(os.environ["TELAR_BUILD"], "libtelar.so")
ENTRY = {"__libc_start_main", "GLIBC_2.34"}  # see src/plat/start/main.c


def declared():
    names = set()
    for header in [*HEADERS.glob("*.h"), *HEADERS.glob("telar/*.h")]:
        text = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.DOTALL)
        text = re.sub(r"//.*", " ", text)
        text = re.sub(r"^\s*#.*(?:\\\n.*)*", " ", text, flags=re.MULTILINE)
        for declaration in re.findall(r"\bTL_API\b([^;{]*)", text):
            names.add(re.search(r"(\w+)\s*(?:\(|$)", declaration)[1])
    return names


def exported():
    command = ["nm", "-D", "--defined-only", "-P", str(LIBRARY)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {line.split()[0].partition("@")[0] for line in answer.stdout.splitlines()}
    return {name for name in names if not name.startswith("TELAR_")}


def main():
    promised, kept = declared(), exported()
    if not ENTRY <= kept:
        print("__libc_start_main is not exported: no process could be started")
    promised |= ENTRY
    for name in sorted(promised - kept):
        print(f"{name}: declared in a public header, not in the library")
    for name in sorted(kept - promised):
        print(f"{name}: exported, and in no public header")
    if not promised:
        print("no declarations found: the headers have changed their shape")
    return 0 if promised and promised == kept else 1


if __name__ == "__main__":
    sys.exit(main())
