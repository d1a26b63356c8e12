#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the cases of tests/conformance on the tool $top_builddir/snowid. See README there."""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile

BUILD = os.environ["top_builddir"]
TOOL = os.path.join(BUILD, "snowid")
if os.path.exists(os.path.join(BUILD, ".libs", "snowid")):  # or it is a slow script of libtool's
    TOOL = os.path.join(BUILD, ".libs", "snowid")
    os.environ["LD_LIBRARY_PATH"] = os.path.join(BUILD, ".libs")
CASES = os.path.join(os.environ["top_srcdir"], "tests", "conformance", "*.json")
WIDE_FORMS = ("ulid", "uuid")


class Refused(Exception):
    """The tool failed; the argument is its message."""


def start_tool(*arguments):
    """Output, errors and status of the tool."""
    done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, check=False)
    return done.stdout, done.stderr, done.returncode


def run_tool(*arguments):
    out, err, status = start_tool(*arguments)
    if status != 0:
        raise Refused(err)
    return out.rstrip("\n")


def option_for_each(option, values, template="{}={}"):
    return [word for name in values for word in (option, template.format(name, values[name]))]


def is_128bit(kind):
    return kind == "ulid" or kind.startswith("uuid")


def kind_option(kind):
    """`uuid` stands for a UUID of any version, which the tool takes without a name."""
    return [] if kind == "uuid" else ["-k", kind]


def as_uuid(digits):
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def as_number(value):
    """A number of a record as the cases write it; the tool writes a node as six octets."""
    text = str(value)
    return str(int(text.replace(":", ""), 16)) if ":" in text else text


def parse(case):
    if case["form"] in WIDE_FORMS:
        kind = "ulid" if case["form"] == "ulid" else "uuid7"
        forms = "-i", case["form"], "-f", "uuid"
        text = run_tool("convert", "-k", kind, *forms, "--", case["text"])
        return {"bytes": text.replace("-", "")}
    return {"id": run_tool("convert", "-i", case["form"], "-f", "decimal", "--", case["text"])}


def format_id(case):
    if case["form"] in WIDE_FORMS:
        return {"text": run_tool("convert", "-f", case["form"], "--", as_uuid(case["bytes"]))}
    return {"text": run_tool("convert", "-f", case["form"], "--", case["id"])}


def decode(case):
    record = json.loads(run_tool("decode", *kind_option(case["kind"]), "--json", "--", case["id"]))
    fields = case["expect"].get("fields", {}) if "expect" in case else {}
    found = {name: record.get(name) for name in ("time", "unix_ms", "version", "variant", "kind")}
    found["fields"] = {name: as_number(record.get(name)) for name in fields}
    return found


def encode(case):
    fields = option_for_each("--field", case["fields"])
    return {"id": run_tool("encode", "-k", case["kind"], "--time", case["time"], *fields)}


def name(case):
    options = "--namespace", case["namespace"], "--name", case["text"]
    return {"id": run_tool("encode", "-k", f"uuid{case['version']}", *options)}


def mask(case):
    with tempfile.NamedTemporaryFile("w") as key:  # of mode 0600
        key.write(case["key"])
        key.flush()
        options = "-k", case["kind"] or "time:64", "--key-file", key.name
        text = run_tool("convert", "-f", "masked", *options, "--", case["id"])
        back = run_tool("convert", "-i", "masked", "-f", "decimal", *options, "--", text)
    expect_equal(back, case["id"])
    return {
        "text": text,
        "masked": run_tool("convert", "-i", "base58", "-f", "decimal", "--", text),
    }


def range_of(case):
    words = [case["period"]] if "period" in case else []
    for end in ("from", "before", "to"):
        words += ["--" + end, case[end]] if end in case else []
    first, last = run_tool("range", "-k", case["kind"], *words).split()
    return {"first": first, "last": last}


