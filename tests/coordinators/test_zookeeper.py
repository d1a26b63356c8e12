#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""The module for ZooKeeper against servers that fail when they are told to: servers that die, are
silent or have no quorum, answers that get lost, sessions that end, logins, names and fork."""
import contextlib
import os
import time

from asker import MODULES, READ, Asker, check, equal, free_port, run_tests, skip
from asker import wait_for, write_scratch
from fake_zookeeper import (
    AUTH,
    AUTH_FAILED,
    CLOSED,
    CREATE2,
    GET,
    LOST,
    MULTI,
    NO_AUTH,
    SET,
    SILENT,
    Server,
    Store,
)

ROOT = "/id-generator"
LEASE = ROOT + "/datacenters/dc0/workers/worker0"
STATE = ROOT + "/datacenters/dc0/state/worker0"
THROTTLED = -127


def asker(servers, *options, **environment):
    if not os.path.exists(os.path.join(MODULES, "zookeeper.so")):
        skip("the module for ZooKeeper has not been built")
    return Asker("zookeeper", servers, *options, **environment)


def dead_address():
    return f"127.0.0.1:{free_port()}"


def claim(client):
    """The version of the record. The first claim may be refused until the time is known."""
    for _ in range(2):
        answer = client.one("CLAIM")
        if answer["outcome"] == "DONE":
            break
    equal(answer["outcome"], "DONE", "claimed: " + answer["why"])
    return answer["version"]


def raise_limit(client, version, **more):
    return client.one("RAISE", exists=1, version=version, limit=2, writes=2, **more)


# ---- servers -------------------------------------------------------------------------------------


def test_dead_servers():
    with Server() as server:
        servers = f"{dead_address()},{dead_address()},{server.address}"
        with asker(servers) as client:
            equal(client.one()["outcome"], "DONE", "dead servers are passed over")
            equal([a["outcome"] for a in client.all(*[READ] * 50)], ["DONE"] * 50, "50 at once")
            equal(server.connections, 1, "over one connection")


def test_all_dead():
    with asker(f"{dead_address()},{dead_address()}") as client:
        answer = client.one(timeout_ms=300)
        equal(answer["outcome"], "UNKNOWN", "all are dead")
        check("Connection refused" in answer["why"], "it says so", answer["why"])


def test_server_that_accepts_and_is_silent():
    """As one does that is starting. The client alone would wait for two thirds of the TTL."""
    with Server() as server:
        server.greeting = lambda: SILENT
        with asker(server.address) as client:
            answer = client.one(ttl_ms=600000, timeout_ms=1500)
            equal(answer["outcome"], "UNKNOWN", "a server that only accepts")
            check("does not answer" in answer["why"], "it says so", answer["why"])
            server.greeting = lambda: None
            equal(client.one()["outcome"], "DONE", "it is asked again")
            check(server.connections > 1, "over another connection")


def test_server_that_falls_silent():
    store = Store()
    with Server(store) as first, Server(store) as second:
        with asker(f"{first.address},{second.address}") as client:
            version = claim(client)
            used = first if first.connections else second
            used.rule = lambda kind, path: SILENT
            answer = raise_limit(client, version, ttl_ms=600000, timeout_ms=300)
            equal(answer["outcome"], "UNKNOWN", "the server falls silent")
            check("no answer" in answer["why"], "it says so", answer["why"])
            equal(raise_limit(client, version)["outcome"], "DONE", "the other one answers")
            equal(len(store.sessions), 1, "in the same session")


def test_no_quorum():
    with Server() as server:
        server.greeting = lambda: CLOSED
        with asker(server.address) as client:
            answer = client.one(timeout_ms=300)
            equal(answer["outcome"], "UNKNOWN", "a server that closes connections")
            check("closed the connection" in answer["why"], "it says so", answer["why"])
            server.greeting = lambda: None
            equal(client.one()["outcome"], "DONE", "it is asked again")


def test_name_changes():
    port = free_port()
    hosts = write_scratch("hosts", "zk.test 127.0.0.2\n")
    with Server(port=port, address="127.0.0.2") as server:
        client = asker(f"zk.test:{port}", ASK_HOSTS=hosts)
        equal(client.one()["outcome"], "DONE", "by name")
        store = server.store
    with client, Server(store, port, "127.0.0.3") as second:
        write_scratch("hosts", "zk.test 127.0.0.3\n")
        check(
            wait_for(lambda: client.one(timeout_ms=1000)["outcome"] == "DONE", "the address"),
            "the new address is found",
        )
        check(second.connections, "the new server was asked")
        equal(len(store.sessions), 1, "in the same session")


def test_unknown_name():
    with asker("nowhere.invalid:2181") as client:
        answer = client.one(timeout_ms=300)
        equal(answer["outcome"], "UNKNOWN", "a name that nobody knows")
        check("nowhere.invalid:2181" in answer["why"], "it says which", answer["why"])


def test_each_of_many_servers():
    """Whatever it begins with, and however the others fail, none is skipped."""
    with contextlib.ExitStack() as stack:
        good, *bad = (stack.enter_context(Server()) for _ in range(5))
        for server in bad:
            server.greeting = lambda: CLOSED
        for others in [b.address for b in bad], [dead_address() for _ in bad]:
            for count in range(1, 5):
                for place in range(count + 1):
                    servers = others[:place] + [good.address] + others[place:count]
                    with asker(",".join(servers)) as client:
                        answer = client.one(ttl_ms=600000, timeout_ms=5000)
                        equal(answer["outcome"], "DONE", f"number {place} after {count}")


# ---- answers that get lost -----------------------------------------------------------------------


def once(wanted, result):
    """A rule for the first request of a kind."""
    done = []

    def rule(kind, _):
        if kind != wanted or done:
            return None
        done.append(kind)
        return result

    return rule


def test_connection_lost_before_a_write():
    with Server() as server, asker(server.address) as client:
        version = claim(client)
        server.rule = once(GET, CLOSED)
        equal(raise_limit(client, version)["outcome"], "DONE", "it is tried on the next one")


def test_answer_to_a_write_lost():
    with Server() as server, asker(server.address) as client:
        version = claim(client)
        server.rule = once(MULTI, LOST)
        equal(raise_limit(client, version)["outcome"], "UNKNOWN", "done, but not answered")
        record = client.one()["records"][0]
        check(record["version"] != version and record["limit"] == 2, "it was done once", record)
        equal(raise_limit(client, version)["outcome"], "REFUSED", "and is not done again")
        server.rule = once(MULTI, CLOSED)
        equal(raise_limit(client, record["version"])["outcome"], "UNKNOWN", "not done")
        equal(client.one()["records"][0]["version"], record["version"], "nothing was written")


def test_error_that_passes():
    with Server() as server, asker(server.address) as client:
        server.rule = once(GET, THROTTLED)
        equal(client.one()["outcome"], "UNKNOWN", "the server is busy")
        equal(client.one()["outcome"], "DONE", "asked again")


# ---- sessions ------------------------------------------------------------------------------------


def end_sessions(server):
    """As if the server had expired them. It deletes the leases a moment later."""
    server.store.sessions.clear()
    for connection in server.open:
        connection.shutdown(2)


def test_expired_session():
    with Server() as server, asker(server.address) as client:
        version = claim(client)
        end_sessions(server)
        del server.store.nodes[LEASE]
        wait_for(lambda: client.one(timeout_ms=1000)["outcome"] == "DONE", "another session")
        equal(raise_limit(client, version)["outcome"], "REFUSED", "its lease has ended")
        equal(client.one("CLAIM", exists=1, version=version)["outcome"], "DONE", "claimed again")


def test_lease_of_an_expired_session():
    """It would be deleted soon, and bar its owner until then."""
    with Server() as server, asker(server.address) as client:
        version = claim(client)
        end_sessions(server)
        wait_for(lambda: client.one(timeout_ms=1000)["outcome"] == "DONE", "another session")
        (session,) = server.store.sessions
        answer = raise_limit(client, version)
        equal(answer["outcome"], "DONE", "an owner goes on")
        equal(server.store.nodes[LEASE].owner, session, "with a lease of its present session")
        equal(client.one("FORGET")["outcome"], "DONE", "forgotten")
        check(LEASE not in server.store.nodes, "it is deleted")


def test_forget_spares_a_successor():
    """Another owner takes the worker between the look and the write."""
    with Server() as server, asker(server.address) as client:
        claim(client)

        def claim_meanwhile(kind, _):
            if kind == MULTI:
                state = server.store.nodes[STATE]
                state.version += 1
            return None

        server.rule = claim_meanwhile
        equal(client.one("FORGET")["outcome"], "REFUSED", "the record was written meanwhile")
        check(LEASE in server.store.nodes, "the lease stays")


def test_ttl():
    with Server() as server, asker(server.address) as client:
        server.grant = lambda ms: min(ms, 40000)
        equal(client.one(ttl_ms=10000)["ttl_ms"], 10000, "a session to read")
        client.one("CLAIM", ttl_ms=60000)
        answer = client.one("CLAIM", ttl_ms=60000)
        equal(answer["outcome"], "DONE", "the first claim decides")
        equal(answer["ttl_ms"], 40000, "what was granted")
        check(answer["expiry_ms"] >= 40000, "it may last longer", answer)
        answer = client.one("CLAIM", worker=1, ttl_ms=20000)
        equal((answer["outcome"], answer["ttl_ms"]), ("DONE", 40000), "which others share")


# ---- time ----------------------------------------------------------------------------------------


def test_time_of_the_service():
    with Server() as server, asker(server.address) as client:
        hour = 3600 * 1000
        server.store.now_ms = lambda: int(time.time() * 1000) - hour
        equal(client.one()["unix_ms"], 0, "not known without a store")
        check(list(server.store.nodes) == ["/"], "and reading makes none")
        answer = client.one("CLAIM")
        equal(answer["outcome"], "REFUSED", "the first claim comes too early")
        check("time of the service" in answer["why"], "it says so", answer["why"])
        ms = client.one("CLAIM")["unix_ms"]
        check(abs(ms + hour - time.time() * 1000) < 60000, "its own time is told", ms)
        with asker(server.address) as other:
            ms = other.one()["unix_ms"]
            check(abs(ms + hour - time.time() * 1000) < 60000, "to those who read as well", ms)


# ---- permissions ---------------------------------------------------------------------------------


def test_who_may_only_read():
    with Server() as server, asker(server.address) as client:
        claim(client)
        server.rule = lambda kind, path: NO_AUTH if kind in (SET, CREATE2, MULTI) else None
        with asker(server.address) as other:
            equal(other.one()["outcome"], "DONE", "it reads without writing the clock")
            answer = other.one("CLAIM", worker=1)
            equal(answer["outcome"], "DENIED", "but cannot claim")
            check(ROOT + "/clock" in answer["why"], "it says which node", answer["why"])


def test_refused_login():
    password = write_scratch("password", "secret\n")
    with Server() as server:
        server.rule = lambda kind, path: AUTH_FAILED if kind == AUTH else None
        with asker(server.address, "user=ids", "password_file=" + password) as client:
            answer = client.one()
            equal(answer["outcome"], "DENIED", "the server has no digest: " + answer["why"])
            server.rule = lambda kind, path: None
            check(
                wait_for(lambda: client.one()["outcome"] == "DONE", "another login"),
                "it logs in again later",
            )
            equal(set(server.store.logins), {"ids:secret"}, "as its user")


def test_changed_password():
    """A session gets another login, and keeps its leases."""
    password = write_scratch("password", "old\n")
    with Server() as server:
        with asker(server.address, "user=ids", "password_file=" + password) as client:
            version = claim(client)
            server.rule = lambda kind, path: NO_AUTH if kind == MULTI else None
            for _ in range(3):
                answer = raise_limit(client, version)
                equal(answer["outcome"], "DENIED", "the ACL has changed")
                check("ids may not do this" in answer["why"], "it says so", answer["why"])
            equal(server.store.logins, ["ids:old"], "the same password is not sent again")
            write_scratch("password", "new\n")
            server.rule = lambda kind, path: None
            equal(raise_limit(client, version)["outcome"], "DONE", "the new password")
            equal(server.store.logins, ["ids:old", "ids:new"], "is sent once")
            equal(len(server.store.sessions), 1, "in the same session")


# ---- processes -----------------------------------------------------------------------------------


def test_fork():
    with Server() as server, asker(server.address) as client:
        version = claim(client)
        equal(client.line("fork"), "0\n", "a child closes what it inherited")
        equal(raise_limit(client, version)["outcome"], "DONE", "its parent goes on")
        equal(server.connections, 1, "over the same connection")


def test_close():
    with Server() as server:
        with asker(server.address) as client:
            claim(client)
        check(
            wait_for(lambda: LEASE not in server.store.nodes, "the end of the session"),
            "leases end with the process",
        )


run_tests(globals())
