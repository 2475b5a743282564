"""An exchange process of the test's own, and accounts on it that kt trades on and is killed on."""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kt.sim import control, launch
from kt.sim.server.settings import Settings
from tests.crash.processes import Forge, Forked, Plain, Ran, Running, Streams
from tests.sim.wireclient import WireClient

TRADING_DAY = "2026-11-23"
"""A Monday with ordinary hours."""
LISTED = 1.5
"""Seconds of the exchange's clock after which its lists show everything."""
CONFIG = """
limits: {per_stock: 5000000, total: 9000000, max_slippage_pct: 100, orders_per_minute: 10000,
         orders_per_day: 100000, positions: 50, daily_loss: 100000000, min_confidence: 0}
scan: {fast_keep: 3, deep_keep: 2, ai_keep: 1}
profiles: {sim: {queries_per_second: 1000, orders_per_second: 1000}}
"""
Row = dict[str, Any]


class House:
    """One exchange. Its faults are for all accounts: one case at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        speed: float = 10.0,
        open_at: str = "10:00",
        cash: int = 10_000_000,
    ) -> None:
        self.folder = folder
        settings = Settings(
            state_dir=folder,
            speed=speed,
            open_at=open_at,
            day=TRADING_DAY,
            cash=cash,
            rate=0.0,
            idle_minutes=15,
        )
        self.settings = settings
        self._start(settings)

    def come_back(self) -> None:
        """One that was killed goes on over its state, where and when its clients look for it."""
        self._start(replace(self.settings, day=""))

    def _start(self, settings: Settings) -> None:
        running = launch.start(settings, lambda line: None)
        self.base_url, self.clock, self.pid = running.base_url, running.clock, running.pid
        self.control = control.of(self.folder)

    def fault(self, *rules: Row) -> None:
        """Put these in force, in place of those before."""
        self.control.set_faults(rules)

    def lift(self) -> list[Row]:
        """End all faults; the rules with how often each has acted."""
        acted = self.control.faults()
        self.control.set_faults([])
        return acted

    def now(self) -> datetime:
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        """Wait for the exchange's clock, which is not ours to move."""
        time.sleep(self.clock.to_real(seconds))

    def close(self) -> None:
        launch.stop(self.folder)


def whole(text: str) -> int:
    """A number of the wire: padded, signed."""
    return int(text.strip().lstrip("+-").lstrip("0") or 0)


@dataclass(frozen=True)
class Listed:
    """An order as the broker lists it (kt00007, with what ka10075 has open)."""

    number: int
    original: int
    kind: str
    side: str
    code: str
    quantity: int
    price: int
    market: bool
    open: int
    filled: int


@dataclass(frozen=True)
class Truth:
    """What the exchange says over the wire. Fills by order number: (shares, won)."""

    orders: tuple[Listed, ...]
    open: Mapping[int, int]
    fills: Mapping[int, tuple[int, int]]
    held: Mapping[str, int]


