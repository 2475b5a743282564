"""A process that writes to a journal, for the tests that need several, or one to kill.

`python -m tests.store.worker JOB FOLDER NAME COUNT`: waits for a line on stdin, does its job, and
prints one line for every row that was acknowledged. A `race` waits for another line before each of
its rounds.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kt.errors import Denied
from kt.store.journal import SqliteJournal
from tests.store.make import event, fill, fill_event, open_journal, order, placed, position, trade


def say(text: str) -> None:
    print(text, flush=True)


def orders(journal: SqliteJournal, name: str, count: int) -> None:
    """Whole lives of orders, each of a stock of its own."""
    for index in range(count):
        order_id, ord_no = f"{name}-{index}", f"{name}{index:05d}"
        code = f"{name}{index:05d}"
        placed(journal, order_id, ord_no, stock_code=code)
        say(f"order {order_id}")
        told = fill(0, 10, order_id, ord_no=ord_no, stock_code=code)
        journal.record(fill_event(told))
        say(f"fill {told.fill_id}")
        journal.add_trade(trade(order_id=order_id))
        journal.put_position(position(stock_code=code))
        say(f"trade {order_id}")
        journal.step(name, f"step{index}", told.at, 0.1, "done", "")


def race(journal: SqliteJournal, name: str, count: int) -> None:
    """Plan an order of the same stock and side as everybody else, at the same moment."""
    for index in range(count):
        sys.stdin.readline()
        order_id, code = f"{name}-{index}", f"{index:06d}"
        try:
            journal.plan_order(order(order_id, stock_code=code), event("PLANNED", order_id))
        except Denied as denied:
            say(f"{code} {denied.code}")
        else:
            say(f"{code} won")


def fillers(journal: SqliteJournal, name: str, count: int) -> None:
    """Tell the same fills of the same order as everybody else."""
    for index in range(count):
        journal.record(fill_event(fill(index, index + 1), key=name if index % 2 else ""))
        say(f"told {index}")


def opens(journal: SqliteJournal, name: str, count: int) -> None:
    say(f"opened {name} {count}")


def main() -> None:
    job, folder, name, count = sys.argv[1:]
    say("ready")
    sys.stdin.readline()
    with open_journal(Path(folder)) as journal:
        {"orders": orders, "race": race, "fillers": fillers, "opens": opens}[job](
            journal, name, int(count)
        )


if __name__ == "__main__":
    main()
