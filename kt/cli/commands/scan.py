"""kt scan: find candidates in three stages, each reading the output of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import Entry, LazyGroup, command, pass_cli

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Candidate
    from kt.steps.context import Context
    from kt.steps.decide.scan import Scanned

scan = LazyGroup(
    "scan",
    entries={
        "fast": Entry("kt.cli.commands.scan:fast", "Four rankings, filtered: 50 candidates."),
        "deep": Entry("kt.cli.commands.scan:deep", "Flows, book, strength, firms: the best 20."),
        "ai": Entry("kt.cli.commands.scan:ai", "The analyst's pick: the best 5."),
        "condition": Entry(
            "kt.cli.commands.scan:condition", "A condition search saved at the broker."
        ),
    },
    help="""Find candidates: fast, deep, ai; or by a condition search.

    \b
      kt scan fast | kt scan deep | kt scan ai | kt analyze
      kt scan condition "NAME" | kt scan deep

    deep and ai read a `candidates` document from a pipe. On a terminal, without a
    pipe, they run the earlier scans first. The `scan` section of the configuration
    sets how many candidates each scan keeps and which stocks are left out.
    """,
)


@command(
    "fast",
    help="""Rank the market by surge of volume (ka10023), volume (ka10030), value (ka10032) and
    change (ka10027), filter, and keep the best. Prints a `candidates` document.""",
)
@pass_cli
def fast(cli: CliContext) -> None:
    _scan(cli, "fast")


@command(
    "deep",
    help="""Query each piped candidate: foreign and institutional flow, order book, trade
    strength, member firms. Reads and prints a `candidates` document.""",
)
@pass_cli
def deep(cli: CliContext) -> None:
    _scan(cli, "deep")


@command(
    "ai",
    help="""Let the analyst pick the most promising of the piped candidates, in its own order; it
    may pick none. Reads and prints a `candidates` document. When the analyst does not answer, and
    `analyst.fallback` names nobody else, the document is empty and the exit code says why: 4 for
    a refused key, 9 for a provider that cannot be reached, 1 otherwise.""",
)
@pass_cli
def ai(cli: CliContext) -> None:
    _scan(cli, "ai")


@command(
    "condition",
    help="""Run a condition search that is saved in the broker's own program (ka10171, ka10172,
    over the stream), and filter and score its matches as the fast scan does. Prints a `candidates`
    document. Without NAME it lists the names, one a line. `scan.sources` takes the same search as
    one more source of the fast scan, as `condition:NAME`.""",
)
@click.argument("name", required=False)
@pass_cli
def condition(cli: CliContext, name: str | None) -> None:
    from kt.cli.support.pipe_documents import as_json, emit
    from kt.errors import UnknownCondition
    from kt.rules.candidate_score import CONDITION
    from kt.steps.decide import scan as steps

    ctx = cli.context("scan condition")
    if name is None:
        names = ctx.market.conditions()
        lines = "".join(f"{one}\n" for one in names)
        cli.console.write(lines if cli.output == "table" else as_json(names))
        return
    if name not in (known := ctx.market.conditions()):
        raise UnknownCondition(name, known)
    _say_when(cli, ctx)
    made = steps.fast(ctx, (CONDITION + name,))
    emit(cli, "candidates", made.candidates, run=ctx.run, scan=made.summary)
    cli.say(f"condition {name!r}: {len(made.candidates)} candidates{made.notes()}")


STAGES = ("fast", "deep", "ai")


def _scan(cli: CliContext, stage: str) -> None:
    from kt.cli.support.pipe_documents import emit

    ctx = cli.context(f"scan {stage}")
    _say_when(cli, ctx)
    found = _input(cli, ctx, stage)
    if stage == "ai":
        _choose(cli, ctx, found)
        return
    made = _run_stage(cli, ctx, stage, found)
    emit(cli, "candidates", made.candidates, run=ctx.run, scan=made.summary)
    cli.say(f"{stage} scan: {len(made.candidates)} candidates{made.notes()}")


def _say_when(cli: CliContext, ctx: Context) -> None:
    """Outside trading hours: that the figures are of the last session, and when they move again."""
    from kt.rules import trading_phases

    now, hours = ctx.clock.now(), ctx.config.session
    opening = trading_phases.next_opening(now, hours)
    if opening is not None:
        phase = trading_phases.phase(now, hours)
        moment = trading_phases.moment_words(opening, now)
        cli.say(
            f"the market is closed (phase: {phase}): the figures are of its last session, new ones "
            f"come from {moment}"
        )


def _choose(cli: CliContext, ctx: Context, found: tuple[Candidate, ...]) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.cli.support.silent_analyst import silent
    from kt.steps.decide.scan import shortlist

    with cli.console.waiting("the analyst"):
        chosen = shortlist(ctx, found)
    emit(cli, "candidates", chosen.candidates, run=ctx.run)
    if chosen.failure and not chosen.by:
        raise silent(f"ai scan: {chosen.text()}", chosen.fault)
    cli.say(f"ai scan: {chosen.text()}")


def _input(cli: CliContext, ctx: Context, stage: str) -> tuple[Candidate, ...]:
    """The candidates of the earlier scans: from the pipe, or on a terminal by running them."""
    from kt.cli.support.pipe_documents import piped, read

    if stage == "fast":
        return ()
    if piped(cli):
        max_age = ctx.config.pipe.scan_max_age
        _, items, _ = read(cli, ("candidates",), max_age=max_age, now=ctx.clock.now)
        return items
    found: tuple[Candidate, ...] = ()
    for earlier in STAGES[: STAGES.index(stage)]:
        cli.say(f"running the {earlier} scan first, because nothing is piped")
        found = _run_stage(cli, ctx, earlier, found).candidates
    return found


def _run_stage(cli: CliContext, ctx: Context, stage: str, found: tuple[Candidate, ...]) -> Scanned:
    from kt.steps.decide import scan as steps

    if stage == "fast":
        return steps.fast(ctx)
    with cli.console.waiting(f"the broker's figures on {len(found)} stocks"):
        return steps.deep(ctx, found)
