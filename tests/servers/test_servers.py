#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Servers with several processes, each with an application as README begins it: no two requests
get the same ID, though nothing is configured. So does a host with programs in all languages.

The store is the default one in a /dev/shm of this test's own, so that no other program of this
host takes part. Servers listen on Unix sockets, which need no free port."""
import concurrent.futures
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "daemon"))
from harness import (  # noqa: E402
    BUILD,
    DEADLINE,
    SOURCE,
    check,
    equal,
    read_text,
    run_command,
    run_tests,
    scratch,
    skip,
    wait_for,
    write_scratch,
)

HERE = os.path.join(os.path.abspath(SOURCE), "tests", "servers")
BINDINGS = os.path.join(os.path.abspath(SOURCE), "bindings")
BUILT = os.path.join(os.path.abspath(BUILD), "bindings")
PYTHON, RUBY = os.environ.get("PYTHON", ""), os.environ.get("RUBY", "")
LUAS = {version: os.environ.get(f"LUA{version.replace('.', '')}", "") for version in ("5.3", "5.4")}
LUAJIT = os.environ.get("LUAJIT", "")
TOOL = os.path.join(os.path.abspath(BUILD), "snowid")
RUBY_PATH = [f"-I{BINDINGS}/ruby/lib", f"-I{BUILT}/ruby/tree"]
IDS, WORKERS, CLIENTS = 80000, 4, 8  # of each server


# ---- a /dev/shm of its own -----------------------------------------------------------------------


def system_call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")


def mount_own_shared_memory():
    """Hides /dev/shm from this process and its children. An ordinary user needs a user namespace
    for that, in which it stays the same user."""
    new_mounts, new_user, recursive_private = 0x20000, 0x10000000, 0x4000 | 0x40000
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        system_call("unshare", new_mounts)
    else:
        system_call("unshare", new_mounts | new_user)
        for name, text in [
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ]:
            with open("/proc/self/" + name, "w", encoding="ascii") as file:
                file.write(text)
    system_call("mount", None, b"/", None, recursive_private, None)
    system_call("mount", b"tmpfs", b"/dev/shm", b"tmpfs", 0, b"mode=1777")


# ---- programs ------------------------------------------------------------------------------------


def environment(**more):
    """This process's environment without what would name a store."""
    lua_path = [f"{HERE}/?.lua", f"{BINDINGS}/lua/?.lua", f"{BUILT}/lua/?.lua", ";"]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("SNOWID")},
        "LD_LIBRARY_PATH": os.path.join(os.path.abspath(BUILD), ".libs"),
        "LUA_PATH": ";".join(lua_path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{BUILT}/python/tree:{HERE}",
        "LC_ALL": "C.UTF-8",
        **more,
    }


def start(*command, **options):
    """Starts a program that ends when this one does, however that ends. Some end all of their
    process group, so each has its own."""
    command = ["setpriv", "--pdeathsig", "TERM", *command]
    options = {"env": environment(), "start_new_session": True, **options}
    return subprocess.Popen(command, **options)  # pylint: disable=consider-using-with


def is_built(language):
    return os.path.exists(os.path.join(BUILT, language))


def has_module(name):
    """Whether the Python of the bindings has a module."""
    script = f"import importlib.util as u, sys; sys.exit(u.find_spec({name!r}) is None)"
    return run_command(PYTHON, "-c", script).returncode == 0


