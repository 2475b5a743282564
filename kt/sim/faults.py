"""Fault injection: which calls and frames fail, and how; read from a file or set at run time."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from kt.config.file import read_yaml
from kt.errors import ConfigError

API_ACTIONS: dict[str, str] = {
    "delay": "answer `seconds` later",
    "status": "answer HTTP `status` (503) without a body of the broker's",
    "cut": "cut the connection",
    "hang": "never answer: `seconds` (an hour), then cut",
    "drip": "the answer a byte at a time, each `seconds` (5) after the one before",
    "endless": "an answer that never comes to its end",
    "bomb": "a gzip body of `megabytes` (64) when unpacked, a thousandth of that on the wire",
    "redirect": "HTTP `status` (302) to `location`",
    "informational": "HTTP 103 before the answer",
    "empty": "HTTP 200 with an empty body",
    "not_json": "HTTP 200 with a page of HTML",
    "oddtype": "the answer, named text/html",
    "deep": "the answer with `depth` (10000) brackets inside each other",
    "no_order_number": "the answer without its order number",
    "no_return_code": "the answer without return_code and return_msg",
    "nothing": "the answer's list without its rows, whatever the totals say",
    "null": "the answer's list is null",
    "blank": "the answer's list is an empty text",
    "doubled": "each row of the answer's list twice",
    "refuse": "the broker refuses: `code` (571476, trading halted) and `message`",
    "rate": "HTTP 429",
    "token_dead": "the token ends, and the call is answered 8005",
    "renew": "a token request kills the valid token and makes another",
    "late": "orders and fills appear in the lists only after `seconds` of the exchange's clock",
}
FRAME_ACTIONS: dict[str, str] = {
    "drop": "the frame is not sent",
    "duplicate": "the frame is sent twice",
    "delay": "the frame is sent `seconds` later, others pass it",
    "cut": "the connection is cut, `when` the frame has gone out or before",
    "big": "the frame is padded to `megabytes` (64)",
    "deep": "the frame with `depth` (10000) brackets inside each other",
}
HANDSHAKE = "handshake"
"""The `stream` value of a rule for the WebSocket handshake request."""
HANDSHAKE_ACTIONS: dict[str, str] = {
    "delay": "taken `seconds` later",
    "redirect": "HTTP `status` (302) to `location`",
    "status": "HTTP `status` (503)",
    "hang": "never answered: `seconds` (an hour), then cut",
    "cut": "the connection is cut",
}
INSTEAD = frozenset(
    ["delay", "status", "cut", "hang", "drip", "endless", "bomb", "redirect", "empty", "not_json",
     "rate", "token_dead", "refuse"]
)  # fmt: skip
"""Actions that replace the call; the others change its response."""
HALTED = "571476"
ORDERS = ("kt10000", "kt10001", "kt10002", "kt10003")
LISTS = ("kt00007", "ka10075", "ka10076")
TOKEN = "au10001"
GROUPS: dict[str, tuple[str, ...]] = {"orders": ORDERS, "lists": LISTS, "token": (TOKEN,)}
SIDES = {"kt10000": "buy", "kt10001": "sell"}


class FaultRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault. It counts matching calls (or frames) and acts from the `nth` on, on `count` of
    them (0: no limit), each with its `probability`.

    `api` is an API id, several of them, a group (`orders`, `lists`, `token`) or `*`; `stream` is
    a type (`00`, `0B`, …), `*` for all of them, or `handshake`. Exactly one of the two is given.
    `stock` and `side` restrict the calls; `side` also restricts order frames. `when` says whether
    it acts before or after the exchange executes the call; a refused call is never executed.
    """

    action: str
    api: str | list[str] = ""
    stream: str = ""
    side: Literal["", "buy", "sell"] = ""
    stock: str | list[str] = ""
    nth: Annotated[int, Meta(ge=1)] = 1
    count: Annotated[int, Meta(ge=0)] = 1
    probability: Annotated[float, Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    when: Literal["before", "after"] = "after"
    seconds: Annotated[float, Meta(ge=0)] = 0.0
    status: Annotated[int, Meta(ge=300, le=599)] | None = None
    location: str = ""
    megabytes: Annotated[int, Meta(ge=1, le=10_000)] = 64
    depth: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000
    code: str = HALTED
    message: str = ""

    def stocks(self) -> frozenset[str]:
        named = [self.stock] if isinstance(self.stock, str) else self.stock
        return frozenset(named) - {""}

    def apis(self) -> frozenset[str]:
        named = [self.api] if isinstance(self.api, str) else self.api
        return frozenset(api for name in named for api in GROUPS.get(name, (name,)))


class ArmedRule:
    """A rule and its counters: how often it has matched and acted."""

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self.apis = rule.apis()
        self.stocks = rule.stocks()
        self.matched = 0
        self.acted = 0
        self._draw = random.Random(rule.seed)

    def applies_to(self, api_id: str, stock: str) -> bool:
        """Whether the rule applies to this API and stock."""
        return (
            not self.rule.stream
            and (api_id in self.apis or "*" in self.apis)
            and self.rule.side in {"", SIDES.get(api_id, "")}
            and (not self.stocks or stock in self.stocks)
        )

    def hits(self) -> bool:
        """Count one match, and return whether the rule acts on it."""
        self.matched += 1
        rule = self.rule
        if self.matched < rule.nth or (rule.count and self.acted >= rule.count):
            return False
        if rule.probability < 1.0 and self._draw.random() >= rule.probability:
            return False
        self.acted += 1
        return True


class Faults:
    """The active rules. Every rule counts its matches, even if another rule acts too."""

    def __init__(self, rules: Iterable[FaultRule] = ()) -> None:
        self._armed = [ArmedRule(rule) for rule in rules]

    def replace(self, rules: Iterable[FaultRule]) -> None:
        self._armed = [ArmedRule(rule) for rule in rules]

    @property
    def by_stock(self) -> bool:
        """Whether any rule is restricted to a stock."""
        return any(armed.stocks for armed in self._armed)

    def call(self, api_id: str, stock: str = "") -> tuple[FaultRule, ...]:
        """Count this call, and return the faults that act on it."""
        return tuple(
            armed.rule for armed in self._armed if armed.applies_to(api_id, stock) and armed.hits()
        )

    def handshake(self) -> tuple[FaultRule, ...]:
        """Count a WebSocket handshake, and return the faults that act on it."""
        return tuple(
            armed.rule for armed in self._armed if armed.rule.stream == HANDSHAKE and armed.hits()
        )

    def frame(self, kind: str, side: str = "") -> tuple[FaultRule, ...]:
        """Count this frame of the stream, and return the faults that act on it."""
        return tuple(
            armed.rule
            for armed in self._armed
            if armed.rule.stream in {kind, "*"} and armed.rule.side in {"", side} and armed.hits()
        )

    def report(self) -> list[dict[str, Any]]:
        """The rules with their counters."""
        return [
            {**msgspec.to_builtins(armed.rule), "matched": armed.matched, "acted": armed.acted}
            for armed in self._armed
        ]


def read_faults(path: Path) -> list[FaultRule]:
    """The rules in a YAML or JSON file: a list under the key `rules`. Raises ConfigError."""
    return parse_faults(read_yaml(path), str(path))


def parse_faults(data: object, where: str) -> list[FaultRule]:
    """Check and convert rules. Raises ConfigError that names the rule and the key."""
    if not isinstance(data, Mapping) or set(data) != {"rules"}:
        raise ConfigError(f"{where}: faults are a list under the one key `rules`")
    rules = data["rules"] or []
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise ConfigError(f"{where}: `rules` is not a list")
    return [_rule(item, f"{where}: rule {number}") for number, item in enumerate(rules, 1)]


def _rule(item: object, where: str) -> FaultRule:
    if not isinstance(item, Mapping):
        raise ConfigError(f"{where} is not a list of keys and values")
    for key in item:
        if key not in FaultRule.__struct_fields__:
            near = difflib.get_close_matches(str(key), FaultRule.__struct_fields__, 1)
            meant = f"; did you mean `{near[0]}`?" if near else ""
            raise ConfigError(f"{where}: unknown key `{key}`{meant}")
    try:
        rule = msgspec.convert(item, FaultRule, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
    _check(rule, where)
    return rule


def _check(rule: FaultRule, where: str) -> None:
    if bool(rule.api) == bool(rule.stream):
        raise ConfigError(f"{where}: give either `api` or `stream`")
    known = API_ACTIONS
    if rule.stream:
        known = HANDSHAKE_ACTIONS if rule.stream == HANDSHAKE else FRAME_ACTIONS
    if rule.action not in known:
        raise ConfigError(
            f"{where}: unknown action `{rule.action}`", hint=f"One of {', '.join(known)}."
        )
    if rule.action == "redirect" and not rule.location:
        raise ConfigError(f"{where}: a redirect needs its `location`")
    if rule.stock and rule.stream:
        raise ConfigError(f"{where}: `stock` narrows an `api`, not a `stream`")
    if rule.api and rule.when == "before" and rule.action not in INSTEAD:
        raise ConfigError(f"{where}: `{rule.action}` changes an answer, so it cannot come before")
