"""The estimate of tokens is what its explanation says."""

from __future__ import annotations

import pytest

from kt.rules.token_estimate import estimate


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("71000", 5),
        ("strength", 2),
        ("삼성전자", 3),
        ('{"a": 1}', 7),
        ("5min: code|09:05*\n005930|1.2/10 -3", 28),
        ("word word  word", 3),
    ],
)
def test_estimate(text: str, tokens: int) -> None:
    assert estimate(text) == tokens
