# SPDX-License-Identifier: MIT
"""What etcd, ZooKeeper and Consul have recorded, read and changed without the library, and how IDs
are checked against it.

A path is that of the records: "/id-generator", or "/id-generator/datacenters/dc0"."""
import base64
import contextlib
import json
import re
import socket
import struct
import threading
import time

from servers import http_json, http_request

WORKER = re.compile(r"(?:state|workers)/worker(\d+)$")


def text64(text):
    return base64.b64encode(text.encode()).decode()


def from64(text):
    return base64.b64decode(text or "").decode()


class EtcdRecords:
    def __init__(self, addresses):
        self.addresses = addresses.split(",")

    def post(self, action, body):
        for address in self.addresses:
            answer = http_json(f"http://{address}/v3/{action}", body, timeout=2)
            if answer is not None:
                return answer
        raise OSError("no etcd answers")

    def keys(self, prefix):
        body = {"key": text64(prefix), "range_end": text64(prefix[:-1] + chr(ord(prefix[-1]) + 1))}
        return self.post("kv/range", body).get("kvs", [])

    def read(self, path):
        return {
            int(WORKER.search(from64(kv["key"])).group(1)): json.loads(from64(kv["value"]))
            for kv in self.keys(path + "/state/")
        }

    def write(self, path, worker, record):
        body = {"key": text64(f"{path}/state/worker{worker}"), "value": text64(json.dumps(record))}
        self.post("kv/put", body)

    def delete(self, path, worker):
        self.post("kv/deleterange", {"key": text64(f"{path}/state/worker{worker}")})

    def end_lease(self, path, worker):
        """As an operator can, or the service by itself."""
        (kv,) = self.keys(f"{path}/workers/worker{worker}")[:1]
        self.post("lease/revoke", {"ID": kv["lease"]})

    def held(self, path):
        return {
            int(WORKER.search(from64(kv["key"])).group(1)) for kv in self.keys(path + "/workers/")
        }


class ConsulRecords:
    def __init__(self, addresses):
        self.addresses = addresses.split(",")

    def request(self, path, body=None, method=None):
        for address in self.addresses:
            answer = http_request(f"http://{address}/v1/{path}", body, method, timeout=2)
            if answer is not None:
                return answer
        return None

    def entries(self, path):
        answer = self.request(f"kv{path}/workers/?recurse&consistent")
        return {int(WORKER.search(e["Key"]).group(1)): e for e in json.loads(answer or "[]")}

    def read(self, path):
        return {w: json.loads(from64(e["Value"])) for w, e in self.entries(path).items()}

    def write(self, path, worker, record):
        self.request(f"kv{path}/workers/worker{worker}", json.dumps(record).encode(), "PUT")

    def delete(self, path, worker):
        self.request(f"kv{path}/workers/worker{worker}", method="DELETE")

    def end_lease(self, path, worker):
        session = self.entries(path)[worker]["Session"]
        self.request("session/destroy/" + session, b"", "PUT")

    def held(self, path):
        return {w for w, entry in self.entries(path).items() if entry.get("Session")}


