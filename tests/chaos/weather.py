"""What goes wrong on a chaos day, drawn from a seed: every fault of the exchange, its prices, its
network, the analyst, another program on the account, and kt itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kt.sim.faults import API_ACTIONS, FRAME_ACTIONS, GROUPS, HANDSHAKE_ACTIONS, INSTEAD

GAP = 240.0
"""Seconds between the beginnings of two troubles, on average."""
APIS = (
    "*", "*", "orders", "lists", "kt10000", "kt10001", "kt10003", "kt00018", "kt00001", "ka10075",
    "ka10095", "ka10001", "ka10004", "ka10030", "ka10080", "ka10059",
)  # fmt: skip
FRAMES = ("*", "00", "04", "0B")
LISTED_ONLY = ("nothing", "null", "blank", "doubled")
ORDER_ONLY = ("no_order_number", "refuse")
REFUSALS = ("571476", "RC4025", "RC4091", "RC4007", "800033")
"""A halted stock, too little cash, the account, the price, too few shares."""
NETWORK, PRICES, ANALYST, OTHER, RESTART, DEFECT = (
    "network", "prices", "analyst", "other program", "restart", "defect",
)  # fmt: skip
KINDS = (
    *(f"api {action}" for action in API_ACTIONS),
    *(f"frame {action}" for action in FRAME_ACTIONS),
    *(f"handshake {action}" for action in HANDSHAKE_ACTIONS),
    *(NETWORK,) * 3,
    *(PRICES,) * 6,
    *(ANALYST,) * 3,
    *(OTHER,) * 2,
    *(RESTART,) * 2,
    DEFECT,
)
"""Each fault once, and the rest as often as it says."""


@dataclass(frozen=True)
class Trouble:
    """`rules` are in force for so many `seconds` of the clock."""

    kind: str
    at: float
    """Seconds after the day's beginning."""
    seconds: float
    rules: tuple[dict[str, Any], ...] = ()
    draw: float = 0.0
    """From 0 to 1: what else a trouble of this kind has to choose."""


def weather(seed: int, length: float, gap: float = GAP) -> list[Trouble]:
    """The troubles of a day so many seconds long: all kinds in a random order, again and again."""
    chance = random.Random(f"weather {seed}")
    found: list[Trouble] = []
    kinds: list[str] = []
    at = chance.expovariate(1 / gap)
    while at < length:
        kinds = kinds or chance.sample(KINDS, len(KINDS))
        found.append(_trouble(kinds.pop(), at, chance))
        at += chance.expovariate(1 / gap)
    return found


def _trouble(kind: str, at: float, chance: random.Random) -> Trouble:
    seconds = chance.choice((2.0, 10.0, 30.0, 90.0, 200.0))
    family, _, action = kind.partition(" ")
    make: dict[str, Callable[[str, random.Random], tuple[dict[str, Any], ...]]] = {
        "api": _api, "frame": _frame, "handshake": _handshake,
    }  # fmt: skip
    rules = make[family](action, chance) if family in make else ()
    return Trouble(kind, at, seconds, rules, chance.random())


def _api(action: str, chance: random.Random) -> tuple[dict[str, Any], ...]:
    api = chance.choice(APIS)
    if action in LISTED_ONLY or action == "late":
        api = chance.choice(("lists", "kt00018", "ka10075"))
    elif action in ORDER_ONLY:
        api = chance.choice(("orders", *GROUPS["orders"][:2]))
    elif action == "renew":
        api = "token"
    before = action in INSTEAD and chance.random() < 0.5
    rule = {
        "action": action,
        "api": api,
        "when": "before" if before else "after",
        "count": chance.choice((1, 2, 5, 0)),
        "probability": chance.choice((1.0, 1.0, 0.5)),
        "seed": chance.randrange(1000),
        "seconds": chance.choice((0.5, 3.0, 20.0)),
    }
    if action == "redirect":
        rule["location"] = "http://127.0.0.1:9/elsewhere"
    if action == "refuse":
        rule["code"] = chance.choice(REFUSALS)
    return (rule,)


def _frame(action: str, chance: random.Random) -> tuple[dict[str, Any], ...]:
    count = 1 if action == "cut" else chance.choice((1, 5, 0))
    rule = {"action": action, "stream": chance.choice(FRAMES), "count": count}
    return ({**rule, "seconds": chance.choice((0.5, 5.0, 40.0))},)


def _handshake(action: str, chance: random.Random) -> tuple[dict[str, Any], ...]:
    """The connection is cut, and so many attempts to open it again fail."""
    fails = {"action": action, "stream": "handshake", "count": chance.choice((1, 2, 4))}
    if action == "redirect":
        fails["location"] = "http://127.0.0.1:9/elsewhere"
    return ({"action": "cut", "stream": "*"}, fails)
