"""kt service: run the trading day automatically, by systemd or cron."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import Entry, LazyGroup, command, pass_cli
from kt.errors import KtError, UsageError
from kt.files import FOLDER_MODE, replace_private, trouble
from kt.text import visible

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.cli.support.service_units import Service

CRONTAB_TIMEOUT = 10.0
"""Real seconds that the crontab program may take."""

service = LazyGroup(
    "service",
    entries={"install": Entry("kt.cli.commands.service:install", "By systemd or cron.")},
    help="""Run the trading day automatically.

    \b
      kt service install
      kt service install --write
      kt service install --cron --once
    """,
)


@command(
    "install",
    help="""Print a systemd user unit and its timer, or with --cron crontab lines, that run
    the trading day each weekday; with --write install them.

    They contain this kt, the profile, the configuration and the state folder as
    absolute paths. Keys are not written: keep them in a key_file (`kt help
    environment`). Without problems there is no output; errors and warnings go to
    the journal of systemd, or into cron's mail. On `real` give --yes: the service
    sends orders without asking.
    """,
)
@click.option("--cron", is_flag=True, help="Lines for a crontab, in this machine's time zone.")
@click.option("--once", is_flag=True, help="With --cron: one cycle a minute, no long run.")
@click.option("--write", is_flag=True, help="Install it; systemd's timer must be enabled by hand.")
@pass_cli
def install(cli: CliContext, cron: bool, once: bool, write: bool) -> None:
    from kt.cli.support.service_units import cron_lines, units

    if once and not cron:
        raise UsageError("--once needs --cron", hint="systemd runs the whole day.")
    made = service_of(cli)
    if cron:
        lines = cron_lines(made, None, cli.now(), once=once)
        if write:
            _cron(cli, made, lines)
        else:
            cli.console.show("\n".join(lines) + "\n")
        return
    files = units(made)
    if write:
        _write(cli, made, files)
        return
    for name, text in files.items():
        cli.console.show(f"# {unit_folder(cli) / name}\n{text}\n")


def service_of(cli: CliContext) -> Service:
    """The service that runs this kt with this profile and configuration. Raises UsageError on
    `real` without --yes."""
    from kt.cli.support.service_units import Service
    from kt.config.load import find_config, state_folder

    config = cli.config
    if config.profile == "real" and not cli.flags.yes:
        raise UsageError(
            "a service on real sends orders without asking", hint="Add --yes to allow that."
        )
    options = ["--quiet", "--profile", config.profile]
    found = find_config(cli.flags.config or None, cli.environ)
    if found is not None:
        options += ["--config", str(found.absolute())]
    if config.profile == "real":
        options.append("--yes")
    if config.dry_run:
        options.append("--dry-run")
    if cli.environ.get("KT_APP_KEY") and config.profile != "sim":
        cli.say("the keys are only in this environment: put them in a key_file")
    environment = {"KT_STATE_DIR": str(state_folder(config).absolute())}
    return Service(config.profile, program(), tuple(options), environment)


def program() -> tuple[str, ...]:
    """The command line of the running kt, with an absolute path."""
    started = Path(sys.argv[0])
    if started.name == "kt" and started.is_file():
        return (str(started.absolute()),)
    return (sys.executable, "-m", "kt")


def unit_folder(cli: CliContext) -> Path:
    """The folder in which systemd looks for a user's units."""
    from kt.config.load import at_home

    return at_home(cli.environ.get("XDG_CONFIG_HOME") or "~/.config") / "systemd" / "user"


def _write(cli: CliContext, made: Service, files: dict[str, str]) -> None:
    folder = unit_folder(cli)
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        for name, text in files.items():
            replace_private(folder / name, text.encode())
    except OSError as error:
        why, advice = trouble(error, "make the folder, or set XDG_CONFIG_HOME")
        raise KtError(f"{folder}: the units cannot be written: {why}", hint=advice) from error
    for name in files:
        cli.console.write(visible(str(folder / name)) + "\n")
    cli.say(
        "now: systemctl --user daemon-reload && "
        f"systemctl --user enable --now {made.name}.timer; "
        "`loginctl enable-linger` lets it run while you are logged out"
    )


def _cron(cli: CliContext, made: Service, lines: list[str]) -> None:
    """Put the lines into the user's crontab; other lines stay unchanged."""
    from kt.cli.support.service_units import replaced

    listed = _crontab(cli, "-l")
    if listed.returncode and "no crontab" not in listed.stderr:
        raise KtError(f"the crontab cannot be read: {visible(listed.stderr.strip(), 200)}")
    before = "" if listed.returncode else listed.stdout
    put = _crontab(cli, "-", text=replaced(before, made.profile, lines))
    if put.returncode:
        raise KtError(f"crontab did not take the lines: {visible(put.stderr.strip(), 200)}")
    cli.say(f"{len(lines)} line(s) are in your crontab; `crontab -e` shows them")


def _crontab(cli: CliContext, argument: str, text: str = "") -> subprocess.CompletedProcess[str]:
    from kt.children import child_environment

    try:
        return subprocess.run(
            ["crontab", argument],
            input=text,
            capture_output=True,
            text=True,
            timeout=CRONTAB_TIMEOUT,
            check=False,
            env=child_environment(cli.environ),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KtError(
            f"crontab cannot be used: {error}", hint="Without --write the lines are printed."
        ) from error
