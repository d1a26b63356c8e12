# SPDX-License-Identifier: MIT
"""Owners of workers as processes, what they made, and what one fault did to them."""
import contextlib
import os
import queue
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from proxy import Proxy
from records import RECORDS, Recorder, check_ranges, wait_until

BUILD = os.path.abspath(os.environ.get("top_builddir", "."))
OWNER = os.environ.get("OWNER", os.path.join(BUILD, "tests", "coordinators", "owner"))
MERGE = os.path.join(BUILD, "tests", "coordinators", "merge")
MODULES = os.environ.get("SNOWID_MODULES", os.path.join(BUILD, "libsnowid", "coordinator", ".libs"))
RESTART_AFTER = 0.3  # seconds
DEADLINE = 60  # seconds: for what must happen, on a busy machine
KIND = "time:41,worker:10,sequence:12;epoch=1288834974657"
TIME_SHIFT, WORKER_SHIFT, WORKER_BITS = 22, 12, 10


class Owner:
    """A process of tests/coordinators/owner.c."""

    def __init__(self, path, url, kind=KIND, prefix=(), settings=(), **env):
        self.path, self.url = path, url
        self.longest, self.outcome, self.detail = 0, None, ""
        self.lines = queue.Queue()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SNOWID")}
        self.process = subprocess.Popen(
            [*prefix, OWNER, path, kind, url, *settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "SNOWID_MODULES": MODULES, "LC_ALL": "C", **env},
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self.read_lines, daemon=True)
        self.reader.start()

    def read_lines(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, word, seconds=DEADLINE):
        """The rest of the next line that begins with a word."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"no {word} from an owner of {self.url}") from None
            if line is None:
                raise EOFError(f"an owner of {self.url} ended before {word}")
            if line.startswith(word + " "):
                return line[len(word) + 1 :]

    def tell(self, command):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        return self

    # ---- opening ----

    def poll(self):
        """Whether it has opened or failed; `outcome` is "opened" or "failed"."""
        with contextlib.suppress(queue.Empty):
            while self.outcome is None:
                line = self.lines.get_nowait()
                if line is None:
                    self.outcome = "failed"
                elif line.startswith("opened "):
                    nanoseconds, self.worker = map(int, line.split()[1:])
                    self.outcome, self.open_seconds = "opened", nanoseconds / 1e9
                elif line.startswith("failed "):
                    self.outcome, self.detail = "failed", line[7:]
        return self.outcome

    def is_open(self, seconds=DEADLINE):
        wait_until(self.poll, seconds)
        return self.outcome == "opened"

    # ---- a life ----

    def rate(self, number):
        return self.tell(f"rate {number}")

    def report(self):
        words = self.tell("report").line("report").split()
        report = {k: int(v) for k, v in (word.split("=") for word in words)}
        self.longest = max(self.longest, report["longest_ns"] / 1e9)
        return report

    def made_more(self, seconds=DEADLINE):
        """Whether it makes IDs now."""
        made = self.report()["made"]
        return wait_until(lambda: self.report()["made"] > made, seconds, 0.05)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        """With all that it has forked."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def kill_opener(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        self.report()
        self.tell("close").line("closed")
        self.process.wait(DEADLINE)


