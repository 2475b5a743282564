"""kt analyze: collect what is known about each stock, ask the analyst, print its decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.lazy import command, pass_session
from kt.cli.values import STOCK_CODE

if TYPE_CHECKING:
    from kt.cli.session import Session
    from kt.records import Candidate
    from kt.steps.context import Context


@command(
    "analyze",
    help="""Decide about the piped candidates (or the given stocks), and about what is held.

    \b
      kt scan fast | kt analyze
      kt analyze 005930 000660

    Prints a `decisions` document: one decision for every stock asked about. The
    analyst is Gemini when GEMINI_API_KEY is set, otherwise kt's own offline rules.
    """,
)
@click.argument("codes", metavar="[CODE]...", nargs=-1, type=STOCK_CODE)
@click.option("--held", is_flag=True, help="Only what is held; read no pipe.")
@pass_session
def analyze(session: Session, codes: tuple[str, ...], held: bool) -> None:
    from kt.cli.documents import emit
    from kt.steps import analyze as analyze_step
    from kt.steps import collect as collect_step

    ctx = session.context("analyze")
    candidates = () if codes or held else _piped(session, ctx)
    brief = collect_step.collect(ctx, candidates, codes)
    decisions = analyze_step.analyze(ctx, brief)
    emit(session, "decisions", decisions, run=ctx.run)
    if not decisions:
        session.say("nothing to decide about: no candidate was given and nothing is held")
        return
    session.say(f"{len(decisions)} decisions by {decisions[0].analyst or ctx.analyst.name}")


def _piped(session: Session, ctx: Context) -> tuple[Candidate, ...]:
    from kt.cli.documents import piped, read

    if not piped(session):
        return ()
    max_age = ctx.config.pipe.scan_max_age
    _, items, _ = read(session, ("candidates",), max_age=max_age, now=ctx.clock.now)
    return items
