#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs tests/conformance on the command-line tool $top_builddir/snowid. See README there."""

import glob
import json
import os
import subprocess
import sys

TOOL = os.path.join(os.environ["top_builddir"], "snowid")
CASES = os.path.join(os.environ["top_srcdir"], "tests", "conformance", "*.json")
WIDE_FORMS = ("ulid", "uuid")


class Refused(Exception):
    """The tool failed; the argument is what it said."""


def run(*arguments):
    """Output, complaints and status of the tool."""
    done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)
    return done.stdout, done.stderr, done.returncode


def snowid(*arguments):
    out, err, status = run(*arguments)
    if status != 0:
        raise Refused(err)
    return out.rstrip("\n")


def pairs(option, values, template="{}={}"):
    return [word for name in values for word in (option, template.format(name, values[name]))]


def wide(kind):
    return kind == "ulid" or kind.startswith("uuid")


def kind_option(kind):
    """`uuid` stands for a UUID of any version, which the tool takes without a name."""
    return [] if kind == "uuid" else ["-k", kind]


def dashed(digits):
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def number(value):
    """Numbers of records as the cases have them; a node is six octets in the tool's."""
    text = str(value)
    return str(int(text.replace(":", ""), 16)) if ":" in text else text


def parse(case):
    if case["form"] in WIDE_FORMS:
        text = snowid("convert", "-k", "ulid" if case["form"] == "ulid" else "uuid7", "-i",
                      case["form"], "-f", "uuid", "--", case["text"])
        return {"bytes": text.replace("-", "")}
    return {"id": snowid("convert", "-i", case["form"], "-f", "decimal", "--", case["text"])}


def format_id(case):
    if case["form"] in WIDE_FORMS:
        return {"text": snowid("convert", "-f", case["form"], "--", dashed(case["bytes"]))}
    return {"text": snowid("convert", "-f", case["form"], "--", case["id"])}


def decode(case):
    record = json.loads(snowid("decode", *kind_option(case["kind"]), "--json", "--", case["id"]))
    fields = case["expect"].get("fields", {}) if "expect" in case else {}
    found = {name: record.get(name) for name in ("time", "unix_ms", "version", "variant")}
    found["fields"] = {name: number(record.get(name)) for name in fields}
    return found


def encode(case):
    return {"id": snowid("encode", "-k", case["kind"], "--time", case["time"],
                         *pairs("--field", case["fields"]))}


def span(case):
    first, last = snowid("range", "-k", case["kind"], "--from", case["from"], "--to",
                         case["to"]).split()
    return {"first": first, "last": last}


def layout(case):
    record = json.loads(snowid("layout", "--json", "--", case["kind"]))
    return {**record, **{name: str(record[name]) for name in ("ids_per_tick", "nodes")}}


def order(case):
    form = {"ulid": "ulid", "uuid": "uuid"}.get(case["kind"][:4], "padded")
    keys = snowid("convert", "-f", form, "--", *case["ids"]).split()
    return {"ids": [text for _, text in sorted(zip(keys, case["ids"]))]}


def generate(case):
    instants = case["clock"]
    out, err, status = run(
        "generate", "-n", str(case["count"]), "-k", case["kind"], "--json",
        *pairs("--field", case["fields"]), *pairs("--set", case["settings"]),
        *[word for instant in instants for word in ("--clock", instant["at"])])
    if "error" in case:
        if status == 0:
            return out
        raise Refused(err)
    records = [json.loads(line) for line in out.splitlines()]
    complaints = err.splitlines()
    for instant in instants:
        for want in (instant.get("ids") or instant.get("times")
                     or [None] * (case["count"] if "fields" in instant else 0)):
            record = records.pop(0) if records else {}
            if "ids" in instant:
                same(record.get("id"), want)
            elif "times" in instant:
                same(record.get("time"), want)
            for name, value in instant.get("fields", {}).items():
                same(number(record.get(name)), value)
        if "error" in instant:
            refused(complaints.pop(0) if complaints else "nothing", instant["says"])
    same((records, complaints), ([], []))
    same(status, 1 if any("error" in instant for instant in instants) else 0)
    keys = [json.loads(line)["id"] for line in out.splitlines()]
    keys = keys if wide(case["kind"]) else [int(key) for key in keys]
    if not all(a < b for a, b in zip(keys, keys[1:])):
        raise AssertionError("the IDs do not increase")
    return {}


ACTIONS = {"parse": parse, "format": format_id, "decode": decode, "encode": encode, "range": span,
           "layout": layout, "order": order, "generate": generate}


def same(got, want):
    if got != want:
        raise AssertionError(f"{got!r} is not {want!r}")


def refused(message, says):
    if says not in message:
        raise AssertionError(f"{says!r} is not in {message!r}")


def check(case):
    try:
        got = ACTIONS[case["do"]](case)
    except Refused as why:
        if "error" not in case:
            raise AssertionError(f"refused: {why}") from None
        refused(str(why), case["says"])
        return
    if "error" in case:
        raise AssertionError(f"{got!r} in place of an error")
    for key, want in case.get("expect", {}).items():
        same(got[key], want)


def main():
    failed = 0
    os.environ.pop("SNOWID_STORE", None)
    for path in sorted(glob.glob(CASES)):
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            name = f"{os.path.basename(path)}: {case['do']}: {case['name']}"
            try:
                check(case)
                print(f"ok - {name}")
            except AssertionError as why:
                failed += 1
                print(f"not ok - {name}: {why}")
    return 1 if failed else 0


sys.exit(main())