class Server:
    """A running server on a Unix socket; `with` ends it."""

    def __init__(self, command, path):
        self.path, self.log_path = path, path + ".log"
        with open(self.log_path, "wb") as log:
            self.process = start(*command, stdout=log, stderr=log, cwd=scratch())

    def is_listening(self):
        if self.process.poll() is not None:
            raise RuntimeError("the server has ended")
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.path) == 0

    def request(self, _=None):
        """Draws IDs: the process that answers, and its IDs."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(self.path)
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with client.makefile("rb") as stream:
                head, _, body = stream.read().partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(f"the server answered {head!r} {body[:500]!r}")
        process, *drawn = map(int, body.split())
        return process, drawn

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.wait()
            if kind:
                print(read_text(self.log_path)[-4000:])


# ---- drawing -------------------------------------------------------------------------------------


def processes_of(answers):
    return {process for process, _ in answers}


def check_answers(answers, what):
    """That each process has answered, and no ID is in two answers."""
    ids = [drawn for _, batch in answers for drawn in batch]
    processes, duplicates = len(processes_of(answers)), len(ids) - len(set(ids))
    check(
        duplicates == 0 and processes == WORKERS and len(ids) >= IDS,
        f"{what}: no duplicates",
        f"{duplicates} duplicates in {len(ids)} IDs of {processes} processes",
    )


def draw_from_server(server):
    """Asks with several clients at a time: first until each worker has answered, as they do not
    begin at the same time, and then for all the IDs."""
    answers, more = [], []
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:

        def each_worker_has_answered():
            answers.extend(clients.map(server.request, range(CLIENTS)))
            return len(processes_of(answers)) == WORKERS

        wait_for(each_worker_has_answered, "all workers to answer")
        while sum(len(batch) for _, batch in more) < IDS:
            more += clients.map(server.request, range(CLIENTS))
    return answers + more


def check_server(what, *command):
    """Runs a server, in whose command SOCKET stands for the path it listens on."""
    path = scratch(what.replace(" ", "-"))
    with Server([word.replace("SOCKET", path) for word in command], path) as server:
        if not wait_for(server.is_listening, what):
            raise RuntimeError(what + " does not listen")
        check_answers(draw_from_server(server), what)


# ---- Python --------------------------------------------------------------------------------------


def check_python_server(module, what, *options):
    if not is_built("python/tree"):
        print("# the Python binding was not built")
    elif not has_module(module):
        skip(f"{PYTHON} has no {module}")
    else:
        check_server(what, PYTHON, "-m", module, *options)


def test_uvicorn():
    options = f"--workers={WORKERS}", "--uds=SOCKET", "--log-level=warning", "app:asgi"
    check_python_server("uvicorn", "uvicorn", *options)


GUNICORN = f"--workers={WORKERS}", "--bind=unix:SOCKET", "--log-level=warning", "app:wsgi"


def test_gunicorn():
    check_python_server("gunicorn", "gunicorn", *GUNICORN)


def test_gunicorn_with_preload():
    check_python_server("gunicorn", "gunicorn with preload", "--preload", *GUNICORN)


def check_uwsgi(what, *options):
    if not is_built("python/tree"):
        print("# the Python binding was not built")
    elif not shutil.which("uwsgi_python3"):
        skip("there is no uwsgi_python3")
    else:
        workers = "--master", "--die-on-term", f"--processes={WORKERS}", "--disable-logging"
        listen = "--http-socket=SOCKET", "--module=app:wsgi"
        check_server(what, "uwsgi_python3", *workers, *listen, *options)


def test_uwsgi():
    check_uwsgi("uWSGI")


def test_uwsgi_with_lazy_apps():
    check_uwsgi("uWSGI with lazy-apps", "--lazy-apps")


def test_multiprocessing():
    if not is_built("python/tree"):
        print("# the Python binding was not built")
        return
    for method in "fork", "spawn", "forkserver":
        program = run_command(PYTHON, f"{HERE}/processes.py", method, env=environment())
        print(program.stderr, end="")
        lines = [list(map(int, line.split())) for line in program.stdout.splitlines()]
        answers = [(process, drawn) for process, *drawn in lines]
        check_answers(answers, f"multiprocessing by {method}")


# ---- Ruby ----------------------------------------------------------------------------------------


def check_puma(what, preload):
    if not is_built("ruby/tree"):
        print("# the Ruby binding was not built")
    elif not shutil.which("puma"):
        skip("there is no puma")
    else:
        settings = write_scratch(
            f"puma.{preload}.rb",
            f"workers {WORKERS}\nthreads 2, 2\npreload_app! {preload}\nenvironment 'none'\n",
        )
        options = "-S", "puma", "-C", settings, "-b", "unix://SOCKET", f"{HERE}/config.ru"
        check_server(what, RUBY, *RUBY_PATH, *options)


def test_puma():
    check_puma("puma", "false")


def test_puma_with_preload():
    check_puma("puma with preload", "true")


# ---- nginx ---------------------------------------------------------------------------------------

NGINX = """
daemon off;
{user}
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes {workers};
pid {directory}/pid;
error_log stderr;
events {{ }}
http {{
	access_log off;
	client_body_temp_path {directory}/body;
	proxy_temp_path {directory}/proxy;
	fastcgi_temp_path {directory}/fastcgi;
	uwsgi_temp_path {directory}/uwsgi;
	scgi_temp_path {directory}/scgi;
	{init}
	server {{
		listen unix:{socket};
		location / {{ content_by_lua_block {{ require("app").answer() }} }}
	}}
}}
"""


def check_nginx(what, user, init):
    """As root, the workers run as another user, unless they need files that it may not read."""
    nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    module = "/usr/lib/nginx/modules/ngx_http_lua_module.so"
    if not LUAJIT or not is_built("lua/snowid/cdef.lua"):
        print("# the Lua binding was not built for LuaJIT")
        return
    if not nginx or not os.path.exists(module):
        skip("there is no nginx with the Lua module")
        return
    directory = scratch(what.replace(" ", "-") + ".d")
    os.mkdir(directory)
    text = NGINX.format(
        directory=directory,
        workers=WORKERS,
        init=init,
        socket=scratch(what.replace(" ", "-")),
        user=f"user {user};" if os.geteuid() == 0 else "",
    )
    settings = write_scratch(what + ".conf", text)
    check_server(what, nginx, "-p", directory, "-e", "stderr", "-c", settings)


def test_nginx():
    check_nginx("nginx", "root root", "")


def test_nginx_with_init():
    init = 'init_by_lua_block { require "app" }'
    check_nginx("nginx with the generator of its master", "nobody nogroup", init)


# ---- several languages ---------------------------------------------------------------------------

# Each draws 10,000 IDs once it has read a line.
PROGRAMS = {
    "python": """
