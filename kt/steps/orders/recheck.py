"""Placing a checked order beside other kt processes: checked anew when one of them was faster."""

from __future__ import annotations

from kt.errors import Denied
from kt.records import Check, Order
from kt.rules.risk.denials import Code
from kt.steps.context import Context
from kt.steps.orders import place
from kt.steps.risk import check

CHECKS = 5
"""So often at most: then somebody orders faster than this can be checked."""


def place_checked(
    ctx: Context, checked: Check, *, client_id: str = "", again: bool = False
) -> tuple[Order, Check]:
    """The order, and the check it rests on: `checked`, or a newer one. Raises what `place.place`
    raises."""
    for _ in range(CHECKS):
        try:
            return place.place(ctx, checked, client_id=client_id, again=again), checked
        except Denied as denied:
            if denied.code != Code.STALE_INPUT:
                raise
            checked = check.again(ctx, checked)
    return place.place(ctx, checked, client_id=client_id, again=again), checked
