"""CSV and YAML hold what the JSON holds, and no code loses its zeros."""

from __future__ import annotations

import csv
import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kt.cli.support.formats import as_csv, as_yaml, flatten
from tests.cli.front import Front

CODES = st.text("0123456789", min_size=6, max_size=6)


@given(CODES)
def test_yaml_quotes_codes_for_every_reader(code: str) -> None:
    text = as_yaml({"items": [{"stock_code": code}]})
    assert f"stock_code: '{code}'" in text
    assert yaml.safe_load(text) == {"items": [{"stock_code": code}]}


@pytest.mark.parametrize("value", ["15:30", "-1", "+5", ".5", "no", "true", "null", "", "삼성"])
def test_yaml_texts_stay_texts(value: str) -> None:
    assert yaml.safe_load(as_yaml({"a": value})) == {"a": value}


def test_csv_flattens_what_is_nested() -> None:
    items = [
        {"a": 1, "b": {"c": "x", "d": [1, 2]}, "e": [{"f": 1}]},
        {"a": None, "b": {"c": "y, z", "d": []}, "g": True},
    ]
    rows = list(csv.DictReader(io.StringIO(as_csv(items))))
    assert rows == [
        {"a": "1", "b.c": "x", "b.d": "1; 2", "e": '[{"f": 1}]', "g": ""},
        {"a": "", "b.c": "y, z", "b.d": "", "e": "", "g": "true"},
    ]


def test_csv_of_no_items_is_empty() -> None:
    assert as_csv([]) == ""
    assert flatten(3) == {"value": 3}


def test_the_same_balance_in_every_format(front: Front) -> None:
    front.world.broker.hold("005930", 3, 70_000)
    item = front("balance").items[0]
    assert yaml.safe_load(front("balance", "-o", "yaml").out)["items"] == [item]
    (row,) = csv.DictReader(io.StringIO(front("balance", "-o", "csv", "--totals").out))
    assert row["deposit.cash"] == "10000000" and row["account"] == "******7890"
    text = front("balance", "-o", "json", terminal=True).out
    assert text.startswith('{\n  "kt": 1,\n') and '"stock_code": "005930"' in text
