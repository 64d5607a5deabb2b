"""Reads the public headers: what is declared, and the comment above each declaration.

A header is a sequence of comments, preprocessor lines and declarations.  A function's comment is
the last one before it with no empty line between; functions that follow one another without a
comment share the one above them.  A comment that begins with "--" opens a section."""

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Function:
    name: str
    declaration: str
    comment: str
    header: "Header"
    section: str
    shares: list = field(default_factory=list)  # all functions of the same comment, in order


@dataclass
class Type:
    name: str
    text: str  # as written, comments included
    open: bool  # its fields can be seen


@dataclass
class Header:
    name: str  # "telar/sync.h"
    comment: str
    functions: list = field(default_factory=list)
    types: dict = field(default_factory=dict)
    sections: list = field(default_factory=list)  # [title and text, [functions]]
    macros: list = field(default_factory=list)  # "TL_GET(q, p, n)"


def plain(comment):
    """The text of a comment: no frame, code lines (a tab after the star) kept as they are."""
    body = comment.strip()[2:-2]
    lines = []
    for line in body.split("\n"):
        line = re.sub(r"^ ?\* ?", "", line) if lines else line.lstrip()
        lines.append(line.rstrip())
    return "\n".join(lines).strip("\n").rstrip()


def items(text):
    """("comment" | "blank" | "code", text) from top to bottom; code is one whole declaration."""
    at, n = 0, len(text)
    while at < n:
        if text[at] == "\n":
            if text.startswith("\n\n", at):
                yield "blank", ""
            at += 1
        elif text.startswith("/*", at):
            end = text.index("*/", at) + 2
            yield "comment", text[at:end]
            at = end
        elif text[at] == "#":
            end = at
            while True:
                end = text.find("\n", end)
                if end < 0 or text[end - 1] != "\\":
                    break
                end += 1
            end = n if end < 0 else end
            yield "directive", text[at:end]
            at = end
        else:
            end = whole(text, at)
            yield "code", text[at:end]
            at = end


def whole(text, at):
    """The end of the declaration that begins at `at`, with a comment on its last line."""
    depth = 0
    while at < len(text):
        if text.startswith("/*", at):
            at = text.index("*/", at)
        elif text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0 and not re.match(r"[^\n]*;", text[at + 1:]):
                return at + 1
        elif text[at] == ";" and depth == 0:
            rest = re.match(r"[ \t]*/\*.*?\*/", text[at + 1:], re.S)
            return at + 1 + (rest.end() if rest else 0)
        at += 1
    return at


def function_of(code):
    """(name, declaration) if code declares or defines a public function."""
    bare = re.sub(r"/\*.*?\*/", "", code, flags=re.S)
    head = re.split(r"[{;]", bare, maxsplit=1)[0]
    head = re.sub(r"\b(TL_API|TL_MUST|static|inline)\b", "", head)
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)+", "", head, flags=re.S)
    head = re.sub(r"\s+", " ", head).strip()
    head = re.sub(r"\( ", "(", head)
    match = re.match(r"[\w\s*]*?\b(tl_\w+)\(.*\)$", head)
    if head.startswith("typedef") or not match:
        return None
    return match[1], head + ";"


def types_of(code):
    if m := re.match(r"typedef struct (\w+) \{.*\}\s*(\w+)\s*;", code, re.S):
        yield Type(m[2], code, True)
    elif m := re.match(r"struct (\w+) \{", code):
        yield Type(m[1], code, True)
    elif m := re.match(r"enum (\w+) \{", code):
        yield Type(m[1], code, True)
    elif m := re.match(r"typedef .*?\b(\w+)\s*(\([^)]*\))?;", code, re.S):
        yield Type(m[1], code, False)


def read(path):
    text = path.read_text(encoding="utf-8").replace('extern "C" {', "")
    text = text.replace(" *\t", " *" + " " * 9).replace("\t", " " * 8)
    text = re.sub(r"#ifdef __cplusplus\n\}\n#endif\n", "\n", text)
    header = Header(f"telar/{path.name}", "")
    comment, sharing, section = "", [], ""
    for kind, item in items(text):
        if kind == "comment":
            comment, sharing = plain(item), []
            if not header.comment:
                header.comment, comment = comment, ""
            elif comment.startswith("--"):
                section = comment
                header.sections.append([section, []])
        elif kind == "blank":
            comment, sharing = "", []
        elif kind == "directive":
            if macro := re.match(r"#define (TL_[A-Z]\w*(\([^)]*\))?) +\S", item):
                if macro[1] not in header.macros and not re.match(r"TL_(API|M|CASE|NO)", macro[1]):
                    header.macros.append(macro[1])
        elif kind == "code":
            if found := function_of(item):
                if not header.sections:
                    header.sections.append(["", []])
                f = Function(*found, comment, header, section, sharing)
                sharing.append(f)
                header.functions.append(f)
                header.sections[-1][1].append(f)
            else:
                header.types.update((t.name, t) for t in types_of(item))
    return header


def read_all(root):
    """Every public header below root/include/telar, in alphabetical order."""
    return [read(p) for p in sorted(Path(root, "include", "telar").glob("*.h"))]
