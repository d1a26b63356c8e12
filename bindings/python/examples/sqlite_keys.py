#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Primary keys that are made by the program and contain their time.

The rows of a day are a range of keys, so no index on a time column is needed.
"""

import datetime as dt
import os
import sqlite3

import snowid

# SNOWFLAKE_WORKER must be different for each running copy of the program. If several run on one
# host, store="slots:/var/lib/app/slots?workers=0-31" assigns numbers to them.
ids = snowid.Generator("snowflake", worker=int(os.environ["SNOWFLAKE_WORKER"]))


def main() -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL)")
    for item in ("tea", "milk", "sugar"):
        db.execute("INSERT INTO orders VALUES (?, ?)", (ids.next(), item))
    many = [(id, "cup") for id in ids.batch(1000)]
    db.executemany("INSERT INTO orders VALUES (?, ?)", many)

    layout = snowid.Layout("snowflake")
    now = dt.datetime.now(dt.timezone.utc)
    ids_of_a_day = layout.range(now - dt.timedelta(days=1), now + dt.timedelta(minutes=1))
    (count,) = db.execute(
        "SELECT count(*) FROM orders WHERE id BETWEEN ? AND ?",
        (ids_of_a_day.start, ids_of_a_day.stop - 1),
    ).fetchone()
    print(f"{count} orders in the last 24 hours")
    for id, item in db.execute("SELECT id, item FROM orders ORDER BY id LIMIT 3"):
        print(
            snowid.format_id(id, "base58"),
            layout.datetime(id).isoformat(timespec="milliseconds"),
            item,
        )


if __name__ == "__main__":
    main()
