#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""deploy/systemd: its files are good, and the daemon runs within the unit's system call filter."""
import ctypes
import os
import re
import signal
import struct

from harness import (
    BUILD,
    DAEMON,
    DEPLOY,
    Daemon,
    check,
    equal,
    read_text,
    run_command,
    run_tests,
    scratch,
    skip_unless_found,
    wait_for,
    write_scratch,
)

SYSTEMD = os.path.join(DEPLOY, "systemd")
# prctl(2), seccomp(2), and classic BPF as <linux/filter.h> has it.
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, KILL, FAIL_WITH_EPERM = 0x7FFF0000, 0x80000000, 0x00050001
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


def unit_text():
    text = read_text(BUILD, "deploy", "systemd", "snowidd.service")
    return re.sub(
        "(?m)^(ExecStart(?:Pre)?=)/[^ \n]*/snowidd", rf"\g<1>{os.path.abspath(DAEMON)}", text
    )


def output_of(*command):
    got = run_command(*command)
    return got.returncode, got.stdout + got.stderr


def test_files():
    service = write_scratch("snowidd.service", unit_text())
    other = write_scratch("snowidd.socket", read_text(SYSTEMD, "snowidd.socket"))
    os.mkdir(scratch("snowidd.service.d"))
    conf = "coordinator.conf"
    write_scratch(os.path.join("snowidd.service.d", conf), read_text(SYSTEMD, conf))
    found = output_of("systemd-analyze", "verify", "--man=no", service, other)
    equal(found, (0, ""), "systemd-analyze verify succeeds")
    text = output_of("systemd-analyze", "security", "--offline=true", service)[1]
    level = re.search(r"exposure level for snowidd.service: ([0-9.]+)", text)
    good = level and float(level.group(1)) <= 2.0
    check(good, "systemd-analyze security: an exposure level of at most 2.0", text)
    hidden = re.search("^ProcSubset=pid", unit_text(), re.M)
    check(not hidden, "the unit lets the daemon read the ID of the boot")


# ---- system calls --------------------------------------------------------------------------------


def calls_of(*names):
    """The system calls of systemd's groups, and of groups in groups."""
    found = set()
    for name in names:
        if name.startswith("@"):
            text = output_of("systemd-analyze", "syscall-filter", name)[1]
            found |= calls_of(*re.findall(r"^    ([@a-z0-9_-]+)$", text, re.M))
        else:
            found.add(name)
    return found


def calls_allowed_by(unit):
    """What SystemCallFilter= leaves, as systemd.exec(5) adds and takes away line by line."""
    allowed = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        if line.startswith("~"):
            allowed -= calls_of(*line[1:].split())
        else:
            allowed |= calls_of(*line.split())
    return allowed | calls_of("@default")


def call_numbers():
    """The numbers of system calls on this machine."""
    script = "echo '#include <sys/syscall.h>' | ${CC:-cc} -E -dM -"
    text = output_of("sh", "-c", script)[1]
    return {name: int(n) for name, n in re.findall(r"#define __NR_(\w+) (\d+)$", text, re.M)}


def instruction(code, jump_true, jump_false, value):
    return struct.pack("HBBI", code, jump_true, jump_false, value)


def seccomp_filter(calls, action, otherwise):
    """A preexec_fn that installs a filter: one action for these system calls, one for the rest."""
    known = call_numbers()
    program = instruction(LOAD_WORD, 0, 0, 0)  # the number of the call
    for number in sorted(known[name] for name in calls if name in known):
        program += instruction(JUMP_IF_EQUAL, 0, 1, number) + instruction(RETURN, 0, 0, action)
    program += instruction(RETURN, 0, 0, otherwise)
    memory = ctypes.create_string_buffer(program)
    length = len(program) // 8
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", length, ctypes.addressof(memory)))
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header) != 0:
            os._exit(99)

    install.memory = memory  # which the header points to
    return install


def filtered_daemon(install):
    return Daemon("--worker-id", "9", "--reserve", "100ms", "--hold", "30ms", preexec_fn=install)


def test_unit_filter():
    """With death in place of EPERM."""
    install = seccomp_filter(calls_allowed_by(unit_text()), ALLOW, KILL)
    with filtered_daemon(install) as daemon:
        paths = "/api/v1/ids?count=1000", "/api/v1/health", "/metrics", "/"
        found = [daemon.status(path) for path in paths]
        daemon.send_signal(signal.SIGHUP)
        reloaded = wait_for(lambda: "reloaded" in daemon.log(), "the reload")
        check(reloaded, "the daemon reloads within the unit's filter of system calls")
        found.append(daemon.stop())
        equal(found, [200] * 4 + [0], "the daemon makes no system call that the filter refuses")
        refused = "adjtimex" in daemon.log()
        check(
            not refused, "the filter lets the daemon ask the kernel about the clock", daemon.log()
        )


def test_protect_clock():
    """The filter that ProtectClock=yes would add."""
    install = seccomp_filter(calls_of("@clock"), FAIL_WITH_EPERM, ALLOW)
    with filtered_daemon(install) as daemon:
        refused = "adjtimex" in daemon.log()
        check(refused, "with ProtectClock=yes the log says what was refused", daemon.log())
        found = daemon.status("/v1/next_id"), daemon.metric("snowid_ntp_synchronised")
        equal(found, (200, 0), "with ProtectClock=yes IDs are served")


if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    skip_unless_found("systemd-analyze")
    run_tests(globals())
