"""A broker, an analyst and documents whose every text is hostile: no command lets one through."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

import msgspec
import pytest

from kt.cli.command_table import COMMANDS
from kt.cli.show import live_table
from kt.errors import BrokerRefused, KtError, Unreachable, WireError
from kt.records import OrderNotice, OrderTicket, OrderType, Side, StreamKind, StreamState
from kt.text import steering
from tests.cli.front import MOMENT, FakeApp, Front, at, document
from tests.fakes import HYNIX, SAMSUNG, FakeStream, World, buy, not_placed, rejected, unknown

HOSTILE = (
    "=HYPERLINK(1)\x1b[2J\x1b]0;x\x07\x1b[31m\x9b8m\u202eevil\u2066\u200b\u2028\nkt: FORGED\r"
    "kt: FORGED\x00\x7f\ufeff\U000e0041\u3164\ud800 שלום"
)
"""Everything that steers a terminal, a spreadsheet or a reader's eye; \\ud800 stands for bytes
that are no UTF-8."""
WIRE = HOSTILE.replace("\ud800", "")
"""What can come in JSON: a lone surrogate cannot."""
TYPED = WIRE.replace("\x00", "")
"""What can come as an argument."""
FREE = {
    "stock_name", "name", "message", "evidence", "reject_reason", "reason", "detail", "status",
    "code_name", "source", "reasons", "rankings", "code", "intent", "exec_no",
}  # fmt: skip
"""Fields in which the outside may write what it likes; `code` of records that name no stock."""
OURS = (
    live_table.ENTER,
    live_table.LEAVE,
    live_table.HOME,
    live_table.CLEAR_LINE,
    live_table.CLEAR_BELOW,
    "\u2067",
    "\u2069",
)
COLOR = re.compile(r"\x1b\[(0|1|2|3[1-4])m")


def poisoned(value: Any) -> Any:
    """The same answer with every free text made hostile."""
    if isinstance(value, tuple | list):
        return type(value)(map(poisoned, value))
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    return msgspec.structs.replace(
        value,
        **{
            name: WIRE
            if isinstance(part, str) and name in FREE and not isinstance(part, Enum)
            else poisoned(part)
            for name, part in fields.items()
        },
    )


class Hostile:
    """One of the world's doors, whose every answer is poisoned."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found
        return lambda *given, **named: poisoned(found(*given, **named))


@pytest.fixture
def hostile(front: Front, world: World, monkeypatch: pytest.MonkeyPatch) -> Front:
    world.broker.hold(SAMSUNG, 10, 65_000)
    world.broker.rows[7] = poisoned(world.broker.rows[world.broker.stand(TICKET)])
    world.analyst.answers = [
        {SAMSUNG: buy(reason=WIRE, stock_name=WIRE), HYNIX: buy(180_000, 1, reason=WIRE)}
    ]
    world.analyst.picks = tuple(
        {"stock_code": code, "score": 50, "reason": WIRE} for code in (SAMSUNG, HYNIX)
    )
    world.market, world.broker = Hostile(world.market), Hostile(world.broker)  # type: ignore[assignment]
    raw = {"stk_nm": WIRE, "return_msg": WIRE, "return_code": 0}
    front.rest.answers = {"ka10001": [raw], "ka00001": [raw]}
    front.stream = Talker()
    monkeypatch.chdir(front.folder)
    for door in ("server", "pacer"):
        monkeypatch.setattr(FakeApp, door, property(lambda _: raising()), raising=False)
    front.tokens.token = raising  # type: ignore[method-assign]
    monkeypatch.setattr("kt.steps.orders.flatten.ROUNDS", 3)  # each says the same
    return front


class Talker(FakeStream):
    """A stream with a notice and a refusal for whoever subscribes."""

    def subscribe(self, kinds: Iterable[StreamKind], stock_codes: Iterable[str] = ()) -> None:
        super().subscribe(kinds, stock_codes)
        notice = OrderNotice(
            ord_no="0000101", original_ord_no="", stock_code=HYNIX, stock_name="", status="REJECT",
            side=Side.BUY, quantity=1, price=180_000, open_quantity=1, at=at(MOMENT),
            reject_reason="x",
        )  # fmt: skip
        self.say(StreamState(state="reconnecting", at=at(MOMENT), detail=HOSTILE))
        self.say(poisoned(notice))


