"""Plays cases, several at a time: each thread has an exchange of its own."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import time
from pathlib import Path

from tests.crash.cases import Case, Result, play
from tests.crash.house import House
from tests.crash.processes import Forge

LAST_CASE = time(14, 45)
"""An exchange whose clock is past this gives way to a new one: at the close nothing rests."""


class Stage:
    """`submit` a case and wait for its result; `close` ends every process.

    `speed` is that of the exchanges' clocks: the faster they are, the less real time a kt that
    waits for late lists takes, and a process that is slow under load seems to have died.
    """

    def __init__(self, threads: int, speed: float = 10.0, cash: int = 10_000_000) -> None:
        self.speed, self.cash = speed, cash
        # Short, for the path of a Unix socket may not be long.
        self.folder = Path(tempfile.mkdtemp(prefix="kt-crash-"))
        self.forge = Forge(self.folder)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="stage")
        self._mine = threading.local()
        self._houses: list[House] = []
        self._lock = threading.Lock()
        self._count = 0

    def submit(self, case: Case, *, plain: bool = False) -> Future[Result]:
        return self._pool.submit(self._play, case, plain)

    def house(self, speed: float = 0.0, cash: int = 0) -> House:
        """This thread's exchange of that speed and starting cash (0: the stage's)."""
        kind = (speed or self.speed, cash or self.cash)
        mine: dict[tuple[float, int], House] = self._mine.__dict__.setdefault("houses", {})
        house = mine.get(kind)
        if house is not None and house.now().time() > LAST_CASE:
            house.close()
            self._houses.remove(house)
            house = None
        if house is None:
            house = mine[kind] = House(self.new_folder("exchange"), speed=kind[0], cash=kind[1])
            self._houses.append(house)
        return house

    def new_folder(self, name: str) -> Path:
        with self._lock:
            self._count += 1
            return self.folder / f"{name}-{self._count}"

    def _play(self, case: Case, plain: bool) -> Result:
        folder = self.new_folder("case")
        try:
            return play(case, self.house(), folder, self.forge, plain=plain)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        ends: list[Callable[[], None]] = [*(house.close for house in self._houses)]
        for end in (*ends, self.forge.close):
            end()
        shutil.rmtree(self.folder, ignore_errors=True)
