"""Notices to the owner (docs/adding-a-notification.md): the one door that journals and sends."""

from __future__ import annotations

from kt.steps.context import Context


def notify(ctx: Context, level: str, title: str, text: str, *, durable: bool = False) -> None:
    """Journal a notice and send it to the owner. `level` is `info`, `warning` or `critical`; if
    `durable`, the row is on the disk before this returns. When the journal fails, the owner is
    notified all the same before JournalError is raised."""
    try:
        ctx.journal.notice(ctx.run, level, title, text, ctx.clock.now())
        if durable:
            ctx.journal.flush()
    finally:
        ctx.notifier.notify(level, title, text)
