#!/usr/bin/env python3
"""Rights that are missing and things that are taken away while the service runs: no upload is
accepted that is not kept, every one is answered, and when all is well again so is the service."""
# limit 180

import os
import shutil
import subprocess
import sys
from pathlib import Path

from service import PROGRAM, Service, check, need_program, pdf, same

need_program()

# Root may do what its rights forbid, unless it is told that it may not.
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
PREFIX = BOUND if os.geteuid() == 0 else []
Path("closed").mkdir(mode=0)
try:
    able = subprocess.run([*PREFIX, "ls", "closed"], stderr=subprocess.DEVNULL).returncode != 0
except FileNotFoundError:
    able = False
if not able:
    print("this root cannot give up its right to all files")
    sys.exit(77)

# -- rights that are missing at the beginning

Path("whole").mkdir()
s = Service(data="whole/data")
kept = s.upload(pdf("kept"))
same(kept.status, 201)
same(s.end(), 0)
for part, mode in [
    (".", 0o500), (".", 0), ("files", 0o500), ("files", 0), ("maildir", 0),
    ("maildir/new", 0o500), ("maildir/new", 0), ("comprobantes.db", 0o400),
]:  # fmt: skip
    shutil.copytree("whole/data", "data")
    Path("data", part).chmod(mode)
    done = subprocess.run(
        [*PREFIX, PROGRAM, "serve", "--data", "data", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    same(done.returncode, 1, part, oct(mode))
    same(len(done.stderr.splitlines()), 1, done.stderr)
    check("the right" in done.stderr, part, oct(mode), done.stderr)
    Path("data", part).chmod(0o700)
    same((Path("data/comprobantes.db").read_bytes(), set(os.listdir("data"))),
         (Path("whole/data/comprobantes.db").read_bytes(), set(os.listdir("whole/data"))),
         "nothing has changed")  # fmt: skip
    shutil.rmtree("data")

# -- and in the middle: told to the sender, and to whoever reads the log

s, accepted = Service(prefix=PREFIX), {}


def take(data):
    answer = s.upload(data)
    check(answer.status in (200, 201), answer.body)
    accepted[answer.json()["id"]] = data
    return answer.json()["id"]


def log():
    return Path("stderr.txt").read_text()


s.wait_notified(take(pdf("before")))
Path("data/files").chmod(0o500)
answer = s.upload(pdf("closed"))
same(answer.status, 500)
check("EACCES" in log(), log())
Path("data/files").chmod(0o700)
s.wait_notified(take(pdf("open")))

# A notice that cannot be delivered is owed, and delivered when it can be.
Path("data/maildir/new").chmod(0o500)
id = take(pdf("owed"))
while f"the notice of {id} could not be delivered" not in log():
    pass
Path("data/maildir/new").chmod(0o700)
s.wait_notified(id)
same(s.end(), 0)
s.audit(accepted)

# -- what is taken away: nothing is promised that is nowhere, and all is well if it comes back

for part, status in (("data", 500), ("data/files", 201), ("data/comprobantes.db", 500)):
    s, accepted = Service(), {}
    s.wait_notified(take(pdf("first")))
    Path(part).rename("away")
    answer = s.upload(pdf("second"))
    same(answer.status, status, part, "has moved away")
    if status == 201:
        accepted[answer.json()["id"]] = pdf("second")
    Path("away").rename(part)
    for id in [*accepted, take(pdf("second")), take(pdf("third"))]:
        s.wait_notified(id)
    shutil.rmtree(part) if Path(part).is_dir() else Path(part).unlink()
    same(s.upload(pdf("fourth")).status, 500, part, "is gone")
    same(s.end(), 0)
    if part == "data/files":
        same(accepted.keys(), s.rows().keys(), part)
    shutil.rmtree("data", ignore_errors=True)
