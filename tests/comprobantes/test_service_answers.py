#!/usr/bin/env python3
"""What the service answers to what students send, and what is then on the disk."""
# limit 180

import hashlib
import os
import signal
import subprocess

from service import Service, check, chunked, form, head, jpeg, pdf, png, same

s = Service("--limit", "300000", "--idle", "3600")
accepted = {}


def take(answer, data, type):
    same(answer.status, 201, answer.body)
    told = answer.json()
    same(told["sha256"], hashlib.sha256(data).hexdigest())
    same((told["type"], told["size"], told["state"]), (type, len(data), "accepted"))
    same(answer.headers["location"], "/comprobantes/" + told["id"])
    accepted[told["id"]] = data
    return told["id"]


# The three types, raw.
first = take(s.upload(pdf(1), type="application/pdf"), pdf(1), "application/pdf")
take(s.upload(png(2), type="image/png"), png(2), "image/png")
take(s.upload(jpeg(3), type="image/jpeg"), jpeg(3), "image/jpeg")
take(s.upload(pdf(4, 299_999)), pdf(4, 299_999), "application/pdf")

# The same student with the same bytes again; another student with the same bytes.
again = s.upload(pdf(1), name="Otro")
same((again.status, again.json()["id"]), (200, first))
refused = s.upload(pdf(1), student="2026-2")
same(refused.status, 409)
check("student" in refused.error(), refused.error())

# A form, with the fields before and after the file, on one connection, and in chunks.
with s.connect() as c:
    for k, order in enumerate([(0, 1, 2), (2, 0, 1), (1, 2, 0)]):
        data = pdf(f"form {k}", 90_000)
        file = ("x", "r.pdf", "application/pdf", data)
        fields = [("student", "S.1"), ("name", 'Lucía "La" Núñez'), file]
        body, type = form([fields[i] for i in order])
        if k == 1:
            headers = {"Content-Type": type, "Transfer-Encoding": "chunked"}
            c.send(head("POST", "/comprobantes", headers))
            c.send(chunked(body, 777))
            answer = c.answer()
        else:
            answer = c.request("POST", "/comprobantes", body, {"Content-Type": type})
        id = take(answer, data, "application/pdf")
    got = s.wait_notified(id)
    same((got["student"], got["name"]), ("S.1", 'Lucía "La" Núñez'))
    times = [got["stages"][k] for k in ("attached", "validated", "stored", "notified")]
    same(times, sorted(times), "the stages are in order")

# Byte by byte in chunks of one.
with s.connect() as c:
    data = jpeg("slow", 3000)
    c.send(head("POST", "/comprobantes?student=a&name=b", {"Transfer-Encoding": "chunked"}))
    c.send(chunked(data, 1))
    take(c.answer(), data, "image/jpeg")

# Expect: the interim answer comes, and only if there is hope.
with s.connect() as c:
    expect = {"Expect": "100-continue", "Content-Length": 20000}
    c.send(head("POST", "/comprobantes?student=a&name=b", expect))
    same(c.answer().status, 100)
    c.send(png("expect", 19000) + bytes(20000))  # more than it said: the rest is not a request
    check(c.answer().status in (201, 422), "a body of 20000 bytes")
with s.connect() as c:
    c.send(head("POST", "/comprobantes?student=a&name=b", {**expect, "Content-Length": 300_001}))
    same(c.answer().status, 413)
with s.connect() as c:
    c.send(head("POST", "/comprobantes?name=b", expect))
    same(c.answer().status, 400)
for id, row in s.rows().items():  # what the trailing garbage made of the first one
    accepted.setdefault(id, (s.data / "files" / row["sha256"]).read_bytes())

# Requests in a row without waiting for the answers.
with s.connect() as c:
    data = [pdf(f"pipe {k}", 70_000) for k in range(3)]
    for d in data:
        c.send(head("POST", "/comprobantes?student=p&name=q", {"Content-Length": len(d)}) + d)
    c.send(head("GET", "/healthz") + head("HEAD", "/metrics") + head("GET", "/nothing"))
    for d in data:
        take(c.answer(), d, "application/pdf")
    same(c.answer().body, b"ok\n")
    metrics = c.answer(head=True)
    same(metrics.status, 200)
    check(int(metrics.headers["content-length"]) > 1000, "HEAD tells the length")
    same(c.answer().status, 404)

