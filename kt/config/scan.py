"""The keys of the scans: which sources, how many candidates, filters and weights."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from kt.config.fields import Percent, Positive, Seconds, Section, StockCode, WonOrNone

SOURCE = r"^(volume_surge|volume|value|change|condition:\S(.{0,98}\S)?)$"
ScanSource = Annotated[str, Meta(pattern=SOURCE)]
Weight = Annotated[float, Meta(ge=0, le=1_000)]


class ScanWeights(Section, frozen=True, kw_only=True):
    """What each part of a score counts, in relation to the others: a score is the share of all that
    was to be had, 0 to 100. 0 = the part does not count."""

    volume_surge: Weight = 30.0
    """Fast scan: the place in the ranking by surge of volume (ka10023); the hundredth place gets
    nothing."""
    value: Weight = 25.0
    """Fast scan: the place in the ranking by traded value (ka10032)."""
    change: Weight = 20.0
    """Fast scan: the place in the ranking by change of price (ka10027)."""
    volume: Weight = 15.0
    """Fast scan: the place in the ranking by volume (ka10030)."""
    condition: Weight = 20.0
    """Fast scan: a match of a condition search, for each that is among the sources."""
    rise: Weight = 10.0
    """Fast scan: today's change; full from +1 % to +10 %."""
    fast_scan: Weight = 30.0
    """Deep scan: the score of the fast scan."""
    strength: Weight = 20.0
    """Deep scan: trade strength (ka10046); nothing at 80, full at 120."""
    book: Weight = 15.0
    """Deep scan: bids to asks (ka10004); nothing at half as many, full at twice as many."""
    foreign: Weight = 12.5
    """Deep scan: net buying of foreigners (ka10059); nothing at -5 % of the volume, full at
    +5 %."""
    institution: Weight = 12.5
    """Deep scan: net buying of institutions (ka10059), likewise."""
    brokers: Weight = 10.0
    """Deep scan: net buying of the most active member firms (ka10002), likewise."""


class Scan(Section, frozen=True, kw_only=True):
    """The three scans: interval, number of candidates, filters."""

    sources: Annotated[tuple[ScanSource, ...], Meta(min_length=1, max_length=20)] = (
        "volume_surge",
        "value",
        "change",
        "volume",
    )
    """Where the fast scan looks: the four rankings, and `condition:NAME` for a condition search
    saved in the broker's own program (`kt scan condition` lists them)."""
    fast_every: Seconds = 10.0
    """Seconds between fast scans."""
    deep_every: Seconds = 60.0
    """Seconds between deep scans."""
    ai_every: Seconds = 300.0
    """Seconds between scans by the analyst."""
    fast_keep: Positive = 50
    """Candidates the fast scan keeps."""
    deep_keep: Positive = 20
    """Candidates the deep scan keeps."""
    ai_keep: Positive = 5
    """Candidates the analyst keeps."""
    min_price: WonOrNone = 1_000
    """Stocks below this price are left out (won)."""
    max_price: WonOrNone = 0
    """Stocks above this price are left out (won). 0 = no limit."""
    min_value: WonOrNone = 1_000_000_000
    """Stocks with a lower traded value today are left out (won)."""
    max_change_pct: Percent = 25.0
    """Stocks with a larger price change today are left out."""
    exclude: tuple[StockCode, ...] = ()
    """Codes of stocks that are never traded."""
    timeout: Seconds = 90.0
    """Real seconds that the requests of one scan may take; what has not been answered by then
    counts as missing."""
    weights: ScanWeights = ScanWeights()
