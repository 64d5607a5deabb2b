#!/usr/bin/env python3
"""The table "CPython behaviour - our test":  tools/behaviours.py ROOT [OUT]

docs/cpython/behaviours.txt lists what is promised; a comment above a test, as in

    /* D1: starts unlocked */
    TEST(starts_unlocked)

says which line of the list it shows, in the same words.  A line that no test shows, and a comment
that is not in the list, is an error."""

import re
import sys
from pathlib import Path

CLAIM = re.compile(r"\b(D\d+): (.*)")
HEAD = """# CPython's behaviour, and the test of ours that holds it

Made by tools/behaviours.py from docs/cpython/behaviours.txt and the comments above the tests.  What
is said of threads holds for tasks too.  "Differs" is where telar does otherwise on purpose.  CPython's
own tests of locks and queues run besides, see tests/python.
"""


def read_list(path):
    """[(number, title, [(text, differs)])]"""
    sections = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if m := re.match(r"(D\d+) (.*)", line):
            sections.append((m[1], m[2], []))
        else:
            sections[-1][2].append((line.removeprefix("~ "), line.startswith("~ ")))
    return sections


def read_tests(root):
    """{(number, text): [test]}: the claims in the comment right above each TEST."""
    shown = {}
    for path in sorted(Path(root, "tests").glob("*/test_*.c")):
        source = path.read_text(encoding="utf-8")
        above = r"((?:/\*(?:(?!\*/).)*\*/\s*)+)"
        test = r"TEST\w*\(\s*(\w+)"
        for m in re.finditer(above + test, source, re.S):
            for comment in re.findall(r"/\*(.*?)\*/", m[1], re.S):
                for number, text in claims(comment):
                    shown.setdefault((number, text), []).append((path, m[2]))
    return shown


def claims(comment):
    flat = re.sub(r"\n\s*\*?\s*", "\n", comment.strip())
    flat = re.sub(r"\n(?!D\d+: )", " ", flat)
    for line in flat.split("\n"):
        if m := CLAIM.match(line.strip()):
            yield m[1], " ".join(m[2].split()).rstrip(".")


def table(root, sections, shown):
    out = HEAD
    for number, title, lines in sections:
        out += f"\n## {number} {title}\n\n| behaviour | test |\n|---|---|\n"
        for text, differs in lines:
            tests = ", ".join(f"{p.relative_to(root)} `{name}`" for p, name in shown[number, text])
            out += f"| {'*differs:* ' if differs else ''}{text} | {tests} |\n"
    return out


def main():
    root = Path(sys.argv[1])
    sections = read_list(root / "docs/cpython/behaviours.txt")
    shown = read_tests(root)
    promised = {(number, text) for number, _, lines in sections for text, _ in lines}
    wrong = [f"no test shows {n}: {t}" for n, t in sorted(promised - shown.keys())]
    wrong += [f"{shown[c][0][0].relative_to(root)}: {shown[c][0][1]} shows {c[0]}: {c[1]}, which is not in "
        "the list" for c in sorted(shown.keys() - promised)]
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 1
    text = table(root, sections, shown)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
