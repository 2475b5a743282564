"""kt doctor: health checks, each ok, warn or fail, with what to do. Checks only look; none of them
changes anything, and no other command is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import KtError
from kt.files import trouble
from kt.text import harmless
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.store.health import Finding


@command(
    "doctor",
    help="""Check configuration, keys, token, clock, calendar, database, disk, locks, unknown
    orders, request budget and stops.

    Every row is ok, warn or fail; the exit code is 1 if any failed. Prints an
    `events` document in a pipe.
    """,
)
@pass_cli
def doctor(cli: CliContext) -> None:
    from kt.cli.support.pipe_documents import emit

    findings, profile = examine(cli)
    if cli.output == "table":
        cli.console.show(_table(cli, harmless(findings)))
    else:
        emit(cli, "events", [_row(item) for item in findings], run="", profile=profile)
    failed = [item for item in findings if item.status == "fail"]
    if failed:
        raise KtError(
            f"{len(failed)} of {len(findings)} checks failed: "
            f"{', '.join(item.name for item in failed)}"
        )


def examine(cli: CliContext) -> tuple[list[Finding], str]:
    """All findings, and the profile they are about. A failed check does not stop the others,
    except that without a valid configuration nothing else can be checked."""
    from kt.cli.doctor import local, remote

    found = local.configuration(cli)
    if any(item.status == "fail" for item in found):
        return found, cli.flags.profile or "sim"
    parts: tuple[tuple[str, Callable[[CliContext], Iterable[Finding]]], ...] = (
        ("state folder", local.folder),
        ("keys", local.keys),
        ("analyst", local.analyst),
        ("journal", local.journal),
        ("locks", local.locks),
        ("notices", local.notices),
        ("stream", local.stream),
        ("server", remote.server),
        ("token", remote.token),
        ("requests", remote.budget),
        ("calendar", local.calendar),
        ("orders", local.orders),
    )
    for name, part in parts:
        found += guarded(name, lambda part=part: part(cli))  # type: ignore[misc]
    return found, cli.config.profile


def guarded(name: str, run_check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Run one check; an exception from it becomes a finding that failed."""
    from kt.store.health import Finding

    try:
        return list(run_check())
    except KtError as error:
        return [Finding(name, "fail", error.message, error.hint or "")]
    except OSError as error:
        why, advice = trouble(error)
        return [Finding(name, "fail", f"{error.filename or ''}: {why}".lstrip(": "), advice)]


def _row(item: Finding) -> dict[str, Any]:
    return {
        "kind": "doctor",
        "name": item.name,
        "status": item.status,
        "detail": item.detail,
        "hint": item.hint,
    }


def _table(cli: CliContext, findings: list[Finding]) -> str:
    """One row per finding; the hints follow below the table, not shortened."""
    from kt.cli.show.cells import GREEN, RED, YELLOW
    from kt.cli.show.pnl import LABELS
    from kt.cli.show.table import Column, render

    colors = {"ok": GREEN, "warn": YELLOW, "fail": RED}
    columns = (
        Column("", lambda row: row.status, color=lambda row: colors[row.status]),
        Column("check", lambda row: LABELS.get(row.name, row.name)),
        Column("detail", lambda row: row.detail, shorten=16),
    )
    text = render(columns, findings, cli.console)
    hints = [
        f"{tr(item.name)}: {tr(item.detail)}. {tr(item.hint)}"
        for item in findings
        if _has_hint(item)
    ]
    return text + ("\n" + "\n".join(hints) + "\n" if hints else "")


def _has_hint(item: Finding) -> bool:
    return item.status != "ok" and bool(item.hint)
