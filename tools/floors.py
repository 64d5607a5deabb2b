#!/usr/bin/env python3
"""Hold the floors of the house apart.

    tools/floors.py [--build BUILD] [ROOT]

Folder = floor: plat < base < wait < run < talk < io < kit.  What is checked:

  include   a file of src/F includes its own folder, lower floors, public headers and the system's;
            kit, apps and examples only their own folder, public headers and the system's
  symbol    (with --build) no archive libfloor_F.a needs a symbol that only a higher floor defines
  ifdef     names of an OS or a CPU stand in preprocessor conditions only in src/plat
  length    files of at most 500 lines, public headers of at most 200, lines of at most 100 columns

Prints one line per breach, `path:line: kind: what`, and exits 1 if there is any.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

FLOORS = ["plat", "base", "wait", "run", "talk", "io", "kit"]
PUBLIC_ONLY = ["apps", "examples"]
MAX_LINES, MAX_HEADER_LINES, MAX_COLUMNS, TAB = 500, 200, 100, 8
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
CONDITION = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif)\b(.*)")
SYSTEMS = re.compile(
    r"\b(__linux__|__linux|linux|__gnu_linux__|__unix__|__GLIBC__|__ANDROID__|__APPLE__|_WIN32"
    r"|__FreeBSD__|__x86_64__|__x86_64|__amd64__|__i386__|__aarch64__|__arm__|__riscv"
    r"|__ARM_ARCH\w*|__SSE\w*|__AVX\w*)\b"
)
CODE = {".c", ".h", ".S", ".cc"}


class House:
    def __init__(self, root):
        self.root = root
        self.breaches = []

    def breach(self, path, line, kind, what):
        self.breaches.append(f"{path.relative_to(self.root)}:{line}: {kind}: {what}")

    def files(self, *folders):
        for folder in folders:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in CODE and path.is_file():
                    yield path


def numbered(path):
    return enumerate(path.read_text(errors="replace").splitlines(), 1)


# -- include -------------------------------------------------------------------------------------


def included_file(house, path, quote, name):
    """The file of this tree that an #include names; None for the system's."""
    places = [house.root / "src", house.root / "include", house.root / "tests"]
    if quote == '"':
        places.insert(0, path.parent)
    for place in places:
        candidate = (place / name).resolve()
        if candidate.is_file() and candidate.is_relative_to(house.root):
            return candidate
    return None


def may_include(house, path, target):
    """Why path may not include target, or None if it may."""
    if target.is_relative_to(house.root / "include") or target.parent == path.parent:
        return None
    own = path.relative_to(house.root).parts
    other = target.relative_to(house.root).parts
    if own[0] == "include":
        return "a public header includes only public headers"
    if own[0] in PUBLIC_ONLY:
        return f"{own[0]} see only public headers and their own folder"
    if own[1] not in FLOORS:
        return f"src/{own[1]} is no floor"
    if own[1] == "kit":
        return "the kit is built from public headers alone"
    if other[0] != "src" or other[1] not in FLOORS:
        return "this is outside src"
    if FLOORS.index(other[1]) > FLOORS.index(own[1]):
        return f"{other[1]} is above {own[1]}"
    return None


def check_includes(house):
    for path in house.files("src", "include", *PUBLIC_ONLY):
        for number, line in numbered(path):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = included_file(house, path, *found.groups())
            if target is None and found[1] == '"':
                house.breach(path, number, "include", f'there is no "{found[2]}"')
            reason = target and may_include(house, path, target)
            if reason:
                house.breach(path, number, "include", f"{found[2]}: {reason}")


# -- symbol --------------------------------------------------------------------------------------


def symbols(archive, *options):
    answer = subprocess.run(
        ["nm", "-P", *options, archive], capture_output=True, text=True, check=True
    )
    names = set()
    for line in answer.stdout.splitlines():
        words = line.split()
        if len(words) >= 2:
            names.add(words[0])
    return names


def check_symbols(house, build):
    archives = {}
    for floor in FLOORS:
        archive = build / f"libfloor_{floor}.a"
        if archive.is_file():
            archives[floor] = archive
    if not archives:
        sys.exit(f"floors.py: no libfloor_*.a in {build}")
    defines = {f: symbols(a, "--defined-only", "--extern-only") for f, a in archives.items()}
    for i, floor in enumerate(FLOORS):
        if floor not in archives:
            continue
        missing = symbols(archives[floor], "--undefined-only")
        for below in FLOORS[: i + 1]:
            missing -= defines.get(below, set())
        for above in FLOORS[i + 1 :]:
            for name in sorted(missing & defines.get(above, set())):
                where = house.root / "src" / floor
                house.breach(where, 0, "symbol", f"{name} is defined above, in {above}")


# -- ifdef, length -------------------------------------------------------------------------------


def check_conditions(house):
    for path in house.files("src", "include"):
        if path.is_relative_to(house.root / "src" / "plat"):
            continue
        for number, line in numbered(path):
            condition = CONDITION.match(line)
            found = condition and SYSTEMS.search(condition[1])
            if found:
                house.breach(path, number, "ifdef", f"{found[1]} outside src/plat")


def check_lengths(house):
    for path in house.files("src", "include", "apps", "examples", "bench", "tests"):
        lines = 0
        for number, line in numbered(path):
            lines = number
            if path.suffix in (".c", ".h") and len(line.expandtabs(TAB)) > MAX_COLUMNS:
                house.breach(path, number, "length", f"more than {MAX_COLUMNS} columns")
        public = path.is_relative_to(house.root / "include")
        most = MAX_HEADER_LINES if public else MAX_LINES
        if lines > most:
            house.breach(path, lines, "length", f"more than {most} lines")


def main():
    parser = argparse.ArgumentParser(description="check the floors of the house")
    parser.add_argument("root", nargs="?", default=Path(__file__).parent.parent, type=Path)
    parser.add_argument("--build", type=Path, help="a build folder, for the symbols")
    args = parser.parse_args()

    house = House(args.root.resolve())
    check_includes(house)
    check_conditions(house)
    check_lengths(house)
    if args.build:
        check_symbols(house, args.build)
    print("\n".join(house.breaches or ["the floors hold"]))
    return 1 if house.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
