"""The process that runs trials: one after another as JSON lines on its standard input, their
results as JSON lines on its output. It ends when its input does, in the middle of a trial too, so
that none outlives the sweep that started it.

    python -m kt.backtest.sweep.trial_worker
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from datetime import date
from pathlib import Path
from typing import BinaryIO

import msgspec

from kt.backtest.sweep.trial import TrialResult, run_trial
from kt.config.model import Config
from kt.errors import KtError
from kt.records.base import Record


class TrialOrder(Record, frozen=True, kw_only=True):
    """What a worker needs to run one trial."""

    config: Config
    days: tuple[date, ...]
    seeds: tuple[int, ...]
    folder: str
    data: str = ""
    """The path of the bars; empty for the seeded market."""


def result_of(order: TrialOrder) -> TrialResult:
    """Run the trial; an error that the user can read is a result."""
    try:
        folder, data = Path(order.folder), Path(order.data) if order.data else None
        return run_trial(order.config, order.days, order.seeds, folder, os.environ, data)
    except KtError as error:
        return TrialResult(error=error.message)


def _read(lines: BinaryIO, orders: queue.SimpleQueue[bytes]) -> None:
    for line in lines:
        orders.put(line)
    os._exit(0)  # whoever waits for results has gone


def main() -> None:
    # Ctrl-C reaches every process of the terminal; the one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever else is printed is no result
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(sys.stdin.buffer, orders), daemon=True)
    reader.start()
    while True:
        order = msgspec.json.decode(orders.get(), type=TrialOrder)
        results.write(msgspec.json.encode(result_of(order)) + b"\n")


if __name__ == "__main__":
    main()
