# SPDX-License-Identifier: MIT
"""A program as README begins it, whose processes are started as its argument says: fork, spawn or
forkserver. Each draws IDs at the same time; prints the process and its IDs, an answer to a line."""
import multiprocessing
import os
import sys

import snowid

ids = snowid.Generator("snowflake", worker=5)

PROCESSES, COUNT = 4, 20000


def draw(barrier, results):
    barrier.wait()
    drawn = [ids.next() for _ in range(COUNT // 2)] + ids.batch(COUNT // 2)
    results.send((os.getpid(), drawn))


def main():
    context = multiprocessing.get_context(sys.argv[1])
    barrier = context.Barrier(PROCESSES)
    pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
    for _, results in pipes:
        context.Process(target=draw, args=(barrier, results)).start()
    for received, _ in pipes:
        process, drawn = received.recv()
        print(process, *drawn)


if __name__ == "__main__":
    main()