class ZookeeperRecords:
    """A client of ZooKeeper's own protocol (zookeeper.jute), with one request at a time."""

    CREATE, DELETE, GET_DATA, SET_DATA, GET_CHILDREN = 1, 2, 4, 5, 8
    NO_NODE = -101

    def __init__(self, addresses):
        self.addresses, self.socket = addresses.split(","), None
        self.lock = threading.Lock()

    def read(self, path):
        with self.lock:
            return {
                worker: json.loads(self.get(f"{path}/state/worker{worker}") or "null")
                for worker in self.children(path + "/state")
            }

    def write(self, path, worker, record):
        data = json.dumps(record).encode()
        with self.lock:
            body = text(f"{path}/state/worker{worker}") + buffer(data) + struct.pack(">i", -1)
            self.call(self.SET_DATA, body)

    def delete(self, path, worker):
        with self.lock:
            self.call(self.DELETE, text(f"{path}/state/worker{worker}") + struct.pack(">i", -1))

    def end_lease(self, path, worker):
        with self.lock:
            self.call(self.DELETE, text(f"{path}/workers/worker{worker}") + struct.pack(">i", -1))

    def held(self, path):
        with self.lock:
            return set(self.children(path + "/workers"))

    def children(self, path):
        answer = self.call(self.GET_CHILDREN, text(path) + b"\0")
        names, at = [], 4
        for _ in range(struct.unpack_from(">i", answer)[0] if answer else 0):
            (size,) = struct.unpack_from(">i", answer, at)
            names.append(answer[at + 4 : at + 4 + size].decode())
            at += 4 + size
        return [int(name[6:]) for name in names if name.startswith("worker")]

    def get(self, path):
        answer = self.call(self.GET_DATA, text(path) + b"\0")
        if answer is None:
            return None
        (size,) = struct.unpack_from(">i", answer)
        return answer[4 : 4 + size].decode()

    def call(self, kind, body):
        """The answer to a request; None: there is no such node."""
        try:
            if self.socket is None:
                self.connect()
            self.send(struct.pack(">ii", 1, kind) + body)
            answer = self.receive()
        except (OSError, struct.error) as error:
            self.socket = None
            raise OSError(f"no ZooKeeper answers: {error}") from error
        (error,) = struct.unpack_from(">i", answer, 12)
        if error == self.NO_NODE:
            return None
        if error:
            raise OSError(f"ZooKeeper's error {error}")
        return answer[16:]

    def connect(self):
        for address in self.addresses:
            host, port = address.rsplit(":", 1)
            with contextlib.suppress(OSError, struct.error):
                self.socket = socket.create_connection((host, int(port)), 2)
                self.send(struct.pack(">iqiq", 0, 0, 60000, 0) + buffer(bytes(16)) + b"\0")
                self.receive()
                return
        raise OSError("all addresses fail")

    def send(self, data):
        self.socket.sendall(buffer(data))

    def receive(self):
        return self.exactly(struct.unpack(">i", self.exactly(4))[0])

    def exactly(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise OSError("the connection ended")
            data += part
        return data


def buffer(data):
    return struct.pack(">i", len(data)) + data


def text(string):
    return buffer(string.encode())


RECORDS = {"etcd": EtcdRecords, "zookeeper": ZookeeperRecords, "consul": ConsulRecords}


class Recorder(threading.Thread):
    """Watches records, more often than owners write them. It tells by the member "writes" whether
    it has missed one."""

    def __init__(self, records, path, interval=0.2):
        super().__init__(daemon=True)
        self.records, self.path, self.interval = records, path, interval
        self.seen = {}  # by worker: the records, in the order in which they were written
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(self.interval):
            self.look()

    def look(self):
        with contextlib.suppress(OSError, ValueError):
            for worker, record in self.records.read(self.path).items():
                history = self.seen.setdefault(worker, [])
                if record and (not history or history[-1] != record):
                    history.append(record)

    def stop(self):
        self.ending.set()
        self.join()
        self.look()

    def missed(self):
        """How many writes were not seen."""
        return sum(
            history[-1]["writes"] - history[0]["writes"] + 1 - len(history)
            for history in self.seen.values()
            if history
        )


class Epoch:
    """The ticks that were issued in an epoch of a worker, and those that were allowed."""

    def __init__(self):
        self.first, self.last = None, None

    def add(self, first, last):
        self.first = first if self.first is None else min(first, self.first)
        self.last = last if self.last is None else max(last, self.last)


def check_ranges(ranges, seen):
    """What is wrong with ranges of ticks (worker, epoch, first, last), given the records of each
    worker: a list of sentences. An epoch's ticks are above what was recorded when it was claimed,
    up to its own limit, and below those of each later one. If an owner claims its own record again,
    as after an outage, it goes on with what it was allowed before."""
    epochs, faults = {}, []
    for worker, number, first, last in ranges:
        if number:
            epochs.setdefault(worker, {}).setdefault(number, Epoch()).add(first, last)
        limits = [record["limit"] for record in seen.get(worker, [])]
        if not limits or last > max(limits):
            faults.append(f"worker {worker} issued tick {last}; the limits were {limits[-3:]}")
    for worker, of_worker in epochs.items():
        history = seen.get(worker, [])
        numbers = sorted(of_worker)
        for number, later in zip(numbers, numbers[1:]):
            gap = of_worker[later].first - of_worker[number].last
            if gap < 0 or (gap == 0 and not is_same_owner(history, number, later)):
                faults.append(
                    f"worker {worker}: epoch {later} issued tick {of_worker[later].first}, but "
                    f"epoch {number} had issued {of_worker[number].last}"
                )
        for number, issued in of_worker.items():
            faults += check_bounds(worker, number, issued, history)
    return faults


def is_same_owner(history, *numbers):
    """Whether one process claimed these epochs, as far as is known."""
    owners = [record["owner"] for record in history if record["epoch"] in numbers]
    return len({(owner["host"], owner["process"]) for owner in owners}) == 1


def check_bounds(worker, number, issued, history):
    own = [record for record in history if record["epoch"] == number]
    earlier = [record for record in history if record["epoch"] < number]
    later = [record for record in history if record["epoch"] > number]
    if not own and not later:
        yield f"worker {worker} issued IDs in epoch {number}, which nobody has recorded"
        return
    # A limit that was raised between two looks is known by the next record, as limits only rise.
    complete = own and (not later or later[0]["writes"] == own[-1]["writes"] + 1)
    limit = max(record["limit"] for record in (own if complete else (own + later[:1])))
    if issued.last > limit:
        yield f"worker {worker}: epoch {number} issued tick {issued.last} above its limit {limit}"
    if earlier and own and own[0]["writes"] == earlier[-1]["writes"] + 1:
        before = earlier[-1]
        floor = before["last_tick"] if before["released"] else before["limit"]
        if issued.first <= floor and not is_same_owner(history, before["epoch"], number):
            yield f"worker {worker}: epoch {number} issued tick {issued.first}, floor {floor}"


def wait_until(condition, seconds, interval=0.02):
    """Whether a condition came to hold in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(interval)
    return True
