"""A model on loopback that answers the questions of a real `kt run` as a test says."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.analyst.provider import Asked, FakeProvider, Said, gemini_body, objects, openai_body
from tests.broker.hostile import serving

TOPICS = {
    "reached its target": "profit",
    "has stayed open": "unfilled",
    "closes in a few minutes": "closing",
    "before the market opens": "plan",
    "what it taught": "lesson",
}
"""Words of each topic's instructions."""


@dataclass
class StandIn:
    """Answers each subject with its first choice, or as `answers` says for the topic; a cycle's
    decisions are left unanswered, and no candidate is chosen."""

    answers: Mapping[str, dict[str, Any]]
    provider: FakeProvider = field(init=False)

    def __post_init__(self) -> None:
        self.provider = FakeProvider([self._reply])

    @property
    def configuration(self) -> dict[str, Any]:
        """The section `analyst` that leads here."""
        return {"kind": "openai", "model": "stand-in", "base_url": f"{self.provider.url}/v1"}

    def asked(self, topic: str) -> list[dict[str, Any]]:
        """The data of each request on a topic."""
        told = (_told(asked) for asked in self.provider.asked)
        return [data for found, data in told if found == topic]

    def _reply(self, line: socket.socket) -> None:
        topic, data = _told(self.provider.asked[-1])
        answers = [
            {"ref": one["ref"], "choice": one["choices"][0], "price": 0, "reason": f"As {topic}."}
            | self.answers.get(topic, {})
            for one in data.get("subjects", ())
        ]
        Said(openai_body(gemini_body(objects(*answers))))(line)


def _told(asked: Asked) -> tuple[str, dict[str, Any]]:
    system, user = (message["content"] for message in asked.body["messages"])
    topic = next((topic for words, topic in TOPICS.items() if words in system), "")
    data = user.split("<data>\n")[1].split("\n</data>")[0]
    return topic, json.loads(data) if data.startswith("{") else {}


@contextmanager
def answering(answers: Mapping[str, dict[str, Any]]) -> Iterator[StandIn]:
    made = StandIn(answers)
    with serving(made.provider.serve, unread=True) as server:
        made.provider.url = server.address
        yield made
