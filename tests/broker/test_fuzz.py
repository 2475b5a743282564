"""Whatever a body holds: a record, or a WireError that names a field. Never anything else."""

from __future__ import annotations

import copy
import json
import math
import random
import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kt import api_catalog
from kt.broker.order_gateway import outcome
from kt.broker.rest.client import Http
from kt.broker.rest.http_response import HttpResponse
from kt.broker.rest.response_class import classify
from kt.errors import UnknownStock, WireError
from kt.records import OutcomeStatus
from tests.broker.queries import EVERY_QUERY, read

Body = dict[str, Any]


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def odd(chance: random.Random) -> Any:
    """One of ODD, for whoever takes it alone: what is changed in place must not come back."""
    value = chance.choice(ODD)
    deep = isinstance(value, list) and bool(value) and isinstance(value[0], list) and value[0]
    return nested(900) if deep else copy.deepcopy(value)


ODD: list[Any] = [
    "", " ", "-", "--", "+", "0", "-0", "+0", " 0", "00000000", "0000000", "12a", "--12", "1.5",
    "9" * 18, "9" * 19, "9" * 5_000, "0" * 70 + "5", "4294967295", "-00000000004900", "1e9", "nan",
    "A005930", "AA005930", "005930_NX", "999999", "240000", "235959", "20260230", "20261123101500",
    "00:00:00", "::::::", "매수", "매도", "+매수정정", "매도매수", "시장가", "체결", "\x00",
    "１２３", "\u2028", None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**64, 10**5000,
    nested(900), [], [[]], {}, {"a": {}}, float("inf"), float("-inf"), float("nan"), 2**63, 10**400,
    [None], ["x"], [{}], [{"stk_cd": "005930"}], "１２", "００５９３０", "２０２６１１２３", "٣٤",
    "＋５", "1\n", "0" * 100_000, "-" * 100_000, " " * 100_000, "매" * 100_000,
]  # fmt: skip
NO_LISTS: list[Any] = [
    None, "", " ", "[]", 0, 1.5, True, {}, {"0": {}}, [None], [""], ["x"], [7], [[]], [[{}]], [{}],
    [nested(900)], [{"": ""}],
]  # fmt: skip
"""What may stand in a list's place, or be in it."""
TOKENS = [
    "1e400", "-1e999", "NaN", "Infinity", "-Infinity", "1" * 5_000, "0" * 5_000, "1." + "1" * 5_000,
    "[" * 5_000, "[" * 5_000 + "]" * 5_000, '{"a":' * 5_000, "[" * 900 + "]" * 900,
    '"\\ud800"', '"\\u0000"', '"\\x"', '"１２３"', "01", "+1", ".5", "1_000", "null", "tru",
    "//", "",
]  # fmt: skip
"""What may stand in a value's place in the text of an answer."""


def body_of(api_id: str) -> Body:
    """A good answer by the facts: every field filled so that the client takes it."""

    def value(name: str) -> str:
        if name.endswith("_tm") or name == "tm":
            return "20261123101500" if api_id in {"ka10079", "ka10080"} else "101500"
        if name == "dt":
            return "20261123"
        if name in {"stk_cd", "code"}:
            return "A005930"
        return {"io_tp_nm": "+매수", "trde_tp": "보통", "ord_stt": "체결"}.get(name, "000123")

    body: Body = {"return_code": 0, "return_msg": ""}
    row: Body | None = None
    for field in api_catalog.api(api_id).response:
        if field.is_list:
            row = {}
            body[field.name] = [row]
        elif field.depth and row is not None:
            row[field.name] = value(field.name)
        else:
            body[field.name] = value(field.name)
    if api_id == "ka10045" and row is not None:
        row["orgn_daly_nettrde_qty"] = "1"
    return body


GOOD = {api_id: json.dumps(body_of(api_id), ensure_ascii=False) for api_id in EVERY_QUERY}


@pytest.mark.parametrize("api_id", EVERY_QUERY)
def test_the_bodies_that_are_mutated_are_good(api_id: str) -> None:
    read(api_id, json.loads(GOOD[api_id]))


def mutate(body: Body, chance: random.Random) -> None:
    """One change at a random place: another value, a lost field, a lost or doubled row."""
    target: Any = body
    lists = [name for name, value in body.items() if isinstance(value, list) and value]
    if lists and chance.random() < 0.1:
        body[chance.choice(lists)] = chance.choice(NO_LISTS)
        return
    if lists and chance.random() < 0.8:
        rows = body[chance.choice(lists)]
        if chance.random() < 0.1:
            rows.append(odd(chance))
        target = rows[0]
    if not isinstance(target, dict) or not target:
        return
    name = chance.choice(list(target))
    if chance.random() < 0.15:
        del target[name]
    else:
        target[name] = odd(chance)