def raising() -> str:
    raise Unreachable(HOSTILE, hint=HOSTILE)


TICKET = OrderTicket(
    side=Side.BUY, stock_code=HYNIX, quantity=1, order_type=OrderType.LIMIT, price=180_000
)
DECISION = {
    "action": "BUY", "stock_code": "005930", "stock_name": WIRE, "quantity": 10, "price": 70_000,
    "reason": WIRE, "confidence": 0.9, "risk_level": "LOW", "decision_id": WIRE, "model": WIRE,
    "decided_at": MOMENT, "faults": [WIRE],
}  # fmt: skip
CANDIDATE = {
    "stock_code": "005930", "stock_name": WIRE, "price": 70_000, "change_pct": 1.0, "volume": 1,
    "value": 10**9, "score": 1.0, "stage": WIRE, "rankings": [WIRE], "reasons": [WIRE],
}  # fmt: skip
CANDIDATES = document("candidates", [CANDIDATE])
DECISIONS = document("decisions", [DECISION], run=WIRE)

LINES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("balance",), ""),
    (("scan", "fast"), ""),
    (("scan", "deep"), CANDIDATES),
    (("scan", "ai"), CANDIDATES),
    (("analyze",), CANDIDATES),
    (("analyze", SAMSUNG), ""),
    (("check",), DECISIONS),
    (("order", "submit"), DECISIONS),
    (("order", "submit"), document("decisions", [DECISION | {"stock_code": WIRE}])),
    (("order", "submit"), document("decisions", [DECISION | {"risk_level": WIRE}])),
    (("order", "submit"), document(WIRE, [DECISION])),
    (("order", "submit"), document("decisions", [DECISION], profile=WIRE)),
    (("order", "submit"), document("decisions", [DECISION], asof=WIRE)),
    (("order", "submit"), DECISIONS[:-30]),
    (("order", "buy", SAMSUNG, "1", "--price", "70000"), ""),
    (("order", "buy", SAMSUNG, "999", "--price", "70000"), ""),
    (("order", "sell", SAMSUNG, "1", "--price", "70000", "--client-id", TYPED), ""),
    (("order", "amend", "101", "--price", "70100"), ""),
    (("order", "cancel", "101"), ""),
    (("order", "cancel", TYPED), ""),
    (("order", "resolve", TYPED, "--not-placed"), ""),
    (("order", "list", "--all"), ""),
    (("pnl",), ""),
    (("pnl", "--by", "trade"), ""),
    (("report",), ""),
    (("run", "--once"), ""),
    (("backtest", "--set", TYPED), ""),
    (("backtest", "--from", TYPED), ""),
    (("backtest", "--analyst", "replay", "--answers", TYPED), ""),
    (("sweep", "--over", TYPED), ""),
    (("sweep", "--study", TYPED, "--over", "exits.stop_loss_pct=2,3", "--objective", TYPED), ""),
    (("replay", TYPED), ""),
    (("latency",), ""),
    (("latency", "--by", "api", "--origin", TYPED), ""),
    (("compare", TYPED, TYPED), ""),
    (("compare", HOSTILE, ".", "--day", TYPED), ""),
    (("status",), ""),
    (("log", "--kind", "all"), ""),
    (("log", "--stock", TYPED), ""),
    (("log", "prune", "--keep-days", "1"), ""),
    (("notify", "test"), ""),
    (("service", "install"), ""),
    (("order", "list", "--all", "--state", TYPED), ""),
    (("balance", "--fields", "stock_name,stock_code", "-o", "md"), ""),
    (("balance", "--fields", TYPED, "-o", "csv"), ""),
    (("watch", SAMSUNG, "--count", "2"), ""),
    (("api", "ka10001", '{"stk_cd": "005930"}'), ""),
    (("api", TYPED), ""),
    (("api", "ka10001", TYPED), ""),
    (("auth", "status"), ""),
    (("auth", "login"), ""),
    (("reduce", "--reason", TYPED), ""),
    (("halt", TYPED), ""),
    (("halt", "--reason", TYPED), ""),
    (("resume",), ""),
    (("flatten",), ""),
    (("doctor",), ""),
    (("schema", TYPED), ""),
    (("completion", "install", TYPED), ""),
    (("order", "buy", TYPED, "1", "--market"), ""),
    (("order", "buy", SAMSUNG, TYPED, "--price", TYPED), ""),
    (("watch", "삼"), ""),
    (("top", TYPED), ""),
    (("order", "buy", "전자", "1", "--market"), "1\n"),
    (("help", TYPED), ""),
    (("init", TYPED), ""),
    (("sim", TYPED), ""),
    ((TYPED,), ""),
    (("balance", "--profile", TYPED), ""),
    (("balance", "--config", TYPED), ""),
    (("balance", TYPED), ""),
    (("balance", HOSTILE), ""),
)
WAYS: tuple[dict[str, Any], ...] = (
    {"terminal": True, "color": True},
    {"terminal": True, "width": 60},
    {"output": "table"},
    {"output": "csv"},
    {"output": "md"},
    {"output": "yaml"},
    {"output": "json"},
    {"output": "md"},
    {"terminal": True, "output": "json"},
)


