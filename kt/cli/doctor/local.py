"""Checks of this machine: settings, keys, files, locks and the orders in the journal."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kt.cli.support.exit_watch import HELP, Watch, read_watch
from kt.errors import ConfigError
from kt.records import FAILURES
from kt.store.health import Finding, examine

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Delivery, Doubt


FAIL_AFTER = timedelta(minutes=1)
"""An unknown order or change this old is not expected to resolve itself any more."""


def configuration(cli: CliContext) -> list[Finding]:
    """Which file the settings come from, and whether it can be read."""
    from kt.config.load import find_config

    try:
        path = find_config(cli.flags.config or None, cli.environ)
        config = cli.config
    except ConfigError as error:
        return [Finding("configuration", "fail", error.message, error.hint or "")]
    where = str(path) if path else "no file: the defaults"
    mode = ", test mode" if config.dry_run else ""
    return [
        Finding("configuration", "ok", f"profile {config.profile}{mode}; {where}"),
        _live(cli),
    ]


def _live(cli: CliContext) -> Finding:
    config = cli.config
    if config.server.live:
        return Finding("orders allowed", "ok", f"profiles.{config.profile}.live is true")
    return Finding(
        "orders allowed",
        "warn",
        f"profiles.{config.profile}.live is false",
        "Set it to true to allow orders; `kt help start` says when.",
    )


def folder(cli: CliContext) -> Iterable[Finding]:
    """Whether the state folder exists, is writable, and is private to its owner."""
    path = cli.app.paths.folder
    probe = path / ".doctor"
    probe.write_text("")
    probe.unlink()
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        hint = f"Run `chmod 700 {path}`."
        return [Finding("state folder", "warn", f"{path} is open to others ({mode:04o})", hint)]
    return [Finding("state folder", "ok", str(path))]


def keys(cli: CliContext) -> Iterable[Finding]:
    return [Finding("keys", "ok", f"from the {cli.app.keys.source}")]


def analyst(cli: CliContext) -> Iterable[Finding]:
    """Which analyst is configured, whether it answers now, and its usage today."""
    from kt.steps.analyst_outages import health

    chosen, journal = cli.app.analyst, cli.app.journal
    answer = chosen.probe()
    who = f"{chosen.name} ({chosen.model})"
    if answer is None:
        return [Finding("analyst", "ok", who)]
    journal.answer("", answer)
    day = health(journal, chosen, cli.app.clock.now())
    usage = f"{day.asked} asked today, {day.failed} failed, {day.tokens:,} tokens, ${day.usd:.4f}"
    if answer.error:
        hint = FAILURES.get(answer.kind, "")
        return [Finding("analyst", "fail", f"{who}: {answer.error}; {usage}", hint)]
    detail = f"{who} answered as {answer.model} in {answer.latency_ms:,} ms; {usage}"
    return [Finding("analyst", "ok", detail)]


def journal(cli: CliContext) -> Iterable[Finding]:
    app = cli.app
    return examine(app.database, cli.config.profile, app.paths.halt_flag, cli.now())


def notices(cli: CliContext) -> Iterable[Finding]:
    """How the owner is told, and whether the newest notice left by each channel."""
    app = cli.app
    channels = app.notifier.channels
    if not channels and app.config.profile == "sim":
        return [Finding("notices", "ok", "none configured; not needed on sim")]
    if not channels:
        hint = "`kt init --notify CHANNEL` sets one."
        return [
            Finding(
                "notices", "warn", "no channel configured: nobody is notified of an emergency", hint
            )
        ]
    rows = app.journal.deliveries(app.clock.now() - timedelta(days=7))
    return [
        _channel(channel.name, [r for r in rows if r.channel == channel.name])
        for channel in channels
    ]


def _channel(name: str, rows: Sequence[Delivery]) -> Finding:
    """One channel by what became of the last week's notices."""
    if not rows:
        return Finding("notices", "ok", f"{name}: not used for a week; `kt notify test` tries it")
    last, failed = rows[-1], sum(row.outcome == "failed" for row in rows)
    told = f"{name}: {len(rows)} notices in a week, {failed} failed"
    if last.outcome == "sent":
        return Finding("notices", "ok", told)
    hint = "`kt notify test` tries it again."
    return Finding("notices", "fail", f"{told}, the newest: {last.detail}", hint)


