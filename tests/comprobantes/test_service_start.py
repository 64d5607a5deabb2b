#!/usr/bin/env python3
"""A bad beginning ends in one line that says what is wrong and what to do, and leaves nothing."""
# limit 180

import os
import socket
import sqlite3
import subprocess
from pathlib import Path

from service import PROGRAM, Service, check, need_program, pdf, same

need_program()


def tree(path="."):
    return sorted(str(p) for p in Path(path).rglob("*"))


def fails(status, *words, args, command="serve"):
    before = tree()
    done = subprocess.run(
        [str(PROGRAM), *([command] if command else []), *args],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    same(done.returncode, status, args, done.stderr)
    same(done.stdout, "", args)
    lines = done.stderr.splitlines()
    same(len(lines), 1, args, done.stderr)
    check(lines[0].startswith("comprobantes: "), lines)
    for word in words:
        check(word in lines[0], word, "is not in", lines[0])
    same(tree(), before, "left behind by", args)


# -- usage: 2

fails(2, "serve or rush", args=[], command=None)
fails(2, "'sreve'", "--help", args=[], command="sreve")
fails(2, "--data", args=[])
fails(2, "--data", args=["--data"])
fails(2, "--data", args=["--data="])
fails(2, "'--dta'", args=["--dta", "d"])
fails(2, "'d'", args=["d"])
for value in ("", "0", "-1", "x", "1.5", "1e99", "nan", "2048k"):
    fails(2, "--limit", args=["--data", "d", "--limit", value])
for value in ("", "0", "-1", "x", "inf", "nan"):
    fails(2, "--drain", args=["--data", "d", "--drain=" + value])

# -- the address: 1

taken = socket.socket()
taken.bind(("127.0.0.1", 0))
taken.listen()
port = taken.getsockname()[1]
fails(1, f"127.0.0.1:{port}", "in use", args=["--data", "d", "--listen", f"127.0.0.1:{port}"])
for address in ("127.0.0.1:99999", "127.0.0.1", "127.0.0.1:x", "nowhere:80", "300.0.0.1:80"):
    fails(1, address, "--listen", args=["--data", "d", "--listen", address])
fails(1, "192.0.2.1", "--listen", args=["--data", "d", "--listen", "192.0.2.1:0"])

# -- the folder: 1

ANY = ["--listen", "127.0.0.1:0"]
fails(1, "no/d", "does not exist", args=["--data", "no/d", *ANY])
Path("file").write_text("x")
fails(1, "file", "--data", args=["--data", "file", *ANY])
fails(1, "file/d", "--data", args=["--data", "file/d", *ANY])
fails(1, "/proc/d", args=["--data", "/proc/d", *ANY])
Path("odd").mkdir()
Path("odd/files").write_text("a file where a folder should be")
fails(1, "odd", "--data", args=["--data", "odd", *ANY])
if os.geteuid() != 0:
    Path("closed").mkdir(mode=0o500)
    fails(1, "closed", "right", args=["--data", "closed", *ANY])

# -- the database: 1

for name, content in [
    ("text", b"this is not a database, and quite long for a text that is none" * 100),
    ("short", b"SQLite format 3\0"),
]:
    Path(name).mkdir()
    Path(name, "comprobantes.db").write_bytes(content)
    fails(1, "comprobantes.db", "backup", args=["--data", name, *ANY])

good = Service(data="good")
for k in range(30):
    same(good.upload(pdf(k)).status, 201)
same(good.end(), 0)
whole = Path("good/comprobantes.db").read_bytes()
Path("good/comprobantes.db").write_bytes(whole[:4096] + os.urandom(8192) + whole[12288:])
fails(1, "comprobantes.db", "backup", args=["--data", "good", *ANY])
Path("other").mkdir()
with sqlite3.connect("other/comprobantes.db") as db:
    db.execute("CREATE TABLE receipts(something)")
db.close()
before = Path("other/comprobantes.db").read_bytes()
fails(1, "comprobantes.db", "backup", args=["--data", "other", *ANY])
Path("newer").mkdir()
with sqlite3.connect("newer/comprobantes.db") as db:
    db.execute("PRAGMA user_version = 99")
db.close()
fails(1, "comprobantes.db", "newer", args=["--data", "newer", *ANY])

# -- two services in one folder

first = Service(data="shared")
fails(1, "shared", "in use", args=["--data", "shared", *ANY])
same(first.upload(pdf(1)).status, 201)
same(first.end(), 0)
same(Service(data="shared").end(), 0)

# -- many that begin at once in a folder that is not there: one of them serves, the others take
#    nothing of its away

for turn in range(8):
    data = Path(f"rush-{turn}")
    args = [str(PROGRAM), "serve", "--data", str(data), *ANY]
    pipe = subprocess.PIPE
    many = [subprocess.Popen(args, stdout=pipe, stderr=pipe, text=True) for _ in range(8)]
    serving = [p for p in many if p.stdout.readline()]
    same(len(serving), 1, "services in one folder")
    for p in many:
        if p not in serving:
            check("is in use" in p.stderr.read(), "why it does not serve")
            same(p.wait(), 1)
    same({"comprobantes.db", "files", "maildir"} - {p.name for p in data.iterdir()}, set())
    serving[0].terminate()
    same(serving[0].wait(), 0)

# -- help is no failure

for args in (["--help"], ["serve", "--help"]):
    done = subprocess.run([str(PROGRAM), *args], stdout=subprocess.PIPE, text=True)
    same(done.returncode, 0)
    check("--data" in done.stdout, done.stdout)
