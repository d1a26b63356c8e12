#!/usr/bin/python3 -B
# SPDX-License-Identifier: MIT
"""IDs over gRPC, with the client that Debian has."""
import itertools
import os
import time

import grpc
from google.protobuf import descriptor_pb2

from grpc_client import PROTOS, Client, GrpcDaemon, Interface
from harness import (
    DEADLINE,
    Daemon,
    Load,
    check,
    equal,
    get,
    read_all,
    run_daemon,
    run_tests,
    wait_for,
    write_scratch,
    write_secret,
)
import signal
import socket

ONE = "IDGenerator/GenerateID"
BATCH = "IDGenerator/GenerateBatch"
PARSE = "IDGenerator/ParseID"
HEALTH = "IDGenerator/HealthCheck"
# The interface as it was first promised. What is generated from it must go on working.
FIRST_PROTO = """
syntax = "proto3";
service IDGenerator {
  rpc GenerateID(GenerateIDRequest) returns (GenerateIDResponse);
  rpc GenerateBatch(GenerateBatchRequest) returns (GenerateBatchResponse);
  rpc ParseID(ParseIDRequest) returns (ParseIDResponse);
  rpc HealthCheck(HealthCheckRequest) returns (HealthCheckResponse);
}
message GenerateIDRequest {}
message GenerateIDResponse { int64 id = 1; }
message GenerateBatchRequest { int32 count = 1; }
message GenerateBatchResponse { repeated int64 ids = 1; }
message ParseIDRequest { int64 id = 1; }
message ParseIDResponse {
  int64 timestamp_ms = 1; int32 datacenter_id = 2; int32 worker_id = 3; int32 sequence = 4;
}
message HealthCheckRequest {}
message HealthCheckResponse {
  string status = 1; int32 worker_id = 2; int32 datacenter_id = 3; int64 uptime_seconds = 4;
  int64 ids_generated = 5;
}
"""
# Two IDs in 100 ms, so that a third has to wait, however slow the machine is.
SLOW = "slow=time:41,worker:2,sequence:1;unit=100ms"
TOKEN = "correct-horse-battery-staple"
STREAM = "IDGenerator/StreamIDs"
interface = Interface()
health = Interface(os.path.join(PROTOS, "health.proto"))
reflections = {
    "v1": Interface(os.path.join(PROTOS, "reflection.proto")),
    "v1alpha": Interface(os.path.join(PROTOS, "v1alpha", "reflection.proto")),
}
SERVING, NOT_SERVING, SERVICE_UNKNOWN = 1, 2, 3


def test_first_interface():
    first = Interface(write_scratch("first.proto", FIRST_PROTO))
    options = "--worker-id", "7", "--datacenter-id", "3", "--store", "memory:"
    with GrpcDaemon(*options) as daemon, daemon.grpc(first) as client:
        now = time.time() * 1000
        one = client.call(ONE).id
        batch = client.call(BATCH, count=1000).ids
        check(one < batch[0] and list(batch) == sorted(set(batch)), "IDs ascend")
        equal(len(batch), 1000, "a batch has as many IDs as it was asked for")
        parts = client.call(PARSE, id=one)
        equal((parts.datacenter_id, parts.worker_id), (3, 7), "the parts of an ID")
        check(abs(parts.timestamp_ms - now) < 60000, "an ID is of now", parts)
        health = client.call(HEALTH)
        equal(
            (health.status, health.worker_id, health.datacenter_id, health.ids_generated),
            ("healthy", 7, 3, 1001),
            "health",
        )
        found = daemon.calls(ONE), daemon.calls(BATCH), daemon.calls(PARSE), daemon.calls(HEALTH)
        equal(found, (1, 1, 1, 1), "calls are counted by method")


