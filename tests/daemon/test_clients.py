#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""Who a request is from, for limits and in the log."""
from grpc_client import GrpcDaemon, Interface
from harness import check, equal, get, run_daemon, run_tests, statuses, wait_for

GENERATE = "IDGenerator/GenerateID"
CLIENT = "198.51.100.7"
OTHER = "198.51.100.8"
TRUST = "--trusted-proxies", "127.0.0.1,10.0.0.0/8"
# One request of each client, and no more of those that come at once.
RATE = "--limits-rate", "1", "--limits-burst", "1"
FIELD = "X-Forwarded-For"
interface = Interface()


def statuses_of(daemon, *lists):
    """Of requests that are sent together, so that it does not matter how fast the machine is."""
    requests = [get("/v1/next_id", f"{FIELD}: {value}\r\n") for value in lists]
    return statuses(daemon.send_raw(b"".join(requests), half_close=True))


def test_http():
    with GrpcDaemon("--log-access", "true", *TRUST) as daemon:
        equal(
            daemon.status("/v1/next_id", headers={FIELD: f"1.1.1.1, {CLIENT}, 10.0.0.9"}),
            200,
            "a list",
        )
        check(f"client={CLIENT} method=GET" in daemon.log(), "the log has the client", daemon.log())
        equal(daemon.status("/v1/next_id", headers={FIELD: "nonsense"}), 200, "nonsense")
        check("client=127.0.0.1 method=GET" in daemon.log(), "or the proxy itself", daemon.log())
    with GrpcDaemon("--log-access", "true") as daemon:
        equal(daemon.status("/v1/next_id", headers={FIELD: CLIENT}), 200, "no proxy")
        check(CLIENT not in daemon.log(), "others are not believed", daemon.log())


def test_grpc():
    with GrpcDaemon("--log-access", "true", *TRUST) as daemon, daemon.grpc(interface) as client:
        metadata = ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", CLIENT)
        client.call(GENERATE, metadata=metadata)
        line = f"client={CLIENT} method=gRPC"
        check(wait_for(lambda: line in daemon.log(), line), "the log has that of a call")


def test_rate():
    with GrpcDaemon(*RATE, *TRUST) as daemon, daemon.grpc(interface) as client:
        found = statuses_of(daemon, CLIENT, OTHER, CLIENT, f"{OTHER}, 10.0.0.9")
        equal(found, [200, 200, 429, 429], "each client has a limit of its own")

        def exhausted():
            statuses_of(daemon, CLIENT)
            failure = client.failure(GENERATE, metadata=[("x-forwarded-for", CLIENT)])
            return failure[0] == "RESOURCE_EXHAUSTED"

        check(wait_for(exhausted, "the limit"), "which is that of gRPC, too")
    with GrpcDaemon(*RATE) as daemon:
        equal(statuses_of(daemon, CLIENT, OTHER), [200, 429], "others cannot have another one")


def test_configuration():
    for value in "localhost", "10.0.0.1/8", "10.0.0.0/33":
        got = run_daemon("--check-config", "--trusted-proxies", value)
        good = got.returncode == 2 and f'trusted_proxies: "{value}" is not' in got.stderr
        check(good, "a list of proxies is refused: " + value, got)


if __name__ == "__main__":
    run_tests(globals())