def clean(text: str, way: dict[str, Any]) -> None:
    """Nothing in it steers; nothing from outside begins a line or a cell of its own."""
    if way.get("color"):
        assert "\x1b[31m\\u009b" not in text
        text = COLOR.sub("", text)
    for own in OURS:
        text = text.replace(own, "")
    for line in text.split("\n"):
        assert not steering(line), (way, line)
        assert not line.startswith("kt: FORGED"), (way, text)


def run(front: Front, line: tuple[str, ...], stdin: str, way: dict[str, Any]) -> None:
    given = dict(way)
    output = given.pop("output", "")
    ran = front(*line, *(("-o", output) if output else ()), stdin=stdin, **given)
    assert "unexpected error" not in ran.err, (line, ran.err)
    clean(ran.out, way)
    clean(ran.err, way)
    if output == "json" and ran.out and line[0] not in {"help", "init", "service"}:
        json.loads(ran.out.splitlines()[-1] if line[0] == "watch" else ran.out)
    if output == "csv" and line[0] not in {"init", "service"}:
        for cell in re.split(r"[,\n]", ran.out):
            assert not re.match(r'"?[=+@\t\r]', cell), cell


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_no_command_lets_hostile_text_through(hostile: Front, way: dict[str, Any]) -> None:
    for line, stdin in LINES:
        run(hostile, line, stdin, way)
        hostile.world.clock.advance(30)


def test_every_command_is_covered() -> None:
    assert {line[0] for line, _ in LINES if line[0] in COMMANDS} == set(COMMANDS)


FAILURES: tuple[Callable[[], KtError], ...] = (
    lambda: Unreachable(HOSTILE, hint=HOSTILE, code=HOSTILE),
    lambda: BrokerRefused(HOSTILE, code=HOSTILE),
    lambda: WireError(HOSTILE, HOSTILE),
)


@pytest.mark.parametrize("failure", FAILURES)
def test_no_error_of_the_broker_lets_hostile_text_through(
    hostile: Front, world: World, failure: Callable[[], KtError]
) -> None:
    names = ("holdings", "deposit", "executions", "open_orders", "day_orders", "account", "returns")
    for name, way in zip(names, itertools.cycle(WAYS[:2])):
        world.broker.failing.clear()
        world.broker.failing[name] = failure()
        for line, stdin in LINES[:28]:
            run(hostile, line, stdin, way)
    world.broker.failing.clear()
    for name in ("quote", "quotes", "book", "instruments", "bars", "flow"):
        world.market.failing = {name: failure()}
        for line, stdin in LINES[:15]:
            run(hostile, line, stdin, WAYS[0])


def test_no_response_to_an_order_lets_hostile_text_through(hostile: Front, world: World) -> None:
    answers = (rejected(HOSTILE, HOSTILE), unknown(HOSTILE), not_placed(), rejected("1", HOSTILE))
    for number, answer in enumerate(answers):
        for way in WAYS[:3]:
            world.broker.outcomes.append(msgspec.structs.replace(answer, evidence=WIRE))
            code = (SAMSUNG, HYNIX)[number % 2]
            run(hostile, ("order", "sell", code, "1", "--price", "70000"), "", way)
            run(hostile, ("order", "list", "--all"), "", way)
            run(hostile, ("log",), "", way)
