#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Runs the cases of tests/conformance that the daemon has a path for: decode, range, and mask as
far as masked IDs are reverted. See README there."""
import glob
import json
import os
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "daemon"))
from harness import SOURCE, Daemon, check, equal, run_tests, write_secret  # noqa: E402

# Layouts that have ended or have no worker: no daemon can serve them.
ENDED = (
    "time:1,worker:63",
    "time:3,sequence:2;epoch=2024-01-01;unit=1s",
    "time:48,sequence:16",
)
STATUS = {"SYNTAX": 400, "RANGE": 400, "OVERFLOW": 400}


def cases_of(action):
    for path in sorted(glob.glob(os.path.join(SOURCE, "tests", "conformance", "*.json"))):
        with open(path, encoding="utf-8") as file:
            yield from (case for case in json.load(file)["cases"] if case["do"] == action)


def cases_by_kind(action):
    found = {}
    for case in cases_of(action):
        if case["kind"] not in ENDED:
            found.setdefault(case["kind"], []).append(case)
    return found


def mask_cases_by_daemon():
    """Those of layouts that have not ended, by kind and key. instagram has 64 bits."""
    found = {}
    for case in cases_of("mask"):
        kind = case["kind"] or "instagram"
        if "expect" in case and ":" not in kind:
            found.setdefault((kind, case["key"]), []).append(case)
    return found


def daemon_of_kind(kind, *options, daemon=Daemon):
    """A daemon that serves a kind under the name it; `uuid` stands for a UUID of any version."""
    is_text = kind == "ulid" or kind.startswith("uuid")
    has_worker = not is_text and (":" not in kind or "worker" in kind or "shard" in kind)
    worker = ["--worker-id", "1"] if has_worker else []
    kind = "uuid7" if kind == "uuid" else kind
    return daemon("--kinds", "it=" + kind, "--store", "memory:", *worker, *options)


def run_case(daemon, kind, case):
    name = f"{case['name']}: {case['id']}"
    query = {"id": case["id"]} if kind == "uuid" else {"id": case["id"], "kind": "it"}
    status, _, body = daemon.request("/api/v1/parse?" + urllib.parse.urlencode(query))
    body = json.loads(body)
    if "error" in case:
        found = status, body["error"]
        good = found == (STATUS[case["error"]], "malformed_id") and case["says"] in body["message"]
        check(good, name, body)
        return
    fields = case["expect"].get("fields", {})
    got = {
        "time": body.get("timestamp"),
        "unix_ms": body.get("timestamp_ms"),
        "version": body.get("version"),
        "variant": body.get("variant"),
        "kind": body.get("kind"),
        "fields": {field: str(body.get(field + "_id", body.get(field))) for field in fields},
    }
    equal({key: got[key] for key in case["expect"]}, case["expect"], name)


def run_cases(found, run):
    for kind, cases in found.items():
        with daemon_of_kind(kind) as daemon:
            for case in cases:
                run(daemon, kind, case)


def test_conformance():
    found = cases_by_kind("decode")
    check(len(found) > 8, "there are cases of several kinds")
    run_cases(found, run_case)


def run_range_case(daemon, kind, case):
    query = {name: case[name] for name in ("period", "from", "before", "to") if name in case}
    status, _, body = daemon.request("/api/v1/range?" + urllib.parse.urlencode(query))
    body = json.loads(body)
    name = f"{kind}: {case['name']}"
    if "error" in case:
        found = status, body["error"]
        good = found == (400, "malformed_time") and case["says"] in body["message"]
        check(good, name, body)
        return
    expected = case["expect"]["first"], case["expect"]["last"]
    equal((body.get("first_str"), body.get("last_str")), expected, name)
    is_text = kind == "ulid" or kind.startswith("uuid")
    convert = str if is_text else int
    equal((body["first"], body["last"]), tuple(map(convert, expected)), name + ", as JSON")


def test_ranges():
    found = cases_by_kind("range")
    check(len(found) > 6, "there are ranges of several kinds")
    run_cases(found, run_range_case)


def test_masked_ids():
    found = mask_cases_by_daemon()
    check(len(found) > 8, "there are masked IDs of several kinds and keys")
    for (kind, key), cases in found.items():
        with daemon_of_kind(kind, "--mask-key-file", write_secret("mask-key", key)) as daemon:
            for case in cases:
                query = urllib.parse.urlencode({"id": case["expect"]["text"], "form": "masked"})
                body = daemon.json("/api/v1/parse?" + query)
                equal(body.get("id_str"), case["id"], f"{kind}: {case['name']}")


if __name__ == "__main__":
    run_tests(globals())
