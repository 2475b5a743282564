"""Step 1: market data of the stocks in question and the state of the market and the account, as
one request to the analyst.

Everything comes in by one door (`rules/cutoff.py`), which lets nothing pass that is later than
now. Data that could not be fetched is named in the request (`missing`), so that the analyst can
allow for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from kt.errors import KtError
from kt.records import (
    AnalystRequest,
    Bar,
    BrokerOrder,
    BuyingStreak,
    Candidate,
    InstitutionDay,
    Instrument,
    Interval,
    MarketName,
    MarketState,
    Position,
    Quote,
    SessionNotice,
    StockContext,
)
from kt.rules import chart_periods, cutoff
from kt.rules.stock_indicators import indicators_of
from kt.steps.context import Context
from kt.steps.decide import account_context, decision_scoring
from kt.steps.decide.slow_charts import finished_bars
from kt.steps.decide.under_way import under_way
from kt.steps.fan_out import Gathered, gather, note_error
from kt.steps.instruments import known_list
from kt.steps.portfolio import daily_pnl, day_plan

T = TypeVar("T")

TICK_BARS, TRADES_A_BAR = 8, 30
"""Bars of trades in a request. The trades are fetched singly, a page of them as any other."""
MINUTES = 60
DAYS, WEEKS, MONTHS = 60, 10, 10
"""Bars kept in a request, of those that are fetched."""
ROWS = 10
"""Rows by day kept in a request (flow, foreign holdings, institutions) and of trade strength."""
INSTITUTION_PERIOD = timedelta(days=20)
"""Calendar days of institutions' trades to ask for."""


def _institutions(ctx: Context, stock_code: str) -> tuple[InstitutionDay, ...]:
    today = ctx.clock.now().date()
    return ctx.market.institutions(stock_code, today - INSTITUTION_PERIOD, today)


STOCK_PARTS: dict[str, Callable[[Context, str], Any]] = {
    "book": lambda ctx, code: ctx.market.book(code),
    "ticks": lambda ctx, code: ctx.market.bars(code, Interval.TICK, TICK_BARS * TRADES_A_BAR),
    "minutes": lambda ctx, code: ctx.market.bars(code, Interval.MINUTE, MINUTES),
    "days": lambda ctx, code: finished_bars(ctx, code, Interval.DAY),
    "weeks": lambda ctx, code: finished_bars(ctx, code, Interval.WEEK),
    "months": lambda ctx, code: finished_bars(ctx, code, Interval.MONTH),
    "strength": lambda ctx, code: ctx.market.strength(code),
    "flow": lambda ctx, code: ctx.market.flow(code),
    "foreign": lambda ctx, code: ctx.market.foreign(code),
    "institutions": _institutions,
    "brokers": lambda ctx, code: ctx.market.brokers(code),
}
"""What can be asked about one stock, besides its quote, which every request has."""
MARKET_PARTS: dict[str, Callable[[Context, MarketName], Any]] = {
    "index": lambda ctx, market: ctx.market.index(market),
    "sectors": lambda ctx, market: ctx.market.sectors(market),
    "streaks": lambda ctx, market: ctx.market.streaks(market),
}
ACCOUNT_PARTS: dict[str, Callable[[Context], Any]] = {
    "open_orders": lambda ctx: ctx.broker.open_orders(),
    "returns": lambda ctx: ctx.broker.returns(),
}
MARKETS = (MarketName.KOSPI, MarketName.KOSDAQ)

WHOLE = frozenset({*STOCK_PARTS, *MARKET_PARTS, *ACCOUNT_PARTS})
"""Everything there is: for decisions."""
SHORT = frozenset({"book", "minutes", "strength", "index", "open_orders"})
"""What changes within minutes: for a question that cannot wait for the rest."""


