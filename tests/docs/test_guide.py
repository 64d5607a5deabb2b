#!/usr/bin/env python3
# once
# limit 600
"""The guide is true.  Every fenced block of docs/guide says in its first line what it is:

    python              runs under /usr/bin/python3
    c program           compiles without a warning, runs
    c functions         compiles without a warning
    c examples/X.c ARGS stands so in that example, which runs with ARGS
    text                what the blocks above it, up to another text or a heading, print
    text any order      the same, lines in any order
    sh, diagram         for the eye

What runs ends with status 0 and says nothing on stderr.  The Spanish edition has the blocks and
pictures of the English one, README.es.md those of README.md, and both name every example.  In all
of the documentation links lead somewhere, and a name tl_... is one that a header declares."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(os.environ["TELAR_SRC"])
BUILD = Path(os.environ["TELAR_BUILD"])
GUIDE = ROOT / "docs/guide"
FLAGS = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-I", str(ROOT / "include")]
LINK = ["-L", str(BUILD), "-ltelar", f"-Wl,-rpath,{BUILD}"]
HEADS = "".join(f"#include <{h}>\n" for h in ["errno.h", "stdint.h", "stdio.h", "telar.h"])


@dataclass
class Block:
    page: Path
    line: int
    words: list
    text: str
    wanted: list = field(default_factory=list)
    any_order: bool = False
    shown: bool = False     # its output is

    def where(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def read(page):
    """The blocks of a page with what they must print, and its prose."""
    blocks, prose, above = [], [], []
    block = None
    for n, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = line.startswith("```")
        if block is None and fence:
            block = Block(page, n, line[3:].split(), "")
        elif block is None:
            prose.append(line)
            if line.startswith("#"):
                above = []
        elif not fence:
            block.text += line + "\n"
        else:
            blocks.append(block)
            if block.words[:1] == ["text"]:
                for b in above:
                    b.wanted, b.shown = block.text.splitlines(), True
                    b.any_order = block.words[1:] == ["any", "order"]
                above = []
            else:
                above.append(block)
            block = None
    return blocks, "\n".join(prose)


def run(block, command):
    p = subprocess.run(command, capture_output=True, text=True, check=False)
    got = p.stdout.splitlines()
    if p.returncode or p.stderr:
        return f"{block.where()}: status {p.returncode}, {p.stderr.strip()}"
    order = sorted if block.any_order else list
    if block.shown and order(got) != order(block.wanted):
        return f"{block.where()}: prints {got}, not {block.wanted}"
    return None


def compiled(block, name, more):
    source = Path(name + ".c")
    source.write_text(block.text if more else HEADS + block.text, encoding="utf-8")
    command = ["cc", *FLAGS, str(source), "-o", name, *(more or ["-c", "-Wno-unused-function"])]
    p = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"{block.where()}: {p.stderr}" if p.returncode else None


def check(block):
    name = f"b_{block.page.stem}_{block.line}"
    match block.words:
        case ["python"]:
            Path(name + ".py").write_text(block.text, encoding="utf-8")
            return run(block, ["/usr/bin/python3", name + ".py"])
        case ["c", "program"]:
            return compiled(block, name, LINK) or run(block, ["./" + name])
        case ["c", "functions"]:
            return compiled(block, name, None)
        case ["c", example, *args] if (ROOT / example).is_file():
            if block.text not in (ROOT / example).read_text(encoding="utf-8"):
                return f"{block.where()}: {example} has it otherwise"
            return run(block, [str((BUILD / example).with_suffix("")), *args])
        case ["text"] | ["text", "any", "order"] | ["sh"] | ["diagram"]:
            return None
    return f"{block.where()}: a block of what kind? {block.words}"


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def astray(page, prose, names):
    """Links that lead nowhere, and names that no header declares."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        if re.match(r"https?://", target):
            continue
        there = (page.parent / path) if path else page
        if not there.exists():
            yield f"{page.relative_to(ROOT)}: {target} is not there"
        elif anchor and anchor not in map(slug, re.findall(r"^#+ (.*)$", there.read_text(), re.M)):
            yield f"{page.relative_to(ROOT)}: no heading {target}"
    for name in sorted(set(re.findall(r"\btl_\w*[a-z0-9]\b(?!_)", prose)) - names):
        yield f"{page.relative_to(ROOT)}: no header declares {name}"


def twins(english, spanish):
    """What is not the same in both editions of a chapter."""
    if not spanish.exists():
        return f"{spanish.relative_to(ROOT)} is missing"
    (ours, our_prose), (theirs, their_prose) = read(english), read(spanish)
    picture = r"!\[[^]]*\]\(([^)]+)\)"
    for a, b in zip(ours, theirs):
        if (a.words, a.text) != (b.words, b.text):
            return f"{b.where()}: not the block of {a.where()}"
    if len(ours) != len(theirs):
        return f"{spanish.relative_to(ROOT)}: {len(theirs)} blocks, not {len(ours)}"
    if re.findall(picture, our_prose) != re.findall(picture, their_prose):
        return f"{spanish.relative_to(ROOT)}: other pictures"
    return None


def unnamed(page):
    """The examples that a README leaves out."""
    prose = page.read_text(encoding="utf-8")
    for example in sorted((ROOT / "examples").glob("*.c")):
        if f"`{example.stem}`" not in prose:
            yield f"{page.name}: does not name {example.name}"


def main():
    text = "".join(h.read_text(encoding="utf-8") for h in (ROOT / "include/telar").glob("*.h"))
    names = set(re.findall(r"\btl_\w+", text))
    chapters = sorted((GUIDE / "en").glob("*.md"))
    known = {c.name for c in chapters}
    wrong = [f"{p}: no English chapter" for p in (GUIDE / "es").glob("*.md") if p.name not in known]
    wrong += filter(None, (twins(c, GUIDE / "es" / c.name) for c in chapters))
    wrong += filter(None, [twins(ROOT / "README.md", ROOT / "README.es.md")])
    wrong += [u for name in ["README.md", "README.es.md"] for u in unnamed(ROOT / name)]
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for page in sorted(pages):
        wrong += astray(page, read(page)[1], names)
    blocks = [b for c in [ROOT / "README.md", *chapters] for b in read(c)[0]]
    with ThreadPoolExecutor(2) as pool:
        wrong += filter(None, pool.map(check, blocks))
    print("\n".join(wrong) or f"{len(chapters)} chapters, {len(blocks)} blocks")
    return 1 if wrong or len(blocks) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())
