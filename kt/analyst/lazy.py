"""An analyst that is built on first use: a command that decides nothing needs no configuration
of one."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from kt.analyst.delegating import DelegatingAnalyst
from kt.ports import Analyst


class DeferredAnalyst(DelegatingAnalyst):
    """Every use raises what `choose` raises (ConfigError)."""

    def __init__(self, choose: Callable[[], Analyst]) -> None:
        self._choose = choose

    @cached_property
    def _inner(self) -> Analyst:
        return self._choose()
