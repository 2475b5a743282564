"""kt watch: live prices, books, fills and balance; a live table, or one JSON object per line."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kt.cli.support.click_extensions import command, pass_cli
from kt.cli.support.param_types import STOCK, Real, Type, Whole
from kt.errors import KtError, StreamReplaced, UnknownStock, UsageError
from kt.rules.typed_text import folded

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.records import Quote, StreamEvent, StreamKind, StreamState
    from kt.steps.context import Context

TYPE_NAMES = {
    "0B": "0B",
    "01": "0B",
    "trade": "0B",
    "0D": "0D",
    "02": "0D",
    "book": "0D",
    "00": "00",
    "orders": "00",
    "04": "04",
    "balance": "04",
    "0s": "0s",
    "session": "0s",
}
"""Every accepted name of a type, and the broker's. 01 and 02 come from
docs/architecture.md#stream-names."""
STOCK_TYPES = ("0B", "0D")
DEFAULT_TYPES = ("0B", "00", "04")
POLL_SECONDS = 0.25
"""Seconds between checks for --for and for a reader that has closed the pipe."""


class StreamTypes(Type):
    """One or several types, separated by commas: `0B`, `01,02`, `trade,orders`."""

    name = "types"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = folded(value).split(",")
        unknown = [name for name in names if name not in TYPE_NAMES]
        if unknown:
            known = ", ".join(TYPE_NAMES)
            self.fail(f"{unknown[0]!r} is not a type; known are {known}.", param, ctx)
        return tuple(TYPE_NAMES[name] for name in names)


@command(
    "watch",
    help="""Show stocks and the account live: a table on a terminal, one JSON object per
    line in a pipe. Without STOCK, the held stocks. Ends with Ctrl-C. `kt top` is the
    screen with everything else.

    \b
      kt watch 005930 SK하이닉스
      kt watch 005930 --type 0D --count 10 | jq -c .book.bids[0]
    """,
)
@click.argument("codes", metavar="[STOCK]...", nargs=-1, type=STOCK)
@click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    type=StreamTypes(),
    help="0B trade (also 01), 0D book (also 02), 00 orders, 04 balance, 0s session; several "
    "with commas. Default: 0B,00,04.",
)
@click.option("--count", type=Whole(1, 10**9), help="End after this many events.")
@click.option(
    "--for", "seconds", type=Real(0, 10**6, min_open=True), help="End after this many seconds."
)
@click.option(
    "--record",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Record frames and answers in a new file, for `kt sim serve --replay`.",
)
@pass_cli
def watch(
    cli: CliContext,
    codes: tuple[str, ...],
    types: tuple[tuple[str, ...], ...],
    count: int | None,
    seconds: float | None,
    record: Path | None,
) -> None:
    from kt.cli.support.stock_choice import stock_codes

    wanted = tuple(dict.fromkeys(name for several in types for name in several))
    if cli.output not in {"table", "json"}:
        raise UsageError(f"a stream cannot be written as {cli.output}")
    if record is not None:
        cli.app.record(record, "watch")
    ctx = cli.context("watch")
    codes = stock_codes(cli, ctx, codes) or tuple(
        item.stock_code for item in ctx.journal.positions()
    )
    if not codes and set(wanted) & set(STOCK_TYPES):
        raise UsageError("nothing is held: name the stocks to watch")
    quotes = _known(ctx, codes)
    events: queue.Queue[StreamEvent] = queue.Queue()
    stream = cli.app.stream()
    try:
        stream.start(events.put)
        account, stocks = _kinds(wanted or DEFAULT_TYPES)
        if account:
            stream.subscribe(account)
        if stocks and codes:
            stream.subscribe(stocks, codes)
        _show(cli, quotes, _happening(cli, ctx, events, count, seconds))
    finally:
        stream.close()


def _known(ctx: Context, codes: tuple[str, ...]) -> tuple[Quote, ...]:
    """The stocks' quotes. Raises UnknownStock for a code the broker does not know."""
    if not codes:
        return ()
    quotes = ctx.market.quotes(codes)
    missing = set(codes) - {quote.stock_code for quote in quotes}
    if missing:
        raise UnknownStock(
            f"unknown stock {', '.join(sorted(missing))}",
            hint="Check the six characters of the code.",
        )
    return quotes


def _kinds(types: tuple[str, ...]) -> tuple[list[StreamKind], list[StreamKind]]:
    from kt.records import StreamKind

    account = [StreamKind(name) for name in types if name not in STOCK_TYPES]
    return account, [StreamKind(name) for name in types if name in STOCK_TYPES]


def _happening(
    cli: CliContext,
    ctx: Context,
    events: queue.Queue[StreamEvent],
    count: int | None,
    seconds: float | None,
) -> Iterator[StreamEvent | None]:
    """Events until --count, --for or a closed pipe ends them; None after POLL_SECONDS without an
    event, so that the live table is redrawn."""
    from kt.records import StreamState

    started, seen = ctx.clock.monotonic(), 0
    while not cli.console.closed:
        if seconds and ctx.clock.monotonic() - started >= seconds:
            return
        try:
            event = events.get(timeout=POLL_SECONDS)
        except queue.Empty:
            yield None
            continue
        if isinstance(event, StreamState):
            _state(cli, event)
            continue
        yield event
        seen += 1
        if seen == count:
            return


def _state(cli: CliContext, event: StreamState) -> None:
    """Print a connection event as a message; raise when the stream has ended."""
    if event.state == "replaced":
        raise StreamReplaced(
            "another program logged in with this app key, so the broker ended this stream",
            hint="Only one connection per key: stop the other program, or use another key for it.",
        )
    if event.state == "closed":
        raise KtError(f"the stream has ended: {event.detail or 'closed'}")
    if event.state != "connected":
        cli.say(f"stream {event.state}{f': {event.detail}' if event.detail else ''}")


def _show(
    cli: CliContext,
    quotes: tuple[Quote, ...],
    events: Iterator[StreamEvent | None],
) -> None:
    from kt.cli.show.live_table import line, live
    from kt.cli.support.pipe_documents import as_json

    if cli.output == "json":
        for event in events:
            if event is not None:
                cli.console.write(as_json(event))
        return
    if cli.console.out_terminal:
        with live(cli.console, quotes) as table:
            for event in events:
                table.take(event)
        return
    write: Callable[[str], None] = cli.console.show
    for event in events:
        if event is not None:
            write(line(event) + "\n")
