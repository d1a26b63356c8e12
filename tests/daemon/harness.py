# SPDX-License-Identifier: MIT
"""What the daemon's tests share: a running daemon, its clients, checks and waiting.

Each test_*.py is a program. It runs its functions test_*() in order, or those that are named as
arguments, prints a line for each check, and fails if one did. It tests the daemon of $top_builddir
and has a directory, ports and daemons of its own, so that the files can run side by side."""
import contextlib
import ctypes
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = os.environ.get("top_builddir", ".")
SOURCE = os.environ.get("top_srcdir", os.path.join(os.path.dirname(__file__), "..", ".."))
DEPLOY = os.path.join(os.path.abspath(SOURCE), "deploy")
DAEMON = os.path.join(BUILD, "snowidd", "snowidd")
SCRATCH = tempfile.mkdtemp(prefix="snowidd-")
# Seconds: a deadline for what must happen, long enough for sanitizers on a busy machine.
DEADLINE = 60
EPHEMERAL_PORTS = 32768  # ip_local_port_range(7): the kernel gives clients ports from here on
counts = {"passed": 0, "failed": 0, "skipped": 0}


# ---- checks --------------------------------------------------------------------------------------


def check(good, name, detail=""):
    counts["passed" if good else "failed"] += 1
    print("ok -" if good else "not ok -", name, "" if good else str(detail)[:2000], flush=True)


def equal(got, wanted, name):
    check(got == wanted, name, f"{got!r} is not {wanted!r}")


def wait_for(condition, what):
    """Waits until a condition holds, and returns whether it did before the deadline."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    print("# timed out waiting for", what)
    return False


def skip(reason):
    """Says what cannot be tried. If nothing fails, the file counts as skipped."""
    counts["skipped"] += 1
    print("skipped:", reason, flush=True)


def run_tests(module):
    """Runs the tests of a module, given as its globals()."""
    tests = {name[5:]: f for name, f in module.items() if name.startswith("test_") and callable(f)}
    for name in sys.argv[1:] or tests:
        started = time.monotonic()
        try:
            tests[name]()
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            check(False, name + " runs to its end")
        print(f"# {name}: {time.monotonic() - started:.1f} s", flush=True)
    shutil.rmtree(SCRATCH, ignore_errors=True)
    print("{passed} passed, {failed} failed".format(**counts))
    sys.exit(1 if counts["failed"] > 0 else 77 if counts["skipped"] > 0 else 0)


def skip_unless_found(*programs):
    """Skips the file, as automake understands it, where a program is missing."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        print("skipped: there is no " + ", ".join(missing))
        sys.exit(77)


# ---- files, ports, programs ----------------------------------------------------------------------


def scratch(*names):
    return os.path.join(SCRATCH, *names)


def write_scratch(name, text=""):
    with open(scratch(name), "w", encoding="utf-8") as file:
        file.write(text)
    return scratch(name)


@contextlib.contextmanager
def running_proxy(name, text, addresses, command):
    """A proxy with an example's configuration, but for its addresses: pairs of its and ours."""
    for shown, used in addresses:
        text = text.replace(shown, used)
    command = [*command, write_scratch(name + ".cfg", text)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **silent) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE)


def write_secret(name, text):
    """A file that only its owner can read."""
    os.chmod(write_scratch(name, ""), 0o600)
    return write_scratch(name, text)


def certificate_options(name):
    return "--tls-certificate", scratch(name + ".crt"), "--tls-key", scratch(name + ".key")


