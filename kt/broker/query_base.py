"""What market and account queries share: iterating over non-empty pages, and today's date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, TypeVar

from kt.broker.rest.client import Rest
from kt.broker.rest.http_response import ApiReply
from kt.ports import Clock

T = TypeVar("T")


class Question(dict[str, str]):
    """The body of a request, and how many rows of the answer are wanted at most: an exchange in
    this process need not make more."""

    def __init__(self, fields: dict[str, str], most: int) -> None:
        super().__init__(fields)
        self.most = most


def parsed(reply: ApiReply, parse: Callable[[dict[str, Any]], T]) -> T:
    """What `parse` makes of the body, or the records that were answered in its place."""
    found: T = parse(reply.body) if reply.records is None else reply.records
    return found


class Queries:
    """Base class of the queries over REST."""

    rest: Rest
    clock: Clock

    def _today(self) -> date:
        return self.clock.now().date()

    def _listed(
        self, api_id: str, asked: dict[str, str], parse: Callable[[dict[str, Any]], list[T]]
    ) -> list[T]:
        """The rows of every page, in order."""
        found: list[T] = []
        for reply in self.rest.pages(api_id, asked):
            if not reply.nothing:
                found += parsed(reply, parse)
        return found

    def _bodies(self, api_id: str, asked: dict[str, str]) -> Iterator[dict[str, object]]:
        """Every page with data, in order."""
        for reply in self.rest.pages(api_id, asked):
            if not reply.nothing:
                yield reply.body
