"""What the account is worth minute by minute, and how well that went."""

from __future__ import annotations

from datetime import date, datetime

from kt.records.base import Record


class Equity(Record, frozen=True, kw_only=True):
    """What the account was worth in one minute, in won: cash after settlement of all trades, and
    the shares at their last prices.

    `moved` is what came in less what went out without a trade since kt first noted the cash
    (deposits, withdrawals, dividends): a change of it is no profit.
    """

    at: datetime
    """The start of the minute."""
    cash: int
    value: int
    equity: int
    moved: int = 0


class MinutePrice(Record, frozen=True, kw_only=True):
    """The last price of a stock that kt saw in one minute, in won; `at` is its start."""

    at: datetime
    price: int


class Performance(Record, tag="performance", tag_field="type", frozen=True, kw_only=True):
    """How well trading went from `since` to `until`, after all costs. None is "not known": no
    equity was kept, or too few days or trades are there for the figure.

    Ratios are per year of 252 days, without a risk-free rate (`kt/rules/performance.py`).
    """

    since: date
    until: date
    profit: int
    """Realised by all sales of these days, in won."""
    trades: int
    wins: int
    win_rate_pct: float | None
    profit_factor: float | None
    """Won by the winning trades for each won lost by the others."""
    held_minutes: int | None
    """Of a trade on average."""
    return_pct: float | None
    """Of the equity, deposits and withdrawals left out."""
    max_drawdown_pct: float | None
    """From the highest equity so far to the lowest after it, minute by minute; 0 or below."""
    sharpe: float | None
    sortino: float | None
