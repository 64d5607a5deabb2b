#!/usr/bin/env python3
"""The service, with one call of the library to the system failing: it refuses to start and says why
in a line, or it serves or refuses each request; it never crashes, never hangs, and what it has
acknowledged is there afterwards.  Every 7th call of each kind; TELAR_EVERY=1 is all."""
# once
# limit 300

import hashlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, os.environ["TELAR_SRC"] + "/tests/comprobantes")
from service import Connection, Service, check, pdf, same  # noqa: E402

FAULTY = Path(os.environ["TELAR_BUILD"]) / "tests/comprobantes_faulty"
PATIENCE = 100
STEP = int(os.environ.get("TELAR_EVERY", "7"))
LAST = {"once": 400, "on": 400, "odd": 250}


def ask(address, data, patience):
    """Its status; 0: the connection ended; -1: no answer."""
    try:
        with Connection(address) as c:
            c.socket.settimeout(patience)
            type = {"Content-Type": "application/octet-stream"}
            answer = c.request("POST", "/comprobantes?student=f&name=f", data, type)
            return (answer.status, answer.json().get("id")) if answer else (0, None)
    except ConnectionError:
        return 0, None
    except (socket.timeout, TimeoutError):
        return -1, None


def start(fault):
    return subprocess.Popen(
        [FAULTY, "serve", "--data", "data", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=open("stderr.txt", "wb"),
        env={**os.environ, "TELAR_INJECT": fault},
    )


def one(fault, data):
    """The id under which the file was accepted, or None."""
    process = start(fault)
    line = process.stdout.readline().decode()
    if not line:
        code = process.wait(PATIENCE)
        said = Path("stderr.txt").read_text()
        refused = code == 1 or (code == -signal.SIGABRT and "no memory for the calling" in said)
        check(refused and said.count("\n") >= 1, fault, "ends with", code, "and says", repr(said))
        return None
    host, port = line.split()[-1].rsplit(":", 1)
    # What never ends being short is waited for, as tl_serve says; a signal still ends it.
    lasts = fault.startswith("on ")
    status, id = ask((host, int(port)), data, 1 if lasts else PATIENCE)
    # 408: a read may fail with ETIMEDOUT, and what fails for good may leave a request unheard.
    fine = status in (0, 201, 408) or 500 <= status < 600 or (lasts and status == -1)
    check(fine, fault, "is answered", status)
    check(status == 201 or not fault.startswith("odd"), fault, "is no failure, but", status)
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        check(False, fault, "does not end;", Path("stderr.txt").read_text())
    said = Path("stderr.txt").read_text()
    # By itself, before we told it to: it lets go of the signal first, and says why last.  Who asks
    # meanwhile is refused.
    failed = not 0 < status < 500 or "a part of the service failed" in said or "ECANCELED" in said
    ending = failed and code == -signal.SIGTERM
    check(code in (0, 1) or ending, fault, "ends with", code, said)
    return id


if not FAULTY.exists():
    print("comprobantes is not built here, for want of a library")
    sys.exit(77)
accepted = {}
runs = 0
for kind, last in LAST.items():
    for n in range(1, last, STEP):
        data = pdf(f"{kind} {n}", 12_000)
        runs += 1
        if id := one(f"{kind} {n}", data):
            accepted[id] = data
check(accepted, "none was accepted")
check(len(accepted) < runs, "each was accepted")

# Whoever comes next finds all of it, and sends the notices that are owed.
s = Service()
rows = s.rows()
for id, data in accepted.items():
    s.wait_notified(id)
    same(rows[id]["sha256"], hashlib.sha256(data).hexdigest(), id)
    same((s.data / "files" / rows[id]["sha256"]).read_bytes(), data, id)
for id, row in rows.items():
    check((s.data / "files" / row["sha256"]).exists(), id, "has a row and no file")
same(s.end(), 0)
print(f"{runs} faults, {len(accepted)} accepted")
