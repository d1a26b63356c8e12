#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Options, environment and configuration files: which are good, what is said about others."""
import json
import re

from harness import (
    DAEMON,
    SOURCE,
    Daemon,
    check,
    environment,
    equal,
    read_text,
    run_command,
    run_daemon,
    run_tests,
    write_scratch,
)

# A file, the line that is wrong, a part of the message.
BAD_FILES = [
    ("prot: 80\n", 1, 'no key "prot"'),
    ("port: 80\nlimits:\n  conections: 5\n", 3, 'no key "limits.conections"'),
    ("port: 0\n", 1, "not from 1 to 65535"),
    ("port: eighty\n", 1, "not a number"),
    ("\n\nport: -1\n", 3, "not a number"),
    ("port: 99999999999999999999\n", 1, "not a number"),
    ("port: [80]\n", 1, "must be a single value"),
    ("port: {a: b}\n", 1, "must be a single value"),
    ("port:\n", 1, "has no value"),
    ("listen: {a: b}\n", 1, "must be a list"),
    ("listen: [[a]]\n", 1, "single values"),
    ("port: 80\nport: 81\n", 2, "second time"),
    ("limits: 5\n", 1, "keys of its own"),
    ("[1, 2]\n", 1, "key: value"),
    ("port: 80\n---\nport: 81\n", 2, "more than one document"),
    ("port: 'x\n", None, "not YAML"),
    ("limits: {idle_timeout: 5}\n", 1, "not a span"),
    ("limits:\n  idle_timeout: 1ms\n", 2, "not from 10ms"),
    ("log: {access: maybe}\n", 1, "not one of true|false"),
    ("log: {format: xml}\n", 1, "not one of text|json"),
    ("port: *x\n", 1, "must be a single value"),
    ("? [a]\n: b\n", 1, "single word"),
]
# The same for files of which each line is good alone.
INCONSISTENT_FILES = [
    ("port: 1\ndatacenter_id: 32\n", 2, "datacenter_id: kind snowflake"),
    ("worker_id: 99\n", 1, "worker_id: kind snowflake"),
    ("\nworker_id: x\n", 2, "not a number, auto, hostname or"),
    ("kinds:\n- ulid\n- a,b\n", 3, "not NAME"),
    ("wait: 5\n", 1, "wait: kind snowflake"),
    ("fields: [x=1]\n", 1, "no kind has a field x"),
    ("clock:\n  refuse: 2s\n  warn: 3s\n", 3, "clock.warn is above"),
    ("listen: 0.0.0.0\n", 1, "neither worker_id nor store"),
    ("tls:\n  client_ca: /x\n", 2, "needs tls.certificate"),
    ("token_file: /nowhere\n", 1, "cannot read /nowhere"),
    ("peers: [x]\n", 1, "not HOST:PORT"),
    ('peers: [a:1]\nclock:\n  ntp_servers:\n  - "[::1"\n', 4, "not HOST or HOST:PORT"),
]
BAD_OPTIONS = [
    (["--kinds", "nonsense"], "option --kinds: kinds: kind nonsense"),
    (["--kinds", ""], "kinds: 0"),
    (["--kinds", "ulid ulid"], "twice"),
    (["--kinds", "a,b"], "kind a"),
    (["--worker-id", "32"], "worker_id"),
    (["--worker-id", "x"], "not a number, auto, hostname or"),
    (["--datacenter-id", "32"], "datacenter_id"),
    (["--kinds", "sonyflake", "--datacenter-id", "1"], "no kind has a field datacenter"),
    (["--fields", "x"], "not NAME=N"),
    (["--fields", "x=1"], "no kind has a field x"),
    (["--listen", "0.0.0.0"], "neither worker_id nor store"),
    (["--listen", "nowhere"], "not an address"),
    (["--listen", "127.0.0.1:x"], "port"),
    (["--listen", "127.0.0.1 127.0.0.1:8080"], "is there twice"),
    (["--listen", "127.0.0.1:1", "--grpc-listen", "127.0.0.1:1"], "grpc.listen: "),
    (["--cors-origins", "https://a.example/"], "cors.origins: "),
    (["--cors-origins", "https://A.example"], "cors.origins: "),
    (["--cors-origins", "a.example"], "cors.origins: "),
    (["--listen", "unix:/nonexistent/x"], "No such file or directory"),
    (["--epoch", "2024-01-01;unit=10ms"], "option --epoch: epoch: "),
    (["--epoch", "2100-01-01"], "the clock is before the epoch"),
    (["--store", "nonsense"], "is not a URL"),
    (["--store", "file:/nonexistent/x"], "option --store: store: cannot keep state in /none"),
    (["--listen", "unix:x"], "unix:/path"),
    (["--tls-key", "/x"], "must be set together"),
    (["--tls-client-ca", "/x"], "needs tls.certificate"),
    (["--tls-peer-ca", "/x"], "needs tls.certificate"),
    (["--peers", "10.0.0.1:80", "--token-file", "/x"], "sent to 10.0.0.1:80 in the clear"),
    (["--peers", "ids.example:80", "--token-file", "/x"], "sent to ids.example:80 in the clear"),
    (["--peers", "http://127.0.0.1:80"], "not HOST:PORT"),
    (["--tls-key", "/x", "--tls-certificate", "/y"], "tls.certificate: cannot use"),
    (["--token-file", "/nowhere"], "token_file"),
    (["--peers", "x"], "not HOST:PORT"),
    (["--peers", "fd00::1:8080"], "not HOST:PORT"),
    (["--peers", "unix:/x"], "not HOST:PORT"),
    (["--clock-ntp-servers", "one two:"], "not HOST or HOST:PORT"),
    (["--clock-warn", "2s"], "clock.warn is above"),
    (["--nonsense", "1"], "no option --nonsense"),
    (["--port"], "needs a value"),
    (["--wait", "5"], "wait"),
    (["--epoch", "tomorrow"], "is not an instant"),
    (["--config", "/nowhere"], "cannot read /nowhere"),
]
GOOD_FILE = """# A comment
port: 1
limits:
  count: 7
log:
  format: json
  access: true
kinds: [snowflake, ulid]
listen: 127.0.0.1
"""


