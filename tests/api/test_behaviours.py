#!/usr/bin/env python3
# limit 120
# once
"""The table of CPython's behaviours names what fails it: a line of the list that no test shows, and
a test that claims what is not in the list.  The whole list is shown."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ["TELAR_SRC"])
TOOL = ROOT / "tools/behaviours.py"


def run(root):
    done = subprocess.run([str(TOOL), str(root), "table.md"], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def main():
    wrong = []
    status, said = run(ROOT)
    text = Path("table.md").read_text(encoding="utf-8") if status == 0 else ""
    sections = [f"D{n}" for n in (*range(1, 9), 19, 20)]
    if status != 0 or any(f"## {n} " not in text for n in sections):
        wrong.append(f"the list is not whole: {said}")
    copy = Path("copy")
    (copy / "docs/cpython").mkdir(parents=True)
    (copy / "tests/talk").mkdir(parents=True)
    names = copy / "docs/cpython/behaviours.txt"
    shutil.copy(ROOT / "tests/talk/test_latch.c", copy / "tests/talk")
    test = copy / "tests/talk/test_one.c"
    for listed, shown, status in [("starts unlocked", "starts unlocked", 0),
            ("starts unlocked\nis held", "starts unlocked", 1), ("starts unlocked", "starts held", 1)]:
        names.write_text(f"D1 Lock\n{listed}\n", encoding="utf-8")
        test.write_text(f"/* D1: {shown} */\nTEST(one)\n{{\n}}\n", encoding="utf-8")
        got = run(copy)
        if got[0] != status or (status and "held" not in got[1]):
            wrong.append(f"listed {listed!r}, shown {shown!r}: {got}")
    print("\n".join(wrong) or "no gap")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
