#!/usr/bin/env python3
"""Power cuts.  What was answered as accepted is on the disk, whole, at every moment after the
answer; what was not may be missing, but is nowhere half there; and the service starts on what is
left, and delivers what it owes.

The service runs under power/record.c, which logs what it asks of the file system and what it
answers, and is killed in the middle.  power/power.py then tells what a power cut would have left
at any moment of that log.  One such disk is what the next round begins with.  That the disk of the
model loses what is not synced is proved by making it deaf: without the syncs of the files, of the
folders or of the database, promises are seen to be broken."""
# once
# limit 300

import copy
import fcntl
import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "power"))

from power import EVERYTHING, NAMES_ONLY, NOTHING, Disk, Keeper, make_tree, read_log, tree_of
from service import Connection, Service, check, jpeg, need_program, pdf, png, same

SEED = int(os.environ.get("POWER_SEED", random.randrange(1 << 30)))
CLIENTS, EACH = 8, 12
RANDOM_CUTS = 60
print("POWER_SEED is", SEED)
coin = random.Random(SEED)

need_program()
RECORDER = Path("record.so").resolve()
subprocess.run(
    ["cc", "-D_GNU_SOURCE", "-std=gnu17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
     "-o", str(RECORDER), str(HERE / "power/record.c")], check=True)  # fmt: skip

# -- what must be true of a disk


class Broken(Exception):
    pass


def demand(condition, *what):
    if not condition:
        raise Broken(" ".join(str(w) for w in what))


sums = {}  # of bytes that were seen before


def sum_of(data):
    if data not in sums:
        sums[data] = hashlib.sha256(data).hexdigest()
    return sums[data]