def check_config(path, **env):
    return run_daemon("--check-config", "--config", path, **env)


def test_help_and_manual():
    got = run_daemon("--version")
    good = got.returncode == 0 and re.fullmatch(r"snowidd \d+\.\d+\.\d+\n", got.stdout)
    check(good, "--version prints the version")
    options = re.findall(r"^  (--[a-z-]+) ", run_daemon("--help").stdout, re.M)
    check(len(options) > 30 and "--limits-rate" in options, "--help lists the options", options)
    manual = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)?", read_text(SOURCE, "man", "snowidd.yaml.5")))
    explained = {"--" + re.sub("[._]", "-", key) for key in manual}
    missing = set(options) - {"--help", "--config", "--check-config"} - explained
    equal(sorted(missing), [], "the manual explains the key of each option")


def test_bad_files():
    for text, line, part in BAD_FILES:
        path = write_scratch("bad.yaml", text)
        got = check_config(path)
        place = f"{path}:{line}: " if line else path
        good = got.returncode == 2 and place in got.stderr and part in got.stderr
        check(good, f"a bad file is refused with its line: {text!r}", got.stderr)
    for text, line, part in INCONSISTENT_FILES:
        path = write_scratch("bad.yaml", text)
        got = check_config(path)
        place = f"snowidd: {path}:{line}: "
        good = got.returncode == 2 and place in got.stderr and part in got.stderr
        check(
            good, f"a setting that does not fit the others is refused with its line: {text!r}", got
        )


def test_bad_options():
    for arguments, part in BAD_OPTIONS:
        got = run_daemon("--check-config", *arguments)
        good = got.returncode == 2 and part in got.stderr and got.stderr.startswith("snowidd: ")
        check(good, "a bad option is refused: " + " ".join(arguments), got.stderr)
    with Daemon() as daemon:
        got = run_daemon("--port", str(daemon.port))
        check("cannot listen" in got.stderr, "a port that is in use is an error")


