#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Kinds beside the first: their IDs, their layouts, their stores."""
import re
import time

from harness import (
    DEADLINE,
    Daemon,
    check,
    equal,
    error_code,
    run_daemon,
    run_tests,
    scratch,
    write_secret,
)

LAYOUTS = "snowflake ulid uuid7 uuid6 uuid1 orders=time:41,machine:10,sequence:13 sonyflake"
FORMS = {
    "ulid": "[0-9A-HJKMNP-TV-Z]{26}",
    "uuid7": "[0-9a-f-]{14}7.*",
    "uuid6": "[0-9a-f-]{14}6.*",
    "uuid1": "[0-9a-f-]{14}1.*",
}


def parse_next(daemon, kind):
    """What parse returns for the next ID of a kind."""
    made = daemon.json("/api/v1/id?kind=" + kind)["id"]
    return daemon.json(f"/api/v1/parse?kind={kind}&id={made}")


def check_text_kind(daemon, kind, form):
    many = daemon.json(f"/api/v1/ids?kind={kind}&count=50")
    good = len(set(many["ids"])) == 50 and many["ids"] == many["ids_str"]
    good = good and all(re.fullmatch(form, text) for text in many["ids"])
    check(good, "ids returns 50 distinct IDs of kind " + kind)
    text = daemon.text(f"/v1/next_id?kind={kind}")
    check(re.fullmatch(form, text), "next_id returns an ID of kind " + kind, text)
    parsed = daemon.json(f"/api/v1/parse?id={text}")
    recent = abs(parsed["timestamp_ms"] / 1000 - time.time()) < DEADLINE
    check(parsed["kind"] == kind and recent, "parse recognizes an ID of kind " + kind, parsed)


def test_every_kind():
    options = "--worker-id=5", "--datacenter-id", "7", "--reserve", "100ms", "--hold", "30ms"
    with Daemon("--kinds", LAYOUTS, *options) as daemon:
        for kind, form in FORMS.items():
            check_text_kind(daemon, kind, form)
        parsed = daemon.json(f"/api/v1/parse?id={daemon.json('/api/v1/id')['id']}")
        found = parsed["worker_id"], parsed["datacenter_id"]
        equal(found, (5, 7), "IDs contain the configured worker and datacenter")
        for kind in "orders", "sonyflake":
            parsed = parse_next(daemon, kind)
            found = parsed["machine_id"], parsed["kind"]
            equal(found, (5, kind), "IDs of another layout contain the worker: " + kind)


def test_stores():
    kinds = "snowflake orders=time:41,worker:10,sequence:12 more=time:42,worker:10,sequence:11"
    first = scratch("beside")
    options = "--store", f"slots:{first}?workers=3-9", "--reserve", "100ms", "--hold", "30ms"
    with Daemon("--kinds", kinds, *options) as daemon:
        stores = {k["name"]: k["store"] for k in daemon.json("/api/v1/health")["kinds"]}
        wanted = {
            "snowflake": f"slots:{first}?workers=3-9",
            "orders": f"slots:{first}/orders?workers=3-9",
            "more": f"slots:{first}/more?workers=3-9",
        }
        equal(stores, wanted, "each further kind has a store below that of the first")
        workers = [parse_next(daemon, kind)["worker_id"] for kind in stores]
        equal(workers, [3, 3, 3], "each store assigns a worker")
        status, _, body = daemon.request("/api/v1/id?kind=nothing")
        equal((status, error_code(body)), (404, "unknown_kind"), "an unknown kind is refused")


def test_masked():
    key = write_secret("mask-key", "000102030405060708090A0B0C0D0E0F\n")
    with Daemon("--kinds", "snowflake ulid", "--mask-key-file", key) as daemon:
        masked = daemon.json("/api/v1/id?form=masked")
        check(
            re.fullmatch("[1-9A-HJ-NP-Za-km-z]{2,11}", masked["id"])
            and masked["id"] == masked["id_str"],
            "a masked ID is a string in base 58",
            masked,
        )
        parsed = daemon.json(f"/api/v1/parse?form=masked&id={masked['id']}")
        recent = abs(parsed["timestamp_ms"] / 1000 - time.time()) < DEADLINE
        check(recent and parsed["id"] == int(parsed["id_str"]), "it is reverted", parsed)
        many = daemon.json("/api/v1/ids?form=masked&count=20")
        good = many["ids"] == many["ids_str"] and len(set(many["ids"])) == 20
        check(good, "ids returns masked IDs")
        reverted = [
            daemon.json(f"/api/v1/parse?form=masked&id={masked}")["id"] for masked in many["ids"]
        ]
        check(reverted == sorted(reverted), "they are in the order of the IDs, not of their own")
        text = daemon.text("/v1/next_id?form=masked")
        equal(daemon.status(f"/api/v1/parse?form=masked&id={text}"), 200, "next_id masks as well")
        for path, text in [
            ("/api/v1/id?form=masked&kind=ulid", "only numbers"),
            ("/api/v1/id?form=hax", "hax"),
            ("/api/v1/parse?form=masked&id=0", "not one of"),
        ]:
            status, _, body = daemon.request(path)
            check(status == 400 and text in body.decode(), "400 for " + path, body)


def test_mask_key():
    with Daemon() as daemon:
        status, _, body = daemon.request("/api/v1/id?form=masked")
        good = status == 400 and b"mask_key_file" in body
        check(good, "without a key, no ID can be masked", body)
    for text in "", "0" * 31, "0" * 33, "g" * 32, "0" * 100:
        got = run_daemon("--check-config", "--mask-key-file", write_secret("mask-key", text))
        check("mask_key_file: " in got.stderr, f"a bad key is refused: {text!r}", got.stderr)


if __name__ == "__main__":
    run_tests(globals())
