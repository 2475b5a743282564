"""kt init: asks for what kt needs or takes it from options, keeps the keys, writes the
configuration and tests it. Nothing is written before the last answer. No other command is imported
here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import FILE
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.init.answers import Answers
    from kt.cli.support.cli_context import CliContext

NEXT_STEPS = {
    "sim": """\
Next:
  kt doctor                  check the set-up
  kt run --once              one trading cycle on the embedded exchange
  kt help start              from here to mock investing and to real money""",
    "mock": """\
Next:
  kt doctor                  check the set-up
  kt balance                 the mock account
  kt run --once --dry-run    one cycle that sends no order
  kt help start              from here to real money""",
    "real": """\
Next:
  kt doctor --profile real   check the set-up
  kt balance --profile real  the account
  kt help start              how orders with real money are allowed""",
}


@command(
    "init",
    help="""Set kt up: keep the keys, write the configuration, test the connection.

    On a terminal kt asks where to trade, for the keys (what is typed is not shown)
    and how to notify you. Without a terminal, or with --yes, it asks nothing: what
    is missing is named, and the exit code is 2.

    \b
      kt init                                          sim: no account, no key
      kt init --profile mock --key-file keys.txt
      kt init --notify https://example.com/hook

    Keys go into the system keyring or into files of mode 0600 beside the
    configuration, never into it. Nothing is written before the last answer. The
    values of an existing file stay, and the file itself is kept as PATH.bak.
    `profile: real` is never written: name it with every command, --profile real.

    Without PATH it is the file of --config or KT_CONFIG, otherwise config.yaml in the
    user's configuration folder. kt reads the first of: --config, KT_CONFIG,
    ./config.yaml, that file. Exit codes: 2 something is missing, 4 the broker
    refused the keys, 5 not confirmed, 9 no connection or no notice.
    """,
)
@click.argument("path", required=False)
@click.option(
    "--key-file",
    "key_files",
    metavar="FILE",
    type=FILE,
    multiple=True,
    help="The broker's keys: one file with two lines, app key and secret key, or two files, or "
    "- for stdin. Default: KT_APP_KEY and KT_SECRET_KEY.",
)
@click.option(
    "--gemini-key-file",
    metavar="FILE",
    type=FILE,
    help="A file with Gemini's key, or - for stdin. Default: GEMINI_API_KEY.",
)
@click.option(
    "--store",
    type=click.Choice(["keyring", "file"]),
    help="Where keys are kept. Default: the keyring where there is one, otherwise a file; keys of "
    "the environment stay there.",
)
@click.option(
    "--analyst",
    type=click.Choice(["auto", "rules", "gemini"]),
    help="Who decides; `real` needs a choice. Default: Gemini where there is a key, or the rules.",
)
@click.option(
    "--notify",
    metavar="CHANNEL",
    help="A webhook (https://…), an address of apprise (tgram://…), or a command.",
)
@click.option("--no-test", is_flag=True, help="Do not connect and send no test notice.")
@click.option("--force", is_flag=True, help="Write over an existing file, even an invalid one.")
@pass_cli
def init(
    cli: CliContext,
    path: str | None,
    key_files: tuple[str, ...],
    gemini_key_file: str | None,
    store: str | None,
    analyst: str | None,
    notify: str | None,
    no_test: bool,
    force: bool,
) -> None:
    from kt.cli.init import answers, dialogue, existing, files

    asks = cli.console.in_terminal and not cli.flags.yes
    begun = existing.read_existing(_target(cli, path), asks=asks or cli.flags.yes, force=force)
    given = answers.from_options(
        cli, begun, key_files, gemini_key_file, analyst or "", notify or "", store or ""
    )
    answered = dialogue.asked(cli, begun, given) if asks else answers.complete(begun, given)
    for said in files.write(begun, answered, store or ""):
        cli.say(said)
    cli.console.write(visible(str(begun.path)) + "\n")
    _warn_unread(cli, begun.path)
    if not no_test:
        _prove(cli, begun.path, answered)
    cli.console.say(tr(NEXT_STEPS[answered.profile]))


def _target(cli: CliContext, path: str | None) -> Path:
    from kt.config.load import FILE_NAME, at_home, users_own_file

    named = path or cli.flags.config or cli.environ.get("KT_CONFIG")
    target = at_home(named) if named else users_own_file()
    return target / FILE_NAME if target.is_dir() else target


def _warn_unread(cli: CliContext, written: Path) -> None:
    """Say so when commands in this folder will read another file."""
    from kt.config.load import find_config
    from kt.errors import ConfigError

    try:
        read = find_config(cli.flags.config or None, cli.environ)
    except ConfigError:
        read = None
    if read is None or read.absolute() != written.absolute():
        cli.say(f"commands here read {read or 'no file'}, not this one; name it with --config")


def _prove(cli: CliContext, path: Path, answered: Answers) -> None:
    """Connect and notify with the new configuration; neither waits for the other. Raises what
    failed."""
    from kt.cli.init import proof
    from kt.cli.support.messages import sentence

    cli.flags.config, cli.flags.profile = str(path), answered.profile
    failure = proof.connect(cli) if answered.has_keys else None
    if not answered.has_keys:
        cli.say("without keys the connection is not tested; run `kt init` again when you have them")
    unheard = proof.notify(cli) if answered.channel else None
    if failure and unheard:
        cli.console.warn(sentence(unheard.message, unheard.hint))
    failure = failure or unheard
    if failure:
        raise failure
