#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""IDs are unique over threads, connections and restarts; requests wait for IDs within a limit."""
import concurrent.futures
import json
import signal

from harness import Daemon, check, equal, error_code, run_tests, scratch

CLIENTS, REQUESTS = 16, 40
# Of 40 requests of a client every third, from the first, asks for one ID, and the others for 500.
IDS = CLIENTS * (14 + 26 * 500)


def draw_ids(daemon):
    client, ids = daemon.client(), []
    for i in range(REQUESTS):
        client.request("GET", "/api/v1/ids?count=500" if i % 3 else "/api/v1/id")
        body = json.loads(client.getresponse().read())
        ids += body["ids"] if "ids" in body else [body["id"]]
    client.close()
    return ids


def test_uniqueness():
    seen = []
    store = "--store", "file:" + scratch("many"), "--reserve", "100ms", "--hold", "30ms"
    options = *store, "--worker-id", "3"
    for _ in range(2):
        with Daemon("--threads", "4", *options) as daemon:
            with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
                for ids in pool.map(draw_ids, [daemon] * CLIENTS):
                    seen += ids
            count = daemon.metric('snowid_ids_generated_total{kind="snowflake"}')
            equal(count, IDS, "each ID is counted once")
            daemon.stop(signal.SIGKILL)
    unique = len(seen) == len(set(seen)) == 2 * IDS
    check(
        unique, f"{len(seen)} IDs of 4 threads, 16 clients and 2 runs that were killed all differ"
    )


def test_waiting_requests():
    kind = "--kinds", "x=time:41,worker:16,sequence:4", "--worker-id", "1", "--store", "memory:"
    with Daemon("--threads", "2", *kind, "--limits-wait-timeout", "60s") as daemon:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            parts = pool.map(lambda _: daemon.json("/api/v1/ids?count=1000")["ids"], range(8))
            ids = {i for part in parts for i in part}
        equal(len(ids), 8000, "requests that must wait for their IDs get them")
        overflows = daemon.metric("snowid_sequence_overflows_total")
        check(overflows > 0, "ticks whose sequence is used up are counted")


def test_wait_limit():
    kind = "--kinds", "x=time:41,worker:16,sequence:1", "--worker-id", "1", "--store", "memory:"
    with Daemon(*kind, "--limits-wait-timeout", "20ms") as daemon:
        status, headers, body = daemon.request("/api/v1/ids?count=10000")
        found = status, error_code(body), headers["Retry-After"]
        equal(found, (429, "exhausted", "1"), "no request waits longer than limits.wait_timeout")


if __name__ == "__main__":
    run_tests(globals())
