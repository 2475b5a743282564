"""Parses market data of stocks: quotes, order book, member firms, strength, flows, listings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from kt.api_catalog import Api
from kt.broker.wire.row import OnFault, Row, tolerant
from kt.broker.wire.units import turnover
from kt.errors import UnknownStock
from kt.records import (
    Book,
    BrokerActivity,
    BrokerShare,
    Flow,
    ForeignHolding,
    InstitutionDay,
    Instrument,
    Level,
    MarketName,
    Quote,
    Side,
    Strength,
)

Body = Mapping[str, object]

THOUSAND = 1_000
"""The unit of listed shares (ka10001 flo_stk, ka10095 stkcnt)."""
MARKETS = {MarketName.KOSPI: "0", MarketName.KOSDAQ: "10"}
"""mrkt_tp of ka10099. All rows belong to the requested market; a row's marketCode is its kind."""
WARNINGS = {"1": "투자주의", "2": "정리매매", "3": "단기과열", "4": "투자위험", "5": "투자경고"}
"""Codes of orderWarning in ka10099."""
BAD_STATES = ("관리종목", "거래정지", "정리매매", "투자유의", "상장폐지")


def asked_about(api: Api, stock_code: str) -> dict[str, str] | None:
    """The request body that names this stock; None for an API that is not about one stock."""
    named = any(field.name == "stk_cd" for field in api.request)
    return {"stk_cd": stock_code} if named else None


def unknown(api_id: str, stock_code: str) -> UnknownStock:
    return UnknownStock(
        f"unknown stock {stock_code}: the broker has nothing on it ({api_id})",
        hint="Check the six characters of the code.",
        code="UNKNOWN_STOCK",
    )


def unknown_if_blank(api_id: str, asked: Body, body: Body) -> UnknownStock | None:
    """The UnknownStock error if a query about one stock succeeded with every field blank.

    Not for lists, which may be empty for other reasons.
    """
    code = asked.get("stk_cd")
    values = [value for name, value in body.items() if not name.lower().startswith("return")]
    blank = all(isinstance(value, str) and not value.strip() for value in values)
    return unknown(api_id, str(code)) if code and values and blank else None


def _known(body: Body, api_id: str, stock_code: str, *names: str) -> Row:
    """The body as a row. Raises UnknownStock if the named fields are all blank: the broker's
    response for a stock it does not know."""
    row = Row(body, api_id)
    if any(name in body for name in names) and not any(row.has(name) for name in names):
        raise unknown(api_id, stock_code)
    return row


def quote(body: Body, stock_code: str) -> Quote:
    """ka10001: the quote of one stock."""
    row = _known(body, "ka10001", stock_code, "stk_nm", "cur_prc")
    return Quote(
        stock_code=row.code("stk_cd"),
        stock_name=row.text("stk_nm"),
        price=row.price("cur_prc"),
        base_price=row.price("base_pric"),
        change=row.integer("pred_pre", 0),
        change_pct=row.rate("flu_rt", 0.0),
        volume=row.price("trde_qty", 0),
        open=row.price("open_pric", 0),
        high=row.price("high_pric", 0),
        low=row.price("low_pric", 0),
        upper_limit=row.price("upl_pric", 0),
        lower_limit=row.price("lst_pric", 0),
        expected_price=row.price("exp_cntr_pric", 0),
        expected_volume=row.price("exp_cntr_qty", 0),
        listed_shares=row.price("flo_stk", 0) * THOUSAND,
    )


