"""What the doctor sees on this machine: settings, keys, files, locks and the journal's orders."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kt.cli.support.exit_watch import HELP, Watch, look, with_exits
from kt.errors import ConfigError
from kt.records import FAILURES
from kt.store.health import Finding, examine

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Doubt


LONG = timedelta(minutes=1)
"""After this long what nobody knows does not settle itself any more."""


def configuration(cli: CliContext) -> list[Finding]:
    """Where the settings come from, and whether they can be read."""
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
        "Set it to true to let orders leave.",
    )


def folder(cli: CliContext) -> Iterable[Finding]:
    """The state folder: there, writable, closed to others."""
    path = cli.app.paths.folder
    probe = path / ".doctor"
    probe.write_text("")
    probe.unlink()
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        hint = f"Run: chmod 700 {path}"
        return [Finding("state folder", "warn", f"{path} is open to others ({mode:04o})", hint)]
    return [Finding("state folder", "ok", str(path))]


def keys(cli: CliContext) -> Iterable[Finding]:
    return [Finding("keys", "ok", f"from the {cli.app.keys.source}")]


def analyst(cli: CliContext) -> Iterable[Finding]:
    """Who decides, whether it answers now, and what today's questions came to."""
    from kt.steps.silence import health

    chosen, journal = cli.app.analyst, cli.app.journal
    answer = chosen.probe()
    who = f"{chosen.name} ({chosen.model})"
    if answer is None:
        return [Finding("analyst", "ok", who)]
    journal.answer("", answer)
    day = health(journal, chosen, cli.app.clock.now())
    put = f"{day.asked} questions today, {day.failed} failed, {day.tokens:,} tokens, ${day.usd:.4f}"
    if answer.error:
        hint = FAILURES.get(answer.kind, "")
        return [Finding("analyst", "fail", f"{who}: {answer.error}; {put}", hint)]
    said = f"{who} answered as {answer.model} in {answer.latency_ms:,} ms; {put}"
    return [Finding("analyst", "ok", said)]


def journal(cli: CliContext) -> Iterable[Finding]:
    app = cli.app
    return examine(app.database, cli.config.profile, app.paths.halt_flag, cli.now())


def locks(cli: CliContext) -> Iterable[Finding]:
    """Whether `kt run` is at work and gives signs of life, and who watches what is held."""
    watch = look(cli)
    held = 0 if watch.by else len(with_exits(cli.app.journal.positions()))
    whose = f"{held} position(s) with a stop or a target that nobody watches"
    watched = Finding("exits", "warn", whose, HELP)
    if not held:
        watched = Finding("exits", "ok", watch.by or "nothing is held that must be watched")
    return [_run(watch), watched]


def _run(watch: Watch) -> Finding:
    runner = watch.runner
    if runner is None:
        return Finding("kt run", "ok", "not running")
    if watch.silent:
        return Finding("kt run", "fail", watch.silence, watch.remedy)
    since = f" since {runner.since[11:19]}" if runner.since else ""
    return Finding("kt run", "ok", f"process {runner.pid}: {runner.command}{since}")


def stream(cli: CliContext) -> Iterable[Finding]:
    """Which process owns the one connection that the broker allows this key."""
    leader = cli.app.lease().living_leader()
    if leader is None:
        return [Finding("stream", "ok", "nobody is connected")]
    return [Finding("stream", "ok", f"process {leader.pid} is connected and serves the others")]


def calendar(cli: CliContext) -> Iterable[Finding]:
    """Today, and the next trading day, in Korean time."""
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
    """Orders and changes of orders nobody knows about, and stocks that take no orders."""
    from kt.records import CHANGING_STATES, UNRESOLVED_STATES

    book, now = cli.app.journal, cli.now()
    lost = [order.created_at for order in book.orders(states=UNRESOLVED_STATES)]
    hint = "`kt order list --unknown`, then `kt order resolve`."
    found = [_waiting("unknown orders", lost, now, hint)]
    changing = [o.updated_at for o in book.orders(day=now.date(), states=CHANGING_STATES)]
    hint = "`kt order list` asks the broker what became of them."
    found.append(_waiting("unknown changes", changing, now, hint))
    found.append(_doubts(book.doubts()))
    held = [lock.stock_code for lock in book.locks()]
    if not held:
        return [*found, Finding("locked stocks", "ok", "none")]
    hint = "They take no order until their unknown order is settled."
    return [*found, Finding("locked stocks", "warn", ", ".join(held), hint)]


def _doubts(doubts: Sequence[Doubt]) -> Finding:
    """Holdings that the broker lists otherwise than the books."""
    if not doubts:
        return Finding("holdings", "ok", "as in kt's books")
    said = ", ".join(
        f"{item.stock_code} {item.ours:,} here and {item.brokers:,} at the broker since "
        f"{item.since:%H:%M:%S}"
        for item in doubts
    )
    hint = "The positions and their exits stay until it is certain; look at the broker yourself."
    return Finding("holdings", "warn", said, hint)


def _waiting(name: str, since: Sequence[datetime], now: datetime, hint: str) -> Finding:
    """What nobody knows the end of: a fault when it has been so for a minute."""
    if not since:
        return Finding(name, "ok", "none")
    oldest = min(since)
    detail = f"{len(since)}, the oldest of {oldest:%Y-%m-%d %H:%M}"
    return Finding(name, "fail" if now - oldest > LONG else "warn", detail, hint)
