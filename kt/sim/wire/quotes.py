"""Formats quotes (ka10001, ka10095), order books (ka10004), member firms (ka10002) and the list
of stocks (ka10099)."""

from __future__ import annotations

from kt import api_catalog
from kt.errors import UnknownStock
from kt.records import Book, BrokerShare, Instrument, Level, MarketName, Quote
from kt.sim.wire import error_bodies
from kt.sim.wire.call import Call, CallReply, Row, filled, names
from kt.sim.wire.values import (
    bare_code,
    change_pct,
    clock,
    counter,
    day,
    direction,
    millions,
    padded,
    price,
    rate,
    signed,
)

STOCK = api_catalog.api("ka10001")
WATCH_LIST = api_catalog.api("ka10095")
FIRMS = api_catalog.api("ka10002")
INSTRUMENTS = api_catalog.api("ka10099")
ACCOUNTS = names("per eps roe pbr ev bps sale_amt bus_pro cup_nga")
"""A company's financial figures, which the exchange does not have."""
FACE_VALUE = 500
HUNDRED_MILLION = 100_000_000
MOST_CODES = 100
OTHER_LISTS = {"ETF": "8", "ETN": "60", "ELW": "3"}
LIST_MARKETS = {
    "0": (MarketName.KOSPI, "0", "거래소"),
    "10": (MarketName.KOSDAQ, "10", "코스닥"),
    "50": (MarketName.KONEX, "50", "코넥스"),
}


