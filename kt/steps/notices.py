"""Notices to the owner (docs/adding-a-notification.md)."""

from __future__ import annotations

from kt.steps.context import Context


def notify(ctx: Context, level: str, title: str, text: str) -> None:
    """Journal a notice and send it to the owner. `level` is `info`, `warning` or `critical`."""
    ctx.journal.notice(ctx.run, level, title, text, ctx.clock.now())
    ctx.notifier.notify(level, title, text)
