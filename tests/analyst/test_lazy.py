"""A command that decides nothing needs no analyst; one that does gets the error of the choice."""

from __future__ import annotations

import pytest

from kt.analyst.choice import choose
from kt.analyst.lazy import DeferredAnalyst
from kt.clock import SystemClock
from kt.config.load import build_config
from kt.errors import ConfigError


def test_the_analyst_is_chosen_once_and_on_first_use() -> None:
    chosen = []

    def pick() -> DeferredAnalyst:
        chosen.append(choose(build_config({}, {}, {}), {}, SystemClock()))
        return chosen[-1]  # type: ignore[return-value]

    analyst = DeferredAnalyst(pick)
    assert not chosen
    assert (analyst.name, analyst.model) == ("rules", "rules-2")
    assert len(chosen) == 1


def test_a_failed_choice_raises_on_first_use() -> None:
    real = build_config({"profile": "real"}, {}, {})
    analyst = DeferredAnalyst(lambda: choose(real, {}, SystemClock()))
    with pytest.raises(ConfigError, match="must be chosen"):
        _ = analyst.name
