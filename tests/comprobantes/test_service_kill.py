#!/usr/bin/env python3
"""kill -9 in the middle of many uploads, and a restart: nothing that was accepted is missing,
nothing is notified zero times; clients that got no answer try again and get one."""
# limit 300

import hashlib
import signal
import threading

from service import Connection, Service, check, jpeg, pdf, png, same

CLIENTS, EACH, KILLS = 12, 20, 3

answers = {}  # bytes -> the ids that were told
lock = threading.Lock()
state = {"service": Service(), "restarted": threading.Event()}
answered = threading.Semaphore(0)


def client(k):
    for n in range(EACH):
        data = (pdf, png, jpeg)[n % 3](f"{k}/{n}", 10_000 + 3_000 * n)
        while True:
            try:
                with Connection(state["service"].address) as c:
                    answer = c.request("POST", f"/comprobantes?student=s{k}&name=n", data, {})
            except OSError:
                answer = None
            if answer and answer.status in (200, 201):
                break
            check(answer is None, "an answer that should not be:", answer and answer.status)
            state["restarted"].wait()
        with lock:
            answers.setdefault(data, set()).add(answer.json()["id"])
        answered.release()


threads = [threading.Thread(target=client, args=(k,), daemon=True) for k in range(CLIENTS)]
for t in threads:
    t.start()
for kill in range(KILLS):
    for _ in range(CLIENTS * EACH // (KILLS + 2)):
        answered.acquire()
    state["restarted"].clear()
    same(state["service"].end(signal.SIGKILL), -signal.SIGKILL)
    state["service"] = Service()
    state["restarted"].set()
for t in threads:
    t.join()

s = state["service"]
same(len(answers), CLIENTS * EACH)
accepted = {}
for data, ids in answers.items():
    same(len(ids), 1, "one id for one file")
    accepted[ids.pop()] = data
for id in accepted:
    s.wait_notified(id)
same(s.end(), 0)
s.audit(accepted)

# -- a crash after the file and before the row: the retry is accepted as if nothing had been

orphan = pdf("orphan")
name = hashlib.sha256(orphan).hexdigest()
(s.data / "files" / name).write_bytes(orphan)
s = Service()
answer = s.upload(orphan)
same(answer.status, 201)
accepted[answer.json()["id"]] = orphan
s.wait_notified(answer.json()["id"])
same(s.end(), 0)
s.audit(accepted)

# -- a crash between the row and the notice: it goes out at the next start

import sqlite3

id = answer.json()["id"]
[notice] = [n for n in s.notices() if n.startswith(id)]
text = (s.data / "maildir/new" / notice).read_bytes()
(s.data / "maildir/new" / notice).unlink()
with sqlite3.connect(s.data / "comprobantes.db") as db:
    db.execute("UPDATE receipts SET notified_ms = NULL WHERE id = ?", (id,))
s = Service()
s.wait_notified(id)
same((s.data / "maildir/new" / notice).read_bytes(), text)
same(s.end(signal.SIGKILL), -signal.SIGKILL)

# -- a crash between the notice and its mark: one message, and it is marked

with sqlite3.connect(s.data / "comprobantes.db") as db:
    db.execute("UPDATE receipts SET notified_ms = NULL WHERE id = ?", (id,))
s = Service()
s.wait_notified(id)
same(s.end(), 0)
s.audit(accepted)
