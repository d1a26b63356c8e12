# SPDX-License-Identifier: MIT
"""The client of grpcio, from PyPI; see ../README."""
import os
import sys
import threading

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

import snowid_pb2 as pb
import snowid_pb2_grpc

BALANCED = """{"loadBalancingConfig": [{"round_robin": {}}],
    "healthCheckConfig": {"serviceName": "IDGenerator"}}"""
AUTHORIZED = [("authorization", "Bearer " + os.environ["TOKEN"])]
ids_file = os.open(os.environ["IDS"], os.O_APPEND | os.O_WRONLY)
failures = []


def read(variable):
    path = os.environ.get(variable)
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()


def connect(target):
    """Several addresses, with commas between them, are balanced."""
    options = [("grpc.keepalive_time_ms", 10000), ("grpc.keepalive_permit_without_calls", 1)]
    options += [("grpc.http2.max_pings_without_data", 0)]
    if "," in target:
        target = "ipv4:" + target
        options += [("grpc.service_config", BALANCED)]
    if not read("CA"):
        return grpc.insecure_channel(target, options)
    credentials = grpc.ssl_channel_credentials(read("CA"), read("KEY"), read("CERTIFICATE"))
    return grpc.secure_channel(target, credentials, options)


channel = connect(sys.argv[2])
ids = snowid_pb2_grpc.IDGeneratorStub(channel)


def record(*made):
    """In one write, so that several callers can record at once."""
    os.write(ids_file, "".join(f"{id}\n" for id in made).encode())


def check(name, function, *arguments):
    try:
        function(*arguments)
        print("ok -", name, flush=True)
    except Exception as error:  # pylint: disable=broad-except
        failures.append(error)
        print("not ok -", name, repr(error), flush=True)


def equal(got, wanted):
    if got != wanted:
        raise ValueError(f"{got} is not {wanted}")


def code_of(call, request, **more):
    try:
        call(request, **more)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def generate():
    record(ids.GenerateID(pb.GenerateIDRequest(), metadata=AUTHORIZED).id)


def generate_batch(compression=None):
    request = pb.GenerateBatchRequest(count=1000)
    batch = ids.GenerateBatch(request, metadata=AUTHORIZED, compression=compression)
    record(*batch.ids)
    equal(len(batch.ids), 1000)


def parse():
    one = ids.GenerateID(pb.GenerateIDRequest(), metadata=AUTHORIZED)
    record(one.id)
    parts = ids.ParseID(pb.ParseIDRequest(id=one.id), metadata=AUTHORIZED)
    state = ids.HealthCheck(pb.HealthCheckRequest())
    equal((state.status, parts.worker_id), ("healthy", state.worker_id))


def generate_high():
    one = ids.GenerateID(pb.GenerateIDRequest(kind="high"), metadata=AUTHORIZED)
    record(one.id)
    parts = ids.ParseID(pb.ParseIDRequest(id=one.id, kind="high"), metadata=AUTHORIZED)
    equal((one.id < 0, parts.text), (True, str(one.id + 2**64)))


def check_health():
    stub = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="IDGenerator")
    equal(stub.Check(request).status, health_pb2.HealthCheckResponse.SERVING)
    watch = stub.Watch(request)
    equal(next(watch).status, health_pb2.HealthCheckResponse.SERVING)
    watch.cancel()


def stream():
    """Calls of the same connection are served while the stream is not read."""
    messages = ids.StreamIDs(pb.StreamIDsRequest(), metadata=AUTHORIZED)
    record(*next(messages).ids)
    for _ in range(100):
        generate()
    got = 0
    while got < 50000:
        made = next(messages).ids
        record(*made)
        got += len(made)
    messages.cancel()
    try:
        for _ in messages:
            pass
    except grpc.RpcError as error:
        equal(error.code(), grpc.StatusCode.CANCELLED)


def deadline():
    request = pb.GenerateBatchRequest(kind="slow", count=200)
    code = code_of(ids.GenerateBatch, request, metadata=AUTHORIZED, timeout=0.05)
    equal(code, grpc.StatusCode.DEADLINE_EXCEEDED)


def wrong_token():
    metadata = [("authorization", "Bearer wrong")]
    code = code_of(ids.GenerateID, pb.GenerateIDRequest(), metadata=metadata)
    equal(code, grpc.StatusCode.UNAUTHENTICATED)


def wrong_count():
    code = code_of(ids.GenerateBatch, pb.GenerateBatchRequest(), metadata=AUTHORIZED)
    equal(code, grpc.StatusCode.INVALID_ARGUMENT)


def checks():
    check("GenerateID", generate)
    check("GenerateBatch", generate_batch)
    check("ParseID and HealthCheck", parse)
    check("IDs of 2^63 and above", generate_high)
    check("health: Check and Watch", check_health)
    check("StreamIDs with flow control, cancelled", stream)
    check("a deadline: DEADLINE_EXCEEDED", deadline)
    check("a wrong token: UNAUTHENTICATED", wrong_token)
    check("a count of 0: INVALID_ARGUMENT", wrong_count)
    check("a request compressed with gzip", generate_batch, grpc.Compression.Gzip)


def load():
    """Calls until the end of the input."""
    ended = threading.Event()

    def run():
        while not ended.is_set():
            try:
                generate()
            except grpc.RpcError as error:
                print(error, flush=True)
                os._exit(1)

    callers = [threading.Thread(target=run) for _ in range(4)]
    for caller in callers:
        caller.start()
    sys.stdin.read()
    ended.set()
    for caller in callers:
        caller.join()


def idle():
    check("a call", generate)
    sys.stdin.read()
    check("a call after keepalive pings", generate)


def reflect():
    """As v1alpha, which grpcurl uses only where there is no v1. The package sends no token."""
    database = ProtoReflectionDescriptorDatabase(channel)
    check("reflection v1alpha: services", lambda: database.get_services().index("IDGenerator"))
    check("reflection v1alpha: files", database.FindFileContainingSymbol, "IDGenerator.StreamIDs")


{"checks": checks, "load": load, "idle": idle, "reflect": reflect}[sys.argv[1]]()
channel.close()
sys.exit(1 if failures else 0)
