#!/usr/bin/env python3
"""SIGTERM in the middle: what has begun is finished, nothing accepted is lost, the rest is told."""
# limit 180

import signal

from service import Connection, Service, check, head, pdf, same

PATH = "/comprobantes?student=d&name=r"


# -- uploads that have begun get their answer; idle connections end at once

for sig in (signal.SIGTERM, signal.SIGINT):
    s = Service("--drain", "3600", "--idle", "3600", data=f"data-{sig}")
    accepted = {}
    data = [pdf(k, 100_000) for k in range(20)]
    busy = []
    for d in data:
        c = s.connect()
        c.send(head("POST", PATH, {"Content-Length": len(d)}) + d[:50_000])
        busy.append(c)
    idle = [s.connect() for _ in range(50)]
    same(idle[0].request("GET", "/healthz").status, 200)
    late = s.connect()
    late.send(b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: x\r\n")
    while s.metric("comprobantes_uploads") < len(data):
        pass

    s.process.send_signal(sig)
    for c in idle:
        check(c.at_end(), "an idle connection ends")
    late.send(b"Content-Length: 5\r\n\r\n")
    answer = late.answer()
    same(answer.status, 503, "an upload that begins now")
    same((answer.headers["connection"], answer.headers["retry-after"]), ("close", "1"))
    for c, d in zip(busy, data):
        c.send(d[50_000:])
        answer = c.answer()
        same(answer.status, 201)
        same(answer.headers["connection"], "close")
        accepted[answer.json()["id"]] = d
    for c in busy + [late]:
        c.socket.close()
    same(s.process.wait(), 0, "exit status")
    s.audit(accepted)

# -- one that never goes on is cut off when the drain is over

s = Service("--drain", "0.3")
stuck = s.connect()
stuck.send(head("POST", PATH, {"Content-Length": 100_000}) + pdf(1, 50_000))
ok = s.upload(pdf(2))
same(ok.status, 201)
while s.metric("comprobantes_uploads") < 1:
    pass
same(s.end(), 0, "exit status")
s.audit({ok.json()["id"]: pdf(2)})

# -- a second SIGINT ends it at once

s = Service("--drain", "3600", data="data-second")
stuck = s.connect()
stuck.send(head("POST", PATH, {"Content-Length": 100_000}) + pdf(1, 50_000))
idle = s.connect()
same(idle.request("GET", "/healthz").status, 200)
while s.metric("comprobantes_uploads") < 1:
    pass
s.process.send_signal(signal.SIGINT)
check(idle.at_end(), "it drains")
same(s.end(signal.SIGINT), -signal.SIGINT, "exit status")
same(s.files(), set())
