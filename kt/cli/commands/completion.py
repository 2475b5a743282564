"""kt completion: the shell's completion script, printed or installed for the user."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.completing.scripts import SHELLS, script
from kt.cli.support.click_extensions import Entry, LazyGroup, command, pass_cli
from kt.errors import KtError, UsageError
from kt.files import private_folder, replace_private, trouble

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

BEGIN = "# >>> kt completion >>>"
END = "# <<< kt completion <<<"
"""What kt adds to a shell's start-up file stands between these lines; nothing else is touched."""

completion = LazyGroup(
    "completion",
    entries={
        "install": Entry("kt.cli.commands.completion:install", "Install it for bash, zsh or fish."),
    },
    help="""Complete commands, options, stocks, orders and positions with TAB.

    \b
      kt completion install
      kt completion install fish --print
    """,
)


@dataclass(frozen=True)
class Places:
    """Where a shell looks: the script's file, and the start-up file that loads it (None for a
    shell that finds the script itself), with the lines it needs."""

    script: Path
    startup: Path | None = None
    lines: str = ""


@command(
    "install",
    help="""Write the completion script of SHELL (default: of $SHELL) and let it be loaded.

    TAB then completes commands, options, stocks by code and by Korean name, open
    orders with what they are, held stocks, profiles and help topics, from local
    files alone.

    fish finds the script itself. bash and zsh need three lines in ~/.bashrc or
    ~/.zshrc, between two marks; the rest of that file is left as it is. Repeating
    it changes nothing. --print writes nothing: it prints the script.
    """,
)
@click.argument("shell", required=False, type=click.Choice(SHELLS))
@click.option("--print", "print_", is_flag=True, help="Print the script; write nothing.")
@pass_cli
def install(cli: CliContext, shell: str | None, print_: bool) -> None:
    shell = shell or _own_shell(cli.environ)
    if print_:
        cli.console.write(script(shell))
        return
    places = places_of(shell, cli.environ)
    cli.say(_written(places.script, script(shell).encode()))
    if places.startup is not None:
        block = f"{BEGIN}\n{places.lines}\n{END}\n"
        cli.say(_written(places.startup, with_block(places.startup, block)))
    cli.say(f"open a new {shell}, and press TAB after kt")


def _own_shell(environ: Mapping[str, str]) -> str:
    named = Path(environ.get("SHELL", "")).name
    if named not in SHELLS:
        raise UsageError(
            f"$SHELL is {named or 'not set'}: name the shell",
            hint=f"`kt completion install SHELL`, with one of {', '.join(SHELLS)}.",
        )
    return named


def places_of(shell: str, environ: Mapping[str, str]) -> Places:
    """The places of a shell's script and start-up file. Raises UsageError without a home."""
    home = environ.get("HOME", "")
    if not home:
        raise UsageError(
            "HOME is not set, so there is no place to install it",
            hint=f"`kt completion install {shell} --print` prints the script.",
        )
    data = Path(environ.get("XDG_DATA_HOME") or Path(home, ".local/share"))
    if shell == "fish":
        configuration = Path(environ.get("XDG_CONFIG_HOME") or Path(home, ".config"))
        return Places(configuration / "fish/completions/kt.fish")
    file = data / "kt" / f"completion.{shell}"
    source = f"[ -r {shlex.quote(str(file))} ] && . {shlex.quote(str(file))}"
    if shell == "bash":
        return Places(file, Path(home, ".bashrc"), source)
    ready = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }"
    return Places(file, Path(environ.get("ZDOTDIR") or home, ".zshrc"), f"{ready}\n{source}")


def with_block(startup: Path, block: str) -> bytes:
    """The start-up file with kt's block, in its old place or at the end. Raises KtError for marks
    that do not belong together: that file is left alone."""
    try:
        text = startup.read_bytes()
    except FileNotFoundError:
        text = b""
    except OSError as error:
        raise _cannot(startup, error) from error
    begin, end = f"{BEGIN}\n".encode(), f"{END}\n".encode()
    if begin not in text and end not in text:
        gap = b"" if not text or text.endswith(b"\n") else b"\n"
        return text + gap + block.encode()
    before, _, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not closed or text.count(begin) != 1 or text.count(end) != 1:
        raise KtError(
            f"{startup} holds the mark {BEGIN!r} or {END!r} without its other half",
            hint="Remove it, and run this again; nothing in that file was changed.",
        )
    return before + block.encode() + after


def _written(path: Path, content: bytes) -> str:
    """Replace a file at once, through a link and with its permissions, unless it is as wanted; say
    which."""
    try:
        target = path.resolve()
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        if target.exists() and target.read_bytes() == content:
            return f"{path} is up to date"
        private_folder(target.parent)
        replace_private(target, content, durable=True, mode=mode)
    except OSError as error:
        raise _cannot(path, error) from error
    return f"wrote {path}"


def _cannot(path: Path, error: OSError) -> KtError:
    why, _ = trouble(error)
    return KtError(
        f"{path} cannot be used: {why}",
        hint="`kt completion install --print` prints the script, to be put where you want it.",
    )
