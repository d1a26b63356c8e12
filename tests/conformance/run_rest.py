#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs those of tests/conformance that HTTP has a call for: decode. See README there."""
import glob
import json
import os
import sys
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "daemon"))
from daemon import SOURCE, Daemon, check, equal, main  # noqa: E402 pylint: disable=wrong-import-position

# The layout ended in 1970: no daemon can be asked to serve it.
ENDED = ("time:1,worker:63",)
STATUS = {"SYNTAX": 400, "RANGE": 400, "OVERFLOW": 400}


def cases():
    """Those to decode, by kind."""
    found = {}
    for path in sorted(glob.glob(os.path.join(SOURCE, "tests", "conformance", "*.json"))):
        with open(path, encoding="utf-8") as file:
            for case in json.load(file)["cases"]:
                if case["do"] == "decode" and case["kind"] not in ENDED:
                    found.setdefault(case["kind"], []).append(case)
    return found


def run(d, kind, case):
    name = f"{case['name']}: {case['id']}"
    query = {"id": case["id"]}
    if kind != "uuid":
        query["kind"] = "it"
    status, _, body = d.ask("/api/v1/parse?" + urllib.parse.urlencode(query))
    body = json.loads(body)
    if "error" in case:
        check(status == STATUS[case["error"]] and body["error"] == "malformed_id" and case["says"] in body["message"], name, body)
        return
    got = {"time": body.get("timestamp"), "unix_ms": body.get("timestamp_ms"), "version": body.get("version"), "variant": body.get("variant"),
           "fields": {f: str(body.get(f + "_id", body.get(f))) for f in case["expect"].get("fields", {})}}
    equal({key: got[key] for key in case["expect"]}, case["expect"], name)


def conformance():
    found = cases()
    check(len(found) > 8, "there are cases")
    for kind, of_kind in found.items():
        wide = kind == "ulid" or kind.startswith("uuid")
        worker = any(f in kind for f in ("worker", "shard")) or ":" not in kind
        with Daemon("--kinds", "it=" + ("uuid7" if kind == "uuid" else kind), "--store", "memory:", *([] if wide or not worker else ["--worker-id", "1"])) as d:
            for case in of_kind:
                run(d, kind, case)


if __name__ == "__main__":
    sys.exit(main([conformance]))