def retold(text: str, chance: random.Random) -> bytes:
    """The text with something else for one of its values, which may be no JSON at all."""
    places = [found.span() for found in re.finditer(r'"000123"', text)]
    start, end = chance.choice(places)
    return f"{text[:start]}{chance.choice(TOKENS)}{text[end:]}".encode()


class Server:
    """Answers what it is told to: the whole way from the bytes to the parser is tried."""

    def __init__(self) -> None:
        self.content = b""
        self._http = Http(
            "http://broker.test",
            httpx.MockTransport(lambda _: httpx.Response(200, content=self.content)),
        )

    def body(self, content: bytes) -> Body | None:
        self.content = content
        return self._http.post("/", {}, {}).body


def damage(text: str, chance: random.Random) -> bytes:
    """The bytes with some of them lost, doubled or changed."""
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(data))
        kind = chance.random()
        if kind < 0.4:
            data[at] = chance.randrange(256)
        elif kind < 0.7:
            del data[at : at + chance.randint(1, 20)]
        else:
            data[at:at] = data[at : at + chance.randint(1, 20)]
        if not data:
            data += b" "
    return bytes(data)


def survive(api_id: str, body: Body) -> bool:
    """Was it read?"""
    try:
        found = read(api_id, body)
    except WireError as fault:
        assert fault.where.startswith(api_id)
        assert len(str(fault)) < 300
        return False
    except UnknownStock:
        return False
    assert all(math.isfinite(number) for number in numbers(msgspec.to_builtins(found)))
    return True


def numbers(value: object) -> Iterator[float]:
    """Every number in what was read."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, float):
        yield value
    elif isinstance(value, int):
        assert abs(value) < 10**25, "no number of the wire has so many digits"


def fuzz(count: int, seed: int) -> None:
    chance, server = random.Random(seed), Server()
    outcomes = {True: 0, False: 0}
    names = list(EVERY_QUERY)
    for number in range(count):
        api_id = names[number % len(names)]
        if number % 3:
            body = json.loads(GOOD[api_id])
            for _ in range(chance.randint(1, 4)):
                mutate(body, chance)
        else:
            change = damage if number % 2 else retold
            found = server.body(change(GOOD[api_id], chance))
            if found is None:
                continue
            body = found
        outcomes[survive(api_id, body)] += 1
        classify(200, body)
    assert min(outcomes.values()) > count / 20, "the mutations are too weak or too strong"


def test_mutated_bodies() -> None:
    fuzz(6_000, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_hundred_thousand_mutated_bodies() -> None:
    fuzz(100_000, seed=2)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from([one for one in ODD if isinstance(one, str) and len(one) < 9_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)  # fmt: skip
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@relaxed
@given(st.sampled_from(sorted(EVERY_QUERY)), st.data())
def test_any_value_in_any_field(api_id: str, data: st.DataObject) -> None:
    body = json.loads(GOOD[api_id])
    lists = [value for value in body.values() if isinstance(value, list)]
    target = data.draw(st.sampled_from([body, *[rows[0] for rows in lists]]))
    target[data.draw(st.sampled_from(sorted(target)))] = data.draw(anything)
    survive(api_id, body)


@relaxed
@given(st.binary(max_size=200) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_as_an_answer_to_an_order(content: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=content))
    found = outcome(Http("http://broker.test", transport).post("/", {}, {}))
    assert found.status in OutcomeStatus
    assert (found.status is OutcomeStatus.ACKED) == bool(found.ord_no)


@relaxed
@given(
    st.integers(200, 599),
    st.dictionaries(
        st.sampled_from(["return_code", "return_msg", "ord_no", "returnCode", "cncl_qty"]),
        anything | st.sampled_from([0, "0", 20, "20", 5, 3, "[2000](RC4003:x)", "x[1700:y]"]),
    ),
)
def test_any_envelope_is_classified(status: int, body: Body) -> None:
    found = outcome(HttpResponse("HTTP", http_status=status, body=body), "cncl_qty")
    if status >= 500:
        assert found.status is OutcomeStatus.UNKNOWN
    assert (found.status is OutcomeStatus.ACKED) == bool(found.ord_no)
