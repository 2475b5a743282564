"""Checks of the server: reachable, clock skew, token, request budget."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from kt.broker.rest.server_clock import seconds_off
from kt.store.health import Finding

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

SKEW_WARN, SKEW_FAIL = 3.0, 30.0
"""Seconds between this clock and the server's: the Date header counts whole seconds."""
PROBE = "ka00001"
"""The account number: the smallest answer there is."""


def server(cli: CliContext) -> Iterable[Finding]:
    """One query: whether the address answers, and the clock skew by its Date header."""
    app = cli.app
    before, started = app.clock.now(), app.clock.monotonic()
    reply = app.rest.call(PROBE)
    after = app.clock.now()
    milliseconds = app.clock.to_real(app.clock.monotonic() - started) * 1000
    found = [Finding("server", "ok", f"{app.server.base_url} answered in {milliseconds:.0f} ms")]
    return [*found, skew(reply.date, before, after)]


def skew(header: str, before: datetime, after: datetime) -> Finding:
    """How far this machine's clock is from the server's Date header; `before` and `after` are the
    local times of the request and the response."""
    seconds = seconds_off(header, before, after)
    if seconds is None:
        hint = "`timedatectl` shows whether this machine's clock is synchronized."
        return Finding("clock", "warn", "the server's answer carries no Date", hint)
    status = "ok" if abs(seconds) < SKEW_WARN else "warn" if abs(seconds) < SKEW_FAIL else "fail"
    hint = "" if status == "ok" else "`timedatectl set-ntp true` synchronizes this machine's clock."
    ahead = "ahead of" if seconds > 0 else "behind"
    detail = "agrees with the server's" if not seconds else f"{abs(seconds):.0f} s {ahead} it"
    return Finding("clock", status, detail, hint)


def token(cli: CliContext) -> Iterable[Finding]:
    """Whether the stored token is valid, and until when."""
    known = cli.app.token_source.status()
    if not known.valid or known.expires_at is None:
        hint = "Commands log in automatically; `kt auth login` does it now."
        return [Finding("token", "warn", "none that is valid", hint)]
    hours, rest = divmod(known.seconds_left, 3600)
    until = f"{known.expires_at:%Y-%m-%d %H:%M:%S} KST"
    return [Finding("token", "ok", f"until {until}, {hours} h {rest // 60} min left")]


def budget(cli: CliContext) -> Iterable[Finding]:
    """How much of the shared request budget is in use, and whether the server refused requests."""
    import msgspec

    from kt.broker.rest.rate_limit import Bucket, BudgetState

    pacer = cli.app.pacer
    rates = ", ".join(f"{group} {rate:g}/s" for group, rate in pacer.rates.items())
    buckets: dict[str, Bucket] = {}
    for group in pacer.rates:
        with suppress(FileNotFoundError, msgspec.DecodeError):
            buckets |= msgspec.json.decode(pacer.file(group).read_bytes(), type=BudgetState).buckets
    if not buckets:
        return [Finding("requests", "ok", f"nothing sent yet; {rates}")]
    now = pacer.clock.monotonic()
    closed = [name for name, bucket in buckets.items() if bucket.closed_until > now]
    waiting = sum(len(bucket.waiting) for bucket in buckets.values())
    if closed or waiting:
        detail = f"refused lately: {', '.join(closed) or 'none'}; {waiting} waiting; {rates}"
        hint = "`kt status` shows whether kt sends; another program may be using this app key."
        return [Finding("requests", "warn", detail, hint)]
    sent = sum(now - one.at <= 1.0 for bucket in buckets.values() for one in bucket.sent)
    return [Finding("requests", "ok", f"{sent} in the last second; {rates}")]
