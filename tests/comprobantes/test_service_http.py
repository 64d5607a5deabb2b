#!/usr/bin/env python3
"""Clients that do it wrong: malformed requests, slow ones, those that end in the middle."""
# limit 180

from service import Service, check, head, pdf, png, same

s = Service("--idle", "3600")
post = {"Content-Length": 100000, "Content-Type": "application/pdf"}

# -- malformed: an answer with one sentence, then the end

for text, status in [
    (b"GARBAGE\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET /\r\n\r\n", 505),
    (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50), 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 5000 + b"\r\n", 431),
    (b"POST /comprobantes HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n", 400),
    (b"POST /comprobantes HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST /comprobantes?student=a&name=b HTTP/1.1\r\nHost: x\r\n"
     b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (b"POST /comprobantes HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\n\r\n", 417),
]:  # fmt: skip
    with s.connect() as c:
        c.send(text)
        answer = c.answer()
        check(answer, "no answer to", text[:60])
        same(answer.status, status, text[:60])
        same(answer.headers["connection"], "close")
        check(answer.error().endswith("."), answer.error())
        check(c.at_end(), "closed")

# -- empty lines before a request are allowed

with s.connect() as c:
    c.send(b"\r\n\r\n" + head("GET", "/healthz"))
    same(c.answer().status, 200)

# -- an old client: its connection is closed, unless it asks to keep it

with s.connect() as c:
    c.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    same(c.answer().headers["connection"], "close")
    check(c.at_end(), "closed")
with s.connect() as c:
    c.send(b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" * 2)
    same(c.answer().headers["connection"], "keep-alive")
    same(c.answer().status, 200)

# -- one that says nothing is not answered: it may still want to; one that leaves is forgotten

quiet = s.connect()
for _ in range(20):
    s.connect().__exit__()
same(quiet.request("GET", "/healthz").status, 200)
quiet.half_close()
check(quiet.at_end(), "closed")

# -- half-closed: a whole request is answered, half a one is named

with s.connect() as c:
    c.send(head("GET", "/healthz"))
    c.half_close()
    same(c.answer().status, 200)
    check(c.at_end(), "closed")
with s.connect() as c:
    data = png("half-closed")
    c.send(head("POST", "/comprobantes?student=h&name=c", {"Content-Length": len(data)}) + data)
    c.half_close()
    same(c.answer().status, 201)
for begun in [b"GET /heal", head("POST", "/comprobantes?student=a&name=b", post) + b"%PDF-"]:
    with s.connect() as c:
        c.send(begun)
        c.half_close()
        answer = c.answer()
        same(answer.status, 400)
        check("ended" in answer.error(), answer.error())

# -- one that goes away in the middle leaves nothing

for _ in range(20):
    with s.connect() as c:
        c.send(head("POST", "/comprobantes?student=a&name=b", post) + pdf(1, 70000))
while s.metric("comprobantes_uploads") > 0:
    pass

same(s.request("GET", "/healthz").status, 200)
same(s.end(), 0)
same(len(s.files()), 1, "only the half-closed one was whole")
same(len(s.rows()), 1)

# -- slow: a head, a body, a chunk that do not go on; and one byte now and then.  A service of its
#    own, for whatever holds us up makes us slow there.

s = Service("--idle", "0.4", data="impatient")

for begun in [
    b"GET /heal",
    head("GET", "/healthz")[:-2],
    head("POST", "/comprobantes?student=a&name=b", post),
    head("POST", "/comprobantes?student=a&name=b", post) + pdf(1, 50000),
    head("POST", "/comprobantes?student=a&name=b", {"Transfer-Encoding": "chunked"}) + b"5\r\nab",
]:
    with s.connect() as c:
        c.send(begun)
        answer = c.answer()
        check(answer, "no answer to", begun[:60])
        same(answer.status, 408, begun[:60])
        check(c.at_end(), "closed")
with s.connect() as c:
    c.socket.settimeout(0.05)
    c.send(head("POST", "/comprobantes?student=a&name=b", post))
    answer = None
    while not answer:
        try:
            answer = c.answer()
        except TimeoutError:
            c.send(b"x")
    same(answer.status, 408)
same(s.end(), 0)
same((s.files(), s.rows()), (set(), {}))