def collect(
    ctx: Context,
    candidates: Sequence[Candidate],
    codes: Iterable[str] = (),
    *,
    parts: Collection[str] = WHOLE,
    notice: SessionNotice | None = None,
) -> AnalystRequest:
    """A request about the positions, the candidates and the given codes, each stock once, with
    these `parts` (WHOLE, SHORT, or a choice of their names). `notice` is the market's newest
    message, which overrides the calendar.

    A stock whose quote cannot be fetched is left out and journaled. Raises the broker's errors
    when the deposit cannot be fetched, or not a single quote.
    """
    listed_stocks = known_list(ctx) or {}
    held = (position.stock_code for position in ctx.journal.positions())
    scanned = {candidate.stock_code: candidate for candidate in candidates}
    account = _account(ctx, parts)
    deposit = account.required("deposit")
    quotes = _quotes(ctx, tuple(dict.fromkeys((*held, *scanned, *codes))))
    state = _state(ctx, account, {code: quote.price for code, quote in quotes.items()}, notice)
    positions = {position.stock_code: position for position in state["positions"]}
    streaks = (row for market in MARKETS for row in account.rows(f"streaks.{market}"))
    by_code = {row.stock_code: row for row in streaks}
    about = _Subjects(quotes, scanned, positions, listed_stocks, by_code)
    stocks = _stocks(ctx, about, parts)
    return AnalystRequest(asof=ctx.clock.now(), stocks=stocks, deposit=deposit, **state)


