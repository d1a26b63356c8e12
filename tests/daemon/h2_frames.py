# SPDX-License-Identifier: MIT
"""HTTP/2 as bytes, so that tests can send what no client would."""
import contextlib
import ctypes
import socket
import struct

from harness import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
TYPES = ("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY")
TYPES += ("WINDOW_UPDATE", "CONTINUATION")
DATA, HEADERS, _, RST_STREAM, SETTINGS, _, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
ERRORS = ("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT")
ERRORS += ("STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR")
ERRORS += ("CONNECT_ERROR", "ENHANCE_YOUR_CALM")
FIELDS = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/IDGenerator/GenerateID",
    ":authority": "a",
    "content-type": "application/grpc",
    "te": "trailers",
}


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def hpack_length(length):
    """An integer with a prefix of 7 bits (RFC 7541, section 5.1)."""
    if length < 127:
        return bytes([length])
    rest, found = length - 127, b"\x7f"
    while rest >= 128:
        found += bytes([rest % 128 + 128])
        rest //= 128
    return found + bytes([rest])


def literal(name, value):
    """A header field as HPACK has one that is in no table (RFC 7541, section 6.2.2)."""
    parts = [part if isinstance(part, bytes) else part.encode("latin-1") for part in (name, value)]
    return b"\0" + b"".join(hpack_length(len(part)) + part for part in parts)


def header_block(fields):
    return b"".join(literal(*field) for field in fields)


def call_frames(stream, path=FIELDS[":path"]):
    header = header_block({**FIELDS, ":path": path}.items())
    message = frame(DATA, END_STREAM, stream, bytes(5))
    return frame(HEADERS, END_HEADERS, stream, header) + message


def frames_of(data):
    """Pairs of type and payload."""
    return ((kind, payload) for kind, _, _, payload in whole_frames(data))


def whole_frames(data):
    """Type, flags, stream and payload of each frame that is complete."""
    while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
        length = int.from_bytes(data[:3], "big")
        yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9 : 9 + length]
        data = data[9 + length :]


def goaway_of(data):
    """The error in the last GOAWAY, None if there is none."""
    errors = [int.from_bytes(payload[4:8], "big") for kind, payload in frames_of(data) if kind == 7]
    return errors[-1] if errors else None


def connect_to(address):
    """To a port, or to the path of a Unix socket."""
    if isinstance(address, int):
        return socket.create_connection(("127.0.0.1", address), DEADLINE)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE)
    s.connect(address)
    return s


@contextlib.contextmanager
def raw_connection(address, first=PREFACE + frame(SETTINGS)):
    with connect_to(address) as s:
        s.sendall(first)
        yield s


class _Field(ctypes.Structure):  # pylint: disable=too-few-public-methods
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("value", ctypes.c_void_p),
        ("name_length", ctypes.c_size_t),
        ("value_length", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    ]


class HeaderDecoder:
    """Decodes the headers of a connection, with the library that the daemon uses too."""

    FINAL, EMIT = 1, 2

    def __init__(self):
        self.library = ctypes.CDLL("libnghttp2.so.14")
        self.library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
        self.inflater = ctypes.c_void_p()
        self.library.nghttp2_hd_inflate_new(ctypes.byref(self.inflater))

    def decode(self, block):
        fields, flags, field = {}, ctypes.c_int(), _Field()
        while True:
            used = self.library.nghttp2_hd_inflate_hd2(
                self.inflater,
                ctypes.byref(field),
                ctypes.byref(flags),
                block,
                ctypes.c_size_t(len(block)),
                1,
            )
            assert used >= 0, f"a header that is none: {used}"
            block = block[used:]
            if flags.value & self.EMIT:
                name = ctypes.string_at(field.name, field.name_length)
                fields[name.decode()] = ctypes.string_at(field.value, field.value_length).decode()
            if flags.value & self.FINAL:
                self.library.nghttp2_hd_inflate_end_headers(self.inflater)
                return fields

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.nghttp2_hd_inflate_del(self.inflater)