def test_environment():
    got = run_daemon("--check-config", SNOWIDD_PORT="tcp://10.0.0.1:8080")
    name = "SNOWIDD_PORT as Kubernetes sets it for a Service that is named snowidd is ignored"
    equal(got.returncode, 0, name)
    got = run_daemon("--check-config", SNOWIDD_TOKENFILE="/run/token")
    good = got.returncode == 2 and "environment variable SNOWIDD_TOKENFILE" in got.stderr
    check(good, "a variable that is no setting is an error", got)
    got = run_daemon("--check-config", SNOWIDD_WORKER_ID="99")
    part = "environment variable SNOWIDD_WORKER_ID: worker_id: "
    check(
        part in got.stderr, "an error about the value of a setting names its environment variable"
    )
    got = run_daemon("--check-config", SNOWIDD_LIMITS_COUNT="x")
    check("SNOWIDD_LIMITS_COUNT" in got.stderr, "a syntax error names its environment variable")


def test_good_files():
    path = write_scratch("good.yaml", GOOD_FILE)
    equal(check_config(path).returncode, 0, "--check-config accepts a good file")
    equal(
        check_config(write_scratch("empty.yaml", "# nothing\n")).returncode,
        0,
        "an empty file is good",
    )
    with Daemon("--config", path, env=environment(SNOWIDD_LIMITS_COUNT="8")) as daemon:
        found = [daemon.status(f"/api/v1/ids?count={count}") for count in (8, 9)]
        equal(found, [200, 400], "an option overrides the environment, which overrides the file")
        lines = [json.loads(line) for line in daemon.log().splitlines()]
        requests = [(x["target"], x["status"]) for x in lines if x["event"] == "request"]
        check(("/api/v1/ids?count=8", "200") in requests, "the log is JSON, with requests", lines)


def test_default_file():
    """With an /etc of its own, which needs a privilege."""
    own_etc = (
        "mount -t tmpfs none /etc && mkdir -m {mode} /etc/snowid && {make_file} && exec {daemon}"
    )
    no_override = f"setpriv --bounding-set=-all --inh-caps=-all {DAEMON} --check-config"
    for text, mode, status, part in [
        ("limits: {count: x}", 700, 2, "/etc/snowid/snowidd.yaml:1: limits.count"),
        ("limits: {count: 7}", 700, 0, "good"),
        (None, 0, 2, "cannot read /etc/snowid/snowidd.yaml: Permission denied"),
    ]:
        make_file = f"echo '{text}' >/etc/snowid/snowidd.yaml" if text else "true"
        script = own_etc.format(mode=mode, make_file=make_file, daemon=no_override)
        got = run_command("unshare", "-m", "sh", "-c", script, env=environment())
        if "not permitted" in got.stderr or "ermission denied" in got.stderr.split("snowidd:")[0]:
            print("# skipped: not allowed to mount")
            continue
        good = got.returncode == status and part in got.stdout + got.stderr
        check(good, f"/etc/snowid/snowidd.yaml is read by default: {text or 'unreadable'}", got)


def test_host_name():
    for host, setting, status, part in [
        ("ids-9.example", "hostname", 0, ""),
        ("ip-10-0-1-9", "hostname", 2, "more than one number: set hostname:ip-10-0-1- if"),
        ("ip-10-0-1-9", "hostname:ip-10-0-1-", 0, ""),
        ("ip-10-0-2-9", "hostname:ip-10-0-1-", 2, '"ip-10-0-2-9" is not "ip-10-0-1-" and a number'),
        ("ids-32", "hostname", 2, "worker"),
    ]:
        script = f"hostname {host} && exec {DAEMON} --check-config --worker-id {setting}"
        got = run_command("unshare", "-u", "sh", "-c", script, env=environment())
        if "not permitted" in got.stderr:
            print("# skipped: not allowed to set a host name")
            return
        good = got.returncode == status and part in got.stderr
        check(good, f"worker_id: {setting} on {host} gives status {status}", got)


if __name__ == "__main__":
    run_tests(globals())
