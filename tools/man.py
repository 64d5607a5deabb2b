#!/usr/bin/env python3
"""The manual pages, out of the headers:  tools/man.py ROOT OUT | --list ROOT

One page of section 3 per public function, from the comment above it, and one of section 7 per
header.  A function without a comment of its own is an error: the headers are the only source.
With --list, the names of the pages and nothing else."""

import re
import sys
from pathlib import Path

import headers

VERSION = "telar 0.1.0"
ERRORS = {  # what a status means where the comment says no more
    "-EAGAIN": "TL_POLL was given, and the call would have waited.",
    "-EBUSY": "Taken already, or in use by another.",
    "-ECANCELED": "The caller was asked to stop: a scope around it is cancelled or past its deadline.",
    "-EDEADLK": "The call would wait for the caller itself.",
    "-EINVAL": "An argument or an option makes no sense.",
    "-EMFILE": "Out of descriptors.",
    "-EMSGSIZE": "It does not fit; nothing was consumed.",
    "-ENFILE": "The system is out of descriptors.",
    "-ENOMEM": "Out of memory.",
    "-ENOSPC": "Out of room.",
    "-ENOTRECOVERABLE": "Lost for good.",
    "-ENOTSUP": "This system or this build cannot.",
    "-EOVERFLOW": "Beyond a limit that was set.",
    "-EOWNERDEAD": "The owner ended holding it; the caller does not hold it.",
    "-EPERM": "Not the caller's to do.",
    "-EPIPE": "Closed, or ended.",
    "-ESRCH": "No such strand, any more.",
    "-ETIMEDOUT": "The deadline passed.",
}
INSIDE = "tl_case_make"  # what the macros of a header use, and nobody else
MARKS = r"(?<![\w-])(Errors?(?: of its own| also)?|Ownership|Source|Example):\s*"
CODE = r"-E[A-Z]+"
TEXT = r"\((?:[^()]|\([^()]*\))*\)"


def escape(text):
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("^", r"\(ha")
    return re.sub(r"^\.", r"\\&.", text, flags=re.M)


def highlight(text):
    """Names of functions in bold, as manual pages have them."""
    return re.sub(r"\b(tl_[a-z_]+)\b(?!\.h)", r"\\fB\1\\fP", escape(text))


def code_block(lines):
    return "\n.PP\n.in +4n\n.EX\n" + escape("\n".join(lines)) + "\n.EE\n.in\n"


def prose(text):
    """Paragraphs; lines that begin with a tab (eight spaces by now) are code."""
    out, code, words = [], [], []

    def flush():
        if words:
            out.append(".PP\n" + highlight(" ".join(words)) + "\n")
            words.clear()
        if code:
            out.append(code_block(code))
            code.clear()

    for line in text.split("\n") + [""]:
        if line.startswith("        "):
            if words:
                flush()
            code.append(line[8:])
        elif line.strip():
            if code:
                flush()
            words.append(re.sub(r"\s+", " ", line.strip()))
        else:
            flush()
    return "".join(out)


def first_sentence(text):
    line = re.sub(r"\s+", " ", re.split(r"\n\n|\n        ", text)[0]).strip()
    line = re.sub(r"^-- ", "", line)
    line = re.split(r"(?<=[\w)\"'])[.:;] |[.:;]$", line)[0]
    while len(line) > 100 and ", " in line:
        line = line.rpartition(", ")[0]
    if re.match(r"[A-Z][a-z]* ", line):
        line = line[0].lower() + line[1:]
    return line


def split_comment(text):
    """{"": description, "Errors": ..., "Ownership": ..., "Source": ..., "Example": ...}.  Errors end
    with their sentence; what follows it is description again."""
    parts = re.split(MARKS, text)
    found = {"": parts[0].rstrip()}
    for mark, rest in zip(parts[1::2], parts[2::2]):
        kind = "Errors" if mark.startswith("Error") else mark
        bare = re.sub(TEXT, lambda m: " " * len(m[0]), rest)
        end = re.search(r"\.(?=\s|$)", bare)
        stop = end.end() if end and kind != "Source" else len(rest)
        found[kind] = (found.get(kind, "") + " " + rest[:stop]).strip()
        if rest[stop:].strip():
            found[""] += ("\n" if rest[stop:].startswith("\n") else " ") + rest[stop:].strip("\n")
    return found


def errors(text):
    """A list of what each status means; then what is said beside the list."""
    flat = re.sub(r"\s+", " ", text)
    out, left = "", flat
    for m in re.finditer(rf"({CODE}(?:, {CODE})*?)(?: ({TEXT}))?(?=[,.;:] ?|$| and )", flat):
        codes = re.findall(CODE, m[1])
        for code in codes:
            said = m[2][1:-1].strip() if m[2] and code == codes[-1] else ""
            said = said[0].upper() + said[1:] + "." if said else ERRORS.get(code, "As the system means it.")
            out += f".TP\n.B {escape(code)}\n{highlight(said)}\n"
        left = left.replace(m[0], "", 1)
    left = re.sub(r"^[\s,.;:]+|[\s,;:]+$", "", re.sub(r"\s*,(\s*,)+", ",", left))
    if re.search(r"\w\w", left):
        out += ".PP\n" + highlight("Also: " + left) + "\n"
    return out


