# SPDX-License-Identifier: MIT
"""An application as README begins it, for servers of ASGI and of WSGI. Each request draws COUNT
IDs, and is answered with the process and its IDs, a line each."""
import os

import snowid

ids = snowid.Generator("snowflake", worker=5)

COUNT = 4000


def answer():
    drawn = [ids.next() for _ in range(COUNT // 2)] + ids.batch(COUNT // 2)
    return "\n".join(map(str, [os.getpid(), *drawn])).encode()


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        await answer_lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": answer()})


async def answer_lifespan(receive, send):
    while (message := await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": message["type"] + ".complete"})


def wsgi(_environ, start_response):
    body = answer()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
