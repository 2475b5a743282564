"""The kill matrix, short: every point, every fault, both sides; and the checker checked.

`pytest -m soak tests/crash/test_matrix.py` plays the faults without a kill that are left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from kt.steps.failpoints import POINTS
from tests.crash.cases import FAULTS, SIDES, Case, Result, by_seed
from tests.crash.house import Account
from tests.crash.invariants import examine
from tests.crash.stage import Stage

AT_POINTS: dict[str, tuple[str, ...]] = {
    "place.before_plan": ("none",),
    "place.planned": ("lists-5xx",),
    "place.sending": ("none", "late-2"),
    "place.sent": ("none", "late-10", "5xx-before", "late-20", "late-20"),
    "place.recorded": ("cut-after", "late-0.5"),
    "amend.before": ("none",),
    "amend.amending": ("none",),
    "amend.sent": ("none", "no-ord-no"),
    "amend.recorded": ("cut-after",),
    "cancel.before": ("none",),
    "cancel.cancelling": ("none",),
    "cancel.sent": ("none", "late-2"),
    "cancel.recorded": ("5xx-after",),
    "follow.notice": ("fills-twice",),
    "follow.recorded": ("fills-lost", "none"),
    "follow.booked": ("fills-twice",),
    "settle.before": ("none",),
    "settle.marked": ("429",),
    "settle.recorded": ("fills-lost",),
    "reconcile.start": ("empty-body",),
    "reconcile.resolving": ("time-out-after",),
    "reconcile.resolved": ("cut-after-late-2",),
    "reconcile.caught_up": ("no-return-code",),
    "reconcile.repairing": ("none",),
    "reconcile.repaired": ("none",),
}
"""With which faults kt dies at each point: those that are felt there."""
UNLIKE_A_KILL = (
    "cut-after",
    "time-out-after",
    "5xx-after",
    "no-return-code",
    "late-2",
    "fills-lost",
)
"""Of those faults, the ones that the short matrix also plays where nobody is killed."""
FOUND_BY_SEED = (46, 2530)
"""Seeds that once found a fault."""


def _dying() -> Iterator[Case]:
    pairs = ((point, fault) for point, faults in AT_POINTS.items() for fault in faults)
    for number, (point, fault) in enumerate(pairs):
        yield Case(point, fault, SIDES[number % 2], number)


def _alone(number: int) -> Iterator[Case]:
    """A nth that is never reached: the fault alone, with the stream being followed."""
    for fault in FAULTS:
        follows = "follow.notice" if FAULTS[fault].target == "stream" else ""
        yield Case(follows, fault, SIDES[number % 2], 3 * number, nth=99 if follows else 1)
        number += 1


def _other_verbs(number: int) -> Iterator[Case]:
    """An amend and a cancel, which nobody kills."""
    for verb in (1, 2):
        for fault in ("cut-after", "no-ord-no", "token-dead"):
            yield Case("", fault, SIDES[number % 2], 3 * number + verb)
            number += 1


DYING = tuple(_dying())
ALONE = tuple(_alone(len(DYING)))
FELT = {case.fault for case in DYING} - {*UNLIKE_A_KILL, "none"}
LONG = tuple(case for case in ALONE if case.fault in FELT)
SHORT = (
    *DYING,
    *(case for case in ALONE if case not in LONG),
    *_other_verbs(len(DYING) + len(ALONE)),
    *map(by_seed, FOUND_BY_SEED),
)
PLAIN = ("place.sent", "amend.sent", "cancel.sent", "reconcile.resolved")
"""Points at which the process killed is `python -m kt` itself."""


@pytest.fixture(scope="module")
def played(stage: Stage, request: pytest.FixtureRequest) -> Callable[[Case], Future[Result]]:
    """Cases are begun ahead of their tests, a few at a time; one by one where other processes
    run the rest of the suite."""
    begun: dict[Case, Future[Result]] = {}

    def begin(case: Case) -> Future[Result]:
        if case not in begun:
            begun[case] = stage.submit(case, plain=case.point in PLAIN and case.fault == "none")
        return begun[case]

    if "PYTEST_XDIST_WORKER" not in os.environ:
        for item in request.session.items:
            found = getattr(item, "callspec", None)
            if item.path == request.path and found is not None and "case" in found.params:
                begin(found.params["case"])
    return begin


@pytest.mark.parametrize(
    "case",
    [*SHORT, *(pytest.param(case, marks=pytest.mark.soak) for case in LONG)],
    ids=lambda case: case.name.replace(" ", "-"),
)
def test_after_a_kill_at_any_point_the_books_agree_with_the_broker(
    case: Case, played: Callable[[Case], Future[Result]]
) -> None:
    result = played(case).result()
    assert not result.verdict.differences, result.failure()
    reached = case.nth == 1 and case.point
    assert result.kills or not reached, f"nobody was killed at {case.point}\n{result.log}"


def test_the_short_matrix_has_every_point_every_fault_and_both_sides() -> None:
    assert {case.point for case in SHORT} - {""} == set(POINTS)
    assert {case.fault for case in SHORT} == set(FAULTS)
    for flow in ("place", "amend", "cancel", "follow", "reconcile"):
        assert {case.side for case in SHORT if case.flow == flow} == set(SIDES)


@pytest.fixture
def account(stage: Stage) -> Iterator[Account]:
    """An account with a position and an order that rests, all in order."""
    made = Account(stage.house(), stage.new_folder("account"), stage.forge)
    assert made.kt("order", "buy", "005930", "7", "--market", "--wait").code == 0
    low = made.prices("005930")[1]
    assert made.kt("order", "buy", "005930", "2", "--price", str(low)).code == 0
    yield made
    made.close()


SABOTAGE = {
    "a number twice": ("duplicate", "UPDATE orders SET ord_nos_json = '[\"{number}\"]'"),
    "an order gone": ("orphan", "DELETE FROM orders WHERE state = 'FILLED'"),
    "a cancel too many": (
        "state",
        "UPDATE orders SET cancelled_quantity = 2, state = 'CANCELLED' WHERE state = 'ACKED'",
    ),
    "another price": ("fills", "UPDATE fills SET price = price + 1 WHERE from_quantity = 0"),
    "another stretch": (
        "fills",
        "UPDATE fills SET from_quantity = from_quantity + 1, to_quantity = to_quantity + 1",
    ),
    "a share too many": ("position", "UPDATE positions SET quantity = quantity + 1"),
    "nobody told": ("left", "UPDATE orders SET state = 'UNKNOWN' WHERE state = 'ACKED'"),
}


@pytest.mark.parametrize("name", SABOTAGE)
def test_the_invariant_checker_reports_each_violation(name: str, account: Account) -> None:
    truth = account.truth()
    assert examine(account, truth).differences == ()
    kind, sql = SABOTAGE[name]
    account.change(sql.format(number=truth.orders[0].number))
    assert examine(account, truth).count(kind), examine(account, truth).differences


def test_the_invariant_checker_reports_an_unknown_order(account: Account) -> None:
    number = account.trade("BUY", "005930", 1)
    truth = account.truth()
    found = examine(account, truth)
    assert (found.count("orphan"), found.count("position")) == (1, 1)
    assert examine(account, truth, [number]).count("orphan") == 0
