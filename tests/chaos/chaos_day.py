"""A whole trading day of kt's own `App` and `Day` against the virtual exchange, in bad weather."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from kt.app import App, EmbeddedServer
from kt.broker.rest.client import Http
from kt.config.load import build_config
from kt.engine.day import Day
from kt.errors import ExitCode, KtError
from kt.records import KST, AnalystReply, OrderTicket, OrderType, Side, StopMode
from kt.rules import ticks
from kt.sim.exchange import ExchangeBroker
from kt.sim.exchange.steering import Steer
from kt.sim.faults import parse_faults
from kt.steps.reconcile.startup import reconcile
from kt.steps.risk import stops
from tests.chaos import weather as forecast
from tests.chaos.virtual_exchange import ADDRESS, AgendaClock, VirtualExchange, VirtualTransport
from tests.chaos.virtual_stream import VirtualStream
from tests.chaos.weather import Trouble, weather
from tests.crash.house import Listed, Truth
from tests.crash.invariants import examine

DAY = datetime(2026, 11, 23, tzinfo=KST)
"""A Monday with ordinary hours."""
KEY = "chaos"
LIMITS = {
    "per_stock": 1_000_000, "total": 4_000_000, "positions": 5, "orders_per_minute": 10,
    "orders_per_day": 300, "daily_loss": 400_000,
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "limits": LIMITS,
    "scan": {
        "fast_every": 60, "deep_every": 180, "ai_every": 300,
        "fast_keep": 6, "deep_keep": 4, "ai_keep": 2,
    },
    "cycle": {"every": 30},
    "orders": {"unfilled_after": 60},
    "profiles": {"sim": {"queries_per_second": 50, "orders_per_second": 50}},
}  # fmt: skip
STEP = 5.0
"""Seconds of one step of the clock."""
OWNER_LOOKS = 600.0
"""Every so many seconds the owner looks, and resumes what an emergency has stopped."""
LEFT_ALONE = 900.0
"""Seconds after which a held stock beyond its stop must be sold, offered or reported, in the worst
weather: everything that kt asks runs one after the other here."""


KINDS = "'network', 'auth', 'rate', 'order', 'wire', 'fatal'"
UNEXPLAINED = {
    "an order without a check": "SELECT order_id, origin FROM orders WHERE origin <> 'external'"
    " AND state <> 'DENIED' AND reason = '' AND decision_id = ''",
    "an order without its events": "SELECT order_id FROM orders WHERE origin <> 'external' AND"
    " order_id NOT IN (SELECT order_id FROM order_events)",
    "a decision without its question": "SELECT decision_id FROM decisions WHERE run NOT IN"
    " (SELECT run FROM ai_calls)",
    "a stop without a reason": "SELECT * FROM halts WHERE reason = ''",
    "a stop of which the owner was not told": "SELECT * FROM halts AS h WHERE mode <> 'running'"
    " AND NOT EXISTS (SELECT 1 FROM notices AS n WHERE n.level = 'critical'"
    " AND n.title LIKE 'kt: %' AND abs(julianday(n.at) - julianday(h.at)) < 0.002)",
    "an error of no kind": f"SELECT * FROM errors WHERE kind NOT IN ({KINDS})",
    "a buy after the last": "SELECT * FROM orders WHERE side = 'BUY' AND ord_no <> ''"
    " AND origin <> 'external' AND substr(created_at, 12, 5) >= '15:20'",
}
"""What must not be found in the journal, as queries."""


class ChaosApp(App):
    """kt's own adapters, but for the socket."""

    def __init__(self, exchange: VirtualExchange, clock: AgendaClock, folder: Path) -> None:
        environ = {"KT_APP_KEY": KEY, "KT_SECRET_KEY": KEY, "KT_STATE_DIR": str(folder)}
        config = build_config(CONFIG, environ, {})
        super().__init__(config, environ, lambda line: None)
        self.exchange, self._clock = exchange, clock

    @cached_property
    def server(self) -> EmbeddedServer:
        return EmbeddedServer(ADDRESS, ADDRESS, self._clock)

    @cached_property
    def http(self) -> Http:
        return Http(ADDRESS, VirtualTransport(self.exchange))

    def stream(self) -> Any:
        return VirtualStream(self.exchange, self._clock)


