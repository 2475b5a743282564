"""kt api: call any documented API of the broker directly; its help lists the fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from kt.cli.support.click_extensions import Command, pass_cli
from kt.cli.support.param_types import PASTED, STOCK, NamedType, Whole
from kt.errors import UsageError
from kt.text import json_text, one_line

if TYPE_CHECKING:
    from kt.api_catalog import Api, Field
    from kt.cli.support.cli_context import CliContext

NAMED = "kt.cli.commands.api.id"


class ApiCommand(Command):
    """`kt api ID --help` lists that API's request and response fields."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = self.make_parser(ctx).parse_args(args=list(args))[0].get("api_id")
        ctx.meta[NAMED] = found if isinstance(found, str) else ""
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not ctx.meta.get(NAMED):
            super().format_help_text(ctx, formatter)
            return
        from kt import api_catalog

        formatter.write("\n" + described(api_catalog.api(ctx.meta[NAMED])))


def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """Shell completion of API ids."""
    from kt import api_catalog

    return [name for name in api_catalog.ids() if name.startswith(begun)]


@click.command(
    "api",
    cls=ApiCommand,
    help="""Call any query or live API of the broker and print its raw response.

    \b
      kt api                     all APIs, by id and name
      kt api ka10001 --help      the fields of one
      kt api ka10001 삼성전자    call it about a stock, by code or name
      kt api ka10001 JSON        call it; `-` reads the JSON from stdin
      kt api ka10171             the condition searches of the account
      kt api 1h --count 5        five frames of a live type

    kt handles login, rate limit and errors. For orders use `kt order`.
    """,
)
@click.argument("api_id", metavar="[ID]", type=PASTED, default="", shell_complete=complete)
@click.argument("body", metavar="[JSON|STOCK]", default="", type=NamedType("text", "stock"))
@click.option("--all-pages", is_flag=True, help="Request all pages and join their rows.")
@click.option("--count", type=Whole(1, 10**9), help="End a live API after this many frames.")
@pass_cli
def api(cli: CliContext, api_id: str, body: str, all_pages: bool, count: int | None) -> None:
    from kt import api_catalog
    from kt.broker.wire import stocks
    from kt.cli.support.pipe_documents import as_json

    if not api_id:
        _list(cli)
        return
    described_api = api_catalog.api(api_id)
    if cli.output in {"csv", "yaml", "md"}:
        raise UsageError("a raw response is always JSON", hint="Leave out -o.")
    if described_api.transport != "rest":
        if all_pages:
            raise UsageError("frames have no pages", hint="Leave out --all-pages.")
        _listen(cli, api_id, json_object(_typed(cli, body or "{}")), count)
        return
    wanted = _request(cli, described_api, body)
    rest = cli.app.rest
    if all_pages:
        answer = merged(reply.body for reply in rest.pages(api_id, wanted))
    else:
        reply = rest.call(api_id, wanted)
        answer = reply.body
        if reply.more:
            cli.say("there are more pages: --all-pages requests them all")
    cli.console.write(as_json(answer, pretty=cli.console.out_terminal))
    unknown_stock = stocks.unknown_if_blank(api_id, wanted, answer)
    if unknown_stock is not None:
        raise unknown_stock


def _request(cli: CliContext, asked: Api, body: str) -> dict[str, str]:
    """The request's fields, by JSON or by the stock that is named instead, with the run begun.
    Raises UsageError for bad JSON, and when required fields were not given at all."""
    from kt.broker.wire.stocks import asked_about
    from kt.cli.support.stock_choice import stock_code

    stock = "" if body in {"", "-"} or body.lstrip()[:1] in set('{["') else body
    if not stock or asked_about(asked, "") is None:
        wanted = request_body(_typed(cli, body or "{}"))
        if not body and not asked.places_orders and not asked.issues_tokens:
            _need_fields(asked, wanted)
        cli.context(f"api {asked.api_id}")
        return wanted
    typed = STOCK.convert(stock, None, None)
    _need_fields(asked, asked_about(asked, stock) or {})
    ctx = cli.context(f"api {asked.api_id}")
    return asked_about(asked, stock_code(cli, ctx, typed)) or {}


