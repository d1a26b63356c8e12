#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""IDs in an event loop: nothing waits or syncs on the thread of the loop."""

import asyncio
import tempfile
from typing import List

import snowid


async def next_id(ids: "snowid.Generator[int]") -> int:
    """Makes an ID. The loop continues while it waits for one."""
    while True:
        try:
            return ids.try_next()
        except snowid.Error as error:
            if error.wait_ns == 0:
                raise
            await asyncio.sleep(error.wait_ns / 1e9)


async def maintain(ids: "snowid.Generator[int]") -> None:
    """Renews the store in another thread."""
    loop = asyncio.get_running_loop()
    while (again := await loop.run_in_executor(None, ids.maintain)) is not None:
        await asyncio.sleep(again)


async def handle(ids: "snowid.Generator[int]", requests: int) -> List[int]:
    return [await next_id(ids) for _ in range(requests)]


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        # Opening a state file may wait for the clock, so do it before the loop has work.
        with snowid.Generator(worker=3, store=f"file:{directory}/state", reserve="100ms") as ids:
            renewal = asyncio.create_task(maintain(ids))
            made = await asyncio.gather(*(handle(ids, 5000) for _ in range(3)))
            renewal.cancel()
    for part in made:
        print(len(part), "IDs from", snowid.format_id(part[0]), "to", snowid.format_id(part[-1]))
    assert len({id for part in made for id in part}) == 15000


if __name__ == "__main__":
    asyncio.run(main())
