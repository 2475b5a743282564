"""From what was typed for a stock to its code: by the day's list of stocks, with a question when
several fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kt.cli.support.param_types import shown
from kt.errors import AuthError, KtError, Unreachable, UsageError
from kt.rules.stock_names import StockMatch, code_of, find, key
from kt.text import visible
from kt.translation import tr

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext
    from kt.steps.context import Context

MOST_LISTED = 12
"""Stocks that a question or an error lists."""


def stock_codes(cli: CliContext, ctx: Context, typed: Iterable[str]) -> tuple[str, ...]:
    """The codes of what was typed, each once, in order. See `stock_code`."""
    return tuple(dict.fromkeys(stock_code(cli, ctx, text) for text in typed))


def stock_code(cli: CliContext, ctx: Context, typed: str) -> str:
    """The code of the stock that a text means. A code is taken as it is; a name is looked up in
    the day's list (ka10099, cached), and stderr says which stock it is.

    Several matches are a question on a terminal. Raises UsageError when there is no match, or
    several in a pipe, and the market's errors when the list is too old and cannot be fetched.
    """
    code = code_of(typed)
    if code:
        return code
    names = _names(ctx, typed)
    found = find(typed, names)
    if not found:
        raise UsageError(f"no stock is called {shown(typed)}", hint=_near(typed, names))
    match = found[0] if len(found) == 1 else _asked(cli, typed, found)
    if match.code != typed:
        cli.say(f"{typed} is taken for {match.code} {match.name}")
    return match.code


def _names(ctx: Context, typed: str) -> dict[str, str]:
    from kt.steps.instruments import listed

    try:
        return {code: visible(stock.stock_name, 60) for code, stock in listed(ctx).items()}
    except AuthError:
        raise
    except KtError as failure:
        raise Unreachable(
            f"{shown(typed)} cannot be looked up: {failure.message.rstrip('.')}",
            hint="Name the stock by its code.",
            code=failure.code,
        ) from failure


def _asked(cli: CliContext, typed: str, found: Sequence[StockMatch]) -> StockMatch:
    lines = [f"  {match.code} {match.name}" for match in found[:MOST_LISTED]]
    more = f"\n  and {len(found) - MOST_LISTED} more" if len(found) > MOST_LISTED else ""
    if not cli.console.in_terminal:
        raise UsageError(
            f"{shown(typed)} may be one of these {len(found)}:\n" + "\n".join(lines) + more + "\n",
            hint="Give the code, or more of the name.",
        )
    numbered = [f"{number:>3}{line}" for number, line in enumerate(lines, 1)]
    cli.console.warn(tr(f"kt: {shown(typed)} may be one of these {len(found)}:"))
    cli.console.warn("\n".join(numbered) + tr(more))
    answer = cli.console.ask_text("Which number?")
    if not answer.isascii() or not answer.isdigit() or not 0 < int(answer[:9]) <= len(lines):
        raise UsageError("no stock was chosen", hint="Give the code, or more of the name.")
    return found[int(answer) - 1]


def _near(typed: str, names: dict[str, str]) -> str:
    """The names that are written most like it."""
    import difflib

    by_key = {key(name): (code, name) for code, name in names.items()}
    near = difflib.get_close_matches(key(typed)[:40], by_key, n=3)
    if not near:
        return "Give the six characters of its code, or its name as the exchange lists it."
    return f"Did you mean {', '.join('{1} ({0})'.format(*by_key[name]) for name in near)}?"