def test_kinds():
    kinds = "snowflake ulid uuid7 high=time:41,worker:7,sequence:16;epoch=1970-01-01"
    options = "--kinds", kinds, "--worker-id", "1", "--store", "memory:"
    with GrpcDaemon(*options) as daemon, daemon.grpc(interface) as client:
        for kind, length in ("ulid", 26), ("uuid7", 36):
            one = client.call(ONE, kind=kind)
            found = one.id, len(one.text), len(one.value)
            equal(found, (0, length, 16), f"a {kind} is a text and 16 bytes")
            batch = client.call(BATCH, kind=kind, count=20)
            found = len(batch.ids), len(set(batch.texts)), len(set(batch.values))
            equal(found, (0, 20, 20), f"a batch of {kind}")
            check(list(batch.texts) == sorted(batch.texts), f"a batch of {kind} ascends")
            by_text = client.call(PARSE, text=one.text)
            by_value = client.call(PARSE, value=one.value, kind=kind)
            equal(by_text, by_value, f"a {kind} is read from its text and from its bytes")
            check(by_text.kind == kind and by_text.has_timestamp, f"the parts of a {kind}", by_text)
        published = client.call(PARSE, id=1541815603606036480, kind="twitter")
        equal(published.timestamp_ms, 1656432460105, "an ID of a preset that is not served is read")
        high = client.call(ONE, kind="high").id
        check(high < 0, "2^63 and above are negative")
        parts = client.call(PARSE, id=high, kind="high")
        equal((parts.text, parts.worker_id), (str(high + 2**64), 1), "they are read as they come")
        same = client.call(PARSE, text=parts.text, kind="high")
        equal(same, parts, "and as decimal numbers")


def test_streams():
    options = "--kinds", "snowflake ulid " + SLOW, "--worker-id", "1", "--store", "memory:"
    with GrpcDaemon(*options) as daemon, daemon.grpc(interface) as client:
        messages = list(client.call(STREAM, count=10000))
        ids = [id for message in messages for id in message.ids]
        check(len(ids) == 10000 and ids == sorted(set(ids)), "a stream of 10000 IDs", len(ids))
        check(max(len(m.ids) for m in messages) <= 1024, "messages have up to 1024 IDs")
        texts = [text for m in client.call(STREAM, count=3000, kind="ulid") for text in m.texts]
        check(len(texts) == 3000 and texts == sorted(set(texts)), "a stream of ULIDs", len(texts))
        slow = [id for m in client.call(STREAM, count=5, kind="slow") for id in m.ids]
        equal(len(slow), 5, "a stream waits for its IDs")
        code = client.failure_of_stream(STREAM, kind="none")[0]
        equal(code, "NOT_FOUND", "a stream of a kind that there is not")
        code = client.failure_of_stream(STREAM, count=-1)[0]
        equal(code, "INVALID_ARGUMENT", "a stream of -1 IDs")
        endless = client.call(STREAM)
        got = [id for message in itertools.islice(endless, 200) for id in message.ids]
        check(got == sorted(set(got)), "a stream without an end", len(got))
        equal(client.call(HEALTH).status, "healthy", "other calls of its connection are served")
        endless.cancel()
        cancelled = lambda: daemon.calls(STREAM, "CANCELLED") == 1
        check(wait_for(cancelled, "the end of the stream"), "a stream ends when it is cancelled")
        code = client.failure_of_stream(STREAM, timeout=0.1)[0]
        equal(code, "DEADLINE_EXCEEDED", "a stream ends at its deadline")


def test_unread_stream():
    with GrpcDaemon() as daemon, daemon.grpc(interface) as client:
        stream = client.call(STREAM)
        next(stream)

        def made():
            return daemon.metric('snowid_ids_generated_total{kind="snowflake"}')

        counts = []

        def stands_still():
            counts.append(made())
            return counts[-10:] == [counts[-1]] * 10

        check(wait_for(stands_still, "the stream to stand still"), "nobody reads: none is made")
        code = client.call(ONE)
        check(code.id > 0, "other calls of the connection are served meanwhile")
        stream.cancel()


def test_health():
    with GrpcDaemon("--token-file", write_secret("health-token", TOKEN)) as daemon:
        with daemon.grpc(health) as client:
            check_path, list_path = "grpc.health.v1.Health/Check", "grpc.health.v1.Health/List"
            watch_path = "grpc.health.v1.Health/Watch"
            for service in "", "IDGenerator":
                found = client.call(check_path, service=service).status
                equal(found, SERVING, f'Check of "{service}", without a token')
            code = client.failure(check_path, service="none")[0]
            equal(code, "NOT_FOUND", "Check of a service that there is not")
            found = {name: s.status for name, s in client.call(list_path).statuses.items()}
            equal(found, {"": SERVING, "IDGenerator": SERVING}, "List")
            watch = client.call(watch_path, service="IDGenerator")
            unknown = client.call(watch_path, service="none")
            equal(next(watch).status, SERVING, "Watch says what is the case")
            equal(next(unknown).status, SERVICE_UNKNOWN, "Watch of a service that there is not")
            daemon.send_signal(signal.SIGTERM)
            equal(next(watch).status, NOT_SERVING, "Watch tells that the server is to stop")
            for stream in watch, unknown:
                equal(end_of(stream), "UNAVAILABLE", "and ends")
            equal(daemon.process.wait(DEADLINE), 0, "streams do not hold up a stop")


