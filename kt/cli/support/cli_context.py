"""The context that every command gets: global flags, standard streams, configuration, app."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kt.cli.support.console import Console
from kt.text import visible
from kt.translation import tr, use

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from kt.app import App
    from kt.config.model import Config
    from kt.paths import ProfilePaths
    from kt.steps.context import Context

FORMATS = ("table", "json", "csv", "yaml", "md")


@dataclass
class Flags:
    """The values of the global options, given before or after the command."""

    profile: str = ""
    config: str = ""
    output: str = ""
    fields: str = ""
    dry_run: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: int = 0
    no_color: bool = False
    lang: str = ""


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
    """An order was placed and shown: a later failure must not look as if it was not placed."""
    stopped: bool = False
    """A stop is in force by its flag file, even if the journal cannot be written."""
    totals: bool = False
    """Of a balance as rows: the deposit and the sums, not the holdings."""
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
        self.speak_as(config)
        return config

    def speak_as(self, config: Config) -> None:
        """From now on in the language and the colours of this configuration."""
        from kt.cli.support.language import language_of

        use(language_of(config.language, self.flags.lang, self.environ))
        self.console.palette = config.gain_colors

    @cached_property
    def app(self) -> App:
        return self.build_app(self)

    def context(self, command: str) -> Context:
        """Start this command's run in the journal, and return the ports for the steps."""
        self._run = self.app.context(command)
        if self.flags.verbose or self.console.progress is not None:
            self._report_calls()
        return self._run

    def _report_calls(self) -> None:
        """Count every finished API call for the progress line; with -v, print a line for it; with
        -vv also its message."""
        if self.console.progress is not None:
            self.console.progress.rate = self.config.server.queries_per_second
        rest = self.app.rest
        journal = rest.on_call

        def report(
            api_id: str, started: datetime, took: int, status: int, code: str, message: str
        ) -> None:
            if journal is not None:
                journal(api_id, started, took, status, code, message)
            if self.console.progress is not None:
                self.console.progress.called(api_id)
            if not self.flags.verbose:
                return
            detail = f" {message}" if self.flags.verbose > 1 else ""
            self.say(f"{started:%H:%M:%S} {api_id} HTTP {status} code {code} {took} ms{detail}")

        rest.on_call = report

    def close(self, code: int) -> None:
        """Record how the run ended, and close everything the app has opened."""
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
        """The paths of this profile's database, token, locks and flag file; needs no server."""
        from kt.config.load import profile_paths

        return profile_paths(self.config)

    @property
    def state_folder(self) -> Path:
        """The folder of all profiles' state, which the embedded exchange is found by."""
        from kt.config.load import state_folder

        return state_folder(self.config)

    def now(self) -> datetime:
        """The time of the app's clock if the app exists, otherwise of the system's."""
        if "app" in self.__dict__:
            return self.app.clock.now()
        from kt.clock import SystemClock

        return SystemClock().now()

    @property
    def output(self) -> str:
        """table on a terminal, json in a pipe, or what -o says."""
        return self.flags.output or ("table" if self.console.out_terminal else "json")

    def settle_flags(self) -> None:
        """Apply --quiet and --no-color to the console."""
        self.console.quiet = self.flags.quiet
        self.console.no_color = self.flags.no_color
        self.console.markdown = self.flags.output == "md"

    def say(self, text: str) -> None:
        """One line to stderr; silent with --quiet."""
        self.console.say(f"kt: {visible(tr(text))}")

    def suggest(self, words: str) -> None:
        """After the command with these words: what usually follows, unless `hints` is off."""
        from kt.cli.support.next_steps import NEXT

        loaded = self.__dict__.get("config")
        if words in NEXT and (loaded is None or loaded.hints):
            self.console.hint(f"next: {NEXT[words]}")

    def tell(self, text: str) -> None:
        """A message of the app; --quiet does not silence warnings and critical notices."""
        if text.startswith(("warning", "critical")):
            self.console.warn(f"kt: {visible(tr(text))}")
        else:
            self.say(text)
