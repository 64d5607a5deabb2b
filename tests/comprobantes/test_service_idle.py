#!/usr/bin/env python3
"""3,000 connections that say nothing cost little and hinder nobody."""
# limit 60
# alone

import resource

from service import Service, check, pdf, same, sanitized

COUNT = 3000

soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if hard < COUNT + 200:
    print(f"only {hard} descriptors are allowed here")
    raise SystemExit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

s = Service()
same(s.upload(pdf(0)).status, 201)
before = s.metric("process_resident_memory_bytes")
idle = [s.connect() for _ in range(COUNT)]
while s.metric("comprobantes_connections") < COUNT:
    pass
same(s.upload(pdf(1)).status, 201)
each = (s.metric("process_resident_memory_bytes") - before) / COUNT
print(f"{each / 1024:.1f} KiB per idle connection")
check(each < 16384 or sanitized(), "an idle connection is to cost less than 16 KiB")

# Every one of them still works, also after the others, and half of them leave.
for c in idle[::2]:
    same(c.request("GET", "/healthz").body, b"ok\n")
for c in idle[1::2]:
    c.socket.close()
while s.metric("comprobantes_connections") > COUNT / 2 + 1:
    pass
for c in idle[::2]:
    same(c.request("GET", "/healthz").status, 200)
same(s.end(), 0)
for c in idle[::2]:
    check(c.at_end(), "an idle connection was closed at the end")
