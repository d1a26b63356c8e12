#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Runs the cases of tests/conformance that gRPC has a method for: decode, of IDs in each form that
a message has for them. See README there."""
import os
import sys
import uuid

from run_rest import cases_by_kind, daemon_of_kind

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "daemon"))
from grpc_client import GrpcDaemon, Interface  # noqa: E402
from harness import check, equal, run_tests  # noqa: E402

PARSE = "IDGenerator/ParseID"
interface = Interface()


def requests_for(kind, text):
    """The request with an ID as text, and those that must be answered alike."""
    kind_field = {} if kind == "uuid" else {"kind": "it"}
    yield {"text": text, **kind_field}
    if kind.startswith("uuid"):
        yield {"value": uuid.UUID(text).bytes, **kind_field}
    elif kind != "ulid" and text.isdecimal() and 0 < int(text) < 2**64:
        number = int(text)
        yield {"id": number - 2**64 if number >= 2**63 else number, **kind_field}


def run_case(client, kind, case):
    name = f"{case['name']}: {case['id']}"
    if "error" in case:
        code, details = client.failure(PARSE, **next(requests_for(kind, case["id"])))
        good = code == "INVALID_ARGUMENT" and case["says"] in details
        check(good, name, f"{code}: {details}")
        return
    replies = [client.call(PARSE, **request) for request in requests_for(kind, case["id"])]
    equal(replies[1:], replies[:1] * len(replies[1:]), name + " in each form")
    fields = {field.name: str(field.value) for field in replies[0].fields}
    got = {
        "unix_ms": replies[0].timestamp_ms if replies[0].has_timestamp else None,
        "version": int(fields["version"]) if "version" in fields else None,
        "variant": replies[0].variant,
        "kind": replies[0].kind,
        "fields": {
            key: fields.get(key + "_id", fields.get(key))
            for key in case["expect"].get("fields", {})
        },
    }
    # The time as text is REST's; here it is a number.
    expect = {key: value for key, value in case["expect"].items() if key != "time"}
    equal({key: got[key] for key in expect}, expect, name)


def test_conformance():
    found = cases_by_kind("decode")
    check(len(found) > 8, "there are cases of several kinds")
    for kind, cases in found.items():
        with daemon_of_kind(kind, daemon=GrpcDaemon) as daemon, daemon.grpc(interface) as client:
            for case in cases:
                run_case(client, kind, case)


if __name__ == "__main__":
    run_tests(globals())
