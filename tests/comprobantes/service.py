"""What the scripts about the receipts service share: start one, talk to it, look at what it left.

Run by tests/run.py in an empty folder, with TELAR_BUILD set.  Every wait is for the thing itself,
under the limit of the runner.
"""

import hashlib
import json
import os
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

PROGRAM = Path(os.environ["TELAR_BUILD"]) / "apps/comprobantes/comprobantes"


def sanitized():
    """Is this a build whose sanitizers have their own idea of memory?"""
    return (PROGRAM.parents[2] / "tests/tests.list").read_text().split()[:2] != ["slow", "1"]


def need_program():
    if not PROGRAM.exists():
        print("comprobantes is not built here, for want of a library")
        sys.exit(77)


def check(condition, *what):
    if not condition:
        print("check failed:", *what, file=sys.stderr)
        sys.exit(1)


def same(got, wanted, *what):
    check(got == wanted, *what, f"got {got!r}, wanted {wanted!r}")


# -- files ---------------------------------------------------------------------------------------


def pdf(seed, size=20000):
    body = b"%PDF-1.4\n%" + str(seed).encode() + b"\n"
    tail = b"\nstartxref\n9\n%%EOF\n"
    noise = hashlib.sha256(str(seed).encode()).digest() * (size // 32 + 1)
    return body + noise[: size - len(body) - len(tail)] + tail


def png(seed, size=20000):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = (size + 1023) // 1024
    noise = hashlib.sha256(str(seed).encode()).digest() * 32
    data = b"".join(b"\0" + noise[1:1024] for _ in range(rows))
    head = struct.pack(">IIBBBBB", 1023, rows, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"tEXt", b"Comment\0" + str(seed).encode())
        + chunk(b"IDAT", zlib.compress(data, 0))
        + chunk(b"IEND", b"")
    )


def jpeg(seed, size=20000):
    comment = (str(seed).encode() + b"." * 60000)[: min(size, 60000)]
    return (
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
        + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment
        + b"\xff\xc0\0\x0b\x08\0\x08\0\x08\1\1\x11\0"
        + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\1\2\3" + b"\xff\xd9"
    )  # fmt: skip


# -- the service ---------------------------------------------------------------------------------


class Service:
    def __init__(self, *options, data="data", env={}, prefix=()):
        need_program()
        self.data = Path(data)
        self.process = subprocess.Popen(
            [*prefix, PROGRAM, "serve", "--data", data, "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=open("stderr.txt", "ab"),
            env={**os.environ, **env},
        )
        line = self.process.stdout.readline().decode()
        if not line.startswith("comprobantes: listening on "):
            print("the service did not start:", line, Path("stderr.txt").read_text())
            sys.exit(1)
        host, port = line.split()[-1].rsplit(":", 1)
        self.address = (host, int(port))

    def connect(self):
        return Connection(self.address)

    def end(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        return self.process.wait()

    def request(self, *args, **kwargs):
        with self.connect() as c:
            return c.request(*args, **kwargs)

    def upload(self, data, student="2026-1", name="Ana", type="application/octet-stream"):
        return self.request(
            "POST", f"/comprobantes?student={student}&name={name}", data, {"Content-Type": type}
        )

    def metric(self, name):
        """The sum of the samples of that name (and labels, if it has some)."""
        text = self.request("GET", "/metrics").body.decode()
        lines = [l.rsplit(" ", 1) for l in text.splitlines() if not l.startswith("#")]
        return sum(float(v) for n, v in lines if n == name or n.split("{")[0] == name)

    def wait_notified(self, id):
        while True:
            got = self.request("GET", "/comprobantes/" + id).json()
            if got["state"] == "notified":
                return got
            time.sleep(0.01)

    # -- what it left, from outside

    def rows(self):
        with sqlite3.connect(self.data / "comprobantes.db") as db:
            db.row_factory = sqlite3.Row
            return {row["id"]: dict(row) for row in db.execute("SELECT * FROM receipts")}

    def files(self):
        return {p.name for p in (self.data / "files").iterdir()}

    def notices(self):
        """The id that each notice tells, by file name."""
        found = {}
        for p in (self.data / "maildir/new").iterdir():
            text = p.read_bytes().decode()
            found[p.name] = text.split("X-Comprobante: ")[1].split("\r\n")[0]
        return found

    def audit(self, accepted):
        """accepted: {id: bytes of the file}.  All of it is there, and nothing else."""
        rows = self.rows()
        same(set(rows), set(accepted), "rows")
        same(sorted(self.notices().values()), sorted(accepted), "notices")
        same(self.files(), {hashlib.sha256(b).hexdigest() for b in accepted.values()}, "files")
        for id, data in accepted.items():
            check(rows[id]["notified_ms"], id, "is not marked as notified")
            same((self.data / "files" / rows[id]["sha256"]).read_bytes(), data, id)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def error(self):
        return self.json()["error"]


class Connection:
    """A client that does exactly what it is told, also what no client should."""

    def __init__(self, address, source=None):
        # Bound to an address it takes a port that no ended connection of the last minute had: the
        # machine's 28,000 are soon used up.  One that is only connected may have such a port again.
        self.socket = socket.create_connection(address, source_address=source and (source, 0))
        self.have = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self):
        data = self.socket.recv(65536)
        self.have += data
        return bool(data)

    def at_end(self):
        """Has the service closed, with nothing more to read?  Waits until it says something."""
        try:
            return not self.have and not self._more()
        except ConnectionResetError:
            return True

    def answer(self, head=False):
        """The next answer; None if the connection ends instead."""
        while b"\r\n\r\n" not in self.have:
            try:
                if not self._more():
                    return None
            except ConnectionResetError:
                return None
        text, self.have = self.have.split(b"\r\n\r\n", 1)
        first, *lines = text.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (l.split(":", 1) for l in lines)}
        status = int(first.split()[1])
        size = 0 if head or status < 200 else int(headers["content-length"])
        while len(self.have) < size:
            check(self._more(), "the body ended early")
        body, self.have = self.have[:size], self.have[size:]
        return Answer(status, headers, body)

    def request(self, method, path, body=None, headers={}):
        """In one piece, so that nothing that holds us up makes a slow client of us."""
        length = {} if body is None else {"Content-Length": len(body)}
        try:
            self.send(head(method, path, {**headers, **length}) + (body or b""))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered already
        return self.answer(head=method == "HEAD")


def head(method, path, headers={}):
    lines = [f"{method} {path} HTTP/1.1", "Host: test"]
    lines += [f"{k}: {v}" for k, v in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def form(fields, boundary="boundary42"):
    """fields: (name, value) or (name, filename, type, bytes).  Answers (body, content type)."""
    body = b""
    for field in fields:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{field[0]}"'.encode()
        if len(field) == 4:
            body += f'; filename="{field[1]}"\r\nContent-Type: {field[2]}'.encode()
        value = field[-1]
        body += b"\r\n\r\n" + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def chunked(data, size):
    out = b""
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        out += b"%x\r\n%s\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"
