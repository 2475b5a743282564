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
from kt.records import (
    AnalystRequest,
    Book,
    BrokerShare,
    Flow,
    Interval,
    Quote,
    StockContext,
    Strength,
)

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
        _book(brief),
        _flow(brief),
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


def _book(brief: AnalystRequest) -> str:
    """Order book and trade strength; the age is that of the older one."""
    rows = []
    for stock in brief.stocks:
        book, newest = stock.book, stock.strength[0] if stock.strength else None
        times = [part.at for part in (book, newest) if part is not None and part.at is not None]
        if book is not None or newest is not None:
            rows.append(
                [
                    stock.stock_code,
                    age(min(times, default=None), brief.asof),
                    *(amount(n) for n in (_totals(book))),
                    *_levels(book),
                    *(decimal(n, 0) for n in _strengths(newest)),
                ]
            )
    columns = ["age_s", "total_bid", "total_ask", "bids", "asks"]
    return table("book", ["code", *columns, "strength", "5min", "20min", "60min"], rows)


def _totals(book: Book | None) -> tuple[int | None, int | None]:
    return (book.total_bid, book.total_ask) if book else (None, None)


def _strengths(row: Strength | None) -> tuple[float | None, ...]:
    if row is None:
        return (None,) * 4
    return row.strength, row.strength_5m, row.strength_20m, row.strength_60m


def _levels(book: Book | None) -> list[str]:
    """The quantities at the best prices, best first."""
    if book is None:
        return ["-", "-"]
    return [" ".join(amount(level.quantity) for level in side[:LEVELS]) or "-"
            for side in (book.bids, book.asks)]  # fmt: skip


def _flow(brief: AnalystRequest) -> str:
    """Net buying of foreigners and institutions by day, each in percent of the day's volume
    (ka10059), and what they hold and bought over a longer time."""
    days = sorted({flow.day for s in brief.stocks for flow in s.flow[:FLOW_DAYS]})[-FLOW_DAYS:]
    rows = []
    for stock in brief.stocks:
        by_day = {flow.day: flow for flow in stock.flow}
        figures = [_net(by_day[day]) if day in by_day else "-" for day in days]
        figures += _holders(stock)
        if any(figure != "-" for figure in figures):
            rows.append([stock.stock_code, *figures])
    names = [f"{day:%m-%d}{star(day, Interval.DAY, brief.asof)}" for day in days]
    return table("flow", ["code", *names, *HOLDERS], rows)


def _net(flow: Flow) -> str:
    shares = (percent(net, flow.volume) for net in (flow.foreign, flow.institution))
    return "/".join(rough(share) for share in shares)


HOLDERS = ("own%", "own_chg", "foreign_20d", "inst_20d", "foreign_days", "inst_days")


def _holders(stock: StockContext) -> list[str]:
    """Foreign ownership (ka10008), what was bought over the period (ka10045), and the days in a
    row (ka10131)."""
    held, days, streak = stock.foreign, stock.institutions, stock.streak
    return [
        decimal(held[0].weight_pct if held else None),
        amount(sum(row.change for row in held) if held else None),
        amount(days[0].foreign_total if days else None),
        amount(days[0].institution_total if days else None),
        exact(streak.foreign_days if streak else None),
        exact(streak.institution_days if streak else None),
    ]


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
