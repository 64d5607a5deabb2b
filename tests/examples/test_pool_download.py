#!/usr/bin/env python3
# pool_download against a server of our own that answers only when it wants to: six at a time and
# never more, files as they were sent, results in the order in which they were let through.
# once
# limit 180
import os, socket, subprocess, sys, tempfile, threading

BUILD = os.environ['TELAR_BUILD']
MANY, AT_ONCE = 14, 6


def body(i):
    return bytes((i * 7 + k * 31 + (k >> 8)) & 255 for k in range(i * 9001))


class Server:
    """Takes connections as they come; each waits until it is let through."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.change = threading.Condition()
        self.waiting = {}  # number of the file: connection
        self.most = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            peer, _ = self.listener.accept()
            asked = b''
            while b'\r\n\r\n' not in asked:
                asked += peer.recv(4096)
            with self.change:
                self.waiting[int(asked.split()[1].split(b'-')[1])] = peer
                self.most = max(self.most, len(self.waiting))
                self.change.notify_all()

    def until(self, n):
        with self.change:
            if not self.change.wait_for(lambda: len(self.waiting) >= n, 30):
                sys.exit(f'{len(self.waiting)} are under way, not {n}')
            return set(self.waiting)

    def let_through(self, i):
        with self.change:
            peer = self.waiting.pop(i)
        if i == 3:
            peer.sendall(b'HTTP/1.0 404 Not Found\r\n\r\nnothing')
        else:
            peer.sendall(b'HTTP/1.0 200 OK\r\nContent-Type: x/y\r\n\r\n' + body(i))
        peer.close()


def name(i):
    return f'file-{i}'


with tempfile.TemporaryDirectory() as folder:
    server = Server()
    urls = [f'http://127.0.0.1:{server.port}/some/{name(i)}' for i in range(MANY)]
    program = subprocess.Popen([os.path.join(BUILD, 'examples', 'pool_download'), *urls],
                               cwd=folder, stdout=subprocess.PIPE, text=True)
    order, begun = [], set()
    done = []
    while len(order) < MANY:
        left = MANY - len(order)
        waiting = server.until(min(AT_ONCE, left))
        i = max(waiting) if len(order) % 2 else min(waiting)
        server.let_through(i)
        order.append(i)
        while True:  # until it says that it has it
            line = program.stdout.readline().rstrip('\n')
            if not line:
                sys.exit(f'no more is told after {done}')
            if line.startswith('downloading:  '):
                begun.add(urls.index(line.split()[1]))
                continue
            done.append(line)
            break
    rest = program.stdout.read().splitlines()
    status = program.wait()
    wanted = [urls[i] + (' ENOENT' if i == 3 else '') for i in order]
    if done != wanted or rest or status:
        sys.exit(f'got    {done} {rest} {status}\nwanted {wanted}')
    if begun != set(range(MANY)) or server.most != AT_ONCE:
        sys.exit(f'begun {begun}, at most {server.most} at once')
    if sorted(os.listdir(folder + '/data')) != sorted(name(i) for i in range(MANY) if i != 3):
        sys.exit(f'files: {os.listdir(folder + "/data")}')
    for i in range(MANY):
        if i != 3 and open(f'{folder}/data/{name(i)}', 'rb').read() != body(i):
            sys.exit(f'{name(i)} is not as it was sent')
