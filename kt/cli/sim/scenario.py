"""kt sim scenario: play one of the four scripted scenarios on the running exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import PastedType, Real

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.sim.scenario import Moved

NAMES = ("buy", "profit", "stop", "unfilled")


@command(
    "scenario",
    help="""Move one stock of the running exchange through the prices of a scenario.

    \b
      buy       an order for 10 at 70,000 fills in two halves
      profit    the price rises to 77,500, above the target
      stop      the price falls to 66,000, below the stop
      unfilled  half of an order for 10 at 70,000 stays open

    It waits for the order; `kt run` does the rest. With --decision it prints the
    decision to buy instead, for a pipe:

    \b
      kt sim scenario buy &
      kt sim scenario buy --decision | kt check | kt order submit

    `profit` and `stop` need the position that `buy` opens. See `kt help simulator`.
    """,
)
@click.argument("name", type=click.Choice(NAMES))
@click.argument("code", type=PastedType("text", "stock"), default="005930")
@click.option("--decision", is_flag=True, help="Only print the decision to buy.")
@click.option(
    "--pause",
    type=Real(0, 3600),
    default=3.0,
    show_default=True,
    help="Seconds of the exchange's clock after each price.",
)
@click.option(
    "--wait",
    type=Real(0, 86_400),
    default=1800.0,
    show_default=True,
    help="Seconds of the exchange's clock to wait for the order.",
)
@pass_cli
def scenario(
    cli: CliContext, name: str, code: str, decision: bool, pause: float, wait: float
) -> None:
    if decision:
        run_decision(cli, code)
    else:
        run_scenario(cli, name, code, pause, wait)


def run_scenario(cli: CliContext, name: str, code: str, pause: float, wait: float) -> None:
    from kt.cli.support.pipe_documents import emit
    from kt.sim import control, scenario

    exchange = control.of(cli.state_folder)
    clock = control.clock(exchange.status(use=True))
    rows: list[dict[str, Any]] = []
    for moved in scenario.play(
        exchange, name, code, clock, pause=pause, patience=wait, say=cli.say
    ):
        cli.say(_line(moved))
        rows.append(_row(name, moved))
    emit(cli, "events", rows, run="", asof=clock.now(), profile="sim")


def run_decision(cli: CliContext, code: str) -> None:
    """Print the scenario's buy decision, dated by the exchange's clock."""
    from kt.cli.support.pipe_documents import emit
    from kt.ids import new_id
    from kt.sim import control
    from kt.sim.scenario import decision

    exchange = control.of(cli.state_folder)
    name = exchange.steered(code)["stock_name"]
    now = control.clock(exchange.status(use=True)).now()
    made = decision(code, name, now, new_id(now))
    emit(cli, "decisions", [made], run="", asof=now, profile="sim")


def _line(moved: Moved) -> str:
    served = f", {moved.shares} shares for the waiting orders" if moved.shares else ""
    return f"{moved.at:%H:%M:%S} {moved.stock_code} at {moved.price:,}{served}: {moved.text}"


def _row(name: str, moved: Moved) -> dict[str, Any]:
    return {
        "kind": "scenario",
        "scenario": name,
        "at": moved.at.isoformat(),
        "stock_code": moved.stock_code,
        "price": moved.price,
        "shares": moved.shares,
        "text": moved.text,
    }
