"""What a backtest brought."""

from __future__ import annotations

from datetime import date

from kt.records.account_value import Performance
from kt.records.base import Record
from kt.records.result import DayResult


class ExitResult(Record, frozen=True, kw_only=True):
    """The trades that ended for one reason (the origin of the last sale). Profit in won."""

    reason: str
    trades: int
    wins: int
    profit: int


class HourResult(Record, frozen=True, kw_only=True):
    """The trades that began in one hour of the day. Profit in won."""

    hour: int
    trades: int
    wins: int
    profit: int


class BacktestData(Record, frozen=True, kw_only=True):
    """The minute bars of a backtest, and the model by which orders filled on them
    (docs/virtual-clock.md#fills). `sha256` is of the bars as they were used."""

    source: str
    stocks: int
    bars: int
    rounded: int
    """Prices off the tick grid, which were moved to the nearest tick."""
    missing_days: tuple[date, ...]
    """Trading days between the first and the last without a bar of any stock; they were not run."""
    left_out: tuple[str, ...]
    """Stocks without a bar before the first day."""
    market_price: str
    slippage_ticks: int
    limit_touch: bool
    participation_pct: float
    sha256: str


class Backtest(Record, frozen=True, kw_only=True):
    """One backtest. Money in won, after all costs; None is "not known".

    `profit_low_pct` to `profit_high_pct` is the 95% bootstrap interval of the mean profit of a
    trade in percent of what was paid for it, and `p_value` the part of the resamples whose mean is
    not above 0. `digest` is the SHA-256 of the normalised journal
    (docs/virtual-clock.md#digest).
    """

    seed: int
    capital: int
    equity: int | None
    performance: Performance
    index_pct: float | None
    """KOSPI over the same days."""
    hold_pct: float | None
    """All stocks bought in equal parts at the first open and sold at the last close, after
    costs."""
    exposure_pct: float | None
    """The mean part of the equity that was invested, minute by minute."""
    turnover: float | None
    """Bought and sold, as a multiple of the mean equity."""
    fees: int
    taxes: int
    orders: int
    mean_profit_pct: float | None
    profit_low_pct: float | None
    profit_high_pct: float | None
    p_value: float | None
    mean_day_pct: float | None
    """The mean daily return of the equity; its interval and p are made as those of the trades."""
    day_low_pct: float | None
    day_high_pct: float | None
    day_p_value: float | None
    stopped: str
    """Why trading stopped before the end; empty when it did not."""
    days: tuple[DayResult, ...]
    exits: tuple[ExitResult, ...]
    hours: tuple[HourResult, ...]
    folder: str
    """Where the journal is."""
    digest: str
    version: str
    first: date
    last: date
    calls: int
    """Requests to the broker."""
    data: BacktestData | None = None
    """None: the seeded market."""
