# SPDX-License-Identifier: MIT
"""A TCP proxy in a thread of the test, which does to a connection what networks do."""
import asyncio
import socket
import struct
import threading


class Proxy:
    """Forwards to "HOST:PORT", both ways, until it is told otherwise:

    requests, replies   False: what comes in that direction is lost, until heal()
    delay               seconds that each direction takes longer
    refusing            new connections are reset
    held                what clients send waits until this is False again
    on_request          called with the number of the piece, from 1, before it is forwarded
    """

    def __init__(self, target, host="127.0.0.1"):
        self.target = target.rsplit(":", 1)
        self.requests = self.replies = True
        self.delay, self.refusing, self.held, self.on_request = 0, False, False, None
        self.pieces = self.bytes = 0
        self.pairs = set()  # of writers: of the client, of the server
        self.damaged = set()  # those that have lost something: TCP cannot go on with them
        self.loop = asyncio.new_event_loop()
        self.listener = socket.create_server((host, 0), backlog=128)
        self.address = "%s:%d" % self.listener.getsockname()[:2]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(asyncio.start_server(self._serve, sock=self.listener))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        if self.refusing:
            reset_connection(writer)
            return
        try:
            upstream = await asyncio.open_connection(*self.target)
        except OSError:
            reset_connection(writer)
            return
        pair = writer, upstream[1]
        self.pairs.add(pair)
        await asyncio.gather(
            self._pump(reader, upstream[1], pair, True),
            self._pump(upstream[0], writer, pair, False),
        )
        self.pairs.discard(pair)
        self.damaged.discard(pair)

    async def _pump(self, reader, writer, pair, is_request):
        try:
            while data := await reader.read(65536):
                self.bytes += len(data)
                if is_request:
                    self.pieces += 1
                    if self.on_request:
                        self.on_request(self.pieces)
                    while self.held:
                        await asyncio.sleep(0.005)
                if not (self.requests if is_request else self.replies):
                    self.damaged.add(pair)
                elif pair not in self.damaged:
                    self._forward(writer, data)
        except OSError:
            pass
        self._forward(writer, None)

    def _forward(self, writer, data):
        """After the delay; None is the end."""

        def act():
            if data is None:
                writer.close()
            elif not writer.is_closing():
                writer.write(data)

        if self.delay:
            self.loop.call_later(self.delay, act)
        else:
            act()

    # ---- from the test's thread ----

    def cut(self, requests=False, replies=False):
        """Loses what goes in the directions that are False."""
        self.requests, self.replies = requests, replies

    def heal(self):
        """Forwards again. Connections that have lost something are reset."""
        self.requests = self.replies = True
        self.held = self.refusing = False
        self.loop.call_soon_threadsafe(self._reset, self.damaged)

    def reset(self):
        """Resets all connections."""
        self.loop.call_soon_threadsafe(self._reset, self.pairs)

    def _reset(self, pairs):
        for pair in list(pairs):
            for writer in pair:
                reset_connection(writer)
        pairs.clear()

    def close(self):
        self.reset()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.listener.close()


def reset_connection(writer):
    """With RST, which no orderly end of a connection sends."""
    s = writer.get_extra_info("socket")
    if s is not None and s.fileno() >= 0:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