class MoodyAnalyst:
    """The offline rules, which now and then answer with an error, or are defective."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.error = ""
        self.defective = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def decide(self, *given: Any) -> AnalystReply:
        if self.defective:
            self.defective = False
            raise RuntimeError("a defect made by the test")
        return self._mood(self.real.decide(*given))

    def shortlist(self, *given: Any) -> AnalystReply:
        return self._mood(self.real.shortlist(*given))

    def _mood(self, reply: AnalystReply) -> AnalystReply:
        return replace(reply, objects=(), error=self.error) if self.error else reply


@dataclass
class Chronicle:
    """What a chaos day came to."""

    seed: int
    troubles: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    defects: int = 0
    foreign: set[int] = field(default_factory=set)
    acted: int = 0
    figures: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        kinds = len(self.troubles)
        return (
            f"chaos day {self.seed}: {self.troubles.total()} troubles of {kinds} kinds, "
            f"{self.acted} faults acted, {len(self.ends)} runs, {self.defects} defects, "
            f"{self.figures}"
        )

    def failure(self) -> str:
        return "\n".join((f"chaos day {self.seed}", *self.wrong[:20], *self.lines[-60:]))


class ChaosDay:
    """`begins` and `ends` are times of day; `run` plays it and looks at the end."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        *,
        begins: str = "08:00",
        ends: str = "16:05",
        gap: float = forecast.GAP,
    ) -> None:
        self.folder = folder
        self.begin, self.end = _time(begins), _time(ends)
        self.clock = AgendaClock(self.begin, STEP)
        self.exchange = VirtualExchange(self.clock, seed, KEY)
        self.chronicle = Chronicle(seed)
        self.day: Day | None = None
        self.app: ChaosApp | None = None
        self.analyst: MoodyAnalyst | None = None
        self.beyond: dict[str, datetime] = {}
        self.active = 0
        length = (min(self.end, _time("15:20")) - self.begin).total_seconds()
        for trouble in weather(seed, length, gap):
            begins_at = self.begin + timedelta(seconds=trouble.at)
            self.clock.at(begins_at, lambda each=trouble: self.begins(each))  # type: ignore[misc]
        self.clock.after(60, self._look)
        self.clock.after(OWNER_LOOKS, self._owner)

    # --- the troubles -------------------------------------------------------------------------

    def begins(self, trouble: Trouble) -> None:
        self.chronicle.troubles[trouble.kind] += 1
        self.note(f"trouble: {trouble}")
        if trouble.rules:
            self._lift()
            self.exchange.faults.replace(parse_faults({"rules": list(trouble.rules)}, "weather"))
            self.active += 1
            number = self.active
            self.clock.after(trouble.seconds, lambda: self.active == number and self._lift())
            return
        {
            forecast.NETWORK: self._network,
            forecast.PRICES: self._prices,
            forecast.ANALYST: self._analyst,
            forecast.OTHER: self._other,
            forecast.RESTART: self._restart,
            forecast.DEFECT: self._defect,
        }[trouble.kind](trouble)

    def _lift(self) -> None:
        self.chronicle.acted += sum(rule["acted"] for rule in self.exchange.faults.report())
        self.exchange.faults.replace(())

    def _network(self, trouble: Trouble) -> None:
        self.exchange.gone = True
        stream = self.exchange.deliver
        if (owner := getattr(stream, "__self__", None)) is not None:
            owner.cut()
        self.clock.after(trouble.seconds, self._back)

    def _back(self) -> None:
        self.exchange.gone = False

    def _prices(self, trouble: Trouble) -> None:
        """A held stock through its stop, to its target, by a jump, or halted for a while."""
        held = self.rows("SELECT * FROM positions WHERE quantity > 0 ORDER BY stock_code")
        if not held:
            return
        row = held[int(trouble.draw * 1000) % len(held)]
        code, average = row["stock_code"], row["average_price"]
        choice = int(trouble.draw * 100_000) % 5
        steer = self.exchange.exchange.steer
        if choice == 4:
            steer(Steer(stock_code=code, halt=True))
            self.clock.after(trouble.seconds, lambda: steer(Steer(stock_code=code, halt=False)))
            return
        aim = average * (93, 94, 112, 82)[choice] // 100
        steer(Steer(stock_code=code, price=ticks.round_down(aim)))

    def _analyst(self, trouble: Trouble) -> None:
        if self.analyst is not None:
            self.analyst.error = ("timeout: no answer", "quota: 429", "reply: not JSON")[
                int(trouble.draw * 3)
            ]
            self.clock.after(trouble.seconds * 3, self._calm)

    def _calm(self) -> None:
        if self.analyst is not None:
            self.analyst.error = ""

    def _other(self, trouble: Trouble) -> None:
        """Another program buys a share of something on the same account."""
        broker = ExchangeBroker(self.exchange.exchange, KEY)
        ticket = OrderTicket(
            side=Side.BUY, stock_code="316140", quantity=1, order_type=OrderType.MARKET, price=0
        )
        outcome = broker.place(ticket)
        if outcome.ord_no:
            self.chronicle.foreign.add(int(outcome.ord_no))

    def _restart(self, trouble: Trouble) -> None:
        if self.day is not None:
            self.day.stop("SIGTERM")

    def _defect(self, trouble: Trouble) -> None:
        if self.analyst is not None:
            self.analyst.defective = True

    # --- the day ------------------------------------------------------------------------------

    def run(self) -> Chronicle:
        try:
            while self.clock.now() < self.end:
                self._one_run()
            self._lift()
            self._back()
            self._settled()
            self._explained()
            self._figures()
        finally:
            self.exchange.close()
        return self.chronicle

    def _one_run(self) -> None:
        """One `kt run`, from its start to whatever ends it; begun again after a minute."""
        app = self.app = ChaosApp(self.exchange, self.clock, self.folder)
        try:
            ctx = app.context("run")
            self.analyst = MoodyAnalyst(app.analyst)
            ctx = dataclasses.replace(ctx, analyst=self.analyst)
            self.day = Day(ctx, app.stream, announce=self.note)
            self.clock.at(self.end, lambda day=self.day: day.stop("the end"))  # type: ignore[misc]
            report = self.day.run()
            self.chronicle.ends.append(report.ended)
            app.journal.finish_run(ctx.run, "done", int(report.exit_code or ExitCode.DONE))
        except KtError as failure:
            self.chronicle.ends.append(f"{type(failure).__name__}: {failure}")
            self.note(f"the run ended: {failure}")
        finally:
            self.day = self.analyst = None
            app.close()
        self.clock.advance(60)

    def note(self, line: str) -> None:
        self.chronicle.lines.append(f"{self.clock.now():%H:%M:%S} {line}")

    def _owner(self) -> None:
        """Looks at what was stopped, and lets kt trade again."""
        self.clock.after(OWNER_LOOKS, self._owner)
        if self.day is None or self.app is None:
            return
        ctx = self.day.runtime.ctx
        stop = ctx.journal.stop()
        old = (self.clock.now() - stop.at).total_seconds() > OWNER_LOOKS / 2
        if stop.mode in (StopMode.HALT, StopMode.REDUCE) and stop.by == "emergency" and old:
            self.note("the owner resumes")
            stops.resume(ctx)

    # --- what must always be true -------------------------------------------------------------

    def _look(self) -> None:
        self.clock.after(60, self._look)
        ledger = self.exchange.exchange.caught_up()
        account = ledger.account(KEY)
        foreign = {order.code for n, order in ledger.orders.items() if n in self.chronicle.foreign}
        held = {code: each for code, each in account.held.items() if each.quantity}
        own = {code: each.cost for code, each in held.items() if code not in foreign}
        if len(own) > LIMITS["positions"]:
            self.wrong(f"{len(own)} stocks are held")
        if sum(own.values()) > LIMITS["total"] * 1.01:
            self.wrong(f"{sum(own.values()):,} won are in stocks")
        for code, cost in own.items():
            if cost > LIMITS["per_stock"] * 1.01:
                self.wrong(f"{cost:,} won are in {code}")
        self._exits(held)

    def _exits(self, held: dict[str, Any]) -> None:
        """Every position has its exits; one that is due is sold, or the owner was told."""
        for row in self.rows("SELECT * FROM positions WHERE quantity > 0"):
            code = row["stock_code"]
            if not (0 < row["stop_price"] < row["target_price"]):
                self.wrong(f"{code} is held without exits: {row}")
            market = self.exchange.exchange
            trades = "09:00" <= f"{self.clock.now():%H:%M}" < "15:20"
            through = code in held and 0 < market.price(code) <= row["stop_price"] and trades
            halted = self.rows("SELECT mode FROM halts ORDER BY seq DESC LIMIT 1")
            if not through or (halted and halted[0]["mode"] == "halt"):
                self.beyond.pop(code, None)
                continue
            since = self.beyond.setdefault(code, self.clock.now())
            if (self.clock.now() - since).total_seconds() > LEFT_ALONE and not self._told(
                code, since
            ):
                self.wrong(f"{code} trades below its stop since {since:%H:%M}, and nobody acted")

    def _told(self, code: str, since: datetime) -> bool:
        selling = any(
            order.code == code and order.open and order.side is Side.SELL
            for order in self.exchange.exchange.caught_up().orders.values()
        )
        return selling or bool(
            self.rows(
                "SELECT 1 FROM notices WHERE at >= ? AND level <> 'info' AND"
                " (title || text LIKE ? OR title LIKE 'kt: %')",
                (since.isoformat(), f"%{code}%"),
            )
        )

    def wrong(self, what: str) -> None:
        self.note(f"WRONG: {what}")
        self.chronicle.wrong.append(f"{self.clock.now():%H:%M:%S} {what}")

    # --- afterwards ---------------------------------------------------------------------------

    @property
    def database(self) -> Path:
        return self.folder / "sim" / "kt.db"

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        if not self.database.exists():
            return []
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            cursor = connection.execute(sql, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def orders(self, where: str = "1") -> list[dict[str, Any]]:
        found = self.rows(f"SELECT * FROM orders WHERE {where} ORDER BY seq")
        for row in found:
            row["numbers"] = [int(number) for number in json.loads(row["ord_nos_json"])]
        return found

    def _settled(self) -> None:
        """kt is started once more in fair weather: its books are the exchange's then."""
        app = ChaosApp(self.exchange, self.clock, self.folder)
        with closing(app):
            ctx = app.context("order cancel")
            for _ in range(2):
                reconcile(ctx)
                self.clock.advance(5)
        for line in examine(self, self.truth(), self.chronicle.foreign).differences:  # type: ignore[arg-type]
            self.wrong(line)

    def truth(self) -> Truth:
        """What the exchange says, from its own ledger."""
        broker = ExchangeBroker(self.exchange.exchange, KEY)
        listed = tuple(
            Listed(
                number=int(order.ord_no),
                original=int(order.original_ord_no or 0),
                kind=order.kind,
                side=str(order.side),
                code=order.stock_code,
                quantity=order.quantity,
                price=order.price,
                market=order.order_type is OrderType.MARKET,
                open=order.open_quantity,
                filled=order.filled_quantity,
            )
            for order in broker.day_orders()
        )
        fills: dict[int, tuple[int, int]] = {}
        for fill in broker.executions():
            shares, won = fills.get(int(fill.ord_no), (0, 0))
            fills[int(fill.ord_no)] = (
                shares + fill.quantity, won + fill.quantity * fill.price,
            )  # fmt: skip
        held = {item.stock_code: item.quantity for item in broker.holdings().items}
        return Truth(listed, {o.number: o.open for o in listed if o.open}, fills, held)

    def _explained(self) -> None:
        """Of everything that happened the journal says why, and the owner was told what matters."""
        for title, sql in UNEXPLAINED.items():
            for row in self.rows(sql):
                self.wrong(f"{title}: {row}")
        defects = self.rows("SELECT text FROM notices WHERE title LIKE 'defect%'")
        for row in defects:
            if "a defect made by the test" not in row["text"]:
                self.wrong(f"a defect: {row['text']}")
        self.chronicle.defects = len(defects)

    def _figures(self) -> None:
        self.chronicle.figures = {
            name: {row["what"]: row["n"] for row in self.rows(sql)}
            for name, sql in {
                "calls": "SELECT 'all' AS what, count(*) AS n FROM api_calls",
                "orders": "SELECT state AS what, count(*) AS n FROM orders GROUP BY 1",
                "errors": "SELECT kind AS what, count(*) AS n FROM errors GROUP BY 1",
                "stops": "SELECT mode AS what, count(*) AS n FROM halts GROUP BY 1",
            }.items()
        }


def _time(text: str) -> datetime:
    hour, minute = (int(part) for part in text.split(":"))
    return DAY + timedelta(hours=hour, minutes=minute)
