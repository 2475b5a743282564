"""kt replay: run a recording again, and say the first difference."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import KtError, UsageError

if TYPE_CHECKING:
    from kt.backtest.replay_run import Replayed
    from kt.cli.support.cli_context import CliContext


@command(
    "replay",
    help="""Run a recorded run again on a virtual clock: the same answers, frames and
    analyst's replies at the same times. Says the first difference, and ends with
    exit code 1 when there is one.

    \b
      kt run --until-close --record day.ktrec
      kt replay day.ktrec
      kt replay day.ktrec --folder again -o json

    Nothing leaves this computer. The rules analyst decides again, a model's replies
    are the recorded ones. Prints an `events` document in a pipe.
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Keep the journal in this new folder."
)
@pass_cli
def replay(cli: CliContext, file: Path, folder: Path | None) -> None:
    from kt.backtest import replay_run

    def say(line: str) -> None:
        if cli.flags.verbose:
            cli.say(line)

    if folder is None:
        with TemporaryDirectory(prefix="kt-replay-") as place:
            found = replay_run.replay(file, Path(place), cli.environ, say)
    else:
        found = replay_run.replay(file, made_folder(folder), cli.environ, say)
    show(cli, file, found)


def made_folder(folder: Path) -> Path:
    """The new folder. Raises UsageError when it is not empty or cannot be made."""
    from kt.files import private_folder, trouble

    try:
        private_folder(folder)
        if any(folder.iterdir()):
            raise UsageError(f"the folder {folder} is not empty", hint="Name a new one.")
    except OSError as error:
        why, advice = trouble(error, "name another with --folder")
        raise UsageError(f"the folder {folder} cannot be made: {why}", hint=advice) from error
    return folder.absolute()


def show(cli: CliContext, file: Path, found: Replayed) -> None:
    """The result; raises KtError for a difference."""
    from kt.cli.support.pipe_documents import emit

    row = result_row(file, found)
    if cli.output == "table":
        cli.console.show("".join(f"{line}\n" for line in lines(row, cli)))
    else:
        emit(cli, "events", [row], run="", profile=found.header.profile)
    if found.missing:
        count, api_id = len(found.missing), found.missing[0][1]
        cli.say(f"{count} requests are not in the recording, the first is {api_id}")
    if found.failure:
        cli.say(f"the run ended with an error: {found.failure}")
    if found.difference is not None:
        time = f"{found.moment(found.difference.at):%H:%M:%S}"
        raise KtError(
            f"the replay differs from {time} on",
            hint="`kt replay --folder FOLDER` keeps its journal.",
        )


def result_row(file: Path, found: Replayed) -> dict[str, Any]:
    """The result as a row of an `events` document."""
    header, differs = found.header, found.difference
    row: dict[str, Any] = {
        "kind": "replay",
        "at": header.began.isoformat(),
        "file": str(file),
        "recorded_by": header.kt,
        "command": header.command,
        "exact": header.exact,
        "results": found.results,
        "same": differs is None,
        "missing": [
            {"at": found.moment(at).isoformat(), "api_id": api_id, "body": body}
            for at, api_id, body in found.missing[:10]
        ],
        "difference": None,
    }
    if differs is not None:
        row["difference"] = {
            "at": found.moment(differs.at).isoformat(),
            "what": differs.what,
            "stock_code": differs.stock_code,
            "was": differs.was,
            "now": differs.now,
        }
    return row


def lines(row: dict[str, Any], cli: CliContext) -> list[str]:
    """The result for people."""
    from kt.text import visible
    from kt.translation import tr

    differs, count = row["difference"], row["results"]
    head = f"{row['command']} of {row['at'][:16].replace('T', ' ')}, kt {row['recorded_by']}"
    told = [tr(f"{count:,} decisions, checks and events of orders were recorded")]
    if differs is None:
        return [visible(line) for line in (head, *told, tr("the replay made the same"))]
    what, stock, time = differs["what"], differs["stock_code"], differs["at"][11:19]
    told.append(tr(f"first difference: {what} {stock} at {time}"))
    shown = [visible(line) for line in (head, *told)]
    was, now = differs["was"], differs["now"]
    for name in dict.fromkeys([*(was or {}), *(now or {})]):
        before = tr("nothing") if was is None else str(was.get(name))
        after = tr("nothing") if now is None else str(now.get(name))
        if before != after:
            shown.append(visible(f"  {name}: {before} -> {after}"))
    return shown
