#!/usr/bin/env python3
# once
# limit 120
"""tools/floors.py sees what it is there to see: a small house with one breach of each kind."""

import os
import subprocess
import sys
from pathlib import Path

TOOL = Path(os.environ["TELAR_SRC"], "tools", "floors.py")

SOUND = {
    "include/telar/base.h": "int tl_base(void);\n",
    "src/plat/plat.h": "#ifdef __linux__\nint plat_low(void);\n#endif\n",
    "src/plat/plat.c": '#include "plat.h"\n#include <stdio.h>\nint plat_low(void) { return 1; }\n',
    "src/wait/wait.h": "int wait_mid(void);\n",
    "src/wait/wait.c": '#include "plat/plat.h"\n#include "wait.h"\n#include <telar/base.h>\n'
    "int plat_low(void);\nint wait_mid(void) { return plat_low(); }\n",
    "src/kit/kit.c": "#include <telar/base.h>\nint tl_kit(void) { return tl_base(); }\n",
    "apps/a/a.h": "#define A 1\n",
    "apps/a/a.c": '#include "a.h"\n#include <telar/base.h>\nint main(void) { return A; }\n',
}

# What is added to the sound house, and the one line that is expected for it.
BREACHES = {
    "a floor includes a higher one": (
        {"src/plat/up.c": '#include "wait/wait.h"\n'},
        "src/plat/up.c:1: include: wait/wait.h: wait is above plat",
    ),
    "by a relative path": (
        {"src/plat/up.c": '\n#include "../wait/wait.h"\n'},
        "src/plat/up.c:2: include: ../wait/wait.h: wait is above plat",
    ),
    "in angle brackets": (
        {"src/plat/up.c": "#include <wait/wait.h>\n"},
        "src/plat/up.c:1: include: wait/wait.h: wait is above plat",
    ),
    "a header that is nowhere": (
        {"src/wait/lost.c": '#include "lost.h"\n'},
        'src/wait/lost.c:1: include: there is no "lost.h"',
    ),
    "an application sees the inside": (
        {"apps/a/in.c": '#include "plat/plat.h"\n'},
        "apps/a/in.c:1: include: plat/plat.h: apps see only public headers and their own folder",
    ),
    "an example sees an application": (
        {"examples/e.c": '#include "../apps/a/a.h"\n'},
        "examples/e.c:1: include: ../apps/a/a.h: examples see only public headers and their own"
        " folder",
    ),
    "the kit sees the inside": (
        {"src/kit/in.c": '#include "wait/wait.h"\n'},
        "src/kit/in.c:1: include: wait/wait.h: the kit is built from public headers alone",
    ),
    "a public header sees the inside": (
        {"include/telar/in.h": "#include <plat/plat.h>\n"},
        "include/telar/in.h:1: include: plat/plat.h: a public header includes only public headers",
    ),
    "a lower floor calls a higher one": (
        {"src/plat/call.c": "int wait_mid(void);\nint plat_call(void) { return wait_mid(); }\n"},
        "src/plat:0: symbol: wait_mid is defined above, in wait",
    ),
    "a CPU outside plat": (
        {"src/wait/cpu.c": "# if defined(__x86_64__)\n#endif\n"},
        "src/wait/cpu.c:1: ifdef: __x86_64__ outside src/plat",
    ),
    "an OS in a public header": (
        {"include/telar/os.h": "#ifdef __linux__\n#endif\n"},
        "include/telar/os.h:1: ifdef: __linux__ outside src/plat",
    ),
    "a long file": (
        {"src/wait/long.c": "\n" * 501},
        "src/wait/long.c:501: length: more than 500 lines",
    ),
    "a long public header": (
        {"include/telar/long.h": "\n" * 201},
        "include/telar/long.h:201: length: more than 200 lines",
    ),
    "a wide line": (
        {"src/wait/wide.c": "/*" + "\t" * 12 + "tele */\n"},
        "src/wait/wide.c:1: length: more than 100 columns",
    ),
}


def make_house(root, extra):
    for name, text in {**SOUND, **extra}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    build = root / "build"
    build.mkdir()
    for floor in ("plat", "wait"):
        # Only what can be compiled: the breaches in includes are for the eye alone.
        sources = [f"src/{floor}/{floor}.c"]
        sources += [name for name in extra if name == f"src/{floor}/call.c"]
        objects = []
        for source in sources:
            objects.append(str(build / (Path(source).stem + ".o")))
            command = ["cc", "-c", "-Isrc", "-Iinclude", source, "-o", objects[-1]]
            subprocess.run(command, cwd=root, check=True)
        subprocess.run(["ar", "rcs", str(build / f"libfloor_{floor}.a"), *objects], check=True)
    return build


def floors(name, extra):
    root = Path(name.replace(" ", "_")).resolve()
    build = make_house(root, extra)
    command = [sys.executable, str(TOOL), "--build", str(build), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def main():
    failed = 0
    answer = floors("sound", {})
    if answer.returncode != 0:
        print(f"a sound house: {answer.stdout}{answer.stderr}")
        failed += 1
    for name, (extra, expected) in BREACHES.items():
        answer = floors(name, extra)
        if answer.returncode != 1 or answer.stdout != expected + "\n":
            print(f"{name}: exit {answer.returncode}, expected:\n  {expected}\nfound:")
            print(f"{answer.stdout}{answer.stderr}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
