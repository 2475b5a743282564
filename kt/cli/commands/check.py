"""kt check: check decisions by the safety rules, with every reason and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kt.cli.support.click_extensions import command, pass_cli

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@command(
    "check",
    help="""Check the piped decisions by the safety rules and size the orders.

    \b
      kt analyze 005930 | kt check | kt order submit

    Reads a `decisions` document and prints a `checks` document: what may be
    ordered, or every reason why not (`kt help denials`). Sends nothing. A denied
    decision is a result here, so the exit code is 0.
    """,
)
@pass_cli
def check(cli: CliContext) -> None:
    from kt.cli.support.pipe_documents import emit, read
    from kt.records import Origin
    from kt.steps.risk import check as step

    ctx = cli.context("check")
    max_age = ctx.config.pipe.max_age
    _, decisions, _ = read(cli, ("decisions",), max_age=max_age, now=ctx.clock.now)
    checks = step.check(ctx, decisions, origin=Origin.PIPE)
    emit(cli, "checks", checks, run=ctx.run)
    passed = sum(item.passed for item in checks)
    cli.say(
        f"{passed} may be ordered, {len(checks) - passed} denied, "
        f"{len(decisions) - len(checks)} to hold"
    )
