#!/usr/bin/env python3
"""Thousands that send a byte from time to time: in heads, in bodies, in forms.  Each is cut off
when its patience is spent, however many bytes have come; uploads among them are served; and what
they held comes back.  With fewer descriptors than they would take, others are told to come
again."""
# limit 150
# alone

import resource
import select
import threading
from pathlib import Path
from time import monotonic, sleep

from service import Connection, Service, check, form, head, pdf, same, sanitized

COUNT = 500 if sanitized() else 1000
IDLE = 2
VALIDATE_PUT = 5  # seconds that the service waits for its next stage: attach.c

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard < 2 * COUNT + 200:
    print(f"only {hard} descriptors are allowed here")
    raise SystemExit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptors(s):
    return len(list(Path(f"/proc/{s.process.pid}/fd").iterdir()))


class Crowd(threading.Thread):
    """Connections that begin with `first` and go on byte by byte until each has its answer."""

    def __init__(self, s, count, first, more):
        super().__init__()
        self.clients = [Connection(s.address) for _ in range(count)]
        self.first, self.more = first, more
        self.answers = []

    def say(self, c, data):
        try:
            c.socket.send(data, 0x40)  # MSG_DONTWAIT
        except OSError:
            pass  # cut off: what it was told is to be read yet

    def run(self):
        open = {c.socket.fileno(): c for c in self.clients}
        poll = select.poll()
        for fd, c in open.items():
            poll.register(fd, select.POLLIN)
            self.say(c, self.first)
        turn = 0
        while open:
            for fd, _ in poll.poll(20):
                poll.unregister(fd)
                c = open.pop(fd)
                answer = c.answer()
                self.answers.append(answer and answer.status)
                c.socket.close()
            for c in open.values():
                self.say(c, self.more[turn % len(self.more) :][:1])
            turn += 1


def uploads_while(crowd, s, accepted):
    """Uploads one after the other until the crowd is gone.  What those were told that were told to
    come again, but for those that were in when the machine let the next stage stand still."""
    refused, alive = [], True
    while alive:
        alive = crowd.is_alive()
        data = pdf(f"among {len(accepted)}")
        began = monotonic()
        answer = s.upload(data)
        if answer.status == 503:
            if monotonic() - began < VALIDATE_PUT:
                refused.append(answer.body)
            continue
        same(answer.status, 201)
        accepted[answer.json()["id"]] = data
    crowd.join()
    return refused


def quiet(s, fd):
    """Until the service has let go of everything."""
    while s.metric("comprobantes_connections") > 1 or s.metric("comprobantes_uploads") > 0:
        sleep(0.01)
    while descriptors(s) > fd:
        sleep(0.01)


PATH = "/comprobantes?student=slow&name=s"
body, type = form([("student", "a"), ("name", "b"), ("f", "x", "application/pdf", pdf("form"))])
crowds = {
    "heads": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-", b"a"),
    "bodies": (head("POST", PATH, {"Content-Length": 20000}) + b"%PDF-1.4\n", b"a"),
    "chunks": (head("POST", PATH, {"Transfer-Encoding": "chunked"}), b"1\r\na\r\n"),
    "forms": (head("POST", "/comprobantes", {"Content-Length": len(body), "Content-Type": type})
        + body[:10], body[10:11]),
}  # fmt: skip

s, accepted = Service("--idle", str(IDLE)), {}
answer = s.upload(pdf("first"))
accepted[answer.json()["id"]] = pdf("first")
s.wait_notified(answer.json()["id"])
fd = descriptors(s)
for name, (first, more) in crowds.items():
    before = len(accepted)
    crowd = Crowd(s, COUNT, first, more)
    crowd.start()
    same(uploads_while(crowd, s, accepted), [], "a service is refused among slow", name)
    statuses = {k: crowd.answers.count(k) for k in set(crowd.answers)}
    print(f"{COUNT} slow {name} were answered {statuses}; {len(accepted) - before} uploads")
    check(len(accepted) > before, "uploads among slow", name)
    same(statuses, {408: COUNT}, name)
    quiet(s, fd)

# -- more than there are descriptors for

few = fd + 300
resource.prlimit(s.process.pid, resource.RLIMIT_NOFILE, (few, few))
while True:
    crowd = Crowd(s, 250, *crowds["bodies"])
    crowd.start()
    refused = uploads_while(crowd, s, accepted)
    same(set(crowd.answers) | {503}, {408, 503}, "answers to the slow")
    if 503 in crowd.answers:
        break  # else the first were gone before the last had begun: something held us up
    quiet(s, fd)
print(f"with {few} descriptors: {crowd.answers.count(503)} of the slow were told to come again,"
      f" and {len(refused)} others")  # fmt: skip
quiet(s, fd)
same(s.upload(pdf("after")).status, 201)
accepted[s.upload(pdf("after")).json()["id"]] = pdf("after")
for id in accepted:
    s.wait_notified(id)
same(s.end(), 0)
s.audit(accepted)