def test_health_of_refusals():
    common = "--worker-id", "5", "--store", "memory:", "--clock-interval", "100ms"
    with GrpcDaemon(*common) as first:
        peers = "--peers", f"127.0.0.1:{first.port}"
        with GrpcDaemon(*common, *peers) as second, second.grpc(health) as client:
            watch = client.call("grpc.health.v1.Health/Watch", service="")
            while next(watch).status != NOT_SERVING:
                pass
            with second.grpc(interface) as caller:
                equal(caller.failure(ONE)[0], "UNAVAILABLE", "another server has the worker")
                equal(caller.call(HEALTH).status, "unhealthy", "HealthCheck says so")
            first.stop()
            equal(next(watch).status, SERVING, "Watch tells when it no longer has")


def end_of(stream):
    try:
        for _ in stream:
            pass
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def test_reflection():
    with GrpcDaemon() as daemon:
        for version, reflection in reflections.items():
            path = f"grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            symbols = "IDGenerator", "IDGenerator.StreamIDs", "ParseIDResponse"
            with daemon.grpc(reflection) as client:
                requests = [{"list_services": "*"}, {"file_by_filename": "snowid.proto"}]
                requests += [{"file_containing_symbol": symbol} for symbol in symbols]
                requests += [{"file_containing_symbol": "grpc.health.v1.Health.Check"}]
                missing = [
                    {"file_containing_symbol": "IDGenerator.None"},
                    {"file_containing_symbol": "IDGeneratorX"},
                    {"file_by_filename": "none.proto"},
                    {"all_extension_numbers_of_type": "ParseIDResponse"},
                ]
                replies = list(client.stream(path, requests + missing + [{}]))
                equal(len(replies), 11, f"{version}: each request of a stream has its reply")
                services = [s.name for s in replies[0].list_services_response.service]
                wanted = ["IDGenerator", "grpc.health.v1.Health"]
                wanted += [f"grpc.reflection.{v}.ServerReflection" for v in ("v1", "v1alpha")]
                equal(services, wanted, f"{version}: the services")
                files = [file_name(reply) for reply in replies[1:6]]
                equal(
                    files,
                    ["snowid.proto"] * 4 + ["grpc/health/v1/health.proto"],
                    f"{version}: files by their names and by what they contain",
                )
                codes = [reply.error_response.error_code for reply in replies[6:]]
                equal(codes, [5, 5, 5, 5, 3], f"{version}: what there is not")


def file_name(reply):
    files = reply.file_descriptor_response.file_descriptor_proto
    return descriptor_pb2.FileDescriptorProto.FromString(files[0]).name


def test_errors():
    options = "--store", "memory:", "--worker-id", "1", "--limits-count", "50"
    with GrpcDaemon(*options) as daemon, daemon.grpc(interface) as client:
        wrong_count = "INVALID_ARGUMENT", "count must be a number from 1 to 50"
        for count in 0, -1, 51, 2**31 - 1:
            equal(client.failure(BATCH, count=count), wrong_count, f"a count of {count}")
        for path, more in (ONE, {}), (BATCH, {"count": 1}), (PARSE, {"id": 5}):
            code = client.failure(path, kind="none", **more)[0]
            equal(code, "NOT_FOUND", f"{path} of a kind that there is not")
        equal(
            client.failure(PARSE, text="x%\n\u00e9")[1].endswith("is not one of 0123456789"),
            True,
            "an ID that cannot be read: what is wrong",
        )
        equal(
            client.failure(PARSE, value=b"123"),
            ("INVALID_ARGUMENT", "value has 3 bytes: a ULID or UUID has 16"),
            "a value of 3 bytes",
        )
        equal(client.failure(PARSE, id=1, text="1")[0], "INVALID_ARGUMENT", "two IDs at once")
        raw = client.channel.unary_unary("/IDGenerator/None", bytes, bytes)
        with_error = error_of(raw, b"")
        found = with_error.code().name, with_error.details()
        equal(found, ("UNIMPLEMENTED", "there is no method /IDGenerator/None"), "an unknown method")
        raw = client.channel.unary_unary("/" + ONE, bytes, bytes)
        equal(error_of(raw, b"\x0a\x05x").code().name, "INTERNAL", "what is no message")
        big = error_of(raw, b"\x0a" + b"x" * 5000000)
        equal(big.code().name, "RESOURCE_EXHAUSTED", "a message of 5 MB is refused")
        fine = client.call(ONE).id
        check(fine > 0, "the connection goes on after all that")
        equal(daemon.metric("snowid_connections_accepted_total") <= 3, True, "it is the same one")


