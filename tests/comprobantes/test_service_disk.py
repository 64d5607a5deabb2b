#!/usr/bin/env python3
"""A full disk: 507, nothing left behind, and all is well again when there is room."""
# limit 180

import os
import subprocess
import sys
from pathlib import Path

if os.environ.get("TELAR_OWN_MOUNTS") != "1":
    # A mount of our own, which ends with us however we end.
    os.environ["TELAR_OWN_MOUNTS"] = "1"
    Path("disk").mkdir()
    unshare = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    mount = "mount -t tmpfs -o size=6m,mode=700 telar disk"
    try:
        able = subprocess.run([*unshare, "sh", "-c", mount], stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        able = None
    if not able or able.returncode != 0:
        print("this user may not mount a small disk to fill")
        sys.exit(77)
    os.execvp(
        "unshare",
        [*unshare, "sh", "-c", f'{mount} && exec "$0" "$@"', sys.executable, *sys.argv],
    )

from service import PROGRAM, Service, check, chunked, form, head, pdf, same


def room():
    return os.statvfs("disk").f_bavail * os.statvfs("disk").f_frsize


def fill(leave):
    """Make the free room about `leave` bytes, by a file that grows or shrinks."""
    with open("disk/filler", "ab", buffering=0) as f:
        while room() > leave:
            try:
                f.write(bytes(min(room() - leave, 65536)))
            except OSError:
                return  # the service was faster
        if room() < leave:
            f.truncate(max(0, f.tell() - (leave - room())))


s = Service(data="disk/data")
accepted = {}
answer = s.upload(pdf("before", 500_000))
same(answer.status, 201)
accepted[answer.json()["id"]] = pdf("before", 500_000)
s.wait_notified(answer.json()["id"])

# -- no room for the file: by length, in chunks, and as a form

files = s.files()
fill(leave=200_000)
left = room()
data = pdf("full", 800_000)
body, type = form([("student", "a"), ("name", "b"), ("f", "x", "application/pdf", data)])
with s.connect() as c:
    same(c.request("POST", "/comprobantes?student=a&name=b", data).status, 507)
with s.connect() as c:
    c.send(head("POST", "/comprobantes?student=a&name=b", {"Transfer-Encoding": "chunked"}))
    try:
        c.send(chunked(data, 50_000))
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = c.answer()
    same(answer.status, 507)
    check("full" in answer.error(), answer.error())
same(s.request("POST", "/comprobantes", body, {"Content-Type": type}).status, 507)
while s.metric("comprobantes_uploads") > 0:
    pass
same(s.files(), files, "nothing is left")
same(room(), left, "no byte is left")

# -- with less and less room: every answer is 201 or 507, and true

for k in range(40):
    fill(leave=80_000 - 2_000 * k)
    data = pdf(f"tight {k}", 10_000)
    answer = s.upload(data, student=f"t{k}")
    check(answer.status in (201, 507), answer.status, answer.body)
    if answer.status == 201:
        accepted[answer.json()["id"]] = data

# -- room again: accepted, and the notices that were owed go out

os.unlink("disk/filler")
answer = s.upload(pdf("after", 800_000))
same(answer.status, 201)
accepted[answer.json()["id"]] = pdf("after", 800_000)
for id in accepted:
    s.wait_notified(id)
same(s.end(), 0)
s.audit(accepted)

# -- no room to begin with

fill(leave=0)
done = subprocess.run(
    [str(PROGRAM), "serve", "--data", "disk/new", "--listen", "127.0.0.1:0"],
    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
same(done.returncode, 1, done.stdout)
same(len(done.stderr.splitlines()), 1, done.stderr)
check("full" in done.stderr, done.stderr)
check(not Path("disk/new").exists(), "the folder is gone again")
