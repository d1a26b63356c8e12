# SPDX-License-Identifier: MIT
"""A client of the daemon's gRPC, made from a .proto: no code is generated."""
import os
import subprocess

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import DEADLINE, SOURCE, Daemon, free_port, scratch

PROTOS = os.path.join(SOURCE, "snowidd", "grpc")


class Interface:
    """The services and messages of a .proto, in a pool of their own."""

    def __init__(self, path=os.path.join(PROTOS, "snowid.proto")):
        compiled = scratch(os.path.basename(path) + ".pb")
        command = ["protoc", "--include_imports", "--descriptor_set_out=" + compiled]
        subprocess.run(command + ["-I", os.path.dirname(path), path], check=True)
        self.pool = descriptor_pool.DescriptorPool()
        with open(compiled, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read()).file
        for description in files:
            self.pool.Add(description)
        self.factory = message_factory.MessageFactory(self.pool)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))

    def method(self, channel, path):
        """What calls a method, such as IDGenerator/GenerateID, with the fields of its request."""
        service, name = path.rsplit("/", 1)
        method = self.pool.FindServiceByName(service).methods_by_name[name]
        request = self.factory.GetPrototype(method.input_type)
        response = self.factory.GetPrototype(method.output_type)
        kinds = {
            (False, False): channel.unary_unary,
            (False, True): channel.unary_stream,
            (True, True): channel.stream_stream,
        }
        call = kinds[method.client_streaming, method.server_streaming](
            "/" + path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )
        return call, request


class Client:
    """A channel to a daemon. By default it does not share a connection with other clients."""

    def __init__(self, target, interface, credentials=None, options=()):
        self.interface = interface
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0), *options]
        if credentials:
            self.channel = grpc.secure_channel(target, credentials, options)
        else:
            self.channel = grpc.insecure_channel(target, options)

    def call(self, path, timeout=DEADLINE, metadata=None, **fields):
        call, request = self.interface.method(self.channel, path)
        return call(request(**fields), timeout=timeout, metadata=metadata)

    def future(self, path, **fields):
        call, request = self.interface.method(self.channel, path)
        return call.future(request(**fields), timeout=DEADLINE)

    def stream(self, path, requests, timeout=DEADLINE):
        """A call with several requests, each given as the fields of a message."""
        call, request = self.interface.method(self.channel, path)
        return call((request(**fields) for fields in requests), timeout=timeout)

    def failure(self, path, **more):
        """The status and the details of a call that must fail."""
        error = self.error(path, **more)
        return (error.code().name, error.details()) if error else ("OK", "")

    def failure_of_stream(self, path, **more):
        try:
            for _ in self.call(path, **more):
                pass
        except grpc.RpcError as error:
            return error.code().name, error.details()
        return "OK", ""

    def error(self, path, **more):
        try:
            self.call(path, **more)
        except grpc.RpcError as error:
            return error
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()


class GrpcDaemon(Daemon):
    """A daemon that serves gRPC too."""

    def start(self, *options, **popen):
        self.grpc_port = free_port()
        super().start("--grpc-listen", f"127.0.0.1:{self.grpc_port}", *options, **popen)

    def grpc(self, interface, **more):
        return Client(f"127.0.0.1:{self.grpc_port}", interface, **more)

    def calls(self, path, code="OK"):
        """How many calls of a method the daemon has counted."""
        try:
            return self.metric(f'snowid_grpc_calls_total{{method="/{path}",code="{code}"}}')
        except AttributeError:
            return 0