def _state(
    ctx: Context, account: _Answers, prices: Mapping[str, int], notice: SessionNotice | None
) -> dict[str, Any]:
    """The fields of a request that are about the account, the markets and the time."""
    listed: tuple[BrokerOrder, ...] | None = account.found("open_orders")
    orders = account_context.under_way(ctx, listed)
    positions = account_context.marked(ctx, prices, orders)
    known = None if listed is None else orders
    return {
        "positions": positions,
        "realised_today": daily_pnl.realised(ctx, ctx.clock.now().date()),
        "per_stock_limit": ctx.config.limits.per_stock,
        "lessons": _lessons(ctx),
        "plan": day_plan.in_force(ctx),
        "sold_today": under_way(ctx).sold,
        "horizon_minutes": ctx.config.analyst.horizon_minutes,
        "open_orders": orders,
        "markets": _markets(account),
        "room": account_context.room(ctx, positions, known, prices, account.found("returns")),
        "session": account_context.session_time(ctx, notice),
        "costs": account_context.cost_rates(ctx),
        "missing": account.missing,
    }


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers by name, and what failed."""

    fetched: Gathered[Any]

    def required(self, name: str) -> Any:
        if name in self.fetched.failures:
            raise self.fetched.failures[name]
        return self.fetched.answers[name]

    def found(self, name: str) -> Any:
        """None when it was not asked for or failed."""
        return self.fetched.answers.get(name)

    def rows(self, name: str) -> tuple[Any, ...]:
        return self.fetched.answers.get(name) or ()

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(f"{name}: {failure}" for name, failure in self.fetched.failures.items())


@dataclass(frozen=True, slots=True)
class _Subjects:
    """What is known of the stocks before their parts are fetched, each by stock code."""

    quotes: Mapping[str, Quote]
    scanned: Mapping[str, Candidate]
    held: Mapping[str, Position]
    listed: Mapping[str, Instrument]
    streaks: Mapping[str, BuyingStreak]


def _account(ctx: Context, parts: Collection[str]) -> _Answers:
    """Deposit, account and markets, in parallel."""
    questions: dict[str, Callable[[], Any]] = {"deposit": ctx.broker.deposit}
    for name, ask in ACCOUNT_PARTS.items():
        if name in parts:
            questions[name] = partial(ask, ctx)
    for name, ask_market in MARKET_PARTS.items():
        if name in parts:
            questions |= {
                f"{name}.{market}": partial(ask_market, ctx, market) for market in MARKETS
            }
    return _Answers(fetch(ctx, "collect", questions))


def fetch(ctx: Context, where: str, questions: Mapping[str, Callable[[], T]]) -> Gathered[T]:
    """The door: every answer of the market and the broker for a request comes through here."""

    def asked(ask: Callable[[], T]) -> T:
        answer = ask()
        return cutoff.passed(answer, cutoff.latest(ctx.clock.now(), ctx.broker.skew()))

    through = {name: partial(asked, ask) for name, ask in questions.items()}
    return gather(ctx, where, through, workers=len(WHOLE))


def _quotes(ctx: Context, codes: Sequence[str]) -> dict[str, Quote]:
    """A quote of each stock by ka10095, in one call; of those that it leaves out, or leaves
    without their price limits, by ka10001, which has no traded value."""
    if not codes:
        return {}
    together = fetch(ctx, "collect", {"quotes": partial(ctx.market.quotes, codes)})
    quotes = {quote.stock_code: quote for quote in together.answers.get("quotes", ())}
    rest = [code for code in codes if code not in quotes or not quotes[code].upper_limit]
    singly = fetch(ctx, "collect.quote", {code: partial(ctx.market.quote, code) for code in rest})
    quotes |= singly.answers
    if not quotes:
        singly.raise_if_empty()
    return {code: quotes[code] for code in codes if code in quotes}


def _markets(account: _Answers) -> tuple[MarketState, ...]:
    states = (
        MarketState(
            market=market,
            index=account.found(f"index.{market}"),
            sectors=account.rows(f"sectors.{market}"),
        )
        for market in MARKETS
    )
    return tuple(state for state in states if state.index or state.sectors)


def _stocks(ctx: Context, about: _Subjects, parts: Collection[str]) -> tuple[StockContext, ...]:
    codes = about.quotes
    chosen = {name: ask for name, ask in STOCK_PARTS.items() if name in parts}
    fetched = fetch(
        ctx,
        "collect",
        {
            f"{name}.{code}": partial(ask, ctx, code)
            for code in codes
            for name, ask in chosen.items()
        },
    )
    return tuple(_stock(ctx, code, about, fetched) for code in codes)


def _stock(ctx: Context, code: str, about: _Subjects, fetched: Gathered[Any]) -> StockContext:
    quote, now = about.quotes[code], ctx.clock.now()
    found = {name: fetched.answers.get(f"{name}.{code}") for name in STOCK_PARTS}
    missing = [
        f"{name}: {fetched.failures[f'{name}.{code}']}"
        for name in STOCK_PARTS
        if f"{name}.{code}" in fetched.failures
    ]
    if quote.volume and not quote.value:
        missing.append("value: the broker did not tell it")
    today = chart_periods.bar_of_today(quote, now)
    days = (*(found["days"] or ()), *([today] if today and found["days"] else []))
    stock = about.listed.get(code)
    return StockContext(
        stock_code=code,
        stock_name=quote.stock_name,
        quote=quote,
        candidate=about.scanned.get(code),
        position=about.held.get(code),
        book=found["book"],
        ticks=chart_periods.joined_in(found["ticks"] or (), TRADES_A_BAR),
        minutes=found["minutes"] or (),
        days=days[-DAYS:],
        weeks=_running(found["weeks"], days, Interval.WEEK, ctx)[-WEEKS:],
        months=_running(found["months"], days, Interval.MONTH, ctx)[-MONTHS:],
        strength=(found["strength"] or ())[:ROWS],
        flow=(found["flow"] or ())[:ROWS],
        foreign=(found["foreign"] or ())[:ROWS],
        institutions=(found["institutions"] or ())[:ROWS],
        streak=about.streaks.get(code),
        brokers=found["brokers"],
        market=stock.market if stock else None,
        sector=stock.sector if stock else "",
        indicators=indicators_of(days, quote, now),
        missing=tuple(missing),
    )


def _running(
    longer: tuple[Bar, ...] | None, days: Sequence[Bar], interval: Interval, ctx: Context
) -> tuple[Bar, ...]:
    """Weeks or months with the running one; empty when they were not fetched."""
    if longer is None:
        return ()
    return chart_periods.with_running(longer, days, interval, ctx.clock.now().date())


def _lessons(ctx: Context) -> str:
    """The track record as text; empty when it cannot be read, which is journaled."""
    try:
        return decision_scoring.lessons(ctx)
    except KtError as failure:
        note_error(ctx, "collect.lessons", failure)
        return ""
