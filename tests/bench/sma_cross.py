"""The same crossing of two moving averages on the same minute bars with kt, backtesting.py and
nautilus_trader: how long each takes, and whether they trade the same.

    python -m tests.bench.backtest --sma [--days 5] [--seed 7]

The bars are a seeded market's, in which a minute opens where the one before closed: an order fills
at the close of its signal's bar (nautilus_trader), at the open of the next (backtesting.py) or,
one minute later, at the open of the bar that has ended (kt) at the same price. So all three must
end with the same trades and the same money before fees. kt pays fees and tax besides.

The others are no dependencies of kt. To have them, in an environment of their own that sees kt's:
`pip install backtesting==0.6.6 nautilus_trader==1.221.0`. One that is missing is left out.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kt.backtest.drive import FIRST_DAY, BacktestPlan, driving
from kt.config.load import build_config
from kt.records import Interval, OrderIntent, OrderType, Origin, Side
from kt.rules.bar_fill import FillModel
from kt.rules.calendar import trading_days
from kt.sim.market.bar_board import BarMarket
from kt.sim.market.bar_tables import BarDay, BarRow, BarTables, StockBars
from kt.sim.market.board import Board
from kt.sim.market.session_days import CONTINUOUS_MINUTES, SessionDays
from kt.steps.context import Context
from kt.steps.instruments import known_list
from kt.steps.orders.place import place_checked
from kt.steps.reconcile import order_tracking
from kt.steps.risk.check import check_order

CODE = "005930"
SHARES = 10
FAST, SLOW = 10, 30
CASH = 10_000_000
QUIET = 3
"""Minutes at both ends of a day, and after an order, in which nothing is ordered."""
LIMITS = {
    "per_stock": 10**9, "total": 10**9, "daily_loss": 10**9, "turnover": 10**12,
    "orders_per_day": 10_000, "orders_per_minute": 100, "entries_per_stock": 10_000,
}  # fmt: skip
"""kt's limits out of the way: every order is still checked against them."""


@dataclass(frozen=True, slots=True)
class MinuteBar:
    """`place` is the day's number and the minute in it; `at` is the bar's start."""

    place: tuple[int, int]
    at: datetime
    open: int
    high: int
    low: int
    close: int
    volume: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an engine did: sales, and the money at the end before fees, in won."""

    name: str
    seconds: float
    sales: int
    equity: float


class Averages:
    """The rule: hold the stock while the fast average is above the slow one. After an order it
    waits some bars, so that every engine has the fill of the last one."""

    def __init__(self) -> None:
        self._closes: deque[float] = deque(maxlen=SLOW)
        self._held = False
        self._waits = 0

    def order(self, close: float, place: tuple[int, int]) -> Side | None:
        """What to order after this bar; nothing on the first day or at the ends of a day."""
        closes = self._closes
        closes.append(close)
        self._waits -= 1
        day, minute = place
        if not day or self._waits > 0 or not QUIET <= minute < CONTINUOUS_MINUTES - QUIET:
            return None
        wanted = sum(list(closes)[-FAST:]) * SLOW > sum(closes) * FAST
        if wanted is self._held:
            return None
        self._held, self._waits = wanted, QUIET
        return Side.BUY if wanted else Side.SELL


def bars_of(seed: int, days: int) -> list[MinuteBar]:
    """The bars of the seeded market, and of one day before that for base prices."""
    board = Board(seed, SessionDays(FIRST_DAY, 0))
    found = []
    for session in range(days + 1):
        path, origin = board.path(CODE, session), board.days.origin(session)
        for index, bar in enumerate(path.minutes):
            at = origin + timedelta(minutes=index)
            prices = (bar.open, bar.high, bar.low, bar.close)
            found.append(MinuteBar((session, index), at, *prices, bar.volume))
    return found


# --- kt ------------------------------------------------------------------------------------------


def with_kt(bars: list[MinuteBar], folder: Path) -> Outcome:
    """Every minute a query of the bar, and every order through checks, journal, gateway and the
    exchange's matching on bars."""
    plan = _plan(bars, folder)
    closing = bars[-1].close
    with driving(plan, lambda line: None) as drive:
        ctx = drive.app.context("bench")
        began = time.process_time()
        rule = Averages()
        for bar in bars:
            if bar.place[0] == 0:
                rule.order(bar.close, bar.place)
                continue
            drive.app.time.sleep_until(bar.at + timedelta(seconds=59))
            if not bar.place[1]:
                known_list(ctx)  # 0.9 s, once a day: an order in it would fill a bar later
            (newest,) = ctx.market.bars(CODE, Interval.MINUTE, 1)
            order_tracking.catch_up(ctx)
            side = rule.order(newest.close, bar.place)
            if side is not None:
                _order(ctx, side)
        ctx.journal.flush()
        seconds = time.process_time() - began
        fills = ctx.journal.fills()
        money = sum(fill.price * fill.quantity * _sign(fill.side) for fill in fills)
        return Outcome(
            "kt",
            seconds,
            sum(fill.side is Side.SELL for fill in fills),
            CASH + money - closing * sum(_sign(fill.side) * fill.quantity for fill in fills),
        )


