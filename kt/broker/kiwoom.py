"""Kiwoom Securities as one object: the Market and the Broker port over the REST wire."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kt.broker.kiwoom_account import KiwoomAccount
from kt.broker.kiwoom_market import KiwoomMarket
from kt.broker.kiwoom_orders import KiwoomOrders
from kt.broker.pace import Pacer
from kt.broker.rest import Http, OnCall, Rest
from kt.broker.token import TokenSource, key_hash
from kt.broker.token_server import WireTokenServer
from kt.config.secrets import AppKeys
from kt.errors import WireError
from kt.ports import Clock


def _unheard(fault: WireError) -> None:
    """Nobody asked to be told."""


class Kiwoom(KiwoomMarket, KiwoomAccount, KiwoomOrders):
    """Implements ports.Market and ports.Broker. Safe between threads.

    `on_fault` is told about every row of a list that could not be read and was left out.
    """

    def __init__(
        self, rest: Rest, clock: Clock, on_fault: Callable[[WireError], None] = _unheard
    ) -> None:
        self.rest = rest
        self.clock = clock
        self.on_fault = on_fault

    @property
    def tokens(self) -> TokenSource:
        """The token that REST and the stream share."""
        return self.rest.tokens

    def close(self) -> None:
        self.rest.http.close()


def connect(
    base_url: str,
    keys: AppKeys,
    state_dir: Path,
    clock: Clock,
    *,
    queries_per_second: float,
    orders_per_second: float,
    on_call: OnCall | None = None,
    on_fault: Callable[[WireError], None] = _unheard,
) -> Kiwoom:
    """Everything wired together; nothing is opened until the first call.

    `state_dir` is the profile's: token and budget are shared by all processes that use it.
    """
    http = Http(base_url)
    pacer = Pacer(
        state_dir,
        key_hash(http.base_url, keys.app_key),
        clock,
        queries_per_second,
        orders_per_second,
    )
    server = WireTokenServer(http, pacer, clock, on_call)
    tokens = TokenSource(keys, http.base_url, state_dir, clock, server)
    return Kiwoom(Rest(http, tokens, pacer, clock, on_call), clock, on_fault)