def error_of(call, message):
    try:
        call(message)
    except grpc.RpcError as error:
        return error
    return None


def test_deadlines():
    options = "--kinds", SLOW, "--worker-id", "1", "--store", "memory:"
    with GrpcDaemon(*options, "--limits-wait-timeout", "60s") as daemon:
        with daemon.grpc(interface) as client:
            equal(len(client.call(BATCH, count=5).ids), 5, "a batch waits for its IDs")
            code = client.failure(BATCH, count=200, timeout=0.05)[0]
            equal(code, "DEADLINE_EXCEEDED", "a wait that would be longer than the deadline")
            counted = lambda: daemon.calls(BATCH, "DEADLINE_EXCEEDED") == 1
            check(wait_for(counted, "the deadline"), "the server says so")
    with GrpcDaemon(*options, "--limits-wait-timeout", "0s") as daemon:
        with daemon.grpc(interface) as client:
            error = client.error(BATCH, count=5)
            equal(error.code().name, "RESOURCE_EXHAUSTED", "more IDs than there are")
            trailers = dict(error.trailing_metadata())
            details = trailers.get("grpc-status-details-bin", b"")
            check(b"google.rpc.RetryInfo" in details, "the client is told when to try again")


def test_cancelling():
    options = "--kinds", SLOW, "--worker-id", "1", "--store", "memory:"
    with GrpcDaemon(*options, "--limits-wait-timeout", "60s") as daemon:
        with daemon.grpc(interface) as client:
            waiting = client.future(BATCH, count=400)
            client.call(HEALTH)  # the batch came before
            waiting.cancel()
            counted = lambda: daemon.calls(BATCH, "CANCELLED") == 1
            check(wait_for(counted, "the end of the call"), "a call that is cancelled ends")
            made = daemon.metric('snowid_ids_generated_total{kind="slow"}')
            check(made < 400, "the rest of its IDs is not made", made)
        with daemon.grpc(interface) as client:
            waiting = client.future(BATCH, count=400)
            client.call(HEALTH)
        counted = lambda: daemon.calls(BATCH, "CANCELLED") == 2
        check(wait_for(counted, "the end of the call"), "a call ends with its connection")


def test_token():
    file = write_secret("token", TOKEN + "\n")
    with GrpcDaemon("--token-file", file) as daemon, daemon.grpc(interface) as client:
        for value in None, "Bearer wrong", TOKEN:
            metadata = [("authorization", value)] if value else None
            code = client.failure(ONE, metadata=metadata)[0]
            equal(code, "UNAUTHENTICATED", f"authorization: {value}")
        good = client.call(ONE, metadata=[("authorization", "Bearer " + TOKEN)])
        check(good.id > 0, "the token is accepted")
        equal(client.call(HEALTH).status, "healthy", "health needs no token")


def test_rate():
    with GrpcDaemon("--limits-rate", "1", "--limits-burst", "3") as daemon:
        with daemon.grpc(interface) as client:
            errors = [client.error(ONE) for _ in range(10)]
            refused = [error for error in errors if error]
            check(len(refused) > 0 and errors[0] is None, "a rate is limited", len(refused))
            found = {error.code().name for error in refused}
            equal(found, {"RESOURCE_EXHAUSTED"}, "more calls than the rate allows")
            equal(client.call(HEALTH).status, "healthy", "health is not limited")