def _plan(bars: list[MinuteBar], folder: Path) -> BacktestPlan:
    tables = BarTables(folder)
    stock = tables.stocks[CODE] = StockBars(CODE)
    for bar in bars:
        day = stock.days.setdefault(bar.at.date(), BarDay(folder))
        day.add(BarRow(bar.place[1], bar.open, bar.high, bar.low, bar.close, bar.volume, 0))
    days = trading_days(FIRST_DAY, bars[-1].place[0] + 1)[1:]
    model = FillModel(market_price="open", slippage_ticks=0, participation_pct=100.0)
    given: dict[str, Any] = {
        "state_dir": str(folder),
        "simulator": {"cash": CASH},
        "limits": LIMITS,
        "analyst": {"kind": "rules"},
    }
    config = build_config(given, {}, {})
    return BacktestPlan(config, {}, days, bars=BarMarket(tables, days[0], model))


def _order(ctx: Context, side: Side) -> None:
    intent = OrderIntent(
        side=side,
        stock_code=CODE,
        quantity=SHARES,
        order_type=OrderType.MARKET,
        price=0,
        origin=Origin.MANUAL,
    )
    order, checked = place_checked(ctx, check_order(ctx, intent))
    if not order.ord_no:
        raise SystemExit(f"kt did not order: {order.state} {checked}")


def _sign(side: Side) -> int:
    return -1 if side is Side.BUY else 1


# --- the others ----------------------------------------------------------------------------------


def with_backtesting(bars: list[MinuteBar], folder: Path) -> Outcome:
    """backtesting.py: orders fill at the next bar's open."""
    import backtesting
    import pandas

    backtesting.backtesting._tqdm = lambda bars, **more: bars

    columns = ("open", "high", "low", "close", "volume")
    rows = [[getattr(bar, name) for name in columns] for bar in bars]
    index = pandas.DatetimeIndex([bar.at.replace(tzinfo=None) for bar in bars])
    frame = pandas.DataFrame(rows, index, [name.title() for name in columns], dtype=float)

    class Cross(backtesting.Strategy):
        def init(self) -> None:
            self.rule = Averages()

        def next(self) -> None:
            side = self.rule.order(self.data.Close[-1], bars[len(self.data) - 1].place)
            if side is Side.BUY:
                self.buy(size=SHARES)
            elif side is Side.SELL:
                self.position.close()

    test = backtesting.Backtest(frame, Cross, cash=CASH)
    began = time.process_time()
    with warnings.catch_warnings(action="ignore"):  # a trade that is open at the end counts as well
        found = test.run()
    seconds = time.process_time() - began
    return Outcome(
        "backtesting.py", seconds, int(found["# Trades"]), float(found["Equity Final [$]"])
    )


def with_nautilus(bars: list[MinuteBar], folder: Path) -> Outcome:
    """nautilus_trader: orders fill at the close of the signal's bar."""
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig
    from nautilus_trader.model.currencies import KRW
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import Equity
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.trading.strategy import Strategy

    venue, kind = Venue("KRX"), BarType.from_str(f"{CODE}.KRX-1-MINUTE-LAST-EXTERNAL")
    stock = Equity(
        InstrumentId(Symbol(CODE), venue), Symbol(CODE), KRW, 0, Price.from_int(1),
        Quantity.from_int(1), 0, 0,
    )  # fmt: skip

    def made(bar: MinuteBar) -> Any:
        ends = int((bar.at.timestamp() + 60) * 1e9)
        prices = (Price.from_int(price) for price in (bar.open, bar.high, bar.low, bar.close))
        return Bar(kind, *prices, Quantity.from_int(bar.volume), ends, ends)

    class Cross(Strategy):
        def on_start(self) -> None:
            self.rule, self.seen = Averages(), 0
            self.subscribe_bars(kind)

        def on_bar(self, bar: Any) -> None:
            side = self.rule.order(float(bar.close), bars[self.seen].place)
            self.seen += 1
            if side is not None:
                way, shares = getattr(OrderSide, side), Quantity.from_int(SHARES)
                self.submit_order(self.order_factory.market(stock.id, way, shares))

    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(venue, OmsType.NETTING, AccountType.CASH, [Money(CASH, KRW)], KRW)
    engine.add_instrument(stock)
    engine.add_data([made(bar) for bar in bars])
    engine.add_strategy(Cross())
    began = time.process_time()
    engine.run()
    seconds = time.process_time() - began
    filled = engine.cache.orders_closed()
    shares = SHARES * sum(1 if order.side == OrderSide.BUY else -1 for order in filled)
    cash = engine.portfolio.account(venue).balance_total(KRW).as_double()
    sales = sum(order.side == OrderSide.SELL for order in filled)
    return Outcome("nautilus_trader", seconds, sales, cash + shares * bars[-1].close)


ENGINES: dict[str, Callable[[list[MinuteBar], Path], Outcome]] = {
    "kt": with_kt,
    "backtesting.py": with_backtesting,
    "nautilus_trader": with_nautilus,
}


def compare(seed: int, days: int) -> None:
    """One line for each engine that is installed."""
    bars = bars_of(seed, days)
    print(f"{days} days, {len(bars)} minute bars of one stock, averages of {FAST} and {SLOW} bars")
    found = []
    for name, run in ENGINES.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = run(bars, Path(folder))
            except ImportError as error:
                print(f"{name}: not installed ({error.name})")
                continue
        found.append(made)
        speed = (
            f"{days / made.seconds:8.2f} days and {len(bars) / made.seconds:10,.0f} bars a second"
        )
        print(f"{name:16}{speed}, {made.sales} sales, {made.equity:,.0f} won before fees")
    if len({(made.sales, made.equity) for made in found}) > 1:
        print("they do not agree")
