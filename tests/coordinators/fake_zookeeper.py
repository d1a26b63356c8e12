# SPDX-License-Identifier: MIT
"""A ZooKeeper in memory that fails when a test tells it to: as much of the protocol as the module
uses (zookeeper.jute: big-endian numbers; texts and buffers behind their length)."""
import contextlib
import socket
import struct
import threading
import time

CREATE, DELETE, GET, SET, PING, MULTI, CREATE2 = 1, 2, 4, 5, 11, 14, 15
CLOSE, AUTH = -11, 100
NO_NODE, NO_AUTH, BAD_VERSION, NODE_EXISTS, AUTH_FAILED = -101, -102, -103, -110, -115
EPHEMERAL = 1

CLOSED = object()  # closes the connection before anything is done
LOST = object()  # does it, and closes the connection before the answer
SILENT = object()  # does nothing


class Refusal(Exception):
    """With an error code."""


class Reader:
    def __init__(self, packet):
        self.packet, self.at = packet, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.packet, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def buffer(self):
        length = max(self.take("i"), 0)
        self.at += length
        return self.packet[self.at - length : self.at]

    def text(self):
        return self.buffer().decode()

    def operation(self, kind):
        """The words of one operation: what create(), set() and check_version() take."""
        path = self.text()
        if kind in (CREATE, CREATE2):
            data = self.buffer()
            for _ in range(self.take("i")):
                self.take("i"), self.buffer(), self.buffer()
            return path, data, self.take("i")
        if kind == SET:
            return path, self.buffer(), self.take("i")
        return (path,) if kind == GET else (path, self.take("i"))

    def operations(self):
        found = []
        while not (header := self.take("i?i"))[1]:
            found.append((header[0], self.operation(header[0])))
        return found


def packed(data):
    return struct.pack(">i", len(data)) + data


class Node:
    def __init__(self, data, owner, zxid, ms):
        self.data, self.owner, self.version = data, owner, 0
        self.czxid = self.mzxid = zxid
        self.mtime = ms

    def stat(self):
        sizes = self.owner, len(self.data), 0, self.czxid
        return struct.pack(
            ">qqqqiiiqiiq",
            self.czxid,
            self.mzxid,
            self.mtime,
            self.mtime,
            self.version,
            0,
            0,
            *sizes,
        )


class Store:
    """What all servers of a cluster share."""

    def __init__(self):
        self.nodes, self.zxid, self.sessions, self.lock = {"/": None}, 0, {}, threading.RLock()
        self.last_session = 0x10000
        self.logins, self.now_ms = [], lambda: int(time.time() * 1000)

    def check_version(self, path, version):
        if path not in self.nodes:
            raise Refusal(NO_NODE)
        if version not in (-1, self.nodes[path].version):
            raise Refusal(BAD_VERSION)

    def create(self, path, data, flags, session):
        if (path.rpartition("/")[0] or "/") not in self.nodes:
            raise Refusal(NO_NODE)
        if path in self.nodes:
            raise Refusal(NODE_EXISTS)
        owner = session if flags == EPHEMERAL else 0
        self.nodes[path] = Node(data, owner, self.zxid, self.now_ms())

    def set(self, path, data, version):
        self.check_version(path, version)
        node = self.nodes[path]
        node.data, node.mzxid, node.mtime = data, self.zxid, self.now_ms()
        node.version += 1

    def one(self, kind, words, session):
        """The body of the answer to one operation."""
        path = words[0]
        if kind in (CREATE, CREATE2):
            self.create(*words, session)
            stat = self.nodes[path].stat() if kind == CREATE2 else b""
            return packed(path.encode()) + stat
        if kind == SET:
            self.set(*words)
            return self.nodes[path].stat()
        if kind == GET:
            self.check_version(path, -1)
            return packed(self.nodes[path].data) + self.nodes[path].stat()
        self.check_version(*words)
        if kind == DELETE:
            del self.nodes[path]
        return b""

    def multi(self, operations, session):
        """The body of the answer to a transaction, which is done as a whole or not at all."""
        before = dict(self.nodes)
        kept = {path: dict(vars(node)) for path, node in before.items() if node}
        body = b""
        for i, (kind, words) in enumerate(operations):
            try:
                body += struct.pack(">i?i", kind, False, 0) + self.one(kind, words, session)
            except Refusal as refusal:
                self.nodes = before
                for path, values in kept.items():
                    vars(before[path]).update(values)
                errors = [0] * i + [refusal.args[0]] + [-2] * (len(operations) - i - 1)
                body = b"".join(struct.pack(">i?ii", -1, False, e, e) for e in errors)
                break
        return body + struct.pack(">i?i", -1, True, -1)


