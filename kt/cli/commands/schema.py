"""kt schema: the JSON Schema of the documents that commands exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import command, pass_cli

if TYPE_CHECKING:
    from kt.cli.support.cli_context import CliContext

KIND_NAMES = (
    "candidates",
    "decisions",
    "checks",
    "orders",
    "fills",
    "positions",
    "balance",
    "pnl",
    "reports",
    "trails",
    "backtests",
    "sweeps",
    "latencies",
    "comparisons",
    "events",
)


@command(
    "schema",
    help="""Print the JSON Schema of one kind of document, or list the kinds.

    \b
      kt schema decisions | jq .
    """,
)
@click.argument("kind", metavar="[KIND]", required=False, type=click.Choice(KIND_NAMES))
@pass_cli
def schema(cli: CliContext, kind: str | None) -> None:
    from kt.cli.support.pipe_documents import as_json

    if kind is None and cli.console.out_terminal:
        cli.console.write("\n".join(KIND_NAMES) + "\n")
        return
    wanted = (kind,) if kind else KIND_NAMES
    found = {name: schema_of(name) for name in wanted}
    value = found[kind] if kind else found
    cli.console.write(as_json(value, pretty=cli.console.out_terminal))


def schema_of(kind: str) -> dict[str, Any]:
    """The schema of the whole envelope with items of one kind (JSON Schema 2020-12)."""
    import msgspec

    from kt.records import KINDS, VERSION, Document

    schemas, definitions = msgspec.json.schema_components(
        [Document, KINDS[kind]], ref_template="#/$defs/{name}"
    )
    envelope = definitions.pop("Document")
    envelope["properties"]["kt"] = {"const": VERSION}
    envelope["properties"]["kind"] = {"const": kind}
    envelope["properties"]["asof"] = {"type": "string", "format": "date-time"}
    envelope["properties"]["items"]["items"] = schemas[1]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **envelope,
        "title": f"kt {kind}",
        "$defs": definitions,
    }
