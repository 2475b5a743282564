"""kt sim start, serve, stop, status and reset: the life cycle of the embedded exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import DAY, PASTED, WON, Real, Whole, shown
from kt.errors import KtError, UsageError
from kt.paths import SIM

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.sim.server.settings import Settings

TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"


_MARKET = (
    click.option("--seed", type=Whole(0, 10**9), help="The same seed gives the same market."),
    click.option(
        "--signals/--no-signals",
        default=None,
        help="Whether flows, books and volumes precede prices.",
    ),
    click.option(
        "--speed",
        type=Real(0, 100_000, min_open=True),
        help="Speed of the exchange's clock; 60 = 60 times real time.",
    ),
)


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of start and serve; an option that is not given has the configured value."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for decorate in reversed(
        (
            click.option("--port", type=Whole(0, 65535), help="Default: any free port."),
            *_MARKET,
            click.option(
                "--open-at", metavar="HH:MM", type=PASTED, help="The start time of a new clock."
            ),
            click.option("--day", type=DAY, metavar="YYYY-MM-DD", help="The day of a new clock."),
            click.option("--faults", type=file, help="Inject the faults in this file."),
            click.option(
                "--replay",
                type=file,
                help="Play this file: minute bars, or a recording of kt run or kt watch.",
            ),
            click.option("--cash", type=WON, help="Starting cash of every new account (won)."),
            click.option(
                "--costs",
                type=click.Choice(["real", "mock"]),
                help="Commission and tax of the real or the mock server.",
            ),
            click.option(
                "--rate", type=Real(0, 100_000), help="Requests per second; 0 = unlimited."
            ),
            click.option(
                "--key-file", type=file, help="Accept only this app key and secret (two lines)."
            ),
            click.option(
                "--idle-minutes",
                type=Whole(0, 100_000),
                help="Stop after this many minutes without a request; 0 = never.",
            ),
        )
    ):
        function = decorate(function)
    return function


@command("start", help="Start the exchange in the background and show its address.")
@_settings
@pass_cli
def start(cli: CliContext, /, **given: Any) -> None:
    from kt.sim import launch

    settings = settings_of(cli, given, idle=cli.config.simulator.idle_minutes)
    if launch.find(cli.state_folder / SIM) is not None:
        cli.say("an exchange is already running; its settings are unchanged")
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


@command("stop", help="Stop the running exchange; accounts and orders are kept.")
@pass_cli
def stop(cli: CliContext) -> None:
    from kt.sim import launch

    stopped = launch.stop(cli.state_folder)
    _emit(cli, {"kind": "exchange", "running": False, "stopped": stopped})
    cli.say("the exchange has stopped" if stopped else "no exchange was running")


@command("status", help="Show the exchange's address, clock and seed.")
@pass_cli
def status(cli: CliContext) -> None:
    _show(cli)


@command(
    "reset",
    help="""Stop the exchange and delete its accounts, orders, tokens and clock.

    kt's journal of the profile `sim` is kept; its positions will then differ from
    the exchange's, and the next start reports it.
    """,
)
@pass_cli
def reset(cli: CliContext) -> None:
    from kt.sim import launch

    launch.reset(cli.state_folder)
    _emit(cli, {"kind": "exchange", "running": False, "reset": True})
    cli.say("the exchange's state was deleted; the next start creates a new one")


def settings_of(cli: CliContext, given: dict[str, Any], *, idle: int) -> Settings:
    """The configured settings, overridden by the given options. Raises UsageError."""
    import re

    from kt.config.secrets import key_lines
    from kt.sim.server.settings import Settings, from_simulator

    named = {name: value for name, value in given.items() if value is not None}
    key_file = named.pop("key_file", None)
    if "open_at" in named and not re.fullmatch(TIME, named["open_at"]):
        raise UsageError(f"--open-at {shown(named['open_at'])}: write it as 09:00")
    if "day" in named:
        named["day"] = named["day"].isoformat()
    if key_file is not None:
        named["app_key"], named["secret_key"] = key_lines(key_file, 2)
    from msgspec.structs import asdict

    _check_files(named)
    base = asdict(from_simulator(cli.config.simulator, cli.state_folder))
    return Settings(**{**base, "idle_minutes": idle, **named})


def _check_files(named: dict[str, Any]) -> None:
    """Validate the files before the server is started, so that errors name the line. Raises
    InputError or ConfigError."""
    if "replay" in named:
        from kt.recording.reader import is_recording, read_header
        from kt.sim.market import recorded_day

        read = read_header if is_recording(named["replay"]) else recorded_day.read
        read(named["replay"])
    if "faults" in named:
        from kt.sim.faults import read_faults

        read_faults(named["faults"])


def _show(cli: CliContext) -> None:
    """Print the running exchange's status. Raises KtError when none is running."""
    from kt.sim import launch

    found = launch.status(cli.state_folder)
    if found is None:
        _emit(cli, {"kind": "exchange", "running": False})
        raise KtError("no exchange is running", hint="`kt sim start` starts one.")
    shown_keys = ("now", "speed", "seed", "base_url", "ws_url", "pid", "version")
    _emit(
        cli,
        {
            "kind": "exchange",
            "running": True,
            **{key: found[key] for key in shown_keys if key in found},
        },
    )


def _emit(cli: CliContext, row: dict[str, Any]) -> None:
    from kt.cli.support.pipe_documents import emit

    emit(cli, "events", [row], run="", profile="sim")