class Row:
    """One fault for one service: its owners, and a verdict."""

    def __init__(self, service, addresses, name, cluster=None):
        self.service, self.addresses, self.cluster = service, addresses, cluster
        self.path = "/" + re.sub(r"\W+", "-", name)
        self.directory = tempfile.mkdtemp(prefix="faults-")
        self.records = RECORDS[service](addresses)
        self.recorder = Recorder(self.records, self.path)
        self.checks_records = True
        self.owners, self.proxies, self.notes, self.faults, self.cleanups = [], [], [], [], []

    def url(self, addresses=None, ttl="2s", reserve="2s", workers="0-31"):
        query = f"ttl={ttl}&reserve={reserve}&workers={workers}"
        return f"{self.service}://{addresses or self.addresses}{self.path}?{query}"

    def owner(self, addresses=None, rate=5000, kind=KIND, prefix=(), env=None, **options):
        path = os.path.join(self.directory, f"ids{len(self.owners)}")
        owner = Owner(path, self.url(addresses, **options), kind, prefix, **(env or {}))
        owner.again = lambda: self.owner(addresses, rate, kind, prefix, env, **options)
        self.owners.append(owner)
        owner.rate(rate)
        return owner

    def opened(self, **options):
        """An owner that has opened."""
        (owner,) = self.opened_in_the_end(self.owner(**options))
        return owner

    def opened_in_the_end(self, *owners, seconds=DEADLINE):
        """Those owners, once each has opened; in place of one that fails, another is started a
        little later, as a service manager does."""
        owners, end = list(owners), time.monotonic() + seconds
        failed_at = {}
        while not all(owner.outcome == "opened" for owner in owners):
            if time.monotonic() > end:
                raise RuntimeError("owners cannot open: " + str({o.detail for o in owners}))
            for i, owner in enumerate(owners):
                if owner.poll() != "failed":
                    continue
                if time.monotonic() > failed_at.setdefault(owner, time.monotonic()) + RESTART_AFTER:
                    owners[i] = owner.again()
            time.sleep(0.01)
        return owners

    def proxy(self, **options):
        """A proxy in front of each server; they are handled as one."""
        proxies = [Proxy(address, **options) for address in self.addresses.split(",")]
        self.proxies += proxies
        return Proxies(proxies)

    def expect(self, good, sentence):
        if not good:
            self.faults.append("expected: " + sentence)

    def note(self, text):
        self.notes.append(text)

    # ---- the verdict ----

    def finish(self):
        """The result, and the end of all that this row started."""
        try:
            for owner in self.owners:
                if owner.process.poll() is None and owner.outcome == "opened":
                    owner.resume()
                    with contextlib.suppress(OSError, EOFError):
                        owner.report()
            self.recorder.stop()
            for owner in self.owners:
                owner.kill()
            result = self.merge()
        finally:
            for owner in self.owners:
                owner.kill()
            for proxy in self.proxies:
                proxy.close()
            for cleanup in self.cleanups:
                cleanup()
            shutil.rmtree(self.directory, ignore_errors=True)
        return result

    def merge(self):
        shifts = [str(TIME_SHIFT), str(WORKER_SHIFT), str(WORKER_BITS)]
        files = [os.path.join(self.directory, name) for name in os.listdir(self.directory)]
        output = subprocess.run(
            [MERGE, *shifts, *sorted(files)], capture_output=True, text=True, check=False
        )
        totals, ranges = {}, []
        for line in output.stdout.splitlines():
            word, *rest = line.split()
            if word == "range":
                ranges.append([int(rest[1]), int(rest[2]), int(rest[3]), int(rest[4])])
            elif word in ("twice", "decreasing"):
                self.faults.append(line)
            else:
                totals[word] = int(rest[0])
        if output.returncode not in (0, 1) or not totals.get("ids"):
            self.faults.append("no IDs can be read: " + output.stderr)
        if self.checks_records:
            self.faults += check_ranges(ranges, self.recorder.seen)
        return {
            "ids": totals.get("ids", 0),
            "duplicates": totals.get("duplicates", 0),
            "longest": max((owner.longest for owner in self.owners), default=0),
            "missed": self.recorder.missed(),
            "notes": self.notes,
            "faults": self.faults[:20],
        }


class Proxies:
    """Several proxies, of all servers: what is set or called is so for each."""

    def __init__(self, proxies):
        self.__dict__["proxies"] = proxies

    @property
    def addresses(self):
        return ",".join(proxy.address for proxy in self.proxies)

    @property
    def pieces(self):
        return sum(proxy.pieces for proxy in self.proxies)

    @property
    def bytes(self):
        return sum(proxy.bytes for proxy in self.proxies)

    def __setattr__(self, name, value):
        for proxy in self.proxies:
            setattr(proxy, name, value)

    def __getattr__(self, name):
        def call(*values, **named):
            for proxy in self.proxies:
                getattr(proxy, name)(*values, **named)

        return call
