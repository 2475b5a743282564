"""Axes, windows and scores of a sweep."""

from __future__ import annotations

from datetime import date

import pytest

from kt.errors import UsageError
from kt.rules import sweep_space as space
from kt.rules.sweep_space import Axis, parse_axis

DAYS = tuple(date(2026, 1, day) for day in range(5, 15))


@pytest.mark.parametrize(
    ("text", "values", "ordered"),
    [
        ("a.b=2,3,4", ("2", "3", "4"), False),
        ("a.b= amend , cancel ", ("amend", "cancel"), False),
        ("a.b=7", ("7",), False),
        ("a.b=2:6:0.5", ("2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0", "5.5", "6.0"), True),
        ("a.b=1:2:0.3", ("1.0", "1.3", "1.6", "1.9"), True),
        ("a.b=2..5", ("2", "3", "4", "5"), True),
        ("a.b=-1..1", ("-1", "0", "1"), True),
        ("a.b=09:00,10:00", ("09:00", "10:00"), False),
    ],
)
def test_values(text: str, values: tuple[str, ...], ordered: bool) -> None:
    assert parse_axis(text) == Axis("a.b", values, ordered)


def test_any_number_between() -> None:
    found = parse_axis("a.b=0.5..2")
    assert (found.values, found.low, found.high, found.ends) == ((), 0.5, 2.0, ("0.5", "2"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.b", "KEY=VALUES"), ("=3", "KEY=VALUES"), ("a b=3", "KEY=VALUES"), ("a..b=3", "KEY="),
        ("a.b=", "empty"), ("a.b=2,,3", "empty"), ("a.b=2,3,2", "twice"), ("a.b=6..2", "range"),
        ("a.b=6:2:1", "range"), ("a.b=2:6:0", "range"), ("a.b=2:6:-1", "range"),
        ("a.b=2.0..2.0", "range"), ("a.b=0:100000:1", "1,000"), ("a.b=0..100000", "1,000"),
    ],
)  # fmt: skip
def test_what_is_no_axis(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_axis(text)


def test_numbers_are_written_as_the_configuration_reads_them() -> None:
    assert [space.text_of(n) for n in (2.0, 2.5, 0.1234567, 1_234_567.8, 1e-7, 0)] == [
        "2", "2.5", "0.123457", "1234570", "0", "0",
    ]  # fmt: skip


def test_a_grid_is_every_combination_in_order() -> None:
    axes = [parse_axis("a=1,2"), parse_axis("b=x,y")]
    assert [tuple(one.values()) for one in space.grid(axes)] == [
        ("1", "x"), ("1", "y"), ("2", "x"), ("2", "y"),
    ]  # fmt: skip
    assert space.grid_size(axes) == 4


def test_windows_walk_forward() -> None:
    found = space.windows(DAYS, 4, 2)
    assert [(w.train[0], w.test[-1], len(w.days)) for w in found] == [
        (DAYS[0], DAYS[5], 6), (DAYS[2], DAYS[7], 6), (DAYS[4], DAYS[9], 6),
    ]  # fmt: skip
    assert all(window.train[-1] < window.test[0] for window in found), "no day is in both"
    assert space.windows(DAYS, 10, 0) == ((DAYS, ()),)
    assert space.windows(DAYS, 8, 3) == ()
    assert [space.held_back(n) for n in (1, 4, 5, 10, 25)] == [0, 0, 1, 2, 5]


def test_scores() -> None:
    rates = [[0.10, -0.05], [0.02, 0.01]]
    assert space.score("return", rates) == pytest.approx((4.5 + 3.02) / 2)
    assert space.score("sharpe", rates) == pytest.approx(5.15, abs=0.01)
    assert space.score("sortino", rates) == pytest.approx(12.70, abs=0.01)
    assert space.score("sharpe", [[0.0, 0.0]]) is None, "nothing was traded"
    assert space.score("return", [[], []]) is None


def test_a_set_in_one_line() -> None:
    assert space.set_text({"exits.stop_loss_pct": "2", "language": "ko"}) == (
        "stop_loss_pct=2 language=ko"
    )
