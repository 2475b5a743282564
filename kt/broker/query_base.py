"""What market and account queries share: iterating over non-empty pages, and today's date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from kt.broker.rest.client import Rest
from kt.ports import Clock


class Queries:
    """Base class of the queries over REST."""

    rest: Rest
    clock: Clock

    def _today(self) -> date:
        return self.clock.now().date()

    def _bodies(self, api_id: str, asked: dict[str, str]) -> Iterator[dict[str, object]]:
        """Every page with data, in order."""
        for reply in self.rest.pages(api_id, asked):
            if not reply.nothing:
                yield reply.body
