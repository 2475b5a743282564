"""kt sim: start, keep, stop, look at and reset the embedded exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY, WON, Real, Whole, shown
from kt.errors import KtError, UsageError
from kt.paths import SIM

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.sim.server.settings import Settings

TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of start and serve; what is not given is the configuration's."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for decorate in reversed(
        (
            click.option("--port", type=Whole(0, 65535), help="Default: any free one."),
            click.option(
                "--seed", type=Whole(0, 10**9), help="The same seed makes the same market."
            ),
            click.option(
                "--speed",
                type=Real(0, 100_000, min_open=True),
                help="How many times faster than real time its clock runs.",
            ),
            click.option("--open-at", metavar="HH:MM", help="What a new clock shows first."),
            click.option("--day", type=DAY, metavar="YYYY-MM-DD", help="The day of a new clock."),
            click.option("--faults", type=file, help="Misbehave as this file says."),
            click.option("--replay", type=file, help="Recorded bars in place of the market."),
            click.option("--cash", type=WON, help="What every new account starts with."),
            click.option("--costs", type=click.Choice(["real", "mock"]), help="Whose costs."),
            click.option("--rate", type=Real(0, 100_000), help="Requests a second; 0 = no limit."),
            click.option(
                "--key-file", type=file, help="Take only this app key and secret (two lines)."
            ),
            click.option(
                "--idle-minutes", type=Whole(0, 100_000), help="Stop when unused; 0 = never."
            ),
        )
    ):
        function = decorate(function)
    return function


@command("start", help="Start the exchange in the background and show where it is.")
@_settings
@pass_cli
def start(cli: CliContext, /, **given: Any) -> None:
    from kt.sim import launch

    settings = settings_of(cli, given, idle=cli.config.simulator.idle_minutes)
    if launch.find(_root(cli) / SIM) is not None:
        cli.say("an exchange is running already; its settings stay as they are")
    launch.start(settings, cli.say)
    _show(cli)


@command(
    "serve",
    help="""Run the exchange in the foreground until Ctrl-C or SIGTERM.

    \b
      kt sim serve --port 8000 --seed 7 --speed 60 --open-at 08:55
    """,
)
@_settings
@pass_cli
def serve(cli: CliContext, /, **given: Any) -> None:
    from kt.sim import launch

    launch.serve(settings_of(cli, given, idle=0), cli.say)


@command("stop", help="End the running exchange; accounts and orders are kept.")
@pass_cli
def stop(cli: CliContext) -> None:
    from kt.sim import launch

    stopped = launch.stop(_root(cli))
    _emit(cli, {"kind": "exchange", "running": False, "stopped": stopped})
    cli.say("the exchange has stopped" if stopped else "no exchange was running")


@command("status", help="Show where the exchange is, what its clock says, and its seed.")
@pass_cli
def status(cli: CliContext) -> None:
    _show(cli)


@command(
    "reset",
    help="""End the exchange and forget its accounts, orders, tokens and clock.

    kt's own journal of the profile `sim` is kept; positions in it will then differ
    from the exchange's, and the next start says so.
    """,
)
@pass_cli
def reset(cli: CliContext) -> None:
    from kt.sim import launch

    launch.reset(_root(cli))
    _emit(cli, {"kind": "exchange", "running": False, "reset": True})
    cli.say("the exchange has forgotten everything; the next start is a new one")


def settings_of(cli: CliContext, given: dict[str, Any], *, idle: int) -> Settings:
    """The configuration's settings with those that were given. Raises UsageError."""
    import re

    from kt.config.secrets import key_pair
    from kt.sim.server.settings import Settings, from_simulator

    named = {name: value for name, value in given.items() if value is not None}
    key_file = named.pop("key_file", None)
    if "open_at" in named and not re.fullmatch(TIME, named["open_at"]):
        raise UsageError(f"--open-at {shown(named['open_at'])}: write it as 09:00")
    if "day" in named:
        named["day"] = named["day"].isoformat()
    if key_file is not None:
        named["app_key"], named["secret_key"] = key_pair(key_file)
    from msgspec.structs import asdict

    _check_files(named)
    base = asdict(from_simulator(cli.config.simulator, _root(cli)))
    return Settings(**{**base, "idle_minutes": idle, **named})


def _check_files(named: dict[str, Any]) -> None:
    """A file that cannot be used is said here, by its line, and not by a server that does not
    start. Raises InputError or ConfigError."""
    if "replay" in named:
        from kt.sim import recorded_day

        recorded_day.read(named["replay"])
    if "faults" in named:
        from kt.sim.faults import read_faults

        read_faults(named["faults"])


def _root(cli: CliContext) -> Path:
    from kt.config.load import state_folder

    return state_folder(cli.config)


def _show(cli: CliContext) -> None:
    """The running exchange as it describes itself. Raises KtError when none runs."""
    from kt.sim import launch

    found = launch.status(_root(cli))
    if found is None:
        _emit(cli, {"kind": "exchange", "running": False})
        raise KtError("no exchange is running", hint="`kt sim start` starts one.")
    told = ("now", "speed", "seed", "base_url", "ws_url", "pid", "version")
    _emit(
        cli,
        {"kind": "exchange", "running": True, **{key: found[key] for key in told if key in found}},
    )


def _emit(cli: CliContext, row: dict[str, Any]) -> None:
    from kt.cli.support.pipe_documents import emit

    emit(cli, "events", [row], run="", profile="sim")
