"""kt analyze: collect what is known about each stock, ask the analyst, print its decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_session
from kt.cli.support.param_types import STOCK_CODE
from kt.cli.support.silent_analyst import silent
from kt.errors import KtError, UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import AnalystRequest, Candidate, Decision
    from kt.steps.context import Context


@command(
    "analyze",
    help="""Decide about the piped candidates (or the given stocks), and about what is held.

    \b
      kt scan fast | kt analyze
      kt analyze 005930 000660

    Prints a `decisions` document: one decision for every stock asked about. The
    analyst is Gemini when GEMINI_API_KEY is set, otherwise kt's own offline rules.
    A stock about which no usable answer came is ABSTAIN: nothing is done with it.
    --replay answers from the journal by the hash of all input, and touches neither the
    broker nor the provider; it records nothing.
    --show-prompt prints what the model would be sent about them, and asks nobody.
    When none of the decisions is the analyst's own the exit code says why: 4 for a
    refused key, 9 for a provider that cannot be reached, 1 otherwise.
    """,
)
@click.argument("codes", metavar="[CODE]...", nargs=-1, type=STOCK_CODE)
@click.option("--held", is_flag=True, help="Only what is held; read no pipe.")
@click.option(
    "--allow-fallback", is_flag=True, help="Exit with 0 also when no decision is the analyst's own."
)
@click.option(
    "--replay", "replayed", metavar="RUN", help="What a run's recorded answers come to; ask nobody."
)
@click.option("--show-prompt", is_flag=True, help="Print what would be sent; ask nobody.")
@pass_session
def analyze(
    session: CliContext,
    codes: tuple[str, ...],
    held: bool,
    allow_fallback: bool,
    show_prompt: bool,
    replayed: str | None,
) -> None:
    if replayed is not None:
        _replay(session, replayed, (*codes, *(["--held"] if held else [])))
        return
    from kt.cli.support.pipe_documents import emit
    from kt.steps import silence
    from kt.steps.decide import analyze as analyze_step
    from kt.steps.decide import collect as collect_step

    ctx = session.context("analyze")
    candidates = () if codes or held else _piped(session, ctx)
    brief = collect_step.collect(ctx, candidates, codes)
    if show_prompt:
        _show_prompt(session, ctx, brief)
        return
    decisions = analyze_step.analyze(ctx, brief)
    emit(session, "decisions", decisions, run=ctx.run)
    if not decisions:
        session.say("nothing to decide about: no candidate was given and nothing is held")
        return
    said = silence.summary(decisions, ctx.analyst.name)
    if allow_fallback or any(decision.provenance.own for decision in decisions):
        session.say(said)
        return
    faults = next((decision.faults for decision in decisions if decision.faults), ("",))
    raise silent(said, faults[0])


def _replay(session: CliContext, run: str, besides: tuple[str, ...]) -> None:
    """The run's questions with its recorded answers, checked as kt checks them now."""
    from kt.cli.support.pipe_documents import emit
    from kt.steps import silence
    from kt.steps.decide.analyze import analyze as decide

    if besides:
        raise UsageError(f"--replay asks what that run asked: {', '.join(besides)} is too much")
    session.app.replaying = True
    ctx = session.context("analyze --replay")
    asked = ctx.journal.questions(run)
    if not asked:
        raise UsageError(
            f"the journal has no question to an analyst by a run {run}",
            hint="`kt log --kind answer` shows the runs that asked.",
        )
    decisions: list[Decision] = []
    for question, answer in asked:
        try:
            decisions += decide(ctx, question.request, replayed=question.kinds)
        except KtError as missed:
            missed.hint = (
                f"It was put to {answer.analyst} {answer.asked_model} with "
                f"{answer.prompt_version or 'no instructions'} and {answer.parameters}."
            )
            raise
    emit(session, "decisions", decisions, run=ctx.run)
    session.say(f"replayed: {silence.summary(decisions, ctx.analyst.name)}")


def _show_prompt(session: CliContext, ctx: Context, brief: AnalystRequest) -> None:
    from kt.rules.token_estimate import EXPLAINED, estimate

    shown = ctx.analyst.preview(brief)
    if shown is None:
        raise UsageError(
            f"the analyst {ctx.analyst.name} is sent no prompt",
            hint="Choose a model: analyst.kind in the configuration, and its key.",
        )
    session.console.show(f"{shown.text}\n")
    session.say(
        f"{ctx.analyst.name} {ctx.analyst.model}, prompt {shown.version}, {len(brief.stocks)} "
        f"stocks: {len(shown.text):,} characters, about {estimate(shown.text):,} tokens "
        f"({EXPLAINED})"
    )


def _piped(session: CliContext, ctx: Context) -> tuple[Candidate, ...]:
    from kt.cli.support.pipe_documents import piped, read

    if not piped(session):
        return ()
    max_age = ctx.config.pipe.scan_max_age
    _, items, _ = read(session, ("candidates",), max_age=max_age, now=ctx.clock.now)
    return items