def quotes(body: Body, today: date, on_fault: OnFault) -> list[Quote]:
    """ka10095: quotes of several stocks; codes unknown to the broker are left out."""

    def one(row: Row) -> Quote | None:
        if not row.has("stk_nm") and not row.has("cur_prc"):
            return None
        price, volume = row.price("cur_prc"), row.price("trde_qty", 0)
        day = row.day("dt", today)
        return Quote(
            stock_code=row.code("stk_cd"),
            stock_name=row.text("stk_nm"),
            price=price,
            base_price=row.price("base_pric"),
            change=row.integer("pred_pre", 0),
            change_pct=row.rate("flu_rt", 0.0),
            volume=volume,
            open=row.price("open_pric", 0),
            high=row.price("high_pric", 0),
            low=row.price("low_pric", 0),
            upper_limit=row.price("upl_pric", 0),
            lower_limit=row.price("lst_pric", 0),
            value=turnover(row.integer("trde_prica", 0), volume, price),
            bid=row.price("buy_bid", 0),
            ask=row.price("sel_bid", 0),
            expected_price=row.price("exp_cntr_pric", 0),
            expected_volume=row.price("exp_cntr_qty", 0),
            listed_shares=row.price("stkcnt", 0) * THOUSAND,
            at=row.moment("cntr_tm", day) if row.has("cntr_tm") else None,
        )

    found = tolerant(body, "ka10095", one, on_fault)
    return [quote for quote in found if quote is not None]


def book(body: Body, stock_code: str, today: date) -> Book:
    """ka10004: the order book. Price levels without a price are left out; if the time is missing
    too, the stock does not exist (UnknownStock)."""
    row = _known(body, "ka10004", stock_code, "bid_req_base_tm", "sel_fpr_bid", "buy_fpr_bid")
    asks, bids = _levels(row, Side.SELL), _levels(row, Side.BUY)
    if not asks and not bids and not row.has("bid_req_base_tm"):
        raise unknown("ka10004", stock_code)
    return Book(
        stock_code=stock_code,
        asks=asks,
        bids=bids,
        total_ask=row.price("tot_sel_req", 0),
        total_bid=row.price("tot_buy_req", 0),
        at=row.moment("bid_req_base_tm", today) if row.has("bid_req_base_tm") else None,
    )


def _levels(row: Row, side: Side) -> tuple[Level, ...]:
    word = "sel" if side is Side.SELL else "buy"
    names = [(f"{word}_fpr_bid", f"{word}_fpr_req")]
    names += [(f"{word}_{n}th_pre_bid", f"{word}_{n}th_pre_req") for n in range(2, 11)]
    levels = [Level(row.price(price), row.price(quantity, 0)) for price, quantity in names]
    return tuple(level for level in levels if level.price)


def brokers(body: Body, stock_code: str) -> BrokerActivity:
    """ka10002: the most active member firms; empty places are left out."""
    row = _known(body, "ka10002", stock_code, "stk_nm", "cur_prc")
    return BrokerActivity(
        stock_code=row.code("stk_cd"),
        sellers=_firms(row, "sel"),
        buyers=_firms(row, "buy"),
    )


def _firms(row: Row, word: str) -> tuple[BrokerShare, ...]:
    firms = [
        BrokerShare(
            name=row.text(f"{word}_trde_ori_nm_{place}", ""),
            code=row.text(f"{word}_trde_ori_{place}", ""),
            quantity=row.price(f"{word}_trde_qty_{place}", 0),
        )
        for place in range(1, 6)
    ]
    return tuple(firm for firm in firms if firm.name or firm.quantity)


def strength(body: Body, today: date, on_fault: OnFault) -> list[Strength]:
    """ka10046: trade strength, newest first. The volume's sign is the aggressor side."""

    def one(row: Row) -> Strength:
        return Strength(
            at=row.moment("cntr_tm", today),
            price=row.price("cur_prc"),
            volume=row.price("trde_qty"),
            strength=row.rate("cntr_str"),
            strength_5m=row.rate("cntr_str_5min"),
            strength_20m=row.rate("cntr_str_20min"),
            strength_60m=row.rate("cntr_str_60min"),
        )

    return tolerant(body, "ka10046", one, on_fault)


