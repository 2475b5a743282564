"""Documents as rows: one per holding or item, with all fields or those that --fields selects."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from kt.cli.support.formats import flatten
from kt.errors import UsageError
from kt.records import KINDS, Position
from kt.text import visible

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

OUTPUTS = ("table", "csv", "md")
"""The outputs whose columns can be selected: a JSON or YAML document stays complete, for the next
command."""
LISTS = ("positions", "open_orders", "doubts")
"""The lists in a balance; they are not among its totals."""


def chosen(cli: CliContext) -> tuple[str, ...]:
    """The fields that --fields names, in that order; empty without it. Raises UsageError when the
    output has no columns."""
    if not cli.flags.fields:
        return ()
    if cli.output not in OUTPUTS:
        raise UsageError(
            f"--fields cannot choose from {cli.output}: a document stays whole",
            hint="Add -o csv, -o md or -o table, or use jq.",
        )
    return tuple(name.strip() for name in cli.flags.fields.split(",") if name.strip())


def check_fields(cli: CliContext, kind: str) -> None:
    """Raises UsageError for fields that a document of this kind does not have; called before the
    command does anything."""
    _refuse_unknown(chosen(cli), tuple(names_of(KINDS[kind])))


def rows_of(kind: str, items: Sequence[Mapping[str, Any]], *, totals: bool) -> list[dict[str, Any]]:
    """The items as flat rows. A balance gives one row per holding, or with `totals` its deposit
    and sums."""
    if kind != "balance":
        return [flatten(item) for item in items]
    if totals:
        return [flatten({n: v for n, v in item.items() if n not in LISTS}) for item in items]
    return [
        flatten({"account": item["account"], **held})
        for item in items
        for held in item["positions"]
    ]


def select(
    kind: str, rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[dict[str, Any]]:
    """The rows with only these fields. Raises UsageError for an unknown one, with the list."""
    known = dict.fromkeys(name for row in rows for name in row)
    if not rows and kind != "events":
        held = ("account", *names_of(Position))
        known = dict.fromkeys(held if kind == "balance" else names_of(KINDS[kind]))
    if known:
        _refuse_unknown(names, tuple(known))
    return [{name: row.get(name, "") for name in names} for row in rows]


def _refuse_unknown(names: Sequence[str], known: Sequence[str]) -> None:
    wrong = [name for name in names if name not in known]
    if wrong:
        raise UsageError(
            f"there is no field {visible(wrong[0], 60)!r}",
            hint=f"The fields are {', '.join(known)}.",
        )


def names_of(kind: Any, prefix: str = "") -> Iterator[str]:
    """The field names of a record, nested ones as `decision.action`."""
    for part in (kind, *typing.get_args(kind)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            hints = typing.get_type_hints(part)
            for field in part.__struct_fields__:
                inside = tuple(names_of(_plain(hints[field]), f"{prefix}{field}."))
                yield from inside or (f"{prefix}{field}",)
            return


def _plain(hint: Any) -> Any:
    """A field's type for `names_of`: a list of records is one cell."""
    optional = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    return hint if isinstance(hint, type) or optional else None
