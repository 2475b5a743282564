"""Tables of profit and loss, and of `events` rows, which have no record type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kt.cli.show import columns, scores
from kt.cli.show.cells import moment, money, percent, plain, signed
from kt.cli.show.table import Column, pairs, render
from kt.records import AnalystScore, DayResult, Performance, RoundTrip, StockResult, Trade

if TYPE_CHECKING:
    from kt.cli.support.console import Console


def _trade_name(row: RoundTrip | Trade) -> str:
    """The stock's name; `part` for a partial sale, `(open)` for a trade that is not closed."""
    if isinstance(row, Trade):
        return "  part"
    return f"{row.stock_name} (open)" if row.open else row.stock_name


def _fees(row: RoundTrip | Trade) -> int:
    return row.fee + row.buy_fee if isinstance(row, Trade) else row.fee


TRADES = (
    Column("closed", lambda row: moment(row.closed_at), rank=3),
    Column("code", lambda row: "" if isinstance(row, Trade) else row.stock_code),
    Column("name", _trade_name, shorten=14),
    Column("quantity", lambda row: money(row.quantity), right=True),
    Column("bought", lambda row: money(round(row.buy_price)), right=True),
    Column("sold", lambda row: money(round(row.sell_price)), right=True),
    Column("fee", lambda row: money(_fees(row)), right=True, rank=5),
    Column("tax", lambda row: money(row.tax), right=True, rank=4),
    *columns.profit(rank=1),
    columns.rate("before costs", "gross_pct", rank=6),
    columns.rate("on equity", "equity_pct", rank=7),
    Column("why sold", lambda row: row.origin, rank=2),
)

RESULTS = tuple(columns.gain(name) for name in ("realised", "unrealised", "total"))

DAYS = (
    Column("day", lambda row: row.day.isoformat()),
    *RESULTS,
    columns.rate("on equity", "equity_pct", rank=1),
    columns.rate("index", "index_pct", rank=9),
    columns.rate("return", "invested_pct", rank=6),
    columns.rate("before costs", "gross_pct", rank=7),
    Column("trades", lambda row: money(row.trades), right=True),
    Column("wins", lambda row: money(row.wins), right=True, rank=2),
    Column("bought", lambda row: money(row.bought), right=True, rank=4),
    Column("sold", lambda row: money(row.sold), right=True, rank=5),
    Column("costs", lambda row: money(row.fees + row.taxes), right=True, rank=3),
)

STOCKS = (
    *columns.STOCK,
    Column("held", lambda row: money(row.quantity), right=True, rank=3),
    *RESULTS,
    columns.rate("return", "invested_pct", rank=3),
    columns.rate("before costs", "gross_pct", rank=6),
    columns.rate("on equity", "equity_pct", rank=5),
    Column("trades", lambda row: money(row.trades), right=True, rank=1),
    Column("wins", lambda row: money(row.wins), right=True, rank=2),
    Column("costs", lambda row: money(row.fees + row.taxes), right=True, rank=4),
)


Result = RoundTrip | DayResult | StockResult | Performance | AnalystScore


def pnl(rows: Sequence[Result], console: Console) -> str:
    """Days, stocks, trades, their performance or the analysts' scores: a document holds one of the
    five. A trade that was sold in several parts shows them."""
    if not rows:
        return render((), rows, console)
    if isinstance(rows[0], AnalystScore):
        return scores.scores(rows, console)
    if isinstance(rows[0], Performance):
        return pairs(performance(rows[0]), console)
    layout = {DayResult: DAYS, StockResult: STOCKS, RoundTrip: TRADES}[type(rows[0])]
    shown: list[Any] = []
    for row in rows:
        shown.append(row)
        if isinstance(row, RoundTrip) and len(row.parts) > 1:
            shown += row.parts
    return render(layout, shown, console)


def performance(row: Performance) -> list[tuple[str, str]]:
    """Names and values, one a line; what is not known is said to be."""
    held = "" if row.held_minutes is None else f"{money(row.held_minutes)} minutes"
    told = [
        ("days", f"{row.since:%Y-%m-%d} to {row.until:%Y-%m-%d}"),
        ("realised", f"{signed(row.profit)} won"),
        ("return", percent(row.return_pct)),
        ("drawdown", percent(row.max_drawdown_pct)),
        ("Sharpe ratio", plain(row.sharpe, 2)),
        ("Sortino ratio", plain(row.sortino, 2)),
        ("trades", f"{money(row.trades)} ({money(row.wins)} won)"),
        ("win rate", percent(row.win_rate_pct).lstrip("+")),
        ("profit factor", plain(row.profit_factor, 2)),
        ("held", held),
    ]
    return [(name, value or "not known") for name, value in told]


LABELS = {"stop": "stop mode", "at": "time"}
"""Labels that differ from the field's name because another table uses that name as a heading."""


def events(rows: Sequence[Mapping[str, Any]], console: Console) -> str:
    """Rows as a table with a column for every name that occurs; a single row as a list of pairs."""
    if len(rows) == 1:
        labelled = [(LABELS.get(name, name), _text(name, value)) for name, value in rows[0].items()]
        shown = [
            (name.replace("_", " "), text) for name, text in labelled if name != "kind" and text
        ]
        return pairs(shown, console)
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    if len({row.get("kind") for row in rows}) == 1:
        names.pop("kind", None)
    return named(rows, tuple(names), console)


def named(rows: Sequence[Mapping[str, Any]], names: Sequence[str], console: Console) -> str:
    """These fields of the rows as a table; the last ones leave first when room is short."""
    columns = [
        Column(
            LABELS.get(name, name).replace("_", " "),
            lambda row, name=name: _text(name, row.get(name)),  # type: ignore[misc]
            right=all(isinstance(row.get(name), int | float | None) for row in rows),
            rank=position,
            shorten=16 if position == len(names) - 1 else 0,
        )
        for position, name in enumerate(names)
    ]
    return render(columns, rows, console)


NUMBERS_THAT_NAME = ("pid", "port", "seed", "seq")


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, int) and name not in NUMBERS_THAT_NAME:
        return money(value)
    return str(value)
