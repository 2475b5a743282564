"""How long the journal keeps what nobody needs for ever (`journal.keep_days`)."""

from __future__ import annotations

from datetime import datetime, timedelta

from kt.steps.context import Context


def cutoff(now: datetime, keep_days: int) -> datetime:
    """The midnight before which rows may go: the days that are kept are whole ones."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=keep_days)


def prune(ctx: Context) -> dict[str, int]:
    """Remove what is older than the configuration keeps; rows by table. Nothing at 0 days."""
    days = ctx.config.journal.keep_days
    return ctx.journal.prune(cutoff(ctx.clock.now(), days)) if days else {}