def rows_of(data):
    """The rows of the database in such a folder, as whoever opens it next will see them."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in data.items():
            if name.startswith("comprobantes.db") and not name.endswith("-shm"):
                Path(folder, name).write_bytes(content)
        db = sqlite3.connect(Path(folder, "comprobantes.db"))
        db.row_factory = sqlite3.Row
        try:
            sound = db.execute("PRAGMA integrity_check").fetchone()[0]
            demand(sound == "ok", "the database:", sound)
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'receipts'").fetchone():
                return {}
            return {row["id"]: row for row in db.execute("SELECT * FROM receipts")}
        except sqlite3.Error as error:
            raise Broken("the database:", error)
        finally:
            db.close()


def audit(tree, promised):
    """promised: {id: (student, sum)}"""
    data = tree.get("data", {})
    rows = rows_of(data)
    files, notices = data.get("files", {}), data.get("maildir", {}).get("new", {})
    for id, (student, sum) in promised.items():
        demand(id in rows, "accepted, and no row:", id)
        demand((rows[id]["student"], rows[id]["sha256"]) == (student, sum), "another row:", id)
    for name, content in files.items():
        if not name.startswith(".tl-"):
            demand(sum_of(content) == name, "half a file:", name)
    for id, row in rows.items():
        demand(row["sha256"] in files, "a row, and no file:", id)
        demand(len(files[row["sha256"]]) == row["size"], "another size:", id)
        if row["notified_ms"]:
            demand(id + ".comprobante" in notices, "notified, and no notice:", id)
    for name, text in notices.items():
        if name.startswith(".tl-"):
            continue
        id = name.removesuffix(".comprobante")
        whole = text.endswith(b"la prueba de tu entrega.\r\n")
        demand(whole and f"X-Comprobante: {id}\r\n".encode() in text, "half a notice:", name)
        demand(id in rows, "a notice, and no row:", name)
    return rows


def promise_in(record):
    """(id, (student, sum)) if the record is the answer to an upload that is accepted."""
    if record[0] == "A" and re.match(rb"HTTP/1.1 20[01] ", record[5]):
        body = json.loads(record[5].split(b"\r\n\r\n", 1)[1])
        if body.get("state") == "accepted":
            return body["id"], (body["student"], body["sha256"])
    return None


def replay(disk, log, promised, deaf=None):
    """Audit what cuts leave, at many moments.  Answers the disk at the end, what was promised by
    then, and how many cuts there were; raises Broken."""
    disk, promised = copy.deepcopy(disk), dict(promised)
    disk.deaf = deaf
    moments = {n: [NOTHING] for n, record in enumerate(log) if promise_in(record)}
    for n in [len(log) - 1] + [coin.randrange(len(log)) for _ in range(RANDOM_CUTS)]:
        some = Keeper("some", "some", coin.random())
        moments.setdefault(n, []).extend([NOTHING, EVERYTHING, NAMES_ONLY, some])
    for n, record in enumerate(log):
        disk.follow(record)
        if promise := promise_in(record):
            promised.update([promise])
        for keeper in moments.get(n, []):
            try:
                audit(disk.cut(keeper), promised)
            except Broken as broken:
                raise Broken(f"cut after record {n} of {len(log)}, {keeper.name}: {broken}")
    return disk, promised, sum(len(keepers) for keepers in moments.values())


# -- uploads, a kill that no power cut goes with, more uploads, and the end


class Round:
    """A service on a disk that is as `begin`, its clients, and what they were told."""

    def __init__(self, tag, begin, env):
        self.tag, self.folder = tag, Path(f"{tag}.disk")
        self.log = Path(f"{tag}.log").resolve()
        self.env = {"LD_PRELOAD": str(RECORDER), "POWER_LOG": str(self.log), **env}
        self.told, self.wrong = {}, []
        self.over, self.up = False, threading.Event()
        make_tree(begin, self.folder)
        self.disk = Disk(self.folder)
        self.start()
        self.threads = [threading.Thread(target=self.client, args=(k,)) for k in range(CLIENTS)]
        for t in self.threads:
            t.start()

    def start(self):
        self.service = Service(data=self.folder / "data", env=self.env)
        self.up.set()

    def upload(self, student, data):
        try:
            with Connection(self.service.address) as c:
                return c.request("POST", f"/comprobantes?student={student}&name=n", data, {})
        except OSError:
            return None

    def client(self, k):
        for n in range(EACH):
            data = (pdf, png, jpeg)[n % 3](f"{SEED}/{self.tag}/{k}/{n}", 3_000 + 9_000 * (n % 5))
            while not (answer := self.upload(f"s{k}", data)):
                if self.over:
                    return
                self.up.wait()
            if answer.status in (200, 201):
                self.told[answer.json()["id"]] = (f"s{k}", sum_of(data))
            else:
                self.wrong.append((answer.status, answer.body))

    def kill(self, after):
        """Once so many have their answer."""
        while len(self.told) < after and any(t.is_alive() for t in self.threads):
            self.threads[0].join(0.001)
        self.up.clear()
        with open(self.log) as log:
            fcntl.flock(log, fcntl.LOCK_EX)  # no change is without its record just now
            same(self.service.end(signal.SIGKILL), -signal.SIGKILL)

    def end(self, kill_after):
        if kill_after:
            self.over = True
            self.kill(kill_after)
            self.up.set()
        for t in self.threads:
            t.join()
        if not kill_after:
            for id in self.told:
                self.service.wait_notified(id)
            same(self.service.end(), 0)
        same(self.wrong, [], "answers that should not be")


def restart(tree, promised, name):
    """The service starts on what is left, has what was promised, and delivers what it owes."""
    make_tree(tree, name)
    s = Service(data=f"{name}/data")
    for id in promised:
        s.wait_notified(id)
    same(s.end(), 0)
    rows = audit(tree_of(name), promised)
    check(all(row["notified_ms"] for row in rows.values()), "every row is notified")


def without_scratch(tree):
    data = {k: v for k, v in tree["data"].items() if not k.endswith("-shm")}
    return {**tree, "data": data}


begin, promised, cuts = {}, {}, 0
for tag, env in (("first", {}), ("again", {}), ("named", {"POWER_NAMES": "1"}), ("whole", {})):
    whole = tag == "whole"
    some = Round(tag, begin, env)
    some.kill(coin.randrange(1, CLIENTS * EACH // 2))
    some.start()
    some.end(None if whole else coin.randrange(CLIENTS * EACH // 2, CLIENTS * EACH))
    log = list(read_log(some.log))
    try:
        disk, later, n = replay(some.disk, log, promised)
    except Broken as broken:
        check(False, f"{tag}: {broken}")
    unlogged = {id: (what, later.get(id)) for id, what in some.told.items() if later.get(id) != what}
    same(unlogged, {}, tag, "heard, and what the log has")
    if whole:
        same(without_scratch(disk.cut(EVERYTHING)), without_scratch(tree_of(some.folder)),
            "the log has all that was written")  # fmt: skip
    for deaf in ("file", "folder", "database"):
        try:
            replay(some.disk, log, promised, deaf)
        except Broken as broken:
            print(f"{tag}, deaf to the syncs of each {deaf}: {broken}")
        else:
            check(False, f"{tag}: the syncs of each {deaf} are not missed")
    cuts, promised = cuts + n, later
    begin = disk.cut(Keeper("some", "some", coin.random()))
    restart(begin, promised, f"{tag}.left")
print(cuts, "power cuts,", len(promised), "uploads accepted")
