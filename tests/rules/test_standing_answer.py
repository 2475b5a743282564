"""How long an answer about a position at its target stands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from kt.config.questions import ProfitQuestion
from kt.rules.standing_answer import still_stands
from tests.store.make import T0, advice, position

QUESTION = ProfitQuestion(again_pct=1.0, again_minutes=10.0)
ASKED = advice(at=T0, asked_price=77_000)
HELD = replace(position(), opened_at=T0 - timedelta(minutes=1))


@pytest.mark.parametrize(
    ("price", "minutes", "stands"),
    [
        (77_000, 0.0, True),
        (77_769, 9.99, True),
        (77_770, 0.0, False),
        (76_231, 0.0, True),
        (76_230, 0.0, False),
        (77_000, 10.0, False),
    ],
)
def test_an_answer_stands_until_price_or_time_have_moved(
    price: int, minutes: float, stands: bool
) -> None:
    now = T0 + timedelta(minutes=minutes)
    assert still_stands(ASKED, HELD, price, now, QUESTION) is stands


def test_without_a_percentage_only_time_counts() -> None:
    question = ProfitQuestion(again_pct=0.0)
    assert still_stands(ASKED, HELD, 99_000, T0, question)


def test_an_answer_about_an_earlier_position_does_not_count() -> None:
    later = replace(HELD, opened_at=T0 + timedelta(seconds=1))
    assert not still_stands(ASKED, later, 77_000, T0 + timedelta(seconds=2), QUESTION)
