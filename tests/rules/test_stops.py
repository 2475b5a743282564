"""What each stop allows, as the table in `kt/rules/stops.py` says it."""

from __future__ import annotations

import pytest

from kt.records import EXITS, Origin, Side, StopMode
from kt.rules import stops

BUY, SELL = Side.BUY, Side.SELL
EXIT, MANUAL = Origin.STOP_LOSS, Origin.MANUAL


@pytest.mark.parametrize(
    ("mode", "buy", "sell", "exit_sell"),
    [
        ("running", None, None, None),
        ("reduce", "REDUCING", None, None),
        ("flatten", "HALTED", "HALTED", None),
        ("halt", "HALTED", "HALTED", "HALTED"),
    ],
)
def test_what_each_stop_denies(
    mode: str, buy: str | None, sell: str | None, exit_sell: str | None
) -> None:
    stop = StopMode(mode)
    assert stops.refusal(stop, BUY, MANUAL) == buy
    assert stops.refusal(stop, SELL, MANUAL) == sell
    assert {stops.refusal(stop, SELL, origin) for origin in EXITS} == {exit_sell}
    assert stops.halts(stop) == (sell == "HALTED")


def test_only_a_sell_is_an_exit() -> None:
    assert stops.is_exit(SELL, EXIT)
    assert not stops.is_exit(BUY, EXIT)
    assert not stops.is_exit(SELL, MANUAL)


def test_a_flatten_takes_the_buys_back_itself() -> None:
    found = [mode.value for mode in StopMode if stops.takes_buys_back(mode)]
    assert sorted(found) == ["halt", "reduce"]


def test_every_stop_has_its_strictness() -> None:
    order = sorted(StopMode, key=stops.STRICTNESS.__getitem__)
    assert [mode.value for mode in order] == ["running", "reduce", "flatten", "halt"]
