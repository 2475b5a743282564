"""Whether the clock can be trusted: days, sessions and ages are told by it, so a wrong one sends
nothing."""

from __future__ import annotations

from kt.errors import KtError
from kt.steps.context import Context

MOST = 30.0
"""Seconds that this machine's clock may be off."""


def check_time(ctx: Context) -> None:
    """Raises KtError(CLOCK) when this clock and the broker's disagree, and the broker's errors
    when it has to be asked and cannot be."""
    off = ctx.broker.skew()
    if abs(off) < MOST:
        return
    where = "ahead of" if off > 0 else "behind"
    raise KtError(
        f"this machine's clock is {abs(off):,.0f} s {where} the broker's: nothing is sent",
        hint="Let it be set from the network (NTP); `kt doctor` shows how far it is off.",
        code="CLOCK",
    )