def test_id_rate():
    options = "--limits-count", "20", "--limits-id-rate"
    with GrpcDaemon(*options, "1") as daemon, daemon.grpc(interface) as client:
        equal(len(client.call(BATCH, count=20).ids), 20, "as many IDs as the bucket has")
        for path, fields in (BATCH, {"count": 20}), (ONE, {}):
            error = client.error(path, **fields)
            code = error.code().name if error else "OK"
            equal(code, "RESOURCE_EXHAUSTED", f"{path} for more IDs than the rate allows")
            details = error and "grpc-status-details-bin" in dict(error.trailing_metadata())
            check(details, "the client is told when to try again")
    with GrpcDaemon(*options, "500") as daemon, daemon.grpc(interface) as client:
        began = time.monotonic()
        ids = [id for message in client.call(STREAM, count=120) for id in message.ids]
        took = time.monotonic() - began
        equal(len(ids), 120, "a stream is not failed by the rate")
        check(took >= (120 - 20) / 500, "but paced", took)


def test_wrong_protocol():
    with GrpcDaemon() as daemon:
        with socket.create_connection(("127.0.0.1", daemon.grpc_port)) as s:
            s.sendall(get())
            reply = read_all(s)
        good = reply.startswith(b"HTTP/1.1 505 ") and b"serves gRPC" in reply
        check(good, "a client of HTTP/1.1 is told that this is gRPC", reply)
        head, body = reply.split(b"\r\n\r\n")
        check(f"Content-Length: {len(body)}".encode() in head, "with the length of the text")


def test_log():
    with GrpcDaemon("--log-access", "true") as daemon, daemon.grpc(interface) as client:
        client.call(ONE)
        client.failure(ONE, kind="none")
        for status in "OK", "NOT_FOUND":
            line = f"method=gRPC target=/{ONE} status={status} us="
            found = wait_for(lambda: line in daemon.log(), line)
            check(found, f"the access log has a call that ended with {status}")


class Callers(Load):
    """Clients of two servers, who call one after the other."""

    def __init__(self, clients, ports):
        self.target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
        self.served = 0
        super().__init__(clients)

    def run(self):
        options = [("grpc.lb_policy_name", "round_robin")]
        with Client(self.target, interface, options=options) as client:
            while not self.stopping.is_set():
                try:
                    client.call(ONE)
                    self.served += 1
                except grpc.RpcError as error:
                    self.failures.append((error.code().name, error.details()))


def test_stopping():
    with GrpcDaemon() as stays, GrpcDaemon() as stops:
        with Callers(8, (stays.grpc_port, stops.grpc_port)) as callers:
            wait_for(lambda: stops.calls(ONE) > 200, "calls of the daemon that stops")
            equal(stops.stop(), 0, "SIGTERM: exit status 0")
            served = callers.served
            wait_for(lambda: callers.served > served + 200, "calls after that")
        equal(callers.failures, [], "no call fails when one of two servers stops")


def test_age():
    with GrpcDaemon("--grpc-connection-age", "1ms") as daemon:
        with daemon.grpc(interface) as client:
            failures = [client.error(ONE) for _ in range(300)]
        equal([e for e in failures if e], [], "no call fails when connections are old")
        accepted = daemon.metric("snowid_connections_accepted_total")
        check(accepted > 10, "the client has connected again", accepted)


def test_listening():
    with Daemon() as daemon:
        check("snowid_grpc_calls_total" in daemon.text("/metrics"), "gRPC is off by default")
        for addresses, why in (
            ("127.0.0.1", 'grpc.listen: "127.0.0.1" needs a port, as in 127.0.0.1:50051'),
            ("0.0.0.0:50051", "grpc.listen: other hosts can reach 0.0.0.0:50051"),
            (f"127.0.0.1:{daemon.port}", "grpc.listen: cannot listen on 127.0.0.1:"),
            ("x", "grpc.listen: "),
        ):
            result = run_daemon("--port", "1", "--listen", "unix:/dev/null/x", "--check-config")
            result = run_daemon("--listen", "127.0.0.1:1024", "--grpc-listen", addresses)
            found = result.returncode != 0 and why in result.stderr
            check(found, f"grpc.listen of {addresses} is refused", result.stderr)


run_tests(globals())
