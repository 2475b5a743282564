"""How the exchange fails while positions are being left, and what leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.crash.house import Row

KINDS = (
    "stop-loss",
    "take-profit",
    "trailing",
    "beside",
    "time",
    "close",
    "emergency",
    "typed",
)
"""What leaves a position. `beside`: a stop-loss where a limit sell of the owner's rests."""

QUERIES = (
    "kt00001", "kt00007", "kt00010", "kt00018", "ka10001", "ka10004", "ka10075", "ka10076",
    "ka10095", "ka10099",
)  # fmt: skip
LISTS = ("kt00007", "kt00018", "ka10075", "ka10076", "ka10095")
SELL, CANCEL = "kt10001", "kt10003"
LONG = 60.0
ACCOUNT_REFUSED = "RC4091"
"""A refusal that is the account's, whatever the stock."""


def _queries(action: str, apis: Sequence[str] = QUERIES, **rule: object) -> Row:
    return {"action": action, "api": list(apis), "count": 0, **rule}


@dataclass(frozen=True)
class Fault:
    """`rules` for the whole exchange; `busy` is another process at the journal. `emergency`: what
    it does to a run that watches prices, by the usual configuration."""

    rules: tuple[Row, ...] = ()
    busy: bool = False
    emergency: bool = False


FAULTS: dict[str, Fault] = {
    "slow": Fault((_queries("delay", seconds=0.5, when="before"),)),
    "hanging": Fault((_queries("hang", seconds=LONG, when="before"),)),
    "5xx": Fault((_queries("status", status=503, when="before"),)),
    "empty": Fault((_queries("nothing", LISTS), _queries("empty", ("kt00001",)))),
    "null": Fault((_queries("null", LISTS),)),
    "doubled": Fault(
        (
            _queries("doubled", LISTS),
            {"action": "duplicate", "stream": "00", "count": 0},
            {"action": "duplicate", "stream": "04", "count": 0},
        )
    ),
    "refused-all": Fault(
        ({"action": "refuse", "api": SELL, "count": 0, "code": ACCOUNT_REFUSED},), emergency=True
    ),
    "stream-cut": Fault(
        (
            {"action": "cut", "stream": "0B", "when": "before"},
            {"action": "cut", "stream": "00", "when": "before"},
            {"action": "status", "stream": "handshake", "status": 503, "count": 4},
        )
    ),
    "journal-busy": Fault(busy=True),
}
"""Those of the whole exchange, by name: its answers to questions, and what is beside them."""

ORDER_FAULTS: dict[str, Row] = {
    "sell slow": {"action": "delay", "seconds": 0.4},
    "sell hangs, taken": {"action": "hang", "seconds": LONG, "when": "after"},
    "sell hangs, not taken": {"action": "hang", "seconds": LONG, "when": "before"},
    "sell 5xx, taken": {"action": "status", "status": 503, "when": "after"},
    "sell 5xx, not taken": {"action": "status", "status": 500, "when": "before"},
    "sell empty": {"action": "empty"},
    "sell without number": {"action": "no_order_number"},
    "sell refused": {"action": "refuse", "count": 0},
}
"""Those of one stock's sell orders: each stock has its own."""
TELLING = ("sell hangs, taken", "sell hangs, not taken", "sell refused")
"""The ones that the short matrix plays: the others differ little in what kt makes of them."""
