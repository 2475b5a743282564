"""kt top: the live screen. The only package that imports Textual, and only when it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kt.cli.support.click_extensions import command, pass_cli
from kt.errors import KtError, UsageError
from kt.extras import pip_install

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "top",
    help="""Watch kt and the account on one screen, and act by keys.

    Positions with their profit, stop and target, open orders, candidates, the
    analyst's last words, the day's result against the loss limit, events, and a
    chart of the chosen stock. It follows a `kt run` in another process, and shows
    what is held and open when none runs.

    Keys: 1 to 5 and Tab choose a panel, Enter shows details, s sorts, c cancels
    the chosen order, h halts, r reduces, ? lists all, q quits. Each key that acts
    says what will happen and asks; then it runs the command of that name.

    Needs a terminal of 60 columns and 14 rows, and the extra `kt[screen]`. In a pipe
    use `kt watch`.
    """,
)
@pass_cli
def top(cli: CliContext) -> None:
    console = cli.console
    if not (console.in_terminal and console.out_terminal and console.err_terminal):
        raise UsageError("kt top needs a terminal", hint="In a pipe use `kt watch` or `kt log -f`.")
    if cli.flags.output not in ("", "table"):
        raise UsageError("kt top writes no documents", hint="Use `kt watch` or `kt status`.")
    try:
        import textual  # noqa: F401
    except ImportError as missing:
        install = pip_install("screen")
        raise KtError(
            "kt top needs Textual, which is not installed",
            hint=f"`{install}`, or use `kt watch` and `kt status`.",
        ) from missing
    from kt.cli.top.session import run

    with console.waiting("the embedded exchange" if cli.config.profile == "sim" else "the journal"):
        ctx = cli.context("top")
    run(cli, ctx)
