"""What the keys that act do: they run a command of kt's, in a process of its own, after a yes.

So a key has no way of its own to an order: checks, the intent and the outcome are the command's.
The process outlives the screen, so that closing it interrupts no order.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kt.cli.show.cells import money
from kt.cli.show.orders import wanted_price
from kt.cli.support.preview import REAL_MONEY
from kt.records import CHANGING_STATES, UNRESOLVED_STATES, Order
from kt.translation import language

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext


@dataclass(frozen=True)
class KeyCommand:
    """A command that a key runs once it is confirmed."""

    words: tuple[str, ...]
    title: str
    effects: tuple[str, ...]
    """What will happen, one sentence each."""
    sends: bool = False
    """Whether it sends something to the broker: then `--yes` tells it that the question was asked,
    and `--dry-run` sends nothing."""

    @property
    def shown(self) -> str:
        return f"kt {' '.join(self.words)}"


@dataclass(frozen=True)
class Ended:
    """How a command ended; `message` is what it wrote for people."""

    code: int
    message: str


Runner = Callable[[KeyCommand], Ended]

HALT = KeyCommand(
    ("halt",),
    "Halt all new orders?",
    (
        "No new orders are sent until `kt resume`, not even a stop-loss.",
        "Positions and open orders stay as they are. Cancels stay allowed.",
    ),
)
REDUCE = KeyCommand(
    ("reduce",),
    "Allow only sells?",
    (
        "Only sells and cancels are sent until `kt resume`, no buys.",
        "Stop-losses and take-profits stay active.",
    ),
)


def cancel(order: Order) -> KeyCommand:
    """The cancel of an order's open quantity."""
    shares, price = money(order.open_quantity), wanted_price(order)
    return KeyCommand(
        ("order", "cancel", order.order_id),
        "Cancel this order?",
        (
            f"The broker is asked to cancel order {order.ord_no}: {order.side} {shares} shares of "
            f"{order.stock_code} {order.stock_name} at {price}.",
            "Shares that have filled stay; the rest is no longer bought or sold.",
        ),
        sends=True,
    )


def cannot_cancel(order: Order) -> str:
    """Why an order cannot be cancelled now; empty when it can."""
    if order.state in UNRESOLVED_STATES:
        return "its outcome is unknown: see `kt order resolve`"
    return "a change of it is under way" if order.state in CHANGING_STATES else ""


def warning(cli: CliContext, command: KeyCommand) -> str:
    """What to say first about the profile; empty for nothing."""
    if command.sends and cli.config.dry_run:
        return "dry run: no order is sent"
    if cli.config.profile != "real":
        return ""
    return REAL_MONEY if command.sends else "REAL MONEY: this is about the real account."


def child_process(cli: CliContext) -> Runner:
    """Runs commands with this command line's profile, configuration and language."""
    flags = ["--profile", cli.config.profile, "--lang", language()]
    flags += ["--config", cli.flags.config] if cli.flags.config else []
    flags += ["--dry-run"] if cli.config.dry_run else []

    def run(command: KeyCommand) -> Ended:
        """Waits for the end of the command."""
        words = [*command.words, *flags, *(["--yes"] if command.sends else [])]
        done = subprocess.run(
            [sys.executable, "-m", "kt", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=dict(os.environ),
            start_new_session=True,
        )
        return Ended(done.returncode, done.stderr.decode("utf-8", "replace").strip())

    return run
