#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Requests that are well-formed HTTP and get an error, with its status and its code."""
import json

from harness import Daemon, check, equal, error_code, get, run_tests, statuses

ERRORS = [
    ("/nowhere", 404, "not_found"),
    ("/api/v1/idx", 404, "not_found"),
    ("/api/v1", 404, "not_found"),
    ("/api/v1/ids?count=0", 400, "count_out_of_range"),
    ("/api/v1/ids?count=10001", 400, "count_out_of_range"),
    ("/api/v1/ids?count=-1", 400, "count_out_of_range"),
    ("/api/v1/ids?count=", 400, "count_out_of_range"),
    ("/api/v1/ids?count=1e3", 400, "count_out_of_range"),
    ("/api/v1/ids?count=99999999999999999999", 400, "count_out_of_range"),
    ("/api/v1/ids?count=5&count=6", 400, "malformed_query"),
    ("/api/v1/ids?cuont=5", 400, "malformed_query"),
    ("/api/v1/id?count=5", 400, "malformed_query"),
    ("/api/v1/ids?count=%zz", 400, "malformed_query"),
    ("/api/v1/ids?count", 400, "malformed_query"),
    ("/api/v1/parse", 400, "missing_parameter"),
    ("/api/v1/parse?id=", 400, "malformed_id"),
    ("/api/v1/parse?id=x", 400, "malformed_id"),
    ("/api/v1/parse?id=18446744073709551616", 400, "malformed_id"),
    ("/api/v1/parse?id=%00", 400, "malformed_query"),
    ("/api/v1/parse?id=007", 400, "malformed_id"),
    ("/api/v1/parse?id=01ARZ3NDEKTSV4RRFFQ69G5FAU", 400, "malformed_id"),
    ("/api/v1/parse?id=zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz", 400, "malformed_id"),
    ("/api/v1/parse?kind=x&id=5", 404, "unknown_kind"),
]
METHODS = "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"
VERSIONS = "GET / HTTP/3.7", "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9", "GET /"


def test_error_codes():
    with Daemon() as daemon:
        for path, status, code in ERRORS:
            got, headers, body = daemon.request(path)
            found = got, error_code(body), headers["Content-Type"]
            good = found == (status, code, "application/json") and json.loads(body)["message"]
            check(good, f"{status} {code}: {path}", (got, body))
        count = daemon.metric('snowid_errors_total{cause="unknown_kind"}')
        equal(count, 1, "errors are counted by cause")


def test_methods():
    with Daemon() as daemon:
        for method in METHODS:
            status, headers, body = daemon.request("/api/v1/id", method)
            found = status, headers["Allow"], error_code(body)
            equal(found, (405, "GET, HEAD", "method_not_allowed"), "405: " + method)
        data = daemon.send_raw(b"FROBNICATE / HTTP/1.1\r\nHost: x\r\n\r\n")
        good = statuses(data) == [405] and b"Allow: GET, HEAD" in data
        check(good, "405: a method that is in no specification")


def test_sizes():
    length = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked += chunk * 3 + b"1001\r\n" + b"x" * 4097
    with Daemon() as daemon:
        equal(statuses(daemon.send_raw(get("/" + "a" * 9000))), [414], "414: a long target")
        found = statuses(daemon.send_raw(get(fields="X: " + "a" * 17000 + "\r\n")))
        equal(found, [431], "431: one large field")
        equal(statuses(daemon.send_raw(get(fields="X: y\r\n" * 4000))), [431], "431: many fields")
        equal(statuses(daemon.send_raw(length)), [413], "413: a large body that is announced")
        equal(statuses(daemon.send_raw(chunked)), [413], "413: a large body in chunks")
        count = daemon.metric('snowid_requests_total{endpoint="other",code="414"}')
        equal(count, 1, "requests that are refused are counted")


def test_versions():
    with Daemon() as daemon:
        for line in VERSIONS:
            found = statuses(daemon.send_raw(line.encode() + b"\r\nHost: x\r\n\r\n"))
            equal(found[:1], [505], "505: " + line)


if __name__ == "__main__":
    run_tests(globals())