class Account:
    """One app key with a state folder of its own. `kt` runs a command line on it."""

    _counter = itertools.count(1)

    def __init__(
        self, house: House, folder: Path, forge: Forge | None = None, config: str = CONFIG
    ) -> None:
        folder.mkdir(parents=True)
        self.house, self.folder, self.forge = house, folder, forge
        self.state = folder / "state"
        self.key = f"crash-{time.time_ns()}-{next(self._counter)}"
        (folder / "config.yaml").write_text(config, encoding="utf-8")
        self.env = {
            "KT_STATE_DIR": str(self.state),
            "KT_CONFIG": str(folder / "config.yaml"),
            "KT_BASE_URL": house.base_url,
            "KT_APP_KEY": self.key,
            "KT_SECRET_KEY": self.key,
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TMPDIR": str(folder),
        }
        self.wire = WireClient(house.base_url, self.key, self.key).login()
        self.ran: list[Ran] = []
        self._commands = itertools.count(1)

    def close(self) -> None:
        self.wire.http.close()

    # --- processes --------------------------------------------------------------------------

    def start(self, *argv: str, plain: bool = False, stdin: str = "", **env: str) -> Running:
        """A kt process; `env` is added to its environment."""
        number = next(self._commands)
        streams = Streams(*(self.folder / f"{number}.{name}" for name in ("in", "out", "err")))
        streams.stdin.write_text(stdin, encoding="utf-8")
        both = {**self.env, **env}
        if plain or self.forge is None:
            return Plain(argv, both, self.folder, streams)
        return Forked(self.forge.path, argv, both, self.folder, streams)

    def kt(self, *argv: str, plain: bool = False, stdin: str = "", **env: str) -> Ran:
        return self.kept(self.start(*argv, plain=plain, stdin=stdin, **env).wait())

    def kept(self, ran: Ran) -> Ran:
        self.ran.append(ran)
        return ran

    def told(self) -> str:
        """Every command so far, for a failure's message."""
        return "\n".join(ran.told() for ran in self.ran)

    # --- the exchange's truth -----------------------------------------------------------------

    def truth(self) -> Truth:
        """After all that has happened is listed."""
        self.house.pass_time(LISTED)
        open_now = {
            whole(row["ord_no"]): whole(row["oso_qty"]) for row in self._rows("ka10075", "oso")
        }
        fills: dict[int, tuple[int, int]] = {}
        for row in self._rows("ka10076", "cntr"):
            shares, price = whole(row["cntr_qty"]), whole(row["cntr_pric"])
            before = fills.get(whole(row["ord_no"]), (0, 0))
            fills[whole(row["ord_no"])] = (before[0] + shares, before[1] + shares * price)
        orders = tuple(
            _listed(row, open_now) for row in self._rows("kt00007", "acnt_ord_cntr_prps_dtl")
        )
        held = {
            row["stk_cd"].removeprefix("A"): whole(row["rmnd_qty"])
            for row in self._rows("kt00018", "acnt_evlt_remn_indv_tot")
        }
        return Truth(orders, open_now, fills, {code: n for code, n in held.items() if n})

    def _rows(self, api_id: str, name: str) -> list[Row]:
        """All pages of a list."""
        found: list[Row] = []
        headers: dict[str, str] = {}
        while True:
            answer = self.wire.call(api_id, headers=headers)
            body = answer.json()
            if body.get("return_code") == 3:  # a test ended the token
                self.wire.login()
                continue
            assert body["return_code"] == 0, body
            found += body[name]
            if answer.headers.get("cont-yn") != "Y":
                return found
            headers = {"cont-yn": "Y", "next-key": answer.headers["next-key"]}

    def prices(self, code: str) -> tuple[int, int, int]:
        """(last, lower limit, upper limit)."""
        body = self.wire.call("ka10001", {"stk_cd": code}).json()
        return whole(body["cur_prc"]), whole(body["lst_pric"]), whole(body["upl_pric"])

    def trade(self, side: str, code: str, quantity: int) -> int:
        """Somebody else's market order on this account; its number."""
        api_id = "kt10000" if side == "BUY" else "kt10001"
        body = self.wire.order(api_id, stk_cd=code, ord_qty=str(quantity), trde_tp="3").json()
        assert body["return_code"] == 0, body
        return whole(body["ord_no"])

    # --- kt's truth ------------------------------------------------------------------------------

    @property
    def database(self) -> Path:
        return self.state / "sim" / "kt.db"

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            cursor = connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def change(self, sql: str) -> None:
        """Do what kt never does to its books."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection, connection:
            connection.execute(sql)

    def orders(self, where: str = "1") -> list[Row]:
        """kt's orders, oldest first, with `numbers`: those the broker gave."""
        found = self.rows(f"SELECT * FROM orders WHERE {where} ORDER BY seq")
        for row in found:
            row["numbers"] = [int(number) for number in json.loads(row["ord_nos_json"])]
        return found


def _listed(row: Row, open_now: Mapping[int, int]) -> Listed:
    number = whole(row["ord_no"])
    return Listed(
        number=number,
        original=whole(row["ori_ord"]),
        kind={"": "NEW", "정정": "AMEND", "취소": "CANCEL"}[row["mdfy_cncl"].strip()],
        side="BUY" if "매수" in row["io_tp_nm"] else "SELL",
        code=row["stk_cd"].removeprefix("A"),
        quantity=whole(row["ord_qty"]),
        price=whole(row["ord_uv"]),
        market="시장가" in row["trde_tp"],
        open=open_now.get(number, 0),
        filled=whole(row["cntr_qty"]),
    )
