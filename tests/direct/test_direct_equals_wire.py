"""A direct answer is what the wire's would be read as, field by field: every query of the ports,
for random stocks, at telling times of the trading day."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from kt.broker.kiwoom import Kiwoom
from kt.broker.rest.client import Http, Rest
from kt.broker.rest.endpoints import Group
from kt.config.load import build_config
from kt.errors import KtError
from kt.ports import Broker, Market
from kt.records import (
    KST,
    AmendTicket,
    CancelTicket,
    Interval,
    MarketName,
    OrderTicket,
    OrderType,
    Ranking,
    Side,
)
from kt.rules.bar_fill import FillModel
from kt.sim.exchange import ExchangeBroker
from kt.sim.market.bar_board import BarMarket
from kt.sim.market.listing import listings
from kt.virtual_app import VirtualApp
from kt.virtual_time import VirtualTime
from tests.bar_data import at as at_minute
from tests.sim.test_bar_market import CODE, DAY, LINES, OTHER, tables

MONDAY = datetime(2026, 1, 5, tzinfo=KST)
TIMES = (
    (0, "08:00:00"), (0, "08:35:10.25"), (0, "09:00:00"), (0, "09:07:31.1"), (0, "10:40:59.999999"),
    (0, "15:20:00"), (0, "15:24:07"), (0, "15:30:01"), (1, "09:00:03.5"), (1, "13:20:00.5"),
)  # fmt: skip
"""The day after the first one, and the time of day."""
MARKETS = (MarketName.KOSPI, MarketName.KOSDAQ)
SIZES = {Interval.TICK: (1, 30), Interval.MINUTE: (1, 5)}
COUNTS = (60, 301)
"""The second is more than a page of weeks or months, which only the wire has."""
UNKNOWN = "999999"
BY_THE_WIRE = {"ka10099": "once a day", "ka10009": "retired: asked once", "au10001": "a token"}
"""APIs without a direct form."""
BY_THE_STREAM = {"conditions", "condition"}

Ask = Callable[[Any], Any]


def days_before(at: datetime, days: int) -> Any:
    return (at - timedelta(days=days)).date()


def bars_of(code: str, counts: Sequence[int] = COUNTS) -> Iterator[Ask]:
    for interval in Interval:
        for size in SIZES.get(interval, (1,)):
            for count in counts:
                yield lambda market, i=interval, c=count, s=size: market.bars(code, i, c, size=s)


QUESTIONS: dict[str, Callable[[list[str], datetime], list[Ask]]] = {
    "instruments": lambda codes, at: [lambda market: market.instruments()],
    "index": lambda codes, at: [lambda market, m=name: market.index(m) for name in MARKETS],
    "sectors": lambda codes, at: [lambda market, m=name: market.sectors(m) for name in MARKETS],
    "streaks": lambda codes, at: [lambda market, m=name: market.streaks(m) for name in MARKETS],
    "ranking": lambda codes, at: [lambda market, r=kind: market.ranking(r) for kind in Ranking],
    "quote": lambda codes, at: [lambda market, c=code: market.quote(c) for code in codes],
    "quotes": lambda codes, at: [lambda market: market.quotes(codes)],
    "book": lambda codes, at: [lambda market, c=code: market.book(c) for code in codes],
    "brokers": lambda codes, at: [lambda market, c=code: market.brokers(c) for code in codes],
    "strength": lambda codes, at: [lambda market, c=code: market.strength(c) for code in codes],
    "flow": lambda codes, at: [lambda market, c=code: market.flow(c) for code in codes],
    "foreign": lambda codes, at: [lambda market, c=code: market.foreign(c) for code in codes],
    "institutions": lambda codes, at: [
        lambda market, c=code, d=days: market.institutions(c, days_before(at, d), at.date())
        for code in codes
        for days in (0, 20, 400)
    ],
    "bars": lambda codes, at: [ask for code in codes[1:] for ask in bars_of(code)],
}
"""What is asked of each method of the port."""


@dataclass
class Both:
    """The same exchange by two adapters at the same instant."""

    app: VirtualApp
    wire: Kiwoom
    posted: list[str]
    """The APIs that the direct adapter took over the wire."""

    def answers(self, ask: Ask) -> tuple[Any, Any]:
        return answer(ask, self.app.market), answer(ask, self.wire)


def answer(ask: Ask, market: Any) -> Any:
    try:
        return ask(market)
    except KtError as error:
        return type(error), str(error), error.hint, error.code


@contextlib.contextmanager
def opened(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: datetime, bars: BarMarket | None = None
) -> Iterator[Both]:
    """Both adapters at one exchange, whose answers take no time and meet no rate limit."""
    given = {
        "state_dir": str(folder),
        "simulator": {"seed": "7"},
        "analyst": {"kind": "rules"},
    }
    time = VirtualTime(at)
    with time.driving():
        app = VirtualApp(build_config(given, {}, {}), {}, lambda line: None, time, bars=bars)
        app.context("test")
        monkeypatch.setattr(app.latency, "request", lambda api_id: (0.0, 0.0))
        app.pacer.rates = dict.fromkeys(Group, 1e5)
        monkeypatch.setattr(app.exchange._context.limits, "_rate", 0.0)
        posted: list[str] = []
        wired = Http.post

        def noted(self: Http, path: str, headers: Any, *rest: Any, **more: Any) -> Any:
            if self is app.http:
                posted.append(headers.get("api-id", "au10001"))
            return wired(self, path, headers, *rest, **more)

        monkeypatch.setattr(Http, "post", noted)
        line = Http(app.http.base_url, app.http.line(fresh=False))
        rest = Rest(line, app.token_source, app.pacer, app.clock)
        yield Both(app, Kiwoom(rest, app.clock), posted)
        time.close()
        app.close()


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    with opened(tmp_path, monkeypatch, MONDAY + timedelta(hours=7)) as found:
        yield found


def test_every_answer_is_that_of_the_wire(both: Both) -> None:
    draw = Random(7)
    codes = [listing.code for listing in listings()]
    moments = [(moment(days, text), [*draw.sample(codes, 2), UNKNOWN]) for days, text in TIMES]
    assert compare(both, moments) > 400


def test_every_answer_on_bars_is_that_of_the_wire(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = (CODE, at_minute(DAY, 7), 70_800, 70_900, 70_700, 70_800, 2**32 + 5)
    market = BarMarket(tables(tmp_path, [*LINES[:6], huge, *LINES[6:]]), DAY, FillModel())
    seconds = (-1800, 57, 359, 480, 11_000, 23_405)
    moments = [(at_minute(DAY, 0) + timedelta(seconds=n), [CODE, OTHER, UNKNOWN]) for n in seconds]
    with opened(tmp_path, monkeypatch, moments[0][0] - timedelta(hours=1), market) as both:
        assert compare(both, moments) > 150


def compare(both: Both, moments: list[tuple[datetime, list[str]]]) -> int:
    """Ask everything about these stocks at these times; how many answers were not empty."""
    compared = 0
    for at, chosen in moments:
        both.app.time.sleep_until(at)
        for name, questions in QUESTIONS.items():
            for ask in questions(chosen, at):
                direct, wire = both.answers(ask)
                where = (name, at, chosen)
                assert exact(direct) == exact(wire), where
                assert direct == wire, where
                compared += direct != ()
    return compared


def exact(found: Any) -> bytes:
    """Tells 0.0 from -0.0 and 1 from 1.0, too."""
    return msgspec.json.encode((type(found).__name__, found), enc_hook=repr)


def moment(days: int, text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-05T{text}").replace(tzinfo=KST) + timedelta(days)


def test_every_query_of_the_port_has_a_direct_form(both: Both) -> None:
    methods = {name for name, _ in inspect.getmembers(Market, inspect.isfunction) if name[0] != "_"}
    assert methods - BY_THE_STREAM == set(QUESTIONS), "say what to ask of a new method"
    at = MONDAY + timedelta(hours=10)
    both.app.time.sleep_until(at)
    code = listings()[0].code
    for name, questions in QUESTIONS.items():
        del both.posted[:]
        asked = bars_of(code, COUNTS[:1]) if name == "bars" else questions([code], at)
        for ask in asked:
            ask(both.app.market)
        beyond = set(both.posted) - set(BY_THE_WIRE)
        assert not beyond, name


ACCOUNT: dict[str, Callable[[list[str]], list[Ask]]] = {
    "deposit": lambda codes: [lambda broker: broker.deposit()],
    "orderable": lambda codes: [
        lambda broker, c=code, p=price: broker.orderable(c, p)
        for code in (*codes, UNKNOWN)
        for price in (0, 10_000)
    ],
    "holdings": lambda codes: [lambda broker: broker.holdings()],
    "open_orders": lambda codes: (
        [lambda broker, c=code: broker.open_orders(c) for code in codes]
        + [lambda broker: broker.open_orders()]
    ),
    "executions": lambda codes: (
        [lambda broker, c=code: broker.executions(c) for code in codes]
        + [lambda broker: broker.executions()]
    ),
    "day_orders": lambda codes: [
        lambda broker: broker.day_orders(),
        lambda broker: broker.day_orders("0000003"),
    ],
    "realised": lambda codes: [lambda broker, c=code: broker.realised(c) for code in codes],
    "returns": lambda codes: [lambda broker: broker.returns()],
}
"""What is asked of each account query."""
ALWAYS_BY_THE_WIRE = {"account": "once a run", "skew": "the Date header"}


def test_every_account_query_is_that_of_the_wire(both: Both) -> None:
    methods = {name for name, _ in inspect.getmembers(Broker, inspect.isfunction) if name[0] != "_"}
    assert methods - set(ALWAYS_BY_THE_WIRE) == set(ACCOUNT), "say what to ask of a new method"
    codes = [listing.code for listing in listings() if listing.base_price < 20_000][:3]
    account = ExchangeBroker(both.app.exchange._exchange, both.app.keys.app_key)
    both.app.time.sleep_until(MONDAY + timedelta(hours=10))
    both.wire.deposit()  # with a token from now on
    compare_account(both, codes)
    for stage in range(4):
        trade(both, account, codes, stage)
        compare_account(both, codes)
        both.app.time.sleep(61.7)
        compare_account(both, codes)
    assert {order.kind for order in account.day_orders()} == {"NEW", "AMEND", "CANCEL"}
    assert len(account.executions()) > 3 and account.realised(codes[0])


def trade(both: Both, account: ExchangeBroker, codes: list[str], stage: int) -> None:
    """Buy at the market, leave an order in the book, amend it, sell some, leave an order that is
    filled in part, and cancel the older one."""
    first, second, third = codes
    bid = both.wire.quote(second).lower_limit
    if stage == 0:
        account.place(ticket(first, Side.BUY, 37, 0))
        account.place(ticket(second, Side.BUY, 5, bid))
    elif stage == 1:
        (order,) = account.open_orders()
        amended = AmendTicket(ord_no=order.ord_no, stock_code=second, quantity=3, price=bid + 10)
        account.amend(amended)
        account.place(ticket(first, Side.SELL, 12, 0))
    elif stage == 2:
        account.place(ticket(third, Side.BUY, 100, both.wire.quote(third).price))
        account.place(ticket(first, Side.SELL, 25, 0))
        fill_in_part(both, account)
    else:
        order = account.open_orders(second)[0]
        account.cancel(
            CancelTicket(
                ord_no=order.ord_no, stock_code=order.stock_code, quantity=order.open_quantity
            )
        )


def fill_in_part(both: Both, account: ExchangeBroker) -> None:
    """Buy 100 shares more than the best ask shows, of the stock where that costs least, and wait
    until the lists show it."""
    asks = {code: both.wire.book(code).asks[0] for code in (item.code for item in listings())}
    code = min(asks, key=lambda code: asks[code].price * (asks[code].quantity + 100))
    account.place(ticket(code, Side.BUY, asks[code].quantity + 100, asks[code].price))
    both.app.time.sleep(both.app.exchange._exchange.listing_delay)
    (order,) = account.open_orders(code)
    assert 0 < order.filled_quantity < order.quantity


def ticket(code: str, side: Side, quantity: int, price: int) -> OrderTicket:
    kind = OrderType.LIMIT if price else OrderType.MARKET
    return OrderTicket(stock_code=code, side=side, order_type=kind, quantity=quantity, price=price)


def compare_account(both: Both, codes: list[str]) -> None:
    for name, questions in ACCOUNT.items():
        del both.posted[:]
        for ask in questions(codes):
            direct = answer(ask, both.app.broker)
            wire = answer(ask, both.wire)
            assert exact(direct) == exact(wire), name
            assert direct == wire, name
        assert not both.posted, name
