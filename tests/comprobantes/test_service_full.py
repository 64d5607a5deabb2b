#!/usr/bin/env python3
"""A full service says so with 503 and Retry-After, and whoever tries again is served; uploads that
pause hold up nobody."""
# limit 180

import signal

from service import Service, check, head, pdf, same

COUNT = 200
PATH = "/comprobantes?student=f&name=f"

s = Service("--queue", "1", "--idle", "3600")
files = [pdf(k, 20_000) for k in range(COUNT)]

# All of them have sent half a file before the service sees the first: more than it reads at once.
s.process.send_signal(signal.SIGSTOP)
clients = []
for data in files:
    c = s.connect()
    c.send(head("POST", PATH, {"Content-Length": len(data)}) + data[:9_000])
    clients.append(c)
s.process.send_signal(signal.SIGCONT)

# One that comes later is served while the others pause.
quick = pdf("quick")
while (answer := s.upload(quick)).status == 503:
    pass
same(answer.status, 201)
accepted = {answer.json()["id"]: quick}

refused = 0
for c, data in zip(clients, files):
    try:
        c.send(data[9_000:])
    except (BrokenPipeError, ConnectionResetError):
        pass
    answer = c.answer()
    check(answer, "no answer")
    while answer.status == 503:
        refused += 1
        same((answer.headers["retry-after"], answer.headers["connection"]), ("1", "close"))
        check("again" in answer.error(), answer.error())
        answer = s.request("POST", PATH, data)
    same(answer.status, 201)
    accepted[answer.json()["id"]] = data
    c.socket.close()
check(refused > 0, "the service was never full")
check(s.metric('comprobantes_rejected_total{reason="busy"}') >= refused, "it counts them")
for id in accepted:
    s.wait_notified(id)
same(s.end(), 0)
s.audit(accepted)
print(refused, "were told to come again")