def _need_fields(asked: Api, given: Mapping[str, str]) -> None:
    """Raises UsageError that names the required fields that are missing, and shows how to give
    them."""
    missing = [field for field in asked.request if field.required and field.name not in given]
    if not missing:
        return
    named = ", ".join(f"{field.name} ({field.label})" for field in missing)
    example = json_text(json.dumps({**given, **{field.name: "…" for field in missing}},
                                   ensure_ascii=False))  # fmt: skip
    raise UsageError(
        f"{asked.api_id} ({asked.name}) needs {named}; nothing was sent",
        hint=f"`kt api {asked.api_id} '{example}'`; `kt api {asked.api_id} --help` lists "
        "every field.",
    )


def _typed(cli: CliContext, body: str) -> bytes:
    from kt.cli.support.pipe_documents import MAX_BYTES

    return cli.console.read(MAX_BYTES) if body == "-" else body.encode()


def _listen(cli: CliContext, api_id: str, body: dict[str, Any], count: int | None) -> None:
    """A WebSocket API: print one line per frame until the response, --count or Ctrl-C."""
    from itertools import islice

    from kt.broker.stream import raw

    cli.context(f"api {api_id}")
    wanted = raw.request(api_id, body)
    with closing(cli.app.raw_frames(api_id, wanted)) as frames:
        for frame in islice(frames, count):
            cli.console.write(json_line(frame) + "\n")
            if cli.console.closed:
                return


def json_line(frame: bytes) -> str:
    """A frame on one line, with control characters as JSON escapes."""
    return json_text(one_line(frame.decode(errors="replace")))


def json_object(text: bytes) -> dict[str, Any]:
    """The request as typed. Raises UsageError when it is not a JSON object."""
    import msgspec

    from kt.cli.support.pipe_documents import UNREADABLE, unreadable

    try:
        body = msgspec.json.decode(text)
    except UNREADABLE as error:
        message = f"the request {unreadable(error, text)}"
        raise UsageError(message, hint="Nothing was sent.") from error
    if not isinstance(body, dict):
        raise UsageError("the request must be one JSON object")
    return body


def request_body(text: bytes) -> dict[str, str]:
    """A JSON object of scalar values, converted to strings as the broker expects. Raises UsageError
    for anything else."""
    body = json_object(text)
    if any(isinstance(value, dict | list) for value in body.values()):
        raise UsageError("the request must be one JSON object of plain values")
    return {name: "" if value is None else str(value) for name, value in body.items()}


def merged(pages: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Several pages as one response: lists are joined, other fields are from the first page."""
    whole: dict[str, Any] = {}
    for page in pages:
        for name, value in page.items():
            if isinstance(value, list):
                whole[name] = [*whole.get(name, []), *value]
            else:
                whole.setdefault(name, value)
    return whole


def _list(cli: CliContext) -> None:
    from kt import api_catalog
    from kt.cli.support.pipe_documents import emit

    known = [api_catalog.api(name) for name in api_catalog.ids()]
    rows = [
        {"kind": "api", "id": item.api_id, "name": item.name, "transport": item.transport}
        for item in known
    ]
    emit(cli, "events", rows, run="")


def described(item: Api) -> str:
    """The API's name and path, and its request and response fields."""
    lines = [f"{item.api_id}  {item.name}", f"{item.transport}  POST {item.path}", ""]
    lines += ["Request", *_fields(item.request), "", "Response", *_fields(item.response), ""]
    return "\n".join(lines) + "\n"


def _fields(fields: Iterable[Field]) -> list[str]:
    """Name, label, and a mark on required fields; the fields of a list are indented below it."""
    rows = [
        (f"{'  ' * field.depth}{field.name}{'[]' if field.is_list else ''}", field)
        for field in fields
    ]
    widest = max((len(name) for name, _ in rows), default=0)
    return [
        f"  {name.ljust(widest)}  {'*' if field.required else ' '} {field.label}".rstrip()
        for name, field in rows
    ] or ["  (none)"]
