#!/usr/bin/env python3
# once
# limit 180
"""Every function that the library exports has a manual page, which says what it is, how it is
called and what else to read, and which groff takes without a warning; one that may wait says that
it is a cancel point.  A function without a comment of its own is refused."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ["TELAR_SRC"])
BUILD = Path(os.environ["TELAR_BUILD"])


def exported():
    command = ["nm", "-D", "--defined-only", "-P", str(BUILD / "libtelar.so")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    symbols = [line.split()[:2] for line in answer.stdout.splitlines()]
    return {name.partition("@")[0] for name, kind in symbols if name.startswith("tl_") and kind == "T"}


def faults(page):
    text = page.read_text(encoding="utf-8")
    drawn = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(page)],
        capture_output=True, text=True, check=False)
    if drawn.returncode or drawn.stderr:
        yield f"groff: {drawn.stderr.strip()}"
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION"]:
        if not re.search(rf"^\.SH {section}\n.", text, re.M):
            yield f"no {section}"
    call = re.search(r"\n\.B (\w[^\n]*\((?:.|\n)*?\);)", text)
    if page.suffix == ".3" and call and re.search(r"tl_time \w+\);$", call[1]):
        if not re.search(r"[Cc]ancel\s+point", text):
            yield "may wait, and does not say that it is a cancel point"


def refuses_what_is_not_commented():
    """A comment taken away, one shared, one that leans on the one above: each is named."""
    copy = Path("copy")
    shutil.copytree(ROOT / "include", copy / "include")
    shutil.copytree(ROOT / "examples", copy / "examples")
    header = copy / "include/telar/future.h"
    whole = header.read_text(encoding="utf-8")
    fail = re.search(r"/\* Fill f with the failure.*?\*/\n", whole, re.S)[0]
    for change in [whole.replace("\n" + fail, "\n"), whole.replace(fail, ""),
            whole.replace(fail, "/* Errors: as above. */\n")]:
        header.write_text(change, encoding="utf-8")
        run = subprocess.run([str(ROOT / "tools/man.py"), str(copy), "out"], capture_output=True,
            text=True, check=False)
        if change == whole or run.returncode != 1 or "tl_future_fail" not in run.stderr:
            yield f"tl_future_fail without its comment is not refused: {run.stderr}"


def main():
    pages = {p.stem: p for p in (BUILD / "docs").glob("*.[37]")}
    wrong = [f"{name}: no page" for name in sorted(exported() - pages.keys())]
    for page in sorted(pages.values()):
        wrong += [f"{page.name}: {fault}" for fault in faults(page)]
        named = re.findall(r"\\fB(\w+)\\fP\(3\)", page.read_text(encoding="utf-8"))
        wrong += [f"{page.name}: sends to {name}, no page" for name in named if name not in pages]
    wrong += refuses_what_is_not_commented()
    print("\n".join(wrong) or f"{len(pages)} pages")
    return 1 if wrong or len(pages) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
