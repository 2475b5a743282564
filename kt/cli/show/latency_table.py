"""Latencies for people: a table, and a histogram of each stage or API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kt.cli.show.table import Column, render
from kt.records import LatencyBucket, LatencyFigures
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.console import Console

BAR, WIDTH = "#", 50
"""The longest bar of a histogram, in characters."""
APIS = 5
"""Histograms of so many APIs are drawn."""


def milliseconds(value: float) -> str:
    """`0.4 ms`, `12 ms`, `1.2 s`, `90 s`."""
    if value >= 1000:
        return f"{value / 1000:,.0f} s" if value >= 10_000 else f"{value / 1000:.1f} s"
    return f"{value:.1f} ms" if 0 < value < 10 and value % 1 else f"{value:.0f} ms"


FIGURES = (
    Column("origin", lambda row: row.origin, rank=3),
    Column("API", lambda row: row.api_id, rank=3),
    Column("stage", lambda row: row.stage),
    Column("count", lambda row: f"{row.count:,}", right=True),
    Column("p50", lambda row: milliseconds(row.p50_ms), right=True),
    Column("p95", lambda row: milliseconds(row.p95_ms), right=True),
    Column("p99", lambda row: milliseconds(row.p99_ms), right=True),
    Column("longest", lambda row: milliseconds(row.max_ms), right=True),
)


def latencies(rows: Sequence[LatencyFigures], console: Console) -> str:
    """The table; on a terminal with histograms below it, of APIs those of the most frequent."""
    table = render(FIGURES, rows, console)
    if console.markdown:
        return table
    drawn = [row for number, row in enumerate(rows) if number < APIS or not row.api_id]
    return table + "".join(f"\n{_title(row)}\n{_histogram(row.buckets)}" for row in drawn)


def _title(row: LatencyFigures) -> str:
    return " ".join(part for part in (row.origin, row.api_id, tr(row.stage)) if part)


def _histogram(buckets: Sequence[LatencyBucket]) -> str:
    """One line for each bucket: its upper bound, a bar, the count."""
    most = max(bucket.count for bucket in buckets)
    bounds = [milliseconds(bucket.upto_ms) for bucket in buckets]
    widest = max(map(len, bounds))
    lines = []
    for bound, bucket in zip(bounds, buckets, strict=True):
        bar = BAR * -(-bucket.count * WIDTH // most)
        lines.append(f"  <= {bound.rjust(widest)}  {f'{bar} {bucket.count:,}'.lstrip()}\n")
    return "".join(lines)
