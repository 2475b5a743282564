"""kt analyze: collect market data on each stock, ask the analyst, print its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import STOCK_CODE
from kt.errors import AuthError, KtError, Unreachable

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Candidate, Decision
    from kt.steps.context import Context

NETWORK = frozenset({"unreachable", "unavailable", "timeout", "quota"})
"""Failures of the network or of the provider's server."""


@command(
    "analyze",
    help="""Decide about the piped candidates (or the given stocks) and all held positions.

    \b
      kt scan fast | kt analyze
      kt analyze 005930 000660

    Prints a `decisions` document with one decision per stock. The analyst is Gemini
    if GEMINI_API_KEY is set, otherwise kt's own offline rules. A stock without a
    usable answer gets ABSTAIN: no action is taken. If no decision is the analyst's
    own, the exit code tells why: 4 for a refused key, 9 for an unreachable
    provider, 1 otherwise.
    """,
)
@click.argument("codes", metavar="[CODE]...", nargs=-1, type=STOCK_CODE)
@click.option("--held", is_flag=True, help="Only held positions; do not read a pipe.")
@click.option(
    "--allow-fallback", is_flag=True, help="Exit with 0 even if no decision is the analyst's own."
)
@pass_cli
def analyze(cli: CliContext, codes: tuple[str, ...], held: bool, allow_fallback: bool) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.steps import silence
    from kt.steps.decide import analyze as analyze_step
    from kt.steps.decide import collect as collect_step

    ctx = cli.context("analyze")
    candidates = () if codes or held else _piped(cli, ctx)
    brief = collect_step.collect(ctx, candidates, codes)
    decisions = analyze_step.analyze(ctx, brief)
    emit(cli, "decisions", decisions, run=ctx.run)
    if not decisions:
        cli.say("nothing to decide: no candidates were given and nothing is held")
        return
    summary = silence.summary(decisions)
    if allow_fallback or any(decision.provenance.own for decision in decisions):
        cli.say(summary)
        return
    raise _failure(decisions)(summary, hint="`kt doctor` tests the analyst and shows the problem.")


def _failure(decisions: Sequence[Decision]) -> type[KtError]:
    """The error class, and so the exit code, for the first decision's failure."""
    faults = next((decision.faults for decision in decisions if decision.faults), ("",))
    kind = faults[0].partition(":")[0]
    if kind == "auth":
        return AuthError
    return Unreachable if kind in NETWORK else KtError


def _piped(cli: CliContext, ctx: Context) -> tuple[Candidate, ...]:
    from kt.cli.support.pipe_documents import piped, read

    if not piped(cli):
        return ()
    max_age = ctx.config.pipe.scan_max_age
    _, items, _ = read(cli, ("candidates",), max_age=max_age, now=ctx.clock.now)
    return items
