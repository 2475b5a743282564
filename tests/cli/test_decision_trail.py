"""`kt log decision`: one decision from the scan to its verdict, in 80 columns and as JSON."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from kt.cli.show.width import width_of
from kt.config.model import Cooldown, Exits
from kt.errors import ExitCode
from kt.records import Bar, Candidate, Decision, DecisionTrail, Position, ScanSummary, Side
from kt.steps.decide import analyze, collect, decision_scoring
from kt.steps.orders import place
from kt.steps.reconcile import order_tracking
from kt.steps.risk import check
from tests import fakes
from tests.cli.front import Front
from tests.fakes import OPEN, SAMSUNG, buy
from tests.store.make import decision

FOUND = Candidate(
    stock_code=SAMSUNG,
    stock_name="삼성전자",
    price=70_000,
    change_pct=2.5,
    volume=1_000_000,
    value=70_000_000_000,
    score=88.0,
    stage="ai",
    reasons=("strength 112.0: 12.0 of 20", "buyers lead"),
)


def a_bought_stock(front: Front) -> Decision:
    """Scanned, decided, checked, bought in two fills."""
    world = front.world
    world.analyst.answers = [{SAMSUNG: buy(reason="buyers lead")}]
    (made,) = analyze.analyze(world.ctx, collect.collect(world.ctx, [FOUND]))
    checks = check.check(world.ctx, [made])
    world.journal.checks(world.ctx.run, checks)
    order, _ = place.place_checked(world.ctx, checks[0])
    for quantity in (4, 6):
        order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, quantity, 70_000))
    return made


def sold_again(front: Front, price: int = 71_400) -> None:
    """All shares, half an hour later; the decision is judged at its horizon."""
    world = front.world
    world.clock.advance(1_800)
    world.market.prices[SAMSUNG] = price
    ticket = fakes.ticket(Side.SELL, quantity=10, price=price)
    order = place.place(world.ctx, check.check_order(world.ctx, fakes.wanted(ticket)))
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 10, price))
    world.market.bars_by_code[SAMSUNG] = tuple(
        Bar(at=OPEN + timedelta(minutes=n), open=c, high=c, low=c, close=c, volume=1)
        for n, c in ((0, 70_000), (60, 71_000))
    )
    world.clock.advance(2_000)
    assert decision_scoring.learn(world.ctx).outcomes


def test_the_document_has_every_part(front: Front) -> None:
    made = a_bought_stock(front)
    sold_again(front)
    ran = front("log", "decision", made.decision_id)
    assert (ran.code, ran.document["kind"]) == (0, "trails"), ran.err
    (item,) = ran.items
    assert list(item) == [
        "decision", "run", "candidate", "brief", "prompt", "reply", "reply_objects",
        "prompt_characters", "reply_characters", "call", "checks", "orders", "fills", "exits",
        "position", "trade", "profit", "verdict", "missing",
    ]  # fmt: skip
    assert list(item) == list(DecisionTrail.__struct_fields__)
    assert item["decision"]["decision_id"] == made.decision_id
    assert (item["candidate"]["score"], item["candidate"]["stage"]) == (88.0, "ai")
    assert [stock["stock_code"] for stock in item["brief"]["stocks"]] == [SAMSUNG]
    assert item["call"]["analyst"] == "scripted"
    assert item["reply_objects"][0]["reason"] == "buyers lead"
    assert item["reply_characters"] == len(item["reply"]) > 0
    (checked,) = item["checks"]
    assert checked["passed"] and checked["results"][0]["code"] == "SIZE"
    assert [order["state"] for order in item["orders"]] == ["FILLED"]
    assert [fill["quantity"] for fill in item["fills"]] == [4, 6]
    assert item["exits"][0]["stop_price"] == 66_500
    assert item["position"] is None
    assert item["profit"] == item["trade"]["profit"] == 14_000 - 100 - 100 - 1_428
    assert (item["verdict"]["hit"], item["verdict"]["entry"]) == (True, "filled")
    assert item["missing"] == []


def test_on_a_terminal_of_80_columns(front: Front) -> None:
    made = a_bought_stock(front)
    sold_again(front)
    text = front("log", "decision", made.decision_id[:20], terminal=True).out
    for part in (
        "Decision\nid       ", "action   BUY 10 at 70,000, confidence 0.90, risk LOW\n",
        "Candidate\nscan   ai, score 88.0\n", "Brief\nas of      11-23 10:00:00",
        "\nPrompt and reply\nasked     11-23 10:00:00 scripted, script-1\n",
        '\nabout it  {"action": "BUY"', "\nChecks\n11-23 10:00:00  pass  BUY 10 at 70,000\n",
        "\nHALTED           pass stop: running\n", "\nOrder\n", "\nFills\n",
        "\nExit\ntime            quantity  average    stop  target  why\n",
        "\nprofit  +12,372 won after costs\n",
        "\nVerdict\nverdict  right, judged from its fills\n"
        "price    70,000 to 71,000 at 11-23 11:00:00\n"
        "return   +1.20% after costs\n"
        "edge     +1.20% against not doing it\n"
        "holding  +1.20%\n",
    ):  # fmt: skip
        assert part in text, text
    assert max(width_of(line) for line in text.splitlines()) <= 80


def test_what_is_held_is_shown_with_its_profit_so_far(front: Front) -> None:
    made = a_bought_stock(front)
    (item,) = front("log", "decision", made.decision_id).items
    assert item["position"]["quantity"] == 10
    assert list(item["position"]) == list(Position.__struct_fields__)
    assert (item["trade"], item["profit"], item["verdict"]) == (None, None, None)
    text = front("log", "decision", made.decision_id, terminal=True).out
    assert "\nheld  10 at 70,000: " in text and "verdict  none yet: `kt pnl --decisions`" in text


def test_a_sell_shows_the_profit_of_its_own_sale(front: Front) -> None:
    bought = a_bought_stock(front)
    world = front.world
    sale = fakes.decision(SAMSUNG, "삼성전자", "SELL", quantity=4, price=70_000, confidence=0.9)
    world.analyst.answers = [{SAMSUNG: sale}]
    world.clock.advance(700)
    (made,) = analyze.analyze(world.ctx, collect.collect(world.ctx, []))
    (checked,) = check.check(world.ctx, [made])
    order, _ = place.place_checked(world.ctx, checked)
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 4, 70_000))
    (item,) = front("log", "decision", made.decision_id).items
    assert (item["decision"]["action"], item["decision"]["held"]) == ("SELL", 10)
    assert item["profit"] == -40 - 40 - 560
    assert item["trade"]["open"] and item["position"]["quantity"] == 6
    (item,) = front("log", "decision", bought.decision_id).items
    assert (item["profit"], item["position"]["quantity"]) == (-640, 6)
    world.market.prices[SAMSUNG] = 71_000
    rest = fakes.wanted(fakes.ticket(Side.SELL, quantity=6, price=71_000))
    order = place.place(world.ctx, check.check_order(world.ctx, rest))
    order_tracking.on_notice(world.ctx, world.broker.fill(order.ord_no, 6, 71_000))
    whole = -640 + 6_000 - 60 - 60 - 852
    for name, profit in ((bought.decision_id, whole), (made.decision_id, -640)):
        (item,) = front("log", "decision", name).items
        assert (item["profit"], item["trade"]["profit"]) == (profit, whole)
        assert item["position"] is None


def test_each_trade_of_a_stock_is_its_own(front: Front) -> None:
    """Bought, sold, and bought again a second later: neither trade is taken for the other."""
    world = front.world
    first = a_bought_stock(front)
    sold_again(front)
    world.configure(exits=Exits(cooldown=Cooldown(other=0)))
    world.market.prices[SAMSUNG] = 70_000
    world.clock.set(OPEN.replace(hour=10, minute=30, second=1))
    second = a_bought_stock(front)
    (item,) = front("log", "decision", first.decision_id).items
    assert (item["profit"], item["position"]) == (12_372, None)
    (item,) = front("log", "decision", second.decision_id).items
    assert (item["profit"], item["trade"]) == (None, None)
    assert item["position"]["quantity"] == 10


def test_what_the_journal_has_no_more_is_named(front: Front) -> None:
    made = decision("01D1", decided_at=OPEN)
    front.world.journal.decisions("RUN", [made])
    (item,) = front("log", "decision", "01D1").items
    assert (item["brief"], item["prompt"], item["candidate"]) == (None, "", None)
    assert [name.partition(":")[0] for name in item["missing"]] == ["brief", "prompt and reply"]
    text = front("log", "decision", "01D1", terminal=True).out
    assert "\nCandidate\n(none)\n" in text and "not in the journal: kt log prune" in text
    assert max(width_of(line) for line in text.splitlines()) <= 80


def test_the_candidate_of_the_run_stands_in_for_a_brief_that_is_gone(front: Front) -> None:
    front.world.journal.scan("R7", "ai", OPEN, [FOUND], ScanSummary())
    made = decision("01D1", decided_at=OPEN, stock_code=SAMSUNG)
    front.world.journal.decisions("R7", [made])
    (item,) = front("log", "decision", "01D1").items
    assert (item["candidate"]["score"], item["candidate"]["stage"]) == (88.0, "ai")


def test_an_abstain_says_why(front: Front) -> None:
    front.world.analyst.error = "auth: the key was refused"
    (made,) = analyze.analyze(front.world.ctx, collect.collect(front.world.ctx, [FOUND]))
    text = front("log", "decision", made.decision_id, terminal=True).out
    assert "action   ABSTAIN, confidence 0.00" in text
    assert "fault    auth: the key was refused" in text
    assert "failed  auth: the key was refused" in text
    assert "verdict  none: nobody answered, so there is nothing to judge" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("NONE", "'NONE': kt has no such decision"),
        ("", "'': kt has no such decision"),
        ("%", "'%': kt has no such decision"),
        ("01D", "'01D': more than one decision begins so"),
        ("01d", "'01d': more than one decision begins so"),
    ],
)
def test_an_unknown_or_ambiguous_id_is_refused(front: Front, name: str, said: str) -> None:
    for made in ("01D1", "01D2"):
        front.world.journal.decisions("RUN", [decision(made)])
    ran = front("log", "decision", name)
    assert (ran.code, ran.out) == (ExitCode.USAGE, "")
    assert said in ran.err
    if "more than one" in said:
        assert "Give more of the id: 01D1, 01D2." in ran.err


def test_many_ambiguous_ids_are_cut_short(front: Front) -> None:
    made = [decision(f"01D{n}") for n in range(9)]
    front.world.journal.decisions("RUN", made)
    assert "01D4, …." in front("log", "decision", "01").err


def test_an_id_may_be_the_beginning_of_another(front: Front) -> None:
    front.world.journal.decisions("RUN", [decision("01D"), decision("01D1")])
    assert front("log", "decision", "01d").items[0]["decision"]["decision_id"] == "01D"
    assert front("log", "decision", "01d1").items[0]["decision"]["decision_id"] == "01D1"


@pytest.mark.parametrize("output", ["csv", "md", "yaml"])
def test_every_other_output_works(front: Front, output: str) -> None:
    made = a_bought_stock(front)
    ran = front("log", "decision", made.decision_id, "-o", output)
    assert ran.code == 0 and made.decision_id in ran.out
    if output == "csv":
        (row,) = csv.DictReader(io.StringIO(ran.out))
        assert row["decision.decision_id"] == made.decision_id


def test_whole_prints_prompt_and_reply(front: Front) -> None:
    made = a_bought_stock(front)
    plain = front("log", "decision", made.decision_id, terminal=True).out
    whole = front("log", "decision", made.decision_id, "--whole", terminal=True).out
    assert whole.startswith(plain) and whole.endswith("}]\n")
