#!/usr/bin/env python3
"""10,000 connections that say nothing cost little and hinder nobody: uploads among them are served,
each of them still works, and what they cost comes back when they go, or when their time is over."""
# limit 240
# alone

import re
import resource
import select
import threading
from pathlib import Path
from time import sleep

from service import Connection, Service, check, jpeg, pdf, png, same, sanitized

COUNT = 2000 if sanitized() else 10000
UPLOADS = 40
KEEP = 3

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard < COUNT + 200:
    print(f"only {hard} descriptors are allowed here")
    raise SystemExit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def memory(s):
    """What the service holds that is no file's, in bytes."""
    status = Path(f"/proc/{s.process.pid}/status").read_text()
    return 1024 * int(re.search(r"RssAnon:\s+(\d+) kB", status)[1])


def descriptors(s):
    return len(list(Path(f"/proc/{s.process.pid}/fd").iterdir()))


def wait_connections(s, test):
    """Until the number of connections, less the one that asks, passes the test."""
    while not test(s.metric("comprobantes_connections") - 1):
        sleep(0.01)


def connect(s, count):
    # A client's address has about 28,000 ports, some of them still waiting after earlier tests, and
    # perhaps after these: where such a port is bound to an address, it is nobody's for a minute.
    return [Connection(s.address, source=f"127.0.0.{2 + k % 200}") for k in range(count)]


def connect_all(s, count):
    made = connect(s, count)
    wait_connections(s, lambda n: n >= count)
    return made


def upload(s, tag, accepted):
    """Uploads, one after the other and four at once; all are accepted."""

    def some(k):
        for n in range(k, UPLOADS, 4):
            data = (pdf, png, jpeg)[n % 3](f"{tag} {n}")
            answer = s.upload(data, student=f"s{k}")
            if answer.status == 201:
                accepted[answer.json()["id"]] = data

    threads = [threading.Thread(target=some, args=(k,)) for k in range(4)]
    before = len(accepted)
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(len(accepted) - before, UPLOADS, "uploads", tag)
    for id in list(accepted)[before:]:
        s.wait_notified(id)


# -- idle, and gone again

s, accepted = Service("--connections", str(COUNT + 100)), {}
upload(s, "before", accepted)
wait_connections(s, lambda n: n == 0)
fd, before = descriptors(s), memory(s)  # perhaps one too many: who asked may not be gone yet
idle = connect_all(s, COUNT)
each = (memory(s) - before) / COUNT
print(f"{each / 1024:.2f} KiB per idle connection, {COUNT} of them")
check(each < 8192 or sanitized(), "an idle connection is to cost less than 8 KiB")
upload(s, "among", accepted)

# Every one of them still works, also after the others, and half of them leave.
for c in idle[::2]:
    same(c.request("GET", "/healthz").body, b"ok\n")
for c in idle[1::2]:
    c.socket.close()
wait_connections(s, lambda n: n <= COUNT / 2)
for c in idle[::2]:
    same(c.request("GET", "/healthz").status, 200)
for c in idle[::2]:
    c.socket.close()
wait_connections(s, lambda n: n == 0)
left = memory(s) - before
print(f"{left / 1024:.0f} KiB are kept of {each * COUNT / 1024:.0f}")
check(left < each * COUNT / 4 or sanitized(), "the memory of connections comes back")
while descriptors(s) > fd:
    sleep(0.01)

# A second crowd leaves no more behind than the first.
for c in connect_all(s, COUNT):
    c.socket.close()
wait_connections(s, lambda n: n == 0)
more = memory(s) - before - left
check(more < 1 << 20 or sanitized(), "a second crowd leaves", more, "bytes more")
idle = connect_all(s, COUNT // 10)
same(s.end(), 0)
for c in idle:
    check(c.at_end(), "an idle connection was closed at the end")
    c.socket.close()
s.audit(accepted)

# -- idle for too long: closed, and the uploads are not

options = ("--connections", str(COUNT + 100), "--keep", str(KEEP), "--idle", "3600")
s, accepted = Service(*options, data="kept"), {}
idle = connect(s, COUNT // 2)  # the first may be gone before the last has come
slow = pdf("slow")
active = s.connect()
half = len(slow) // 2
active.send(b"POST /comprobantes?student=slow&name=s HTTP/1.1\r\nHost: x\r\n"
            b"Content-Length: %d\r\n\r\n" % len(slow) + slow[:half])  # fmt: skip
while select.select([c.socket for c in idle[:1]], [], [], 0)[0] == []:
    upload(s, f"until {len(accepted)}", accepted)
wait_connections(s, lambda n: n == 1)
for c in idle:
    check(c.at_end(), "an idle connection was closed in time")
    c.socket.close()
active.send(slow[half:])
answer = active.answer()
same(answer.status, 201, "an upload may take longer than a connection may be idle")
accepted[answer.json()["id"]] = slow
active.socket.close()
s.wait_notified(answer.json()["id"])
same(s.end(), 0)
s.audit(accepted)
