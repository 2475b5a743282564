"""What each step of a cycle did, as one line for the terminal and the journal."""

from __future__ import annotations

from kt.engine.work import Settled
from kt.records import Balance, Check, DayResult, Order
from kt.steps.results import Difference, Reconciliation


def reconciliation(found: Reconciliation) -> str:
    return "; ".join(found.lines()) or "kt's books and the broker agree"


def balance(found: Balance) -> str:
    return (
        f"orderable {found.deposit.orderable:,} won, {len(found.positions)} held, "
        f"{len(found.open_orders)} open orders"
    )


def checks(found: tuple[Check, ...]) -> str:
    denied = [result.code for checked in found for result in checked.denials[:1]]
    words = f"{sum(checked.passed for checked in found)} of {len(found)} passed"
    return words + (f" ({', '.join(denied)})" if denied else "")


def orders(found: tuple[Order, ...]) -> str:
    words = (f"{o.side} {o.stock_name} {o.filled_quantity}/{o.quantity} {o.state}" for o in found)
    return "; ".join(words) or "none"


def differences(found: tuple[Difference, ...]) -> str:
    return "; ".join(one.text() for one in found) or "the broker's figures are the same"


def settled(found: Settled) -> str:
    return f"{day(found.result)}; the report of {found.report.day} is written"


def day(found: DayResult) -> str:
    return f"realised {found.realised:+,}, unrealised {found.unrealised:+,} won"
