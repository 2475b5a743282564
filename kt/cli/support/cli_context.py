"""What every command is handed: the global flags, the streams, and the app behind them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kt.cli.support.console import Console
from kt.text import visible

if TYPE_CHECKING:
    from datetime import datetime

    from kt.app import App
    from kt.config.model import Config
    from kt.paths import ProfilePaths
    from kt.steps.context import Context

FORMATS = ("table", "json", "csv", "yaml")


@dataclass
class Flags:
    """The global options as they were given, before or after the command."""

    profile: str = ""
    config: str = ""
    output: str = ""
    dry_run: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False


def _build_app(cli: CliContext) -> App:
    from kt.app import App

    return App(cli.config, cli.environ, cli.tell)


@dataclass
class CliContext:
    """One command line. The configuration and the app are built when they are first needed."""

    flags: Flags = field(default_factory=Flags)
    console: Console = field(default_factory=Console)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    build_app: Callable[[CliContext], App] = _build_app
    sent: bool = False
    """An order of this command stands and was shown: what fails afterwards does not undo it."""
    stopped: bool = False
    """A stop is in force by its flag file: a journal that cannot be written does not undo it."""
    _run: Context | None = None

    @cached_property
    def config(self) -> Config:
        from kt.config.load import load_config

        overrides: dict[str, Any] = {}
        if self.flags.profile:
            overrides["profile"] = self.flags.profile
        if self.flags.dry_run:
            overrides["dry_run"] = True
        config = load_config(self.flags.config or None, self.environ, overrides)
        self.console.language = config.language
        return config

    @cached_property
    def app(self) -> App:
        return self.build_app(self)

    def context(self, command: str) -> Context:
        """The run of this command: the steps' doors, with its start in the journal."""
        self._run = self.app.context(command)
        if self.flags.verbose:
            self._tell_calls()
        return self._run

    def _tell_calls(self) -> None:
        """With -v every call of the broker's API is said as it ends; with -vv its answer too."""
        rest = self.app.rest
        note = rest.on_call

        def tell(
            api_id: str, started: datetime, took: int, status: int, code: str, message: str
        ) -> None:
            if note is not None:
                note(api_id, started, took, status, code, message)
            said = f" {message}" if self.flags.verbose > 1 else ""
            self.say(f"{started:%H:%M:%S} {api_id} HTTP {status} code {code} {took} ms{said}")

        rest.on_call = tell

    def close(self, code: int) -> None:
        """Write how the run ended, and let go of everything the app holds."""
        run, self._run = self._run, None
        if "app" not in self.__dict__:
            return
        try:
            if run is not None:
                run.journal.finish_run(run.run, "done" if code == 0 else "failed", code)
        finally:
            self.app.close()
            del self.__dict__["app"]

    @property
    def paths(self) -> ProfilePaths:
        """Where this profile's database, token, locks and flag file are; needs no server."""
        from kt.config.load import profile_paths

        return profile_paths(self.config)

    def now(self) -> datetime:
        """The app's time when there is an app, otherwise the system's."""
        if "app" in self.__dict__:
            return self.app.clock.now()
        from kt.clock import SystemClock

        return SystemClock().now()

    @property
    def output(self) -> str:
        """table on a terminal, json in a pipe, or what -o says."""
        return self.flags.output or ("table" if self.console.out_terminal else "json")

    def settle_flags(self) -> None:
        """Hand the streams what the flags say about them."""
        self.console.quiet = self.flags.quiet
        self.console.no_color = self.flags.no_color

    def say(self, text: str) -> None:
        """One line to stderr; silent with --quiet."""
        self.console.say(f"kt: {visible(text)}")

    def tell(self, text: str) -> None:
        """What the app says; notices that matter are not silenced by --quiet."""
        if text.startswith(("warning", "critical")):
            self.console.warn(f"kt: {visible(text)}")
        else:
            self.say(text)
