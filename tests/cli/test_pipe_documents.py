"""A doubtful document is refused with exit code 3, and nothing is done with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kt.cli.commands.schema import KIND_NAMES
from kt.cli.support.pipe_documents import parse
from kt.errors import ExitCode, InputError
from kt.records import KINDS
from tests.cli.front import Front, document
from tests.fakes import SAMSUNG

DECISION: dict[str, Any] = {
    "action": "BUY",
    "stock_code": SAMSUNG,
    "stock_name": "삼성전자",
    "quantity": 10,
    "price": 70_000,
    "reason": "a test",
    "confidence": 0.9,
    "risk_level": "LOW",
    "decision_id": "D1",
    "decided_at": "2026-11-23T10:00:00+09:00",
    "reference_price": 70_000,
}
CANDIDATE: dict[str, Any] = {
    "stock_code": SAMSUNG,
    "stock_name": "삼성전자",
    "price": 70_000,
    "change_pct": 1.5,
    "volume": 1_000,
    "value": 70_000_000,
    "score": 80.0,
    "stage": "fast",
}
GOOD = document("decisions", [DECISION])

BAD: dict[str, tuple[str, str]] = {
    "empty": ("", "the input is empty; expected checks or decisions"),
    "only blanks": (" \n", "the input is empty"),
    "cut off": (GOOD[:-5], "the input is truncated: the program that wrote it did not finish"),
    "cut in a name": (GOOD[:8], "the input is truncated"),
    "not JSON": ("kt: error", "the input is not JSON"),
    "a table": ("code  name\n005930  삼성전자\n", "the input"),
    "two documents": (GOOD + "\n" + GOOD, "the input contains more than one document"),
    "a list": ("[]", "the input is not a kt document"),
    "no envelope": ('{"items":[]}', "the input is not a kt document"),
    "another version": (
        document("decisions", [DECISION], kt=2),
        "the document has version 2, this kt reads version 1",
    ),
    "another kind": (
        document("candidates", [CANDIDATE]),
        "the document contains candidates, not checks or decisions",
    ),
    "no such kind": (document("orders!", []), "the document contains orders!"),
    "another profile": (
        document("decisions", [DECISION], profile="mock"),
        "the document comes from the profile 'mock', this is 'sim'",
    ),
    "too old": (
        document("decisions", [DECISION], asof="2026-11-23T09:58:59+09:00"),
        "the document is 61 s old, at most 60 s is allowed",
    ),
    "from the future": (
        document("decisions", [DECISION], asof="2026-11-23T10:00:06+09:00"),
        "the document is 6 s ahead of this clock",
    ),
    "no time zone": (
        document("decisions", [DECISION], asof="2026-11-23T10:00:00"),
        "the document's asof has no time zone",
    ),
    "no time": (document("decisions", [DECISION], asof="now"), "the input is not a kt document"),
    "a broken item": (
        document("decisions", [DECISION, DECISION | {"quantity": "ten"}]),
        "items[1] of the decisions: expected `int`, got `str` - at `$.quantity`",
    ),
    "an item without a field": (
        document("decisions", [{"action": "BUY"}]),
        "items[0] of the decisions",
    ),
    "an unknown action": (
        document("decisions", [DECISION | {"action": "SHORT"}]),
        "items[0] of the decisions: invalid enum value 'SHORT'",
    ),
    "not a number": (GOOD.replace("0.9", "NaN"), "the input is not JSON"),
    "bytes that are no text": ("\udcff\udcfe", "the input is not JSON"),
    "an item that is no text": (
        GOOD.replace("a test", "\udcff"),
        "items[0] of the decisions: ",  # msgspec's words, which change from version to version
    ),
    "half a letter": (
        GOOD.replace("a test", "\\ud800"),
        r"the input contains a lone surrogate (\ud800), which is not valid in UTF-8",
    ),
    "half a letter at the end": (
        '{"kt":"\\udc00"}',
        r"the input contains a lone surrogate (\udc00), which is not valid in UTF-8",
    ),
    "too deep": ("[" * 100_000, "the input is not a kt document"),
    "a deep item": (
        GOOD.replace("70000", "[" * 5_000 + "]" * 5_000),
        "the input is nested too deeply",
    ),
    "a deep field": (
        GOOD.replace('"kt"', f'"more":{"[" * 5_000}{"]" * 5_000},"kt"'),
        "the input is nested too deeply",
    ),
    "too long": (GOOD.replace("a test", "x" * 17_000_000), "the input is larger than 16 MiB"),
    "a long reason": (
        GOOD.replace("a test", "x" * 10_001),
        "items[0] of the decisions: expected `str` of length <= 10000 - at `$.reason`",
    ),
    "too many items": (
        document("decisions", [{}] * 10_001),
        "the input is not a kt document: expected `array` of length <= 10000",
    ),
    "a great quantity": (
        document("decisions", [DECISION | {"quantity": 10**30}]),
        "items[0] of the decisions: expected `int` <= 1000000000",
    ),
    "a quantity above all shares": (
        document("decisions", [DECISION | {"quantity": 10**12}]),
        "items[0] of the decisions: expected `int` <= 1000000000",
    ),
    "less than nothing": (
        document("decisions", [DECISION | {"quantity": -1}]),
        "items[0] of the decisions: expected `int` >= 0",
    ),
    "a number of 5000 digits": (
        GOOD.replace("70000", "7" * 5_000),
        "items[0] of the decisions: integer value out of range",
    ),
    "a surer than sure": (
        document("decisions", [DECISION | {"confidence": 1.01}]),
        "items[0] of the decisions: expected `float` <= 1.0",
    ),
    "digits of another script": (
        GOOD.replace('"quantity": 10', '"quantity": １０'),
        "the input is not JSON",
    ),
    "the year 1": (
        document("decisions", [DECISION | {"decided_at": "0001-01-01T00:00:00+23:59"}]),
        "items[0] of the decisions: decided_at is in the year 1",
    ),
    "an age of 8000 years": (
        document("decisions", [DECISION], asof="9999-12-31T23:59:59-23:59"),
        "the document's asof is in the year 9999",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_doubtful_document_is_refused_and_nothing_is_done(name: str, front: Front) -> None:
    text, message = BAD[name]
    ran = front("order", "submit", stdin=text)
    assert ran.code == ExitCode.INPUT, ran.err
    assert ran.out == ""
    assert ran.err.startswith(f"kt: {message}")
    assert front.world.broker.sent == []
    assert front.world.journal.orders() == ()


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("scan deep", "candidates"),
        ("scan ai", "candidates"),
        ("analyze", "candidates"),
        ("check", "decisions"),
        ("order submit", "checks or decisions"),
    ],
)
def test_every_reader_refuses_an_empty_input(command: str, kind: str, front: Front) -> None:
    ran = front(*command.split(), stdin="")
    assert (ran.code, ran.out) == (ExitCode.INPUT, "")
    assert ran.err == (
        f"kt: the input is empty; expected {kind}. "
        "The command before this one failed; nothing was done.\n"
    )
    assert front.world.market.asked == []


@pytest.mark.parametrize("command", ["check", "order submit"])
def test_there_is_no_hidden_wait_on_a_terminal(command: str, front: Front) -> None:
    ran = front(*command.split(), terminal=True, stdin=GOOD)
    assert (ran.code, ran.out) == (ExitCode.INPUT, "")
    assert "a pipe, but stdin is a terminal. See `kt help pipes`." in " ".join(ran.err.split())


@pytest.mark.parametrize(
    ("command", "kind", "answer"),
    [
        ("scan deep", "candidates", "candidates"),
        ("scan ai", "candidates", "candidates"),
        ("check", "decisions", "checks"),
        ("order submit", "checks", "orders"),
        ("order submit", "decisions", "orders"),
        ("analyze", "candidates", "decisions"),
    ],
)
def test_no_items_is_fine(command: str, kind: str, answer: str, front: Front) -> None:
    ran = front(*command.split(), stdin=document(kind, []))
    assert ran.code == 0, ran.err
    assert (ran.document["kind"], ran.items) == (answer, [])


def test_candidates_may_be_older_than_decisions(front: Front) -> None:
    nine_minutes = document("candidates", [], asof="2026-11-23T09:51:00+09:00")
    assert front("analyze", stdin=nine_minutes).code == 0
    eleven_minutes = document("candidates", [], asof="2026-11-23T09:49:00+09:00")
    ran = front("analyze", stdin=eleven_minutes)
    assert ran.code == ExitCode.INPUT and "660 s old, at most 600 s" in ran.err


def test_the_allowed_age_is_the_configurations(front: Front) -> None:
    front.configure("pipe:\n  max_age: 5\n")
    old = document("decisions", [], asof="2026-11-23T09:59:54+09:00")
    assert "6 s old, at most 5 s" in front("check", stdin=old).err


def test_fields_of_a_newer_kt_are_ignored(front: Front) -> None:
    newer = document("decisions", [DECISION | {"new_field": 1}], extra="x")
    assert front("check", stdin=newer).code == 0


def test_the_kinds_have_schemas_that_describe_the_envelope(front: Front) -> None:
    assert tuple(KINDS) == KIND_NAMES
    every = json.loads(front("schema").out)
    assert set(every) == set(KINDS)
    one = json.loads(front("schema", "decisions").out)
    assert one == every["decisions"]
    assert one["properties"]["kind"] == {"const": "decisions"}
    assert one["required"] == ["kt", "kind", "profile", "run", "asof", "items"]
    assert one["properties"]["items"]["items"] == {"$ref": "#/$defs/Decision"}
    assert one["$defs"]["Decision"]["properties"]["price"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": 10**9,
    }
    assert front("schema", "shares").code == ExitCode.USAGE
    assert front("schema", terminal=True).out.split() == list(KINDS)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        parse(data, "decisions")


@given(st.integers(0, len(GOOD.encode()) - 1))
def test_a_document_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(InputError):
        parse(GOOD.encode()[:length], "decisions")


@given(st.integers(0, len(GOOD.encode()) - 1), st.integers(0, 255))
def test_a_damaged_byte_is_refused_or_read_as_another_value(place: int, byte: int) -> None:
    data = bytearray(GOOD.encode())
    data[place] = byte
    try:
        found = parse(bytes(data), "decisions")
    except InputError:
        return
    assert found.kt is not None
