"""Step 1: market data of the stocks in question and the state of the account, as one request to
the analyst.

Data that could not be fetched is named in the request (`missing`), so that the analyst
can allow for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kt.errors import KtError
from kt.records import AnalystRequest, Candidate, Interval, Position, Quote, StockContext
from kt.steps.context import Context
from kt.steps.decide import decision_scoring
from kt.steps.fan_out import gather, note_error
from kt.steps.portfolio import daily_pnl

MINUTES = 60
DAYS = 60
PARTS = ("book", "minutes", "days", "strength", "flow", "brokers")


def collect(
    ctx: Context, candidates: Sequence[Candidate], codes: Iterable[str] = ()
) -> AnalystRequest:
    """A request about the positions, the candidates and the given codes, each stock once.

    A stock whose quote cannot be fetched is left out and journaled. Raises the broker's errors
    when the deposit cannot be fetched, or not a single quote.
    """
    deposit = ctx.broker.deposit()
    positions = ctx.journal.positions()
    held = {position.stock_code: position for position in positions}
    scanned = {candidate.stock_code: candidate for candidate in candidates}
    wanted = tuple(dict.fromkeys((*held, *scanned, *codes)))
    quotes = _quotes(ctx, wanted)
    stocks = _stocks(ctx, [code for code in wanted if code in quotes], quotes, scanned, held)
    return AnalystRequest(
        asof=ctx.clock.now(),
        stocks=stocks,
        deposit=deposit,
        positions=positions,
        realised_today=daily_pnl.realised(ctx, ctx.clock.now().date()),
        per_stock_limit=ctx.config.limits.per_stock,
        lessons=_lessons(ctx),
        horizon_minutes=ctx.config.analyst.horizon_minutes,
    )


def _quotes(ctx: Context, codes: Sequence[str]) -> dict[str, Quote]:
    """A full quote for each stock (ka10001): only that API gives the day's price limits."""
    fetched = gather(ctx, "collect.quote", {code: _bound(ctx.market.quote, code) for code in codes})
    fetched.raise_if_empty()
    return fetched.answers


def _stocks(
    ctx: Context,
    codes: Sequence[str],
    quotes: dict[str, Quote],
    scanned: dict[str, Candidate],
    held: dict[str, Position],
) -> tuple[StockContext, ...]:
    questions = {
        f"{part}.{code}": question for code in codes for part, question in _parts(ctx, code)
    }
    fetched = gather(ctx, "collect", questions)
    made = []
    for code in codes:
        found = {part: fetched.answers.get(f"{part}.{code}") for part in PARTS}
        why = {part: fetched.failures.get(f"{part}.{code}") for part in PARTS}
        made.append(
            StockContext(
                stock_code=code,
                stock_name=quotes[code].stock_name,
                quote=quotes[code],
                candidate=scanned.get(code),
                position=held.get(code),
                book=found["book"],
                minutes=found["minutes"] or (),
                days=found["days"] or (),
                strength=found["strength"] or (),
                flow=found["flow"] or (),
                brokers=found["brokers"],
                missing=tuple(f"{part}: {failure}" for part, failure in why.items() if failure),
            )
        )
    return tuple(made)


def _parts(ctx: Context, code: str) -> tuple[tuple[str, Callable[[], Any]], ...]:
    market = ctx.market
    return (
        ("book", lambda: market.book(code)),
        ("minutes", lambda: market.bars(code, Interval.MINUTE, MINUTES)),
        ("days", lambda: market.bars(code, Interval.DAY, DAYS)),
        ("strength", lambda: market.strength(code)),
        ("flow", lambda: market.flow(code)),
        ("brokers", lambda: market.brokers(code)),
    )


def _bound(ask: Callable[[str], Quote], code: str) -> Callable[[], Quote]:
    return lambda: ask(code)


def _lessons(ctx: Context) -> str:
    """The track record as text; empty when it cannot be read, which is journaled."""
    try:
        return decision_scoring.lessons(ctx)
    except KtError as failure:
        note_error(ctx, "collect.lessons", failure)
        return ""
