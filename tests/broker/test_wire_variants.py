"""Bodies as other recordings may hold them: the exchange's own, spelt differently, read the same.

Every query is asked of the exchange once; its answer is then told again with other padding, signs,
blanks, types, unknown fields and empty rows. Nothing of that may change what kt understands.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kt.errors import WireError
from kt.records import OrderTicket, OrderType, Side
from kt.sim.exchange import ExchangeBroker
from tests.broker.queries import EVERY_QUERY
from tests.broker.wiring import line
from tests.serving import Served, serve
from tests.sim.wireclient import client

Body = dict[str, Any]
Change = Callable[[str, str], Any]

TEXTS = re.compile(
    r"(no|ord|cd|nm|tm|tm_n|tp|dt|code|Code|Day|name|Name|Warning|acctNo|stt|sig|smbol|_ori_\d|tp_txt|yn"
    r"|Enable|state|auditInfo|cncl|unit)$"
)
"""Fields that hold no amount: codes, names, times, numbers of orders, flags."""
AMOUNT = re.compile(r"[+-]?\d+")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


@pytest.fixture(scope="module")
def told() -> Iterator[dict[str, Body]]:
    """Every query's answer, of an account that has bought, sold, and has an order waiting."""
    with serve(speed=20, cash=100_000_000) as served, client(served.base_url) as wire:
        trade_a_little(served)
        end = time.monotonic() + 10
        while not (
            wire.call("ka10075").json()["oso"] and wire.call("ka10077").json()["tdy_rlzt_pl_dtl"]
        ):
            assert time.monotonic() < end
        yield {api_id: wire.call(api_id).json() for api_id in EVERY_QUERY}


@pytest.fixture(scope="module")
def plain(told: dict[str, Body], understood: Reader) -> dict[str, Any]:
    """What kt makes of the answers as they came."""
    found = {api_id: understood(body, api_id) for api_id, body in told.items()}
    assert all(value for value in found.values())
    return found


def trade_a_little(served: Served) -> None:
    account = ExchangeBroker(served.exchange, "key")
    lower = served.exchange.market.quote("005930").lower_limit
    for side, quantity, price in (
        (Side.BUY, 5, 0),
        (Side.SELL, 2, 0),
        (Side.BUY, 3, lower),
    ):
        account.place(
            OrderTicket(
                side=side,
                stock_code="005930",
                quantity=quantity,
                order_type=OrderType.LIMIT if price else OrderType.MARKET,
                price=price,
            )
        )