def stock(call: Call) -> CallReply:
    """ka10001; for an unknown code, success with every field empty."""
    try:
        quote = call.market.quote(call.code())
    except UnknownStock:
        return CallReply(filled(STOCK.fields, ""))
    base, shares = quote.base_price, quote.listed_shares
    fields = filled(
        STOCK.fields,
        "",
        **_company(shares, quote.price),
        **_day_range(quote),
        stk_cd=quote.stock_code,
        stk_nm=quote.stock_name,
        setl_mm="12",
        flo_stk=str(shares // 1_000),
        crd_rt="0.00",
        for_exh_rt="0.00",
        repl_pric=str(base * 7 // 10),
        pre_sig=direction(quote.price, base, quote.upper_limit, quote.lower_limit),
        trde_pre="0.00",
        fav_unit="원",
        **_year(quote, call),
        **dict.fromkeys(ACCOUNTS, "0"),
        dstr_stk=str(shares // 1_000),
        dstr_rt="100.0",
    )
    return CallReply(fields)


def _year(quote: Quote, call: Call) -> Row:
    """Highs and lows of the year and of 250 days: the exchange fills in today's."""
    base, today = quote.base_price, day(call.now)
    return {
        "oyr_hgst": price(quote.high, base),
        "oyr_lwst": price(quote.low, base),
        "250hgst": price(quote.high, base),
        "250lwst": price(quote.low, base),
        "250hgst_pric_dt": today,
        "250lwst_pric_dt": today,
        "250hgst_pric_pre_rt": rate(change_pct(quote.price, quote.high)),
        "250lwst_pric_pre_rt": rate(change_pct(quote.price, quote.low)),
    }


def _company(shares: int, last: int) -> Row:
    """Capital and market capitalisation in hundreds of millions of won."""
    return {
        "fav": str(FACE_VALUE),
        "cap": str(shares * FACE_VALUE // HUNDRED_MILLION),
        "mac": str(shares * last // HUNDRED_MILLION),
    }


def _day_range(quote: Quote) -> Row:
    """The fields that ka10001 and ka10095 have in common."""
    base = quote.base_price
    return {
        "cur_prc": price(quote.price, base),
        "pred_pre": signed(quote.change),
        "flu_rt": rate(quote.change_pct),
        "base_pric": str(base),
        "trde_qty": counter(quote.volume),
        "open_pric": price(quote.open, base),
        "high_pric": price(quote.high, base),
        "low_pric": price(quote.low, base),
        "upl_pric": price(quote.upper_limit, base),
        "lst_pric": price(quote.lower_limit, base),
        "exp_cntr_pric": price(quote.expected_price, base),
        "exp_cntr_qty": counter(quote.expected_volume),
    }


def watch_list(call: Call) -> CallReply:
    """ka10095: up to 100 codes separated by `|`; unknown ones are left out."""
    codes = [bare_code(part) for part in call.text("stk_cd").split("|") if part.strip()]
    if len(codes) > MOST_CODES:
        raise error_bodies.too_many_codes()
    rows = [watched(quote, call.market.book(quote.stock_code), call)
            for quote in call.market.quotes(codes)]  # fmt: skip
    return CallReply(rows_name=WATCH_LIST.row_list, rows=rows, page=MOST_CODES)


def watched(quote: Quote, book: Book, call: Call) -> Row:
    base, at = quote.base_price, quote.at or call.now
    levels = {
        f"{side}_{number}th_bid": price(level.price, base)
        for side, found in (("sel", book.asks), ("buy", book.bids))
        for number, level in enumerate(_five(found), 1)
    }
    return filled(
        WATCH_LIST.row_fields,
        "",
        **_company(quote.listed_shares, quote.price),
        **_day_range(quote),
        **levels,
        stk_cd=quote.stock_code,
        stk_nm=quote.stock_name,
        pred_pre_sig=direction(quote.price, base, quote.upper_limit, quote.lower_limit),
        trde_prica=millions(quote.value),
        cntr_qty="0",
        pred_trde_qty_pre="0.00",
        sel_bid=price(quote.ask, base),
        buy_bid=price(quote.bid, base),
        close_pric=price(quote.price, base),
        cntr_tm=clock(at),
        stkcnt=str(quote.listed_shares // 1_000),
        bid_tm=clock(at),
        dt=day(at),
        pri_sel_req=counter(_five(book.asks)[0].quantity),
        pri_buy_req=counter(_five(book.bids)[0].quantity),
        tot_sel_req=counter(book.total_ask),
        tot_buy_req=counter(book.total_bid),
        prty="0.00",
        gear="0.00",
        pl_qutr="0.00",
        cap_support="0.00",
        elwexec_pric="0",
        cnvt_rt="0.0000",
        elwexpr_dt="00000000",
    )


def _five(levels: tuple[Level, ...]) -> list[Level]:
    return [*levels[:5], *[Level(0, 0)] * (5 - len(levels[:5]))]


def order_book(call: Call) -> CallReply:
    """ka10004: ten price levels a side; the best ones have different field names."""
    code = call.code()
    try:
        book = call.market.book(code)
    except UnknownStock:
        return CallReply(
            _book(Book(stock_code=code, asks=(), bids=(), total_ask=0, total_bid=0), 0)
        )
    at = book.at or call.now
    return CallReply({**_book(book, call.base(code)), "bid_req_base_tm": clock(at)})


def _book(book: Book, base: int) -> Row:
    fields = {"bid_req_base_tm": ""}
    for side, levels in (("sel", book.asks), ("buy", book.bids)):
        for number in range(1, 11):
            level = levels[number - 1] if number <= len(levels) else Level(0, 0)
            stem = f"{side}_fpr" if number == 1 else f"{side}_{number}th_pre"
            fields[f"{stem}_bid"] = price(level.price, base)
            fields[f"{stem}_req"] = counter(level.quantity)
            fields[f"{side}_{number}th_pre_req_pre"] = "0"
    fields |= {"tot_sel_req_jub_pre": "0", "tot_sel_req": counter(book.total_ask)}
    fields |= {"tot_buy_req": counter(book.total_bid), "tot_buy_req_jub_pre": "0"}
    hours = ("ovt_sel_req_pre", "ovt_sel_req", "ovt_buy_req", "ovt_buy_req_pre")
    return fields | dict.fromkeys(hours, "0")


def firms(call: Call) -> CallReply:
    """ka10002: the five member firms with the largest volume on each side."""
    code = call.code()
    try:
        quote, activity = call.market.quote(code), call.market.brokers(code)
    except UnknownStock:
        return CallReply(dict.fromkeys(FIRMS.fields, ""))
    base = quote.base_price
    fields = {
        "stk_cd": code,
        "stk_nm": quote.stock_name,
        "cur_prc": price(quote.price, base),
        "flu_smbol": direction(quote.price, base, quote.upper_limit, quote.lower_limit),
        "base_pric": str(base),
        "pred_pre": signed(quote.change),
        "flu_rt": rate(quote.change_pct),
    }
    nobody = BrokerShare(name="", code="000", quantity=0)
    for side, found in (("sel", activity.sellers), ("buy", activity.buyers)):
        for number in range(1, 6):
            firm = found[number - 1] if number <= len(found) else nobody
            fields[f"{side}_trde_ori_nm_{number}"] = firm.name
            fields[f"{side}_trde_ori_{number}"] = firm.code
            fields[f"{side}_trde_qty_{number}"] = counter(firm.quantity)
    return CallReply(fields)


def instruments(call: Call) -> CallReply:
    """ka10099: one market's stocks; counts padded to 16 digits, prices to 8."""
    asked = call.text("mrkt_tp")
    rows = [
        listing(item, *listing_market(item))
        for item in call.instruments.values()
        if asked == _list_of(item)
    ]
    return CallReply(rows_name=INSTRUMENTS.row_list, rows=rows, page=10_000)


def _list_of(item: Instrument) -> str:
    """The code of the list that a stock is in."""
    if item.kind != "STOCK":
        return OTHER_LISTS.get(item.kind, "8")
    return next((code for code, found in LIST_MARKETS.items() if found[0] is item.market), "0")


def listing_market(item: Instrument) -> tuple[str, str]:
    """The code and the name of a stock's market."""
    if item.kind != "STOCK":
        return "8", item.kind
    _, code, name = LIST_MARKETS[_list_of(item)]
    return code, name


def listing(item: Instrument, market: str, name: str) -> Row:
    return {
        "code": item.stock_code,
        "name": item.stock_name,
        "listCount": padded(item.listed_shares, 16),
        "auditInfo": item.warning or "정상",
        "regDay": "20000104",
        "lastPrice": padded(item.base_price, 8),
        "state": item.warning or "증거금20%|담보대출|신용가능",
        "marketCode": market,
        "marketName": name,
        "upName": "",
        "upSizeName": item.sector,
        "companyClassName": "",
        "orderWarning": "0",
        "nxtEnable": "Y",
    }