# What is refused, and that the connection is good for more where the body was read.
gif = b"GIF89a" + bytes(100)
table = [
    (400, b"", {}, "student=a&name=b", "bytes"),
    (400, pdf(9), {}, "name=b", "student"),
    (400, pdf(9), {}, "student=a%20b&name=b", "student"),
    (400, pdf(9), {}, "student=" + "a" * 33 + "&name=b", "student"),
    (400, pdf(9), {}, "student=a", "name"),
    (400, pdf(9), {}, "student=a&name=%0A", "name"),
    (400, pdf(9), {}, "student=a&name=%FF", "name"),
    (400, pdf(9), {}, "student=a&name=" + "n" * 101, "name"),
    (413, bytes(300_001), {}, "student=a&name=b", "300000"),
    (415, gif, {"Content-Type": "image/gif"}, "student=a&name=b", "Content-Type"),
    (415, gif, {"Content-Type": "image/png"}, "student=a&name=b", "neither"),
    (415, b"hola", {}, "student=a&name=b", "neither"),
    (415, png(9), {"Content-Type": "application/pdf"}, "student=a&name=b", "declared"),
    (422, pdf(9)[:-9], {}, "student=a&name=b", "PDF"),
    (422, png(9)[:-1], {}, "student=a&name=b", "PNG"),
    (422, jpeg(9)[:-1], {}, "student=a&name=b", "JPEG"),
    (400, b"x", {"Content-Type": "multipart/form-data"}, "", "boundary"),
    (400, b"x", {"Content-Type": "multipart/form-data; boundary=b"}, "", "form"),
]
for status, body, headers, query, word in table:
    for transfer in ("length", "chunked"):
        with s.connect() as c:
            path = "/comprobantes?" + query
            if transfer == "length":
                answer = c.request("POST", path, body, headers)
            else:
                c.send(head("POST", path, {**headers, "Transfer-Encoding": "chunked"}))
                try:
                    c.send(chunked(body, 4096))
                except (BrokenPipeError, ConnectionResetError):
                    pass
                answer = c.answer()
            same(answer.status, status, query, headers)
            check(word in answer.error(), answer.error(), "does not name", word)
            if answer.headers.get("connection") != "close":
                same(c.request("GET", "/healthz").status, 200)
            else:
                check(c.at_end(), "closed after", status)

# Chunked and too large: refused when it is known, with an answer that can be read.
with s.connect() as c:
    c.send(head("POST", "/comprobantes?student=a&name=b", {"Transfer-Encoding": "chunked"}))
    try:
        c.send(chunked(bytes(3_000_000), 65536))
    except (BrokenPipeError, ConnectionResetError):
        pass
    same(c.answer().status, 413)

# Fields of forms.
for fields, word in [
    ([("name", "b"), ("f", "x", "application/pdf", pdf(9))], "student"),
    ([("student", "a"), ("f", "x", "application/pdf", pdf(9))], "name"),
    ([("student", "a"), ("name", "b")], "file"),
    ([("student", "a"), ("student", "b"), ("f", "x", "application/pdf", pdf(9))], "student"),
]:
    body, type = form(fields)
    answer = s.request("POST", "/comprobantes", body, {"Content-Type": type})
    same(answer.status, 400, fields)
    check(word in answer.error(), answer.error())

# Paths and methods.
for method, path, status, allow in [
    ("GET", "/", 404, None),
    ("GET", "/comprobantes/", 404, None),
    ("GET", "/comprobantes/aaaaaaaaaaaaaaaa", 404, None),
    ("GET", "/comprobantes/../etc/passwd", 404, None),
    ("GET", "/comprobantes", 405, "POST"),
    ("PUT", "/comprobantes", 405, "POST"),
    ("DELETE", "/comprobantes/" + first, 405, "GET, HEAD"),
    ("POST", "/healthz", 405, "GET, HEAD"),
]:
    answer = s.request(method, path, b"" if method in ("POST", "PUT") else None)
    same(answer.status, status, method, path)
    check(answer.error().endswith("."), answer.error())
    same(answer.headers.get("allow"), allow)
same(s.request("HEAD", "/comprobantes/" + first).status, 200)

# A real client, if there is one.
open("recibo.png", "wb").write(png("curl", 50_000))
try:
    out = subprocess.run(
        ["curl", "-sS", "-F", "student=curl-1", "-F", "name=Ñandú", "-F", "file=@recibo.png",
         "http://%s:%d/comprobantes" % s.address], stdout=subprocess.PIPE)  # fmt: skip
    import json

    accepted[json.loads(out.stdout)["id"]] = png("curl", 50_000)
except FileNotFoundError:
    print("curl is not here: its form was not tried")

for id in accepted:
    s.wait_notified(id)
same(s.metric("comprobantes_accepted_total"), len(accepted))
same(s.metric('comprobantes_rejected_total{reason="duplicate"}'), 1)
same(s.metric('comprobantes_stage_seconds_count{stage="notify"}'), len(accepted))
same(s.metric('comprobantes_repeated_total'), 1)
check(s.metric("process_peak_memory_bytes") > 0, "memory")
same(s.end(signal.SIGTERM), 0, "exit status")
s.audit(accepted)
same(os.listdir(s.data / "maildir/tmp"), [])
