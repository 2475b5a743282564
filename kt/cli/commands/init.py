"""kt init: write a configuration file with every key, its meaning and its default."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import KtError, UsageError
from kt.files import private_folder, trouble, write_private
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

NEXT_STEPS = """\
Next:
  kt doctor          check the set-up
  kt run --once      one trading cycle on the embedded exchange, no key needed
  For the broker's mock-investing server, set KT_APP_KEY and KT_SECRET_KEY to your
  mock keys and use --profile mock (or profile: mock in the file).
  Real orders also need profiles.real.live: true, and a confirmation for every order."""


@command(
    "init",
    help="""Write a configuration file with every key, its meaning and its default.

    Without PATH it is config.yaml in the user's configuration folder. kt reads the
    first of: --config, KT_CONFIG, ./config.yaml, that file.
    """,
)
@click.argument("path", required=False)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@pass_cli
def init(cli: CliContext, path: str | None, force: bool) -> None:
    from kt.cli.docs.example import example_config
    from kt.config.load import at_home

    target = at_home(path) if path else _default_path()
    if target.is_dir():
        target = target / "config.yaml"
    if target.exists() and not force:
        raise UsageError(
            f"{target} already exists; nothing was changed", hint="--force overwrites it."
        )
    try:
        private_folder(target.parent)
        write_private(target, example_config().encode())
    except OSError as error:
        why, advice = trouble(error, "name another path")
        raise KtError(f"{target} cannot be written: {why}", hint=advice) from error
    cli.console.write(visible(str(target)) + "\n")
    cli.console.say(tr(NEXT_STEPS))


def _default_path() -> Path:
    import platformdirs

    return platformdirs.user_config_path("kt") / "config.yaml"
