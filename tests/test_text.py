"""Whatever comes from outside: nothing of it steers a terminal, a spreadsheet or a reader."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kt.cli.support.formats import as_csv, as_yaml
from kt.records import Action, Decision, RiskLevel
from kt.text import csv_cell, harmless, json_text, screen, steering, visible

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_every_control_and_format_character_is_known() -> None:
    missed = [
        f"U+{ord(letter):04X}"
        for letter in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(letter) in HIDDEN and not steering(letter)
    ]
    assert not missed
    assert not any(map(steering, "Samsung 삼성전자 ㈜ é 日本 שלום ₩1,000 ▲ – “”"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J삼성\r\n\u202e", "␛[2J삼성 \\u202e"),
        ("a\x00b\x7fc\x9bd", "a␀b␡c\\u009bd"),
        ("one\ntwo\u2028three\x85four\tfive", "one two three four five"),
        ("zero\u200bwidth\u2060joined\ufeff", "zero\\u200bwidth\\u2060joined\\ufeff"),
        ("\ud800lone", "\\ud800lone"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("\u3164filler\u115f", "\\u3164filler\\u115f"),
        ("⚠\ufe0f warning", "⚠ warning"),
        ("Z" + "\u0301" * 50, "Z" + "\u0301" * 3),
        ("한국어 é שלום", "한국어 é שלום"),
    ],
)
def test_control_characters_are_shown_as_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_a_long_text_is_cut() -> None:
    assert visible("x" * 50, 10) == "x" * 9 + "…"
    assert len(visible("\U000e0041" * 50_000_0, 100)) == 100
    assert visible("x" * 10, 10) == "x" * 10


@given(st.text())
def test_no_invisible_character_is_left(text: str) -> None:
    assert not steering(visible(text))
    assert not steering(csv_cell(text))
    bare = screen(text).replace("\u2067", "").replace("\u2069", "").replace("\n", "")
    assert not steering(bare)


@given(st.text())
def test_json_and_yaml_hold_the_same_value(text: str) -> None:
    raw = json.dumps({"a": text}, ensure_ascii=False)
    safe = json_text(raw)
    assert json.loads(safe) == {"a": text} and not steering(safe)
    written = as_yaml({"a": text, text: 1})
    assert not steering(written.replace("\n", ""))
    if not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text):
        assert yaml.safe_load(written)["a"] == text


def test_right_to_left_text_stays_in_its_column() -> None:
    assert screen("005930 שלום עולם  10") == "005930 \u2067שלום עולם\u2069  10"
    assert screen("a\u2067b\u2069") == "a\\u2067b\\u2069"


def test_only_kts_own_colour_codes_are_kept() -> None:
    assert (
        screen("\x1b[31mred\x1b[0m \x1b[8mhidden", colors=True) == "\x1b[31mred\x1b[0m ␛[8mhidden"
    )
    assert screen("\x1b[31mred") == "␛[31mred"


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1", "＝1", '=HYPERLINK("x")', "-"],
)
def test_no_csv_cell_is_a_formula(text: str) -> None:
    (name, cell) = as_csv([{"text": text}]).splitlines()
    assert name == "text" and cell.lstrip('"').startswith("'")
    assert as_csv([{text: 1}]).lstrip('"').startswith("'")


def test_numbers_stay_numbers_in_cells() -> None:
    items = [{"profit": -5, "rate": -1.5, "code": "005930", "list": ["=1", "2"], "n": [-1, 2]}]
    assert as_csv(items).splitlines()[1] == "-5,-1.5,005930,'=1; 2,-1; 2"


def test_every_text_of_a_record_is_made_harmless() -> None:
    decision = Decision(
        action=Action.BUY, stock_code="005930", stock_name="\x1b[2J삼성", quantity=1, price=70_000,
        reason="a\nb", confidence=0.7, risk_level=RiskLevel.LOW, faults=("\u202e",),
    )  # fmt: skip
    found = harmless({"rows": [decision], "\x1b": None})["rows"][0]
    assert (found.stock_name, found.reason, found.faults) == ("␛[2J삼성", "a b", ("\\u202e",))
    assert found.action is Action.BUY and found.price == 70_000
