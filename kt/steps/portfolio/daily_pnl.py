"""Step 8: the day's realised and unrealised profit, and the daily loss limit that stops buying.

The figures are computed from the journal's fills, trades and positions, so they survive a restart;
`compare` reports where the broker's own figures differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from msgspec.structs import replace

from kt.errors import KtError
from kt.records import (
    AccountReturn,
    DayResult,
    Equity,
    MarketName,
    Origin,
    Performance,
    Position,
    RoundTrip,
    StockResult,
    Trade,
)
from kt.rules import calendar, pnl, round_trips
from kt.rules import performance as rules
from kt.steps.context import Context
from kt.steps.failpoints import hit
from kt.steps.fan_out import note_error
from kt.steps.notices import notify
from kt.steps.portfolio import equity, position_book
from kt.steps.results import Difference
from kt.steps.risk import stops

_LOOK_BACK = timedelta(days=14)
"""How far back to search for the last day result: longer than any market holiday."""


def realised(ctx: Context, day: date) -> int:
    """Realised profit in won, after costs, of the trades closed on a day."""
    return sum(trade.profit for trade in ctx.journal.trades(since=day, until=day))


def carried(ctx: Context, day: date) -> int:
    """The unrealised profit in won at the start of the day: that of the last day result."""
    before = ctx.journal.days(since=day - _LOOK_BACK, until=day - timedelta(days=1))
    return before[-1].unrealised if before else 0


def mark(ctx: Context, prices: Mapping[str, int]) -> tuple[Position, ...]:
    """Mark the positions to these prices (won by stock code); a stock without one keeps its last
    price. The positions as they are now."""
    marked = (
        position_book.book(ctx, position.stock_code, prices.get(position.stock_code, 0))
        for position in ctx.journal.positions()
    )
    return tuple(position for position in marked if position is not None)


def quotes(ctx: Context) -> dict[str, int]:
    """Current prices in won of all positions, by stock code; empty when they cannot be fetched,
    which is journaled."""
    codes = [position.stock_code for position in ctx.journal.positions()]
    if not codes:
        return {}
    try:
        return {quote.stock_code: quote.price for quote in ctx.market.quotes(codes)}
    except KtError as failure:
        note_error(ctx, "settle.quotes", failure)
        return {}


def close_day(ctx: Context, prices: Mapping[str, int] | None = None) -> DayResult:
    """Journal today's result and equity so far; at the loss limit buying stops until the next
    trading day.

    Without `prices` (won by stock code) the market's quotes are fetched.
    """
    hit("settle.before", ctx.profile)
    known = quotes(ctx) if prices is None else prices
    positions = mark(ctx, known)
    hit("settle.marked", ctx.profile)
    now = equity.current(ctx)
    if now is not None:
        ctx.journal.put_equity(now)
    result = figures(ctx, positions, now)
    ctx.journal.minute_prices(ctx.clock.now(), _traded(ctx, result.day, positions, known))
    ctx.journal.put_day(result)
    hit("settle.recorded", ctx.profile)
    enforce(ctx, result)
    return result


def _traded(
    ctx: Context, today: date, held: tuple[Position, ...], prices: Mapping[str, int]
) -> dict[str, int]:
    """Of these prices those of stocks that are held or were traded today."""
    if not prices:
        return {}
    codes = {position.stock_code for position in held}
    codes |= {fill.stock_code for fill in ctx.journal.fills(day=today)}
    return {code: prices[code] for code in sorted(codes) if prices.get(code)}


def against_index(ctx: Context, result: DayResult) -> DayResult:
    """The day's result with the KOSPI's change (ka20001), journaled; unchanged when the request
    fails."""
    try:
        index = ctx.market.index(MarketName.KOSPI)
    except KtError as failure:
        note_error(ctx, "settle.index", failure)
        return result
    found = replace(result, index_pct=index.change_pct)
    ctx.journal.put_day(found)
    return found


def figures(
    ctx: Context, positions: tuple[Position, ...], current: Equity | None = None
) -> DayResult:
    """The day's result, computed from the journal; nothing is written. `current` is the equity
    now; None: it is computed."""
    now = ctx.clock.now()
    today = now.date()
    sales = sales_back(ctx, today, today)
    fills = [fill for fill in ctx.journal.fills(day=today) if fill.ord_no]
    result = pnl.day_result(today, sales, fills, positions, now)
    for stored in ctx.journal.days(since=today, until=today):
        result = replace(result, index_pct=stored.index_pct)
    return pnl.account_return(result, equity.start(ctx, today), current or equity.current(ctx))


def by_trade(ctx: Context, since: date, until: date | None = None) -> list[RoundTrip]:
    """The round trips with a sale in these days, also in percent of the equity at its start."""
    made = round_trips.round_trips(sales_back(ctx, since, until), ctx.journal.positions())
    return [
        replace(trip, equity_pct=_of_equity(trip.profit, ctx.journal.equity_before(trip.opened_at)))
        for trip in made
        if trip.closed_at.date() >= since
    ]


def by_stock(
    ctx: Context, since: date, positions: Sequence[Position], until: date | None = None
) -> list[StockResult]:
    """One row per stock that was sold in these days or is held, best first; `positions` are marked
    to the current prices."""
    found = pnl.stock_results(sales_back(ctx, since, until), positions, since)
    start = equity.start(ctx, since)
    return [replace(row, equity_pct=_of_equity(row.total, start)) for row in found]


def performance(ctx: Context, since: date, until: date | None = None) -> Performance:
    """The performance figures from a day until the end of another, or until now, from the
    journaled equity."""
    points = equity.course(ctx, since, until)
    return performance_of(ctx, since, until, by_trade(ctx, since, until), points)


def performance_of(
    ctx: Context,
    since: date,
    until: date | None,
    trades: Iterable[RoundTrip],
    points: Sequence[Equity],
) -> Performance:
    """The same from the trades and the equity of these days, by minute."""
    trips = [trip for trip in trades if not trip.open]
    profit = sum(sale.profit for sale in ctx.journal.trades(since=since, until=until))
    last = until or ctx.clock.now().date()
    return rules.performance(since, last, profit, trips, points)


def _of_equity(profit: int, start: Equity | None) -> float | None:
    return round_trips.percent_of(profit, start.equity if start else None)


def sales_back(ctx: Context, since: date, until: date | None = None) -> tuple[Trade, ...]:
    """The trades closed from `since` to `until`, and the earlier partial sales of the same
    positions: everything that makes up the round trips that ended in these days."""
    found = ctx.journal.trades(since=since, until=until)
    first = min((sale.opened_at.date() for sale in found), default=since)
    return found if first >= since else ctx.journal.trades(since=first, until=until)


def loss(ctx: Context, result: DayResult) -> int:
    """The day's loss so far in won, 0 when there is none. Unrealised profit carried over from
    earlier days is not counted."""
    return max(0, -(result.total - carried(ctx, result.day)))


def enforce(ctx: Context, result: DayResult) -> None:
    """Safety level 3: at the daily loss limit set the stop `reduce` until the next trading day."""
    limit, lost = ctx.config.limits.daily_loss, loss(ctx, result)
    if lost < limit:
        return
    until = calendar.next_trading_day(result.day)
    stops.reduce(
        ctx,
        f"daily loss {lost:,} >= limit {limit:,} (realised {result.realised:+,}, unrealised "
        f"{result.unrealised:+,}); buying resumes by itself on {until}",
        by=DAILY_LOSS,
        until=until,
    )


DAILY_LOSS = "daily-loss"
"""`Stop.by` of the stop set at the daily loss limit; it ends by itself on the next trading day."""


def account_text(rows: Sequence[AccountReturn]) -> str:
    """The account's return by stock (ka10085) in one line: paid, worth now, realised today."""
    held = [row for row in rows if row.quantity]
    paid = sum(row.cost for row in held)
    worth = sum(row.price * row.quantity for row in held)
    rate = round_trips.percent_of(worth - paid, paid)
    return (
        f"{len(held)} stocks held, paid {paid:,} won, worth {worth:,} won"
        f"{'' if rate is None else f' ({rate:+.2f} %)'}, "
        f"realised today {sum(row.realised_today for row in rows):+,} won"
    )


def compare(ctx: Context) -> tuple[Difference, ...]:
    """Compare today's realised profit by stock with the broker's figures by sale (ka10077) and by
    account (ka10085); the differences, each journaled. Raises the broker's errors."""
    today = ctx.clock.now().date()
    ours: dict[str, int] = {}
    for trade in ctx.journal.trades(since=today, until=today):
        if trade.origin != Origin.EXTERNAL:
            ours[trade.stock_code] = ours.get(trade.stock_code, 0) + trade.profit
    if not ours:
        return ()
    by_account = {row.stock_code: row.realised_today for row in ctx.broker.returns()}
    differences = []
    for code, profit in sorted(ours.items()):
        by_sale = sum(row.profit for row in ctx.broker.realised(code))
        by_source = {"by sale": by_sale, "by account": by_account.get(code, by_sale)}
        wrong = [f"{theirs:+,} won {how}" for how, theirs in by_source.items() if theirs != profit]
        if wrong:
            differences.append(
                Difference(
                    what="realised",
                    stock_code=code,
                    ours=f"{profit:+,} won",
                    brokers=", ".join(wrong),
                    done="both figures are kept",
                )
            )
    for difference in differences:
        notify(ctx, "info", "realised profit differs", difference.text())
    return tuple(differences)
