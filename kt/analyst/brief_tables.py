"""A brief as the tables that a model reads: one table for each kind of figure, one row for each
stock, the times in the headings. Prices of charts are percentages, so that no digit is repeated.

The instructions (`prompts/`) explain the columns; change both together.
"""

from __future__ import annotations

from collections.abc import Sequence

from kt.analyst.account_tables import account_tables
from kt.analyst.chart_tables import chart_tables, star
from kt.analyst.compact import (
    above,
    age,
    amount,
    cell,
    decimal,
    exact,
    percent,
    price,
    rough,
    table,
)
from kt.records import AnalystRequest, Book, BrokerShare, Flow, Interval, Quote, StockContext

FLOW_DAYS = 5
LEVELS, FIRMS = 3, 3


def brief_text(brief: AnalystRequest) -> str:
    """All of a brief, for any question. No line is longer than its figures, and no text of others
    can end the fence around it (`compact.cell`)."""
    stocks = brief.stocks
    parts = [
        *account_tables(brief),
        _stocks(brief),
        *chart_tables(brief),
        _indicators(stocks),
        _strength(brief),
        _book(brief),
        _flow(brief),
        _holders(stocks),
        _brokers(stocks),
        _missing(brief),
    ]
    return "\n".join(part for part in parts if part)


def _stocks(brief: AnalystRequest) -> str:
    rows = []
    for stock in brief.stocks:
        quote, base = stock.quote, stock.quote.base_price
        candidate = stock.candidate
        rows.append(
            [
                stock.stock_code,
                cell(stock.stock_name),
                stock.market.value if stock.market else "-",
                cell(stock.sector, 20) or "-",
                age(quote.at, brief.asof),
                price(quote.price),
                price(base),
                *(
                    decimal(above(p, base))
                    for p in (quote.price, quote.open, quote.high, quote.low)
                ),
                *(price(p) for p in (quote.bid, quote.ask, quote.lower_limit, quote.upper_limit)),
                amount(quote.volume),
                amount(quote.value if quote.value or not quote.volume else None),
                decimal(candidate.surge_pct if candidate else None, 0),
            ]
        )
    columns = "code name market sector age_s price prev chg% open% high% low% bid ask lower_limit"
    return table("stock", [*columns.split(), "upper_limit", "volume", "value", "surge%"], rows)


def _prices(quote: Quote) -> tuple[int, ...]:
    return quote.price, quote.open, quote.high, quote.low


def _indicators(stocks: Sequence[StockContext]) -> str:
    rows = []
    for stock in stocks:
        i, now = stock.indicators, stock.quote.price
        band = None
        if i.bollinger_upper is not None and i.bollinger_lower is not None:
            width = i.bollinger_upper - i.bollinger_lower
            band = percent(now - i.bollinger_lower, width)
        figures = [
            *(rough(above(now, mean)) for mean in (i.sma_5, i.sma_20, i.sma_60)),
            decimal(i.rsi_14, 0),
            *(decimal(percent(line, now), 2) for line in (i.macd, i.macd_signal)),
            decimal(band, 0),
            decimal(percent(i.atr_14, now)),
            decimal(above(now, i.vwap)),
            rough(i.volume_ratio),
        ]
        if any(figure != "-" for figure in figures):
            rows.append([stock.stock_code, *figures])
    columns = ["sma5%", "sma20%", "sma60%", "rsi", "macd%", "signal%", "boll%", "atr%", "vwap%"]
    return table("indicator", ["code", *columns, "vol_ratio"], rows)


def _strength(brief: AnalystRequest) -> str:
    rows = [
        [stock.stock_code, age(s.at, brief.asof)]
        + [decimal(n, 0) for n in (s.strength, s.strength_5m, s.strength_20m, s.strength_60m)]
        for stock in brief.stocks
        for s in stock.strength[:1]
    ]
    return table("strength", ["code", "age_s", "now", "5min", "20min", "60min"], rows)


def _book(brief: AnalystRequest) -> str:
    rows = []
    for stock in brief.stocks:
        if stock.book is not None:
            book = stock.book
            totals = (amount(total) for total in (book.total_bid, book.total_ask))
            rows.append([stock.stock_code, age(book.at, brief.asof), *totals, *_levels(book)])
    return table("book", ["code", "age_s", "total_bid", "total_ask", "bids", "asks"], rows)


def _levels(book: Book) -> list[str]:
    """The quantities at the best prices, best first."""
    return [" ".join(amount(level.quantity) for level in side[:LEVELS]) or "-"
            for side in (book.bids, book.asks)]  # fmt: skip


def _flow(brief: AnalystRequest) -> str:
    """Net buying of foreigners and institutions, each in percent of the day's volume."""
    days = sorted({flow.day for s in brief.stocks for flow in s.flow[:FLOW_DAYS]})[-FLOW_DAYS:]
    rows = []
    for stock in brief.stocks:
        by_day = {flow.day: flow for flow in stock.flow}
        if by_day:
            found = (_net(by_day[day]) if day in by_day else "-" for day in days)
            rows.append([stock.stock_code, *found])
    names = [f"{day:%m-%d}{star(day, Interval.DAY, brief.asof)}" for day in days]
    return table("flow", ["code", *names], rows)


def _net(flow: Flow) -> str:
    shares = (percent(net, flow.volume) for net in (flow.foreign, flow.institution))
    return "/".join(rough(share) for share in shares)


def _holders(stocks: Sequence[StockContext]) -> str:
    """Foreign ownership (ka10008), what was bought over the period (ka10045), and the days in a
    row (ka10131)."""
    rows = []
    for stock in stocks:
        held, days, streak = stock.foreign, stock.institutions, stock.streak
        if not held and not days and streak is None:
            continue
        rows.append(
            [
                stock.stock_code,
                decimal(held[0].weight_pct if held else None),
                amount(sum(row.change for row in held) if held else None),
                amount(days[0].foreign_total if days else None),
                amount(days[0].institution_total if days else None),
                exact(streak.foreign_days if streak else None),
                exact(streak.institution_days if streak else None),
            ]
        )
    columns = ["foreign_own%", "own_chg", "foreign_20d", "institution_20d"]
    return table("holder", ["code", *columns, "foreign_days", "institution_days"], rows)


def _brokers(stocks: Sequence[StockContext]) -> str:
    rows = [
        [stock.stock_code, _firms(stock.brokers.buyers), _firms(stock.brokers.sellers)]
        for stock in stocks
        if stock.brokers is not None
    ]
    return table("broker", ["code", "buyers", "sellers"], rows)


def _firms(firms: Sequence[BrokerShare]) -> str:
    """Without the word for a securities firm, which most names end in."""
    names = ((cell(firm.name, 12).removesuffix("증권"), firm.quantity) for firm in firms[:FIRMS])
    return ", ".join(f"{name} {amount(quantity)}" for name, quantity in names) or "-"


def _missing(brief: AnalystRequest) -> str:
    named = [["-", cell(part, 80)] for part in brief.missing]
    named += [
        [stock.stock_code, cell(part, 80)] for stock in brief.stocks for part in stock.missing
    ]
    return table("missing", ["code", "what"], named)
