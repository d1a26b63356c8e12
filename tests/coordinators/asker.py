# SPDX-License-Identifier: MIT
"""Asks through the modules for etcd and Consul, and what the tests of these share with those of the
daemon."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
from harness import (  # pylint: disable=unused-import,wrong-import-position
    BUILD,
    DEADLINE,
    check,
    equal,
    free_port,
    make_certificates,
    run_command,
    run_tests,
    scratch,
    skip,
    wait_for,
    write_scratch,
)

ASK = os.path.join(BUILD, "tests", "coordinators", "ask")
MODULES = os.path.join(BUILD, "libsnowid", "coordinator", ".libs")
SERVICES = [s for s in ("etcd", "consul") if os.path.exists(os.path.join(MODULES, s + ".so"))]
READ = {"ask": "READ"}


class Asker:
    """The program that asks through a module."""

    def __init__(self, service, servers, *options, **environment):
        module = os.path.join(MODULES, service + ".so")
        self.process = subprocess.Popen(
            [ASK, module, servers, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def line(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def all(self, *requests):
        return json.loads(self.line(json.dumps(requests)))

    def one(self, ask="READ", **more):
        return self.all({"ask": ask, **more})[0]

    def end(self):
        """Its exit status, after it has closed the coordinator."""
        out, err = self.process.communicate(timeout=DEADLINE)
        check(out + err == "", "it prints nothing", out + err)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None and self.process.stdin.closed is False:
            equal(self.end(), 0, "it ends well")