def instant(case):
    """As the tool understands it when it asks whether to reset a store, which it does not do."""
    _, err, _ = start_tool("store", "memory:", "--reset", "--floor=" + case["text"])
    asked = re.search(r" its next IDs at (\S*) or later", err)
    if not asked:
        raise Refused(err)
    return {"time": asked.group(1)}


def layout(case):
    record = json.loads(run_tool("layout", "--json", "--", case["kind"]))
    return {**record, **{name: str(record[name]) for name in ("ids_per_tick", "nodes")}}


def order(case):
    form = {"ulid": "ulid", "uuid": "uuid"}.get(case["kind"][:4], "padded")
    keys = run_tool("convert", "-f", form, "--", *case["ids"]).split()
    return {"ids": [text for _, text in sorted(zip(keys, case["ids"]))]}


def check_new_ids(case, instant, records):
    """Takes the records of one instant off the list, and checks them."""
    any_ids = [None] * (case["count"] if "fields" in instant else 0)
    for want in instant.get("ids") or instant.get("times") or any_ids:
        record = records.pop(0) if records else {}
        if "ids" in instant:
            expect_equal(record.get("id"), want)
        elif "times" in instant:
            expect_equal(record.get("time"), want)
        for name, value in instant.get("fields", {}).items():
            expect_equal(as_number(record.get(name)), value)


def generate(case):
    instants = case["clock"]
    options = ["-n", str(case["count"]), "-k", case["kind"], "--json"]
    options += option_for_each("--field", case["fields"])
    options += option_for_each("--set", case["settings"])
    clock = [word for instant in instants for word in ("--clock", instant["at"])]
    out, err, status = start_tool("generate", *options, *clock)
    if "error" in case:
        if status == 0:
            return out
        raise Refused(err)
    records = [json.loads(line) for line in out.splitlines()]
    errors = err.splitlines()
    for instant in instants:
        check_new_ids(case, instant, records)
        if "error" in instant:
            expect_message(errors.pop(0) if errors else "nothing", instant["says"])
    expect_equal((records, errors), ([], []))
    expect_equal(status, 1 if any("error" in instant for instant in instants) else 0)
    keys = [json.loads(line)["id"] for line in out.splitlines()]
    keys = keys if is_128bit(case["kind"]) else [int(key) for key in keys]
    if not all(a < b for a, b in zip(keys, keys[1:])):
        raise AssertionError("the IDs do not increase")
    return {}


ACTIONS = {
    "parse": parse,
    "format": format_id,
    "decode": decode,
    "encode": encode,
    "name": name,
    "mask": mask,
    "range": range_of,
    "instant": instant,
    "layout": layout,
    "order": order,
    "generate": generate,
}


def expect_equal(got, want):
    if got != want:
        raise AssertionError(f"{got!r} is not {want!r}")


def expect_message(message, says):
    if says not in message:
        raise AssertionError(f"{says!r} is not in {message!r}")


def run_case(case):
    try:
        got = ACTIONS[case["do"]](case)
    except Refused as why:
        if "error" not in case:
            raise AssertionError(f"refused: {why}") from None
        expect_message(str(why), case["says"])
        return
    if "error" in case:
        raise AssertionError(f"{got!r} instead of an error")
    for key, want in case.get("expect", {}).items():
        expect_equal(got[key], want)


def main():
    failed = 0
    os.environ.pop("SNOWID_STORE", None)
    for path in sorted(glob.glob(CASES)):
        with open(path, encoding="utf-8") as file:
            cases = json.load(file)["cases"]
        for case in cases:
            if case["do"] in ("seconds", "span"):
                continue  # the tool takes instants as text, and spans as settings
            name = f"{os.path.basename(path)}: {case['do']}: {case['name']}"
            try:
                run_case(case)
                print(f"ok - {name}")
            except AssertionError as why:
                failed += 1
                print(f"not ok - {name}: {why}")
    return 1 if failed else 0


sys.exit(main())
