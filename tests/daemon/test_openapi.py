#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Every response is as openapi.json describes it, and every error code is in it."""
import glob
import json
import os
import re

import jsonschema
from harness import SOURCE, Daemon, check, equal, read_text, run_tests, write_secret

KINDS = "snowflake ulid uuid1 uuid7 tiny=time:41,worker:2,sequence:20"
REQUESTS = [
    ("/v1/next_id", "", "*/*"),
    ("/v1/next_id", "?kind=ulid", "application/json"),
    ("/v1/next_id", "?kind=x", "*/*"),
    ("/api/v1/id", "", "*/*"),
    ("/api/v1/id", "?kind=uuid7", "*/*"),
    ("/api/v1/ids", "?count=3", "*/*"),
    ("/api/v1/ids", "?count=2&kind=ulid", "*/*"),
    ("/api/v1/ids", "?count=0", "*/*"),
    ("/api/v1/parse", "?kind=tiny&id=5", "*/*"),
    ("/api/v1/parse", "?id=01ARZ3NDEKTSV4RRFFQ69G5FAV", "*/*"),
    ("/api/v1/parse", "?id=00000000-0000-0000-0000-000000000000", "*/*"),
    ("/api/v1/parse", "?id=x", "*/*"),
    ("/api/v1/parse", "", "*/*"),
    ("/api/v1/parse", "?kind=discord&id=5&format=string", "*/*"),
    ("/api/v1/range", "?period=2024-01", "*/*"),
    ("/api/v1/range", "?kind=ulid&from=2024-01", "*/*"),
    ("/api/v1/range", "?period=2024", "*/*"),
    ("/api/v1/health", "", "*/*"),
    ("/api/v1/health/live", "", "*/*"),
    ("/api/v1/health/ready", "", "*/*"),
    ("/api/v1/metrics", "", "*/*"),
    ("/metrics", "", "*/*"),
    ("/", "", "*/*"),
    ("/openapi.json", "", "*/*"),
]
# A header that comes with a status; others come with a date.
HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}


class Document:
    """The daemon's openapi.json."""

    def __init__(self, daemon):
        self.root = daemon.json("/openapi.json")
        schemas = self.root["components"]["schemas"]
        jsonschema.Draft202012Validator.check_schema(schemas)
        self.resolver = jsonschema.RefResolver.from_schema(self.root)
        self.error_codes = schemas["Problem"]["properties"]["error"]["enum"]

    def resolve(self, thing):
        return self.resolver.resolve(thing["$ref"])[1] if "$ref" in thing else thing

    def check_response(self, daemon, path, query, accept):
        """Whether what a path returns is what is described."""
        status, headers, body = daemon.request(path + query, headers={"Accept": accept})
        media = headers["Content-Type"].split(";")[0]
        name = f"the response is as openapi.json describes it: {path}{query}: {status} {media}"
        try:
            operations = self.root["paths"][path]
            responses = operations["get"]["responses"]
            response = self.resolve(responses.get(str(status)) or responses["default"])
            schema = response["content"][media]["schema"]
            value = json.loads(body) if media == "application/json" else body.decode()
            jsonschema.Draft202012Validator(schema, resolver=self.resolver).validate(value)
            check(HEADERS.get(str(status), "Date") in headers and "get" in operations, name)
        except (KeyError, jsonschema.ValidationError) as error:
            check(False, name, error)


def fields_of(schema, name):
    """All schemas below one, with their names."""
    if isinstance(schema, dict):
        if "type" in schema or "enum" in schema:
            yield name, schema
        for key, value in schema.items():
            yield from fields_of(value, f"{name}.{key}")
    elif isinstance(schema, list):
        for value in schema:
            yield from fields_of(value, name)


def test_generators():
    """What makes generated clients good: one type for each field, the width of numbers, and the
    errors of each path."""
    with Daemon() as daemon:
        root = daemon.json("/openapi.json")
    fields = [pair for pair in fields_of(root, "") if not pair[0].endswith(".properties")]
    odd = [name for name, field in fields if not isinstance(field.get("type"), str)]
    equal(odd, [], "each field has one type")
    numbers = [pair for pair in fields if pair[1].get("type") in ("integer", "number")]
    odd = [name for name, field in numbers if "format" not in field]
    equal(odd, [], "each number says how wide it is")
    operations = {path: item["get"] for path, item in root["paths"].items()}
    equal(len({one["operationId"] for one in operations.values()}), len(operations), "IDs differ")
    for path in "/v1/next_id", "/api/v1/id", "/api/v1/ids":
        listed = set(operations[path]["responses"])
        check({"400", "401", "404", "429", "500", "503"} <= listed, f"{path} lists its errors")
    limited = root["components"]["responses"]["TooManyRequests"]
    check("Retry-After" in limited["headers"], "a client is told when to try again")


def codes_in_sources():
    """The error codes that the daemon's sources name."""
    codes, folder = set(), os.path.join(SOURCE, "snowidd")
    for path in [*glob.glob(folder + "/http/*.c"), folder + "/service/refusal.c"]:
        text = read_text(path)
        codes |= set(re.findall(r'(?:\] = \{|\{[45]\d\d, |problem\([^"]*, )"([a-z_]+)",', text))
    return codes - {"none"}


def test_responses():
    with Daemon("--kinds", KINDS, "--worker-id", "1", "--store", "memory:") as daemon:
        document = Document(daemon)
        codes = sorted(codes_in_sources())
        equal(sorted(document.error_codes), codes, "openapi.json lists every error code")
        for path, query, accept in REQUESTS:
            document.check_response(daemon, path, query, accept)
        for kind in "snowflake", "ulid", "uuid1", "uuid7":
            made = daemon.text("/v1/next_id?kind=" + kind)
            document.check_response(daemon, "/api/v1/parse", "?id=" + made, "*/*")


def test_refused_without_token():
    token = write_secret("token", "correct-horse-battery-staple\n")
    with Daemon() as daemon, Daemon("--token-file", token) as closed:
        document = Document(daemon)
        for path in document.root["paths"]:
            document.check_response(closed, path, "", "*/*")


if __name__ == "__main__":
    run_tests(globals())