class Server:
    """`rule` is called with the kind and the path of each request: None, an error code, CLOSED,
    LOST or SILENT. `greeting` is likewise called for each connection."""

    def __init__(self, store=None, port=0, address="127.0.0.1"):
        self.store = store or Store()
        self.rule = lambda kind, path: None
        self.greeting = lambda: None
        self.grant = lambda ms: ms
        self.connections, self.broken = 0, []
        self.socket = socket.create_server((address, port))
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return "{}:{}".format(*self.socket.getsockname())

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.connections += 1
                self.open.append(connection)
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        for end in [self.socket, *self.open]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
        assert not self.broken, f"no packet is broken: {self.broken}"

    def serve(self, connection):
        with contextlib.suppress(OSError, ConnectionError), connection:
            session = self.greet(connection)
            while session is not None and self.answer(connection, session):
                pass

    def receive(self, connection):
        head = connection.recv(4, socket.MSG_WAITALL)
        length = struct.unpack(">i", head)[0] if len(head) == 4 else 0
        if length > 1 << 20:  # jute.maxbuffer
            self.broken.append(head)
        packet = connection.recv(length, socket.MSG_WAITALL)
        if len(packet) < length or not packet:
            raise ConnectionError("closed")
        return Reader(packet)

    def greet(self, connection):
        _, _, timeout, session = self.receive(connection).take("iqiq")
        greeting = self.greeting()
        if greeting is SILENT:
            connection.recv(1)
        if greeting is not None:
            return None
        with self.store.lock:
            timeout = self.grant(timeout)
            expired = session != 0 and session not in self.store.sessions
            if session == 0:
                self.store.last_session += 1
                session = self.store.last_session
                self.store.sessions[session] = timeout
        answer = struct.pack(">iiq", 0, timeout, 0 if expired else session)
        connection.sendall(packed(answer + packed(bytes(16)) + b"\0"))
        return None if expired else session

    def answer(self, connection, session):
        reader = self.receive(connection)
        xid, kind = reader.take("ii")
        words = ("",)
        if kind == AUTH:
            _, _, login = reader.take("i"), reader.text(), reader.text()
            self.store.logins.append(login)
        elif kind == MULTI:
            words = reader.operations()
        elif kind not in (PING, CLOSE):
            words = reader.operation(kind)
        rule = self.rule(kind, words[0])
        if rule is SILENT:
            return True
        if rule is CLOSED:
            return False
        error, body = self.do(kind, words, session) if rule in (None, LOST) else (rule, b"")
        if rule is LOST:
            return False
        connection.sendall(packed(struct.pack(">iqi", xid, self.store.zxid, error) + body))
        return kind != CLOSE

    def do(self, kind, words, session):
        store = self.store
        with store.lock:
            if kind in (PING, AUTH):
                return 0, b""
            if kind == CLOSE:
                store.sessions.pop(session, None)
                for path in [p for p, n in store.nodes.items() if n and n.owner == session]:
                    del store.nodes[path]
                return 0, b""
            store.zxid += kind != GET
            try:
                if kind == MULTI:
                    return 0, store.multi(words, session)
                return 0, store.one(kind, words, session)
            except Refusal as refusal:
                return refusal.args[0], b""
