"""What each stop allows, as the table in `kt/rules/risk/stop_rules.py` says it."""

from __future__ import annotations

import pytest

from kt.records import EXITS, Origin, Side, StopMode
from kt.rules.risk import stop_rules

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
    assert stop_rules.refusal(stop, BUY, MANUAL) == buy
    assert stop_rules.refusal(stop, SELL, MANUAL) == sell
    assert {stop_rules.refusal(stop, SELL, origin) for origin in EXITS} == {exit_sell}
    assert stop_rules.halts(stop) == (sell == "HALTED")


def test_a_buy_is_never_an_exit() -> None:
    assert stop_rules.is_exit(SELL, EXIT)
    assert not stop_rules.is_exit(BUY, EXIT)
    assert not stop_rules.is_exit(SELL, MANUAL)


def test_under_flatten_the_run_cancels_no_buys_itself() -> None:
    found = [mode.value for mode in StopMode if stop_rules.takes_buys_back(mode)]
    assert sorted(found) == ["halt", "reduce"]


def test_every_stop_mode_has_a_strictness() -> None:
    order = sorted(StopMode, key=stop_rules.STRICTNESS.__getitem__)
    assert [mode.value for mode in order] == ["running", "reduce", "flatten", "halt"]