def read_text(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def free_port():
    """A port that is free now. Nothing reserves it, but the kernel gives no client one of these."""
    while True:
        port = random.randrange(EPHEMERAL_PORTS // 2, EPHEMERAL_PORTS)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


def environment(**more):
    """This process's environment without what would configure a daemon, and with more."""
    env = {
        k: v
        for k, v in os.environ.items()
        if not re.match("SNOWID|NOTIFY|LISTEN|WATCHDOG|JOURNAL", k)
    }
    return {**env, "STATE_DIRECTORY": scratch("state"), "LC_ALL": "C", **more}


def run_daemon(*arguments, **env):
    """Runs the daemon where it ends by itself: its status and output."""
    return run_command(DAEMON, *arguments, env=environment(**env))


def run_command(*command, **options):
    options = {"capture_output": True, "text": True, "timeout": DEADLINE, "check": False, **options}
    return subprocess.run(command, **options)


def make_certificates(*names):
    """Self-signed ones for this host: NAME.crt and NAME.key in the scratch directory."""
    key = "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"
    subject = "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"
    for name in names:
        files = "-keyout", scratch(name + ".key"), "-out", scratch(name + ".crt")
        run_command("openssl", "req", "-x509", *key, *files, "-days", "2", *subject, check=True)


# ---- HTTP as bytes -------------------------------------------------------------------------------


def get(path="/api/v1/id", fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode()


GET_AND_CLOSE = get(fields="Connection: close\r\n")


def read_all(s):
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            data += part
    return data


def statuses(data):
    """The status of each response in what was received."""
    return [int(s) for s in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


def error_code(body):
    return json.loads(body)["error"]


# ---- a running daemon ----------------------------------------------------------------------------


class Daemon:
    """A running snowidd; `with` ends it."""

    def __init__(self, *options, **more):
        for _ in range(5):  # another process may take the port before the daemon does
            try:
                self.start(*options, **more)
                return
            except RuntimeError as error:
                if "Address already in use" not in str(error):
                    raise
        raise RuntimeError("no port is free")

    def start(self, *options, **popen):
        self.port = free_port()
        self.log_path = scratch(f"log.{self.port}")
        command = [DAEMON, "--port", str(self.port), *options]
        with open(self.log_path, "wb") as log:
            popen = {"env": environment(), "stderr": log, **popen}
            self.process = subprocess.Popen(command, **popen)  # pylint: disable=consider-using-with
        if not wait_for(self.is_serving, "the daemon to serve"):
            raise RuntimeError(self.log())

    def is_serving(self):
        if self.process.poll() is not None:
            raise RuntimeError("snowidd ended: " + self.log())
        return "serving" in self.log()

    def log(self):
        return read_text(self.log_path)

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """Ends it with a signal: its exit status."""
        if self.process.poll() is None:
            self.send_signal(number)
        return self.process.wait(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        log = self.log()
        if "Sanitizer" in log or "runtime error" in log:
            check(False, "no sanitizer complains", log)

    # ---- as its clients see it ----

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), DEADLINE)

    def client(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)

    def request(self, path, method="GET", headers=None, client=None):
        """One request: status, headers, body."""
        client = client or self.client()
        client.request(method, path, headers=headers or {})
        response = client.getresponse()
        result = response.status, response.headers, response.read()
        client.close()
        return result

    def status(self, path, **more):
        return self.request(path, **more)[0]

    def text(self, path, **more):
        return self.request(path, **more)[2].decode()

    def json(self, path):
        return json.loads(self.text(path))

    def send_raw(self, data, half_close=False):
        """Sends bytes, and returns all that comes back until the daemon closes the connection."""
        with self.connect() as s:
            with contextlib.suppress(OSError):
                s.sendall(data)
                if half_close:
                    s.shutdown(socket.SHUT_WR)
            return read_all(s)

    def metric(self, name, client=None):
        text = self.text("/metrics", client=client)
        return float(re.search("^" + re.escape(name) + " (.*)$", text, re.M).group(1))

    # ---- as the kernel sees it ----

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def is_sanitized(self):
        """Whether it keeps memory for a sanitizer, besides its own."""
        return re.search("lib[at]san", read_text(f"/proc/{self.process.pid}/maps")) is not None

    def of_threads(self, name):
        """The text of /proc/PID/task/THREAD/name by thread."""
        found, tasks = {}, f"/proc/{self.process.pid}/task"
        with contextlib.suppress(OSError):  # the process has ended
            for thread in os.listdir(tasks):
                with contextlib.suppress(OSError):  # the thread has
                    found[int(thread)] = read_text(tasks, thread, name)
        return found

    def thread_named(self, name):
        return next(
            (t for t, comm in self.of_threads("comm").items() if comm.strip() == name), None
        )

    def is_frozen(self):
        """Whether SIGSTOP has reached all of its threads."""
        return {s.rsplit(")", 1)[1].split()[0] for s in self.of_threads("stat").values()} == {"T"}


def is_dropped(daemon, data, first=b""):
    """Whether a client that goes on sending is dropped in the end."""
    with daemon.connect() as s:
        s.sendall(first)

        def fails():
            try:
                s.sendall(data)
            except OSError:
                return True
            return False

        return wait_for(fails, "the end of a connection that trickles")


class Load:
    """Clients that each call run(), in a thread, until the end of `with`."""

    def __init__(self, clients):
        self.failures, self.stopping = [], threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def run(self):
        raise NotImplementedError

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


class FrozenThreads:
    """Some threads of another process, which do not run until this ends. SIGSTOP would stop all."""

    ATTACH, DETACH, WALL = 16, 17, 0x40000000  # ptrace(2), __WALL of waitpid(2)

    def __init__(self, threads):
        ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self.frozen = []
        for thread in threads:
            if ptrace(self.ATTACH, thread, None, None) != 0:
                break
            os.waitpid(thread, self.WALL)
            self.frozen.append(thread)
        self.complete = self.frozen == list(threads)

    def release(self):
        """Lets them run; of those that have ended, takes the status that is due to a tracer."""
        ptrace = ctypes.CDLL(None).ptrace
        for thread in self.frozen:
            if ptrace(self.DETACH, thread, None, None) != 0:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(thread, self.WALL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()