import snowid
ids = snowid.Generator("snowflake", worker=5)
print("ready", flush=True)
input()
for _ in range(5000):
    print(ids.next())
print(*ids.batch(5000), sep="\\n")
""",
    "ruby": """
require "snowid"
ids = Snowid::Generator.new("snowflake", worker: 5)
puts "ready"
$stdout.flush
$stdin.gets
puts Array.new(5000) { ids.next } + ids.batch(5000)
""",
    "lua": """
local snowid = require "snowid"
local ids = snowid.generator { kind = "snowflake", worker = 5 }
print "ready"
io.stdout:flush()
io.read()
for _ = 1, 5000 do print(snowid.format_id(ids:next())) end
for _, id in ipairs(ids:batch(5000)) do print(snowid.format_id(id)) end
""",
}


def language_commands():
    """The commands that run a program, by the language, of those that were built."""
    commands = []
    if is_built("python/tree"):
        commands.append([PYTHON, "-c", PROGRAMS["python"]])
    if is_built("ruby/tree"):
        commands.append([RUBY, *RUBY_PATH, "-e", PROGRAMS["ruby"]])
    for version, interpreter in LUAS.items():
        if is_built(f"lua/tree.{version}"):
            path = f"package.cpath = '{BUILT}/lua/tree.{version}/?.so'"
            commands.append([interpreter, "-e", path, "-e", PROGRAMS["lua"]])
    if LUAJIT and is_built("lua/snowid/cdef.lua"):
        commands.append([LUAJIT, "-e", PROGRAMS["lua"]])
    return commands


def test_languages():
    """Programs in all languages, and the tool, draw at the same time."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    programs = [start(*command, **pipes) for command in language_commands()]
    for program in programs:
        equal(program.stdout.readline(), "ready\n", f"{program.args[3]} opens its generator")
    tool = [TOOL, "--store", "host:", "--field", "worker=5", "-n", "10000"]
    programs.append(start(*tool, **pipes))
    for program in programs:
        program.stdin.write("\n")
        program.stdin.flush()
    with concurrent.futures.ThreadPoolExecutor(len(programs)) as readers:
        outputs = list(readers.map(lambda program: program.communicate()[0].split(), programs))
    ids = [drawn for output in outputs for drawn in output]
    equal(len(ids), 10000 * len(programs), "each program has drawn its IDs")
    equal(len(ids) - len(set(ids)), 0, f"{len(programs)} programs in all languages: no duplicates")


def test_many_generators():
    """10,000 generators of one process cost no descriptor each."""
    if not is_built("python/tree"):
        print("# the Python binding was not built")
        return
    script = """
import os, snowid
few = len(os.listdir("/proc/self/fd"))
many = [snowid.Generator("snowflake", worker=i % 10) for i in range(10000)]
ids = [generator.next() for generator in many]
print(len(ids) - len(set(ids)), len(os.listdir("/proc/self/fd")) - few <= 1)
"""
    program = run_command(PYTHON, "-c", script, env=environment())
    equal(program.stdout + program.stderr, "0 True\n", "10,000 generators in one process")


if __name__ == "__main__":
    try:
        mount_own_shared_memory()
    except OSError as error:
        print("skipped: no /dev/shm of its own:", error)
        sys.exit(77)
    run_tests(globals())
