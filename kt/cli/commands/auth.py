"""kt auth: get a token, show how long it is valid, revoke it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt.cli.support.click_extensions import Entry, LazyGroup, command, pass_cli
from kt.errors import AuthError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

auth = LazyGroup(
    "auth",
    entries={
        "login": Entry("kt.cli.commands.auth:login", "Get a token (au10001) and store it."),
        "status": Entry("kt.cli.commands.auth:status", "Show the stored token's validity."),
        "logout": Entry("kt.cli.commands.auth:logout", "Revoke the token (au10002) and delete it."),
    },
    help="""Log in, show the token, log out.

    Keys come from KT_APP_KEY and KT_SECRET_KEY, from the key_file of the profile,
    or from the system keyring; never from the command line. Commands log in
    automatically when they need to.
    """,
)


@command("login", help="Get a token (au10001), store it for all commands, show its validity.")
@pass_cli
def login(cli: CliContext) -> None:
    ctx = cli.context("auth login")
    cli.app.token_source.token()
    _show(cli, ctx.run)
    cli.say(f"logged in on the profile {cli.config.profile}")


@command("status", help="Show this profile's stored token, without asking the broker.")
@pass_cli
def status(cli: CliContext) -> None:
    ctx = cli.context("auth status")
    if not _show(cli, ctx.run):
        raise AuthError("no valid token", hint="Run `kt auth login`.")


@command("logout", help="Revoke the token (au10002) and delete it.")
@pass_cli
def logout(cli: CliContext) -> None:
    ctx = cli.context("auth logout")
    was_there = cli.app.token_source.revoke()
    _show(cli, ctx.run)
    cli.say("the token was revoked" if was_there else "there was no token")


def _show(cli: CliContext, run: str) -> bool:
    """Print the token's validity in Korean time; the token itself is masked."""
    from kt.cli.support.pipe_documents import emit

    source = cli.app.token_source
    known = source.status()
    row: dict[str, Any] = {
        "kind": "auth",
        "profile": cli.config.profile,
        "keys": source.keys.source,
        "valid": known.valid,
        "token": known.token,
        "issued_at": known.issued_at and known.issued_at.isoformat(timespec="seconds"),
        "expires_at": known.expires_at and known.expires_at.isoformat(timespec="seconds"),
        "seconds_left": known.seconds_left,
    }
    emit(cli, "events", [row], run=run)
    return known.valid
