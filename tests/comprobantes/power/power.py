"""A disk that a power cut can happen to: the log of record.c, replayed up to any moment.

The disk keeps what was synced: a file's bytes at its last sync, a folder's names at its own.  Of
what was not, a cut keeps what it likes.  A Keeper decides: nothing, everything, the names without
the bytes, or each block and each name as it was at some moment since the last sync, by the toss of
a seeded coin.  A name that lasts leads to whatever has lasted of its file.

Nothing is believed about the order in which unsynced things reach the disk.
"""

import random
import struct
from pathlib import Path

HEAD = struct.Struct("<IcBHQQQ")
BLOCK = 4096


def read_log(path):
    """(kind, inode, folder, at, name, data) of each record, in order."""
    log = Path(path).read_bytes()
    at = 0
    while at < len(log):
        size, kind, _, name_n, ino, folder, where = HEAD.unpack_from(log, at)
        name = log[at + HEAD.size : at + HEAD.size + name_n].decode()
        yield kind.decode(), ino, folder, where, name, log[at + HEAD.size + name_n : at + size]
        at += size


class Node:
    """What is known of a file or a folder: its state at the last sync, and every change since."""

    def __init__(self, durable, role):
        self.durable = durable
        self.role = role  # "file", "folder", "database" or "scratch"
        self.pending = []
        self.count = 0  # of all changes ever

    def change(self, what):
        self.pending.append(what)
        self.count += 1

    def sync(self, count):
        """The changes before the count-th are durable."""
        n = len(self.pending) - (self.count - count)
        if n > 0:
            self.durable = self.apply(self.pending[:n])
            del self.pending[:n]


class File(Node):
    """Changes: (at, bytes), and (size, None)."""

    def apply(self, changes):
        data = bytearray(self.durable)
        for at, new in changes:
            if new is None:
                del data[at:]
            end = at + len(new or b"")
            data.extend(bytes(max(0, end - len(data))))
            data[at:end] = new or b""
        return bytes(data)

    def scattered(self, coin):
        """Each block as it was at some moment, and the length of some moment."""
        moments = [len(self.apply(self.pending[:n])) for n in range(len(self.pending) + 1)]
        data = bytearray(coin.choice(moments))
        states = {}
        for at in range(0, len(data), BLOCK):
            n = coin.randint(0, len(self.pending))
            if n not in states:
                states[n] = self.apply(self.pending[:n])
            piece = states[n][at : at + BLOCK][: len(data) - at]
            data[at : at + len(piece)] = piece
        return bytes(data)


class Folder(Node):
    """Changes: (name, node), and (name, None)."""

    def apply(self, changes):
        names = dict(self.durable)
        for name, node in changes:
            if node:
                names[name] = node
            else:
                names.pop(name, None)
        return names

    def scattered(self, coin):
        moments = {name: coin.randint(0, len(self.pending)) for name, _ in self.pending}
        kept = [(k, v) for n, (k, v) in enumerate(self.pending) if n < moments[k]]
        return self.apply(kept)


class Keeper:
    """What a cut leaves of the unsynced."""

    def __init__(self, names, data, seed=0):
        self.name = f"{names} of the names, {data} of the bytes"
        self.how = {Folder: names, File: data}
        self.coin = random.Random(seed)

    def state(self, node):
        how = self.how[type(node)]
        if how == "none" or not node.pending:
            return node.durable
        return node.apply(node.pending) if how == "all" else node.scattered(self.coin)


NOTHING = Keeper("none", "none")
EVERYTHING = Keeper("all", "all")
NAMES_ONLY = Keeper("all", "none")


class Disk:
    """The folder `root` as it stood when the log began, and then what the log says.

    `deaf` names the role whose syncs are not heard: a disk, or a program, that lies.
    """

    def __init__(self, root, deaf=None):
        self.deaf = deaf
        self.nodes = {}  # by inode, the newest of that number
        self.syncs = {}  # by their number: what they cover
        self.root = self.scan(Path(root))

    def scan(self, path):
        if path.is_dir():
            node = Folder({p.name: self.scan(p) for p in path.iterdir()}, "folder")
        else:
            node = File(path.read_bytes(), self.role(path.name))
        self.nodes[path.stat().st_ino] = node
        return node

    @staticmethod
    def role(name):
        if name.endswith("-shm"):
            return "scratch"  # shared memory, made anew by whoever opens the database first
        return "database" if name.startswith("comprobantes.db") else "file"

    def follow(self, record):
        kind, ino, folder, at, name, data = record
        node, folder = self.nodes.get(ino), self.nodes.get(folder)
        if kind == "T":
            self.nodes[ino] = File(b"", "file")
        elif kind in "CM" and folder:
            new = Folder({}, "folder") if kind == "M" else File(b"", self.role(name))
            self.nodes[ino] = new
            folder.change((name, new))
        elif kind == "L" and folder:
            folder.change((name, node))
        elif kind == "U" and folder:
            folder.change((name, None))
        elif kind in "WS" and node:
            node.change((at, data if kind == "W" else None))
        elif kind == "X" and node and node.role != "scratch":
            raise ValueError("a file is written through a mapping, which nobody can follow")
        elif kind == "f" and node:
            self.syncs[at] = [(node, node.count)]
        elif kind == "a":
            self.syncs[at] = [(n, n.count) for n in set(self.nodes.values())]
        elif kind in "de":
            for n, count in self.syncs.pop(at, []) if kind == "d" else []:
                if n.role != self.deaf:
                    n.sync(count)

    def cut(self, keeper, node=None):
        """What is left, as dicts of dicts and bytes."""
        state = keeper.state(node or self.root)
        if isinstance(state, bytes):
            return state
        return {name: self.cut(keeper, n) for name, n in sorted(state.items())}


def tree_of(path):
    path = Path(path)
    if path.is_dir():
        return {p.name: tree_of(p) for p in sorted(path.iterdir())}
    return path.read_bytes()


def make_tree(tree, path):
    """Write what a cut has left to the real disk."""
    path = Path(path)
    path.mkdir()
    for name, content in tree.items():
        if isinstance(content, bytes):
            (path / name).write_bytes(content)
        else:
            make_tree(content, path / name)