def types_for(function, every):
    """The types in its declaration whose fields a caller fills or reads, and those they name."""
    names = [t for t in re.findall(r"\btl_\w+", function.declaration) if t != function.name]
    found = []
    for name in names:
        kind = every.get(name)
        if not kind or not kind.open or name in ("tl_time", "tl_span", "tl_strand") or kind in found:
            continue
        found.append(kind)
        names += [t for t in re.findall(r"\btl_\w+", re.sub(r"/\*.*?\*/", "", kind.text, flags=re.S))
            if t.endswith("_opts") or (every.get(t) and every[t].text.startswith("enum"))]
    return found


def head(name, section, date="2026"):
    return f'.TH "{name}" "{section}" "{date}" "{VERSION}" "telar"\n.nh\n.ad l\n'


def declaration(text):
    """In the manner of manual pages: bold, arguments in italics left plain."""
    return ".B " + escape(text).replace("\n", "\n.B ") + "\n"


def example_of(root, text):
    path = re.search(r"examples/\w+\.c", text)
    if not path:
        return prose(text)
    source = (root / path[0]).read_text(encoding="utf-8").replace("\t", "        ").rstrip().split("\n")
    if len(source) > 70:
        return f".PP\nSee {escape(path[0])}.\n"
    return f".PP\n{escape(path[0])}:\n" + code_block(source)


def function_page(root, f, every):
    parts = split_comment(f.comment)
    page = head(f.name, 3) + f".SH NAME\n{f.name} \\- {escape(first_sentence(parts['']))}\n"
    page += ".SH SYNOPSIS\n.nf\n" + declaration("#include <telar.h>") + "\n"
    page += declaration(wrap(f.declaration)) + ".fi\n"
    page += ".SH DESCRIPTION\n" + prose(parts[""])
    if types := types_for(f, every):
        page += ".SH TYPES\n" + "".join(code_block(t.text.split("\n")) for t in types)
    kind, _, about = next(title for title, fs in f.header.sections if f in fs)[3:].partition(":")
    if "Errors" in parts:
        page += ".SH ERRORS\n" + errors(parts["Errors"])
    if "Ownership" in parts:
        page += ".SH OWNERSHIP\n" + prose(parts["Ownership"])
    if "Source" in parts:
        page += ".SH SOURCE\n" + prose(parts["Source"])
    if "Example" in parts:
        page += ".SH EXAMPLES\n" + example_of(root, parts["Example"])
    if about:
        page += ".SH NOTES\n" + prose(" ".join(kind.split()).capitalize() + ":" + about)
    near = next(fs for _, fs in f.header.sections if f in fs)
    others = [g.name for g in near if g is not f] or [g.name for g in f.header.functions if g is not f]
    others = [f"\\fB{n}\\fP(3)" for n in others if n != INSIDE] + [f"\\fB{page_of(f.header)}\\fP(7)"]
    return page + ".SH SEE ALSO\n" + ",\n".join(others) + "\n"


def wrap(text):
    """A declaration that is too long for a line, broken at its commas."""
    lines, line = [], ""
    for piece in re.findall(r"[^,]+,?", text):
        if len(line) + len(piece) > 74:
            lines.append(line)
            line = "        " + piece.strip()
        else:
            line += piece
    return "\n".join(lines + [line])


def page_of(header):
    return "telar_" + Path(header.name).stem


def header_page(h):
    title, _, about = h.comment.partition(" - ")
    page = head(page_of(h), 7) + f".SH NAME\n{page_of(h)} \\- {escape(first_sentence(about))}\n"
    page += ".SH SYNOPSIS\n.nf\n" + declaration(f"#include <{title.strip()}>") + ".fi\n"
    page += ".SH DESCRIPTION\n" + prose(about[0].upper() + about[1:])
    if h.macros:
        page += ".SH MACROS\n.nf\n" + declaration("\n".join(h.macros)) + ".fi\n.SH FUNCTIONS\n"
    for title, functions in h.sections:
        if title:
            name, _, text = title[3:].partition(":")
            page += f".SS {escape(' '.join(name.split()))}\n" + (prose(text.strip()) if text else "")
        for f in (f for f in functions if f.name != INSIDE):
            page += f".TP\n\\fB{f.name}\\fP(3)\n{escape(first_sentence(f.comment))}\n"
    return page


def check(functions):
    """Every function has a comment of its own, and it stands alone."""
    wrong = []
    for f in functions:
        if not f.comment or f.comment.startswith("--"):
            wrong.append(f"{f.header.name}: {f.name} has no comment")
        elif f.shares[0] is not f:
            wrong.append(f"{f.header.name}: {f.name} has no comment of its own")
        elif re.search(r"\b(as|see) above\b|: the same\b", f.comment):
            wrong.append(f"{f.header.name}: {f.name} leans on the comment above it")
    return wrong


def main():
    listing = sys.argv[1] == "--list"
    root = Path(sys.argv[2 if listing else 1])
    every = headers.read_all(root)
    functions = [f for h in every for f in h.functions if f.name != INSIDE]
    pages = {f.name + ".3": f for f in functions} | {page_of(h) + ".7": h for h in every}
    if listing:
        print("\n".join(pages))
        return 0
    if wrong := check(functions):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    types = {name: t for h in every for name, t in h.types.items()}
    out = Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    for name, of in pages.items():
        text = header_page(of) if name.endswith("7") else function_page(root, of, types)
        (out / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