def locks(cli: CliContext) -> Iterable[Finding]:
    """Whether `kt run` is running and responsive, and who monitors the exits of positions."""
    watch = read_watch(cli)
    unwatched = 0 if watch.by else watch.unwatched(cli.app.journal.positions())
    detail = f"{unwatched} position(s) with a stop or target that no process monitors"
    exits = Finding("exits", "warn", detail, HELP)
    if not unwatched:
        exits = Finding("exits", "ok", watch.by or "no position needs monitoring")
    return [_run(watch), exits]


def _run(watch: Watch) -> Finding:
    runner = watch.runner
    if runner is None:
        return Finding("kt run", "ok", "not running")
    if watch.silent:
        return Finding("kt run", "fail", watch.silence, watch.remedy)
    since = f" since {runner.since[11:19]}" if runner.since else ""
    return Finding("kt run", "ok", f"process {runner.pid}: {runner.command}{since}")


def stream(cli: CliContext) -> Iterable[Finding]:
    """Which process owns the one connection that the broker allows per key."""
    leader = cli.app.lease().living_leader()
    if leader is None:
        return [Finding("stream", "ok", "no process is connected")]
    return [Finding("stream", "ok", f"process {leader.pid} is connected and serves the others")]


def calendar(cli: CliContext) -> Iterable[Finding]:
    """Today's trading hours and the next trading day, in Korean time."""
    from kt.rules import calendar as rules

    now = cli.app.clock.now()
    hours = rules.hours(now.date())
    following = rules.next_trading_day(now.date())
    if hours is None:
        return [Finding("calendar", "ok", f"{now:%Y-%m-%d} is closed; next {following}")]
    note = f" ({hours.note})" if hours.note else ""
    today = f"{now:%Y-%m-%d %H:%M} KST, open {hours.open:%H:%M}-{hours.close:%H:%M}{note}"
    return [Finding("calendar", "ok", f"{today}; next {following}")]


def orders(cli: CliContext) -> Iterable[Finding]:
    """Orders and changes with an unknown outcome, and locked stocks."""
    from kt.records import CHANGING_STATES, UNRESOLVED_STATES

    book, now = cli.app.journal, cli.now()
    lost = [order.created_at for order in book.orders(states=UNRESOLVED_STATES)]
    hint = "`kt order list --unknown`, then `kt order resolve`."
    found = [_unknown("unknown orders", lost, now, hint)]
    changing = [o.updated_at for o in book.orders(day=now.date(), states=CHANGING_STATES)]
    hint = "`kt order list` asks the broker for their outcome."
    found.append(_unknown("unknown changes", changing, now, hint))
    found.append(_doubts(book.doubts()))
    held = [lock.stock_code for lock in book.locks()]
    if not held:
        return [*found, Finding("locked stocks", "ok", "none")]
    hint = "They accept no order until `kt order resolve` or kt settles their unknown order."
    return [*found, Finding("locked stocks", "warn", ", ".join(held), hint)]


def _doubts(doubts: Sequence[Doubt]) -> Finding:
    """Holdings where the broker's list differs from kt's positions."""
    if not doubts:
        return Finding("holdings", "ok", "same as kt's positions")
    detail = ", ".join(
        f"{item.stock_code} {item.ours:,} here and {item.brokers:,} at the broker since "
        f"{item.since:%H:%M:%S}"
        for item in doubts
    )
    hint = "`kt balance` shows both; kt keeps its positions and their exits until it is confirmed."
    return Finding("holdings", "warn", detail, hint)


def _unknown(name: str, since: Sequence[datetime], now: datetime, hint: str) -> Finding:
    """A warning for unknown outcomes; a failure when the oldest is over a minute old."""
    if not since:
        return Finding(name, "ok", "none")
    oldest = min(since)
    detail = f"{len(since)}, the oldest of {oldest:%Y-%m-%d %H:%M}"
    return Finding(name, "fail" if now - oldest > FAIL_AFTER else "warn", detail, hint)
