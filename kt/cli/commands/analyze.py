"""kt analyze: collect market data on each stock, ask the analyst, print its decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import PASTED, STOCK
from kt.cli.support.silent_analyst import silent
from kt.errors import KtError, UsageError

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import AnalystRequest, Candidate, Decision
    from kt.steps.context import Context


@command(
    "analyze",
    help="""Decide about the piped candidates (or the given stocks) and all held positions.

    \b
      kt scan fast | kt analyze
      kt analyze 005930 SK하이닉스

    Prints a `decisions` document with one decision per stock. The analyst is Gemini
    if GEMINI_API_KEY is set, otherwise kt's own offline rules. The confidence of any
    action is the chance that doing this beats not doing it, after costs, within
    analyst.horizon_minutes (`kt help figures`). A stock without a
    usable answer gets ABSTAIN: no action is taken. If no decision is the analyst's
    own, the exit code tells why: 4 for a refused key, 9 for an unreachable
    provider, 1 otherwise.

    --show-prompt prints the prompt that the model would get and its size. --replay
    takes the answers from the journal, found by the hash of all input; it asks
    neither broker nor provider and records nothing.
    """,
)
@click.argument("codes", metavar="[STOCK]...", nargs=-1, type=STOCK)
@click.option("--held", is_flag=True, help="Only held positions; do not read a pipe.")
@click.option(
    "--allow-fallback", is_flag=True, help="Exit with 0 even if no decision is the analyst's own."
)
@click.option(
    "--replay",
    "replayed",
    metavar="RUN",
    type=PASTED,
    help="Decide again from a run's recorded answers; send nothing.",
)
@click.option("--show-prompt", is_flag=True, help="Print the prompt; do not ask the analyst.")
@pass_cli
def analyze(
    cli: CliContext,
    codes: tuple[str, ...],
    held: bool,
    allow_fallback: bool,
    show_prompt: bool,
    replayed: str | None,
) -> None:
    if replayed is not None:
        _replay(cli, replayed, (*codes, *(["--held"] if held else [])))
        return
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.stock_choice import stock_codes
    from kt.steps import analyst_outages
    from kt.steps.decide import analyze as analyze_step
    from kt.steps.decide import collect as collect_step

    ctx = cli.context("analyze")
    codes = stock_codes(cli, ctx, codes)
    candidates = () if codes or held else _piped(cli, ctx)
    brief = collect_step.collect(ctx, candidates, codes)
    if show_prompt:
        _show_prompt(cli, ctx, brief)
        return
    with cli.console.waiting("the analyst"):
        decisions = analyze_step.analyze(ctx, brief)
    emit(cli, "decisions", decisions, run=ctx.run)
    if not decisions:
        cli.say("nothing to decide: no candidates were given and nothing is held")
        return
    summary = analyst_outages.summary(decisions, ctx.analyst.name)
    if allow_fallback or any(decision.provenance.own for decision in decisions):
        cli.say(summary)
        return
    faults = next((decision.faults for decision in decisions if decision.faults), ("",))
    raise silent(summary, faults[0])


def _replay(cli: CliContext, run: str, extra: tuple[str, ...]) -> None:
    """Replay a run: its questions with their recorded answers, validated by the current rules."""
    from kt.cli.support.pipe_documents import emit
    from kt.steps import analyst_outages
    from kt.steps.decide.analyze import analyze as decide

    if extra:
        raise UsageError(f"--replay takes its stocks from the run: leave out {', '.join(extra)}")
    cli.app.replaying = True
    ctx = cli.context("analyze --replay")
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
        except KtError as miss:
            miss.hint = (
                f"It was put to {answer.analyst} {answer.asked_model} with "
                f"{answer.prompt_version or 'no instructions'} and {answer.parameters}."
            )
            raise
    emit(cli, "decisions", decisions, run=ctx.run)
    cli.say(f"replayed: {analyst_outages.summary(decisions, ctx.analyst.name)}")


def _show_prompt(cli: CliContext, ctx: Context, brief: AnalystRequest) -> None:
    from kt.rules.token_estimate import EXPLAINED, estimate

    shown = ctx.analyst.preview(brief)
    if shown is None:
        raise UsageError(
            f"the analyst {ctx.analyst.name} is sent no prompt",
            hint="Choose a model: analyst.kind in the configuration, and its key.",
        )
    cli.console.show(f"{shown.text}\n")
    cli.say(
        f"{ctx.analyst.name} {ctx.analyst.model}, prompt {shown.version}, {len(brief.stocks)} "
        f"stocks: {len(shown.text):,} characters, about {estimate(shown.text):,} tokens "
        f"({EXPLAINED})"
    )


def _piped(cli: CliContext, ctx: Context) -> tuple[Candidate, ...]:
    from kt.cli.support.pipe_documents import piped, read

    if not piped(cli):
        return ()
    max_age = ctx.config.pipe.scan_max_age
    _, items, _ = read(cli, ("candidates",), max_age=max_age, now=ctx.clock.now)
    return items