def flow(body: Body, on_fault: OnFault) -> list[Flow]:
    """ka10059, requested as net buying in single shares, newest first."""

    def one(row: Row) -> Flow:
        return Flow(
            day=row.day("dt"),
            price=row.price("cur_prc"),
            volume=row.price("acc_trde_qty", 0),
            individual=row.integer("ind_invsr"),
            foreign=row.integer("frgnr_invsr"),
            institution=row.integer("orgn"),
        )

    return tolerant(body, "ka10059", one, on_fault)


def foreign(body: Body, on_fault: OnFault) -> list[ForeignHolding]:
    """ka10008: foreign holdings, newest first."""

    def one(row: Row) -> ForeignHolding:
        return ForeignHolding(
            day=row.day("dt"),
            close=row.price("close_pric"),
            volume=row.price("trde_qty", 0),
            change=row.integer("chg_qty"),
            shares=row.integer("poss_stkcnt"),
            weight_pct=row.rate("wght"),
        )

    return tolerant(body, "ka10008", one, on_fault)


def institutions(body: Body, on_fault: OnFault) -> list[InstitutionDay]:
    """ka10045, newest first. The sums are over the requested period.

    The document's field list has no daily figure for institutions, but its example has one. If
    it is missing, it is computed as the change of the sum since the day before.
    """
    daily = "orgn_daly_nettrde_qty"

    def one(row: Row) -> tuple[bool, InstitutionDay]:
        return row.has(daily), InstitutionDay(
            day=row.day("dt"),
            close=row.price("close_pric"),
            volume=row.price("trde_qty", 0),
            institution=row.integer(daily, 0),
            foreign=row.integer("for_daly_nettrde_qty"),
            institution_total=row.integer("orgn_dt_acc"),
            foreign_total=row.integer("for_dt_acc"),
        )

    found = tolerant(body, "ka10045", one, on_fault)
    before = [*(day.institution_total for _, day in found[1:]), 0]
    return [
        day
        if daily_sent
        else msgspec.structs.replace(day, institution=day.institution_total - earlier)
        for (daily_sent, day), earlier in zip(found, before, strict=False)
    ]


def institution_today(body: Body, api_id: str) -> InstitutionDay | None:
    """ka10009, which most servers have retired: the newest day alone; None when it is blank."""
    row = Row(body, api_id)
    if not row.has("date") or not row.has("orgn_daly_nettrde"):
        return None
    return InstitutionDay(
        day=row.day("date"),
        close=row.price("close_pric", 0),
        volume=0,
        institution=row.integer("orgn_daly_nettrde"),
        foreign=row.integer("frgnr_daly_nettrde", 0),
        institution_total=row.integer("orgn_dt_acc", 0),
        foreign_total=0,
    )


def instruments(body: Body, market: MarketName, on_fault: OnFault) -> list[Instrument]:
    """ka10099 for one market."""

    def one(row: Row) -> Instrument:
        return Instrument(
            stock_code=row.code("code"),
            stock_name=row.text("name"),
            market=market,
            base_price=row.price("lastPrice"),
            listed_shares=row.integer("listCount", 0),
            warning=_warning(row),
            kind=_kind(row),
            sector=row.text("upName", "") or row.text("upSizeName", ""),
        )

    return tolerant(body, "ka10099", one, on_fault)


def _kind(row: Row) -> str:
    """STOCK, ETF, ETN or ELW, from the market's name (`ETN(변동성)`) or else from its code."""
    name = row.text("marketName", "").upper()
    for kind in ("ETF", "ETN", "ELW"):
        if kind in name:
            return kind
    return {"8": "ETF", "3": "ELW"}.get(row.text("marketCode", ""), "STOCK")


def _warning(row: Row) -> str:
    """All warnings about the stock, in the broker's words; empty if there are none."""
    audit = row.text("auditInfo", "")
    reasons = [audit] if audit not in {"", "정상"} else []
    state = row.text("state", "")
    reasons += [word for word in BAD_STATES if word in state and word not in reasons]
    ordering = WARNINGS.get(row.text("orderWarning", ""))
    if ordering and not any(ordering in reason for reason in reasons):
        reasons.append(ordering)
    return ", ".join(reasons)