class Reader:
    """A client whose server answers what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.content = b""
        self.headers: dict[str, str] = {}
        self.line = line(self._answer, folder, per_second=10_000)

    def _answer(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=self.content, headers=self.headers)

    def __call__(self, body: Body, api_id: str, headers: dict[str, str] | None = None) -> Any:
        """What kt makes of the answer; a row that was left out is a failure."""
        result = self.telling(body, api_id, headers)
        assert self.line.faults == []
        return result

    def telling(self, body: Body, api_id: str, headers: dict[str, str] | None = None) -> Any:
        """What kt makes of the answer; rows that were left out are told in `line.faults`."""
        self.content, self.headers = json.dumps(body).encode(), headers or {}
        self.line.faults.clear()
        return EVERY_QUERY[api_id](self.line.kiwoom)


@pytest.fixture(scope="module")
def understood(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("state"))


def changed(body: Body, change: Change) -> Body:
    """`change` takes name and text of every single value."""

    def row(fields: Body) -> Body:
        return {
            name: [row(one) for one in value] if isinstance(value, list)
            else change(name, value) if isinstance(value, str) else value
            for name, value in fields.items()
        }  # fmt: skip

    return row(body)


def amounts(change: Callable[[str], Any], shape: re.Pattern[str] = AMOUNT) -> Change:
    return lambda name, text: (
        change(text) if shape.fullmatch(text) and not TEXTS.search(name) else text
    )


def padded(text: str) -> str:
    return f"-{text[1:]:0>14}" if text.startswith("-") else f"{text.lstrip('+'):0>15}"


def shortest(text: str) -> str:
    sign = "-" if text.startswith("-") else ""
    return sign + (text.lstrip("+-").lstrip("0") or "0")


CHANGES: dict[str, Change] = {
    "padded": amounts(padded),
    "not padded": amounts(shortest),
    "a plus on what has no sign": amounts(lambda text: text if text[0] in "+-" else f"+{text}"),
    "two minuses": amounts(lambda text: f"-{text}" if text[0] == "-" else text),
    "blanks around": lambda name, text: f" {text}  ",
    "decimals of nothing": amounts(lambda text: f"{text}.00"),
    "numbers": amounts(int),
    "decimal numbers": amounts(float, NUMBER),
    "zeros with a minus": amounts(lambda text: "-0" if text == "0" else text),
    "zeros with a blank": amounts(lambda text: " 0" if text == "0" else text),
    "account codes": lambda name, text: f"A{text}" if name == "stk_cd" and len(text) == 6 else text,
    "codes of both venues": lambda name, text: f"{text}_AL" if name == "stk_cd" else text,
    "codes of the other venue": lambda name, text: f"{text}_NX" if name == "stk_cd" else text,
    "times with colons": lambda name, text: (
        f"{text[:2]}:{text[2:4]}:{text[4:]}" if name.endswith("tm") and len(text) == 6 else text
    ),
    "times without the first zero": lambda name, text: (
        f" {text[1:]}" if name.endswith("tm") and len(text) == 6 and text[0] == "0" else text
    ),
    "order numbers of ten digits": lambda name, text: (
        text.zfill(10) if name in {"ord_no", "orig_ord_no", "ori_ord"} else text
    ),
    "null for a blank": lambda name, text: text if text else None,
}


@pytest.mark.parametrize("way", CHANGES)
def test_another_spelling_says_the_same(
    told: dict[str, Body], plain: dict[str, Any], understood: Reader, way: str
) -> None:
    spelt = {api_id: changed(body, CHANGES[way]) for api_id, body in told.items()}
    assert spelt != told
    for api_id, body in spelt.items():
        if body != told[api_id]:
            assert understood(body, api_id) == plain[api_id], api_id


def with_strange_rows(body: Body) -> Body:
    """Blank rows, and rows that hold nothing but what stands in each, after the good ones."""

    def and_more(rows: list[Body]) -> list[Any]:
        names = list(rows[0]) if rows else ["stk_cd"]
        blank = dict.fromkeys(names, "")
        zeros = dict.fromkeys(names, "0000000000") | {"stex_tp_txt": "KRX", "sor_yn": "N"}
        return [*rows, blank, {}, dict.fromkeys(names), zeros]

    return {
        name: and_more(value) if isinstance(value, list) else value for name, value in body.items()
    }


def with_unknown_fields(body: Body) -> Body:
    strange: Body = {"new_field": "글", "newer": {"a": [1, None]}, "newest": 1.5}
    rows = {
        name: [{**row, "new": {"deep": []}, "newer": "-"} for row in value]
        for name, value in body.items()
        if isinstance(value, list)
    }
    return {**strange, **body, **rows, "tail": None}


SHAPES: dict[str, Callable[[Body], Body]] = {
    "blank rows": with_strange_rows,
    "unknown fields": with_unknown_fields,
    "a text for return_code": lambda body: {**body, "return_code": "0"},
    "the other spelling": lambda body: {
        **{name: value for name, value in body.items() if not name.startswith("return_")},
        "returnCode": 0,
        "returnMsg": " 조회가 완료되었습니다.",
    },
    "no message": lambda body: {**body, "return_msg": None},
    "another order of fields": lambda body: dict(reversed(body.items())),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_another_shape_says_the_same(
    told: dict[str, Body], plain: dict[str, Any], understood: Reader, shape: str
) -> None:
    for api_id, body in told.items():
        assert understood(SHAPES[shape](body), api_id) == plain[api_id], api_id


LISTS = {
    api_id
    for api_id in EVERY_QUERY
    if api_id not in {"ka00001", "kt00001", "kt00010", "ka10001", "ka10002", "ka10004", "ka20001"}
}


MONEY = {"kt00018", "kt00007", "ka10075", "ka10076", "ka10077", "ka10085"}
"""Lists that are read strictly: one bad row, and nothing of the answer is believed."""
MISSING = object()


def relisted(body: Body, instead: object) -> Body:
    """The body with something else in the place of its list."""
    return {
        name: instead if isinstance(value, list) else value
        for name, value in body.items()
        if not (isinstance(value, list) and instead is MISSING)
    }


@pytest.mark.parametrize(
    "instead",
    [MISSING, None, "", " ", "0", 0, 1.5, True, {}, {"0": {"stk_cd": "005930"}}],
    ids=lambda value: "missing" if value is MISSING else repr(value),
)
def test_an_invalid_list_is_an_error_and_not_empty(
    told: dict[str, Body], understood: Reader, instead: object
) -> None:
    for api_id in sorted(LISTS):
        with pytest.raises(WireError, match=rf"^{api_id}\.\w+: ") as caught:
            understood(relisted(told[api_id], instead), api_id)
        assert caught.value.hint == "A list was expected here."


@pytest.mark.parametrize("row", [None, "", "005930", 7, [], ["005930"]], ids=repr)
def test_a_row_that_is_no_object_is_a_fault(
    told: dict[str, Body], plain: dict[str, Any], understood: Reader, row: object
) -> None:
    """Where money follows the whole answer fails; elsewhere the row is told of and left out."""
    for api_id in sorted(LISTS):
        rows = next(value for value in told[api_id].values() if isinstance(value, list))
        body = relisted(told[api_id], [*rows, row])
        place = rf"^{api_id}\.\w+\[{len(rows)}\]: "
        if api_id in MONEY:
            with pytest.raises(WireError, match=place):
                understood(body, api_id)
        else:
            assert understood.telling(body, api_id) == plain[api_id], api_id
            assert re.match(place, str(understood.line.faults[0]))


@pytest.mark.parametrize("api_id", sorted(LISTS))
def test_a_success_that_says_there_is_nothing_has_nothing(understood: Reader, api_id: str) -> None:
    body = {"return_code": 0, "return_msg": "조회할 자료가 없습니다."}
    found = understood(body, api_id)
    assert not (found.items if api_id == "kt00018" else found)


@pytest.mark.parametrize("name", ["CONT-YN", "Cont-Yn", "cont-yn"])
def test_an_empty_next_key_is_the_last_page(
    told: dict[str, Body], plain: dict[str, Any], understood: Reader, name: str
) -> None:
    headers = {name: "Y", "NEXT-KEY": ""}
    assert understood(told["ka10075"], "ka10075", headers) == plain["ka10075"]
